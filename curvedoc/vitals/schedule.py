"""What did the learning rate do, and did a drop come too early?"""

from __future__ import annotations

import numpy as np

from ..curves.extrapolate import extrapolate
from ..curves.order import median
from ..curves.smooth import Smooth, smooth
from ..curves.trend import fall
from ..estimate import Estimate, exact
from .chart import Measured, Missing, Row, Vital
from .held import ENDS_LOW
from .recognise import bend_cut, named_schedule, update_cuts
from .signals import FEWEST, Signals

VITALS = {
    "lr.of_peak": Vital("share", "last learning rate over the highest"),
    "lr.turns": Vital("count", "how often the rate turned up again after it had come down"),
}
DROP_VITALS = {
    "lr_drop.step": Vital("step", "where the rate was cut"),
    "lr_drop.at": Vital("share", "part of the run before the cut"),
    "lr_drop.factor": Vital("share", "rate behind the cut over the rate before it"),
    "lr_drop.seen": Vital(
        "share", "how plain the cut is: 1 in a logged rate or the updates, less where only the loss bent"
    ),
    "lr_drop.pace_before": Vital("share", "part of the loss that fell off in the second half of the way to the cut"),
    "lr_drop.regret": Vital(
        "share", "final loss above the trend before the cut plus the gain of the cut itself, over the final loss"
    ),
}
#: How plain a cut is that only a corner of the loss shows: more likely than not.
CORNER = 0.6
#: An interval wider than half of the final loss knows nothing of where it was heading, one wider than a fifth of the
#: loss nothing of a pace of a few percent.
UNKNOWN, PACE_UNKNOWN = 0.5, 0.2


def measure(signals: Signals) -> dict[str, Measured]:
    """Vitals of the logged rate. Without one, a schedule named in the hyper-parameters gives a guess."""
    found: dict[str, Measured]
    if signals.lr is not None:
        peak, last = float(signals.lr.value.max()), float(signals.lr.value[-1])
        share = last / peak if peak > 0 else 0.0
        moves = np.sign(np.diff(signals.lr.value))
        moves = moves[moves != 0]
        turns = exact(float(((moves[:-1] < 0) & (moves[1:] > 0)).sum()), "count")
        return {"lr.of_peak": exact(share, "share"), "lr.turns": turns}
    found = dict.fromkeys(VITALS, signals.absent["lr"])
    named = named_schedule(signals.run)
    if any(word in named for word in ENDS_LOW):
        found["lr.of_peak"] = Estimate(0.05, 0.0, 0.1, "share")
    elif "const" in named:
        found["lr.of_peak"] = exact(1.0, "share")
    return found


def drops(signals: Signals) -> tuple[Row, ...]:
    """One row per drop of the rate, logged, seen in the updates of all layers or in an early corner of the loss: how
    early it came, and what the descent before it promised.

    Falls behind a rest of the loss have no row: whether a cut came too early is not asked of them.
    """
    train, fit = signals.train, signals.schedule
    # A scheduler that waits for the validation loss to rest has its own reason for every cut.
    if fit is None or fit.kind == "plateau":
        return ()
    return tuple(Row(f"{cut[0]:.0f}", _drop(signals, train, *cut)) for cut in _cuts(signals, fit.drops))


def _cuts(signals: Signals, steps: tuple[float, ...]) -> list[tuple[float, Estimate, float]]:
    """Each drop with the rate behind it over the one before and how plain it is; [] where nothing tells it. The factor
    was measured between the two steps that the cut lies between."""
    rate = signals.lr
    if rate is None:
        seen = [(step, left, 1.0) for step, left in update_cuts(signals.run).items()]
        seen = seen or [(step, left, CORNER) for step, left in bend_cut(signals.run).items()]
        return [cut for cut in seen if cut[0] in steps]
    places = np.searchsorted(rate.step, steps)
    return [
        (step, exact(float(rate.value[at] / rate.value[at - 1]), "share", (float(rate.step[at - 1]), step)), 1.0)
        for step, at in zip(steps, places, strict=True)
    ]


