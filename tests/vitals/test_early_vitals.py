"""Vitals of the first loss, of spikes, gradients and epochs give back what was written into the curves."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from curvedoc.run import Curve, Run, Tag

from ..patients import noisy, power_law, run, steps
from .asked import missing, value

T = steps(600, every=1)
V = T[29::30]


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_the_first_loss_is_measured_in_guesses(classes: int) -> None:
    made = run(train_loss=(T, 5 * math.log(classes) * (T / T[0]) ** -0.5))
    guess = math.log(classes)
    assert value(made, "initial_loss.excess", classes=classes).value == pytest.approx(
        4 * guess / min(guess, math.log(10))
    )
    assert value(made, "initial_loss.kept").value == 1.0


@pytest.mark.parametrize(("scale", "exponent"), [(1.0, 0.9), (1e4, 0.35), (1e9, 0.2)])
def test_a_squared_error_may_begin_anywhere_below_ten_times_its_end_or_a_spread_of_a_hundred(
    scale: float, exponent: float
) -> None:
    found = missing(run(train_loss=(T, scale * power_law(T, exponent=exponent))), "initial_loss.excess")
    assert found.needs == ("train_accuracy",)


def test_a_squared_error_of_millions_that_comes_far_down_is_measured_in_what_it_reached() -> None:
    loss = 1e6 * np.exp(-(T - 1) / 100) + 1e4
    made = run(train_loss=(T, loss))
    assert value(made, "initial_loss.excess").value == pytest.approx(1.01e6 / (10 * np.median(loss[-30:])) - 1, rel=0.1)


@pytest.mark.parametrize("top", [0.4, 0.95])
def test_how_often_answers_were_right_bounds_what_a_guess_costs(top: float) -> None:
    # Ten classes; of the examples that are not known yet each costs log(10), the others nothing.
    right = 0.1 + (top - 0.1) * (1 - np.exp(-V / 200))
    loss = math.log(10) * (1 - right) / 0.9
    made = run(train_loss=(T, 40.0 * np.exp(-T / 5) + 1.0), val_loss=(V, loss), val_accuracy=(V, right))
    assert math.log(10) <= value(made, "initial_loss.chance").value <= 2.3 * math.log(10)


def test_the_loss_of_a_whole_utterance_may_begin_anywhere() -> None:
    right = 0.9 * (1 - np.exp(-V / 200))
    made = run(train_loss=(T, 200.0 * np.exp(-T / 100) + 9.0), val_accuracy=(V, right))
    assert value(made, "initial_loss.excess").value > 5
    named = replace(made, tags=(Tag("train.log", "valid/loss_ctc", "val_loss_part", 20, 30.0, 600.0),))
    assert missing(named, "initial_loss.excess").needs == ("train_accuracy",)


def test_the_mean_of_the_first_epoch_tells_of_steps_that_were_not_logged() -> None:
    loss = 0.5 + 200 * np.exp(-(T - 1) / 3)
    mean = np.array([loss[n : n + 30].mean() for n in range(0, 600, 30)])
    logged = (Curve(T[29::10], loss[29::10]), Curve(V, mean, cadence="epoch"))
    made = Run("patient", {"train_loss": logged}, hyper={"num_classes": 2})
    assert value(made, "initial_loss.first").value == pytest.approx(mean[0])
    other = (logged[0], Curve(V, 3 * mean, cadence="epoch"))  # a sum: not of the same losses later on either
    assert value(replace(made, curves={"train_loss": other}), "initial_loss.first").value == pytest.approx(loss[29])


def test_a_loss_of_exactly_nothing_stands_beside_the_mean_of_its_epoch() -> None:
    loss = np.where(T > 300, 0.0, power_law(T))
    mean = np.array([loss[n : n + 30].mean() for n in range(0, 600, 30)])
    made = Run("patient", {"train_loss": (Curve(T, loss), Curve(V, mean, cadence="epoch"))}, hyper={"num_classes": 2})
    assert value(made, "initial_loss.first").value == pytest.approx(loss[0])


def test_weights_that_are_too_large_come_down_over_several_points_and_a_blow_up_in_one() -> None:
    late = T[9::10]
    descent, blow_up = power_law(late), power_law(late)
    descent[:4] = [700.0, 100.0, 30.0, 3.0]
    blow_up[0] = 700.0
    kept = [value(run(train_loss=(late, loss)), "initial_loss.kept", classes=10).value for loss in (descent, blow_up)]
    # Of the two decades above three guesses, a loss of 6.9, the first is lost between the points and the other kept.
    assert kept == [
        pytest.approx(math.log10(100 / 6.908) / math.log10(700 / 6.908), rel=1e-3),
        pytest.approx(blow_up[1] / 700),
    ]


def test_half_of_the_points_keep_as_much_of_a_large_first_loss() -> None:
    # Down to a quarter from point to point: a sixteenth where every second one is logged.
    late = T[9::10]
    loss = np.maximum(4e5 * 0.25 ** np.arange(len(late)), power_law(late))
    often, seldom = (value(run(train_loss=(late[::n], loss[::n])), "initial_loss.kept", classes=10) for n in (1, 2))
    assert often.value > seldom.value > 0.7


@pytest.mark.parametrize(("classes", "known"), [(2, 2), (3, None), (10, None), (10, 10), (100, 100)])
def test_a_loss_through_two_softmaxes_lies_on_their_law(classes: int, known: int | None) -> None:
    # A classifier that gets surer with every epoch, right on a growing share of 2,000 examples.
    rng = np.random.default_rng(classes)
    truth = rng.integers(classes, size=2000)
    wrong = (truth + rng.integers(1, classes, size=2000)) % classes
    once, twice, right = [], [], []
    for epoch in range(len(V)):
        hit = rng.random(2000) < 1 / classes + (0.97 - 1 / classes) * (1 - math.exp(-epoch / 4))
        scores = np.zeros((2000, classes))
        scores[np.arange(2000), np.where(hit, truth, wrong)] = 1.5 * epoch
        p = softmax(scores)
        once.append(-np.log(np.maximum(p[np.arange(2000), truth], 1e-4)).mean())
        twice.append(-np.log(softmax(p)[np.arange(2000), truth]).mean())
        right.append(hit.mean())

    def made(loss: list[float]) -> Run:
        return run(train_loss=(V, np.array(loss)), train_accuracy=(V, np.array(right)))

    assert value(made(twice), "softmax.law_off", classes=known).value < 0.06
    assert value(made(twice), "softmax.floor", classes=known).value == pytest.approx(
        math.log(1 + (classes - 1) / math.e)
    )
    assert value(made(once), "softmax.law_off", classes=known).value > 0.3


@pytest.mark.parametrize("classes", [2, 3, 4])
def test_an_honest_network_costs_at_most_its_entropy_and_two_softmaxes_more(classes: int) -> None:
    # Each example has a label that 70 of 100 such examples have; the network knows the odds and nothing else.
    rest = 0.3 / (classes - 1)
    odds = np.array([0.7, *[rest] * (classes - 1)])
    honest = -(odds * np.log(odds)).sum()
    sure = softmax(np.eye(classes))
    twice = -(odds * np.log(sure[0])).sum()
    right = 0.7 - (0.7 - 1 / classes) * np.exp(-V / 60)
    for end, unfair in ((honest, 1.0), (twice, twice / honest)):
        loss = np.interp(T, [T[0], T[300], T[-1]], [math.log(classes), end, end])
        made = run(train_loss=(T, loss), train_accuracy=(V, right))
        assert value(made, "softmax.unfair", classes=classes).value == pytest.approx(unfair, rel=0.02)


@pytest.mark.parametrize("classes", [5, 25])
def test_a_network_that_fell_back_to_a_guess_costs_no_more_than_is_honest(classes: int) -> None:
    right = 1 / classes + 0.4 * (V[len(V) // 2] > V)
    loss = np.where(T[len(T) // 2] > T, 0.5, 1.0) * math.log(classes) * np.linspace(0.999, 1, len(T))
    made = run(train_loss=(T, loss), train_accuracy=(V, right))
    assert value(made, "softmax.unfair", classes=classes).value == pytest.approx(1.0, abs=0.02)


def test_a_first_loss_that_is_some_updates_old_was_half_as_much_again_too_high() -> None:
    excess = []
    for step in (T, T + 9):
        made = run(train_loss=(step, 5 * math.log(10) * (step / step[0]) ** -0.5))
        excess.append(value(made, "initial_loss.excess", classes=10).value)
    assert excess[1] == pytest.approx(1.5 * excess[0])


@pytest.mark.parametrize(("warmup", "kept"), [(400, 1.0), (0, 0.1)])
def test_what_stands_before_the_rate_has_risen_was_there_before(warmup: int, kept: float) -> None:
    late = T[4::5]
    loss = np.where(late == late[0], 40.0, 4.0) * np.linspace(1, 0.999, len(late))
    rate = 0.1 * np.minimum(1, late / warmup) if warmup else np.full(len(late), 0.1)
    assert value(run(train_loss=(late, loss), lr=(late, rate)), "initial_loss.kept", classes=10).value == pytest.approx(
        kept, rel=0.01
    )


def test_who_pays_what_a_share_of_right_answers_costs_is_guessing() -> None:
    # Ten classes: the network falls back to a guess of ten per cent right answers at a cost of log(10).
    loss = np.maximum(math.log(10), 12.0 * np.exp(-T / 40))
    right = 0.1 + 0.01 * np.sin(V)
    made = run(train_loss=(T, loss), val_loss=(V, np.interp(V, T, loss)), val_accuracy=(V, right))
    assert math.log(10) <= value(made, "initial_loss.chance").value <= 1.1 * math.log(10)


@pytest.mark.parametrize("classes", [5, 12])
def test_two_validations_and_the_first_loss_show_two_softmaxes(classes: int) -> None:
    begun, law = math.log(classes), math.log(math.e + classes - 1)
    right = np.array([0.5, 0.6])
    reached = law - right
    steep = begun - 2 * (right - 1 / classes)  # a cross-entropy falls by two per unit of accuracy
    twice, once = (np.interp(T, [1, 300, 600], [begun, *end]) for end in (reached, steep))
    ends = (np.array([300.0, 600.0]), right)
    doubled, plain = (run(train_loss=(T, loss), val_accuracy=ends) for loss in (twice, once))
    assert value(doubled, "softmax.law_off").value < 0.03
    assert value(doubled, "softmax.slope_off").value < 0.38
    assert value(plain, "softmax.slope_off").value > 0.58
    shifted = run(train_loss=(T, twice + 0.04), val_accuracy=ends)
    assert "not that of a guess" in missing(shifted, "softmax.law_off").why


def test_four_accuracies_beside_a_first_batch_that_scatters_show_two_softmaxes() -> None:
    begun, law = math.log(10) + 0.03, math.log(math.e + 9)
    right, at = np.array([0.45, 0.6, 0.7, 0.75]), np.array([150.0, 300.0, 450.0, 600.0])
    twice, once = (
        np.interp(T, [1, *at], [begun, *end]) for end in (law - right, math.log(10) - 2.2 * (right - 1 / 10))
    )
    doubled, plain = (run(train_loss=(T, loss), val_accuracy=(at, right)) for loss in (twice, once))
    assert value(doubled, "softmax.law_off").value < 0.06
    assert value(doubled, "softmax.slope_off").value < 0.38
    assert value(plain, "softmax.slope_off").value > 0.58


@pytest.mark.parametrize(("per_accuracy", "off"), [(1.0, 0.0), (3.0, 0.46)])
def test_first_losses_that_are_all_alike_name_the_number_of_many_classes(per_accuracy: float, off: float) -> None:
    classes = 53
    begun, law = math.log(classes), math.log(math.e + classes - 1)
    right = 0.25 * (1 - np.exp(-T / 200))
    loss = np.where(T <= 3, begun, np.minimum(begun, law - per_accuracy * right))
    beside = V[::3], np.interp(V[::3], T, right)
    # Loss and accuracy add up to the constant, but for what an honest one falls faster.
    assert value(run(train_loss=(T, loss), val_accuracy=beside), "softmax.law_off").value == pytest.approx(
        off, abs=0.03
    )
    scattered = np.where(T <= 3, begun * (1 + 0.02 * T), loss)  # scores of any size, from batch to batch
    assert "--classes" in missing(run(train_loss=(T, scattered), val_accuracy=beside), "softmax.law_off").why


def test_a_loss_that_is_minus_the_accuracy_lies_on_the_law_of_a_missing_logarithm() -> None:
    accuracy = 0.9 - 0.8 * np.exp(-V / 100)
    made = run(train_loss=(V, -accuracy), val_accuracy=(V, accuracy))
    assert value(made, "softmax.law_off").value == pytest.approx(0.0, abs=1e-6)
    assert value(made, "softmax.slope_off").value == pytest.approx(0.0, abs=1e-6)


def test_a_law_of_many_unknown_classes_is_not_assessed() -> None:
    accuracy = 0.2 - 0.15 * np.exp(-V / 100)
    assert (
        "--classes" in missing(run(train_loss=(V, 3.6 - accuracy), val_accuracy=(V, accuracy)), "softmax.law_off").why
    )


def test_dead_units_are_those_of_the_worst_layer_over_most_of_the_run() -> None:
    shares = {"dead_share__a": (V, np.where(V > 200, 0.8, 0.1)), "dead_share__b": (V, np.where(V > 200, 0.2, 0.9))}
    made = run(train_loss=(T, power_law(T)), **shares)
    assert value(made, "units.dead").value == pytest.approx(0.8)
    assert value(made, "units.worst").value == 1
    assert value(made, "units.died").value == pytest.approx(0.7)
    born_dead = run(train_loss=(T, power_law(T)), **shares, dead_share__c=(V, np.full(len(V), 0.7)))
    assert value(born_dead, "units.died").value == 0.0
    assert value(made, "units.dead_from").value == V[V > 200][0]


def test_dead_units_need_their_role() -> None:
    assert missing(run(train_loss=(T, power_law(T))), "units.dead").needs == ("dead_share",)


def test_summed_gradients_have_a_direction_and_single_ones_none() -> None:
    batches = np.random.default_rng(0).normal(0.5, 1.0, (len(T), 3))
    summed = np.linalg.norm(np.cumsum(batches, axis=0), axis=1)
    made = run(train_loss=(T, power_law(T)), grad_norm=(T, summed))
    logs = np.log(summed)
    grown = np.exp(np.median(logs[-30:]) - np.median(logs[:30]))
    assert value(made, "grad_norm.growth").value == pytest.approx(grown)
    assert value(made, "grad_norm.directed").value > 0.25
    single = run(train_loss=(T, power_law(T)), grad_norm=(T, np.linalg.norm(batches, axis=1)))
    assert abs(value(single, "grad_norm.directed").value) < 0.05


def test_the_norm_over_the_loss_knows_no_scale_of_the_loss() -> None:
    norm = 40 * np.exp(0.3 * np.random.default_rng(1).standard_normal(len(T)))
    ratios = [
        value(run(train_loss=(T, c * power_law(T)), grad_norm=(T, c * norm)), "grad_norm.of_loss").value
        for c in (1, 64)
    ]
    assert ratios[0] == pytest.approx(ratios[1])
    assert ratios[0] == pytest.approx(np.log10(np.median((norm / power_law(T))[:60])), abs=0.05)


def test_fading_is_the_distance_of_the_first_layers_from_the_last() -> None:
    ratios = {f"update_ratio__l{n}": (T, np.full(len(T), 10.0 ** -(6 - n))) for n in range(5)}
    made = run(train_loss=(T, power_law(T)), **ratios)
    assert value(made, "gradient.fades").value == pytest.approx(-3.5)
    assert value(made, "gradient.in_order").value == pytest.approx(1.0)


@pytest.mark.parametrize("count", [1, 3, 6])
@pytest.mark.parametrize("slow", [0.1, 12.0])
def test_planted_spikes_are_counted_and_the_first_is_found(count: int, slow: float) -> None:
    loss = noisy(power_law(T), 0.05, count)
    for at in range(80, 80 + 80 * count, 80):
        loss[at:] *= 1 + 5 * np.exp(-(T[at:] - T[at]) / slow)
    made = run(train_loss=(T, loss))
    assert value(made, "spikes.count").value == count
    assert value(made, "spikes.first").value == pytest.approx(81, abs=2)
    assert value(made, "spikes.height").value == pytest.approx(6, rel=0.4)


SPARSE = np.arange(10.0, 601, 10)


def test_spikes_of_two_and_a_half_levels_count_where_nothing_lies_below_them() -> None:
    loss = noisy(power_law(T, exponent=0.2), 0.05, 3)
    loss[60::60] *= 2.7
    assert value(run(train_loss=(T, loss)), "spikes.count").value == pytest.approx(9, abs=1)
    between = loss.copy()
    between[45::20] *= np.linspace(1.3, 2.3, len(between[45::20]))
    assert value(run(train_loss=(T, between)), "spikes.count").value < 3


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("slow", [40.0, 60.0])
def test_spikes_that_fill_a_sparse_log_are_counted(seed: int, slow: float) -> None:
    # Sixty points and a spike every eleven: most of the log is the way back from one.
    loss = 0.3 + 2.0 * np.exp(-SPARSE / 30)
    for at in (120, 230, 340, 450):
        since = SPARSE - at
        loss[since >= 0] *= 1 + 6 * np.exp(-since[since >= 0] / slow)
    made = run(train_loss=(SPARSE, noisy(loss, 0.2, seed)))
    assert value(made, "spikes.count").value in (3, 4)
    assert value(made, "spikes.burden").value >= 3


def test_neither_noise_nor_a_climb_in_a_sparse_log_is_three_spikes() -> None:
    burdens = []
    for seed in range(60):
        shapes = [power_law(SPARSE), np.exp(np.maximum(0, SPARSE - 200) / 150), 0.3 + SPARSE / 300]
        loss = noisy(shapes[seed % 3], (0.05, 0.2, 0.5)[seed // 3 % 3], seed)
        burdens.append(value(run(train_loss=(SPARSE, loss)), "spikes.burden").value)
    assert sum(burden >= 2.3 for burden in burdens) <= 1


def test_heavy_tails_are_hardly_ever_three_spikes() -> None:
    burdens = []
    for seed in range(40):
        scatter = np.random.default_rng(seed).standard_t(3, len(T))
        burdens.append(value(run(train_loss=(T, power_law(T) * np.exp(0.1 * scatter))), "spikes.burden").value)
    assert sum(burden >= 3 for burden in burdens) <= 1


@pytest.mark.parametrize("size", [0.1, 0.3])
def test_the_pattern_of_an_epoch_has_its_share_of_the_variance(size: float) -> None:
    place = ((T - 1) % 30) / 30
    wave, noise = size * np.sin(4 * np.pi * place), 0.1 * np.random.default_rng(2).standard_normal(len(T))
    made = replace(run(train_loss=(T, np.exp(wave + noise))), steps_per_epoch=30.0)
    expected = wave.var() / (wave.var() + noise.var())
    # Twelve places of two and a half steps blur the wave a little.
    assert value(made, "epoch.pattern").value == pytest.approx(expected, abs=0.12)
    assert value(made, "epoch.agreement").value > 0.8


def test_a_pattern_that_grows_as_the_network_learns_returns_in_every_other_epoch() -> None:
    place = ((T - 1) % 30) / 30
    wave = np.where(0.7 * T[-1] > T, 0.0, 0.6) * np.sin(4 * np.pi * place)
    for seed in range(5):
        noise = 0.1 * np.random.default_rng(seed).standard_normal(len(T))
        made = replace(run(train_loss=(T, np.exp(wave + noise))), steps_per_epoch=30.0)
        assert value(made, "epoch.agreement").value > 0.8
        assert value(made, "epoch.pattern").value > 0.2


def test_shuffled_data_have_no_pattern_however_few_the_points() -> None:
    found = []
    for seed in range(150):
        made = replace(run(train_loss=(T[:60], noisy(power_law(T[:60]), 0.3, seed))), steps_per_epoch=10.0)
        found.append(value(made, "epoch.pattern").value)
    assert sum(share > 0.2 for share in found) <= 1


def test_hidden_nan_are_counted_where_the_loss_goes_on() -> None:
    loss = power_law(T)
    loss[[50, 51, 200]] = np.nan
    loss[590:] = np.inf
    made = run(train_loss=(T, loss))
    assert value(made, "nan.hidden").value == 3
    assert value(made, "nan.first").value == 51


def test_a_zero_loss_beside_a_norm_that_is_no_number_is_hidden_nan() -> None:
    loss, norm = power_law(T), np.ones(len(T))
    norm[100:110] = np.nan
    loss[100:110] = 0.0
    assert value(run(train_loss=(T, loss), grad_norm=(T, norm)), "nan.hidden").value == 10


def test_an_infinite_norm_counts_when_the_loss_rises_behind_it() -> None:
    norm = np.ones(len(T))
    norm[300] = np.inf
    assert value(run(train_loss=(T, power_law(T)), grad_norm=(T, norm)), "nan.hidden").value == 0
    risen = power_law(T) + np.where(T > 300, 1.0, 0.0)
    assert value(run(train_loss=(T, risen), grad_norm=(T, norm)), "nan.hidden").value == 1


def test_rows_of_validation_do_not_count_as_nan_of_training() -> None:
    loss = power_law(T)
    loss[29::30] = np.nan
    made = run(train_loss=(T, loss), val_loss=(V, power_law(T)[29::30]))
    assert value(made, "nan.hidden").value == 0


def test_a_loss_that_is_lost_behind_its_first_points_has_no_level_to_come_back_to() -> None:
    loss = np.where(T < 20, 3e4 / T, np.nan)
    made = run(train_loss=(T, loss), val_accuracy=(V, np.full(len(V), 0.17)))
    assert value(made, "initial_loss.excess").value > 1000
