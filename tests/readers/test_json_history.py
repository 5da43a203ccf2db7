"""JSON documents that hold a history."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from curvedoc.errors import UnreadableLog
from curvedoc.readers import read_file

from .helpers import curves, one, points, said, same, written


def document(folder: Path, content: Any, name: str = "history.json") -> Path:
    return written(folder, name, json.dumps(content, indent=1))


def test_a_dump_of_keras_history_counts_rows(tmp_path: Path) -> None:
    log = one(document(tmp_path, {"loss": [0.9, 0.5, math.nan], "val_loss": [1.0, None, 0.7], "lr": [0.1, 0.1, 0.01]}))
    assert same(points(log, "loss")[1], [0.9, 0.5, math.nan])
    assert points(log, "val_loss") == ([0, 2], [1.0, 0.7])
    assert curves(log)["loss"].axis == "row"


def test_nested_evaluations_of_xgboost_are_named_by_their_path(tmp_path: Path) -> None:
    log = one(document(tmp_path, {"train": {"mlogloss": [1.0, 0.8]}, "eval": {"mlogloss": [1.1, 0.9]}}))
    assert points(log, "train/mlogloss")[1] == [1.0, 0.8]
    assert points(log, "eval/mlogloss")[1] == [1.1, 0.9]


def test_a_history_beside_its_settings_takes_the_epochs_above_it(tmp_path: Path) -> None:
    content = {"epoch": [1, 2, 3], "history": {"loss": [0.9, 0.5, 0.4]}, "params": {"epochs": 3, "steps": 100}}
    log = one(document(tmp_path, content))
    assert points(log, "history/loss") == ([1, 2, 3], [0.9, 0.5, 0.4])
    assert log.hyper == {"params/epochs": 3, "params/steps": 100}


def test_each_list_takes_the_x_values_of_its_own_length_and_side(tmp_path: Path) -> None:
    content = {"iters": [0, 10, 20, 30], "loss": [4.0, 3.0, 2.0, 1.0], "val_iters": [0, 30], "val_loss": [4.1, 1.5]}
    log = one(document(tmp_path, content))
    assert points(log, "loss") == ([0, 10, 20, 30], [4, 3, 2, 1])
    assert points(log, "val_loss") == ([0, 30], [4.1, 1.5])


def test_one_value_per_batch_beside_one_per_epoch_is_put_on_two_axes(tmp_path: Path) -> None:
    log = one(document(tmp_path, {"train_losses": [float(k) for k in range(12)], "val_losses": [3.0, 2.0, 1.0]}))
    train, val = curves(log)["train_losses"], curves(log)["val_losses"]
    assert (train.axis, val.axis) == ("step", "epoch")
    assert train.epoch is not None
    assert train.epoch.tolist() == [k // 4 for k in range(12)]
    assert val.step.tolist() == [0, 1, 2]
    assert "taken for 4 steps an epoch" in said(log)


def test_one_value_more_than_epochs_was_measured_before_the_first(tmp_path: Path) -> None:
    log = one(
        document(tmp_path, {"train_losses": [float(k) for k in range(12)], "test_losses": [4.0, 3.0, 2.0, 1.0, 0.5]})
    )
    assert curves(log)["test_losses"].step.tolist() == [-1, 0, 1, 2, 3]


def test_lists_whose_lengths_do_not_fit_count_their_own_places_and_say_so(tmp_path: Path) -> None:
    log = one(document(tmp_path, {"train_loss": [0.5] * 11, "val_loss": [0.5] * 4}))
    assert {s.axis for s in log.series} == {"row"}
    assert "lists of 4, 11 values say no step" in said(log)


def test_a_list_of_objects_is_a_table_under_its_name(tmp_path: Path) -> None:
    steps = [{"step": k, "loss": 1.0 / k, "memory": {"peak_gb": 3.5}} for k in range(1, 5)]
    log = one(document(tmp_path, {"config": {"depth": 32, "lr": 0.01}, "per_step": steps}))
    assert points(log, "per_step/loss") == ([1, 2, 3, 4], [1.0, 0.5, 1 / 3, 0.25])
    assert "per_step/memory/peak_gb" in curves(log)
    assert log.hyper["config/depth"] == 32


def test_two_lists_of_objects_belong_to_one_run(tmp_path: Path) -> None:
    train = [{"epoch": k, "loss": 0.5} for k in range(3)]
    log = one(document(tmp_path, {"train": train, "val": train}))
    assert {"train/loss", "val/loss"} <= set(curves(log))


def test_a_document_that_is_a_list_of_rows_is_a_table(tmp_path: Path) -> None:
    log = one(document(tmp_path, [{"epoch": k, "train_loss": 0.5 - k / 10} for k in range(3)]))
    assert points(log, "train_loss") == ([0, 1, 2], [0.5, 0.4, 0.3])


def test_a_data_frame_that_pandas_dumped_is_read(tmp_path: Path) -> None:
    import pandas as pd

    path = tmp_path / "history.json"
    pd.DataFrame({"loss": [0.9, 0.5, 0.4], "val_loss": [1.0, 0.8, None]}).to_json(path)
    log = one(path)
    assert points(log, "loss")[1] == [0.9, 0.5, 0.4]
    assert points(log, "val_loss") == ([0, 1], [1.0, 0.8])


def test_rows_that_pandas_dumped_by_index_are_read(tmp_path: Path) -> None:
    import pandas as pd

    path = tmp_path / "history.json"
    pd.DataFrame({"epoch": [1, 2, 3], "loss": [0.9, 0.5, 0.4]}).to_json(path, orient="index")
    log = one(document(tmp_path, {"rows": json.loads(path.read_text())}))
    assert points(log, "rows/loss") == ([1, 2, 3], [0.9, 0.5, 0.4])


def test_catboost_training_gets_the_names_of_its_metrics(tmp_path: Path) -> None:
    content = {
        "meta": {
            "learn_metrics": [{"name": "MultiClass"}],
            "test_metrics": [{"name": "MultiClass"}, {"name": "AUC"}],
        },
        "iterations": [{"learn": [1.0 / k], "test": [1.1 / k, 0.1 * k], "iteration": k} for k in (1, 2, 3)],
    }
    log = one(document(tmp_path, content, "catboost_training.json"))
    assert points(log, "iterations/learn/MultiClass") == ([1, 2, 3], [1.0, 0.5, 1 / 3])
    assert points(log, "iterations/test/AUC")[0] == [1, 2, 3]


def test_catboost_training_without_a_list_of_names_is_refused(tmp_path: Path) -> None:
    content = {
        "meta": {"learn_metrics": 5},
        "iterations": [{"learn": [1.0 / k], "iteration": k} for k in (1, 2)],
        "loss": [0.5, 0.4],
    }
    path = document(tmp_path, content, "catboost_training.json")
    with pytest.raises(UnreadableLog, match="learn_metrics"):
        read_file(path, path.name)


def test_tensorboards_json_download_takes_its_tag_from_the_file_name(tmp_path: Path) -> None:
    log = one(document(tmp_path, [[1700.0, 0, 0.9], [1701.0, 10, 0.5]], "run-exp-tag-loss_val.json"))
    assert points(log, "loss_val") == ([0, 10], [0.9, 0.5])


def test_lists_per_class_and_settings_are_no_curves(tmp_path: Path) -> None:
    content = {"loss": [0.5, 0.4], "per_class_iou": [0.1, 0.2], "config": {"hidden_dims": [512, 256], "losses": [1, 2]}}
    assert set(curves(one(document(tmp_path, content)))) == {"loss"}


@pytest.mark.parametrize(
    "content",
    [
        {"name": "package", "version": "1.0", "files": ["a", "b"]},
        {"images": [{"id": 1, "width": 640}], "annotations": [{"id": 1, "bbox": [1, 2, 3, 4]}]},
        {"vocab": {"a": 1, "b": 2}},
    ],
)
def test_other_json_is_no_log(tmp_path: Path, content: Any) -> None:
    assert not read_file(document(tmp_path, content), "x")


def test_a_configuration_is_no_log_though_it_names_a_rate(tmp_path: Path) -> None:
    assert read_file(document(tmp_path, {"lr": 0.1, "epochs": 3}, "config.json"), "x") is None


def test_a_document_cut_off_is_refused_with_its_line(tmp_path: Path) -> None:
    path = written(tmp_path, "history.json", '{"loss": [0.5,\n0.4,\n')
    with pytest.raises(UnreadableLog, match="broken JSON") as error:
        read_file(path, "history.json")
    assert error.value.line == 3


def test_a_document_nested_without_end_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "history.json", '{"loss": [0.5, 0.4], "a": ' + 200_000 * "[" + 200_000 * "]" + "}")
    with pytest.raises(UnreadableLog, match="nested too deep"):
        read_file(path, "history.json")


def keyed(keys: list[str]) -> dict[str, dict[str, dict[str, float]]]:
    return {key: {"train": {"loss": 2.0 / (k + 1)}, "val": {"loss": 2.5 / (k + 1)}} for k, key in enumerate(keys)}


@pytest.mark.parametrize(
    ("keys", "axis", "steps"),
    [
        (["1", "2", "3"], "epoch", [1, 2, 3]),
        (["epoch_0", "epoch_1", "epoch_2"], "epoch", [0, 1, 2]),
        (["100", "200", "300"], "step", [100, 200, 300]),
        (["8", "9", "10"], "epoch", [8, 9, 10]),
    ],
)
def test_the_keys_of_a_document_of_rows_are_its_epochs_or_steps(
    tmp_path: Path, keys: list[str], axis: str, steps: list[int]
) -> None:
    log = one(written(tmp_path, "history.json", json.dumps(keyed(keys), sort_keys=True)))
    assert points(log, "train/loss") == (steps, [2.0, 1.0, 2.0 / 3])
    assert curves(log)["val/loss"].axis == axis


def test_a_counter_inside_the_rows_comes_before_their_keys(tmp_path: Path) -> None:
    rows = {str(k): {"epoch": k + 1.0, "loss": 1.0 / (k + 1)} for k in range(3)}  # pandas, orient="index"
    assert points(one(written(tmp_path, "log.json", json.dumps(rows))), "loss")[0] == [1, 2, 3]


@pytest.mark.parametrize(
    "told", [[7.0] * 3, ["x"] * 3, [5.0, None, 6.0], [math.nan] * 3], ids=["still", "text", "gaps", "nan"]
)
def test_keys_count_where_the_counter_in_the_rows_does_not(tmp_path: Path, told: list[object]) -> None:
    rows = {str(k + 4): {"epoch": cell, "loss": 1.0 / (k + 1)} for k, cell in enumerate(told)}
    assert points(one(written(tmp_path, "log.json", json.dumps(rows))), "loss")[0] == [4, 5, 6]


def test_a_key_beside_the_numbered_ones_is_no_point_and_said(tmp_path: Path) -> None:
    rows = {str(k): {"loss": 1.0 / (k + 1)} for k in range(4)} | {"best": {"loss": 0.25}}
    log = one(written(tmp_path, "log.json", json.dumps(rows)))
    assert points(log, "loss") == ([0, 1, 2, 3], [1.0, 0.5, 1 / 3, 0.25])
    assert [note.what for note in log.notes] == ["'best' beside 4 numbered keys: no point of the curves"]


def test_lists_of_losses_under_numbers_are_those_of_runs(tmp_path: Path) -> None:
    document = {str(k): {"history": {"loss": [0.9, 0.5 - k / 10]}, "accuracy": 0.8} for k in range(3)}
    logs = read_file(written(tmp_path, "history.json", json.dumps(document)), "history.json")
    assert logs is not None
    assert [log.part for log in logs] == ["0", "1", "2"]
    assert [points(log, "history/loss")[1] for log in logs] == [[0.9, 0.5 - k / 10] for k in range(3)]


def test_sides_below_the_names_of_metrics_are_curves(tmp_path: Path) -> None:
    document = {"loss": {"train": [2.0, 1.0], "val": [2.1, 1.2]}, "weights": {"first": [1.0, 2.0]}}
    log = one(written(tmp_path, "history.json", json.dumps(document)))
    assert {tag: points(log, tag)[1] for tag in curves(log)} == {"loss/train": [2.0, 1.0], "loss/val": [2.1, 1.2]}


def test_keys_of_digits_that_are_no_decimals_are_names(tmp_path: Path) -> None:
    log = one(written(tmp_path, "log.json", json.dumps({"loss": [3.0, 2.0], "m": {"²": {"a": 1.0}, "³": {"a": 2.0}}})))
    assert points(log, "loss")[1] == [3.0, 2.0]


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("experiments.json", {str(k): {"loss": "mse", "lr": 0.1 / (k + 1), "epochs": 5} for k in range(3)}),
        ("added_tokens.json", {str(k): {"content": "<s>", "loss": False} for k in range(3)}),
        ("classes.json", {str(k): {"precision": 0.5, "recall": 0.4, "f1-score": 0.4} for k in range(5)}),
        ("cv_results.json", {str(k): {"loss": 0.5, "accuracy": 0.4} for k in range(5)}),
    ],
)
def test_settings_and_results_per_class_or_fold_are_no_curve(tmp_path: Path, name: str, document: object) -> None:
    assert not read_file(written(tmp_path, name, json.dumps(document)), name)
