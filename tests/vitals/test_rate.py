"""Which losses did the first steps break or throw up, and which only look so?"""

from __future__ import annotations

import math

import numpy as np
import pytest

from ..patients import noisy, run, steps
from .asked import value

T = steps(600, every=1)
V = T[29::30]


@pytest.mark.parametrize(("behind", "weight"), [(0.999, 0.0), (1.02, 1.0)])
def test_validation_that_came_down_by_the_shares_of_the_classes_was_broken_by_no_step(
    behind: float, weight: float
) -> None:
    # One answer from the first epoch on; the rest moves in the sixth digit. What costs more than before was thrown.
    level = math.log(6)
    val = np.where(V[0] == V, level, behind * level) + 1e-6 * np.sin(V)
    made = run(
        train_loss=(T, noisy(np.full(len(T), level), 0.01)),
        val_loss=(V, val),
        val_accuracy=(V, np.full(len(V), 0.15)),
        lr=(T, np.full(len(T), 0.05)),
    )
    assert value(made, "rate.collapse").value == weight


@pytest.mark.parametrize(("of_validation", "weight"), [(2.0, 1.0), (0.95, 0.0)])
def test_steps_that_threw_the_weights_threw_them_for_validation_too(of_validation: float, weight: float) -> None:
    epochs = np.arange(1.0, 31.0)
    jumped = np.where(epochs <= 3, 1.0, 2.0) * (1.5 - epochs / 25)
    val = np.where(epochs <= 3, 1.0, of_validation) * (1.5 - epochs / 25)
    made = run(train_loss=(epochs, noisy(jumped, 0.003)), val_loss=(epochs, noisy(val, 0.003, 7)))
    assert value(made, "rate.overshoot").value == pytest.approx(weight, abs=0.05)


@pytest.mark.parametrize(("hard", "weight"), [(2, 0.0), (3, 1.0)])
def test_a_first_batch_that_was_lucky_is_no_overshoot(hard: int, weight: float) -> None:
    early = np.arange(1.0, 21.0)
    loss = 0.7 + 0.01 * np.sin(early)
    loss[0] = 0.62
    loss[2 : 2 + hard] = 1.1  # so many hard batches in a row
    made = run(train_loss=(early, loss))
    assert value(made, "rate.overshoot").value == pytest.approx(weight, abs=0.05)
