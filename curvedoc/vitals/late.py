"""Did a cut of the learning rate come long after the loss had come to rest?"""

from __future__ import annotations

import numpy as np

from ..curves.order import median
from ..curves.smooth import smooth
from ..curves.trend import falls
from ..estimate import Estimate
from .chart import Measured, Missing, Row, Vital
from .signals import FEWEST, Signals, alive

DROP_VITALS = {
    "lr_drop.rest_before": Vital("share", "part of the run right before the cut along which the loss hardly moved"),
    "lr_drop.rest_from": Vital("step", "where that rest began"),
    "lr_drop.gain": Vital("share", "part of the loss that fell off soon after the cut"),
}

#: A loss rests while its line moves by less than this share of its level.
REST = 0.05


def drops(signals: Signals, rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """The rows of the cuts with what lay right before and behind the first of them: where one came in time, the next
    is part of a plan, and as late as the plan has it."""
    steps = [step.value for row in rows if isinstance(step := row.vitals["lr_drop.step"], Estimate)]
    if not steps:
        return rows
    found = _drop(signals, steps[0], steps[1] if len(steps) > 1 else signals.end)
    after: dict[str, Measured] = dict.fromkeys(DROP_VITALS, Missing("an earlier cut lies before this one"))
    measured = [found, *[after] * (len(steps) - 1)]
    return tuple(Row(row.name, {**row.vitals, **vitals}) for row, vitals in zip(rows, measured, strict=True))


def _drop(signals: Signals, step: float, end: float) -> dict[str, Measured]:
    """Rest before the first cut and gain behind it, up to the next (`end`)."""
    curve = signals.run.get("train_loss")
    if curve is None or signals.train is None:
        return dict.fromkeys(DROP_VITALS, signals.absent["train_loss"])
    keep = alive(curve.value)
    until = min(end, step + 0.3 * (signals.end - signals.begin))
    before, after = keep & (curve.step < step), keep & (curve.step >= step) & (curve.step <= until)
    if before.sum() < FEWEST or after.sum() < 3:
        return dict.fromkeys(DROP_VITALS, Missing(f"too few points of train_loss around the cut at step {step:.0f}"))
    line, behind = smooth(curve.step[before], curve.value[before]), curve.value[after]
    last = max(1, len(line.value) // 10)
    level = median(line.value[-last:])
    band = REST * (abs(level) or 1.0)
    starts = np.linspace(step, float(line.step[0]), 25)[1:]
    fell, error = falls(line.step, line.points, starts, step)
    longest = [float(starts[np.abs(fell) + s * error < band].min(initial=step)) for s in (1.28, 0.0, -1.28)]
    low, middle, high = longest[0], min(longest[:2]), min(longest)
    length = signals.length or 1.0
    # Behind the cut the loss settles within a few points: all but the first fifth of the stretch says where.
    settled = behind[len(behind) // 5 :]
    doubt = 1.28 * float(np.hypot(median(line.se[-last:]), np.std(settled) / np.sqrt(len(settled))))
    gain, size = level - median(settled), abs(level) or 1.0
    return {
        "lr_drop.rest_before": Estimate(
            (step - middle) / length, (step - low) / length, (step - high) / length, "share", (middle, step)
        ),
        "lr_drop.rest_from": Estimate(middle, high, low, "step", (middle, middle)),
        "lr_drop.gain": Estimate(gain / size, (gain - doubt) / size, (gain + doubt) / size, "share", (step, until)),
    }
