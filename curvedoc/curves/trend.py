"""By how much does a stretch of a curve fall, and how sure is that?"""

from __future__ import annotations

import math

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
    inside = slice(int(step.searchsorted(begin)), int(step.searchsorted(end, "right")))
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
