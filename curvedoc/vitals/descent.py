"""Is the training loss still coming down, since when not, and how much of it is left?"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ..curves.order import median, row_median, sliding
from ..curves.smooth import Smooth
from ..curves.steady import steady
from ..curves.trend import fall, falls, holds_for
from ..estimate import Estimate, exact
from ..run import Curve
from .chart import Measured, Missing, Vital
from .constant import idle_since
from .signals import FEWEST, TINY, Signals, alive, in_noise
from .witness import witness

VITALS = {
    "train_loss.flat_for": Vital(
        "share",
        "part of the run, at its end, along which the loss moved by less than 5 % of its level and 3 % of its descent",
    ),
    "train_loss.flat_from": Vital("step", "where that part begins"),
    "train_loss.pace_kept": Vital("share", "fall in the second half of the run over the fall in its second quarter"),
    "train_loss.left": Vital("share", "final loss over the initial loss (or log of the classes, if lower)"),
    "train_loss.level": Vital("loss", "final training loss, smoothed"),
    "train_loss.fallen_at_most": Vital(
        "share",
        "part of its first value by which the loss ever came down, at the upper end of its 80 % interval; behind the "
        "first validation where the accuracy never moves again",
    ),
    "train_loss.fall_se": Vital(
        "sd",
        "fall or rise along a straight line or down to the lowest point, the larger, in its standard errors; that of "
        "the validation loss where it tells a fall more surely; 0 where the accuracy never moves",
    ),
    "train_loss.risen": Vital(
        "share",
        "part of its descent (at least 5 % of its start) that the loss has given back; of the descent behind the first "
        "tenth of the run where validation climbs with it",
    ),
    "train_loss.risen_sd": Vital("sd", "that rise in standard deviations of one logged point"),
    "train_loss.risen_before": Vital("times", "that rise over the second highest one that the loss came back from"),
    "train_loss.climbed": Vital("share", "final loss above the first, over the first"),
    "train_loss.climb_late": Vital("share", "part of that climb in the second half of the run"),
    "train_loss.lowest_at": Vital("step", "where the smoothed loss was lowest"),
}

#: A loss that moved by less than this share of its level has not moved.
RESTS = 1e-3
#: Of so few points a twentieth is one or two, and a single wild one among them would stand for the end.
FEW = 60
#: The least part of their range that held-out loss and metric gain where the model surely got better.
BETTER = 0.2
#: The share of its descent that a noisy tail may give back.
GAVE_BACK = 0.1
#: What is asked again of the part behind which the accuracy stands still.
_LEARNED = ("train_loss.fallen_at_most", "train_loss.risen_sd")
#: A trend of this many standard errors is known to be one; a chance of 1 in 15,000 in normal noise.
KNOWN = 4.0
#: So many points in a row are no lucky ones.
CALM = 5
#: An unseen fall of more than this share leaves open whether anything was learned.
HIDDEN = 0.2
#: The least share of the validation loss whose fall speaks of learning. It has no noise of batches, and what is sure
#: may be small: the frequencies of the classes alone take up to 1 % off (tests/lab/tune, networks that were dead).
HELD_OUT = 0.02
#: The same of a loss that falls at nearly every validation, late ones as well: frequencies are learned in a few steps,
#: and points stand in such an order by chance once in 600 times. A smaller share may be weight decay's work.
STEADY = 0.005
#: The smallest gain that counts, as a share of the first loss.
GAIN = 0.05
#: Points of a line that leaves two residuals to tell its noise by.
RESIDUALS = 4
#: The least part of its fall that a validation loss which has not come to rest has in its second half.
RESTLESS = 0.1


def measure(signals: Signals) -> dict[str, Measured]:
    """Vitals of the descent, from the smoothed training loss; intervals of 1.28 standard errors."""
    return _descent(signals)


def _descent(signals: Signals) -> dict[str, Measured]:
    """Level at the end (median of the last twentieth of the smoothed curve), that over the first value, and what the
    helpers below measure. left = level / first, with error hypot(se_level, left * se_first) / first. Gives up without
    a training loss or once it was lost; `left` also where the loss takes values below zero."""
    train = signals.train
    names = [name for name in VITALS if name.startswith("train_loss")]
    if train is None:
        return dict.fromkeys(names, signals.absent["train_loss"])
    if signals.lost_at is not None:
        return dict.fromkeys(names, Missing("the loss was lost to NaN or infinity"))
    found: dict[str, Measured] = {}
    last = max(1, len(train.value) // 20)
    level, doubt = median(train.value[-last:]), 1.28 * median(train.se[-last:])
    found["train_loss.level"] = Estimate(level, level - doubt, level + doubt, "loss")
    found |= _flat(signals, witness(signals) or train)
    found["train_loss.pace_kept"] = _pace_kept(witness(signals) or train)
    found |= _extremes(train, level, doubt)
    found |= _both_rise(signals, train, found["train_loss.risen"])
    lowest, risen = found["train_loss.lowest_at"], found["train_loss.risen"]
    rose = isinstance(risen, Estimate) and risen.value >= GAVE_BACK
    if rose and isinstance(lowest, Estimate) and _better_since(signals, lowest.value):
        found["train_loss.risen"] = Missing("validation went on improving while the training loss rose")
    since = idle_since(signals)
    if since is not None and (train.step > since).sum() >= FEWEST and not _falls_on(signals):
        behind = train.step > since  # a mean logged at that step is of the steps before it
        rest = replace(train, **{n: getattr(train, n)[behind] for n in ("step", "points", "value", "se", "noise")})
        found |= {n: v for n, v in _extremes(rest, level, doubt).items() if n in _LEARNED}
        # However surely a loss without noise falls, it is no learning where every answer stays the same.
        found["train_loss.fall_se"] = exact(0.0, "sd")
    else:
        found["train_loss.fall_se"] = _surer(found["train_loss.fall_se"], signals)
    found |= _climbs(signals, found)
    start, error = train.first
    if signals.context.classes is not None and math.log(max(2, signals.context.classes)) < start:
        start, error = math.log(max(2, signals.context.classes)), 0.0
    if train.value.min() > 0 and start > 0:
        left = level / start
        doubt = float(np.hypot(doubt, 1.28 * left * error)) / start
        found["train_loss.left"] = Estimate(left, left - doubt, left + doubt, "share")
    else:
        found["train_loss.left"] = Missing("the loss takes values below zero: no share of it has a meaning")
    return found


def _surer(told: Measured, signals: Signals) -> Measured:
    """What the training loss tells of a fall, or what the validation loss does if that fell by HELD_OUT and is surer:
    noise of single batches hides a fall of a tenth that a loss over one whole set shows."""
    if signals.val is None and isinstance(told, Estimate):
        return _surer_of_few(told, signals.run.get("val_loss"))
    if (
        signals.val is None
        or not isinstance(told, Estimate)
        or (signals.val.points[1:] == signals.val.points[:-1]).any()
    ):
        return told  # what stands still to the last digit between two validations has no noise to measure a fall by
    held_out = _extremes(signals.val, float(signals.val.value[-1]), 1.28 * float(signals.val.se[-1]))
    trend, (start, error) = held_out["train_loss.fall_se"], signals.val.first
    if not isinstance(trend, Estimate) or trend.value < told.value:
        return told
    at = int(np.argmin(signals.val.value))
    least = start - float(signals.val.value[at]) - 1.28 * float(np.hypot(signals.val.se[at], error))
    return trend if least >= _speaks(signals.val) * abs(start) else told


def _surer_of_few(told: Estimate, val: Curve | None) -> Estimate:
    """The same of four or five validations, each below the one before, by the line through them."""
    if val is None or len(val) < RESIDUALS or not alive(val.value).all() or (np.diff(val.value) >= 0).any():
        return told
    fell, error = fall(val.step, val.value, float(val.step[0]), float(val.step[-1]))
    start = abs(float(val.value[0])) or 1.0
    trend = min(1e6, fell / max(error, 0.1 * RESTS * start))
    return exact(trend, "sd") if trend > told.value and fell - 1.28 * error >= HELD_OUT * start else told


def _speaks(val: Smooth) -> float:
    """The least share of its start by which a validation loss must have fallen to speak of learning."""
    return STEADY if steady(val.points) else HELD_OUT


def _falls_on(signals: Signals) -> bool:
    """Whether the validation loss was still falling through its second half, by RESTLESS of all that it fell.

    What a network learns that answers the same to everything, how frequent the classes are, takes a few steps and is
    over. One that falls on slowly has not yet learned enough to change its answers: it is late, and not idle.
    """
    val = signals.val
    if val is None:
        return False
    first, last = float(val.step[0]), float(val.step[-1])
    if (val.step >= (first + last) / 2).sum() < 3:  # logged ever more rarely
        return False
    whole, _ = fall(val.step, val.points, first, last)
    late, error = fall(val.step, val.points, (first + last) / 2, last)
    start = abs(float(val.points[0])) or 1.0
    sure = steady(val.points) or late >= 3 * error  # a bend is no doubt where nearly every point lies below the last
    return whole >= _speaks(val) * start and late >= RESTLESS * whole and sure


def _flat(signals: Signals, train: Smooth) -> dict[str, Measured]:
    """The longest end of the curve along which the loss fell or rose by less than a narrow band.

    The band is 5 % of the level, the smallest gain that counts as an improvement when treatments are
    compared, and no more than a thirtieth of the descent, so that a loss on a high floor can move too. Low
    asks for it even if the trend is 1.1 standard errors steeper (with 1.2 the interval holds in 89 of 100), high if it
    is as much gentler; and the smoothed curve must stay within twice the band, but for two standard errors, so that no
    dip and return counts as flat. `train` may be the validation loss where that shows the trend better.
    """
    tail = max(1, len(train.value) // 20)
    level = median(train.value[-tail:])
    # The first of few validations may be logged behind most of the descent: it is that of the training loss.
    band = max(float(np.ptp(curve.value)) for curve in (train, signals.train or train)) / 30
    if train.value.min() > 0:
        band = min(band, 0.05 * level)
    first, last = float(train.step[0]), float(train.step[-1])
    starts = last - (last - first) * np.arange(0.05, 1.0001, 0.025)
    beyond = np.abs(train.value - level) - 2 * train.se
    away = np.maximum.accumulate(beyond[::-1])[::-1]  # farthest from here to the end
    fell, error = falls(train.step, train.points, starts, last)
    least = np.where(away[train.step.searchsorted(starts)] > 2 * band, 2 * band, 0.0)
    low, middle, high = (
        last - holds_for(last - starts, np.maximum(np.abs(fell) + z * error, least), band) for z in (1.1, 0.0, -1.1)
    )
    length = signals.length or 1.0
    # It lies between the longest that held and the next one tried, and the points on either side of a start are the
    # same.
    share = [min(1.0, (signals.end - s) / length) if s < last else 0.0 for s in (low, middle, high)]
    apart = float(train.step[-1] - train.step[-2]) / length / 2
    if not (np.abs(fell) + 1.1 * error < band).any():
        share[0] = 0.0  # it may not rest at all
    share[0] = max(0.0, share[0] - apart)
    share[2] = min(1.0, share[2] + 0.025 * (last - first) / length + apart)
    low, middle, high = (signals.end - s * length for s in share)
    return {
        "train_loss.flat_for": Estimate(share[1], share[0], share[2], "share", (middle, signals.end)),
        "train_loss.flat_from": Estimate(middle, high, low, "step", (middle, middle)),
    }


def _extremes(train: Smooth, level: float, doubt: float) -> dict[str, Measured]:
    """How far the loss ever came down, and how much of that it gave back."""
    at = int(np.argmin(train.value))
    lowest, where = float(train.value[at]), float(train.step[at])
    start, start_se = train.first
    error = float(np.hypot(doubt, 1.28 * np.hypot(train.se[at], start_se)))
    size = abs(start) or 1.0
    # A loss that hardly fell has little to give back: 5 % of its first value is the least that counts as descent.
    span = max(start - lowest, 0.05 * size)
    # A thousandth of its level is rounding and drift, however smooth the log.
    noise = max(median(train.noise), RESTS * abs(level), 1e-9 * size)
    # A blow-up in the very last points is gone from a median over a twentieth of the run: three points far above
    # the noise are none of it. Where the last point is back down, whatever stood above it was passing.
    final = min(median(train.points[-3:]), float(train.points[-1]) + noise)
    level = final if final - level > 6 * noise or (len(train.value) < FEW and final < level) else level
    risen, stretch = level - lowest, (where, float(train.step[-1]))
    # The straight line through all points has the least doubt about a loss that never moved; a fall that the
    # smoothed curve is sure of counts even if the loss rose again.
    fell, fell_error = fall(train.step, train.points, float(train.step[0]), float(train.step[-1]))
    most = max(fell + 1.28 * fell_error, start - lowest - error, _calm_fall(train, start, start_se))
    # A noise that hides such a fall hides it as well where the points happen to rise.
    hidden = max(most, 1.28 * fell_error) / size
    unseen = Missing(f"the noise of train_loss hides a fall of {100 * hidden:.0f} %: log it more often, or its mean")
    known = abs(fell) >= KNOWN * fell_error or hidden <= HIDDEN
    tiny = max(0.1 * RESTS * size, TINY)  # ten standard errors of less are rounding
    trend = max(abs(fell) / max(fell_error, tiny), (start - lowest) / max(error / 1.28, tiny))
    # Doubt of the start moves a ratio to it by that ratio only.
    climbed = (level - start) / size
    climbed_error = float(np.hypot(doubt, 1.28 * level / size * start_se)) / size
    # The lowest value often lies near the end, and shares most of its noise with it.
    risen_error = float(np.hypot(doubt, 1.28 * np.hypot(0.4 * train.se[at], risen / span * start_se)))
    halfway = (level - train.at(float(train.step[0] + train.step[-1]) / 2)) / max(level - start, error, 1e-12)
    return {
        "train_loss.climbed": Estimate(
            climbed, climbed - climbed_error, climbed + climbed_error, "share", (train.step[0], train.step[-1])
        ),
        "train_loss.climb_late": exact(halfway, "share"),
        "train_loss.fallen_at_most": exact(most / size, "share") if known else unseen,
        "train_loss.fall_se": exact(min(1e6, trend), "sd"),
        "train_loss.risen": Estimate(
            risen / span, (risen - risen_error) / span, (risen + risen_error) / span, "share", stretch
        ),
        "train_loss.risen_before": _beyond_earlier(train, risen, noise),
        "train_loss.risen_sd": in_noise(risen, risen_error, noise, len(train.points), stretch),
        "train_loss.lowest_at": Estimate(where, where, where, "step", (where, where)),
    }


def _calm_fall(train: Smooth, start: float, start_se: float) -> float:
    """How far CALM points in a row lay below the start, less three standard errors of their median and of the start.

    Between jumps a smoothed curve of few points stays up, though each low is plain. Of the lowest of many medians two
    standard errors are chance.
    """
    if len(train.points) < 3 * CALM:
        return 0.0
    middle = row_median(sliding(train.points, CALM))
    at = int(np.argmin(middle))
    error = 1.2533 * float(train.noise[at + CALM // 2]) / math.sqrt(CALM)
    return start - float(middle[at]) - 3 * float(np.hypot(error, start_se))


def _beyond_earlier(train: Smooth, risen: float, noise: float) -> Measured:
    """How high the loss stands above its lowest value, by the second highest of the rises that it came back from.

    On top of a saw's tooth it stands as high as on the teeth before, and will come down as it did there. A rise that
    came back is what lies above the lows on both sides; two of them make a saw, one is a spike.
    """
    low_before, low_behind = np.minimum.accumulate(train.value), np.minimum.accumulate(train.value[::-1])[::-1]
    above = train.value - np.maximum(low_before, low_behind)
    teeth = np.flatnonzero(above > max(noise, 0.3 * float(above.max())))
    heights = sorted(
        float(above[tooth].max()) for tooth in np.split(teeth, np.flatnonzero(np.diff(teeth) > 1) + 1) if len(tooth)
    )
    if len(heights) < 2:
        return Missing("the loss did not rise and come back twice before")
    return exact(min(max(risen, 0.0) / heights[-2], 1e6), "times", (float(train.step[0]), float(train.step[-1])))


def _both_rise(signals: Signals, train: Smooth, plain: Measured) -> dict[str, Measured]:
    """The same rise where validation climbs with training, over what was gained behind the first tenth of the run.

    The first tenth brings the loss down from what any guess costs, and beside that descent lost ground looks small.
    A held-out set that gave back a tenth of its own as well leaves no doubt that the model got worse. {} where they do
    not both rise, where the rise says no more than the `plain` one, or where the rate was turned up again.
    """
    val = signals.val
    if val is None:
        return {}
    shares, sds, at = [], [], 0
    for curve in (train, val):
        at = int(np.argmin(curve.value))
        lowest, level = float(curve.value[at]), median(curve.value[-max(1, len(curve.value) // 20) :])
        level = min(level, median(curve.value[-3:]), float(curve.points[-3:].max()))
        begun = curve.at(signals.begin + 0.1 * signals.length)
        risen, noise = level - lowest, max(median(curve.noise), RESTS * abs(level), 1e-12)
        if risen <= 1.28 * float(np.hypot(curve.se[at], curve.se[-1])) or lowest <= 0:
            return {}
        shares.append(risen / max(begun - lowest, 0.05 * lowest))
        sds.append(risen / noise)
    where = float(train.step[int(np.argmin(train.value))])
    before, now = signals.lr_at(where), signals.lr_at(signals.end)
    if before is not None and now is not None and now > 1.5 * before:
        return {}
    share, stretch = shares[0], (where, float(train.step[-1]))
    if shares[1] < GAVE_BACK or not isinstance(plain, Estimate) or share <= plain.value:
        return {}
    return {
        "train_loss.risen": Estimate(share, share, share, "share", stretch),
        "train_loss.risen_sd": Estimate(max(sds), max(sds), max(sds), "sd", stretch),
    }


def _climbs(signals: Signals, found: dict[str, Measured]) -> dict[str, Measured]:
    """The rise of a validation loss that climbs nearly throughout, where training is known not to have come down by
    GAIN: the noise of batches hides an ascent as it hides a fall. Of what rises while training falls this says nothing.
    {} where it does not climb so, or training shows the rise more surely itself."""
    val, most, told = signals.val, found["train_loss.fallen_at_most"], found["train_loss.risen_sd"]
    if val is None or not isinstance(most, Estimate) or most.value >= GAIN or not steady(-val.points):
        return {}
    at, last = int(np.argmin(val.value)), float(val.value[-1])
    lowest, start, where = float(val.value[at]), abs(val.first[0]), float(val.step[at])
    risen, error = last - lowest, 1.28 * float(np.hypot(val.se[at], val.se[-1]))
    noise, stretch = max(median(val.noise), RESTS * abs(last), TINY), (where, float(val.step[-1]))
    in_sd = in_noise(risen, error, noise, len(val.points), stretch)
    if start <= 0 or (isinstance(told, Estimate) and told.low >= in_sd.low):
        return {}
    span = max(val.first[0] - lowest, GAIN * start)
    share = Estimate(risen / span, (risen - error) / span, (risen + error) / span, "share", stretch)
    return {"train_loss.risen": share, "train_loss.risen_sd": in_sd}


def _better_since(signals: Signals, step: float) -> bool:
    """Whether loss and metric on held-out data both say that the model went on learning behind a step.

    Then a training loss that climbed is measured in another way than before (a new term, harder batches).
    """
    gains = []
    for curve, sign in ((signals.val, -1.0), (signals.metric, 1.0)):
        if curve is None or (curve.step >= step).sum() < 3:
            return False
        gain = sign * (float(median(curve.value[-3:])) - curve.at(step))
        doubt = 1.28 * float(np.hypot(curve.se[-1], median(curve.se)))
        gains.append((gain - doubt) / (float(np.ptp(curve.value)) or 1.0))
    return min(gains) > BETTER


def _pace_kept(train: Smooth) -> Measured:
    """Fall in the second half of the run over the fall in its second quarter: equal stretches of log time.

    A power law t^-a keeps 2^-a of its pace (0.5 to 0.93 for a from 1 to 0.1), a plateau none.
    """
    begin, length = float(train.step[0]), float(train.step[-1] - train.step[0])
    quarter, half, end = (begin + length * x for x in (0.25, 0.5, 1.0))
    try:
        early, early_error = fall(train.step, train.points, quarter, half)
        late, late_error = fall(train.step, train.points, half, end)
    except ValueError:
        return Missing("fewer than three points of train_loss in a quarter of the run")
    # When the second quarter gained next to nothing, nothing over nothing is no pace: it counts as at least a
    # quarter of what a doubling of the steps gained on average before.
    spacing = float(train.step[1] - train.step[0])
    doublings = max(1.0, float(np.log2((half - begin) / spacing + 1)))
    before = (float(train.value[0]) - train.at(half)) / doublings
    early = max(early, 1.28 * early_error, 0.25 * before, 1e-12)
    doubt = 1.28 * float(np.hypot(late_error, late / early * early_error)) / early
    return Estimate(late / early, late / early - doubt, late / early + doubt, "share", (half, end))
