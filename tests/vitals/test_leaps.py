"""A validation loss that leaps up and down tells of a rate that is too high, where it is the weights that leap."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from curvedoc.engine import judge
from curvedoc.estimate import Estimate
from curvedoc.rulebook import load_rules
from curvedoc.run import Context, Run
from curvedoc.vitals import measure
from curvedoc.vitals.chart import Measured, Missing

from ..patients import noisy, power_law, run, steps

T = steps(400)
V = T[19::20]
LEAP = np.exp(0.2 * np.random.default_rng(3).standard_normal(len(V)))


def _sign(patient: Run) -> float:
    return measure(patient, Context())[0].run.vitals["rate.shaken"].value


def _losses(val: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """With a training loss that leaps along, as weights make it."""
    return {"train_loss": (T, noisy(np.repeat(val, 20) / 1.1, 0.2)), "val_loss": (V, val)}


def test_a_validation_loss_that_leaps_by_a_fifth_is_the_sign():
    assert _sign(run(**_losses(1.1 * power_law(T, floor=0.8)[19::20] * LEAP))) > 0.5


def test_a_steep_descent_does_not_leap_however_bent():
    assert _sign(run(**_losses(0.2 + 5 * np.exp(-V / 400)))) == 0.0


@pytest.mark.parametrize(("examples", "few"), [(32, True), (400, False)])
def test_few_examples_leap_by_themselves(examples: int, few: bool):
    right = np.random.default_rng(4).binomial(examples, 0.8, len(V)) / examples
    losses = _losses(1.1 * power_law(T, floor=0.8)[19::20] * LEAP)
    assert (_sign(run(**losses, val_accuracy=(V, right))) < 0.5) == few


def test_only_the_part_at_the_full_rate_is_judged():
    calm = np.where(V < 1200, 1.0, LEAP)
    cut = np.where(T < 1200, 0.1, 0.01)
    assert _sign(run(**_losses(1.1 * power_law(T, floor=0.8)[19::20] * calm), lr=(T, cut))) == 0.0


def _measured(patient: Run, name: str) -> Measured:
    return measure(patient, Context())[0].run.vitals[name]


def test_what_validation_leaps_by_is_a_share_of_the_first_training_loss():
    # Up and down by 0.1 in turn: second differences of 0.4; of normal points they have the median 0.6745 sqrt(6) sd.
    val = 1.5 + 0.1 * (-1.0) ** np.arange(len(V))
    found = _measured(run(train_loss=(T, np.linspace(2.5, 1.5, len(T))), val_loss=(V, val)), "val_loss.thrown")
    assert isinstance(found, Estimate)
    assert found.value == pytest.approx(0.4 / 1.652 / 2.5, rel=0.01)


def test_four_validations_leap_as_far_as_many_and_are_known_less_well():
    many, few = np.linspace(0, T[-1], 17), np.linspace(0, T[-1], 4)
    found = [
        _measured(
            run(train_loss=(T, np.linspace(2.5, 1.5, len(T))), val_loss=(at, 1.5 + 0.1 * (-1.0) ** np.arange(len(at)))),
            "val_loss.thrown",
        )
        for at in (many, few)
    ]
    assert all(isinstance(f, Estimate) for f in found)
    assert found[1].value == pytest.approx(found[0].value)
    assert found[1].high / found[1].low > found[0].high / found[0].low


@pytest.mark.parametrize(
    ("val", "shaken"), [([1.9, 1.7, 1.85, 1.7, 1.8], True), ([1.9, 1.82, 1.78, 1.76, 1.75], False)]
)
def test_five_validations_show_whether_a_high_level_is_one_of_weights_that_bounce(val: list[float], shaken: bool):
    high = 1.75 + 0.75 * np.exp(-T / 40)
    seldom = np.array([T[-1] * n / 5 for n in range(1, 6)])
    rate = (T, np.full(len(T), 0.1))
    found = _measured(
        run(train_loss=(T, noisy(high, 0.03)), val_loss=(seldom, np.array(val)), lr=rate), "rate.hot_plateau"
    )
    assert isinstance(found, Estimate)
    assert (found.value > 0.5) == shaken


@pytest.mark.parametrize(("leap", "bounces"), [(0.01, True), (0.0003, False)])
def test_means_over_epochs_bounce_with_their_batches_where_validation_rests(leap: float, bounces: bool):
    epoch = np.arange(1.0, 41.0)
    train = noisy(1.5 + np.exp(-epoch / 2), 0.03)
    val = (1.6 + np.exp(-epoch / 2)) * (1 + leap * (-1.0) ** epoch)
    patient = run(train_loss=(epoch, train), val_loss=(epoch, val), lr=(epoch, np.full(40, 0.1)))
    found = _measured(replace(patient, axis="epoch"), "rate.hot_plateau")
    assert isinstance(found, Estimate)
    assert (found.value > 0.5) == bounces


@pytest.mark.parametrize(("leap", "ends", "thrown"), [(0.004, 0.001, True), (0.0, 0.001, False), (0.0, 0.1, True)])
def test_a_constant_that_never_moved_was_thrown_by_no_rate_that_came_down(leap: float, ends: float, thrown: bool):
    train = 2.3 + 0.6 * np.exp(-T / 20)
    val = 2.3 + 0.6 * np.exp(-V / 20) + 2.3 * leap * (-1.0) ** np.arange(len(V))
    guessed = {"train_loss": (T, noisy(train, 0.003)), "val_loss": (V, val), "val_accuracy": (V, np.full(len(V), 0.1))}
    found = _measured(run(**guessed, lr=(T, np.linspace(0.1, ends, len(T)))), "rate.collapse")
    assert isinstance(found, Estimate)
    assert (found.value > 0.5) == thrown


@pytest.mark.parametrize(("leap", "thrown"), [(0.05, True), (0.005, False)])
def test_where_nothing_is_learned_and_validation_leaps_the_steps_are_too_long(leap: float, thrown: bool):
    val = 2.3 * (1 + leap * (-1.0) ** np.arange(len(V)))
    patient = run(train_loss=(T, noisy(np.repeat(val, 20), 0.02)), val_loss=(V, val))
    found = _measured(patient, "rate.thrown")
    assert isinstance(found, Estimate)
    assert (found.value > 0.5) == thrown


@pytest.mark.parametrize("validations", [20, 10, 7, 6])
def test_a_run_whose_validation_leaps_says_so_however_few_of_them_were_logged(validations: int):
    seldom = T[len(T) // validations - 1 :: len(T) // validations][:validations]
    val = 2.3 * (1 + 0.06 * (-1.0) ** np.arange(validations))
    train = noisy(np.full(len(T), 2.3), 0.05)
    found = _measured(run(train_loss=(T, train), val_loss=(seldom, val)), "rate.thrown")
    assert isinstance(found, Estimate)
    assert found.value > 0.5


@pytest.mark.parametrize(("examples", "thrown"), [(400, True), (24, False)])
def test_a_validation_of_a_few_examples_leaps_where_no_weights_do(examples: int, thrown: bool):
    val = 2.3 * (1 + 0.05 * (-1.0) ** np.arange(len(V)))
    right = (V, np.random.default_rng(7).binomial(examples, 0.1, len(V)) / examples)
    patient = run(train_loss=(T, noisy(np.repeat(val, 20), 0.02)), val_loss=(V, val), val_accuracy=right)
    found = _measured(patient, "rate.thrown")
    assert isinstance(found, Estimate)
    assert (found.value > 0.5) == thrown


def test_a_rise_is_measured_by_what_validation_leaps_by():
    val = 1.5 + 0.1 * (-1.0) ** np.arange(len(V))
    loss = np.interp(T, [0, 0.5 * T[-1], T[-1]], [2.5, 1.0, 1.8])
    found = _measured(run(train_loss=(T, loss), val_loss=(V, val)), "train_loss.risen_leaps")
    assert isinstance(found, Estimate)
    # The end is the median of the last twentieth of the run: 0.8 but for half of a twentieth of 1.6.
    assert found.value == pytest.approx((0.8 - 0.025 * 1.6) / (0.4 / 1.652), rel=0.03)


def test_a_loss_that_multiplies_until_it_is_lost_grew_by_orders_of_magnitude():
    loss = np.where(T < 300, 2.0 * 10 ** (T / 50), np.nan)
    found = _measured(run(train_loss=(T, loss)), "loss.burst")
    assert isinstance(found, Estimate)
    assert found.value == pytest.approx((T[T < 300][-1] - T[0]) / 50)


def test_two_points_tell_a_burst_with_the_doubt_that_it_was_one_batch():
    loss = np.full(len(T), np.nan)
    loss[:2] = 2.0, 2e5
    found = _measured(run(train_loss=(T, loss)), "loss.burst")
    assert isinstance(found, Estimate)
    assert (found.low, found.value, found.high) == pytest.approx((0.0, 5.0, 5.0))


def test_a_loss_that_had_come_down_before_it_was_lost_tells_no_burst():
    loss = np.where(T < 300, 2.0 * 10 ** (T / 50), np.nan)
    loss[1] = 1.0
    assert isinstance(_measured(run(train_loss=(T, loss)), "loss.burst"), Missing)


def test_batches_that_scatter_twice_as_far_at_the_end_have_grown_by_two():
    draws = np.random.default_rng(8).standard_normal(4000)
    long = steps(4000)
    loss = 2.0 - long / long[-1] + np.where(long < 0.5 * long[-1], 0.1, 0.2) * draws
    patient = run(train_loss=(long, loss))
    grown, scatter = _measured(patient, "batch.grown"), _measured(patient, "batch.scatter")
    assert isinstance(grown, Estimate)
    assert isinstance(scatter, Estimate)
    last, first = draws[-1333:], draws[:800]
    assert grown.value == pytest.approx(2 * np.std(last) / np.std(first), rel=0.1)
    assert scatter.value == pytest.approx(0.2 * np.std(last), rel=0.1)


@pytest.mark.parametrize(("leaps", "wanders"), [(LEAP, True), (LEAP**0.05, False)])
def test_a_rise_no_higher_than_validation_leaps_is_a_rate_and_a_calm_one_a_divergence(leaps: np.ndarray, wanders: bool):
    down_and_half_up = np.interp(T, [T[0], 700, T[-1]], [2.3, 1.5, 1.9])
    val = 1.1 * down_and_half_up[19::20] * leaps
    right = np.random.default_rng(4).binomial(400, 0.8, len(V)) / 400
    patient = run(train_loss=(T, noisy(down_and_half_up, 0.02)), val_loss=(V, val), val_accuracy=(V, right))
    assert (measure(patient, Context())[0].run.vitals["rate.wanders"].value > 0.5) == wanders
    found = {d.rule: d for d in judge(patient, load_rules()).diagnoses if not d.possible}
    assert ("learning-rate-too-high" in found, "divergence" in found) == (wanders, not wanders)
