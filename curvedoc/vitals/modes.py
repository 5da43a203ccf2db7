"""Were training and validation measured in the mode in which they should be?"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..curves.order import median
from ..curves.smooth import Smooth, smooth
from ..estimate import Estimate
from ..run import Array, Curve
from .chart import Measured, Missing, Vital
from .recognise import named_schedule
from .signals import FEWEST, Signals, alive

VITALS = {
    "modes.dropout": Vital("share", "highest dropout that the log states"),
    "modes.dropout_cost": Vital(
        "share",
        "how far training lies above validation in the middle of the descent, over the former; dropout raises it",
    ),
    "modes.rest_noise": Vital(
        "share", "scatter of the validation loss where the rate has come to next to nothing, over its level"
    ),
    "modes.rest_kept": Vital("share", "that scatter over the one before, where the weights moved"),
    "modes.rest_from": Vital("step", "first validation behind which the weights hardly moved"),
    "leak.below_fair": Vital(
        "share",
        "how far validation lies below the training loss in evaluation mode, or half as far as below the target loss, "
        "over the last half of the run",
    ),
}

#: Dropout below this hardly shows in the loss.
STRONG = 0.25
#: Part of its first value by which the validation loss must come down.
LEARNED = 0.3
#: So many validations in the middle of the descent.
EARLY = 5
#: Weights rest from one validation to the next where less than this share of the most rate is spent between two, and
#: move where more than the second is. A rate that was cut to a tenth is no rest: noise of steps throws weights about by
#: the root of it, a third of before, and batch norm adds to that.
RESTS, MOVES = 0.09, 0.4
#: Differences between validations that a scatter needs; its standard error is then two fifths of it.
FEWEST_STEPS = 3
_EVALUATED = re.compile(r"(?:^|[^a-z])(?:full|eval|evaluated|clean)(?:[^a-z]|$)", re.IGNORECASE)
#: Names of a dropout among hyper-parameters.
_DROPOUT = re.compile(r"drop_?(?:out|rate|prob)|pdrop|(?:^|[./])drop$")


def measure(signals: Signals) -> dict[str, Measured]:
    """Vitals of the two modes of a network, from the levels of the losses."""
    if signals.val is None:
        return dict.fromkeys(VITALS, signals.absent["val_loss"])
    if signals.train is None:
        return dict.fromkeys(VITALS, signals.absent["train_loss"])
    if signals.lost_at is not None:
        return dict.fromkeys(VITALS, Missing("the loss was lost to NaN or infinity"))
    found = _dropout(signals, signals.val, signals.train) | _rest(signals)
    return found | {"leak.below_fair": _leak(signals, signals.val)}


def _dropout(signals: Signals, val: Smooth, train: Smooth) -> dict[str, Measured]:
    """What dropout costs in training and not in validation, where the log states a dropout of STRONG or more.

    With units dropped the same weights have a higher loss. While what is learned of the examples is what is learned of
    the task, training in its own mode must lie above validation in its own.
    """
    names = ("modes.dropout", "modes.dropout_cost")
    stated = stated_dropout(signals.run.hyper)
    if stated is None or stated < STRONG:
        why = "no dropout in the log's hyper-parameters" if stated is None else f"a dropout of {stated:g} hardly shows"
        return dict.fromkeys(names, Missing(why))
    found: dict[str, Measured] = {"modes.dropout": Estimate(stated, stated, stated, "share")}
    # As long as nothing is learned no unit is missed, and in the end what is memorised hides the cost: in between,
    # from where validation has done half of its descent.
    first, lowest = float(val.points[0]), float(val.value.min())
    if not first > 0 or lowest > (1 - LEARNED) * first:
        return found | {"modes.dropout_cost": Missing("the validation loss hardly fell after the first validation")}
    begin = int(np.argmax(val.value <= (first + lowest) / 2))
    # Where training was logged as often as validation, each of its points is a mean that stands for its middle.
    lag = median(np.diff(train.step)) / 2 if len(train.step) <= 1.5 * len(val.step) else 0.0
    inside = (val.step >= train.step[0] - lag) & (val.step <= train.step[-1] - lag)
    at = np.flatnonzero(inside & (np.arange(len(val.step)) >= begin))[:EARLY]
    if len(at) < 3:
        return found | {"modes.dropout_cost": Missing("fewer than three validations while the loss came down")}
    beside = np.interp(val.step[at], train.step - lag, train.value)
    cost = (beside - val.value[at]) / np.where(np.abs(beside) > 0, np.abs(beside), 1.0)
    doubt = 1.28 * float(np.std(cost, ddof=1)) / math.sqrt(len(at))
    value = median(cost)
    stretch = (float(val.step[at[0]]), float(val.step[at[-1]]))
    found["modes.dropout_cost"] = Estimate(value, value - doubt, value + doubt, "share", stretch)
    return found


def _rest(signals: Signals) -> dict[str, Measured]:
    """Whether validation comes to rest as the weights do.

    One set of examples and one network give one loss. Between two validations the weights move by about the rate
    that is spent there: where that is a small part of the most, so must be what the loss moves. The scatter of m
    differences less their mean is known to 1/sqrt(2m).
    """
    names = ("modes.rest_noise", "modes.rest_kept", "modes.rest_from")
    curve, rate = signals.run.get("val_loss"), signals.lr or _named(signals)
    if rate is None:
        return dict.fromkeys(names, signals.absent["lr"])
    assert curve is not None  # its smoothed curve is known
    step, value = curve.step[alive(curve.value)], curve.value[alive(curve.value)]
    # Of a rate that jumps between two of its points nobody knows where: half of the higher one is no rest either.
    between = (rate.value[:-1] + rate.value[1:]) / 2
    added = np.concatenate([[0.0], np.cumsum(between * np.diff(rate.step))])
    spent = np.diff(np.interp(step, rate.step, added))
    late = step[1:] > signals.begin + 0.25 * signals.length  # the first descent is no scatter
    if not late.any() or spent.max() <= 0:
        return dict.fromkeys(names, Missing("too few validations beside the learning rate"))
    still, moving = late & (spent < RESTS * spent.max()), late & (spent > MOVES * spent.max())
    level = abs(median(value[-FEWEST_STEPS:]))
    if min(still.sum(), moving.sum()) < FEWEST_STEPS or level <= 0:
        return dict.fromkeys(names, Missing("fewer than four validations while the rate was next to nothing"))
    change = np.diff(value)
    rest, before = _scatter(change[still]), _scatter(change[moving])
    doubt = 1 + 1.28 / math.sqrt(2 * int(still.sum()))
    both = 1 + 1.28 * math.hypot(1 / math.sqrt(2 * int(still.sum())), 1 / math.sqrt(2 * int(moving.sum())))
    first = float(step[np.flatnonzero(still)[0]])
    noise, kept, span = rest / level, min(1e6, rest / max(before, 1e-12 * level)), (first, float(step[-1]))
    return {
        "modes.rest_noise": Estimate(noise, noise / doubt, noise * doubt, "share", span),
        "modes.rest_kept": Estimate(kept, kept / both, kept * both, "share", span),
        "modes.rest_from": Estimate(first, first, first, "step", span),
    }


def _named(signals: Signals) -> Curve | None:
    """The rate that a schedule has which the hyper-parameters name, if it ends at nothing with the run: a half cosine
    or a straight line, of peak 1; None where they name no such schedule."""
    named = named_schedule(signals.run)
    done = np.linspace(0.0, 1.0, 101)
    shape = (1 + np.cos(np.pi * done)) / 2 if "cosine" in named else 1 - done if "linear" in named else None
    return None if shape is None or "restart" in named else Curve(signals.begin + done * signals.length, shape)


def _scatter(change: Array) -> float:
    """Standard deviation of a point, from differences of neighbours less their trend."""
    return float(np.std(change, ddof=1)) / math.sqrt(2)


def stated_dropout(hyper: Mapping[str, Any]) -> float | None:
    """The highest dropout among hyper-parameters, None where none is stated.

    >>> stated_dropout({"model.dropout": 0.5, "attn_dropout": 0.1, "dropout_schedule": "none"})
    0.5
    >>> stated_dropout({"args/drop": 0.3, "drop_path": 0.1, "lr_drop": 0.9})  # timm's word for it
    0.3
    """
    found = [
        float(value)
        for key, value in hyper.items()
        if _DROPOUT.search(str(key).lower())
        and isinstance(value, (int, float))
        and not isinstance(value, bool)
        and 0 <= value < 1
    ]
    return max(found, default=None)


def _leak(signals: Signals, val: Smooth) -> Measured:
    """Validation that is better than what the model can do on its own training data.

    Measured in the same mode, held-out examples are no easier than those that were trained on. A target loss says
    what is good, not what is possible: half the way below it counts.
    """
    late = val.step >= signals.begin + signals.length / 2
    if late.sum() < 3:
        return Missing("fewer than three validations in the second half of the run")
    level, doubt = median(val.value[late]), 1.28 * median(val.se[late])
    stretch = (float(val.step[late][0]), float(val.step[late][-1]))
    fair: list[tuple[float, float]] = []
    for curve in signals.run.curves.get("train_loss", ())[1:]:
        keep = alive(curve.value)
        if _EVALUATED.search(curve.tag) and keep.sum() >= FEWEST and curve.step[keep][-1] >= stretch[0]:
            line = smooth(curve.step[keep], curve.value[keep])
            inside = line.step >= stretch[0]
            reference = median(line.value[inside])
            error = float(np.hypot(doubt, 1.28 * median(line.se[inside])))
            if reference > 0:
                fair.append(((reference - level) / reference, error / reference))
    target = signals.context.target_loss
    if target is not None and target > 0:
        fair.append((0.5 * (target - level) / target, 0.5 * doubt / target))
    if not fair:
        why = "no training loss in evaluation mode is logged and no --target-loss is given"
        return Missing(why, ("train_loss",))
    value, error = max(fair)
    return Estimate(value, value - error, value + error, "share", stretch)
