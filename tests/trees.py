"""Directories of logs as trainers leave them, and what was found in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from curvedoc.discover import Found
from curvedoc.run import Run

from . import writers

LOSS = [2.3, 1.9, 1.6, 1.4, 1.25, 1.13, 1.04, 0.97]
LONG = [2.3, 1.9, 1.6, 1.4, 1.25, 1.13, 1.04, 0.97, 0.93, 0.9, 0.88, 0.87]


def csv(file: Path, **columns: Iterable[object]) -> Path:
    """A table with the named columns; None is an empty cell."""
    return writers.table(file, columns)


def keras(file: Path, scale: float = 1.0) -> Path:
    return csv(file, epoch=range(8), loss=[x * scale for x in LOSS], val_loss=[x * scale + 0.1 for x in LOSS])


def events(directory: Path, tags: Mapping[str, Iterable[float]], *, first: int = 0, start: int = 1_700_000_000) -> Path:
    """An event file by TensorBoard's own writer, as if it had been opened at `start`."""
    pairs = {tag: (range(first, first + len(list(values))), values) for tag, values in tags.items()}
    return writers.events(directory, pairs, start=start)


def trainer_state(file: Path, steps: int, scale: float = 1.0) -> Path:
    rows = [
        {"step": s, "epoch": s / 4, "loss": scale * LONG[s - 1], "learning_rate": 1e-4} for s in range(1, steps + 1)
    ]
    return writers.trainer(file, rows, max_steps=8)


def names(found: Found) -> list[str]:
    return [run.name for run in found.runs]


def files(run: Run) -> set[str]:
    return set(run.files)
