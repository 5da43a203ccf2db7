"""How did a run of the lab end, what would its log say, and how is that log left behind?"""

from __future__ import annotations

import hashlib
import json
import math
import os
from dataclasses import asdict, replace
from pathlib import Path

from .dialects import FORMATS
from .lab_cases import Candidate
from .lab_proof import Ended, settle
from .loop import EpochRow, Row, train
from .recipe import Recipe, recipe_text
from .setup import Checkpoint

#: A loss beyond this is as lost as an infinite one.
LOST = 1e30


class Laboratory:
    """Trains recipes and remembers how each ended, in `out`/runs, so that no run is ever done twice."""

    def __init__(self, out: Path) -> None:
        self.runs = out / "runs"
        self.runs.mkdir(parents=True, exist_ok=True)

    def ended(self, recipe: Recipe) -> Ended:
        text = recipe_text(recipe)
        file = self.runs / f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.json"
        if not file.exists():
            write_whole(file, json.dumps(asdict(ended(recipe))))
        kept = json.loads(file.read_text(encoding="utf-8"))
        return Ended(kept["steps"], kept["train_loss"], kept["val_loss"], tuple(map(tuple, kept["epochs"])))


def ended(recipe: Recipe) -> Ended:
    """Trains a recipe."""
    epochs: list[tuple[int, float]] = []

    def keep(row: Row) -> None:
        if isinstance(row, EpochRow) and row.val_loss is not None:
            epochs.append((row.step, or_lost(row.val_loss)))

    outcome = train(recipe, keep)
    return Ended(outcome.steps, or_lost(outcome.train_loss), or_lost(outcome.val_loss), tuple(epochs))


def val_losses(recipe: Recipe) -> list[tuple[int, float]]:
    """The validation losses that a run would log."""
    return list(ended(replace(recipe, log=replace(recipe.log, every=10**9, vitals=False))).epochs)


def full_train_losses(patient: Recipe) -> list[tuple[int, float]]:
    """The loss over the whole training set, in evaluation mode, after each epoch."""
    rows: list[tuple[int, float]] = []

    def keep(row: Row) -> None:
        if isinstance(row, EpochRow) and row.eval_train_loss is not None:
            rows.append((row.step, row.eval_train_loss))

    plain = settle(patient)
    train(replace(plain, log=replace(plain.log, both_modes=True)), keep)
    return rows


def record(candidate: Candidate, out: Path) -> list[Row]:
    """Writes the patient's log, in two parts when it was interrupted, and returns its rows."""
    patient, rows = candidate.patient, []
    out.mkdir(parents=True, exist_ok=True)
    recorder = FORMATS[patient.log.format]
    if not candidate.resumed_at:
        with recorder(out, patient) as write:
            train(patient, lambda row: (rows.append(row), write(row))[1])
        return rows
    for part in ("first", "second"):
        (out / part).mkdir(exist_ok=True)
    kept: list[Checkpoint] = []
    with recorder(out / "first", patient) as write:
        train(
            patient,
            lambda row: write(row) if row.step <= candidate.broke_at else None,
            save_every=candidate.resumed_at,
            save=kept.append,
        )
    with recorder(out / "second", patient) as write:
        train(patient, lambda row: (rows.append(row), write(row))[1], resume=kept[0])
    _join(out)
    return rows


def _join(out: Path) -> None:
    """The logs of two parts as one trainer leaves them: event files side by side, text appended."""
    for file in sorted((out / "first").rglob("*")):
        if not file.is_file():
            continue
        place = file.relative_to(out / "first")
        later = out / "second" / place
        target = out / place
        target.parent.mkdir(parents=True, exist_ok=True)
        if "tfevents" in file.name:
            file.rename(target)
            later.rename(target.with_name(f"{target.name[:-1]}1"))
        else:
            target.write_bytes(file.read_bytes() + later.read_bytes())
            file.unlink()
            later.unlink()
    for part in ("first", "second"):
        for folder in sorted((out / part).rglob("*"), reverse=True):
            folder.rmdir()
        (out / part).rmdir()


def write_whole(file: Path, text: str) -> None:
    """Whole or not at all: a run that is cut off leaves no half file."""
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(file)


def or_lost(value: float) -> float:
    """A loss, or infinity when it is none any more."""
    return value if math.isfinite(value) and abs(value) < LOST else math.inf
