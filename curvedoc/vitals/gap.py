"""Does what is learned hold on data that the model has not seen?"""

from __future__ import annotations

import numpy as np

from ..curves.smooth import Smooth
from ..curves.trend import fall
from ..estimate import Estimate, exact
from ..run import Curve
from .chart import Measured, Missing, Vital
from .signals import Signals

VITALS = {
    "val_loss.best_step": Vital(
        "step", "lowest logged validation loss among the points that may be the smoothed minimum"
    ),
    "val_loss.best_at": Vital("share", "part of the run before that step"),
    "val_loss.rise": Vital("share", "rise of the smoothed validation loss above its lowest value, over that value"),
    "val_loss.rise_sd": Vital("sd", "that rise in standard deviations of one logged point"),
    "val_loss.rise_se": Vital(
        "sd",
        "rise along a line from the best step to the end in standard errors, or val_loss.rise_sd if that is larger",
    ),
    "train_loss.fall_after_best": Vital("share", "part of the training loss that fell off after the best val step"),
    "val_metric.gain_since_best": Vital("share", "gain of the held-out metric after the best step, over its range"),
    "val_metric.gain_late": Vital(
        "share", "gain of the held-out metric in the second half of the stretch behind the best step, over its range"
    ),
    "gap.of_loss": Vital("share", "final validation loss above the final training loss, over the former"),
}


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
    end, doubt = float(np.median(val.value[-last:])), 1.28 * float(np.hypot(val.se[best], np.median(val.se[-last:])))
    near = val.step[val.value <= lowest + doubt]
    saved = lowest_logged(signals.run.get("val_loss"), float(near.min()), float(near.max()), best_step)
    length = signals.length or 1.0
    at = [(s - signals.begin) / length for s in (near.min(), best_step, near.max())]
    scale, noise = abs(lowest) or 1.0, max(_wander(val), 1e-9 * (abs(lowest) or 1.0))
    rise = max(0.0, end - lowest)
    found: dict[str, Measured] = {
        "val_loss.best_step": Estimate(saved, float(near.min()), float(near.max()), "step", (saved, saved)),
        "val_loss.best_at": Estimate(at[1], at[0], at[2], "share"),
        "val_loss.rise": _around(rise / scale, doubt / scale, "share", (best_step, signals.end)),
        "val_loss.rise_sd": _around(rise / noise, doubt / noise, "sd", (best_step, signals.end)),
    }
    found["val_loss.rise_se"] = exact(max(_rise_se(val, best), rise / noise), "sd", (best_step, signals.end))
    if train is None:
        found |= dict.fromkeys(("train_loss.fall_after_best", "gap.of_loss"), signals.absent["train_loss"])
    else:
        then, now = train.at(best_step), float(np.median(train.value[-max(1, len(train.value) // 20) :]))
        se, size = 1.28 * float(np.hypot(train.se_at(best_step), train.se[-1])), abs(then) or 1.0
        found["train_loss.fall_after_best"] = _around((then - now) / size, se / size, "share", (best_step, signals.end))
        found["gap.of_loss"] = _around((end - now) / (abs(end) or 1.0), se / (abs(end) or 1.0), "share")
    return found | _metric_gains(signals, best_step)


def lowest_logged(curve: Curve | None, first: float, last: float, otherwise: float) -> float:
    """The step of the lowest finite point between two steps: a checkpoint that exists."""
    if curve is None:
        return otherwise
    inside = (curve.step >= first) & (curve.step <= last) & np.isfinite(curve.value)
    return float(curve.step[inside][np.argmin(curve.value[inside])]) if inside.any() else otherwise


def _metric_gains(signals: Signals, best_step: float) -> dict[str, Measured]:
    """Gains of the held-out metric after the best validation loss, as shares of the metric's range.

    A range that noise alone would span (six standard deviations hold nearly all of a curve without trend) is no
    scale: such a metric gained nothing.
    """
    metric = signals.metric
    names = ("val_metric.gain_since_best", "val_metric.gain_late")
    if metric is None:
        return dict.fromkeys(names, signals.absent["val_accuracy"])
    spread = float(np.ptp(metric.points))
    if spread <= 6 * float(np.median(metric.noise)):
        return dict.fromkeys(names, exact(0.0, "share"))
    found: dict[str, Measured] = {}
    for name, begin in zip(names, (best_step, (best_step + float(metric.step[-1])) / 2), strict=True):
        gain = float(metric.value[-1]) - metric.at(begin)
        se = 1.28 * float(np.hypot(metric.se[-1], metric.se_at(begin)))
        found[name] = _around(gain / spread, se / spread, "share", (begin, signals.end))
    return found


def _rise_se(val: Smooth, best: int) -> float:
    """Standard errors of the straight line from the best point on; 0 when fewer than four points follow it."""
    if len(val.step) - best < 5:
        return 0.0 if len(val.step) - best < 2 else float((val.value[-1] - val.value[best]) / max(val.se[-1], 1e-300))
    fell, error = fall(val.step, val.points, float(val.step[best]), float(val.step[-1]))
    return min(1e6, -fell / max(error, 1e-12 * float(np.abs(val.points).max()), 1e-300))


def _wander(val: Smooth) -> float:
    """Standard deviation of one validation point, when neighbours may be alike.

    Differences see only a part of noise whose neighbours correlate: for an AR(1) process with coefficient r
    the second differences show sqrt(1 - 4r/3 + r^2/3) of it. First differences have lag-one correlation
    -(1 - r)/2, which gives r; it is held to 0 .. 0.9.
    """
    noise = float(np.median(val.noise))
    change = np.diff(val.points) - np.diff(val.points).mean()
    total = float((change * change).sum())
    r = min(0.9, max(0.0, 1 + 2 * float((change[1:] * change[:-1]).sum()) / total)) if total > 0 else 0.0
    return noise / float(np.sqrt(1 - 4 * r / 3 + r * r / 3))


def _around(value: float, doubt: float, unit: str, steps: tuple[float, float] | None = None) -> Estimate:
    return Estimate(value, value - doubt, value + doubt, unit, steps)
