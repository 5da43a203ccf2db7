"""The vital signs of a run, measured: Run in, Chart of named Estimates out."""

from __future__ import annotations

from collections.abc import Mapping

from ..run import Context, Run
from . import descent, gap, schedule, stability, start, updates
from .chart import Chart, Measured, Missing, Row, Vital
from .signals import Signals, prepare

__all__ = ["VITALS", "Chart", "Measured", "Missing", "Row", "Signals", "Vital", "measure"]

#: Every vital, by the kind of subject that has it.
VITALS: Mapping[str, Mapping[str, Vital]] = {
    "run": stability.VITALS | start.VITALS | descent.VITALS | schedule.VITALS | gap.VITALS,
    "lr_drop": schedule.DROP_VITALS,
    "layer": updates.VITALS,
}


def measure(run: Run, context: Context) -> tuple[Chart, Signals]:
    """The chart of a run, and the smoothed curves it was measured on."""
    signals = prepare(run, context)
    vitals: dict[str, Measured] = {}
    for part in (stability, start, descent, schedule, gap):
        vitals |= part.measure(signals)
    return Chart(Row("", vitals), schedule.drops(signals), updates.layers(signals), run.axis), signals
