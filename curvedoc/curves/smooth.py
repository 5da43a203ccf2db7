"""How does a curve run beneath its noise, and how large is that noise?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ..run import Array
from .order import row_median, row_quantile, windows

#: Bins that a long curve is pooled into. 240 keep every feature longer than 0.4 % of a run, and the
#: dense weight matrices below stay under half a megabyte.
BINS = 240
#: Half-widths of the local fits, in points; each is 1.6 times the one before (as dense as needed for the
#: intersection of confidence intervals, see `smooth`).
HALF_WIDTHS = (1.5, 2.5, 4.0, 6.5, 10.5, 17.0, 27.0, 43.0)
#: Width of the confidence intervals that are intersected, in standard errors (tests/bench/smoother.py).
GAMMA = 1.3
#: The interval of a fit is that of its noise, this much wider because the bandwidth was chosen by the same noise ...
CHOSEN = 1.3
#: ... and this part of how far it lies from a fit 2.5 times narrower, which bends with the curve where it does not.
#: With both, 80 % intervals hold the truth in 79 to 86 of 100 (`python -m tests.bench.coverage`, rows `smooth`).
BEND = 0.8
#: So many points at either end.
EDGE = 4
#: The median of n absolute normal numbers is known to 1.17 / sqrt(n) of it; of absolute second differences, whose
#: neighbours share two points of three, to SCATTER / sqrt(n).
SCATTER = 1.5
#: 80 % intervals with a scatter of so few degrees of freedom (n / 2 SCATTER^2) are those of Student's t, wider than
#: normal ones by 3.5 / n; and how alike neighbours are is not to be seen in few points at all.
FEW = 5.0
#: Spacings of the fourth differences that tell how alike neighbours are, and the correlations that are tried.
SPACINGS = (1, 2, 4, 8)
ALIKE = np.arange(0.0, 0.96, 0.05)
#: A few points show any correlation by chance: it must explain this much over the number of points to be believed.
#: With 10, white noise of 120 points keeps 0 in three curves of four, and an autoregression of 0.6 is seen as 0.4-0.6.
DOUBT_ALIKE = 10.0
#: No correlation makes wide differences this much (in squared logs) larger than narrow ones: the curve itself bends.
BENT = 2.0
#: A rolling median over more points than this is taken at PLACES places and from so many points at most: a median of
#: 500 points is known to 6 % of their spread.
WIDE, PLACES = 1000, 400
#: Places that the usual noise is taken from: windows of a fifth of the curve overlap, and half of it shows no more than
#: a few of them do.
SOME = 64


Places = npt.NDArray[np.intp]


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

    @property
    def first(self) -> tuple[float, float]:
        """Where the curve begins, and the standard error of that.

        A first point far above the line stands for a loss that fell at once, before the smoother could follow: then
        the point itself, with the noise of one point.
        """
        point, value, noise = float(self.points[0]), float(self.value[0]), float(self.noise[0])
        return (point, noise) if point - value > 3 * noise else (value, float(self.se[0]))


def smooth(step: Array, value: Array) -> Smooth:
    """Local linear smoothing whose bandwidth follows the curve.

    Each point takes the widest of HALF_WIDTHS whose confidence interval still meets those of all narrower
    ones (intersection of confidence intervals: Goldenshluger and Nemirovski 1997, Katkovnik 1999), and of these
    the next narrower: corners such as a learning-rate drop stay sharp while flat noisy stretches are averaged.
    Local *linear* fits do not bend at the edges. Noise whose neighbours are alike, as in a curve that was smoothed
    before it was logged, averages out more slowly, and the standard errors say so.

    `step`, `value` (n,) with n >= 1; non-finite points are left out. Raises
    ValueError when no finite point is left.

    >>> x = np.arange(50.0)
    >>> bool(np.allclose(smooth(x, 3 - 0.01 * x).value, 3 - 0.01 * x))
    True
    """
    keep = np.isfinite(value)
    if not keep.any():
        raise ValueError("no finite point to smooth")
    return smooth_together(step[keep], value[keep][None])[0]


def smooth_together(step: Array, values: Array) -> list[Smooth]:
    """`smooth` of each row of `values` (k, n), finite, n >= 1, all of them logged at `step` (n,).

    To the last bit what each of them gives alone, at a third of the cost: curves are short, and most of the time goes
    into calling numpy.
    """
    raw = values
    step, values, per_bin = pool(step, raw)
    k, n = values.shape
    at = np.arange(n)
    spreads, alike = _spreads(values, at), _alike_along(raw, values, per_bin)
    noise, sd = _sized(spreads, np.zeros(())), _sized(spreads, alike)
    middle = _rolling_median(values, 5, at)
    # Six standard deviations from its neighbours is one point in 10^9 under a normal law: a spike, not noise.
    # On a curve without noise it must also be visible: a hundredth of the range that nine points in ten span.
    span = row_quantile(values, 0.95) - row_quantile(values, 0.05)
    spike = np.abs(values - middle) > np.maximum(6 * noise, 0.01 * span[:, None])
    # The first and last points have neighbours on one side only: a steep start or a final blow-up is no spike.
    spike[:, :2] = spike[:, -2:] = False
    level = np.where(spike, middle, values)
    fits, norms, widest = _fits(n)
    # The mean of n points whose neighbours correlate by r is as uncertain as that of n (1 - r) / (1 + r) others
    # (Bartlett 1946), but no more than one point is.
    fewer = np.sqrt((1 + alike) / (1 - alike))
    # The planes are the point itself, then the fits from narrow to wide.
    estimates, errors = np.empty((1 + len(fits), k, n)), np.empty((1 + len(fits), k, n))
    estimates[0], errors[0] = level, sd
    errors[1:] = sd * np.minimum(norms[:, None] * fewer, widest[:, None])
    for plane, weights in enumerate(fits, 1):
        for row in range(k):
            np.dot(weights, level[row], out=estimates[plane, row])
    # The point is the narrowest fit; three standard deviations, or one in twenty points would stay as it is.
    reach = GAMMA * errors
    reach[0] = 3 * sd
    low, high = np.maximum.accumulate(estimates - reach), np.minimum.accumulate(estimates + reach)
    chosen = np.logical_and.accumulate(low[1:] <= high[1:]).sum(axis=0)
    # One noisy point that stopped early would stick out of the line: it takes the bandwidth of its neighbours.
    chosen = _rolling_median(chosen.astype(np.float64), 9, at).astype(np.intp)
    # Where the curve set the bandwidth, one narrower: 0.4 of the bias for 1.3 times the noise, so that the noise,
    # which is known, is the larger part of the doubt (Hall 1992).
    chosen = np.where(chosen < len(estimates) - 1, np.maximum(chosen - 1, 0), chosen)
    rows = np.arange(k)[:, None]
    best, best_se = estimates[chosen, rows, at], errors[chosen, rows, at]
    apart = np.abs(best - estimates[np.maximum(chosen - 2, 0), rows, at])
    around = np.take(apart, np.arange(-4, n + 4), axis=1, mode="clip")
    bend = np.stack([np.convolve(row, np.full(9, 1 / 9), "valid") for row in around])
    # A fit at the end has points on one side only: it bends there more than a few points further in.
    for edge in (slice(0, EDGE), slice(max(0, n - EDGE), n)):
        bend[:, edge] = np.maximum(bend[:, edge], apart[:, edge])
    # The median of a bin of normal points is 1.25 times as uncertain as their mean.
    point = noise * np.sqrt(per_bin) / np.where(per_bin > 2, 1.2533, 1.0)
    se = np.hypot(CHOSEN * (1 + FEW / n) * best_se, BEND * bend)
    spikes = spike.sum(axis=1).tolist()
    return [Smooth(step, level[row], best[row], se[row], point[row], spikes[row]) for row in range(k)]


def pool(step: Array, value: Array, bins: int = BINS) -> tuple[Array, Array, Array]:
    """At most `bins` places, their values, and how many points each stands for.

    The first fifth of the bins are single points, because curves change fast early; the rest are medians of
    equally many neighbouring points. A bin of three points or more is immune to a single spike. `step` (n,),
    `value` (..., n).

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
        parts = [a[..., :head], row_median(a[..., head:whole].reshape(*a.shape[:-1], -1, size))]
        if whole < n:
            parts.append(row_median(a[..., whole:])[..., None])
        return np.concatenate(parts, axis=-1)

    return medians(step), medians(value), counts


