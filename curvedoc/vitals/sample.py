"""Are there enough validation examples to tell one checkpoint from the next?"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ..curves.order import median, quantile, row_quantile
from ..curves.smooth import FEW, row_likeness, usual_noises
from ..estimate import Estimate
from ..run import Array, Curve
from .chart import Measured, Missing, Vital
from .signals import Signals, alive

VITALS = {
    "val.examples": Vital(
        "count",
        "size of the validation set, counted by the steps in which its accuracy moves; else how many examples, drawn "
        "anew each time, would make the validation loss scatter as it does",
    ),
    "val.counted": Vital("count", "that size, where the accuracy tells it"),
    "val.scatter": Vital(
        "times",
        "scatter of the validation loss over that of the training loss between two validations, each over its level; "
        "only where no accuracy tells the size",
    ),
    "val.dips": Vital(
        "share",
        "how far the lower quartile of the validation loss lies below training over the last half of the run; only "
        "where no accuracy tells the size",
    ),
}

#: Larger sets than this are no concern of a rule, and the grid of their accuracies is as fine as rounding.
MOST = 1000
#: Accuracies that scatter about a grid tell it only where it is wide.
WIDE_MOST = 24
#: How near they must lie to it, as the mean cosine of their phases (0 for accuracies of any size, 0.65 where they are
#: off by 0.15 of a step), how many must show it together, and how sure the steps between neighbours alone must be:
#: of 900 curves with accuracies over 50 examples or more, some with noise, two reach 0.55 and none 0.6.
NEAR, TOGETHER, STEPS_SURE = 0.65, 8.0, 2.5
#: Steps of more than half of the grid's, without which a curve at rest would lie on any grid.
FEWEST_STEPS = 5
#: Different accuracies above 0 from which a grid may be read: a collapsed model shows one, whatever the size.
FEWEST_LEVELS = 2
#: A chance of less than this that accuracies without a grid fall on it all the same.
CHANCE = 1e-3
#: A scatter from n fourth differences, whose neighbours share four points of five, is known to FOURTH / sqrt(n) of it.
FOURTH = 1.75
#: Validations needed for their scatter, and the most that are asked how alike neighbours are.
FEWEST_POINTS, MOST_POINTS = 10, 4000
#: By what a number is multiplied to make its decimals whole, up to eight of them.
_POWERS = 10.0 ** np.arange(9)


def measure(signals: Signals) -> dict[str, Measured]:
    """Vitals of the validation set's size."""
    run, counted = signals.run, None
    accuracy = run.get("val_accuracy")
    if accuracy is not None:
        digits = [_digits(accuracy.value)]
        # A log that writes the other accuracy, or any loss, to six digits did not round this one to two.
        for role, fewest in (("train_accuracy", 0), ("val_loss", 6)):
            other = run.get(role)
            if other is not None and (told := _digits(other.value)) >= fewest:
                digits.append(told)
        counted = count_examples(accuracy.value, accuracy.unit == "percent", max(digits))
        # Of a digit or two all accuracies lie on the grid of their rounding.
        rounded = max(digits) + 2 * (accuracy.unit == "percent") < 3
        if counted is None and not rounded:
            wide = near_grid(accuracy.value, accuracy.unit == "percent")
            counted = None if wide is None else (wide, wide)
    if counted is not None:
        size = Estimate(counted[0], counted[0], counted[1], "count")
        known = Missing("the accuracy tells the size of the validation set")
        return {"val.examples": size, "val.counted": size, "val.scatter": known, "val.dips": known}
    scatter = _scatter(signals)
    uncounted = Missing("no val_accuracy in the log whose steps tell the size of the set", ("val_accuracy",))
    return {"val.counted": uncounted} | scatter


