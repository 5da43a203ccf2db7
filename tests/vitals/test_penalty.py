"""What was learned and taken back: how much, how long ago, how high, and whether validation went along."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from curvedoc.engine import judge
from curvedoc.rulebook import load_rules
from curvedoc.run import Context
from curvedoc.vitals import Missing, measure

from ..held_out import T, climbing_on, shrunk, taken_back
from ..patients import run
from .asked import value

RULES = load_rules()


@pytest.mark.parametrize("back", [0.1, 0.4])
def test_the_rise_is_that_of_the_curve_and_validation_shares_it(back: float) -> None:
    made = taken_back(0, back)
    mean = np.convolve(made.curves["train_loss"][0].value, np.ones(15) / 15, mode="valid")[:300]
    end = made.curves["train_loss"][0].value[-30:].mean()
    assert value(made, "penalty.risen").value == pytest.approx(end / mean.min() - 1, abs=0.02)
    assert value(made, "penalty.shared").value == pytest.approx(1.02, abs=0.15)
    assert abs(value(made, "penalty.lowest_at").value - T[np.argmin(mean) + 7]) < 0.05 * T[-1]


def test_a_dip_that_only_validation_shows_counts_as_it_stands_there() -> None:
    made = taken_back(0, 0.1)
    val = made.curves["val_loss"][0]
    deeper = replace(val, value=np.where(val.step < 0.1 * T[-1], 0.5 * val.value[-1], val.value))
    risen = value(replace(made, curves={**made.curves, "val_loss": (deeper,)}), "penalty.risen")
    assert risen.value == pytest.approx(1.0, abs=0.1)


def test_what_rests_has_no_rise_in_the_last_quarter_and_an_even_climb_a_third() -> None:
    assert value(taken_back(0), "penalty.late").value < 0.05
    assert value(climbing_on(0), "penalty.late").value == pytest.approx(0.3 / 0.95, abs=0.08)


def test_a_loss_that_only_falls_took_nothing_back() -> None:
    made = taken_back(0, 0.0)
    assert abs(value(made, "penalty.risen").value) < 0.02
    assert value(made, "penalty.of_start").value < 1.0


def test_a_negative_loss_has_no_scale() -> None:
    made = run(train_loss=(T, -1 + np.exp(-T / 600)))
    assert isinstance(measure(made, Context())[0].run.vitals["penalty.risen"], Missing)


def test_at_a_rate_that_stays_up_it_may_be_the_steps() -> None:
    held = taken_back(0, rate=(T, np.full(len(T), 0.1)))
    assert not [d for d in judge(held, RULES).diagnoses if d.title.startswith("Over-regularization")]


@pytest.mark.parametrize(
    ("hyper", "times"),
    [
        ({"optimizer": "sgd", "weight_decay": 0.3}, 30.0),
        ({"opt": "adamw", "weight_decay": 0.3}, 1.0),
        ({"optim_wrapper/optimizer/type": "Adam", "optim_wrapper/optimizer/weight_decay": 0.03}, 10.0),
        ({"SOLVER/WEIGHT_DECAY": 0.5}, 5.0),
    ],
)
def test_a_stated_weight_decay_is_measured_by_common_recipes_for_its_optimiser(
    hyper: dict[str, object], times: float
) -> None:
    made = replace(taken_back(0), hyper=hyper)
    assert value(made, "penalty.stated").value == pytest.approx(times)


def test_a_stated_decay_that_leaves_a_regression_nothing_explains_large_updates_of_shrunken_weights() -> None:
    updates = {"update_ratio[fc1]": (T, np.full(len(T), 0.1)), "update_ratio[head]": (T, np.full(len(T), 0.1))}
    made = shrunk(0, 1.0)
    both = replace(made, curves=made.curves | run(**updates).curves)
    for stated, lead in ((0.6, "underfitting"), (0.001, "update-ratio-too-high")):
        report = judge(replace(both, hyper={"optimizer": "sgd", "weight_decay": stated}), RULES)
        assert report.leading is not None
        assert report.leading.rule == lead
