"""How large are the updates of each layer, next to its weights?"""

from __future__ import annotations

import re

import numpy as np

from ..curves.order import median
from ..estimate import Estimate, exact
from ..run import Array, Curve
from .chart import Measured, Missing, Row, Vital
from .signals import Signals, alive

VITALS = {
    "update_ratio.median": Vital(
        "log10", "norm of the update over norm of the weight, median while the rate is near its peak"
    ),
    "update_ratio.strain": Vital(
        "log10",
        "that median, raised by twice how far it lies more than 0.3 above the highest other layer, for every layer but "
        "embeddings and the last",
    ),
    "update_ratio.still_share": Vital("share", "part of the points at which the layer did not move at all"),
    "update_ratio.meant_to_rest": Vital("", "1 if the log speaks of freezing or the layer moves later, else 0"),
}
#: A ratio below this is no movement: float32 cannot add a part of 1e-8 to a weight.
STILL = 1e-8
#: No layer of the 11 healthy runs of tests/lab/tune that log ratios lies further above the others, on a log10 scale.
ALIKE = 0.3
#: Biases and normalisation gains start at 0 or 1 and have no scale of their own: the rule of thumb of 1e-3
#: (Karpathy) is about weight matrices.
_NO_MATRIX = re.compile(
    r"(^|[/._ -])(bias|b|bn\d*|batch_?norm\w*|ln\d*|ln_\w+|layer_?norm\w*|norm\d*|gamma|beta)($|[/._ -])", re.IGNORECASE
)
#: Tables of embeddings: a batch touches few of their rows, so that their ratio is no measure for dense layers.
_TABLE = re.compile(r"(^|[/._ -])(\w*embed\w*|emb|wte|wpe|position\w*|lookup)($|[/._ -])", re.IGNORECASE)


def layers(signals: Signals) -> tuple[Row, ...]:
    """One row per weight matrix with a logged update ratio. The interval is the middle 80 % of its points."""
    logs = {}
    for name, curve in signals.run.layers("update_ratio").items():
        if not _NO_MATRIX.search(name) and len(value := _near_peak(signals, curve)) >= 3:
            logs[name] = value
    moved = {name: value[value > STILL] for name, value in logs.items() if not _TABLE.search(name)}
    levels = {name: median(np.log10(value)) for name, value in moved.items() if len(value)}
    rows = []
    for name, value in logs.items():
        moving = value[value > STILL]
        still = 1 - len(moving) / len(value)
        vitals: dict[str, Measured] = {
            "update_ratio.still_share": exact(still, "share", (signals.begin, signals.end)),
            "update_ratio.meant_to_rest": exact(float(_meant_to_rest(signals, value))),
        }
        if len(moving):
            low, middle, high = (float(x) for x in np.quantile(np.log10(moving), (0.1, 0.5, 0.9)))
            vitals["update_ratio.median"] = Estimate(middle, low, high, "log10", (signals.begin, signals.end))
            others = [level for other, level in levels.items() if other != name]
            above = 2 * max(0.0, middle - max(others) - ALIKE) if others else 0.0
            span = (signals.begin, signals.end)
            if name == list(logs)[-1] and others:
                small = "the last layer starts small: its ratio is large in healthy runs too"
                vitals["update_ratio.strain"] = Missing(small)
            elif _TABLE.search(name):
                vitals["update_ratio.strain"] = Missing("a batch moves few rows of an embedding")
            else:
                vitals["update_ratio.strain"] = Estimate(middle + above, low + above, high + above, "log10", span)
        else:
            never = Missing("the layer never moves")
            vitals |= {"update_ratio.median": never, "update_ratio.strain": never}
        rows.append(Row(name, vitals))
    return tuple(rows)


def _meant_to_rest(signals: Signals, value: Array) -> bool:
    """Whether a hyper-parameter speaks of freezing, or the layer was thawed during the run."""
    hyper = signals.run.hyper.items()
    said = any(re.search(r"freez|frozen", str(k), re.IGNORECASE) and v not in (False, 0, None, "") for k, v in hyper)
    moves = np.flatnonzero(value > STILL)
    return said or bool(len(moves) and moves[0] > 0 and (value[moves[0] :] > STILL).all())


def _near_peak(signals: Signals, curve: Curve) -> Array:
    """Ratios behind warm-up while the rate is above a third of its peak: a decayed rate makes small updates.

    The first step is left out: bias correction makes Adam's first update as large as the rate itself.
    """
    keep = alive(curve.value) & (curve.step > signals.begin)
    if signals.lr is not None:
        index = np.searchsorted(signals.lr.step, curve.step, side="right") - 1
        near = signals.lr.value[np.maximum(index, 0)] >= signals.lr.value.max() / 3
        keep = keep & near if (keep & near).sum() >= 3 else keep
    return np.abs(curve.value[keep])
