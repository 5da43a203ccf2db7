"""Does the gradient grow step by step, blow up, or die on its way to the first layers?"""

from __future__ import annotations

import numpy as np

from ..curves.order import median, quantile
from ..estimate import Estimate, exact
from ..run import Array
from .chart import Measured, Missing, Vital
from .signals import Signals, alive
from .updates import STILL

VITALS = {
    "grad_norm.growth": Vital("times", "gradient norm at the end of its calm part over that at its begin"),
    "grad_norm.directed": Vital("share", "that growth over all its ups and downs together, in logarithms"),
    "grad_norm.of_loss": Vital("log10", "median gradient norm over the loss, in the first tenth of the run"),
    "grad_norm.fall_meanwhile": Vital(
        "share", "part of the descent done while the norm stood above 300 times the loss"
    ),
    "gradient.fades": Vital("log10", "update ratio of the first layers over that of the last, near the begin"),
    "gradient.in_order": Vital("", "rank correlation of the layers' update ratios with their order"),
}

#: Fewer points of the norm show no trend, fewer layers no order.
FEWEST_POINTS = 20
FEWEST_LAYERS = 4
#: Healthy norms are 0.2 to 13 times the loss from MLPs to small transformers; 300 is far from all of them.
LARGE = 300.0
#: The loss has broken where it stands half above its start; what the norm does then is no trend but the wreck.
BROKEN = 1.5


def measure(signals: Signals) -> dict[str, Measured]:
    """Vitals of the gradient norm and of how far the gradient reaches."""
    return _growth(signals) | _size(signals) | _reach(signals)


def _norm(signals: Signals) -> tuple[Array, Array] | Missing:
    curve = signals.run.get("grad_norm")
    if curve is None:
        return Missing("no grad_norm in the log", ("grad_norm",))
    keep = alive(curve.value) & (curve.value > 0)
    if signals.lost_at is not None:
        keep &= curve.step < signals.lost_at
    if int(keep.sum()) < FEWEST_POINTS:
        return Missing(f"grad_norm has {int(keep.sum())} usable points, {FEWEST_POINTS} are needed: log it more often")
    return curve.step[keep], curve.value[keep]


def _growth(signals: Signals) -> dict[str, Measured]:
    """How steadily the norm grew until the loss broke.

    The norm of one batch's gradient jumps about by tens of percent. Gradients that are never cleared add up: their
    sum changes little from step to step and hardly ever shrinks, so that its way up is nearly all of its way.
    """
    names = ("grad_norm.growth", "grad_norm.directed")
    norm = _norm(signals)
    if isinstance(norm, Missing):
        return dict.fromkeys(names, norm)
    step, value = norm
    train = signals.train
    if train is not None:
        start = median(train.points[:3])
        broken = np.flatnonzero(train.points > BROKEN * abs(start) + 1e-12)
        if len(broken):
            calm = step < train.step[broken[0]]
            # A loss that breaks within a few points leaves no calm part: then all of it must do.
            step, value = (step[calm], value[calm]) if int(calm.sum()) >= FEWEST_POINTS else (step, value)
    logs = np.log(value)
    edge = max(1, len(logs) // 20)
    grown = median(logs[-edge:]) - median(logs[:edge])
    way = float(np.abs(np.diff(logs)).sum())
    span = (float(step[0]), float(step[-1]))
    return {
        "grad_norm.growth": exact(float(np.exp(np.clip(grown, -50, 50))), "times", span),
        "grad_norm.directed": exact(float(np.clip(grown / max(way, 1e-12), -1, 1)), "share", span),
    }


def _size(signals: Signals) -> dict[str, Measured]:
    """The norm over the loss, which no scaling of the loss changes, and whether the loss could fall meanwhile.

    Norms of scaled float16 losses are as large all along, and the loss falls all the same.
    """
    names = ("grad_norm.of_loss", "grad_norm.fall_meanwhile")
    norm, train = _norm(signals), signals.train
    if isinstance(norm, Missing) or train is None:
        return dict.fromkeys(names, norm if isinstance(norm, Missing) else signals.absent["train_loss"])
    if train.value.min() <= 0:
        return dict.fromkeys(names, Missing("the loss takes values below zero: nothing is a multiple of it"))
    step, value = norm
    loss = np.interp(step, train.step, train.value)
    share = value / loss
    early = share[: max(5, len(share) // 10)]
    low, middle, high = (quantile(np.log10(early), share) for share in (0.1, 0.5, 0.9))
    calm = np.flatnonzero(share <= LARGE)
    until = float(step[calm[0]]) if len(calm) else float(step[-1])
    top, lowest = float(np.max(train.value[:3])), float(train.value.min())
    fell = (top - train.at(until)) / (top - lowest) if top > lowest else 0.0
    span = (float(step[0]), until)
    return {
        "grad_norm.of_loss": Estimate(middle, low, high, "log10", span),
        "grad_norm.fall_meanwhile": exact(float(np.clip(fell, 0, 1)), "share", span),
    }


def _reach(signals: Signals) -> dict[str, Measured]:
    """Update ratios from the first layers to the last: in plain SGD they follow the gradient.

    Measured over the first quarter of the run; a layer that rests has none.
    """
    names = ("gradient.fades", "gradient.in_order")
    until = signals.begin + signals.length / 4
    levels = []
    for curve in signals.run.layers("update_ratio").values():
        early = (curve.step > signals.begin) & (curve.step <= until)
        value = np.abs(curve.value[early if int(early.sum()) >= 3 else slice(None)])
        value = value[alive(value) & (value > STILL)]
        if len(value):
            levels.append(float(np.log10(median(value))))
    if len(levels) < FEWEST_LAYERS:
        few = f"update ratios of {len(levels)} layers that move: {FEWEST_LAYERS} are needed to see a gradient fade"
        return dict.fromkeys(names, Missing(few, ("update_ratio",)))
    level = np.array(levels)
    first = median(level[: max(2, len(level) // 3)])
    order, place = np.argsort(np.argsort(level)).astype(float), np.arange(len(level), dtype=float)
    together = float(np.corrcoef(order, place)[0, 1])
    return {
        "gradient.fades": exact(first - float(level[-1]), "log10"),
        "gradient.in_order": exact(together),
    }
