"""Is the size of a validation set read off its accuracies, and never invented?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curvedoc.estimate import Estimate
from curvedoc.run import Context, Curve, Run
from curvedoc.vitals import Missing, measure
from curvedoc.vitals.sample import count_examples, near_grid

from ..held_out import counted, scattered, shaken


def right(size: int, points: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).binomial(size, np.linspace(0.4, 0.8, points)) / size


@settings(max_examples=60, deadline=None)
@given(st.integers(5, 400), st.integers(20, 60), st.integers(0, 1000))
def test_many_full_accuracies_give_the_size_of_the_set(size: int, points: int, seed: int) -> None:
    found = count_examples(right(size, points, seed), digits=9)
    assert found is not None
    assert found[0] <= size <= found[1] or size % found[0] == 0


def test_the_size_is_a_divisor_of_the_truth_and_its_interval_holds_it_in_nine_of_ten() -> None:
    held = 0
    for seed in range(200):
        found = count_examples(right(60, 3, seed))
        assert found is None or 60 % found[0] == 0
        held += found is None or found[1] >= 60
    assert held >= 170


@pytest.mark.parametrize("unit", [1.0, 100.0])
def test_percent_and_shares_give_the_same_size(unit: float) -> None:
    values = np.round(right(37, 30, 1) * unit, 5)
    assert count_examples(values, percent=unit == 100.0) == count_examples(right(37, 30, 1))


def test_accuracies_rounded_to_two_digits_tell_nothing() -> None:
    assert count_examples(np.round(right(5000, 40, 0), 2)) is None


def test_accuracies_without_a_grid_tell_nothing() -> None:
    assert count_examples(np.random.default_rng(0).uniform(0.4, 0.9, 40)) is None


def test_a_collapsed_model_tells_nothing() -> None:
    assert count_examples(np.full(40, 0.1)) is None
    assert count_examples(np.zeros(40)) is None
    assert count_examples(np.array([])) is None
    assert count_examples(np.array([np.nan, -1.0, 3.0])) is None


def test_without_accuracies_the_scatter_says_how_many_examples_would_explain_it() -> None:
    # Means of six squared normal variables have a relative variance of 2/6: as of three values that scatter by 1.
    sizes = []
    for seed in range(20):
        found = measure(scattered(seed), Context())[0].run.vitals["val.examples"]
        assert isinstance(found, Estimate)
        sizes.append(found.value)
    assert 2 < np.median(sizes) < 6


def test_shaken_weights_never_lower_the_loss() -> None:
    for made, low in ((scattered(0), 0.2), (shaken(0), None)):
        found = measure(made, Context())[0].run.vitals["val.dips"]
        assert isinstance(found, Estimate)
        assert found.value > low if low is not None else found.value < 0.02


def test_where_accuracy_tells_the_size_nothing_else_is_asked() -> None:
    vitals = measure(counted(0, 40), Context())[0].run.vitals
    size = vitals["val.counted"]
    assert isinstance(size, Estimate)
    assert size.value == 40
    assert isinstance(vitals["val.scatter"], Missing)


def test_scatter_without_training_beside_it_says_nothing() -> None:
    step = np.arange(30.0)
    alone = Run("r", {"val_loss": (Curve(step, 1 + np.random.default_rng(0).random(30)),)})
    assert isinstance(measure(alone, Context())[0].run.vitals["val.examples"], Missing)


def test_more_levels_than_any_set_has_tell_no_size() -> None:
    assert count_examples(np.linspace(0.1, 0.9, 2000)) is None
    assert count_examples(np.arange(1, 1001) / 1000, digits=6) == (1000, 1000)


def test_accuracies_about_a_wide_grid_give_its_size_and_others_none() -> None:
    disturbed = [
        near_grid(right(8, 25, seed) + 0.01 * np.random.default_rng(seed).standard_normal(25)) for seed in range(40)
    ]
    assert set(disturbed) <= {None, 8}
    assert disturbed.count(8) >= 36
    for size in (60, 200, 5000):
        assert [near_grid(right(size, 25, seed)) for seed in range(100)].count(None) >= 99


def test_a_curve_that_rests_on_a_point_of_a_grid_is_on_none() -> None:
    for seed in range(20):
        scatter = 0.004 * np.random.default_rng(seed).standard_normal(40)
        assert near_grid(0.9 - 0.5 * np.exp(-np.arange(40.0) / 4) + scatter) is None
