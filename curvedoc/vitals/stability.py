"""Does the run stay finite, and what happened just before it did not?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..curves.order import median
from ..estimate import Estimate, exact
from ..run import Array, Curve
from .chart import Measured, Missing, Vital
from .signals import Signals, alive

VITALS = {
    "loss.lost_points": Vital("count", "points of the loss (or gradient norm) from where it stays non-finite"),
    "loss.lost_from": Vital("step", "first step from which the loss stays non-finite"),
    "loss.lost_share": Vital("share", "part of the run that lies behind the last number before that step"),
    "loss.climbs_from": Vital(
        "step", "last point at its usual level, where the training loss climbed before it was lost"
    ),
    "loss.sudden_at": Vital("step", "where the loss was lost, if the training loss had not climbed before"),
    "loss.never_finite": Vital("count", "points of a training loss that was no number from the first on"),
    "loss.burst": Vital(
        "log10", "growth of a training loss that never came down: the last value before it was lost over the first"
    ),
    "nan.hidden": Vital(
        "count", "points without a number in the training loss, or in a gradient norm that hurt, while the loss went on"
    ),
    "nan.first": Vital("step", "first of these points"),
    "nan.share": Vital("share", "part of the logged points that they are"),
}

#: A loss scale is found by steps that overflow and are skipped; more of the steps than this are a loss of work.
SKIPPED = 0.05
#: A loss that lost this share of its first value had begun to learn.
CAME_DOWN = 0.2
#: A gradient norm without a number hurt when the loss stands this much higher just after it.
HURT = 1.2


def measure(signals: Signals) -> dict[str, Measured]:
    """Vitals of stability. Counting needs no smoothing and has no doubt."""
    return _lost(signals) | _hidden(signals)


def _lost(signals: Signals) -> dict[str, Measured]:
    """Points, place and share of the run from where a loss or the gradient norm stays non-finite: counts, without
    doubt. Gives up without a loss; the place is missing where the loss stays finite."""
    run, lost = signals.run, signals.lost_at
    names = [name for name in VITALS if name.startswith("loss.")]
    curves = [c for role in ("train_loss", "val_loss", "grad_norm") if (c := run.get(role)) is not None]
    if not curves:
        nothing = Missing("no loss in the log", ("train_loss",))
        return dict.fromkeys(names, nothing)
    if lost is None:
        never = Missing("the loss stays finite")
        return {"loss.lost_points": exact(0, "count")} | dict.fromkeys(names[1:], never)
    points = sum(int((~alive(c.value[c.step >= lost])).sum()) for c in curves)
    before = [c.step[c.step < lost] for c in curves if lost in c.step]
    known = max((float(step[-1]) for step in before if len(step)), default=signals.begin)
    found: dict[str, Measured] = {
        "loss.lost_points": exact(points, "count", (lost, signals.end)),
        "loss.lost_from": exact(lost, "step", (lost, lost)),
        "loss.lost_share": exact((signals.end - known) / signals.length if signals.length else 1.0, "share"),
    }
    return found | _prelude(signals, lost) | {"loss.burst": _burst(signals, lost)}


def _prelude(signals: Signals, lost: float) -> dict[str, Measured]:
    """How the training loss came to be lost: after a climb, suddenly, or from its first point; one of the three.

    It climbed when its last finite value stands twice above the median of the run before and six standard
    deviations of its noise: a rate that is too high shows a climb, one bad batch none.
    """
    names = ("loss.climbs_from", "loss.sudden_at", "loss.never_finite")
    found: dict[str, Measured] = dict.fromkeys(names, Missing("the loss was lost in another way"))
    train = signals.run.get("train_loss")
    if train is None:
        return found | {"loss.sudden_at": exact(lost, "step")}
    before = alive(train.value) & (train.step < lost)
    if not before.any():
        return found | {"loss.never_finite": exact(len(train), "count")}
    value, step = train.value[before], train.step[before]
    usual = median(value)
    noise = 1.4826 * median(np.abs(np.diff(value))) / np.sqrt(2) if len(value) > 2 else 0.0
    high = value > usual + max(abs(usual), 6 * noise)
    if not high[-1]:
        return found | {"loss.sudden_at": exact(lost, "step")}
    calm = np.flatnonzero(~high)
    return found | {"loss.climbs_from": exact(float(step[calm[-1]] if len(calm) else step[0]), "step")}


def _burst(signals: Signals, lost: float) -> Measured:
    """log10 of the last finite training loss over the first; where two points tell it, which one batch can do as well,
    it may be none. Gives up with one, or where the loss had come down by CAME_DOWN before: then it had learned at this
    rate, and something else broke it."""
    train = signals.run.get("train_loss")
    value = train.value[np.isfinite(train.value) & (train.step < lost)] if train is not None else np.zeros(0)
    if len(value) < 2 or value[0] <= 0 or value.min() < (1 - CAME_DOWN) * value[0]:
        return Missing("the loss did not grow from its first points on until it was lost")
    grown = float(np.log10(value[-1] / value[0]))
    return Estimate(grown, grown if len(value) > 2 else min(0.0, grown), grown, "log10", (signals.begin, lost))


def _hidden(signals: Signals) -> dict[str, Measured]:
    """Points without a number that come and go, or stand in the gradient norm while the loss goes on.

    Of the training loss every one counts, if the points around it have numbers: a column that is filled in other
    rows has none. So does a loss of exactly 0 beside a gradient norm that is no number: a trainer that filters NaN
    writes it. Of the gradient norm they count where the loss rose behind them or where they are more than SKIPPED of
    all: a scaler of float16 losses skips a step now and then, which is how it works.
    """
    names = ("nan.hidden", "nan.first", "nan.share")
    train, norm = signals.run.get("train_loss"), signals.run.get("grad_norm")
    if train is None or not len(train):
        return dict.fromkeys(names, Missing("no train_loss in the log", ("train_loss",)))
    fine = alive(train.value)
    last = int(np.flatnonzero(fine)[-1]) if fine.any() else -1
    broken = ~fine & (np.arange(len(train)) < last)
    if broken.any():
        broken &= ~_filled_elsewhere(signals, train)
    # In a column that other rows fill no two neighbours have numbers.
    if int((fine[1:] & fine[:-1]).sum()) < broken.sum():
        broken[:] = False
    steps = list(train.step[broken])
    points = len(train)
    if norm is not None and last >= 0:
        bad = norm.step[~alive(norm.value) & (norm.step <= train.step[last])]
        at = np.searchsorted(train.step, bad).clip(0, len(train) - 1)
        zero = (train.value[at] == 0) & (train.step[at] == bad)
        level = np.where(fine, train.value, np.nan)
        hurt = _rose(level, at)
        many = len(bad) > SKIPPED * len(norm) and len(bad) < len(norm)
        # In a norm that is logged every few rows, with NaN in between, no two neighbours have numbers either.
        known = alive(norm.value)
        padded = int((known[1:] & known[:-1]).sum()) < 2
        steps += list(bad[zero | ((hurt | many) & (not padded))])
    if not steps:
        never = Missing("no point without a number while the loss goes on")
        return dict.fromkeys(names, never) | {"nan.hidden": exact(0, "count")}
    steps = sorted(set(map(float, steps)))
    return {
        "nan.hidden": exact(len(steps), "count", (steps[0], steps[-1])),
        "nan.first": exact(steps[0], "step", (steps[0], steps[0])),
        "nan.share": exact(min(1.0, len(steps) / points), "share"),
    }


def _filled_elsewhere(signals: Signals, train: Curve) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Where another curve has a number at the same step: its row may hold no training loss at all."""
    filled = np.zeros(len(train), bool)
    for role in ("val_loss", "val_accuracy", "val_metric", "val_metric_lower"):
        curve = signals.run.get(role)
        if curve is not None:
            filled |= np.isin(train.step, curve.step[alive(curve.value)])
    return filled


def _rose(level: Array, at: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    """Whether the median loss of the five points from each `at` on stands HURT above that of the five before; NaN
    counts as no point, and five of them are no median."""
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(level, 5, constant_values=np.nan), 5)
    before, after = (_medians(windows[places]) for places in (at, at + 5))
    rose: npt.NDArray[np.bool_] = (before > 0) & (after > HURT * before)
    return rose


def _medians(rows: Array) -> Array:
    """The median of the numbers of each row, NaN where it has none."""
    order, count = np.sort(rows, axis=1), np.isfinite(rows).sum(axis=1)  # NaN is sorted behind all numbers
    places = np.stack([np.maximum(count - 1, 0) // 2, count // 2], axis=1).clip(max=rows.shape[1] - 1)
    found: Array = np.take_along_axis(order, places, axis=1).mean(axis=1)
    return found
