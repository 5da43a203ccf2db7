"""Trackio's store: all runs of a project in one SQLite file, a row of JSON per step."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from ..run import Note
from .jsontree import facts, parse, put_row
from .log import Log
from .sqlite import MAGIC, has_columns, opened
from .table import Table, to_logs

FORMAT = "trackio database"
RECOGNIZES = "a SQLite file with a table `metrics` of run_name, step, metrics"
READS = "every numeric leaf of every step of every run, NaN and infinities, configurations"
NOT_READ = "system metrics, media"


def recognizes(path: Path, head: bytes) -> bool:
    return has_columns(path, head, "metrics", {"run_name", "step", "metrics", "timestamp"})


def read(path: Path, shown: str) -> tuple[Log, ...]:
    logs: list[Log] = []
    with opened(path, shown) as db:
        hyper = {}
        if has_columns(path, MAGIC, "configs", {"run_name", "config"}):
            hyper = {run: _config(config) for run, config in db.execute("SELECT run_name, config FROM configs")}
        rows = db.execute("SELECT run_name, step, timestamp, metrics FROM metrics ORDER BY run_name, rowid")
        for run, points in groupby(rows, itemgetter(0)):
            table, odd = Table(), 0
            for _, step, timestamp, metrics in points:
                values = _object(metrics)
                if values is None or not isinstance(step, int):
                    odd += 1
                else:
                    put_row(table, {"_step": float(step), "_timestamp": str(timestamp), **values})
            notes = [Note(shown, f"{odd} rows of run {run!r} hold no JSON object and were left out")] if odd else []
            for log in to_logs(table, shown, FORMAT, hyper.get(run), notes):
                own = tuple(s for s in log.series if s.tag not in ("_step", "_timestamp"))
                logs.append(replace(log, series=own, part=str(run)))
    return tuple(logs)


def _object(text: str | bytes) -> dict[str, Any] | None:
    try:
        value = parse(text)
    except (ValueError, TypeError):
        return None
    return value if isinstance(value, dict) else None


def _config(text: str | bytes) -> dict[str, Any]:
    return {k: v for k, v in facts(_object(text) or {}).items() if not k.startswith("_")}
