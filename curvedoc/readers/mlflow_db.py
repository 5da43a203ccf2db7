"""MLflow's default store: all runs in one SQLite file, mlflow.db."""

from __future__ import annotations

import math
import sqlite3
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from ..run import Note
from .log import Log, Series
from .mlflow_files import finite_as_meant
from .sqlite import has_columns, opened

FORMAT = "MLflow database"
RECOGNIZES = "a SQLite file with a table `metrics` of key, value, timestamp, step, run_uuid (`mlflow.db`)"
READS = "every metric of every run in the order of logging, NaN (`is_nan`) and infinities as meant, params"
NOT_READ = "deleted runs, traces, system metrics' units; servers (export, or point at the file)"

_NUMBERS = "typeof(step) = 'integer' AND typeof(timestamp) = 'integer' AND typeof(value) IN ('real', 'integer')"
_POINTS = f"""SELECT run_uuid, key, step, value, timestamp, is_nan FROM metrics WHERE {_NUMBERS}
              ORDER BY run_uuid, key, timestamp, step"""


def recognizes(path: Path, head: bytes) -> bool:
    return has_columns(path, head, "metrics", {"key", "value", "timestamp", "step", "is_nan", "run_uuid"})


def read(path: Path, shown: str) -> tuple[Log, ...]:
    with opened(path, shown) as db:
        names = _names(db)
        deleted = {row[0] for row in db.execute("SELECT run_uuid FROM runs WHERE lifecycle_stage = 'deleted'")}
        hyper: dict[str, dict[str, Any]] = {}
        for run, key, value in db.execute("SELECT run_uuid, key, value FROM params"):
            hyper.setdefault(run, {})[str(key)] = _plain(value)
        (odd,) = db.execute(f"SELECT count(*) FROM metrics WHERE NOT ({_NUMBERS})").fetchone()
        logs = []
        for run, rows in groupby(db.execute(_POINTS), itemgetter(0)):
            series = tuple(_series(str(key), list(points)) for key, points in groupby(rows, itemgetter(1)))
            if run not in deleted:
                logs.append(Log(shown, FORMAT, series, names.get(run, str(run)), hyper.get(run, {})))
    notes = [Note(shown, f"{len(deleted)} deleted runs were left out")] if deleted else []
    if odd:
        notes.append(Note(shown, f"{odd} rows of the table metrics hold no numbers and were left out"))
    logs.sort(key=lambda log: log.part)
    return (replace(logs[0], notes=tuple(notes)), *logs[1:]) if logs else ()


def _names(db: sqlite3.Connection) -> dict[str, str]:
    """A name for each run, with the beginning of its id where two have the same."""
    rows = db.execute("SELECT run_uuid, name FROM runs").fetchall()
    names = [str(name or run) for run, name in rows]
    return {
        run: name if names.count(name) == 1 else f"{name} ({str(run)[:8]})"
        for (run, _), name in zip(rows, names, strict=True)
    }


def _series(key: str, points: list[tuple[Any, ...]]) -> Series:
    value = [math.nan if p[5] else finite_as_meant(float(p[3])) for p in points]
    step = np.asarray([float(p[2]) for p in points])
    still = len(step) > 1 and (step == step[0]).all()  # log_metric without a step
    return Series(
        key,
        np.arange(len(step), dtype=np.float64) if still else step,
        np.asarray(value),
        "row" if still else "step",
        wall_time=np.asarray([float(p[4]) / 1000 for p in points]),
    )


def _plain(value: Any) -> Any:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return value
    return int(number) if number.is_integer() and abs(number) < 2**53 and "." not in str(value) else number
