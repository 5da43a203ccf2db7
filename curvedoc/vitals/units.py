"""How many hidden units never fire?"""

from __future__ import annotations

import numpy as np

from ..curves.order import median
from ..estimate import Estimate, exact
from ..run import Array, Curve
from .chart import Measured, Missing, Vital
from .signals import Signals, shares

VITALS = {
    "units.dead": Vital("share", "dead units of the layer that has most of them, median over the run"),
    "units.dead_layers": Vital("count", "hidden layers with more dead units than living ones"),
    "units.layers": Vital("count", "hidden layers whose dead units are logged"),
    "units.worst": Vital("count", "place of the layer with most dead units, counted from 1 as they are logged"),
    "units.died": Vital(
        "share",
        "how far the dead share of a layer that is mostly dead rose from its first point to its median, where least",
    ),
    "units.dead_from": Vital("step", "from where on more than half of that layer is dead"),
}


def measure(signals: Signals) -> dict[str, Measured]:
    """Vitals of dead units: those that a ReLU holds at zero on every input, so that no gradient reaches them.

    The interval is the middle 80 % of all points: what dies for a few steps is not dead, and what dies late is dead of
    something else, a rate that is too high most often.
    """
    layers = {
        name: share for name, curve in signals.run.layers("dead_share").items() if len(share := _shares(curve)[1])
    }
    if not layers:
        return dict.fromkeys(VITALS, Missing("no dead_share in the log", ("dead_share",)))
    place, worst = max(enumerate(layers), key=lambda item: median(layers[item[1]]))
    low, middle, high = (float(x) for x in np.quantile(layers[worst], (0.1, 0.5, 0.9)))
    span = (signals.begin, signals.end)
    found: dict[str, Measured] = {
        "units.dead": Estimate(middle, low, high, "share", span),
        "units.dead_layers": exact(sum(median(share) > 0.5 for share in layers.values()), "count"),
        "units.layers": exact(len(layers), "count"),
        "units.worst": exact(place + 1, "count"),
        "units.died": exact(_died(list(layers.values())), "share"),
        "units.dead_from": Missing("no layer is dead by more than half"),
    }
    if middle > 0.5:
        step, share = _shares(signals.run.layers("dead_share")[worst])
        alive = np.flatnonzero(share <= 0.5)
        since = float(step[min(len(step) - 1, int(alive[-1]) + 1 if len(alive) else 0)])
        found["units.dead_from"] = exact(since, "step", (since, since))
    return found


def _died(layers: list[Array]) -> float:
    """Of the layers that are dead by more than half (of all, if none is), the smallest rise: behind a layer that was
    born dead no gradient comes back, and what lies before it dies of its weight decay."""
    dead = [share for share in layers if median(share) > 0.5] or layers
    return min(median(share) - float(share[0]) for share in dead)


def _shares(curve: Curve) -> tuple[Array, Array]:
    """Steps and shares of 1 of the points that are shares."""
    value = shares(curve)
    keep = np.isfinite(value) & (value >= 0) & (value <= 1)
    return curve.step[keep], value[keep]
