"""The logs that people have in hand when they ask about a curve, each generated anew from a seed.

Every function writes what its asker's trainer writes (format, cadence, columns, noise) below a folder and returns the
path that the asker would hand over.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from .patients import Array

Draw = np.random.Generator


# -- how trainers write ------------------------------------------------------------------------------------------------


def table(path: Path, columns: Mapping[str, Iterable[object]]) -> Path:
    """A CSV file; None becomes an empty cell, a float gets six digits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([cell(value) for value in row] for row in zip(*columns.values(), strict=True))
    return path


def cell(value: object) -> object:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else value


def trainer(path: Path, rows: Sequence[Mapping[str, object]], **state: object) -> Path:
    """The state file of a Hugging Face Trainer, NaN written as Python writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"log_history": list(rows), "max_steps": rows[-1]["step"], **state}))
    return path


def json_lines(path: Path, rows: Iterable[Mapping[str, object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def events(folder: Path, tags: Mapping[str, tuple[Iterable[float], Iterable[float]]], *, tensors: bool = False) -> Path:
    """An event file by TensorBoard's own writer: (steps, values) per tag, as scalars or as Keras' tensors."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.scalar.metadata import create_summary_metadata
    from tensorboard.summary.writer.event_file_writer import EventFileWriter
    from tensorboard.util.tensor_util import make_tensor_proto

    before = set(folder.glob("*tfevents*")) if folder.exists() else set()
    writer = EventFileWriter(str(folder))
    for tag, (steps, values) in tags.items():
        for step, value in zip(steps, values, strict=True):
            if tensors:
                tensor = make_tensor_proto(np.float32(value))
                point = Summary.Value(tag=tag, tensor=tensor, metadata=create_summary_metadata(tag, ""))
            else:
                point = Summary.Value(tag=tag, simple_value=float(value))
            writer.add_event(Event(step=int(step), wall_time=1.7e9 + float(step), summary=Summary(value=[point])))
    writer.close()
    (written,) = set(folder.glob("*tfevents*")) - before
    return written.rename(folder / f"events.out.tfevents.1700000000.host.{len(before)}")


def keras(path: Path, loss: Array, val_loss: Array, **more: Array) -> Path:
    """Keras' CSVLogger: epochs from 0, columns in alphabetical order behind the epoch."""
    columns = {"loss": loss, "val_loss": val_loss, **more}
    ordered = {name: [float(v) for v in columns[name]] for name in sorted(columns)}
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


# -- validation and training apart ------------------------------------------------------------------------------------


BEST_EPOCH = 18


def memorised(folder: Path, draw: Draw) -> Path:
    """A small image classifier in Keras: validation is best at epoch 18 of 60, its accuracy then stands still."""
    epoch = np.arange(60.0)
    train = 0.02 + 2.2 * np.exp(-epoch / 11)
    val = 0.75 + 1.5 * np.exp(-epoch / 5) + 0.022 * np.maximum(0, epoch - BEST_EPOCH)
    accuracy = 0.74 - 0.62 * np.exp(-epoch / 4)
    return keras(
        folder / "training.csv",
        noise(train, 0.015, draw),
        noise(val, 0.012, draw),
        accuracy=1 - 0.9 * np.exp(-epoch / 9),
        val_accuracy=accuracy + 0.004 * draw.standard_normal(60),
    )


def steady_gap(folder: Path, draw: Draw) -> Path:
    """A fine-tuning whose two losses fall side by side, a constant distance apart."""
    loss = 0.9 + 0.9 * (1 + np.arange(200.0) / 6) ** -0.45
    held_out = 0.25 + 0.9 + 0.9 * (1 + np.arange(200.0) / 6) ** -0.45
    evaluated = {
        10 * i: round(float(held_out[i - 1] * (1 + 0.004 * draw.standard_normal())), 4) for i in range(10, 201, 10)
    }
    rows = trainer_rows(noise(loss, 0.02, draw), rate=linear_to_zero(200, 2e-5), evaluated=evaluated)
    return trainer(folder / "checkpoint-2000" / "trainer_state.json", rows)


def with_dropout(folder: Path, draw: Draw) -> Path:
    """Dropout and augmentation in training only: validation is a fifth lower throughout."""
    epoch = np.arange(50.0)
    loss = 0.35 + 1.9 * (1 + epoch / 3) ** -0.9
    return keras(folder / "log.csv", noise(loss, 0.01, draw), noise(0.8 * loss, 0.012, draw))


def lagging_mean(folder: Path, draw: Draw) -> Path:
    """Training is the mean over each epoch, validation comes at its end: apart only while the loss falls fast."""
    fine = np.linspace(0, 30, 3001)
    loss = 0.4 + 1.9 * np.exp(-fine / 3)
    mean = loss[:-1].reshape(30, 100).mean(axis=1)
    rate = cosine(share(30), 0.01)
    return keras(
        folder / "log.csv",
        noise(mean, 0.006, draw),
        noise(1.01 * loss[100::100], 0.006, draw),
        learning_rate=rate,
    )


def one_percent_lower(folder: Path, draw: Draw) -> Path:
    """Validation lies one per cent below training: the luck of a random split."""
    epoch = np.arange(40.0)
    loss = 0.4 + 1.9 * (1 + epoch / 3) ** -1.0
    return keras(folder / "log.csv", noise(loss, 0.004, draw), noise(0.99 * loss, 0.006, draw))


def ever_lower(folder: Path, draw: Draw) -> Path:
    """Validation lies further and further below training, in the end at a third of it."""
    u = share(60)
    loss = 0.5 + 1.8 * np.exp(-u / 0.2)
    return keras(folder / "log.csv", noise(loss, 0.008, draw), noise(loss * (0.85 - 0.52 * u), 0.01, draw))


