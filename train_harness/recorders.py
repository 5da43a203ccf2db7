"""How a run is written down: one function per log format, each a context that takes the loop's rows."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from .loop import EpochRow, Row, StepRow
from .recipe import Log, Recipe

Write = Callable[[Row], None]
Recorder = Callable[[Path, Recipe], AbstractContextManager[Write]]

#: The wall time of step 0 in event files. A step takes a second there, so that two rebuilds agree.
CLOCK = 1_700_000_000.0


@contextmanager
def tensorboard(out: Path, recipe: Recipe) -> Iterator[Write]:
    """One event file by torch's SummaryWriter, its name freed of the host: loss/train, lr, grad_norm, loss/val ..."""
    with summary_writer(out) as writer:

        def write(row: Row) -> None:
            for tag, value in tags(row, recipe.log).items():
                writer.add_scalar(tag, value, row.step, walltime=CLOCK + row.step)

        yield write


@contextmanager
def keras_tensorboard(out: Path, recipe: Recipe) -> Iterator[Write]:
    """What Keras' TensorBoard callback leaves: train/ and validation/, scalars as tensors, steps counting epochs."""
    with _events(out / "train") as train, _events(out / "validation") as validation:

        def write(row: Row) -> None:
            if isinstance(row, StepRow):
                if row.loss is not None:
                    train("batch_loss", row.loss, row.step, row.step)
                return
            epoch = row.epoch - 1
            for put, name, value in (
                (train, "epoch_loss", row.train_loss),
                (train, "epoch_learning_rate", row.lr),
                (train, "epoch_accuracy", row.train_accuracy),
                (validation, "epoch_loss", row.val_loss),
                (validation, "epoch_accuracy", row.val_accuracy),
                (validation, "evaluation_loss_vs_iterations", row.val_loss),
            ):
                if value is not None:
                    put(name, value, row.step if "iterations" in name else epoch, row.step)

        yield write


@contextmanager
def lightning_csv(out: Path, recipe: Recipe) -> Iterator[Write]:
    """Lightning's metrics.csv: steps from 0, sorted columns, lr, train and validation on rows apart."""
    rows: list[dict[str, Any]] = []
    lr = f"lr-{torch_name(recipe)}"

    def write(row: Row) -> None:
        step = row.step - 1
        if isinstance(row, StepRow):
            values = {"train_loss_step": row.loss, "grad_2.0_norm_total": row.grad_norm}
            place = {"epoch": math.ceil(row.epoch) - 1, "step": step}
            rows.extend([{lr: row.lr, "step": step}] if row.lr is not None else [])
            rows.extend([{**place, **values}] if any(v is not None for v in values.values()) else [])
            return
        place = {"epoch": row.epoch - 1, "step": step}
        if row.lr is not None and not recipe.log.steps:
            rows.append({lr: row.lr, "step": step})
        rows.append({**place, "val_loss": row.val_loss, "val_acc": row.val_accuracy})
        rows.append({**place, "train_loss_epoch": row.train_loss, "train_acc": row.train_accuracy})

    yield write
    write_csv(out / "lightning_logs" / "version_0" / "metrics.csv", sorted(columns(rows)), rows)


@contextmanager
def keras_csv(out: Path, recipe: Recipe) -> Iterator[Write]:
    """Keras' CSVLogger: one row per epoch, counted from 0, columns sorted behind `epoch`."""
    rows: list[dict[str, Any]] = []

    def write(row: Row) -> None:
        if isinstance(row, EpochRow):
            values = {
                "epoch": row.epoch - 1,
                "accuracy": row.train_accuracy,
                "learning_rate": row.lr,
                "loss": row.train_loss,
                "val_accuracy": row.val_accuracy,
                "val_loss": row.val_loss,
            }
            rows.append({key: value for key, value in values.items() if value is not None})

    yield write
    write_csv(out / "training.csv", columns(rows), rows)


@contextmanager
def jsonl(out: Path, recipe: Recipe) -> Iterator[Write]:
    """metrics.jsonl: an object per row, non-finite numbers bare, as Python's json writes them."""
    with (out / "metrics.jsonl").open("w", encoding="utf-8") as file:

        def write(row: Row) -> None:
            values: dict[str, Any] = {"step": row.step}
            if isinstance(row, EpochRow):
                values["epoch"] = row.epoch
            values |= {
                tag.replace("loss/", "loss_").replace("accuracy/", "accuracy_"): v
                for tag, v in tags(row, recipe.log).items()
            }
            file.write(json.dumps({_JSON_NAMES.get(k, k): short(v) for k, v in values.items()}) + "\n")

        yield write


@contextmanager
def trainer_state(out: Path, recipe: Recipe) -> Iterator[Write]:
    """Hugging Face's trainer_state.json in its last checkpoint folder; train loss is the mean since the last row."""
    history: list[dict[str, Any]] = []
    losses: list[float] = []

    def put(place: dict[str, Any], values: dict[str, float | None]) -> None:
        logged = {key: short(value) for key, value in values.items() if value is not None}
        history.extend([{**place, **logged}] if logged else [])
        losses.extend([values["loss"]] if values.get("loss") is not None else [])

    def write(row: Row) -> None:
        place = {"epoch": short(row.epoch), "step": row.step}
        if isinstance(row, StepRow):
            put(place, {"grad_norm": row.grad_norm, "learning_rate": row.lr, "loss": row.mean_loss})
        else:
            if not recipe.log.steps:
                put(place, {"learning_rate": row.lr, "loss": row.train_loss})
            put(place, {"eval_loss": row.val_loss, "eval_accuracy": row.val_accuracy})

    yield write
    if losses:
        last = history[-1]
        history.append({"epoch": last["epoch"], "step": last["step"], "train_loss": short(sum(losses) / len(losses))})
    folder = out / f"checkpoint-{recipe.steps}"
    folder.mkdir(exist_ok=True)
    state = {
        "global_step": recipe.steps,
        "logging_steps": recipe.log.every,
        "max_steps": recipe.steps,
        "log_history": history,
    }
    (folder / "trainer_state.json").write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")


