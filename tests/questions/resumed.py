"""Questions about runs that were resumed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..writers import json_lines, table
from .shapes import Draw, noise


def overlapping(folder: Path, draw: Draw) -> Path:
    """Resumed from an older checkpoint: epochs 31 to 40 stand twice in the file."""
    epochs = [*range(1, 41), *range(31, 81)]
    level = 0.35 + 1.9 * (1 + np.array(epochs, float) / 4) ** -1.0
    return table(
        folder / "log.csv",
        {
            "epoch": epochs,
            "train_loss": noise(level, 0.015, draw),
            "val_loss": noise(1.06 * level, 0.01, draw),
        },
    )


def shifted(folder: Path, draw: Draw) -> Path:
    """Resumed at step 6000 without the optimizer's state: the loss jumps there and comes back slowly."""
    t = [*range(20, 6401, 20), *range(6020, 12001, 20)]
    first = 320
    step = np.array(t, float)
    level = 0.5 + 2.2 * (step / 20) ** -0.35
    level[first:] += 0.35 * np.exp(-(step[first:] - 6000) / 2500)
    noisy = noise(level, 0.02, draw)
    rows = [{"step": s, "train_loss": round(float(v), 5), "lr": 1e-3} for s, v in zip(t, noisy, strict=True)]
    return json_lines(folder / "metrics.jsonl", rows)
