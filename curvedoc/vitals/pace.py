"""Does the descent still go on, how early was it done, and what would as many steps again bring?"""

from __future__ import annotations

import math

import numpy as np

from ..curves.extrapolate import extrapolate
from ..curves.order import median
from ..curves.smooth import Smooth
from ..curves.steady import steady
from ..curves.trend import fall
from ..estimate import Estimate, exact
from ..run import Array
from .chart import Measured, Missing, Vital
from .constant import idle_since
from .signals import CYCLES, FEWEST, TINY, Signals, alive
from .witness import witness

VITALS = {
    "pace.at_end": Vital("share", "slope of the loss over the last fifth of the run over that of the last half"),
    "pace.done_early": Vital(
        "share", "part of the descent that was done in the first fifth of the run, or of the rate spent in it"
    ),
    "val_loss.follows": Vital(
        "share",
        "fall of the validation loss along the second half of the run over that of the training loss; from the first "
        "validation on where noise hides the latter",
    ),
    "val_loss.fallen_at_least": Vital(
        "share",
        "part of its first value by which the validation loss ever came down, at the lower end of its 80 % interval; 0 "
        "where the accuracy never moves",
    ),
    "val_loss.last_gain": Vital(
        "share",
        "part of the validation loss that fell off before the last of few validations, each below the one before",
    ),
    "pace.ahead": Vital("share", "part of the final loss that as many steps again would take off, extrapolated"),
}

#: An interval as wide as the way from no slope to that of a straight line, this much to each side, tells neither.
HIDDEN = 0.5
#: A hundredth of a run is where most of the descent of a good one lies.
LATE = 0.01
#: Losses that begin this many times apart are the same quantity on another scale.
ANOTHER_SCALE = 5.0
#: Two validations this part of a run apart, and as far from its start, tell what came of its second half.
FAR = 0.25
#: From half of the descent to all of it: so wide an interval does not tell what was done early.
WIDE = 0.45
#: No sum over a batch is so many times its mean.
NO_SCALE = 1e9


def measure(signals: Signals) -> dict[str, Measured]:
    """Vitals of the pace, from the curve that shows the slow trend best; intervals of 1.28 standard errors.

    The validation loss begins behind the first epoch: what needs the start is measured on the training loss.
    """
    curve = witness(signals)
    if curve is None:
        return dict.fromkeys(VITALS, signals.absent["train_loss"])
    if signals.lost_at is not None:
        return dict.fromkeys(VITALS, Missing("the loss was lost to NaN or infinity"))
    return {
        "pace.at_end": _at_end(curve),
        "pace.done_early": _shown(signals, curve),
        "val_loss.follows": _follows(signals),
        "val_loss.fallen_at_least": _fallen(signals),
        "val_loss.last_gain": _last_gain(signals),
        "pace.ahead": _nearer(_ahead(signals, curve), _ahead_of_few(signals)),
    }


def _at_end(curve: Smooth) -> Measured:
    """1 for a straight line, 0.8 for a slow power law, next to 0 where a schedule has come down or all is learned."""
    begin, length = float(curve.step[0]), float(curve.step[-1] - curve.step[0])
    half, fifth, end = begin + 0.5 * length, begin + 0.8 * length, float(curve.step[-1])
    if (curve.step >= fifth).sum() < 3:
        return Missing("fewer than three points in the last fifth of the run")
    late, late_error = fall(curve.step, curve.points, fifth, end)
    whole, whole_error = fall(curve.step, curve.points, half, end)
    # A half that gained nothing has no slope to compare with: a fortieth of the descent is the least that counts.
    whole = max(whole, 1.28 * whole_error, float(np.ptp(curve.value)) / 40, TINY)
    value = 2.5 * late / whole
    doubt = 1.28 * float(np.hypot(2.5 * late_error, value * whole_error)) / whole
    if doubt > HIDDEN:
        return Missing("noise hides the slope of the last fifth of the run")
    return Estimate(value, value - doubt, value + doubt, "share", (fifth, end))