@contextmanager
def ultralytics(out: Path, recipe: Recipe) -> Iterator[Write]:
    """Ultralytics' results.csv of a classification run: padded header, epochs from 1."""
    rows: list[dict[str, Any]] = []

    def write(row: Row) -> None:
        if isinstance(row, EpochRow):
            values = {
                "epoch": row.epoch,
                "train/loss": row.train_loss,
                "metrics/accuracy_top1": row.val_accuracy,
                "val/loss": row.val_loss,
                "lr/pg0": row.lr,
            }
            rows.append({f"{key:>23}": value for key, value in values.items() if value is not None})

    yield write
    write_csv(out / "results.csv", columns(rows), rows, width=23)


#: The formats of this file by the name that recipes use; dialects.py holds all of them.
RECORDERS: Mapping[str, Recorder] = {
    "tensorboard": tensorboard,
    "keras_tensorboard": keras_tensorboard,
    "lightning_csv": lightning_csv,
    "keras_csv": keras_csv,
    "jsonl": jsonl,
    "trainer_state": trainer_state,
    "ultralytics": ultralytics,
}

_JSON_NAMES = {"loss_train": "train_loss", "loss_val": "val_loss", "loss_train_epoch": "train_loss_epoch"} | {
    f"accuracy_{side}": f"{side}_accuracy" for side in ("train", "val")
}


def tags(row: Row, log: Log) -> dict[str, float]:
    """The scalars of a row under the names of the torch tutorials; the rate stands in the row of an epoch only where
    steps are not logged."""
    if isinstance(row, StepRow):
        values = {"loss/train": row.loss, "lr": row.lr, "grad_norm": row.grad_norm}
        values |= {f"update_ratio/{layer}": ratio for layer, ratio in row.update_ratio.items()}
        values |= {
            "time/seconds_per_step": row.step_time,
            "time/examples_per_second": row.throughput,
            "memory/peak_mb": row.memory,
        }
    else:
        values = {
            "loss/train_epoch": row.train_loss,
            "accuracy/train": row.train_accuracy,
            "loss/train_full": row.eval_train_loss,
            "accuracy/train_full": row.eval_train_accuracy,
            "loss/val": row.val_loss,
            "accuracy/val": row.val_accuracy,
            "lr": None if log.steps else row.lr,
        }
        values |= {f"dead_share/{layer}": share for layer, share in row.dead_share.items()}
        values |= {f"saturated_share/{layer}": share for layer, share in row.saturated_share.items()}
    return {tag: value for tag, value in values.items() if value is not None}


@contextmanager
def summary_writer(out: Path) -> Iterator[Any]:
    """torch's SummaryWriter; its files, those of sub-directories too, are freed of clock and host at the end."""
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(out))
    try:
        yield writer
    finally:
        writer.close()
        for file in sorted(out.rglob("events.out.tfevents.*")):
            _without_clock(file)
            file.rename(file.with_name(f"events.out.tfevents.{CLOCK:.0f}.curvedoc.0"))


def _without_clock(file: Path) -> None:
    """Gives the first record of an event file the wall time of step 0: it is the only one torch stamps itself."""
    import io
    import struct

    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    old = file.read_bytes()
    length = struct.unpack("<Q", old[:8])[0]
    first = Event.FromString(old[12 : 12 + length])
    first.wall_time = CLOCK
    new = io.BytesIO()
    RecordWriter(new).write(first.SerializeToString())
    file.write_bytes(new.getvalue() + old[16 + length :])


@contextmanager
def _events(folder: Path) -> Iterator[Callable[[str, float, int, int], None]]:
    """An event file whose scalars are tensors, as TensorFlow 2 writes them; empty folders are not left behind."""
    import struct

    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.types_pb2 import DT_FLOAT
    from tensorboard.summary.writer.record_writer import RecordWriter

    events = [Event(wall_time=CLOCK, file_version="brain.Event:2")]

    def put(tag: str, value: float, step: int, updates: int) -> None:
        event = Event(wall_time=CLOCK + updates, step=step)
        summary = event.summary.value.add(tag=tag)
        summary.metadata.plugin_data.plugin_name = "scalars"
        summary.tensor.dtype = DT_FLOAT
        summary.tensor.tensor_shape.SetInParent()
        summary.tensor.tensor_content = struct.pack("<f", value)
        events.append(event)

    yield put
    if len(events) > 1:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"events.out.tfevents.{CLOCK:.0f}.curvedoc.0.v2").open("wb") as file:
            records = RecordWriter(file)
            for event in events:
                records.write(event.SerializeToString())


def write_csv(path: Path, columns: list[str], rows: list[dict[str, Any]], width: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([f"{cell(row.get(column)):>{width}}" for column in columns] for row in rows)


def columns(rows: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(key for row in rows for key, value in row.items() if value is not None))


def cell(value: float | int | None) -> str:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def short(value: Any) -> Any:
    """A float of six significant digits, as far as a log needs them."""
    return float(f"{value:.6g}") if isinstance(value, float) else value


def torch_name(recipe: Recipe) -> str:
    """The class name of the optimizer, as Lightning's LearningRateMonitor writes it."""
    names = {"adam": "Adam", "amsgrad": "Adam", "adamw": "AdamW", "radam": "RAdam", "rmsprop": "RMSprop"}
    return names.get(recipe.optimizer.kind, "Adagrad" if recipe.optimizer.kind == "adagrad" else "SGD")
