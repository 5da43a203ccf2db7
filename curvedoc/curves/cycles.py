"""Which schedule lifts its rate again: restarts, triangles, held levels, a wave?"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ..run import Array
from .decay import ACCEPT, fit_decay
from .schedule_fit import LIKELY, SURE, UNKNOWN, ScheduleFit
from .stairs import table

#: Cycles that are looked at, evenly from all of them: a schedule repeats itself, and each of them takes a fit.
MOST = 30


def turning(step: Array, rate: Array, slack: Array, sign: Array) -> ScheduleFit:
    """A rate that rises more than once or rises after a fall: restarts, triangles, held levels, a wave."""
    if fit := table(step, rate, slack):
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


def _restarts(step: Array, rate: Array, slack: Array, back: npt.NDArray[np.intp]) -> ScheduleFit | None:
    """Cosines between the points `back` at which the rate jumped up: their phase is a straight line in the step.

    Peak and floor are shared, and lie within what one logged interval can hide from the extremes seen.
    """
    bounds = [b for b in np.concatenate([[0], back, [len(rate)]]).tolist() if b >= 0]
    parts = [(step[a:b], rate[a:b], slack[a:b]) for a, b in pairwise(bounds) if b - a >= 3]
    if not parts:
        return None
    parts = parts[:: -(-len(parts) // MOST)]
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
