"""Recorders: every format holds the rows of the loop, under the names its trainer uses."""

import csv
import json
import math
from dataclasses import replace

import pytest

from train_harness.loop import EpochRow, StepRow
from train_harness.recipe import Log, Optimizer, Recipe
from train_harness.recorders import RECORDERS

RECIPE = Recipe(steps=40, log=Log(every=10), optimizer=Optimizer("adamw"))
ROWS = [
    StepRow(10, 0.5, 2.25, 2.5, 0.1, 1.5, {"fc1": 1e-3}),
    StepRow(20, 1.0, 2.0, 2.125, 0.05, 1.25, {"fc1": 2e-3}),
    EpochRow(20, 1, 0.05, 2.3125, 0.25, 2.5, 0.5, {"act1": 0.125}),
    StepRow(30, 1.5, math.nan, math.nan, 0.05, math.inf, {"fc1": math.nan}),
    EpochRow(40, 2, 0.025, math.nan, 0.1, math.nan, 0.1, {"act1": 1.0}),
]


def recorded(tmp_path, name, rows=ROWS):
    with RECORDERS[name](tmp_path, RECIPE) as write:
        for row in rows:
            write(row)
    return tmp_path


def scalars(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0}).Reload()
    tags = events.Tags()
    plain = {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in tags["scalars"]}
    return plain | {
        tag: [(e.step, make_ndarray(e.tensor_proto).item()) for e in events.Tensors(tag)] for tag in tags["tensors"]
    }


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_tensorboard_holds_every_scalar_at_its_step(tmp_path):
    found = scalars(recorded(tmp_path, "tensorboard"))
    assert [step for step, _ in found["loss/train"]] == [10, 20, 30]
    assert found["loss/train"][:2] == [(10, 2.25), (20, 2.0)] and math.isnan(found["loss/train"][2][1])
    assert found["loss/val"][0] == (20, 2.5)
    assert found["update_ratio/fc1"][1] == (20, pytest.approx(2e-3))
    assert found["dead_share/act1"] == [(20, 0.125), (40, 1.0)]


def test_an_event_file_is_named_without_host_or_process(tmp_path):
    assert [p.name for p in recorded(tmp_path, "tensorboard").iterdir()] == [
        "events.out.tfevents.1700000000.curvedoc.0"
    ]


@pytest.mark.parametrize("name", ["tensorboard", "keras_tensorboard"])
def test_event_files_are_the_same_bytes_again(tmp_path, name):
    first, again = recorded(tmp_path / "first", name), recorded(tmp_path / "again", name)
    files = sorted(p.relative_to(first) for p in first.rglob("*.tfevents.*"))
    assert files
    assert [(first / p).read_bytes() for p in files] == [(again / p).read_bytes() for p in files]


def test_keras_writes_two_folders_of_tensors_by_epoch(tmp_path):
    folder = recorded(tmp_path, "keras_tensorboard")
    train, validation = scalars(folder / "train"), scalars(folder / "validation")
    assert train["epoch_loss"][0] == (0, 2.3125)
    assert validation["epoch_loss"][0] == (0, 2.5)
    assert train["batch_loss"][0] == (10, 2.25)
    assert validation["evaluation_loss_vs_iterations"][0] == (20, 2.5)


def test_keras_without_validation_leaves_no_folder(tmp_path):
    folder = recorded(tmp_path, "keras_tensorboard", ROWS[:2])
    assert [p.name for p in folder.iterdir()] == ["train"]


def test_lightning_rows_are_sparse_and_columns_sorted(tmp_path):
    path = recorded(tmp_path, "lightning_csv") / "lightning_logs" / "version_0" / "metrics.csv"
    rows = table(path)
    assert list(rows[0]) == sorted(rows[0])
    assert {k: v for k, v in rows[0].items() if v} == {"lr-AdamW": "0.1", "step": "9"}
    assert {k: v for k, v in rows[4].items() if v} == {"val_loss": "2.5", "val_acc": "0.5", "step": "19", "epoch": "0"}
    assert not any(row["val_loss"] and row["train_loss_step"] for row in rows)


