"""Patients of the rules about validation, and what looks like them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from curvedoc.run import Curve, Run

from .patients import Array, cosine, exponential, noisy, power_law, run, steps

T = steps()
V = T[9::10]
RATE = (T, cosine(T))


def both(seed: int, val: Array, **more: tuple[Array, Array]) -> Run:
    """A healthy training loss beside a given validation loss."""
    return run(train_loss=(T, noisy(power_law(T), seed=seed)), val_loss=(V, val), lr=RATE, **more)


def fair(seed: int, scale: float = 1.05) -> Array:
    return noisy(scale * power_law(T)[9::10], 0.01, seed + 100)


def counted(seed: int, size: int) -> Run:
    """Validation accuracies over so many examples, as a count of right answers."""
    right = np.random.default_rng(seed).binomial(size, 0.6 + 0.3 * V / V[-1])
    return both(seed, fair(seed), val_accuracy=(V, np.round(right / size, 6)))


def scattered(seed: int) -> Run:
    """Each validation is the mean of six squared errors, far from what training says."""
    draws = np.random.default_rng(seed).chisquare(1, (len(V), 6)).mean(axis=1)
    return run(
        train_loss=(V, noisy(exponential(V, 0.4, 0.22), 0.005, seed)),
        val_loss=(V, 0.12 * draws),
    )


def shaken(seed: int) -> Run:
    """A rate that is too high lifts validation above training, now and then by a lot."""
    lift = np.random.default_rng(seed).exponential(0.25, len(V))
    level = exponential(V, 0.6, 0.37)
    return run(train_loss=(V, noisy(level, 0.01, seed)), val_loss=(V, level * (1 + lift)))


def few_epochs(seed: int) -> Run:
    epochs = np.arange(1.0, 9.0)
    return run(
        train_loss=(epochs, noisy(power_law(epochs, exponent=0.7), 0.02, seed)),
        val_loss=(epochs, noisy(power_law(epochs, exponent=0.6), 0.05, seed + 1)),
    )


def rising(seed: int) -> Run:
    u = V / V[-1]
    val = noisy(0.8 + 1.5 * np.exp(-u / 0.08) + 0.5 * np.maximum(0, u - 0.3), 0.01, seed)
    train = noisy(0.01 + 2.3 * np.exp(-T / T[-1] / 0.12), seed=seed)
    return run(train_loss=(T, train), val_loss=(V, val), lr=RATE)


def dropout(seed: int, cost: float, stated: float = 0.5) -> Run:
    """Training lies so much above validation, at the same weights, as dropout costs."""
    val = exponential(V, 2.0, 0.2, tau=0.2)
    train = np.interp(T, V, val) / (1 - cost)
    made = run(train_loss=(T, noisy(train, seed=seed)), val_loss=(V, noisy(val, 0.01, seed)), lr=RATE)
    return replace(made, hyper={"dropout": stated} if stated else {})


def memorised(seed: int) -> Run:
    """Dropout costs what it should at first; in the end the training examples are known by heart."""
    u = V / V[-1]
    val = 0.5 + 1.5 * np.exp(-u / 0.1)
    train = np.interp(T, V, val) * (0.2 + 1.4 * np.exp(-T / (0.5 * T[-1])))
    made = run(train_loss=(T, noisy(train, seed=seed)), val_loss=(V, noisy(val, 0.01, seed)), lr=RATE)
    return replace(made, hyper={"dropout": 0.5})


def by_heart(seed: int, floor: float, end: float, tau: float = 0.1) -> Run:
    """Training goes to `end`; validation comes to rest at `floor` early and stays there."""
    u = V / V[-1]
    train = end + 2.3 * np.exp(-T / T[-1] / tau)
    val = floor + 1.5 * np.exp(-u / 0.08)
    return run(train_loss=(T, noisy(train, 0.05, seed)), val_loss=(V, noisy(val, 0.005, seed + 3)), lr=RATE)


def parted(seed: int, beside: bool = False, **more: tuple[Array, Array]) -> Run:
    """Validation is best early, goes up by a sixth in slow waves and stays there; training falls to a quarter of it, or
    lies `beside` it."""
    u = V / V[-1]
    up = 0.16 * (1 - np.exp(-u / 0.2)) + 0.05 * np.sin(30 * u) * np.exp(-u / 0.5)
    val = 0.8 + 1.5 * np.exp(-u / 0.03) + up
    train = np.interp(T, V, val) if beside else 0.2 + 2.1 * np.exp(-T / T[-1] / 0.15)
    losses = {"train_loss": (T, noisy(train, 0.05, seed)), "val_loss": (V, noisy(val, 0.003, seed + 3))}
    return run(**losses, lr=RATE, **more)


def fine_tuned(seed: int, *val: float, down: bool = True, **more: tuple[Array, Array]) -> Run:
    """A run that was validated so many times, with a training loss that goes to a tenth, or up again."""
    u = T / T[-1]
    train = 0.05 + 0.55 * np.exp(-u / 0.35) if down else 0.6 - 0.4 * u + 0.9 * np.maximum(0, u - 0.33)
    at = T[len(T) // len(val) - 1 :: len(T) // len(val)]
    drawn = noisy(np.array(val), 0.01, seed + 1)
    return run(train_loss=(T, noisy(train, 0.1, seed)), val_loss=(at, drawn), lr=RATE, **more)


def held_down(seed: int, decay: float, right: float = 0.15) -> Run:
    """A classifier of ten that is right in so many cases, with a stated weight decay."""
    level = 2.3 * (1 - right) / 0.9
    loss = noisy(exponential(T, 2.4, level, tau=0.02), 0.01, seed)
    accuracy = (
        right - (right - 0.1) * np.exp(-V / V[-1] / 0.05) + 0.005 * np.random.default_rng(seed).normal(size=len(V))
    )
    stated = {"optimizer": "sgd", "weight_decay": decay}
    return run(train_loss=(T, loss), val_loss=(V, loss[9::10]), val_accuracy=(V, accuracy), lr=RATE, hyper=stated)


def shrunk(seed: int, end: float, start: float = 2.6) -> Run:
    """A regression that comes to `end` within the first steps and stays there, at a stated weight decay of 0.6."""
    loss = noisy(exponential(T, start, end, tau=0.02), 0.02, seed)
    stated = {"optimizer": "sgd", "weight_decay": 0.6}
    return run(train_loss=(T, loss), val_loss=(V, noisy(np.full(len(V), end), 0.005, seed)), lr=RATE, hyper=stated)


def far_off(seed: int, right: float = 0.12, tau: float = 0.18) -> Run:
    """A classifier of twenty that comes to so many right answers, and to rest only as its cosine ends."""
    done = (1 - np.exp(-T / T[-1] / tau)) / (1 - np.exp(-1 / tau))
    loss = 3.1 - (0.35 + right) * done
    accuracy = 0.05 + (right - 0.05) * done[9::10] + 0.002 * np.random.default_rng(seed).normal(size=len(V))
    losses = {"train_loss": (T, noisy(loss, 0.01, seed)), "val_loss": (V, noisy(1.01 * loss[9::10], 0.002, seed + 1))}
    return run(**losses, val_accuracy=(V, accuracy), lr=RATE)


def bouncing(
    seed: int, bounce: float, fall: float = 0.0, floor: float = 0.8, examples: int = 400, *, level: float = 0.7
) -> Run:
    """Validation bounces at a constant rate around a level or a line that falls as training does, under batches so
    noisy that no plateau shows; the rate is so small that their scatter tells nothing of it."""
    u, t = V / V[-1], T / T[-1]
    rng = np.random.default_rng(seed + 5)
    leaps = 1 + bounce * rng.standard_normal(len(V))
    val = floor + 1.5 * np.exp(-u / 0.04) - (fall * u if floor < 1 else 0)
    train = (level + (2.3 - level) * np.exp(-t / 0.04) - fall * t) * np.repeat(leaps, len(T) // len(V))
    right = rng.binomial(examples, 0.7, len(V)) / examples
    return run(
        train_loss=(T, noisy(train, 0.5, seed)),
        val_loss=(V, val * leaps),
        val_accuracy=(V, right),
        lr=(T, np.full(len(T), 0.02)),
    )


def jittering(seed: int, start: float, end: float, floor: float = 0.45, rate: Array | None = None) -> Run:
    """A loss that comes down from 2.3 and scatters evenly, by `start` in the first quarter and by `end` behind it."""
    u = T / T[-1]
    scatter = np.where(u < 0.25, start, end) * np.random.default_rng(seed + 21).uniform(-1.7, 1.7, len(T))
    shape = floor + (2.3 - floor) * np.exp(-u / 0.35)
    return run(train_loss=(T, np.abs(shape + scatter)), lr=(T, np.full(len(T), 0.05) if rate is None else rate))


def game(seed: int, won: tuple[float, float] | None) -> Run:
    """Two players in balance; between two shares of the run the discriminator is never wrong."""
    noise = np.random.default_rng(seed).standard_normal((2, len(T)))
    u = T / T[-1]
    discriminator, generator = 0.65 + 0.05 * np.sin(20 * u) + 0.08 * noise[0], 1.1 + 0.3 * u + 0.15 * noise[1]
    if won is not None:
        inside = (u >= won[0]) & (u <= won[1])
        discriminator = np.where(inside, 1e-3 * np.exp(0.3 * noise[0]), discriminator)
        generator = np.where(inside, 8 + noise[1], generator)
    players = (Curve(T, discriminator, tag="loss_D"), Curve(T, generator, tag="loss_G"))
    return Run("patient", {"other_loss": players})


def jumping(seed: int, share: float, rate: tuple[Array, Array] = RATE) -> Run:
    """Validation scatters by 4 % of its level times what is left of the rate, and by `share` whatever the rate."""
    draws = np.random.default_rng(seed + 9).standard_normal((2, len(V)))
    level = 1.1 * exponential(V, 2.3, 0.5, tau=0.15)
    value = level * (1 + 0.04 * draws[0] * rate[1][9::10] / rate[1].max() + share * draws[1])
    train = noisy(exponential(T, 2.3, 0.5, tau=0.15), 0.02, seed)
    return run(train_loss=(T, train), val_loss=(V, value), lr=rate)


def taken_back(seed: int, back: float = 0.4, harder: float = 0.0, rate: tuple[Array, Array] = RATE) -> Run:
    """The loss comes down to 0.6, and by the middle of the run `back` of it is lost again for good, on all data;
    `harder` is added to training alone."""

    def shape(t: Array) -> Array:
        u = t / T[-1]
        return 0.6 + 1.7 * np.exp(-u / 0.03) + 0.6 * back * (1 - np.exp(-np.maximum(0, u - 0.1) / 0.12))

    train = noisy(shape(T), 0.01, seed) + harder * np.clip(5 * (T / T[-1] - 0.2), 0, 1)
    return run(train_loss=(T, train), val_loss=(V, noisy(1.02 * shape(V), 0.005, seed + 1)), lr=rate)


def climbing_on(seed: int) -> Run:
    """The loss climbs evenly from a fifth of the run on, under a rate that comes down."""

    def shape(t: Array) -> Array:
        return 0.6 + 1.7 * np.exp(-t / T[-1] / 0.05) + 1.2 * np.maximum(0, t / T[-1] - 0.2)

    return run(train_loss=(T, noisy(shape(T), 0.01, seed)), val_loss=(V, noisy(shape(V), 0.005, seed + 1)), lr=RATE)


def apart_and_falling(seed: int) -> Run:
    """Validation lies 0.4 above training, and both still fall."""
    shape = power_law(T, exponent=0.5)
    return run(train_loss=(T, noisy(shape, seed=seed)), val_loss=(V, noisy(0.4 + shape[9::10], 0.01, seed)), lr=RATE)


def in_evaluation_mode(seed: int, below: float) -> Run:
    """The training set measured in evaluation mode as well, with validation so far below it."""
    made = both(seed, fair(seed, 0.6 * (1 - below)))
    clean = Curve(V, noisy(0.6 * power_law(T)[9::10], 0.01, seed + 5), tag="loss/train_full")
    return replace(made, curves={**made.curves, "train_loss": (*made.curves["train_loss"], clean)})


def lagging(seed: int) -> Run:
    """Means over epochs of a loss that falls fast, beside the loss at their ends."""
    fine = np.linspace(0, 20, 2001)
    loss = 0.3 + 2 * np.exp(-fine / 5)
    means = np.array([loss[100 * k : 100 * (k + 1) + 1].mean() for k in range(20)])
    epochs = np.arange(1.0, 21.0)
    return run(
        train_loss=(epochs, noisy(means, 0.003, seed)), val_loss=(epochs, noisy(loss[100::100], 0.003, seed + 1))
    )


def late(seed: int) -> Run:
    """Learnt by heart at once, validation first worse and at three quarters of the run suddenly right."""
    u = V / V[-1]
    val = 2.3 + 1.5 * (1 - np.exp(-u / 0.1)) - 3.7 / (1 + np.exp(-(u - 0.75) / 0.03))
    train = noisy(0.003 + 2.3 * np.exp(-T / (0.02 * T[-1])), 0.05, seed)
    return run(train_loss=(T, train), val_loss=(V, noisy(val, 0.01, seed)), lr=(T, np.full(len(T), 1e-3)))


def disturbed(seed: int, *, shared: bool = False, back: bool = False, cut: bool = False) -> Run:
    """Augmentation ends at four fifths of the run: training becomes a tenth easier, validation goes on. `shared`:
    validation falls as well; `back`: the old loss comes back; `cut`: the rate was cut there."""
    u = V / V[-1]
    fall = np.where((u > 0.8) & ~(back & (u > 0.9)), 0.85, 1.0)
    shape = exponential(V, tau=0.1, end=0.5)
    return run(
        train_loss=(V, noisy(shape * fall, 0.01, seed)),
        val_loss=(V, noisy(1.05 * shape * (fall if shared else 1.0), 0.01, seed + 9)),
        lr=(V, np.where((u > 0.8) & cut, 0.01, 0.1)),
    )


FIRES: dict[str, Callable[[int], Run]] = {
    "validation-too-noisy": lambda seed: counted(seed, 24),
    "train-eval-mismatch": lambda seed: dropout(seed, 0.0),
    "discriminator-wins": lambda seed: game(seed, (0.4, 1.0)),
    "train-eval-mismatch.stochastic": lambda seed: jumping(seed, 0.04),
    "underfitting.over-regularised": taken_back,
    "overfitting.memorised": lambda seed: by_heart(seed, 0.7, 0.01),
    "overfitting.parted": parted,
    "overfitting.few": lambda seed: fine_tuned(seed, 0.36, 0.44, 0.56),
    "underfitting.far-off": far_off,
    "underfitting.held-down": lambda seed: held_down(seed, 0.3),
    "plateau-needs-decay.together": lambda seed: bouncing(seed, 0.08),
    "plateau-needs-decay.bounces": lambda seed: bouncing(seed, 0.08),
    "plateau-needs-decay.thrown": lambda seed: bouncing(seed, 0.04, floor=1.65, level=1.6),
    "plateau-needs-decay.noisier": lambda seed: jittering(seed, 0.1, 0.2),
    "leak-suspicion": lambda seed: in_evaluation_mode(seed, 0.5),
    "validation-easier-than-train": lambda seed: both(seed, fair(seed, 0.7)),
    "sum-versus-mean": lambda seed: both(seed, fair(seed, 32.0)),
    "augmentation-change": disturbed,
}

QUIET: dict[tuple[str, str], Callable[[int], Run]] = {
    ("validation-too-noisy", "learning-rate-too-high"): shaken,
    ("validation-too-noisy", "few-epochs"): few_epochs,
    ("validation-too-noisy", "overfitting"): rising,
    ("overfitting", "grokking"): late,
    ("discriminator-wins", "even-game"): lambda seed: game(seed, None),
    ("discriminator-wins", "runs-ahead"): lambda seed: game(seed, (0.3, 0.6)),
    ("overfitting", "memorised"): lambda seed: by_heart(seed, 0.7, 0.01),
    ("train-eval-mismatch.stochastic", "comes-to-rest"): lambda seed: jumping(seed, 0.001),
    ("train-eval-mismatch.stochastic", "rate-stays-up"): lambda seed: jumping(seed, 0.001, (T, np.full(len(T), 0.1))),
    ("underfitting.over-regularised", "divergence"): climbing_on,
    ("underfitting.over-regularised", "overfitting"): rising,
    ("underfitting.over-regularised", "harder-data"): lambda seed: taken_back(seed, 0.0, harder=0.3),
    ("plateau-needs-decay.together", "still-improving"): lambda seed: bouncing(seed, 0.01, 0.5),
    ("plateau-needs-decay.bounces", "still-improving"): lambda seed: bouncing(seed, 0.03, 0.5),
    ("plateau-needs-decay.bounces", "few-examples"): lambda seed: bouncing(seed, 0.06, 0.15, examples=24),
    ("plateau-needs-decay.bounces", "overfitting"): lambda seed: bouncing(seed, 0.08, 0.4, floor=2.0),
    ("plateau-needs-decay.thrown", "still-improving"): lambda seed: bouncing(seed, 0.03, 0.5),
    ("plateau-needs-decay.thrown", "few-examples"): lambda seed: bouncing(seed, 0.06, 0.15, examples=24),
    ("plateau-needs-decay.thrown", "overfitting"): lambda seed: bouncing(seed, 0.08, 0.4, floor=2.0),
    ("plateau-needs-decay.thrown", "decayed"): lambda seed: jumping(seed, 0.04),
    ("plateau-needs-decay.together", "few-examples"): lambda seed: bouncing(seed, 0.06, 0.15, examples=24),
    ("plateau-needs-decay.together", "overfitting"): lambda seed: bouncing(seed, 0.08, 0.4, floor=2.0),
    ("plateau-needs-decay.together", "decayed"): lambda seed: jumping(seed, 0.04),
    ("plateau-needs-decay.noisier", "still-improving"): lambda seed: jittering(seed, 0.5, 0.2),
    ("plateau-needs-decay.noisier", "hard-examples"): lambda seed: jittering(seed, 0.01, 0.02, floor=0.03),
    ("plateau-needs-decay.noisier", "decayed"): lambda seed: jittering(seed, 0.1, 0.2, rate=cosine(T)),
    ("overfitting.memorised", "constant-gap"): apart_and_falling,
    ("overfitting.memorised", "train-below-validation"): lambda seed: by_heart(seed, 0.07, 0.001),
    ("overfitting.parted", "wandering"): lambda seed: parted(seed, beside=True),
    ("overfitting.parted", "over-confidence"): lambda seed: parted(seed, val_accuracy=(V, 0.5 + 0.4 * V / V[-1])),
    ("overfitting.few", "one-point"): lambda seed: fine_tuned(seed, 0.45, 0.38, 0.36, 0.35, 0.5),
    ("overfitting.few", "over-confidence"): lambda seed: fine_tuned(
        seed, 0.36, 0.44, 0.56, val_accuracy=(T[199::200], np.array([0.8, 0.84, 0.87]))
    ),
    ("overfitting.few", "divergence"): lambda seed: fine_tuned(seed, 0.36, 0.44, 0.56, down=False),
    ("underfitting.far-off", "halfway"): lambda seed: far_off(seed, 0.4),
    ("underfitting.far-off", "learning-rate-too-low"): lambda seed: far_off(seed, tau=2.0),
    ("underfitting.held-down", "no-learning"): lambda seed: held_down(seed, 1e-4),
    ("underfitting.held-down", "divergence"): lambda seed: shrunk(seed, 4.0, start=1.0),
    ("underfitting.held-down", "small-residual"): lambda seed: shrunk(seed, 0.3),
    ("underfitting.held-down", "bearable"): lambda seed: held_down(seed, 0.3, right=0.9),
    ("train-eval-mismatch", "overfitting"): memorised,
    ("train-eval-mismatch", "no-dropout"): lambda seed: dropout(seed, 0.0, stated=0.0),
    ("train-eval-mismatch", "dropout-works"): lambda seed: dropout(seed, 0.25),
    ("leak-suspicion", "validation-easier-than-train"): lambda seed: in_evaluation_mode(seed, -0.1),
    ("leak-suspicion", "validation-too-noisy"): scattered,
    ("validation-easier-than-train", "lag"): lagging,
    ("validation-easier-than-train", "sum-versus-mean"): lambda seed: both(seed, fair(seed, 1 / 32)),
    ("sum-versus-mean", "overfitting"): rising,
    ("sum-versus-mean", "dropout"): lambda seed: dropout(seed, 0.5),
    ("augmentation-change", "well-timed-decay"): lambda seed: disturbed(seed, shared=True, cut=True),
    ("augmentation-change", "rate-cut"): lambda seed: disturbed(seed, cut=True),
    ("augmentation-change", "spike"): lambda seed: disturbed(seed, back=True),
}
