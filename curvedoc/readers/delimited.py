"""CSV and TSV files: tables with one row per step or epoch, in every dialect that trainers and people write."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from ..errors import UnreadableLog
from ..run import Note
from .cells import is_absent, number
from .dialect import CONFLICT, SAMPLE, Dialect, cells_of, dialect_of, is_plainly_a_table
from .lines import MAX_LINE, encoding_of, lines, quoted, text_of
from .log import Log
from .table import MAX_COLUMNS, Table, put, to_logs
from .vocabulary import counter_kind, is_known, plain_name

FORMAT = "CSV or TSV"
RECOGNIZES = "lines that split alike at `,`, `;`, tab, `|` or blanks, numbers under the name of a counter or a metric"
READS = (
    "Lightning, Keras, Ultralytics, timm, fastai, SB3, RLlib, DVCLive, CatBoost and pandas tables, W&B and TensorBoard "
    "exports; blanks, NA and NaN told apart; decimal comma, units, percent, ISO times; several runs in one file"
)
NOT_READ = "W&B's `__MIN` and `__MAX` columns, which repeat the curve; text columns; tables of anything else"

_TABLES = frozenset((".csv", ".tsv"))
_LOG_STEM = frozenset(("log", "logs", "history", "metrics", "results", "progress", "summary", "training", "monitor"))
_LARGE = 1 << 14  # bytes; below, row by row is as fast
_LONG_CELL = 50  # lines that one quoted cell may run over
_WANDB_COPIES = ("__MIN", "__MAX")
_TENSORBOARD = ("Step", "Value")
_ONLY = "column 1"  # of a file that holds nothing but numbers


def recognizes(path: Path, head: bytes) -> bool:
    sample = text_of(head).splitlines()[:SAMPLE]
    dialect = dialect_of(sample)
    if dialect is None:
        return False
    header = next((text for text in sample if text.strip() and not text.startswith("#{")), "")
    names = [cell.lstrip("# ") for cell in cells_of(header, dialect.delimiter)]
    named = is_known(path.stem) or not _LOG_STEM.isdisjoint(plain_name(path.stem).split())
    if not any(map(is_known, names)) and not (named and path.suffix.lower() in _TABLES | {".txt"}):
        return False  # a table of something else
    return path.suffix.lower() in _TABLES or dialect.delimiter in "\n " or is_plainly_a_table(sample, dialect)


def is_table(head: bytes) -> bool:
    """Whether a file that begins so is a table of numbers, whatever its columns are called."""
    return dialect_of(text_of(head).splitlines()[:SAMPLE]) is not None


def read(path: Path, shown: str) -> tuple[Log, ...]:
    dialect = dialect_of([text for _, text in islice(lines(path), SAMPLE)])
    if dialect is None:
        raise UnreadableLog(shown, "no delimiter splits the lines into rows of equal length with numbers in them")
    sheet = _at_once(path, dialect) or _row_by_row(path, shown, dialect)
    if tuple(sheet.names[-2:]) == _TENSORBOARD or sheet.names == [_ONLY]:
        _name_after_file(sheet, path)
    notes = [Note(shown, f"{len(at)} {what}", line=at[0]) for what, at in sheet.odd.items()]
    runs = _wandb_runs(sheet)
    if runs is None:
        return to_logs(sheet.table, shown, FORMAT, notes=notes)
    notes.append(Note(shown, "the columns __MIN and __MAX, which repeat the curves, were left out"))
    logs: list[Log] = []
    for run, table in runs.items():
        logs.extend(replace(log, part=run) for log in to_logs(table, shown, FORMAT, notes=() if logs else notes))
    return tuple(logs)


@dataclass(slots=True)
class _Sheet:
    """What is known of a file while it is read: `written` is the header as it stands there, `odd` lists the
    lines of everything that fits no row."""

    names: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    table: Table = field(default_factory=Table)
    odd: dict[str, list[int]] = field(default_factory=dict)


def _at_once(path: Path, dialect: Dialect) -> _Sheet | None:
    """A large table whose rows are all alike, a block of them at a time; None when it is anything else."""
    if path.stat().st_size < _LARGE or dialect.comma or dialect.delimiter in "\n ":
        return None
    sheet = _Sheet()
    with path.open("rb") as file:
        first = file.readline(MAX_LINE)
    if encoding_of(first) not in ("utf-8", "utf-8-sig") or not first.endswith(b"\n") or b"\r" in first[:-2]:
        return None
    head = first.decode("utf-8-sig", "replace").rstrip("\r\n")
    if head.startswith("#") or '"' in head or not head.strip():
        return None
    _begin(sheet, 1, cells_of(head, dialect.delimiter), dialect)
    if sheet.table.rows or len(set(sheet.names)) != len(sheet.written):
        return None
    from . import bulk  # small tables do not pay for it

    found = bulk.table(path, len(first), sheet.names, dialect.delimiter)
    if found is None:
        return None
    sheet.table = found
    return sheet


def _row_by_row(path: Path, shown: str, dialect: Dialect) -> _Sheet:
    sheet = _Sheet()
    pending: tuple[int, list[str]] | None = None
    for line, text in _whole_rows(path):
        if CONFLICT.match(text):
            _odd(sheet, "lines are marks of a git merge conflict: the rows of both sides were kept", line)
        elif text.startswith("#") and (sheet.names or pending or text.startswith("#{")):
            _odd(sheet, "comment lines were left out", line)
        else:
            if pending is not None:
                _take(sheet, *pending, dialect, shown)
            pending = line, cells_of(text, dialect.delimiter)
    if pending is not None:
        if 1 < len(pending[1]) < len(sheet.names):
            _odd(sheet, "row ends before the last column, at the end of the file: the write was cut off", pending[0])
        else:
            _take(sheet, *pending, dialect, shown)
    return sheet


def _whole_rows(path: Path) -> Iterator[tuple[int, str]]:
    """Lines that are not blank; those that a quoted cell runs over are joined."""
    begun: list[tuple[int, str]] = []
    for line, text in lines(path):
        if begun or text.count('"') % 2:
            begun.append((line, text))
            if len(begun) > 1 and text.count('"') % 2:
                yield begun[0][0], "\n".join(part for _, part in begun)
                begun = []
            elif len(begun) > _LONG_CELL:
                yield from begun
                begun = []
        elif text and not text.isspace():
            yield line, text
    yield from begun


def _take(sheet: _Sheet, line: int, cells: list[str], dialect: Dialect, shown: str) -> None:
    """One row: the header, the same header again, a new one, values, or something else."""
    if len(cells) > MAX_COLUMNS:
        raise UnreadableLog(shown, f"{len(cells)} columns: no training log has that many", line=line)
    if not sheet.names:
        _begin(sheet, line, cells, dialect)
    elif cells == sheet.written:
        _odd(sheet, "lines repeat the header: runs were appended", line)
    elif _is_new_header(sheet, cells, dialect):
        _name(sheet, line, cells)
        _odd(sheet, "lines change the header: the rows below follow the new one", line)
    elif len(cells) == 1 and len(sheet.names) > 1:
        _odd(sheet, "lines are no rows of the table and were left out", line)
    else:
        _enter(sheet, line, cells, dialect)


def _begin(sheet: _Sheet, line: int, cells: list[str], dialect: Dialect) -> None:
    numeric = sum(number(c, dialect.comma) is not None for c in cells)
    if cells[0] and numeric > len(cells) / 2:  # after a blank, pandas numbers the columns 0, 1, 2
        sheet.names = [f"column {k + 1}" for k in range(len(cells))]
        _odd(sheet, "row of numbers stands where the header should be: columns are numbered", line)
        _enter(sheet, line, cells, dialect)
    else:
        _name(sheet, line, cells)


def _name(sheet: _Sheet, line: int, cells: list[str]) -> None:
    sheet.written = list(cells)
    names: dict[str, None] = {}
    copies: dict[str, int] = {}
    for k, cell in enumerate(cells):
        name = (cell if k else cell.lstrip("# ")) or f"unnamed:{k}"
        if name in names:
            _odd(sheet, f"columns are named {quoted(name)} like another: numbered", line)
            number_of = copies.get(name, 0) + 1
            while f"{name}.{number_of}" in names:
                number_of += 1
            copies[name] = number_of
            name = f"{name}.{number_of}"
        names[name] = None
    sheet.names = list(names)


def _is_new_header(sheet: _Sheet, cells: Sequence[str], dialect: Dialect) -> bool:
    if cells and cells[0] and number(cells[0], dialect.comma) is not None:
        return False  # nearly every row ends here
    words = [c for c in cells if c]
    if any(number(c, dialect.comma) is not None or is_absent(c) for c in words):
        return False
    if len(words) < 2 or len(words) < len(cells) - 1 or len(set(words)) < len(words):
        return False
    return len(cells) != len(sheet.names) or bool(set(words) & set(sheet.written))


def _enter(sheet: _Sheet, line: int, cells: list[str], dialect: Dialect) -> None:
    table, numbers, row = sheet.table, sheet.table.numbers, sheet.table.rows
    for name, cell in zip(sheet.names, cells, strict=False):
        if cell:
            value = number(cell, dialect.comma)
            if value is not None and (pair := numbers.get(name)):  # `put`, without the call: most cells end here
                pair[0].append(row)
                pair[1].append(value)
            else:
                put(table, name, value if value is not None else None if is_absent(cell) else cell)
    table.rows += 1
    if len(cells) > len(sheet.names) and any(cells[len(sheet.names) :]):
        _odd(sheet, f"rows have more than {len(sheet.names)} cells: those without a name were left out", line)


def _odd(sheet: _Sheet, what: str, line: int) -> None:
    sheet.odd.setdefault(what, []).append(line)


def _name_after_file(sheet: _Sheet, path: Path) -> None:
    """A lone column without a name is called after its file: train_loss.txt, or TensorBoard's run-x-tag-loss.csv."""
    match = re.fullmatch(r"(?:run-.*-)?tag-(.+)", path.stem)
    numbers = sheet.table.numbers
    if sheet.names == [_ONLY] and _ONLY in numbers:
        numbers[path.stem] = numbers.pop(_ONLY)
    elif match and "Value" in numbers:
        numbers[match[1]] = numbers.pop("Value")


def _wandb_runs(sheet: _Sheet) -> dict[str, Table] | None:
    """The runs of a W&B panel export, columns `run - tag` `__MIN` and `__MAX` beside them; None when it is none."""
    numbers = sheet.table.numbers
    known = set(sheet.names)
    copies = {n for n in known if n.endswith(_WANDB_COPIES) and n[:-5] in known}
    if not copies:
        return None
    axes = [n for n in sheet.names if " - " not in n and n not in copies and counter_kind(n)[0]]
    runs: dict[str, Table] = {}
    for name in sheet.names:
        if name not in copies and name not in axes and name in numbers:
            run, _, _ = name.rpartition(" - ")
            runs.setdefault(run, Table(sheet.table.rows)).numbers[name] = numbers[name]
    for table in runs.values():
        filled = set().union(*(rows for rows, _ in table.numbers.values()))
        kept = {n: [(r, v) for r, v in zip(*numbers[n], strict=True) if r in filled] for n in axes if n in numbers}
        ours = {n: (array("q", (r for r, _ in p)), array("d", (v for _, v in p))) for n, p in kept.items()}
        table.numbers = ours | table.numbers
    return runs
