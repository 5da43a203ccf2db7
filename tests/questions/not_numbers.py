"""Questions about NaN and infinity, as trainers log, hide and store them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from ..writers import table, trainer
from .shapes import Draw, linear_to_zero, noise, trainer_rows


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
            "train_loss": loss,
            "grad_norm": norm,
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
            "train_loss": loss,
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