def test_keras_csv_has_a_row_per_epoch_from_zero(tmp_path):
    rows = table(recorded(tmp_path, "keras_csv") / "training.csv")
    assert list(rows[0]) == ["epoch", "accuracy", "learning_rate", "loss", "val_accuracy", "val_loss"]
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert (rows[0]["loss"], rows[1]["loss"]) == ("2.3125", "nan")


def test_jsonl_keeps_nan_and_infinity_bare(tmp_path):
    lines = (recorded(tmp_path, "jsonl") / "metrics.jsonl").read_text().splitlines()
    assert json.loads(lines[0]) == {
        "step": 10,
        "train_loss": 2.25,
        "lr": 0.1,
        "grad_norm": 1.5,
        "update_ratio/fc1": 1e-3,
    }
    assert '"train_loss": NaN' in lines[3] and '"grad_norm": Infinity' in lines[3]
    assert json.loads(lines[2])["val_loss"] == 2.5


def test_trainer_state_logs_window_means_and_ends_with_a_summary(tmp_path):
    state = json.loads((recorded(tmp_path, "trainer_state") / "checkpoint-40" / "trainer_state.json").read_text())
    history = state["log_history"]
    assert history[0] == {"epoch": 0.5, "step": 10, "grad_norm": 1.5, "learning_rate": 0.1, "loss": 2.5}
    assert history[2] == {"epoch": 1, "step": 20, "eval_loss": 2.5, "eval_accuracy": 0.5}
    assert set(history[-1]) == {"epoch", "step", "train_loss"}


def test_ultralytics_pads_its_header(tmp_path):
    path = recorded(tmp_path, "ultralytics") / "results.csv"
    assert path.read_text().splitlines()[0].split(",")[1] == "             train/loss"
    rows = [{k.strip(): v.strip() for k, v in row.items()} for row in table(path)]
    assert rows[0] == {
        "epoch": "1",
        "train/loss": "2.3125",
        "metrics/accuracy_top1": "0.5",
        "val/loss": "2.5",
        "lr/pg0": "0.05",
    }


def test_time_memory_saturation_and_both_modes_are_written_where_they_were_measured(tmp_path):
    rows = [
        replace(ROWS[0], step_time=0.5, throughput=128.0, memory=300.0),
        replace(ROWS[2], saturated_share={"act2": 0.5}, eval_train_loss=2.25, eval_train_accuracy=0.75),
    ]
    found = scalars(recorded(tmp_path / "events", "tensorboard", rows))
    assert found["time/seconds_per_step"] == [(10, 0.5)] and found["time/examples_per_second"] == [(10, 128.0)]
    assert found["memory/peak_mb"] == [(10, 300.0)] and found["saturated_share/act2"] == [(20, 0.5)]
    lines = (recorded(tmp_path, "jsonl", rows) / "metrics.jsonl").read_text().splitlines()
    assert json.loads(lines[1])["loss_train_full"] == 2.25
    assert json.loads(lines[1])["accuracy_train_full"] == 0.75


def test_curvedoc_gives_every_recorded_curve_its_role(tmp_path):
    from curvedoc import read

    rows = [
        replace(ROWS[0], step_time=0.5, throughput=128.0, memory=300.0),
        replace(ROWS[2], saturated_share={"act2": 0.5}, eval_train_loss=2.25, eval_train_accuracy=0.75),
    ]
    rows = [replace(row, step=row.step + 40 * again) for again in range(4) for row in rows]
    (run,) = read(recorded(tmp_path, "tensorboard", rows))
    assert set(run.curves) >= {
        *("train_loss", "val_loss", "train_accuracy", "val_accuracy", "lr", "grad_norm"),
        *("update_ratio[fc1]", "dead_share[act1]", "saturated_share[act2]"),
    }
