"""Overhead: what recording adds is measured beside the same updates without it."""

import re
from contextlib import contextmanager

import pytest

from train_harness import overhead
from train_harness.__main__ import main
from train_harness.loop import StepRow
from train_harness.recipe import override
from train_harness.samples import RECIPES

from .test_loop import SMALL


def test_what_each_written_row_takes_is_spread_over_the_updates_it_stands_for(monkeypatch):
    """A clock on which only writing takes time: three seconds a step row, ten an epoch row."""
    seconds = [0.0]

    @contextmanager
    def slow(out, recipe):
        def write(row):
            seconds[0] += 3.0 if isinstance(row, StepRow) else 10.0

        yield write

    monkeypatch.setattr(overhead, "FORMATS", {"jsonl": slow})
    monkeypatch.setattr(overhead.time, "process_time", lambda: seconds[0])
    cost = overhead.overhead(override(SMALL, ["log.format=jsonl", "log.every=4"]), rounds=3)
    assert (cost.step, cost.steps, cost.epochs) == (0.0, 3.0 / 4, 10.0 / 5)


def test_the_run_without_recording_measures_nothing(monkeypatch):
    seen = []
    begin = overhead.begin
    monkeypatch.setattr(overhead, "begin", lambda recipe, *rest: seen.append(recipe) or begin(recipe, *rest))
    overhead.overhead(override(SMALL, ["log.both_modes=true", "log.timing=true"]), rounds=1)
    silent, full = (recipe.log for recipe in seen)
    assert not (silent.vitals or silent.timing or silent.both_modes) and silent.every > 10**9
    assert full.vitals and full.timing and full.both_modes


def test_the_resnet_recipe_in_bfloat16_compiled_prints_examples_per_second_with_and_without_recording(capsys):
    small = ["compile=eager", "model.width=4", "model.depth=1", "data.train_size=64", "data.val_size=32"]
    arguments = ["data.batch_size=16", "log.every=5", "--rounds", "2", "--device", "cpu"]
    assert main(["overhead", str(RECIPES.parent / "resnet.toml"), *small, *arguments]) == 0
    out = capsys.readouterr().out
    without, recorded = (float(rate.replace(",", "")) for rate in re.findall(r"([\d,]+) examples/s", out))
    share = float(re.search(r"recording adds ([+-][\d.]+) %", out)[1])
    assert without / recorded == pytest.approx(1 + share / 100, rel=0.02)
