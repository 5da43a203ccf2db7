"""How is a line drawn through few points that begin with a steep fall?"""

from __future__ import annotations

import numpy as np

from ..run import Array
from .smooth import Smooth, local_noise, smooth

#: Of so many points the smoother takes a fall that only some of them tell of for noise; of more it does not.
FEW = 60
#: Noise alone puts a point so many standard deviations off its place once in 400 times, and moves it from the point
#: before by sqrt(2) as much as often.
BEYOND = 3.0
#: Refits of the line behind the start at most; each costs as much as the first.
REFITS = 4


def line_to_draw(line: Smooth) -> Array:
    """What is drawn of a smoothed curve: (m,) values at `line.step`.

    A line that was fitted to few points across a steep beginning cuts its corner: it lies below the first point and
    above those behind it. The points themselves are drawn while the curve moves on by more than its noise, as its later
    half shows it, and until the line through what lies behind begins where they end. Nothing is measured on this.

    >>> t = np.arange(8.0)
    >>> curve = smooth(t, 0.3 + 2 * np.exp(-t))
    >>> bool(abs(curve.value - curve.points).max() > 0.2), bool(abs(line_to_draw(curve) - curve.points).max() < 0.02)
    (True, True)
    """
    points, value, n = line.points, line.value, len(line.points)
    if not 4 <= n <= FEW:
        return value
    noise = float(np.median(local_noise(points[n // 2 :]))) if n >= 8 else 0.0
    moves = np.diff(points)
    steep = np.sign(moves[0]) * moves > 2**0.5 * BEYOND * noise
    begins = n - 1 if steep.all() else int(np.argmin(steep))
    for _ in range(REFITS):
        if begins:
            value = smooth(line.step[begins:], points[begins:]).value
        if begins == n - 1 or abs(points[begins] - value[0]) <= BEYOND * noise:
            break
        begins += 1
    return np.concatenate([points[: n - len(value)], value])
