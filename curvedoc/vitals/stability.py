"""Does the run stay finite, and what happened just before it did not?"""

from __future__ import annotations

import numpy as np

from ..estimate import exact
from .chart import Measured, Missing, Vital
from .signals import Signals

VITALS = {
    "loss.lost_points": Vital("count", "points of the loss (or gradient norm) from where it stays non-finite"),
    "loss.lost_from": Vital("step", "first step from which the loss stays non-finite"),
    "loss.lost_share": Vital("share", "part of the run that lies behind that step"),
    "loss.climb_before_loss": Vital("times", "last finite training loss over its lowest value before it was lost"),
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
    points = sum(int((~np.isfinite(c.value[c.step >= lost])).sum()) for c in curves)
    found: dict[str, Measured] = {
        "loss.lost_points": exact(points, "count", (lost, signals.end)),
        "loss.lost_from": exact(lost, "step", (lost, lost)),
        "loss.lost_share": exact((signals.end - lost) / signals.length if signals.length else 1.0, "share"),
        "loss.climb_before_loss": Missing("no finite training loss before it was lost"),
    }
    train = run.get("train_loss")
    if train is not None and signals.train is not None:
        before = train.value[(train.step < lost) & np.isfinite(train.value)]
        lowest = float(signals.train.value.min())
        if lowest > 0:
            found["loss.climb_before_loss"] = exact(float(before[-1]) / lowest, "times")
    return found
