"""Every log format by its name, and the dialects of structured logs: exports, JSON, metric files, event files."""

from __future__ import annotations

import functools
import hashlib
import json
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from .dialects_text import epoch_text, fastai_csv, plain_csv, text_log, timm
from .loop import EpochRow, Row, StepRow
from .recipe import Log, Recipe, recipe_text
from .recorders import CLOCK, RECORDERS, Recorder, Write, short, summary_writer, tags, torch_name
from .settings import renamed, settings, yaml

_ADJECTIVES = ("amber", "brisk", "calm", "dry", "eager", "fine", "gentle", "hazy", "icy", "jolly", "kind", "light")
_NOUNS = ("brook", "cloud", "dune", "ember", "field", "grove", "hill", "lake", "moon", "pond", "reef", "snow")


@contextmanager
def wandb_export(out: Path, recipe: Recipe) -> Iterator[Write]:
    """What the W&B pages export: a quoted CSV per metric, the run's name in the columns, each value three times."""
    series: dict[str, list[tuple[int, float]]] = {}

    def write(row: Row) -> None:
        for name, value in _slashed(row, recipe.log).items():
            series.setdefault(name, []).append((row.step, value))

    yield write
    for name, points in series.items():
        column = f"{_run_name(recipe)} - {name}"
        lines = [("Step", column, f"{column}__MIN", f"{column}__MAX")]
        lines += [(str(step), *[_js(value)] * 3) for step, value in points]
        text = "".join(",".join(f'"{cell}"' for cell in line) + "\n" for line in lines)
        (out / f"wandb_export_{name.replace('/', '_')}.csv").write_text(text, encoding="utf-8")


@contextmanager
def wandb_history(out: Path, recipe: Recipe) -> Iterator[Write]:
    """W&B's history as lines of JSON, what is logged at one step on one line, NaN as a word; config.yaml beside it."""
    rows: list[dict[str, Any]] = []

    def write(row: Row) -> None:
        values = {"epoch": short(float(row.epoch)), **_slashed(row, recipe.log)}
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
def mlflow_files(out: Path, recipe: Recipe) -> Iterator[Write]:
    """MLflow's file store: mlruns/0/RUN with a file of `milliseconds value step` per metric, params and meta.yaml."""
    series: dict[str, list[str]] = {}

    def write(row: Row) -> None:
        for tag, value in _slashed(row, recipe.log).items():
            name = tag.replace("/", "_") if tag.startswith(("train/", "val/")) else tag
            line = f"{(CLOCK + row.step) * 1000:.0f} {short(float(value))} {row.step}\n"
            series.setdefault(name, []).append(line)

    yield write
    run, store = hashlib.sha256(recipe_text(recipe).encode()).hexdigest()[:32], out / "mlruns" / "0"
    began = f"{CLOCK * 1000:.0f}"
    meta = {"experiment_id": "'0'", "lifecycle_stage": "active", "name": "Default", "artifact_location": "mlruns/0"}
    files = {"meta.yaml": yaml(meta)}
    meta = {"experiment_id": "'0'", "run_id": run, "run_name": _run_name(recipe), "start_time": began, "status": 3}
    files[f"{run}/meta.yaml"] = yaml(meta)
    files[f"{run}/tags/mlflow.runName"] = _run_name(recipe)
    files |= {f"{run}/params/{key}": str(value) for key, value in settings(recipe).items()}
    files |= {f"{run}/metrics/{name}": "".join(lines) for name, lines in series.items()}
    for place, text in files.items():
        (store / place).parent.mkdir(parents=True, exist_ok=True)
        (store / place).write_text(text, encoding="utf-8")


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


@contextmanager
def tensorboard_split(out: Path, recipe: Recipe) -> Iterator[Write]:
    """torch's SummaryWriter.add_scalars: sub-directories Loss_train/ and Loss_val/ with one tag, the rate above."""
    with summary_writer(out) as writer:

        def write(row: Row) -> None:
            clock = CLOCK + row.step
            groups: dict[str, dict[str, float | None]] = {}
            if isinstance(row, StepRow):
                groups["Loss"] = {"train": row.loss}
            else:
                train_loss = None if recipe.log.steps else row.train_loss
                groups["Loss"] = {"train": train_loss, "val": row.val_loss}
                groups["Accuracy"] = {"train": row.train_accuracy, "val": row.val_accuracy}
            for name, values in groups.items():
                logged = {side: value for side, value in values.items() if value is not None}
                if logged:
                    writer.add_scalars(name, logged, row.step, walltime=clock)
            for name, value in tags(row, recipe.log).items():
                if not name.startswith(("loss/", "accuracy/")):
                    writer.add_scalar(name, value, row.step, walltime=clock)

        yield write


