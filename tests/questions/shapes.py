"""What every asker has: a loss of some shape, its noise, its rate, and the rows that a trainer makes of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..patients import Array
from ..writers import table

Draw = np.random.Generator


def keras(path: Path, loss: Array, val_loss: Array, **more: Array) -> Path:
    """Keras' CSVLogger: epochs from 0, columns in alphabetical order behind the epoch."""
    columns = {"loss": loss, "val_loss": val_loss, **more}
    ordered = {name: columns[name] for name in sorted(columns)}
    return table(path, {"epoch": range(len(loss)), **ordered})


def noise(values: Array, sd: float, draw: Draw) -> Array:
    """Noise in proportion to the value, as the mean over some batches has it."""
    return values * (1 + sd * draw.standard_normal(len(values)))


def share(count: int) -> Array:
    """How much of the run lies behind each of so many points, from 0 to 1."""
    return np.arange(count) / (count - 1)


def cosine(u: Array, peak: float) -> Array:
    return peak * 0.5 * (1 + np.cos(np.pi * u))


def trainer_rows(
    loss: Array,
    *,
    every: int = 10,
    rate: Array | None = None,
    norm: Array | None = None,
    evaluated: Mapping[int, float] = {},
    per_epoch: int = 1000,
    **more: Array,
) -> list[dict[str, object]]:
    """Rows as a Trainer logs them: the mean loss of every so many steps, evaluations in rows of their own."""
    rows: list[dict[str, object]] = []
    for i, value in enumerate(loss):
        step = every * (i + 1)
        row: dict[str, object] = {"loss": round(float(value), 4), "step": step, "epoch": round(step / per_epoch, 4)}
        row |= {} if norm is None else {"grad_norm": float(norm[i])}
        row |= {} if rate is None else {"learning_rate": float(rate[i])}
        row |= {name: float(values[i]) for name, values in more.items()}
        rows.append(row)
        if step in evaluated:
            rows.append({"eval_loss": evaluated[step], "step": step, "epoch": round(step / per_epoch, 4)})
    return rows


def linear_to_zero(count: int, peak: float, warm: float = 0.05) -> Array:
    """A Trainer's default: warm-up, then linear to zero."""
    u = share(count)
    return peak * np.minimum((u + 1 / count) / warm, (1 - u) / (1 - warm)).clip(0, 1)


def iterations(
    folder: Path,
    loss: Array,
    rate: Array | None,
    draw: Draw,
    *,
    sd: float = 0.04,
    every: int = 50,
    val: Array | None = None,
) -> Path:
    """A hand-written loop: one row every so many iterations, validation in every tenth row."""
    n = len(loss)
    noisy = noise(loss, sd, draw)
    held_out = noise(1.04 * loss if val is None else val, 0.25 * sd, draw)
    columns: dict[str, Iterable[object]] = {
        "iteration": [every * (i + 1) for i in range(n)],
        "train_loss": noisy,
    }
    if rate is not None:
        columns["lr"] = rate
    columns["val_loss"] = [float(held_out[i]) if i % 10 == 9 else None for i in range(n)]
    return table(folder / "metrics.csv", columns)


def fair(count: int, draw: Draw, sd: float = 0.01) -> tuple[Array, Array]:
    """A healthy pair of losses."""
    loss = 0.3 + 2.0 * (1 + np.arange(count) / 4.0) ** -1.0
    return noise(loss, sd, draw), noise(1.06 * loss, sd, draw)


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The rows of a trainer's state, to change one and write it again."""
    found: list[dict[str, Any]] = json.loads(path.read_text())["log_history"]
    return found
