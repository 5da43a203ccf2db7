"""What is learned by heart: its gap, how many times, since when."""

from __future__ import annotations

import numpy as np
import pytest

from curvedoc.engine import judge
from curvedoc.rulebook import load_rules
from curvedoc.run import Context
from curvedoc.vitals import Missing, measure

from ..held_out import by_heart
from ..patients import noisy, run, steps
from .asked import value

T = steps()
V = T[9::10]
RULES = load_rules()


def test_the_final_levels_and_what_fell_since_validation_rests_are_measured() -> None:
    train, val = 0.01 + 2 * np.exp(-T / 600), 0.6 + 1.4 * np.exp(-V / 300)
    made = run(train_loss=(T, train), val_loss=(V, val))
    assert value(made, "memorised.times").value == pytest.approx(val[-1] / train[-1], rel=0.05)
    assert value(made, "memorised.gap").value == pytest.approx((val[-1] - train[-1]) / (train[0] - train[-1]), rel=0.03)
    since = 300 * np.log(1.4 / (0.05 * 0.6))  # where validation is 5 % above its end
    assert value(made, "memorised.since").value == pytest.approx(since, abs=V[1] - V[0])
    then = float(np.interp(value(made, "memorised.since").value, T, train))
    assert value(made, "memorised.fell").value == pytest.approx(1 - train[-1] / then, abs=0.05)


def test_the_doubt_about_where_validation_rests_is_a_doubt_about_what_fell_since() -> None:
    fell = value(by_heart(0, 0.7, 0.01), "memorised.fell")
    since = value(by_heart(0, 0.7, 0.01), "memorised.since")
    assert fell.low < fell.value < fell.high
    assert since.low < since.value < since.high


def test_a_metric_that_still_gains_is_seen() -> None:
    made = by_heart(0, 0.7, 0.01)
    curves = {k: (c[0].step, c[0].value) for k, c in made.curves.items()}
    rising = run(**curves, val_accuracy=(V, 0.5 + 0.4 * V / V[-1]))
    since = value(rising, "memorised.since").value
    assert value(rising, "memorised.metric_gain").value == pytest.approx((1 - since / V[-1]) / 2, abs=0.05)


def test_a_metric_that_gained_while_validation_came_to_rest_and_then_stood_still_gains_nothing() -> None:
    made = by_heart(0, 0.7, 0.01)
    curves = {k: (c[0].step, c[0].value) for k, c in made.curves.items()}
    middle = (value(made, "memorised.since").value + V[-1]) / 2
    stopped = run(**curves, val_accuracy=(V, 0.5 + 0.4 * np.minimum(1.0, V / middle)))
    assert value(stopped, "memorised.metric_gain").value == pytest.approx(0.0, abs=0.03)


@pytest.mark.parametrize(("risen", "form"), [(0.0, "Memorization"), (0.03, "Memorization"), (0.2, "Overfitting")])
def test_what_is_learned_by_heart_is_told_however_little_validation_turned_up(risen: float, form: str) -> None:
    train = 0.002 + 2 * np.exp(-T / 400)
    val = 0.6 * (1 + risen * np.clip(V / 3000 - 1, 0, 1)) + 1.4 * np.exp(-V / 300)
    found = judge(run(train_loss=(T, noisy(train)), val_loss=(V, noisy(val, 0.003, 1))), RULES).diagnoses[0]
    assert found.rule == "overfitting"
    assert not found.possible
    assert found.title.startswith(form)


@pytest.mark.parametrize("shift", [-1.0, -0.005])
def test_losses_below_zero_have_no_scale(shift: float) -> None:
    made = run(train_loss=(T, shift + np.exp(-T / 600)), val_loss=(V, 0.5 + np.exp(-V / 600)))
    assert isinstance(measure(made, Context())[0].run.vitals["memorised.times"], Missing)


def test_a_training_loss_of_zero_is_the_most_that_is_told() -> None:
    made = run(train_loss=(T, np.maximum(0, 2 - T / 1000)), val_loss=(V, 0.5 + np.exp(-V / 600)))
    assert value(made, "memorised.times").value == 1e6


def test_a_point_that_noise_lifts_is_no_later_rest() -> None:
    train, val = 0.01 + 2 * np.exp(-T / 600), 0.6 + 1.4 * np.exp(-V / 300)
    val = np.interp(T, V, val)
    plain = value(run(train_loss=(T, train), val_loss=(T, val)), "memorised.since").value
    for seed in range(5):
        scattered = val + 0.06 * np.random.default_rng(seed).standard_normal(len(T))
        found = value(run(train_loss=(T, train), val_loss=(T, scattered)), "memorised.since").value
        assert found == pytest.approx(plain, abs=0.15 * T[-1])


def test_a_gap_of_a_few_wrong_answers_is_small() -> None:
    losses = {"train_loss": (T, 0.01 + 2 * np.exp(-T / 600)), "val_loss": (V, 0.6 + 1.4 * np.exp(-V / 300))}
    for right, most in ((0.98, 0.04), (0.7, 1.0)):
        accuracy = right - 0.5 * np.exp(-V / 200)
        gap = value(run(**losses, val_accuracy=(V, accuracy)), "memorised.gap").value
        assert gap == pytest.approx(min(most, value(run(**losses), "memorised.gap").value), abs=0.01)


def test_a_hump_of_validation_behind_its_rest_gains_nothing() -> None:
    u = V / V[-1]
    calm = 0.6 + 1.4 * np.exp(-u / 0.05)
    train = 0.01 + 2 * np.exp(-T / T[-1] / 0.3)
    plain, humped = (
        value(run(train_loss=(T, train), val_loss=(V, val)), "memorised.since").value
        for val in (calm, calm + 0.1 * np.exp(-(((u - 0.6) / 0.05) ** 2)))
    )
    assert humped == pytest.approx(plain, abs=2 * (V[1] - V[0]))


@pytest.mark.parametrize(("first", "last", "gain"), [(0.2, 0.4, 0.2 / 0.8), (0.3, 0.9, 0.6 / 0.7)])
def test_a_metric_gains_a_share_of_all_that_was_left(first: float, last: float, gain: float) -> None:
    u = V / V[-1]
    val = 0.8 + np.abs(u - 0.02)  # best right at the start
    made = run(train_loss=(T, 2 * np.exp(-T / T[-1])), val_loss=(V, val), val_accuracy=(V, first + (last - first) * u))
    assert value(made, "val_metric.gain_since_best").value == pytest.approx(gain, abs=0.08)
