"""Does a tree of logs fall into the runs that a person would see in it?"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pytest

from curvedoc.discover import Found, find_runs
from curvedoc.errors import NoLogFound, UsageError
from curvedoc.run import Run

from . import writers

LOSS = [2.3, 1.9, 1.6, 1.4, 1.25, 1.13, 1.04, 0.97]
LONG = [2.3, 1.9, 1.6, 1.4, 1.25, 1.13, 1.04, 0.97, 0.93, 0.9, 0.88, 0.87]


def csv(file: Path, **columns: Iterable[object]) -> Path:
    """A table with the named columns; None is an empty cell."""
    return writers.table(file, columns)


def keras(file: Path, scale: float = 1.0) -> Path:
    return csv(file, epoch=range(8), loss=[x * scale for x in LOSS], val_loss=[x * scale + 0.1 for x in LOSS])


def events(directory: Path, tags: Mapping[str, Iterable[float]], *, first: int = 0, start: int = 1_700_000_000) -> Path:
    """An event file by TensorBoard's own writer, as if it had been opened at `start`."""
    pairs = {tag: (range(first, first + len(list(values))), values) for tag, values in tags.items()}
    return writers.events(directory, pairs, start=start)


def trainer_state(file: Path, steps: int, scale: float = 1.0) -> Path:
    rows = [
        {"step": s, "epoch": s / 4, "loss": scale * LONG[s - 1], "learning_rate": 1e-4} for s in range(1, steps + 1)
    ]
    return writers.trainer(file, rows, max_steps=8)


def names(found: Found) -> list[str]:
    return [run.name for run in found.runs]


def files(run: Run) -> set[str]:
    return set(run.files)


# -- one file, one directory ------------------------------------------------------------------------------------------


def test_a_table_in_another_language_is_read_when_its_columns_are_named(tmp_path: Path) -> None:
    csv(tmp_path / "verlauf.csv", Runde=range(8), Verlust=LOSS, Verlust_neu=LOSS[::-1])
    with pytest.raises(NoLogFound, match="no training log found"):
        find_runs(tmp_path)
    for place in (tmp_path, tmp_path / "verlauf.csv"):
        (run,) = find_runs(place, roles={"train_loss": "Verlust", "val_loss": "Verlust_neu"}).runs
        assert run.curves["train_loss"][0].value.tolist() == LOSS
        assert run.curves["val_loss"][0].value.tolist() == LOSS[::-1]


def test_a_table_that_is_given_itself_is_asked_about_its_columns(tmp_path: Path) -> None:
    csv(tmp_path / "verlauf.csv", Runde=range(8), Verlust=LOSS)
    with pytest.raises(NoLogFound, match=r"'Verlust'.*--role train_loss=COLUMN"):
        find_runs(tmp_path / "verlauf.csv")


def test_a_file_is_one_run_named_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keras(tmp_path / "runs" / "one" / "history.csv")
    keras(tmp_path / "runs" / "one" / "other.csv")
    monkeypatch.chdir(tmp_path)
    (run,) = find_runs("runs/one/history.csv").runs
    assert (run.name, run.path, run.files) == ("runs/one/history", "runs/one/history.csv", ("history.csv",))
    (run,) = find_runs(tmp_path / "runs/one/history.csv").runs
    assert (run.name, run.path) == ("one/history", str(tmp_path / "runs/one/history.csv"))


