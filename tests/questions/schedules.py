"""Questions about rates: plateaus, cuts, what a schedule does to a curve."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .shapes import Draw, cosine, iterations, keras, noise, share


def flat_at_full_rate(folder: Path, draw: Draw) -> Path:
    """The loss rests since a third of the run while the rate never moved."""
    u = share(400)
    return iterations(folder, 0.55 + 1.75 * np.exp(-u / 0.06), np.full(400, 0.1), draw)


def flat_at_the_end_of_cosine(folder: Path, draw: Draw) -> Path:
    """A cosine to zero: the loss falls with the rate and rests when there is none left."""
    u = share(400)
    loss = 0.12 + 2.2 * (1 + u / 0.02) ** -0.8 + 0.25 * cosine(u, 1.0)
    return iterations(folder, loss, cosine(u, 0.1), draw, sd=0.03)


def flat_and_high(folder: Path, draw: Draw) -> Path:
    """A linear model on a hard task: both losses flat and high, the accuracy at 45 %, the rate long at zero."""
    epoch = np.arange(80.0)
    loss = 1.55 + 0.75 * np.exp(-epoch / 5)
    right = 0.45 - 0.33 * np.exp(-epoch / 5)
    return keras(
        folder / "log.csv",
        noise(loss, 0.004, draw),
        noise(1.02 * loss, 0.006, draw),
        accuracy=right,
        val_accuracy=right - 0.01 + 0.003 * draw.standard_normal(80),
        learning_rate=cosine(share(80), 0.05),
    )


def step_schedule(folder: Path, draw: Draw) -> Path:
    """The rate is cut tenfold at half and at three quarters, each time the loss was at rest and drops."""
    u = share(600)
    rate = np.where(u < 0.5, 0.1, np.where(u < 0.75, 0.01, 0.001))
    loss = 0.42 + 1.9 * np.exp(-u / 0.1)
    loss -= 0.22 * (u >= 0.5) * (1 - np.exp(-(u - 0.5) / 0.01)) + 0.06 * (u >= 0.75) * (1 - np.exp(-(u - 0.75) / 0.01))
    return iterations(folder, loss, rate, draw, sd=0.03)


EARLY_CUT = 4500


def cut_while_falling(folder: Path, draw: Draw) -> Path:
    """The rate is cut at 15 % of the run, in the middle of a good descent; then the loss crawls."""
    t = 50.0 * np.arange(1, 601)
    before = 2.4 * (t / 50) ** -0.28
    at = np.searchsorted(t, EARLY_CUT)
    start = float(before[at])
    after = 0.9 * start + 0.07 * start * np.exp(-(t - EARLY_CUT) / 500)
    loss = np.where(t < EARLY_CUT, before, after)
    return iterations(folder, loss, np.where(t < EARLY_CUT, 0.1, 0.005), draw, sd=0.02)


def plateau_scheduler(folder: Path, draw: Draw) -> Path:
    """ReduceLROnPlateau at work: halved four times, each time when the loss rested, each time with a gain."""
    epoch = np.arange(100.0)
    rate, loss = np.full(100, 1e-3), 0.5 + 1.6 * np.exp(-epoch / 7)
    for k, at in enumerate((38, 55, 68, 80)):
        rate[at:] *= 0.5
        loss[at:] -= 0.11 * 0.55**k * (1 - np.exp(-(epoch[at:] - at) / 1.5))
    return keras(folder / "log.csv", noise(loss, 0.012, draw), noise(1.06 * loss, 0.008, draw), learning_rate=rate)
