"""Which schedule holds its rate between cuts: steps, a table set by hand, a smooth decay moved once an epoch?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..run import Array
from .decay import fit_decay
from .schedule_fit import EVEN, LIKELY, SURE, ScheduleFit, named

#: Stairs lower than this are steps however many; of higher ones, MANY make an exponential decay by the epoch
#: (StepLR is used with factors of 0.1 to 0.7, ExponentialLR by the epoch with 0.85 to 0.99).
LOW_STAIR, MANY = 0.8, 8


def stairs(
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


def smooth_stairs(step: Array, rate: Array, slack: Array, moves: npt.NDArray[np.intp]) -> ScheduleFit | None:
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
        return named(found, len(level))
    if found := fit_decay(number, level[1:], doubt[1:], level=float(rate[0])):
        wsd = held > 3.5 and found.kind not in ("inverse_sqrt", "one_over_t")
        return ScheduleFit("wsd" if wsd else found.kind, None, (), found.error, LIKELY if wsd else EVEN)
    return None


def table(step: Array, rate: Array, slack: Array) -> ScheduleFit | None:
    """Few held rates in any order: set by hand.

    >>> fit = table(np.arange(9.0), np.repeat([0.1, 0.03, 0.02], 3), np.zeros(9))
    >>> fit.kind, fit.drops
    ('table', (3.0, 6.0))
    """
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


def cliffs(step: Array, rate: Array) -> tuple[float, ...]:
    """First points of a rate that fell by a fifth at once and is then held: drops inside an unknown schedule.

    >>> cliffs(np.arange(6.0), np.array([1.0, 0.98, 0.97, 0.5, 0.49, 0.48]))
    (3.0,)
    """
    fall = rate[:-1] - rate[1:]
    at = np.flatnonzero((rate[1:] < 0.8 * rate[:-1]) & (np.append(fall[1:], np.inf) <= 0.1 * fall)) + 1
    return tuple(float(s) for s in step[at]) if len(at) <= 20 else ()
