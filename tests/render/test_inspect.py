"""Does `inspect` show what was found, in the width that was asked for and safe whatever the log contains?"""

from __future__ import annotations

import json
import re
from importlib import resources

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curvedoc.assemble import assemble
from curvedoc.discover import Found
from curvedoc.readers.log import Log, Series
from curvedoc.render.inspect import render_text, to_dict
from curvedoc.render.words import cells
from curvedoc.run import Refused, Run

HOSTILE = "<script>\x1b[31m\u202e\nloss\ud800損失"


def run(*tags: str, name: str = "a/run", file: str = "a/log.csv", format: str = "CSV or TSV") -> Run:
    step = np.arange(1.0, 101)
    log = Log(file, format, tuple(Series(t, step, 1 / step) for t in tags), hyper={"lr": 0.1})
    return assemble([log], name=name, path=f"runs/{name}")


FOUND = Found(
    (run("loss", "val_loss", "lr", "foo"), run("loss", name="b")),
    (Refused("c/trainer_state.json", "line 1: broken JSON"),),
    tuple(Refused(f"pictures/{k}.png", "not a training log") for k in range(9)),
)


def test_the_document_follows_the_published_schema() -> None:
    schema = json.loads((resources.files("curvedoc") / "schema" / "inspect-1.schema.json").read_text())
    for found in (FOUND, Found(()), Found((run("update_ratio/fc1", HOSTILE),))):
        document = json.loads(json.dumps(to_dict(found), allow_nan=False))
        jsonschema.validate(document, schema)


def test_the_document_holds_every_tag_and_file() -> None:
    document = to_dict(FOUND)
    assert [r["name"] for r in document["runs"]] == ["a/run", "b"]
    first = document["runs"][0]
    assert (first["path"], first["files"]) == ("runs/a/run", ["a/log.csv"])
    assert first["curves"][0] == {
        "file": "a/log.csv",
        "tag": "loss",
        "role": "train_loss",
        "points": 100,
        "first_step": 1.0,
        "last_step": 100.0,
    }
    assert first["curves"][3]["role"] is None
    assert document["refused"] == [{"file": "c/trainer_state.json", "why": "line 1: broken JSON"}]
    assert len(document["skipped"]) == 9


def test_the_page_names_run_format_tags_roles_points_and_steps() -> None:
    page = render_text(FOUND, 80)
    assert page.startswith("2 runs\n")
    assert "a/run" in page
    assert "1 file, CSV or TSV, axis: step, 1 setting" in page
    rows = {line.split()[0]: line.split() for line in page.splitlines() if line.startswith("  ")}
    assert rows["train_loss"][1:] == ["loss", "100", "1", "..", "100"]
    assert rows["-"][1] == "foo"


def test_roles_that_are_not_certain_come_with_the_flag_that_settles_them() -> None:
    page = render_text(Found((run("train_loss", "val_loss", "accuracy"),)), 200)
    assert "val_accuracy?" in page
    assert "say --role val_accuracy=accuracy" in page


def test_a_run_without_a_training_loss_says_how_to_name_one() -> None:
    page = render_text(Found((run("objectif", "lr"),)), 200)
    assert "name it with --role train_loss=TAG (objectif ...?)" in page
    assert "--role train_loss=TAG" not in render_text(Found((run("reward", "lr"),)), 200)


def test_of_several_curves_of_a_role_the_judged_one_is_marked() -> None:
    page = render_text(Found((run("train_loss_step", "train_loss_epoch"),)), 80)
    (marked,) = [line for line in page.splitlines() if line.startswith("  train_loss*")]
    assert "train_loss_step" in marked
    assert "* of several curves of one role" in page


def test_hundreds_of_tags_are_counted_by_role() -> None:
    layers = [f"update_ratio/layer{k}" for k in range(100)]
    page = render_text(Found((run("loss", *layers, *(f"foo{k}" for k in range(300))),)), 80)
    assert len(page.splitlines()) < 30
    assert "97 more update_ratio, 297 more without a role" in page.replace("\n  ", " ")


def test_many_files_with_one_reason_are_counted() -> None:
    page = render_text(FOUND, 80)
    assert "refused: these logs cannot be read (1)" in page
    assert "c/trainer_state.json: line 1: broken JSON" in page
    assert "(9)" in page
    assert "and 6 more: not a training log" in page
    assert page.count("pictures/") == 3


def test_what_was_repaired_is_told() -> None:
    step = np.array([1.0, 2, 3, 4, 5, 6, 4, 5])
    found = assemble([Log("log.csv", "CSV", (Series("loss", step, step),))], name="r", path="r")
    assert "log.csv: 'loss': the steps go back from 6 to 4" in render_text(Found((found,)), 300)


def test_colours_are_used_only_when_asked_for() -> None:
    assert "\x1b" not in render_text(FOUND, 80, color=False)
    coloured = render_text(FOUND, 80, color=True)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render_text(FOUND, 80)


@pytest.mark.parametrize("width", [20, 40, 80, 132])
def test_names_from_logs_cannot_act_on_the_terminal_nor_break_the_width(width: int) -> None:
    hostile = run(HOSTILE, "x" * 300, f"update_ratio/{HOSTILE}", "loss", name=HOSTILE * 5, file=HOSTILE, format=HOSTILE)
    page = render_text(Found((hostile,), (Refused(HOSTILE, HOSTILE),), (Refused(HOSTILE, HOSTILE),)), width)
    assert not [c for c in page if ord(c) < 32 and c != "\n"]
    assert "\u202e" not in page
    assert all(cells(line) <= max(width, 24) for line in page.splitlines())
    page.encode()


@given(st.lists(st.text(max_size=40), max_size=6, unique=True), st.integers(10, 120))
def test_any_tags_fit_any_width(tags: list[str], width: int) -> None:
    page = render_text(Found((run(*tags),)), width)
    assert all(cells(line) <= max(width, 24) for line in page.splitlines())


def test_no_run_is_said_too() -> None:
    assert render_text(Found(()), 80) == "0 runs"
