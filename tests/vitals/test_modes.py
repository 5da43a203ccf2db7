"""Is the cost of dropout measured, and a validation that is too good to be true noticed?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from curvedoc.estimate import Estimate
from curvedoc.vitals import Missing
from curvedoc.vitals.modes import stated_dropout

from ..held_out import both, dropout, fair, in_evaluation_mode, jumping, memorised
from ..patients import run
from .asked import vital


@pytest.mark.parametrize("cost", [0.0, 0.2, 0.5])
def test_the_cost_of_dropout_is_what_was_written_into_the_losses(cost: float) -> None:
    found = vital(dropout(1, cost), "modes.dropout_cost")
    assert isinstance(found, Estimate)
    assert found.value == pytest.approx(cost, abs=0.05)


def test_memorising_later_on_does_not_hide_the_cost() -> None:
    found = vital(memorised(0), "modes.dropout_cost")
    assert isinstance(found, Estimate)
    assert found.value > 0.1


def test_a_loss_that_does_not_fall_shows_no_cost() -> None:
    step = np.arange(1.0, 41.0)
    flat = replace(both(0, fair(0)), hyper={"dropout": 0.5})
    curves = {k: (replace(c[0], step=step, value=np.full(40, 2.1)),) for k, c in flat.curves.items() if k != "lr"}
    assert isinstance(vital(replace(flat, curves=curves), "modes.dropout_cost"), Missing)


def test_dropout_is_found_under_its_many_names() -> None:
    assert stated_dropout({"model/drop_rate": 0.3, "resid_pdrop": 0.1, "lr": 0.9}) == 0.3
    assert stated_dropout({"use_dropout": True, "dropout": "none"}) is None


def test_validation_below_training_in_evaluation_mode_is_measured() -> None:
    found = vital(in_evaluation_mode(0, 0.4), "leak.below_fair")
    assert isinstance(found, Estimate)
    assert found.value == pytest.approx(0.4, abs=0.03)


def test_half_the_way_below_a_target_loss_counts() -> None:
    made = both(0, np.full(60, 0.5) + 0.001 * (np.arange(60) % 3))
    found = vital(made, "leak.below_fair", target_loss=1.0)
    assert isinstance(found, Estimate)
    assert found.value == pytest.approx(0.25, abs=0.01)
    assert isinstance(vital(made, "leak.below_fair"), Missing)


def test_the_scatter_at_rest_is_that_of_what_is_drawn_anew() -> None:
    draws = [vital(jumping(seed, 0.04), "modes.rest_noise") for seed in range(20)]
    assert all(isinstance(d, Estimate) for d in draws)
    assert np.mean([d.value for d in draws if isinstance(d, Estimate)]) == pytest.approx(0.04, rel=0.15)
    quiet = vital(jumping(0, 0.0), "modes.rest_kept")
    assert isinstance(quiet, Estimate)
    assert quiet.value < 0.1


@pytest.mark.parametrize(("named", "known"), [("cosine", True), ("linear", True), ("constant", False), ("", False)])
def test_a_schedule_that_is_named_and_not_logged_tells_when_the_weights_rest(named: str, known: bool) -> None:
    logged = jumping(2, 0.04)
    curves = {key: found for key, found in logged.curves.items() if key != "lr"}
    found = vital(replace(logged, curves=curves, hyper={"lr_scheduler_type": named}), "modes.rest_noise")
    assert isinstance(found, Estimate) == known
    if named == "cosine":  # as the log had it
        beside = vital(logged, "modes.rest_noise")
        assert isinstance(found, Estimate) and isinstance(beside, Estimate)
        assert found.value == pytest.approx(beside.value, rel=0.25)


def test_a_rate_that_jumps_between_two_validations_is_counted_high() -> None:
    # Restarts logged once per epoch: the last epoch of a cycle ends at nothing, the next one begins at the peak.
    epochs = np.arange(1.0, 25.0)
    rate = np.tile([1.0, 0.7, 0.3, 0.1, 0.01, 0.0], 4)
    loss = 1 + 0.3 * rate  # each restart lifts the loss
    made = run(train_loss=(epochs, loss), val_loss=(epochs, loss), lr=(epochs, rate))
    found = vital(made, "modes.rest_noise")
    assert isinstance(found, Missing) or found.value < 0.01


def test_a_rate_that_was_cut_to_a_tenth_does_not_rest() -> None:
    steps = np.arange(1.0, 41.0)
    rate = np.where(steps <= 20, 1.0, 0.099)
    # Steps in a bowl throw a loss about by the root of the rate.
    loss = 1 + 0.1 * np.sqrt(rate) * np.tile([1.0, -1.0], 20)
    made = run(train_loss=(steps, loss), val_loss=(steps, loss), lr=(steps, rate))
    assert isinstance(vital(made, "modes.rest_noise"), Missing)


def test_without_a_rate_nobody_knows_when_the_weights_rest() -> None:
    made = jumping(0, 0.04)
    hidden = replace(made, curves={k: c for k, c in made.curves.items() if k != "lr"})
    assert isinstance(vital(hidden, "modes.rest_noise"), Missing)
