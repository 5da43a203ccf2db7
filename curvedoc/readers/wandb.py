"""W&B's own record of a run, run-<id>.wandb: a LevelDB log of protocol buffers."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import UnreadableLog
from ..run import Note
from .jsontree import facts, parse, put_row
from .log import Log
from .table import Table, to_logs

FORMAT = "W&B run record"
RECOGNIZES = "the bytes `:W&B` at the beginning (`run-<id>.wandb`)"
READS = "the whole history at the steps that W&B counted, NaN and infinities, configuration; runs that were killed"
NOT_READ = "system metrics, console output, histograms, media"

_HEADER = b":W&B"
_FILE_HEADER = 7  # bytes: the four above, two of a magic number, a version
_FRAME = 7
_BLOCK = 32 * 1024
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
# Field numbers of wandb/proto/wandb_internal.proto: Record, HistoryRecord, HistoryItem, ConfigRecord, RunRecord.
_HISTORY, _CONFIG, _RUN, _EXIT = 2, 5, 17, 18
_ITEM, _STEP = 1, 2
_KEY, _NESTED_KEY, _VALUE_JSON = 1, 2, 16
_RUN_CONFIG, _RUN_NAME = 4, 8


def recognizes(path: Path, head: bytes) -> bool:
    return head.startswith(_HEADER) or (path.suffix == ".wandb" and path.stem.startswith("run-"))


def read(path: Path, shown: str) -> tuple[Log, ...]:
    with path.open("rb") as file:
        head = file.read(len(_HEADER))
    if head != _HEADER:
        raise UnreadableLog(shown, f"no W&B record: it begins with {head!r}, not with {_HEADER!r}")
    table, hyper, damage, notes, ended = Table(), {}, list[Note](), list[Note](), False
    for offset, record in _records(path, shown, damage, notes):
        try:
            for field, value in fields(record):
                if field == _HISTORY:
                    put_row(table, _history(value))
                elif field == _CONFIG:
                    hyper.update(_items(value))
                elif field == _RUN:
                    hyper.update(item for f, v in fields(value) if f == _RUN_CONFIG for item in _items(v).items())
                ended = ended or field == _EXIT
        except ValueError:
            damage.append(Note(shown, "a record that is no protocol buffer was skipped", offset=offset))
    if not table.rows and damage:
        raise UnreadableLog(shown, f"no history can be read; {damage[0].what}")
    if not ended:
        notes.append(Note(shown, "there is no exit record: the run was killed or is still running"))
    config = facts({k: v for k, v in hyper.items() if not k.startswith("_")})
    return to_logs(table, shown, FORMAT, config, damage + notes)


def _records(path: Path, shown: str, damage: list[Note], notes: list[Note]) -> Iterator[tuple[int, bytes]]:
    """Offset and payload of each record: blocks of 32 KiB hold frames of checksum, length, kind and payload."""
    parts: list[bytes] | None = None  # None between records, and after damage until the next begins
    begun = start = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            at = _FILE_HEADER if start == 0 else 0
            while at + _FRAME <= len(block):
                check, length, kind = struct.unpack_from("<IHB", block, at)
                if kind == 0 and length == 0:  # the rest of the block was never written
                    break
                payload = block[at + _FRAME : at + _FRAME + length]
                if len(payload) < length and len(block) < _BLOCK:
                    what = f"the file ends inside a record: {len(block) - at} bytes are lost"
                    notes.append(Note(shown, what, offset=start + at))
                    return
                if kind > _LAST or len(payload) < length or zlib.crc32(payload, zlib.crc32(bytes([kind]))) != check:
                    what = "a damaged record: the rest of its block of 32 KiB was skipped"
                    damage.append(Note(shown, what, offset=start + at))
                    parts = None
                    break
                if kind in (_FULL, _FIRST):
                    parts, begun = [], start + at
                if parts is not None:
                    parts.append(payload)
                    if kind in (_FULL, _LAST):
                        yield begun, b"".join(parts)
                        parts = None
                at += _FRAME + length
            start += len(block)


def fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Number and value of each field of a protocol buffer: int for a varint, bytes for what has a length.

    Raises ValueError when the bytes are none. Source: protobuf.dev/programming-guides/encoding.

    >>> list(fields(bytes([8, 150, 1, 18, 2, 104, 105])))
    [(1, 150), (2, b'hi')]
    """
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield key >> 3, value
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
            if at + size > end:
                raise ValueError("cut off")
            yield key >> 3, message[at : at + size]
            at += size
        elif kind == 2:
            size, at = _varint(message, at)
            if at + size > end:
                raise ValueError("cut off")
            yield key >> 3, message[at : at + size]
            at += size
        else:
            raise ValueError(f"wire type {kind}")


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message) and shift < 70:
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    raise ValueError("cut off")


def _history(message: bytes) -> dict[str, Any]:
    """One call of wandb.log: names and values, typed objects (histograms, media) left out."""
    row = _items(message)
    for field, value in fields(message):
        if field == _STEP and isinstance(value, bytes):
            row.setdefault("_step", float(next((v for f, v in fields(value) if f == 1), 0)))
    return {k: v for k, v in row.items() if not (isinstance(v, dict) and "_type" in v)}


def _items(message: bytes) -> dict[str, Any]:
    """The (key, value_json) items of a history or configuration record."""
    found: dict[str, Any] = {}
    for field, value in fields(message):
        if field != _ITEM or not isinstance(value, bytes):
            continue
        parts = list(fields(value))
        keys = [v for f, v in parts if f in (_KEY, _NESTED_KEY) and isinstance(v, bytes)]
        text = next((v for f, v in parts if f == _VALUE_JSON), b"null")
        name = ".".join(key.decode("utf-8", "replace") for key in keys)
        try:
            found[name] = parse(text)
        except (ValueError, TypeError):
            found[name] = None
    return found
