"""What did the learning rate do, and did a drop come too early?"""

from __future__ import annotations

import numpy as np

from ..curves.extrapolate import extrapolate
from ..curves.smooth import Smooth, smooth
from ..estimate import Estimate, exact
from .chart import Measured, Missing, Row
from .signals import FEWEST, Signals

VITALS = {
    "lr.of_peak": "share of its peak at which the learning rate stands at the end",
    "lr.peak": "the highest learning rate",
    "lr.last": "the last learning rate",
}
DROP_VITALS = {
    "lr_drop.step": "step of the drop",
    "lr_drop.at": "share of the run before the drop",
    "lr_drop.regret": "share by which the final loss lies above where the descent before the drop was heading",
    "lr_drop.pace_before": "share of the loss that fell off in the last third before the drop",
    "lr_drop.fall_after": "share of the loss at the drop that the whole rest of the run still gained",
}
#: Words in hyper-parameters that name a schedule ending near zero.
_ENDS_LOW = ("cosine", "linear", "poly", "one_cycle", "onecycle", "1cycle", "anneal")


def measure(signals: Signals) -> dict[str, Measured]:
    """Vitals of the logged rate. Without one, a schedule named in the hyper-parameters gives a guess."""
    if signals.lr is not None:
        peak, last = float(signals.lr.value.max()), float(signals.lr.value[-1])
        share = last / peak if peak > 0 else 0.0
        return {"lr.of_peak": exact(share, "share"), "lr.peak": exact(peak), "lr.last": exact(last)}
    found: dict[str, Measured] = dict.fromkeys(VITALS, signals.absent["lr"])
    named = " ".join(str(v).lower() for k, v in signals.run.hyper.items() if "sched" in k.lower())
    if any(word in named for word in _ENDS_LOW):
        found["lr.of_peak"] = Estimate(0.05, 0.0, 0.1, "share")
    elif "const" in named:
        found["lr.of_peak"] = exact(1.0, "share")
    return found


def drops(signals: Signals) -> tuple[Row, ...]:
    """One row per learning-rate drop: how early it came, and what the descent before it promised."""
    train, fit = signals.train, signals.schedule
    if fit is None:
        return ()
    return tuple(Row(f"{step:.0f}", _drop(signals, train, step)) for step in fit.drops)


def _drop(signals: Signals, train: Smooth | None, step: float) -> dict[str, Measured]:
    found: dict[str, Measured] = {
        "lr_drop.step": exact(step, "step", (step, step)),
        "lr_drop.at": exact((step - signals.begin) / signals.length, "share", (step, step)),
    }
    curve = signals.run.get("train_loss")
    if train is None or curve is None:
        return found | dict.fromkeys(list(DROP_VITALS)[2:], signals.absent["train_loss"])
    # Smoothed anew up to the drop: nothing of what came after may leak into the trend.
    warm = signals.schedule.warmup_until if signals.schedule is not None else None
    before = curve.step < step
    if warm is not None:
        before &= curve.step >= warm
    before &= np.isfinite(curve.value)
    if before.sum() < FEWEST:
        few = Missing(f"{int(before.sum())} points before the drop, {FEWEST} are needed", ("train_loss",))
        return found | dict.fromkeys(list(DROP_VITALS)[2:], few)
    trend = smooth(curve.step[before], curve.value[before])
    last = max(1, len(train.value) // 20)
    actual, doubt = float(np.median(train.value[-last:])), 1.28 * float(np.median(train.se[-last:]))
    promised, low, high = extrapolate(trend.step, trend.value, signals.end)
    scale = abs(actual) if actual else 1.0
    regret = sorted(((actual - doubt - high) / scale, (actual - promised) / scale, (actual + doubt - low) / scale))
    span = trend.step[-1] - trend.step[0]
    third, at_drop = float(trend.at(trend.step[-1] - span / 3)), float(trend.value[-1])
    size, se = abs(at_drop) or 1.0, 1.28 * float(trend.se[-1])
    pace, fall = (third - at_drop) / size, (at_drop - actual) / size
    return found | {
        "lr_drop.regret": Estimate(regret[1], regret[0], regret[2], "share", (step, signals.end)),
        "lr_drop.pace_before": Estimate(pace, pace - 2 * se / size, pace + 2 * se / size, "share"),
        "lr_drop.fall_after": Estimate(fall, fall - (se + doubt) / size, fall + (se + doubt) / size, "share"),
    }
