"""Where does each record of an event file begin, and is it whole? Lengths, checksums, and the way back after damage.

A record is its length (8 bytes), the length's checksum, the payload, the payload's checksum; the checksums are CRC32C,
rotated and shifted by a constant ("masked"). Source: tensorflow/core/lib/io/record_writer.h.
"""

from __future__ import annotations

import struct
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
_SEARCH = 1 << 20  # bytes looked through at once for the next record
_TRIES = 64  # records that look whole by their length alone and are not, before the search gives up


def crc32c(data: Bytes, before: int = 0) -> int:
    """The CRC32C of `data`, or of what had the CRC32C `before` with `data` behind it."""
    import google_crc32c

    if google_crc32c.implementation == "c":
        return int(google_crc32c.extend(before, data))
    return int(google_crc32c.extend(before, data.tobytes()))  # its Python reads nothing but bytes


def masked(crc: int) -> int:
    """A CRC32C as it is written into the file."""
    return ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF


def length_of(header: bytes) -> int | None:
    """The length of the payload by the 12 bytes before it, None when they contradict each other."""
    length, check = struct.unpack("<QI", header)
    return int(length) if masked(crc32c(np.frombuffer(header, np.uint8, 8))) == check else None


def whole(record: Bytes) -> bool:
    """Whether the checksum of one record's payload holds."""
    return masked(crc32c(record[HEADER:-4])) == int.from_bytes(record[-4:].tobytes(), "little")


def seed_of(header: bytes) -> int:
    """What the first four bytes behind a header must be XORed with, to be checked in one chain.

    The register that has passed a whole record and then this header stands where `crc32c` would begin anew with
    these four bytes XORed by its state: a checksum is linear.
    """
    return crc32c(np.frombuffer(header, np.uint8), _WHOLE)


def broken(chain: Bytes, starts: Any, seeds: Any) -> list[int]:
    """The beginnings of the records in `chain` whose checksums do not hold, in one pass when there are none.

    `chain` holds whole records end to end and is changed; `starts` are their offsets in it, `seeds` as `seed_of`.
    After unmasking each checksum and XORing the seeds in, every whole record leaves the register in the same state,
    so one checksum of all of them tells; else halves are looked at until each bad record stands alone.
    """
    starts, seeds = np.asarray(starts, np.int64), np.asarray(seeds, np.uint32)
    words = np.ndarray((len(chain) - 3,), "<u4", chain, 0, (1,))
    unmask(words, np.append(starts[1:], len(chain)) - 4)
    words[starts + HEADER] ^= seeds
    if holds(chain):
        return []
    bounds = [*starts.tolist(), len(chain)]
    bad, todo = [], [(0, len(starts))]
    while todo:
        low, high = todo.pop()
        if holds(chain[bounds[low] : bounds[high]]):
            continue
        if high - low == 1:
            bad.append(bounds[low])
        else:
            middle = (low + high) // 2
            todo += [(low, middle), (middle, high)]
    return sorted(bad)


def unmask(words: Any, at: Any = ...) -> None:
    """Turn masked checksums at `at` back into checksums, in place."""
    crc = words[at] - np.uint32(_MASK)
    words[at] = crc >> np.uint32(17) | crc << np.uint32(15)


def holds(chain: Bytes) -> bool:
    """Whether a chain prepared as in `broken` is whole."""
    return crc32c(chain, _WHOLE) == _WHOLE


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
