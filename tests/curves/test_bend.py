"""The corner that an early cut leaves in a loss, and descents that have none."""

from __future__ import annotations

import numpy as np
import pytest

from curvedoc.curves.bend import Bend, loss_bend
from curvedoc.engine import judge
from curvedoc.rulebook import load_rules

from ..patients import Array, noisy, run


def driven(rate: Array) -> Array:
    """A loss whose slope is the rate, while the gradient hardly changes: a valley that is long and straight."""
    spent = np.cumsum(rate) / rate.sum()
    loss: Array = 2.0 - 1.1 * spent - 0.1 * spent**2
    return loss


def slowing(way: Array) -> Array:
    """A power law of the way that was covered."""
    loss: Array = 0.4 + 0.5 * (way + 0.02) ** -0.3
    return loss


def bend_of(t: Array, loss: Array) -> Bend | None:
    return loss_bend(t, loss, t, loss)


@pytest.mark.parametrize("points", [9, 20, 60, 200_000])
@pytest.mark.parametrize("seed", range(5))
def test_a_cut_of_the_rate_is_a_corner(points: int, seed: int) -> None:
    t = np.arange(1.0, points + 1)
    rate = np.where(t <= 0.25 * points, 1.0, 0.1)
    # The longest is pooled: looking at every point would take an hour.
    value = driven(rate) + np.random.default_rng(seed).normal(0, 0.003, points)
    found = bend_of(t, value)
    assert found is not None
    assert abs(found.at - 0.25 * points) <= 1 + 0.05 * points
    assert found.factor == pytest.approx(0.1, rel=0.5)


@pytest.mark.parametrize("at", [0.08, 0.12, 0.16, 0.2])
def test_a_descent_that_slows_down_is_straight_behind_a_cut(at: float) -> None:
    x = np.linspace(0, 1, 40)
    cut = slowing(np.minimum(x, at) + 0.1 * np.maximum(0, x - at))
    found = bend_of(x, cut)
    assert found is not None
    assert found.at == pytest.approx(at, abs=0.05)
    assert bend_of(x, slowing(x)) is None


def test_training_shows_the_descent_before_the_first_validation() -> None:
    t = np.arange(1.0, 301.0)
    loss = slowing((np.minimum(t, 30) + 0.1 * np.maximum(0, t - 30)) / 300)
    val = slice(35, None, 36)
    found = loss_bend(t[val], loss[val], t, noisy(loss, 0.03))
    assert found is not None
    assert 18 <= found.at <= 40
    assert bend_of(t[val], loss[val]) is None


def test_four_validations_behind_a_corner_show_a_line_and_no_power_law() -> None:
    t = np.arange(1.0, 301.0)
    val = slice(74, None, 75)
    cut = slowing((np.minimum(t, 60) + 0.05 * np.maximum(0, t - 60)) / 300)
    found = loss_bend(t[val], cut[val], t, noisy(cut, 0.02))
    assert found is not None
    assert found.at <= 75
    whole = slowing(t / 300)
    assert loss_bend(t[val], whole[val], t, noisy(whole, 0.02)) is None


@pytest.mark.parametrize("seed", range(40))
def test_descents_that_slow_down_everywhere_have_no_corner(seed: int) -> None:
    rng = np.random.default_rng(seed)
    t = np.arange(1.0, rng.integers(7, 80))
    u = t / t[-1]
    floor, exponent, tau = rng.uniform(0, 0.5), rng.uniform(0.1, 1.0), rng.uniform(0.05, 1.0)
    for loss in (floor + t**-exponent, floor + np.exp(-u / tau), 2 - u, driven(0.5 * (1 + np.cos(np.pi * u)) + 0.01)):
        assert bend_of(t, loss * (1 + rng.normal(0, 0.01, len(t)))) is None
        assert bend_of(t, loss) is None


def test_what_falls_faster_and_faster_at_last_was_not_cut() -> None:
    x = np.linspace(0, 1, 60)
    loss = 1 + 2 * np.exp(-x / 0.03) - 0.3 * x - 0.2 * x**3  # a schedule that comes down speeds a loss up
    assert bend_of(x, loss) is None
    assert bend_of(x, 1 + 2 * np.maximum(0, 0.1 - x) / 0.1 - 0.3 * x) is not None


def test_a_corner_of_the_loss_alone_is_a_guess_of_an_early_cut() -> None:
    t = np.arange(1.0, 351.0)
    loss = driven(np.where(t <= 60, 1.0, 0.1))
    made = run(train_loss=(t, noisy(loss, 0.1)), val_loss=(t[29::30], noisy(loss[29::30], 0.002)))
    report = judge(made, load_rules())
    early = next(d for d in report.findings if d.rule == "decay-too-early")
    assert any("sure" in e.says and "60 %" in e.says for e in early.evidence)
    assert report.schedule is not None
    assert report.schedule.confidence < 0.5


def test_under_a_schedule_of_steps_that_is_named_a_cut_descent_may_gain_pace() -> None:
    t = np.arange(1.0, 301.0)
    share = np.maximum(0, t - 36) / 264
    loss = 2.8 - 0.9 * np.minimum(t, 36) / 36 - 0.35 * share - 0.06 * share**2
    curves = {"train_loss": (t, noisy(loss, 0.02)), "val_loss": (t[35::37], loss[35::37])}
    early = [
        "decay-too-early" in {d.rule for d in judge(run(hyper=hyper, **curves), load_rules()).findings}
        for hyper in ({}, {"scheduler": "multi_step"}, {"scheduler": "linear"})
    ]
    assert early == [False, True, False]
