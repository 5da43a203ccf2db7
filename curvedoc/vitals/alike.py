"""What does a network cost that answers all examples alike, where classes are not equally frequent?"""

from __future__ import annotations

import math

import numpy as np

from ..run import Curve
from .signals import Signals, alive

#: So many validations with one accuracy, to the last digit, are no chance; nor are so many with so few, that near.
SAME, ANSWERS, NEAR = 10, 3, 0.05
#: Almost all right is no guess.
RIGHT = 0.95
#: Shares of classes in a validation set and in the training set are a few hundredths of the loss apart.
BETWEEN_SETS = 0.03


def answer(signals: Signals) -> float | None:
    """Share of right answers, where it was that of one answer at all validations but the first; else None."""
    curve = signals.run.get("val_accuracy")
    if curve is None or len(curve) < SAME or not alive(curve.value).all():
        return None
    share = float(curve.value[-1]) / (100.0 if curve.unit == "percent" else 1.0)
    return share if one(curve, 1) and 0 < share < RIGHT else None


def one(accuracy: Curve, begin: int) -> bool:
    """Whether the accuracies from an index on are those of one answer to everything: the same to the last digit, or a
    few below a half that lie near each other, where the one answer changes to a class that is about as frequent."""
    shares = np.unique(accuracy.value[begin:]) / (100.0 if accuracy.unit == "percent" else 1.0)
    few = len(shares) <= ANSWERS and shares[-1] - shares[0] <= NEAR and shares[-1] <= 0.5
    return len(shares) == 1 or bool(few)


def most(share: float, classes: int) -> float:
    """The most that one answer to everything costs which is right in a share of the examples, in natural units.

    Scores that are the same for all examples cost the entropy of the classes' frequencies once they have learned them.
    The most frequent class has that share, and the rest is at most spread evenly over the others: with h the entropy of
    a, h(a) + (1 - a) log(C - 1).

    >>> round(most(0.5, 2), 3), round(most(0.1, 10), 3), round(most(0.8, 2), 3)
    (0.714, 2.372, 0.515)
    """
    a = min(max(share, 1e-6), 1 - 1e-6)
    rest = math.log(max(1, classes - 1))
    return (1 + BETWEEN_SETS) * (-a * math.log(a) - (1 - a) * math.log(1 - a) + (1 - a) * rest)
