"""Patients whose log states a rate far from those of recipes, and what looks like them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from curvedoc.run import Run

from .patients import Array, cosine, exponential, noisy, run, steps

T = steps()
V = T[9::10]


def rested(seed: int, rate: float, floor: float = 1.4, **hyper: object) -> Run:
    """Ten classes; the loss comes to rest at a level where two in five answers are right, without a bounce, as the rate
    ends."""
    loss = exponential(T, 2.3, floor, tau=0.08)
    right = 0.1 + 0.3 * (2.3 - loss) / (2.3 - 1.4)
    return run(
        train_loss=(T, noisy(loss, 0.02, seed)),
        val_loss=(V, noisy(loss[9::10], 0.002, seed + 1)),
        train_accuracy=(T, right),
        val_accuracy=(V, right[9::10]),
        lr=(T, cosine(T, rate)),
        hyper=hyper,
    )


def overlapping(seed: int, rate: float) -> Run:
    """Logistic regression by gradient descent: two classes that overlap, of which eight in ten are told apart."""
    loss = exponential(T, 0.66, 0.45, tau=0.05)
    right = 0.8 - 0.2 * (loss - 0.45) / 0.21
    return run(
        train_loss=(T, noisy(loss, 0.001, seed)),
        val_loss=(V, noisy(1.02 * loss[9::10], 0.001, seed + 1)),
        val_accuracy=(V, right[9::10]),
        hyper={"learning_rate": rate},
    )


def guessing(seed: int, rate: float, change: float = -0.02, start: float = 2.303, right: float = 0.1) -> Run:
    """A loss that moves by a share of its start, and answers that stay as right as they were."""
    loss: Array = start * (1 + change * T / T[-1])
    answers = right + np.random.default_rng(seed).normal(scale=0.003, size=len(V))
    return run(
        train_loss=(T, noisy(loss, 0.004, seed)),
        val_loss=(V, loss[9::10]),
        val_accuracy=(V, answers),
        lr=(T, np.full(len(T), rate)),
    )


def regression(seed: int, end: float, width: int) -> Run:
    """A loss without a known floor that comes to rest at `end` of its start, and validation with it."""
    loss = exponential(T, 1.0, end, tau=0.05)
    val = (V, noisy(1.02 * loss[9::10], 0.002, seed + 1))
    return run(train_loss=(T, noisy(loss, 0.02, seed)), val_loss=val, lr=(T, cosine(T, 0.01)), hyper={"n_embd": width})


def restless(
    seed: int, wander: float, rate: float = 0.1, begun: float = 0.3, learned: float = 0.0, **hyper: object
) -> Run:
    """Ten classes; the loss comes down by `begun` to that of a guess within some steps and rests; validation goes up
    and down by `wander` of it, having come down by `learned`."""
    rng, guess = np.random.default_rng(seed), np.log(10)
    answers = 0.1 + (0.0 if begun == 0 else 0.004) * rng.standard_normal(len(V))
    return run(
        train_loss=(T, guess + begun * np.exp(-(T - T[0]) / 60) + 0.01 * rng.standard_normal(len(T))),
        val_loss=(V, guess * (1 + wander * rng.standard_normal(len(V)) + learned * np.exp(-V / 900))),
        val_accuracy=(V, answers),
        lr=(T, np.full(len(T), rate)),
        hyper=hyper,
    )


def calm(seed: int, rate: float, bounce: float = 1e-4, start: float = 2.4) -> Run:
    """Seven tenths of the descent come in the first fifth of the rate, the rest evenly until it has gone; half of the
    loss is left, and validation lies off its trend by a share of it."""
    lr = cosine(T, rate)
    done = np.cumsum(lr) / lr.sum()
    loss: Array = start * (1 - 0.65 * done / (done + 0.3))
    val = (V, loss[9::10] * noisy(np.ones(len(V)), bounce, seed + 1))
    return run(train_loss=(T, noisy(loss, 0.004, seed)), val_loss=val, lr=(T, lr), hyper={"optimizer": "adam"})


HIGH, LOW, NARROW = "learning-rate-too-high.stated", "learning-rate-too-low.stated", "underfitting.narrow"
RESTLESS = "learning-rate-too-high.restless"
CALM = "learning-rate-too-low.calm"
FIRES: dict[str, Callable[[int], Run]] = {
    HIGH: lambda seed: rested(seed, 0.2, optimizer="Adam"),
    LOW: lambda seed: guessing(seed, 3e-5),
    CALM: lambda seed: calm(seed, 2e-4),
    NARROW: lambda seed: regression(seed, 0.4, 2),
    RESTLESS: lambda seed: restless(seed, 0.004),
}
QUIET: dict[tuple[str, str], Callable[[int], Run]] = {
    (HIGH, "borne"): lambda seed: rested(seed, 0.2, 0.05, optimizer="Adam"),
    (HIGH, "usual"): lambda seed: rested(seed, 2e-3, optimizer="Adam"),
    (HIGH, "own-scale"): lambda seed: rested(seed, 1.0, optimizer="Prodigy"),
    (HIGH, "rests"): lambda seed: overlapping(seed, 1.0),
    (HIGH, "scaled"): lambda seed: rested(seed, 1.0, optimizer="Adam", learning_rate=3e-4),
    (RESTLESS, "underfitting"): lambda seed: restless(seed, 0.0003),
    (RESTLESS, "dead-units"): lambda seed: restless(seed, 0.0018, begun=0.0),
    (RESTLESS, "learning"): lambda seed: restless(seed, 0.004, learned=0.06),
    (RESTLESS, "held-down"): lambda seed: restless(seed, 0.004, weight_decay=0.3, optimizer="sgd"),
    (RESTLESS, "hopeless"): lambda seed: restless(seed, 0.004, rate=3e-3),
    (LOW, "no-learning"): lambda seed: guessing(seed, 1e-2),
    (LOW, "fine-tune"): lambda seed: guessing(seed, 3e-5, start=0.5, right=0.8),
    (LOW, "zero"): lambda seed: guessing(seed, 3e-9),
    (CALM, "usual-rate"): lambda seed: calm(seed, 2e-3),
    (CALM, "bouncing"): lambda seed: calm(seed, 2e-4, 0.02),
    (CALM, "fine-tune"): lambda seed: calm(seed, 2e-5),
    (CALM, "large-model"): lambda seed: calm(seed, 2e-4, start=10.8),
    (NARROW, "wide"): lambda seed: regression(seed, 0.4, 64),
    (NARROW, "room"): lambda seed: regression(seed, 0.03, 2),
    (LOW, "wrong-sign"): lambda seed: guessing(seed, 3e-5, change=0.6),
}
