"""Where did a steep descent turn into a slow straight one: the mark of a rate that was cut before any rest?

The slope of a loss is the rate times the squared gradient, so that a rate that is cut while the loss still falls well
breaks its descent. The steps that are left cover little more way than was covered before, and along a short way every
descent is straight. A power law or an exponential bends everywhere: none is straighter than the logarithm of the step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..run import Array

#: Points of the training loss, and validations behind a corner that tell a line from a bend: they have no noise of
#: batches in them, so that two degrees of freedom are enough. Of fewer than FEWEST the bend must stay below that of a
#: logarithm by 1.28 of its standard errors.
FEWEST, BEHIND = 6, 4
#: The part of the run within which a corner is an early one: what falls fast for a twentieth of a run and slowly from
#: then on is the start of most runs.
EARLIEST, LATEST = 0.06, 0.33
#: Every corner is tried on every point, so that long curves are pooled into this many.
ENOUGH = 100
#: Behind the corner the points lie within REST of the fall off their line, which bends by less than BENT of what a
#: logarithm does and by no more than BACK the other way (what falls faster and faster has a rate that comes down), and
#: the fall is LEAST to MOST of the last loss: what more than halves has a rate that serves it. Training fell as far
#: before the corner as behind it, and STEEP times as fast right before it; where FINE validations lie before the corner
#: the pace breaks by SHARP there. Of 1,588 public runs, none of which is known to have been cut early, 12 have such a
#: corner: 11 that missed their target and none that reached it. Of the 53 healthy runs of tests/lab/tune one has, whose
#: rate is logged.
REST, BENT, BACK, LEAST, MOST, STEEP, FINE, SHARP = 0.08, 0.7, 0.05, 0.03, 1.0, 3.0, 4, 4.0
#: The part of the way to the corner that is right before it, and the part of the run that both losses have to cover.
BEFORE, COVERS = 0.6, 0.8


@dataclass(frozen=True, slots=True)
class Bend:
    """The first logged step behind the corner, the last one before it, and the slope behind over that right before."""

    at: float
    since: float
    factor: float


def loss_bend(step: Array, value: Array, early_step: Array, early: Array, back: float = BACK) -> Bend | None:
    """The first corner between a steep descent and a slow straight one, None where there is none.

    `step`, `value` (n,): a loss without the noise of batches, which shows that the descent is straight behind the
    corner; `early_step`, `early` (m,): one that begins with the run and shows how steep it was before. All finite.
    `back`: by how much of a logarithm's bend it may bend the other way.

    >>> t = np.arange(20.0)
    >>> cut = 1 + np.where(t < 4, 0.8 - 0.2 * t, -0.02 * (t - 4))
    >>> found = loss_bend(t, cut, t, cut)
    >>> found.since, found.at, round(found.factor, 3)
    (3.0, 4.0, 0.1)
    >>> loss_bend(t, (t + 1) ** -0.5, t, (t + 1) ** -0.5) is None
    True
    """
    if len(value) < BEHIND or len(early) < FEWEST:
        return None
    begin, end = min(step[0], early_step[0]), max(step[-1], early_step[-1])
    if not end > begin:
        return None
    x, y = _pooled((step - begin) / (end - begin), value)
    u, w = _pooled((early_step - begin) / (end - begin), early)
    if min(float(x[-1]), float(u[-1])) < COVERS:
        return None
    first = float(x[0])
    for corner in [*u[u < first].tolist(), *x.tolist()]:
        if corner > LATEST:
            break
        if corner >= EARLIEST and (factor := _slowed(corner, (x, y), (u, w), back)) is not None:
            before = x[x < corner] if corner >= first else u[u < corner]
            since, at = (float(begin + place * (end - begin)) for place in (before[-1] if len(before) else 0.0, corner))
            return Bend(at, since, factor)
    return None


def _pooled(x: Array, value: Array) -> tuple[Array, Array]:
    """Both as means over equally many points, ENOUGH of them at most."""
    if len(x) <= ENOUGH:
        return x, value
    edges = np.linspace(0, len(x), ENOUGH + 1).astype(np.intp)
    sizes = np.diff(edges)
    return np.add.reduceat(x, edges[:-1]) / sizes, np.add.reduceat(value, edges[:-1]) / sizes


def _slowed(corner: float, late: tuple[Array, Array], early: tuple[Array, Array], back: float) -> float | None:
    """The slope behind a corner over the one right before it; None where it is no corner."""
    (x, y), (u, w) = late, early
    at, begun = int(x.searchsorted(corner)), int(u.searchsorted(corner))
    if len(x) - at < BEHIND or begun < 1 or len(u) - begun < FEWEST - 1:
        return None
    level, slope = line(x[at:], y[at:], corner)
    fell = -slope * (1 - corner)
    share = fell / (abs(float(y[-1])) or 1.0)
    if not LEAST <= share <= MOST or not _straight(x[at:], y[at:], corner, fell, back):
        return None
    start, pace = line(u[begun:], w[begun:], corner)
    third = max(1, begun // 3)
    if float(w[:third].mean()) - start <= abs(pace) * (1 - corner):
        return None
    # Where validations lie right before the corner they tell the pace, else training does.
    steep = _pace(x, y, at, corner, (level, slope)) if at else _pace(u, w, begun, corner, (start, pace))
    if steep <= STEEP or (at >= FINE and not _sharp(x, y, at, slope)):
        return None
    return min(1.0, 1 / steep)


def line(x: Array, y: Array, at: float) -> tuple[float, float]:
    """Value at a place and slope of the least-squares line.

    >>> line(np.array([0.0, 1.0, 2.0]), np.array([5.0, 3.0, 1.0]), 1.0)
    (3.0, -2.0)
    """
    middle = float(x.sum()) / len(x)
    away = x - middle
    slope = float(away @ y) / float(away @ away)
    return float(y.sum()) / len(y) + slope * (at - middle), slope


def _straight(x: Array, y: Array, corner: float, fell: float, back: float) -> bool:
    """Whether points lie close to their line, bend less than a logarithm would from there to 1, and by no more than
    `back` of that the other way."""
    n = len(x)
    away = x - float(x.sum()) / n
    square = away * away
    square = square - float(square.sum()) / n
    square = square - (float(square @ away) / float(away @ away)) * away
    rest = y - float(y.sum()) / n
    rest = rest - (float(away @ rest) / float(away @ away)) * away
    if math.sqrt(float(rest @ rest) / (n - 2)) > REST * fell:
        return False
    size = float(square @ square)
    if size < 1e-9:
        return False  # points in two places show no bend
    bent = float(square @ rest) / size
    rest = rest - bent * square
    doubt = 1.28 * math.sqrt(float(rest @ rest) / (n - 3) / size)
    # In parts of the bend of a logarithm: along it the second derivative over the first is -1 / x.
    scale = (1 - corner) * (1 + corner) / fell
    if n < FEWEST and (bent + doubt) * scale >= 1:
        return False
    return bent * scale < BENT and (bent + doubt) * scale > -back


def _pace(x: Array, y: Array, at: int, corner: float, behind: tuple[float, float]) -> float:
    """The slope from the points right before the corner, the last at - 1, over that of the line behind it; 0
    where that rises."""
    level, slope = behind
    if slope >= 0:
        return 0.0
    near = slice(min(int(x.searchsorted(BEFORE * corner)), at - 1), at)
    return float(y[near].mean() - level) / (corner - float(x[near].mean())) / -slope


def _sharp(x: Array, y: Array, at: int, slope: float) -> bool:
    """Whether the slope along a third of the way to the corner is SHARP times that along as much behind it, and that of
    the whole line."""
    reach = float(x[at]) / 3
    low = min(int(x.searchsorted(x[at] - reach)), at - 2)
    high = max(int(x.searchsorted(x[at] + reach, "right")), at + 3)
    before, behind = line(x[low : at + 1], y[low : at + 1], 0.0)[1], line(x[at:high], y[at:high], 0.0)[1]
    return before < SHARP * min(behind, 0.0) and before < SHARP * slope
