"""Curves of millions of points: every k-th is measured, and nothing that counts is lost."""

from __future__ import annotations

import numpy as np
import pytest

from curvedoc.estimate import Estimate
from curvedoc.run import Context, Curve, Run
from curvedoc.vitals import every, measure
from curvedoc.vitals.every import LONG, thinned


def noisy(points: int, seed: int = 0) -> Curve:
    step = np.arange(float(points))
    value = 0.3 + 2 * np.exp(-5 * step / points) + 0.05 * np.random.default_rng(seed).standard_normal(points)
    return Curve(step, value)


def test_a_long_run_keeps_its_ends_and_a_short_one_is_left_alone() -> None:
    long, short = Run("long", {"train_loss": (noisy(5 * LONG),)}), Run("short", {"train_loss": (noisy(LONG),)})
    kept = thinned(long).get("train_loss")
    assert kept is not None
    assert LONG < len(kept) < LONG + 500
    assert kept.step[:99].tolist() == list(range(99))
    assert kept.step[-1] == 5 * LONG - 1
    assert thinned(short) is short


def test_a_single_nan_keeps_every_point() -> None:
    curve = noisy(3 * LONG)
    value = curve.value.copy()
    value[LONG + 1] = np.nan
    run = thinned(Run("run", {"train_loss": (Curve(curve.step, value),), "val_loss": (curve,)}))
    assert len(run.curves["train_loss"][0]) == 3 * LONG
    assert len(run.curves["val_loss"][0]) < LONG + 500


def test_what_is_measured_on_every_third_point_lies_in_the_intervals_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run("run", {"train_loss": (noisy(3 * LONG),), "val_loss": (noisy(3 * LONG, 1),)})
    few, _ = measure(run, Context())
    monkeypatch.setattr(every, "LONG", 10 * LONG)
    whole, _ = measure(run, Context())
    for name in ("start.flat_for", "train_loss.pace_kept", "pace.at_end", "gap.of_loss", "val_loss.rise"):
        one, all_ = few.run.vitals[name], whole.run.vitals[name]
        assert isinstance(one, Estimate) and isinstance(all_, Estimate)
        assert all_.low <= one.value <= all_.high, name
