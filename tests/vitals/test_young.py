"""How little a descent has slowed down, and which descents may be those of a fine-tune."""

from __future__ import annotations

import numpy as np
import pytest

from curvedoc.engine import judge
from curvedoc.estimate import Estimate
from curvedoc.rulebook import load_rules
from curvedoc.run import Run
from curvedoc.vitals.chart import Missing

from ..patients import Array, cosine, exponential, noisy, run, steps
from .asked import value, vital

T = steps()
V, E = T[29::30], T[59::60]


def answering(right: float, start: float = 2.4) -> Run:
    """A run that gains a twentieth of its loss, at the pace of its rate, and whose answers begin as right as that."""
    rate = cosine(T, 1e-4)
    loss: Array = start * (1 - 0.05 * np.cumsum(rate) / rate.sum())
    accuracy = right + 0.1 * (V - V[0]) / (V[-1] - V[0])
    curves = {"val_loss": (V, loss[29::30]), "val_accuracy": (V, accuracy), "lr": (T, rate)}
    return run(train_loss=(T, noisy(loss, 0.002)), **curves)


def test_a_small_slow_gain_is_young_where_the_first_answers_are_those_of_a_guess() -> None:
    assert value(answering(1 / 11), "rate.young").value > 0.9  # e^-2.4 = 1 / 11
    assert value(answering(0.40), "rate.young").value < 0.3  # two words of five: a language model that is tuned further
    assert value(answering(0.80, 0.5), "rate.young").value < 0.3  # and a classifier


@pytest.mark.parametrize("classes", [2, 3, 10, 100, 1000])
def test_a_guess_is_right_as_often_as_its_loss_says_among_any_number_of_classes(classes: int) -> None:
    assert value(answering(1 / classes, float(np.log(classes))), "rate.young").value > 0.9


def test_a_schedule_that_is_named_constant_holds_a_rate_that_is_not_logged() -> None:
    loss = noisy(2.4 - 0.8 * (T / T[-1]) ** 0.3, 0.002)  # three fifths of the descent in the first fifth
    named, unknown = (run(hyper=hyper, train_loss=(T, loss)) for hyper in ({"lr_scheduler": "constant"}, {}))
    assert value(named, "rate.young").value > value(unknown, "rate.young").value + 0.2


def test_at_a_rate_that_stays_a_descent_that_is_over_was_not_too_slow() -> None:
    share, rate = T / T[-1], (T, np.full(len(T), 1e-3))
    over, goes_on = exponential(T, 2.3, 1.6, 0.22), 2.4 - 0.8 * share**0.3  # three fifths of both in the first fifth
    found = [value(run(train_loss=(T, noisy(loss, 0.002)), lr=rate), "rate.young").value for loss in (over, goes_on)]
    assert found[0] < 0.3
    assert found[1] > 0.5


def test_what_falls_as_an_epoch_begins_is_no_rate_that_is_too_low() -> None:
    line = 2.3 - 1.2 * T / T[-1]
    epoch = T[-1] / 5
    halfway = 0.5 * (line + 2.3 - 1.2 * (np.ceil(T / epoch) - 0.5) / 5)  # half of the descent in stairs
    verdicts = []
    for loss in (line, halfway):
        curves = {"train_loss": (T, noisy(loss, 0.01)), "val_loss": (V, line[29::30])}
        made = run(lr=(T, np.full(len(T), 1e-4)), epoch=(T, np.ceil(T / epoch)), **curves)
        verdicts.append("learning-rate-too-low" in {d.rule for d in judge(made, load_rules()).findings})
    assert verdicts == [True, False]


def test_what_leaves_a_plateau_late_is_no_straight_descent() -> None:
    share, rate = T / T[-1], (T, np.full(len(T), 1e-3))
    fast = 2.4 + 1.4 * np.exp(-share / 0.02)
    steady, leaving = (run(train_loss=(T, noisy(fast - fall, 0.002)), lr=rate) for fall in (share, 0.5 * share**2.2))
    assert value(steady, "rate.young").value > 0.9
    assert value(leaving, "rate.young").value < 0.3


def hidden(fall: Array, seed: int, rate: float = 1e-5) -> Run:
    """A loss whose batches hide its fall, and ten validations that show it."""
    loss = 2.4 - fall
    curves = {"val_loss": (E, loss[59::60]), "val_accuracy": (E, np.linspace(0.11, 0.13, len(E)))}
    return run(train_loss=(T, noisy(loss, 0.05, seed)), lr=(T, np.full(len(T), rate)), **curves)


@pytest.mark.parametrize("seed", range(5))
def test_a_fall_that_only_validation_shows_is_slow_learning_and_not_none(seed: int) -> None:
    slow = hidden(0.03 * T / T[-1], seed)
    assert value(slow, "train_loss.fall_se").value > 10
    assert value(slow, "pace.done_early").value < 0.3
    assert value(slow, "val_loss.follows").low < 1 <= value(slow, "val_loss.follows").high + 0.1
    assert "no-learning" not in {d.rule for d in judge(slow, load_rules()).findings}
    walk = 0.001 * np.cumsum(np.random.default_rng(seed).standard_normal(len(T))) / np.sqrt(len(T))
    assert "learning-rate-too-low" not in {d.rule for d in judge(hidden(walk, seed, 1e-2), load_rules()).findings}