def local_noise(value: Array, alike: Array | float = 0.0) -> Array:
    """Standard deviation of the noise around each point (n,), from second and fourth differences.

    A second difference removes any straight trend and has variance 6 sigma^2 for independent noise, a fourth
    difference any cubic and 70 sigma^2; the smaller of both estimates is the one that the curve's own bends
    inflate less. The median of absolute values over a fifth of the curve is robust against spikes and follows
    noise that changes along the run. Where neighbours correlate by `alike` (n,) or one number (`row_likeness`), both
    variances are smaller by a known factor; with 0, only what neighbours do not share is seen.

    >>> bool(local_noise(np.arange(30.0)).max() < 1e-9)
    True
    """
    return _sized(_spreads(value, np.arange(len(value))), np.asarray(alike, np.float64))


def usual_noises(rows: Array, alike: Array, since: int) -> tuple[Array, Array]:
    """The median of `local_noise` from index `since` on of each row of `rows` (k, n), without and with the correlation
    `alike` (k,) of neighbours; (k,) each.

    It is looked at in SOME places at most: its windows span a fifth of the curve, so that neighbours hardly differ.
    """
    at = np.unique(np.linspace(since, rows.shape[1] - 1, SOME).astype(np.intp))
    spreads = _spreads(rows, at)
    return row_median(_sized(spreads, np.zeros(()))), row_median(_sized(spreads, alike[:, None]))


