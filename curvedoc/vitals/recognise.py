"""Which logged rate is the run's, and which schedule is it, or which can be guessed without one?"""

from __future__ import annotations

import numpy as np

from ..curves.bend import BACK, loss_bend
from ..curves.cuts import shared_cuts
from ..curves.on_plateau import on_plateau
from ..curves.schedule import fit_schedule
from ..curves.schedule_fit import ScheduleFit
from ..curves.segment import loss_drops
from ..estimate import Estimate
from ..run import Curve, Run

#: Parameter groups that are looked at: those behind them follow the same schedule.
GROUPS = 4
#: How sure a schedule is that only the loss shows: below 0.5, the sign of a guess. Of 949 public runs that log no rate
#: (AlgoPerf and others) 16 get one, 13 of which missed their target; where the rate was cut, it may still have moved
#: between the cuts.
GUESS = 0.35
#: How sure a schedule is whose cuts all layers show at once; between the cuts the rate may have moved.
SEEN = 0.6
#: Words in hyper-parameters that name a schedule that holds its rate between cuts.
_HOLDS = ("step", "plateau", "piecewise", "milestone")
#: By how much of a logarithm's bend a descent may bend the other way behind a cut: some networks learn faster later.
STEPWISE = 0.3


def logged_rate(run: Run) -> tuple[Curve | None, ScheduleFit | None]:
    """The rate of the first parameter group that moves and its schedule, (None, None) when no rate is logged.

    A group may be frozen, or hold the biases with a warmup of its own: one whose schedule is known and moves goes
    before one that is constant, and that before one that is unknown. The rate has the points that are numbers below
    1e60 only; a curve with a negative value is no rate. Reduce-on-plateau is told from multi_step by the validation
    loss.
    """
    found: list[tuple[Curve, ScheduleFit]] = []
    for curve in run.curves.get("lr", ())[:GROUPS]:
        keep = np.abs(curve.value) < 1e60  # neither NaN nor what overflows when it is added up
        if not keep.any() or (curve.value[keep] < 0).any():
            continue
        rate = curve if keep.all() else Curve(curve.step[keep], curve.value[keep])
        fit = fit_schedule(rate.step, rate.value)
        found.append((rate, fit))
        if fit.kind not in ("unknown", "constant"):
            break
    if not found:
        return None, None
    rate, fit = min(found, key=lambda f: {"unknown": 2, "constant": 1}.get(f[1].kind, 0))
    if len(rate) < 3:
        return rate, None
    val = run.get("val_loss")
    if fit.drops and val is not None and len(val):
        fit = on_plateau(fit, rate.step, rate.value, val.step, val.value)
    return rate, fit


def update_cuts(run: Run) -> dict[float, Estimate]:
    """Steps at which the updates of all layers show that the rate was cut, and the share of it that was left."""
    curves = list(run.layers("update_ratio").values())
    same = [np.abs(c.value) for c in curves if np.array_equal(c.step, curves[0].step)]
    same = [value for value in same if ((value > 1e-60) & (value < 1e60)).all()]
    if not same:
        return {}
    cuts = shared_cuts(curves[0].step, np.array(same))
    return {step: Estimate(factor, low, high, "share", (step, step)) for step, low, factor, high in cuts}


def bend_cut(run: Run) -> dict[float, Estimate]:
    """The step at which the validation loss turned into a slow straight descent, as after a cut of the rate, and the
    part of the slope that was left: of the rate, while the gradient stays what it is. Half and twice are its doubt; its
    `steps` are those between which the corner lies."""
    train, val = run.get("train_loss"), run.get("val_loss")
    if train is None or val is None or not all((np.abs(c.value) < 1e60).all() for c in (train, val)):
        return {}
    # A schedule of steps, if it is named, cannot be what makes the descent faster and faster behind the corner.
    back = STEPWISE if any(word in named_schedule(run) for word in _HOLDS) else BACK
    if (bend := loss_bend(val.step, val.value, train.step, train.value, back)) is None:
        return {}
    doubt = Estimate(bend.factor, bend.factor / 2, min(1.0, 2 * bend.factor), "share", (bend.since, bend.at))
    return {bend.at: doubt}


def named_schedule(run: Run) -> str:
    """What the hyper-parameters say of a schedule, in small letters; empty where they say nothing."""
    return " ".join(str(v).lower() for k, v in run.hyper.items() if "sched" in str(k).lower())


def guess(run: Run) -> ScheduleFit | None:
    """What the updates, or the loss alone, show of the schedule: cuts of the rate, with a confidence below 0.5 where it
    is the loss; None when they show none, or when the hyper-parameters name a schedule that has none."""
    train, val = run.get("train_loss"), run.get("val_loss")
    named = named_schedule(run)
    if named and not any(word in named for word in _HOLDS):
        return None
    if cuts := update_cuts(run):
        return ScheduleFit("multi_step", None, tuple(cuts), 0.0, SEEN)
    if train is None or val is None:
        return None
    here, there = np.abs(train.value) < 1e60, np.abs(val.value) < 1e60  # NaN is not
    drops = loss_drops(train.step[here], train.value[here], val.step[there], val.value[there])
    if not drops and (bend := bend_cut(run)):
        drops = tuple(bend)
    return ScheduleFit("multi_step", None, drops, 0.0, GUESS) if drops else None
