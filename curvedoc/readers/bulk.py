"""A large regular table, a block of rows at a time: every row as wide as the header, no quotes, no comments.

The result is that of reading it row by row, in a seventh of the time; whatever would be odd about a row (a header in
the middle, a conflict mark, a row that is too short) is not decided here: the caller then begins anew, row by row.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..run import Array
from .cells import is_absent, number
from .digits import BLANK, NUMBER, OTHER, POSSIBLE, Flags, Places, cells
from .table import Table, put

_BLOCK = 1 << 18  # bytes: what is made of them stays in the cache of a core
#: Bytes, more than all arrays of a block. Once as much has been taken and given back, glibc's allocator keeps what is
#: freed for the next block; until then larger arrays go back to the system, which has to clear their pages anew each
#: time: half of the time.
_TEMPORARY = 1 << 23
_WIDEST = 2000  # columns; a block must hold some rows
_FEWEST_ROWS = 8  # rows of a block on average
_KEPT = 10_000  # different words that are remembered
_LF, _CR = b"\n\r"
_IRREGULAR = (b'"', b"\0", b"#")


def table(path: Path, start: int, names: Sequence[str], delimiter: str) -> Table | None:
    """The table below the header of a UTF-8 file, from byte `start` on; None when a row is not plainly one of it."""
    if not POSSIBLE or not 1 < len(names) <= _WIDEST or not delimiter.isascii():
        return None
    sheet = Sheet(Table(), {})
    words: dict[bytes, float | str | None] = {}
    for text in blocks(path, start):
        if text is None or not _enter(sheet, text, names, delimiter, words):
            return None
    return finished(sheet)


class Sheet(NamedTuple):
    """What is known while a file is read: `parts` are rows and values of each column, block by block."""

    table: Table
    parts: dict[str, tuple[list[Places], list[Array]]]


def blocks(path: Path, start: int) -> Iterator[bytes | None]:
    """Whole lines, ended by a newline each; None where a line is too long."""
    np.empty(_TEMPORARY, np.uint8)  # is given back at once, see there
    with path.open("rb") as file:
        file.seek(start)
        rest = end = b""
        while block := file.read(_BLOCK):
            block = rest + block
            cut = block.rfind(b"\n") + 1
            if len(block) - cut > _BLOCK:
                yield None
                return
            rest, block = block[cut:], block[:cut]
            if block:
                end = b"\r\n" if block.endswith(b"\r\n") else b"\n"
                yield block
        if rest:
            yield rest + end if end else None


def _enter(
    sheet: Sheet, text: bytes, names: Sequence[str], delimiter: str, words: dict[bytes, float | str | None]
) -> bool:
    """Enter the rows of a block; False when they are not all rows of the table. `words` remembers what cells say that
    are no plain number."""
    width, data = len(names), np.frombuffer(text, np.uint8)
    count, returns = np.count_nonzero(data == _LF), np.count_nonzero(data == _CR) if b"\r" in text else 0
    if returns not in (0, count) or any(mark in text for mark in _IRREGULAR):
        return False
    read = cells(text, delimiter)
    if len(read.kind) != count * width or len(text) < _FEWEST_ROWS * width:
        return False
    # Were there a line's end elsewhere in a row, one would be missing behind another.
    ends = read.end[width - 1 :: width]
    if (data[ends + (returns > 0)] != _LF).any() or (returns and (data[ends] != _CR).any()):
        return False
    for at in np.flatnonzero(read.kind == OTHER).tolist():
        row, column = divmod(at, width)
        cell = text[read.begin[at] : read.end[at]]
        if cell not in words and len(words) < _KEPT:
            words[cell] = _said(cell)
        said = words[cell] if cell in words else _said(cell)
        if isinstance(said, float):
            read.kind[at], read.value[at] = NUMBER, said
        elif said == "":
            read.kind[at] = BLANK
        else:
            sheet.table.rows += row
            put(sheet.table, names[column], said)
            sheet.table.rows -= row
    held = np.ascontiguousarray((read.kind == NUMBER).reshape(count, width).T)
    value = np.ascontiguousarray(read.value.reshape(count, width).T)
    # A row without a number may be a header, a mark of a conflict or a sentence.
    if not held.any(axis=0).all():
        return False
    add(sheet, names, held, value)
    return True


def add(sheet: Sheet, names: Sequence[str], held: Flags, value: Array) -> None:
    """Enter rows: `held` and `value` (columns, rows) tell where a number stands, and which."""
    count = held.shape[1]
    places: dict[bytes, tuple[Places, Places]] = {}  # in the block and in the table, of columns that are filled alike
    # Columns stand in the order of their first numbers, as they would be met row by row.
    for column in np.argsort(held.argmax(axis=1), kind="stable").tolist():
        filled = held[column].tobytes()
        if filled not in places:
            here = np.flatnonzero(held[column])
            places[filled] = here, here + sheet.table.rows
        here, rows = places[filled]
        if len(here):
            of_rows, of_values = sheet.parts.setdefault(names[column], ([], []))
            of_rows.append(rows)
            of_values.append(value[column] if len(here) == count else value[column, here])
    sheet.table.rows += count


def finished(sheet: Sheet) -> Table:
    """The table, with the numbers of all blocks."""
    counted: dict[tuple[int, ...], array[int]] = {}  # columns that are filled in the same rows share them
    for name, (rows, values) in sheet.parts.items():
        same = tuple(map(id, rows))
        if same not in counted:
            counted[same] = array("q", [0]) * sum(map(len, rows))
            np.concatenate(rows, out=np.frombuffer(counted[same], np.int64))
        column = array("d", [0.0]) * len(counted[same])
        np.concatenate(values, out=np.frombuffer(column))
        sheet.table.numbers[name] = counted[same], column
    return sheet.table


def _said(cell: bytes) -> float | str | None:
    """A number, a text, None for "no value", "" for blanks alone."""
    text = cell.decode("utf-8", "replace").strip()
    if not text:
        return ""
    found = number(text)
    return found if found is not None else None if is_absent(text) else text
