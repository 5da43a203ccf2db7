"""Where did the steps and the seconds go?"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from ..curves.order import median
from ..estimate import Estimate, exact
from ..run import Array, Curve
from .chart import Measured, Missing, Vital
from .signals import Signals

VITALS = {
    "budget.wasted": Vital(
        "share", "part of the run behind the best checkpoint, or behind the loss of the loss to NaN"
    ),
    "budget.last_useful": Vital("step", "where that part begins"),
    "time.lost": Vital("share", "part of the run's time that its steps took above the pace of its fastest quarter"),
    "time.slowed": Vital("times", "seconds per step over the last quarter of the run over those of the first"),
    "time.per_step": Vital("", "seconds per step at the pace of the fastest quarter"),
    "time.loading": Vital("share", "part of a step's time that waits for data, median"),
}

#: Stretches of a run whose pace is compared: each averages over what happens once in a while, as validation does.
STRETCHES = 16
#: Fewest intervals in a stretch: a validation every third point must not make one stretch slower than the next.
FEWEST_INTERVALS = 5
#: An interval of more than this many usual ones is a pause of the job and no slow step.
PAUSE = 50.0

_LOADING = re.compile(r"(?:^|[^a-z])(?:data|reader|load|loading|dataloader|fetch)(?:[^a-z]|$)")
_STEP = re.compile(r"(?:^|[^a-z])(?:step|iter|iteration|batch|dt|update)(?:[^a-z]|$)")
_DURATION = re.compile(r"(?:^|[^a-z])(?:time|dt|cost|seconds|duration|avg)(?:[^a-z]|$)")
_SPEED = re.compile(r"per_s(?:ec(?:ond)?)?\b|/s(?:ec)?\b|\bfps\b|\bwps\b|\bups\b|\bips\b|throughput|it/s")
_NO_PACE = re.compile(r"eta|eval|val|test|predict|total|accumulated|epoch|timestamp")


def measure(signals: Signals, vitals: Mapping[str, Measured]) -> dict[str, Measured]:
    """Vitals of steps and seconds; `vitals` holds those of stability and generalisation."""
    return _wasted(signals, vitals) | _pace(signals) | {"time.loading": _loading(signals)}


def _wasted(signals: Signals, vitals: Mapping[str, Measured]) -> dict[str, Measured]:
    """Share of the run behind the best checkpoint, 1 - (best step - begin) / length, or behind the point from which the
    loss stayed non-finite. The value is the least that was wasted: the checkpoint may be as late as its interval
    allows. Gives up without a validation loss."""
    lost, at = vitals.get("loss.lost_share"), vitals.get("val_loss.best_at")
    step, lost_from = vitals.get("val_loss.best_step"), vitals.get("loss.lost_from")
    if isinstance(lost, Estimate) and isinstance(lost_from, Estimate):
        return {"budget.wasted": lost, "budget.last_useful": lost_from}
    if isinstance(at, Estimate) and isinstance(step, Estimate):
        # As late as the best checkpoint may be: on a flat curve the lowest point is anywhere.
        share = [1 - min(1.0, x) for x in (at.high, at.value, at.low)]
        return {
            "budget.wasted": Estimate(share[0], share[0], share[1], "share", (step.value, signals.end)),
            "budget.last_useful": step,
        }
    why = at if isinstance(at, Missing) else Missing("no val_loss in the log", ("val_loss",))
    return {"budget.wasted": why, "budget.last_useful": why}


def _pace(signals: Signals) -> dict[str, Measured]:
    """Seconds per step of up to STRETCHES stretches: 1 - (seconds at the pace of the fastest quarter) / seconds taken,
    and the last quarter over the first. Pauses are left out. Gives up without times, or with too few for four
    stretches."""
    names = ("time.lost", "time.slowed", "time.per_step")
    intervals = _seconds(signals)
    if intervals is None:
        return dict.fromkeys(names, Missing("no seconds per step, throughput or wall time in the log", ("time",)))
    steps, seconds = intervals
    per_step = seconds / steps
    usual = median(per_step)
    if usual <= 0:
        return dict.fromkeys(names, Missing("the logged times do not rise with the steps"))
    run = per_step <= PAUSE * usual
    steps, seconds = steps[run], seconds[run]
    count = min(STRETCHES, len(steps) // FEWEST_INTERVALS)
    if count < 4:
        return dict.fromkeys(names, Missing(f"{len(steps)} logged times are too few to compare stretches of a run"))
    edges = np.linspace(0, len(steps), count + 1).astype(np.intp)[:-1]
    taken, walked = np.add.reduceat(seconds, edges), np.add.reduceat(steps, edges)
    pace = taken / walked
    fast = float(np.quantile(pace, 0.25))
    quarter = max(1, count // 4)
    slowed = float(median(pace[-quarter:]) / median(pace[:quarter])) if median(pace[:quarter]) > 0 else 1.0
    lost = float(1 - fast * walked.sum() / taken.sum())
    return {
        "time.lost": exact(max(0.0, lost), "share"),
        "time.slowed": exact(min(slowed, 1e6), "times"),
        "time.per_step": exact(fast),
    }


def _seconds(signals: Signals) -> tuple[Array, Array] | None:
    """Steps and seconds of each interval between logged points: from seconds per step, from a throughput, or from the
    wall time of the training loss."""
    timed = [c for c in signals.run.curves.get("time", ()) if len(c) >= 4 * FEWEST_INTERVALS]
    for curve in timed:
        tag = curve.tag.lower()
        if _NO_PACE.search(tag) or _LOADING.search(tag) or not _positive(curve.value):
            continue
        if _STEP.search(tag) and _DURATION.search(tag) and not _SPEED.search(tag) and not _cumulative(curve.value):
            return np.ones(len(curve)), curve.value
    for curve in timed:
        if _SPEED.search(curve.tag.lower()) and not _NO_PACE.search(curve.tag.lower()) and _positive(curve.value):
            return np.ones(len(curve)), 1 / curve.value
    train = signals.run.get("train_loss")
    if train is not None and train.wall_time is not None and len(train) > 4 * FEWEST_INTERVALS:
        seconds, steps = np.diff(train.wall_time), np.diff(train.step)
        if np.isfinite(seconds).all() and (seconds >= 0).all():
            return steps, seconds
    return None


def _loading(signals: Signals) -> Measured:
    """The share of a step that waits for its batch, from a pair of columns of one file: data_time beside time."""
    timed = signals.run.curves.get("time", ())
    for data in timed:
        if not _LOADING.search(data.tag.lower()):
            continue
        for whole in timed:
            share = _share(data, whole)
            if share is not None:
                low, middle, high = np.quantile(share, (0.25, 0.5, 0.75))
                return Estimate(float(middle), float(low), float(high), "share")
    return Missing("no time spent on loading beside the time of a step in the log", ("time",))


def _share(data: Curve, whole: Curve) -> Array | None:
    tag = whole.tag.lower()
    alone = _LOADING.search(tag) or _NO_PACE.search(tag) or _SPEED.search(tag)
    if whole is data or alone or whole.file != data.file or not np.array_equal(whole.step, data.step):
        return None
    if len(data) < FEWEST_INTERVALS or not _positive(whole.value) or not np.isfinite(data.value).all():
        return None
    # What is part of a step takes no longer than the step; a counter that adds up is no duration.
    fits = (data.value >= 0).all() and np.mean(data.value <= whole.value) > 0.9 and not _cumulative(whole.value)
    return np.minimum(1.0, data.value / whole.value) if fits else None


def _positive(value: Array) -> bool:
    return bool(((value > 1e-60) & (value < 1e60)).all())


def _cumulative(value: Array) -> bool:
    return len(value) > 2 and bool((np.diff(value) >= 0).all()) and float(value[-1]) > 1.5 * float(value[0])