def _drop(signals: Signals, train: Smooth | None, step: float, factor: Estimate, seen: float) -> dict[str, Measured]:
    """Place and factor of one cut; pace before it and regret from the training loss, smoothed on either side of the cut
    alone. It lies anywhere between the two logged steps of which one is before it and one behind. regret = (final loss
    - (what the laws before the cut promise - gain of the cut)) / final loss. Both give up with fewer than FEWEST points
    on a side, regret where its interval exceeds UNKNOWN."""
    since, until = ((x - signals.begin) / signals.length for x in factor.steps or (step, step))
    found: dict[str, Measured] = {
        "lr_drop.step": exact(step, "step", (step, step)),
        "lr_drop.at": Estimate((since + until) / 2, since, until, "share", (step, step)),
        "lr_drop.factor": factor,
        "lr_drop.seen": exact(seen, "share"),
    }
    trends = ("lr_drop.pace_before", "lr_drop.regret")
    curve = signals.run.get("train_loss")
    if train is None or curve is None:
        return found | dict.fromkeys(trends, signals.absent["train_loss"])
    warm = signals.schedule.warmup_until if signals.schedule is not None else None
    finite = np.isfinite(curve.value)
    before = finite & (curve.step < step) & (curve.step >= (signals.begin if warm is None else warm))
    after = finite & (curve.step >= step)
    if before.sum() < FEWEST or after.sum() < FEWEST:
        few = (
            f"{int(before.sum())} points of train_loss before the drop at step {step:.0f}, {int(after.sum())} behind it"
        )
        return found | dict.fromkeys(trends, Missing(f"{few}; {FEWEST} are needed"))
    # Each side is smoothed on its own: nothing of what came after may leak into the trend.
    trend, rest = smooth(curve.step[before], curve.value[before]), smooth(curve.step[after], curve.value[after])
    pace = _pace(trend)
    noisy = pace.high - pace.low > PACE_UNKNOWN and pace.low <= 0
    hides = Missing(f"the noise of train_loss hides whether it still fell before step {step:.0f}")
    found["lr_drop.pace_before"] = hides if noisy else pace
    last = max(1, len(rest.value) // 20)
    actual, doubt = median(rest.value[-last:]), 1.28 * median(rest.se[-last:])
    settled = rest.at(step + 0.1 * (signals.end - step))
    gain = max(0.0, float(trend.value[-1]) - settled)
    heading = extrapolate(trend.step, trend.value, signals.end, median(trend.se))
    promised, low, high = (x - gain for x in heading)
    scale = abs(actual) or 1.0
    regret = sorted(((actual - doubt - high) / scale, (actual - promised) / scale, (actual + doubt - low) / scale))
    if regret[2] - regret[0] > UNKNOWN:
        told = f"the descent before step {step:.0f} is too short to say where it was heading"
        return found | {"lr_drop.regret": Missing(told)}
    found["lr_drop.regret"] = Estimate(regret[1], regret[0], regret[2], "share", (step, signals.end))
    return found


def _pace(trend: Smooth) -> Estimate:
    """Fall through the second half of a stretch as a share of its mean level; 1.28 standard errors."""
    end = float(trend.step[-1])
    # Pooled points lie denser at the start: the middle one of them does not stand in the middle of the stretch.
    middle = float(trend.step[np.searchsorted(trend.step, (float(trend.step[0]) + end) / 2)])
    begin = min(middle, float(trend.step[-3]))
    fell, error = fall(trend.step, trend.points, begin, end)
    level = abs(float(trend.points[trend.step >= begin].mean())) or 1.0
    return Estimate(fell / level, (fell - 1.28 * error) / level, (fell + 1.28 * error) / level, "share", (begin, end))