def test_a_rate_too_low_leads_where_only_validation_shows_the_fall() -> None:
    assert judge(hidden(0.03 * T / T[-1], 1), load_rules()).diagnoses[0].rule == "learning-rate-too-low"


def test_where_both_are_seen_a_low_rate_explains_that_next_to_nothing_was_learned() -> None:
    rule = {r.id: r for r in load_rules()}["learning-rate-too-low"]
    assert "no-learning" in rule.explains


@pytest.mark.parametrize("rate", [True, False])
def test_what_speeds_up_behind_a_plateau_is_not_slow_for_want_of_rate(rate: bool) -> None:
    share = T / T[-1]
    lr = {"lr": (T, 1e-3 * 0.5 * (1 + np.cos(np.pi * share)))} if rate else {}
    structure = 1 / (1 + np.exp(-(share - 0.6) / 0.1))
    found, steady = (
        run(train_loss=(T, noisy(loss, 0.01)), val_loss=(E, loss[59::60]), **lr)
        for loss in (2.3 - 0.2 * share - 0.8 * structure, 2.3 - 1.6 * share * (1 - share / 2))
    )
    assert value(steady, "rate.young").value > 0.5
    assert value(found, "pace.done_early").value < value(steady, "pace.done_early").value
    assert value(found, "rate.young").value < 0.2


def test_what_falls_off_as_a_rate_is_cut_was_not_held_up_by_short_steps() -> None:
    epoch = np.arange(1.0, 61.0)
    slow = 1.0 - 0.12 * np.minimum(epoch, 30) / 30 - 0.02 * np.maximum(0, epoch - 30) / 30
    rate = np.where(epoch < 30, 0.01, 0.001)  # as a scheduler writes the epoch at whose end it cut
    cut, uncut = slow - 0.05 * (epoch > 30), slow - 0.05 * np.clip((epoch - 30) / 30, 0, 1)
    rising = np.random.default_rng(0).standard_normal(60) * 0.002
    found = [
        value(run(train_loss=(epoch, v), val_loss=(epoch, 0.01 + v + rising), lr=(epoch, rate)), "rate.young").value
        for v in (cut, uncut)
    ]
    assert found[0] < 0.2
    assert found[1] > 0.8


@pytest.mark.parametrize("seed", [5, 13, 19])
def test_a_start_that_noise_hides_is_no_slow_start(seed: int) -> None:
    """At a right rate, 0.8 of it done early; of 40 loud points any share may be true, and half is the likeliest."""
    few = T[::15]
    loss = 0.5 + 0.5 * np.exp(-few / (0.12 * T[-1]))
    made = run(train_loss=(few, noisy(loss, 0.25, seed)), lr=(few, np.full(len(few), 1e-3)))
    early = value(made, "pace.done_early")
    assert early.value < 0.6
    assert early.low < 0.25
    assert early.high > 0.75
    assert value(made, "rate.young").value < 0.5


def loud(tau: float) -> Run:
    """An exponential that a few loud batches hide, and twenty quiet validations that show it; one of them rises."""
    loss = 0.5 + 0.5 * np.exp(-T / (tau * T[-1]))
    val = loss[29::30].copy()
    val[15] = 1.001 * val[14]
    few = T[::15]
    rate = (few, np.full(len(few), 1e-3))
    return run(train_loss=(few, noisy(loss[::15], 0.18, 4)), val_loss=(V, noisy(val, 0.0005)), lr=rate)


def test_validation_tells_how_early_a_descent_was_done_where_batches_hide_it() -> None:
    for tau in (0.12, 1.0):
        first, last = np.exp(-V[0] / T[-1] / tau), np.exp(-1 / tau)
        done = (first - np.exp(-(0.2 + 0.8 * V[0] / T[-1]) / tau)) / (first - last)  # a fifth of what validation shows
        found = value(loud(tau), "pace.done_early")
        assert found.high - found.low < 0.2
        assert abs(found.value - done) < 0.1


@pytest.mark.parametrize("seed", [0, 1, 3])
def test_where_batches_hide_the_second_half_validation_is_followed_from_its_first_point(seed: int) -> None:
    loss = 2.0 + 0.8 * np.exp(-T / T[-1] / 0.15)
    train, quiet = (T[::6], noisy(loss[::6], 0.1, seed)), loss[29::30]
    going, at_rest = (
        vital(run(train_loss=train, val_loss=(V, noisy(val, 0.01, 1))), "val_loss.follows")
        for val in (quiet, np.maximum(quiet, loss[300]))
    )
    assert isinstance(going, Estimate)
    assert going.steps == (V[0], V[-1])
    assert going.low < 1 < going.high
    assert isinstance(at_rest, Missing)
