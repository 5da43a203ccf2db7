"""TensorBoard event files: every scalar of every tag, nothing sampled away."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UnreadableLog
from ..run import Note
from .jsontree import facts, parse
from .lines import quoted
from .log import Log, Series

FORMAT = "TensorBoard events"
RECOGNIZES = "`tfevents` in the file name, or a first record that holds `brain.Event`"
READS = "all scalars (simple values and tensors of one number), wall times, hyper-parameters of the HParams plugin"
NOT_READ = "histograms, images, audio, text, graphs, PR curves"

MAX_TAGS = 20_000
MAX_RECORD = 1 << 30  # bytes; TensorFlow cannot write a longer protocol buffer than 2 GiB


def recognizes(path: Path, head: bytes) -> bool:
    return "tfevents" in path.name or b"brain.Event:" in head[:64]


def read(path: Path, shown: str) -> tuple[Log, ...]:
    events = read_events(path, shown)
    if not events.points:
        if events.damage:
            raise UnreadableLog(shown, f"no scalar can be read; {events.damage[0].what}")
        return ()
    series = tuple(
        Series(tag, np.asarray(p.step, np.float64), np.asarray(p.value, np.float64), wall_time=np.asarray(p.time))
        for tag, p in events.points.items()
    )
    return (Log(shown, FORMAT, series, hyper=events.hyper, notes=(*events.damage, *events.notes)),)


@dataclass(slots=True)
class Points:
    """The points of one tag, in the order of the file."""

    step: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    time: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Events:
    """What one event file holds: points by tag, hyper-parameters, what is damaged, what else to know."""

    points: dict[str, Points] = field(default_factory=dict)
    hyper: dict[str, Any] = field(default_factory=dict)
    damage: list[Note] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)


def read_events(path: Path, shown: str) -> Events:
    """Every scalar of the file. Raises UnreadableLog when not even the first record holds, or tags are a bomb."""
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from tensorboard.compat.proto.event_pb2 import Event, SessionLog

    found = Events()
    scalar_of = _Scalars(found, shown)
    for offset, record in _records(path, shown, found):
        try:
            event = Event.FromString(record)
            for value in event.summary.value:
                number = scalar_of(value)
                if number is not None:
                    points = found.points.get(value.tag) or _begin(found, shown, value.tag)
                    points.step.append(event.step)
                    points.value.append(number)
                    points.time.append(event.wall_time)
                elif value.HasField("metadata"):
                    found.hyper.update(_hyper(value))
        except DecodeError:
            found.damage.append(Note(shown, "a record that is no event was skipped", offset=offset))
            continue
        if event.session_log.status == SessionLog.START and event.step > 0:
            found.notes.append(Note(shown, f"the writer was restarted at step {event.step}", offset=offset))
    return found


def _begin(found: Events, shown: str, tag: str) -> Points:
    if len(found.points) >= MAX_TAGS:
        raise UnreadableLog(shown, f"more than {MAX_TAGS} tags: no training run logs that many", key=tag[:200])
    points = found.points[tag] = Points()
    return points


def _records(path: Path, shown: str, found: Events) -> Iterator[tuple[int, bytes]]:
    """Offset and payload of each record whose checksums hold (TFRecord framing: length, CRC, payload, CRC)."""
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

    offset, size, broken = 0, path.stat().st_size, 0
    with path.open("rb") as file:
        while frame := file.read(12):
            if len(frame) < 12:
                found.notes.append(
                    Note(shown, f"the file ends inside a record: {len(frame)} bytes are lost", offset=offset)
                )
                return
            length, check = struct.unpack("<QI", frame)
            if masked_crc32c(frame[:8]) != check:
                if offset == 0:
                    why = f"no event file: the first record's checksum does not hold (the file begins with {frame!r})"
                    raise UnreadableLog(shown, why)
                what = f"the record's length is damaged: the last {size - offset} bytes cannot be read"
                found.damage.append(Note(shown, what, offset=offset))
                return
            if offset + 16 + length > size:
                what = f"the file ends inside a record: {size - offset} bytes are lost (a killed or still running job)"
                found.notes.append(Note(shown, what, offset=offset))
                return
            if length > MAX_RECORD:
                found.damage.append(Note(shown, f"a record of {length} bytes was skipped", offset=offset))
                file.seek(length + 4, 1)
            else:
                record, check = file.read(length), struct.unpack("<I", file.read(4))[0]
                if masked_crc32c(record) == check:
                    yield offset, record
                else:
                    broken += 1
                    if broken <= 10:
                        found.damage.append(
                            Note(shown, "a record's checksum does not hold: it was skipped", offset=offset)
                        )
            offset += 16 + length
    if broken > 10:
        found.damage.append(Note(shown, f"{broken} records were skipped because their checksums do not hold"))


class _Scalars:
    """Takes the number out of a summary value, remembering which tags are no scalars.

    TensorBoard writes the kind of a tag (its plugin) with the first value only.
    """

    def __init__(self, found: Events, shown: str) -> None:
        self.plugin: dict[str, str] = {}
        self.found, self.shown = found, shown

    def __call__(self, value: Any) -> float | None:
        kind = value.WhichOneof("value")
        if kind == "simple_value":
            return float(value.simple_value)
        if kind != "tensor":
            return None
        plugin = self.plugin.setdefault(value.tag, value.metadata.plugin_data.plugin_name)
        if plugin not in ("scalars", ""):
            return None
        number = _number(value.tensor)
        if number is None and plugin == "scalars":
            self.plugin[value.tag] = "unreadable"
            self.found.notes.append(
                Note(self.shown, f"tag {quoted(value.tag)} holds no single number and was left out")
            )
        return number


def _number(tensor: Any) -> float | None:
    """The one number of a TensorProto, or None. Source: tensorflow/core/framework/tensor.proto."""
    from tensorboard.compat.proto import types_pb2 as types

    count = 1
    for dim in tensor.tensor_shape.dim:
        count *= dim.size
    if count != 1:
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
        try:
            args = parse(value.tensor.string_val[0])
        except ValueError:
            return {}
        return facts(args) if isinstance(args, dict) else {}
    return {}
