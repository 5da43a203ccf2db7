"""The dialects of tables and of printed text: one function per trainer, as in recorders.py."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .loop import EpochRow, Row, StepRow
from .recipe import Recipe
from .recorders import Write, columns, tags, write_csv
from .settings import epochs_of, renamed, settings, yaml

#: Seconds of an update in logs that always print a time: the pace of the clock of event files.
SECONDS = 1.0


@contextmanager
def timm(out: Path, recipe: Recipe) -> Iterator[Write]:
    """timm's summary.csv: a row per epoch from 0, accuracy in percent and of validation alone; args.yaml beside it."""
    rows: list[dict[str, Any]] = []

    def write(row: Row) -> None:
        if isinstance(row, EpochRow):
            top1 = None if row.val_accuracy is None else 100 * row.val_accuracy
            values = {"train_loss": row.train_loss, "eval_loss": row.val_loss, "eval_top1": top1, "lr": row.lr}
            rows.append({"epoch": row.epoch - 1, **values})

    yield write
    write_csv(out / "summary.csv", columns(rows), rows)
    stored = renamed(settings(recipe), _TIMM) | {"epochs": epochs_of(recipe)}
    (out / "args.yaml").write_text(yaml(dict(sorted(stored.items()))), encoding="utf-8")


@contextmanager
def plain_csv(out: Path, recipe: Recipe) -> Iterator[Write]:
    """A loop of one's own: log.csv with a row per logged step, blank where nothing was measured, and config.json."""
    rows: list[dict[str, Any]] = []

    def write(row: Row) -> None:
        values: dict[str, Any] = {"step": row.step, "epoch": math.ceil(row.epoch)}
        for tag, value in tags(row, recipe.log).items():
            kind, _, side = tag.partition("/")
            if tag == "loss/train_epoch":
                values |= {} if recipe.log.steps else {"train_loss": value}
            elif kind in ("loss", "accuracy"):
                values[f"{side}_{kind.replace('accuracy', 'acc')}"] = value
            else:
                values[tag] = value
        if rows and rows[-1]["step"] == row.step:
            rows[-1] |= values
        elif len(values) > 2:
            rows.append(values)

    yield write
    write_csv(out / "log.csv", columns(rows), rows)
    (out / "config.json").write_text(json.dumps(settings(recipe), indent=1) + "\n", encoding="utf-8")


@contextmanager
def fastai_csv(out: Path, recipe: Recipe) -> Iterator[Write]:
    """fastai's CSVLogger: history.csv with a row per epoch from 0, accuracy of validation alone, time as mm:ss."""
    rows: list[dict[str, Any]] = []
    last = 0

    def write(row: Row) -> None:
        nonlocal last
        if isinstance(row, EpochRow):
            seconds, last = round((row.step - last) * SECONDS), row.step
            values = {"train_loss": row.train_loss, "valid_loss": row.val_loss, "accuracy": row.val_accuracy}
            rows.append({"epoch": row.epoch - 1, **values, "time": f"{seconds // 60:02d}:{seconds % 60:02d}"})

    yield write
    write_csv(out / "history.csv", columns(rows), rows)


@contextmanager
def text_log(out: Path, recipe: Recipe) -> Iterator[Write]:
    """train.log as nanoGPT prints it: the configuration, `iter` lines with the batch's loss, `step` lines that set
    training beside validation (accuracies too, which nanoGPT has not)."""
    with (out / "train.log").open("w", encoding="utf-8") as file:
        stored = renamed(settings(recipe), _NANOGPT)
        file.writelines(f"{name} = {value!r}\n" for name, value in stored.items())

        def write(row: Row) -> None:
            if isinstance(row, StepRow):
                if row.loss is not None:
                    milliseconds = 1000 * (SECONDS if row.step_time is None else row.step_time)
                    file.write(f"iter {row.step}: loss {row.loss:.4f}, time {milliseconds:.2f}ms\n")
                return
            train_loss = row.train_loss if row.eval_train_loss is None else row.eval_train_loss
            values = {"train loss": train_loss, "val loss": row.val_loss}
            values |= {"train acc": row.train_accuracy, "val acc": row.val_accuracy}
            said = ", ".join(f"{name} {value:.4f}" for name, value in values.items() if value is not None)
            if said:
                file.write(f"step {row.step}: {said}\n")

        yield write


@contextmanager
def epoch_text(out: Path, recipe: Recipe) -> Iterator[Write]:
    """train.log with a line per epoch in the manner of Keras: `Epoch 3/20 - loss: 0.4123 - acc: 0.8800 - ...`."""
    epochs = epochs_of(recipe)
    with (out / "train.log").open("w", encoding="utf-8") as file:

        def write(row: Row) -> None:
            if isinstance(row, EpochRow):
                values = {"loss": row.train_loss, "acc": row.train_accuracy}
                values |= {"val_loss": row.val_loss, "val_acc": row.val_accuracy, "lr": row.lr}
                said = "".join(f" - {name}: {_keras(value)}" for name, value in values.items() if value is not None)
                file.write(f"Epoch {row.epoch}/{epochs}{said}\n")

        yield write


_TIMM = {
    "batch_size": "batch_size",
    "max_grad_norm": "clip_grad",
    "dropout": "drop",
    "gradient_accumulation_steps": "grad_accum_steps",
    "lr": "lr",
    "model": "model",
    "momentum": "momentum",
    "num_classes": "num_classes",
    "optimizer": "opt",
    "scheduler": "sched",
    "seed": "seed",
    "label_smoothing": "smoothing",
    "weight_decay": "weight_decay",
}
_NANOGPT = {
    "num_layers": "n_layer",
    "hidden_size": "n_embd",
    "dropout": "dropout",
    "num_classes": "num_classes",
    "lr": "learning_rate",
    "max_steps": "max_iters",
    "weight_decay": "weight_decay",
    "max_grad_norm": "grad_clip",
    "warmup_steps": "warmup_iters",
    "batch_size": "batch_size",
    "gradient_accumulation_steps": "gradient_accumulation_steps",
    "label_smoothing": "label_smoothing",
}


def _keras(value: float) -> str:
    """Four decimals, or an exponent where these would say nothing, as Keras' progress bar decides."""
    return f"{value:.4f}" if abs(value) > 1e-3 or not math.isfinite(value) else f"{value:.4e}"