def surer_and_righter(folder: Path, draw: Draw) -> Path:
    """The validation loss climbs from epoch 15 on, and the validation accuracy as well."""
    epoch = np.arange(60.0)
    val = 0.8 + 1.4 * np.exp(-epoch / 4) + 0.012 * np.maximum(0, epoch - 15)
    accuracy = 0.5 + 0.32 * (1 - np.exp(-epoch / 30))
    return keras(
        folder / "training.csv",
        noise(0.03 + 2.2 * np.exp(-epoch / 12), 0.01, draw),
        noise(val, 0.008, draw),
        accuracy=1 - 0.9 * np.exp(-epoch / 10),
        val_accuracy=accuracy + 0.002 * draw.standard_normal(60),
    )


def few_held_out(folder: Path, draw: Draw) -> Path:
    """Forty validation examples: their accuracy moves in steps of 1/40, their loss jumps, training is smooth."""
    u = share(60)
    loss = 0.3 + 1.9 * np.exp(-u / 0.2)
    right = 0.85 - 0.6 * np.exp(-u / 0.2)
    return keras(
        folder / "log.csv",
        noise(loss, 0.008, draw),
        noise(1.1 * loss, 0.22, draw),
        accuracy=right + 0.03,
        val_accuracy=draw.binomial(40, right) / 40,
    )


def jumping_norm(folder: Path, draw: Draw) -> Path:
    """Batch norm whose running statistics lag: now and then validation shoots up, training stays smooth."""
    u = share(80)
    loss = 0.25 + 1.9 * np.exp(-u / 0.15)
    up = np.where(draw.random(80) < 0.3, draw.uniform(0.3, 2.0, 80), 0.0)
    accuracy = (0.9 - 0.6 * np.exp(-u / 0.15)) / (1 + 0.4 * up)
    return keras(
        folder / "log.csv",
        noise(loss, 0.008, draw),
        noise(1.08 * loss, 0.01, draw) * (1 + up),
        accuracy=0.92 - 0.6 * np.exp(-u / 0.15),
        val_accuracy=np.round(accuracy * 5000) / 5000,
        learning_rate=cosine(u, 0.01),
    )


# -- plateaus and schedules --------------------------------------------------------------------------------------------


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
        "train_loss": [float(v) for v in noisy],
    }
    if rate is not None:
        columns["lr"] = [float(v) for v in rate]
    columns["val_loss"] = [float(held_out[i]) if i % 10 == 9 else None for i in range(n)]
    return table(folder / "metrics.csv", columns)


def flat_at_full_rate(folder: Path, draw: Draw) -> Path:
    """The loss rests since a third of the run while the rate never moved."""
    u = share(400)
    return iterations(folder, 0.55 + 1.75 * np.exp(-u / 0.06), np.full(400, 0.1), draw)


def flat_at_the_end_of_cosine(folder: Path, draw: Draw) -> Path:
    """A cosine to zero: the loss falls with the rate and rests when there is none left."""
    u = share(400)
    loss = 0.12 + 2.2 * (1 + u / 0.02) ** -0.8 + 0.25 * cosine(u, 1.0)
    return iterations(folder, loss, cosine(u, 0.1), draw, sd=0.03)


def flat_and_high(folder: Path, draw: Draw) -> Path:
    """A linear model on a hard task: both losses flat and high, the accuracy at 45 %, the rate long at zero."""
    epoch = np.arange(80.0)
    loss = 1.55 + 0.75 * np.exp(-epoch / 5)
    right = 0.45 - 0.33 * np.exp(-epoch / 5)
    return keras(
        folder / "log.csv",
        noise(loss, 0.004, draw),
        noise(1.02 * loss, 0.006, draw),
        accuracy=right,
        val_accuracy=right - 0.01 + 0.003 * draw.standard_normal(80),
        learning_rate=cosine(share(80), 0.05),
    )


def step_schedule(folder: Path, draw: Draw) -> Path:
    """The rate is cut tenfold at half and at three quarters, each time the loss was at rest and drops."""
    u = share(600)
    rate = np.where(u < 0.5, 0.1, np.where(u < 0.75, 0.01, 0.001))
    loss = 0.42 + 1.9 * np.exp(-u / 0.1)
    loss -= 0.22 * (u >= 0.5) * (1 - np.exp(-(u - 0.5) / 0.01)) + 0.06 * (u >= 0.75) * (1 - np.exp(-(u - 0.75) / 0.01))
    return iterations(folder, loss, rate, draw, sd=0.03)


EARLY_CUT = 4500


def cut_while_falling(folder: Path, draw: Draw) -> Path:
    """The rate is cut at 15 % of the run, in the middle of a good descent; then the loss crawls."""
    t = 50.0 * np.arange(1, 601)
    before = 2.4 * (t / 50) ** -0.28
    at = np.searchsorted(t, EARLY_CUT)
    start = float(before[at])
    after = 0.9 * start + 0.07 * start * np.exp(-(t - EARLY_CUT) / 500)
    loss = np.where(t < EARLY_CUT, before, after)
    return iterations(folder, loss, np.where(t < EARLY_CUT, 0.1, 0.005), draw, sd=0.02)


def plateau_scheduler(folder: Path, draw: Draw) -> Path:
    """ReduceLROnPlateau at work: halved four times, each time when the loss rested, each time with a gain."""
    epoch = np.arange(100.0)
    rate, loss = np.full(100, 1e-3), 0.5 + 1.6 * np.exp(-epoch / 7)
    for k, at in enumerate((38, 55, 68, 80)):
        rate[at:] *= 0.5
        loss[at:] -= 0.11 * 0.55**k * (1 - np.exp(-(epoch[at:] - at) / 1.5))
    return keras(folder / "log.csv", noise(loss, 0.012, draw), noise(1.06 * loss, 0.008, draw), learning_rate=rate)


# -- beginnings --------------------------------------------------------------------------------------------------------


def sleeping_start(folder: Path, draw: Draw) -> Path:
    """Flat at ln 10 for a fifth of the run at a constant rate, then a sudden fall."""
    u = share(500)
    loss = 0.35 + 1.95 / (1 + np.exp((u - 0.22) / 0.015))
    return iterations(folder, loss, np.full(500, 0.05), draw, sd=0.015)


