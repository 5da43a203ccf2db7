"""Synthetic runs whose illness is known because it was written into them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from curvedoc.run import Curve, Run

Array = npt.NDArray[np.float64]

N = 600


def steps(n: int = N, every: int = 10) -> Array:
    """Steps of n points, logged every so many steps."""
    return np.arange(1, n + 1, dtype=np.float64) * every


def noisy(value: Array, sd: float = 0.02, seed: int = 0) -> Array:
    """Multiplicative Gaussian noise, as minibatches give it."""
    return value * (1 + sd * np.random.default_rng(seed).standard_normal(len(value)))


def power_law(t: Array, start: float = 2.3, exponent: float = 0.35, floor: float = 0.0) -> Array:
    """A healthy slow descent: t^-exponent from the first logged step on."""
    return floor + (start - floor) * (t / t[0]) ** -exponent


def exponential(t: Array, start: float = 2.3, end: float = 0.3, tau: float = 0.1) -> Array:
    """A descent that stops at a level: a plateau when tau is a small share of the run."""
    return end + (start - end) * np.exp(-(t - t[0]) / (tau * (t[-1] - t[0])))


def cosine(t: Array, peak: float = 0.1) -> Array:
    """A cosine schedule from the peak to zero."""
    return peak * 0.5 * (1 + np.cos(np.pi * (t - t[0]) / (t[-1] - t[0])))


def run(*, hyper: Mapping[str, Any] | None = None, **curves: tuple[Array, Array]) -> Run:
    """A Run from (steps, values) per role; a double underscore stands for a layer: update_ratio__fc1."""
    named = {}
    for key, (step, value) in curves.items():
        role, _, layer = key.partition("__")
        named[f"{role}[{layer}]" if layer else role] = (Curve(step, value, tag=key),)
    return Run("patient", named, hyper=dict(hyper or {}))


def constant_rate_ratios(**layers: float) -> Run:
    """A healthy pair of losses at a constant rate with one logged update ratio per layer."""
    t = steps()
    noise = np.random.default_rng(0)
    ratios = {f"update_ratio__{k}": (t, level * 10 ** (0.1 * noise.standard_normal(N))) for k, level in layers.items()}
    shape = power_law(t)
    return run(train_loss=(t, noisy(shape)), val_loss=(t, noisy(shape, 0.02, 1)), lr=(t, np.full(N, 0.1)), **ratios)
