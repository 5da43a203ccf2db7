"""TensorBoard event files: every scalar of every tag, nothing sampled away."""

from __future__ import annotations

import os
from bisect import bisect
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import FileIO
from itertools import pairwise
from pathlib import Path
from threading import local
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import UnreadableLog
from ..run import Note
from .columns import Piece, Point
from .lines import quoted
from .log import Log, Series
from .points import Points, Store
from .records import FRAME, HEADER, MAX_RECORD, next_record, zeros
from .scan import Window, scan
from .tables import Known
from .unpacked import MAGIC, unpack

FORMAT = "TensorBoard events"
RECOGNIZES = "`tfevents` in the file name, or a first record that holds `brain.Event`"
READS = "all scalars (simple values and tensors of one number), wall times, hyper-parameters of the HParams plugin"
NOT_READ = "histograms, images, audio, text, graphs, PR curves"

MAX_TAGS = 20_000
WINDOW = 1 << 20  # bytes decoded at once
_LISTED = 10  # damaged records that are named; the rest is counted
_LOST_TRACK = 64  # times that a search begins inside of a record that looked whole


class _Memory(local):
    """What each thread keeps from file to file: what it has learned, as runs of one experiment log the same tags in
    the same order, and the memory that windows are read into."""

    def __init__(self) -> None:
        self.known = Known()
        self.window = bytearray(WINDOW)


_memory = _Memory()


def recognizes(path: Path, head: bytes) -> bool:
    return "tfevents" in path.name or b"brain.Event:" in head[:64]


def read(path: Path, shown: str) -> tuple[Log, ...]:
    events = read_events(path, shown)
    if not events.points:
        if events.damage:
            raise UnreadableLog(shown, f"no scalar can be read; {events.damage[0].what}")
        return ()
    series = tuple(
        Series(tag, p.step.astype(np.float64), p.value, wall_time=p.time) for tag, p in events.points.items()
    )
    return (Log(shown, FORMAT, series, hyper=events.hyper, notes=(*events.damage, *events.notes)),)


@dataclass(slots=True)
class Events:
    """What one event file holds: points by tag in the order of their first, hyper-parameters, what is damaged, what
    else to know. `plugins` is the kind of each tag of tensors; `end` is the offset behind the last whole record.
    """

    points: dict[str, Points] = field(default_factory=dict)
    hyper: dict[str, Any] = field(default_factory=dict)
    damage: list[Note] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    plugins: dict[str, str] = field(default_factory=dict)
    end: int = 0


def read_events(path: Path, shown: str, *, start: int = 0, plugins: Mapping[str, str] | None = None) -> Events:
    """Every scalar in the whole records of the file from byte `start` on.

    A file that has grown is read on with `start` and `plugins` as an earlier reading left them in `Events.end` and
    `Events.plugins`: only the new bytes are touched. Memory is that of the points and of WINDOW bytes, or of the
    longest record. What gzip has packed is unpacked first; offsets count its unpacked bytes.

    Raises UnreadableLog when no record can be found in what should be the beginning of an event file, when the file is
    shorter than `start`, or when its tags are a bomb.
    """
    found = Events(plugins=dict(plugins or {}), end=start)
    broken = 0
    with _opened(path, shown, found) as file, np.errstate(invalid="ignore"):  # NaN may say that it is worth a warning
        size = os.fstat(file.fileno()).st_size
        if start > size:
            raise UnreadableLog(
                shown, f"{size} bytes, but {start} were read before: the file was replaced, read it anew"
            )
        store = Store(size - start)
        for offset, raw, window in _windows(file, size, shown, found):
            bad = np.array(sorted(window.bad), np.int64).reshape(-1, 2)
            for begin in bad[: max(0, _LISTED - broken), 0].tolist():
                what = "a record's checksum does not hold: it was skipped"
                found.damage.append(Note(shown, what, offset=offset + begin))
            broken += len(bad)
            points = _odd(found, shown, offset, raw, window)
            pieces = _sound(window.pieces, window.points + points, bad)
            _gather(found, store, shown, pieces, offset + window.end - start)
    if broken > _LISTED:
        what = f"{broken} records were skipped because their checksums do not hold"
        found.damage.append(Note(shown, what))
    found.points.update(store.points())
    return found


