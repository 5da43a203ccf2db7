"""Whether anything was learned, and whether the rate came down, by witnesses other than the loss."""

from __future__ import annotations

import numpy as np
import pytest

from curvedoc.engine import judge
from curvedoc.estimate import Estimate
from curvedoc.rulebook import load_rules
from curvedoc.run import Context, Run
from curvedoc.vitals import measure

from ..patients import cosine, noisy, power_law, run, steps
from .asked import value

T = steps()
E = T[:: len(T) // 20]
V = T[9::10]


def thrown(accuracy: np.ndarray) -> Run:
    """A loss that comes back from 30 to that of a guess among ten classes, within the first steps."""
    loss = np.log(10) + 28 * np.exp(-T / (0.01 * T[-1]))
    return run(train_loss=(T, noisy(loss, 0.02)), val_accuracy=(E, accuracy))


def rules(made: Run, **context: object) -> set[str]:
    report = judge(made, load_rules(), Context(**context))  # type: ignore[arg-type]
    return {d.rule for d in report.diagnoses if not d.possible}


def test_a_loss_that_only_comes_back_to_that_of_a_guess_is_no_learning() -> None:
    same = np.full(len(E), 0.098)
    assert "no-learning" in rules(thrown(same))
    near = 0.1 + 0.01 * np.sin(np.arange(len(E)))
    assert "no-learning" in rules(thrown(near), classes=10)


def test_an_accuracy_that_grows_is_learning() -> None:
    grows = np.linspace(0.1, 0.6, len(E))
    assert "no-learning" not in rules(thrown(grows))
    assert value(thrown(grows), "train_loss.fall_se").value > 9


def test_an_accuracy_that_is_high_and_never_moves_was_learned_before() -> None:
    tuned = run(train_loss=(T, noisy(0.1 * power_law(T), 0.02)), val_accuracy=(E, np.full(len(E), 0.97)))
    assert value(tuned, "train_loss.fall_se").value > 9


@pytest.mark.parametrize(("worth", "learned"), [(0.004, False), (0.04, True)])
def test_answers_near_chance_are_learning_where_they_differ_and_cost_less_than_a_guess(
    worth: float, learned: bool
) -> None:
    # Twenty classes, right in 7 of 100: how frequent they are is worth less than a hundredth of a guess.
    fall = np.log(20) * (1 - worth * (1 - np.exp(-E / (0.2 * E[-1]))))
    right = 0.05 + 0.02 * E / E[-1] + 0.003 * np.random.default_rng(0).random(len(E))
    made = run(train_loss=(T, noisy(np.interp(T, E, fall), 0.01)), val_loss=(E, fall), val_accuracy=(E, right))
    assert ("no-learning" not in rules(made, classes=20)) == learned


@pytest.mark.parametrize("last", [1.0, 0.3, 0.001])
def test_update_ratios_tell_where_an_unlogged_rate_stands(last: float) -> None:
    rate = last + (1 - last) * cosine(T)
    ratio = 1e-3 * rate * np.exp(0.1 * np.random.default_rng(0).normal(size=len(T)))
    made = run(train_loss=(T, noisy(power_law(T))), update_ratio__fc1=(T, ratio), update_ratio__fc2=(T, 2 * ratio))
    held = value(made, "rate.held")
    inside = T[0] + 0.1 * (T[-1] - T[0]) < T
    expected = last / rate[inside].max()
    assert held.low <= expected <= held.high
    assert held.value == pytest.approx(expected, rel=0.35, abs=0.01)


def test_a_loss_that_falls_only_as_the_rate_does_waited_for_it() -> None:
    rate = cosine(T)
    share = T / T[-1]
    waits = 2.3 + 0.2 * np.clip(10 * share - 0.5, 0.0, 1.0) * np.clip(2.5 - 3 * share, 0.0, 1.0)
    waits -= 0.5 * np.maximum(0.0, share - 0.55)
    made = run(train_loss=(T, noisy(waits, 0.01)), lr=(T, 0.1 * rate))
    assert value(made, "rate.waits").value > 0.9
    prompt = run(train_loss=(T, noisy(power_law(T), 0.01)), lr=(T, 0.1 * rate))
    assert value(prompt, "rate.waits").value == 0.0


@pytest.mark.parametrize("exponent", [0.2, 0.5, 1.0])
def test_an_end_that_is_straighter_than_a_power_law_was_too_slow_for_its_slow_directions(exponent: float) -> None:
    # Steep directions are done within a tenth of the run, flat ones hardly begin to be.
    share, rate = T / T[-1], (T, np.full(len(T), 0.01))
    loss = 0.4 + 1.2 * np.exp(-share / 0.12) + 0.6 * np.exp(-share / 2.0)
    slow = run(train_loss=(T, loss), val_loss=(V, loss[9::10]), lr=rate)
    law = power_law(T, exponent=exponent)
    lawful = run(train_loss=(T, law), val_loss=(V, law[9::10]), lr=rate)
    assert value(slow, "rate.young").value > 0.8
    assert value(lawful, "rate.young").value < 0.3
    bouncing = loss[9::10] * (1 + 0.01 * np.random.default_rng(0).standard_normal(len(V)))
    noisier = run(train_loss=(T, loss), val_loss=(V, bouncing), lr=rate)
    assert value(noisier, "rate.young").value < 0.3


def test_a_layer_is_strained_beside_the_highest_other_and_not_beside_one_that_hardly_moves() -> None:
    def strain(**levels: float) -> float:
        ratios = {f"update_ratio__{name}": (T, np.full(len(T), 10.0**level)) for name, level in levels.items()}
        rows = {r.name: r for r in measure(run(train_loss=(T, power_law(T)), **ratios), Context())[0].layer}
        found = rows["fc2"].vitals["update_ratio.strain"]
        assert isinstance(found, Estimate)
        return found.value

    assert strain(fc1=-3.0, fc2=-2.0, fc3=-2.9, head=-3.0) == pytest.approx(-2.0 + 2 * (0.9 - 0.3))
    assert strain(fc1=-6.0, fc2=-2.0, fc3=-2.1, head=-6.0) == pytest.approx(-2.0)


def test_an_embedding_is_not_measured_by_the_ratio_of_dense_layers() -> None:
    ratios = {"update_ratio__embed": (T, np.full(len(T), 0.05)), "update_ratio__fc1": (T, np.full(len(T), 1e-3))}
    made = run(train_loss=(T, power_law(T)), **ratios, update_ratio__head=(T, np.full(len(T), 1e-3)))
    rows = {row.name: row for row in measure(made, Context())[0].layer}
    assert not isinstance(rows["embed"].vitals["update_ratio.strain"], Estimate)
    assert rows["fc1"].vitals["update_ratio.strain"].value == pytest.approx(-3.0)


def test_answers_above_a_guess_are_what_is_right_beyond_chance_over_the_rest() -> None:
    climbs = np.linspace(0.4, 0.6, len(E))
    made = run(train_loss=(T, noisy(np.full(len(T), 1.0), 0.1)), val_accuracy=(E, climbs))
    assert value(made, "fit.above_guess", classes=3).value == pytest.approx((0.6 - 1 / 3) / (2 / 3), abs=0.02)


def test_a_class_that_is_named_every_time_is_not_above_a_guess() -> None:
    assert value(thrown(np.full(len(E), 0.63)), "fit.above_guess", classes=2).value == 0.0


def test_a_fall_of_the_validation_loss_that_batches_hide_is_learning() -> None:
    shape = 0.97 + 0.1 * np.exp(-T / (0.05 * T[-1]))
    batches = noisy(shape, 0.12)
    assert value(run(train_loss=(T, batches)), "train_loss.fall_se").value < 10
    both = run(train_loss=(T, batches), val_loss=(V, noisy(shape[9::10], 0.002)))
    assert value(both, "train_loss.fall_se").value > 9


@pytest.mark.parametrize("every", [1, 2])
def test_a_slow_fall_with_a_few_steps_back_is_learning_however_often_it_was_logged(every: int) -> None:
    # Down by 1.5 % in 16 validations; two of them stand a little above the one before.
    val = 3.0 * np.linspace(1, 0.985, 16)
    val[[5, 11]] += 0.005
    seen, at = val[::every], np.linspace(T[0], T[-1], 16)[::every]
    flat = noisy(np.full(len(T), 3.0), 0.12)
    assert value(run(train_loss=(T, flat), val_loss=(at, seen)), "train_loss.fall_se").value > 10


def test_validation_that_repeats_its_last_digit_tells_of_no_fall() -> None:
    stairs = np.repeat([3.0, 2.8], len(V) // 2)
    made = run(train_loss=(T, noisy(np.full(len(T), 3.0), 0.12)), val_loss=(V, stairs))
    assert value(made, "train_loss.fall_se").value < 10


def test_one_answer_that_is_still_being_unlearned_is_late_and_not_idle() -> None:
    val = np.linspace(3.3, 3.05, len(V))
    made = run(
        train_loss=(T, noisy(np.linspace(3.35, 3.07, len(T)), 0.05)), val_loss=(V, val), val_accuracy=(E, same())
    )
    assert value(made, "train_loss.fall_se", classes=20).value > 10


@pytest.mark.parametrize("times", [8, 16])
def test_a_bend_at_the_end_of_a_rate_that_is_spent_hides_no_fall_however_often_it_was_logged(times: int) -> None:
    at = np.linspace(T[-1] / 20, T[-1], times)
    val = 0.87 + 0.07 * (1 - np.linspace(0, 1, times)) ** 2.4
    train = noisy(np.full(len(T), 0.9), 0.1)
    made = run(train_loss=(T, train), val_loss=(at, val), val_accuracy=(at, np.full(times, 0.45)))
    assert value(made, "train_loss.fall_se", classes=2).value > 10


def test_one_answer_whose_loss_came_to_rest_is_idle() -> None:
    val = 3.0 + 0.3 * np.exp(-V / (0.05 * T[-1]))
    train = noisy(3.0 + 0.35 * np.exp(-T / (0.05 * T[-1])), 0.05)
    made = run(train_loss=(T, train), val_loss=(V, val), val_accuracy=(E, same()))
    assert value(made, "train_loss.fall_se", classes=20).value == 0.0


def same() -> np.ndarray:
    return np.full(len(E), 0.05)


def test_one_answer_that_goes_to_another_class_and_back_is_idle() -> None:
    answers = np.where(np.arange(len(E)) % 7 == 3, 0.32, 0.30)
    made = run(train_loss=(T, noisy(np.linspace(1.112, 1.097, len(T)), 0.002)), val_accuracy=(E, answers))
    assert value(made, "train_loss.fall_se").value == 0.0


def test_a_slope_that_noise_hides_at_the_end_is_not_measured() -> None:
    made = run(train_loss=(T, noisy(power_law(T), 0.6)))
    assert not isinstance(measure(made, Context())[0].run.vitals["pace.at_end"], Estimate)


@pytest.mark.parametrize(("share", "learned"), [(0.005, False), (0.06, True)])
@pytest.mark.parametrize("seed", range(3))
def test_a_validation_loss_that_came_down_beyond_its_noise_learned_however_few_its_points(
    share: float, learned: bool, seed: int
) -> None:
    """Ten validations on a hard task, and batches that hide what they show."""
    at = T[29::60]
    shape = 1.1 * (1 - share * (1 - np.exp(-at / (0.15 * T[-1]))))
    made = run(
        train_loss=(T[::10], noisy(np.full(len(T[::10]), 1.05), 0.03, seed)), val_loss=(at, noisy(shape, 0.003, seed))
    )
    fell = (shape[0] - shape[-1]) / shape[0]
    assert fell - 0.03 < value(made, "val_loss.fallen_at_least").value < fell + 0.002
    assert ("no-learning" not in rules(made)) == learned


@pytest.mark.parametrize(("gone", "broken"), [(0.1, False), (2.0, True)])
def test_what_rests_because_its_rate_is_gone_was_not_broken_by_a_high_one(gone: float, broken: bool) -> None:
    # The same losses: at once on another level, and from there on the same to six digits.
    val = np.where(V[0] == V, 1.0, 0.9 + 1e-7 * np.sin(V))
    rate = np.where(gone * T[-1] > T, 0.1, 1e-9)
    made = run(train_loss=(T, noisy(np.full(len(T), 0.9), 0.1)), val_loss=(V, val), lr=(T, rate))
    assert (value(made, "rate.collapse").value > 0.5) == broken


def test_scores_that_began_too_large_explain_the_number_that_no_float_holds() -> None:
    loss = np.where(np.arange(len(T)) < len(T) // 10, 3e4 * np.exp(-T / T[-1]), np.nan)
    lost = run(train_loss=(T, loss), val_accuracy=(E, np.full(len(E), 0.17)))
    lead, *others = judge(lost, load_rules(), Context(classes=6)).diagnoses
    assert lead.rule == "initial-loss-off"
    assert [d.place for d in others if d.rule == "nan-explosion"] == ["consequence"]
