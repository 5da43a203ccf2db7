"""Do many stretches at once fall as each of them alone?"""

from __future__ import annotations

import numpy as np
import pytest

from curvedoc.curves.trend import fall, falls


@pytest.mark.parametrize("seed", range(5))
def test_many_stretches_fall_as_each_of_them_alone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    step = np.cumsum(rng.uniform(0.1, 3.0, 60))
    value = 2 * np.exp(-step / 20) + 0.1 * rng.standard_normal(60)
    begins = np.linspace(step[0], step[-4], 20)
    alone = [fall(step, value, float(begin), float(step[-1])) for begin in begins]
    np.testing.assert_allclose(np.transpose(falls(step, value, begins, float(step[-1]))), alone, rtol=1e-9)


def test_a_stretch_of_two_points_has_no_fall() -> None:
    step = np.arange(9.0)
    fell, error = falls(step, -step, np.array([0.0, 7.0]), 8.0)
    assert np.isnan([fell[1], error[1]]).all()
    assert fell[0] == pytest.approx(8.0)


@pytest.mark.parametrize("unit", [3.7, 7.7, 0.1])
def test_the_points_at_both_ends_count_in_any_unit_of_the_steps(unit: float) -> None:
    step = 87.0 * np.arange(1, 14)
    value = np.random.default_rng(0).standard_normal(13)
    for share in (0.25, 0.5, 0.75):
        found = []
        for x in (step, unit * step):
            place = x[0] + share * (x[-1] - x[0])
            begins = np.array([place])
            found.append([*fall(x, value, x[0], place), *fall(x, value, place, x[-1]), *falls(x, value, begins, x[-1])])
        assert np.hstack(found[1]) == pytest.approx(np.hstack(found[0]))
