"""JSON lines: one object per line, as DETR, DeiT, MAE, Detectron2, mmengine and many scripts write them."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from ..run import Note
from .jsontree import facts, parse, put_row
from .lines import HEAD, encoding_of, lines, text_of
from .log import Log
from .table import Table, to_logs
from .vocabulary import counter_kind

FORMAT = "JSON lines"
RECOGNIZES = "lines that are a JSON object each, whatever the file's name (`log.txt`, `metrics.json`, `scalars.json`)"
READS = "every numeric leaf, nested names joined with `/`, NaN and numbers in quotes; mmengine's epochs under `step`"
NOT_READ = "lists, texts; lines that are no object"


_SUFFIXES = frozenset((".json", ".jsonl", ".ndjson", ".log", ".txt", ".out", ""))
_LARGE = 1 << 15  # bytes; below, line by line is as fast
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
    said, found = _Said(), None
    if path.stat().st_size >= _LARGE and _is_plain(path):
        from . import templates

        found = templates.table(path, lambda line, raw: _take(said, line, raw.decode("utf-8", "replace")))
    if found is not None:
        table, said.last = found
    else:
        said, table = _Said(), Table()
        for line, text in lines(path):
            if (row := _take(said, line, text)) is not None:
                put_row(table, row)
    notes = []
    if said.odd:
        cut = ", the last one cut off" if said.odd[-1] == said.last else ""
        notes.append(Note(shown, f"{len(said.odd)} lines are no JSON object and were left out{cut}", line=said.odd[0]))
    return to_logs(table, shown, FORMAT, said.hyper, notes)


@dataclass(slots=True)
class _Said:
    """What is known of a file beside its table: the numbers of lines that are no objects and of the last one, what a
    configuration at its beginning says, and whether a row has been read."""

    odd: list[int] = field(default_factory=list)
    last: int = 0
    hyper: dict[str, Any] = field(default_factory=dict)
    begun: bool = False


def _take(said: _Said, line: int, text: str) -> dict[str, Any] | None:
    """The object of a line, None where it holds none."""
    said.last = line
    if not text or text.isspace():
        return None
    row = _object(text)
    if row is None:
        said.odd.append(line)
    elif not said.begun:
        said.begun = True
        if not any(counter_kind(name)[0] in ("step", "epoch") for name in row):
            said.hyper.update(facts(row))  # mmcv begins with the environment and the configuration
    return row


def _is_plain(path: Path) -> bool:
    with path.open("rb") as file:
        return encoding_of(file.read(HEAD)) == "utf-8"


def _object(text: str) -> dict[str, Any] | None:
    try:
        row = parse(text.strip().rstrip(","))
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def _is_object(text: str) -> bool:
    return _object(text) is not None
