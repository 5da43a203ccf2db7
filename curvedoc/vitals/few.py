"""Did the few validations of a short run turn up while the training loss fell on?"""

from __future__ import annotations

import math

import numpy as np

from ..estimate import Estimate, exact
from ..run import Array, Curve
from .chart import Measured, Missing, Vital
from .signals import FEWEST, NO_PROGRESS, Signals, alive, held_out_metric, shares

VITALS = {
    "few.rise": Vital(
        "share", "how far both of the last two of three to five validation losses lie above the best before them"
    ),
    "few.times": Vital("times", "the last of them over the training loss before it"),
    "few.fell": Vital("share", "part of the training loss that fell off between the best of them and the last"),
    "few.metric_gain": Vital(
        "share", "gain of the held-out metric since that one, over its range or all that was left if that is more"
    ),
    "few.best_step": Vital("step", "where that one was measured"),
}

#: Two that came up are seen only behind one that was better.
LEAST = 3
#: Validations that end before this part of the run do not tell how it ended.
COVERS = 0.6


def measure(signals: Signals) -> dict[str, Measured]:
    """Vitals of validations that are too few to be smoothed, from the points themselves.

    One point that came up may be chance; of two in a row the lower one counts. A training level is the median of the
    later half of the points since the validation before. Gives up with fewer than LEAST validations, and where there
    are enough for the vitals of `gap`.
    """
    val, train = signals.run.get("val_loss"), signals.run.get("train_loss")
    if signals.context.task in NO_PROGRESS or val is None or train is None:
        why = signals.absent.get("val_loss" if val is None else "train_loss", Missing("the losses measure no progress"))
        return dict.fromkeys(VITALS, why)
    if signals.lost_at is not None:
        return dict.fromkeys(VITALS, Missing("the loss was lost to NaN or infinity"))
    step, value = val.step[alive(val.value)], val.value[alive(val.value)]
    if len(value) >= FEWEST:
        return dict.fromkeys(VITALS, Missing("there are enough validations to be smoothed"))
    if len(value) < LEAST or value.min() <= 0 or step[-1] < signals.begin + COVERS * signals.length:
        return dict.fromkeys(VITALS, signals.absent.get("val_loss", Missing("too few validations", ("val_loss",))))
    best = int(np.argmin(value[:-2]))
    rise = float(value[-2:].min() / value[best]) - 1
    found: dict[str, Measured] = {
        "few.rise": exact(rise, "share", (float(step[best]), float(step[-1]))),
        "few.best_step": exact(float(step[best]), "step"),
        "few.metric_gain": _metric_gain(signals, float(step[best]), float(step[-1])),
    }
    then, now = _level(train, step, best), _level(train, step, len(step) - 1)
    if then is None or now is None or min(then[0], now[0]) <= 0:
        return found | dict.fromkeys(("few.times", "few.fell"), Missing("no training loss above zero beside each"))
    (before, error), (after, doubt) = then, now
    left = after / before
    both = left * math.hypot(error / before, doubt / after)
    times = float(value[-1]) / after
    return found | {
        "few.times": Estimate(times, times / (1 + doubt / after), times * (1 + doubt / after), "times"),
        "few.fell": Estimate(1 - left, 1 - left - both, 1 - left + both, "share"),
    }


def _level(train: Curve, step: Array, place: int) -> tuple[float, float] | None:
    """The training loss before a validation and 1.28 standard errors of it; None where none was logged since the one
    before. A median is 1.25 times as uncertain as a mean."""
    begin = -math.inf if place == 0 else float(step[place - 1])
    inside = train.value[alive(train.value) & (train.step > begin) & (train.step <= step[place])]
    if not len(inside):
        return None
    late = inside[len(inside) // 2 :]
    error = 1.28 * 1.25 * float(np.std(late, ddof=1)) / math.sqrt(len(late)) if len(late) > 1 else 0.0
    return float(np.median(late)), error


def _metric_gain(signals: Signals, since: float, end: float) -> Measured:
    """Gain of the held-out metric from step `since` to `end`, over its range or the wrong answers that were left.
    Gives up without a metric."""
    metric = held_out_metric(signals.run)
    if metric is None or not alive(metric.value).any():
        return signals.absent.get("val_accuracy", Missing("no val_accuracy in the log", ("val_accuracy",)))
    keep = alive(metric.value)
    value = shares(metric)[keep]
    then, now = np.interp((since, end), metric.step[keep], value).tolist()
    left = min(1.0, max(0.0, 1 - then)) if signals.run.get("val_accuracy") is not None else 0.0
    return exact((now - then) / max(float(np.ptp(value)), left, 1e-12), "share", (since, end))
