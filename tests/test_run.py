"""Run and Curve refuse what later measurements could not stand on."""

from __future__ import annotations

import numpy as np
import pytest

from curvedoc.errors import UsageError
from curvedoc.run import ROLES, Curve, Run, role_of

ONE = Curve(np.array([1.0, 2.0]), np.array([0.5, np.nan]))


def test_non_finite_values_are_kept() -> None:
    assert np.isnan(ONE.value[1])


@pytest.mark.parametrize(
    ("step", "value", "why"),
    [
        ([1, 2], [1.0], "equal in length"),
        ([2, 1], [1.0, 1.0], "strictly increasing"),
        ([1, 1], [1.0, 1.0], "strictly increasing"),
        ([1, np.nan], [1.0, 1.0], "finite"),
        ([[1], [2]], [[1.0], [1.0]], "one-dimensional"),
    ],
)
def test_a_curve_that_was_not_repaired_is_refused(step: list[float], value: list[float], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Curve(np.array(step), np.array(value))


def test_wall_time_has_the_shape_of_the_steps() -> None:
    with pytest.raises(ValueError, match="wall_time"):
        Curve(np.arange(3.0), np.arange(3.0), np.arange(2.0))


def test_a_role_is_found_with_its_layer_and_a_typo_gets_a_hint() -> None:
    assert role_of("update_ratio[blocks.0/fc]")[1] == "blocks.0/fc"
    assert role_of("val_loss") == (ROLES["val_loss"], None)
    with pytest.raises(UsageError, match="did you mean 'val_loss'"):
        role_of("val_los")


def test_a_layered_role_needs_its_layer() -> None:
    with pytest.raises(ValueError, match="needs a layer"):
        Run("r", {"update_ratio": (ONE,)})
    run = Run("r", {"update_ratio[a]": (ONE,), "update_ratio[b]": (ONE,), "train_loss": (ONE,)})
    assert list(run.layers("update_ratio")) == ["a", "b"]
    assert run.get("train_loss") is ONE
    assert run.get("lr") is None


def test_a_role_without_a_curve_is_refused() -> None:
    with pytest.raises(ValueError, match="has no curve"):
        Run("r", {"lr": ()})


def test_a_run_shows_itself_in_a_line_and_not_by_its_numbers() -> None:
    curve = Curve(np.arange(500.0), np.ones(500), tag="loss")
    assert repr(curve) == "<Curve 'loss': 500 points, 0 to 499>"
    assert repr(Run("a", {"train_loss": (curve,)})) == "<Run 'a' by step: train_loss (500 points)>"


@pytest.mark.parametrize(
    ("axis", "cadence", "said"),
    [("step", "", False), ("row", "", False), ("step", "step", False), ("epoch", "", True), ("step", "epoch", True)],
)
def test_a_curve_is_by_epoch_where_its_name_or_the_axis_says_so(axis: str, cadence: str, said: bool) -> None:
    curve = Curve(np.arange(3.0), np.ones(3), cadence=cadence)
    assert Run("r", {"train_loss": (curve,)}, axis=axis).by_epoch(curve) is said