def _done_early(signals: Signals, curve: Smooth) -> Measured:
    """The fifth is of the steps weighted with their rate: a warm-up, or a rate that rises late, spends few of them.

    The mean of a first epoch lies below what the run began with: known classes tell the cost of a guess. Gives up where
    the log begins later than LATE of the run, since nobody knows what was done before.
    """
    (first, error), begin, end = curve.first, float(curve.step[0]), float(curve.step[-1])
    if begin - float(np.diff(curve.step[:4]).max()) > LATE * end:
        return Missing(f"the log begins at {signals.run.axis} {begin:.0f}: what was learned before is not shown")
    if signals.context.classes is not None and signals.context.classes > 1:
        first = max(first, float(np.log(signals.context.classes)))
    descent, doubt = first - float(curve.value.min()), 1.28 * median(curve.se)
    if descent <= 2 * doubt or descent <= 1e-3 * abs(first):
        return Missing("the training loss never fell beyond its noise")
    fifth = _fifth(signals, begin, end)
    done = (first - curve.at(fifth)) / descent
    lowest = float(curve.se[int(np.argmin(curve.value))])
    # By the derivatives of the share to its three levels.
    doubt = 1.28 * float(np.hypot(np.hypot((1 - done) * error, curve.se_at(fifth)), done * lowest))
    return Estimate(done, done - doubt / descent, done + doubt / descent, "share", (begin, end))


def _shown(signals: Signals, curve: Smooth) -> Measured:
    """That of the training loss, or of the validation loss where the noise of batches hides it.

    Where training says next to nothing of it, and validation, which has no such noise, tells it twice as well. Or where
    training shows no descent at all, and validation falls each time: the part before the first validation, which it
    does not show, is as small.
    """
    found, val = _done_early(signals, signals.train or curve), signals.val
    if val is None:
        return found
    if isinstance(found, Missing):
        return found if (val.points[1:] >= val.points[:-1]).any() else _done_early(signals, val)
    wide = found.high - found.low
    if wide <= WIDE:
        return found
    other = _done_early(signals, val)
    return other if isinstance(other, Estimate) and other.high - other.low < wide / 2 else found


def _fifth(signals: Signals, begin: float, end: float) -> float:
    """The step by which a fifth of the logged rate has been spent, a fifth of the run where none is logged."""
    plain = begin + 0.2 * (end - begin)
    if signals.lr is None or len(signals.lr) < 6 or signals.lr.value.max() < TINY:
        return plain
    step, rate = signals.lr.step, signals.lr.value / signals.lr.value.max()
    spent = np.concatenate([[0.0], np.cumsum(np.diff(step) * (rate[1:] + rate[:-1]) / 2)])
    return max(plain, float(np.interp(0.2 * spent[-1], spent, step)))


def _follows(signals: Signals) -> Measured:
    """1 where what is learned holds on unseen data as well, 0 where validation rests while training goes on."""
    train, curve = signals.train, signals.run.get("val_loss")
    if train is None or curve is None or (signals.val is None and len(curve) >= FEWEST):
        return signals.absent.get("val_loss", Missing("no val_loss in the log", ("val_loss",)))
    # A line needs no smoothed curve: three validations in the second half are enough for one.
    at, loss, level = curve.step, curve.value, float(curve.value[0])
    if signals.val is not None:
        at, loss, level = signals.val.step, signals.val.points, float(signals.val.value[0])
    elif not alive(loss).all():
        return signals.absent["val_loss"]
    begin, end = signals.begin + 0.5 * signals.length, signals.end
    if int((train.step >= begin).sum()) < 3:
        return Missing("fewer than three points in the second half of the run")
    few = int((at >= begin).sum()) < 3
    if few and at[-1] < signals.begin + signals.length / 3:
        return Missing("no validation behind the first third of the run")
    # A sum over batches beside a mean over examples: both start from one untrained network, so that they meet there.
    apart = abs(train.at(float(at[0]))) / max(abs(level), TINY)
    if apart > NO_SCALE:
        return Missing("a validation loss that begins at nothing has no scale")
    scale = 1.0 if 1 / ANOTHER_SCALE < apart < ANOTHER_SCALE else apart
    if few and scale != 1.0:
        return Missing("so few validations on another scale than training tell no share of its fall")
    if few:
        told = _share(*_between_few(signals, train, at, loss), (begin, end), 1.28, 2 * HIDDEN)
        return told if isinstance(told, Estimate) else _since_first_of_few(train, at, loss) or told
    val_fell, val_error = fall(at, loss, begin, end)
    learned = fall(train.step, train.points, begin, end)
    # A bend counts as doubt of either line, and both bend alike: it cancels in the share.
    told = _share(learned, (scale * val_fell, scale * val_error), (begin, end), 0.85, math.inf)
    return told if isinstance(told, Estimate) or scale != 1.0 else _since_first(signals) or told


