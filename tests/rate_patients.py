"""Patients of the rules about the descent and its rate, and what looks like them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from curvedoc.run import Run

from .patients import cosine, exponential, noisy, power_law, run, steps

T = steps()
V = T[9::10]  # validation every tenth point


def descent(seed: int, **more: object) -> dict[str, object]:
    """A healthy pair of losses under a cosine schedule."""
    shape = power_law(T)
    return {
        "train_loss": (T, noisy(shape, seed=seed)),
        "val_loss": (V, noisy(shape[9::10] * 1.05, 0.01, seed + 100)),
        "lr": (T, cosine(T)),
    } | more


def lost(seed: int, at: int = 300) -> Run:
    loss = noisy(power_law(T), seed=seed)
    loss[at:] = np.nan
    return run(**descent(seed) | {"train_loss": (T, loss)})


def recovered_nan(seed: int) -> Run:
    loss = noisy(power_law(T), seed=seed)
    loss[np.random.default_rng(seed).choice(500, 4, replace=False)] = np.nan
    return run(**descent(seed) | {"train_loss": (T, loss)})


def empty_column(seed: int) -> Run:
    return run(**descent(seed) | {"val_loss": (T, np.full(len(T), np.nan))})


def sigmoid_start(t: np.ndarray, middle: float, width: float) -> np.ndarray:
    return 0.3 + 2.0 / (1 + np.exp((t - middle * t[-1]) / (width * t[-1])))


def bad_init(seed: int) -> Run:
    return run(**descent(seed) | {"train_loss": (T, noisy(sigmoid_start(T, 0.2, 0.015), seed=seed))})


def warmed_up_unseen(seed: int) -> Run:
    # What the first third of a one-cycle schedule does, and no rate in the log: flat for a twentieth, then a drop.
    curves = descent(seed) | {"train_loss": (T, noisy(sigmoid_start(T, 0.08, 0.01), seed=seed))}
    return run(**{role: curve for role, curve in curves.items() if role != "lr"})


def warmed_up(seed: int) -> Run:
    # The loss waits for the rate: flat through the warm-up of a fifth of the run, falling right behind it.
    end = 0.2 * T[-1]
    rate = np.where(end > T, 0.1 * T / end, 0.1 * 0.5 * (1 + np.cos(np.pi * (T - end) / (T[-1] - end))))
    loss = np.where(end > T, 2.3, 0.3 + 2.0 * np.exp(-np.maximum(0, T - end) / (0.1 * T[-1])))
    return run(**descent(seed) | {"train_loss": (T, noisy(loss, seed=seed)), "lr": (T, rate)})


def slow_rate(seed: int) -> Run:
    straight = 2.3 - 0.8 * T / T[-1]
    val = (T[9::10], noisy(straight[9::10], 0.002, seed + 9))
    return run(train_loss=(T, noisy(straight, seed=seed)), val_loss=val, lr=(T, np.full(len(T), 1e-5)))


def found_late(seed: int) -> Run:
    """The frequencies of the symbols first, then the structure behind them, faster and faster."""
    share = T / T[-1]
    loss = 2.3 + 0.1 * np.exp(-share / 0.02) - 0.2 * share - 0.8 / (1 + np.exp(-(share - 0.6) / 0.1))
    val = (T[39::40], loss[39::40])
    return run(train_loss=(T, noisy(loss, seed=seed)), val_loss=val, lr=(T, 1e-3 * cosine(T) / cosine(T).max()))


def no_learning(seed: int) -> Run:
    return run(train_loss=(T, noisy(np.full(len(T), 2.3), 0.01, seed)), lr=(T, np.full(len(T), 0.1)))


def high_floor(seed: int) -> Run:
    # Three classes that overlap: a tenth of the first loss is all that can be learned, and batches scatter by as much.
    shape = 0.97 + 0.13 * np.exp(-T / (0.05 * T[-1]))
    return run(train_loss=(T, noisy(shape, 0.12, seed)), val_loss=(V, noisy(shape[9::10], 0.003, seed + 7)))


def thrown_about(seed: int) -> Run:
    """Flat as the run that learns nothing, but the loss over the validation set leaps by 5 % each time."""
    leaps = noisy(np.full(len(V), 2.3), 0.05, seed + 3)
    return run(train_loss=(T, noisy(np.full(len(T), 2.3), 0.01, seed)), val_loss=(V, leaps))


def wandering(seed: int) -> Run:
    """Nothing is learned, the loss ends a tenth above its lowest, and validation leaps by as much."""
    rises = 1 + 0.1 * np.minimum(1.0, T / (0.6 * T[-1]))
    leaps = noisy(np.full(len(V), 2.4), 0.07, seed + 3)
    return run(train_loss=(T, noisy(2.3 * rises, 0.02, seed)), val_loss=(V, leaps), lr=(T, np.full(len(T), 0.1)))


def thrown_at_the_start(seed: int) -> Run:
    """Down for a few steps, then up to the loss of a guess and at rest for all that is left."""
    shape = np.where(0.03 * T[-1] > T, 1.0 - 0.3 * T / (0.03 * T[-1]), 1.1)
    return run(train_loss=(T, noisy(shape, 0.01, seed)), lr=(T, np.full(len(T), 0.1)))


def plateau(seed: int) -> Run:
    loss = noisy(exponential(T, tau=0.06), 0.05, seed)
    return run(train_loss=(T, loss), lr=(T, np.full(len(T), 0.1)))


def borne(seed: int) -> Run:
    """All but a tenth of the task is learned early on, at a rate that lies far below the highest in common use."""
    val = noisy(exponential(V, tau=0.06), 0.012, seed + 50)
    right = exponential(T, 0.1, 0.95, tau=0.06)
    return run(
        train_loss=(T, noisy(exponential(T, tau=0.06), 0.05, seed)),
        val_loss=(V, val),
        train_accuracy=(T, right),
        lr=(T, np.full(len(T), 0.003)),
    )


def steady(seed: int) -> Run:
    return run(train_loss=(T, noisy(power_law(T, exponent=0.25), 0.05, seed)), lr=(T, np.full(len(T), 0.1)))


def unfinished(seed: int) -> Run:
    shape = power_law(T, exponent=0.35)
    return run(
        train_loss=(T, noisy(shape, 0.03, seed)),
        val_loss=(V, noisy(1.05 * shape[9::10], 0.01, seed + 30)),
        lr=(T, np.full(len(T), 0.1)),
    )


def converged(seed: int) -> Run:
    return run(train_loss=(T, noisy(exponential(T, tau=0.06), 0.02, seed)), lr=(T, cosine(T)))


def flat_and_noisy(seed: int) -> Run:
    loss = noisy(exponential(T, 3.3, 3.2, tau=0.01), 0.25, seed)
    return run(train_loss=(T, loss), lr=(T, np.full(len(T), 1.0)))


def step_decay(seed: int, cut: float, level: float, before: np.ndarray) -> Run:
    """A loss that follows `before` up to the cut, drops at it and then crawls to `level`."""
    at = cut * T[-1]
    start = float(before[np.searchsorted(T, at)])
    after = level + (0.93 * start - level) * np.exp(-np.maximum(0, T - at) / (0.03 * T[-1]))
    loss = np.where(at > T, before, after)
    return run(train_loss=(T, noisy(loss, seed=seed)), lr=(T, np.where(at > T, 0.1, 0.01)))


def cut_too_early(seed: int) -> Run:
    before = power_law(T, exponent=0.4)
    return step_decay(seed, 0.15, 0.9 * float(before[90]), before)


def well_timed(seed: int) -> Run:
    return step_decay(seed, 0.6, 0.2, exponential(T, tau=0.06, end=0.35))


def nothing_left(seed: int) -> Run:
    return step_decay(seed, 0.3, 0.28, exponential(T, tau=0.02, end=0.3))


def overfit(seed: int, rise: float = 0.5, sd: float = 0.01) -> Run:
    u = V / V[-1]
    val = 0.8 + 1.5 * np.exp(-u / 0.08) + rise * np.maximum(0, u - 0.3)
    train = 0.01 + 2.3 * np.exp(-T / T[-1] / 0.12)
    return run(train_loss=(T, noisy(train, seed=seed)), val_loss=(V, noisy(val, sd, seed + 7)), lr=(T, cosine(T)))


def over_confident(seed: int) -> Run:
    made = overfit(seed, 0.4)
    accuracy = 0.5 + 0.4 * (V / V[-1]) ** 0.7
    return run(**{k: (c[0].step, c[0].value) for k, c in made.curves.items()}, val_accuracy=(V, noisy(accuracy, 0.003)))


def constant_gap(seed: int) -> Run:
    train = power_law(T, exponent=0.3)
    return run(train_loss=(T, noisy(train, seed=seed)), val_loss=(V, noisy(train[9::10] + 0.4, 0.01, seed)))


def noisy_validation(seed: int) -> Run:
    val = exponential(V, 1.2, 0.8, tau=0.2)
    train = power_law(T, exponent=0.3)
    return run(train_loss=(T, noisy(train, seed=seed)), val_loss=(V, noisy(val, 0.15, seed)))


def underfit(seed: int) -> Run:
    shape = exponential(T, 2.3, 1.4, tau=0.08)
    accuracy = 0.5 - 0.4 * np.exp(-V / (0.08 * V[-1]))
    return run(
        train_loss=(T, noisy(shape, seed=seed)),
        val_loss=(V, noisy(shape[9::10] * 1.02, 0.005, seed)),
        train_accuracy=(V, noisy(accuracy, 0.01, seed)),
        lr=(T, cosine(T)),
        hyper={"num_classes": 10},
    )


def underfit_at_peak_rate(seed: int) -> Run:
    made = underfit(seed)
    curves = {k: (c[0].step, c[0].value) for k, c in made.curves.items()}
    return run(**curves | {"lr": (T, np.full(len(T), 0.1))})


def burdened(seed: int) -> Run:
    """Training examples are disturbed, so that their loss lies well above that of validation."""
    made = underfit(seed)
    curves = {k: (c[0].step, c[0].value) for k, c in made.curves.items()}
    return run(**curves | {"val_loss": (V, 0.8 * curves["val_loss"][1])})


def natural_floor(seed: int) -> Run:
    shape = exponential(T, 4.0, 1.5, tau=0.08)
    return run(
        train_loss=(T, noisy(shape, seed=seed)), val_loss=(V, noisy(shape[9::10], 0.005, seed)), lr=(T, cosine(T))
    )


def still_falling(seed: int) -> Run:
    shape = power_law(T, exponent=0.35)
    accuracy = 0.2 + 0.3 * V / V[-1]
    return run(
        train_loss=(T, noisy(shape, seed=seed)),
        val_loss=(V, noisy(shape[9::10], 0.005, seed)),
        train_accuracy=(V, accuracy),
        lr=(T, cosine(T)),
    )


def constant_rate(t: np.ndarray) -> np.ndarray:
    return np.full(len(t), 0.1)


def diverging(seed: int) -> Run:
    u = T / T[-1]
    loss = 0.4 + 1.9 * np.exp(-u / 0.08) + 1.5 * np.maximum(0, u - 0.5)
    return run(train_loss=(T, noisy(loss, seed=seed)), lr=(T, np.full(len(T), 0.5)))


def restarts(seed: int) -> Run:
    rate = 0.1 * 0.5 * (1 + np.cos(np.pi * (np.arange(len(T)) % 150) / 150))
    loss = power_law(T, exponent=0.3) * (0.8 + 2 * rate)
    return run(train_loss=(T, noisy(loss, seed=seed)), lr=(T, rate))


def flat_through_cycles(seed: int) -> Run:
    """A plateau under a rate in triangles, cut off as it goes up for the fourth time."""
    rate = 0.1 * np.abs((np.arange(len(T)) / len(T) * 3.45 + 0.5) % 1 - 0.5) * 2
    loss = noisy(exponential(T, tau=0.06), 0.05, seed)
    return run(train_loss=(T, loss), lr=(T, rate))


def recovered_spike(seed: int) -> Run:
    loss = power_law(T) + np.where((T > 4000) & (T < 4200), 2.0, 0.0)
    return run(train_loss=(T, noisy(loss, seed=seed)), lr=(T, cosine(T)))


def saw(seed: int) -> Run:
    """The loss climbs to three times its level and falls back, three times; the log ends on top of the next tooth."""
    loss = exponential(T, 2.0, 0.5, tau=0.08) * (1 + 2 * ((3.9 * T / T[-1]) % 1))
    return run(train_loss=(T, noisy(loss, seed=seed)), lr=(T, constant_rate(T)))


def remembered(seed: int) -> Run:
    """Three epochs: the loss rests in each and drops as the next one begins."""
    epoch = T[-1] / 3
    loss = np.array([1.15, 0.85, 0.62])[np.minimum(2, (T - 1) // epoch).astype(int)] + 0.25 * np.exp(-T / 80)
    made = run(train_loss=(T, noisy(loss, 0.035, seed)), lr=(T, cosine(T)))
    return replace(made, steps_per_epoch=epoch)


def unreadable(seed: int) -> Run:
    return run(train_loss=(T[:60], noisy(power_law(T[:60], exponent=0.05), 0.5, seed)))


def climbing(seed: int) -> Run:
    return run(train_loss=(T, noisy(2.3 + 3 * T / T[-1], 0.05, seed)), lr=(T, np.full(len(T), 0.1)))


def thrown_up(seed: int) -> Run:
    """The first steps throw the loss to ten times its start, and the rest of the run brings it half the way back."""
    loss = np.where(T[1] > T, 2.3, 23 - 12 * T / T[-1])
    return run(train_loss=(T, noisy(loss, 0.02, seed)), lr=(T, np.full(len(T), 0.5)))


FIRES: dict[str, Callable[[int], Run]] = {
    "nan-explosion": lost,
    "bad-init": bad_init,
    "no-learning": no_learning,
    "wrong-sign": climbing,
    "over-confidence": over_confident,
    "divergence": diverging,
    "plateau-needs-decay": plateau,
    "learning-rate-too-low": slow_rate,
    "still-improving": unfinished,
    "decay-too-early": cut_too_early,
    "overfitting": overfit,
    "underfitting": underfit,
}

QUIET: dict[tuple[str, str], Callable[[int], Run]] = {
    ("nan-explosion", "recovered-nan"): recovered_nan,
    ("nan-explosion", "empty-column"): empty_column,
    ("bad-init", "warmup"): warmed_up,
    ("bad-init", "unlogged-warmup"): warmed_up_unseen,
    ("bad-init", "learning-rate-too-low"): slow_rate,
    ("bad-init", "no-learning"): no_learning,
    ("no-learning", "learning-rate-too-low"): slow_rate,
    ("no-learning", "noisy"): unreadable,
    ("no-learning", "thrown-about"): thrown_about,
    ("no-learning", "high-floor"): high_floor,
    ("no-learning", "late-start"): bad_init,
    ("no-learning", "wrong-sign"): climbing,
    ("wrong-sign", "divergence"): diverging,
    ("wrong-sign", "no-learning"): no_learning,
    ("over-confidence", "overfitting"): overfit,
    ("over-confidence", "constant-gap"): constant_gap,
    ("divergence", "overfitting"): overfit,
    ("divergence", "thrown-about"): wandering,
    ("divergence", "thrown-at-the-start"): thrown_at_the_start,
    ("wrong-sign", "thrown-about"): wandering,
    ("divergence", "restarts"): restarts,
    ("divergence", "saw-tooth"): saw,
    ("divergence", "recovered-spike"): recovered_spike,
    ("plateau-needs-decay", "still-improving"): steady,
    ("plateau-needs-decay", "converged"): converged,
    ("plateau-needs-decay", "borne"): borne,
    ("plateau-needs-decay", "cycle"): flat_through_cycles,
    ("plateau-needs-decay", "learning-rate-too-high"): flat_and_noisy,
    ("learning-rate-too-low", "still-improving"): steady,
    ("learning-rate-too-low", "underfitting"): underfit,
    ("learning-rate-too-low", "bad-init"): bad_init,
    ("learning-rate-too-low", "late-start"): found_late,
    ("learning-rate-too-low", "no-learning"): no_learning,
    ("learning-rate-too-low", "decayed"): converged,
    ("learning-rate-too-low", "memory"): remembered,
    ("learning-rate-too-low", "learning-rate-too-high"): thrown_up,
    ("still-improving", "plateau-needs-decay"): plateau,
    ("still-improving", "overfitting"): overfit,
    ("still-improving", "converged"): converged,
    ("decay-too-early", "well-timed-decay"): well_timed,
    ("decay-too-early", "converged"): nothing_left,
    ("decay-too-early", "power-law"): lambda seed: run(
        train_loss=(T, noisy(power_law(T), seed=seed)), val_loss=(V, noisy(power_law(V), 0.005, seed))
    ),
    ("overfitting", "over-confidence"): over_confident,
    ("overfitting", "constant-gap"): constant_gap,
    ("overfitting", "validation-too-noisy"): noisy_validation,
    ("underfitting", "plateau-needs-decay"): underfit_at_peak_rate,
    ("underfitting", "natural-floor"): natural_floor,
    ("underfitting", "burdened-training"): burdened,
    ("underfitting", "learning-rate-too-low"): still_falling,
}
