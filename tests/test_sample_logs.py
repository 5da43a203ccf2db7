"""sample_logs/: every log has its recipe and a proved label, matches its checksum, and can be rebuilt."""

import hashlib
import json
import math
import tomllib

import pytest

pytest.importorskip("torch", reason="the sample logs are made by train_harness, which needs torch")

from train_harness.recipe import read_recipe, to_tables, to_toml
from train_harness.samples import RECIPES, SAMPLE_LOGS, SUMS, build_samples, checksums, recipe_hash, sample_names
from train_harness.treat import ERRORS, GAIN

NEEDED = {
    "bad-init",
    "plateau-needs-decay",
    "decay-too-early",
    "overfitting",
    "underfitting",
    "nan-explosion",
    "update-ratio-too-high",
    "update-ratio-too-low",
    "frozen-layer",
    "learning-rate-too-high",
    "learning-rate-too-low",
    "no-learning",
    "wrong-sign",
    "dead-units",
    "loss-spikes",
    "initial-loss-off",
    "unshuffled-data",
}


def label_of(name):
    return tomllib.loads((SAMPLE_LOGS / name / "label.toml").read_text(encoding="utf-8"))


def test_folders_and_recipes_are_the_same_set():
    assert sorted(p.name for p in SAMPLE_LOGS.iterdir() if p.is_dir()) == sample_names()


def test_every_illness_and_six_healthy_runs_are_there_in_five_formats():
    labels = [label_of(name)["label"] for name in sample_names()]
    assert set(labels) >= NEEDED
    assert labels.count("healthy") >= 6
    assert len({read_recipe(RECIPES / f"{name}.toml").log.format for name in sample_names()}) >= 5


@pytest.mark.parametrize("name", sample_names())
def test_the_recipe_beside_a_log_is_the_one_that_makes_it(name):
    recipe = read_recipe(RECIPES / f"{name}.toml")
    assert (SAMPLE_LOGS / name / "recipe.toml").read_text(encoding="utf-8") == to_toml(to_tables(recipe))


@pytest.mark.parametrize("name", sample_names())
def test_the_label_is_proved_for_this_recipe_and_stands(name):
    label, case = label_of(name), read_recipe(RECIPES / f"{name}.toml").case
    assert label["recipe_sha256"] == recipe_hash(read_recipe(RECIPES / f"{name}.toml")), (
        "prove it again: the recipe changed"
    )
    assert (label["label"], label["planted"], label["judge"]) == (case.label, case.planted, case.judge)
    assert len(label["seeds"]) >= 3
    helps = [t["gain"] >= GAIN and t["gain"] >= ERRORS * t["standard_error"] for t in label["treatment"]]
    assert helps == [t["helps"] for t in label["treatment"]]
    if label["label"] == "healthy":
        assert not any(helps) and label["margin"] == max(t["gain"] for t in label["treatment"])
    else:
        assert helps[0] and label["margin"] == label["treatment"][0]["gain"]
    assert label["stands"] is True


def test_logs_and_recipes_match_their_checksums():
    assert (SAMPLE_LOGS / SUMS).read_text(encoding="utf-8") == checksums(SAMPLE_LOGS)


def test_all_samples_together_stay_small():
    assert sum(p.stat().st_size for p in SAMPLE_LOGS.rglob("*") if p.is_file()) < 2_000_000


def test_no_path_or_host_is_in_a_sample():
    for path in SAMPLE_LOGS.rglob("*"):
        assert not path.is_file() or str(SAMPLE_LOGS.parent).encode() not in path.read_bytes()


@pytest.mark.parametrize("name", ["nan-explosion", "underfitting"])
def test_a_sample_is_rebuilt_to_the_same_numbers(name, tmp_path):
    """Other processors round otherwise, and training magnifies it: the first fifth is compared to a thousandth."""
    build_samples(tmp_path, [name])
    kept, rebuilt = numbers(SAMPLE_LOGS / name), numbers(tmp_path / name)
    assert [len(row) for row in rebuilt] == [len(row) for row in kept]
    for before, after in list(zip(kept, rebuilt, strict=True))[: len(kept) // 5]:
        assert after == pytest.approx(before, rel=1e-3, nan_ok=True)
    assert [math.isfinite(row[1]) for row in rebuilt[-3:]] == [math.isfinite(row[1]) for row in kept[-3:]]


def numbers(folder):
    """The rows of a sample's log as lists of floats."""
    (log,) = [p for p in folder.rglob("*") if p.is_file() and p.suffix in (".csv", ".jsonl")]
    lines = log.read_text(encoding="utf-8").splitlines()
    if log.suffix == ".jsonl":
        return [[float(v) for v in json.loads(line).values()] for line in lines]
    return [[float(cell) for cell in line.split(",")] for line in lines[1:]]


def test_a_changed_log_is_noticed(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "log.csv").write_text("epoch,loss\n0,1.0\n")
    before = checksums(tmp_path)
    (tmp_path / "a" / "log.csv").write_text("epoch,loss\n0,1.1\n")
    assert checksums(tmp_path) != before
    assert hashlib.sha256(b"epoch,loss\n0,1.1\n").hexdigest() in checksums(tmp_path)
