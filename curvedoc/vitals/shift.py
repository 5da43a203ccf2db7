"""Did the training loss jump for good where validation went on: is another thing measured since then?"""

from __future__ import annotations

import numpy as np

from ..curves.order import median
from ..curves.step import lone_step
from ..estimate import Estimate, exact
from .chart import Measured, Missing, Vital
from .signals import TINY, Signals, alive

VITALS = {
    "shift.at": Vital("step", "first point behind the surest lasting jump of the training loss"),
    "shift.jump": Vital("share", "size of that jump, up or down, over the training loss before it"),
    "shift.jump_sd": Vital("sd", "that jump in its standard errors"),
    "shift.shared": Vital(
        "share", "jump of the validation loss there, over its own level, by that of the training loss"
    ),
    "shift.rate_moved": Vital("share", "how far the rate moved there, over the larger of both"),
}


def measure(signals: Signals) -> dict[str, Measured]:
    """Vitals of a jump that only the training loss makes; intervals of 1.28 standard errors."""
    train, val = signals.run.get("train_loss"), signals.run.get("val_loss")
    if train is None or signals.train is None:
        return dict.fromkeys(VITALS, signals.absent["train_loss"])
    if val is None or signals.val is None:
        return dict.fromkeys(VITALS, signals.absent["val_loss"])
    if signals.lost_at is not None:
        return dict.fromkeys(VITALS, Missing("the loss was lost to NaN or infinity"))
    here, there = alive(train.value), alive(val.value)
    found = lone_step(train.step[here], train.value[here], val.step[there], val.value[there])
    if found is None:
        return dict.fromkeys(
            VITALS, Missing("no jump of the training loss that stays, or too few validations to see it")
        )
    before, other = train.step[here] < found.at, val.step[there] < found.at
    level = abs(median(train.value[here][before][-5:])) or TINY
    val_level = abs(median(val.value[there][other][-5:])) or TINY
    jump, doubt = abs(found.jump) / level, 1.28 * found.error / level
    size = max(jump, 1e-12)
    # A jump of validation the other way is none of it.
    shared = float(np.sign(found.jump)) * found.other / val_level / size
    shared_doubt = 1.28 * found.other_error / val_level / size
    stretch = (found.at, signals.end)
    return {
        "shift.at": exact(found.at, "step", (found.at, found.at)),
        "shift.jump": Estimate(jump, jump - doubt, jump + doubt, "share", stretch),
        "shift.jump_sd": exact(min(1e6, abs(found.jump) / found.error), "sd"),
        "shift.shared": Estimate(shared, shared - shared_doubt, shared + shared_doubt, "share", stretch),
        "shift.rate_moved": _rate_moved(signals, found.at),
    }


def _rate_moved(signals: Signals, at: float) -> Measured:
    """Between the last points before the jump and the first behind it, a hundredth of the run to each side."""
    if signals.lr is None:
        return signals.absent["lr"]
    reach = 0.01 * signals.length
    rates = [signals.lr_at(step) or 0.0 for step in (at - reach, at + reach)]
    return exact(float(1 - min(rates) / max(rates)) if max(rates) > 0 else 0.0, "share")
