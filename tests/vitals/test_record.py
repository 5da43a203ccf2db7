"""Are smoothing, mixed steps and resumes read off the log as they were written into it?"""

from __future__ import annotations

import numpy as np
import pytest

from curvedoc.run import Context, Run
from curvedoc.vitals import Missing, measure

from ..budget_patients import averaged, counting, resumed
from ..held_out import both, fair
from .asked import value


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.98])
def test_the_memory_of_a_running_mean_is_its_decay(beta: float) -> None:
    found = [value(averaged(seed, beta), "train_loss.memory") for seed in range(20)]
    assert np.mean([f.value for f in found]) == pytest.approx(beta, abs=0.1)
    assert np.mean([f.low - 0.05 <= beta <= f.high + 0.05 for f in found]) >= 0.75


def test_a_curve_without_noise_has_no_memory() -> None:
    vitals = measure(both(0, fair(0)), Context())[0].run.vitals
    assert isinstance(vitals["resume.jump"], Missing)
    made = counting(0, 60)
    smooth = Run("r", {**made.curves, "train_loss": (made.curves["val_loss"][0],)})
    assert isinstance(measure(smooth, Context())[0].run.vitals["train_loss.memory"], Missing)


def test_a_curve_that_counts_epochs_ends_long_before_the_run() -> None:
    assert value(counting(0, 60), "steps.apart").value == pytest.approx(100)
    assert value(both(0, fair(0)), "steps.apart").value == 1


@pytest.mark.parametrize("jump", [0.1, 0.5])
def test_a_jump_at_a_resume_is_measured_where_it_happened(jump: float) -> None:
    made = resumed(3, jump)
    assert value(made, "resume.step").value == 3010
    # The jump decays over 60 points, its first twelve have a median of 0.91 of it.
    assert value(made, "resume.jump").value == pytest.approx(0.91 * jump, abs=0.03)


def test_of_many_clean_resumes_few_seem_to_jump() -> None:
    passed = sum(value(resumed(seed, 0.0), "resume.jump_sd").value > 3.7 for seed in range(100))
    assert passed <= 2
