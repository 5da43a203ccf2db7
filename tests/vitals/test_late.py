"""Are the rest before a cut of the rate and the gain behind it what was written into the loss?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from curvedoc.estimate import Estimate
from curvedoc.run import Context, Curve, Run
from curvedoc.vitals import Missing, measure

from ..budget_patients import cut_at
from ..held_out import T
from ..patients import exponential, power_law


def at_cut(made: Run, name: str) -> Estimate:
    (row,) = measure(made, Context())[0].lr_drop
    found = row.vitals[name]
    assert isinstance(found, Estimate), found
    return found


@pytest.mark.parametrize("at", [0.4, 0.8])
def test_a_loss_that_came_to_rest_rests_until_the_cut(at: float) -> None:
    # 2.3 to 0.5 with a time constant of 5 % of the run: within 5 % of 0.5 after 4.3 constants.
    found = at_cut(cut_at(0, at, exponential(T, tau=0.05, end=0.5), 0.4), "lr_drop.rest_before")
    assert found.value == pytest.approx(at - 0.2, abs=0.06)


def test_a_falling_loss_does_not_rest() -> None:
    assert at_cut(cut_at(0, 0.5, power_law(T, exponent=0.5), 0.3), "lr_drop.rest_before").value < 0.1


@pytest.mark.parametrize("gain", [0.0, 0.1, 0.4])
def test_the_gain_of_a_cut_is_measured(gain: float) -> None:
    found = at_cut(cut_at(0, 0.5, np.full(len(T), 1.0), gain), "lr_drop.gain")
    assert found.value == pytest.approx(gain, abs=0.02)


def test_a_second_cut_is_part_of_a_plan_and_late_for_nothing() -> None:
    made = cut_at(0, 0.8, exponential(T, tau=0.05, end=0.5), 0.4)
    rate = np.select([0.4 * T[-1] >= T, 0.8 * T[-1] >= T], [0.1, 0.02], 0.004)
    twice = replace(made, curves={**made.curves, "lr": (Curve(T, rate),)})
    first, second = measure(twice, Context())[0].lr_drop
    assert isinstance(first.vitals["lr_drop.rest_before"], Estimate)
    assert isinstance(second.vitals["lr_drop.rest_before"], Missing)