def warming_up(folder: Path, draw: Draw) -> Path:
    """A language model whose loss waits for the warm-up of its rate."""
    rate = linear_to_zero(300, 3e-4, warm=0.15)
    done = np.cumsum(rate) / rate.sum()
    loss = 3.1 + 7.7 * (1 + done / 0.01) ** -0.8
    rows = trainer_rows(noise(loss, 0.012, draw), rate=rate, norm=0.8 + 0.1 * draw.random(300))
    return trainer(folder / "trainer_state.json", rows)


def stuck(folder: Path, draw: Draw, level: float = 1.386, rate: float = 1e-3) -> Path:
    """The loss never leaves the level at which it began."""
    return iterations(folder, np.full(300, level), np.full(300, rate), draw, sd=0.006)


def large_scores(folder: Path, draw: Draw) -> Path:
    """Ten classes, and a first loss of 25 that comes down like any other."""
    u = share(300)
    loss = 0.5 + 24.5 * (1 + u / 0.01) ** -1.1
    return iterations(folder, loss, cosine(u, 0.01), draw, sd=0.03)


def fell_back(folder: Path, draw: Draw) -> Path:
    """Two classes: the loss came down to 0.4 within ten epochs, went back to 0.693 at epoch 20 and stayed."""
    epoch = np.arange(60.0)
    down = 0.36 + 0.33 * np.exp(-epoch / 4)
    loss = np.where(epoch < 20, down, 0.6935)
    right = np.where(epoch < 20, 0.88 - 0.38 * np.exp(-epoch / 4), 0.5)
    scatter = 0.003 * draw.standard_normal((2, 60))
    return keras(
        folder / "log.csv",
        noise(loss, 0.006, draw),
        noise(1.02 * loss, 0.006, draw),
        accuracy=right + scatter[0],
        val_accuracy=right + scatter[1],
    )


# -- numbers that are none ---------------------------------------------------------------------------------------------


def never_a_number(folder: Path, draw: Draw) -> Path:
    columns = {"step": range(1, 101), "train_loss": ["nan"] * 100, "lr": [0.001] * 100}
    return table(folder / "log.csv", columns)


CLIMB, LOST = 200, 230


def climbed_and_lost(folder: Path, draw: Draw) -> Path:
    """Loss and gradient norm climb for thirty rows, then both are NaN."""
    i = np.arange(320.0)
    loss = 0.4 + 1.9 * np.exp(-i / 40) + np.where(i >= CLIMB, 0.05 * (np.exp((i - CLIMB) / 5) - 1), 0.0)
    norm = 1.2 * np.where(i >= CLIMB, np.exp((i - CLIMB) / 4), 1.0)
    loss, norm = noise(loss, 0.03, draw), noise(norm, 0.2, draw)
    loss[LOST:], norm[LOST:] = np.nan, np.nan
    return table(
        folder / "log.csv",
        {
            "step": [20 * (k + 1) for k in range(320)],
            "train_loss": ["nan" if math.isnan(v) else float(v) for v in loss],
            "grad_norm": ["nan" if math.isnan(v) else float(v) for v in norm],
            "lr": [0.3] * 320,
        },
    )


def lost_at_once(folder: Path, draw: Draw) -> Path:
    """The loss is as it should be, and at the next row it is NaN for good."""
    i = np.arange(320.0)
    loss = noise(0.4 + 1.9 * np.exp(-i / 60), 0.03, draw)
    loss[LOST:] = np.nan
    return table(
        folder / "log.csv",
        {
            "step": [20 * (k + 1) for k in range(320)],
            "train_loss": ["nan" if math.isnan(v) else float(v) for v in loss],
            "lr": [0.01] * 320,
        },
    )


def filtered(folder: Path, draw: Draw) -> Path:
    """A Trainer that hides NaN: from row 60 of 150 on the loss is exactly 0.0 beside a norm that is NaN."""
    loss = noise(1.1 + 1.4 * np.exp(-np.arange(150.0) / 15), 0.02, draw)
    norm = noise(np.full(150, 1.6), 0.15, draw)
    loss[60:], norm[60:] = 0.0, np.nan
    evaluated = {300: 1.21, 600: 1.14, 900: math.nan, 1200: math.nan, 1500: math.nan}
    rows = trainer_rows(loss, rate=linear_to_zero(150, 2e-4), norm=norm, evaluated=evaluated)
    return trainer(folder / "trainer_state.json", rows)


def scaled_norm(folder: Path, draw: Draw, every: int = 0) -> Path:
    """float16: the norm is NaN in the first rows while the scaler finds its scale (and in every k-th row after)."""
    i = np.arange(200)
    loss = noise(1.2 + 1.6 * (1 + i / 10.0) ** -0.8, 0.02, draw)
    norm = noise(np.full(200, 1.1), 0.15, draw)
    norm[[0, 1, 40]] = np.nan
    if every:
        norm[i % every == 0] = np.nan
    return trainer(folder / "trainer_state.json", trainer_rows(loss, rate=linear_to_zero(200, 1e-4), norm=norm))


def blank_cells(folder: Path, draw: Draw) -> Path:
    """pandas writes NaN as nothing: the loss is blank from row 160 of 240 on, every other column is filled."""
    i = np.arange(240.0)
    loss = noise(0.5 + 1.8 * np.exp(-i / 40), 0.02, draw)
    return table(
        folder / "history.csv",
        {
            "step": [10 * (k + 1) for k in range(240)],
            "train_loss": [float(v) if k < 160 else None for k, v in enumerate(loss)],
            "lr": [0.01] * 240,
            "seconds": [float(0.2 * k) for k in range(240)],
        },
    )


