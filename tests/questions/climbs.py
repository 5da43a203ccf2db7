"""Questions about a training loss that spikes, climbs or swings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..writers import table, trainer
from .shapes import Draw, iterations, linear_to_zero, noise, share, trainer_rows


def spiked(
    folder: Path, draw: Draw, at: Sequence[int], *, height: float = 1.5, back: float = 8.0, left: float = 0.0
) -> Path:
    """A language model's loss with spikes that decay in so many rows; `left` of each stays."""
    i = np.arange(500.0)
    loss = 2.9 + 4.0 * (1 + i / 8) ** -0.7
    for k in at:
        later = i[k:] - k
        loss[k:] += height * ((1 - left) * np.exp(-later / back) + left)
    norm = 0.6 + np.interp(i, np.arange(500), np.isin(i, list(at)) * 4.0)
    rows = trainer_rows(
        noise(loss, 0.008, draw), rate=linear_to_zero(500, 3e-4, warm=0.02), norm=noise(norm, 0.1, draw)
    )
    return trainer(folder / "trainer_state.json", rows)


MINIMUM = 180


def rises_slowly(folder: Path, draw: Draw) -> Path:
    """The training loss itself creeps up from row 180 of 500 on, and validation with it."""
    i = np.arange(500.0)
    loss = 0.6 + 1.7 * np.exp(-i / 35) + 0.6 * np.maximum(0, i - MINIMUM) / 320
    return iterations(folder, loss, np.full(500, 0.05), draw, sd=0.02)


def climbs_from_the_start(folder: Path, draw: Draw) -> Path:
    u = share(200)
    return iterations(folder, 2.3 + 6 * u**1.2, np.full(200, 0.01), draw, sd=0.02)


def summed_gradients(folder: Path, draw: Draw) -> Path:
    """zero_grad() is missing: the norm grows with the step, the loss falls first and then swings ever wider."""
    i = np.arange(300.0)
    loss = 0.9 + 1.4 * np.exp(-i / 25) + np.where(i > 90, (i - 90) / 150, 0) * (1 + np.sin(i / 9))
    norm = (0.8 + 0.05 * i) * (1 + 0.015 * draw.standard_normal(300))
    return table(
        folder / "log.csv",
        {
            "step": range(1, 301),
            "train_loss": noise(loss, 0.03, draw),
            "grad_norm": norm,
            "lr": [0.01] * 300,
        },
    )


def never_settles(folder: Path, draw: Draw) -> Path:
    """The loss swings up and down in waves that do not die away."""
    u = share(500)
    loss = 0.7 + 1.6 * np.exp(-u / 0.05) + 0.35 * np.sin(50 * u) ** 2
    return iterations(folder, loss, np.full(500, 0.3), draw, sd=0.03)


EPOCH = 40


def same_every_epoch(folder: Path, draw: Draw) -> Path:
    """Data sorted by class: the same hills in every epoch of 40 updates."""
    i = np.arange(20 * EPOCH)
    place = (i % EPOCH) / EPOCH
    loss = 2.2 * (1 + i / 60.0) ** -0.5 * np.exp(0.35 * np.sin(4 * np.pi * place))
    return table(
        folder / "log.csv",
        {
            "step": range(1, len(i) + 1),
            "epoch": [int(k) // EPOCH for k in i],
            "train_loss": noise(loss, 0.08, draw),
            "lr": [0.01] * len(i),
        },
    )


def stairs(folder: Path, draw: Draw) -> Path:
    """Fine-tuning for three epochs: the loss drops where each new epoch begins, as the answers are remembered."""
    i = np.arange(300)
    number = i // 100
    loss = np.choose(number, [1.15, 0.85, 0.62]) + 0.25 * np.exp(-i / 8.0) - 0.00035 * (i % 100)
    rows = trainer_rows(
        noise(loss, 0.035, draw),
        rate=linear_to_zero(300, 2e-5, warm=0.03),
        evaluated={1000: 1.12, 2000: 1.105, 3000: 1.118},
        per_epoch=1000,
    )
    return trainer(folder / "trainer_state.json", rows)
