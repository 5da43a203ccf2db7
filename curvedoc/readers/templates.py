"""Many JSON lines at once: those of one logger are the same text around other numbers.

A line that was parsed is a template: its numbers (and `null`, `true`, `NaN`) are places, all else are gaps. Another
line that has the gaps of a template, byte by byte, and between them texts that are each a JSON number, holds what the
first one holds with other numbers in it. Gaps are found by their quotation marks, compared as words of eight bytes, and
numbers are read by digits.py. A line that has no known gaps is parsed, and is the next template.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..run import Array
from . import digits
from .bulk import Sheet, add, blocks, finished
from .digits import NUMBER, POSSIBLE, Flags, Places, Text, Words
from .jsontree import MAX_DEPTH, parse, scalars
from .table import MAX_COLUMNS, Table, put

#: One line: its number and text; gives the object that it holds, None for one that is to be left out.
Parse = Callable[[int, bytes], Mapping[str, Any] | None]
#: The place of a leaf among those of its object, and its path.
Name = tuple[int, str]

_MOST = 64  # templates of a file; a logger that has more of them writes other text into each line
_SLOW = 0.5  # share of lines in a block that may have no template; with more, nothing is gained
_FEW = 8  # lines that may be parsed in any block
_MATRIX = 1 << 23  # cells of a block, the blank ones among them
_KEPT = 10_000  # different words that are remembered
_QUOTE, _LF, _MINUS, _ZERO = b'"\n-0'
_PIECE = 24  # bytes of a gap that are compared at once
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?|NaN|-?Infinity|null|true|false)')


def table(path: Path, enter: Parse) -> tuple[Table, int] | None:
    """What a UTF-8 file of JSON lines holds, and how many lines it has; None when it has to be read line by line.
    `enter` is called for each line that no template fits."""
    if not POSSIBLE:
        return None
    state = _State(enter)
    for text in blocks(path, 0):
        if (
            text is None
            or b"\0" in text
            or (b"\r" in text and text.count(b"\r") != text.count(b"\r\n"))
            or not _enter(state, text)
        ):
            return None
    return finished(state.sheet), state.lines


@dataclass(slots=True)
class _State:
    """What is known while a file is read: `lines` so far, templates, and what cells say that are no plain number."""

    enter: Parse
    sheet: Sheet = field(default_factory=lambda: Sheet(Table(), {}))
    lines: int = 0
    templates: list[_Template] = field(default_factory=list)
    words: dict[bytes, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Template:
    """K numbers between K + 1 gaps; `names` are theirs, with their places among all leaves of the object.

    Of number k, (K,) each: it begins `begin[k]` bytes behind the line's quotation mark `before[k]` and ends `end[k]`
    bytes before the mark after that, the newline being the last; `first` and `stop` are the same, counted in bytes
    that are no digits. `fixed` are the leaves inside of the gaps. The gaps are compared in pieces (P,): those of gap
    `gap[p]`, `offset[p]` bytes behind its beginning, under `mask` (P, 3) equal `word` (P, 3); `opening` is the length
    of the first one, `least` that of the shortest line.
    """

    names: Sequence[Name]
    fixed: Sequence[tuple[Name, float | str | None]]
    before: Places
    begin: Places
    first: Places
    end: Places
    stop: Places
    quotes: int
    least: int
    opening: int
    gap: Places
    offset: Places
    mask: Words
    word: Words


@dataclass(frozen=True, slots=True)
class _Block:
    """The lines (n,) of a block: where each begins, how many bytes and quotation marks it has, and the index in `marks`
    of the newline behind it. `marks` are the indices into `text.at` of all quotation marks and newlines. `todo` tells
    the lines that have not been read."""

    raw: bytes
    text: Text
    marks: Places
    newline: Places
    start: Places
    length: Places
    quotes: Places
    todo: Flags


@dataclass(frozen=True, slots=True)
class _Found:
    """What the lines of a block hold: numbers as columns (lines (r,), names (c,), held (r, c), values (r, c)), and all
    that is none as (line, name, cell)."""

    columns: list[tuple[Places, Sequence[Name], Flags, Array]] = field(default_factory=list)
    others: list[tuple[int, Name, str | None]] = field(default_factory=list)


def _enter(state: _State, raw: bytes) -> bool:
    """Enter the lines of a block; False when too many of them have no template, or hold what no table can."""
    block, found = _block(raw), _Found()
    count = len(block.start)
    todo, kept, parsed = block.todo, np.ones(count, bool), 0
    for template in state.templates:
        _fill(state, found, block, template)
    while todo.any():
        line = int(todo.argmax())
        text = raw[block.start[line] : block.text.at[block.marks[block.newline[line]]] + 1]
        row = state.enter(state.lines + line + 1, text)
        parsed += 1
        if parsed > max(_FEW, _SLOW * count):
            return False
        made = None if row is None or len(state.templates) >= _MOST else _template(text, row)
        if made is not None:
            state.templates.append(made)
            _fill(state, found, block, made)
        if todo[line]:
            todo[line] = False
            kept[line] = row is not None
            if row is not None and not _one(found, line, row):
                return False
    if not _join(state.sheet, found, kept):
        return False
    state.lines += count
    return True


def _block(raw: bytes) -> _Block:
    text = digits.of(raw)
    marks = np.flatnonzero((text.what == _QUOTE) | (text.what == _LF))
    newline = np.flatnonzero(text.what[marks] == _LF)
    start = np.zeros(len(newline), np.intp)
    end = text.at[marks[newline]] + 1
    start[1:] = end[:-1]
    return _Block(
        raw, text, marks, newline, start, end - start, np.diff(newline, prepend=-1) - 1, np.ones(len(start), bool)
    )


def _template(raw: bytes, row: Mapping[str, Any]) -> _Template | None:
    """The template that a line (with its newline) is which holds this object; None for lists of numbers and the like.

    >>> made = _template(b'{"step": 3, "mode": "train", "loss": 0.5}\\n', {"step": 3.0, "mode": "train", "loss": 0.5})
    >>> made.names, made.fixed, made.opening
    ([(0, 'step'), (2, 'loss')], [((1, 'mode'), 'train')], 9)
    """
    leaves = list(_leaves(row))
    spans = [match.span(1) for match in _TOKEN.finditer(raw) if match[1] is not None]
    varying = [(k, path.strip(), leaf) for k, (path, leaf) in enumerate(leaves) if not isinstance(leaf, str)]
    fixed = [((k, path.strip()), cell) for k, (path, leaf) in enumerate(leaves) for cell in _cells(leaf)]
    # Where a name stands twice, or a list, the places are not those of the leaves.
    if not spans or [repr(parse(raw[a:b])) for a, b in spans] != [repr(leaf) for _, _, leaf in varying]:
        return None
    if len({path for _, path, _ in varying} | {name for (_, name), _ in fixed}) < len(leaves):
        return None
    gaps = [raw[a:b] for (_, a), (b, _) in zip([(0, 0), *spans], [*spans, (len(raw), 0)], strict=True)]
    if any(b'"' not in gap for gap in gaps[:-1]):
        return None
    last = [gap.rindex(b'"') for gap in gaps[:-1]]
    mark = [gap.index(b'"') for gap in gaps[1:-1]] + [min(gaps[-1].find(b'"') % len(raw), len(gaps[-1]) - 1)]
    pieces = [(k, at) for k, gap in enumerate(gaps) for at in range(0, len(gap), _PIECE)]
    words = [gaps[k][at : at + _PIECE] for k, at in pieces]
    return _Template(
        [(k, path) for k, path, _ in varying],
        fixed,
        np.cumsum([gap.count(b'"') for gap in gaps[:-1]]) - 1,
        np.array([len(gap) - at for gap, at in zip(gaps, last, strict=False)]),
        np.array([_odd(gap[at:]) for gap, at in zip(gaps, last, strict=False)]),
        np.array(mark),
        np.array([_odd(gap[:at]) for gap, at in zip(gaps[1:], mark, strict=True)]),
        raw.count(b'"'),
        sum(map(len, gaps)) + len(spans),
        len(gaps[0]),
        np.array([k for k, _ in pieces]),
        np.array([at for _, at in pieces]),
        _words(len(word) * b"\xff" for word in words),
        _words(words),
    )


def _leaves(value: Mapping[str, Any], depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Path and leaf of all that is no object; those of objects that are nested too deep are missing."""
    for name, leaf in value.items():
        if not isinstance(leaf, Mapping):
            yield name, leaf
        elif depth < MAX_DEPTH:
            yield from ((f"{name}/{rest}", inner) for rest, inner in _leaves(leaf, depth + 1))


