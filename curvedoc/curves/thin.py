"""Which points must be drawn so that a curve looks as it is?"""

from __future__ import annotations

import numpy as np

from ..run import Array
from .order import all_finite


def thin(step: Array, value: Array, most: int = 400) -> tuple[Array, Array]:
    """At most `most` finite points: first, last, lowest and highest of each of equally many stretches.

    Extremes survive, so a single spike stays visible. `step`, `value` (n,); non-finite points are left out.

    >>> x, y = thin(np.arange(1000.0), np.where(np.arange(1000) == 777, 9.0, 0.0), most=40)
    >>> len(x) <= 40, float(y.max())
    (True, 9.0)
    """
    if not all_finite(value):
        keep = np.isfinite(value)
        step, value = step[keep], value[keep]
    n = len(step)
    if n <= most:
        return step, value
    size = -(-n // max(1, most // 4))
    start = np.arange(0, n - size + 1, size)
    parts = value[: len(start) * size].reshape(-1, size)
    picked = [start, start + parts.argmin(1), start + parts.argmax(1), start + size - 1]
    if (rest := len(start) * size) < n:
        picked.append(np.array([rest, rest + value[rest:].argmin(), rest + value[rest:].argmax(), n - 1]))
    shown = np.zeros(n, bool)
    shown[np.concatenate(picked)] = True
    return step[shown], value[shown]