@contextmanager
def _opened(path: Path, shown: str, found: Events) -> Iterator[FileIO]:
    """The file, or what it holds unpacked."""
    with path.open("rb", buffering=0) as file:
        if file.read(len(MAGIC)) != MAGIC:
            yield file
            return
    from tempfile import TemporaryFile

    with TemporaryFile(buffering=0) as unpacked:
        wrong = unpack(path, shown, unpacked)
        if wrong:
            found.damage.append(Note(shown, wrong))
        yield unpacked


def _windows(file: FileIO, size: int, shown: str, found: Events) -> Iterator[tuple[int, bytearray, Window]]:
    """Offset, bytes and contents of one stretch of whole records after the other, up to byte `size` of the file."""
    offset, need, lost, start = found.end, WINDOW, 0, found.end
    while offset < size:
        file.seek(offset)
        wanted = min(need, size - offset)
        raw = _memory.window if wanted <= len(_memory.window) else bytearray(wanted)
        read = file.readinto(memoryview(raw)[:wanted])
        if read < wanted:
            size = offset + read  # cut while it was read
        window = scan(raw, read, _memory.known, offset + read < size)
        yield offset, raw, window
        found.end = stop = offset + window.end
        left = size - stop
        offset, need = stop, max(WINDOW, window.size)
        if not window.header:
            inside = window.end > 0 and any(begin == window.last for begin, _ in window.bad) and lost < _LOST_TRACK
            lost += inside
            back = stop - window.end + window.last + 1 if inside else stop + 1
            again = _after_damage(file, back, stop, size, found, shown=shown)
        elif window.size > left or 0 < left < HEADER:
            again = next_record(file, stop + 1, size) if lost < _LOST_TRACK else None
            lost += 1
            if again is None:
                what = f"the file ends inside a record: {left} bytes are lost (a killed or still running job)"
                found.notes.append(Note(shown, what, offset=stop))
            else:
                what = f"a record was cut, others follow inside of it: {again - stop} bytes were skipped"
                found.damage.append(Note(shown, what, offset=stop))
        elif window.size > MAX_RECORD + FRAME:
            again = stop + window.size
            found.damage.append(Note(shown, f"a record of {window.size - FRAME} bytes was skipped", offset=stop))
        else:
            continue
        if again is None:
            if start == stop == 0 and not window.header:
                why = "no event file: the first record's checksum does not hold"
                raise UnreadableLog(shown, f"{why} (the file begins with {bytes(raw[:HEADER])!r})")
            return
        offset, need = again, WINDOW


def _after_damage(file: FileIO, back: int, stop: int, size: int, found: Events, *, shown: str) -> int | None:
    """Where to read on after the damaged header at `stop`; what is lost is noted. `back` is where to search from."""
    if zeros(file, stop, size):
        what = f"the last {size - stop} bytes are zeros: the disk was full, or the machine went down"
        found.damage.append(Note(shown, what, offset=stop))
        return None
    again = next_record(file, back, size)
    if again is None:
        what = f"the record's length is damaged: the last {size - stop} bytes cannot be read"
    elif again < stop:
        what = f"a record was cut: others follow inside of it, read from byte {again} on"
    else:
        what = f"the record's length is damaged: {again - stop} bytes were skipped up to the next whole record"
    found.damage.append(Note(shown, what, offset=stop))
    return again


def _odd(found: Events, shown: str, offset: int, raw: bytearray, window: Window) -> list[Point]:
    """The points of the records that only the protobuf library reads; hyper-parameters and restarts are kept."""
    bad = set(window.bad)
    points: list[Point] = []
    for begin, end in window.odd:
        if (begin, end) not in bad:
            try:
                event = _event(bytes(raw[begin + HEADER : end - 4]), begin, found, points)
            except _decode_error():
                found.damage.append(Note(shown, "a record that is no event was skipped", offset=offset + begin))
                continue
            if event.step > 0 and event.session_log.status == event.session_log.START:
                what = f"the writer was restarted at step {event.step}"
                found.notes.append(Note(shown, what, offset=offset + begin))
    return points


