"""Questions about how a run begins: asleep, stuck, scores that are too large."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..writers import trainer
from .shapes import Draw, cosine, iterations, keras, linear_to_zero, noise, share, trainer_rows


def sleeping_start(folder: Path, draw: Draw) -> Path:
    """Flat at ln 10 for a fifth of the run at a constant rate, then a sudden fall."""
    u = share(500)
    loss = 0.35 + 1.95 / (1 + np.exp((u - 0.22) / 0.015))
    return iterations(folder, loss, np.full(500, 0.05), draw, sd=0.015)


def warming_up(folder: Path, draw: Draw) -> Path:
    """A language model whose loss waits for the warm-up of its rate."""
    rate = linear_to_zero(300, 3e-4, warm=0.15)
    done = np.cumsum(rate) / rate.sum()
    loss = 3.1 + 7.7 * (1 + done / 0.01) ** -0.8
    rows = trainer_rows(noise(loss, 0.012, draw), rate=rate, norm=0.8 + 0.1 * draw.random(300))
    return trainer(folder / "trainer_state.json", rows)


def stuck(folder: Path, draw: Draw, level: float = 1.386, rate: float = 1e-3) -> Path:
    """The loss never leaves the level at which it began."""
    return iterations(folder, np.full(300, level), np.full(300, rate), draw, sd=0.006)


def large_scores(folder: Path, draw: Draw) -> Path:
    """Ten classes, and a first loss of 25 that comes down like any other."""
    u = share(300)
    loss = 0.5 + 24.5 * (1 + u / 0.01) ** -1.1
    return iterations(folder, loss, cosine(u, 0.01), draw, sd=0.03)


def fell_back(folder: Path, draw: Draw) -> Path:
    """Two classes: the loss came down to 0.4 within ten epochs, went back to 0.693 at epoch 20 and stayed."""
    epoch = np.arange(60.0)
    down = 0.36 + 0.33 * np.exp(-epoch / 4)
    loss = np.where(epoch < 20, down, 0.6935)
    right = np.where(epoch < 20, 0.88 - 0.38 * np.exp(-epoch / 4), 0.5)
    scatter = 0.003 * draw.standard_normal((2, 60))
    return keras(
        folder / "log.csv",
        noise(loss, 0.006, draw),
        noise(1.02 * loss, 0.006, draw),
        accuracy=right + scatter[0],
        val_accuracy=right + scatter[1],
    )
