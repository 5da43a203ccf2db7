"""The extrapolation's interval holds the truth when the truth is one of many decay laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curvedoc.curves.extrapolate import extrapolate
from curvedoc.curves.smooth import smooth

T = np.arange(1.0, 401.0)


@settings(max_examples=80, deadline=None)
@given(st.floats(0.1, 1.2), st.floats(0.0, 1.0), st.floats(0.5, 5.0))
def test_a_power_law_with_any_floor_is_inside_the_interval(exponent: float, floor: float, height: float) -> None:
    value, low, high = extrapolate(T, floor + height * T**-exponent, 1200.0)
    truth = floor + height * 1200.0**-exponent
    margin = 0.02 * height
    assert low - margin <= truth <= high + margin
    assert low <= value <= high


def test_noisy_exponentials_and_power_laws_are_covered_four_times_in_five() -> None:
    inside = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        truth = (lambda t: 0.3 + 2 * t**-0.5) if seed % 2 else (lambda t: 0.3 + 2 * np.exp(-t / 150))
        line = smooth(T, truth(T) + 0.05 * rng.standard_normal(len(T)))
        _, low, high = extrapolate(line.step, line.value, 1200.0, float(np.median(line.se)))
        inside.append(low <= truth(1200.0) <= high)
    assert np.mean(inside) >= 0.75


def test_a_positive_loss_is_never_promised_below_zero() -> None:
    value, _, _ = extrapolate(T, 2.0 - 0.004 * T, 4000.0)
    assert value >= -1e-9


def test_the_unit_of_the_loss_does_not_matter() -> None:
    y = 0.2 + T**-0.4
    assert np.allclose(np.array(extrapolate(T, 1000 * y, 900.0)) / 1000, extrapolate(T, y, 900.0))


def test_too_few_points_are_refused() -> None:
    with pytest.raises(ValueError, match="6 are needed"):
        extrapolate(T[:5], T[:5], 10.0)


@pytest.mark.parametrize("share", [0.1, 0.23, 0.4, 0.6, 0.66, 0.9, 1.5])
def test_an_exponential_of_any_time_constant_is_inside_the_interval(share: float) -> None:
    t = np.arange(1.0, 601.0)
    truth = 0.1 + 2.2 * np.exp(-1200.0 / (600 * share))
    _, low, high = extrapolate(t, 0.1 + 2.2 * np.exp(-t / (600 * share)), 1200.0)
    assert low <= truth <= high
