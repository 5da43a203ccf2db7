"""How are a million small records decoded without looking at each? As tables, whose rows repeat the same records.

A trainer logs the same tags in the same order again and again, so the bytes of the file repeat with a period: once the
layout of one period is known, the rest is a table. Nothing is taken on trust: every bit of every row that the layout
calls structure is compared.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from .columns import Piece, Steps, columns
from .protobuf import Layout, layout
from .records import FRAME, HEADER, Bytes, length_of

BIG = 1024  # bytes of a payload; records beyond are looked at one by one: their layouts seldom come twice
FAR = 1 << 18  # bytes in which a period is looked for
_ROWS, _RECORDS = 32, 256  # what a table must hold to cost less than its records one by one
_BLOCK = 1 << 18  # bytes compared at once: they stay in the cache
_ROW = 4096  # bytes that a row should have: short ones are compared several at a time
_MAX_MASKS = 16  # tried for one size of record; lengths of a step and a tag that add up alike make two or three
_MAX_KINDS = 8192  # layouts remembered; a file has one for each tag and each length of its steps
_MAX_TABLES = 64  # tables remembered, of up to FAR bytes


@dataclass(slots=True, eq=False)
class Kind:
    """Records of one layout: their size with frame, and which bits of them are equal."""

    layout: Layout
    size: int
    fixed: bytes
    mask: bytes


class Table(NamedTuple):
    """Kinds of records that follow each other again and again, `period` bytes together; what is fixed in several of
    these rows, and under which mask."""

    kinds: tuple[Kind, ...]
    sizes: tuple[int, ...]
    period: int
    fixed: Bytes
    mask: Bytes


@dataclass(slots=True)
class Known:
    """What earlier records have taught: headers that hold, kinds by size, mask and masked payload, tables by their
    first kind. Nothing in it depends on the file, so that it serves for the next file too.

    Payloads are remembered as bytes, whose hashes no file can foresee: those of integers could be made to collide.
    """

    headers: dict[bytes, int] = field(default_factory=dict)
    kinds: defaultdict[int, dict[int, dict[bytes, Kind]]] = field(default_factory=lambda: defaultdict(dict))
    count: int = 0
    tables: dict[Kind, Table] = field(default_factory=dict)

    def size(self, header: bytes) -> int | None:
        """Size of a record with its frame; None when the header does not hold."""
        found = self.headers.get(header)
        if found is None:
            length = length_of(header)
            if length is None:
                return None
            found = length + FRAME
            if len(self.headers) >= _MAX_KINDS:
                self.headers.clear()
            self.headers[header] = found
        return found

    def kind(self, raw: bytearray, at: int, size: int) -> Kind | None:
        """The kind of the record of `size` bytes at `at`, None when its layout is unusual."""
        payload = bytes(raw[at + HEADER : at + size - 4])
        number = int.from_bytes(payload, "little")
        for mask, kinds in self.kinds[size].items():
            kind = kinds.get((number & mask).to_bytes(len(payload), "little"))
            if kind is not None:
                return kind
        found = layout(payload)
        if found is None:
            return None
        bits = bytearray(b"\xff" * len(payload))
        for place, length, free in found.free:
            bits[place : place + length] = bytes((0xFF ^ free,)) * length
        mask = int.from_bytes(bits, "little")
        fixed = (number & mask).to_bytes(len(payload), "little")
        kind = Kind(
            found,
            size,
            bytes(raw[at : at + HEADER]) + fixed + bytes(4),
            b"\xff" * HEADER + bytes(bits) + bytes(4),
        )
        if self.count >= _MAX_KINDS:
            self.kinds.clear()
            self.count = 0
        self.count += 1
        masks = self.kinds[size]
        if len(masks) >= _MAX_MASKS:
            masks.clear()
        masks.setdefault(mask, {})[fixed] = kind
        return kind

    def remember(self, table: Table) -> None:
        """What is to be expected behind a record of the table's first kind."""
        if len(self.tables) >= _MAX_TABLES:
            self.tables.clear()
        self.tables[table.kinds[0]] = table


