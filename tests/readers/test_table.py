"""Which column counts, and how many runs one table holds."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from curvedoc.readers import read_file
from curvedoc.readers import table as tables
from curvedoc.readers.table import Table, put, to_logs
from curvedoc.readers.vocabulary import counter_kind

from .helpers import curves, one, points, said, written


@pytest.mark.parametrize(
    "name", ["step", "Step", "global_step", "trainer/global_step", "iteration", "num_updates", "iter"]
)
def test_names_of_steps(name: str) -> None:
    assert counter_kind(name)[0] == "step"


@pytest.mark.parametrize(
    "name", ["loss", "value_loss", "steps_per_second", "epoch_loss", "batch_size", "num_samples", "lr"]
)
def test_names_that_count_nothing(name: str) -> None:
    assert counter_kind(name)[0] == ""


def test_the_global_step_outranks_the_row_counter_of_wandb(tmp_path: Path) -> None:
    text = "_step,trainer/global_step,train/loss\n0,49,0.5\n1,99,0.4\n2,149,0.3\n"
    assert points(one(written(tmp_path, "log.csv", text)), "train/loss")[0] == [49, 99, 149]


def test_columns_that_are_filled_in_the_same_rows_share_their_steps(tmp_path: Path) -> None:
    text = "step,epoch,loss,acc,val_loss\n" + "".join(
        f"{k},{k // 4},0.5,0.9,{0.6 if k % 4 else ''}\n" for k in range(12)
    )
    found = curves(one(written(tmp_path, "log.csv", text)))
    assert found["loss"].step is found["acc"].step
    assert found["loss"].epoch is found["acc"].epoch
    assert found["val_loss"].step.tolist() == [k for k in range(12) if k % 4]


def test_the_step_of_the_run_outranks_the_batch_inside_the_epoch(tmp_path: Path) -> None:
    text = "batch,epoch,step,train_loss\n" + "".join(f"{k % 3},{k // 3},{k},0.5\n" for k in range(12))
    assert points(one(written(tmp_path, "log.csv", text)), "train_loss")[0] == list(range(12))


def test_a_step_that_restarts_each_epoch_is_kept_with_the_epoch_beside_it(tmp_path: Path) -> None:
    text = "Epoch,step,train_loss\n" + "".join(f"{k // 3},{50 * (k % 3)},0.5\n" for k in range(12))
    loss = curves(one(written(tmp_path, "log.csv", text)))["train_loss"]
    assert loss.axis == "step"
    assert loss.step.tolist() == [0, 50, 100] * 4
    assert loss.epoch is not None
    assert loss.epoch.tolist() == [k // 3 for k in range(12)]


def test_an_episode_counts_and_the_steps_in_it_do_not(tmp_path: Path) -> None:
    text = "Episode,Score,Steps\n1,0,74\n2,3,73\n3,9,118\n"
    assert points(one(written(tmp_path, "log.csv", text)), "Score")[0] == [1, 2, 3]


def test_a_counter_that_never_advances_is_none(tmp_path: Path) -> None:
    log = one(written(tmp_path, "loss.tsv", "step\tloss\n0\t0.5\n0\t0.4\n0\t0.3\n"))
    assert points(log, "loss") == ([0, 1, 2], [0.5, 0.4, 0.3])
    assert curves(log)["loss"].axis == "row"
    assert "'step' never advances" in said(log)


def test_a_value_in_a_row_without_a_step_is_left_out_and_told(tmp_path: Path) -> None:
    rows = "".join(f"{k},0.5\n" for k in range(20))
    log = one(written(tmp_path, "log.csv", f"step,loss\n{rows},0.4\n"))
    assert points(log, "loss")[0] == list(range(20))
    assert "1 values of 'loss' stand in rows without a step" in said(log)


def test_values_with_only_an_epoch_beside_them_are_on_the_epoch_axis(tmp_path: Path) -> None:
    text = "epoch,step,train_loss,val_loss\n0,10,0.5,\n0,20,0.4,\n0,,,0.6\n1,30,0.3,\n1,40,0.2,\n1,,,0.5\n"
    log = one(written(tmp_path, "log.csv", text))
    assert curves(log)["train_loss"].axis == "step"
    assert curves(log)["val_loss"].axis == "epoch"
    assert points(log, "val_loss") == ([0, 1], [0.6, 0.5])


def test_models_told_apart_by_a_column_are_several_runs(tmp_path: Path) -> None:
    text = "model_name,epoch,loss\n" + "".join(f"{m},{k},{0.5 - k / 10}\n" for m in ("vgg", "resnet") for k in range(3))
    logs = read_file(written(tmp_path, "log.csv", text), "log.csv")
    assert logs is not None
    assert [log.part for log in logs] == ["vgg", "resnet"]
    for log in logs:
        assert points(log, "loss") == ([0, 1, 2], [0.5, 0.4, 0.3])
        assert log.hyper == {"model_name": log.part}


def test_folds_whose_epochs_interleave_are_several_runs(tmp_path: Path) -> None:
    text = "fold,epoch,loss\n" + "".join(f"{fold},{k},{0.5 + fold}\n" for k in range(3) for fold in (1, 2))
    logs = read_file(written(tmp_path, "log.csv", text), "log.csv")
    assert logs is not None
    assert [(log.part, points(log, "loss")) for log in logs] == [
        ("fold 1", ([0, 1, 2], [1.5] * 3)),
        ("fold 2", ([0, 1, 2], [2.5] * 3)),
    ]


def test_one_model_throughout_is_a_fact_and_no_part(tmp_path: Path) -> None:
    log = one(written(tmp_path, "log.csv", "epoch,model,loss\n0,vgg,0.5\n1,vgg,0.4\n2,vgg,0.3\n"))
    assert log.part == ""
    assert log.hyper == {"model": "vgg"}


def test_a_text_that_tells_no_runs_apart_changes_nothing(tmp_path: Path) -> None:
    log = one(written(tmp_path, "log.csv", "epoch,loss,action\n1,0.5,SAVE\n2,0.6,SKIP\n3,0.4,SAVE\n"))
    assert points(log, "loss") == ([1, 2, 3], [0.5, 0.6, 0.4])


def test_rows_that_say_train_or_val_name_their_side_in_the_tag(tmp_path: Path) -> None:
    text = "epoch,phase,loss,lr\n" + "".join(
        f"{k},train,{0.5 - k / 10},0.1\n{k},val,{0.6 - k / 10},0.1\n" for k in range(3)
    )
    log = one(written(tmp_path, "log.csv", text))
    assert points(log, "train/loss") == ([0, 1, 2], [0.5, 0.4, 0.3])
    assert points(log, "val/loss")[0] == [0, 1, 2]


def test_a_table_in_long_form_has_one_curve_per_metric(tmp_path: Path) -> None:
    text = "step,metric,value\n0,train/loss,0.5\n0,val/loss,0.6\n1,train/loss,0.4\n1,val/loss,0.5\n"
    log = one(written(tmp_path, "log.csv", text))
    assert points(log, "train/loss") == ([0, 1], [0.5, 0.4])
    assert points(log, "val/loss") == ([0, 1], [0.6, 0.5])


def test_a_summary_of_models_is_one_value_each(tmp_path: Path) -> None:
    text = "model,accuracy\nvgg,0.9\nresnet,0.95\nvit,0.97\n"
    logs = read_file(written(tmp_path, "results.csv", text), "results.csv")
    assert logs is not None
    assert [log.part for log in logs] == ["vgg", "resnet", "vit"]
    assert [points(log, "accuracy")[1] for log in logs] == [[0.9], [0.95], [0.97]]


def test_columns_beyond_measure_are_counted_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_COLUMNS", 3)
    table = Table()
    for row in range(2):
        for name in ("step", "loss", "acc", "more", "again"):
            put(table, name, float(row))
        for name in "abcde":
            put(table, name, "word")
            put(table, name, None)
        table.rows += 1
    (log,) = to_logs(table, "log.jsonl", "JSON lines")
    assert [s.tag for s in log.series] == ["step", "loss", "acc"]
    assert "more than 3 columns: 12 cells" in log.notes[0].what


@pytest.mark.parametrize("steps", [[math.inf] * 5, [1e18 * k for k in range(1, 6)], [1.0, math.inf, -math.inf, 4, 5]])
def test_steps_that_are_no_steps_are_told_where_rows_are_counted(steps: list[float]) -> None:
    table = Table()
    for step in steps:
        put(table, "step", step)
        put(table, "loss", 1.0)
        table.rows += 1
    (log,) = to_logs(table, "log.csv", "CSV")
    assert [s.axis for s in log.series if s.tag == "loss"] == ["row"]
    wild = sum(not abs(step) < 1e18 for step in steps)
    assert [n.what for n in log.notes if f"{wild} of 5 values of the counter 'step'" in n.what]
