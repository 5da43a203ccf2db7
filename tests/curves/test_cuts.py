"""Cuts of the rate that show in the updates of all layers, and what looks like one and is none."""

from __future__ import annotations

import numpy as np
import pytest

from curvedoc.curves.cuts import shared_cuts
from curvedoc.engine import judge
from curvedoc.rulebook import load_rules

from ..patients import Array, noisy, power_law, run, steps

STEP = np.arange(4.0, 264.0, 4.0)


def updates(rate: Array, layers: int = 4, scatter: float = 0.1, seed: int = 0) -> Array:
    """Adam's updates: each layer has its own size, its own noise, and a start that is twice as large."""
    rng = np.random.default_rng(seed)
    own = 10 ** rng.uniform(-4, -1.5, (layers, 1)) * (1 + np.exp(-(STEP - STEP[0]) / 12))
    size: Array = own * rate * np.exp(scatter * rng.normal(size=(layers, len(STEP))))
    return size


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("left", [0.1, 0.2])
def test_a_cut_is_found_at_its_point_with_its_factor(seed: int, left: float) -> None:
    ((step, low, factor, high),) = shared_cuts(STEP, updates(np.where(STEP < 40, 1.0, left), seed=seed))
    assert step == STEP[STEP >= 40][0]
    assert low <= factor <= high
    assert factor == pytest.approx(left, rel=0.35)


@pytest.mark.parametrize("seed", range(20))
def test_rates_that_fall_smoothly_or_not_at_all_have_no_cut(seed: int) -> None:
    u = STEP / STEP[-1]
    for rate in (np.ones_like(u), 0.5 * (1 + np.cos(np.pi * u)) + 1e-3, 1 - 0.99 * u, np.minimum(1.0, u / 0.1)):
        assert shared_cuts(STEP, updates(rate, seed=seed)) == []


def test_one_layer_that_falls_alone_is_no_cut() -> None:
    size = updates(np.ones(len(STEP)))
    size[1, 20:] *= 0.1
    assert shared_cuts(STEP, size) == []


def test_a_dip_of_two_points_is_no_cut() -> None:
    dip = np.ones(len(STEP))
    dip[30:32] = 0.1
    assert shared_cuts(STEP, updates(dip)) == []


def test_a_cut_that_only_the_updates_show_is_told_to_be_too_early() -> None:
    t = steps()
    rate = np.where(0.08 * t[-1] > t, 1.0, 0.1)
    # What a rate has done is the sum of its steps: the loss follows them.
    loss = power_law(np.cumsum(rate), exponent=0.25)
    ratios = {f"update_ratio__fc{k}": (t, 1e-3 * k * noisy(rate, 0.1, k)) for k in (1, 2, 3)}
    report = judge(run(train_loss=(t, noisy(loss, 0.02)), **ratios), load_rules())
    early = next(d for d in report.findings if d.rule == "decay-too-early")
    assert early.subject.name == f"{t[0.08 * t[-1] <= t][0]:.0f}"
