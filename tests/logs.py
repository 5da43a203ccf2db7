"""Small logs whose illness is plain to see, for tests that need a run and not a subtle one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .writers import table


def healthy(epochs: int = 60, seed: int = 0) -> dict[str, list[float]]:
    """Both losses fall as a power law down to a common floor, under a cosine schedule."""
    n = np.arange(epochs)
    noise = np.random.default_rng(seed).normal(0, 0.01, (2, epochs))
    loss = 0.2 + 2.1 / (1 + n / 3) ** 1.2
    return {
        "train_loss": (loss * (1 + noise[0])).tolist(),
        "val_loss": (loss * (1.05 + noise[1])).tolist(),
        "lr": (0.05 * (1 + np.cos(np.pi * n / epochs))).tolist(),
    }


def overfitting(epochs: int = 60, seed: int = 0) -> dict[str, list[float]]:
    """The validation loss turns at a third and doubles, while the training loss goes on to almost nothing."""
    n = np.arange(epochs)
    noise = np.random.default_rng(seed).normal(0, 0.01, (2, epochs))
    train = 2.3 * np.exp(-n / 12)
    val = 0.7 + 1.6 * np.exp(-n / 7) + np.maximum(0, n - epochs / 3) * 0.04
    return {"train_loss": (train * (1 + noise[0])).tolist(), "val_loss": (val * (1 + noise[1])).tolist()}


def exploded(epochs: int = 60) -> dict[str, list[float]]:
    """The loss climbs from the middle on and is NaN for the last third."""
    n = np.arange(epochs)
    loss = np.where(n < epochs // 2, 2.3 * np.exp(-n / 20), 0.6 * np.exp((n - epochs / 2) / 2))
    return {"train_loss": np.where(n < 2 * epochs // 3, loss, np.nan).tolist()}


def write_csv(path: Path, columns: dict[str, list[float]]) -> Path:
    """An epoch column and the curves, as a trainer writes them."""
    return table(path, {"epoch": range(len(next(iter(columns.values())))), **columns})
