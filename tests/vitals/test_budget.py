"""Are wasted steps and lost seconds counted right, whichever way the log tells them?"""

from __future__ import annotations

import numpy as np
import pytest

from curvedoc.estimate import Estimate
from curvedoc.run import Context, Run
from curvedoc.vitals import Missing, measure

from ..budget_patients import PAUSES, best_at, timed, walled
from ..held_out import T, both, fair


def value(made: Run, name: str) -> float:
    found = measure(made, Context())[0].run.vitals[name]
    assert isinstance(found, Estimate), found
    return found.value


@pytest.mark.parametrize("share", [0.3, 0.6])
def test_what_lies_behind_the_best_checkpoint_is_wasted(share: float) -> None:
    found = measure(best_at(0, share), Context())[0].run.vitals["budget.wasted"]
    assert isinstance(found, Estimate)
    assert found.value - 0.05 <= 1 - share <= found.high + 0.05
    assert found.value > 0.5 * (1 - share)


@pytest.mark.parametrize("tag", ["dt", "time/seconds_per_step", "step_time_s"])
def test_lost_time_is_what_goes_above_the_fastest_quarter(tag: str) -> None:
    # Three quarters of the run at 1 s, the rest at 3 s a step: 0.5 of 1.5 s per step on average.
    seconds = np.where(np.arange(600) < 450, 1.0, 3.0)
    assert value(timed(0, seconds, tag), "time.lost") == pytest.approx(1 / 3, abs=0.02)
    assert value(timed(0, seconds, tag), "time.slowed") == pytest.approx(3, rel=0.05)


def test_a_throughput_tells_the_same_as_seconds() -> None:
    seconds = np.where(np.arange(600) < 450, 1.0, 3.0)
    assert value(timed(0, 64 / seconds, "examples_per_second"), "time.lost") == pytest.approx(1 / 3, abs=0.02)


def test_wall_times_tell_the_same_as_seconds_and_regular_pauses_lose_nothing() -> None:
    seconds = np.where(np.arange(600) < 450, 1.0, 3.0)
    assert value(walled(0, seconds), "time.lost") == pytest.approx(1 / 3, abs=0.02)
    assert value(walled(0, PAUSES), "time.lost") < 0.08


def test_counters_and_times_of_other_things_are_no_pace() -> None:
    for tag in ("total_time", "eval_runtime", "eta_seconds", "accumulated_step_time"):
        assert isinstance(measure(timed(0, T, tag), Context())[0].run.vitals["time.lost"], Missing)


def test_the_share_of_loading_is_the_median_over_the_steps() -> None:
    made = timed(0, np.full(600, 0.2), "time", data_time=np.full(600, 0.06))
    assert value(made, "time.loading") == pytest.approx(0.3, abs=0.001)


def test_without_times_nothing_is_said() -> None:
    vitals = measure(both(0, fair(0)), Context())[0].run.vitals
    assert isinstance(vitals["time.lost"], Missing)
    assert isinstance(vitals["time.loading"], Missing)
