"""Order statistics: to the last bit those of numpy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from curvedoc.curves.order import median, quantile, row_median, row_quantile, windows

numbers = st.lists(st.floats(-1e60, 1e60), min_size=1, max_size=40).map(np.array)


@given(numbers, st.floats(0, 1))
def test_one_array_has_the_quantiles_of_numpy(value: npt.NDArray[np.float64], share: float) -> None:
    assert median(value) == np.median(value)
    assert quantile(value, share) == np.quantile(value, share)


@given(st.integers(1, 6), st.integers(1, 30), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_rows_have_the_quantiles_of_numpy(rows: int, columns: int, share: float, seed: int) -> None:
    value = np.random.default_rng(seed).standard_normal((rows, columns))
    np.testing.assert_array_equal(row_median(value), np.median(value, axis=1))
    np.testing.assert_array_equal(row_quantile(value, share), np.quantile(value, share, axis=1))


@given(numbers, st.integers(0, 39))
def test_windows_are_mirrored_at_the_ends_without_repeating_the_end(value: npt.NDArray[np.float64], half: int) -> None:
    half = min(half, len(value) - 1)
    padded = np.pad(value, half, mode="reflect")
    expected = [padded[k : k + 2 * half + 1] for k in range(len(value))]
    np.testing.assert_array_equal(windows(value, half), expected)


def test_a_nan_has_no_median_and_neither_has_nothing() -> None:
    assert np.isnan(median(np.array([1.0, np.nan, 2.0])))
    assert np.isnan(median([]))
