"""Search: points over ranges, refined around the best, a run and a row of the table for each."""

import csv
import math
from dataclasses import replace

import pytest

from curvedoc import analyze
from train_harness.__main__ import main
from train_harness.recipe import override, read_recipe
from train_harness.samples import RECIPES
from train_harness.search import Range, Trial, grid_points, parse_range, random_points, refine, search
from train_harness.strict import RecipeError

from .test_loop import SMALL, run

RATE, WIDTH, DROPOUT = Range("optimizer.lr", 1e-4, 1.0), Range("model.width", 8, 64, True), Range("model.dropout", 0, 1)
LOGGED = override(SMALL, ["log.format=jsonl", "log.every=5"])


def trial(loss, **values):
    return Trial("x", {key.replace("_", "."): value for key, value in values.items()}, loss, loss, None)


@pytest.mark.parametrize("text", ["optimizer.lr", "optimizer.lr=1..0.1", "=1..2", "optimizer.lr=a..b", "x=0..inf"])
def test_what_is_no_range_is_refused(text):
    with pytest.raises(RecipeError, match="is no range: write section"):
        parse_range(text)


def test_random_points_spread_evenly_over_the_logarithm_and_repeat_with_their_seed():
    points = random_points([RATE, WIDTH, DROPOUT], 2000, 3)
    rates, widths, shares = ([p[r.key] for p in points] for r in (RATE, WIDTH, DROPOUT))
    for decade in range(-4, 0):
        assert 0.2 < sum(10**decade <= rate < 10 ** (decade + 1) for rate in rates) / 2000 < 0.3
    assert set(widths) <= set(range(8, 65)) and all(isinstance(width, int) for width in widths)
    assert 0.45 < sum(share < 0.5 for share in shares) / 2000 < 0.55, "a range from 0 is no logarithm's"
    assert points[:5] == random_points([RATE, WIDTH, DROPOUT], 5, 3) != random_points([RATE, WIDTH, DROPOUT], 5, 4)


def test_a_grid_is_every_combination_with_the_ends_of_each_range():
    points = grid_points([RATE, WIDTH], 3)
    assert [p["optimizer.lr"] for p in points] == pytest.approx([1e-4] * 3 + [1e-2] * 3 + [1.0] * 3)
    assert [p["model.width"] for p in points] == [8, 23, 64] * 3


def test_refining_keeps_half_a_gap_around_the_best_quarter():
    trials = [
        trial(abs(math.log10(p["optimizer.lr"]) + 2), optimizer_lr=p["optimizer.lr"]) for p in grid_points([RATE], 9)
    ]
    (narrow,) = refine([RATE], trials)
    kept = sorted(trials, key=lambda t: t.val_loss)[:2]
    ends = sorted(t.values["optimizer.lr"] for t in kept)
    half = 10 ** (4 / 8 / 2)
    assert (narrow.low, narrow.high) == pytest.approx((ends[0] / half, ends[1] * half), rel=1e-3)


def test_refining_stays_inside_the_range():
    trials = [trial(1 - share, model_dropout=share) for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    (narrow,) = refine([DROPOUT], trials)
    assert (narrow.low, narrow.high) == (0.625, 1.0)


def test_refining_passes_over_runs_that_blew_up_and_refuses_when_all_did():
    trials = [trial(math.inf, optimizer_lr=1.0), trial(0.3, optimizer_lr=1e-3), trial(0.2, optimizer_lr=1e-2)]
    assert refine([RATE], trials)[0].high < 0.1
    with pytest.raises(RecipeError, match="only 0 of 1 trials ended finite"):
        refine([RATE], trials[:1])


def test_two_processes_find_what_one_finds(tmp_path):
    points = [{"optimizer.lr": 0.2}, {"optimizer.lr": 0.001}, {"optimizer.lr": 0.05}]
    heard = []
    alone = search(LOGGED, points, tmp_path / "alone", say=heard.append)
    assert [t.values for t in heard] == points, "told in order"
    assert [t.val_loss for t in alone] == sorted(t.val_loss for t in heard), "returned best first"
    assert search(LOGGED, points, tmp_path / "both", jobs=2) == alone
    (worst,) = [t for t in alone if t.values["optimizer.lr"] == 0.001]
    assert worst.val_loss == run("optimizer.lr=0.001")[2].val_loss
    assert read_recipe(tmp_path / "both" / worst.name / "recipe.toml") == override(LOGGED, ["optimizer.lr=0.001"])


def test_a_trial_that_blows_up_is_the_worst(tmp_path):
    trials = search(override(LOGGED, ["data.task=diabetes"]), [{"optimizer.lr": 1e4}, {"optimizer.lr": 0.01}], tmp_path)
    assert [t.val_loss < math.inf for t in trials] == [True, False]


def test_the_command_searches_refines_and_lets_curvedoc_read_every_run(tmp_path, capsys):
    over = ["--over", "optimizer.lr=1e-3..0.1", "--over", "model.width=8..32", "--random", "3", "--refine", "2"]
    short = ["steps=60", "log.every=2", "--device", "cpu", "--out", str(tmp_path)]
    assert main(["search", str(RECIPES.parent / "digits.toml"), *short, *over]) == 0
    with (tmp_path / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = ["coarse-1", "coarse-2", "coarse-3", "fine-1", "fine-2"]
    assert sorted(row["trial"] for row in rows) == names
    losses = [float(row["val_loss"]) for row in rows]
    assert losses == sorted(losses)
    out = capsys.readouterr().out
    assert f"best of 5: {rows[0]['trial']}, val loss" in out and "curvedoc: 5 runs" in out
    assert sorted(report.name for report in analyze(tmp_path / "runs")) == names


def test_a_search_over_an_unknown_key_is_refused(tmp_path, capsys):
    assert (
        main(["search", str(RECIPES.parent / "digits.toml"), "--over", "optimizer.rl=1e-3..1", "--out", str(tmp_path)])
        == 2
    )
    assert "did you mean 'lr'" in capsys.readouterr().err


def test_a_range_of_one_value_stays_as_it_was():
    same = [replace(trial(loss), values={"optimizer.lr": 0.1}) for loss in (1.0, 2.0)]
    assert refine([RATE], same) == [RATE]