def _decode_error() -> type[Exception]:
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    return DecodeError  # type: ignore[no-any-return]


def _event(payload: bytes, begin: int, found: Events, points: list[Point]) -> Any:
    """One event as the classes of those who define it read it; every value has its own place after `begin`."""
    from tensorboard.compat.proto.event_pb2 import Event

    event = Event.FromString(payload)
    for place, value in enumerate(event.summary.value, begin):
        kind = value.WhichOneof("value")
        if kind == "simple_value":
            points.append(Point(value.tag, None, place, event.step, event.wall_time, value.simple_value))
            continue
        if kind == "tensor":
            plugin = value.metadata.plugin_data.plugin_name
            points.append(Point(value.tag, plugin, place, event.step, event.wall_time, _number(value.tensor)))
        if value.HasField("metadata"):
            found.hyper.update(_hyper(value))
    return event


def _sound(pieces: list[Piece], points: list[Point], bad: npt.NDArray[np.int64]) -> list[Piece]:
    """Columns and single points together, without those in damaged records."""
    alike: dict[tuple[str, str | None, bool, int], list[Point]] = defaultdict(list)
    begins = sorted({piece.at[0] for piece in pieces}) if points else []  # a column parts the points beside it
    for point in sorted(points, key=lambda p: p.at):
        alike[point.tag, point.plugin, point.value is None, bisect(begins, point.at)].append(point)
    for (tag, plugin, none, _), those in alike.items():
        at, step = np.array([p.at for p in those]), np.array([p.step for p in those], np.int64)
        value = None if none else np.array([p.value for p in those], np.float64)
        pieces.append(Piece(tag, plugin, at, step, np.array([p.time for p in those], np.float64), value))
    if not len(bad):
        return pieces
    sound = []
    for piece in pieces:
        at = np.asarray(piece.at)
        before = np.searchsorted(bad[:, 0], at, "right") - 1
        keep = (before < 0) | (at >= bad[before, 1])
        if keep.any():
            value = None if piece.value is None else piece.value[keep]
            sound.append(Piece(piece.tag, piece.plugin, at[keep], piece.step[keep], piece.time[keep], value))
    return sound


def _gather(found: Events, store: Store, shown: str, pieces: list[Piece], read: int) -> None:
    """Put the pieces of one window behind those of earlier ones, each tag in the order of the file."""
    by_tag: dict[str, list[Piece]] = defaultdict(list)
    for piece in sorted(pieces, key=lambda p: p.at[0]):
        by_tag[piece.tag].append(piece)
    ready = []
    for tag, of_tag in by_tag.items():
        those = of_tag
        if len(those) > 1 or those[0].plugin is not None:
            those = _ordered([p for p in _scalars(found, shown, tag, those) if len(p.at)])
        if those:
            ready.append((those[0].at[0], tag, those))
    for _, tag, those in sorted(ready, key=lambda r: r[:2]):
        store.put(tag, those, read)
        if len(store.columns) > MAX_TAGS:
            what = f"more than {MAX_TAGS} tags: no training run logs that many"
            raise UnreadableLog(shown, what, key=tag[:200])


def _scalars(found: Events, shown: str, tag: str, pieces: list[Piece]) -> list[Piece]:
    """The pieces of a tag that are points of a curve.

    TensorBoard writes the kind of a tag (its plugin) with the tag's first tensor, and need not write it again.
    """
    simple, tensors = [p for p in pieces if p.plugin is None], [p for p in pieces if p.plugin is not None]
    if not tensors:
        return simple
    plugin = found.plugins.setdefault(tag, tensors[0].plugin or "")
    if plugin not in ("scalars", ""):
        return simple
    numbers = [p for p in tensors if p.value is not None]
    if plugin == "scalars" and len(numbers) < len(tensors):
        found.plugins[tag] = "unreadable"
        found.notes.append(Note(shown, f"tag {quoted(tag)} holds no single number and was left out"))
        until = min(p.at[0] for p in tensors if p.value is None)
        numbers = [_cut(p, int(np.searchsorted(p.at, until))) for p in numbers]
    return simple + numbers


