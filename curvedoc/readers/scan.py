"""What do the records of a stretch of an event file hold? Tables at once, others told by their layout, blobs unread."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from .columns import Piece, Point, columns, one
from .protobuf import is_blob, layout
from .records import FRAME, HEADER, Bytes, broken, holds, link, link_table
from .tables import BIG, FAR, Kind, Known, Table, pieces_of, repeated

_FEW = 8  # records of one layout are decoded one by one up to this number: a column costs as much
_PATIENCE = 512  # bytes after which a table is looked for again; doubled whenever there is none
#: Where rows of a table stand, and how many.
Rows = tuple[int, Table, int]


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


def scan(raw: bytearray, stop: int, known: Known, more: bool = False) -> Window:
    """Everything in the whole records at the beginning of `raw[:stop]`; headers and checksums there are changed.

    Where `more` bytes follow in the file, a table that goes on is left at the end of a row.
    """
    window, data = Window(), np.frombuffer(raw, np.uint8, stop)
    headers, remembered = known.headers, known.tables
    places: defaultdict[Kind, list[int]] = defaultdict(list)
    starts: list[int] = []  # of the records looked at one by one
    stops: list[int] = []
    tables: list[Rows] = []
    at = again = 0
    patience = _PATIENCE
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
        elif (kind := known.kind(raw, at, size)) is None:
            window.odd.append((at, at + size))
        else:
            if kind in remembered or (at >= again and kind in places):
                again, patience = at + patience, min(2 * patience, FAR)
                table, rows = repeated(raw, data, at, kind, known)
                if table is not None and rows:
                    tables.append((at, table, rows))
                    at += rows * table.period
                    window.last, patience = at - table.sizes[-1], _PATIENCE
                    if more and stop - at < table.period:
                        break
                    continue
            places[kind].append(at)
        starts.append(at)
        at += size
        stops.append(at)
    window.end = at
    for begin, table, rows in tables:
        window.pieces += pieces_of(data, begin, table, rows)
    for kind, those in places.items():
        if len(those) < _FEW:
            window.points += [point for place in those for point in one(raw, place, kind.layout)]
        else:
            window.pieces += columns(data, np.array(those, np.int64), kind.layout, {})
    _check(window, data[:at], starts, stops, tables)
    return window


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
        bounds += [int(k) for k in (at + table.period * np.arange(rows)[:, None] + first).ravel()]
    bounds.sort()
    window.bad += [(bounds[k], bounds[k + 1]) for k in broken(chain, bounds)]


def _big(window: Window, raw: bytearray, at: int, stop: int) -> None:
    """A record whose contents are mostly of no interest: its fields are stepped over."""
    if not is_blob(raw, at + HEADER, stop - 4):
        found = layout(raw, at + HEADER, stop - 4)
        if found is None:
            window.odd.append((at, stop))
        else:
            window.points += one(raw, at, found)
