"""A network that answers every example alike from the first point on, told from those that come to it or never move."""

from __future__ import annotations

import numpy as np
import pytest

from curvedoc.engine import judge
from curvedoc.estimate import Estimate
from curvedoc.rulebook import load_rules
from curvedoc.run import Context, Run
from curvedoc.vitals import Missing, measure
from tests.early_patients import T, V, frequent, guessing, unmoved
from tests.patients import cosine, noisy, power_law, run, steps

GUESS = np.log(10)


def vital(made: Run, name: str, classes: int | None = 10) -> Estimate | Missing:
    found = measure(made, Context(classes=classes))[0].run.vitals[f"guess.{name}"]
    assert isinstance(found, Estimate | Missing)
    return found


def number(made: Run, name: str, classes: int | None = 10) -> float:
    found = vital(made, name, classes)
    assert isinstance(found, Estimate), found
    return found.value


@pytest.mark.parametrize("classes", [10, None])
def test_the_first_losses_are_compared_with_the_logarithm_of_the_classes(classes: int | None) -> None:
    made = guessing(0)
    first = float(made.curves["val_loss"][0].value[0])
    assert number(made, "off_at_first", classes) == pytest.approx(abs(first / GUESS - 1), abs=2e-3)
    assert number(guessing(0, first=0.25), "off_at_first", classes) > 0.08


