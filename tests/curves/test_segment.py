"""A cut of the rate is guessed from a loss that falls at once after a rest, and from nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curvedoc.curves.segment import loss_drops
from curvedoc.run import Array


def losses(seed: int, cuts: int, points: int) -> tuple[Array, Array, Array, list[int]]:
    """Epochs, training and validation loss of a descent with that many cuts of the rate, and where they were."""
    random = np.random.default_rng(seed)
    t = np.arange(float(points))
    train = random.uniform(0.3, 0.8) + 1.7 * np.exp(-t / (random.uniform(0.02, 0.15) * points))
    val = train + random.uniform(0, 0.2)
    noise = random.uniform(0.005, 0.04) * np.ones(points)
    where = [int(points * share) for share in (random.uniform(0.3, 0.55), random.uniform(0.68, 0.85))[:cuts]]
    for cut in where:
        fall = random.uniform(0.15, 0.4) * -np.expm1(-np.maximum(t - cut + 1, 0) / random.uniform(0.3, 2))
        train, val = train * (1 - fall), val * (1 - fall * random.uniform(0.4, 0.9))
        noise = np.where(t >= cut, noise / 2, noise)
    jitter = random.standard_normal((2, points)) * noise
    return t, train * (1 + jitter[0] / 2), val * (1 + jitter[1]), where


def test_no_cut_is_seen_where_there_was_none() -> None:
    found = 0
    for seed in range(300):
        t, train, val, _ = losses(seed, 0, (30, 90, 400)[seed % 3])
        found += bool(loss_drops(t, train, t, val))
    assert found <= 0.01 * 300


def test_most_runs_with_cuts_show_one_and_hardly_any_shows_one_elsewhere() -> None:
    seen = elsewhere = 0
    for seed in range(150):
        t, train, val, where = losses(seed, 2, (40, 90, 400)[seed % 3])
        apart = [min(abs(drop - cut) for cut in where) for drop in loss_drops(t, train, t, val)]
        seen += bool(apart)
        elsewhere += any(away > 0.02 * len(t) + 1 for away in apart)
    assert seen >= 0.6 * 150
    assert elsewhere <= 0.02 * 150


def test_a_fall_of_one_loss_alone_is_no_cut() -> None:
    t, train, val, _ = losses(1, 0, 100)
    stair = np.where(t < 60, train, train - 0.2)
    assert loss_drops(t, stair, t, val) == ()


def test_a_spike_that_recovers_is_no_cut() -> None:
    t, train, val, _ = losses(1, 0, 100)
    spike = np.where((t > 45) & (t < 60), 1.0, 0.0)
    assert loss_drops(t, train + spike, t, val + spike) == ()


def test_a_late_start_is_no_cut() -> None:
    t = np.arange(100.0)
    train = 2.3 - 1.5 / (1 + np.exp(-(t - 40)))
    assert loss_drops(t, train, t, train + 0.1) == ()


def test_training_steps_and_validation_epochs_are_put_on_common_points() -> None:
    step = np.arange(6000.0)
    loss = 0.5 + np.exp(-step / 500) - 0.3 * (step >= 3000)
    val_step = np.arange(99.0, 6000, 100)
    (drop,) = loss_drops(step, loss, val_step, loss[val_step.astype(int)])
    assert drop == pytest.approx(3000, abs=100)


@given(seed=st.integers(0, 50), scale=st.floats(-5, 5).map(lambda x: 10**x), unit=st.sampled_from([0.125, 4.0, 512.0]))
def test_the_scale_of_the_loss_and_the_unit_of_the_step_change_nothing(seed: int, scale: float, unit: float) -> None:
    t, train, val, _ = losses(seed, 2, 90)
    expected = [unit * drop for drop in loss_drops(t, train, t, val)]
    assert list(loss_drops(unit * t, scale * train, unit * t, scale * val)) == expected


def test_curves_that_do_not_overlap_tell_nothing() -> None:
    t = np.arange(50.0)
    assert loss_drops(t, np.ones(50), t + 100, np.ones(50)) == ()
