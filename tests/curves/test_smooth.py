"""The smoother finds the curve beneath known noise, keeps corners and says how sure it is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curvedoc.curves.smooth import BINS, local_noise, pool, row_likeness, smooth

X = np.arange(2000.0)


def wave(sd: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    truth = 0.3 + 2 * np.exp(-X / 400)
    return truth, truth + sd * np.random.default_rng(seed).standard_normal(len(X))


def test_most_noise_is_removed_without_bending_the_curve() -> None:
    for seed in range(5):
        truth, value = wave(0.1, seed)
        line = smooth(X, value)
        error = np.interp(X, line.step, line.value) - truth
        assert np.sqrt((error**2).mean()) < 0.1 / 3
        assert abs(error[-50:].mean()) < 0.05


def test_the_standard_error_covers_the_truth_about_as_often_as_it_says() -> None:
    inside = []
    for seed in range(20):
        truth, value = wave(0.1, seed)
        line = smooth(X, value)
        at_truth = np.interp(line.step, X, truth)
        inside.append((np.abs(line.value - at_truth) <= 2 * line.se).mean())
    assert np.mean(inside) > 0.85


def test_a_step_stays_sharp() -> None:
    value = np.where(X < 1000, 1.0, 0.2) + 0.01 * np.random.default_rng(0).standard_normal(len(X))
    line = smooth(X, value)
    assert line.at(960.0) == pytest.approx(1.0, abs=0.02)
    assert line.at(1040.0) == pytest.approx(0.2, abs=0.02)


def test_a_single_spike_is_counted_and_does_not_bend_the_line() -> None:
    truth, value = wave(0.0, 0)
    value = value[::10].copy()
    value[100] += 50
    line = smooth(X[::10], value)
    assert line.spikes == 1
    assert abs(line.at(1000.0) - truth[1000]) < 0.05


def test_the_first_and_the_last_point_are_never_taken_for_spikes() -> None:
    value = np.ones(100)
    value[0], value[-1] = 30.0, 40.0
    line = smooth(np.arange(100.0), value)
    assert line.spikes == 0
    assert line.value[0] > 10
    assert line.value[-1] > 10


def test_noise_is_estimated_where_it_is() -> None:
    rng = np.random.default_rng(1)
    sd = np.where(np.arange(400) < 200, 0.5, 0.05)
    found = local_noise(np.linspace(3, 1, 400) + sd * rng.standard_normal(400))
    assert np.median(found[50:150]) == pytest.approx(0.5, rel=0.35)
    assert np.median(found[250:350]) == pytest.approx(0.05, rel=0.35)


def averaged(r: float, n: int, seed: int) -> np.ndarray:
    """Noise of standard deviation 1 whose neighbours correlate by r: what a running average leaves of noise."""
    shocks, value = np.random.default_rng(seed).standard_normal(n), np.zeros(n)
    for k in range(n):
        value[k] = shocks[k] if k == 0 else r * value[k - 1] + np.sqrt(1 - r * r) * shocks[k]
    return value


@pytest.mark.parametrize(("r", "low", "high"), [(0.0, 0.0, 0.1), (0.6, 0.45, 0.7), (0.9, 0.8, 0.95)])
def test_it_is_seen_how_alike_neighbours_are(r: float, low: float, high: float) -> None:
    curve = 0.3 + 2 * np.exp(-np.arange(240.0) / 40)
    rows = np.stack([curve + 0.05 * averaged(r, 240, seed) for seed in range(30)])
    assert low <= np.median(row_likeness(rows)) <= high


def test_a_curve_without_noise_has_no_alike_neighbours() -> None:
    assert row_likeness((0.3 + 2 * np.exp(-np.arange(240.0) / 40))[None]) == [0.0]
    assert row_likeness(np.ones((1, 240))) == [0.0]


def test_noise_that_neighbours_share_is_estimated_when_it_is_known_how_much_they_share() -> None:
    value = averaged(0.9, 4000, 0)
    assert np.median(local_noise(value)) < 0.5
    assert np.median(local_noise(value, 0.9)) == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize("points", [120, 2000])
def test_the_intervals_of_a_curve_that_was_smoothed_before_hold_the_truth(points: int) -> None:
    at = np.linspace(0, 2000, points)
    truth, inside = 0.3 + 2 * np.exp(-at / 400), []
    for seed in range(30):
        line = smooth(at, truth + 0.03 * averaged(0.9, points, seed))
        inside.append((np.abs(line.value - np.interp(line.step, at, truth)) <= 1.28 * line.se).mean())
    # Nominally 0.8; of 120 such points some six are independent, and what they share looks like a trend.
    assert 0.7 < np.mean(inside) < 0.92


def test_non_finite_points_are_left_out() -> None:
    value = np.array([3.0, np.nan, 2.0, np.inf, 1.0, 1.0, 1.0])
    assert np.isfinite(smooth(np.arange(7.0), value).value).all()
    with pytest.raises(ValueError, match="no finite point"):
        smooth(np.arange(2.0), np.array([np.nan, np.inf]))


def test_pooling_gives_medians_of_equal_bins() -> None:
    step, value, size = pool(X, X**2, bins=100)
    assert len(step) <= 101
    assert list(size[:20]) == [1] * 20
    assert (size[20:-1] == 25).all()
    assert value[22] == np.median(X[70:95] ** 2)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=600),
    st.floats(1e-6, 1e6),
)
def test_smoothing_does_not_care_about_the_unit_of_step_and_loss(values: list[float], scale: float) -> None:
    value = np.array(values)
    step = np.arange(len(value), dtype=np.float64)
    plain = smooth(step, value)
    other = smooth(step * 7 + 3, value * scale)
    assert len(plain.value) <= BINS
    assert np.allclose(other.step, plain.step * 7 + 3)
    size = np.abs(value).max() + 1e-9
    assert np.isfinite(plain.value).all()
    # Ties at the edge of an interval may fall either way by rounding: the curve may differ by a standard error.
    assert np.median(np.abs(other.value / scale - plain.value)) <= 1e-6 * size


def test_the_noise_of_a_long_curve_is_that_of_its_parts() -> None:
    sd = np.where(np.arange(40_000) < 20_000, 0.1, 0.3)
    noise = local_noise(sd * np.random.default_rng(0).standard_normal(len(sd)))
    assert np.median(noise[:16_000]) == pytest.approx(0.1, rel=0.1)
    assert np.median(noise[24_000:]) == pytest.approx(0.3, rel=0.1)
