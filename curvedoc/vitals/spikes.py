"""Does the loss jump up suddenly and come down again, how often, and how much of the run does that cost?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..curves.order import median, quantile, row_median, sliding
from ..curves.smooth import local_noise, pool
from ..estimate import Estimate, exact
from ..run import Array
from .chart import Measured, Missing, Vital
from .signals import TINY, Signals, alive

VITALS = {
    "spikes.burden": Vital("count", "spikes of the training loss; one that lasted longer counts up to one and a half"),
    "spikes.count": Vital("count", "sudden rises of the training loss far above its noise that recovered"),
    "spikes.apart": Vital("times", "points of spikes of a single point over points between them and the noise"),
    "spikes.height": Vital("times", "peak of the median spike over the level that it rose from"),
    "spikes.recovery": Vital("share", "part of the run that the slowest recovery took"),
    "spikes.lost": Vital("share", "part of the run spent in spikes and recoveries"),
    "spikes.first": Vital("step", "where the first of them began"),
}

#: Fewer points than this show no level that a spike could rise from and come back to.
FEWEST = 20
#: Longer logs are pooled to so many medians: what lasts no thousandth of a run costs it nothing.
POINTS = 1500
#: The level is a median over a sixth of the run, so that no spike drags it along.
WINDOW = 6
#: A spike of a single point stands at six standard deviations (one in 10^9 of a normal law) and at three times its
#: level: mixing of labels alone doubles the loss of single batches. Somewhat lower ones count where they are a kind of
#: their own: CLEAR times as many points as lie between them and the noise.
FAR, TALL, LOWER, CLEAR = 6.0, float(np.log(3.0)), float(np.log(2.2)), 1.5
#: So many times its level no tail of batch losses near zero reaches several times without filling the gap.
ABOVE = 20.0
#: A spike that lasts shows in medians of this many points, and must jump by a third of its level.
LASTS, JUMP = 4, float(np.log(1.3))
#: In logs of fewer points four do not always fit between two spikes: there three are tried as well.
SPARSE = 200
#: It must also undo this share of the descent: a loss next to zero bounces by its own size and costs nothing.
UNDOES = 0.05
#: A spike of single points is up within so many; a hump that climbs for longer is a schedule or a divergence.
SUDDEN = 3
#: A spike that takes this share of the run counts more than one that is over at once.
SHARE = 1 / 30


Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class _Spike:
    """Indices of the first point above, of the peak and of the first point back; height in logarithms."""

    begin: int
    peak: int
    end: int
    height: float


def measure(signals: Signals) -> dict[str, Measured]:
    """Vitals of spikes, from the logged points of the training loss (smoothing would cut them off).

    Two kinds count: single points far above the level and its noise, and jumps of the median that come down again
    more slowly. Noise, however heavy its tails, jumps down as far as it jumps up; a spike does not. Jumps at which a
    logged rate was raised are a restart or a cycle. Losses with values below zero are measured as they are.
    """
    if signals.train is None:
        return dict.fromkeys(VITALS, signals.absent["train_loss"])
    curve = signals.run.get("train_loss")
    assert curve is not None  # signals.train was smoothed from one
    keep = alive(curve.value) & (curve.step < (np.inf if signals.lost_at is None else signals.lost_at))
    if int(keep.sum()) < FEWEST:
        few = f"{int(keep.sum())} points of train_loss: {FEWEST} are needed to tell a spike from noise"
        return dict.fromkeys(VITALS, Missing(f"{few}; log it more often"))
    step, value, _ = pool(curve.step[keep], curve.value[keep], POINTS)
    shape = np.log(np.maximum(value, TINY)) if value.min() > 0 else value / max(float(np.ptp(value)), TINY)
    level, noise = _level(shape)
    over = shape - level
    far = _upwards(value, over, level, noise) if value.min() > 0 else FAR * noise
    single, lower = (
        [s for s in _single(over, far, tall) if _counts(signals, step, value, s)] for tall in (TALL, LOWER)
    )
    if len(lower) > len(single) and _apart(over, noise, lower, []).value >= CLEAR:
        single = lower
    scales = (LASTS, LASTS - 1) if len(shape) < SPARSE else (LASTS,)
    lasting = max(([s for s in _lasting(shape, n) if _counts(signals, step, value, s)] for n in scales), key=len)
    lasting = [s for s in lasting if not any(o.begin < s.end and s.begin < o.end for o in single)]
    apart = _apart(over, noise, single, lasting) if single else Missing("no spike of a single point")
    return _vitals(signals, step, apart, sorted(single + lasting, key=lambda s: s.begin))


def _level(shape: Array) -> tuple[Array, Array]:
    """Running median, and the distance from it down to the 16th percentile.

    That is one standard deviation of a normal law, and spikes, which are all on the other side, do not touch it.
    """
    n = len(shape)
    half = max(7, n // (2 * WINDOW))
    centres = np.linspace(0, n - 1, min(n, 120)).astype(np.intp)
    level: Array = np.interp(np.arange(n), centres, _around(shape, centres, half, 0.5))
    spread = np.maximum(1e-9, -_around(shape - level, centres, half, 0.16))
    noise: Array = np.interp(np.arange(n), centres, spread)
    return level, noise


def _upwards(value: Array, over: Array, level: Array, noise: Array) -> Array:
    """How far above its level a positive loss is surely thrown, in logarithms: by FAR of its deviations there.

    A loss that comes near zero has a long way down in logarithms, which tells nothing of the way up: there ABOVE times
    its level is far as well, if its scatter in plain numbers does not reach it either.
    """
    least: Array = np.minimum(FAR * noise, np.log1p(ABOVE))
    if (over <= np.maximum(least, TALL)).all():  # as in most runs: then the scatter, which takes long, is not asked for
        return least
    scatter = local_noise(value)
    plain = np.log1p(np.maximum(ABOVE, 2 * FAR * scatter / np.exp(level)))
    far: Array = np.minimum(FAR * noise, plain)
    return far


def _around(shape: Array, centres: Places, half: int, share: float) -> Array:
    """The quantile of the `half` points on both sides of each centre; fewer at the ends."""
    beyond = np.full(half, np.inf)
    rows = np.sort(sliding(np.concatenate([beyond, shape, beyond]), 2 * half + 1)[centres], axis=1)
    count = np.minimum(centres + half + 1, len(shape)) - np.maximum(centres - half, 0)
    # Linear between neighbours, from the nearer one, as numpy's quantile does it; what lies beyond is sorted last.
    place = share * (count - 1)
    left = place.astype(np.intp)
    row, t = np.arange(len(rows)), place - left
    low, high = rows[row, left], rows[row, np.minimum(left + 1, count - 1)]
    found: Array = np.where(t >= 0.5, high - (high - low) * (1 - t), low + (high - low) * t)
    return found


def _single(over: Array, far: Array, tall: float) -> list[_Spike]:
    """Stretches that rise suddenly to FAR and `tall` above the level and end within two deviations of it."""
    found: list[_Spike] = []
    high, low = np.maximum(far, tall), np.maximum(far / 3, tall / 3)
    n, done = len(over), 0
    for i in np.flatnonzero(over > high).tolist():
        if i < done:
            continue
        begin = end = i
        while begin > 0 and over[begin - 1] > low[begin - 1]:
            begin -= 1
        while end < n and over[end] > low[end]:
            end += 1
        peak = begin + int(np.argmax(over[begin:end]))
        climb = int(np.argmax(over[begin:end] > over[peak] / 2))
        # What begins at the first point is the descent; what has not come back at the last is no spike yet.
        if begin > 0 and end < n and climb < SUDDEN:
            found.append(_Spike(begin, peak, end, float(over[peak])))
        done = end
    return found


def _lasting(shape: Array, lasts: int) -> list[_Spike]:
    """Jumps of the median of `lasts` points over the median of those before, larger than any fall, that come back.

    A loss at a constant level jumps by less than five of its median jumps. Where spikes are so many that they set
    that median, no jump down comes near the jumps up, though the way back from a spike is a fall too: half above the
    largest of them is enough. In a sparse log the way back takes few points and is nearly as steep as the spike: there
    a tenth is enough, if the noise of so many points does not reach it either (the universal threshold of Donoho and
    Johnstone 1994, the root of 2 log(n) standard deviations).
    """
    if len(shape) < 4 * lasts:
        return []
    middle = row_median(sliding(shape, lasts))
    jump = middle[lasts:] - middle[:-lasts]
    down, usual = -jump[len(jump) // 20 :], 1.4826 * median(np.abs(jump))
    # The difference of two medians of n points of a normal law has 1.77 of a point's standard deviation over sqrt(n).
    noise = 1.77 * 1.4826 * median(np.abs(np.diff(shape, 2))) / np.sqrt(6 * lasts)
    later = -jump[len(jump) // 10 :]  # the descent itself falls faster than anything behind it
    by_noise = max(5 * usual, 1.3 * quantile(down, 0.99))
    many = max(3 * usual, 1.5 * float(down.max()))
    drift = max(0.0, median(jump))  # a loss that climbs all along jumps further up than down
    chance = np.sqrt(2 * np.log(len(shape))) * noise if len(shape) < SPARSE else np.inf
    plain = drift + max(chance, 1.5 * usual, 1.1 * (float(later.max()) + drift))
    least = max(JUMP, min(by_noise, many, plain))
    high = jump > least
    starts = np.flatnonzero(high & ~np.concatenate(([False], high[:-1])))
    found: list[_Spike] = []
    for number, start in enumerate(starts):
        stop = int(start) + int(np.argmin(np.append(high[start:], False)))
        at = int(start) + int(np.argmax(jump[start:stop]))
        begin, height = at + lasts, float(jump[at])
        back = np.flatnonzero(middle[begin:] < middle[at] + 0.3 * height)
        end = begin + int(back[0]) if len(back) else len(shape)
        if number + 1 < len(starts):
            end = min(end, int(starts[number + 1]) + lasts)
        if begin < end < len(shape) and (not found or begin >= found[-1].end):
            found.append(_Spike(begin, begin + int(np.argmax(shape[begin:end])), end, height))
    return found


def _counts(signals: Signals, step: Array, value: Array, spike: _Spike) -> bool:
    """Whether it undid a part of the descent that matters, while the rate was not being raised."""
    before = median(value[max(0, spike.begin - 5) : spike.begin])
    descent = median(value[:3]) - float(np.quantile(value, 0.05))
    if float(value[spike.peak]) - before <= UNDOES * max(descent, 0.0):
        return False
    now, then = signals.lr_at(float(step[spike.peak])), signals.lr_at(float(step[max(0, spike.begin - SUDDEN)]))
    return now is None or then is None or now <= 1.1 * then


def _vitals(signals: Signals, step: Array, apart: Measured, spikes: list[_Spike]) -> dict[str, Measured]:
    """Counts, shares of the run and heights of the spikes found. The height is the median one, its low and high the
    range of nine in ten: a spread and no interval. Without a spike the counts are 0 and the rest is missing."""
    if not spikes:
        none = Missing("the loss has no spike")
        counted = {"spikes.burden": exact(0, "count"), "spikes.count": exact(0, "count")}
        return dict.fromkeys(VITALS, none) | counted | {"spikes.lost": exact(0, "share")}
    length = signals.length or 1.0
    lasted = [float(step[s.end] - step[s.begin]) / length for s in spikes]
    heights = np.exp(np.minimum(50.0, [s.height for s in spikes]))
    low, middle, high = (float(x) for x in np.quantile(heights, (0.1, 0.5, 0.9)))
    first = float(step[spikes[0].begin])
    span = (first, float(step[spikes[-1].end]))
    return {
        "spikes.burden": exact(sum(min(1.5, max(1.0, share / SHARE)) for share in lasted), "count", span),
        "spikes.count": exact(len(spikes), "count", span),
        "spikes.apart": apart,
        "spikes.height": Estimate(middle, low, high, "times"),
        "spikes.recovery": exact(max(lasted), "share"),
        "spikes.lost": exact(sum(lasted), "share", span),
        "spikes.first": exact(first, "step", (first, first)),
    }


def _apart(over: Array, noise: Array, single: list[_Spike], lasting: list[_Spike]) -> Estimate:
    """Points in spikes over points outside that reach 0.4 of their height: heavy tails fill the gap, spikes do not.

    The way back from a spike that lasted is no noise either: logged more rarely, some of the same spikes look so.
    """
    inside, known = np.zeros((2, len(over)), bool)
    for s in single:
        inside[s.begin : s.end] = True
    for s in lasting:
        known[s.begin : s.end] = True
    enough = np.maximum(3 * noise, 0.4 * median([s.height for s in single]))
    between = int(((over > enough) & ~inside & ~known).sum())
    return exact(int(inside.sum()) / max(1, between), "times")