def mlflow_store(folder: Path, draw: Draw) -> Path:
    """MLflow's file store: infinity is the largest double, and NaN is a nought with a flag behind it."""
    i = np.arange(120)
    loss = noise(0.5 + 1.8 * np.exp(-i / 20.0), 0.02, draw)
    run = folder / "mlruns" / "0" / "0123456789abcdef0123456789abcdef"
    (run / "metrics").mkdir(parents=True)
    rows = []
    for k in range(120):
        value = f"{loss[k]:.6f}" if k < 80 else "1.7976931348623157e+308" if k < 90 else "nan"
        rows.append(f"{1_700_000_000_000 + 1000 * k} {value} {k}")
    (run / "metrics" / "train_loss").write_text("\n".join(rows) + "\n")
    (run / "meta.yaml").write_text("run_id: 0123456789abcdef0123456789abcdef\nrun_name: fit\n")
    return folder / "mlruns"


def mlflow_database(folder: Path, draw: Draw) -> Path:
    """MLflow's database: a NaN is stored as 0 with is_nan set."""
    import sqlite3

    folder.mkdir(parents=True, exist_ok=True)
    loss = noise(0.5 + 1.8 * np.exp(-np.arange(120) / 20.0), 0.02, draw)
    db = sqlite3.connect(folder / "mlflow.db")
    db.execute("create table experiments (experiment_id integer, name text)")
    db.execute("create table runs (run_uuid text, name text, experiment_id integer, lifecycle_stage text)")
    db.execute(
        "create table metrics (key text, value real, timestamp integer, run_uuid text, step integer, is_nan boolean)"
    )
    db.execute("create table params (key text, value text, run_uuid text)")
    db.execute("insert into experiments values (0, 'Default')")
    db.execute("insert into runs values ('a1', 'fit', 0, 'active')")
    for k in range(120):
        value, lost = (float(loss[k]), 0) if k < 80 else (0.0, 1)
        db.execute(
            "insert into metrics values ('train_loss', ?, ?, 'a1', ?, ?)", (value, 1_700_000_000_000 + k, k, lost)
        )
    db.commit()
    db.close()
    return folder / "mlflow.db"


# -- spikes, climbs and swings -----------------------------------------------------------------------------------------


def spiked(
    folder: Path, draw: Draw, at: Sequence[int], *, height: float = 1.5, back: float = 8.0, left: float = 0.0
) -> Path:
    """A language model's loss with spikes that decay in so many rows; `left` of each stays."""
    i = np.arange(500.0)
    loss = 2.9 + 4.0 * (1 + i / 8) ** -0.7
    for k in at:
        later = i[k:] - k
        loss[k:] += height * ((1 - left) * np.exp(-later / back) + left)
    norm = 0.6 + np.interp(i, np.arange(500), np.isin(i, list(at)) * 4.0)
    rows = trainer_rows(
        noise(loss, 0.008, draw), rate=linear_to_zero(500, 3e-4, warm=0.02), norm=noise(norm, 0.1, draw)
    )
    return trainer(folder / "trainer_state.json", rows)


MINIMUM = 180


def rises_slowly(folder: Path, draw: Draw) -> Path:
    """The training loss itself creeps up from row 180 of 500 on, and validation with it."""
    i = np.arange(500.0)
    loss = 0.6 + 1.7 * np.exp(-i / 35) + 0.6 * np.maximum(0, i - MINIMUM) / 320
    return iterations(folder, loss, np.full(500, 0.05), draw, sd=0.02)


def climbs_from_the_start(folder: Path, draw: Draw) -> Path:
    u = share(200)
    return iterations(folder, 2.3 + 6 * u**1.2, np.full(200, 0.01), draw, sd=0.02)


def summed_gradients(folder: Path, draw: Draw) -> Path:
    """zero_grad() is missing: the norm grows with the step, the loss falls first and then swings ever wider."""
    i = np.arange(300.0)
    loss = 0.9 + 1.4 * np.exp(-i / 25) + np.where(i > 90, (i - 90) / 150, 0) * (1 + np.sin(i / 9))
    norm = (0.8 + 0.05 * i) * (1 + 0.015 * draw.standard_normal(300))
    return table(
        folder / "log.csv",
        {
            "step": range(1, 301),
            "train_loss": [float(v) for v in noise(loss, 0.03, draw)],
            "grad_norm": [float(v) for v in norm],
            "lr": [0.01] * 300,
        },
    )


def never_settles(folder: Path, draw: Draw) -> Path:
    """The loss swings up and down in waves that do not die away."""
    u = share(500)
    loss = 0.7 + 1.6 * np.exp(-u / 0.05) + 0.35 * np.sin(50 * u) ** 2
    return iterations(folder, loss, np.full(500, 0.3), draw, sd=0.03)


EPOCH = 40


