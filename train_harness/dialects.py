"""Every log format by its name, what its recipe keeps out of it, and the dialects of many files: exports, stores,
event files."""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path

from .dialects_json import detectron, js, keras_history_json, mmengine, slashed, wandb_history
from .dialects_text import epoch_text, fastai_csv, plain_csv, text_log, timm
from .loop import Row, StepRow
from .recipe import Log, Recipe, recipe_text
from .recorders import CLOCK, RECORDERS, Recorder, Write, short, summary_writer, tags, torch_name
from .settings import settings, yaml

_ADJECTIVES = ("amber", "brisk", "calm", "dry", "eager", "fine", "gentle", "hazy", "icy", "jolly", "kind", "light")
_NOUNS = ("brook", "cloud", "dune", "ember", "field", "grove", "hill", "lake", "moon", "pond", "reef", "snow")


@contextmanager
def wandb_export(out: Path, recipe: Recipe) -> Iterator[Write]:
    """What the W&B pages export: a quoted CSV per metric, the run's name in the columns, each value three times."""
    series: dict[str, list[tuple[int, float]]] = {}

    def write(row: Row) -> None:
        for name, value in slashed(row, recipe.log).items():
            series.setdefault(name, []).append((row.step, value))

    yield write
    for name, points in series.items():
        column = f"{_run_name(recipe)} - {name}"
        lines = [("Step", column, f"{column}__MIN", f"{column}__MAX")]
        lines += [(str(step), *[js(value)] * 3) for step, value in points]
        text = "".join(",".join(f'"{cell}"' for cell in line) + "\n" for line in lines)
        (out / f"wandb_export_{name.replace('/', '_')}.csv").write_text(text, encoding="utf-8")


@contextmanager
def mlflow_files(out: Path, recipe: Recipe) -> Iterator[Write]:
    """MLflow's file store: mlruns/0/RUN with a file of `milliseconds value step` per metric, params and meta.yaml."""
    series: dict[str, list[str]] = {}

    def write(row: Row) -> None:
        for tag, value in slashed(row, recipe.log).items():
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


def _run_name(recipe: Recipe) -> str:
    """Two words and a number, always the same ones for the same recipe."""
    a, b, number, *_ = hashlib.sha256(recipe_text(recipe).encode()).digest()
    return f"{_ADJECTIVES[a % len(_ADJECTIVES)]}-{_NOUNS[b % len(_NOUNS)]}-{number}"
