"""What repeats with the epoch, and what only bends in every one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from curvedoc.run import Context
from curvedoc.vitals import Missing, measure

from ..patients import exponential, run
from .asked import value

T = np.arange(1.0, 601.0)


@pytest.mark.parametrize("epoch", [5.0, 10.0, 50.0])
@pytest.mark.parametrize("tau", [0.1, 0.3])
def test_a_descent_without_noise_bends_in_every_epoch_and_has_no_pattern(epoch: float, tau: float) -> None:
    made = replace(run(train_loss=(T, exponential(T, tau=tau))), steps_per_epoch=epoch)
    found = measure(made, Context())[0].run.vitals["epoch.pattern"]
    assert isinstance(found, Missing) or found.value < 0.2


@pytest.mark.parametrize("epoch", [4, 20])
def test_a_hump_in_the_middle_of_every_epoch_is_no_bend(epoch: int) -> None:
    place = (T - 0.5) % epoch / epoch
    hump, noise = 0.4 * np.minimum(place, 1 - place), 0.03 * np.random.default_rng(1).standard_normal(len(T))
    made = replace(run(train_loss=(T, exponential(T) * np.exp(hump + noise))), steps_per_epoch=float(epoch))
    expected = hump.var() / (hump.var() + noise.var())
    assert value(made, "epoch.pattern").value == pytest.approx(expected, abs=0.15)
