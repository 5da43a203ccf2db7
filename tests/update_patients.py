"""Patients whose updates are too large or too small for their weights, and what looks like them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from curvedoc.run import Run

from .patients import cosine, exponential, noisy, power_law, run
from .rate_patients import (
    T,
    V,
    constant_rate,
    descent,
    lost,
    no_learning,
    plateau,
    recovered_spike,
    restarts,
    underfit,
    warmed_up,
)


def multiplying(seed: int) -> Run:
    """Each point is 2 to 4 times the one before, until a float holds it no more."""
    factors = np.random.default_rng(seed).uniform(2, 4, len(T))
    loss = 1.5 * np.cumprod(factors)
    loss[40:] = np.nan
    return run(train_loss=(T, loss), lr=(T, np.full(len(T), 0.5)))


def doubling(seed: int) -> Run:
    """The loss climbs from the first step on, to ten times its start, and stays a number."""
    return run(train_loss=(T, noisy(1 + 9 * T / T[-1], 0.02, seed)), lr=(T, np.full(len(T), 0.5)))


def few_examples(seed: int) -> Run:
    shape = power_law(T)
    rng = np.random.default_rng(seed)
    right = rng.binomial(16, 0.8, len(V)) / 16
    return run(
        train_loss=(T, noisy(shape, 0.05, seed)),
        val_loss=(V, noisy(shape[9::10], 0.2, seed + 3)),
        val_accuracy=(V, right),
        lr=(T, constant_rate(T)),
    )


def ratios(seed: int, rate: Callable[[np.ndarray], np.ndarray] = cosine, **layers: float | np.ndarray) -> Run:
    noise = np.random.default_rng(seed)
    made = {}
    for name, level in layers.items():
        made[f"update_ratio__{name}"] = (T, 10 ** (0.15 * noise.standard_normal(len(T))) * level)
    return run(**descent(seed) | {"lr": (T, rate(T))}, **made)


def bouncing(seed: int, tau: float, noise: float, held_out: float) -> Run:
    """Down to half of its start by the share `tau` of the run, then bouncing at the full rate, and validation too."""
    shape = exponential(T, 2.3, 1.2, tau=tau)
    return run(
        train_loss=(T, noisy(shape, noise, seed)),
        val_loss=(V, noisy(shape[9::10], held_out, seed + 50)),
        lr=(T, np.full(len(T), 0.1)),
    )


def hot_plateau(seed: int) -> Run:
    """Flat from the first twentieth on: noise hides how it came to rest."""
    return bouncing(seed, 0.01, 0.05, 0.03)


def half_way(seed: int) -> Run:
    """Flat from the first fifth on, and seen to come to rest."""
    return bouncing(seed, 0.05, 0.02, 0.015)


def overshot(seed: int) -> Run:
    """The first step nearly doubles the loss, and the rest of the run brings it a little below its start."""
    loss = np.where(T[1] > T, 2.3, 4.2 - 2.5 * T / T[-1])
    return run(train_loss=(T, noisy(loss, 0.02, seed)), lr=(T, np.full(len(T), 0.1)))


def at_rest(seed: int) -> Run:
    """The floor of a deterministic problem, half of the start: nothing bounces."""
    shape = exponential(T, 2.3, 1.2, tau=0.02)
    return run(train_loss=(T, shape), val_loss=(V, 1.01 * shape[9::10]), lr=(T, np.full(len(T), 0.1)))


def swinging(seed: int) -> Run:
    u = T / T[-1]
    return run(
        train_loss=(T, noisy(exponential(T, tau=0.05) + 0.5 * np.sin(40 * u) ** 2, 0.03, seed)),
        lr=(T, constant_rate(T)),
    )


def scattered(seed: int) -> Run:
    return run(train_loss=(T, noisy(power_law(T), 0.25, seed)), lr=(T, cosine(T)))


FIRES: dict[str, Callable[[int], Run]] = {
    "learning-rate-too-high.bursts": multiplying,
    "learning-rate-too-high": overshot,
    "learning-rate-too-high.bounces": hot_plateau,
    "oscillation": swinging,
    "update-ratio-too-high": lambda seed: ratios(seed, constant_rate, fc1=0.08, fc2=2e-3),
    "update-ratio-too-low": lambda seed: ratios(seed, constant_rate, fc1=3e-6, fc2=2e-3),
    "frozen-layer": lambda seed: ratios(seed, constant_rate, fc1=0.0, fc2=2e-3),
}

QUIET: dict[tuple[str, str], Callable[[int], Run]] = {
    ("learning-rate-too-high.bursts", "nan-explosion"): lost,
    ("learning-rate-too-high.bursts", "divergence"): doubling,
    ("learning-rate-too-high", "plateau-needs-decay"): plateau,
    ("learning-rate-too-high", "underfitting"): underfit,
    ("learning-rate-too-high", "converged"): at_rest,
    ("learning-rate-too-high", "no-learning"): no_learning,
    ("learning-rate-too-high", "few-examples"): few_examples,
    ("learning-rate-too-high", "warmup"): warmed_up,
    ("learning-rate-too-high.bounces", "plateau-needs-decay"): plateau,
    ("learning-rate-too-high.bounces", "converged"): at_rest,
    ("learning-rate-too-high.bounces", "underfitting"): underfit,
    ("oscillation", "restarts"): restarts,
    ("oscillation", "recovered-spike"): recovered_spike,
    ("oscillation", "noisy"): scattered,
    ("update-ratio-too-high", "warmup"): lambda seed: ratios(
        seed, constant_rate, fc1=np.where(0.05 * T[-1] > T, 0.1, 1e-3), fc2=2e-3
    ),
    ("update-ratio-too-high", "output-layer"): lambda seed: ratios(seed, constant_rate, fc1=2e-3, fc2=3e-3, head=0.08),
    ("update-ratio-too-high", "bias-or-norm"): lambda seed: ratios(seed, constant_rate, bn1=0.1, fc2=2e-3),
    ("update-ratio-too-low", "frozen-layer"): lambda seed: ratios(seed, constant_rate, fc1=0.0, fc2=2e-3),
    ("update-ratio-too-low", "decayed"): lambda seed: ratios(seed, fc1=2e-3 * cosine(T) / 0.1, fc2=2e-3),
    ("update-ratio-too-low", "fine-tuning"): lambda seed: ratios(seed, constant_rate, fc1=1e-4, fc2=1.5e-4),
    ("frozen-layer", "transfer-learning"): lambda seed: replace(
        ratios(seed, constant_rate, fc1=0, fc2=2e-3), hyper={"freeze_backbone": True}
    ),
    ("frozen-layer", "update-ratio-too-low"): lambda seed: ratios(seed, constant_rate, fc1=1e-6, fc2=2e-3),
}
