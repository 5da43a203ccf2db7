"""Hugging Face's trainer_state.json."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from curvedoc.errors import UnreadableLog
from curvedoc.readers import read_file

from .helpers import curves, one, points, said, same, written

HISTORY = [
    {"epoch": 0.5, "grad_norm": 2.7, "learning_rate": 1e-5, "loss": 1.14, "step": 500},
    {"epoch": 1.0, "eval_loss": 0.66, "eval_accuracy": 0.7, "eval_runtime": 27.0, "step": 1000},
    {"epoch": 1.0, "predict_loss": 0.64},
    {"epoch": 1.0, "grad_norm": math.nan, "learning_rate": 0.0, "loss": 0.0, "step": 1000},
    {"epoch": 1.0, "step": 1000, "total_flos": 1e15, "train_loss": 0.57, "train_runtime": 60.0},
]


def test_a_state_that_transformers_saved_is_read(tmp_path: Path) -> None:
    callback = pytest.importorskip("transformers.trainer_callback", reason="transformers is no dependency; JSON below")
    state = callback.TrainerState(max_steps=1000, num_train_epochs=1, train_batch_size=8, log_history=HISTORY)
    path = tmp_path / "trainer_state.json"
    state.save_to_json(str(path))
    log = one(path)
    assert same(points(log, "grad_norm")[1], [2.7, math.nan])
    assert log.hyper["max_steps"] == 1000
    assert log.hyper["train_batch_size"] == 8


def test_rows_of_every_kind_are_read_each_at_its_own_step(tmp_path: Path) -> None:
    text = json.dumps({"best_metric": None, "max_steps": 1000, "log_history": HISTORY})
    assert "NaN" in text
    log = one(written(tmp_path, "checkpoint-1000/trainer_state.json", text))
    assert points(log, "loss") == ([500, 1000], [1.14, 0.0])
    assert points(log, "eval_loss") == ([1000], [0.66])
    assert points(log, "train_loss") == ([1000], [0.57])
    loss = curves(log)["loss"]
    assert loss.epoch is not None
    assert loss.epoch.tolist() == [0.5, 1.0]
    assert curves(log)["predict_loss"].axis == "epoch"


def test_a_state_under_another_name_is_recognized(tmp_path: Path) -> None:
    assert one(written(tmp_path, "state.json", json.dumps({"log_history": HISTORY}))).format.startswith("Hugging Face")


def test_an_empty_history_holds_nothing(tmp_path: Path) -> None:
    assert read_file(written(tmp_path, "trainer_state.json", '{"log_history": []}'), "x") == ()


def test_entries_that_are_no_objects_are_left_out(tmp_path: Path) -> None:
    log = one(written(tmp_path, "trainer_state.json", json.dumps({"log_history": [*HISTORY, 3, None]})))
    assert "2 entries" in said(log)


@pytest.mark.parametrize("text", ['{"log_history": 3}', "[]", '{"epoch": 1}'])
def test_a_state_without_a_history_is_refused_by_its_key(tmp_path: Path, text: str) -> None:
    with pytest.raises(UnreadableLog) as error:
        read_file(written(tmp_path, "trainer_state.json", text), "run/trainer_state.json")
    assert (error.value.file, error.value.key) == ("run/trainer_state.json", "log_history")


def test_a_state_cut_off_while_it_was_written_is_refused_with_its_line(tmp_path: Path) -> None:
    text = json.dumps({"log_history": HISTORY}, indent=1)
    with pytest.raises(UnreadableLog, match="cut off") as error:
        read_file(written(tmp_path, "trainer_state.json", text[: len(text) // 2].rstrip(" 0123456789.,")), "x")
    assert error.value.line is not None
