"""The vital signs of a run, measured: Run in, Chart of named Estimates out."""

from __future__ import annotations

from collections.abc import Mapping

from ..run import Context, Run
from . import (
    budget,
    descent,
    epochs,
    fit,
    gap,
    gradients,
    held,
    initial,
    late,
    memorised,
    modes,
    pace,
    penalty,
    players,
    probabilities,
    rate,
    record,
    roughness,
    sample,
    schedule,
    shift,
    spikes,
    stability,
    start,
    units,
    updates,
)
from .chart import Chart, Measured, Missing, Row, Vital
from .every import thinned
from .signals import Signals, prepare

__all__ = ["VITALS", "Chart", "Measured", "Missing", "Row", "Signals", "Vital", "measure"]

#: Every vital, by the kind of subject that has it.
VITALS: Mapping[str, Mapping[str, Vital]] = {
    "run": stability.VITALS
    | start.VITALS
    | descent.VITALS
    | fit.VITALS
    | pace.VITALS
    | roughness.VITALS
    | held.VITALS
    | schedule.VITALS
    | gap.VITALS
    | memorised.VITALS
    | penalty.VITALS
    | players.VITALS
    | rate.VITALS
    | sample.VITALS
    | modes.VITALS
    | record.VITALS
    | shift.VITALS
    | initial.VITALS
    | probabilities.VITALS
    | units.VITALS
    | gradients.VITALS
    | spikes.VITALS
    | epochs.VITALS
    | budget.VITALS,
    "lr_drop": schedule.DROP_VITALS | late.DROP_VITALS,
    "layer": updates.VITALS,
}


def measure(run: Run, context: Context) -> tuple[Chart, Signals]:
    """The chart of a run, and the smoothed curves it was measured on. Of curves of millions of points every k-th is."""
    signals = prepare(thinned(run), context)
    vitals: dict[str, Measured] = {}
    for part in (
        stability,
        start,
        descent,
        fit,
        pace,
        roughness,
        schedule,
        gap,
        memorised,
        penalty,
        players,
        sample,
        modes,
        record,
        shift,
    ):
        vitals |= part.measure(signals)
    vitals |= held.measure(signals, vitals)
    for part in (initial, probabilities, units, gradients, spikes, epochs):
        vitals |= part.measure(signals)
    vitals |= rate.measure(signals, vitals)
    vitals |= budget.measure(signals, vitals)
    drops = late.drops(signals, schedule.drops(signals))
    return Chart(Row("", vitals), drops, updates.layers(signals), run.axis), signals
