"""JSON lines: one object per line, as DETR, DeiT, MAE, Detectron2, mmengine and many scripts write them."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from ..run import Note
from .jsontree import facts, parse, put_row
from .lines import HEAD, lines, text_of
from .log import Log
from .table import Table, to_logs
from .vocabulary import counter_kind

FORMAT = "JSON lines"
RECOGNIZES = "lines that are a JSON object each, whatever the file's name (`log.txt`, `metrics.json`, `scalars.json`)"
READS = "every numeric leaf, nested names joined with `/`, NaN and numbers in quotes; mmengine's epochs under `step`"
NOT_READ = "lists, texts; lines that are no object"


_SUFFIXES = frozenset((".json", ".jsonl", ".ndjson", ".log", ".txt", ".out", ""))
_TAIL = 16 * 1024  # bytes


def recognizes(path: Path, head: bytes) -> bool:
    if path.suffix.lower() not in _SUFFIXES:
        return False
    rows = [line for line in text_of(head).splitlines() if line.strip()][:20]
    whole = rows[:-1] if not head.endswith(b"\n") and (len(rows) > 1 or len(head) == HEAD) else rows
    if len(whole) < 2 and len(head) == HEAD:  # mmcv begins with its whole configuration in one line
        with path.open("rb") as file:
            file.seek(-min(_TAIL, path.stat().st_size), 2)
            whole = [line for line in file.read().decode("utf-8", "replace").splitlines()[1:] if line.strip()]
    if not whole and path.suffix in (".jsonl", ".ndjson"):  # names so long that no line fits into what was looked at
        whole = [text for _, text in islice(lines(path), 3) if text.strip()]
    objects = sum(_is_object(row) for row in whole)
    return objects > len(whole) / 2 and (objects > 1 or path.suffix == ".jsonl")


def read(path: Path, shown: str) -> tuple[Log, ...]:
    table, odd, hyper = Table(), [], {}
    for line, text in lines(path):
        if not text or text.isspace():
            continue
        row = _object(text)
        if row is None:
            odd.append(line)
        elif table.rows == 0 and not any(counter_kind(name)[0] in ("step", "epoch") for name in row):
            hyper.update(facts(row))  # mmcv begins with the environment and the configuration
            put_row(table, row)
        else:
            put_row(table, row)
    notes = []
    if odd:
        cut = ", the last one cut off" if odd[-1] == line else ""
        notes.append(Note(shown, f"{len(odd)} lines are no JSON object and were left out{cut}", line=odd[0]))
    return to_logs(table, shown, FORMAT, hyper, notes)


def _object(text: str) -> dict[str, object] | None:
    try:
        row = parse(text.strip().rstrip(","))
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def _is_object(text: str) -> bool:
    return _object(text) is not None
