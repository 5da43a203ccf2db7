"""Folds, seeds and models in one JSON document are runs of their own; what belongs to one training is one run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from curvedoc.discover import find_runs
from curvedoc.readers import read_file
from curvedoc.readers.json_runs import runs_in
from curvedoc.readers.table import MAX_PARTS

from .helpers import one, points, said, written

LOSS = [2.0, 1.5, 1.2, 1.1]


def history(k: int) -> dict[str, list[float]]:
    return {"train_loss": [v + k for v in LOSS], "val_loss": [v + k + 0.1 for v in LOSS]}


def rows(k: int) -> list[dict[str, float]]:
    both = zip(*history(k).values(), strict=True)
    return [{"epoch": at, "train_loss": loss, "val_loss": val} for at, (loss, val) in enumerate(both)]


@pytest.mark.parametrize(
    ("document", "names"),
    [
        ({f"fold_{k}": history(k) for k in range(3)}, ["fold_0", "fold_1", "fold_2"]),
        ({"results": {f"Fold {k}": rows(k) for k in range(3)}, "mean": 0.3}, ["Fold 0", "Fold 1", "Fold 2"]),
        ({str(k): history(k) for k in range(3)}, ["0", "1", "2"]),
        ({"folds": [history(k) for k in range(3)]}, ["fold 1", "fold 2", "fold 3"]),
        ({"cv_results": [{"best": 0.1, "history": history(k)} for k in range(3)]}, ["fold 1", "fold 2", "fold 3"]),
        ({"runs": [{"seed": k + 7, "log": rows(k)} for k in range(3)]}, ["seed 7", "seed 8", "seed 9"]),
        ([{"fold": k, **history(k)} for k in range(3)], ["fold 0", "fold 1", "fold 2"]),
        ([{"name": name, **history(k)} for k, name in enumerate(("adam", "sgd"))], ["adam", "sgd"]),
        ({name: history(k) for k, name in enumerate(("adam", "sgd"))}, ["adam", "sgd"]),
        (
            {side: {f"fold{k}": history(k)[side] for k in range(3)} for side in ("train_loss", "val_loss")},
            ["fold0", "fold1", "fold2"],
        ),
    ],
)
def test_each_repetition_is_a_run_with_its_own_curves(tmp_path: Path, document: object, names: list[str]) -> None:
    found = find_runs(written(tmp_path, "history.json", json.dumps(document))).runs
    assert [run.name.partition(":")[2] for run in found] == names
    for k, run in enumerate(found):
        for role, values in history(k).items():
            curve = run.get(role)
            assert curve is not None
            assert curve.value.tolist() == values
    assert any(note.what.startswith(f"{len(names)} runs in one document") for note in found[0].notes)


@pytest.mark.parametrize(
    "document",
    [
        {"train": {"loss": LOSS}, "val": {"loss": LOSS}},
        {"generator": history(0), "discriminator": history(1)},
        {"box": history(0), "cls": history(1)},
        {"history": history(0), "args": {"lr": 0.1}},
        {**history(0), "accuracy": {"fold 1": 0.9, "fold 2": 0.8}},
        {"history": {**history(0), "accuracy": {"fold 1": [0.9, 0.8], "fold 2": [0.8, 0.9]}}},
        {"loss": {"train": LOSS, "val": LOSS}, "accuracy": {"train": LOSS, "val": LOSS}},
        {"train_loss": {str(k): v for k, v in enumerate(LOSS)}, "val_loss": {str(k): v for k, v in enumerate(LOSS)}},
    ],
    ids=[
        "sides",
        "players",
        "terms",
        "one history",
        "a result per fold",
        "curves per fold beside",
        "sides below metrics",
        "columns of pandas",
    ],
)
def test_what_belongs_to_one_training_is_one_run(tmp_path: Path, document: object) -> None:
    assert one(written(tmp_path, "history.json", json.dumps(document))).part == ""


def test_epochs_that_list_their_batches_are_no_runs(tmp_path: Path) -> None:
    document = [{"epoch": k, "train_loss": LOSS, "val_loss": LOSS} for k in range(3)]
    assert one(written(tmp_path, "history.json", json.dumps(document))).part == ""


def test_settings_beside_the_folds_hold_for_each(tmp_path: Path) -> None:
    document = {"args": {"lr": 0.1}, "batch_size": 32, "fold_0": history(0), "fold_1": history(1) | {"lr": 0.2}}
    logs = read_file(written(tmp_path, "history.json", json.dumps(document)), "history.json")
    assert logs is not None
    assert [dict(log.hyper) for log in logs] == [
        {"args/lr": 0.1, "batch_size": 32},
        {"args/lr": 0.1, "batch_size": 32, "lr": 0.2},
    ]


def test_a_mean_over_the_folds_is_left_out_and_said(tmp_path: Path) -> None:
    document = {"val_loss": LOSS, "fold_0": history(0), "fold_1": history(1)}
    logs = read_file(written(tmp_path, "history.json", json.dumps(document)), "history.json")
    assert logs is not None
    assert [log.part for log in logs] == ["fold_0", "fold_1"]
    assert "'val_loss' beside them, of none of them, left out" in said(logs[0])


def test_a_fold_that_ended_early_keeps_its_own_length(tmp_path: Path) -> None:
    document = {"fold_0": {"loss": LOSS}, "fold_1": {"loss": LOSS[:2]}}
    logs = read_file(written(tmp_path, "history.json", json.dumps(document)), "history.json")
    assert logs is not None
    assert [points(log, "loss")[1] for log in logs] == [LOSS, LOSS[:2]]
    assert "2 runs in one document, each judged by itself: 'fold_0', 'fold_1'" in said(logs[0])


def test_models_by_seeds_in_one_list_are_told_by_both() -> None:
    rows = [{"model": model, "seed": seed, **history(0)} for model in ("adam", "sgd") for seed in (0.0, 1.0)]
    assert list(runs_in(rows)) == ["seed 0, adam", "seed 1, adam", "seed 0, sgd", "seed 1, sgd"]


def test_runs_of_one_name_are_told_by_their_place() -> None:
    rows = [{"name": name, **history(0)} for name in ("a", "a", "b")]
    assert list(runs_in(rows)) == ["a (1)", "a (2)", "b (3)"]
    assert list(runs_in({"folds": rows})) == ["fold 1", "fold 2", "fold 3"]
    assert runs_in([{"name": "a", **history(0)}] * 3) == {}  # what one run says of its epochs, maybe


def test_epochs_of_one_name_that_list_their_batches_are_no_runs() -> None:
    assert runs_in({"fold_1": [{"loss": [1.0, 2.0]}] * 3, "fold_2": [{"loss": [1.0, 2.0]}] * 3}).keys() == {
        "fold_1",
        "fold_2",
    }


@pytest.mark.parametrize(("outer", "inner"), [(("adam", "sgd"), ("fold_1", "fold_2")), (("1", "2"), ("cnn", "mlp"))])
def test_runs_in_runs_are_told_by_both_names(outer: tuple[str, ...], inner: tuple[str, ...]) -> None:
    found = runs_in({a: {b: history(0) for b in inner} for a in outer})
    assert list(found) == [f"{a}/{b}" for a in outer for b in inner]


def test_runs_in_runs_beyond_the_most_stay_with_the_outer() -> None:
    deep: Any = history(0)
    for _ in range(12):
        deep = {"fold_1": deep, "fold_2": deep}
    assert 2 <= len(runs_in(deep)) <= MAX_PARTS


def test_a_name_of_any_length_is_cut() -> None:
    found = runs_in({"fold " * 5000 + tail: history(0) for tail in ("a", "b")})
    assert len(found) == 2
    assert max(map(len, found)) < 200
