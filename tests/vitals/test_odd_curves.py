"""Curves that nobody would log on purpose: every vital is measured, or says why it is not."""

from __future__ import annotations

import numpy as np
import pytest

from curvedoc import diagnose
from curvedoc.estimate import Estimate
from curvedoc.run import Context, Curve, Run
from curvedoc.vitals import measure
from curvedoc.vitals.chart import Missing

TIME = np.arange(30.0)
DOWN = 0.2 + 2 * np.exp(-TIME / 6)


def curve(value: object, step: object = None, cadence: str = "") -> Curve:
    points = np.asarray(value, np.float64)
    return Curve(np.arange(float(len(points))) if step is None else np.asarray(step), points, cadence=cadence)


LONG, NOISE = np.arange(200.0), np.random.default_rng(1).standard_normal(200)
WIDER = [0.06, 9.0, 80.0, 137.0, 331.0, 414.0]
ODD = {
    "a NaN among the last of five validations": {
        "train_loss": (curve(DOWN),),
        "val_loss": (curve([2.0, 1.0, 0.5, np.nan, 0.4], [0.0, 7.0, 14.0, 21.0, 29.0]),),
    },
    "three steps that end long before the epochs do": {
        "train_loss": (curve(DOWN[:3]), curve(DOWN, TIME * 10, "epoch")),
    },
    "one finite point, and means of epochs": {
        "train_loss": (curve([np.nan, 0.4], [0.0, 29.0]), curve(DOWN)),
    },
    "no finite point, and means of epochs": {
        "train_loss": (curve([np.nan, np.inf, np.nan, 1.0]), curve(DOWN)),
        "train_accuracy": (curve(np.linspace(0.1, 0.9, 30)),),
    },
    "validations ever more rarely, and one answer to everything": {
        "train_loss": (curve(DOWN, TIME * 14),),
        "val_loss": (curve([2.3, 2.3, 2.3, 1.7, 1.5, 1.3], WIDER),),
        "val_accuracy": (curve(np.full(30, 0.1), TIME * 14),),
    },
    "a loss lost at its first step beside a metric from before it": {
        "train_loss": (curve(np.full(30, np.nan), TIME + 100),),
        "val_metric": (curve(DOWN),),
    },
    "no point in the last third": {
        "train_loss": (curve(np.where(TIME < 29, DOWN, 0.2), np.where(TIME < 29, TIME, 1000.0)),),
    },
    "single losses too large to be squared before a drop of the rate": {
        "train_loss": (curve(np.where(TIME % 7 == 3, 1e300, DOWN)),),
        "lr": (curve(np.where(TIME < 15, 0.1, 0.01)),),
    },
    "validations too large to be subtracted": {
        "train_loss": (curve(DOWN),),
        "val_loss": (curve(np.where(TIME == 3, -1e308, np.where(TIME == 0, 1e308, DOWN))),),
        "lr": (curve(np.where(TIME < 15, 0.1, 0.01)),),
    },
    "a loss of nought that jumps by more than a quotient can say": {
        "train_loss": (curve(np.where(LONG < 100, 0.0, 1e59 + 1e57 * NOISE)),),
        "val_loss": (curve(np.where(LONG < 100, 0.0, 1e55)),),
    },
    "a loss that rests and then falls below all bounds": {
        "train_loss": (curve(np.where(TIME < 10, 0.5, -1e59 * TIME / 30)),),
    },
    "validations behind the last mean of an epoch": {
        "train_loss": (curve(DOWN[:6], TIME[1:7], "epoch"),),
        "val_loss": (curve(DOWN[:6], [1.3, 6.2, 6.4, 6.6, 6.8, 7.0]),),
    },
    "steps too far out to be squared": {"train_loss": (curve(DOWN, TIME * 1e200),)},
}


@pytest.mark.parametrize("curves", ODD.values(), ids=list(ODD))
@pytest.mark.filterwarnings("error")
def test_odd_curves_end_in_a_report(curves: dict[str, tuple[Curve, ...]]) -> None:
    report = diagnose(Run("odd", curves))
    assert all(0 <= finding.confidence <= 1 for finding in report.findings)


def test_what_is_nearer_to_nought_than_a_square_can_say_is_nought() -> None:
    tiny, nought = (
        measure(Run("run", {"train_loss": (curve(DOWN),), "val_loss": (curve(np.full(30, level)),)}), Context())[0]
        for level in (5e-324, 0.0)
    )
    assert tiny.run.vitals == nought.run.vitals


def test_what_is_too_large_to_be_squared_is_lost_as_what_is_infinite() -> None:
    name = "single losses too large to be squared before a drop of the rate"
    huge, infinite = (
        measure(Run("run", ODD[name] | {"train_loss": (curve(np.where(TIME % 7 == 3, level, DOWN)),)}), Context())[0]
        for level in (1e300, np.inf)
    )
    assert huge.run.vitals == infinite.run.vitals


def test_a_loss_logged_once_leaves_the_run_the_length_of_its_other_curves() -> None:
    run = Run("run", {"train_loss": (curve([0.3], [7.0]),), "val_metric": (curve(DOWN),)})
    assert measure(run, Context())[1].length == 29.0


def test_a_loss_below_zero_is_no_guess_of_classes() -> None:
    run = Run("run", {"train_loss": (curve(-DOWN),), "train_accuracy": (curve(np.full(30, 0.1)),)})
    vitals = measure(run, Context())[0].run.vitals
    assert isinstance(vitals["initial_loss.chance"], Missing)
    assert isinstance(vitals["initial_loss.first"], Estimate)
