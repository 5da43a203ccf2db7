"""CSV and TSV files: tables with one row per step or epoch, in every dialect that trainers and people write."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from ..errors import UnreadableLog
from ..run import Note
from .cells import is_absent, number
from .lines import lines, quoted, text_of
from .log import Log
from .table import MAX_COLUMNS, Table, put, to_logs

FORMAT = "CSV or TSV"
RECOGNIZES = "lines that split alike at `,`, `;`, tab or `|`, with numbers under a header, whatever the file's name"
READS = (
    "Lightning, Keras, Ultralytics, timm, fastai, SB3, RLlib, DVCLive, CatBoost and pandas tables, W&B and TensorBoard "
    "exports; blanks, NA and NaN told apart; decimal comma, units, percent, ISO times; several runs in one file"
)
NOT_READ = "W&B's `__MIN` and `__MAX` columns, which repeat the curve; text columns; fixed-width tables"

_DELIMITERS = (",", "\t", ";", "|")
_SAMPLE = 60  # lines that decide about the dialect
_CONFLICT = re.compile(r"(<{7}|>{7}|\|{7})( |$)|={7}$")
_PAIR = re.compile(r"[^\W\d][\w /-]*\s*[:=]\s*\[?\s*-?[\d.]|[{}]|\bis -?\d")  # `loss: 0.3` is a text log
_TENSORBOARD = ["Wall time", "Step", "Value"]


def recognizes(path: Path, head: bytes) -> bool:
    sample = text_of(head).splitlines()[:_SAMPLE]
    dialect = _dialect(sample)
    if dialect is None:
        return False
    return path.suffix.lower() in (".csv", ".tsv") or _is_strict(sample, dialect[0])


def read(path: Path, shown: str) -> tuple[Log, ...]:
    sample = [text for _, text in islice(lines(path), _SAMPLE)]
    dialect = _dialect(sample)
    if dialect is None:
        raise UnreadableLog(
            shown, "the lines split into no table: no delimiter gives rows of equal length with numbers"
        )
    return _Reader(path, shown, *dialect).logs()


def _dialect(sample: Sequence[str]) -> tuple[str, bool] | None:
    """Delimiter and whether the comma is a decimal comma, or None when the lines are no table of numbers."""
    kept = [line for line in sample if line.strip() and not _CONFLICT.match(line)]
    kept = [line for line in kept if not line.startswith("#") or any(d in line for d in _DELIMITERS)]
    best: tuple[float, str] | None = None
    for delimiter in _DELIMITERS:
        rows = [_cells(line, delimiter) for line in kept]
        widths = Counter(len(row) for row in rows if len(row) > 1)
        if not widths:
            continue
        width, alike = widths.most_common(1)[0]
        body = [row for row in rows if len(row) == width]
        share = alike / len(rows)
        if share >= 0.5 and _is_numeric(body[1:] or body, delimiter) and (best is None or share * width > best[0]):
            best = share * width, delimiter
    if best is None:
        return ("\n", False) if _is_single_column(kept) else None
    delimiter = best[1]
    if sum(bool(_PAIR.search(line)) for line in kept[1:6]) > len(kept[1:6]) / 2:
        return None
    comma = delimiter != "," and any(re.search(r"\d,\d", line) for line in kept[1:])
    return delimiter, comma


def _is_strict(sample: Sequence[str], delimiter: str) -> bool:
    """Whether a file that does not call itself a table is one: names on top, numbers in nearly all rows below."""
    rows = [_cells(line, delimiter) for line in sample if line.strip()]
    head, body = rows[0], rows[1:]
    named = all(number(c) is None and len(c) <= 80 and not c.startswith(("{", "[", "<")) for c in head)
    full = [
        row for row in body if len(row) == len(head) > 1 and any(number(c, delimiter != ",") is not None for c in row)
    ]
    return named and len(set(head)) == len(head) and len(full) > 0.8 * len(body)


def _is_single_column(kept: Sequence[str]) -> bool:
    """A name over nothing but numbers: what `Series.to_csv(index=False)` writes."""
    if len(kept) < 3 or number(kept[0].strip()) is not None or len(kept[0]) > 60 or _PAIR.search(kept[0]):
        return False
    return all(number(line.strip()) is not None for line in kept[1:])


def _is_numeric(rows: Sequence[Sequence[str]], delimiter: str) -> bool:
    """Whether a third of the filled cells, and at least one cell in most rows, are numbers."""
    filled = [[c for c in row if c and not is_absent(c)] for row in rows]
    numeric = [sum(number(c, delimiter != ",") is not None for c in row) for row in filled]
    cells = sum(len(row) for row in filled)
    return cells > 0 and sum(numeric) >= cells / 3 and sum(n > 0 for n in numeric) >= len(rows) / 2


def _cells(line: str, delimiter: str) -> list[str]:
    """The stripped cells of one line; a quote that never closes is a character like any other."""
    if '"' not in line:
        return [cell.strip() for cell in line.split(delimiter)]
    try:
        row = next(csv.reader([line], delimiter=delimiter, strict=True, skipinitialspace=True), [])
    except csv.Error:
        row = line.split(delimiter)
    return [cell.strip() for cell in row]


class _Reader:
    """One pass over one file: header, rows, and what fits neither."""

    def __init__(self, path: Path, shown: str, delimiter: str, comma: bool) -> None:
        self.path, self.shown, self.delimiter, self.comma = path, shown, delimiter, comma
        self.table = Table()
        self.notes: list[Note] = []
        self.names: list[str] = []
        self.odd: dict[str, list[int]] = {}  # what was left out, and the lines where

    def logs(self) -> tuple[Log, ...]:
        pending: tuple[int, list[str]] | None = None
        for line, cells in self._rows():
            if pending is not None:
                self._row(*pending, last=False)
            pending = line, cells
        if pending is not None:
            self._row(*pending, last=True)
        for what, at in self.odd.items():
            self.notes.append(Note(self.shown, f"{len(at)} {what}", line=at[0]))
        if self.names == _TENSORBOARD or self.names[1:] == _TENSORBOARD[1:]:
            self._name_after_file()
        return self._by_wandb_run() or to_logs(self.table, self.shown, FORMAT, notes=self.notes)

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        for line, text in lines(self.path):
            if not text or text.isspace():
                continue
            if _CONFLICT.match(text):
                self._leave_out("lines are marks of a git merge conflict: both sides were kept", line)
                continue
            if text.startswith("#") and (self.names or text.startswith("#{")):
                self._leave_out("comment lines were left out", line)
                continue
            yield line, _cells(text, self.delimiter)

    def _row(self, line: int, cells: list[str], last: bool) -> None:
        if not self.names:
            self._first(line, cells)
        elif cells == self.written:
            self._leave_out("lines repeat the header (a run was appended)", line)
        elif len(cells) > 1 and not any(number(c, self.comma) is not None for c in cells) and self._is_header(cells):
            self._header(cells)
            self._leave_out("lines change the header: the rows below follow the new one", line)
        elif len(cells) < len(self.names) and last and len(self.names) > 1:
            self._leave_out("rows end before the last column: the write was cut off, and the row was left out", line)
        elif len(cells) == 1 and len(self.names) > 1:
            self._leave_out("lines are no rows of the table and were left out", line)
        else:
            self._enter(line, cells)

    def _is_header(self, cells: Sequence[str]) -> bool:
        words = [c for c in cells if c]
        return (
            len(words) >= len(cells) - 1
            and not any(map(is_absent, words))
            and len(set(words)) == len(words)
            and (len(words) > 1 and (len(set(words) & set(self.written)) > 0 or len(cells) != len(self.names)))
        )

    def _first(self, line: int, cells: list[str]) -> None:
        numeric = sum(number(c, self.comma) is not None for c in cells)
        if cells[0] and numeric > len(cells) / 2:  # pandas names unnamed columns 0, 1, 2 after a blank
            self.written: list[str] = []
            self.names = [f"column {k + 1}" for k in range(len(cells))]
            self.notes.append(Note(self.shown, "there is no header: columns are numbered", line=line))
            self._enter(line, cells)
        else:
            self._header(cells)

    def _header(self, cells: list[str]) -> None:
        if len(cells) > MAX_COLUMNS:
            raise UnreadableLog(self.shown, f"{len(cells)} columns: no training log has that many")
        self.written = list(cells)
        cells = [cells[0].lstrip("# "), *cells[1:]]
        if len(cells) > 1 and not cells[-1]:
            cells.pop()  # every line ends with a delimiter
        names: list[str] = []
        for k, cell in enumerate(cells):
            name = cell or f"unnamed:{k}"
            if name in names:
                name = f"{name}.{names.count(name)}"
                self.notes.append(
                    Note(self.shown, f"two columns are named {quoted(cell)}: the second is {quoted(name)}")
                )
            names.append(name)
        self.names = names

    def _enter(self, line: int, cells: list[str]) -> None:
        if len(cells) > len(self.names) and any(cells[len(self.names) :]):
            self._leave_out(f"rows have more than {len(self.names)} cells: those without a name were left out", line)
        entered = False
        for name, cell in zip(self.names, cells, strict=False):
            if cell:
                value = number(cell, self.comma)
                entered = True
                put(self.table, name, value if value is not None else None if is_absent(cell) else cell)
        self.table.rows += entered

    def _leave_out(self, what: str, line: int) -> None:
        self.odd.setdefault(what, []).append(line)

    def _name_after_file(self) -> None:
        """TensorBoard's own CSV download keeps the tag in the file name only: run-<run>-tag-<tag>.csv."""
        match = re.fullmatch(r"(?:run-.*-)?tag-(.+)|(.+)", self.path.stem)
        if "Value" in self.table.numbers and match and match[1]:
            self.table.numbers[match[1]] = self.table.numbers.pop("Value")

    def _by_wandb_run(self) -> tuple[Log, ...]:
        """The runs of a W&B panel export: columns `run - tag`, each with `__MIN` and `__MAX` beside it."""
        copies = [n for n in self.names if n.endswith(("__MIN", "__MAX")) and n[:-5] in self.names]
        if not copies:
            return ()
        runs: dict[str, Table] = {}
        axes = [n for n in self.names if n not in copies and " - " not in n]
        for name in self.names:
            run, _, tag = name.rpartition(" - ")
            if name in copies or name in axes or name not in self.table.numbers:
                continue
            part = runs.setdefault(run, Table(self.table.rows))
            part.numbers[tag] = self.table.numbers[name]
        for part in runs.values():
            part.numbers = {n: self.table.numbers[n] for n in axes if n in self.table.numbers} | part.numbers
        self.notes.append(
            Note(self.shown, f"{len(copies)} columns __MIN and __MAX repeat the curves and were left out")
        )
        found: list[Log] = []
        for run, part in runs.items():
            for log in to_logs(part, self.shown, FORMAT, notes=() if found else self.notes):
                found.append(Log(log.file, log.format, log.series, run, log.hyper, log.notes))
        return tuple(found)