def _cells(leaf: Any) -> list[float | str | None]:
    """The cell of a text, [] of anything else."""
    return [cell for _, cell in scalars({"": leaf})] if isinstance(leaf, str) else []


def _odd(text: bytes) -> int:
    """How many bytes are no digits."""
    return sum(not 48 <= byte <= 57 for byte in text)


def _words(pieces: Iterable[bytes]) -> Words:
    return np.frombuffer(b"".join(piece.ljust(_PIECE, b"\0") for piece in pieces), "<u8").reshape(-1, _PIECE // 8)


def _fill(state: _State, found: _Found, block: _Block, template: _Template) -> None:
    """Read the lines that are the template, and take them off `todo`."""
    text, size = block.text, template.quotes
    # Shorter lines are none of it, and would be compared in as many pieces as a long one.
    lines = np.flatnonzero(block.todo & (block.quotes == size) & (block.length >= template.least))
    if not len(lines):
        return
    marks = block.marks[(block.newline[lines] - size)[:, None] + np.arange(size + 1)]
    before, after = marks[:, template.before], marks[:, template.before + 1]
    begin, end = text.at[before] + template.begin, text.at[after] - template.end
    # The gaps begin where the line does, and where numbers end.
    gaps = np.column_stack((block.start[lines], end))[:, template.gap] + template.offset
    read = digits.window(text, np.clip(gaps, 0, len(block.raw)).ravel() + _PIECE, 3)
    read = read.reshape(len(lines), -1) & template.mask.ravel()
    read ^= template.word.ravel()
    fits = (begin[:, 0] == block.start[lines] + template.opening) & (begin < end).all(axis=1)
    if read.any():
        fits &= ~read.any(axis=1)
    if not fits.all():
        lines, begin, end, before, after = lines[fits], begin[fits], end[fits], before[fits], after[fits]
    if not len(lines):
        return
    kind, value = digits.numbers(
        text, begin.ravel(), (before + template.first).ravel(), (after - template.stop).ravel()
    )
    held, value = (_is_json(block.raw, begin, end) & (kind == NUMBER).reshape(begin.shape)), value.reshape(begin.shape)
    whole = np.ones(len(lines), bool)
    others: list[tuple[int, Name, str | None]] = []
    for row, column in np.argwhere(~held).tolist():
        written = block.raw[begin[row, column] : end[row, column]]
        if written not in state.words and len(state.words) < _KEPT:
            state.words[written] = _said(written)
        said = state.words[written] if written in state.words else _said(written)
        if isinstance(said, float):
            held[row, column], value[row, column] = True, said
        elif said is None:
            others.append((row, template.names[column], None))
        elif not isinstance(said, bool):
            whole[row] = False
    block.todo[lines[whole]] = False
    names = list(template.names)
    for name, cell in template.fixed:
        if isinstance(cell, float):
            names.append(name)
            held, value = np.pad(held, ((0, 0), (0, 1)), constant_values=True), np.pad(value, ((0, 0), (0, 1)))
            value[:, -1] = cell
        else:
            others += [(row, name, cell) for row in range(len(lines))]
    found.others.extend((int(lines[row]), name, cell) for row, name, cell in others if whole[row])
    if not whole.all():
        lines, held, value = lines[whole], held[whole], value[whole]
    found.columns.append((lines, names, held, value))


def _is_json(raw: bytes, begin: Places, end: Places) -> Flags:
    """Whether what reads as a number is one in JSON: digits at both ends, no zero before other digits."""
    data = np.frombuffer(raw, np.uint8)
    lead = data[begin]
    minus = lead == _MINUS
    if minus.any():
        begin = begin + minus
        lead = data[begin]
    fine: Flags = ((lead - _ZERO) <= 9) & ((data[end - 1] - _ZERO) <= 9)
    fine &= (lead != _ZERO) | ((data[begin + 1] - _ZERO) > 9)
    return fine


def _said(cell: bytes) -> Any:
    """The number, truth or None that stands in a place; a text for all else."""
    try:
        value = parse(cell)
    except ValueError:
        return ""
    return value if value is None or isinstance(value, (float, bool)) else ""


def _one(found: _Found, line: int, row: Mapping[str, Any]) -> bool:
    """Enter a line that has no template; False when two of its numbers have one name."""
    leaves = [((k, path.strip()), cell) for k, (path, cell) in enumerate(scalars(row))]
    numbers = [(name, cell) for name, cell in leaves if isinstance(cell, float)]
    found.others.extend((line, name, cell) for name, cell in leaves if not isinstance(cell, float))
    if numbers:
        value = np.array([[cell for _, cell in numbers]])
        found.columns.append((np.array([line]), [name for name, _ in numbers], np.ones(value.shape, bool), value))
    return len({path for (_, path), _ in numbers}) == len(numbers)


def _join(sheet: Sheet, found: _Found, kept: Flags) -> bool:
    """Enter what a block holds, as if line by line; `kept` (n,) tells which lines are rows of the table."""
    place, count = np.cumsum(kept) - 1, int(np.count_nonzero(kept))
    first: dict[str, tuple[int, int]] = {}  # columns stand in the order of their first numbers
    for lines, names, held, _ in found.columns:
        for column, (k, path) in enumerate(names):
            if path not in sheet.parts:
                at = (int(lines[held[:, column].argmax()]), k) if held[:, column].any() else (len(kept), k)
                first[path] = min(first.get(path, at), at)
    order = [*sheet.parts, *sorted(first, key=lambda path: first[path])]
    if len(order) > MAX_COLUMNS or len(order) * count > _MATRIX:
        return False
    index = {path: k for k, path in enumerate(order)}
    filled, values = np.zeros((len(order), count), bool), np.zeros((len(order), count))
    for lines, names, held, value in found.columns:
        columns, rows = np.array([index[path] for _, path in names]), place[lines]
        where: Any = columns if len(rows) == count else (columns[:, None], rows)
        filled[where], values[where] = held.T, value.T
    begun = sheet.table.rows
    for line, (_, path), cell in sorted(found.others, key=lambda other: (other[0], other[1])):
        sheet.table.rows = begun + int(place[line])
        put(sheet.table, path, cell)
    sheet.table.rows = begun
    if count:
        add(sheet, order, filled, values)
    return True
