"""Which smooth decay does a falling learning rate follow?

Every family becomes a straight line after a change of variable, so that neither its scale nor the moment at which
it began has to be known: rate (linear), log rate (exponential), 1 / rate (1/t), 1 / rate^2 (inverse sqrt),
rate^(1/p) (polynomial, p searched), and a cosine is one of c0 + c1 cos wt + c2 sin wt (w searched). Each line is
fitted with the weights that make its squared error the one of the rate itself (the delta method), and judged by the
largest deviation of the rate, in shares of the range that it covers, beyond what rounding explains.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..run import Array

#: Largest deviation, in shares of the fall, at which a family counts as the one logged. The closest wrong families
#: (a cosine and a polynomial that stop half-way) differ by 0.8 % or more: python -m tests.bench.schedules.
ACCEPT = 0.004
#: Fits closer than this are equally good: a logged float32 of a rate that fell by 1 % is as coarse as 1e-5.
SAME = 1e-4
#: What five points must come to of a cosine that begins with them: two of them are left to judge it.
FEW = 1e-3
#: A smooth family is as plain in 100 points as in a million.
POINTS = 100
#: Powers and angular frequencies tried first, and the finer grid between two of them.
_POWERS = np.geomspace(0.15, 9.0, 25)
_ANGLES = np.pi / np.geomspace(0.97, 5.0, 33)
_RAMP = np.linspace(0.0, 1.0, 25)


@dataclass(frozen=True, slots=True)
class Decay:
    """A family (`kind`), its largest deviation in shares of the fall (`error`), and whether no other of as few
    parameters comes as close (`clear`). `top` is the step at which a cosine has its peak, NaN for the others."""

    kind: str
    error: float
    clear: bool
    top: float


@dataclass(frozen=True, slots=True)
class _Try:
    kind: str
    parameters: int
    error: float
    rms: float
    top: float = np.nan


def fit_decay(step: Array, rate: Array, slack: Array, level: float | None = None) -> Decay | None:
    """The family of a monotone fall, None when none comes within ACCEPT or the points are too few to tell (4 for a
    line, 5 for a bend, 6 for a bend that is searched).

    `step`, `rate`, `slack` (n,): the rate, not negative, and how far rounding may have moved it. With `level`, the
    rate that was held before, the shape 1 - sqrt(t) is tried as well (kind "linear": a decay that ends a hold).

    >>> t = np.arange(50.0)
    >>> [fit_decay(t, y, 1e-9 * y).kind for y in (1 - t / 80, 0.9**t, 1 / (7 + t), (1 - t / 50) ** 2)]
    ['linear', 'exponential', 'one_over_t', 'polynomial']
    >>> found = fit_decay(t, 0.2 + np.cos(np.pi * t / 60) / 10, 1e-9 * t)
    >>> found.kind, abs(found.top) < 0.1
    ('cosine', True)
    """
    if len(rate) > POINTS:
        chosen = np.unique(np.linspace(0, len(rate) - 1, POINTS).astype(int))
        step, rate, slack = step[chosen], rate[chosen], slack[chosen]
    scale, span = float(rate.max()), float(np.ptp(np.sort(rate)[1:-1] if len(rate) >= 20 else rate))
    if len(rate) < 4 or span <= 1e-6 * scale or step[-1] <= step[0]:
        return None
    x, y = (step - step[0]) / (step[-1] - step[0]), rate / scale
    judge = _Judge(y, slack / scale, span / scale)
    tried = [judge.attempt("linear", 2, _line(x, y, np.ones_like(y)))]
    if tried[0].error > SAME and len(rate) >= 5:
        tried += _bends(x, y, judge, None if level is None else level / scale)
        if min(t.error for t in tried) > SAME:
            tried += _searched(x, y, judge)
    best = min(t.error for t in tried)
    if best > ACCEPT:
        return None
    # A least-squares line through rounded rates is off by part of the rounding.
    same = max(3 * best, SAME, 0.2 * float(slack.max()) / span)
    close = [t for t in tried if t.error <= same]
    fewest = min(t.parameters for t in close)
    rivals = sorted((t for t in close if t.parameters == fewest), key=lambda t: (t.kind != "linear", t.rms))
    first = rivals[0]
    return Decay(
        first.kind,
        first.error,
        all(t.kind == first.kind for t in rivals),
        float(step[0] + first.top * (step[-1] - step[0])),
    )


@dataclass(frozen=True, slots=True)
class _Judge:
    """The rate `y` (n,), by how much rounding may have moved it, and the range that it covers."""

    y: Array
    slack: Array
    span: float

    def attempt(self, kind: str, parameters: int, fit: Array, top: float = np.nan) -> _Try:
        away = np.abs(fit - self.y) / self.span
        beyond = np.maximum(away - self.slack / self.span, 0.0)
        # One point of twenty may be off: the first after a resume, the last after the schedule's end.
        worst = np.partition(beyond, -2)[-2] if len(beyond) >= 20 else beyond.max()
        error = float(worst) if np.isfinite(worst) else np.inf
        return _Try(kind, parameters, error, float(np.sqrt(np.mean(away**2))), top)


def _line(x: Array, z: Array, weight: Array) -> Array:
    """The weighted least-squares line through z, along the last axis."""
    w = weight**2
    total = w.sum(-1, keepdims=True)
    middle, mean = (w * x).sum(-1, keepdims=True) / total, (w * z).sum(-1, keepdims=True) / total
    away = x - middle
    slope = (w * away * z).sum(-1, keepdims=True) / (w * away * away).sum(-1, keepdims=True)
    line: Array = mean + slope * away
    return line


def _bends(x: Array, y: Array, judge: _Judge, level: float | None) -> list[_Try]:
    """The families of two parameters."""
    tried = []
    if (y > 0).all():
        with np.errstate(all="ignore"):  # a line that leaves the family's domain is no fit, and NaN says so
            tried.append(judge.attempt("exponential", 2, np.exp(_line(x, np.log(y), y))))
            tried.append(judge.attempt("one_over_t", 2, 1 / _line(x, 1 / y, y**2)))
            tried.append(judge.attempt("inverse_sqrt", 2, 1 / np.sqrt(_line(x, y**-2, y**3))))
    if level is not None:
        z = np.maximum(level - y, 0.0) ** 2
        line = _line(x, z, 0.5 / np.sqrt(z + 1e-4))
        tried.append(judge.attempt("linear", 2, level - np.sqrt(np.maximum(line, 0.0))))
    return tried


def _searched(x: Array, y: Array, judge: _Judge) -> list[_Try]:
    """The families of three parameters; with all digits the first that fits exactly is the one."""
    tried = [_anchored(x, y, judge)]
    if len(x) < 6:
        return [t for t in tried if t.error <= FEW]
    exact = float(judge.slack.max()) <= 1e-3 * judge.span
    # A power's bend shows once a tenth of the rate is gone; before, a piece of any curve has a power that fits.
    for family in (_polynomial, _cosine) if judge.span > 0.1 else (_cosine,):
        if not (exact and min(t.error for t in tried) <= SAME):
            tried.append(family(x, y, judge))
    return tried


def _search(grid: Array, attempt: Callable[[Array], tuple[Array, Array, Array]]) -> tuple[Array, float]:
    """The fit of least squared error over a grid of one parameter, then over a finer one, then at the vertex of the
    parabola through the best three. `attempt` gives fits (g, n), squared errors (g,) and tops (g,)."""
    fits, loss, tops = attempt(grid)
    for last in (False, True):
        at = int(np.argmin(loss))
        best, top = fits[at], float(tops[at])
        if not np.isfinite(loss[at]):
            return best, np.nan
        low, high = max(at - 1, 0), min(at + 1, len(grid) - 1)
        if not last:
            grid = grid[low] * (grid[high] / grid[low]) ** _RAMP
            fits, loss, tops = attempt(grid)
        elif high - low == 2 and np.isfinite(loss[low : high + 1]).all():
            before, here, behind = loss[low : high + 1]
            bend = before - 2 * here + behind
            shift = 0.5 * (before - behind) / bend if bend > 0 else 0.0
            fits, vertex, tops = attempt(grid[at : at + 1] * (grid[high] / grid[at]) ** shift)
            if vertex[0] < here:
                best, top = fits[0], float(tops[0])
    return best, top


def _polynomial(x: Array, y: Array, judge: _Judge) -> _Try:
    """(a + b t)^p down to zero, or to the last rate."""
    best = _Try("polynomial", 3, np.inf, np.inf)
    for floor in dict.fromkeys((0.0, float(y.min()))):
        log = np.log(np.maximum(y - floor, 1e-30))

        def attempt(powers: Array, log: Array = log, floor: float = floor) -> tuple[Array, Array, Array]:
            p = powers[:, None]
            root = np.exp(log / p)
            line = np.maximum(_line(x, root, np.minimum(p * np.exp(log * (1 - 1 / p)), 3.0)), 0.0)
            fits = floor + line**p
            return fits, ((fits - y) ** 2).sum(1), powers

        found = judge.attempt("polynomial", 3, _search(_POWERS, attempt)[0])
        if found.error < best.error:
            best = found
        if best.error <= SAME:
            break
    return best


def _cosine(x: Array, y: Array, judge: _Judge) -> _Try:
    """Half a wave or less, from a peak at or before the first point to a trough that is not negative."""
    mean = y.mean()

    def attempt(angles: Array) -> tuple[Array, Array, Array]:
        c, s = np.cos(angles[:, None] * x), np.sin(angles[:, None] * x)
        c0, s0 = c.mean(1), s.mean(1)
        c, s = c - c0[:, None], s - s0[:, None]
        cc, ss, cs = (c * c).sum(1), (s * s).sum(1), (c * s).sum(1)
        cy, sy = c @ (y - mean), s @ (y - mean)
        det = cc * ss - cs * cs
        a, b = (cy * ss - sy * cs) / det, (sy * cc - cy * cs) / det
        fits = mean + a[:, None] * c + b[:, None] * s
        swing, middle, phase = np.hypot(a, b), mean - a * c0 - b * s0, np.arctan2(b, a) / angles
        loss = ((fits - y) ** 2).sum(1)
        loss[(middle - swing < -0.02) | (phase > 0.1) | (phase < -1.0)] = np.inf
        return fits, loss, phase

    fit, top = _search(_ANGLES, attempt)
    return judge.attempt("cosine", 3, fit, top) if np.isfinite(top) else _Try("cosine", 3, np.inf, np.inf)


def _anchored(x: Array, y: Array, judge: _Judge) -> _Try:
    """The cosine with its peak at the first point: what a short piece of few digits can still tell."""

    def attempt(angles: Array) -> tuple[Array, Array, Array]:
        c = np.cos(angles[:, None] * x)
        fits = _line(c, np.broadcast_to(y, c.shape), np.ones_like(y))
        return fits, ((fits - y) ** 2).sum(1), np.zeros_like(angles)

    return judge.attempt("cosine", 3, _search(_ANGLES, attempt)[0], 0.0)
