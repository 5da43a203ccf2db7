"""Which points must be drawn so that a curve looks as it is?"""

from __future__ import annotations

import numpy as np

from ..run import Array


def thin(step: Array, value: Array, most: int = 400) -> tuple[Array, Array]:
    """At most `most` finite points: first, last, lowest and highest of each of equally many stretches.

    Extremes survive, so a single spike stays visible. `step`, `value` (n,); non-finite points are left out.

    >>> x, y = thin(np.arange(1000.0), np.where(np.arange(1000) == 777, 9.0, 0.0), most=40)
    >>> len(x) <= 40, float(y.max())
    (True, 9.0)
    """
    keep = np.isfinite(value)
    step, value = step[keep], value[keep]
    n = len(step)
    if n <= most:
        return step, value
    size = -(-n // max(1, most // 4))
    picked = []
    for start in range(0, n, size):
        part = value[start : start + size]
        picked += [start, start + int(part.argmin()), start + int(part.argmax()), start + len(part) - 1]
    at = np.unique(picked)
    return step[at], value[at]
