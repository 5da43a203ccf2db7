"""Synthetic runs that begin badly, leap, or lose their gradients, and runs that only look so."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from curvedoc.run import Curve, Run

from .patients import Array, cosine, exponential, noisy, power_law, run, steps

#: Every update is logged; an epoch has 30 of them, and validation comes at its end.
T = steps(600, every=1)
V = T[29::30]
EPOCH = 30
DRAW = np.random.default_rng


def told(classes: int, made: Run) -> Run:
    """The run with its number of classes among the hyper-parameters."""
    return replace(made, hyper={"num_classes": classes})


def losses(loss: Array, seed: int, rate: Array | None = None, **more: tuple[Array, Array]) -> Run:
    """Both losses alike, two per cent of noise on the logged one, a cosine unless a rate is given."""
    return run(
        train_loss=(T, noisy(loss, 0.02, seed)),
        val_loss=(V, noisy(1.05 * loss[29::30], 0.01, seed + 100)),
        lr=(T, cosine(T) if rate is None else rate),
        **more,
    )


def large_and_unmoved(seed: int) -> Run:
    # Scores that cost seven guesses among ten, and no update that reaches them.
    right = {"val_accuracy": (V, np.full(len(V), 0.11))}
    return told(10, losses(np.full(len(T), 16.0), seed, np.full(len(T), 1e-8), **right))


def large_weights(seed: int) -> Run:
    return told(10, losses(0.2 + 60 * (T / T[0]) ** -0.8, seed))


def thrown_out(seed: int) -> Run:
    # The first logged update is the tenth: the rate has thrown the weights out and they are half back at the next.
    late = T[9::10]
    loss = power_law(late, start=2.3, exponent=0.4)
    loss[0] = 80.0
    return told(10, run(train_loss=(late, noisy(loss, 0.02, seed)), lr=(late, cosine(late))))


def squared_error(seed: int) -> Run:
    return losses(0.3 + 500 * (T / T[0]) ** -0.9, seed)


def vocabulary(seed: int) -> Run:
    loss = power_law(T, start=10.8, exponent=0.2)
    return losses(loss, seed, val_accuracy=(V, 0.05 + 0.3 * V / V[-1]))


def summed(seed: int) -> Run:
    loss = power_law(T, start=2.3, exponent=0.3)
    return told(
        10,
        run(
            train_loss=(T, noisy(64 * loss, 0.02, seed)),
            val_loss=(V, noisy(loss[29::30], 0.01, seed + 100)),
            lr=(T, cosine(T)),
        ),
    )


def learned(rate: float = 0.1, top: float = 0.95, classes: int = 10) -> Array:
    """Accuracy that rises from a guess to `top` within that share of the run."""
    found: Array = top - (top - 1 / classes) * np.exp(-(T - T[0]) / (rate * T[-1]))
    return found


def judged(loss: Array, accuracy: Array, seed: int) -> Run:
    scatter = 0.004 * DRAW(seed + 7).standard_normal(len(V))
    return losses(loss, seed, train_accuracy=(V, np.clip(accuracy[29::30] + scatter, 0, 1)))


def two_softmaxes(seed: int, classes: int = 10) -> Run:
    accuracy = learned(classes=classes)
    # The probabilities become one-hot as the run goes on, and their softmax is taken as the cross-entropy's input.
    sure = 1 - np.exp(-(T - T[0]) / (0.05 * T[-1]))
    flat = math.log(classes)
    loss = flat + (math.log(math.e + classes - 1) - flat) * sure - accuracy * sure
    return judged(loss, accuracy, seed)


def smoothed_labels(seed: int) -> Run:
    accuracy = learned()
    return judged(0.5 + 1.8 * (0.95 - accuracy) / 0.85, accuracy, seed)


def too_small(seed: int) -> Run:
    accuracy = learned(top=0.45)
    return judged(2.3 - 0.9 * (accuracy - 0.1) / 0.35, accuracy, seed)


def few_classes(seed: int) -> Run:
    """A sound network that tells one example in three from three noisy classes, and is as sure as that."""
    right = 1 / 3 + 0.22 * (1 - np.exp(-V / 80))
    entropy = -right * np.log(right) - (1 - right) * np.log((1 - right) / 2)
    return run(
        train_loss=(T, noisy(np.interp(T, V, entropy), 0.02, seed)), train_accuracy=(V, right), val_accuracy=(V, right)
    )


def known_already(seed: int) -> Run:
    return judged(exponential(T, 0.3, 0.1, tau=0.2), np.full(len(T), 0.96), seed)


def units(seed: int, **layers: Array | float) -> Run:
    shares = {
        f"dead_share__{name}": (V, np.clip(level + 0.01 * DRAW(seed).standard_normal(len(V)), 0, 1))
        for name, level in layers.items()
    }
    return losses(power_law(T), seed, **shares)


def dead(seed: int, leap: float = 0.0) -> Run:
    """A network without a gradient; or, if validation leaps by so much of the loss, one that is thrown about."""
    made = units(seed, act1=0.2, act2=0.95)
    loss = noisy(np.full(len(T), 2.3), 0.01, seed)
    val = loss[29::30] * (1 + leap * DRAW(seed + 40).standard_normal(len(V)))
    return replace(made, curves={**made.curves, "train_loss": (Curve(T, loss),), "val_loss": (Curve(V, val),)})


def guessing(
    seed: int, first: float = 0.0, drift: float = 0.0, wander: float = 3e-4, known: float = 2e-3, **more: Array
) -> Run:
    """One answer to everything, at the loss of a guess among ten: `first` is what the loss lay above it at the start,
    `drift` what validation loses by the end, `wander` how far the biases of the last layer move it, `known` what they
    know of how frequent the classes are in training, which costs validation as much."""
    rng, guess = DRAW(seed), np.log(10)
    val = guess + known * (1 - np.exp(-V / 60)) + wander * rng.standard_normal(len(V)) - drift * V / V[-1]
    losses = guess + first * np.exp(-T / 20) - known * (1 - np.exp(-T / 60)) + 5e-3 * rng.standard_normal(len(T))
    right, shares = np.full(len(V), 0.09), {f"dead_share__{name}": (V, share) for name, share in more.items()}
    return run(train_loss=(T, losses), val_loss=(V, val), val_accuracy=(V, right), lr=(T, cosine(T, 0.01)), **shares)


def frequent(seed: int, begin: float = np.log(4), settled: float = 30.0, **hyper: str) -> Run:
    """One answer to everything of four classes, the first of which 70 in 100 examples have: the loss comes from `begin`
    to the entropy of their shares (0.91) within `settled` steps, and rests."""
    shares = np.array([0.7, 0.15, 0.1, 0.05])
    entropy = float(-(shares * np.log(shares)).sum())
    rng = DRAW(seed)
    losses, val = (entropy + (begin - entropy) * np.exp(-x / settled) for x in (T, V))
    losses = losses + 0.1 * (1 - np.exp(-T / settled)) * rng.standard_normal(len(T))
    val = val + 0.01 + 2e-4 * rng.standard_normal(len(V))
    return run(train_loss=(T, losses), val_loss=(V, val), val_accuracy=(V, np.full(len(V), 0.69)), hyper=hyper)


def adaptive(made: Run) -> Run:
    """The run with Adam among its hyper-parameters."""
    return replace(made, hyper={"optimizer": "Adam"})


def unmoved(seed: int) -> Run:
    # Random scores that no update changes: batches scatter about a loss above that of a guess.
    losses = 2.55 + 0.05 * DRAW(seed).standard_normal(len(T))
    fixed = {"val_loss": (V, np.full(len(V), 2.551)), "val_accuracy": (V, np.full(len(V), 0.09))}
    return run(train_loss=(T, losses), lr=(T, 1e-7 * cosine(T)), **fixed)


def leap(seed: int, rate: Array | None = None, height: float = 8.0) -> Run:
    loss = power_law(T, exponent=0.4) + height * np.exp(-(((T - 9) / 5) ** 2))
    return losses(loss, seed, np.full(len(T), 0.1) if rate is None else rate)


def warmed(seed: int) -> Run:
    return leap(seed, np.minimum(1.0, T / 60) * cosine(T))


def never_settled(seed: int) -> Run:
    loss = 2.3 + 6 * np.exp(-(((T - 9) / 5) ** 2)) - 0.3 * T / T[-1]
    return losses(loss, seed, np.full(len(T), 0.5))


def scattered_start(seed: int) -> Run:
    return losses(power_law(T, exponent=0.3) * np.exp(0.15 * DRAW(seed).standard_normal(len(T))), seed)


def norms(norm: Array, loss: Array, seed: int, scatter: float = 0.2) -> Run:
    """A run with its gradient norm, which scatters from batch to batch."""
    return losses(loss, seed, grad_norm=(T, norm * np.exp(scatter * DRAW(seed + 3).standard_normal(len(T)))))


def exploding(seed: int) -> Run:
    loss = np.where(0.8 * T[-1] > T, 3.1, 3.1 - 0.7 * (T / T[-1] - 0.8) / 0.2)
    return norms(np.where(0.85 * T[-1] > T, 1e6, 0.3), loss, seed, 0.8)


def scaled_norm(seed: int) -> Run:
    return norms(np.full(len(T), 65536.0), power_law(T), seed)


def memorised(seed: int) -> Run:
    loss = exponential(T, 2.3, 1e-4, tau=0.05)
    return norms(2 * np.sqrt(loss), loss, seed)


def layers(seed: int, *levels: float) -> Run:
    made = {
        f"update_ratio__fc{n}": (T, level * np.exp(0.3 * DRAW(seed + n).standard_normal(len(T))))
        for n, level in enumerate(levels)
    }
    return losses(power_law(T), seed, np.full(len(T), 0.1), **made)


def accumulated(seed: int) -> Run:
    # A random walk with a drift: the sum of gradients that mostly agree.
    batches = 0.3 + 0.4 * DRAW(seed + 1).standard_normal((len(T), 4))
    norm = 1 + np.linalg.norm(np.cumsum(batches, axis=0), axis=1)
    loss = exponential(T, 2.3, 0.8, tau=0.05) + np.where(T > 300, (T - 300) / 60, 0.0)
    return losses(loss, seed, np.full(len(T), 0.1), grad_norm=(T, norm))


def diverging(seed: int) -> Run:
    climb = np.where(T > 300, np.exp((T - 300) / 100) - 1, 0.0)
    return norms(1 + 3 * climb, exponential(T, 2.3, 0.4, tau=0.1) + climb, seed)


def large_batches(seed: int) -> Run:
    return norms(np.full(len(T), 8.0), power_law(T), seed)


def growing(seed: int) -> Run:
    return norms(0.5 * (1 + 2 * T / T[-1]), power_law(T), seed)


def broken_records(seed: int, every: int = 97, slow: float = 0.0) -> Run:
    """Spikes of ten times the level at every so many steps, unlearned within `slow` steps."""
    loss = noisy(power_law(T), 0.05, seed)
    for at in range(every, len(T) - 40, every):
        loss[at:] *= 1 + 9 * np.exp(-(T[at:] - T[at]) / max(slow, 0.1))
    return run(train_loss=(T, loss), lr=(T, cosine(T)))


def small_batches(seed: int) -> Run:
    # Log-normal scatter by a factor of two: what single batches of eight show next to the end.
    return run(train_loss=(T, power_law(T) * np.exp(0.7 * DRAW(seed).standard_normal(len(T)))), lr=(T, cosine(T)))


def mixed_batches(seed: int) -> Run:
    # Mixup: a third of the batches is up to twice as hard, by any amount in between.
    hard = np.where(DRAW(seed).random(len(T)) < 0.3, 1 + DRAW(seed + 1).random(len(T)), 1.0)
    return run(train_loss=(T, noisy(power_law(T) * hard, 0.05, seed)), lr=(T, cosine(T)))


def restarted(seed: int) -> Run:
    rate = 0.1 * 0.5 * (1 + np.cos(np.pi * (T - 1) % (150 * np.pi) / 150))
    loss = power_law(T, exponent=0.3) * np.where(T > 150, 0.4 + 12 * rate, 1.0)
    return run(train_loss=(T, noisy(loss, 0.03, seed)), lr=(T, rate))


def one_spike(seed: int) -> Run:
    loss = power_law(T) + np.where((T > 400) & (T < 410), 2.0, 0.0)
    return run(train_loss=(T, noisy(loss, 0.03, seed)), lr=(T, cosine(T)))


def in_order(seed: int, shape: Callable[[Array], Array] | None = None, rate: Array | None = None) -> Run:
    """The same ups and downs in every epoch of 30 updates."""
    place = ((T - 1) % EPOCH) / EPOCH
    wave = np.sin(2 * np.pi * place * 2) if shape is None else shape(place)
    loss = noisy(power_law(T) * np.exp(0.3 * wave), 0.1, seed)
    made = run(
        train_loss=(T, loss),
        val_loss=(V, noisy(power_law(T)[29::30], 0.01, seed + 100)),
        lr=(T, cosine(T) if rate is None else rate),
    )
    return replace(made, steps_per_epoch=float(EPOCH))


def stairs(seed: int) -> Run:
    number = np.floor((T - 1) / EPOCH)
    made = run(train_loss=(T, noisy(2.0 * 0.85**number, 0.05, seed)), lr=(T, cosine(T)))
    return replace(made, steps_per_epoch=float(EPOCH))


def fallen_stairs(seed: int) -> Run:
    loss = 0.3 + 1.5 / (1 + np.exp((T - 250) / 8)) + 8 * np.exp(-(T - 1) / 2)
    return run(train_loss=(T, noisy(loss, 0.01, seed)), lr=(T, cosine(T)))


def rate_per_epoch(seed: int) -> Run:
    wave = 0.5 * (1 - np.cos(2 * np.pi * ((T - 1) % EPOCH) / EPOCH))
    return in_order(seed, lambda place: np.sin(2 * np.pi * place - np.pi / 2), 0.01 + 0.1 * wave)


def mean_since_epoch_began(seed: int) -> Run:
    loss = noisy(power_law(T), 0.3, seed).reshape(-1, EPOCH)
    mean = (np.cumsum(loss, axis=1) / np.arange(1, EPOCH + 1)).ravel()
    return replace(run(train_loss=(T, mean), lr=(T, cosine(T))), steps_per_epoch=float(EPOCH))


def lost_batches(seed: int) -> Run:
    loss = noisy(power_law(T), seed=seed)
    loss[DRAW(seed).choice(np.arange(20, 550), 12, replace=False)] = np.nan
    return run(train_loss=(T, loss), lr=(T, cosine(T)))


def searching_scale(seed: int) -> Run:
    norm = np.exp(0.2 * DRAW(seed).standard_normal(len(T)))
    norm[[0, 1, 2, 180, 430]] = np.inf
    return losses(power_law(T), seed, grad_norm=(T, norm))


def sparse_column(seed: int) -> Run:
    loss = noisy(power_law(T), seed=seed)
    loss[np.arange(len(T)) % 5 != 0] = np.nan
    loss[-1] = loss[-5]
    return run(train_loss=(T, loss), lr=(T, cosine(T)))


def gone(seed: int) -> Run:
    loss = noisy(power_law(T), seed=seed)
    loss[400:] = np.nan
    return run(train_loss=(T, loss), lr=(T, cosine(T)))


FIRES: dict[str, Callable[[int], Run]] = {
    "initial-loss-off": large_weights,
    "double-softmax": two_softmaxes,
    "dead-units": dead,
    "bad-init.never-left": guessing,
    "underfitting.to-a-guess": lambda seed: guessing(seed, first=0.25, known=0.0),
    "dead-units.silent": lambda seed: adaptive(guessing(seed)),
    "missing-warmup": leap,
    "exploding-gradients": exploding,
    "vanishing-gradients": lambda seed: layers(seed, 1e-7, 5e-7, 1e-5, 1e-4, 3e-3),
    "hidden-nan": lost_batches,
    "forgotten-zero-grad": accumulated,
    "loss-spikes": broken_records,
    "unshuffled-data": in_order,
}

QUIET: dict[tuple[str, str], Callable[[int], Run]] = {
    ("initial-loss-off", "learning-rate-too-high"): thrown_out,
    ("initial-loss-off", "regression"): squared_error,
    ("initial-loss-off", "many-classes"): vocabulary,
    ("initial-loss-off", "sum-versus-mean"): summed,
    ("initial-loss-off", "no-learning"): large_and_unmoved,
    ("double-softmax", "label-smoothing"): smoothed_labels,
    ("double-softmax", "underfitting"): too_small,
    ("double-softmax", "converged"): known_already,
    ("double-softmax", "few-classes"): few_classes,
    ("dead-units", "sparse"): lambda seed: units(seed, act1=0.1, act2=0.35),
    ("dead-units", "late"): lambda seed: units(seed, act1=0.0, act2=0.25 + 0.4 * V / V[-1]),
    ("dead-units", "killed"): lambda seed: units(seed, act1=0.0, act2=1 - 0.4 * np.exp(-V / (0.1 * T[-1]))),
    ("dead-units", "thrown"): lambda seed: dead(seed, 0.08),
    ("dead-units", "passing"): lambda seed: units(seed, act1=0.1, act2=np.where(0.3 * T[-1] > V, 0.9, 0.1)),
    ("missing-warmup", "learning-rate-too-high"): never_settled,
    ("missing-warmup", "warmup"): warmed,
    ("missing-warmup", "noisy-start"): scattered_start,
    ("exploding-gradients", "scaled-loss"): scaled_norm,
    ("exploding-gradients", "converged"): memorised,
    ("vanishing-gradients", "one-slow-layer"): lambda seed: layers(seed, 2e-3, 2e-6, 1e-3, 1e-3, 2e-3),
    ("vanishing-gradients", "output-layer"): lambda seed: layers(seed, 1e-3, 1e-3, 1e-3, 1e-3, 1e-2),
    ("hidden-nan", "loss-scaling"): searching_scale,
    ("hidden-nan", "unfilled-column"): sparse_column,
    ("hidden-nan", "nan-explosion"): gone,
    ("forgotten-zero-grad", "divergence"): diverging,
    ("forgotten-zero-grad", "accumulation"): large_batches,
    ("forgotten-zero-grad", "growing-norm"): growing,
    ("loss-spikes", "noisy-batches"): small_batches,
    ("loss-spikes", "mixed-batches"): mixed_batches,
    ("loss-spikes", "restarts"): restarted,
    ("loss-spikes", "divergence"): diverging,
    ("loss-spikes", "recovered-spike"): one_spike,
    ("unshuffled-data", "stairs"): stairs,
    ("unshuffled-data", "cyclic-rate"): rate_per_epoch,
    ("unshuffled-data", "running-mean"): mean_since_epoch_began,
    ("bad-init", "stairs"): fallen_stairs,
    ("underfitting.to-a-guess", "bad-init"): lambda seed: guessing(seed, known=0.0),
    ("underfitting.to-a-guess", "no-learning"): lambda seed: guessing(seed, first=0.25, known=8e-3),
    ("dead-units.silent", "bad-init"): guessing,
    ("dead-units.silent", "no-learning"): lambda seed: adaptive(unmoved(seed)),
    ("dead-units.silent", "alive"): lambda seed: adaptive(guessing(seed, act1=np.full(len(V), 0.2))),
    ("bad-init.never-left", "dead-units"): lambda seed: guessing(seed, act1=np.full(len(V), 0.95)),
    ("bad-init.never-left", "no-learning"): unmoved,
    ("bad-init.never-left", "learning-rate-too-low"): lambda seed: guessing(seed, drift=0.02, wander=1e-5),
    ("bad-init.never-left", "underfitting"): lambda seed: guessing(seed, first=0.25),
}