def _share(
    learned: tuple[float, float],
    held_out: tuple[float, float],
    span: tuple[float, float],
    errors: float,
    widest: float,
) -> Measured:
    """The fall of validation over that of training, each with its standard error; half of the interval is so many
    `errors` of the share. Gives up where that is more than `widest`, or where training does not surely fall."""
    (fell, error), (val_fell, val_error) = learned, held_out
    if error > 0 and fell <= 3 * error and val_fell > 3 * val_error:
        # Validation fell for sure; a fall of training that its noise leaves unsure may be more, or next to nothing.
        share, most, least = val_fell / max(fell, error), max(fell, 0.0) + 1.28 * error, fell - 1.28 * error
        return Estimate(share, val_fell / most, max(share, val_fell / max(least, val_fell)), "share", span)
    if fell <= 1.28 * error:
        return Missing("the training loss does not fall beyond its noise in the second half of the run")
    share = val_fell / fell
    doubt = errors * float(np.hypot(val_error, share * error)) / fell
    if doubt > widest:
        return Missing("so few validations leave open whether they follow training at all")
    return Estimate(share, share - doubt, share + doubt, "share", span)


def _since_first(signals: Signals) -> Estimate | None:
    """Fall of the validation loss from its first point to its last over that of training between the same steps; None
    where it is within its noise, or validation no longer falls in the second half: training may go on there."""
    train, val = signals.train, signals.val
    if train is None or val is None:
        return None
    later, doubt = fall(val.step, val.points, signals.begin + 0.5 * signals.length, signals.end)
    if later <= 1.28 * doubt and not steady(val.points):
        return None
    error = float(np.hypot(val.se[0], val.se[-1]))
    return _along(train, val.step, (float(val.value[0] - val.value[-1]), error), math.inf)


def _since_first_of_few(train: Smooth, at: Array, loss: Array) -> Estimate | None:
    """`_since_first` of validations too few for a curve: each below the one before, and no noisier than a batch."""
    if len(at) < 2 or (np.diff(loss) >= 0).any():
        return None
    return _along(train, at, (float(loss[0] - loss[-1]), median(train.noise) * 2**0.5), 2 * HIDDEN)


def _along(train: Smooth, at: Array, held_out: tuple[float, float], widest: float) -> Estimate | None:
    """The fall of validation from its first step to its last, with its standard error, over that of training; None
    where it is within its noise, or half of its interval is more than `widest`."""
    if held_out[0] <= 3 * held_out[1]:
        return None
    first, last = float(at[0]), float(at[-1])
    learned = train.at(first) - train.at(last), float(np.hypot(train.se_at(first), train.se_at(last)))
    told = _share(learned, held_out, (first, last), 1.28, widest)
    return told if isinstance(told, Estimate) else None


def _between_few(
    signals: Signals, train: Smooth, at: Array, loss: Array
) -> tuple[tuple[float, float], tuple[float, float]]:
    """The falls of training and validation, each with its standard error, by one or two validations of the second half.

    From the validation nearest the middle to the last one. Where those lie close, or there is one only, from the middle
    of the run, as if all of the gap above training had opened since: validation fell as much at least. Of a last one
    before the middle the same is asked since the start. A validation is a mean over no fewer examples than a batch, so
    that it is no noisier than one point of training.
    """
    last, half, noise = float(at[-1]), signals.begin + 0.5 * signals.length, median(train.noise)
    if last < half:
        (start, error), here = train.first, train.at(last)
        fell = start - here
        return (fell, float(np.hypot(error, train.se_at(last)))), (fell - max(0.0, float(loss[-1]) - here), noise)
    near = int(np.argmin(np.abs(at - half)))
    here, apart = float(at[near]), FAR * signals.length
    if signals.begin + apart <= here <= last - apart:
        error = float(np.hypot(train.se_at(here), train.se_at(last)))
        return (train.at(here) - train.at(last), error), (float(loss[near] - loss[-1]), noise * 2**0.5)
    fell, error = fall(train.step, train.points, half, signals.end)
    return (fell, error), (fell - max(0.0, float(loss[-1]) - train.at(last)), noise)


