"""How does a curve run beneath its noise, and how large is that noise?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..run import Array

#: Bins that a long curve is pooled into. 240 keep every feature longer than 0.4 % of a run, and the
#: dense weight matrices below stay under half a megabyte.
BINS = 240
#: Half-widths of the local fits, in points; each is 1.6 times the one before (as dense as needed for the
#: intersection of confidence intervals, see `smooth`).
HALF_WIDTHS = (1.5, 2.5, 4.0, 6.5, 10.5, 17.0, 27.0, 43.0)
#: Width of the confidence intervals that are intersected, in standard errors. On exponentials of 60 to 1,500
#: steps with 2,000 noisy points 1.3 has the lowest mean squared error of 0.7 to 2.0 (tests/bench/smoother.py).
GAMMA = 1.3
#: The chosen bandwidth leaves a bias as large as the noise: on the same curves the true error is 1.9 to 2.2
#: times the standard error that the weights alone would give.
BIAS = 2.0


@dataclass(frozen=True, slots=True)
class Smooth:
    """A curve without its noise.

    `step`, `value`, `se`, `noise` (m,): place, smoothed value, its standard error and the standard
    deviation of one logged point around it; `points` (m,) the pooled points, spikes cut off, that it was
    drawn through. m <= BINS. `spikes` counts points cut off before smoothing.
    """

    step: Array
    points: Array
    value: Array
    se: Array
    noise: Array
    spikes: int

    def at(self, step: float) -> float:
        """The smoothed value at a step, linear in between, constant beyond the ends."""
        return float(np.interp(step, self.step, self.value))

    def se_at(self, step: float) -> float:
        """The standard error at a step."""
        return float(np.interp(step, self.step, self.se))


def smooth(step: Array, value: Array) -> Smooth:
    """Local linear smoothing whose bandwidth follows the curve.

    Each point takes the widest of HALF_WIDTHS whose confidence interval still meets those of all narrower
    ones (intersection of confidence intervals: Goldenshluger and Nemirovski 1997, Katkovnik 1999): corners
    such as a learning-rate drop stay sharp while flat noisy stretches are averaged. Local *linear* fits do
    not bend at the edges. `step`, `value` (n,) with n >= 1; non-finite points are left out. Raises
    ValueError when no finite point is left.

    >>> x = np.arange(50.0)
    >>> bool(np.allclose(smooth(x, 3 - 0.01 * x).value, 3 - 0.01 * x))
    True
    """
    keep = np.isfinite(value)
    step, value = step[keep], value[keep]
    if not len(step):
        raise ValueError("no finite point to smooth")
    step, value, per_bin = pool(step, value)
    noise = local_noise(value)
    middle = _rolling_median(value, 5)
    # Six standard deviations from its neighbours is one point in 10^9 under a normal law: a spike, not noise.
    # On a curve without noise it must also be visible: a hundredth of the range that nine points in ten span.
    low_end, high_end = np.quantile(value, (0.05, 0.95))
    spike = np.abs(value - middle) > np.maximum(6 * noise, 0.01 * (high_end - low_end))
    # The first and last points have neighbours on one side only: a steep start or a final blow-up is no spike.
    spike[:2] = spike[-2:] = False
    level = np.where(spike, middle, value)
    n = len(level)
    estimates, errors, chosen = [level], [noise], np.zeros(n, np.intp)
    # The point itself is the narrowest fit; three standard deviations, or one in twenty points would stay as it is.
    low, high = level - 3 * noise, level + 3 * noise
    open_ = np.ones(n, bool)
    for half_width in HALF_WIDTHS:
        if half_width > max(1.5, n / 3):
            break
        weights, spread = _local_linear(n, half_width)
        estimate, se = weights @ level, noise * spread
        estimates.append(estimate)
        errors.append(se)
        low, high = np.maximum(low, estimate - GAMMA * se), np.minimum(high, estimate + GAMMA * se)
        open_ &= low <= high
        chosen[open_] = len(estimates) - 1
    # One noisy point that stopped early would stick out of the line: it takes the bandwidth of its neighbours.
    chosen = _rolling_median(chosen.astype(np.float64), 9).astype(np.intp)
    best, best_se = np.take_along_axis(np.array([estimates, errors]), chosen[None, None, :], axis=1)[:, 0]
    # The median of a bin of normal points is 1.25 times as uncertain as their mean.
    point = noise * np.sqrt(per_bin) / np.where(per_bin > 2, 1.2533, 1.0)
    return Smooth(step, level, best, BIAS * best_se, point, int(spike.sum()))


def pool(step: Array, value: Array, bins: int = BINS) -> tuple[Array, Array, Array]:
    """At most `bins` places, their values, and how many points each stands for.

    The first fifth of the bins are single points, because curves change fast early; the rest are medians of
    equally many neighbouring points. A bin of three points or more is immune to a single spike.

    >>> pool(np.arange(10.0), np.array([5, 1, 1, 9, 2, 2, 2, 3, 3, 3.0]), bins=5)[1]
    array([5., 1., 2., 3.])
    """
    n = len(step)
    if n <= bins:
        return step, value, np.ones(n)
    head = bins // 5
    size = -(-(n - head) // (bins - head))
    whole = head + ((n - head) // size) * size
    counts = np.concatenate([np.ones(head), np.full((whole - head) // size, float(size))])
    if whole < n:
        counts = np.append(counts, float(n - whole))

    def medians(a: Array) -> Array:
        binned = np.median(a[head:whole].reshape(-1, size), axis=1)
        rest = [np.median(a[whole:])] if whole < n else []
        found: Array = np.concatenate([a[:head], binned, rest])
        return found

    return medians(step), medians(value), counts


def local_noise(value: Array) -> Array:
    """Standard deviation of the noise around each point (n,), from second and fourth differences.

    A second difference removes any straight trend and has variance 6 sigma^2 for independent noise, a fourth
    difference any cubic and 70 sigma^2; the smaller of both estimates is the one that the curve's own bends
    inflate less. The median of absolute values over a fifth of the curve is robust against spikes and follows
    noise that changes along the run. Curves that were smoothed before logging have noise that this
    underestimates.

    >>> bool(local_noise(np.arange(30.0)).max() < 1e-9)
    True
    """
    n = len(value)
    if n < 3:
        return np.zeros(n)
    window = max(7, n // 5) | 1
    second = value[:-2] - 2 * value[1:-1] + value[2:]
    noise = np.pad(_deviation(second, window, 6.0), 1, mode="edge")
    if n >= 9:
        fourth = second[:-2] - 2 * second[1:-1] + second[2:]
        noise = np.minimum(noise, np.pad(_deviation(fourth, window, 70.0), 2, mode="edge"))
    return noise


def _deviation(differences: Array, window: int, variance: float) -> Array:
    # 0.6745 is the median of |N(0, 1)|.
    found: Array = _rolling_median(np.abs(differences), window) / (0.6745 * np.sqrt(variance))
    return found


def _rolling_median(value: Array, window: int) -> Array:
    half = min(window // 2, (len(value) - 1) // 2)
    if half < 1:
        return value.copy()
    padded = np.pad(value, half, mode="reflect")
    result: Array = np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1), axis=1)
    return result


@lru_cache(maxsize=128)
def _local_linear(n: int, half_width: float) -> tuple[Array, Array]:
    """Weights (n, n) of a local linear fit with tricube kernel, and the norm of each row (n,)."""
    index = np.arange(n, dtype=np.float64)
    # At the edges the window keeps its number of points, so that the variance does not explode there.
    reach = np.maximum(half_width, half_width + (half_width - np.minimum(index, n - 1 - index)).clip(0))
    away = (index[None, :] - index[:, None]) / reach[:, None]
    kernel = np.clip(1 - np.abs(away) ** 3, 0, None) ** 3
    s0, s1, s2 = kernel.sum(1), (kernel * away).sum(1), (kernel * away**2).sum(1)
    # A window that holds a single point has no slope: the fit is the point itself.
    spread = s0 * s2 - s1**2
    alone = spread < 1e-12
    weights = kernel * (s2[:, None] - s1[:, None] * away) / np.where(alone, 1.0, spread)[:, None]
    weights[alone] = np.eye(n)[alone]
    return weights, np.sqrt((weights**2).sum(1))
