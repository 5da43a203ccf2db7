"""Where does each record of an event file begin, and is it whole? Lengths, checksums, and the way back after damage.

A record is its length (8 bytes), the length's checksum, the payload, the payload's checksum; the checksums are CRC32C,
rotated and shifted by a constant ("masked"). Source: tensorflow/core/lib/io/record_writer.h.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import cache
from io import FileIO
from typing import Any

import numpy as np
import numpy.typing as npt

HEADER, FRAME = 12, 16  # bytes before the payload, and around it
MAX_RECORD = 1 << 30  # bytes of payload; TensorFlow cannot write a longer protocol buffer than 2 GiB

Bytes = npt.NDArray[np.uint8]

_MASK = 0xA282EAD8
#: What CRC32C gives of anything followed by its own CRC32C: a whole record always ends here.
_WHOLE = 0x48674BC7
#: What leads a checksum from there back to its beginning: crc32c(_LINK, _WHOLE) == 0.
_LINK = np.void(bytes(8) + (0xB0802EF6).to_bytes(4, "little"))
_SEARCH = 1 << 20  # bytes looked through at once for the next record
_TRIES = 64  # records that look whole by their length alone and are not, before the search gives up


def crc32c(data: Bytes | bytes, before: int = 0) -> int:
    """The CRC32C of `data`, or of what had the CRC32C `before` with `data` behind it."""
    import google_crc32c

    if google_crc32c.implementation == "c":
        return int(google_crc32c.extend(before, data))
    return int(google_crc32c.extend(before, bytes(data)))  # its Python reads nothing but bytes


def masked(crc: int) -> int:
    """A CRC32C as it is written into the file."""
    return ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF


def length_of(header: bytes) -> int | None:
    """The length of the payload by the 12 bytes before it, None when they contradict each other."""
    length, check = struct.unpack("<QI", header)
    return int(length) if masked(crc32c(header[:8])) == check else None


def whole(record: Bytes) -> bool:
    """Whether the checksum of one record's payload holds."""
    return masked(crc32c(record[HEADER:-4])) == int.from_bytes(record[-4:].tobytes(), "little")


def link(chain: Bytes, starts: Any, stops: Any) -> None:
    """Make records of `chain` links of it, in place: arrays of where each begins and ends.

    A checksum goes on where it stopped, so that one call can check many records if each leaves the register as it
    found it. A payload with its checksum unmasked behind it ends in a state that does not depend on the payload, and
    a header can be replaced by twelve bytes that lead from there to the state before a payload.
    """
    np.ndarray((len(chain) - HEADER + 1,), _LINK.dtype, chain, 0, (1,))[starts] = _LINK
    words = np.ndarray((len(chain) - 3,), "<u4", chain, 0, (1,))
    crc = words[stops - 4] - np.uint32(_MASK)
    words[stops - 4] = crc >> np.uint32(17) | crc << np.uint32(15)


def link_table(chain: Bytes, at: int, sizes: Sequence[int], rows: int) -> None:
    """As `link`, for `rows` times the records of these sizes one after the other from `at` on."""
    period = sum(sizes)
    if min(sizes) == max(sizes):  # then all are one table of a single column
        period, rows, sizes = sizes[0], rows * len(sizes), sizes[:1]
    for size in sizes:
        np.ndarray((rows,), _LINK.dtype, chain, at, (period,))[...] = _LINK
        at += size
        words = np.ndarray((rows,), "<u4", chain, at - 4, (period,))
        crc = words - np.uint32(_MASK)
        np.bitwise_or(crc >> np.uint32(17), crc << np.uint32(15), words)


def holds(chain: Bytes) -> bool:
    """Whether all records of a linked chain are whole."""
    return crc32c(chain, _WHOLE) == _WHOLE


def broken(chain: Bytes, bounds: Sequence[int]) -> list[int]:
    """Which links do not hold, those between two `bounds` that follow each other: halves are looked at until each
    stands alone."""
    bad, todo = [], [(0, len(bounds) - 1)]
    while todo:
        low, high = todo.pop()
        if holds(chain[bounds[low] : bounds[high]]):
            continue
        if high - low == 1:
            bad.append(low)
        else:
            middle = (low + high) // 2
            todo += [(low, middle), (middle, high)]
    return sorted(bad)


def next_record(file: FileIO, start: int, end: int) -> int | None:
    """The offset of the first whole, non-empty record that begins in [start, end) and ends there, or None."""
    at, size, tries = start, 4096, _TRIES
    while at + FRAME < end and tries:
        file.seek(at)
        piece = np.frombuffer(file.read(min(size, end - at)), np.uint8)
        if len(piece) <= FRAME:
            break
        for found in _headers(piece).tolist():
            length = int.from_bytes(piece[found : found + 4].tobytes(), "little")
            if at + found + FRAME + length <= end:
                file.seek(at + found)
                if whole(np.frombuffer(file.read(FRAME + length), np.uint8)):
                    return at + int(found)
                tries -= 1
                if not tries:
                    break
        at += len(piece) - HEADER + 1
        size = _SEARCH
    return None


def zeros(file: FileIO, start: int, end: int) -> bool:
    """Whether the file holds nothing but zeros in [start, end)."""
    file.seek(start)
    while start < end:
        piece = file.read(min(_SEARCH, end - start))
        if not piece or piece.count(0) != len(piece):
            return False
        start += len(piece)
    return True


def _headers(piece: Bytes) -> Any:
    """Where the headers of records of 1 byte to MAX_RECORD may stand: their checksums hold."""
    n = len(piece) - HEADER + 1
    low, high, check = (np.ndarray((n,), "<u4", piece, k, (1,)) for k in (0, 4, 8))
    at = np.flatnonzero((high == 0) & (low != 0))
    at = at[low[at] <= MAX_RECORD]
    crc = np.full(len(at), crc32c(np.zeros(8, np.uint8)), np.uint32)
    for k, table in enumerate(_tables()):
        crc ^= table[piece[at + k]]
    return at[((crc >> np.uint32(15) | crc << np.uint32(17)) + np.uint32(_MASK)) == check[at]]


@cache
def _tables() -> tuple[npt.NDArray[np.uint32], ...]:
    """What each value of each of the four lower bytes of a length adds to the length's checksum."""
    zero = crc32c(np.zeros(8, np.uint8))
    lengths = np.arange(256, dtype="<u8")
    return tuple(
        np.array([crc32c(lengths[k : k + 1] << np.uint64(8 * byte)) ^ zero for k in range(256)], np.uint32)
        for byte in range(4)
    )
