"""Did the network answer every example alike from the first point on, although it was being updated?"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from ..curves.order import median
from ..estimate import exact
from ..run import Array
from ..settings import optimizer
from .chart import Measured, Missing, Vital
from .constant import SAME, constant_accuracy, highest_cost, idle_since, one_answer
from .initial import at_once, seems_by_epoch
from .signals import Signals, alive, shares

VITALS = {
    "guess.off_at_first": Vital(
        "share",
        "how far the first training loss (beyond two standard deviations) or the first validation loss lies from that "
        "of a guess, the larger, over the latter, or above it where frequent classes take both below; only where all "
        "validations show one answer to everything",
    ),
    "guess.stirred": Vital("share", "range of the validation losses over their level there: what moves was updated"),
    "guess.drifts": Vital(
        "share",
        "fall of the validation loss from one quarter of the run to the next, the smaller of the last two, over that "
        "range; where frequent classes are learned that from the second to the last quarter",
    ),
    "guess.above": Vital("share", "mean training loss of the second half above that of a guess, over the latter"),
    "guess.below": Vital("share", "mean training loss of the second half below the validation loss, over the latter"),
    "guess.exact": Vital(
        "share",
        "distance of both losses of the second half from the loss of equal scores for any number of classes, over it",
    ),
    "guess.adaptive": Vital("", "1 if the log names an optimiser that rescales each gradient, as Adam, else 0"),
}

#: Validations that show a network at rest.
FEWEST = 6
#: The logarithms of so many classes lie far apart: all validations within BESIDE of that of a known number, or
#: within NEAR of any one, are no chance.
FEW, BESIDE, NEAR = 12, 0.005, 0.003
#: Classes that are equally frequent cost -log of the share that one of them has; unequal ones more. By that factor
#: shares of equal classes differ by chance in validation sets of some hundred examples.
UNEVEN, CHANCE = 1.1, 1.4
#: What answers all examples alike learns how frequent the classes are, and no more: a held-out loss that moves further
#: than this behind its first values answers them in different ways.
ALIKE = 0.02
#: Names of optimisers that rescale each gradient; LambdaLR is none, nor a million.
_ADAPTIVE = re.compile(r"ada(?:m|grad|factor|delta|belief)|rmsprop|lamb(?!d)|(?<!l)lion|novograd|sophia")


def measure(signals: Signals) -> dict[str, Measured]:
    """Vitals of a network that guesses to the last, from the level of its losses. All exact.

    A network whose weights are of the usual size scores its first examples in different ways, which costs some
    hundredths more than a guess. One whose signal does not reach the last layer (weights that are far too small, units
    that are all dead) begins at the loss of a guess, log(classes), and learns the frequencies of the classes by the
    biases of its last layer. Where nothing moves at all the rate or the optimiser is at fault, and where it came to a
    guess from elsewhere something took back what was there. Gives up without validations that show one answer.
    """
    names = [name for name in VITALS if name != "guess.adaptive"]
    return dict[str, Measured](_guessing(signals, names)) | {"guess.adaptive": _adaptive(signals)}


def _guessing(signals: Signals, names: list[str]) -> dict[str, Measured]:
    """With g the loss of a guess and l the median validation loss of the second half: off_at_first = max(|first
    training loss - g| - 2 sd, |first validation loss - g|) / g, stirred = range / l, drifts = the smaller fall of the
    medians of quarters, second to third or third to last, over the range, above and exact = how far the mean training
    loss of the second half lies above g, and the larger distance of that and of l from g, over g, below = 1 - that mean
    / l. Where the classes are unevenly frequent (the one answer is right more often than exp(-l)), g is the loss of
    equal scores, which validation and means of epochs may lie below; above counts from what such shares cost at most,
    and drifts from the second quarter to the last."""
    train, curve, classes = signals.train, signals.run.get("val_loss"), signals.context.classes
    logged = signals.run.get("train_loss")
    if train is None or logged is None or curve is None or signals.lost_at is not None:
        missing = signals.absent.get("train_loss") or signals.absent.get("val_loss")
        return dict.fromkeys(names, missing or Missing("the loss was lost to NaN or infinity"))
    value = curve.value[alive(curve.value)]
    few = Missing(f"fewer than {FEWEST} validations: one answer to everything does not show")
    if len(value) < FEWEST or value.min() <= 0 or train.value.min() <= 0:
        return dict.fromkeys(names, few)
    level, first = median(value[len(value) // 2 :]), float(train.points[0])
    guessed = _guess(signals, first, level, min(level, median(train.value)))
    if isinstance(guessed, Missing):
        return dict.fromkeys(names, guessed)
    guess, share = guessed.cost, guessed.share
    at_guess = guess <= math.log(FEW) and bool((np.abs(value / guess - 1) <= (BESIDE if classes else NEAR)).all())
    alike = at_guess or _same(signals) or constant_accuracy(signals) is not None or idle_since(signals) is not None
    if not alike or float(np.ptp(value[len(value) // 4 :])) > ALIKE * level:
        return dict.fromkeys(names, Missing("nothing shows one answer to everything"))
    noise, last = 2 * float(train.noise[0]), float(train.points[len(train.points) // 2 :].mean())
    # On its way down to what the shares cost a loss lies below that of equal scores.
    early = at_once(train.step[:3]) and not seems_by_epoch(signals, logged)
    begun = first - guess if share is not None and not early else abs(first - guess)
    seen = float(value[0]) - guess if share is not None else abs(float(value[0]) - guess)
    off = max(0.0, begun - noise, seen) / guess
    rest = highest_cost(share, round(math.exp(guess))) if share is not None else guess
    moved = max(float(np.ptp(value)), 1e-12 * level)
    # Shares are learned within a quarter of the run; what still comes down then does so because the rate is too low.
    falls = _falls(value) / moved
    drift = float(falls.min() if share is None else falls.sum())
    span = (signals.begin, signals.end)
    scores = guess if classes else _nearest(level) or guess
    return {
        "guess.below": exact((level - last) / level, "share", span),
        "guess.above": exact((last - rest) / rest, "share", span),
        "guess.exact": exact(max(abs(end - scores) for end in (last, level)) / scores, "share", span),
        "guess.off_at_first": exact(off, "share", (signals.begin, float(curve.step[0]))),
        "guess.stirred": exact(moved / level, "share", span),
        "guess.drifts": exact(drift, "share", span),
    }


@dataclass(frozen=True, slots=True)
class _Guess:
    """What equal scores cost, and how frequent the most frequent class is where the classes are surely uneven."""

    cost: float
    share: float | None


def _guess(signals: Signals, first: float, level: float, lower: float) -> _Guess | Missing:
    """The guess that a network began at, by its first training loss and the `level` at which validation rests; `lower`
    is the lower one of the levels of both losses. Scores learn how frequent the classes are: then the loss comes from
    that of equal scores down to that of the shares."""
    classes, share = signals.context.classes, constant_accuracy(signals)
    known = math.log(classes) if classes is not None and classes > 1 else None
    equal = known or _nearest(first) or level
    more = -math.inf if share is None else math.log(share) + level
    if more > math.log(UNEVEN) and level < (1 - ALIKE) * equal:
        return _Guess(equal, share)
    if more > math.log(CHANCE):
        return Missing("answers are right too often for equal scores at that loss")
    guess = known or _nearest(lower)
    return Missing("the loss lies above that of any guess") if guess is None else _Guess(guess, None)


def _falls(value: Array) -> Array:
    """Falls (2,) of the medians from the second quarter to the third, and from there to the last, per quarter.

    Of few points quarters are not equally long.

    >>> _falls(np.arange(10.0, 0.0, -1.0))
    array([2.25, 2.25])
    """
    parts = np.array_split(np.arange(len(value)), 4)[1:]
    centre, level = (np.array([float(np.median(x[p])) for p in parts]) for x in (np.arange(len(value)), value))
    found: Array = -np.diff(level) / np.diff(centre) * (len(value) - 1) / 4
    return found


def _same(signals: Signals) -> bool:
    """Whether the validation accuracy was that of one answer through the second half of the run, SAME times or more."""
    curve = signals.run.get("val_accuracy")
    if curve is None or len(curve) < 2 * SAME or not alive(curve.value).all():
        return False
    return one_answer(shares(curve)[len(curve) // 2 :])


def _nearest(level: float) -> float | None:
    """What a guess costs among the number of classes whose equal scores cost most nearly that.

    >>> round(_nearest(2.3097), 4), round(_nearest(0.6574), 4)
    (2.3026, 0.6931)
    """
    return math.log(max(2, round(math.exp(level)))) if 0 < level < 12 else None


def _adaptive(signals: Signals) -> Measured:
    """Whether the hyper-parameters name an adaptive optimiser; missing where they name none."""
    named = optimizer(signals.run.hyper)
    if not re.search(r"[a-z]{3}", named):
        return Missing("no optimiser among the hyper-parameters of the log")
    return exact(float(bool(_ADAPTIVE.search(named))))
