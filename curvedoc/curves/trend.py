"""By how much does a stretch of a curve fall, and how sure is that?"""

from __future__ import annotations

import math

import numpy as np

from ..run import Array


def fall(step: Array, value: Array, begin: float, end: float) -> tuple[float, float]:
    """Fall along the least-squares line from `begin` to `end`, and its standard error.

    Positive when the curve comes down. The standard error grows with the lag-one correlation r of the
    residuals by (1 + r) / (1 - r), so that smoothed logs do not look surer than they are (Newey and West 1987
    to first order); a bend counts as noise and makes it larger. `step`, `value` (n,) finite, steps rising; raises
    ValueError when fewer than three points lie in the stretch.

    >>> round(fall(np.arange(11.0), 5 - 0.1 * np.arange(11.0), 0.0, 10.0)[0], 9)
    1.0
    """
    near = _rounding(step)
    inside = slice(int(step.searchsorted(begin - near)), int(step.searchsorted(end + near, "right")))
    x, y = step[inside], value[inside]
    n = len(x)
    if n < 3:
        raise ValueError(f"{n} points between {begin:g} and {end:g} are too few for a trend")
    x, y = x - x.sum() / n, y - y.sum() / n
    span = max(-float(x[0]), float(x[-1]))
    x = x / span  # squares of tiny or huge steps leave the range of a float64
    square = float(x @ x)
    slope = float(x @ y) / square
    residual = y - slope * x
    total = float(residual @ residual)
    correlation = float(residual[1:] @ residual[:-1]) / total if total > 0 else 0.0
    stretch = (1 + min(0.9, max(0.0, correlation))) / (1 - min(0.9, max(0.0, correlation)))
    # Few points know their own scatter badly: an 80 % interval of Student's t is wider by 0.8 / degrees of freedom.
    error = math.sqrt(total / max(1, n - 2) / square * stretch) * (1 + 0.8 / max(1, n - 2))
    return -slope * (end - begin) / span, error * (end - begin) / span


def falls(step: Array, value: Array, begins: Array, end: float) -> tuple[Array, Array]:
    """`fall` from each of `begins` (k,) to `end`, and its standard error (k,); NaN where fewer than three points lie
    between. Many stretches at once take a fifth of the time.

    >>> x = np.arange(11.0)
    >>> falls(x, 5 - 0.1 * x, np.array([0.0, 5.0, 9.0]), 10.0)[0].round(9)
    array([1. , 0.5, nan])
    """
    near = _rounding(step)
    inside = (step >= begins[:, None] - near) & (step <= end + near)
    n = inside.sum(1)
    count = np.maximum(n, 3)
    x, y = (np.where(inside, a - ((inside * a).sum(1) / count)[:, None], 0.0) for a in (step, value))
    span = np.where(n < 3, 1.0, np.abs(x).max(1))
    x = x / span[:, None]
    square = np.where(n < 3, 1.0, (x * x).sum(1))
    slope = (x * y).sum(1) / square
    residual = y - slope[:, None] * x
    total = (residual * residual).sum(1)
    lagged = (residual[:, 1:] * residual[:, :-1]).sum(1)
    correlation = np.clip(lagged / np.where(total > 0, total, 1.0), 0.0, 0.9)
    error = np.sqrt(total / (count - 2) / square * (1 + correlation) / (1 - correlation)) * (1 + 0.8 / (count - 2))
    length = np.where(n < 3, np.nan, (end - begins) / span)
    return -slope * length, error * length


def _rounding(step: Array) -> float:
    """By how much a calculated place may miss the point that stands there: steps in another unit round elsewhere."""
    return 1e-9 * float(max(abs(step[0]), abs(step[-1]))) if len(step) else 0.0


def holds_for(back: Array, moved: Array, band: float) -> float:
    """How long a curve `moved` (k,) by less than a band: the longest of the stretches `back` (k,) from its end along
    which it did; where it did along none, the part of the shortest known one in which it does at an even pace.

    >>> back = np.array([1.0, 2.0, 3.0])
    >>> holds_for(back, np.array([1.0, 2.0, 9.0]), 3.0), holds_for(back, np.array([np.nan, 6.0, 9.0]), 3.0)
    (2.0, 1.0)
    """
    holds, known = moved < band, np.isfinite(moved)
    if holds.any():
        return float(back[holds].max())
    return float(back[known][0] * band / (moved[known][0] or 1.0)) if known.any() else 0.0
