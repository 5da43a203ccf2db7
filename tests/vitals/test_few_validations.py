"""What three to five validations tell of a descent whose batches are too noisy to show it."""

from __future__ import annotations

import numpy as np
import pytest

from curvedoc.engine import judge
from curvedoc.estimate import Estimate
from curvedoc.rulebook import load_rules
from curvedoc.run import Run
from curvedoc.vitals.chart import Missing

from ..patients import Array, noisy, run, steps
from .asked import vital

T = steps(200)
E = T[-1] * np.array([1, 2, 3]) / 3


def logged(val: Array) -> Run:
    """Single batches that scatter by half of the loss beside three validations, at a constant rate."""
    loss = np.interp(T, np.append(0, E), np.append(2.0, val))
    return run(train_loss=(T, noisy(loss, 0.5)), val_loss=(E, val), lr=(T, np.full(len(T), 0.01)))


def exponential(t: Array) -> Array:
    shape: Array = 0.3 + np.exp(-t / (0.4 * T[-1]))
    return shape


def power(t: Array) -> Array:
    shape: Array = (t / T[-1]) ** -0.4
    return shape


@pytest.mark.parametrize("law", [exponential, power])
def test_what_is_ahead_lies_between_an_exponential_and_a_power_law(law) -> None:  # type: ignore[no-untyped-def]
    now, then = law(np.array([T[-1], 2 * T[-1]]))
    found = vital(logged(law(E)), "pace.ahead")
    assert isinstance(found, Estimate)
    # The run begins with its first logged step and not with step 0: a hundredth of the law's own doubt.
    assert found.low - 0.01 <= (now - then) / now <= found.high + 0.01
    assert min(abs(found.low - (now - then) / now), abs(found.high - (now - then) / now)) < 0.01


def test_the_last_gain_is_a_share_of_the_last_validation() -> None:
    found = vital(logged(np.array([1.0, 0.6, 0.5])), "val_loss.last_gain")
    assert isinstance(found, Estimate)
    assert found.value == pytest.approx(0.2)


@pytest.mark.parametrize("val", [[1.0, 0.6, 0.62], [0.6, 1.0, 0.5], [0.5, 0.5, 0.5]])
def test_validations_that_go_up_and_down_tell_no_gain(val: list[float]) -> None:
    assert isinstance(vital(logged(np.array(val)), "val_loss.last_gain"), Missing)


def test_a_loss_hidden_by_its_batches_is_no_plateau_while_validation_falls() -> None:
    report = judge(logged(np.array([0.75, 0.52, 0.44])), load_rules())
    rules = {d.rule for d in report.findings}
    assert "still-improving" in rules
    assert "plateau-needs-decay" not in rules


@pytest.mark.parametrize(
    ("validations", "leap", "held"), [(12, 0.03, True), (7, 0.03, True), (12, 0, False), (7, 0, False)]
)
def test_a_loss_that_rests_is_held_up_only_if_validation_bounces(validations: int, leap: float, held: bool) -> None:
    at = T[-1] * np.arange(1, validations + 1) / validations
    rests = 0.5 + 1.5 * np.exp(-T / (0.05 * T[-1]))
    val = (np.interp(at, T, rests) + 0.05) * (1 + leap * (-1.0) ** np.arange(validations))
    made = run(train_loss=(T, noisy(rests, 0.02)), val_loss=(at, val), lr=(T, np.full(len(T), 0.01)))
    assert ("plateau-needs-decay" in {d.rule for d in judge(made, load_rules()).findings}) is held


def test_the_bounce_of_seven_validations_is_told_by_the_last_three_quarters() -> None:
    at = T[-1] * np.arange(1, 8) / 7
    made = run(train_loss=(T, noisy(np.ones(len(T)), 0.01)), val_loss=(at, 1.0 + 0.02 * (-1.0) ** np.arange(7)))
    found = vital(made, "loss.bounce")
    assert isinstance(found, Estimate)
    # Second differences of a zigzag are four times its height; those of normal noise, sqrt 6 standard deviations wide,
    # have a median size of 0.6745 of that.
    assert found.value == pytest.approx(4 * 0.02 / (0.6745 * 6**0.5), rel=0.03)


def test_too_few_validations_to_see_a_bounce_leave_a_plateau_a_suspicion() -> None:
    rests = 0.5 + 1.5 * np.exp(-T / (0.05 * T[-1]))
    at = T[-1] * np.arange(1, 6) / 5
    made = run(train_loss=(T, noisy(rests, 0.02)), val_loss=(at, np.full(5, 0.55)), lr=(T, np.full(len(T), 0.01)))
    assert isinstance(vital(made, "loss.bounce"), Missing)
    report = judge(made, load_rules())
    assert "plateau-needs-decay" not in {d.rule for d in report.findings}


def beside(loss: Array, at: list[float], gap: list[float], noise: float = 0.01, rate: bool = True) -> Run:
    """A training loss with the noise of batches, and validations at parts of the run so far above it."""
    place = T[-1] * np.array(at)
    curves = {"train_loss": (T, noisy(loss, noise)), "val_loss": (place, np.interp(place, T, loss) + np.array(gap))}
    return run(**curves, **({"lr": (T, np.full(len(T), 1e-5))} if rate else {}))


STRAIGHT = 3.0 - T / T[-1]


def test_two_validations_tell_whether_they_follow_training() -> None:
    found = vital(beside(STRAIGHT, [0.5, 1.0], [0.0, 0.2]), "val_loss.follows")
    assert isinstance(found, Estimate)
    assert found.value == pytest.approx((0.5 - 0.2) / 0.5, abs=0.1)
    assert found.low < 0.6 < found.high


