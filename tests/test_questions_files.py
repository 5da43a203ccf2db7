"""What people ask about logs as they really are: blank, torn, doubled, in directories; the logs are in questions/."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from curvedoc import analyze, diagnose, read
from curvedoc.cli import main

from .questions import formats, not_numbers, schedules, validation
from .questions.asking import SEEDS, alarms, asked, heard, leading

# -- logs as they really are -------------------------------------------------------------------------------------------


def test_a_loss_that_pandas_left_blank_at_its_end_may_be_nan_and_that_is_said(tmp_path: Path) -> None:
    report = asked(not_numbers.blank_cells, tmp_path)
    assert report.verdict != "healthy"
    assert heard(report, "blank", "nan")
    assert "nan" in report.why.lower()


@pytest.mark.parametrize("make", [not_numbers.mlflow_store, not_numbers.mlflow_database])
def test_the_nan_and_infinity_of_mlflow_are_what_they_stand_for(tmp_path: Path, make: Callable[..., Path]) -> None:
    lead = leading(asked(make, tmp_path))
    assert lead.rule == "nan-explosion"
    assert lead.onset is not None
    assert lead.onset.step == 80


def test_train_and_validation_directories_of_keras_are_one_run(tmp_path: Path) -> None:
    path = formats.keras_directories(tmp_path, np.random.default_rng(0))
    (report,) = analyze(path)
    assert leading(report).rule == "overfitting"
    assert abs(leading(report).onset.step - validation.BEST_EPOCH) <= 4  # type: ignore[union-attr]


def test_the_directories_of_add_scalars_are_one_run_with_both_losses(tmp_path: Path) -> None:
    path = formats.added_scalars(tmp_path, np.random.default_rng(0))
    (run,) = read(path)
    assert {"train_loss", "val_loss", "lr"} <= set(run.curves)
    assert diagnose(path).verdict == "healthy"


def test_a_rate_on_rows_of_its_own_is_the_rate_of_the_run(tmp_path: Path) -> None:
    path = formats.sparse_rows(tmp_path, np.random.default_rng(0))
    report = diagnose(path.parent.parent)
    assert leading(report).rule == "plateau-needs-decay"
    assert report.schedule is not None
    assert report.schedule.kind == "constant"


def test_validation_by_epoch_is_put_where_the_epochs_ended_among_iterations(tmp_path: Path) -> None:
    formats.epochs_beside_iterations(tmp_path, np.random.default_rng(0))
    (run,) = read(tmp_path)
    assert run.axis == "step"
    assert run.curves["val_accuracy"][0].step.tolist() == [1000.0 * k for k in range(1, 21)]


def test_a_monitor_file_with_json_in_its_first_line_is_an_agents_and_not_assessed(tmp_path: Path) -> None:
    report = asked(formats.monitor, tmp_path)
    assert report.verdict == "not assessed"
    assert "reward" in report.why


def test_a_header_that_changes_in_the_middle_of_the_file_loses_nothing(tmp_path: Path) -> None:
    path = formats.changed_header(tmp_path, np.random.default_rng(0))
    (run,) = read(path)
    assert {role: len(run.curves[role][0]) for role in ("train_loss", "val_loss", "lr")} == {
        "train_loss": 80,
        "val_loss": 80,
        "lr": 50,
    }
    assert diagnose(path).verdict == "healthy"
    assert heard(diagnose(path), "header")


def test_of_two_columns_with_one_name_neither_is_lost_and_it_is_said(tmp_path: Path) -> None:
    path = formats.doubled_header(tmp_path, np.random.default_rng(0))
    (run,) = read(path)
    assert [len(curve) for curves in run.curves.values() for curve in curves if "loss" in curve.tag] == [60, 60]
    assert heard(diagnose(path), "named 'loss' like another")
    assert alarms(diagnose(path)) == []


def test_three_validations_are_too_few_to_call_anything_overfitting(tmp_path: Path) -> None:
    for seed in SEEDS:
        report = asked(formats.three_validations, tmp_path, seed)
        assert alarms(report) == []
        assert report.verdict == "not assessed"
        assert re.search(r"3 .*points", report.why)


def test_columns_of_na_are_no_nan(tmp_path: Path) -> None:
    for seed in SEEDS:
        report = asked(formats.not_available, tmp_path, seed)
        assert alarms(report) == []
        assert not {"nan-explosion", "hidden-nan"} & {d.rule for d in report.diagnoses}
        assert heard(report, "na, none or null")


def test_all_points_of_a_scalar_stored_as_tensors_are_read(tmp_path: Path) -> None:
    path = formats.many_tensors(tmp_path, np.random.default_rng(0))
    (run,) = read(path)
    assert len(run.curves["train_loss"][0]) == 1500
    assert leading(diagnose(path)).rule == "plateau-needs-decay"


def test_an_event_file_without_its_end_is_read_up_to_there_and_it_is_said(tmp_path: Path) -> None:
    path = formats.torn(tmp_path, np.random.default_rng(0))
    (run,) = read(path)
    assert len(run.curves["train_loss"][0]) == 299
    assert any(re.search("ends inside a record", note.what) for note in diagnose(path).reading)


def test_a_loss_that_falls_through_zero_is_healthy(tmp_path: Path) -> None:
    for seed in SEEDS:
        report = asked(formats.log_likelihood, tmp_path, seed)
        assert report.verdict == "healthy"
        assert report.best is not None
        assert report.best.value < -30


def test_the_floor_of_smoothed_labels_is_no_underfitting(tmp_path: Path) -> None:
    for seed in SEEDS:
        assert asked(formats.smoothed_labels, tmp_path, seed, classes=1000).verdict == "healthy"


def test_a_scheduler_that_watches_for_plateaus_is_already_the_cure(tmp_path: Path) -> None:
    for seed in SEEDS:
        report = asked(schedules.plateau_scheduler, tmp_path, seed)
        assert report.verdict == "healthy"
        assert report.schedule is not None
        assert len(report.schedule.drops) == 4


def test_a_name_that_is_a_script_stays_a_name_on_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = formats.marked_up(tmp_path, np.random.default_rng(0))
    page = tmp_path / "report.html"
    assert main(["analyze", str(path), "--html", str(page), "--format", "json"]) == 0
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    assert run["diagnoses"][0]["rule"] == "overfitting"
    html = page.read_text()
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert "a<b>&c" not in html
