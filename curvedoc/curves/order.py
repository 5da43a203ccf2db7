"""Medians and quantiles of numbers, to the last bit those of numpy, without what numpy does around them.

`np.median` and `np.quantile` take 10 and 25 microseconds for an array of any size that a curve is pooled to, a sort of
it one or two; of many windows, `np.median` partitions twice, which takes six times as long as a sort of their rows.
A run is some hundreds of medians.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..run import Array


def median(value: Array | Sequence[float]) -> float:
    """The median of `value` (n,); NaN where one of them is, and of none.

    >>> median(np.array([3.0, 1.0, 10.0, 2.0])), median(np.array([1.0, np.nan]))
    (2.5, nan)
    """
    order = np.sort(value)
    if not len(order) or order[-1] != order[-1]:  # NaN is sorted behind all numbers
        return np.nan
    half = len(order) // 2
    return float(order[half]) if len(order) % 2 else (float(order[half - 1]) + float(order[half])) / 2


def quantile(value: Array, share: float) -> float:
    """The quantile of `value` (n,), n >= 1, no NaN, linear between neighbours.

    >>> quantile(np.array([3.0, 1.0, 11.0, 2.0]), 0.75)
    5.0
    """
    return float(_between(np.sort(value), share))


def row_quantile(rows: Array, share: float) -> Array:
    """The quantile of each row (m,) of `rows` (m, n), n >= 1, no NaN, linear between neighbours."""
    return _between(np.sort(rows, axis=1).T, share)


def row_median(rows: Array) -> Array:
    """The median of each row (..., m) of `rows` (..., m, n), n >= 1, no NaN.

    >>> row_median(np.array([[3.0, 1.0, 2.0], [9.0, 7.0, 8.0]]))
    array([2., 8.])
    """
    order, half = np.sort(rows, axis=-1), rows.shape[-1] // 2
    found: Array = order[..., half] if rows.shape[-1] % 2 else (order[..., half - 1] + order[..., half]) / 2
    return found


def _between(order: Array, share: float) -> Array:
    """Linear interpolation in what is sorted along the first axis, from the nearer neighbour as numpy does it."""
    place = share * (len(order) - 1)
    left = int(place)
    t, low = place - left, order[left]
    high = order[min(left + 1, len(order) - 1)]
    found: Array = high - (high - low) * (1 - t) if t >= 0.5 else low + (high - low) * t
    return found


def all_finite(value: Array) -> bool:
    """Whether no value (n,) is NaN or infinite, seen from its extremes without an array of its size.

    >>> all_finite(np.array([1.0, 2.0])), all_finite(np.array([1.0, np.nan])), all_finite(np.array([np.inf, -np.inf]))
    (True, False, False)
    """
    return not len(value) or bool(np.isfinite(value.min()) and np.isfinite(value.max()))


def windows(value: Array, half: int) -> Array:
    """The 2 half + 1 points around each point (..., n, 2 half + 1), mirrored at the ends; half < n."""
    mirrored = np.concatenate([value[..., half:0:-1], value, value[..., -2 : -half - 2 : -1]], axis=-1)
    return sliding(mirrored, 2 * half + 1)


def sliding(value: Array, width: int) -> Array:
    """Every stretch of `width` neighbours (..., n - width + 1, width) of `value` (..., n), seen and not copied: not to
    be written to. numpy's sliding_window_view takes ten microseconds for it.

    >>> sliding(np.array([1.0, 2.0, 3.0]), 2).tolist()
    [[1.0, 2.0], [2.0, 3.0]]
    """
    value = np.ascontiguousarray(value)
    shape = (*value.shape[:-1], value.shape[-1] - width + 1, width)
    return np.ndarray(shape, value.dtype, value, 0, (*value.strides, value.itemsize))
