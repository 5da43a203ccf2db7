"""How long does a loss wait before it comes down, and did the first steps throw it up?"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from curvedoc.engine import judge
from curvedoc.rulebook import load_rules

from ..patients import noisy, power_law, run, steps
from .asked import missing, value

T = steps(600, every=1)
V = T[29::30]


def test_a_leap_is_measured_from_the_first_points() -> None:
    loss = power_law(T) + 6 * np.exp(-(((T - 10) / 4) ** 2))
    made = run(train_loss=(T, loss), lr=(T, np.full(len(T), 0.1)))
    first = np.median(loss[:2])
    assert value(made, "start.spike").value == pytest.approx(loss[:60].max() / first)
    above = T[loss > first][-1]
    assert value(made, "start.spike_until").value == pytest.approx((above - 1) / 599)
    assert value(made, "start.rate").value == 1.0


def test_a_warm_up_may_be_behind_a_flat_start_where_steps_are_logged_and_no_rate() -> None:
    loss = noisy(0.3 + 2.0 / (1 + np.exp((T - 60) / 8)), 0.01)
    # A logistic fall has done 5 % where its exponent is log(1/19), but for what is done at the first step.
    until = value(run(train_loss=(T, loss)), "start.flat_unwarmed").value * (T[-1] - T[0]) + T[0]
    assert until == pytest.approx(60 - 8 * math.log(19), abs=3)
    rate = (T, np.full(len(T), 0.1))
    assert "logged" in missing(run(train_loss=(T, loss), lr=rate), "start.flat_unwarmed").why
    epochs = replace(run(train_loss=(T, loss)), axis="epoch")
    assert "epoch" in missing(epochs, "start.flat_unwarmed").why


@pytest.mark.parametrize(("middle", "known", "told"), [(48, False, False), (48, True, True), (150, False, True)])
def test_a_flat_start_that_a_warm_up_would_explain_is_told_once_a_rate_denies_it(
    middle: float, known: bool, told: bool
) -> None:
    loss = noisy(0.3 + 2.0 / (1 + np.exp((T - middle) / 6)), 0.01)
    rate = {"lr": (T, np.full(len(T), 0.1))} if known else {}
    report = judge(run(train_loss=(T, loss), **rate), load_rules(select=["bad-init"]))
    assert [d.rule for d in report.findings] == ["bad-init"] * told


def test_a_flat_start_lies_behind_the_frequencies_of_the_classes_if_every_answer_is_the_same() -> None:
    # Two classes, 63 % of one: the loss comes down to their entropy at once, rests there, and falls after 360 steps.
    share, entropy = 0.63, -(0.63 * math.log(0.63) + 0.37 * math.log(0.37))
    loss = entropy + 0.05 * np.exp(-T / 10)
    loss = np.where(T > 360, 0.05 + (entropy - 0.05) * np.exp(-(T - 360) / 15), loss)
    right = np.where(V > 360, 0.97, share)
    slept = run(train_loss=(T, noisy(loss, 0.01)), val_accuracy=(V, right))
    assert value(slept, "start.flat_until").value == pytest.approx(361, abs=10)
    assert value(slept, "start.sharpness").value > 3
    # Noise on the accuracies is no other answer.
    counted = run(train_loss=(T, noisy(loss, 0.01)), val_accuracy=(V, noisy(right, 0.005)))
    assert value(counted, "start.flat_until").value == pytest.approx(361, abs=10)
    # Answers that get better have learned something: then the first descent counts.
    better = noisy(np.where(V > 360, right, right + 0.1 * V / 360), 0.005)
    learned = run(train_loss=(T, noisy(loss, 0.01)), val_accuracy=(V, better))
    assert value(learned, "start.flat_until").value < 100


def test_few_validations_show_a_flat_start_by_their_one_answer() -> None:
    # Four classes, 69 % of one: the frequencies are learned until the second validation, and the fall is over at 8.
    at = np.linspace(60, 600, 14)
    val = np.array([1.057, 0.9407, 0.9333, 0.8941, 0.6508, 0.5283, *np.linspace(0.49, 0.45, 8)])
    right = np.where(np.arange(14) < 6, 0.69, 0.8)
    made = run(train_loss=(T, noisy(np.interp(T, at, val), 0.1)), val_loss=(at, val), val_accuracy=(at, right))
    assert value(made, "start.flat_points").value == 6
    # From the rest on, at the second validation, down to a twentieth of the way from 0.9333 to 0.45.
    level = 0.9333 - 0.05 * (0.9333 - 0.45)
    crossed = at[2] + (at[3] - at[2]) * (0.9333 - level) / (0.9333 - 0.8941)
    assert value(made, "start.flat_for").value == pytest.approx((crossed - at[1]) / (T[-1] - T[0]), abs=0.02)


@pytest.mark.parametrize("rest", [0.0, 240.0])
def test_validation_shows_a_rest_at_the_shares_of_the_classes_that_batches_hide(rest: float) -> None:
    # Four classes, one with 70 %: from log 4 to their entropy, 0.91, and, behind the rest or at once, down to 0.2.
    entropy = -sum(p * math.log(p) for p in (0.7, 0.15, 0.1, 0.05))
    left = np.clip(1 - (T - rest) / 200, 0, 1) if rest else np.exp(-T / 120)
    loss = 0.2 + (entropy - 0.2) * left + (math.log(4) - entropy) * np.exp(-T / 15)
    val = loss[29::30]
    right = np.where(val > 0.75, 0.7, 0.9)
    made = run(train_loss=(T, noisy(loss, 0.15)), val_loss=(V, val), val_accuracy=(V, right))
    if rest:
        assert value(made, "start.flat_until").value == pytest.approx(rest + 10, abs=30)
        assert value(made, "start.flat_for").value == pytest.approx((rest - 30) / 600, abs=0.08)
        assert value(made, "start.sharpness").value > 1.0
    else:
        assert value(made, "start.sharpness").value < 0.35
