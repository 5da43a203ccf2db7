"""Were the training examples learned by heart, while validation stood still?"""

from __future__ import annotations

import numpy as np

from ..curves.order import median
from ..curves.smooth import Smooth
from ..estimate import Estimate
from .chart import Measured, Missing, Vital
from .gap import left_to_gain
from .signals import TINY, Signals

VITALS = {
    "memorised.times": Vital("times", "final validation loss over final training loss"),
    "memorised.gap": Vital(
        "share",
        "final validation loss above the final training loss, over all that the latter came down; at most twice the "
        "share of wrong answers",
    ),
    "memorised.fell": Vital("share", "part of the training loss that fell off after validation had come to rest"),
    "memorised.since": Vital("step", "where validation first came within 5 % of its final loss"),
    "memorised.metric_gain": Vital(
        "share",
        "gain of the held-out metric in the second half of the time since then, over its range or all that was left if "
        "that is more",
    ),
}

#: Validation has come to rest where it no longer lies above its final level by more than this: the smallest gain that
#: counts when treatments are compared, with half and nearly twice of it as the doubt.
REST, DOUBT = 0.05, (0.03, 0.08)
#: An answer that is surely wrong costs about twice as much as a guess.
WRONG = 2.0
#: No ratio of losses is told beyond this one.
MOST = 1e6


def measure(signals: Signals) -> dict[str, Measured]:
    """Vitals of memorising, from the smoothed losses; a level is the median of the last twentieth of the points."""
    val, train = signals.val, signals.train
    if val is None or train is None:
        return dict.fromkeys(VITALS, signals.absent["val_loss" if val is None else "train_loss"])
    if signals.lost_at is not None:
        return dict.fromkeys(VITALS, Missing("the loss was lost to NaN or infinity"))
    (held_out, val_doubt), (learned, doubt) = _end(val), _end(train)
    first = max(float(train.points[0]), float(train.value[0]))
    if min(float(val.value.min()), held_out) <= 0 or float(train.points.min()) < 0:
        return dict.fromkeys(VITALS, Missing("a loss below zero has no scale"))
    if first - learned <= doubt:
        return dict.fromkeys(VITALS, Missing("the training loss did not come down"))
    both = float(np.hypot(val_doubt, doubt))
    # Both levels are seldom off at once, and against each other: 0.7 of each doubt is that of the ratio.
    pairs = _pairs(held_out, 0.7 * val_doubt, learned, 0.7 * doubt)
    times = [min(MOST, max(0.0, v) / max(t, v / MOST, TINY)) for v, t in pairs]
    gap, span = held_out - learned, first - learned
    # A few surely wrong answers make the loss large where nearly all of the task is learned.
    most = WRONG * left_to_gain(signals, signals.end) if signals.run.get("val_accuracy") and signals.metric else np.inf
    found: dict[str, Measured] = {
        "memorised.times": Estimate(times[1], min(times), max(times), "times"),
        "memorised.gap": Estimate(
            min(most, gap / span), min(most, (gap - both) / span), min(most, (gap + both) / span), "share"
        ),
    }
    early, since, late = (_since(val, held_out * (1 + band)) for band in (DOUBT[1], REST, DOUBT[0]))
    # Below a thousandth of where training began nothing is left that could fall off.
    then = [train.at(step) for step in (late, since, early)]
    fell = [(at - learned) / max(at, 1e-3 * first, TINY) for at in then]
    stretch = (since, signals.end)
    found["memorised.since"] = Estimate(since, early, late, "step", (since, since))
    found["memorised.fell"] = Estimate(fell[1], min(fell), max(fell), "share", stretch)
    # Where the loss has just come to rest the metric often still gains; what counts is whether it does while training
    # goes on for long.
    return found | {"memorised.metric_gain": _metric_gain(signals, (since + signals.end) / 2)}


def _end(curve: Smooth) -> tuple[float, float]:
    last = max(1, len(curve.value) // 20)
    return median(curve.value[-last:]), 1.28 * median(curve.se[-last:])


def _pairs(held_out: float, val_doubt: float, learned: float, doubt: float) -> tuple[tuple[float, float], ...]:
    return (
        (held_out - val_doubt, learned + doubt),
        (held_out, learned),
        (held_out + val_doubt, max(0.0, learned - doubt)),
    )


def _since(val: Smooth, level: float) -> float:
    """The step at which the curve first came down to a level that it ends below: all that it went up and down since
    then gained nothing."""
    return float(val.step[int(np.argmax(val.value <= level))])


def _metric_gain(signals: Signals, since: float) -> Measured:
    """The last smoothed value of the held-out metric less that at `since`, over its range or all that is left to gain
    (at least six standard deviations of a point, which noise alone spans). Gives up without a metric."""
    metric = signals.metric
    if metric is None:
        return signals.absent["val_accuracy"]
    spread = max(float(np.ptp(metric.points)), 6 * median(metric.noise), left_to_gain(signals, since), 1e-12)
    gain, doubt = float(metric.value[-1]) - metric.at(since), 1.28 * float(np.hypot(metric.se[-1], metric.se_at(since)))
    return Estimate(gain / spread, (gain - doubt) / spread, (gain + doubt) / spread, "share", (since, signals.end))
