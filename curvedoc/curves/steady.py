"""Does a curve fall nearly throughout?"""

from __future__ import annotations

import math

import numpy as np

from ..run import Array

#: Standard deviations by which falls outnumber rises where a loss falls nearly throughout: as of six points in a row.
TURNED = 2.8


def steady(points: Array) -> bool:
    """Whether a loss falls nearly throughout: chance orders six points and more so once in 600 times or less.

    The statistic of Mann (1945) and Kendall, falls less rises among all pairs over its standard deviation in pure
    chance, is TURNED and more, and half of that among the pairs of the second half, which a fall of a few first points
    leaves alone. What is asked of single neighbours would be asked of twice as many where twice as often was logged.

    >>> [steady(np.array(x)) for x in ([6.0, 5, 4, 3, 2, 1], [6.0, 5, 4, 2, 3, 1], [8.0, 7, 6, 4, 5, 3, 2, 1])]
    [True, False, True]
    """
    return _ordered(points) >= TURNED and _ordered(points[len(points) // 2 :]) >= TURNED / 2


def _ordered(points: Array) -> float:
    """Falls less rises among all pairs, over the standard deviation of that in pure chance; ties are neither."""
    n = len(points)
    if n < 3:
        return 0.0
    falls = float(np.triu(np.sign(points[:, None] - points[None, :]), 1).sum())
    return falls / math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