def _cut(piece: Piece, n: int) -> Piece:
    return piece._replace(at=piece.at[:n], step=piece.step[:n], time=piece.time[:n], value=piece.value[:n])


def _ordered(pieces: list[Piece]) -> list[Piece]:
    """Pieces of one tag such that their points stand in the order of the file."""
    pieces.sort(key=lambda p: p.at[0])
    if all(a.at[-1] < b.at[0] for a, b in pairwise(pieces)):
        return pieces
    at, step = np.concatenate([p.at for p in pieces]), np.concatenate([p.step for p in pieces])
    time = np.concatenate([p.time for p in pieces])
    value = np.concatenate([p.value for p in pieces], dtype=np.float64)
    order = np.argsort(at)
    return [pieces[0]._replace(at=at[order], step=step[order], time=time[order], value=value[order])]


def _number(tensor: Any) -> float | None:
    """The one number of a TensorProto, or None. Source: tensorflow/core/framework/tensor.proto."""
    from tensorboard.compat.proto import types_pb2 as types

    if any(dim.size != 1 for dim in tensor.tensor_shape.dim):
        return None
    raw: bytes = tensor.tensor_content
    packed = {
        types.DT_FLOAT: ("<f4", tensor.float_val),
        types.DT_DOUBLE: ("<f8", tensor.double_val),
        types.DT_HALF: ("<f2", tensor.half_val),
        types.DT_BFLOAT16: ("<u2", tensor.half_val),
        types.DT_INT8: ("<i1", tensor.int_val),
        types.DT_UINT8: ("<u1", tensor.int_val),
        types.DT_INT16: ("<i2", tensor.int_val),
        types.DT_UINT16: ("<u2", tensor.int_val),
        types.DT_INT32: ("<i4", tensor.int_val),
        types.DT_UINT32: ("<u4", tensor.uint32_val),
        types.DT_INT64: ("<i8", tensor.int64_val),
        types.DT_UINT64: ("<u8", tensor.uint64_val),
        types.DT_BOOL: ("<u1", tensor.bool_val),
    }
    if tensor.dtype not in packed:
        return None
    dtype, listed = packed[tensor.dtype]
    if raw:
        if len(raw) != np.dtype(dtype).itemsize:
            return None
        bits = np.frombuffer(raw, dtype)
    elif tensor.dtype in (types.DT_HALF, types.DT_BFLOAT16):  # sixteen bits, kept as an integer
        bits = np.asarray(listed[:1], np.uint16).view(dtype)
    else:
        return float(listed[0]) if listed else 0.0  # proto3 leaves a zero out
    if not len(bits):
        return 0.0
    if tensor.dtype == types.DT_BFLOAT16:  # the upper half of a float32
        bits = (bits.astype("<u4") << 16).view("<f4")
    return float(bits[0])


def _hyper(value: Any) -> dict[str, Any]:
    """Hyper-parameters of the HParams plugin, or those that the Hugging Face Trainer writes as a JSON text.

    Raises DecodeError when the plugin's content is damaged.
    """
    plugin = value.metadata.plugin_data
    if plugin.plugin_name == "hparams":
        from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

        stated = HParamsPluginData.FromString(plugin.content).session_start_info.hparams.items()
        simple = ("number_value", "string_value", "bool_value")
        return {name: getattr(v, v.WhichOneof("kind")) for name, v in stated if v.WhichOneof("kind") in simple}
    if plugin.plugin_name == "text" and value.tag == "args/text_summary" and len(value.tensor.string_val) == 1:
        from .jsontree import facts, parse

        try:
            args = parse(value.tensor.string_val[0])
        except ValueError:
            return {}
        return facts(args) if isinstance(args, dict) else {}
    return {}
