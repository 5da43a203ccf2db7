"""How are the numbers of many records of one layout taken at once? As columns: each field strided through them all."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .protobuf import WIDTH, Layout
from .records import HEADER, Bytes

_FORMAT = {
    **{"i1": "<b", "u1": "<B", "<f2": "<e", "<i2": "<h", "<u2": "<H", "<f4": "<f", "<i4": "<i", "<u4": "<I"},
    **{"<f8": "<d", "<i8": "<q", "<u8": "<Q"},
}
#: Steps by the number of their bytes, as these stand in the file and as numbers.
Steps = dict[int, tuple[Any, Any]]


class Piece(NamedTuple):
    """Points of one tag: where their numbers stand in the window, step, wall time, number.

    `value` is None for a tensor that holds no single number, else any type of numpy. `plugin` as in `Value`. Times and
    values may be views of the window: they are to be copied before the next is read.
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


def one(raw: bytes | bytearray, at: int, shape: Layout) -> list[Point]:
    """The points of the one record at `at`."""
    begin, step = at + HEADER, 0
    (time,) = (0.0,) if shape.wall < 0 else struct.unpack_from("<d", raw, begin + shape.wall)
    for k in range(shape.step_bytes):
        step |= (raw[begin + shape.step + k] & 0x7F) << 7 * k
    step -= step >> 63 << 64
    points: list[Point] = []
    for value in shape.values:
        place, number = begin + value.at, None
        if value.number == "bfloat16":
            (number,) = struct.unpack("<f", bytes(2) + raw[place : place + 2])
        elif value.number:
            (number,) = struct.unpack_from(_FORMAT[value.number], raw, place)
        points.append(Point(value.tag, value.plugin, place, step, time, None if number is None else float(number)))
    return points


def columns(data: Bytes, starts: Any, shape: Layout, steps: Steps) -> list[Piece]:
    """The points of all records of one layout that begin at `starts`, a range or an array.

    `steps` are those of records beside them, which are shared where they are the same.
    """
    if not shape.values:
        return []
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
    word = word & word.dtype.type((1 << 8 * min(size, 8)) - 1)
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
        return (_load(data, starts, offset, "<u2").astype("<u4") << np.uint32(16)).view("<f4")
    return _load(data, starts, offset, kind)


def _load(data: Bytes, starts: Any, offset: int, kind: str) -> Any:
    """The numbers of a numpy type that stand `offset` behind each start; numpy refuses what lies outside of `data`.

    Those of a range are a view of `data`.
    """
    if isinstance(starts, range):
        return np.ndarray((len(starts),), kind, data, starts.start + offset, (starts.step,))
    return np.ndarray((len(data) - WIDTH[kind] + 1,), kind, data, 0, (1,))[starts + offset]
