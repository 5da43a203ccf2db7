"""Do the vitals of generalisation see what was written into a pair of losses, and nothing else?"""

from __future__ import annotations

import numpy as np
import pytest

from curvedoc.curves.smooth import smooth
from curvedoc.vitals.gap import walk_z

from ..patients import noisy, power_law, run, steps
from ..test_healthy_families import correlated
from .asked import value

T = steps()
V = T[9::10]


@pytest.mark.parametrize("points", [12, 40, 200])
@pytest.mark.parametrize("alike", [0.0, 0.7, 0.9])
def test_a_flat_curve_hardly_ever_rises_behind_its_lowest_point(points: int, alike: float) -> None:
    passed = 0
    for seed in range(100):
        line = smooth(np.arange(points, dtype=float), 1 + correlated(points, alike, 0.05, seed))
        passed += walk_z(line.points[int(np.argmin(line.value)) :]) > 5
    assert passed <= 2


def test_a_random_walk_is_seldom_taken_for_a_trend() -> None:
    z = [walk_z(np.cumsum(np.random.default_rng(seed).standard_normal(100))) for seed in range(200)]
    assert np.mean(np.abs(z) > 5) < 0.1


def test_a_rise_in_white_noise_is_measured_as_least_squares_does() -> None:
    y = 0.02 * np.arange(80) + 0.1 * np.random.default_rng(0).standard_normal(80)
    x = np.arange(80) - 39.5
    slope = (x * y).sum() / (x * x).sum()
    error = np.sqrt(((y - y.mean() - slope * x) ** 2).sum() / 78 / (x * x).sum())
    # The correlation is taken one standard error too high: less than the textbook's, by no more than a third.
    assert 0.6 * slope / error < walk_z(y) < 1.1 * slope / error


@pytest.mark.parametrize("shape", [lambda u: u, lambda u: u**2, lambda u: 1 - np.exp(-2 * u)])
def test_a_clean_rise_is_seen_whatever_its_shape(shape: object) -> None:
    u = np.linspace(0, 1, 20)
    assert walk_z(1 + 0.3 * shape(u)) > 8  # type: ignore[operator]


@pytest.mark.parametrize("wiggle", [0.01, 0.2])
def test_a_handful_of_validations_behind_the_best_one_tell_their_scatter_roughly(wiggle: float) -> None:
    epochs = np.arange(1.0, 11.0)
    late = 1.3 + wiggle * np.array([-1.0, 1.0, -1.0, 1.0, -1.0])
    held_out = np.array([2.0, 1.6, 1.3, 1.1, 1.0, *late])
    made = run(train_loss=(epochs, 2 * np.exp(-epochs / 4)), val_loss=(epochs, held_out))
    found = value(made, "val_loss.rise_rested")
    assert found.value == pytest.approx((late.mean() - held_out.min()) / late.std(ddof=1))
    assert found.high > 2 * found.low
    assert (found.value > 6) == (wiggle < 0.1)


def test_the_mean_of_an_epoch_counts_for_its_middle() -> None:
    # Ten epochs of one falling loss: training is its mean over the epoch, validation its value at the end.
    fine = np.linspace(0, 10, 1001)
    loss = 0.2 + 2 * np.exp(-fine / 4)
    means = np.array([loss[100 * k : 100 * (k + 1) + 1].mean() for k in range(10)])
    epochs = np.arange(1.0, 11.0)
    made = run(train_loss=(epochs, means), val_loss=(epochs, loss[100::100]))
    assert abs(value(made, "gap.below").value) < 0.01
    uncorrected = np.median(((means - loss[100::100]) / means)[5:])
    assert uncorrected > 0.04


def test_a_turn_right_behind_a_steep_start_is_no_wandering() -> None:
    at, count = np.linspace(T[0], T[-1], 30), np.arange(30.0)
    val = 0.66 + 2 * (1 - np.exp(-count / 9)) + 0.8 * np.exp(-1.9 * count)
    val += 0.02 * np.random.default_rng(0).standard_normal(30)
    behind = walk_z(val[int(np.argmin(val)) :])
    assert behind > 10
    made = run(train_loss=(T, 2 * np.exp(-T / 300)), val_loss=(at, val))
    assert value(made, "val_loss.rise_se").value >= behind - 1e-9


@pytest.mark.parametrize("factor", [1 / 64, 8.0])
def test_a_sum_beside_a_mean_has_a_scale_and_keeps_it(factor: float) -> None:
    made = run(train_loss=(T, noisy(power_law(T))), val_loss=(V, noisy(factor * power_law(T)[9::10], 0.01, 1)))
    assert value(made, "gap.scale").value == pytest.approx(max(factor, 1 / factor), rel=0.1)
    assert value(made, "gap.scale_drift").value < 1.2


def test_losses_that_cross_have_one_scale() -> None:
    made = run(train_loss=(T, power_law(T)), val_loss=(V, 0.5 + 0.5 * power_law(T)[9::10]))
    assert value(made, "gap.scale").value == pytest.approx(1.0, abs=0.05)


def test_a_gap_that_widens_grows_and_a_constant_one_does_not() -> None:
    train = 0.5 + np.exp(-T / 1000)
    widening = run(train_loss=(T, train), val_loss=(V, train[9::10] + 0.1 + 0.4 * V / V[-1]))
    constant = run(train_loss=(T, train), val_loss=(V, train[9::10] + 0.3))
    last = train[-1] + 0.5
    assert value(widening, "gap.growth").value == pytest.approx(0.4 * 0.5 / last, rel=0.1)
    assert value(constant, "gap.growth").value == pytest.approx(0.0, abs=0.01)
