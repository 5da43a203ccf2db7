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

from .protobuf import WIDTH, Layout, layout
from .records import FRAME, HEADER, Bytes, broken, holds, length_of, seed_of, unmask, whole

BIG = 1024  # bytes; records beyond are looked at one by one: their layouts seldom come twice
_FEW = 8  # records of one layout are decoded one by one up to this number: a column costs as much
_ROWS, _RECORDS = 32, 256  # what a table must hold to cost less than its records one by one
_FAR = 1 << 18  # bytes in which a period is looked for
_BLOCK = 1 << 18  # bytes compared at once: they stay in the cache
_ROW = 512  # bytes that a row should have: short ones are compared several at a time
_FORMAT = {
    **{"i1": "<b", "u1": "<B", "<f2": "<e", "<i2": "<h", "<u2": "<H", "<f4": "<f", "<i4": "<i", "<u4": "<I"},
    **{"<f8": "<d", "<i8": "<q", "<u8": "<Q"},
}
_MAX_MASKS = 16  # tried for one size of record; lengths of a step and a tag that add up alike make two or three
_MAX_KINDS = 8192  # layouts remembered; a file has one for each tag and each length of its steps


class Kind(NamedTuple):
    """Records of one layout: their size with frame, their seed (`seed_of`), and which bits of them are equal."""

    layout: Layout
    size: int
    seed: int
    fixed: bytes
    mask: bytes


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
    """What earlier records of the file have taught: headers that hold, and kinds by size, mask and masked payload.

    The last are bytes, whose hashes no file can foresee: those of integers could be made to collide.
    """

    headers: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    kinds: defaultdict[int, dict[int, dict[bytes, Kind]]] = field(default_factory=lambda: defaultdict(dict))
    count: int = 0

    def header(self, header: bytes) -> tuple[int, int] | None:
        """Size of a record with its frame, and its seed; None when the header does not hold."""
        found = self.headers.get(header)
        if found is None:
            length = length_of(header)
            if length is None:
                return None
            found = (length + FRAME, seed_of(header))
            if length <= BIG:
                self.headers[header] = found
        return found

    def kind(self, raw: bytes, at: int, size: int, seed: int) -> Kind | None:
        """The kind of the record of `size` bytes at `at`, None when its layout is unusual."""
        payload = raw[at + HEADER : at + size - 4]
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
            seed,
            raw[at : at + HEADER] + fixed + bytes(4),
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


def scan(raw: bytes, known: Known) -> Window:
    """Everything in the whole records at the beginning of `raw`."""
    window, data = Window(), np.frombuffer(raw, np.uint8)
    headers = known.headers
    kinds: dict[int, Kind] = {}
    places: defaultdict[int, list[int]] = defaultdict(list)  # by the identity of the kind
    starts: list[int] = []  # of a run of small records, checked in one chain
    seeds: list[int] = []
    at, size, stop = 0, 0, len(raw)
    again, patience = 0, _ROW  # where to look for a table again, and how much further after each failure
    while stop - at >= HEADER:
        if at >= again:
            table = _table(raw, data, at, known)
            if table is not None:
                _check_run(window, data, starts, seeds, at)
                at = window.last = _take(window, data, at, *table)
                window.last -= table[0][-1].size
                patience = _ROW
                continue
            again, patience = at + patience, min(2 * patience, _FAR)
        header = headers.get(raw[at : at + HEADER]) or known.header(raw[at : at + HEADER])
        if header is None:
            window.header = False
            break
        size, seed = header
        if at + size > stop:
            window.size = size
            break
        if size > BIG + FRAME:
            _check_run(window, data, starts, seeds, at)
            _big(window, raw, data, at, size)
        else:
            starts.append(at)
            seeds.append(seed)
            kind = known.kind(raw, at, size, seed)
            if kind is None:
                window.odd.append((at, at + size))
            else:
                places[id(kind)].append(at)
                kinds[id(kind)] = kind
        window.last = at
        at += size
    _check_run(window, data, starts, seeds, at)
    window.end = at
    for key, those in places.items():
        if len(those) < _FEW:
            for place in those:
                window.points += _one(raw, place, kinds[key].layout)
        else:
            window.pieces += _columns(data, np.array(those, np.int64), kinds[key].layout)
    return window


