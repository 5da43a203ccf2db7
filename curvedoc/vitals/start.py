"""How does the run begin: at once, or flat and then with a sudden drop?"""

from __future__ import annotations

import numpy as np

from ..curves.smooth import Smooth
from ..estimate import Estimate
from .chart import Measured, Missing, Vital
from .signals import Signals

VITALS = {
    "start.flat_for": Vital("share", "part of the run before the loss had done 5 % of its descent, behind any warm-up"),
    "start.flat_until": Vital("step", "where the loss had done 5 % of its descent"),
    "start.sharpness": Vital("times", "steps up to 5 % of the descent over the steps from 5 % to 50 % of it"),
}


def measure(signals: Signals) -> dict[str, Measured]:
    """Vitals of the first descent, from the smoothed training loss.

    An exponential decay has a sharpness of 0.08 and a straight line of 0.11 whatever their rates; only an
    S-shaped start exceeds 0.3. The interval moves both crossings by 1.28 standard errors of the curve.
    """
    train = signals.train
    if train is None:
        return dict.fromkeys(VITALS, signals.absent["train_loss"])
    top = float(np.median(train.value[: max(1, len(train.value) // 50)]))
    doubt = 1.28 * float(np.median(train.se[: max(2, len(train.se) // 10)]))
    descent = top - float(train.value.min())
    if descent <= 4 * doubt or descent <= 1e-3 * abs(top):
        return dict.fromkeys(VITALS, Missing("the training loss never fell beyond its noise"))
    spacing = float(np.median(np.diff(train.step)))
    grid = [_crossings(train, top, descent, shift) for shift in (doubt, 0.0, -doubt)]
    warm = signals.schedule.warmup_until if signals.schedule is not None else None
    origin = train.step[0] if warm is None else max(float(train.step[0]), warm)
    flat = [max(0.0, (five - origin) / signals.length) for five, _ in grid]
    # A drop between two logged points is as sharp as the log can show.
    sharp = [max(0.0, five - origin) / max(fifty - five, spacing) for five, fifty in grid]
    until = [five for five, _ in grid]
    span = (float(origin), grid[1][0])
    return {
        "start.flat_for": _estimate(flat, "share", span),
        "start.flat_until": _estimate(until, "step", (until[1], until[1])),
        "start.sharpness": _estimate(sharp, "times", (grid[1][0], grid[1][1])),
    }


def _crossings(train: Smooth, top: float, descent: float, shift: float) -> tuple[float, float]:
    """First steps below 5 % and 50 % of the descent, between points by straight lines."""
    found = []
    for share in (0.05, 0.5):
        level = top - share * descent + shift
        at = int(np.argmax(train.value <= level))
        if at == 0:
            found.append(float(train.step[0]))
            continue
        x0, x1, y0, y1 = train.step[at - 1], train.step[at], train.value[at - 1], train.value[at]
        found.append(float(x0 + (x1 - x0) * (y0 - level) / (y0 - y1)))
    return found[0], max(found)


def _estimate(values: list[float], unit: str, steps: tuple[float, float]) -> Estimate:
    return Estimate(values[1], min(values), max(values), unit, steps)
