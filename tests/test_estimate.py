"""An Estimate holds its value, and numbers read as a person writes them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curvedoc.estimate import Estimate, exact, show


@given(st.floats(allow_nan=False), st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_an_interval_must_hold_its_value(a: float, b: float, c: float) -> None:
    low, value, high = sorted((a, b, c))
    assert Estimate(value, low, high).low <= value
    if low < value:
        with pytest.raises(ValueError, match="does not hold"):
            Estimate(low, value, high)


def test_nan_and_unknown_units_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be NaN"):
        exact(math.nan)
    with pytest.raises(ValueError, match="unknown unit 'percent'"):
        exact(1.0, "percent")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.5, "share", "50 %"),
        (0.004, "share", "0.4 %"),
        (0.0, "share", "0 %"),
        (0.0212, "share", "2.1 %"),
        (1234567.0, "step", "1234567"),
        (12.5, "epoch", "12.5"),
        (250.0, "times", "250x"),
        (-3.0, "log10", "1.0e-3"),
        (math.inf, "loss", "infinity"),
        (0.1 + 0.2, "loss", "0.3"),
    ],
)
def test_numbers_are_shown_short(value: float, unit: str, text: str) -> None:
    assert show(value, unit) == text
