"""How is a line drawn through few points that begin with a steep fall?"""

from __future__ import annotations

import numpy as np

from ..run import Array
from .smooth import Smooth, local_noise, smooth

#: Of so many points the smoother takes a fall that only some of them tell of for noise; of more it does not.
FEW = 60
#: Noise alone moves a point from the one before by more than 4.2 of its standard deviations once in 400 steps.
BEYOND = 3 * 2**0.5


def line_to_draw(line: Smooth) -> Array:
    """What is drawn of a smoothed curve: (m,) values at `line.step`.

    A line that was fitted to few points across a steep beginning cuts its corner: it lies below the first point and
    above those behind it. Up to where the curve no longer moves on by more than its noise, as its later half shows it,
    the points themselves are drawn, and the line behind is fitted to what lies behind. Nothing is measured on this.

    >>> t = np.arange(8.0)
    >>> curve = smooth(t, 0.3 + 2 * np.exp(-t))
    >>> bool(abs(curve.value - curve.points).max() > 0.2), bool(abs(line_to_draw(curve) - curve.points).max() < 0.02)
    (True, True)
    """
    points, n = line.points, len(line.points)
    if not 4 <= n <= FEW:
        return line.value
    noise = float(np.median(local_noise(points[n // 2 :]))) if n >= 8 else 0.0
    moves = np.diff(points)
    steep = np.sign(moves[0]) * moves > BEYOND * noise
    begins = int(np.argmin(steep)) if not steep.all() else n - 1
    if begins == 0:
        return line.value
    return np.concatenate([points[:begins], smooth(line.step[begins:], points[begins:]).value])