def test_runs_are_named_by_their_place_below_the_argument(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("a", "b/version_2", "b/version_10"):
        keras(tmp_path / "runs" / place / "metrics.csv")
    monkeypatch.chdir(tmp_path)
    found = find_runs("runs")
    assert names(found) == ["a", "b/version_2", "b/version_10"]
    assert [run.path for run in found.runs] == [f"runs/{name}/metrics.csv" for name in names(found)]
    assert [run.files for run in found.runs] == [(f"{name}/metrics.csv",) for name in names(found)]
    assert {t.file for run in found.runs for t in run.tags} == {f"{name}/metrics.csv" for name in names(found)}


def test_the_argument_itself_gives_its_own_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keras(tmp_path / "my-run" / "metrics.csv")
    monkeypatch.chdir(tmp_path / "my-run")
    (run,) = find_runs(".").runs
    assert (run.name, run.path) == ("my-run", "metrics.csv")
    assert names(find_runs(tmp_path / "my-run")) == ["my-run"]


def test_unrelated_tables_in_one_directory_stay_single(tmp_path: Path) -> None:
    for k in range(4):
        keras(tmp_path / f"{k:04}.csv", 1 + k / 10)
    for name in ("train_log", "train_log_temp", "speaker10_training"):
        keras(tmp_path / f"{name}.csv", 2.0)
    found = find_runs(tmp_path)
    assert names(found) == ["0000", "0001", "0002", "0003", "speaker10_training", "train_log", "train_log_temp"]
    assert all(len(run.files) == 1 for run in found.runs)


def test_files_that_differ_in_their_suffix_get_different_names(tmp_path: Path) -> None:
    keras(tmp_path / "training.csv")
    keras(tmp_path / "training.log", 1.5)
    assert len(set(names(find_runs(tmp_path)))) == 2


# -- one run in several files -----------------------------------------------------------------------------------------


def test_a_train_log_and_an_eval_log_are_one_run(tmp_path: Path) -> None:
    csv(tmp_path / "r" / "train_log.csv", step=range(1, 9), epoch=[1, 1, 2, 2, 3, 3, 4, 4], loss=LOSS)
    csv(tmp_path / "r" / "eval_log.csv", epoch=range(1, 5), loss=LOSS[::2])
    (run,) = find_runs(tmp_path).runs
    assert (run.name, run.path) == ("r", str(tmp_path / "r"))
    assert run.curves["val_loss"][0].step.tolist() == [2, 4, 6, 8]
    assert run.steps_per_epoch == 2


def test_one_metric_per_file_is_one_run_per_stem(tmp_path: Path) -> None:
    for model in ("small", "large"):
        csv(tmp_path / f"{model}_train_loss.csv", step=range(8), value=LOSS)
        csv(tmp_path / f"{model}_val_loss.csv", step=range(8), value=LOSS)
    csv(tmp_path / "x" / "train_loss.csv", step=range(8), train_loss=LOSS)
    csv(tmp_path / "x" / "lr.csv", step=range(8), lr=LOSS)
    found = find_runs(tmp_path)
    assert sorted(len(run.files) for run in found.runs) == [2, 2, 2]
    (x,) = [run for run in found.runs if run.name == "x"]
    assert set(x.curves) == {"train_loss", "lr"}


def test_the_panels_of_a_wandb_run_are_one_run(tmp_path: Path) -> None:
    for tag, name in (("train/loss", "loss"), ("eval/loss", "eval_loss"), ("lr", "lr")):
        for run in ("sun-1", "moon-2"):
            column = f"{run} - {tag}"
            copies = {f"{column}__{end}": LOSS for end in ("MIN", "MAX")}
            csv(tmp_path / run / f"wandb_export_{name}.csv", Step=range(8), **{column: LOSS}, **copies)
    found = find_runs(tmp_path)
    assert names(found) == ["moon-2", "sun-1"]
    for run in found.runs:
        assert set(run.curves) == {"train_loss", "val_loss", "lr"}
        assert len(run.files) == 3


def test_keras_directories_train_and_validation_are_one_run(tmp_path: Path) -> None:
    for side in ("train", "validation"):
        events(tmp_path / "logs" / side, {"epoch_loss": LOSS})
    (run,) = find_runs(tmp_path).runs
    assert run.name == "logs"
    assert {run.get("train_loss") is not None, run.get("val_loss") is not None} == {True}


def test_an_evaluation_below_the_event_files_of_a_training_is_its_side(tmp_path: Path) -> None:
    events(tmp_path / "model", {"Loss/total_loss": LOSS, "learning_rate": LOSS})
    events(tmp_path / "model" / "eval", {"Loss/total_loss": LOSS[::-1], "DetectionBoxes_Precision/mAP": LOSS})
    (run,) = find_runs(tmp_path).runs
    assert run.name == "model"
    assert {"train_loss", "val_loss", "val_metric", "lr"} == set(run.curves)


def test_directories_called_after_a_tag_by_chance_stay_runs_of_their_own(tmp_path: Path) -> None:
    events(tmp_path / "loss_1", {"loss": LOSS}, start=1_700_000_000)
    events(tmp_path / "loss_2", {"loss": LOSS}, start=1_700_005_000)
    assert names(find_runs(tmp_path)) == ["loss_1", "loss_2"]


def test_what_wandb_kept_of_a_run_is_one_run(tmp_path: Path) -> None:
    home = tmp_path / "wandb" / "run-20240101_120000-abc"
    csv(home / "history.csv", _step=range(8), train_loss=LOSS, lr=LOSS)
    (home / "files").mkdir()
    (home / "files" / "wandb-summary.json").write_text('{"train_loss": 0.97, "_step": 7}')
    (home / "files" / "output.log").write_text("".join(f"step {s}: loss {x:.1f}\n" for s, x in enumerate(LOSS)))
    (home / "files" / "config.yaml").write_text("lr:\n  desc: null\n  value: 0.1\n")
    (run,) = find_runs(tmp_path).runs
    assert len(run.files) == 3
    assert run.hyper == {"lr": 0.1}
    assert {c.file for curves in run.curves.values() for c in curves} == {"wandb/run-20240101_120000-abc/history.csv"}


def test_a_task_called_train_is_a_run_of_its_own(tmp_path: Path) -> None:
    for name in ("train", "train2", "val"):
        columns = {"train/box_loss": LOSS, "val/box_loss": LOSS, "metrics/recall": LOSS}
        csv(tmp_path / "runs" / "detect" / name / "results.csv", epoch=range(8), **columns)
    assert names(find_runs(tmp_path / "runs")) == ["detect/train", "detect/train2", "detect/val"]


def test_the_directories_of_add_scalars_belong_to_the_run(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch.utils.tensorboard")
    with torch.SummaryWriter(str(tmp_path / "a")) as writer:
        for step, loss in enumerate(LOSS):
            writer.add_scalars("Loss", {"train": loss, "val": loss + 0.1}, step)
            writer.add_scalar("lr", 0.1, step)
    (run,) = find_runs(tmp_path).runs
    assert run.name == "a"
    assert len(run.files) == 3
    assert {role: len(run.curves[role][0]) for role in ("train_loss", "val_loss", "lr")} == {
        "train_loss": 8,
        "val_loss": 8,
        "lr": 8,
    }


def test_the_directories_of_tensorboardx_belong_to_the_run(tmp_path: Path) -> None:
    tensorboardx = pytest.importorskip("tensorboardX")
    with tensorboardx.SummaryWriter(str(tmp_path / "a")) as writer:
        for step, loss in enumerate(LOSS):
            writer.add_scalars("Eval Loss", {"train": loss, "val": loss + 0.1}, step)
            writer.add_scalar("lr", 0.1, step)
    (run,) = find_runs(tmp_path).runs
    assert run.name == "a"
    assert {"train_loss", "val_loss", "lr"} <= set(run.curves)


def test_a_resumed_job_is_one_run(tmp_path: Path) -> None:
    events(tmp_path / "r", {"loss": LOSS}, start=1_700_000_000)
    events(tmp_path / "r", {"loss": LOSS}, first=8, start=1_700_001_000)
    events(tmp_path / "r", {"loss": LOSS}, first=12, start=1_700_002_000)
    (run,) = find_runs(tmp_path).runs
    assert run.curves["train_loss"][0].step.tolist() == list(range(20))
    assert any("go back from 15 to 12" in note.what for note in run.notes)


def test_several_attempts_in_one_directory_stay_apart(tmp_path: Path) -> None:
    for attempt in range(3):
        events(tmp_path / "r", {"loss": [x + attempt for x in LOSS]}, start=1_700_000_000 + 1000 * attempt)
    found = find_runs(tmp_path)
    assert names(found) == ["r/attempt-1", "r/attempt-2", "r/attempt-3"]
    assert [run.curves["train_loss"][0].value[0] for run in found.runs] == pytest.approx([2.3, 3.3, 4.3])
    assert len({run.path for run in found.runs}) == 3


def test_attempts_of_both_sides_are_matched_by_their_time(tmp_path: Path) -> None:
    for attempt, start in enumerate((1_700_000_000, 1_700_010_000)):
        events(tmp_path / "train", {"epoch_loss": [x + attempt for x in LOSS]}, start=start)
        events(tmp_path / "validation", {"epoch_loss": [x + attempt + 0.5 for x in LOSS]}, start=start + 300)
    first, second = find_runs(tmp_path).runs
    for run, offset in ((first, 0), (second, 1)):
        assert run.curves["train_loss"][0].value[0] == pytest.approx(2.3 + offset)
        assert run.curves["val_loss"][0].value[0] == pytest.approx(2.8 + offset)


def test_growing_checkpoints_are_one_run_and_the_longest_is_read(tmp_path: Path) -> None:
    for steps in (1, 4, 8):
        trainer_state(tmp_path / "out" / f"checkpoint-{steps}" / "trainer_state.json", steps)
    (run,) = find_runs(tmp_path).runs
    assert run.name == "out"
    assert len(run.curves["train_loss"][0]) == 8
    assert len(run.curves["train_loss"]) == 1
    assert len(run.files) == 3
    assert any(
        "the longest of 3 checkpoints; checkpoint-4, checkpoint-1 hold its beginning" in n.what for n in run.notes
    )


def test_checkpoints_of_another_run_in_the_directory_stay_apart(tmp_path: Path) -> None:
    trainer_state(tmp_path / "checkpoint-4" / "trainer_state.json", 4, scale=1.7)
    trainer_state(tmp_path / "checkpoint-8" / "trainer_state.json", 8)
    assert len(find_runs(tmp_path).runs) == 2


def test_a_run_in_two_formats_counts_once_and_the_richer_is_read(tmp_path: Path) -> None:
    csv(tmp_path / "r" / "results.csv", epoch=range(8), **{"train/loss": LOSS, "val/loss": LOSS[::-1], "lr/pg0": LOSS})
    events(tmp_path / "r", {"train/loss": LOSS, "val/loss": LOSS[::-1]})
    (run,) = find_runs(tmp_path).runs
    assert {c.file for curves in run.curves.values() for c in curves} == {"r/results.csv"}
    assert len(run.files) == 2
    assert any("the same run in another format" in n.what and "tfevents" in n.what for n in run.notes)
    assert {t.role for t in run.tags if "tfevents" in t.file} == {"train_loss", "val_loss"}


def test_a_run_in_two_formats_is_known_across_directories(tmp_path: Path) -> None:
    for k in range(3):
        loss, val = [x + k for x in LOSS], [x / (k + 1) for x in LOSS]
        rounded = {"train_loss": [f"{x:.4g}" for x in loss], "val_loss": [f"{x:.4g}" for x in val]}
        csv(tmp_path / "csv" / f"version_{k}" / "metrics.csv", step=range(8), **rounded)
        events(tmp_path / "tb" / f"version_{k}", {"train_loss": loss, "val_loss": val})
    found = find_runs(tmp_path)
    assert len(found.runs) == 3
    for run in found.runs:
        assert {Path(f).parent.name for f in run.files} == {Path(run.name).name}


def test_runs_of_equal_curves_in_unrelated_directories_stay_apart(tmp_path: Path) -> None:
    csv(tmp_path / "keras_case" / "history.csv", epoch=range(8), loss=LOSS, val_loss=LOSS[::-1])
    events(tmp_path / "torch_case", {"loss": LOSS, "val_loss": LOSS[::-1]})
    csv(tmp_path / "history.csv", epoch=range(8), loss=LOSS, val_loss=LOSS[::-1])
    assert sorted(names(find_runs(tmp_path))) == sorted([tmp_path.name, "keras_case", "torch_case"])


def test_the_event_files_below_a_trainer_s_checkpoints_are_its_run(tmp_path: Path) -> None:
    for steps in (4, 12):
        trainer_state(tmp_path / "out" / f"checkpoint-{steps}" / "trainer_state.json", steps)
    events(tmp_path / "out" / "runs" / "Nov21_host", {"train/loss": LONG, "train/learning_rate": [1e-4] * 12}, first=1)
    found = find_runs(tmp_path)
    assert names(found) == ["out"]
    assert found.runs[0].path == str(tmp_path / "out")
    assert len(found.runs[0].files) == 3


def test_the_two_copies_that_mmengine_writes_are_one_run(tmp_path: Path) -> None:
    rows = [{"loss": x, "lr": 0.1, "step": s} for s, x in enumerate(LONG, 1)]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    for name in ("scalars.json", "20240101_120000.json"):
        (tmp_path / "work" / "20240101_120000" / "vis_data").mkdir(parents=True, exist_ok=True)
        (tmp_path / "work" / "20240101_120000" / "vis_data" / name).write_text(text)
    (run,) = find_runs(tmp_path / "work").runs
    assert run.name == "20240101_120000"
    assert len(run.files) == 2
    assert len(run.curves["train_loss"]) == 1


def test_what_was_printed_belongs_to_the_table_beside_it(tmp_path: Path) -> None:
    csv(tmp_path / "r" / "metrics.csv", step=range(8), train_loss=LOSS, lr=LOSS)
    printed = "".join(f"step {s}: loss {x:.1f}\n" for s, x in enumerate(LOSS) if s % 2)
    (tmp_path / "r" / "stdout.log").write_text("starting\n" + printed * 3)
    (run,) = find_runs(tmp_path).runs
    assert {c.file for curves in run.curves.values() for c in curves} == {"r/metrics.csv"}
    assert len(run.files) == 2


def test_different_curves_in_two_formats_complete_each_other(tmp_path: Path) -> None:
    csv(tmp_path / "r" / "val.csv", step=range(8), val_loss=LOSS)
    events(tmp_path / "r", {"train_loss": LOSS})
    (run,) = find_runs(tmp_path).runs
    assert set(run.curves) == {"train_loss", "val_loss"}


def test_logs_named_by_their_start_are_pieces_of_a_run_that_goes_on(tmp_path: Path) -> None:
    for name, first in (("training_log_2019_12_18_11", 0), ("training_log_2019_12_19_07", 8)):
        csv(tmp_path / f"{name}.csv", epoch=range(first, first + 8), loss=LOSS)
    keras(tmp_path / "training_log_2019_12_20_09.csv", 2.0)
    found = find_runs(tmp_path)
    assert [len(run.files) for run in found.runs] == [2, 1]
    assert len(found.runs[0].curves["train_loss"][0]) == 16


def test_hyper_parameters_of_tensorboard_belong_to_the_run_above(tmp_path: Path) -> None:
    events(tmp_path / "r", {"loss": LOSS})
    events(tmp_path / "r" / "1700000000.123", {"hparam/accuracy": [0.9]})
    (run,) = find_runs(tmp_path).runs
    assert run.name == "r"
    assert set(run.curves) == {"train_loss"}


def test_runs_in_two_formats_that_differ_stay_apart(tmp_path: Path) -> None:
    keras(tmp_path / "r" / "log.csv")
    events(tmp_path / "r", {"loss": [x * 1.1 for x in LOSS], "val_loss": LOSS[::-1]})
    assert len(find_runs(tmp_path).runs) == 2


def test_equal_copies_in_one_format_stay_apart(tmp_path: Path) -> None:
    keras(tmp_path / "seed0" / "log.csv")
    keras(tmp_path / "seed1" / "log.csv")
    assert len(find_runs(tmp_path).runs) == 2


def test_one_metric_per_tsv_of_dvclive_is_one_run(tmp_path: Path) -> None:
    for side in ("train", "eval"):
        for tag in ("loss", "accuracy"):
            rows = "\n".join(f"{s}\t{x / 3}" for s, x in enumerate(LOSS))
            file = tmp_path / "dvclive" / "plots" / "metrics" / side / f"{tag}.tsv"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"step\t{tag}\n{rows}\n")
    (run,) = find_runs(tmp_path).runs
    assert run.name == "dvclive"
    assert {"train_loss", "val_loss", "train_accuracy", "val_accuracy"} == set(run.curves)


def test_the_metrics_and_parameters_of_mlflow_are_one_run(tmp_path: Path) -> None:
    for run_id in ("a1", "b2"):
        home = tmp_path / "mlruns" / "0" / run_id
        for tag in ("train/loss", "val_loss"):
            file = home / "metrics" / tag
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("".join(f"{1_700_000_000_000 + s} {x} {s}\n" for s, x in enumerate(LOSS)))
        (home / "params").mkdir()
        (home / "params" / "lr").write_text("0.01")
    found = find_runs(tmp_path)
    assert names(found) == ["mlruns/0/a1", "mlruns/0/b2"]
    for run in found.runs:
        assert set(run.curves) == {"train_loss", "val_loss"}
        assert run.hyper == {"lr": 0.01}


def test_a_summary_belongs_to_the_run_beside_it(tmp_path: Path) -> None:
    keras(tmp_path / "r" / "history.csv")
    (tmp_path / "r" / "all_results.json").write_text('{"val_loss": 1.07, "epoch": 7}')
    (run,) = find_runs(tmp_path).runs
    assert len(run.files) == 2


# -- settings ---------------------------------------------------------------------------------------------------------


def test_a_configuration_beside_a_log_goes_into_the_run(tmp_path: Path) -> None:
    keras(tmp_path / "r" / "log.csv")
    (tmp_path / "r" / "config.json").write_text('{"lr": 0.1, "model": "mlp"}')
    found = find_runs(tmp_path)
    assert found.runs[0].hyper == {"lr": 0.1, "model": "mlp"}
    assert found.skipped == found.refused == ()
    assert find_runs(tmp_path / "r" / "log.csv").runs[0].hyper == {"lr": 0.1, "model": "mlp"}


def test_a_configuration_above_speaks_for_a_single_run_only(tmp_path: Path) -> None:
    for place in ("one/vis", "many/a", "many/b"):
        keras(tmp_path / place / "log.csv")
    for place in ("one", "many"):
        (tmp_path / place / "config.yaml").write_text("lr: 0.1\n")
    hyper = {run.name: run.hyper for run in find_runs(tmp_path).runs}
    assert hyper == {"one/vis": {"lr": 0.1}, "many/a": {}, "many/b": {}}


def test_a_run_directory_says_its_own_roles_and_facts(tmp_path: Path) -> None:
    for name in ("a", "b"):
        csv(tmp_path / name / "log.csv", step=range(8), objective=LOSS, loss=LOSS[::-1])
    (tmp_path / "a" / "curvedoc.toml").write_text('classes = 5\n[roles]\ntrain_loss = "objective"\n')
    a, b = find_runs(tmp_path).runs
    assert a.curves["train_loss"][0].tag == "objective"
    assert a.hyper == {"num_classes": 5}
    assert b.curves["train_loss"][0].tag == "loss"
    found = find_runs(tmp_path, roles={"train_loss": "loss"})
    assert [run.curves["train_loss"][0].tag for run in found.runs] == ["loss", "loss"]


def test_a_configuration_above_its_runs_holds_for_all(tmp_path: Path) -> None:
    for name in ("a", "b"):
        csv(tmp_path / name / "log.csv", step=range(8), objective=LOSS)
    (tmp_path / "curvedoc.toml").write_text('ignore = ["overfitting"]\n[roles]\nval_loss = "objective"\n')
    found = find_runs(tmp_path)
    assert [set(run.curves) for run in found.runs] == [{"val_loss"}, {"val_loss"}]
    assert "ignore in a curvedoc.toml count" in found.runs[0].notes[-1].what


def test_a_role_for_a_tag_that_no_run_holds_is_an_error(tmp_path: Path) -> None:
    csv(tmp_path / "a" / "log.csv", step=range(8), objective=LOSS)
    keras(tmp_path / "b" / "log.csv")
    assert len(find_runs(tmp_path, roles={"train_loss": "objective"}).runs) == 2
    with pytest.raises(UsageError, match="did you mean 'objective'"):
        find_runs(tmp_path, roles={"train_loss": "objectiv"})
    (tmp_path / "a" / "curvedoc.toml").write_text('[roles]\ntrain_loss = "val_loss"\n')
    with pytest.raises(UsageError, match=r"a.curvedoc\.toml: train_loss=val_loss"):
        find_runs(tmp_path)


# -- what is no log ---------------------------------------------------------------------------------------------------


def test_every_file_is_accounted_for(tmp_path: Path) -> None:
    keras(tmp_path / "r" / "log.csv")
    (tmp_path / "r" / "model.pt").write_bytes(b"\x80\x02")
    (tmp_path / "r" / "notes.txt").write_text("remember the milk\n")
    (tmp_path / "r" / "trainer_state.json").write_text('{"log_history": [')
    csv(tmp_path / "r" / "people.csv", age=range(8), height=range(8))
    found = find_runs(tmp_path)
    assert names(found) == ["r"]
    assert [r.file for r in found.refused] == ["r/trainer_state.json"]
    assert [s.file for s in found.skipped] == ["r/model.pt", "r/notes.txt", "r/people.csv"]
    assert all(s.why for s in (*found.refused, *found.skipped))


def test_an_event_file_without_a_scalar_is_skipped(tmp_path: Path) -> None:
    keras(tmp_path / "log.csv")
    events(tmp_path / "empty", {})
    assert [s.why for s in find_runs(tmp_path).skipped] == ["a log without a scalar"]


def test_hidden_directories_and_packages_are_passed_over_and_named(tmp_path: Path) -> None:
    for place in ("runs", ".trash", "node_modules/x", "env"):
        keras(tmp_path / place / "log.csv")
    (tmp_path / "env" / "pyvenv.cfg").write_text("")
    found = find_runs(tmp_path)
    assert names(found) == ["runs"]
    assert [(s.file, s.why) for s in found.skipped] == [
        (".trash", "a hidden directory"),
        ("env", "a directory of packages"),
        ("node_modules", "a directory of packages"),
    ]


def test_links_neither_loop_nor_show_a_run_twice(tmp_path: Path) -> None:
    keras(tmp_path / "tree" / "run" / "log.csv")
    keras(tmp_path / "elsewhere" / "log.csv")
    (tmp_path / "tree" / "latest").symlink_to(tmp_path / "tree" / "run")
    (tmp_path / "tree" / "loop").symlink_to(tmp_path)
    (tmp_path / "tree" / "other").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "tree" / "again").symlink_to(tmp_path / "elsewhere")
    found = find_runs(tmp_path / "tree")
    assert names(found) == ["again", "run"]
    assert [s.file for s in found.skipped] == ["latest", "loop", "other"]
    assert all("link" in s.why for s in found.skipped)