def repeated(raw: bytearray, data: Bytes, at: int, kind: Kind, known: Known) -> tuple[Table | None, int]:
    """The table that begins at `at` with a record of this kind, and how many of its rows follow: 0 when they are too
    few to be worth it. `data` is the whole part of `raw`.
    """
    table = known.tables.get(kind)
    if table is not None:
        rows = _rows(data, at, table)
        if not rows and len(data) - at >= _least(table):
            del known.tables[kind]
        return table, rows
    table = _find(raw, at, len(data), kind, known)
    rows = _rows(data, at, table) if table else 0
    if table and rows:
        known.remember(table)
    return table, rows


def _find(raw: bytearray, at: int, stop: int, first: Kind, known: Known) -> Table | None:
    """The kinds of one period of records from `at` on, None where no period can be seen."""
    name = _name(first.layout)
    if name is None:
        return None
    a, b = at + HEADER + name[0], at + HEADER + name[1]
    period = raw.find(raw[a:b], b, min(b + FAR, stop)) - a
    kinds, place = [first], at + first.size
    while place < at + period and place + HEADER <= stop:
        size = known.size(bytes(raw[place : place + HEADER]))
        if size is None or size > BIG + FRAME or place + size > stop:
            return None
        kind = known.kind(raw, place, size)
        if kind is None:
            return None
        kinds.append(kind)
        place += size
    if place != at + period:
        return None
    fixed, mask = b"".join(kind.fixed for kind in kinds), b"".join(kind.mask for kind in kinds)
    several = max(1, _ROW // period)
    return Table(
        tuple(kinds),
        tuple(kind.size for kind in kinds),
        period,
        np.frombuffer(several * fixed, np.uint8),
        np.frombuffer(several * mask, np.uint8),
    )


def _name(shape: Layout) -> tuple[int, int] | None:
    """A piece of a payload that only events with the same tag have: from behind the step to the first number."""
    if not shape.values:
        return None
    begin, end = max(shape.wall + 8, shape.step + shape.step_bytes), shape.values[0].at
    return (begin, end) if end - begin >= 4 else None


def _rows(data: Bytes, at: int, table: Table) -> int:
    """How many rows of `table` stand at `at`; 0 when they are too few to be worth it."""
    period, enough = table.period, _least(table) // table.period
    rows = (len(data) - at) // period
    if rows < enough:
        return 0
    length = np.ndarray((rows,), "<u8", data, at, (period,))
    alike = length == length[0]
    rows = rows if alike.all() else int(alike.argmin())
    if rows < enough:
        return 0
    flat, step = data[at : at + rows * period], max(1, _BLOCK // len(table.fixed)) * len(table.fixed)
    for begin in range(0, len(flat), step):
        block = flat[begin : begin + step]
        if not _alike(block, table.fixed, table.mask):
            other = (block.reshape(-1, period) ^ table.fixed[:period]) & table.mask[:period]
            rows = begin // period + int(other.any(axis=1).argmax())
            break
    return rows if rows >= enough else 0


def _least(table: Table) -> int:
    """The bytes of the fewest rows that cost less as a table than one by one."""
    return max(_ROWS, _RECORDS // len(table.kinds)) * table.period


def _alike(flat: Bytes, fixed: Bytes, mask: Bytes) -> bool:
    """Whether `flat` repeats `fixed` where `mask` is set: no bit ever set that should not be, none ever missing."""
    cut = len(flat) // len(fixed) * len(fixed)
    for rows in (flat[:cut].reshape(-1, len(fixed)), flat[cut:].reshape(1, -1)):
        n = rows.shape[1]
        if rows.size:
            ever = np.bitwise_or.reduce(rows, axis=0) ^ fixed[:n]
            always = np.bitwise_and.reduce(rows, axis=0) ^ fixed[:n]
            if ((ever | always) & mask[:n]).any():
                return False
    return True


def pieces_of(data: Bytes, at: int, table: Table, rows: int) -> list[Piece]:
    """The points of `rows` rows of a table from `at` on."""
    steps: Steps = {}
    pieces = []
    for kind in table.kinds:
        pieces += columns(data, range(at, at + rows * table.period, table.period), kind.layout, steps)
        at += kind.size
    return pieces