def _ahead(signals: Signals, curve: Smooth) -> Measured:
    """What a run of twice the length would still gain if nothing else changed, over the present level.

    The interval spans every decay law that the data do not rule out. A rate that has come down makes the past no
    guide: nothing is said then.
    """
    fit = signals.schedule
    if fit is not None and fit.kind in CYCLES:
        return Missing("the rate goes up and down: the end of one cycle is no guide to what comes")
    if signals.lr is not None and signals.lr.value.max() > 0:
        held = float(signals.lr.value[-1] / signals.lr.value.max())
        if held < 0.5 and (fit is None or fit.kind != "warmup"):
            return Missing("the learning rate has come down: the descent before is no guide to what comes")
    begin, end = float(curve.step[0]), float(curve.step[-1])
    late = curve.step >= begin + 0.1 * (end - begin)
    if late.sum() < FEWEST:
        late = np.ones(len(curve.step), bool)
    step, value = curve.step[late], curve.value[late]
    level = median(value[-max(1, len(value) // 20) :])
    if abs(level) < 1e-12:
        return Missing("the loss is zero: nothing is left to gain")
    law, low, high = extrapolate(step, value, end + (end - begin), median(curve.se[late]))
    gains = sorted(((level - high) / abs(level), (level - law) / abs(level), (level - low) / abs(level)))
    return Estimate(gains[1], gains[0], gains[2], "share", (end, end + (end - begin)))


def _fallen(signals: Signals) -> Measured:
    """(first - lowest) / first of the smoothed validation loss. What comes down while every answer stays the same is
    the size of wrong scores."""
    val = signals.val
    if val is None:
        return signals.absent.get("val_loss", Missing("no val_loss in the log", ("val_loss",)))
    if idle_since(signals) is not None:
        return exact(0.0, "share")
    (start, error), at = val.first, int(np.argmin(val.value))
    fell = start - float(val.value[at]) - 1.28 * float(np.hypot(error, val.se[at]))
    return exact(max(0.0, fell) / (abs(start) or 1.0), "share", (float(val.step[0]), float(val.step[at])))


def _few(signals: Signals) -> tuple[Array, Array] | None:
    """Steps and losses of three to five validations, evenly spread until the end, each below the one before; None
    where there are more (they are smoothed, and speak as every curve does), fewer, or any that rises."""
    val = signals.run.get("val_loss")
    if val is None or not 3 <= len(val) < FEWEST or not alive(val.value).all() or val.value[-1] <= 0:
        return None
    gaps = np.diff(val.step)
    even = bool((np.abs(gaps - gaps.mean()) <= 0.1 * gaps.mean()).all())
    to_the_end = signals.end - float(val.step[-1]) <= float(gaps.mean())
    return (val.step, val.value) if even and to_the_end and (np.diff(val.value) < 0).all() else None


def _last_gain(signals: Signals) -> Measured:
    """No fit goes through so few points; but no loss over a whole set falls at each of them by chance and by much."""
    if (few := _few(signals)) is None:
        return Missing("no short series of validations that falls to its end")
    step, value = few
    return exact(float((value[-2] - value[-1]) / value[-1]), "share", (float(step[-2]), float(step[-1])))


def _ahead_of_few(signals: Signals) -> Measured:
    """What as many steps again take off the last of few validations: at least as an exponential through the last
    three of them goes on, at most as a power law through the last two."""
    few = _few(signals)
    if few is None:
        return Missing("no short series of validations that falls to its end")
    step, value = few
    before, last = float(value[-3] - value[-2]), float(value[-2] - value[-1])
    kept = last / before
    if kept >= 1:
        return Missing("the validations fall faster and faster")
    gap = float(step[-1] - step[-2])
    low = last * kept * (1 - kept ** (signals.length / gap)) / (1 - kept)
    exponent = float(np.log(value[-2] / value[-1]) / np.log((step[-1] - signals.begin) / (step[-2] - signals.begin)))
    high = max(low, float(value[-1]) * (1 - 2.0**-exponent))
    ends = (low / float(value[-1]), high / float(value[-1]))
    return Estimate(sum(ends) / 2, *ends, "share", (signals.end, signals.end + signals.length))


def _nearer(one: Measured, other: Measured) -> Measured:
    """The one that is known better, or the reason why the first is not known."""
    if not isinstance(one, Estimate) or not isinstance(other, Estimate):
        return one
    return min(one, other, key=lambda e: e.high - e.low)
