"""Does a report hold what its curves need to be drawn: enough points, the trend before a cut, other axes?"""

from __future__ import annotations

import numpy as np
import pytest

from curvedoc.engine import judge
from curvedoc.report import Report
from curvedoc.rulebook import load_rules
from curvedoc.run import Curve, Run

RULES = load_rules()


def cut_early() -> Run:
    """Decays as a power law would, were the rate not cut to a hundredth after a fifth of the run."""
    step = np.arange(0.0, 3000.0, 5.0)
    free = 2.3 * (1 + step / 150) ** -0.6
    frozen = 2.3 * (1 + 600 / 150) ** -0.6
    noise = 0.01 * np.random.default_rng(0).standard_normal(len(step))
    loss = np.where(step < 600, free, 0.97 * frozen - 1e-6 * (step - 600)) + noise
    rate = np.where(step < 600, 0.1, 0.001)
    return Run("cut", {"train_loss": (Curve(step, loss),), "lr": (Curve(step, rate),)}, steps_per_epoch=100.0)


def test_where_the_loss_was_heading_before_a_cut_is_kept_with_its_band() -> None:
    report = judge(cut_early(), RULES)
    assert "decay-too-early" in {d.rule for d in report.findings}
    (trend,) = report.trends
    assert (trend.step[0], trend.step[-1]) == (600.0, 2995.0)
    truth = [2.3 * (1 + s / 150) ** -0.6 for s in trend.step]
    assert trend.value == pytest.approx(truth, rel=0.15)
    assert all(low <= v <= high for low, v, high in zip(trend.low, trend.value, trend.high, strict=True))


def test_a_run_whose_cuts_are_well_timed_has_no_trend() -> None:
    run = cut_early()
    assert judge(Run("x", {"train_loss": run.curves["train_loss"]}), RULES).trends == ()


def test_steps_are_counted_in_epochs_too() -> None:
    (clock,) = judge(cut_early(), RULES).clocks
    assert clock.name == "epoch"
    assert np.interp(1500, clock.step, clock.value) == pytest.approx(15.0)


def test_a_logged_epoch_and_the_wall_clock_become_axes() -> None:
    step = np.arange(0.0, 100.0)
    wall = 1.7e9 + np.where(step < 50, 36 * step, 36 * step + 7200)  # a pause of two hours
    curves = {
        "train_loss": (Curve(step, np.exp(-step / 30), wall_time=wall),),
        "epoch": (Curve(step, np.floor(step / 10)),),
    }
    clocks = {clock.name: clock for clock in judge(Run("x", curves), RULES).clocks}
    assert set(clocks) == {"epoch", "hours"}
    assert clocks["hours"].value[-1] == pytest.approx(99 * 36 / 3600 + 2)
    assert np.all(np.diff(clocks["hours"].value) >= 0)


def test_a_clock_that_runs_back_is_held() -> None:
    step = np.arange(0.0, 100.0)
    wall = np.where(step < 50, 100 * step, 50 * step)  # resumed on a machine whose clock is late
    run = Run("x", {"train_loss": (Curve(step, np.exp(-step / 30), wall_time=wall),)})
    (clock,) = judge(run, RULES).clocks
    assert np.all(np.diff(clock.value) >= 0)


def test_a_long_curve_keeps_its_spike_and_its_count() -> None:
    step = np.arange(0.0, 50_000.0)
    value = np.exp(-step / 9000) + 0.1
    value[31_234] = 7.0
    report = judge(Run("x", {"train_loss": (Curve(step, value),)}), RULES)
    (drawn,) = report.curves
    assert max(drawn.value) == 7.0
    assert (len(drawn.step) <= 804, drawn.points) == (True, 50_000)


def test_what_is_drawn_survives_writing_and_reading() -> None:
    report = judge(cut_early(), RULES)
    assert Report.from_dict(report.to_dict(drawing=True)) == report
    assert not {"trends", "clocks", "curves"} & report.to_dict().keys()
