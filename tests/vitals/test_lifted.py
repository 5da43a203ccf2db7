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
    "train_loss.flat_for": 0.6,
    "train_loss.pace_kept": 0.1,
    "val.counted": 200.0,
    "fit.unexplained": 0.6,
    "rate.held": 0.6,
}


def share(changed: dict[str, float | None]) -> float:
    found: dict[str, Measured] = {
        name: Missing("not logged") if value is None else exact(value) for name, value in (FULL | changed).items()
    }
    vital = lifted.measure(prepare(Run("patient", {}), Context()), found)["rate.lifts"]
    assert isinstance(vital, Estimate)
    return vital.value


def test_signs_that_are_all_sure_make_all_of_the_points() -> None:
    assert share({}) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("absent", "points"),
    [
        ({"val_loss.thrown": 0.006}, 8),
        ({"train_loss.flat_for": 0.1, "train_loss.pace_kept": 0.7}, 4),
        ({"val.counted": 50.0}, 4),
        ({"fit.unexplained": 0.15}, 3),
        ({"rate.held": 0.2}, 3),
    ],
)
def test_a_sign_that_is_not_there_takes_its_points_away_and_no_more(
    absent: dict[str, float | None], points: int
) -> None:
    assert share(absent) == pytest.approx((22 - points) / 22)


def test_a_leap_at_the_geometric_middle_counts_half() -> None:
    assert share({"val_loss.thrown": (0.006 * 0.06) ** 0.5}) == pytest.approx((22 - 4) / 22)


def test_a_sign_that_cannot_be_measured_counts_in_part() -> None:
    assert share({"rate.held": 0.2}) < share({"rate.held": None}) < share({})


def test_without_a_validation_loss_nothing_is_weighed() -> None:
    vital = lifted.measure(
        prepare(Run("patient", {}), Context()), {"val_loss.thrown": Missing("too rare", ("val_loss",))}
    )
    assert vital["rate.lifts"] == Missing("too rare", ("val_loss",))
