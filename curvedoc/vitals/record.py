"""Is what was logged what happened? Smoothing before the log, steps of two kinds, resumed runs."""

from __future__ import annotations

import numpy as np

from ..curves.order import median, row_median, windows
from ..estimate import Estimate, exact
from ..run import Array
from .chart import Measured, Missing, Vital
from .signals import Signals, alive

VITALS = {
    "train_loss.memory": Vital(
        "share", "how alike the noise of neighbouring points is: 0 for single batches, near 1 for a running mean"
    ),
    "steps.apart": Vital("times", "last step of the run over the last step of a curve that counts 1, 2, 3 ..."),
    "steps.short_end": Vital("step", "that last step"),
    "resume.step": Vital("step", "where the run was taken up again, and the training loss jumped most"),
    "resume.jump": Vital("share", "training loss right after a resume above what it was heading for, over the latter"),
    "resume.jump_sd": Vital("sd", "that jump in its standard errors"),
}

#: Points behind the first quarter needed to see how alike neighbours are: it is known to 0.1 then.
FEWEST_POINTS = 75
#: How far the estimate of their likeness may be off with any number of points.
OFF = 0.08
#: No more points than this are looked at.
MOST_POINTS = 4000
#: Points before and after a resume that its jump is measured on.
SIDE = 12


def measure(signals: Signals) -> dict[str, Measured]:
    """Vitals of the record itself."""
    return {"train_loss.memory": _memory(signals)} | _apart(signals) | _resume(signals)


def _memory(signals: Signals) -> Measured:
    """Correlation r of the noise of neighbouring points, from the lag-one correlation -(1 - r)/2 of its differences.

    Losses of different batches are independent: differences have correlation -0.5. An exponential mean with decay b
    makes r = b, a window mean near 1. Differences less their running median (the trend), over their running median
    deviation (noise that changes), cut off at three of it (spikes); the interval is 1.28 standard errors. Where the
    differences go on as they went (correlation above 0.2), or answer two points later, there is no such noise.
    """
    train = signals.run.get("train_loss")
    if train is None:
        return signals.absent["train_loss"]
    val = signals.run.get("val_loss")
    as_often = val is not None and len(train) <= 1.5 * len(val)
    if as_often or signals.run.by_epoch(train):
        return Missing("means over an epoch have little noise of their own")
    value = train.value[alive(train.value)]
    change = np.diff(value[len(value) // 4 :][:MOST_POINTS])
    if len(change) < FEWEST_POINTS:
        return Missing(f"{len(value)} points of train_loss are too few to tell whether they were smoothed")
    rest = _standardised(change)
    total = float((rest * rest).sum())
    if total <= 0:
        return Missing("the training loss has no noise")
    near, next_ = (float((rest[k:] * rest[:-k]).sum()) / total for k in (1, 2))
    if near > 0.2 or abs(next_) > 0.25:
        return Missing("the training loss moves on its own way, with no noise of single points")
    # The median that is taken out and the cut at three deviations make differences look up to OFF less alike.
    alike, doubt = min(1.0, max(0.0, 1 + 2 * near)), float(np.hypot(1.28 * 2 / np.sqrt(len(change)), OFF))
    return Estimate(alike, max(0.0, alike - doubt), min(1.0, alike + doubt), "share")


def _standardised(change: Array, window: int = 31) -> Array:
    around = windows(change, window // 2)
    middle = row_median(around)
    deviation = 1.4826 * row_median(np.abs(around - middle[:, None]))
    least = 1e-12 * max(float(np.abs(change).max()), 1e-300)
    rest: Array = np.clip((change - middle) / np.maximum(deviation, least), -3, 3)
    rest -= rest.mean()
    return rest


def _apart(signals: Signals) -> dict[str, Measured]:
    """Curves of one run whose steps count different things, after everything that could be put right was."""
    roles = ("train_loss", "val_loss", "train_accuracy", "val_accuracy", "lr", "grad_norm")
    curves = [c for role in roles if (c := signals.run.get(role)) is not None and len(c) >= 3]
    counting = [float(c.step[-1]) for c in curves if c.step[0] in (0, 1) and (np.diff(c.step) == 1).all()]
    end = max((float(c.step[-1]) for c in curves), default=0.0)
    if len(curves) < 2 or end <= 0:
        alone = Missing("fewer than two curves to compare the steps of")
        return {"steps.apart": alone, "steps.short_end": alone}
    short = min((last for last in counting if last > 0), default=end)
    return {"steps.apart": exact(min(end / short, 1e9), "times"), "steps.short_end": exact(short, "step")}


def _resume(signals: Signals) -> dict[str, Measured]:
    """The largest rise of the training loss at a resume: a line through the points before it, carried on, against the
    median of those behind it, with the noise of both."""
    names = ("resume.step", "resume.jump", "resume.jump_sd")
    train = signals.run.get("train_loss")
    if train is None:
        return dict.fromkeys(names, signals.absent["train_loss"])
    keep = alive(train.value)
    step, value, largest = train.step[keep], train.value[keep], None
    for begin in train.resumed[-50:]:
        at = int(np.searchsorted(step, begin))
        x, before, after = step[max(0, at - SIDE) : at], value[max(0, at - SIDE) : at], value[at : at + SIDE]
        if len(before) < 5 or len(after) < 3:
            continue
        origin, spread = x - x.mean(), float(np.ptp(x)) or 1.0
        slope = float((origin * (before - before.mean())).sum() / (origin * origin).sum())
        rest = before - before.mean() - slope * origin
        # Carried on by one point only, and never upwards: a resume that climbs is a jump.
        heading = float(before.mean()) + min(0.0, slope) * (float(step[at]) - float(x.mean()))
        noise = float(np.sqrt((rest * rest).sum() / (len(before) - 2)))
        wide = float(
            np.sqrt(1 / len(before) + (float(step[at]) - float(x.mean())) ** 2 / float((origin * origin).sum()))
        )
        doubt = float(np.hypot(noise * wide, 1.25 * noise / np.sqrt(len(after))))
        doubt = max(doubt, 1e-6 * (abs(heading) or 1.0), 1e-12 * spread)
        rise = median(after) - heading
        if largest is None or rise / doubt > largest[1] / largest[2]:
            largest = (float(step[at]), rise, doubt, abs(heading) or 1.0)
    if largest is None:
        return dict.fromkeys(names, Missing("the log shows no resume with enough points on both sides"))
    where, rise, doubt, size = largest
    jump = Estimate(rise / size, (rise - 1.28 * doubt) / size, (rise + 1.28 * doubt) / size, "share", (where, where))
    return {
        "resume.step": exact(where, "step", (where, where)),
        "resume.jump": jump,
        "resume.jump_sd": exact(max(-1e6, min(1e6, rise / doubt)), "sd"),
    }
