"""Does a network give all examples one answer, since when, and what does that cost at most?"""

from __future__ import annotations

import math

import numpy as np

from ..curves.order import median
from ..run import Array
from .signals import Signals, alive, shares

#: An accuracy that is the same, to the last digit, at so many validations is no chance.
SAME = 10
#: Of a network whose losses are those of a guess, so many show it as well.
FEW = 6
#: One answer to everything has as many accuracies as there are classes to name: three are few among SAME validations.
#: Classes that are named in turn are about as frequent, so that they lie this near each other.
ANSWERS, NEAR = 3, 0.05
#: Almost all right is no guess.
RIGHT = 0.95
#: Accuracies that all are those of a guess among known classes: one may be chance, the last of four is no start.
GUESSES = 4
#: How frequent the classes are is worth a hundredth of a guess where they are about equally so.
FREQUENCIES = 0.015
#: Shares of classes in a validation set and in the training set are a few hundredths of the loss apart.
BETWEEN_SETS = 0.03


def idle_since(signals: Signals) -> float | None:
    """From where on the accuracy shows that nothing was learned since; None when it does not show that.

    A network that gives one answer to everything has the same accuracy to the last digit at all validations but the
    first, or, with known classes, that of a guess. What the loss loses before is the size of its wrong scores: a start
    that was thrown far off comes back to the loss of a guess and stays there.
    """
    for role in ("val_accuracy", "train_accuracy"):
        curve = signals.run.get(role)
        if curve is None or len(curve) < GUESSES or not alive(curve.value).all():
            continue
        share = shares(curve)
        classes = signals.context.classes
        guess = classes is not None and bool((np.abs(share - 1 / classes) < 0.2 / classes + 0.01).all())
        # Among many classes a guess is rarely right: an accuracy that stays below a quarter and never moves is one.
        low = len(share) >= SAME and float(np.ptp(share)) <= 0.04 and float(share.max()) <= 0.25
        same = one_answer(share) or float(np.ptp(share[1:])) == 0.0
        answered = role == "val_accuracy" and len(share) >= SAME and same and bool(share[-1] < RIGHT)
        at_chance = (guess or low) and not (len(np.unique(share)) > ANSWERS and _beats_a_guess(signals))
        if at_chance or answered:
            return float(curve.step[1])
    return None


def constant_accuracy(signals: Signals) -> float | None:
    """Share of right answers, where it was that of one answer at all validations but the first; else None."""
    curve = signals.run.get("val_accuracy")
    if curve is None or len(curve) < FEW or not alive(curve.value).all():
        return None
    share = shares(curve)
    return float(share[-1]) if one_answer(share[1:]) and 0 < share[-1] < RIGHT else None


def one_answer(share: Array) -> bool:
    """Whether accuracies (n,) are those of one answer to everything: the same to the last digit, or a few below a half
    that lie near each other, where the one answer changes to a class that is about as frequent.

    >>> [one_answer(np.array(share)) for share in ([0.7, 0.7], [0.34, 0.33], [0.34, 0.45], [0.7, 0.68])]
    [True, True, False, False]
    """
    found = np.unique(share)
    few = len(found) <= ANSWERS and found[-1] - found[0] <= NEAR and found[-1] <= 0.5
    return len(found) == 1 or bool(few)


def highest_cost(share: float, classes: int) -> float:
    """The most that one answer to everything costs which is right in a share of the examples, in natural units.

    Scores that are the same for all examples cost the entropy of the classes' frequencies once they have learned them.
    The most frequent class has that share, and the rest is at most spread evenly over the others: with h the entropy of
    a, h(a) + (1 - a) log(C - 1), and BETWEEN_SETS more.

    >>> [round(highest_cost(share, classes), 3) for share, classes in ((0.5, 2), (0.1, 10), (0.8, 2))]
    [0.714, 2.372, 0.515]
    """
    a = min(max(share, 1e-6), 1 - 1e-6)
    rest = math.log(max(1, classes - 1))
    return (1 + BETWEEN_SETS) * (-a * math.log(a) - (1 - a) * math.log(1 - a) + (1 - a) * rest)


def _beats_a_guess(signals: Signals) -> bool:
    """Whether validations came to lie below what a guess costs, by FREQUENCIES of it: answers that are hardly more
    often right than by chance, and differ, may have become better ones. Without a number of classes the second
    validation stands for the guess."""
    val, classes = signals.val, signals.context.classes
    if val is None:
        return False
    guess = math.log(classes) if classes is not None and classes > 1 else float(val.points[1])
    return median(val.value[-max(1, len(val.value) // 4) :]) < (1 - FREQUENCIES) * guess
