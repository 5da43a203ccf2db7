"""Patients of the rules about the budget and the log itself, and what looks like them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from curvedoc.run import Curve, Run

from .held_out import RATE, T, V, both, fair
from .patients import Array, cosine, exponential, noisy, power_law, run


def cut_at(seed: int, at: float, before: Array, gain: float) -> Run:
    """A loss that follows `before` to the cut and then falls by a share of it."""
    step = at * T[-1]
    start = float(before[np.searchsorted(T, step)])
    after = start * (1 - gain * (1 - np.exp(-np.maximum(0, T - step) / (0.02 * T[-1]))))
    loss = np.where(step > T, before, after)
    return run(train_loss=(T, noisy(loss, seed=seed)), lr=(T, np.where(step > T, 0.1, 0.01)))


def best_at(seed: int, share: float) -> Run:
    """Validation comes down to its best and then creeps up by less than anyone would call overfitting."""
    u = V / V[-1]
    val = 0.5 + np.maximum(0, share - u) + 0.01 * np.maximum(0, u - share)
    return both(seed, noisy(val, 0.0002, seed))


def timed(seed: int, seconds: Array, tag: str = "time/seconds_per_step", **more: Array) -> Run:
    made = both(seed, fair(seed))
    noise = np.random.default_rng(seed).uniform(0.97, 1.03, len(T))
    curves = (Curve(T, seconds * noise, tag=tag), *(Curve(T, v * noise, tag=k) for k, v in more.items()))
    return replace(made, curves={**made.curves, "time": curves})


def walled(seed: int, seconds: Array) -> Run:
    """Wall times of the training loss, from the seconds between its points."""
    made = both(seed, fair(seed))
    loss = made.curves["train_loss"][0]
    return replace(made, curves={**made.curves, "train_loss": (replace(loss, wall_time=np.cumsum(seconds)),)})


def averaged(seed: int, beta: float) -> Run:
    value = noisy(power_law(T), 0.2, seed)
    for k in range(1, len(value)):
        value[k] = beta * value[k - 1] + (1 - beta) * value[k]
    return run(train_loss=(T, value), lr=RATE)


def counting(seed: int, last: int) -> Run:
    """A rate logged at 1, 2, 3 ... beside losses by update."""
    epochs = np.arange(1.0, last + 1)
    return run(train_loss=(T, noisy(power_law(T), seed=seed)), lr=(epochs, cosine(epochs)), val_loss=(V, fair(seed)))


def resumed(seed: int, jump: float, resume: bool = True) -> Run:
    loss = noisy(power_law(T), 0.02, seed)
    loss[300:] *= 1 + jump * np.exp(-np.arange(300) / 60)
    curve = Curve(T, loss, tag="loss", resumed=(float(T[300]),) if resume else ())
    return Run("patient", {"train_loss": (curve,), "lr": (Curve(*RATE),)})


PAUSES = np.where(np.arange(600) % 20 == 0, 8.0, 1.0)

FIRES: dict[str, Callable[[int], Run]] = {
    "decay-too-late": lambda seed: cut_at(seed, 0.7, exponential(T, tau=0.05, end=0.5), 0.4),
    "wasted-budget": lambda seed: best_at(seed, 0.3),
    "slow-steps": lambda seed: timed(seed, 0.1 * (1 + 2 * T / T[-1])),
    "slow-data-loading": lambda seed: timed(seed, np.full(len(T), 0.2), "time", data_time=np.full(len(T), 0.09)),
    "already-smoothed": lambda seed: averaged(seed, 0.95),
    "mixed-steps": lambda seed: counting(seed, 60),
    "resume-jump": lambda seed: resumed(seed, 0.3),
}

QUIET: dict[tuple[str, str], Callable[[int], Run]] = {
    ("decay-too-late", "well-timed-decay"): lambda seed: cut_at(seed, 0.4, power_law(T, exponent=0.5), 0.4),
    ("decay-too-late", "nothing-left"): lambda seed: cut_at(seed, 0.7, exponential(T, tau=0.05, end=0.5), 0.0),
    ("wasted-budget", "flat-end"): lambda seed: both(seed, noisy(exponential(V, 1.5, 0.5, tau=0.1), 0.02, seed)),
    ("wasted-budget", "still-improving"): lambda seed: both(seed, fair(seed)),
    ("slow-steps", "validation-pauses"): lambda seed: walled(seed, PAUSES),
    ("slow-steps", "pause"): lambda seed: walled(seed, np.where(np.arange(600) == 300, 30000.0, 1.0)),
    ("slow-data-loading", "well-fed"): lambda seed: timed(
        seed, np.full(len(T), 0.2), "time", data_time=np.full(len(T), 0.004)
    ),
    ("already-smoothed", "single-batches"): lambda seed: both(seed, fair(seed)),
    ("already-smoothed", "no-noise"): lambda seed: run(train_loss=(T, power_law(T)), lr=RATE),
    ("mixed-steps", "ends-early"): lambda seed: run(
        train_loss=(T, noisy(power_law(T), seed=seed)), lr=RATE, val_loss=(V[:20], fair(seed)[:20])
    ),
    ("mixed-steps", "one-axis"): lambda seed: both(seed, fair(seed)),
    ("resume-jump", "clean-resume"): lambda seed: resumed(seed, 0.0),
    ("resume-jump", "spike"): lambda seed: resumed(seed, 0.3, resume=False),
}
