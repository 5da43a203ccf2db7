"""Do the settings of many runs tell what they can, and nothing more?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from curvedoc.render.sweep import better, final_gap, separating, sweep, wasted
from curvedoc.report import Best, Drawn, Report

from .situations import a_sweep, curve, everything, exploded, healthy, overfitting, report


def runs(rows: list[dict[str, object]], sick: list[bool] | None = None) -> list[Report]:
    verdicts = sick or [False] * len(rows)
    return [
        report(f"run-{i}", "findings" if ill else "healthy", hyper=row)
        for i, (row, ill) in enumerate(zip(rows, verdicts, strict=True))
    ]


def test_settings_that_differ_are_named_those_most_runs_state_first() -> None:
    table = sweep(runs([{"lr": 0.1, "wd": 0, "amp": True}, {"lr": 0.2, "wd": 0}, {"lr": 0.1, "wd": 0, "amp": False}]))
    assert table.varying == ("lr", "amp")


def test_nested_settings_and_numbers_in_quotes_are_read() -> None:
    table = sweep(runs([{"opt": {"lr": "1e-3"}}, {"opt": {"lr": 0.01}}]))
    assert [row["opt.lr"] for row in table.rows] == [0.001, 0.01]


def test_names_and_places_are_no_settings() -> None:
    rows = [{"output_dir": f"/tmp/{i}", "run_name": f"r{i}", "wandb": {"id": i}, "lr": 0.1 * (1 + i)} for i in range(4)]
    assert sweep(runs(rows)).varying == ("lr",)


def test_a_name_states_what_the_log_does_not() -> None:
    table = sweep([report("a/lr0.1-wd1e-4_seed3", "healthy"), report("a/lr=0.2-wd0_seed3", "healthy")])
    assert table.rows[0] == {"learning_rate": 0.1, "weight_decay": 1e-4, "seed": 3.0}
    assert table.varying == ("learning_rate", "weight_decay")


def test_what_the_log_states_overrules_the_name() -> None:
    (row,) = sweep([report("lr0.5", "healthy", hyper={"optimizer": {"lr": 0.1}})]).rows
    assert row == {"optimizer.lr": 0.1}


def test_without_a_stated_rate_the_peak_of_the_logged_one_counts() -> None:
    (row,) = sweep([report("x", "healthy", curves=(curve("lr", [0, 1, 2], [0.0, 0.3, 0.1]),))]).rows
    assert row == {"peak lr": 0.3}


def test_runs_that_differ_in_seed_or_fold_alone_share_a_line() -> None:
    rows = [{"lr": lr, "seed": seed} for lr in (0.1, 0.2) for seed in (0, 1, 2)]
    assert sweep(runs(rows)).line == (0, 0, 0, 1, 1, 1)
    assert sweep(runs([{"lr": 0.1, "cv_fold": k} for k in range(3)])).line == (0, 0, 0)


def test_runs_of_the_same_settings_without_a_seed_stay_apart() -> None:
    assert sweep(runs([{"lr": 0.1}, {"lr": 0.1}])).line == (0, 1)


def test_two_models_with_seeds_in_their_names_stay_apart() -> None:
    names = ("mlp_seed0", "mlp_seed1", "cnn_seed0", "cnn_seed1")
    assert sweep([report(name, "healthy") for name in names]).line == (0, 0, 1, 1)


def test_the_gap_is_that_of_the_smoothed_ends() -> None:
    run = overfitting()
    ends = {c.role: c.smooth[-1] for c in run.curves if c.smooth}
    assert final_gap(run) == pytest.approx(ends["val_loss"] - ends["train_loss"])
    assert final_gap(exploded()) is None


def test_waste_is_what_came_after_the_best_or_after_the_nan() -> None:
    run = report("x", curves=(curve("val_loss", np.arange(0, 101), np.ones(101)),), best=Best("val_loss", 25.0, 1.0))
    assert wasted(run) == (0.75, "after the best checkpoint")
    share, why = wasted(exploded()) or (0.0, "")
    assert (share, why) == (pytest.approx((998 - 824) / 998), "after the loss was lost")


def test_the_lowest_training_loss_is_no_measure_of_waste() -> None:
    run = report("x", curves=(curve("train_loss", [0, 1, 2], [3, 2, 1]),), best=Best("train_loss", 1.0, 1.0))
    assert wasted(run) is None


def test_runs_are_compared_by_what_most_hold_out_and_in_its_direction() -> None:
    assert better([healthy(), exploded(), exploded()]) == ("val_loss", "low")
    assert better([report("x", best=Best("val_accuracy", 1.0, 0.9))]) == ("val_accuracy", "high")
    assert better([report("x")]) == ("", "low")


def test_the_setting_that_separates_is_named_with_its_counts() -> None:
    ((key, p, says),) = separating(a_sweep().reports, sweep(a_sweep().reports))
    assert key == "optimizer.lr"
    assert p <= 0.02
    assert says == (
        "optimizer.lr from 0.3 up: 9 of 9 runs with findings; optimizer.lr up to 0.03: 0 of 27 runs with findings"
    )


def test_a_word_can_separate_too() -> None:
    rows = [{"optimizer": "sgd" if i % 2 else "adam"} for i in range(20)]
    ((key, _, says),) = separating(r := runs(rows, [bool(i % 2) for i in range(20)]), sweep(r))
    assert key == "optimizer"
    assert "optimizer = sgd: 10 of 10 runs with findings" in says or "optimizer = adam: 0 of 10" in says


def test_chance_separates_no_more_often_than_its_level() -> None:
    """Forty sweeps of six settings without any effect: at p <= 0.05 about two may speak."""
    rng = np.random.default_rng(1)
    spoke = 0
    for _ in range(40):
        rows = [{f"k{j}": float(rng.random()) for j in range(6)} for _ in range(24)]
        found = runs(rows, list(map(bool, rng.random(24) < 0.4)))
        spoke += any(True for _ in separating(found, sweep(found)))
    assert spoke <= 6  # binomial: more than six of forty at 5 % has a chance of 0.3 %


def test_repeats_of_one_setting_are_no_evidence() -> None:
    rows = [{"lr": lr, "seed": seed} for lr in (0.1, 0.2) for seed in range(10)]
    found = runs(rows, [lr_index >= 10 for lr_index in range(20)])
    assert list(separating(found, sweep(found))) == []


def test_few_runs_say_nothing() -> None:
    found = runs([{"lr": float(i)} for i in range(6)], [i > 2 for i in range(6)])
    assert list(separating(found, sweep(found))) == []


def test_hostile_and_odd_runs_are_read() -> None:
    odd = [
        *everything(),
        *(replace(r, hyper={"a": [1], "b": None, "c": 10**400, "d": "x" * 9999}) for r in everything()),
    ]
    table = sweep(odd)
    assert len(table.rows) == len(table.line) == len(odd)
    assert all(len(str(value)) <= 60 for row in table.rows for value in row.values())


def test_a_curve_without_a_finite_point_has_neither_gap_nor_waste() -> None:
    run = report("x", curves=(Drawn("train_loss", "", (), (), non_finite=(1.0,)), Drawn("val_loss", "", (), ())))
    assert (final_gap(run), wasted(run)) == (None, None)
