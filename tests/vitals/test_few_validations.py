"""What three to five validations tell of a descent whose batches are too noisy to show it."""

from __future__ import annotations

import numpy as np
import pytest

from curvedoc.engine import judge
from curvedoc.estimate import Estimate
from curvedoc.rulebook import load_rules
from curvedoc.run import Run
from curvedoc.vitals.chart import Missing

from ..patients import Array, noisy, run, steps
from .asked import vital

T = steps(200)
E = T[-1] * np.array([1, 2, 3]) / 3


def logged(val: Array) -> Run:
    """Single batches that scatter by half of the loss beside three validations, at a constant rate."""
    loss = np.interp(T, np.append(0, E), np.append(2.0, val))
    return run(train_loss=(T, noisy(loss, 0.5)), val_loss=(E, val), lr=(T, np.full(len(T), 0.01)))


def exponential(t: Array) -> Array:
    shape: Array = 0.3 + np.exp(-t / (0.4 * T[-1]))
    return shape


def power(t: Array) -> Array:
    shape: Array = (t / T[-1]) ** -0.4
    return shape


@pytest.mark.parametrize("law", [exponential, power])
def test_what_is_ahead_lies_between_an_exponential_and_a_power_law(law) -> None:  # type: ignore[no-untyped-def]
    now, then = law(np.array([T[-1], 2 * T[-1]]))
    found = vital(logged(law(E)), "pace.ahead")
    assert isinstance(found, Estimate)
    # The run begins with its first logged step and not with step 0: a hundredth of the law's own doubt.
    assert found.low - 0.01 <= (now - then) / now <= found.high + 0.01
    assert min(abs(found.low - (now - then) / now), abs(found.high - (now - then) / now)) < 0.01


def test_the_last_gain_is_a_share_of_the_last_validation() -> None:
    found = vital(logged(np.array([1.0, 0.6, 0.5])), "val_loss.last_gain")
    assert isinstance(found, Estimate)
    assert found.value == pytest.approx(0.2)


@pytest.mark.parametrize("val", [[1.0, 0.6, 0.62], [0.6, 1.0, 0.5], [0.5, 0.5, 0.5]])
def test_validations_that_go_up_and_down_tell_no_gain(val: list[float]) -> None:
    assert isinstance(vital(logged(np.array(val)), "val_loss.last_gain"), Missing)


def test_a_loss_hidden_by_its_batches_is_no_plateau_while_validation_falls() -> None:
    report = judge(logged(np.array([0.75, 0.52, 0.44])), load_rules())
    rules = {d.rule for d in report.findings}
    assert "still-improving" in rules
    assert "plateau-needs-decay" not in rules
