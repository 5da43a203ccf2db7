"""Which learning-rate schedule is this?

A rate is known to the digit, not measured: what is asked is which formula gives these numbers. The signs of its
changes say how it is composed (up, then down: warmup and a decay; up and down again: cycles.py), stairs with equal
factors are steps (stairs.py), and everything smooth goes to decay.py. Kinds are those of torch.optim.lr_scheduler and
of the papers: step, cosine and restarts (Loshchilov and Hutter, 2017), one_cycle and triangular (Smith, 2017, 2018),
inverse_sqrt (Vaswani et al., 2017), wsd (Hu et al., 2024), linear warmup (Goyal et al., 2017).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..run import Array
from .cycles import turning
from .decay import ACCEPT, fit_decay
from .order import median
from .schedule_fit import EVEN, LIKELY, SURE, UNKNOWN, ScheduleFit, named
from .stairs import LOW_STAIR, cliffs, smooth_stairs, stairs, table

#: Points that are looked at; what stands between two of them is read again where the rate jumps.
POINTS = 4000
#: A rate whose whole range is smaller than this share of its peak changes nothing: constant.
STEADY = 1e-3


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
        fit = turning(step, rate, slack, sign)
    return _sharpened(fit, *whole) if stride else fit


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


def _calculable(step: Array, rate: Array) -> bool:
    """Whether squares of all differences stay within a float64: no real log comes near the ends."""
    gaps = np.abs(np.diff(step))
    return bool(
        (gaps > 1e-60).all()
        and max(float(np.abs(step).max()), float(rate.max())) < 1e60
        and (rate.max() == 0 or rate.max() > 1e-60)
    )


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
    fit = table(step[first:], rate[first:], slack[first:]) or UNKNOWN
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
    usual = median(np.diff(step))
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
    if held >= 0.3 and (fit := stairs(step, rate, slack, moves, begin)):
        return fit
    body = slice(1, None) if begin is not None and len(rate) > 5 else slice(None)
    if fit := _smooth(step[body], rate[body], slack[body]):
        return fit
    if len(moves) >= 5 and held > 0.3 and (fit := smooth_stairs(step, rate, slack, moves)):
        return fit
    return (held >= 0.3 and table(step, rate, slack)) or replace(UNKNOWN, drops=cliffs(step, rate))


def _smooth(step: Array, rate: Array, slack: Array) -> ScheduleFit | None:
    """A smooth family: over all points, without a floor held at the end, behind a hold at the start (wsd), or both."""
    if len(rate) < 4:
        return None
    # The first rate may be one that was logged before the schedule began to move.
    for begin in (0, 1) if len(rate) >= 8 else (0,):
        if found := fit_decay(step[begin:], rate[begin:], slack[begin:]):
            return named(found, len(rate))
    tail = int(np.flatnonzero(rate > rate[-1] + slack[-1] + 1e-9 * rate[0])[-1]) + 2
    floored = tail <= len(rate) - 2 and tail >= 4
    if floored and (found := fit_decay(step[:tail], rate[:tail], slack[:tail])):
        return named(found, tail)
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
