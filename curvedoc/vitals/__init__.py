"""The vital signs of a run, measured: Run in, Chart of named Estimates out."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from ..run import Context, Run
from . import late, schedule, updates
from .chart import Chart, Measured, Missing, Row, Vital
from .every import thinned
from .signals import Signals, calculable, prepare

__all__ = ["VITALS", "Chart", "Measured", "Missing", "Row", "Signals", "Vital", "measure"]

#: The modules that measure the run itself, each with `VITALS` and `measure(signals)`: a new one is named here alone.
ALONE = (
    "stability",
    "start",
    "descent",
    "fit",
    "pace",
    "roughness",
    "schedule",
    "gap",
    "memorised",
    "few",
    "penalty",
    "players",
    "sample",
    "modes",
    "record",
    "shift",
    "initial",
    "probabilities",
    "units",
    "guessing",
    "gradients",
    "spikes",
    "epochs",
)
#: Those that look at what was measured before them as well: `measure(signals, vitals)`.
AFTERWARDS = ("held", "rate", "usual", "lifted", "young", "budget")
_MODULES = {name: import_module(f".{name}", __name__) for name in ALONE + AFTERWARDS}

#: Every vital, by the kind of subject that has it.
VITALS: Mapping[str, Mapping[str, Vital]] = {
    "run": {name: vital for module in _MODULES.values() for name, vital in module.VITALS.items()},
    "lr_drop": schedule.DROP_VITALS | late.DROP_VITALS,
    "layer": updates.VITALS,
}


def measure(run: Run, context: Context) -> tuple[Chart, Signals]:
    """The chart of a run, and the smoothed curves it was measured on. Of curves of millions of points every k-th is."""
    signals = prepare(calculable(thinned(run)), context)
    vitals: dict[str, Measured] = {}
    for name in ALONE:
        vitals |= _MODULES[name].measure(signals)
    for name in AFTERWARDS:
        vitals |= _MODULES[name].measure(signals, vitals)
    drops = late.drops(signals, schedule.drops(signals))
    return Chart(Row("", vitals), drops, updates.layers(signals), run.axis), signals
