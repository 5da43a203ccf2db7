"""Does the run stay finite, and what happened just before it did not?"""

from __future__ import annotations

import numpy as np

from ..estimate import exact
from .chart import Measured, Missing, Vital
from .signals import Signals, alive

VITALS = {
    "loss.lost_points": Vital("count", "points of the loss (or gradient norm) from where it stays non-finite"),
    "loss.lost_from": Vital("step", "first step from which the loss stays non-finite"),
    "loss.lost_share": Vital("share", "part of the run that lies behind that step"),
    "loss.climbs_from": Vital(
        "step", "last point at its usual level, where the training loss climbed before it was lost"
    ),
    "loss.sudden_at": Vital("step", "where the loss was lost, if the training loss had not climbed before"),
    "loss.never_finite": Vital("count", "points of a training loss that was no number from the first on"),
}


def measure(signals: Signals) -> dict[str, Measured]:
    """Vitals of stability. Counting needs no smoothing and has no doubt."""
    run, lost = signals.run, signals.lost_at
    curves = [c for role in ("train_loss", "val_loss", "grad_norm") if (c := run.get(role)) is not None]
    if not curves:
        nothing = Missing("no loss in the log", ("train_loss",))
        return dict.fromkeys(VITALS, nothing)
    if lost is None:
        never = Missing("the loss stays finite")
        return {"loss.lost_points": exact(0, "count")} | dict.fromkeys(list(VITALS)[1:], never)
    points = sum(int((~alive(c.value[c.step >= lost])).sum()) for c in curves)
    found: dict[str, Measured] = {
        "loss.lost_points": exact(points, "count", (lost, signals.end)),
        "loss.lost_from": exact(lost, "step", (lost, lost)),
        "loss.lost_share": exact((signals.end - lost) / signals.length if signals.length else 1.0, "share"),
    }
    return found | _prelude(signals, lost)


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
    usual = float(np.median(value))
    noise = 1.4826 * float(np.median(np.abs(np.diff(value)))) / np.sqrt(2) if len(value) > 2 else 0.0
    high = value > usual + max(abs(usual), 6 * noise)
    if not high[-1]:
        return found | {"loss.sudden_at": exact(lost, "step")}
    calm = np.flatnonzero(~high)
    return found | {"loss.climbs_from": exact(float(step[calm[-1]] if len(calm) else step[0]), "step")}
