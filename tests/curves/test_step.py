"""Jumps of one curve alone: found at their place with their size, and not made out of noise or spikes."""

from __future__ import annotations

import numpy as np
import pytest

from curvedoc.curves.step import lone_step

T = np.arange(100.0)
SHAPE = 0.5 + 1.5 * np.exp(-T / 15)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("size", [-0.12, 0.12])
def test_a_jump_is_found_at_its_place_with_its_size(seed: int, size: float) -> None:
    noise = np.random.default_rng(seed).normal(0, 0.008, (2, 100))
    found = lone_step(T, SHAPE + size * (T >= 88) + noise[0], T, SHAPE + noise[1])
    assert found is not None
    assert found.at == 88
    assert abs(found.jump - size) < 3 * found.error
    assert abs(found.other) < 3 * found.other_error
    assert abs(found.jump) / found.error > 8


def test_no_place_of_a_smooth_descent_with_noise_jumps_surely() -> None:
    surest = []
    for seed in range(200):
        noise = np.random.default_rng(seed).normal(0, 0.02, (2, 100))
        if found := lone_step(T, SHAPE + noise[0], T, SHAPE + noise[1]):
            surest.append(abs(found.jump) / found.error)
    assert np.quantile(surest, 0.99) < 6


def test_a_bump_that_comes_back_is_no_jump() -> None:
    bump = SHAPE + 0.3 * ((T >= 60) & (T < 72))
    found = lone_step(T, bump, T, SHAPE)
    assert found is None or not 55 <= found.at <= 65


def test_too_few_common_points_show_nothing() -> None:
    assert lone_step(T, SHAPE, T[::5], SHAPE[::5]) is None
