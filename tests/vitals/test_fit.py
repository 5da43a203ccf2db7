"""What is not explained: by accuracy and classes, by a guess where validation is short, and how sure that is."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from curvedoc.engine import judge
from curvedoc.rulebook import load_rules
from curvedoc.run import Context, Run
from curvedoc.vitals import Missing, measure

from ..patients import cosine, exponential, noisy, run, steps
from .asked import value

T = steps() - 9  # from the first update on
RULES = load_rules()


def short(end: float, points: int = 3, first: float = math.log(12), **more: tuple[np.ndarray, np.ndarray]) -> Run:
    """A run of three epochs: its loss comes down to `end` at once and rests, validation beside it."""
    late = T[np.linspace(199, 599, points).astype(int)]
    train = noisy(exponential(T, first, end, tau=0.02), 0.002)
    train[0] = first
    return run(train_loss=(T, train), val_loss=(late, np.full(points, end)), lr=(T, cosine(T)), **more)


def accuracy(level: float) -> tuple[np.ndarray, np.ndarray]:
    return T[[199, 399, 599]], np.full(3, level)


def test_where_validation_is_short_the_level_is_compared_with_the_entropy_that_a_task_may_have() -> None:
    level = 0.95 * math.log(12)
    expected = (0.95 - 0.7) / 0.3
    assert value(short(level), "fit.unlearned", classes=12).value == pytest.approx(expected, abs=0.04)
    assert value(short(level, val_accuracy=accuracy(0.1)), "fit.unlearned").value == pytest.approx(expected, abs=0.04)


def test_a_short_run_of_a_language_model_at_its_floor_is_not_blamed() -> None:
    made = short(0.65 * math.log(12), val_accuracy=accuracy(0.37))
    assert value(made, "fit.unlearned").value == 0.0
    assert not [d for d in judge(made, RULES).diagnoses if d.rule == "underfitting"]


def test_a_short_run_that_learned_next_to_nothing_is() -> None:
    for context in (Context(classes=12), Context()):
        made = short(0.95 * math.log(12), val_accuracy=accuracy(0.1))
        found = [d for d in judge(made, RULES, context).diagnoses if d.rule == "underfitting"]
        assert found
        assert not found[0].possible


def test_without_accuracy_or_classes_no_more_than_a_possibility_is_listed() -> None:
    found = [d for d in judge(short(0.95 * math.log(12)), RULES).diagnoses if d.rule == "underfitting"]
    assert found
    assert found[0].possible


def test_means_over_an_epoch_do_not_say_where_the_loss_began() -> None:
    made = short(2.3)
    loss = made.curves["train_loss"][0]
    hidden = replace(made, curves=made.curves | {"train_loss": (replace(loss, cadence="epoch"),)})
    assert isinstance(measure(hidden, Context())[0].run.vitals["fit.unlearned"], Missing)


def test_the_gap_is_told_by_two_validations_and_by_many() -> None:
    for points in (2, 3, 60):
        assert value(short(2.0, points), "fit.gap").value == pytest.approx(0.0, abs=0.02)
    made = short(2.0)
    val = made.curves["val_loss"][0]
    above = replace(made, curves=made.curves | {"val_loss": (replace(val, value=val.value * 2),)})
    assert value(above, "fit.gap").value == pytest.approx(0.5, abs=0.02)


def test_four_accuracies_beside_a_rate_say_what_was_reached() -> None:
    at = T[[149, 299, 449, 599]]
    made = short(0.6 * math.log(12), 4, val_accuracy=(at, np.array([0.25, 0.27, 0.28, 0.28])))
    assert value(made, "fit.unlearned").value == pytest.approx(1 - 0.28)


def test_four_accuracies_without_a_rate_are_worth_half_of_what_they_say() -> None:
    at = T[[149, 299, 449, 599]]
    accuracies = (at, np.array([0.25, 0.27, 0.28, 0.28]))
    made = short(0.6 * math.log(12), 4, val_accuracy=accuracies)
    unrated = replace(made, curves={k: c for k, c in made.curves.items() if k != "lr"})
    found = value(unrated, "fit.unlearned")
    assert found.value == pytest.approx((1 - 0.28 + 0.0) / 2)
    assert found.low == 0.0
    assert found.high == pytest.approx(1 - 0.28, abs=0.02)
    assert value(unrated, "fit.unlearned", target_loss=0.5 * math.log(12)).value == 0.0


@pytest.mark.parametrize(
    ("classes", "right", "unlearned"), [(3, 0.57, 0.43 / (2 / 3)), (3, 1 / 3, 1.0), (8, 0.57, None)]
)
def test_two_or_three_classes_may_overlap_and_many_hardly(classes: int, right: float, unlearned: float | None) -> None:
    loss = exponential(T, math.log(classes), 0.8 * math.log(classes), tau=0.02)
    made = run(train_loss=(T, loss), val_loss=(T[9::10], loss[9::10]), val_accuracy=(T[9::10], np.full(60, right)))
    expected = 1 - right if unlearned is None else max(0.0, (unlearned - 0.6) / 0.4)
    for known in (classes, None):
        assert value(made, "fit.unlearned", classes=known).value == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("classes", [2, 10])
def test_a_loss_among_known_classes_buys_as_many_wrong_answers_as_an_honest_network_makes(classes: int) -> None:
    wrong = 0.3
    paid = -wrong * math.log(wrong / (classes - 1)) - (1 - wrong) * math.log(1 - wrong)
    loss = exponential(T, math.log(classes), paid, tau=0.02)
    made = run(train_loss=(T, loss), val_loss=(T[9::10], loss[9::10]))
    assert value(made, "fit.unexplained", classes=classes).value == pytest.approx(wrong, abs=0.01)


def test_the_first_loss_tells_among_how_many_classes_a_guess_would_be() -> None:
    late = T[59::60]
    right = 0.55 + 0.01 * np.array([-4, 1, 0, -1, 1, 0, -1, 1, 0, 0])
    made = run(
        train_loss=(T, noisy(exponential(T, math.log(3), 0.95, tau=0.02), 0.1)),
        val_accuracy=(late, right),
        lr=(T, cosine(T)),
    )
    assert value(made, "fit.above_guess").value == pytest.approx((0.55 - 1 / 3) / (2 / 3), abs=0.03)


def test_three_classes_whose_first_scores_cost_more_than_a_guess_may_still_be_few() -> None:
    loss = exponential(T, math.log(3) + 0.3, 0.9, tau=0.02)
    made = run(train_loss=(T, loss), val_loss=(T[9::10], loss[9::10]), val_accuracy=(T[9::10], np.full(60, 0.55)))
    # Among four 0.45 is 0.6 of a guess's wrong answers, which may be the task's: the middle of nothing and of all.
    assert value(made, "fit.unlearned").value == pytest.approx((0.0 + 0.45) / 2, abs=0.01)
    assert value(made, "fit.unlearned", classes=4).value == pytest.approx(0.45, abs=0.01)


def test_a_log_that_begins_with_some_of_three_classes_learned_is_not_one_of_two() -> None:
    ends = T[11::12]
    made = run(
        train_loss=(ends, exponential(ends, 0.99, 0.9, tau=0.1)),
        val_loss=(ends, np.full(len(ends), 0.91)),
        val_accuracy=(ends, np.full(len(ends), 0.62) + 0.001 * np.cos(np.arange(len(ends)))),
    )
    assert value(made, "fit.unlearned").value == 0.0
    assert value(made, "fit.above_guess").value == pytest.approx((0.62 - 1 / 3) / (2 / 3), abs=0.01)


@pytest.mark.parametrize(
    ("wrong", "log", "known"),
    [
        (0.50, {"MODEL/META_ARCHITECTURE": "gru"}, 0.45),
        (0.50, {"model": {"type": "gpt"}}, 0.45),
        (0.50, {"model": "resnet"}, 1.0),
        (0.50, {}, 1.0),
        (0.75, {"MODEL/META_ARCHITECTURE": "gru"}, 1.0),
    ],
)
def test_half_of_the_next_symbols_may_be_beyond_anybody(wrong: float, log: dict[str, object], known: float) -> None:
    t = steps()
    loss = exponential(t, 2.1, 1.3)
    right = (1 - wrong) * (1 - np.exp(-t / 300))
    made = run(train_loss=(t, loss), val_loss=(t[9::10], loss[9::10]), train_accuracy=(t, right), hyper=log)
    assert value(made, "fit.known").value == pytest.approx(known)


@pytest.mark.parametrize(("answers", "classes", "known"), [(64, None, 1.0), (1000, None, 0.45), (1000, 8, 1.0)])
def test_a_step_of_many_answers_is_one_of_a_sequence_unless_classes_are_named(
    answers: int, classes: int | None, known: float
) -> None:
    """One answer in two is sure, the other one in eight: the cost of a step is a sum of coins."""
    t, rng = steps(), np.random.default_rng(3)
    hard = rng.binomial(answers, 0.5, len(t)) / answers
    loss = math.log(8) * np.where(t < 60, 1 - t / 120, hard)
    right = 0.55 * (1 - np.exp(-t / 60))
    made = run(train_loss=(t, loss), val_loss=(t[9::10], np.full(60, 0.5 * math.log(8))), train_accuracy=(t, right))
    assert value(made, "fit.known", classes=classes).value == pytest.approx(known)
