"""JSON lines of DETR, Detectron2, mmengine, mmcv and scripts."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curvedoc.readers import read_file

from .helpers import curves, one, points, said, same, written


def dumped(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_log_txt_of_detr_has_one_row_per_epoch(tmp_path: Path) -> None:
    rows = [
        {"train_lr": 1e-4, "train_loss": 43.0 - k, "test_loss": 50.0 - k, "epoch": k, "n_parameters": 9}
        for k in range(3)
    ]
    log = one(written(tmp_path, "log.txt", dumped(rows)))
    assert points(log, "test_loss") == ([0, 1, 2], [50, 49, 48])
    assert curves(log)["train_loss"].axis == "epoch"


def test_metrics_of_detectron2_count_iterations_and_keep_nan(tmp_path: Path) -> None:
    rows = [{"iteration": 19 + 20 * k, "total_loss": 2.0 - k / 10, "lr": 0.01, "data_time": 0.02} for k in range(4)]
    rows[2]["bbox/AP"] = 21.0
    rows[3]["bbox/AP"] = math.nan
    log = one(written(tmp_path, "metrics.json", dumped(rows)))
    assert points(log, "total_loss")[0] == [19, 39, 59, 79]
    assert same(points(log, "bbox/AP")[1], [21.0, math.nan])


def test_validation_rows_of_mmengine_carry_the_epoch_under_the_name_of_the_step(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = []
    for epoch in (1, 2, 3):
        rows += [
            {"lr": 0.1, "loss": 2.0 / k, "epoch": epoch, "iter": k, "step": k}
            for k in range(10 * epoch - 9, 10 * epoch)
        ]
        rows.append({"accuracy/top1": 50.0 + epoch, "step": epoch})
    log = one(written(tmp_path, "vis_data/scalars.json", dumped(rows)))
    assert curves(log)["loss"].axis == "step"
    assert points(log, "loss")[0][-1] == 29
    assert curves(log)["accuracy/top1"].axis == "epoch"
    assert points(log, "accuracy/top1") == ([1, 2, 3], [51, 52, 53])


def test_validation_rows_that_carry_the_step_itself_stay_on_it(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = []
    for epoch in (1, 2, 3):
        rows += [{"loss": 2.0 / k, "epoch": epoch, "step": k} for k in range(10 * epoch - 9, 10 * epoch + 1)]
        rows.append({"accuracy/top1": 50.0 + epoch, "step": 10 * epoch})
    log = one(written(tmp_path, "scalars.json", dumped(rows)))
    assert curves(log)["accuracy/top1"].axis == "step"
    assert points(log, "accuracy/top1")[0] == [10, 20, 30]


def test_the_mode_of_mmcv_goes_into_the_tag(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"env_info": "Python 3.8", "seed": 7}]
    for epoch in (1, 2):
        rows += [{"mode": "train", "epoch": epoch, "iter": k, "lr": 0.1, "loss": 1.0 / k} for k in (50, 100)]
        rows.append({"mode": "val", "epoch": epoch, "iter": 5000, "lr": 0.1, "bbox_mAP": 0.1 * epoch})
    log = one(written(tmp_path, "20200101.log.json", dumped(rows)))
    assert points(log, "train/loss")[0] == [50, 100, 50, 100]
    assert points(log, "val/bbox_mAP") == ([1, 2], [0.1, 0.2])  # 5000 is the size of the validation set
    assert log.hyper["seed"] == 7


def test_a_first_line_longer_than_the_head_hides_nothing(tmp_path: Path) -> None:
    first = {"env_info": "x", "config": "model = dict()\n" * 6000, "seed": 7}
    rows = [first, *({"mode": "train", "epoch": 1, "iter": 50 * k, "loss": 1.0 / k} for k in range(1, 4))]
    path = written(tmp_path, "20200101.log.json", dumped(rows))
    assert path.stat().st_size > 64 * 1024
    assert points(one(path), "train/loss")[0] == [50, 100, 150]


def test_nested_objects_are_named_by_their_path_and_quoted_numbers_are_numbers(tmp_path: Path) -> None:
    rows = [
        {"step": k, "train": {"loss": 1.0 / (k + 1)}, "val": {"loss": "NaN"}, "lr": "0.1", "note": "x"}
        for k in range(3)
    ]
    log = one(written(tmp_path, "log.jsonl", dumped(rows)))
    assert points(log, "train/loss") == ([0, 1, 2], [1.0, 0.5, 1 / 3])
    assert same(points(log, "val/loss")[1], [math.nan] * 3)
    assert points(log, "lr")[1] == [0.1] * 3
    assert "note" not in curves(log)


def test_rows_of_one_metric_each_keep_their_epoch(tmp_path: Path) -> None:
    rows = [
        row for k in (1.0, 2.0) for row in ({"epoch": k, "loss/train": 2 - k / 10}, {"epoch": k, "top1/valid": k / 10})
    ]
    log = one(written(tmp_path, "metrics.jsonl", dumped(rows)))
    assert points(log, "top1/valid") == ([1, 2], [0.1, 0.2])


def test_null_is_no_point_and_is_told(tmp_path: Path) -> None:
    rows = [{"step": k, "loss": 0.5, "val_loss": None if k % 2 else 0.6} for k in range(4)]
    log = one(written(tmp_path, "log.jsonl", dumped(rows)))
    assert points(log, "val_loss")[0] == [0, 2]
    assert "2 cells say NA, None or null, in 'val_loss'" in said(log)


def test_a_line_that_is_no_object_is_left_out_and_told(tmp_path: Path) -> None:
    text = dumped([{"step": k, "loss": 0.5} for k in range(4)])
    log = one(written(tmp_path, "log.jsonl", "starting ...\n" + text + '{"step": 4, "lo'))
    assert points(log, "loss")[0] == [0, 1, 2, 3]
    assert "1: 2 lines are no JSON object" in said(log)
    assert "cut off" in said(log)


def test_truths_lists_and_numbers_beyond_every_float_do_no_harm(tmp_path: Path) -> None:
    text = '{"step": 0, "ok": true, "per_class": [1, 2], "loss": 1}\n' * 2 + '{"step": 1, "loss": ' + 500 * "9" + "}\n"
    log = one(written(tmp_path, "log.jsonl", text))
    assert set(curves(log)) == {"step", "loss"}
    assert points(log, "loss")[1][-1] == math.inf


def test_one_object_alone_is_lines_only_by_its_name(tmp_path: Path) -> None:
    assert one(written(tmp_path, "log.jsonl", '{"step": 3, "loss": 0.5}\n')).format == "JSON lines"
    assert one(written(tmp_path, "metrics.json", '{"step": 3, "loss": 0.5}\n')).format == "JSON summary"


def test_objects_nested_without_end_are_no_crash(tmp_path: Path) -> None:
    deep = 100_000 * '{"a": ' + "1" + 100_000 * "}"
    path = written(tmp_path, "log.jsonl", dumped([{"step": 0, "loss": 0.5}, {"step": 1, "loss": 0.4}]) + deep + "\n")
    assert points(one(path), "loss")[0] == [0, 1]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.floats()), min_size=2, max_size=20))
def test_random_rows_come_back_equal(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, float]]) -> None:
    text = dumped([{"step": step, "loss": loss} for step, loss in rows])
    logs = read_file(written(tmp_path_factory.mktemp("jsonl"), "log.jsonl", text), "log.jsonl")
    assert logs is not None
    assert same(points(logs[0], "loss")[1], [loss for _, loss in rows])


def test_names_longer_than_what_is_looked_at_first_do_not_hide_a_log(tmp_path: Path) -> None:
    rows = [json.dumps({"step": n, "x" * 70_000 + "/loss": 2.0 - n / 10}) for n in range(5)]
    path = tmp_path / "m.jsonl"
    path.write_text("\n".join(rows))
    (log,) = read_file(path, "m.jsonl") or ()
    assert max(len(series.value) for series in log.series) == 5
