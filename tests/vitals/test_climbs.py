"""A validation loss that climbs on and on shows an ascent that the noise of batches hides."""

from __future__ import annotations

import numpy as np
import pytest

from curvedoc.engine import judge
from curvedoc.estimate import Estimate
from curvedoc.rulebook import load_rules

from ..patients import noisy, run, steps
from .asked import vital

T = steps(300)
V = T[24::25]
CLIMB = 2.3 + 0.15 * T / T[-1]
HIDDEN = 2.3 + 0.1 * (-1.0) ** np.arange(len(T))


def _rules(train: np.ndarray, val: np.ndarray) -> set[str]:
    found = judge(run(train_loss=(T, train), val_loss=(V, val)), load_rules()).findings
    return {d.rule for d in found if d.severity != "info"}


def test_an_ascent_that_batches_hide_is_not_called_a_loss_that_stands_still():
    alone = {d.rule for d in judge(run(train_loss=(T, HIDDEN)), load_rules()).findings}
    assert "no-learning" in alone
    assert "no-learning" not in _rules(HIDDEN, CLIMB[24::25])


def test_a_validation_loss_that_wanders_as_far_is_no_ascent():
    wanders = 2.3 + 0.15 * np.random.default_rng(2).random(len(V))
    assert not _rules(HIDDEN, wanders) & {"divergence", "wrong-sign"}


def test_how_far_it_climbed_is_a_share_of_the_smallest_descent_that_counts():
    val = CLIMB[24::25]
    found = vital(run(train_loss=(T, HIDDEN), val_loss=(V, val)), "train_loss.risen")
    assert isinstance(found, Estimate)
    assert found.value == pytest.approx((val[-1] - val[0]) / (0.05 * val[0]), rel=0.02)


def test_where_training_falls_a_climbing_validation_loss_is_no_ascent():
    falls = noisy(2.3 - 0.8 * T / T[-1], 0.1)
    assert not _rules(falls, CLIMB[24::25]) & {"divergence", "wrong-sign"}
