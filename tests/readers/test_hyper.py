"""Configurations beside logs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curvedoc.readers.hyper import MAX_FILE, is_hyper, read_hyper

from .helpers import written


@pytest.mark.parametrize(
    "name", ["hparams.yaml", "args.yaml", "config.json", "params.json", "train_config.yml", "hyp.yaml", "args.txt"]
)
def test_names_of_configurations(name: str) -> None:
    assert is_hyper(Path(name))


@pytest.mark.parametrize("name", ["metrics.json", "history.json", "trainer_state.json", "results.csv", "log.txt"])
def test_names_of_other_files(name: str) -> None:
    assert not is_hyper(Path(name))


def test_json_is_flat_with_whole_numbers(tmp_path: Path) -> None:
    content = {"lr": 0.1, "optim": {"name": "adam", "betas": [0.9, 0.99]}, "epochs": 3, "amp": True, "seed": None}
    assert read_hyper(written(tmp_path, "config.json", json.dumps(content))) == {
        "lr": 0.1,
        "optim/name": "adam",
        "epochs": 3,
        "amp": True,
    }


def test_yaml_of_lightning_and_ultralytics_is_read(tmp_path: Path) -> None:
    text = "---\ntask: detect\nlr0: 0.01\nepochs: 100\namp: true\npretrained: null\n"
    text += "cache: False\noptimizer: 'auto'  # or SGD\n"
    assert read_hyper(written(tmp_path, "args.yaml", text)) == {
        "task": "detect",
        "lr0": 0.01,
        "epochs": 100,
        "amp": True,
        "pretrained": None,
        "cache": False,
        "optimizer": "auto",
    }


def test_yaml_tags_are_never_evaluated(tmp_path: Path) -> None:
    text = "lr: 0.1\nmodel: !!python/object/apply:os.system ['echo pwned']\nx: &a 3\ny: *a\nz: |\n  text\n"
    assert read_hyper(written(tmp_path, "hparams.yaml", text)) == {"lr": 0.1}


def test_nested_yaml_is_named_by_its_path(tmp_path: Path) -> None:
    text = "optim:\n  sgd:\n    lr: 1e-3\n  name: sgd\nseed: 7\n"
    assert read_hyper(written(tmp_path, "config.yaml", text)) == {"optim/sgd/lr": 0.001, "optim/name": "sgd", "seed": 7}


def test_the_configuration_of_wandb_gives_its_values(tmp_path: Path) -> None:
    text = "wandb_version: 1\n\n_wandb:\n  desc: null\n  value:\n    python: 3.8\n"
    text += "lr:\n  desc: null\n  value: 0.1\nepochs:\n  value: 3\n"
    assert read_hyper(written(tmp_path, "config.yaml", text)) == {"lr": 0.1, "epochs": 3}


def test_a_parameter_of_mlflow_is_a_file(tmp_path: Path) -> None:
    assert read_hyper(written(tmp_path, "run/params/lr", "0.01")) == {"lr": 0.01}
    assert read_hyper(written(tmp_path, "run/params/optimizer", "adam")) == {"optimizer": "adam"}


@pytest.mark.parametrize("content", [b"", b"\0\1\2", b"{broken", b"[1, 2]", b"- a\n- b\n", 100_000 * b'{"a":'])
def test_what_is_no_configuration_gives_nothing(tmp_path: Path, content: bytes) -> None:
    assert read_hyper(written(tmp_path, "config.json", content)) == {}


def test_a_missing_file_gives_nothing(tmp_path: Path) -> None:
    assert read_hyper(tmp_path / "config.json") == {}


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=300))
def test_no_text_makes_it_fail(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = written(tmp_path_factory.mktemp("hyper"), "config.yaml", text.encode("utf-8", "replace"))
    assert isinstance(read_hyper(path), dict)


def test_a_pipe_is_not_waited_for_and_a_device_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.json")
    (tmp_path / "args.json").symlink_to("/dev/zero")
    assert read_hyper(tmp_path / "config.json") == read_hyper(tmp_path / "args.json") == {}


def test_a_configuration_longer_than_any_hand_writes_gives_nothing(tmp_path: Path) -> None:
    assert read_hyper(written(tmp_path, "config.yaml", "lr: 0.1\n" + "#" * MAX_FILE)) == {}
    assert read_hyper(written(tmp_path, "config.yaml", ("lr: 0.1\n" + "#" * MAX_FILE)[:MAX_FILE])) == {"lr": 0.1}