def count_examples(accuracy: Array, percent: bool = False, digits: int | None = None) -> tuple[int, int] | None:
    """The smallest size of a set on which all these accuracies are possible, and the largest likely one.

    An accuracy over n examples is a multiple of 1/n: the size is read off the grid on which all values lie, within
    half a unit of the last of the `digits` behind the point (as many as the values show, if not given). The true size
    may be a multiple m of it; that k different values all avoid the finer grid has a chance of m^-k, and the second
    number is the largest size for which that is 10 %. `accuracy (p,)`, as logged; None when fewer than FEWEST_LEVELS
    different values (0 does not count), when no grid up to 1/MOST fits, or when values of so few digits would fit one
    by chance.

    >>> count_examples(np.array([0.1667, 0.5, 0.5833, 0.75, 0.9167, 1.0]))
    (12, 12)
    >>> values = np.array([0.12, 0.56, 0.64, 0.8])
    >>> count_examples(values), count_examples(values, digits=6)  # two digits alone may be rounding
    (None, (25, 25))
    """
    value = accuracy[np.isfinite(accuracy)]
    unit = 0.01 if percent else 1.0
    # A float32 sum over a thousand examples is good to six digits.
    doubt = max(0.5 * 10.0 ** -(_digits(value) if digits is None else digits) * unit, 1e-6)
    value = value * unit
    if not len(value) or value.min() < 0 or value.max() > 1 + doubt:
        return None
    order = np.sort(value)
    level = order[np.concatenate([[True], np.diff(order) > 2 * doubt])]
    level = level[level > 2 * doubt]
    inner = int((level < 1 - 2 * doubt).sum())
    # A grid of 1/n has n levels above 0: no grid that is looked for has more than MOST.
    if not FEWEST_LEVELS <= len(level) <= MOST or not inner:
        return None
    size = np.arange(2.0, MOST + 1)
    for first, last in pairwise((0, 2, *range(10, len(level) + 8, 8))):  # the first few leave hardly a size
        places = level[first:last] * size[:, None]
        size = size[(np.abs(places - np.round(places)) <= doubt * size[:, None]).all(axis=1)]
        if not len(size):
            return None
    n, k = int(size[0]), len(level)
    if n * min(1.0, 2 * doubt * n) ** inner > CHANCE:
        return None
    return n, n * max(1, int(10 ** (1 / k)))


def near_grid(accuracy: Array, percent: bool = False) -> int | None:
    """The size of a set whose accuracies scatter about multiples of 1/n, as where they were averaged over unequal
    batches, smoothed or disturbed; None where none up to WIDE_MOST stands out.

    Rayleigh's statistic of the phases n * accuracy about the known origin, over all values and over the steps between
    neighbours that are longer than half of the grid's: a curve that rests lies near some grid, and makes no such step.

    >>> rng = np.random.default_rng(0)
    >>> near_grid(rng.binomial(8, 0.6, 25) / 8 + 0.01 * rng.standard_normal(25))
    8
    >>> near_grid(rng.binomial(200, 0.6, 25) / 200)
    """
    value = accuracy[np.isfinite(accuracy)] * (0.01 if percent else 1.0)
    if len(value) < FEWEST_POINTS or np.abs(value).max() > 2:  # no accuracy, however disturbed
        return None
    value = value[:MOST_POINTS]
    size = np.arange(2.0, WIDE_MOST + 1)[:, None]
    change = np.diff(value)
    # Cosines take long: first the sizes go whose grid is stepped over too rarely, then those that lie off.
    size = size[(np.abs(change) * size > 0.5).sum(1) >= FEWEST_STEPS]
    near = np.cos(2 * np.pi * size * value).mean(1)
    close = near > NEAR
    size, near = size[close], near[close]
    long = np.abs(change) * size > 0.5
    steps = long.sum(1)
    surely = (np.cos(2 * np.pi * size * change) * long).sum(1) * np.sqrt(2 / np.maximum(steps, 1))
    fits = (len(value) * near**2 > TOGETHER) & (surely > STEPS_SURE)
    return int(size[np.argmax(np.where(fits, near, -1.0)), 0]) if fits.any() else None


def _digits(value: Array) -> int:
    """Decimals with which values were written, 9 when they are not rounded."""
    value = value[np.isfinite(value)][:500]
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is not whole
        first = _rounded(value[:8] * _POWERS[:, None]).all(axis=1)  # nearly always these are enough
    return next((d for d in np.flatnonzero(first).tolist() if _rounded(value * _POWERS[d]).all()), 9)


def _rounded(value: Array) -> npt.NDArray[np.bool_]:
    """Which values are whole."""
    whole: npt.NDArray[np.bool_] = np.abs(value - np.round(value)) < 1e-4
    return whole


