"""At which part of its peak did the learning rate end, even where nobody logged it?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..curves.extrapolate import extrapolate
from ..curves.order import median
from ..curves.smooth import Smooth
from ..curves.trend import fall
from ..estimate import Estimate, exact
from .chart import Measured, Missing, Vital
from .rate import weigh
from .recognise import named_schedule
from .signals import FEWEST, Signals, alive

VITALS = {
    "pace.promised": Vital(
        "share", "fall of the loss over the last quarter of the run over what its descent before promised"
    ),
    "rate.held": Vital(
        "share",
        "part of its peak at which the rate ended: logged, named in the hyper-parameters, or read off the updates, the "
        "pace or a bounce",
    ),
    "rate.shown": Vital(
        "share",
        "1 where anything tells that part; else how clearly the run was on its way when it ended, its descent spread "
        "over the steps and much still ahead, or 0.45",
    ),
    "rate.doubt": Vital("share", "half of the interval of that part where the log does not state the rate, else zero"),
}
#: Words in hyper-parameters that name a schedule ending near zero, and one that never comes down.
ENDS_LOW = ("cosine", "linear", "poly", "one_cycle", "onecycle", "1cycle", "anneal")
STAYS = ("const",)
#: The promise is drawn from what lies before this part of the run.
BEFORE = 0.75
#: A smoothed curve has no more to say about its law in more points than this.
ENOUGH = 80
#: A ratio that is known to less than this tells nothing of the rate.
WIDE = 2.0
#: How far each of the LAST validations must lie off a line through its neighbours, as a share of the loss, for the
#: weights to be thrown about: possibly from the first number on, surely from the second. Of the runs of tests/lab/tune
#: that end on a rate near zero, healthy ones lie below 0.036.
LEAPS, LAST = (0.035, 0.09), 4
#: No curve tells a rate better than to a twentieth, even where its interval is cut off at the peak.
LEAST_DOUBT = 0.05
#: What falls this much faster than promised was sped up by something: a rate that came down, most of the time.
SPED_UP = 1.5
#: What nothing tells is worth being listed. Part of the descent that was done in the first fifth, and part of the final
#: loss that as many steps again would take off, of a run that was cut off on its way: healthy runs of the laboratory
#: had done 0.8 and more by then, nine in ten. Of others whose rate nothing tells, healthy ones had 0.12 ahead and
#: unfinished ones 0.18 to 0.6.
UNSURE, SPREAD, AHEAD = 0.45, (0.72, 0.62), (0.08, 0.18)


def measure(signals: Signals, found: Mapping[str, Measured]) -> dict[str, Measured]:
    """Vitals of the rate at the end of the run; `found` holds those of the pace and of the bounce."""
    known = stated(signals)
    promised = _promised(signals) if known is None else Missing("the rate is known: the pace need not tell it")
    held = known or _held(signals, promised, found["loss.bounce_kept"])
    doubt = 0.0
    if known is None and isinstance(held, Estimate):
        doubt = max(LEAST_DOUBT, (held.high - held.low) / 2)
    shown = exact(1.0 if isinstance(held, Estimate) else _on_its_way(found), "share")
    return {"pace.promised": promised, "rate.held": held, "rate.shown": shown, "rate.doubt": exact(doubt, "share")}


def _on_its_way(found: Mapping[str, Measured]) -> float:
    """How clearly a rate that nothing tells had not come to its end. Along a long tail the end of a schedule and a slow
    law of decay look alike; where most of the descent came later, a schedule that ended flattened it so far that the
    laws that fit leave little ahead: less than 0.1 of the loss, on a bowl under a cosine, where a rate that holds
    leaves 0.15 to 0.4 (tests/vitals/test_held.py)."""
    spread = weigh(found.get("pace.done_early"), *SPREAD, 0.0)
    return max(UNSURE, min(spread, weigh(found.get("pace.ahead"), *AHEAD, 0.0)))


def stated(signals: Signals) -> Estimate | None:
    """What the log itself says: the rate, or the name of a schedule among the hyper-parameters."""
    if signals.lr is not None:
        peak, last = float(signals.lr.value.max()), float(signals.lr.value[-1])
        return exact(last / peak if peak > 0 else 0.0, "share")
    named = named_schedule(signals.run)
    if any(word in named for word in ENDS_LOW):
        return Estimate(0.05, 0.0, 0.1, "share")
    return exact(1.0, "share") if any(word in named for word in STAYS) else None


def _held(signals: Signals, promised: Measured, kept: Measured) -> Measured:
    """Where the rate stands at the end, by the best witness there is where the log does not state it.

    The size of the updates comes first, then the pace, and last the bounce: gradient noise moves the weights by an
    amount that grows with the rate, and the loss over the full set with them: a validation loss that has come to rest
    has had its rate taken down, one that bounces as in the middle of the run has not (Smith et al. 2018: the noise
    scale is proportional to the rate). Thrown about in a bowl a loss bounces as the square of that distance, on a slope
    as the distance itself: by the rate, or by its root; what is left of the rate lies between the part of the bounce
    that is left and its square.
    """
    if (moved := _updates_kept(signals)) is not None:
        return moved
    if (paced := _paced(promised)) is not None:
        return paced
    if isinstance(kept, Estimate):
        low, value, high = (min(1.0, x) for x in (kept.low, kept.value, kept.high))
        return Estimate(value**1.5, low * low, high, "share", kept.steps)
    if (leaps := _leaps_at_the_end(signals)) is not None:
        return leaps
    return Missing(f"no lr in the log, and {kept.why}", ("lr",))


def _updates_kept(signals: Signals) -> Estimate | None:
    """What is left of the update ratios at the end, by their own peak behind the first tenth of the run; None when
    none is logged.

    The size of an update is the rate times something that changes slowly: for Adam nearly nothing else. The median
    over layers of the last 3 points over the largest moving median of 5; 0.5 to 2 times that is the doubt, since
    gradients shrink and weights grow while a rate holds.
    """
    shares = []
    for curve in signals.run.layers("update_ratio").values():
        value = np.abs(curve.value[alive(curve.value) & (curve.step > signals.begin + 0.1 * signals.length)])
        if len(value) >= 15:
            calm = np.median(np.lib.stride_tricks.sliding_window_view(value, 5), axis=1)
            if (peak := float(calm.max())) > 1e-60:
                shares.append(median(value[-3:]) / peak)
    if not shares:
        return None
    share = min(1.0, median(shares))
    return Estimate(share, share / 2, min(1.0, 2 * share), "share", (signals.begin, signals.end))


def _paced(promised: Measured) -> Estimate | None:
    """What the pace says of the rate: all of it where the loss falls on as promised, nothing at half of that.

    While the gradient changes slowly, the slope of the loss is the rate times its square; but a falling rate lowers
    the noise of the weights as well, and that alone keeps up to half of the pace. Of the runs of tests/lab/tune whose
    promise is known to WIDE, validation losses under a cosine kept 0.1 to 0.6 of it and those at a constant rate 0.8
    to 1.3. A line to zero keeps more than a cosine: its noise falls to the last step.
    """
    if not isinstance(promised, Estimate) or promised.high - promised.low > WIDE or promised.low > SPED_UP:
        return None
    low, value, high = (float(np.clip(2 * x - 1, 0.0, 1.0)) for x in (promised.low, promised.value, promised.high))
    return Estimate(value, low, high, "share", promised.steps)


def _leaps_at_the_end(signals: Signals) -> Estimate | None:
    """Few validations, and each of the last of them still lies off a line through its neighbours by a share of the loss
    between LEAPS: only weights that are moved far do that, so that the rate has not come down by much.

    Two such distances are a coarse measure: the smaller one counts, so that a rate that came down between them has its
    rest seen, and what lies at the lower end says little.
    """
    val = signals.run.get("val_loss")
    if val is None or len(val) < LAST or not alive(last := val.value[-LAST:]).all():
        return None
    jump = float(np.abs(np.diff(last, 2)).min()) / (0.6745 * 6**0.5) / (abs(median(last)) or 1.0)
    sure = float(np.clip((jump - LEAPS[0]) / (LEAPS[1] - LEAPS[0]), 0.0, 1.0))
    if sure == 0:
        return None
    return Estimate(0.2 + 0.8 * sure, 0.5 * sure, 1.0, "share", (float(val.step[-LAST]), float(val.step[-1])))


def _promised(signals: Signals) -> Measured:
    """1 where the descent goes on as its own past foretells, whatever its law, less where something ended it.

    The fall along a line through the last quarter over the one that every decay law that fits the part before
    foretells; the interval spans these laws and 1.28 standard errors. Taken from the validation loss, which has no
    noise of batches in it, or from the training loss where that knows it better than WIDE and the other does not.
    """
    if signals.lost_at is not None:
        return Missing("the loss was lost to NaN or infinity")
    found: list[Measured] = []
    for curve in (signals.val, signals.train):
        if curve is not None:
            found.append(ratio := _kept(curve))
            if isinstance(ratio, Estimate) and ratio.high - ratio.low <= WIDE:
                return ratio
    if not found:
        return signals.absent["train_loss"]
    return next((ratio for ratio in found if isinstance(ratio, Estimate)), found[0])


def _kept(curve: Smooth) -> Measured:
    """The fall along the line through the last quarter over what the decay laws that fit the part before promise for
    it, of one curve. Gives up with too few points on either side, or where nothing was promised."""
    first, end = float(curve.step[0]), float(curve.step[-1])
    slack = 1e-6 * (end - first)  # a point that lies on the border belongs to both sides
    middle = first + BEFORE * (end - first)
    past = (curve.step <= middle + slack) & (curve.step >= first + 0.1 * (end - first))
    if past.sum() < FEWEST:
        past = curve.step <= middle + slack
    if past.sum() < FEWEST or (curve.step >= middle - slack).sum() < 3:
        return Missing("too few points to foretell the last quarter of the run")
    thin = slice(None, None, 1 + int(past.sum()) // ENOUGH)
    step, value = curve.step[past][::-1][thin][::-1], curve.value[past][::-1][thin][::-1]
    here = float(value[-1])
    law, low, high = (here - x for x in extrapolate(step, value, end, median(curve.se[past])))
    low, high = min(low, high), max(low, high)
    if low <= 0:
        return Missing("what came before does not promise any further fall")
    fell, error = fall(curve.step, curve.points, middle - slack, end)
    shares = [(fell + way * error) / bound for way in (-1.28, 0.0, 1.28) for bound in (low, law, high)]
    return Estimate(fell / law, min(shares), max(shares), "share", (middle, end))