def test_a_network_that_no_update_reaches_does_not_stir() -> None:
    assert number(unmoved(0), "stirred") == pytest.approx(0.0, abs=1e-9)
    made = guessing(0)
    value = made.curves["val_loss"][0].value
    assert number(made, "stirred") == pytest.approx(np.ptp(value) / np.median(value[len(V) // 2 :]), rel=1e-6)


def test_a_straight_line_drifts_by_a_quarter_of_its_way_from_quarter_to_quarter() -> None:
    straight = run(
        train_loss=(V, np.full(len(V), GUESS)),
        val_loss=(V, GUESS - 1e-3 * V / V[-1]),
        val_accuracy=(V, np.full(len(V), 0.1)),
    )
    assert number(straight, "drifts") == pytest.approx(0.25, abs=0.05)
    assert number(guessing(0, wander=0.0), "drifts") < 0.05


def test_validations_that_all_lie_at_the_logarithm_of_a_whole_number_need_no_accuracy() -> None:
    curves = {k: (c[0].step, c[0].value) for k, c in guessing(0).curves.items() if k != "val_accuracy"}
    assert number(run(**curves), "off_at_first", None) < 0.01
    between = {k: (step, value * 1.02 if k.endswith("loss") else value) for k, (step, value) in curves.items()}
    assert isinstance(vital(run(**between), "off_at_first", None), Missing)


def test_an_accuracy_that_stays_the_same_through_the_second_half_shows_one_answer() -> None:
    made = {k: (c[0].step, 1.02 * c[0].value) for k, c in guessing(0).curves.items() if k.endswith("loss")}
    right = np.where(np.arange(len(V)) < len(V) // 2 - 1, 0.2 + 0.1 * np.sin(np.arange(len(V))), 0.28)
    assert isinstance(vital(run(val_accuracy=(V, right), **made), "stirred", None), Estimate)
    right[-2] = 0.4
    assert isinstance(vital(run(val_accuracy=(V, right), **made), "stirred", None), Missing)


def test_a_validation_loss_whose_exponential_no_float_holds_is_that_of_no_guess() -> None:
    losses = {"train_loss": (V, np.full(len(V), np.log(2))), "val_loss": (V, np.full(len(V), 1000.0))}
    found = vital(run(**losses, val_accuracy=(V, np.full(len(V), 0.5))), "exact", None)
    assert isinstance(found, Missing) and "too often" in found.why


def test_what_rises_does_not_drift() -> None:
    assert number(guessing(0, drift=-0.01, wander=0.0), "drifts") <= 0.0


def test_equal_scores_are_told_from_learned_frequencies() -> None:
    assert number(guessing(0, first=0.25, known=0.0, wander=0.0), "exact", None) < 6e-4
    known = number(guessing(0, first=0.25, known=0.01, wander=0.0), "exact", None)
    assert known == pytest.approx(0.01 / GUESS, rel=0.1)


def test_answers_that_are_thrown_about_cost_more_than_a_guess() -> None:
    assert number(guessing(0), "above") < 0.0
    thrown = {k: (c[0].step, c[0].value * (1.006 if k.endswith("loss") else 1)) for k, c in guessing(0).curves.items()}
    found = number(run(**thrown), "above", None)
    assert found == pytest.approx(1.006 * (1 - 2e-3 / GUESS) - 1, abs=5e-4)


def test_nothing_is_said_of_a_network_that_learns_or_whose_answers_wander() -> None:
    t = steps()
    learns = run(train_loss=(t, noisy(power_law(t))), val_loss=(t[9::10], noisy(power_law(t)[9::10], 0.01, 1)))
    assert isinstance(vital(learns, "off_at_first"), Missing)
    wandering = guessing(0)
    rng = np.random.default_rng(1)
    answers = {"val_accuracy": (V, 0.3 + 0.1 * rng.random(len(V)))}
    losses = {k: (c[0].step, c[0].value * 1.05) for k, c in wandering.curves.items() if k.endswith("loss")}
    assert isinstance(vital(run(**losses, **answers), "off_at_first", None), Missing)


@pytest.mark.parametrize("classes", [4, None])
def test_one_answer_at_what_uneven_classes_cost_began_at_equal_scores(classes: int | None) -> None:
    made = frequent(0)
    assert number(made, "off_at_first", classes) < 0.01
    assert number(made, "above", classes) < 0.0
    assert number(made, "drifts", classes) < 0.1
    assert number(made, "below", classes) == pytest.approx(0.01 / 0.92, abs=0.02)
    assert number(frequent(0, begin=1.6), "off_at_first", 4) > 0.1


def test_one_answer_may_change_to_a_class_that_is_about_as_frequent() -> None:
    shares = np.array([0.34, 0.33, 0.2, 0.13])  # cost 1.32, and log 4 is 1.39
    entropy = float(-(shares * np.log(shares)).sum())
    loss = {"train_loss": T, "val_loss": V}
    loss = {name: (t, entropy + (np.log(4) - entropy) * np.exp(-t / 20)) for name, t in loss.items()}
    for other, seen in ((0.33, True), (0.45, False)):
        right = np.where(V[len(V) // 4] == V, other, 0.34)
        found = vital(run(**loss, val_accuracy=(V, right)), "off_at_first", None)
        assert (isinstance(found, Estimate) and found.value < 0.01) == seen


def test_one_answer_at_what_uneven_classes_cost_is_a_bad_start_and_with_adam_a_dead_layer() -> None:
    assert judge(frequent(0), load_rules(), Context()).diagnoses[0].rule == "bad-init"
    assert judge(frequent(0, optimizer="Adam"), load_rules(), Context()).diagnoses[0].rule == "dead-units"
    settled = frequent(0, begin=2.2)  # scores of the usual size, whose labels belong to other inputs
    assert "bad-init" not in [d.rule for d in judge(settled, load_rules(), Context(classes=4)).diagnoses]


@pytest.mark.parametrize(("first", "drifts"), [(2.57, True), (2.4, False)])
def test_random_scores_that_a_tiny_rate_moves_drift_or_are_right_too_often(first: float, drifts: bool) -> None:
    # Six classes; the scores cost 2.38 as if there were eleven, which the first batch may or may not lie above.
    done = np.cumsum(cosine(V)) / np.cumsum(cosine(V))[-1]
    batches = 2.4 + 0.1 * np.random.default_rng(0).standard_normal(len(T))
    batches[0] = first
    losses = {"train_loss": (T, batches), "val_loss": (V, 2.38 - 0.01 * done)}
    found = vital(run(**losses, val_accuracy=(V, np.full(len(V), 0.163))), "drifts", None)
    assert isinstance(found, Estimate) == drifts
    assert isinstance(found, Missing) or found.value > 0.27


ADAPTIVE = ("AdamW", "Lion", "LAMB", "Adadelta")
PLAIN = ("sgd", "momentum", "SGD with LambdaLR")


@pytest.mark.parametrize(("named", "adaptive"), [*((n, 1.0) for n in ADAPTIVE), *((n, 0.0) for n in PLAIN)])
def test_an_adaptive_optimiser_is_known_by_its_name(named: str, adaptive: float) -> None:
    made = guessing(0)
    assert number(run(hyper={"optimizer": named}, **{k: (c[0].step, c[0].value) for k, c in made.curves.items()}),
                  "adaptive") == adaptive  # fmt: skip
    assert isinstance(vital(made, "adaptive"), Missing)
