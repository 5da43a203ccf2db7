"""Which learning-rate schedule is this?

A rate is known to the digit, not measured: what is asked is which formula gives these numbers. The signs of its
changes say how it is composed (up, then down: warmup and a decay; up and down again: cycles), stairs with equal
factors are steps, and everything smooth goes to decay.py. Kinds are those of torch.optim.lr_scheduler and of the
papers: step, cosine and restarts (Loshchilov and Hutter, 2017), one_cycle and triangular (Smith, 2017, 2018),
inverse_sqrt (Vaswani et al., 2017), wsd (Hu et al., 2024), linear warmup (Goyal et al., 2017).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ..run import Array
from .decay import ACCEPT, Decay, fit_decay

#: Points that are looked at; what stands between two of them is read again where the rate jumps.
POINTS = 4000
#: A rate whose whole range is smaller than this share of its peak changes nothing: constant.
STEADY = 1e-3
#: Stairs lower than this are steps however many; of higher ones, MANY make an exponential decay by the epoch
#: (StepLR is used with factors of 0.1 to 0.7, ExponentialLR by the epoch with 0.85 to 0.99).
LOW_STAIR, MANY = 0.8, 8
#: Patience that people choose: one drop alone is taken for reduce-on-plateau only at one of these.
PATIENCE = (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 50)
#: Relative improvements that count as a new best: torch's default, none, and what people set.
THRESHOLDS = (1e-4, 0.0, 1e-3, 2e-3, 5e-3, 1e-2)
#: How sure the kinds are, measured by the bench: as many logs of that kind were read rightly, at least.
SURE, LIKELY, EVEN = 0.95, 0.8, 0.6

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ScheduleFit:
    """`kind` of schedule, step at which warmup ends (None without), `drops` the first logged steps at a lower rate,
    `error` the largest deviation from the formula in shares of the fall, `confidence` that the kind is right: below
    0.5 for what was guessed from the loss alone, 0 for unknown."""

    kind: str
    warmup_until: float | None = None
    drops: tuple[float, ...] = ()
    error: float = 0.0
    confidence: float = SURE


UNKNOWN = ScheduleFit("unknown", confidence=0.0)


def fit_schedule(step: Array, rate: Array) -> ScheduleFit:
    """The schedule behind a logged rate, "unknown" rather than a wrong one.

    Kinds: constant, warmup (rises to the end of the log), step (equal factors at equal distances, twice at least),
    multi_step (equal factors; also a single drop, which belongs to many schedules), table (held rates with unequal
    factors, or ups and downs: by hand), exponential, one_over_t, inverse_sqrt, linear, polynomial, cosine, wsd,
    one_cycle, triangular, cosine_restarts, unknown. Linear or other warmup before any of them is told by
    `warmup_until`. Reduce-on-plateau looks like multi_step: see `on_plateau`.

    `step`, `rate` (n,): any unit and scale; points that are not finite or negative are left out. Gives up (unknown)
    with fewer than 3 points, and when nothing fits within decay.ACCEPT of the fall beyond what rounding explains.

    >>> t = np.arange(100.0)
    >>> fit = fit_schedule(t, 0.1 ** (1 + t // 40))
    >>> fit.kind, fit.drops
    ('step', (40.0, 80.0))
    >>> fit = fit_schedule(t, 1e-3 * np.where(t < 10, (t + 1) / 10, 0.5 * (1 + np.cos(np.pi * (t - 10) / 90))))
    >>> fit.kind, fit.warmup_until
    ('cosine', 9.0)
    """
    keep = np.isfinite(rate) & (rate >= 0)
    if not keep.all():
        step, rate = step[keep], rate[keep]
    if len(rate) < 3:
        return UNKNOWN
    if not _calculable(step, rate):
        return UNKNOWN
    whole = step, rate
    if stride := (len(rate) - 1) // POINTS:
        chosen = np.append(np.arange(0, len(rate) - 1, stride + 1), len(rate) - 1)
        step, rate = step[chosen], rate[chosen]
    step, rate = _without_glitches(step, rate)
    peak = float(rate.max())
    if peak <= 0 or np.ptp(rate) <= STEADY * peak:
        return ScheduleFit("constant", confidence=SURE if len(rate) >= 6 else EVEN)
    slack = _rounding(rate)
    change = np.diff(rate)
    sign = np.sign(change) * (np.abs(change) > 1e-9 * np.maximum(rate[1:], rate[:-1]))
    moves = np.flatnonzero(sign)
    turns = np.flatnonzero(np.diff(sign[moves]))
    rises = sign[moves[0]] > 0
    if rises and len(turns) == 0:
        fit = _rising(step, rate, slack, int(moves[-1]) + 1)
    elif len(turns) == 0:
        fit = _falling(step, rate, slack)
    elif rises and len(turns) == 1:
        fit = _risen(step, rate, slack, int(moves[turns[0]]) + 1)
    else:
        fit = _turning(step, rate, slack, sign)
    return _sharpened(fit, *whole) if stride else fit


def on_plateau(fit: ScheduleFit, step: Array, rate: Array, val_step: Array, val_loss: Array) -> ScheduleFit:
    """The same, or kind "plateau" when the drops came exactly where reduce-on-plateau drops.

    For each of THRESHOLDS the first drop gives the patience (validations before it without a new best); with that
    patience the validation loss `val_loss (m,)` at `val_step (m,)` must then have asked for every other drop and for
    no more. Two drops settle it; a single one needs torch's own threshold, a patience that people choose and twice
    as many validations behind it. A cooldown, or a metric other than the loss, stays multi_step: what cannot be
    told is called by the wider name.
    """
    finite = np.isfinite(val_loss)
    val_step, val_loss = val_step[finite], val_loss[finite]
    if (
        fit.kind not in ("multi_step", "step", "table")
        or not 1 <= len(fit.drops) <= 30
        or not 5 <= len(val_loss) <= 5000
    ):
        return fit
    at = np.searchsorted(step, fit.drops)
    # The cut follows a validation and shows in the next rate that is logged, or in the same row.
    first = np.searchsorted(val_step, step[np.maximum(at - 1, 0)])
    last = np.searchsorted(val_step, step[at], side="right") - 1
    # A cut that only the last validation asked for has no rate behind it to show it.
    shown = val_step < step[-1]
    loss = val_loss.tolist()
    for threshold in THRESHOLDS if len(at) > 1 else THRESHOLDS[:1]:
        counts = _bad_counts(loss, threshold)
        for trigger in range(int(first[0]), int(last[0]) + 1):
            patience = counts[trigger] - 1
            lone = len(at) == 1 and (patience not in PATIENCE or len(loss) - trigger <= 2 * patience + 1)
            if patience < 1 or lone:
                continue
            asked = [n for n, bad in enumerate(_bad_counts(loss, threshold, patience)) if bad > patience and shown[n]]
            if len(asked) == len(at) and all(a <= n <= b for a, n, b in zip(first, asked, last, strict=True)):
                return replace(fit, kind="plateau", confidence=SURE if len(at) > 1 else EVEN)
    return fit


def _bad_counts(loss: list[float], threshold: float, patience: float = np.inf) -> list[int]:
    """At each validation, how many there were since the last new best or cut, itself included."""
    best, bad, counts = np.inf, 0, []
    for value in loss:
        best, bad = (value, 0) if value < best - (threshold * abs(best) if best < np.inf else 0) else (best, bad + 1)
        counts.append(bad)
        if bad > patience:
            bad = 0
    return counts


def _rounding(rate: Array) -> Array:
    """By how much the printed digits may have moved each rate: half a unit of the last digit, (n,).

    Digits are those that all of (a sample of) the values get by with, 3 at least; when the highest value would have
    no more of them than a fixed number of decimals gives it, the decimals decide: 0.0010 and 0.0009 are exact to
    0.00005.
    """
    sample = rate[rate > 0]
    sample = sample[:: 1 + len(sample) // 100]
    power = np.floor(np.log10(sample))
    for digits in range(3, 8):
        unit = 10.0 ** (power - digits + 1)
        if (np.abs(sample / unit - np.round(sample / unit)) <= 1e-6).all():
            break
    else:
        return 2e-7 * rate  # no fewer digits than a float32 has
    with np.errstate(divide="ignore"):
        slack: Array = 0.5 * 10.0 ** (np.floor(np.log10(np.maximum(rate, 1e-300))) - digits + 1)
    for decimals in range(1, 12):
        scaled = sample * 10.0**decimals
        if (np.abs(scaled - np.round(scaled)) <= 1e-6).all():
            if int(power.max()) + 1 + decimals <= digits:
                # Coarser than a hundredth, equal values say too little to call anything rounding.
                slack = np.full_like(rate, min(0.5 * 10.0**-decimals, 0.06 * float(rate.max())))
            break
    return slack


def _without_glitches(step: Array, rate: Array) -> tuple[Array, Array]:
    """Without single points that stand a fifth of the range away from both neighbours, which agree: a resume."""
    if len(rate) < 10:
        return step, rate
    before, after = np.diff(rate)[:-1], np.diff(rate)[1:]
    apart = np.minimum(np.abs(before), np.abs(after))
    odd = (before * after < 0) & (apart > 0.2 * np.ptp(rate)) & (apart > 20 * np.abs(rate[2:] - rate[:-2]))
    if not 0 < odd.sum() <= max(1, len(rate) // 50):
        return step, rate
    keep = np.ones(len(rate), bool)
    keep[1:-1] = ~odd
    return step[keep], rate[keep]


def _sharpened(fit: ScheduleFit, step: Array, rate: Array) -> ScheduleFit:
    """Drops and the end of warmup, found on thinned points, moved to the point at which they are logged."""
    keep = np.isfinite(rate)
    step, rate = step[keep], rate[keep]
    stride = (len(rate) - 1) // POINTS + 1
    drops = []
    for drop in fit.drops:
        at = int(np.searchsorted(step, drop))
        begin = max(0, at - stride)
        drops.append(float(step[begin + 1 + int(np.argmin(np.diff(rate[begin : at + 1])))]))
    warm = fit.warmup_until
    if warm is not None:
        at = int(np.searchsorted(step, warm))
        begin = max(0, at - stride)
        near = rate[begin : at + stride + 1]
        warm = float(step[begin + int(np.argmax(near >= near.max() * (1 - 1e-9)))])
    return replace(fit, drops=tuple(drops), warmup_until=warm)


def _rising(step: Array, rate: Array, slack: Array, top: int) -> ScheduleFit:
    """A rate that only ever rose: up to `top`, then held."""
    if by_hand := _by_hand(step, rate, slack, top):
        return by_hand
    held = len(rate) - 1 - top
    share = (step[top] - step[0]) / (step[-1] - step[0])
    if held >= 2 and share <= 0.9:
        return ScheduleFit("constant", float(step[top]))
    if held < 2 and (np.diff(rate) > 0).mean() > 0.5:
        return ScheduleFit("warmup", float(step[-1]), confidence=LIKELY if len(rate) >= 6 else EVEN)
    return UNKNOWN


def _by_hand(step: Array, rate: Array, slack: Array, top: int) -> ScheduleFit | None:
    """A rise up to `top` that rests for more than 15 % of the log is no warmup: held levels, set by hand, behind
    whatever warmup led to the first of them. None when it does not rest."""
    moved = np.flatnonzero(np.diff(rate[: top + 1]) > 0)
    starts = np.append(0, moved[:-1] + 1)
    rests = np.flatnonzero(step[moved] - step[starts] > 0.15 * (step[-1] - step[0]))
    if not len(rests):
        return None
    first = int(starts[rests[0]])
    fit = _table(step[first:], rate[first:], slack[first:]) or UNKNOWN
    return replace(fit, warmup_until=float(step[first])) if first and fit.kind != "unknown" else fit


def _risen(step: Array, rate: Array, slack: Array, top: int) -> ScheduleFit:
    """Warmup up to `top` and a decay behind it, one cycle, or one triangle."""
    share = (step[top] - step[0]) / (step[-1] - step[0])
    if by_hand := _by_hand(step, rate, slack, top):
        return by_hand
    if share > 0.8:
        return UNKNOWN
    fit = _falling(step[top:], rate[top:], slack[top:], begin=(float(step[0]), float(step[max(top - 1, 0)])))
    if fit.kind == "unknown":
        return fit
    up_step, up = step[: top + 1], rate[: top + 1]
    # The rounded top of a cosine is flat: its peak may lie anywhere on it.
    flat = top + int(np.argmax(np.append(rate[top:] < rate[top] - 2 * slack[top], True)))
    behind = float(step[min(max(flat, top + 1), len(step) - 1)])
    if fit.kind in ("cosine", "linear") and share >= 0.05 and _cosine_rise(up_step, up, slack, behind):
        sure = fit.confidence if top >= 5 else EVEN
        return replace(fit, kind="one_cycle", warmup_until=float(step[top]), confidence=sure)
    if fit.kind == "linear" and top >= 3 and len(rate) - top > 4:
        climb = (rate[top - 1] - rate[0]) / (step[top - 1] - step[0])
        fall = (rate[top + 1] - rate[-1]) / (step[-1] - step[top + 1])
        if abs(climb - fall) <= 0.02 * fall:
            return ScheduleFit("triangular", None, (), 0.0, EVEN)
    return replace(fit, warmup_until=float(step[top]))


def _cosine_rise(step: Array, rate: Array, slack: Array, behind: float) -> bool:
    """Whether a rise is half a cosine from its first point, and no straight line; its end lies before `behind`."""
    x, y = step[:-1], rate[:-1]
    if len(x) >= 8:
        x, y = x[1:], y[1:]  # the first may be the rate from before the schedule moved
    if len(x) < 2:
        return False
    rounding = float(slack[: len(rate)].max())
    span = float(np.ptp(rate))
    if len(x) >= 3:
        slope, start = np.polyfit(x - x[0], y, 1)
        if np.abs(start + slope * (x - x[0]) - y).max() <= ACCEPT * span + 1.5 * rounding:
            return False
    if len(x) <= 3 and not (0.035 <= y[0] / rate[-1] <= 0.045 and x[-1] - x[0] > 2 * (x[1] - x[0]) - 1e-9):
        return False  # too few to see a bend, and not the customary 1/25 of the peak
    ends = np.linspace(step[-2] + 0.02 * (behind - step[-2]), behind, 60)[:, None]
    # The log may begin after the cycle did, by a few of its intervals, or a step too early.
    usual = float(np.median(np.diff(step)))
    for origin in np.append(step[0], np.linspace(step[0] - 3 * usual, x[0] + 0.3 * usual, 16)):
        shape = 1 - np.cos(np.pi * (x - origin) / (ends - origin))
        away = shape - shape.mean(1, keepdims=True)
        gain = (away * y).sum(1, keepdims=True) / (away * away).sum(1, keepdims=True)
        misfit = np.abs(y.mean() + gain * away - y).max(1)
        if misfit.min() <= 2 * ACCEPT * span + 1.5 * rounding:
            return True
    return False


def _falling(step: Array, rate: Array, slack: Array, begin: tuple[float, float] | None = None) -> ScheduleFit:
    """The schedule of a rate that never rises. `begin`: the first step of the log and the last point of a warmup
    before this stretch; its own first point may then still belong to the warmup."""
    if len(rate) < 3 or np.ptp(rate[1:]) <= STEADY * rate[1]:
        if len(rate) > 2 and rate[1] < LOW_STAIR * rate[0]:
            return ScheduleFit("multi_step", None, (float(step[1]),), 0.0, EVEN)  # cut as soon as it began
        return ScheduleFit("constant")
    moves = np.flatnonzero(rate[1:] < rate[:-1] * (1 - 1e-9))
    held = 1 - len(moves) / (len(rate) - 1)
    if held >= 0.3 and (fit := _stairs(step, rate, slack, moves, begin)):
        return fit
    body = slice(1, None) if begin is not None and len(rate) > 5 else slice(None)
    if fit := _smooth(step[body], rate[body], slack[body]):
        return fit
    if len(moves) >= 5 and held > 0.3 and (fit := _smooth_stairs(step, rate, slack, moves)):
        return fit
    return (held >= 0.3 and _table(step, rate, slack)) or replace(UNKNOWN, drops=_cliffs(step, rate))


def _stairs(
    step: Array, rate: Array, slack: Array, moves: npt.NDArray[np.intp], begin: tuple[float, float] | None
) -> ScheduleFit | None:
    """Held rates with equal factors between them: step, multi_step, or an exponential decay by the epoch."""
    if len(moves) > 2000:
        return None
    at = _merged(rate, slack, moves) + 1
    ends = np.append(at - 1, len(rate) - 1)  # a level is what it settled at
    level = rate[ends]
    if not level[-1] > 0:
        return None
    factor, rounding = level[1:] / level[:-1], slack[ends] / level
    doubt = rounding[1:] + rounding[:-1] + 1e-5
    # A last drop that stops at a lowest rate is smaller than the others.
    equal = factor[:-1] if len(factor) > 2 and factor[-1] > factor[0] * 1.05 else factor
    mean = float(np.exp(np.log(equal).mean()))
    if mean > 0.97 or not (np.abs(equal / mean - 1) <= np.minimum(2 * doubt[: len(equal)], 0.1 * (1 - mean))).all():
        return None
    drops = tuple(float(s) for s in step[at])
    if len(at) == 1:
        return ScheduleFit("multi_step", None, drops, 0.0, EVEN)
    regular = len(equal) == len(factor) and _evenly(step, at, begin)
    if mean > LOW_STAIR and len(at) >= MANY:
        return ScheduleFit("exponential") if regular else None
    if np.diff(np.append(at, len(rate))).max() < 2:
        return None  # each point lower than the one before: no stairs
    if regular:
        return ScheduleFit("step", None, drops, 0.0, SURE if len(at) > 2 else LIKELY)
    return ScheduleFit("multi_step", None, drops, 0.0, LIKELY if len(equal) == len(factor) else EVEN)


def _merged(rate: Array, slack: Array, moves: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """The moves without those into a level of a single point between two held ones: a mean over the drop."""
    if len(moves) < 2:
        return moves
    length = np.diff(np.concatenate([[-1], moves, [len(rate) - 1]]))
    single = np.flatnonzero((length[1:-1] == 1) & (length[:-2] > 1) & (length[2:] > 1)) + 1
    if not len(single) or len(single) * 2 > len(moves):
        return moves
    level = rate[np.append(0, moves + 1)]
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = level[1:] / level[:-1]
    tight = 2 * slack.max() / max(rate.max(), 1e-300) + 1e-3
    if np.nanmax(factor) - np.nanmin(factor) <= tight:
        return moves
    return np.delete(moves, single)


def _evenly(step: Array, at: npt.NDArray[np.intp], begin: tuple[float, float] | None) -> bool:
    """Whether one distance, counted from the start of the log, from 0 or from the end of warmup, leads to every drop
    (each lies between two logged points) and to no further one."""
    low, high = step[at - 1], step[at]
    k = np.arange(1, len(at) + 1)
    gap = float(np.median(np.diff(step)))
    origins = {float(step[0]), float(step[0]) - gap, 0.0}
    if begin is not None:
        origins |= {begin[0], begin[0] - gap, begin[1], (begin[1] + float(step[0])) / 2, float(step[0]) + gap}
    for origin in origins:
        least, most = float(((low - origin) / k).max()), float(((high - origin) / k).min())
        least = max(least, (float(step[-1]) - gap - origin) / (len(at) + 1))
        if least <= most * (1 + 1e-9):
            return True
    if len(at) < 4:
        return False
    # Resumed logs begin anywhere: the distances alone, each between its own shortest and longest.
    shortest, longest = (low[1:] - high[:-1]).max(), (high[1:] - low[:-1]).min()
    return bool(shortest <= longest and step[-1] - high[-1] <= longest and low[0] - step[0] <= longest)


def _smooth(step: Array, rate: Array, slack: Array) -> ScheduleFit | None:
    """A smooth family: over all points, without a floor held at the end, behind a hold at the start (wsd), or both."""
    if len(rate) < 4:
        return None
    # The first rate may be one that was logged before the schedule began to move.
    for begin in (0, 1) if len(rate) >= 8 else (0,):
        if found := fit_decay(step[begin:], rate[begin:], slack[begin:]):
            return _named(found, len(rate))
    tail = int(np.flatnonzero(rate > rate[-1] + slack[-1] + 1e-9 * rate[0])[-1]) + 2
    floored = tail <= len(rate) - 2 and tail >= 4
    if floored and (found := fit_decay(step[:tail], rate[:tail], slack[:tail])):
        return _named(found, tail)
    head = int(np.argmax(rate < rate[0] - slack[0] - 1e-9 * rate[0]))
    if head < 2:
        return None
    for end in (len(rate), tail) if floored else (len(rate),):
        part = slice(head, end)
        found = fit_decay(step[part], rate[part], slack[part], level=float(rate[0]))
        if found is not None:
            if found.kind in ("inverse_sqrt", "one_over_t"):
                return ScheduleFit(found.kind, None, (), found.error, EVEN)
            return ScheduleFit("wsd", None, (), found.error, SURE if end - head >= 6 else LIKELY)
        if end - head in (2, 3) and head >= 4 and _continues(step[head - 1 : end], rate[head - 1 : end]):
            return ScheduleFit("wsd", None, (), 0.0, EVEN)
    return None


def _continues(step: Array, rate: Array) -> bool:
    """Whether the line through the last points meets the rate held before them between its point and the next."""
    slope = (rate[-1] - rate[1]) / (step[-1] - step[1])
    if slope >= 0 or (len(rate) == 4 and abs(rate[2] - rate[1] - slope * (step[2] - step[1])) > 1e-2 * rate[0]):
        return False
    meets = step[1] + (rate[0] - rate[1]) / slope
    return bool(step[0] - 0.05 * (step[1] - step[0]) <= meets <= step[1])


def _named(found: Decay, points: int) -> ScheduleFit:
    sure = EVEN if not found.clear or points < 6 else SURE if points >= 10 else LIKELY
    return ScheduleFit(found.kind, None, (), found.error, sure)


def _smooth_stairs(step: Array, rate: Array, slack: Array, moves: npt.NDArray[np.intp]) -> ScheduleFit | None:
    """A smooth family that is moved once an epoch and logged more often: a point for each stair, one epoch apart.

    A stair begins somewhere between two logged points, so its number says better where it belongs than its step.
    """
    at = moves + 1
    low, high = step[moves], step[at]
    middle = (low + high) / 2
    length = float(np.median(np.diff(middle)))
    number = np.append(0.0, np.cumsum(np.round(np.diff(middle) / length)))
    if np.ptp(number) < 4:
        return None
    length, origin = np.polyfit(number, middle, 1)
    number = np.round((middle - origin) / length)
    if (np.diff(number) < 1).any() or (
        np.abs(middle - origin - length * number) > (high - low) / 2 + 0.1 * length
    ).any():
        return None
    level, doubt = np.append(rate[0], rate[at]), np.append(slack[0], slack[at])
    held = (middle[0] - step[0]) / length
    if held <= 1.5 and (found := fit_decay(np.append(number[0] - 1, number), level, doubt)):
        return _named(found, len(level))
    if found := fit_decay(number, level[1:], doubt[1:], level=float(rate[0])):
        wsd = held > 3.5 and found.kind not in ("inverse_sqrt", "one_over_t")
        return ScheduleFit("wsd" if wsd else found.kind, None, (), found.error, LIKELY if wsd else EVEN)
    return None


def _table(step: Array, rate: Array, slack: Array) -> ScheduleFit | None:
    """Few held rates in any order: set by hand."""
    moves = np.flatnonzero(np.abs(np.diff(rate)) > 1e-9 * rate[1:])
    if not 1 <= len(moves) <= 12 or len(moves) > 0.35 * (len(rate) - 1):
        return None
    at = _merged(rate, slack, moves) + 1
    if (np.diff(np.concatenate([[0], at, [len(rate)]])) >= 2).mean() < 0.7:
        return None
    level = rate[np.append(at - 1, len(rate) - 1)]
    drops = tuple(float(s) for s, a, b in zip(step[at], level[:-1], level[1:], strict=True) if b < a)
    if len(at) == 1:
        return ScheduleFit("multi_step" if drops else "table", None, drops, 0.0, EVEN)
    return ScheduleFit("table", None, drops, 0.0, LIKELY)


def _cliffs(step: Array, rate: Array) -> tuple[float, ...]:
    """First points of a rate that fell by a fifth at once and is then held: drops inside an unknown schedule."""
    fall = rate[:-1] - rate[1:]
    at = np.flatnonzero((rate[1:] < 0.8 * rate[:-1]) & (np.append(fall[1:], np.inf) <= 0.1 * fall)) + 1
    return tuple(float(s) for s in step[at]) if len(at) <= 20 else ()


def _turning(step: Array, rate: Array, slack: Array, sign: Array) -> ScheduleFit:
    """A rate that rises more than once or rises after a fall: restarts, triangles, held levels, a wave."""
    if fit := _table(step, rate, slack):
        return fit
    moves = np.flatnonzero(sign)
    turns = np.flatnonzero(np.diff(sign[moves]))
    first = np.append(0, turns + 1)
    length = np.diff(np.append(first, len(moves)))
    up = sign[moves[first]] > 0
    warm = int(moves[turns[0]]) + 1 if up[0] else 0
    later = up.copy()
    later[0] = False
    if later.any() and length[later].max() == 1 and length[~up].mean() >= 2:
        back = moves[first[later]] + 1
        if fit := _restarts(step[warm:], rate[warm:], slack[warm:], back - warm):
            return replace(fit, warmup_until=float(step[warm]) if warm and length[0] > 0 else None)
    if _triangles(step, rate, slack, sign, moves[first[1]] if up[0] and len(turns) > 2 else 0):
        return ScheduleFit("triangular", None, (), 0.0, SURE if len(turns) > 2 else LIKELY)
    if _wave(step, rate, slack, len(turns)):
        return ScheduleFit("cosine", None, (), 0.0, LIKELY)
    return UNKNOWN


def _calculable(step: Array, rate: Array) -> bool:
    """Whether squares of all differences stay within a float64: no real log comes near the ends."""
    gaps = np.abs(np.diff(step))
    return bool(
        (gaps > 1e-60).all()
        and max(float(np.abs(step).max()), float(rate.max())) < 1e60
        and (rate.max() == 0 or rate.max() > 1e-60)
    )


def _restarts(step: Array, rate: Array, slack: Array, back: npt.NDArray[np.intp]) -> ScheduleFit | None:
    """Cosines between the points `back` at which the rate jumped up: their phase is a straight line in the step.

    Peak and floor are shared, and lie within what one logged interval can hide from the extremes seen.
    """
    bounds = [b for b in np.concatenate([[0], back, [len(rate)]]).tolist() if b >= 0]
    parts = [(step[a:b], rate[a:b], slack[a:b]) for a, b in pairwise(bounds) if b - a >= 3]
    if not parts:
        return None
    top, low = float(rate.max()), float(rate.min())
    exact = [fit_decay(*p) for p in parts if len(p[0]) >= 8]
    if exact and len(exact) * 2 >= len(parts):
        good = [f is not None and f.kind == "cosine" for f in exact]
        return ScheduleFit("cosine_restarts") if np.mean(good) > 0.6 else None
    rounding = float(slack.max()) / (top - low)
    for lift in (0.0, 0.002, 0.005, 0.01, 0.02, 0.04):
        for dip in (0.0, 0.005, 0.01, 0.02, 0.04, 0.07, 0.1, 0.15):
            high, floor = top + lift * (top - low), max(0.0, low - dip * (top - low))
            worst = []
            for s, r, _ in parts:
                phase = np.arccos(np.clip(2 * (r - floor) / (high - floor) - 1, -1, 1))
                a, b = np.polyfit(s - s[0], phase, 1)
                back_again = floor + (high - floor) * (1 + np.cos(a * (s - s[0]) + b)) / 2
                worst.append(float(np.abs(back_again - r).max()) / (top - low))
            if np.median(worst) <= 3 * ACCEPT + rounding:
                return ScheduleFit("cosine_restarts", None, (), float(np.median(worst)), LIKELY)
    return None


def _triangles(step: Array, rate: Array, slack: Array, sign: Array, begin: int) -> bool:
    """Whether up and down each have one slope: most intervals have it, those with a corner in them have less."""
    slope = np.diff(rate) / np.diff(step)
    doubt = 2 * (slack[1:] + slack[:-1]) / np.diff(step)
    slope, doubt = slope[begin:], doubt[begin:]
    for way in (1, -1):
        mine = way * slope > 0
        if mine.sum() < 2:
            return False
        steep, room = way * slope[mine], doubt[mine]
        # The usual slope of those without a corner: the steepest of ten, which a stray interval does not set.
        usual = float(np.quantile(steep, 0.9)) if len(steep) > 10 else float(steep.max())
        if (np.abs(steep - usual) <= 0.02 * usual + room).mean() < 0.45:
            return False
    return True


def _wave(step: Array, rate: Array, slack: Array, turns: int) -> bool:
    """Whether a cosine that was not stopped at its trough goes on up and down."""
    stride = 1 + len(rate) // 400
    x, y = (step[::stride] - step[0]) / (step[-1] - step[0]), rate[::stride] / rate.max()
    if len(x) < 12:
        return False
    span = float(np.ptp(y))
    angles = np.pi * np.linspace(max(turns - 0.5, 0.9), turns + 1.2, 60)
    for _ in range(3):
        errors = []
        for angle in angles:
            basis = np.stack([np.ones_like(x), np.cos(angle * x), np.sin(angle * x)], 1)
            coefficients = np.linalg.lstsq(basis, y, rcond=None)[0]
            errors.append(float(np.abs(basis @ coefficients - y).max()))
        at = int(np.argmin(errors))
        angles = np.linspace(angles[max(at - 1, 0)], angles[min(at + 1, len(angles) - 1)], 20)
    return min(errors) <= ACCEPT * span + 2 * float(slack.max() / rate.max())
