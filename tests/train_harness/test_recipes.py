"""Recipes that come with the laboratory: all can be read, and the transfer does what it says."""

import json

import pytest
import torch

from train_harness.__main__ import main
from train_harness.recipe import read_recipe
from train_harness.samples import RECIPES
from train_harness.steps import initial_loss

FOLDER = RECIPES.parent
TRANSFER = FOLDER / "transfer"


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.toml")), ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_every_recipe_can_be_read(path):
    assert read_recipe(path).steps >= 100
    assert path.parent == RECIPES or path.read_text(encoding="utf-8").startswith("# "), "say what it is for"


def test_transfer_keeps_the_frozen_features_then_moves_them_at_a_tenth_of_the_rate(tmp_path):
    short = ["steps=60", "log.format=jsonl", "log.every=1", "--device", "cpu"]
    folders = [tmp_path / name for name in ("one", "two", "three")]
    start = []
    for recipe, folder in zip(("1-pretrain", "2-head", "3-finetune"), folders, strict=True):
        assert main([str(TRANSFER / f"{recipe}.toml"), *start, *short, "--out", str(folder)]) == 0
        start = [f"model.start={folder / 'weights.pt'}"]
    learned, headed, tuned = (torch.load(folder / "weights.pt", weights_only=True) for folder in folders)
    for layer in ("conv1", "conv2"):
        assert torch.equal(headed[f"{layer}.weight"], learned[f"{layer}.weight"])
        assert not torch.equal(tuned[f"{layer}.weight"], headed[f"{layer}.weight"])
    assert headed["head.weight"].shape == (3, learned["head.weight"].shape[1])
    rows = [json.loads((folder / "metrics.jsonl").read_text().splitlines()[0]) for folder in folders]
    assert rows[1]["update_ratio/conv1"] == 0.0 < rows[1]["update_ratio/head"], "a look-alike of a frozen layer"
    assert rows[2]["lr"] == pytest.approx(0.1 * rows[1]["lr"])
    assert rows[2]["train_loss"] < rows[1]["train_loss"], "fine-tuning begins where the head ended"


@pytest.mark.parametrize("name", ["digits", "cnn", "gpt", "resnet", "transfer/1-pretrain", "transfer/2-head"])
def test_a_recipe_to_start_from_begins_at_the_loss_it_must(name):
    small = ["data.train_size=256", "data.val_size=64", "compile="] if "transfer" not in name else []
    start = initial_loss(read_recipe(FOLDER / f"{name}.toml", small))
    assert start.right, start
