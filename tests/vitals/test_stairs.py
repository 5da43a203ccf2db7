"""How much of a descent came in stairs, where an epoch began."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from curvedoc.estimate import Estimate
from curvedoc.run import Context
from curvedoc.vitals import measure
from curvedoc.vitals.chart import Measured, Missing

from ..patients import Array, noisy, power_law, run, steps

T = steps()


def stairs(loss: Array, epochs: int) -> Measured:
    made = replace(run(train_loss=(T, loss)), steps_per_epoch=T[-1] / epochs)
    return measure(made, Context())[0].run.vitals["epoch.stairs"]


@pytest.mark.parametrize("seed", range(5))
def test_stairs_are_the_part_of_the_descent_that_came_at_once(seed: int) -> None:
    number = np.minimum(3, (T - 1) // (T[-1] / 4))
    slope, jump = 0.1, 0.2
    loss = 3 - slope * (T - T[0]) / (T[-1] - T[0]) - jump * number
    found = stairs(noisy(loss, 0.005, seed), 4)
    assert isinstance(found, Estimate)
    # Behind the middle of the first epoch seven eighths of the slope are left.
    assert found.value == pytest.approx(3 * jump / (3 * jump + slope * 7 / 8), abs=0.03)
    assert found.low < found.value < found.high


@pytest.mark.parametrize("exponent", [0.1, 0.3, 0.7])
def test_a_smooth_descent_has_no_stairs(exponent: float) -> None:
    found = stairs(noisy(power_law(T, exponent=exponent), 0.02), 5)
    assert isinstance(found, Estimate)
    assert found.low < 0.1


def test_over_many_epochs_nobody_looks_for_stairs() -> None:
    assert isinstance(stairs(noisy(power_law(T)), 50), Missing)
