"""MLflow's file store: one file per metric, one line per value."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from ..run import Note
from .cells import number
from .lines import lines, text_of
from .log import Log
from .table import Table, put, to_logs

FORMAT = "MLflow metric file"
RECOGNIZES = "a file under `metrics/` whose lines are `milliseconds value step`"
READS = "the curve, named by the file's path under `metrics/`; lines of two, three or five fields; wall times"
NOT_READ = "params and tags beside it, which are configuration"

_LINE = re.compile(r"(?P<time>\d{9,16}) (?P<value>\S+)(?: (?P<step>-?\d{1,18}))?(?:\s|$)")
_INFINITY = 1.797e308  # MLflow keeps the largest float in the place of an infinity


def recognizes(path: Path, head: bytes) -> bool:
    return "metrics" in path.parts[:-1] and _LINE.match(text_of(head[:200])) is not None


def read(path: Path, shown: str) -> tuple[Log, ...]:
    parts = path.parts
    tag = "/".join(parts[len(parts) - parts[::-1].index("metrics") :])
    table, odd = Table(), []
    for line, text in lines(path):
        if not text.strip():
            continue
        match = _LINE.match(text)
        value = number(match["value"]) if match else None
        if match is None or value is None:
            odd.append(line)
            continue
        put(table, "timestamp", float(match["time"]) / 1000)
        put(table, tag, finite_as_meant(value))
        if match["step"]:
            put(table, "step", float(match["step"]))
        table.rows += 1
    notes = [Note(shown, f"{len(odd)} lines are no `time value step` and were left out", line=odd[0])] if odd else []
    logs = to_logs(table, shown, FORMAT, notes=notes)
    return tuple(replace(log, series=tuple(s for s in log.series if s.tag == tag)) for log in logs)


def finite_as_meant(value: float) -> float:
    """The value that was logged: MLflow's stand-ins for the infinities turned back.

    >>> finite_as_meant(1.7976931348623157e308), finite_as_meant(0.5)
    (inf, 0.5)
    """
    return value if abs(value) < _INFINITY else value * 10
