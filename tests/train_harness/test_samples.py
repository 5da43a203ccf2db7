"""Samples and the command line: what is rebuilt, written beside a log, and refused."""

import hashlib
import json
import tomllib

import pytest

from train_harness.__main__ import main
from train_harness.loop import train
from train_harness.recipe import read_recipe
from train_harness.samples import RECIPES, build_samples, checksums, recipe_hash, sample_names, write_label

TINY = """
steps = 12
[data]
train_size = 60
val_size = 30
batch_size = 20
[log]
format = "jsonl"
every = 2
"""


@pytest.fixture
def tiny(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


def test_a_run_leaves_its_log_its_recipe_and_its_facts(tiny, tmp_path, capsys):
    out = tmp_path / "run"
    assert main([str(tiny), "optimizer.lr=0.05", "--out", str(out), "--device", "cpu"]) == 0
    assert sorted(p.name for p in out.iterdir()) == [
        "hparams.json",
        "metrics.jsonl",
        "recipe.toml",
        "run.json",
        "weights.pt",
    ]
    assert read_recipe(out / "recipe.toml") == read_recipe(tiny, ["optimizer.lr=0.05"])
    facts = json.loads((out / "run.json").read_text())
    assert set(facts) == {"seed", "device", "python", "torch", "numpy", "scikit-learn", "revision"}
    said = capsys.readouterr().out
    assert said.startswith("12 steps, train loss ") and " steps/s, " in said


def test_the_same_command_gives_the_same_bytes(tiny, tmp_path):
    for name in ("a", "b"):
        assert main([str(tiny), "--out", str(tmp_path / name), "--device", "cpu"]) == 0
    assert (tmp_path / "a" / "metrics.jsonl").read_bytes() == (tmp_path / "b" / "metrics.jsonl").read_bytes()


def test_a_checkpoint_on_disk_continues_the_run(tiny, tmp_path):
    whole, rest = tmp_path / "whole", tmp_path / "rest"
    assert main([str(tiny), "--out", str(whole), "--device", "cpu", "--save-every", "8"]) == 0
    resumed = ["--resume", str(whole / "checkpoint.pt")]
    assert main([str(tiny), "--out", str(rest), "--device", "cpu", *resumed]) == 0
    rows = [json.loads(line) for line in (whole / "metrics.jsonl").read_text().splitlines()]
    again = [json.loads(line) for line in (rest / "metrics.jsonl").read_text().splitlines()]
    assert again == [row for row in rows if row["step"] > 8]


def test_a_wrong_key_ends_with_a_hint_and_code_two(tiny, tmp_path, capsys):
    assert main([str(tiny), "optimizer.rate=1", "--out", str(tmp_path / "x")]) == 2
    assert "unknown key 'optimizer.rate'" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_an_unknown_sample_gets_the_nearest_name(tmp_path, capsys):
    assert main(["samples", str(tmp_path), "--only", "overfiting"]) == 2
    assert "did you mean 'overfitting'" in capsys.readouterr().err


def test_a_rebuild_keeps_the_label_and_removes_what_is_old(tmp_path):
    folder = tmp_path / "nan-explosion"
    folder.mkdir()
    (folder / "label.toml").write_text("kept")
    (folder / "stale.csv").write_text("old")
    build_samples(tmp_path, ["nan-explosion"])
    assert sorted(p.name for p in folder.iterdir()) == ["label.toml", "metrics.jsonl", "recipe.toml"]
    assert (folder / "label.toml").read_text() == "kept"


def test_checksums_are_those_of_the_files(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "log.csv").write_bytes(b"epoch,loss\n")
    (tmp_path / "a" / "label.toml").write_bytes(b"not counted")
    assert checksums(tmp_path) == f"{hashlib.sha256(b'epoch,loss' + bytes([10])).hexdigest()}  a/log.csv\n"


def test_a_label_states_the_claim_the_numbers_and_the_command(tmp_path, tiny, monkeypatch):
    from train_harness import samples

    text = TINY + '[fault]\nbad_init = "zero"\n[case]\nlabel = "bad-init"\nplanted = "zeros"\nseeds = 2\n'
    text += '[[case.treatments]]\nname = "good start"\nset = ["fault.bad_init=\\"\\"", "steps*=5"]\n'
    (tmp_path / "case.toml").write_text(text)
    monkeypatch.setattr(samples, "RECIPES", tmp_path)
    write_label("case", tmp_path)
    label = tomllib.loads((tmp_path / "case" / "label.toml").read_text())
    recipe = read_recipe(tmp_path / "case.toml")
    assert (label["label"], label["stands"], label["seeds"]) == ("bad-init", True, [0, 1])
    assert label["command"] == "python -m train_harness label case"
    assert label["recipe_sha256"] == recipe_hash(recipe)
    ill = [train(r).val_loss for r in (recipe, read_recipe(tmp_path / "case.toml", ["seed=1"]))]
    assert label["treatment"][0]["untreated"] == pytest.approx(sum(ill) / 2, rel=1e-3)


def test_every_sample_recipe_claims_something_and_can_be_cured_or_is_healthy():
    for name in sample_names():
        case = read_recipe(RECIPES / f"{name}.toml").case
        assert case is not None and case.seeds >= 3
        assert (case.label == "healthy") == name.startswith("healthy-")
        assert case.label == "healthy" or case.treatments


def test_a_resumed_run_does_not_write_over_the_log_of_its_first_part(tiny, tmp_path, capsys):
    out = tmp_path / "run"
    assert main([str(tiny), "--out", str(out), "--device", "cpu", "--save-every", "8"]) == 0
    before = (out / "metrics.jsonl").read_bytes()
    assert main([str(tiny), "--out", str(out), "--device", "cpu", "--resume", str(out / "checkpoint.pt")]) == 2
    assert "take another --out" in capsys.readouterr().err
    assert (out / "metrics.jsonl").read_bytes() == before


def test_the_console_script_says_what_is_missing(monkeypatch):
    import sys

    from train_harness import command

    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "train_harness.__main__")
    with pytest.raises(SystemExit, match="pip install 'curvedoc\\[train\\]'"):
        command()