@pytest.mark.parametrize("gap", [-0.1, 0.0, 0.1, 0.3])
def test_one_validation_follows_but_for_the_gap_above_training(gap: float) -> None:
    found = vital(beside(STRAIGHT, [1.0], [gap]), "val_loss.follows")
    assert isinstance(found, Estimate)
    assert found.value == pytest.approx(1 - max(0.0, gap) / 0.5, abs=0.08)
    assert found.low < 1 - max(0.0, gap) / 0.5 < found.high


@pytest.mark.parametrize("gap", [0.0, 0.1])
def test_one_validation_before_the_middle_follows_since_the_start_but_for_the_gap(gap: float) -> None:
    found = vital(beside(STRAIGHT, [0.4], [gap]), "val_loss.follows")
    assert isinstance(found, Estimate)
    assert found.value == pytest.approx(1 - gap / 0.4, abs=0.08)


@pytest.mark.parametrize(("gaps", "told"), [([0.0, 0.05, 0.05], True), ([0.0, 0.05, 0.3], False)])
def test_three_validations_that_fall_each_time_tell_what_batches_hide_in_the_second_half(
    gaps: list[float], told: bool
) -> None:
    bent = 1.0 + 1.5 * np.exp(-T / (0.15 * T[-1]))
    made = beside(bent, [0.1, 0.5, 1.0], gaps, noise=0.15)
    found = vital(made, "val_loss.follows")
    assert isinstance(found, Estimate) is told
    if isinstance(found, Estimate):
        fell = 1.5 * (np.exp(-0.1 / 0.15) - np.exp(-1.0 / 0.15))
        assert found.value == pytest.approx((fell - 0.05) / fell, abs=0.15)


def test_one_validation_among_loud_batches_or_early_in_the_run_tells_nothing() -> None:
    for made in (beside(STRAIGHT, [1.0], [0.0], noise=1.0), beside(STRAIGHT, [0.3], [0.0])):
        assert isinstance(vital(made, "val_loss.follows"), Missing)


@pytest.mark.parametrize(("gap", "rate", "called"), [(0.02, True, True), (0.5, True, False), (0.02, False, False)])
def test_one_validation_beside_a_straight_descent_speaks_of_a_low_rate_if_one_is_logged(
    gap: float, rate: bool, called: bool
) -> None:
    report = judge(beside(STRAIGHT, [1.0], [gap], rate=rate), load_rules())
    assert ("learning-rate-too-low" in {d.rule for d in report.findings}) is called


def test_four_validations_that_fall_show_learning_that_batches_hide() -> None:
    quarters = [0.25, 0.5, 0.75, 1.0]
    slow = 2.3 - 0.1 * T / T[-1]
    made = (beside(slow, at, [0.0] * len(at), noise=1.0) for at in ([1.0], quarters))
    hidden, shown = (vital(m, "train_loss.fall_se") for m in made)
    assert isinstance(hidden, Estimate)
    assert isinstance(shown, Estimate)
    assert hidden.value < 4  # where rules/no-learning.toml is sure that nothing fell
    assert shown.value > 10  # and where it is silent


def validated(val: list[float]) -> Run:
    """A training loss that came down and rests, beside a few validations spread over the run."""
    at = np.linspace(T[0], T[-1], len(val))
    loss = 0.7 + 0.8 * np.exp(-T / 150)
    return run(train_loss=(T, noisy(loss, 0.05)), val_loss=(at, np.array(val)), lr=(T, np.full(len(T), 0.01)))


@pytest.mark.parametrize("val", [[1.5, 0.9, 0.7, 0.8, 0.7], [1.4, 0.8, 0.9, 0.75, 0.85, 0.7]])
def test_a_few_validations_that_go_up_and_down_leap(val: list[float]) -> None:
    found = vital(validated(val), "val_loss.unrest")
    assert isinstance(found, Estimate)
    # What normal points about one level rise by in the mean, drawn, and what these rise by behind the first.
    drawn = np.random.default_rng(0).standard_normal(20000)
    usual = np.maximum(np.diff(drawn), 0).mean()
    rise = np.maximum(np.diff(val[1:]), 0).mean()
    fall = np.maximum(-np.diff(val[1:]), 0).mean()
    assert found.value == pytest.approx(min(rise, fall) / usual / np.median(val[-3:]), rel=0.1)
    assert found.low < 0.6 * found.value < 1.6 * found.value < found.high


@pytest.mark.parametrize("val", [[1.5, 1.0, 0.8, 0.72, 0.7], [0.7, 0.7, 0.72, 0.8, 1.0], [1.5, 0.7, 0.8]])
def test_a_few_validations_that_bend_one_way_or_are_too_few_do_not_leap(val: list[float]) -> None:
    for name in ("val_loss.unrest", "loss.bounce", "rate.lifts"):
        assert isinstance(vital(validated(val), name), Missing)


def test_a_plateau_that_bounces_is_seen_in_five_validations() -> None:
    leaps = judge(validated([1.5, 0.75, 0.9, 0.74, 0.91]), load_rules())
    rests = judge(validated([1.5, 0.9, 0.8, 0.76, 0.75]), load_rules())
    assert leaps.leading is not None and leaps.leading.rule == "plateau-needs-decay"
    assert "plateau-needs-decay" not in [d.rule for d in rests.findings]
