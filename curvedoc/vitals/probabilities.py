"""Is the loss a cross-entropy at all, or was it taken of probabilities? The accuracy tells."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..curves.order import median
from ..curves.smooth import Smooth
from ..estimate import Estimate, exact
from ..run import Array
from .chart import Measured, Missing, Vital
from .initial import at_once
from .signals import FEWEST, Signals, alive, shares

VITALS = {
    "softmax.slope_off": Vital(
        "",
        "how far the fall of the loss per gain of accuracy is from one, as the size of its logarithm; half of that "
        "below one",
    ),
    "softmax.law_off": Vital(
        "share", "distance of loss plus accuracy from the constant that a misplaced softmax makes it, over the range"
    ),
    "softmax.unfair": Vital(
        "times",
        "final loss over the most that an honest cross-entropy costs at that accuracy",
    ),
    "softmax.floor": Vital("loss", "lowest loss that can be reached so"),
    "softmax.accuracy": Vital("share", "last smoothed accuracy"),
}

#: The accuracy must have moved this far, or its ratio to the loss is noise.
MOVED = 0.05
#: So many accuracies show whether loss plus accuracy is one constant.
LINE = 4
#: A few accuracies must have moved so far: near a guess every loss lies on the law. By then an honest one among ten
#: classes lies a fifth of its range off.
FAR = 0.12

#: Scores between 0 and 1 make every first batch cost log(classes), but for so little.
GUESSED = 0.003
#: The standard error of a single accuracy: of a thousand examples, right half of the time.
FEW_SE = 0.016

#: A negative loss is no cross-entropy at any accuracy.
MOST = 1e6
#: Answers that are wrong of a network that knows go to a few classes that look alike: so many others at most.
MISTAKEN_FOR = 3
#: How soon they do. Laboratory runs that fell back to a guess, or to the one answer that is right most often, cost 1.04
#: to 1.13 times the honest loss so; ones with two softmaxes that are right in a fifth of ten classes 1.28 times.
NARROWS = 6
#: The law's constants for more classes than this lie closer together than a loss is known.
FEW_CLASSES = 20


def measure(signals: Signals) -> dict[str, Measured]:
    """Vitals of the law that a misplaced softmax leaves.

    Softmax applied to probabilities p makes the loss log(sum(exp p)) - p[y]. As p becomes one-hot this is
    log(e + C - 1) - accuracy for C classes, and it can never fall below log(1 + (C - 1) / e): 1.461 for ten. A
    logarithm that was left out makes it -p[y], so -accuracy. In both the loss falls by one for each unit of
    accuracy; a cross-entropy falls by two and more. C is the number of classes if known, else the one that fits
    best; the first loss must then be its logarithm. The smoothed training loss is compared with the training
    accuracy, else with the held-out one. Many classes, whose laws lie near each other, are counted by first losses that
    are all alike, as those of scores between 0 and 1 are: an honest loss falls away from the law of any such number.
    """
    train = signals.train
    if train is None:
        return dict.fromkeys(VITALS, signals.absent["train_loss"])
    beside = _accuracy(signals)
    if isinstance(beside, Missing):
        return dict.fromkeys(VITALS, beside)
    step, accuracy, se = beside
    loss = _at(train, step)
    known = signals.context.classes
    known = known if known is not None and known > 1 else None
    half = len(loss) // 2 if len(loss) >= LINE else 0
    constant = median((loss + accuracy)[half:])
    doubt = 1.28 * (se + median(train.se[len(train.se) // 2 :]))
    moved = MOVED if len(loss) >= FEWEST else FAR
    if len(loss) < LINE:
        # So few validations fit some number of classes wherever they lie: the first loss must name it. Before the
        # first of them the network knew nothing and was right as often as a guess.
        begun = float(train.points[:3].max())
        known = known or _guessed_among(max(begun, 0.0))
        if abs(begun - math.log(known)) > GUESSED * begun:
            return dict.fromkeys(VITALS, Missing("few accuracies, and a first loss that is not that of a guess"))
        step, accuracy = np.append(train.step[0], step), np.append(1 / known, accuracy)
        loss, half = np.append(begun, loss), 1
    if float(np.ptp(accuracy)) < moved:
        return dict.fromkeys(VITALS, Missing(f"the accuracy never moved by more than {100 * moved:.0f} %"))
    slope, last = -_slope(accuracy, loss), float(accuracy[-1])
    law = _law(train, known, constant, last)
    if isinstance(law, Missing):
        return dict.fromkeys(VITALS, law)
    off = abs(constant - law.constant) + law.short
    low, high = max(0.0, off - doubt) / law.scale, (off + doubt) / law.scale
    span = (float(step[half]), float(step[-1]))
    # Before the answers are sure the loss lies below the law, and falls by less than one; an honest one by two.
    steep = abs(math.log(slope)) * (1.0 if slope > 1 else 0.5) if slope > 0 else 10.0
    over = [(float(loss[-1]) + way * 1.28 * float(train.se[-1])) / max(law.fair, 1e-6) for way in (-1.0, 0.0, 1.0)]
    unfair = Estimate(over[1], over[0], over[2], "times", span) if law.fair > 0 else exact(MOST, "times")
    return {
        "softmax.slope_off": exact(min(10.0, steep)),
        "softmax.law_off": Estimate(off / law.scale, low, high, "share", span),
        "softmax.unfair": unfair,
        "softmax.floor": exact(law.floor, "loss"),
        "softmax.accuracy": exact(last, "share"),
    }


@dataclass(frozen=True, slots=True)
class _Law:
    """What loss plus accuracy come to and the lowest loss under a misplaced softmax, the range between a guess and that
    loss, the most that an honest cross-entropy costs, and how far the first loss lies off where such a law begins."""

    constant: float
    floor: float
    scale: float
    fair: float
    short: float


def _law(train: Smooth, known: int | None, constant: float, last: float) -> _Law | Missing:
    """The law for the known number of classes, or for that which loss plus accuracy (`constant`) and the first losses
    tell; that of a missing logarithm where the loss begins below zero. `last` is the last accuracy."""
    first = float(train.value[:3].max())
    if first < 0:
        return _Law(0.0, -1.0, 1.0, 0.0, 0.0)
    if known is None and _classes(constant) > FEW_CLASSES:
        known = _begun(train)
        if known is None:
            return Missing(
                "the number of classes is not known, and any loss is near the law of some large number (--classes)"
            )
    classes = float(known) if known is not None else _classes(constant)
    guess, floor = math.log(classes), math.log(1 + (classes - 1) / math.e)
    # Two softmaxes begin at log(classes) and never above; the mean of a first epoch is a quarter lower at most.
    short = max(0.0, 0.75 * guess - first, first - 1.03 * guess)
    return _Law(math.log(math.e + classes - 1), floor, guess - floor, _fair(last, classes), short)


def _accuracy(signals: Signals) -> tuple[Array, Array, float] | Missing:
    """Steps, accuracies and their standard error: smoothed, or as logged where they are too few for that."""
    held_out = signals.metric if signals.run.get("val_accuracy") is not None else None
    smoothed = signals.train_accuracy if signals.train_accuracy is not None else held_out
    if smoothed is not None:
        return smoothed.step, smoothed.value, median(smoothed.se[len(smoothed.se) // 2 :])
    for role in ("train_accuracy", "val_accuracy"):
        curve = signals.run.get(role)
        if curve is not None and len(curve) >= 2 and alive(curve.value).all():
            return curve.step, shares(curve), FEW_SE
    return Missing("no accuracy in the log", ("train_accuracy",))


def _begun(train: Smooth) -> int | None:
    """Among how many classes the first losses guess, where scores between 0 and 1 made them all alike; else None."""
    first = train.points[:3]
    if not at_once(train.step[:3]) or float(np.ptp(first)) > GUESSED * float(first[0]):
        return None
    return _guessed_among(float(first[0]))


def _guessed_among(loss: float) -> int:
    """Among how many classes a guess costs that loss, two at least."""
    return max(2, round(math.exp(min(loss, 13.0))))


def _classes(constant: float) -> float:
    """The number of classes for which loss plus accuracy comes to that constant, two at least."""
    return max(2.0, float(round(math.exp(min(constant, 13.0)) - math.e + 1)))


def _fair(accuracy: float, classes: float) -> float:
    """The most that a cross-entropy costs which is right in a share a of the examples and as sure as that, its errors
    spread over k others: h(a) + (1 - a) log k, with h the entropy of a in natural units. The errors of a guess,
    a = 1 / classes, fall on all other classes, so that it costs log(classes); those of an answer that knows on
    MISTAKEN_FOR at most. log k goes from one to the other as power NARROWS of the errors that are left of a guess's.

    >>> round(_fair(0.5, 2), 4), round(_fair(0.9, 10), 4), round(_fair(0.1, 10) - math.log(10), 4)
    (0.6931, 0.4349, 0.0)
    """
    a = min(max(accuracy, 1 / classes), 1 - 1e-6)
    left, most = (1 - a) / (1 - 1 / classes), math.log(classes - 1)
    few = min(most, math.log(MISTAKEN_FOR))
    spread = few + left**NARROWS * (most - few)
    return -a * math.log(a) - (1 - a) * (math.log(1 - a) - spread)


def _at(train: Smooth, step: Array) -> Array:
    found: Array = np.interp(step, train.step, train.value)
    return found


def _slope(x: Array, y: Array) -> float:
    """Slope of the least-squares line of y over x."""
    away = x - x.mean()
    return float((away * (y - y.mean())).sum() / (away * away).sum())