def _table(raw: bytes, data: Bytes, at: int, known: Known) -> tuple[list[Kind], int] | None:
    """The kinds of one period of records from `at` on, and how many periods follow each other; None when too few."""
    kinds: list[Kind] = []
    period, place = _FAR, at
    while place < at + period and len(raw) - place >= HEADER:
        header = known.header(raw[place : place + HEADER])
        if header is None or header[0] > BIG + FRAME or place + header[0] > len(raw):
            return None
        kind = known.kind(raw, place, *header)
        if kind is None:
            return None
        kinds.append(kind)
        if place == at:
            name = _name(kind.layout)
            if name is None:
                return None
            a, b = at + HEADER + name[0], at + HEADER + name[1]
            period = raw.find(raw[a:b], b, b + _FAR) - a
            if period <= 0:
                return None
        place += header[0]
    rows = (len(raw) - at) // period
    enough = max(_ROWS, _RECORDS // max(1, len(kinds)))
    if place != at + period or rows < enough:
        return None
    rows = _rows(data[at : at + rows * period].reshape(rows, period), kinds)
    return (kinds, rows) if rows >= enough else None


def _name(shape: Layout) -> tuple[int, int] | None:
    """A piece of a payload that only events with the same tag have: from behind the step to the first number."""
    if not shape.values:
        return None
    begin, end = max(shape.wall + 8, shape.step + shape.step_bytes), shape.values[0].at
    return (begin, end) if end - begin >= 4 else None


def _rows(table: Bytes, kinds: list[Kind]) -> int:
    """How many rows of `table` hold records of these kinds."""
    fixed = np.frombuffer(b"".join(kind.fixed for kind in kinds), np.uint8)
    mask = np.frombuffer(b"".join(kind.mask for kind in kinds), np.uint8)
    rows, period = table.shape
    several = max(1, min(_ROW // period, rows // 8))
    flat, done = table.reshape(-1), 0
    block = 64
    while done < rows:
        count = min(max(block, several), rows - done)
        if _same(flat[done * period : (done + count) * period], fixed, mask, several):
            done += count
            block = min(4 * block, max(64, _BLOCK // period))
            continue
        low, high = 0, count  # the first `low` rows are the same, the first `high` are not
        while high - low > 1:
            middle = (low + high) // 2
            if _same(flat[(done + low) * period : (done + middle) * period], fixed, mask, several):
                low = middle
            else:
                high = middle
        return done + low
    return done


def _same(flat: Bytes, fixed: Bytes, mask: Bytes, several: int) -> bool:
    """Whether all rows are `fixed` where `mask` is set: no bit ever set that should not be, none ever missing."""
    period = len(fixed)
    cut = len(flat) // (several * period) * several * period
    for rows in (flat[:cut].reshape(-1, several, period), flat[cut:].reshape(-1, 1, period)):
        if len(rows):
            together = rows.reshape(len(rows), -1)  # long rows: a short loop costs more than its bytes
            ever = np.bitwise_or.reduce(together, axis=0).reshape(-1, period) ^ fixed
            always = np.bitwise_and.reduce(together, axis=0).reshape(-1, period) ^ fixed
            if ((ever | always) & mask).any():
                return False
    return True


def _take(window: Window, data: Bytes, at: int, kinds: list[Kind], rows: int) -> int:
    """Decode and check a table at `at`; where it ends."""
    period = sum(kind.size for kind in kinds)
    offset = at
    for kind in kinds:
        window.pieces += _columns(data, range(offset, offset + rows * period, period), kind.layout)
        offset += kind.size
    sizes = np.array([kind.size for kind in kinds])
    first = np.cumsum(sizes) - sizes
    block = max(64, (1 << 20) // period)
    for begin in range(0, rows, block):
        count = min(block, rows - begin)
        low = at + begin * period
        chain = data[low : low + count * period].copy()
        for kind, place in zip(kinds, first.tolist(), strict=True):
            unmask(np.ndarray((count,), "<u4", chain, place + kind.size - 4, (period,)))
            np.ndarray((count,), "<u4", chain, place + HEADER, (period,))[...] ^= np.uint32(kind.seed)
        if not holds(chain):
            starts = (np.arange(count)[:, None] * period + first).ravel()
            chain = data[low : low + count * period].copy()
            _mark(window, broken(chain, starts, np.tile([kind.seed for kind in kinds], count)), data, low)
    return at + rows * period


def _check_run(window: Window, data: Bytes, starts: list[int], seeds: list[int], stop: int) -> None:
    """Check the records of a run, which end at `stop`, and begin a new run."""
    if starts:
        first = starts[0]
        _mark(window, broken(data[first:stop].copy(), np.array(starts, np.int64) - first, seeds), data, first)
        starts.clear()
        seeds.clear()


def _mark(window: Window, bad: list[int], data: Bytes, offset: int) -> None:
    for start in bad:
        begin = offset + start
        window.bad.append((begin, begin + FRAME + int.from_bytes(data[begin : begin + 8].tobytes(), "little")))


def _big(window: Window, raw: bytes, data: Bytes, at: int, size: int) -> None:
    """A record whose contents are mostly of no interest: its fields are stepped over."""
    if not whole(data[at : at + size]):
        window.bad.append((at, at + size))
        return
    found = layout(raw, at + HEADER, at + size - 4)
    if found is None:
        window.odd.append((at, at + size))
    else:
        window.points += _one(raw, at, found)


def _one(raw: bytes, at: int, shape: Layout) -> list[Point]:
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


def _columns(data: Bytes, starts: Any, shape: Layout) -> list[Piece]:
    """The points of all records of one layout that begin at `starts`, a range or an array."""
    n = len(starts)
    if not shape.values:
        return []
    time = np.zeros(n) if shape.wall < 0 else _load(data, starts, HEADER + shape.wall, "<f8")
    step = np.zeros(n, np.uint64)
    for k in range(shape.step_bytes):
        seven = _load(data, starts, HEADER + shape.step + k, "u1") & np.uint8(0x7F)
        step |= seven.astype(np.uint64) << np.uint64(7 * k)
    pieces = []
    for value in shape.values:
        place = HEADER + value.at
        at = (
            range(starts.start + place, starts.stop + place, starts.step)
            if isinstance(starts, range)
            else starts + place
        )
        number = _number(data, starts, place, value.number) if value.number else None
        pieces.append(Piece(value.tag, value.plugin, at, step.view(np.int64), time, number))
    return pieces


def _number(data: Bytes, starts: Any, offset: int, kind: str) -> Any:
    if kind == "bfloat16":  # the upper half of a float32
        return (_load(data, starts, offset, "<u2").astype("<u4") << np.uint32(16)).view("<f4").astype(np.float64)
    return _load(data, starts, offset, kind).astype(np.float64)


def _load(data: Bytes, starts: Any, offset: int, kind: str) -> Any:
    """The numbers of a numpy type that stand `offset` behind each start; numpy refuses what lies outside of `data`."""
    if isinstance(starts, range):
        return np.ndarray((len(starts),), kind, data, starts.start + offset, (starts.step,)).copy()
    return np.ndarray((len(data) - WIDTH[kind] + 1,), kind, data, 0, (1,))[starts + offset]
