"""The weak signs that a rate holds the loss up, weighed together."""

import pytest

from curvedoc.estimate import Estimate, exact
from curvedoc.run import Context, Run
from curvedoc.vitals import lifted
from curvedoc.vitals.chart import Measured, Missing
from curvedoc.vitals.signals import prepare

#: Every sign at the value from which it counts in full.
FULL = {
    "val_loss.thrown": 0.06,
    "val_loss.unrest": 0.15,
    "train_loss.flat_for": 0.6,
    "train_loss.pace_kept": 0.1,
    "train_loss.climb_late": 0.0,
    "val.counted": 200.0,
    "fit.unexplained": 0.6,
    "lr.above_usual": 0.8,
}


#: The same for what training alone tells.
WIDE = {
    "batch.scatter": 1.0,
    "batch.grown": 2.0,
    "train_loss.flat_for": 0.6,
    "train_loss.pace_kept": 0.1,
    "train_loss.climb_late": 0.0,
    "lr.above_usual": 0.8,
}


def share(changed: dict[str, float | None], name: str = "rate.lifts") -> float:
    full = FULL if name == "rate.lifts" else WIDE
    found: dict[str, Measured] = {
        name: Missing("not logged") if value is None else exact(value) for name, value in (full | changed).items()
    }
    vital = lifted.measure(prepare(Run("patient", {}), Context()), found)[name]
    assert isinstance(vital, Estimate)
    return vital.value


def test_signs_that_are_all_sure_make_all_of_the_points() -> None:
    assert share({}) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("absent", "points"),
    [
        ({"val_loss.thrown": 0.006}, 5),
        ({"val_loss.unrest": 0.015}, 3),
        ({"train_loss.flat_for": 0.1, "train_loss.pace_kept": 0.7, "train_loss.climb_late": -0.5}, 5),
        ({"val.counted": 50.0}, 3),
        ({"fit.unexplained": 0.15}, 2),
        ({"lr.above_usual": 0.05}, 4),
    ],
)
def test_a_sign_that_is_not_there_takes_its_points_away_and_no_more(
    absent: dict[str, float | None], points: int
) -> None:
    assert share(absent) == pytest.approx((22 - points) / 22)


def test_a_leap_at_the_geometric_middle_counts_half() -> None:
    assert share({"val_loss.thrown": (0.006 * 0.06) ** 0.5}) == pytest.approx((22 - 2.5) / 22)


def test_a_sign_that_cannot_be_measured_counts_in_part() -> None:
    assert share({"lr.above_usual": 0.05}) < share({"lr.above_usual": None}) < share({})


@pytest.mark.parametrize(
    "one",
    [
        {"train_loss.pace_kept": 0.7, "train_loss.climb_late": -0.5},
        {"train_loss.flat_for": 0.1, "train_loss.climb_late": -0.5},
        {"train_loss.flat_for": 0.1, "train_loss.pace_kept": 0.7},
    ],
)
def test_a_loss_that_is_flat_or_slowed_down_or_climbed_again_rests(one: dict[str, float | None]) -> None:
    assert share(one) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("absent", "points"),
    [
        ({}, 0),
        ({"batch.scatter": 0.1}, 4),
        ({"batch.grown": 0.5}, 2),
        ({"train_loss.flat_for": 0.1, "train_loss.pace_kept": 0.7, "train_loss.climb_late": -0.5}, 3),
        ({"lr.above_usual": 0.05}, 5),
    ],
)
def test_what_training_alone_tells_is_weighed_by_signs_of_its_own(absent: dict[str, float | None], points: int) -> None:
    assert share(absent, "rate.scatters") == pytest.approx((14 - points) / 14)


def test_without_points_that_scatter_training_alone_tells_nothing() -> None:
    why = Missing("too few points", ("train_loss",))
    assert lifted.measure(prepare(Run("patient", {}), Context()), {"batch.scatter": why})["rate.scatters"] == why


def test_without_a_validation_loss_nothing_is_weighed() -> None:
    vital = lifted.measure(
        prepare(Run("patient", {}), Context()), {"val_loss.thrown": Missing("too rare", ("val_loss",))}
    )
    assert vital["rate.lifts"] == Missing("too rare", ("val_loss",))
