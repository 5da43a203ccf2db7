"""JSON files with one value per name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curvedoc.readers import read_file

from .helpers import curves, one, points, written


def test_the_summary_of_wandb_is_a_point_per_name_and_no_histogram(tmp_path: Path) -> None:
    content = {
        "val_loss": 0.6,
        "trainer/global_step": 199,
        "_step": 20,
        "_runtime": 12.5,
        "_wandb": {"runtime": 12},
        "weights": {"_type": "histogram", "values": [1, 2], "bins": [0, 1, 2]},
    }
    log = one(written(tmp_path, "files/wandb-summary.json", json.dumps(content)))
    assert points(log, "val_loss") == ([199], [0.6])
    assert set(curves(log)) == {"val_loss", "trainer/global_step", "_step", "_runtime", "_wandb/runtime"}


@pytest.mark.parametrize("name", ["all_results.json", "eval_results.json", "metrics.json"])
def test_results_of_a_run_are_recognized_by_their_metrics(tmp_path: Path, name: str) -> None:
    log = one(written(tmp_path, name, json.dumps({"epoch": 3.0, "eval_loss": 0.5, "eval_accuracy": 0.9})))
    assert log.format == "JSON summary"
    assert points(log, "eval_accuracy") == ([3.0], [0.9])


def test_a_summary_without_a_number_holds_nothing(tmp_path: Path) -> None:
    assert (
        read_file(written(tmp_path, "wandb-summary.json", '{"graph": {"_type": "graph-file", "size": 3}}'), "x") == ()
    )
    assert read_file(written(tmp_path, "wandb-summary.json", "[]"), "x") == ()


def test_an_object_without_a_metric_is_no_log(tmp_path: Path) -> None:
    assert read_file(written(tmp_path, "package.json", '{"name": "x", "version": 3}'), "x") is None
