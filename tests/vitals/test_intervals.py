"""Do estimates stay within their intervals when the same run is written down differently?

The unit of the loss and that of the step may move nothing but what is stated in them. Half of the points, or noise
with a standard deviation of 5 % of the range that the middle 80 % of the points span, may move an estimate as far as
both intervals allow: they meet in at least 80 % of the cases over all vitals of a family, as 80 % intervals must.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curvedoc.estimate import Estimate
from curvedoc.run import Context, Curve, Run
from curvedoc.vitals import measure
from tests.bench.known import FAMILIES, draw
from tests.bench.truths import flat_share

#: What each family of vitals is asked on; every vital here has an interval.
KINDS: Mapping[str, tuple[str, ...]] = {
    "start": ("start.flat_for", "start.sharpness"),
    "descent": ("train_loss.left", "train_loss.climbed", "train_loss.risen", "train_loss.flat_for"),
    "pace": ("train_loss.pace_kept", "pace.at_end", "pace.done_early", "pace.ahead", "val_loss.follows"),
    "gap": ("gap.of_loss", "gap.growth", "gap.below", "val_loss.rise", "val_loss.best_at", "val_metric.gain_late"),
    "bounce": ("loss.bounce", "loss.bounce_kept", "val.examples", "val.scatter"),
    "cut": ("lr_drop.gain", "lr_drop.pace_before", "lr_drop.rest_before"),
}
#: Half of the points, and, but for scatter, which is what it adds to, more noise.
CHANGES = [(kind, 2, 0.0) for kind in KINDS] + [(kind, 1, 0.05) for kind in KINDS if kind != "bounce"]


def changed(run: Run, *, loss: float = 1.0, step: float = 1.0, every: int = 1, noise: float = 0.0) -> Run:
    """The run in other units, with every so-manieth point, with noise in shares of each curve's robust range."""
    rng = np.random.default_rng(1)
    curves = {}
    for role, (curve,) in run.curves.items():
        low, high = np.quantile(curve.value, (0.1, 0.9))
        sd = 0.0 if role == "lr" else noise * float(high - low)
        value = (curve.value + sd * rng.standard_normal(len(curve))) * (loss if role.endswith("loss") else 1.0)
        curves[role] = (Curve(curve.step[::every] * step, value[::every], tag=role),)
    return Run("changed", curves)


def estimates(run: Run) -> dict[str, Estimate]:
    chart, _ = measure(run, Context())
    rows = (chart.run, *chart.lr_drop)
    return {name: found for row in rows for name, found in row.vitals.items() if isinstance(found, Estimate)}


@cache
def drawn(family: int, seed: int) -> Run:
    return draw(FAMILIES[family], 240, "white", 0.02, seed).run


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, len(FAMILIES) - 1), st.integers(0, 2), st.floats(1e-3, 1e3), st.floats(1e-2, 1e2))
def test_the_units_of_loss_and_step_move_no_share(family: int, seed: int, loss: float, step: float) -> None:
    plain, other = estimates(drawn(family, seed)), estimates(changed(drawn(family, seed), loss=loss, step=step))
    for name in (name for names in KINDS.values() for name in names):
        assert (name in plain) == (name in other), name
        if name in plain:
            width = plain[name].high - plain[name].low
            for part in ("low", "value", "high"):
                # A start of a stretch may fall on the other side of a logged point by rounding.
                slack = 0.1 * width + 1e-6 * abs(plain[name].value) + 1e-9
                assert getattr(other[name], part) == pytest.approx(getattr(plain[name], part), abs=slack), (name, part)


@pytest.mark.parametrize(("kind", "every", "noise"), CHANGES)
def test_half_of_the_points_or_added_noise_leaves_estimates_within_their_intervals(
    kind: str, every: int, noise: float
) -> None:
    met = asked = 0
    for family in range(len(FAMILIES)):
        for seed in range(2):
            plain = estimates(drawn(family, seed))
            other = estimates(changed(drawn(family, seed), every=every, noise=noise))
            for name in KINDS[kind]:
                if name in plain and name in other:
                    asked += 1
                    met += plain[name].low <= other[name].high and other[name].low <= plain[name].high
    assert asked >= 8
    assert met >= 0.8 * asked, f"{met} of {asked}"


def test_added_noise_shows_in_the_scatter_beyond_its_interval() -> None:
    for family in range(len(FAMILIES)):
        plain, other = (estimates(changed(drawn(family, 0), noise=noise)) for noise in (0.0, 0.2))
        assert other["loss.bounce"].low > plain["loss.bounce"].high


@pytest.mark.parametrize("noise", ["white", "heavy", "EMA(0.9)", "mean of 10"])
def test_no_slowing_power_law_is_known_to_be_flat_for_a_tenth_of_the_run_longer_than_it_is(noise: str) -> None:
    for family in (f for f in FAMILIES if f.name in ("power law", "power law cut early")):
        for n, seed in ((120, 0), (120, 1), (600, 0), (600, 1)):
            made = draw(family, n, noise, 0.01 + 0.04 * seed, seed)
            flat = estimates(made.run)["train_loss.flat_for"]
            assert flat.low <= flat_share(made.dense("train_loss")) + 0.1