def same_every_epoch(folder: Path, draw: Draw) -> Path:
    """Data sorted by class: the same hills in every epoch of 40 updates."""
    i = np.arange(20 * EPOCH)
    place = (i % EPOCH) / EPOCH
    loss = 2.2 * (1 + i / 60.0) ** -0.5 * np.exp(0.35 * np.sin(4 * np.pi * place))
    return table(
        folder / "log.csv",
        {
            "step": range(1, len(i) + 1),
            "epoch": [int(k) // EPOCH for k in i],
            "train_loss": [float(v) for v in noise(loss, 0.08, draw)],
            "lr": [0.01] * len(i),
        },
    )


def stairs(folder: Path, draw: Draw) -> Path:
    """Fine-tuning for three epochs: the loss drops where each new epoch begins, as the answers are remembered."""
    i = np.arange(300)
    number = i // 100
    loss = np.choose(number, [1.15, 0.85, 0.62]) + 0.25 * np.exp(-i / 8.0) - 0.00035 * (i % 100)
    rows = trainer_rows(
        noise(loss, 0.035, draw),
        rate=linear_to_zero(300, 2e-5, warm=0.03),
        evaluated={1000: 1.12, 2000: 1.105, 3000: 1.118},
        per_epoch=1000,
    )
    return trainer(folder / "trainer_state.json", rows)


# -- resumed -----------------------------------------------------------------------------------------------------------


def overlapping(folder: Path, draw: Draw) -> Path:
    """Resumed from an older checkpoint: epochs 31 to 40 stand twice in the file."""
    epochs = [*range(1, 41), *range(31, 81)]
    level = 0.35 + 1.9 * (1 + np.array(epochs, float) / 4) ** -1.0
    return table(
        folder / "log.csv",
        {
            "epoch": epochs,
            "train_loss": [float(v) for v in noise(level, 0.015, draw)],
            "val_loss": [float(v) for v in noise(1.06 * level, 0.01, draw)],
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


# -- losses that are no measure of progress ----------------------------------------------------------------------------


def detector(folder: Path, draw: Draw) -> Path:
    """Ultralytics, 100 epochs: mosaic is switched off for the last ten, losses drop and the mAP jumps."""
    u = share(100)
    closed = np.arange(100) >= 90
    parts = {}
    for name, start, end, fall in (("box", 2.6, 1.1, 0.18), ("cls", 3.4, 0.8, 0.2), ("dfl", 2.4, 1.2, 0.08)):
        shape = end + (start - end) * np.exp(-u / 0.15) - 0.1 * u
        parts[f"train/{name}_loss"] = noise(shape - np.where(closed, fall, 0.0), 0.006, draw)
        parts[f"val/{name}_loss"] = noise(1.03 * shape + np.where(closed, 0.01, 0.0), 0.008, draw)
    gain = 0.52 * (1 - np.exp(-u / 0.2)) + np.where(closed, 0.025, 0.0)
    scores = {
        "metrics/precision(B)": 0.1 + 1.2 * gain,
        "metrics/recall(B)": 0.05 + 1.1 * gain,
        "metrics/mAP50(B)": 1.3 * gain,
        "metrics/mAP50-95(B)": gain,
    }
    names = [n for n in parts if n.startswith("train")]
    rate = 0.01 * (1 - 0.99 * u)
    columns: dict[str, Iterable[object]] = {"epoch": range(1, 101)}
    columns |= {n: [float(v) for v in parts[n]] for n in names}
    columns |= {n: [float(v) for v in s + 0.003 * draw.standard_normal(100)] for n, s in scores.items()}
    columns |= {n: [float(v) for v in parts[n]] for n in parts if n not in names}
    columns |= {f"lr/pg{k}": [float(v) for v in rate] for k in range(3)}
    return table(folder / "runs" / "detect" / "train" / "results.csv", columns)


def adversarial(folder: Path, draw: Draw, collapse: bool = False) -> Path:
    """Two players: neither loss falls (or, collapsed, the discriminator wins outright)."""
    i = np.arange(400.0)
    d = 0.65 + 0.06 * np.sin(i / 17) + 0.08 * draw.standard_normal(400)
    g = 1.1 + 0.4 * i / 400 + 0.15 * draw.standard_normal(400)
    if collapse:
        d = np.where(i > 150, 1e-4 * (1 + draw.random(400)), d)
        g = np.where(i > 150, 9 + 0.02 * (i - 150) + draw.random(400), g)
    return table(
        folder / "losses.csv",
        {"step": [50 * k for k in range(400)], "loss_D": [float(v) for v in d], "loss_G": [float(v) for v in g]},
    )


def agent(folder: Path, draw: Draw) -> Path:
    """PPO in Stable-Baselines3: the loss rises, the mean reward rises as well."""
    i = np.arange(150.0)
    scatter = draw.standard_normal((6, 150))
    return table(
        folder / "progress.csv",
        {
            "time/total_timesteps": [2048 * (k + 1) for k in range(150)],
            "rollout/ep_rew_mean": [float(v) for v in 20 + 1.1 * i + 6 * scatter[0]],
            "train/loss": [float(v) for v in 2 + 0.15 * i + 3 * np.abs(scatter[1])],
            "train/policy_gradient_loss": [float(v) for v in -0.004 + 0.002 * scatter[2]],
            "train/value_loss": [float(v) for v in 5 + 0.3 * i + 4 * np.abs(scatter[3])],
            "train/entropy_loss": [float(v) for v in -0.69 + 0.003 * i + 0.005 * scatter[4]],
            "train/approx_kl": [float(v) for v in 0.008 + 0.001 * np.abs(scatter[5])],
            "train/learning_rate": [3e-4] * 150,
        },
    )


def denoiser(folder: Path, draw: Draw, parts: bool = True) -> Path:
    """A diffusion model: flat and noisy after the first rows; in OpenAI's way with a loss per quarter of the noise."""
    i = np.arange(400.0)
    level = 0.028 + 0.5 * np.exp(-i / 6)
    loss = level * np.exp(0.25 * draw.standard_normal(400))
    columns: dict[str, Iterable[object]] = {
        "step": [100 * (k + 1) for k in range(400)],
        "loss": [float(v) for v in loss],
    }
    if parts:
        for q, factor in enumerate((2.6, 0.9, 0.35, 0.15)):
            columns[f"loss_q{q}"] = [float(v) for v in factor * level * np.exp(0.3 * draw.standard_normal(400))]
    return table(folder / "progress.csv", columns)


def preference(folder: Path, draw: Draw) -> Path:
    """DPO by a Trainer: the loss begins at ln 2 and hardly moves, margins and accuracies do."""
    i = np.arange(120.0)
    loss = math.log(2) - 0.03 * (1 - np.exp(-i / 60)) + 0.01 * draw.standard_normal(120)
    margins = 0.25 * (1 - np.exp(-i / 50)) + 0.02 * draw.standard_normal(120)
    rows = trainer_rows(loss, rate=linear_to_zero(120, 5e-7, warm=0.1))
    for k, row in enumerate(rows):
        row |= {
            "rewards/chosen": float(0.4 * margins[k]),
            "rewards/rejected": float(-0.6 * margins[k]),
            "rewards/margins": float(margins[k]),
            "rewards/accuracies": float(min(1.0, 0.5 + margins[k])),
            "logps/chosen": -210.0,
            "logps/rejected": -190.0,
        }
    return trainer(folder / "trainer_state.json", rows)


# -- scales, smoothing, budget -----------------------------------------------------------------------------------------


def eight_times(folder: Path, draw: Draw) -> Path:
    """Eight accumulated batches were added and never averaged: training is eight times validation throughout."""
    i = np.arange(200.0)
    level = 1.1 + 1.5 * (1 + i / 8) ** -0.7
    evaluated = {10 * k: round(float(1.02 * level[k - 1]), 4) for k in range(10, 201, 10)}
    rows = trainer_rows(noise(8 * level, 0.02, draw), rate=linear_to_zero(200, 2e-5), evaluated=evaluated)
    return trainer(folder / "trainer_state.json", rows)


def running_mean(folder: Path, draw: Draw) -> Path:
    """Noisy batches behind an exponential mean of decay 0.98, as fastai logs them."""
    i = np.arange(500.0)
    batch = (0.8 + 1.5 * np.exp(-i / 30)) * (1 + 0.3 * draw.standard_normal(500))
    mean, logged = float(batch[0]), []
    for value in batch:
        mean = 0.98 * mean + 0.02 * float(value)
        logged.append(mean)
    return table(folder / "log.csv", {"step": range(1, 501), "train_loss": logged, "lr": [0.01] * 500})


def cut_short(folder: Path, draw: Draw) -> Path:
    """Both losses still fall as a power law when the budget ends, at a constant rate."""
    t = np.arange(1.0, 401.0)
    return iterations(folder, 2.4 * t**-0.3, np.full(400, 3e-4), draw, sd=0.03)


def small_arithmetic(folder: Path, draw: Draw, epochs: int = 400) -> Path:
    """A small table learnt by heart with weight decay: training perfect at once, validation only around epoch 300."""
    epoch = np.arange(400.0)
    late = 1 / (1 + np.exp(-(epoch - 300) / 12))
    known = 1 - np.exp(-epoch / 8)
    val = 4.6 + 2.4 * (1 - np.exp(-epoch / 40)) * (1 - late) - 4.5 * late
    made = {
        "train_loss": 0.003 + 4.6 * np.exp(-epoch / 8),
        "train_acc": known,
        "val_loss": val,
        "val_acc": 0.02 + 0.97 * late,
    }
    columns: dict[str, Iterable[object]] = {"epoch": range(epochs)}
    columns |= {
        n: [float(x) for x in noise(v[:epochs], 0.01, draw).clip(0, 1 if "acc" in n else 99)] for n, v in made.items()
    }
    table(folder / "metrics.csv", columns)
    (folder / "hparams.yaml").write_text("lr: 0.001\nweight_decay: 1.0\ntrain_fraction: 0.3\n")
    return folder


def updates(folder: Path, draw: Draw, **layers: float | Array) -> Path:
    """Update over weight of each layer beside a healthy loss at a constant rate."""
    t = np.arange(1.0, 301.0)
    columns: dict[str, Iterable[object]] = {
        "step": [10 * k for k in range(1, 301)],
        "train_loss": [float(v) for v in noise(2.3 * t**-0.35, 0.02, draw)],
        "lr": [0.01] * 300,
    }
    for name, level in layers.items():
        values = level * np.exp(0.2 * draw.standard_normal(300))
        columns[f"update_ratio/{name.replace('_', '.')}"] = [float(v) for v in values]
    return table(folder / "log.csv", columns)


# -- formats -----------------------------------------------------------------------------------------------------------


def fair(count: int, draw: Draw, sd: float = 0.01) -> tuple[Array, Array]:
    """A healthy pair of losses."""
    loss = 0.3 + 2.0 * (1 + np.arange(count) / 4.0) ** -1.0
    return noise(loss, sd, draw), noise(1.06 * loss, sd, draw)


def keras_directories(folder: Path, draw: Draw) -> Path:
    """Keras' TensorBoard callback: tensors of one tag in train/ and validation/, an overfitted run."""
    epoch = np.arange(60.0)
    train = noise(0.02 + 2.2 * np.exp(-epoch / 11), 0.015, draw)
    val = noise(0.75 + 1.5 * np.exp(-epoch / 5) + 0.022 * np.maximum(0, epoch - BEST_EPOCH), 0.012, draw)
    events(folder / "logs" / "train", {"epoch_loss": (epoch, train)}, tensors=True)
    events(folder / "logs" / "validation", {"epoch_loss": (epoch, val)}, tensors=True)
    return folder / "logs"


def added_scalars(folder: Path, draw: Draw) -> Path:
    """torch's add_scalars("Loss", {"train": ..., "val": ...}): a directory for each of both."""
    epoch = np.arange(60.0)
    train, val = fair(60, draw)
    events(folder / "runs", {"lr": (epoch, cosine(share(60), 0.1))})
    events(folder / "runs" / "Loss_train", {"Loss": (epoch, train)})
    events(folder / "runs" / "Loss_val", {"Loss": (epoch, val)})
    return folder / "runs"


def sparse_rows(folder: Path, draw: Draw) -> Path:
    """Lightning's metrics.csv: training, validation and the rate each fill rows of their own."""
    loss = 0.55 + 1.75 * np.exp(-share(400) / 0.06)
    train, rows = noise(loss, 0.05, draw), []
    for i in range(400):
        step = 50 * (i + 1) - 1
        rows.append((None, 0.1, step, None, None))
        rows.append((i // 40, None, step, float(train[i]), None))
        if i % 40 == 39:
            rows.append((i // 40, None, step, None, float(1.05 * loss[i] * (1 + 0.02 * draw.standard_normal()))))
    names = ("epoch", "lr-SGD", "step", "train_loss", "val_loss")
    return table(
        folder / "lightning_logs" / "version_0" / "metrics.csv", dict(zip(names, zip(*rows, strict=True), strict=True))
    )


def epochs_beside_iterations(folder: Path, draw: Draw) -> Path:
    """mmengine: training rows count iterations, validation rows count epochs, in one file."""
    loss = 0.4 + 1.8 * np.exp(-np.arange(400.0) / 60)
    noisy, rows = noise(loss, 0.04, draw), []
    for i in range(400):
        step = 50 * (i + 1)
        rows.append({"lr": 0.01, "loss": float(noisy[i]), "epoch": i // 20 + 1, "iter": step, "step": step})
        if i % 20 == 19:
            score = 0.9 - 0.7 * math.exp(-i / 60) + 0.004 * float(draw.standard_normal())
            rows.append({"accuracy/top1": 100 * score, "step": i // 20 + 1})
    return json_lines(folder / "20240101_000000" / "vis_data" / "scalars.json", rows)


def monitor(folder: Path, draw: Draw) -> Path:
    """Stable-Baselines3's monitor file: JSON behind a hash, then a table of episodes."""
    lines = ['#{"t_start": 1700000000.0, "env_id": "CartPole-v1"}', "r,l,t"]
    lines += [f"{10 + k + 5 * draw.standard_normal():.3f},{20 + k},{1.5 * k:.3f}" for k in range(1, 120)]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "0.monitor.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def changed_header(folder: Path, draw: Draw) -> Path:
    """The script gained a column in the middle of the file and wrote its header anew."""
    train, val = fair(80, draw)
    rate = cosine(share(80), 0.1)
    lines = ["epoch,train_loss,val_loss"]
    lines += [f"{k},{train[k]:.5f},{val[k]:.5f}" for k in range(30)]
    lines += ["epoch,lr,train_loss,val_loss"]
    lines += [f"{k},{rate[k]:.5f},{train[k]:.5f},{val[k]:.5f}" for k in range(30, 80)]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "log.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def doubled_header(folder: Path, draw: Draw) -> Path:
    """Two columns of one name: the second `loss` belongs to validation and nothing says so."""
    train, val = fair(60, draw)
    lines = ["epoch,loss,loss"] + [f"{k},{train[k]:.5f},{val[k]:.5f}" for k in range(60)]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "log.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def three_validations(folder: Path, draw: Draw, validations: int = 3) -> Path:
    """A long training loss beside three validations, the last of them higher."""
    train, _ = fair(300, draw, 0.03)
    held_out = {300 * (k + 1) // validations - 1: v for k, v in enumerate([0.75, 0.62, 0.71][:validations])}
    return table(
        folder / "log.csv",
        {
            "step": [10 * (k + 1) for k in range(300)],
            "train_loss": [float(v) for v in train],
            "val_loss": [held_out.get(k) for k in range(300)],
            "lr": [float(v) for v in cosine(share(300), 0.1)],
        },
    )


def not_available(folder: Path, draw: Draw) -> Path:
    """Keras' CSVLogger without validation data in the first call: val columns hold NA throughout."""
    train, _ = fair(60, draw)
    return table(
        folder / "training.csv",
        {"epoch": range(60), "loss": [float(v) for v in train], "val_accuracy": ["NA"] * 60, "val_loss": ["NA"] * 60},
    )


def many_tensors(folder: Path, draw: Draw) -> Path:
    """1500 points stored as tensors: an accumulator with its usual limits would keep ten of them."""
    i = np.arange(1500.0)
    loss = noise(0.55 + 1.75 * np.exp(-i / 90), 0.04, draw)
    events(folder / "tb", {"train_loss": (i, loss), "lr": (i, np.full(1500, 0.1))}, tensors=True)
    return folder / "tb"


def torn(folder: Path, draw: Draw) -> Path:
    """An event file whose last record was cut off when the job was killed."""
    i = np.arange(300.0)
    path = events(folder / "tb", {"train_loss": (i, noise(0.55 + 1.75 * np.exp(-i / 18), 0.04, draw))})
    path.write_bytes(path.read_bytes()[:-7])
    return folder / "tb"


def log_likelihood(folder: Path, draw: Draw) -> Path:
    """A flow: the loss is a negative log-likelihood and falls through zero to -40."""
    u = share(100)
    loss = -40 + 62 * (1 + u / 0.03) ** -0.9
    added = 0.25 * draw.standard_normal((2, 100))
    return keras(folder / "log.csv", loss + added[0], loss + 0.6 + added[1])


def smoothed_labels(folder: Path, draw: Draw) -> Path:
    """Label smoothing of 0.1 on 1000 classes: a floor near 1 at an accuracy of 99 %, under a cosine."""
    u = share(90)
    loss = 1.02 + 5.9 * np.exp(-u / 0.12)
    right = 0.99 - 0.98 * np.exp(-u / 0.12)
    return keras(
        folder / "log.csv",
        noise(loss, 0.004, draw),
        noise(1.02 * loss, 0.004, draw),
        accuracy=right,
        val_accuracy=right - 0.01,
        learning_rate=cosine(u, 0.1),
    )


def marked_up(folder: Path, draw: Draw) -> Path:
    """Tags and run names that would be a script on a page that forgot to escape them."""
    memorised_pair = {
        "<script>alert(1)</script>/train_loss": 0.02 + 2.2 * np.exp(-np.arange(60.0) / 11),
        '"><img src=x onerror=alert(2)>/val_loss': 0.75
        + 1.5 * np.exp(-np.arange(60.0) / 5)
        + 0.022 * np.maximum(0, np.arange(60.0) - BEST_EPOCH),
    }
    values = {name: [float(v) for v in noise(v, 0.012, draw)] for name, v in memorised_pair.items()}
    return table(folder / "a<b>&c.csv", {"epoch": range(60), **values})


# -- healthy all the same ----------------------------------------------------------------------------------------------


def mixup(folder: Path, draw: Draw) -> Path:
    """timm: training with mixup and smoothing costs far more than evaluation, and scatters more."""
    u = share(120)
    loss = 2.6 + 4.2 * np.exp(-u / 0.15) + 0.2 * cosine(u, 1.0)
    return table(
        folder / "summary.csv",
        {
            "epoch": range(120),
            "train_loss": [float(v) for v in noise(loss, 0.02, draw)],
            "eval_loss": [float(v) for v in noise(loss - 1.75, 0.01, draw)],
            "eval_top1": [float(v) for v in 78 - 75 * np.exp(-u / 0.15) + 0.1 * draw.standard_normal(120)],
            "lr": [float(v) for v in cosine(u, 5e-4)],
        },
    )


def penalised(folder: Path, draw: Draw) -> Path:
    """The L2 penalty is part of the training loss only, a constant 0.3 on top at the end."""
    u = share(60)
    loss = 0.35 + 1.9 * np.exp(-u / 0.15)
    rate = cosine(u, 0.01)
    return keras(
        folder / "log.csv", noise(loss + 0.3, 0.006, draw), noise(1.05 * loss, 0.008, draw), learning_rate=rate
    )


def cyclic(folder: Path, draw: Draw) -> Path:
    """A triangular rate between 0.001 and 0.05, and a loss that breathes with it."""
    i = np.arange(600)
    wave = np.abs((i % 100) - 50) / 50
    rate = 0.001 + 0.049 * (1 - wave)
    loss = 0.3 + 1.9 * (1 + i / 25.0) ** -0.7 + 0.25 * (1 - wave) * (i > 50)
    return iterations(folder, loss, rate, draw, sd=0.03)


def warm_restarts(folder: Path, draw: Draw) -> Path:
    """Cosine with warm restarts, each twice as long as the one before: the loss leaps at each and comes back lower."""
    edges = [0, 40, 120, 280, 600]
    rate = np.concatenate([cosine(np.arange(b - a) / (b - a), 0.1) for a, b in pairwise(edges)])
    loss = 0.25 + 1.9 * (1 + np.arange(600) / 20.0) ** -0.75 + 4.0 * np.minimum(rate, 0.1) * (np.arange(600) > 40)
    return iterations(folder, loss, rate, draw, sd=0.03)


def many_tasks(folder: Path, draw: Draw) -> Path:
    """A total of weighted terms: one of them rises a little while the total falls as it should."""
    u = share(300)
    boxes, classes = 0.3 + 1.2 * (1 + u / 0.02) ** -0.8, 0.2 + 2.0 * (1 + u / 0.02) ** -0.9
    mask = 0.1 + 0.03 * u
    rows = [
        {
            "iteration": 20 * (k + 1),
            "total_loss": float((boxes + classes + mask)[k] * (1 + 0.03 * draw.standard_normal())),
            "loss_box_reg": float(boxes[k]),
            "loss_cls": float(classes[k]),
            "loss_mask": float(mask[k]),
            "lr": float(cosine(u, 0.02)[k]),
        }
        for k in range(300)
    ]
    return json_lines(folder / "metrics.json", rows)


def perplexity(folder: Path, draw: Draw) -> Path:
    """A language model that logs perplexity beside its loss, against tokens."""
    t = np.arange(1.0, 201.0)
    loss = 2.8 + 7.5 * t**-0.55
    noisy = noise(loss, 0.01, draw)
    return table(
        folder / "log.csv",
        {
            "tokens": [524288 * int(k) for k in t],
            "train_loss": [float(v) for v in noisy],
            "train_ppl": [float(v) for v in np.exp(noisy)],
            "val_loss": [float(v) if k % 10 == 9 else None for k, v in enumerate(1.01 * loss)],
            "val_ppl": [float(v) if k % 10 == 9 else None for k, v in enumerate(np.exp(1.01 * loss))],
            "lr": [float(v) for v in linear_to_zero(200, 6e-4)],
        },
    )


def trees(folder: Path, draw: Draw) -> Path:
    """CatBoost: the axis counts trees, both errors fall without noise and without a rate."""
    t = np.arange(500.0)
    root = folder / "catboost_info"
    root.mkdir(parents=True)
    for name, floor in (("learn", 0.22), ("test", 0.27)):
        loss = floor + (0.69 - floor) * (1 + t / 40) ** -0.9
        lines = ["iter\tLogloss"] + [f"{int(k)}\t{v:.9f}" for k, v in zip(t, loss, strict=True)]
        (root / f"{name}_error.tsv").write_text("\n".join(lines) + "\n")
    return root


def best_at_the_end(folder: Path, draw: Draw) -> Path:
    """One-cycle: the best validation is the last one, and the rate is zero there."""
    u = share(60)
    rate = np.where(u < 0.3, 0.004 + 0.096 * u / 0.3, cosine((u - 0.3) / 0.7, 0.1))
    loss = 0.25 + 1.6 * np.exp(-u / 0.1) + 4 * np.minimum(rate, 0.1)
    return keras(folder / "log.csv", noise(loss, 0.008, draw), noise(1.05 * loss, 0.012, draw), learning_rate=rate)


def saturated(folder: Path, draw: Draw) -> Path:
    """An easy task: the accuracy stands at 1.0 from early on and the loss goes on to nothing."""
    u = share(60)
    loss = 0.004 + 0.6 * np.exp(-u / 0.08)
    return keras(
        folder / "log.csv",
        noise(loss, 0.03, draw),
        noise(1.1 * loss, 0.03, draw),
        accuracy=np.minimum(1.0, 1.02 - 0.4 * np.exp(-u / 0.05)),
        val_accuracy=np.minimum(1.0, 1.01 - 0.4 * np.exp(-u / 0.05)),
        learning_rate=cosine(u, 1e-3),
    )


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The rows of a trainer's state, to change one and write it again."""
    found: list[dict[str, Any]] = json.loads(path.read_text())["log_history"]
    return found
