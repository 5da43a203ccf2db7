"""Questions about validation beside training: gaps, turns, a validation that is too small."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..writers import trainer
from .shapes import Draw, cosine, keras, linear_to_zero, noise, share, trainer_rows

BEST_EPOCH = 18


def memorised(folder: Path, draw: Draw) -> Path:
    """A small image classifier in Keras: validation is best at epoch 18 of 60, its accuracy then stands still."""
    epoch = np.arange(60.0)
    train = 0.02 + 2.2 * np.exp(-epoch / 11)
    val = 0.75 + 1.5 * np.exp(-epoch / 5) + 0.022 * np.maximum(0, epoch - BEST_EPOCH)
    accuracy = 0.74 - 0.62 * np.exp(-epoch / 4)
    return keras(
        folder / "training.csv",
        noise(train, 0.015, draw),
        noise(val, 0.012, draw),
        accuracy=1 - 0.9 * np.exp(-epoch / 9),
        val_accuracy=accuracy + 0.004 * draw.standard_normal(60),
    )


def steady_gap(folder: Path, draw: Draw) -> Path:
    """A fine-tuning whose two losses fall side by side, a constant distance apart."""
    loss = 0.9 + 0.9 * (1 + np.arange(200.0) / 6) ** -0.45
    held_out = 0.25 + 0.9 + 0.9 * (1 + np.arange(200.0) / 6) ** -0.45
    evaluated = {
        10 * i: round(float(held_out[i - 1] * (1 + 0.004 * draw.standard_normal())), 4) for i in range(10, 201, 10)
    }
    rows = trainer_rows(noise(loss, 0.02, draw), rate=linear_to_zero(200, 2e-5), evaluated=evaluated)
    return trainer(folder / "checkpoint-2000" / "trainer_state.json", rows)


def with_dropout(folder: Path, draw: Draw) -> Path:
    """Dropout and augmentation in training only: validation is a fifth lower throughout."""
    epoch = np.arange(50.0)
    loss = 0.35 + 1.9 * (1 + epoch / 3) ** -0.9
    return keras(folder / "log.csv", noise(loss, 0.01, draw), noise(0.8 * loss, 0.012, draw))


def lagging_mean(folder: Path, draw: Draw) -> Path:
    """Training is the mean over each epoch, validation comes at its end: apart only while the loss falls fast."""
    fine = np.linspace(0, 30, 3001)
    loss = 0.4 + 1.9 * np.exp(-fine / 3)
    mean = loss[:-1].reshape(30, 100).mean(axis=1)
    rate = cosine(share(30), 0.01)
    return keras(
        folder / "log.csv",
        noise(mean, 0.006, draw),
        noise(1.01 * loss[100::100], 0.006, draw),
        learning_rate=rate,
    )


def one_percent_lower(folder: Path, draw: Draw) -> Path:
    """Validation lies one per cent below training: the luck of a random split."""
    epoch = np.arange(40.0)
    loss = 0.4 + 1.9 * (1 + epoch / 3) ** -1.0
    return keras(folder / "log.csv", noise(loss, 0.004, draw), noise(0.99 * loss, 0.006, draw))


def ever_lower(folder: Path, draw: Draw) -> Path:
    """Validation lies further and further below training, in the end at a third of it."""
    u = share(60)
    loss = 0.5 + 1.8 * np.exp(-u / 0.2)
    return keras(folder / "log.csv", noise(loss, 0.008, draw), noise(loss * (0.85 - 0.52 * u), 0.01, draw))


def surer_and_righter(folder: Path, draw: Draw) -> Path:
    """The validation loss climbs from epoch 15 on, and the validation accuracy as well."""
    epoch = np.arange(60.0)
    val = 0.8 + 1.4 * np.exp(-epoch / 4) + 0.012 * np.maximum(0, epoch - 15)
    accuracy = 0.5 + 0.32 * (1 - np.exp(-epoch / 30))
    return keras(
        folder / "training.csv",
        noise(0.03 + 2.2 * np.exp(-epoch / 12), 0.01, draw),
        noise(val, 0.008, draw),
        accuracy=1 - 0.9 * np.exp(-epoch / 10),
        val_accuracy=accuracy + 0.002 * draw.standard_normal(60),
    )


def few_held_out(folder: Path, draw: Draw) -> Path:
    """Forty validation examples: their accuracy moves in steps of 1/40, their loss jumps, training is smooth."""
    u = share(60)
    loss = 0.3 + 1.9 * np.exp(-u / 0.2)
    right = 0.85 - 0.6 * np.exp(-u / 0.2)
    return keras(
        folder / "log.csv",
        noise(loss, 0.008, draw),
        noise(1.1 * loss, 0.22, draw),
        accuracy=right + 0.03,
        val_accuracy=draw.binomial(40, right) / 40,
    )


def jumping_norm(folder: Path, draw: Draw) -> Path:
    """Batch norm whose running statistics lag: now and then validation shoots up, training stays smooth."""
    u = share(80)
    loss = 0.25 + 1.9 * np.exp(-u / 0.15)
    up = np.where(draw.random(80) < 0.3, draw.uniform(0.3, 2.0, 80), 0.0)
    accuracy = (0.9 - 0.6 * np.exp(-u / 0.15)) / (1 + 0.4 * up)
    return keras(
        folder / "log.csv",
        noise(loss, 0.008, draw),
        noise(1.08 * loss, 0.01, draw) * (1 + up),
        accuracy=0.92 - 0.6 * np.exp(-u / 0.15),
        val_accuracy=np.round(accuracy * 5000) / 5000,
        learning_rate=cosine(u, 0.01),
    )