def _spreads(value: Array, at: Places) -> tuple[Array, Array]:
    """Standard deviation of the second and of the fourth differences around the points `at` (m,), rising, robust;
    (..., m) each of `value` (..., n)."""
    n, shape = value.shape[-1], (*value.shape[:-1], len(at))
    if n < 3:
        return np.zeros(shape), np.zeros(shape)
    window = max(7, n // 5) | 1
    second = value[..., :-2] - 2 * value[..., 1:-1] + value[..., 2:]
    near = _deviation(second, window, (at - 1).clip(0, n - 3))
    if n < 9:
        return near, np.full(shape, np.inf)
    fourth = second[..., :-2] - 2 * second[..., 1:-1] + second[..., 2:]
    return near, _deviation(fourth, window, (at - 2).clip(0, n - 5))


def _sized(spreads: tuple[Array, Array], alike: Array) -> Array:
    """The noise (n,) that gives differences of these sizes when neighbours correlate by `alike` (n,) or ()."""
    second = spreads[0] / np.sqrt(6 - 8 * alike + 2 * alike**2)
    noise: Array = np.minimum(second, spreads[1] / np.sqrt(_fourth_variance(alike)))
    return noise


def row_likeness(rows: Array) -> Array:
    """Correlation (m,) of the noise of each row's neighbouring points, 0 .. 0.95, as of a first-order autoregression.

    Running means, epoch means and slow drifts leave noise whose neighbours are alike. Fourth differences of points
    k apart see noise but no cubic; for correlation r their variance is 70 - 112 r^k + 56 r^2k - 16 r^3k + 2 r^4k
    times that of the noise, and grows with k where r > 0. The r whose growth from k = 1 to 2, 4, 8 lies nearest is
    taken (medians of absolute values, so that spikes and a steep start have no say). `rows` (m, n) finite, evenly
    logged. 0 where a curve is too short (n < 27) or bends too much to tell.

    >>> rng = np.random.default_rng(0)
    >>> white = rng.standard_normal(240)
    >>> alike = row_likeness(np.stack([white[:235], np.convolve(white, np.ones(6) / 6, "valid")]))
    >>> bool(alike[0] < 0.1 < 0.6 < alike[1])
    True
    """
    n, sizes = rows.shape[1], []
    for k in SPACINGS:
        if 12 * k > n:
            break
        far = rows[:, : -4 * k] - 4 * rows[:, k : -3 * k] + 6 * rows[:, 2 * k : -2 * k]
        sizes.append(row_median(np.abs(far - 4 * rows[:, 3 * k : -k] + rows[:, 4 * k :])))
    if len(sizes) < 2:
        return np.zeros(len(rows))
    size = np.stack(sizes, axis=1)
    known = size.min(1) > 0
    growth = 2 * np.log(np.where(known[:, None], size[:, 1:] / np.where(known, size[:, 0], 1.0)[:, None], 1.0))
    misfit = ((growth[:, None] - _growth()[:, : growth.shape[1]]) ** 2).sum(-1)
    found: Array = ALIKE[np.argmin(misfit + DOUBT_ALIKE / n * ALIKE, axis=1)]
    return np.where(known & (misfit.min(1) <= BENT), found, 0.0)


def _alike_along(raw: Array, value: Array, per_bin: Array) -> Array:
    """Likeness at each pooled point (k, n): the head holds single points, the medians behind it are less alike."""
    head = int((per_bin == 1).sum()) if per_bin.max() > 1 else 0
    alike = np.empty(value.shape)
    alike[:, head:] = row_likeness(value[:, head:])[:, None]
    if head:
        alike[:, :head] = row_likeness(raw[:, : 4 * BINS])[:, None]
    return alike


@lru_cache(maxsize=1)
def _growth() -> Array:
    """Log of the variance of fourth differences of each spacing but the first over the first, per ALIKE."""
    variance = np.array([_fourth_variance(ALIKE**k) for k in SPACINGS])
    found: Array = np.log(variance[1:] / variance[0]).T
    return found


def _fourth_variance(r: Array) -> Array:
    """Variance of a fourth difference of unit noise whose neighbours (as far apart as the difference) correlate."""
    return 70 - 112 * r + 56 * r**2 - 16 * r**3 + 2 * r**4


def _deviation(differences: Array, window: int, at: Places) -> Array:
    """Standard deviation of differences around each of the places `at`, rising."""
    # 0.6745 is the median of |N(0, 1)|.
    found: Array = _rolling_median(np.abs(differences), window, at) / 0.6745
    return found


def _rolling_median(value: Array, window: int, at: Places) -> Array:
    """The median around the points `at`, rising: (..., m) of `value` (..., n); of one curve where windows are wide and
    points many."""
    n = value.shape[-1]
    half = min(window // 2, (n - 1) // 2)
    if half < 1:
        return value[..., at]
    around = windows(value, half)
    if around.shape[-1] <= WIDE:
        return row_median(around[..., at, :])
    # All windows of a long curve would take memory and time that grow with the square of its length, and a wide one
    # hardly changes from a place to the next: a few hundred of them, of every so many points each, tell as much.
    stride = around.shape[-1] // WIDE + 1
    if len(at) <= PLACES:
        return row_median(around[..., at, ::stride])
    places = np.linspace(0, n - 1, PLACES).astype(np.intp)
    result: Array = np.interp(at, places, row_median(around[places, ::stride]))
    return result


@lru_cache(maxsize=16)
def _fits(n: int) -> tuple[tuple[Array, ...], Array, Array]:
    """Weights (n, n) of the fit of each half-width that n points bear, the norms of their rows (k, n), and the same
    where it is above one, else one."""
    widths = [width for width in HALF_WIDTHS if width <= max(1.5, n / 3)]
    weights, spreads = zip(*(_local_linear(n, width) for width in widths), strict=True)
    return weights, np.stack(spreads), np.maximum(spreads, 1.0)


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
