"""Where are the points of each tag kept while a file is read? In columns that are as long as the file will need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..run import Array
from .columns import Piece

_POINT = 16  # bytes of a point without its step
_SHORT = 64  # pieces of so few steps are compared


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """The points of one tag, in the order of the file: `step (n,)` int64, `value (n,)`, `time (n,)` in seconds."""

    step: npt.NDArray[np.int64]
    value: Array
    time: Array


@dataclass(slots=True, eq=False)
class Column:
    """The points of one tag so far: `n` of them in `value` and `time`, the rest is room; steps in pieces."""

    steps: list[Any] = field(default_factory=list)
    value: Array = field(default_factory=lambda: np.empty(0))
    time: Array = field(default_factory=lambda: np.empty(0))
    n: int = 0


@dataclass(slots=True, eq=False)
class Store:
    """The columns by tag. Room is taken for all points that a file of `size` bytes should hold, judged by what has
    been read of it, but for no more bytes in all than the file has: a few bytes of file cannot ask for much memory.
    """

    size: int
    columns: dict[str, Column] = field(default_factory=dict)
    taken: int = 0

    def put(self, tag: str, pieces: Sequence[Piece], read: int) -> None:
        """Add points behind those of a tag, when `read` bytes of the file have been read."""
        column = self.columns.get(tag)
        if column is None:
            column = self.columns[tag] = Column()
        n = column.n
        need = n + sum(len(piece.at) for piece in pieces)
        if need > len(column.value):
            self._widen(column, need, read)
        for piece in pieces:
            stop = n + len(piece.at)
            column.value[n:stop] = piece.value
            column.time[n:stop] = piece.time
            column.steps.append(piece.step)
            n = stop
        column.n = n

    def _widen(self, column: Column, need: int, read: int) -> None:
        before = len(column.value)
        room = need + need * max(0, self.size - read) // max(1, read)
        if self.taken + _POINT * (room - before) > self.size:
            room = need if not before else max(need, 2 * before)
        self.taken += _POINT * (room - before)
        for name in ("value", "time"):
            wide = np.empty(room)
            wide[: column.n] = getattr(column, name)[: column.n]
            setattr(column, name, wide)

    def points(self) -> Mapping[str, Points]:
        """All points by tag; tags that were logged side by side share one array of steps, which is read-only."""
        shared: dict[tuple[int | bytes, ...], npt.NDArray[np.int64]] = {}
        found = {}
        for tag, column in self.columns.items():
            same = tuple(id(piece) if len(piece) > _SHORT else piece.tobytes() for piece in column.steps)
            if same not in shared:
                shared[same] = np.concatenate(column.steps)
                shared[same].flags.writeable = False
            n = column.n
            value, time = column.value[:n], column.time[:n]
            if 2 * n < len(column.value):
                value, time = value.copy(), time.copy()
            found[tag] = Points(shared[same], value, time)
        return found
