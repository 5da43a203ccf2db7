"""Thinning keeps what the eye would miss."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from curvedoc.curves.thin import thin


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=500), st.integers(8, 100))
def test_extremes_ends_and_order_survive(values: list[float], most: int) -> None:
    value = np.array(values, dtype=np.float64)
    step = np.arange(len(value), dtype=np.float64)
    x, y = thin(step, value, most)
    finite = value[np.isfinite(value)]
    assert len(x) <= max(most + 4, 4)
    assert (np.diff(x) > 0).all()
    if len(finite):
        assert (y.min(), y.max()) == (finite.min(), finite.max())
        assert (y[0], y[-1]) == (finite[0], finite[-1])
