"""Is a line drawn through few points that fall steeply where those points are, and else left as it is?"""

from __future__ import annotations

import numpy as np
import pytest

from curvedoc.curves.smooth import smooth
from curvedoc.curves.steep import FEW, line_to_draw


@pytest.mark.parametrize("points", [5, 6, 8, 12, 24])
@pytest.mark.parametrize("tau", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_steep_start_of_few_points_is_drawn_through_them(points: int, tau: float, sign: float) -> None:
    t = np.arange(float(points))
    value = sign * (0.3 + 2 * np.exp(-t / tau))
    assert np.abs(line_to_draw(smooth(t, value)) - value).max() < 0.02 * np.ptp(value)


def test_behind_a_noisy_steep_start_the_line_lies_in_the_middle_of_the_points() -> None:
    t = np.arange(8.0)
    truth = 0.3 + 2 * np.exp(-t)
    above: dict[str, list[float]] = {"measured": [], "drawn": []}
    for seed in range(30):
        curve = smooth(t, truth + 0.02 * np.random.default_rng(seed).standard_normal(8))
        above["measured"].append((curve.value - truth)[1:4].mean())
        above["drawn"].append((line_to_draw(curve) - truth)[1:4].mean())
    assert np.mean(above["measured"]) > 0.1  # the corner that is cut
    assert abs(np.mean(above["drawn"])) < 0.02


@pytest.mark.parametrize("points", [20, FEW])
def test_the_line_of_mere_noise_is_the_one_that_was_measured(points: int) -> None:
    same = 0
    for seed in range(40):
        curve = smooth(np.arange(float(points)), 1 + 0.05 * np.random.default_rng(seed).standard_normal(points))
        same += np.array_equal(line_to_draw(curve), curve.value)
    assert same >= 36


def test_the_line_of_many_points_is_the_one_that_was_measured() -> None:
    t = np.arange(FEW + 1.0)
    curve = smooth(t, 0.3 + 2 * np.exp(-t / 2) + 0.02 * np.random.default_rng(0).standard_normal(len(t)))
    assert line_to_draw(curve) is curve.value
