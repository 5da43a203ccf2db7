"""Where did one curve jump for good while the other went on?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..run import Array
from .order import sliding
from .segment import pooled

#: Points on each side of a jump through which a line is drawn; nearer to an end no jump is told from a spike. The first
#: fifth of a run has jumps of its own.
SIDE, EARLY = 8, 0.2


@dataclass(frozen=True, slots=True)
class Step:
    """The first point behind a jump, the jump itself (positive upward) and its standard error, in units of the first
    curve, and the same of the second curve at that place."""

    at: float
    jump: float
    error: float
    other: float
    other_error: float


def lone_step(step: Array, value: Array, other_step: Array, other: Array) -> Step | None:
    """The surest jump of the first curve that stays to its end, None where none does or common points are few.

    `step`, `value` (n,), `other_step`, `other` (m,): finite, in the order of the steps. Both are put on common
    points (`segment.pooled`). A jump is the distance, at its place, of two lines through the SIDE points before and
    behind; errors are those of the lines. What lies behind must stay beyond half of the jump.

    >>> t = np.arange(60.0)
    >>> wiggle = 0.01 * np.cos(9 * t)
    >>> found = lone_step(t, 2 - 0.01 * t - 0.3 * (t >= 50) + wiggle, t, 2 - 0.01 * t + wiggle)
    >>> found.at, round(found.jump, 1), abs(round(found.other, 1))
    (50.0, -0.3, 0.0)
    """
    common = pooled(step, value, other_step, other)
    if common is None:
        return None
    x, mine, theirs = common
    jump, error = _jumps(mine)
    moved, doubt = _jumps(theirs)
    for k in np.argsort(-np.abs(jump) / error):
        at = int(k) + SIDE
        before = mine[at - 3 : at].mean()
        if at >= EARLY * len(x) and (np.sign(jump[k]) * (mine[at:] - before) >= 0.5 * abs(jump[k])).all():
            return Step(float(x[at]), float(jump[k]), float(error[k]), float(moved[k]), float(doubt[k]))
    return None


def _jumps(y: Array) -> tuple[Array, Array]:
    """Distance of the lines through the SIDE points before and from each point on, at that point, and its standard
    error (n - 2 SIDE + 1,); first for point SIDE, counted from 0."""
    windows = sliding(y, SIDE)
    place = np.arange(SIDE) - (SIDE - 1) / 2
    square = float(place @ place)
    mean, slope = windows.mean(1), windows @ place / square
    rest = windows - mean[:, None] - slope[:, None] * place
    variance = (rest**2).sum(1) / (SIDE - 2)
    # The place of the jump lies half a window and half a point behind the middle of the one, before that of the other.
    behind, ahead = mean[:-SIDE] + slope[:-SIDE] * SIDE / 2, mean[SIDE:] - slope[SIDE:] * SIDE / 2
    share = 1 / SIDE + (SIDE / 2) ** 2 / square
    error: Array = np.sqrt((variance[:-SIDE] + variance[SIDE:]) * share)
    return ahead - behind, np.maximum(error, 1e-12 * max(float(np.abs(y).max()), 1e-300))
