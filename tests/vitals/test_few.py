"""Is it seen that the few validations of a short run turned up?"""

from __future__ import annotations

import numpy as np
import pytest

from curvedoc.estimate import Estimate
from curvedoc.vitals import Missing

from ..held_out import fine_tuned
from ..patients import run
from .asked import missing, value, vital

EPOCHS = np.arange(1.0, 6.0)


def epochs(train: list[float], val: list[float]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Means of epochs, as a table of so many rows has them."""
    at = EPOCHS[: len(val)]
    return {"train_loss": (at, np.array(train)), "val_loss": (at, np.array(val))}


def test_of_the_last_two_validations_the_lower_one_counts() -> None:
    made = run(**epochs([1.0, 0.5, 0.4, 0.2, 0.1], [0.8, 0.5, 0.52, 0.75, 0.6]))
    assert value(made, "few.rise").value == pytest.approx(0.6 / 0.5 - 1)
    assert value(made, "few.best_step").value == 2
    assert value(made, "few.fell").value == pytest.approx(1 - 0.1 / 0.5)
    assert value(made, "few.times").value == pytest.approx(0.6 / 0.1)


def test_a_last_validation_that_came_up_alone_is_no_rise() -> None:
    assert value(run(**epochs([1.0, 0.5, 0.3, 0.1], [0.8, 0.6, 0.5, 0.9])), "few.rise").value < 0


def test_the_level_of_noisy_batches_before_a_validation_is_known_to_its_doubt() -> None:
    levels = [value(fine_tuned(seed, 0.36, 0.44, 0.56), "few.times") for seed in range(40)]
    u = np.linspace(5 / 6, 1, 101)
    true = 0.56 / float(np.median(0.05 + 0.55 * np.exp(-u / 0.35)))
    inside = [found.low * 0.98 <= true <= found.high * 1.02 for found in levels]  # validation has its own 1 %
    assert 0.7 <= np.mean(inside) <= 1.0


def test_a_metric_is_compared_at_the_same_steps() -> None:
    made = epochs([1.0, 0.5, 0.3, 0.1], [0.5, 0.4, 0.5, 0.6])
    at = made["val_loss"][0]
    right = run(**made, val_accuracy=(at, np.array([0.5, 0.6, 0.65, 0.7])))
    assert value(right, "few.metric_gain").value == pytest.approx((0.7 - 0.6) / 0.4)  # of 40 % wrong answers
    wrong = run(**made, val_metric_lower=(at, np.array([30.0, 20.0, 15.0, 10.0])))
    assert value(wrong, "few.metric_gain").value == pytest.approx(10 / 20)


@pytest.mark.parametrize(("points", "why"), [(2, "2 finite points"), (6, "enough validations")])
def test_fewer_than_three_say_nothing_and_six_are_smoothed(points: int, why: str) -> None:
    at = np.arange(1.0, points + 1)
    assert why in missing(run(train_loss=(at, 1 / at), val_loss=(at, 1 / at)), "few.rise").why


def test_the_losses_of_an_agent_or_of_players_are_left_alone() -> None:
    made = fine_tuned(0, 0.36, 0.44, 0.56)
    assert isinstance(vital(made, "few.rise"), Estimate)
    assert isinstance(vital(made, "few.rise", task="rl"), Missing)
