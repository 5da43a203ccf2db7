"""Where would this curve have gone?"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from ..run import Array

#: Shapes tried: exponents and offsets of (x + offset)^-exponent, and time constants of an exponential, with
#: x = 1 at the last point. Exponents of losses against steps lie in 0.05-1 (Hestness 2017, Kaplan 2020). Time
#: constants 6 % apart: between two that are 25 % apart, an exponential without noise fits neither.
EXPONENTS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.4, 2.0)
OFFSETS = (0.003, 0.01, 0.05, 0.2, 0.5, 1.0)
TIMES = tuple(0.05 * 1.06**k for k in range(71))
#: A law stays in the interval while its squared misfit is within this many squared standard errors of the
#: best one's, counted over at most INDEPENDENT points: smoothed points are not independent. 1.64 = 1.28^2 belongs
#: to an 80 % interval of one parameter; at 1.5 to 4 times the budget it holds the truth in 83 to 89 of 100
#: (`python -m tests.bench.coverage`, row `extrapolate`).
RULED_OUT = 1.64
INDEPENDENT = 20.0


def extrapolate(step: Array, value: Array, at: float, se: float = 0.0) -> tuple[float, float, float]:
    """Value, low and high at a later step, from every decay law that fits.

    Power laws with and without a floor and exponentials with a floor are fitted by least squares to the
    last four fifths of the points; low and high span all laws that the data do not rule out and 1.28
    standard errors: the choice of model is the larger doubt. `step`, `value` (n,) with n >= 6, finite and
    smoothed, `se` the standard error of one smoothed value; `at` beyond the last step. A loss that is
    positive everywhere keeps a floor at or above zero.

    >>> t = np.arange(1.0, 101.0)
    >>> value, low, high = extrapolate(t, 1 + 2 * t**-0.5, 400.0, se=0.01)
    >>> low <= 1.1 <= high
    True
    """
    return extrapolate_to(step, value, (at,), se)[0]


def extrapolate_to(
    step: Array, value: Array, places: Iterable[float], se: float = 0.0
) -> list[tuple[float, float, float]]:
    """`extrapolate` at each of several later steps, with every law fitted once."""
    if len(step) < 6:
        raise ValueError(f"{len(step)} points are too few to extrapolate from, 6 are needed")
    start = step[0]
    x = (step - start) / (step[-1] - start)
    use = x >= 0.2 - 1e-9  # a point on the border stays in, in whatever unit steps are counted
    if use.sum() < 5:
        use = np.ones(len(x), bool)
    u, y = x[use], value[use]
    exponent, offset, times = _parameters()
    shape, mean_shape, centred, size, power_size = _laws(u.tobytes())
    # With a floor: y = floor + height * shape, height >= 0 (a loss that rises is no decay law).
    mean = y.mean()
    height = np.maximum(0.0, centred @ (y - mean) / size)
    if (value > 0).all():
        height = np.minimum(height, mean / mean_shape)
    floor = mean - height * mean_shape
    squares = ((y - floor[:, None] - height[:, None] * shape) ** 2).sum(1)
    bare = np.empty(0)
    if (value > 0).all():
        powers = shape[: len(exponent)]
        bare = (powers @ y) / power_size
        squares = np.append(squares, ((y - bare[:, None] * powers) ** 2).sum(1))
    residual = float(np.sqrt(squares.min() / len(y)))
    error = max(se, residual, 1e-9 * float(np.abs(y).max()), 1e-300)
    share = min(float(len(y)), INDEPENDENT) / len(y)
    alive = (squares - squares.min()) * share <= RULED_OUT * error**2
    # The true time constant, exponent or offset may lie between the best that was tried and the next.
    at_best, powers_tried = int(np.argmin(squares)), len(exponent)
    if powers_tried <= at_best < len(shape):
        alive[max(powers_tried, at_best - 1) : min(len(shape), at_best + 2)] = True
    else:
        law = at_best if at_best < powers_tried else at_best - len(shape)
        base, row, column = at_best - law, law // len(OFFSETS), law % len(OFFSETS)
        # A larger exponent goes with a larger offset: the next law that fits about as well lies across.
        for down, across in ((-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, 1)):
            if 0 <= row + down < len(EXPONENTS) and 0 <= column + across < len(OFFSETS):
                near = base + (row + down) * len(OFFSETS) + column + across
                alive[near] |= squares[near] - squares.min() <= 0.5 * len(y) * error**2
    doubt, found = 1.28 * error, []
    for at in places:
        goal = (at - start) / (step[-1] - start)
        shape_goal = np.concatenate([(goal + offset) ** -exponent, np.exp(-goal / times)])
        predicted = np.append(floor + height * shape_goal, bare * shape_goal[: len(bare)])
        best, standing = float(predicted[at_best]), predicted[alive]
        found.append((best, min(best, float(standing.min())) - doubt, max(best, float(standing.max())) + doubt))
    return found


@lru_cache(maxsize=1)
def _parameters() -> tuple[Array, Array, Array]:
    """Exponent and offset of each power law, time constant of each exponential."""
    exponent, offset = (a.ravel() for a in np.meshgrid(EXPONENTS, OFFSETS, indexing="ij"))
    return exponent, offset, np.array(TIMES)


@lru_cache(maxsize=8)
def _laws(places: bytes) -> tuple[Array, Array, Array, Array, Array]:
    """Every law at these places (the bytes of float64, (n,), from 0 to 1): its values (k, n), their means (k,), what
    is left without those (k, n), and the sums of squares of the latter (k,) and of the bare power laws.

    The runs of a sweep are logged at the same steps: what follows from those alone is made once.
    """
    u, (exponent, offset, times) = np.frombuffer(places), _parameters()
    shape = np.concatenate([(u + offset[:, None]) ** -exponent[:, None], np.exp(-u / times[:, None])])
    mean = shape.mean(1)
    centred = shape - mean[:, None]
    return shape, mean, centred, (centred**2).sum(1), (shape[: len(exponent)] ** 2).sum(1)
