"""Which labelled runs does a path hold, and what is true of each?

Four forms are known: a directory (or a .tar.xz) of CASE/log/... with CASE/label.json, as the laboratory of
train_harness writes it; a directory of cases/CASE with answers.json beside it; strangers' logs with a
labels.csv that names their files; and sets of runs/NNNN.csv with a labels.csv, which have a grader of their own.
"""

from __future__ import annotations

import csv
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LABELS = (
    *("healthy", "bad_init", "plateau_needs_decay", "decay_too_early", "overfitting", "underfitting"),
    *("nan_explosion", "update_ratio_anomaly", "lr_too_high", "lr_too_low", "diverging", "still_improving"),
    *("loss_spikes", "val_too_small", "dead_relu", "no_learning", "initial_loss_off"),
    *("cannot_tell", "not_a_supervised_curve"),
)
#: The eight words of the mission, healthy among them.
CORE = LABELS[:8]
#: What each rule claims in the words of the labels; rules that no label speaks of are left out and not counted.
LABEL_OF = {
    "nan-explosion": "nan_explosion",
    "hidden-nan": "nan_explosion",
    "initial-loss-off": "initial_loss_off",
    "double-softmax": "initial_loss_off",
    "bad-init": "bad_init",
    "no-learning": "no_learning",
    "dead-units": "dead_relu",
    "wrong-sign": "diverging",
    "missing-warmup": "lr_too_high",
    "learning-rate-too-high": "lr_too_high",
    "learning-rate-too-low": "lr_too_low",
    "oscillation": "lr_too_high",
    "divergence": "diverging",
    "forgotten-zero-grad": "diverging",
    "plateau-needs-decay": "plateau_needs_decay",
    "decay-too-early": "decay_too_early",
    "decay-too-late": "plateau_needs_decay",
    "loss-spikes": "loss_spikes",
    "update-ratio-too-high": "update_ratio_anomaly",
    "update-ratio-too-low": "update_ratio_anomaly",
    "frozen-layer": "update_ratio_anomaly",
    "overfitting": "overfitting",
    "underfitting": "underfitting",
    "validation-too-noisy": "val_too_small",
    "still-improving": "still_improving",
}
#: One rule per label, for those who claim labels and are graded by rules.
RULE_OF = {label: rule for rule, label in reversed(LABEL_OF.items())} | {"lr_too_high": "learning-rate-too-high"}
_SPELLED = {"val_too_small_or_noisy": "val_too_small"}


@dataclass(frozen=True, slots=True)
class Case:
    """One run and the truth about it.

    `acceptable` are other labels that hold, `refuted` those that are false alarms (empty: every other one is).
    `onset` and `steps` count optimizer steps; `schedule` is {kind, warmup, drops} or None where unknown; `task` names
    the data, "" where unknown.
    """

    name: str
    logs: tuple[Path, ...]
    label: str
    acceptable: frozenset[str] = frozenset()
    refuted: frozenset[str] = frozenset()
    onset: float | None = None
    steps: float | None = None
    steps_per_epoch: float | None = None
    schedule: Mapping[str, Any] | None = None
    lr_logged: bool = False
    about: str = ""
    task: str = ""

    def speaks_of(self, label: str) -> bool:
        """Whether anything is known of a label on this run; a rule without a word of its own is named by its id."""
        return label == self.label or label in self.acceptable or label in self.refuted

    def holds(self, label: str) -> bool | None:
        """Whether a label is true of the run; None when nobody has proved or refuted it."""
        if label == self.label or label in self.acceptable:
            return True
        return False if not self.refuted or label in self.refuted or self.label == "healthy" else None


def load(path: Path, room: Path) -> list[Case]:
    """The cases under a path; an archive is unpacked below `room`. Raises ValueError for an unknown form."""
    if path.name.endswith(".tar.xz"):
        inside = room / path.name.removesuffix(".tar.xz")
        with tarfile.open(path) as archive:
            archive.extractall(inside, filter="data")
        path = inside
    if (path / "answers.json").is_file():
        return _answers(path)
    if (path / "labels.csv").is_file() and (path / "files").is_dir():
        return _strangers(path)
    labels = sorted(path.rglob("label.json")) if path.is_dir() else []
    if labels:
        return [_laboratory(file) for file in labels]
    raise ValueError(f"{path}: no label.json, answers.json or labels.csv that I know")


def is_set(path: Path) -> bool:
    """Whether a path holds public sets that have a grader of their own: labels.csv beside runs/."""
    return path.is_dir() and any(
        (p / "labels.csv").is_file() and (p / "runs").is_dir() for p in (path, *path.iterdir())
    )


def _laboratory(file: Path) -> Case:
    data = json.loads(file.read_text(encoding="utf-8"))
    return Case(
        name=file.parent.name,
        logs=(file.parent / "log",),
        label=data["label"],
        acceptable=frozenset(data.get("acceptable") or ()),
        refuted=frozenset(data.get("refuted") or ()),
        onset=data.get("onset"),
        steps=data.get("steps"),
        steps_per_epoch=data.get("steps_per_epoch"),
        schedule=data.get("schedule"),
        lr_logged=bool(data.get("lr_logged")),
        about=" ".join(str(data[key]) for key in ("task", "model", "dialect", "why") if data.get(key)),
        task=str(data.get("task") or ""),
    )


def _answers(path: Path) -> list[Case]:
    data = json.loads((path / "answers.json").read_text(encoding="utf-8"))
    return [
        Case(
            name=name,
            logs=(path / "cases" / name,),
            label=told["primary"],
            acceptable=frozenset(told["acceptable"]),
            refuted=frozenset(told["false_alarms"]),
            onset=told["onset_step"],
            steps=told["steps"],
            steps_per_epoch=told["steps_per_epoch"],
            about=told.get("format", ""),
        )
        for name, told in sorted(data.items())
    ]


def _strangers(path: Path) -> list[Case]:
    with (path / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    words = lambda cell: frozenset(_SPELLED.get(word, word) for word in cell.split("|") if word)  # noqa: E731
    return [
        Case(
            name=row["ids"],
            logs=tuple(path / name for name in row["files"].split("|")),
            label=_SPELLED.get(row["primary"], row["primary"]),
            acceptable=words(row["acceptable"]),
            refuted=words(row["false_alarms"]),
            onset=float(row["onset_step"]) if row["onset_step"] else None,
            about=row["note"],
        )
        for row in rows
    ]
