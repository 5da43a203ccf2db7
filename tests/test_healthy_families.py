"""Healthy curves that fool thresholds: none of them may raise a warning."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from curvedoc.engine import judge
from curvedoc.rulebook import load_rules
from curvedoc.run import Run

from .patients import cosine, exponential, noisy, power_law, run, steps

RULES = load_rules()
T = steps()
V = T[9::10]
RATE = (T, np.full(len(T), 0.1))


def added(value: np.ndarray, sd: float, seed: int) -> np.ndarray:
    return value + sd * np.random.default_rng(seed).standard_normal(len(value))


def correlated(n: int, rho: float, sd: float, seed: int) -> np.ndarray:
    """AR(1) noise of standard deviation sd."""
    shock = np.random.default_rng(seed).standard_normal(n)
    wander = [shock[0]]
    for s in shock[1:]:
        wander.append(rho * wander[-1] + np.sqrt(1 - rho * rho) * s)
    return sd * np.array(wander)


def averaged(value: np.ndarray, beta: float = 0.95) -> np.ndarray:
    out = [value[0]]
    for v in value[1:]:
        out.append(beta * out[-1] + (1 - beta) * v)
    return np.array(out)


FAMILIES: dict[str, Callable[[int], Run]] = {
    "a small fall on a high offset": lambda s: run(
        train_loss=(T, added(100 + 3 * power_law(T, 1.0, 0.4), 0.03, s)), lr=RATE
    ),
    "a large negative loss": lambda s: run(train_loss=(T, added(-100 + 3 * power_law(T, 1.0, 0.4), 0.03, s)), lr=RATE),
    "a fine-tune that gains 8 %": lambda s: run(
        train_loss=(T, noisy(exponential(T, 1.0, 0.92, tau=0.4), 0.02, s)), lr=(T, cosine(T))
    ),
    "a loss next to zero at a constant rate": lambda s: run(
        train_loss=(T, noisy(exponential(T, 2.3, 0.01, tau=0.05), 0.05, s)), lr=RATE
    ),
    "a power law in heavy noise": lambda s: run(train_loss=(T, noisy(power_law(T), 0.2, s)), lr=(T, cosine(T))),
    # Training comes to rest beside it: were it to go on, that would be learning by heart.
    "a flat validation loss that wanders": lambda s: run(
        train_loss=(T, noisy(power_law(T, floor=0.7), 0.02, s)),
        val_loss=(V, 1.0 + correlated(len(V), 0.5, 0.03, s)),
        lr=(T, cosine(T)),
    ),
    "a flat validation loss that hardly forgets": lambda s: run(
        train_loss=(T, noisy(power_law(T, floor=0.7), 0.02, s)),
        val_loss=(V, 1.0 + correlated(len(V), 0.8, 0.05, s)),
        lr=(T, cosine(T)),
    ),
    "a running mean of the loss": lambda s: run(
        train_loss=(T, averaged(noisy(power_law(T), 0.3, s))), lr=(T, cosine(T))
    ),
    "validation below training": lambda s: run(
        train_loss=(T, noisy(power_law(T), 0.05, s)),
        val_loss=(V, noisy(0.7 * power_law(T)[9::10], 0.02, s)),
        lr=(T, cosine(T)),
    ),
    "eight epochs": lambda s: run(
        train_loss=(T[:8], noisy(power_law(T[:8], exponent=0.8), 0.02, s)),
        val_loss=(T[:8], noisy(0.1 + power_law(T[:8], exponent=0.7), 0.03, s)),
    ),
}


@pytest.mark.parametrize("family", list(FAMILIES))
def test_a_healthy_family_raises_no_warning(family: str) -> None:
    alarms = []
    for seed in range(40):
        found = judge(FAMILIES[family](seed), RULES).diagnoses
        alarms += [d.rule for d in found if not d.possible and d.severity != "info"]
    # Two in forty: the most that a verdict at 0.5 may cost in any family.
    assert len(alarms) <= 2, alarms


def test_a_blow_up_in_the_last_points_is_not_healthy() -> None:
    for seed in range(10):
        loss = noisy(power_law(T), 0.03, seed)
        loss[-15:] *= np.linspace(1, 5, 15)
        report = judge(run(train_loss=(T, loss), lr=(T, cosine(T))), RULES)
        assert report.verdict == "findings"
        assert report.diagnoses[0].rule == "divergence"


def test_a_loss_too_noisy_to_be_read_is_not_called_healthy() -> None:
    for seed in range(10):
        report = judge(
            run(train_loss=(T[:60], noisy(np.full(60, 0.69), 0.8, seed)), lr=(T[:60], np.full(60, 0.1))), RULES
        )
        assert report.verdict != "healthy"
        assert report.verdict == "not assessed" or report.diagnoses[0].rule == "no-learning"


def test_values_too_large_to_calculate_with_are_lost() -> None:
    loss = power_law(T)
    loss[400:] = 1e200
    assert judge(run(train_loss=(T, loss)), RULES).diagnoses[0].rule == "nan-explosion"
