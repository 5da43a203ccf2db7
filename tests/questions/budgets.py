"""Questions about scales, smoothing, updates and budgets."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ..patients import Array
from ..writers import table, trainer
from .shapes import Draw, iterations, linear_to_zero, noise, trainer_rows


def eight_times(folder: Path, draw: Draw) -> Path:
    """Eight accumulated batches were added and never averaged: training is eight times validation throughout."""
    i = np.arange(200.0)
    level = 1.1 + 1.5 * (1 + i / 8) ** -0.7
    evaluated = {10 * k: round(float(1.02 * level[k - 1]), 4) for k in range(10, 201, 10)}
    rows = trainer_rows(noise(8 * level, 0.02, draw), rate=linear_to_zero(200, 2e-5), evaluated=evaluated)
    return trainer(folder / "trainer_state.json", rows)


def running_mean(folder: Path, draw: Draw) -> Path:
    """Noisy batches behind an exponential mean of decay 0.98, as fastai logs them."""
    i = np.arange(500.0)
    batch = (0.8 + 1.5 * np.exp(-i / 30)) * (1 + 0.3 * draw.standard_normal(500))
    mean, logged = float(batch[0]), []
    for value in batch:
        mean = 0.98 * mean + 0.02 * float(value)
        logged.append(mean)
    return table(folder / "log.csv", {"step": range(1, 501), "train_loss": logged, "lr": [0.01] * 500})


def cut_short(folder: Path, draw: Draw) -> Path:
    """Both losses still fall as a power law when the budget ends, at a constant rate."""
    t = np.arange(1.0, 401.0)
    return iterations(folder, 2.4 * t**-0.3, np.full(400, 3e-4), draw, sd=0.03)


def small_arithmetic(folder: Path, draw: Draw, epochs: int = 400) -> Path:
    """A small table learnt by heart with weight decay: training perfect at once, validation only around epoch 300."""
    epoch = np.arange(400.0)
    late = 1 / (1 + np.exp(-(epoch - 300) / 12))
    known = 1 - np.exp(-epoch / 8)
    val = 4.6 + 2.4 * (1 - np.exp(-epoch / 40)) * (1 - late) - 4.5 * late
    made = {
        "train_loss": 0.003 + 4.6 * np.exp(-epoch / 8),
        "train_acc": known,
        "val_loss": val,
        "val_acc": 0.02 + 0.97 * late,
    }
    columns: dict[str, Iterable[object]] = {"epoch": range(epochs)}
    columns |= {
        n: [float(x) for x in noise(v[:epochs], 0.01, draw).clip(0, 1 if "acc" in n else 99)] for n, v in made.items()
    }
    table(folder / "metrics.csv", columns)
    (folder / "hparams.yaml").write_text("lr: 0.001\nweight_decay: 1.0\ntrain_fraction: 0.3\n")
    return folder


def updates(folder: Path, draw: Draw, **layers: float | Array) -> Path:
    """Update over weight of each layer beside a healthy loss at a constant rate."""
    t = np.arange(1.0, 301.0)
    columns: dict[str, Iterable[object]] = {
        "step": [10 * k for k in range(1, 301)],
        "train_loss": noise(2.3 * t**-0.35, 0.02, draw),
        "lr": [0.01] * 300,
    }
    for name, level in layers.items():
        values = level * np.exp(0.2 * draw.standard_normal(300))
        columns[f"update_ratio/{name.replace('_', '.')}"] = values
    return table(folder / "log.csv", columns)
