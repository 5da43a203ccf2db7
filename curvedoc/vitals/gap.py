"""Does what is learned hold on data that the model has not seen?"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ..curves.order import median
from ..curves.smooth import Smooth
from ..curves.trend import fall
from ..estimate import Estimate, exact
from ..run import Array, Curve
from .chart import Measured, Missing, Vital
from .signals import TINY, Signals, in_noise

VITALS = {
    "val_loss.best_step": Vital(
        "step", "lowest logged validation loss among the points that may be the smoothed minimum"
    ),
    "val_loss.best_at": Vital("share", "part of the run before that step"),
    "val_loss.rise": Vital("share", "rise of the smoothed validation loss above its lowest value, over that value"),
    "val_loss.rise_sd": Vital("sd", "that rise in standard deviations of one logged point"),
    "val_loss.rise_se": Vital(
        "sd",
        "rise along a line from the best step to the end in standard deviations of what a curve without trend, whose "
        "neighbours are as alike as these, would show",
    ),
    "val_loss.rise_rested": Vital(
        "sd",
        "that rise over the scatter, slow or fast, about a line through the second half of what lies behind the best",
    ),
    "train_loss.fall_after_best": Vital("share", "part of the training loss that fell off after the best val step"),
    "val_metric.gain_since_best": Vital(
        "share", "gain of the held-out metric after the best step, over its range or all that was left if that is more"
    ),
    "val_metric.gain_late": Vital(
        "share",
        "gain of the held-out metric in the second half of the stretch behind the best step, over its range or all "
        "that was left if that is more",
    ),
    "gap.of_loss": Vital("share", "final validation loss above the final training loss, over the former"),
    "gap.growth": Vital("share", "growth of that gap over the second half of the run, over the final validation loss"),
    "gap.below": Vital(
        "share",
        "how far validation lies below training over the last half of the run, over the latter; the mean of an epoch "
        "counts for its middle",
    ),
    "gap.scale": Vital(
        "times", "the larger of both losses over the smaller where they come nearest, with the same one on top"
    ),
    "gap.scale_drift": Vital("times", "largest such ratio of the run over the smallest"),
}

#: Fewer points than this do not show their scatter; that of four is known to a factor of two.
FEWEST_RESTED = 4
#: Fewer increments than this behind the best point have no trend that could be told from wandering.
FEWEST_INCREMENTS = 3


def measure(signals: Signals) -> dict[str, Measured]:
    """Vitals of generalisation, from smoothed curves; intervals of 1.28 standard errors."""
    val, train = signals.val, signals.train
    if val is None:
        return dict.fromkeys(VITALS, signals.absent["val_loss"])
    if signals.lost_at is not None:
        return dict.fromkeys(VITALS, Missing("the loss was lost to NaN or infinity"))
    best = int(np.argmin(val.value))
    lowest, best_step = float(val.value[best]), float(val.step[best])
    last = max(1, len(val.value) // 20)
    end, doubt = median(val.value[-last:]), 1.28 * float(np.hypot(val.se[best], median(val.se[-last:])))
    near = _may_be_best(signals, val, 0.9 * float(val.se[best]))
    saved = lowest_logged(signals.run.get("val_loss"), *near, best_step)
    length = signals.length or 1.0
    at = [(s - signals.begin) / length for s in (near[0], best_step, near[1])]
    scale, noise = abs(lowest) or 1.0, max(_wander(val), 1e-9 * (abs(lowest) or 1.0))
    rise = max(0.0, end - lowest)
    found: dict[str, Measured] = {
        "val_loss.best_step": Estimate(saved, *near, "step", (saved, saved)),
        "val_loss.best_at": Estimate(at[1], at[0], at[2], "share"),
        "val_loss.rise": _around(rise / scale, doubt / scale, "share", (best_step, signals.end)),
        "val_loss.rise_sd": in_noise(rise, doubt, noise, len(val.points), (best_step, signals.end)),
    }
    # At a steep start the smoothed minimum may lie before the turn: the lowest of the points that may be it does not.
    turn = int(np.argmin(np.where((val.step >= near[0]) & (val.step <= near[1]), val.points, np.inf)))
    surest = max(walk_z(val.points[begin:]) for begin in {best, turn})
    found["val_loss.rise_rested"] = _rested(val.points, best, turn, rise, (best_step, signals.end))
    found["val_loss.rise_se"] = exact(surest, "sd", (best_step, signals.end))
    if train is None:
        names = [name for name in VITALS if name.startswith("gap.")]
        found |= dict.fromkeys(("train_loss.fall_after_best", *names), signals.absent["train_loss"])
    else:
        then, now = train.at(best_step), median(train.value[-max(1, len(train.value) // 20) :])
        # Below a thousandth of where training began nothing is left that could fall off.
        size = max(abs(then), 1e-3 * abs(float(train.value[0]))) or 1.0
        now_se = median(train.se[-max(1, len(train.se) // 20) :])
        se = 1.28 * float(np.hypot(train.se_at(best_step), now_se))
        left = 1.28 * float(np.hypot(now / size * train.se_at(best_step), now_se))
        found["train_loss.fall_after_best"] = _around(
            (then - now) / size, left / size, "share", (best_step, signals.end)
        )
        found["gap.of_loss"] = _around((end - now) / (abs(end) or 1.0), se / (abs(end) or 1.0), "share")
        found |= _side_by_side(signals, val, train)
    return found | _metric_gains(signals, best_step, near)


def _may_be_best(signals: Signals, val: Smooth, doubt: float) -> tuple[float, float]:
    """The first and the last step that may be the minimum: those whose smoothed loss lies within `doubt` of the lowest,
    and half of the way to the next on either side, because a minimum lies between logged points or within a bin."""
    near = np.flatnonzero(val.value <= val.value.min() + doubt)
    middle = (val.step[1:] + val.step[:-1]) / 2
    first = float(middle[near[0] - 1]) if near[0] > 0 else float(val.step[0])
    last = float(middle[near[-1]]) if near[-1] < len(middle) else max(float(val.step[-1]), _last(signals))
    return first, last


def _last(signals: Signals) -> float:
    curve = signals.run.get("val_loss")
    return signals.end if curve is None else float(curve.step[-1])


def lowest_logged(curve: Curve | None, first: float, last: float, otherwise: float) -> float:
    """The step of the lowest finite point between two steps: a checkpoint that exists."""
    if curve is None:
        return otherwise
    inside = (curve.step >= first) & (curve.step <= last) & np.isfinite(curve.value)
    return float(curve.step[inside][np.argmin(curve.value[inside])]) if inside.any() else otherwise


def _metric_gains(signals: Signals, best_step: float, near: tuple[float, float]) -> dict[str, Measured]:
    """Gains of the held-out metric after the best validation loss, as shares of the metric's range, or of all that was
    left to gain where that is more: from 20 to 38 % right answers half of the range is a tenth of the wrong ones.

    A range that noise alone would span (six standard deviations hold nearly all of a curve without trend) is no
    scale: such a metric gained nothing.
    """
    metric = signals.metric
    names = ("val_metric.gain_since_best", "val_metric.gain_late")
    if metric is None:
        return dict.fromkeys(names, signals.absent["val_accuracy"])
    spread = float(np.ptp(metric.points))
    if spread <= 6 * median(metric.noise):
        return dict.fromkeys(names, exact(0.0, "share"))
    found: dict[str, Measured] = {}
    end = float(metric.step[-1])
    for name, late in zip(names, (0.0, 0.5), strict=True):
        begins = [best + late * (end - best) for best in (best_step, *near)]
        gain, *others = (float(metric.value[-1]) - metric.at(begin) for begin in begins)
        # Levels that lie near each other share their noise; half a run apart it is their own.
        own = min(1.0, max(0.0, (end - begins[0]) / (0.5 * (signals.length or 1.0))))
        doubt = 1.28 * float(np.hypot(metric.se[-1], metric.se_at(begins[0]))) * own
        # Where the best step is in doubt, so is what was gained behind it.
        low = gain - float(np.hypot(doubt, gain - min(gain, *others)))
        high = gain + float(np.hypot(doubt, max(gain, *others) - gain))
        scale = max(spread, left_to_gain(signals, begins[0]))
        found[name] = Estimate(gain / scale, low / scale, high / scale, "share", (begins[0], signals.end))
    return found


def _rested(points: Array, best: int, turn: int, rise: float, steps: tuple[float, float]) -> Measured:
    """A rise in standard deviations of the points about the line through their second half behind the best one: what
    came up and then lies still did not wander there.

    Where that half has fewer than FEWEST_RESTED points, all behind the lowest (`turn`) tell, about their line or their
    mean, by how far that mean lies above it: a smoothed curve of so few begins to rise before it. Gives up with fewer
    than FEWEST_RESTED of them.
    """
    late = points[best + (len(points) - best) // 2 :]
    few = len(late) < FEWEST_RESTED
    if few:
        late = points[turn + 1 :]
        if len(late) < FEWEST_RESTED:
            return Missing("too few validations behind the best one to see whether they rest")
        rise = max(0.0, float(late.mean() - points[turn]))
    about = late - late.mean()
    place = np.arange(len(late)) - (len(late) - 1) / 2
    line = about - place * float((place * about).sum() / (place * place).sum())
    scatter = float(np.sqrt((line * line).sum() / (len(late) - 2)))
    if few:
        scatter = min(scatter, float(np.sqrt((about * about).sum() / (len(late) - 1))))
    scatter = max(scatter, 1e-6 * float(np.abs(points).max()), TINY)
    factor = float(np.exp(1.28 / np.sqrt(2 * (len(late) - 2))))
    return Estimate(rise / scatter, rise / scatter / factor, rise / scatter * factor, "sd", steps)


def left_to_gain(signals: Signals, step: float) -> float:
    """The share of wrong answers at a step; 0 for a metric that is no accuracy."""
    if signals.metric is None or signals.run.get("val_accuracy") is None:
        return 0.0
    return float(np.clip(1 - signals.metric.at(step), 0.0, 1.0))


def walk_z(points: Array) -> float:
    """Rise behind the lowest point, in standard deviations that wandering alone would give it; -1e6 .. 1e6.

    Behind the lowest of its points a curve comes up again without any trend, and the more alike its neighbours, the
    farther. The null is a process whose noise follows x[t] = r x[t-1] + e with 0 <= r <= 1, from white noise to a
    random walk, which few points never exclude. Its increments have variance s^2 and autocovariances
    -s^2 (1 - r) r^(k-1) / 2, and the variance of any weighted sum of them follows exactly. s and r come from the
    increments less what is smooth in them (a straight line, and from 12 increments on a decay over a tenth of the
    stretch: curves that rise evenly, faster and faster, or soon level off do not wander). r is taken one standard
    error too high. The rise is that along the least-squares line or from the first tenth to the last half, whichever
    is surer. On flat curves of 12 to 240 points with r up to 0.9, at most 2 in 100 exceed 5 (tests/vitals/test_gap.py).
    `points` (n,); 0 for fewer than four.

    >>> walk_z(np.array([1.0, 2.0, 1.0])), walk_z(np.arange(9.0)) > 1e5
    (0.0, True)
    """
    change = np.diff(points)
    m = len(change)
    if m < FEWEST_INCREMENTS:
        return 0.0
    rest, taken = _increments(change)
    size = 1e-9 * float(np.abs(points).max())
    variance = max(float((rest * rest).sum()) / (m - taken), size * size, 1e-300)
    r = min(1.0, max(0.0, _alike(rest, taken) + 2 * 0.8 / float(np.sqrt(m))))  # 0.8 / sqrt(m) is a standard error
    decay, surest = r ** np.arange(m - 1), -1e6
    for heft, lagged in _rises(m):
        spread = float(lagged[0] - (1 - r) * (decay @ lagged[1:]))
        surest = max(surest, float(heft @ change) / float(np.sqrt(variance * max(spread, 1e-12))))
    return min(1e6, surest)


@lru_cache(maxsize=512)
def _rises(m: int) -> tuple[tuple[Array, Array], ...]:
    """What each of m increments weighs in a rise (m,), and the sums of products of weights so many apart (m,): along
    the least-squares line, and from the first tenth of the points to the last half."""
    line = np.arange(m + 1) - m / 2
    line *= m / float((line * line).sum())
    first, last = max(1, (m + 1) // 10), (m + 1) // 2
    step = np.concatenate([np.full(first, -1 / first), np.zeros(m + 1 - first - last), np.full(last, 1 / last)])
    hefts = (np.cumsum(weight[::-1])[::-1][1:] for weight in (line, step))
    return tuple((heft, np.correlate(heft, heft, "full")[m - 1 :]) for heft in hefts)


def _increments(change: Array) -> tuple[Array, int]:
    """Increments less what is smooth in them, and how many shapes that took: a straight line, and from 12 increments
    on a decay over a tenth of the stretch."""
    shapes = _shapes(len(change))
    return change - shapes @ (change @ shapes), shapes.shape[1]


@lru_cache(maxsize=512)
def _shapes(m: int) -> Array:
    """Orthonormal columns (m, 1 .. 3) that span these shapes."""
    place = np.arange(m, dtype=np.float64)
    shapes = [np.ones(m), place - (m - 1) / 2, np.exp(-10 * place / m)][: 1 + (m >= 5) + (m >= 12)]
    return np.linalg.qr(np.stack(shapes, axis=1))[0]


def _alike(rest: Array, taken: int) -> float:
    """The r of noise x[t] = r x[t-1] + e from the lag-one correlation -(1 - r) / 2 of its increments.

    Taking k shapes away makes neighbours look less alike by about (k - 0.5) / m.
    """
    total = float(rest @ rest)
    alike = float(rest[1:] @ rest[:-1]) / total if total > 0 else 0.0
    return 1 + 2 * (alike + (taken - 0.5) / len(rest))


def _side_by_side(signals: Signals, val: Smooth, train: Smooth) -> dict[str, Measured]:
    """Both losses at the validation steps, the training loss moved to where it was measured.

    The mean of an epoch, logged at its end, stands for the weights in its middle; a mean of the last ten steps for
    those five steps ago. Where training was logged as often as validation, it is moved back by half its spacing.
    """
    lag = 0.0
    if len(train.step) <= 1.5 * len(val.step):
        lag = median(np.diff(train.step)) / 2
    here = (val.step >= train.step[0] - lag) & (val.step <= train.step[-1] + 2 * lag)
    beside = np.interp(val.step, train.step - lag, train.value)
    apart = val.value - beside
    late = here & (val.step >= signals.begin + signals.length / 2)
    few = Missing("fewer than three validations beside training in the second half of the run")
    found: dict[str, Measured] = dict.fromkeys(("gap.growth", "gap.below", "gap.scale", "gap.scale_drift"), few)
    if late.sum() < 3:
        return found
    since = min(val.step[late][0], train.step[-1])  # the last validations may all lie behind the last mean of an epoch
    doubt = 1.28 * float(np.hypot(median(val.se[late]), median(train.se[train.step >= since])))
    level, under = abs(float(val.value[late][-1])) or 1.0, abs(median(beside[late])) or 1.0
    stretch = (float(val.step[late][0]), float(val.step[late][-1]))
    half = (signals.begin + signals.length / 2, signals.end)
    if (train.step - lag >= half[0]).sum() >= 3:
        # Each loss on its own points: what was smoothed scatters too little to tell its own doubt.
        (fell, error), (val_fell, val_error) = (
            fall(train.step - lag, train.points, *half),
            fall(val.step, val.points, *half),
        )
        growth = 1.1 * float(np.hypot(error, val_error)) / level
        found["gap.growth"] = _around((fell - val_fell) / level, growth, "share", stretch)
    found["gap.below"] = _around(-median(apart[late]) / under, doubt / under, "share", stretch)
    if min(val.value[here].min(), beside[here].min()) <= 0:
        unlike = Missing("a loss at or below zero has no scale")
        return found | {"gap.scale": unlike, "gap.scale_drift": unlike}
    ratio = np.log(val.value[here] / beside[here])
    nearest = float(np.exp(np.abs(ratio).min())) if (ratio > 0).all() or (ratio < 0).all() else 1.0
    return found | {
        "gap.scale": exact(min(nearest, 1e9), "times"),
        "gap.scale_drift": exact(min(float(np.exp(np.ptp(ratio))), 1e9), "times"),
    }


def _wander(val: Smooth) -> float:
    """Standard deviation of one validation point, when neighbours may be alike.

    Differences see only a part of noise whose neighbours correlate: for an AR(1) process with coefficient r
    the second differences show sqrt(1 - 4r/3 + r^2/3) of it. First differences have lag-one correlation
    -(1 - r)/2, which gives r; it is held to 0 .. 0.9.
    """
    noise = median(val.noise)
    change = np.diff(val.points - val.value)
    total = float((change * change).sum())
    r = min(0.9, max(0.0, 1 + 2 * float((change[1:] * change[:-1]).sum()) / total)) if total > 0 else 0.0
    return noise / float(np.sqrt(1 - 4 * r / 3 + r * r / 3))


def _around(value: float, doubt: float, unit: str, steps: tuple[float, float] | None = None) -> Estimate:
    return Estimate(value, value - doubt, value + doubt, unit, steps)
