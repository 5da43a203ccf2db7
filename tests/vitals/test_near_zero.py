"""Spikes above a loss that comes near zero, and lows between jumps: seen, and no noise taken for them."""

from __future__ import annotations

import numpy as np

from curvedoc.estimate import Estimate
from curvedoc.run import Context, Run
from curvedoc.vitals import measure

from ..patients import run

T = np.arange(1.0, 61.0)


def value(made: Run, vital: str) -> float:
    found = measure(made, Context())[0].run.vitals[vital]
    assert isinstance(found, Estimate), found
    return found.value


def small_losses(seed: int) -> np.ndarray:
    """Means of a few batches whose losses are exponential: most examples are known, some are not."""
    return 0.2 * np.random.default_rng(seed).gamma(1.2, 1.0, len(T)) + 0.005 + 2 * np.exp(-T / 3)


def test_spikes_of_a_hundred_times_the_level_are_counted_where_the_loss_comes_near_zero() -> None:
    for seed in range(10):
        loss = small_losses(seed)
        loss[[9, 19, 29, 39, 49]] = 20.0
        assert value(run(train_loss=(T, loss)), "spikes.count") >= 4


def test_the_tail_of_small_losses_is_no_spike() -> None:
    assert [seed for seed in range(40) if value(run(train_loss=(T, small_losses(seed))), "spikes.burden") > 1.5] == []


def test_a_low_between_jumps_is_ground_that_was_won() -> None:
    level = np.select([T < 10, T < 20, T < 30], [0.1, 0.9, 1.4], 2.3)
    for every in (1, 2):
        loss = level + 0.05 * np.random.default_rng(every).standard_normal(len(T))
        loss[0] = 1.6
        assert value(run(train_loss=(T[::every], loss[::every])), "train_loss.fallen_at_most") > 0.3


def test_the_lowest_of_many_medians_of_noise_is_no_fall() -> None:
    for seed in range(20):
        flat = 2.0 + 0.1 * np.random.default_rng(seed).standard_normal(len(T))
        assert value(run(train_loss=(T, flat)), "train_loss.fallen_at_most") < 0.08


def test_a_validation_loss_that_begins_at_nothing_has_no_scale_to_follow() -> None:
    train = np.array([0.0, 0.0, 1.0, 1787769255.0, 5.0, 0.0, 0.0, 0.0, 0.0])
    val = np.array([2.5e-74, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1.0])
    found = measure(run(train_loss=(T[:9], train), val_loss=(T[:9], val)), Context())[0].run.vitals["val_loss.follows"]
    assert not isinstance(found, Estimate)