def test_a_forbidden_directory_is_refused_and_the_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keras(tmp_path / "good" / "log.csv")
    keras(tmp_path / "locked" / "log.csv")
    scandir = os.scandir

    def guarded(place: Path) -> object:  # as the system does, to everybody but root
        if Path(place).name == "locked":
            raise PermissionError(13, "Permission denied", str(place))
        return scandir(place)

    monkeypatch.setattr(os, "scandir", guarded)
    found = find_runs(tmp_path)
    assert names(found) == ["good"]
    assert [(r.file, r.why) for r in found.refused] == [("locked", "the directory cannot be read: Permission denied")]


def test_a_tree_without_a_log_is_said_with_what_is_read(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("nothing here")
    with pytest.raises(NoLogFound, match=r"no training log found; 1 file was looked at. Event files"):
        find_runs(tmp_path)


def test_the_only_table_with_columns_of_unknown_names_is_told_with_the_flag_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("i,tl,vl\n" + "".join(f"{k},{1 / k},{2 / k}\n" for k in range(1, 20)))
    with pytest.raises(NoLogFound, match=r"log\.csv: .*\('i', 'tl', 'vl'\).* --role train_loss=COLUMN"):
        find_runs(tmp_path)


def test_a_text_log_that_ends_in_nan_is_not_the_run_of_a_table_that_does_not(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("epoch,train_loss\n" + "".join(f"{k},{1 / k}\n" for k in range(1, 20)))
    said = lambda k: f"epoch {k} loss {2 / k if k < 9 else float('nan'):.4f}\n"  # noqa: E731
    (tmp_path / "train.log").write_text("".join(map(said, range(1, 20))))
    assert len(find_runs(tmp_path).runs) == 2
    (tmp_path / "train.log").write_text("".join(f"epoch {k} loss {2 / k:.4f}\n" for k in range(1, 20)))
    assert len(find_runs(tmp_path).runs) == 1


def test_progress_counts_the_files(tmp_path: Path) -> None:
    for k in range(3):
        keras(tmp_path / f"{k}.csv", 1 + k)
    seen: list[tuple[int, int]] = []
    find_runs(tmp_path, on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_two_readings_of_a_tree_are_the_same(tmp_path: Path) -> None:
    for k in range(3):
        events(tmp_path / f"r{k}" / "train", {"epoch_loss": LOSS})
        events(tmp_path / f"r{k}" / "validation", {"epoch_loss": LOSS})
        keras(tmp_path / f"r{k}" / "log.csv", 1 + k)
    one, other = find_runs(tmp_path), find_runs(tmp_path)
    for a, b in zip(one.runs, other.runs, strict=True):
        assert (a.name, a.path, a.files, a.tags, a.notes) == (b.name, b.path, b.files, b.tags, b.notes)
        for role, curves in a.curves.items():
            assert np.array_equal(curves[0].value, b.curves[role][0].value)


def test_several_runs_in_one_file_are_named_by_their_part(tmp_path: Path) -> None:
    model = ["resnet"] * 8 + ["vit"] * 8
    csv(tmp_path / "models.csv", model=model, epoch=[*range(8)] * 2, train_loss=LOSS * 2)
    found = find_runs(tmp_path)
    assert names(found) == ["models:resnet", "models:vit"]
    assert {run.path for run in found.runs} == {str(tmp_path / "models.csv")}


def test_pipes_and_devices_are_listed_and_not_opened(tmp_path: Path) -> None:
    keras(tmp_path / "log.csv")
    for name in ("train.log", "config.json", "hparams.yaml"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "args.json").symlink_to("/dev/zero")
    found = find_runs(tmp_path)
    assert names(found) == [tmp_path.name]
    assert {(s.file, s.why) for s in found.skipped} == {
        (name, "no regular file") for name in ("train.log", "config.json", "hparams.yaml", "args.json")
    }


def test_a_pipe_in_the_place_of_a_log_is_refused_and_a_log_beside_pipes_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "train.log")
    os.mkfifo(tmp_path / "config.json")
    (refused,) = find_runs(tmp_path / "train.log").refused
    assert "no regular file" in refused.why
    assert len(find_runs(keras(tmp_path / "log.csv")).runs) == 1


def test_joined_tables_that_end_apart_are_said_to_be_perhaps_of_two_runs(tmp_path: Path) -> None:
    for name, rows in (("train.csv", 60), ("val.csv", 20)):
        (tmp_path / name).write_text("epoch,loss\n" + "".join(f"{n},{2 / (n + 1)}\n" for n in range(rows)))
    (found,) = find_runs(tmp_path).runs
    assert any("val.csv at epoch 19: joined by their names" in note.what for note in found.notes)
    (tmp_path / "val.csv").write_text("epoch,loss\n" + "".join(f"{n},{2 / (n + 1)}\n" for n in range(4, 60, 5)))
    (found,) = find_runs(tmp_path).runs
    assert not any("joined" in note.what for note in found.notes)
