"""The truths that the coverage bench compares with, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tests.bench import coverage, known, truths


def test_the_fall_of_a_line_is_its_slope_times_its_length() -> None:
    assert truths.line_fall(3 - 2 * known.DENSE, 0.25, 0.75) == pytest.approx(1.0, rel=1e-3)


def test_the_fall_along_the_line_through_a_parabola_is_that_of_its_chord() -> None:
    # Least squares through x^2 on 0..1 has slope 1, as the chord has.
    assert truths.line_fall(-(known.DENSE**2), 0.0, 1.0) == pytest.approx(1.0, rel=1e-3)


def test_a_curve_that_rests_at_its_end_is_flat_for_that_long() -> None:
    # From 2 to 1 at x = 0.6, then level: the band is 1/30, and a line over the last s that begins on the slope of
    # 1/0.6 leaves the band a little before 0.4.
    value = np.maximum(1.0, 2 - known.DENSE / 0.6)
    assert truths.flat_share(value) == pytest.approx(0.42, abs=0.03)


def test_the_exponential_crosses_half_its_descent_at_its_half_life() -> None:
    value = np.exp(-known.DENSE / 0.1)
    assert truths.crossing(value, 0.5) == pytest.approx(0.1 * np.log(2), abs=1e-3)


@pytest.mark.parametrize(("noise", "sd", "correlation"), [
    ("white", 1.0, 0.0),
    ("growing", 1.0, 0.0),
    ("heavy", 1.0, 0.0),
    ("AR(0.6)", 1.0, 0.6),
    ("EMA(0.9)", (0.1 / 1.9) ** 0.5, 0.9),
    ("mean of 10", 0.1**0.5, 0.9),
])  # fmt: skip
def test_each_kind_of_noise_has_its_size_and_correlation(noise: str, sd: float, correlation: float) -> None:
    value = known.NOISES[noise](np.full(200_000, 5.0), 1.0, np.random.default_rng(0)) - 5
    assert value.std() == pytest.approx(sd, rel=0.05)
    assert np.corrcoef(value[1:], value[:-1])[0, 1] == pytest.approx(correlation, abs=0.02)


def test_an_early_cut_regrets_what_the_law_before_it_promised() -> None:
    family = next(f for f in known.FAMILIES if f.drop == 0.3)
    drawn = known.draw(family, 4000, "white", 1e-9, 0)
    assert family.promise is not None and family.drop is not None
    # The law would have ended at 2.3 * (1.004 / 0.004)^-0.35; the cut itself gained some 0.12.
    promised = 2.3 * (1.004 / 0.004) ** -0.35
    at = 2.3 * (0.304 / 0.004) ** -0.35
    end = at - 0.12 - 0.1 * (at - promised)
    true = dict(truths.truths(drawn))["lr_drop.regret"]
    assert true == pytest.approx((end - (promised - 0.12)) / end, abs=0.03)


def test_a_truth_beside_its_interval_counts_on_the_side_where_it_lies() -> None:
    count = coverage.Count()
    for truth in (0.0, 1.0, 1.5, 2.0, 3.0):
        count.add(truth, 1.0, 2.0)
    assert (count.within, count.below, count.above, count.percent) == (3, 1, 1, 60.0)
