"""How are a million small records decoded without looking at each? As columns: rows of one layout, strided.

A trainer logs the same tags in the same order again and again, so the bytes of the file repeat with a period: once the
layout of one period is known, the rest is a table. Nothing is taken on trust: every bit of every row that the layout
calls structure is compared. What does not repeat is told record by record which known layout it has, and then decoded
layout by layout.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from .protobuf import WIDTH, Layout, is_blob, layout
from .records import FRAME, HEADER, Bytes, broken, holds, length_of, link, link_table

BIG = 1024  # bytes; records beyond are looked at one by one: their layouts seldom come twice
_FEW = 8  # records of one layout are decoded one by one up to this number: a column costs as much
_ROWS, _RECORDS = 32, 256  # what a table must hold to cost less than its records one by one
_FAR = 1 << 18  # bytes in which a period is looked for
_BLOCK = 1 << 18  # bytes compared at once: they stay in the cache
_ROW = 4096  # bytes that a row should have: short ones are compared several at a time
_PATIENCE = 512  # bytes after which a table is looked for again; doubled whenever there is none
_FORMAT = {
    **{"i1": "<b", "u1": "<B", "<f2": "<e", "<i2": "<h", "<u2": "<H", "<f4": "<f", "<i4": "<i", "<u4": "<I"},
    **{"<f8": "<d", "<i8": "<q", "<u8": "<Q"},
}
_MAX_MASKS = 16  # tried for one size of record; lengths of a step and a tag that add up alike make two or three
_MAX_KINDS = 8192  # layouts remembered; a file has one for each tag and each length of its steps
_MAX_TABLES = 64  # tables remembered, of up to _FAR bytes


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


class Piece(NamedTuple):
    """Points of one tag: where their numbers stand in the window, step, wall time, number.

    `value` is None for a tensor that holds no single number. `plugin` as in `Value`.
    """

    tag: str
    plugin: str | None
    at: Sequence[int] | Any
    step: Any
    time: Any
    value: Any


class Point(NamedTuple):
    """A Piece of one point."""

    tag: str
    plugin: str | None
    at: int
    step: int
    time: float
    value: float | None


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


#: Where rows of a table stand, and how many.
Rows = tuple[int, Table, int]
#: Steps by the number of their bytes, as these stand in the file and as numbers.
Steps = dict[int, tuple[Any, Any]]


@dataclass(slots=True)
class Window:
    """What a stretch of whole records holds. `end` is where it stops; `size` that of the record there if it is not
    whole, `header` False when its header does not hold. `odd` are (start, stop) of the records that only the
    protobuf library reads, `bad` those whose checksum does not hold, `last` the start of the last record.
    """

    pieces: list[Piece] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    odd: list[tuple[int, int]] = field(default_factory=list)
    bad: list[tuple[int, int]] = field(default_factory=list)
    end: int = 0
    last: int = 0
    size: int = 0
    header: bool = True


def scan(raw: bytearray, stop: int, known: Known) -> Window:
    """Everything in the whole records at the beginning of `raw[:stop]`; headers and checksums there are changed."""
    window, data = Window(), np.frombuffer(raw, np.uint8, stop)
    headers, remembered = known.headers, known.tables
    places: dict[Kind, list[int]] = {}
    starts: list[int] = []  # of the records looked at one by one
    stops: list[int] = []
    tables: list[Rows] = []
    at = 0
    again, patience = 0, _PATIENCE
    while stop - at >= HEADER:
        header = bytes(raw[at : at + HEADER])
        size = headers.get(header) or known.size(header)
        if size is None:
            window.header = False
            break
        if at + size > stop:
            window.size = size
            break
        window.last = at
        if size > BIG + FRAME:
            _big(window, raw, at, at + size)
        else:
            kind = known.kind(raw, at, size)
            if kind is None:
                window.odd.append((at, at + size))
            else:
                table, rows = remembered.get(kind), 0
                if table is not None:
                    rows = _rows(data, at, table)
                    if not rows:
                        del remembered[kind]
                elif kind in places and at >= again:
                    table = _table(raw, at, stop, kind, known)
                    rows = _rows(data, at, table) if table else 0
                    again, patience = at + patience, min(2 * patience, _FAR)
                if table and rows:
                    tables.append((at, table, rows))
                    known.remember(table)
                    at += rows * table.period
                    window.last, patience = at - table.sizes[-1], _PATIENCE
                    continue
                those = places.get(kind)
                if those is None:
                    places[kind] = [at]
                else:
                    those.append(at)
        starts.append(at)
        at += size
        stops.append(at)
    window.end = at
    with np.errstate(invalid="ignore"):  # a NaN may say of itself that it is worth a warning
        for begin, table, rows in tables:
            _take(window, data, begin, table, rows)
        for kind, those in places.items():
            if len(those) < _FEW:
                for place in those:
                    window.points += _one(raw, place, kind.layout)
            elif kind.layout.values:
                window.pieces += _columns(data, np.array(those, np.int64), kind.layout, {})
    _check(window, data[:at], starts, stops, tables)
    return window


def _table(raw: bytearray, at: int, stop: int, first: Kind, known: Known) -> Table | None:
    """The kinds of one period of records from `at` on, None where no period can be seen."""
    name = _name(first.layout)
    if name is None:
        return None
    a, b = at + HEADER + name[0], at + HEADER + name[1]
    period = raw.find(raw[a:b], b, min(b + _FAR, stop)) - a
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
    period = table.period
    rows, enough = (len(data) - at) // period, max(_ROWS, _RECORDS // len(table.kinds))
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


def _take(window: Window, data: Bytes, at: int, table: Table, rows: int) -> None:
    """Decode a table at `at`."""
    steps: Steps = {}
    for kind in table.kinds:
        if kind.layout.values:
            window.pieces += _columns(data, range(at, at + rows * table.period, table.period), kind.layout, steps)
        at += kind.size


def _check(window: Window, chain: Bytes, starts: list[int], stops: list[int], tables: list[Rows]) -> None:
    """Name the records whose checksums do not hold; their frames are changed."""
    if starts:
        link(chain, np.array(starts, np.int64), np.array(stops, np.int64))
    for at, table, rows in tables:
        link_table(chain, at, table.sizes, rows)
    if holds(chain):
        return
    bounds = [*starts, len(chain)]
    for at, table, rows in tables:
        first = np.cumsum(table.sizes) - table.sizes
        bounds += (at + table.period * np.arange(rows)[:, None] + first).ravel().tolist()
    bounds.sort()
    window.bad += [(bounds[k], bounds[k + 1]) for k in broken(chain, bounds)]


def _big(window: Window, raw: bytearray, at: int, stop: int) -> None:
    """A record whose contents are mostly of no interest: its fields are stepped over."""
    if not is_blob(raw, at + HEADER, stop - 4):
        found = layout(raw, at + HEADER, stop - 4)
        if found is None:
            window.odd.append((at, stop))
        else:
            window.points += _one(raw, at, found)


def _one(raw: bytes | bytearray, at: int, shape: Layout) -> list[Point]:
    """The points of the one record at `at`."""
    begin, step = at + HEADER, 0
    (time,) = (0.0,) if shape.wall < 0 else struct.unpack_from("<d", raw, begin + shape.wall)
    for k in range(shape.step_bytes):
        step |= (raw[begin + shape.step + k] & 0x7F) << 7 * k
    step -= step >> 63 << 64
    points = []
    for value in shape.values:
        place, number = begin + value.at, None
        if value.number == "bfloat16":
            (number,) = struct.unpack("<f", bytes(2) + raw[place : place + 2])
        elif value.number:
            (number,) = struct.unpack_from(_FORMAT[value.number], raw, place)
        points.append(Point(value.tag, value.plugin, place, step, time, None if number is None else float(number)))
    return points


def _columns(data: Bytes, starts: Any, shape: Layout, steps: Steps) -> list[Piece]:
    """The points of all records of one layout that begin at `starts`, a range or an array.

    `steps` are those of records beside them, which are shared where they are the same.
    """
    time = np.zeros(len(starts)) if shape.wall < 0 else _load(data, starts, HEADER + shape.wall, "<f8")
    step = _steps(data, starts, shape, steps)
    pieces = []
    for value in shape.values:
        place = HEADER + value.at
        at = (
            range(starts.start + place, starts.stop + place, starts.step)
            if isinstance(starts, range)
            else starts + place
        )
        number = _number(data, starts, place, value.number) if value.number else None
        pieces.append(Piece(value.tag, value.plugin, at, step, time, number))
    return pieces


def _steps(data: Bytes, starts: Any, shape: Layout, steps: Steps) -> Any:
    """The steps of records: seven bits of each byte, the lowest first."""
    size = shape.step_bytes
    if not size:
        return np.zeros(len(starts), np.int64)
    kind = "<u4" if size <= 4 else "<u8"  # the checksum behind the payload makes up for missing bytes
    word = _load(data, starts, HEADER + shape.step, kind)
    word &= word.dtype.type((1 << 8 * min(size, 8)) - 1)
    if size <= 8:
        known = steps.get(size)
        if known is not None and np.array_equal(word, known[0]):
            return known[1]
    step = word & word.dtype.type(0x7F)
    for k in range(1, min(size, 8)):
        step |= word >> word.dtype.type(k) & word.dtype.type(0x7F << 7 * k)
    for k in range(8, size):
        seven = _load(data, starts, HEADER + shape.step + k, "u1") & np.uint8(0x7F)
        step |= seven.astype(np.uint64) << np.uint64(7 * k)
    step = step.astype(np.uint64).view(np.int64)
    if size <= 8:
        steps[size] = word, step
    return step


def _number(data: Bytes, starts: Any, offset: int, kind: str) -> Any:
    if kind == "bfloat16":  # the upper half of a float32
        return (_load(data, starts, offset, "<u2").astype("<u4") << np.uint32(16)).view("<f4").astype(np.float64)
    return _load(data, starts, offset, kind, np.float64)


def _load(data: Bytes, starts: Any, offset: int, kind: str, to: Any = None) -> Any:
    """The numbers of a numpy type that stand `offset` behind each start; numpy refuses what lies outside of `data`."""
    if isinstance(starts, range):
        return np.ndarray((len(starts),), kind, data, starts.start + offset, (starts.step,)).astype(to or kind)
    found = np.ndarray((len(data) - WIDTH[kind] + 1,), kind, data, 0, (1,))[starts + offset]
    return found if to is None else found.astype(to)
