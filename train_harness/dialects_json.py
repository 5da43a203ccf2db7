"""The dialects of JSON: one function per trainer, as in recorders.py."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .loop import EpochRow, Row, StepRow
from .recipe import Log, Recipe
from .recorders import CLOCK, Write, short, tags
from .settings import renamed, settings, yaml


@contextmanager
def wandb_history(out: Path, recipe: Recipe) -> Iterator[Write]:
    """W&B's history as lines of JSON, what is logged at one step on one line, NaN as a word; config.yaml beside it."""
    rows: list[dict[str, Any]] = []

    def write(row: Row) -> None:
        values = {"epoch": short(float(row.epoch)), **slashed(row, recipe.log)}
        clock = {"_runtime": float(row.step), "_timestamp": CLOCK + row.step, "_step": row.step}
        _together(rows, "_step", {name: _word(value) for name, value in values.items()} | clock)

    yield write
    _json_lines(out / "wandb-history.jsonl", rows)
    config = {"wandb_version": 1} | {key: {"desc": None, "value": value} for key, value in settings(recipe).items()}
    (out / "config.yaml").write_text(yaml(config), encoding="utf-8")


@contextmanager
def mmengine(out: Path, recipe: Recipe) -> Iterator[Write]:
    """mmengine's vis_data/scalars.json: mean loss since the last row by iteration, validation (percent) by epoch."""
    rows: list[dict[str, Any]] = []

    def write(row: Row) -> None:
        if isinstance(row, StepRow):
            values = {"lr": row.lr, "loss": row.mean_loss, "grad_norm": row.grad_norm}
            values |= {"time": row.step_time, "memory": row.memory}
        elif not recipe.log.steps:
            values = {"lr": row.lr, "loss": row.train_loss}
        else:
            values = {}
        if any(value is not None for value in values.values()):
            place = {"epoch": math.ceil(row.epoch), "iter": row.step, "step": row.step}
            rows.append(_logged(values) | place)
        if isinstance(row, EpochRow):
            found = _logged({"accuracy/top1": _percent(row.val_accuracy), "val_loss": row.val_loss})
            rows.extend([{**found, "step": row.epoch}] if found else [])

    yield write
    _json_lines(out / time.strftime("%Y%m%d_%H%M%S", time.gmtime(CLOCK)) / "vis_data" / "scalars.json", rows)
    (out / "config.yaml").write_text(yaml(renamed(settings(recipe), _MMENGINE)), encoding="utf-8")


@contextmanager
def detectron(out: Path, recipe: Recipe) -> Iterator[Write]:
    """detectron2's metrics.json: lines of sorted keys by iteration from 0, config.yaml beside it."""
    rows: list[dict[str, Any]] = []

    def write(row: Row) -> None:
        if isinstance(row, StepRow):
            values = {"total_loss": row.loss, "lr": row.lr, "time": row.step_time}
        else:
            values = {"validation_loss": row.val_loss, "validation_accuracy": row.val_accuracy}
            if not recipe.log.steps:
                values |= {"total_loss": row.train_loss, "lr": row.lr}
        found = _logged(values)
        if found:
            _together(rows, "iteration", {"iteration": row.step - 1, **found})

    yield write
    _json_lines(out / "metrics.json", [dict(sorted(row.items())) for row in rows])
    (out / "config.yaml").write_text(yaml(renamed(settings(recipe), _DETECTRON)), encoding="utf-8")


@contextmanager
def keras_history_json(out: Path, recipe: Recipe) -> Iterator[Write]:
    """Keras' `history.history`, dumped as history.json: a list per metric, a value per epoch."""
    history: dict[str, list[float]] = {}

    def write(row: Row) -> None:
        if isinstance(row, EpochRow):
            values = {"accuracy": row.train_accuracy, "loss": row.train_loss}
            values |= {"val_accuracy": row.val_accuracy, "val_loss": row.val_loss, "learning_rate": row.lr}
            for name, value in _logged(values).items():
                history.setdefault(name, []).append(value)

    yield write
    (out / "history.json").write_text(json.dumps(history) + "\n", encoding="utf-8")


_MMENGINE = {
    "model": "model/type",
    "num_classes": "model/head/num_classes",
    "label_smoothing": "model/head/loss/label_smooth_val",
    "batch_size": "train_dataloader/batch_size",
    "optimizer": "optim_wrapper/optimizer/type",
    "lr": "optim_wrapper/optimizer/lr",
    "momentum": "optim_wrapper/optimizer/momentum",
    "weight_decay": "optim_wrapper/optimizer/weight_decay",
    "max_grad_norm": "optim_wrapper/clip_grad/max_norm",
    "gradient_accumulation_steps": "optim_wrapper/accumulative_counts",
    "scheduler": "param_scheduler/type",
    "warmup_steps": "param_scheduler/warmup_iters",
    "max_steps": "train_cfg/max_iters",
    "seed": "randomness/seed",
}
_DETECTRON = {
    "model": "MODEL/META_ARCHITECTURE",
    "num_classes": "MODEL/NUM_CLASSES",
    "label_smoothing": "MODEL/LABEL_SMOOTHING",
    "batch_size": "SOLVER/IMS_PER_BATCH",
    "lr": "SOLVER/BASE_LR",
    "scheduler": "SOLVER/LR_SCHEDULER_NAME",
    "max_steps": "SOLVER/MAX_ITER",
    "momentum": "SOLVER/MOMENTUM",
    "optimizer": "SOLVER/OPTIMIZER",
    "warmup_steps": "SOLVER/WARMUP_ITERS",
    "weight_decay": "SOLVER/WEIGHT_DECAY",
    "max_grad_norm": "SOLVER/CLIP_GRADIENTS/CLIP_VALUE",
    "seed": "SEED",
}


def slashed(row: Row, log: Log) -> dict[str, float]:
    """The scalars of a row as users of trackers name them: train/loss, val/accuracy; the mean training loss of an
    epoch only where steps are not logged."""
    found: dict[str, float] = {}
    for tag, value in tags(row, log).items():
        name, _, side = tag.partition("/")
        if tag == "loss/train_epoch":
            found |= {} if log.steps else {"train/loss": value}
        elif name in ("loss", "accuracy"):
            found[f"{side}/{name}"] = value
        else:
            found[tag] = value
    return found


def _logged(values: Mapping[str, float | None]) -> dict[str, float]:
    return {name: short(value) for name, value in values.items() if value is not None}


def _together(rows: list[dict[str, Any]], key: str, row: dict[str, Any]) -> None:
    """Appends a row, or joins it with the last one where that is of the same place."""
    if rows and rows[-1][key] == row[key]:
        rows[-1] |= row
    else:
        rows.append(row)


def _json_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def js(value: float) -> str:
    """A number as a browser writes it."""
    if math.isfinite(value):
        return f"{value:.10g}"
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _word(value: float) -> float | str:
    return short(value) if math.isfinite(value) else js(value)


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share