def _scatter(signals: Signals) -> dict[str, Measured]:
    """Size and scatter from the losses: a mean over n examples whose losses scatter by their own mean scatters by
    1/sqrt(n) of it. Cross-entropies scatter by somewhat more, squared errors by 1.4 of their mean."""
    names = ("val.examples", "val.scatter", "val.dips")
    if signals.val is None:
        return dict.fromkeys(names, signals.absent["val_loss"])
    if signals.lost_at is not None:
        return dict.fromkeys(names, Missing("the loss was lost to NaN or infinity"))
    val, train = _finite(signals.run.get("val_loss")), _finite(signals.run.get("train_loss"))
    if val is None or len(val) < FEWEST_POINTS:
        return dict.fromkeys(names, Missing(f"fewer than {FEWEST_POINTS} points of val_loss", ("val_loss",)))
    late = val.step >= signals.begin + signals.length / 2
    level = median(val.value[late]) if late.any() else 0.0
    means, whole = _means(train, val) if train is not None else (val.value[:0], np.zeros(len(val), bool))
    together = bool(whole.all())  # as is usual, and then both sides are looked at at once
    (noise, level_error), *beside = _noises(np.stack([val.value, means] if together else [val.value]), late)
    if level <= 0 or noise < 1e-4 * level:
        why = "a loss at or below zero has no scale" if level <= 0 else "the validation loss does not scatter"
        return dict.fromkeys(names, Missing(why))
    size = (level / noise) ** 2
    doubt = float(np.exp(2 * 1.28 * FOURTH / np.sqrt(late.sum())))
    found: dict[str, Measured] = {"val.examples": Estimate(size, size / doubt, size * doubt, "count")}
    # Scatter alone may be that of the weights: without training beside it nothing is said.
    if train is None:
        return dict.fromkeys(names, signals.absent.get("train_loss", Missing("no train_loss", ("train_loss",))))
    if whole.sum() < FEWEST_POINTS:
        return dict.fromkeys(names, Missing("training was logged more rarely than validation"))
    half = late[whole]
    mean = median(means[half]) if half.any() else 0.0
    if mean < 1e-60:
        return dict.fromkeys(names, Missing("a loss at or below zero has no scale"))
    rough, mean_error = (beside or _noises(means[None], half))[0]
    ratio = min(1e6, noise / level / max(rough / mean, 1e-12))
    # Of independent noise on both sides, and in its logarithm.
    doubt = float(np.exp(1.28 * FOURTH * np.hypot(1 / np.sqrt(late.sum()), 1 / np.sqrt(half.sum()))))
    # Weights that are shaken lift the loss and never lower it: only a small sample lies below training for long.
    quartile = quantile(val.value[late], 0.25)
    dips = (mean - quartile) / mean
    # A quartile is known to 1.36, a median to 1.25 times what a mean of as many points is.
    error = float(np.hypot(1.36 * level_error, 1.25 * quartile / mean * mean_error))
    error *= 1.28 / mean
    return found | {
        "val.scatter": Estimate(ratio, ratio / doubt, ratio * doubt, "times"),
        "val.dips": Estimate(dips, dips - error, dips + error, "share"),
    }


def _means(train: Curve, val: Curve) -> tuple[Array, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]]:
    """The mean of the training losses between each validation and the one before, and which validations have any."""
    between = np.searchsorted(train.step, val.step, side="right")
    whole = np.diff(between, prepend=0) > 0
    ends = between[whole]
    sums = np.concatenate([[0.0], np.cumsum(train.value)])
    means: Array = np.diff(sums[ends], prepend=0.0) / np.diff(ends, prepend=0)
    return means, whole


def _noises(rows: Array, late: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> list[tuple[float, float]]:
    """Of each row (k, n) the noise of the points that `late` marks, which are the last ones, and the standard error of
    their middle.

    Noise whose neighbours are alike averages out more slowly, and along a trend only the points count that noise can
    bring to the middle: their share is that of the noise in the range of the middle half.
    """
    since, n = int(np.argmax(late)), int(late.sum())
    if not n:
        return [(0.0, 0.0)] * len(rows)
    r = row_likeness(rows[:, -MOST_POINTS:])
    single, noise = usual_noises(rows, r, since)
    range_ = row_quantile(rows[:, late], 0.75) - row_quantile(rows[:, late], 0.25)
    share = np.minimum(1.0, 1.35 * noise / np.where(range_ > 0, range_, 1.0))
    count = n * np.where(range_ > 0, share, 1.0)
    error = noise * np.sqrt((1 + r) / (1 - r) / np.maximum(1.0, count)) * (1 + FEW / n)
    return list(zip(single.tolist(), error.tolist(), strict=True))


def _finite(curve: Curve | None) -> Curve | None:
    if curve is None or not (keep := alive(curve.value)).any():
        return None
    if keep.all():
        return curve
    return Curve(curve.step[keep], curve.value[keep])
