"""Which logs tell of one run? By their directories, their names, their curves and their time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curvedoc.discover import find_runs

from .trees import LONG, LOSS, csv, events, keras, names, trainer_state


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
    assert sorted(names(find_runs(tmp_path))) == ["history", "keras_case", "torch_case"]


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


def test_joined_tables_that_end_apart_are_said_to_be_perhaps_of_two_runs(tmp_path: Path) -> None:
    for name, rows in (("train.csv", 60), ("val.csv", 20)):
        (tmp_path / name).write_text("epoch,loss\n" + "".join(f"{n},{2 / (n + 1)}\n" for n in range(rows)))
    (found,) = find_runs(tmp_path).runs
    assert any("val.csv at epoch 19: joined by their names" in note.what for note in found.notes)
    (tmp_path / "val.csv").write_text("epoch,loss\n" + "".join(f"{n},{2 / (n + 1)}\n" for n in range(4, 60, 5)))
    (found,) = find_runs(tmp_path).runs
    assert not any("joined" in note.what for note in found.notes)


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


def test_files_that_all_state_the_same_epoch_stand_at_the_numbers_in_their_names(tmp_path: Path) -> None:
    for epoch in (3, 4, 999999999):
        (tmp_path / f"metrics_epoch_{epoch}.json").write_text(json.dumps({"val_loss": 3 / epoch, "epoch": 10}))
    (run,) = find_runs(tmp_path).runs
    assert run.axis == "epoch"
    assert run.curves["val_loss"][0].step.tolist() == [3, 4, 999999999]


def test_files_of_train_and_val_per_epoch_are_one_run_and_those_of_two_models_are_two(tmp_path: Path) -> None:
    for epoch in range(4):
        for place, name in (("sides", "train"), ("sides", "val"), ("models", "small"), ("models", "large")):
            (tmp_path / place).mkdir(exist_ok=True)
            (tmp_path / place / f"{name}_epoch_{epoch}.json").write_text(json.dumps({"loss": 1 / (epoch + len(name))}))
    found = {run.path: run for run in find_runs(tmp_path).runs}
    assert len(found) == 3
    (sides,) = (run for run in found.values() if run.get("val_loss") is not None)
    for role, behind in (("train_loss", 5), ("val_loss", 3)):
        assert sides.curves[role][0].value.tolist() == [1 / (epoch + behind) for epoch in range(4)]
    assert len(sides.files) == 8


def test_runs_of_two_sides_are_called_by_what_tells_them_apart(tmp_path: Path) -> None:
    for name in ("train_seed1", "val_seed1", "train_seed2", "val_seed2"):
        for epoch in range(3):
            (tmp_path / f"{name}_epoch_{epoch}.json").write_text(json.dumps({"loss": len(name) / (epoch + 1)}))
    assert {run.name for run in find_runs(tmp_path).runs} == {"seed 1", "seed 2"}


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
