"""Whether the pace of the descent tells that the rate came down, on a model whose pace under any rate is known."""

from __future__ import annotations

import numpy as np
import pytest

from curvedoc.estimate import Estimate
from curvedoc.run import Run
from curvedoc.vitals.chart import Missing

from ..patients import Array, cosine, noisy, run, steps
from .asked import vital

T = steps()
E = T[:: len(T) // 20]


def descent(rate: Array) -> Array:
    """The loss of SGD on a bowl of many curvatures: each part decays with the rate spent, and the noise that is left
    over grows with the rate of the moment."""
    spent = np.cumsum(rate) / len(T)
    curvature = np.geomspace(0.1, 100.0, 60)
    weight = curvature**0.6 / (curvature**0.6).sum()
    signal = (weight * np.exp(-2 * np.outer(spent, curvature))).sum(1)
    loss: Array = 0.3 + 2.0 * signal + 0.05 * rate
    return loss


def logged(loss: Array, seed: int = 0) -> Run:
    val = np.interp(E, T, loss) + np.random.default_rng(seed).normal(0, 2e-4, len(E))
    return run(train_loss=(T, noisy(loss, 0.05, seed)), val_loss=(E, val))


@pytest.mark.parametrize("seed", range(5))
def test_a_loss_that_falls_on_as_its_past_promised_has_kept_its_rate(seed: int) -> None:
    held = vital(logged(descent(np.ones(len(T))), seed), "rate.held")
    assert isinstance(held, Estimate)
    assert held.value > 0.6


@pytest.mark.parametrize("seed", range(5))
def test_a_loss_that_stays_behind_its_promise_has_lost_its_rate(seed: int) -> None:
    held = vital(logged(descent(cosine(T)), seed), "rate.held")
    assert isinstance(held, Estimate)
    assert held.value < 0.3


def test_the_promise_is_what_the_same_run_would_have_gained() -> None:
    from_here = E[0] + 0.75 * (E[-1] - E[0])
    rates = np.ones(len(T)), np.where(from_here <= T, 0.3, 1.0)
    whole, slowed = (descent(rate) - 0.05 * rate for rate in rates)
    kept = vital(logged(slowed), "pace.promised")
    ends = np.array([from_here, E[-1]])
    expected = np.ptp(np.interp(ends, T, slowed)) / np.ptp(np.interp(ends, T, whole))
    assert isinstance(kept, Estimate)
    assert kept.value == pytest.approx(expected, rel=0.2)


def test_a_loss_that_had_come_to_rest_promised_nothing() -> None:
    rests = 0.5 + 1.5 * np.exp(-T / (0.03 * T[-1]))
    assert isinstance(vital(run(train_loss=(T, noisy(rests, 0.02))), "pace.promised"), Missing)


def test_a_loss_that_speeds_up_does_not_show_a_rate_that_was_kept() -> None:
    late = 2.0 - 0.2 * T / T[-1] - 0.8 * np.maximum(0.0, T / T[-1] - 0.75)
    made = run(train_loss=(T, late))
    promised = vital(made, "pace.promised")
    assert isinstance(promised, Estimate)
    assert promised.low > 1.5
    assert isinstance(vital(made, "rate.held"), Missing)


@pytest.mark.parametrize("seed", range(5))
def test_what_is_cut_off_on_its_way_had_its_rate_where_nothing_else_tells_it(seed: int) -> None:
    ten = slice(None, None, 10)  # so few points of such noise promise nothing
    for rate, sure in ((np.ones(len(T)), True), (cosine(T), False)):
        made = run(train_loss=(T[ten], noisy(descent(0.02 * rate), 0.05, seed)[ten]))
        assert isinstance(vital(made, "rate.held"), Missing)
        shown = vital(made, "rate.shown")
        assert isinstance(shown, Estimate)
        assert (shown.value >= 0.5) == sure


def test_a_rate_that_is_told_needs_no_other_sign() -> None:
    shown = vital(logged(descent(np.ones(len(T)))), "rate.shown")
    assert isinstance(shown, Estimate)
    assert shown.value == 1.0


@pytest.mark.parametrize(("jump", "known"), [(0.1, True), (0.005, False)])
def test_few_validations_that_still_jump_show_weights_that_are_thrown_about(jump: float, known: bool) -> None:
    few = T[74::75]
    val = 1.0 + jump * np.array([0.02, 1, -1.01, 1.03, 0, 1.02, -1, 0.99])
    rests = 0.9 + 1.5 * np.exp(-T / (0.03 * T[-1]))
    held = vital(run(train_loss=(T, noisy(rests, 0.05)), val_loss=(few, val)), "rate.held")
    assert isinstance(held, Estimate) == known


@pytest.mark.parametrize("left", [0.3, 0.5])
def test_what_is_left_of_the_rate_lies_between_what_is_left_of_the_bounce_and_its_square(left: float) -> None:
    often = T[9::10]
    zigzag = np.where(np.arange(len(often)) % 2, 0.01, -0.01) * np.where(often < 0.7 * T[-1], 1.0, left)
    rests = 1.0 + 1.5 * np.exp(-T / (0.03 * T[-1]))
    held = vital(run(train_loss=(T, noisy(rests, 0.05)), val_loss=(often, 1.0 + zigzag)), "rate.held")
    assert isinstance(held, Estimate)
    assert held.low < left**2 < held.value < left < held.high


def test_few_validations_of_which_the_last_lie_on_a_line_show_no_weights_that_are_thrown_about() -> None:
    few = T[74::75]
    val = 1.0 + 0.1 * np.array([0.02, 1, -1.01, 1.03, -1, 0.1, 0.05, 0.0])
    rests = 0.9 + 1.5 * np.exp(-T / (0.03 * T[-1]))
    assert isinstance(vital(run(train_loss=(T, noisy(rests, 0.05)), val_loss=(few, val)), "rate.held"), Missing)


def test_a_log_that_begins_late_does_not_tell_how_much_was_done_early() -> None:
    loss = descent(np.ones(len(T)))
    whole, late = (vital(run(train_loss=(T[n:], loss[n:])), "pace.done_early") for n in (0, len(T) // 20))
    assert isinstance(whole, Estimate)
    assert isinstance(late, Missing)


def test_of_known_classes_the_descent_begins_at_the_cost_of_a_guess() -> None:
    ends = T[19::20]
    means = 1.2 + np.exp(-ends / (0.2 * T[-1]))
    made = run(train_loss=(ends, means))
    guess, at_fifth = np.log(20.0), means[np.argmin(np.abs(ends - 0.2 * (ends[0] + 4 * ends[-1]) / 4))]
    known = vital(made, "pace.done_early", classes=20)
    plain = vital(made, "pace.done_early")
    assert isinstance(known, Estimate)
    assert isinstance(plain, Estimate)
    assert known.value == pytest.approx((guess - at_fifth) / (guess - means[-1]), abs=0.05)
    assert known.value > plain.value


def test_three_validations_in_the_second_half_tell_whether_validation_follows() -> None:
    loss = descent(np.ones(len(T)))
    few = T[len(T) // 5 - 1 :: len(T) // 5]
    found = vital(run(train_loss=(T, loss), val_loss=(few, np.interp(few, T, loss))), "val_loss.follows")
    slopes = [np.polyfit(x, np.interp(x, T, loss), 1)[0] for x in (few[2:], T[T[-1] / 2 <= T])]
    assert len(few) == 5
    assert isinstance(found, Estimate)
    assert found.value == pytest.approx(slopes[0] / slopes[1], abs=0.01)


def test_the_end_of_a_cycle_promises_nothing() -> None:
    cycle = T[-1] / 3
    rate = 0.5 * (1 + np.cos(np.pi * (T % cycle) / cycle))
    made = run(train_loss=(T, noisy(descent(rate), 0.02)), lr=(T, 0.1 * rate))
    assert isinstance(vital(made, "pace.ahead"), Missing)


def test_validation_follows_a_training_loss_that_is_summed_over_the_batch() -> None:
    loss = descent(np.ones(len(T)))
    plain, summed = (
        vital(run(train_loss=(T, scale * loss), val_loss=(E, np.interp(E, T, loss))), "val_loss.follows")
        for scale in (1.0, 500.0)
    )
    assert isinstance(plain, Estimate)
    assert isinstance(summed, Estimate)
    assert summed.value == pytest.approx(plain.value)


def test_a_rate_that_is_logged_is_stated_without_doubt_and_one_read_off_a_curve_with_some() -> None:
    rate = np.ones(len(T))
    guessed = logged(descent(rate))
    told = Run("told", dict(guessed.curves) | {"lr": run(lr=(T, rate)).curves["lr"]})
    found = {name: vital(made, "rate.doubt") for name, made in (("guessed", guessed), ("told", told))}
    held = vital(guessed, "rate.held")
    assert isinstance(held, Estimate)
    assert isinstance(found["guessed"], Estimate)
    assert isinstance(found["told"], Estimate)
    assert found["guessed"].value == max(0.05, (held.high - held.low) / 2)
    assert found["told"].value == 0.0