@contextmanager
def lightning_tensorboard(out: Path, recipe: Recipe) -> Iterator[Write]:
    """Lightning's TensorBoardLogger: version_0 with one event file, steps from 0, `epoch` at each, and hparams.yaml."""
    folder = out / "lightning_logs" / "version_0"
    with summary_writer(folder) as writer:

        def put(row: Row, **values: float | None) -> None:
            found = {name: value for name, value in values.items() if value is not None}
            epoch = {"epoch": math.ceil(row.epoch) - 1} if found else {}
            for name, value in {**found, **epoch}.items():
                writer.add_scalar(name, value, row.step - 1, walltime=CLOCK + row.step)

        def write(row: Row) -> None:
            if row.lr is not None and (isinstance(row, StepRow) or not recipe.log.steps):
                writer.add_scalar(f"lr-{torch_name(recipe)}", row.lr, row.step - 1, walltime=CLOCK + row.step)
            if isinstance(row, StepRow):
                put(row, train_loss_step=row.loss, **{"grad_2.0_norm_total": row.grad_norm})
            else:
                put(row, val_loss=row.val_loss, val_acc=row.val_accuracy)
                put(row, train_loss_epoch=row.train_loss, train_acc=row.train_accuracy)

        writer.add_scalar("hp_metric", -1, 0, walltime=CLOCK)
        yield write
    (folder / "hparams.yaml").write_text(yaml(settings(recipe)), encoding="utf-8")


def as_asked(recorder: Recorder) -> Recorder:
    """The recorder, given only what `log.steps`, `log.loss`, `log.accuracy` and `log.lr` let into a log."""

    @functools.wraps(recorder)
    @contextmanager
    def record(out: Path, recipe: Recipe) -> Iterator[Write]:
        with recorder(out, recipe) as write:

            def pass_on(row: Row) -> None:
                kept = let_in(row, recipe.log)
                if kept is not None:
                    write(kept)

            yield pass_on

    return record


def let_in(row: Row, log: Log) -> Row | None:
    """The row without what is not to be logged; None when nothing of a step is left."""
    gone = [name for name, wanted in (("loss", log.loss), ("accuracy", log.accuracy), ("lr", log.lr)) if not wanted]
    blank = {f.name: None for f in fields(row) if f.name.rpartition("_")[2] in gone}
    row = replace(row, **blank) if blank else row
    if isinstance(row, StepRow):
        left = (row.loss, row.lr, row.grad_norm, row.step_time, row.update_ratio or None)
        return row if log.steps and any(value is not None for value in left) else None
    return row


#: Every format by the name that recipes use.
FORMATS: Mapping[str, Recorder] = {
    name: as_asked(recorder)
    for name, recorder in {
        **RECORDERS,
        "wandb_export": wandb_export,
        "wandb_history": wandb_history,
        "mmengine": mmengine,
        "detectron": detectron,
        "timm": timm,
        "text_log": text_log,
        "epoch_text": epoch_text,
        "plain_csv": plain_csv,
        "mlflow_files": mlflow_files,
        "keras_history_json": keras_history_json,
        "tensorboard_split": tensorboard_split,
        "lightning_tensorboard": lightning_tensorboard,
        "fastai_csv": fastai_csv,
    }.items()
}

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


def _slashed(row: Row, log: Log) -> dict[str, float]:
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


def _js(value: float) -> str:
    """A number as a browser writes it."""
    if math.isfinite(value):
        return f"{value:.10g}"
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _word(value: float) -> float | str:
    return short(value) if math.isfinite(value) else _js(value)


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _run_name(recipe: Recipe) -> str:
    """Two words and a number, always the same ones for the same recipe."""
    a, b, number, *_ = hashlib.sha256(recipe_text(recipe).encode()).digest()
    return f"{_ADJECTIVES[a % len(_ADJECTIVES)]}-{_NOUNS[b % len(_NOUNS)]}-{number}"
