"""Which logs tell of one run? Files that a trainer writes anew at each evaluation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curvedoc.discover import find_runs


def allennlp(folder: Path, epochs: int) -> None:
    """What `allennlp train` leaves in its directory: a file of metrics per epoch, and one for the end."""
    folder.mkdir(parents=True, exist_ok=True)
    for epoch in range(epochs):
        row = {
            "best_epoch": epoch,
            "peak_worker_0_memory_MB": 3120.4,
            "training_duration": f"0:{epoch:02}:31.204518",
            "epoch": epoch,
            "training_accuracy": 1 - 0.5 / (epoch + 1),
            "training_loss": 1 / (epoch + 1),
            "validation_accuracy": 1 - 0.6 / (epoch + 1),
            "validation_loss": 1.2 / (epoch + 1),
            "best_validation_loss": 1.2 / (epoch + 1),
        }
        (folder / f"metrics_epoch_{epoch}.json").write_text(json.dumps(row, indent=2))
    (folder / "metrics.json").write_text(json.dumps({**row, "test_loss": 0.3}, indent=2))
    (folder / "config.json").write_text('{"trainer": {"num_epochs": 12, "optimizer": {"lr": 0.001}}}')


def test_a_file_of_metrics_per_epoch_is_a_point_of_the_one_run(tmp_path: Path) -> None:
    allennlp(tmp_path / "run", 12)
    (run,) = find_runs(tmp_path).runs
    assert run.axis == "epoch"
    for role, factor in (("train_loss", 1.0), ("val_loss", 1.2)):
        (curve,) = run.curves[role]
        assert curve.step.tolist() == list(range(12))  # 10 and 11 behind 9, not behind 1
        assert curve.value.tolist() == [factor / (epoch + 1) for epoch in range(12)]
    assert len(run.files) == 13
    assert any("12 files" in note.what for note in run.notes)


def test_two_directories_of_them_are_two_runs(tmp_path: Path) -> None:
    allennlp(tmp_path / "a", 5)
    allennlp(tmp_path / "b", 7)
    runs = find_runs(tmp_path).runs
    assert {run.name: len(run.curves["val_loss"][0]) for run in runs} == {"a": 5, "b": 7}


def test_a_file_that_states_no_epoch_stands_at_the_number_in_its_name(tmp_path: Path) -> None:
    for step in (500, 1000, 1500):
        (tmp_path / f"eval_step-{step}.json").write_text(json.dumps({"eval_loss": 1000 / step}))
    (run,) = find_runs(tmp_path).runs
    assert run.axis == "step"
    assert run.curves["val_loss"][0].step.tolist() == [500, 1000, 1500]


@pytest.mark.parametrize("word", ["seed", "fold", "run"])
def test_files_numbered_by_anything_else_stay_apart(tmp_path: Path, word: str) -> None:
    for number in (1, 2, 3):
        (tmp_path / f"results_{word}_{number}.json").write_text(json.dumps({"epoch": 10, "val_loss": 0.5 + number}))
    assert len(find_runs(tmp_path).runs) == 3
