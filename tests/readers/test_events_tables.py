"""Records that repeat, read as tables: every case in which a column could be taken from the wrong place."""

from __future__ import annotations

import struct
import tracemalloc
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curvedoc.readers import events, points, records, scan, tables
from curvedoc.readers.events import read_events
from curvedoc.readers.protobuf import is_blob, layout

from .helpers import written
from .test_events import record
from .test_events_peers import event, same_as_tensorboard, simple, tensor

NAME = "events.out.tfevents.1"
FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SPECIAL = struct.unpack("<8f", struct.pack("<8I", 0x7F800001, 0xFFC12345, 1, 0x80000000, 0x7F7FFFFF, 0, 0xFF800000, 7))
"""A signalling and a quiet NaN with payloads, a denormal, -0.0, the largest float, 0.0, -inf, another denormal."""


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows of each table that is taken."""
    found: list[int] = []
    of = tables.pieces_of
    monkeypatch.setattr(scan, "pieces_of", lambda *args: found.append(args[3]) or of(*args))
    return found


@pytest.mark.parametrize("size", range(1, 11))
def test_steps_of_every_length_are_read_in_tables(tmp_path: Path, taken: list[int], size: int) -> None:
    """From 127 on a varint has two bytes, from 16,384 on three ...; ten for what is negative."""
    first = {1: 0, 10: -(2**63)}.get(size, 2 ** (7 * (size - 1)))
    steps = [*range(first, first + 120), *([-150 + k for k in range(120)] if size == 10 else [])]
    steps += [2**63 - 200 + k for k in range(199)] if size == 9 else []
    rows = [event(s, simple(t, k), time=k) for k, s in enumerate(steps) for t in ("loss", "val/loss", "lr")]
    found = same_as_tensorboard(written(tmp_path, NAME, b"".join(rows)))
    assert found.points["lr"].step.tolist() == steps
    assert sum(taken) >= len(steps) - 8


@pytest.mark.parametrize("window", [3000, 20_000, 1 << 20])
def test_events_of_several_values_and_unknown_fields_are_read_in_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: list[int], window: int
) -> None:
    monkeypatch.setattr(events, "WINDOW", window)
    rows = []
    for s in range(130, 900):
        three = event(s, simple("a", s), tensor("b", np.float64(1 / s), "scalars"), simple("c", -s), time=s / 7)
        rows += [record(three[12:-4] + b"\xaa\x06\x02hi"), event(s, simple("d", 2 * s), time=s / 3)]
    found = same_as_tensorboard(written(tmp_path, NAME, b"".join(rows)))
    assert found.points.keys() == {"a", "b", "c", "d"}
    assert sum(taken) > 0 or window == 3000


@pytest.mark.parametrize("rows", [3, 60, 400])
def test_numbers_at_the_ends_of_a_float_come_back_bit_for_bit_and_without_a_warning(tmp_path: Path, rows: int) -> None:
    made = [event(s, simple(t, 0.0), time=s) for s in range(rows) for t in ("a", "b")]
    bits = [struct.pack("<f", SPECIAL[k % 8]) if k % 8 else b"\x01\x00\x80\x7f" for k in range(len(made))]
    made = [record(row[12:-8] + four) for row, four in zip(made, bits, strict=True)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = same_as_tensorboard(written(tmp_path, NAME, b"".join(made)))
    assert np.isnan(found.points["a"].value[0])
    assert len(found.points["a"].value) == rows


@pytest.mark.parametrize("rows", [5, 300])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_numbers_listed_one_by_one_are_those_that_are_packed(tmp_path: Path, dtype: str, rows: int) -> None:
    """proto3 packs lists, older writers do not: then each element has its own key."""
    kind, key = (1, 5 << 3 | 5) if dtype == "f4" else (2, 6 << 3 | 1)
    made = []
    for s in range(rows):
        listed = bytes((8, kind)) + inside(2, b"") + bytes((key,)) + np.dtype(dtype).type(1 / (s + 1)).tobytes()
        value = inside(1, inside(1, b"loss") + inside(8, listed) + inside(9, inside(1, inside(1, b"scalars"))))
        step = bytes((0x10, s)) if s < 128 else bytes((0x10, s & 0x7F | 0x80, s >> 7))
        made.append(record(b"\x09" + struct.pack("<d", s) + step + inside(5, value)))
    found = same_as_tensorboard(written(tmp_path, NAME, b"".join(made)))
    assert found.points["loss"].value.tolist() == [float(np.dtype(dtype).type(1 / (s + 1))) for s in range(rows)]


def inside(field: int, content: bytes) -> bytes:
    """A field of a protocol buffer that holds bytes."""
    return bytes((field << 3 | 2, len(content))) + content


@st.composite
def rows_of_tables(draw: st.DrawFn) -> list[bytes]:
    """A log as trainers write it, with what comes between: other tags now and then, blobs, gaps and restarts."""
    tags = draw(st.lists(st.text("abc/", min_size=3, max_size=5), min_size=1, max_size=5, unique=True))
    first = draw(st.sampled_from([0, 60, 16_300, 2**21 - 40, 2**35 - 9, 2**63 - 4000, -70]))
    every, kind = draw(st.integers(1, 90)), draw(st.integers(0, 3))
    made = []
    for s in range(first, first + draw(st.integers(1, 300))):
        made += [event(s, simple(tag, SPECIAL[(s + k) % 8] if kind else s), time=s / 3) for k, tag in enumerate(tags)]
        if s % every == 0:
            made.append([event(s, simple("val", s)), blob(s), event(s, simple(tags[0], 1.0)), record(b"")][kind])
    return made


def blob(size: int) -> bytes:
    from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary

    return event(size, Summary.Value(tag="h", histo=HistogramProto(bucket=[1.0] * (size % 300))))


@FUZZ
@given(pieces=st.lists(rows_of_tables(), min_size=1, max_size=3), window=st.sampled_from([2000, 30_000, 1 << 20]))
def test_tables_with_gaps_are_read_as_tensorboard_reads_them(
    tmp_path: Path, pieces: list[list[bytes]], window: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(events, "WINDOW", window)
        same_as_tensorboard(written(tmp_path, NAME, b"".join(b"".join(rows) for rows in pieces)))


@FUZZ
@given(rows=rows_of_tables(), data=st.data())
def test_what_earlier_files_have_taught_changes_nothing(tmp_path: Path, rows: list[bytes], data: st.DataObject) -> None:
    """One bit of structure is flipped, with checksums that hold: the file is another, though it looks alike."""
    k = data.draw(st.integers(0, len(rows) - 1))
    payload = bytearray(rows[k][12:-4])
    if payload:
        at = data.draw(st.integers(0, len(payload) - 1))
        payload[at] ^= 1 << data.draw(st.integers(0, 7))
    path = written(tmp_path, NAME, b"".join([*rows[:k], record(bytes(payload)), *rows[k + 1 :]]))
    events._memory.known = tables.Known()
    fresh = read_events(path, "x")
    read_events(written(tmp_path, "other", b"".join(rows)), "x")
    again = read_events(path, "x")
    assert [(n.offset, n.what) for n in again.damage] == [(n.offset, n.what) for n in fresh.damage]
    assert again.points.keys() == fresh.points.keys()
    for tag, one in again.points.items():
        for name in ("step", "value", "time"):
            assert getattr(one, name).tobytes() == getattr(fresh.points[tag], name).tobytes()


def test_what_stands_between_two_records_leads_a_checksum_back_to_its_beginning() -> None:
    payload = np.frombuffer(b"any bytes at all", np.uint8)
    after = records.crc32c(records.crc32c(payload).to_bytes(4, "little"), records.crc32c(payload))
    assert records.crc32c(records._LINK.tobytes(), after) == 0


def test_a_number_behind_a_large_histogram_of_the_same_event_is_found(tmp_path: Path) -> None:
    from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary

    large = Summary.Value(tag="h", histo=HistogramProto(bucket=[1.0] * 500))
    rows = [event(s, *((large, simple("a", s)) if s % 2 else (simple("a", s), large)), time=s) for s in range(40)]
    assert len(same_as_tensorboard(written(tmp_path, NAME, b"".join(rows))).points["a"].step) == 40


@FUZZ
@given(data=st.data())
def test_a_blob_is_what_the_library_finds_no_number_in(data: st.DataObject) -> None:
    from google.protobuf.message import DecodeError
    from tensorboard.compat.proto.event_pb2 import Event

    payload = bytearray(blob(data.draw(st.integers(0, 300)))[12:-4])
    for _ in range(data.draw(st.integers(0, 2))):
        at = data.draw(st.integers(0, len(payload) - 1))
        payload[at : at + data.draw(st.integers(0, 1))] = data.draw(st.binary(min_size=1, max_size=2))
    raw = bytes(payload)
    if not is_blob(raw, 0, len(raw)):
        return
    found = layout(raw)
    assert found is None or not found.values
    try:
        theirs: Any = Event.FromString(raw)
    except DecodeError:
        return  # what is inside of the blob is broken, which is of no interest
    assert not any(v.HasField("simple_value") or v.HasField("tensor") for v in theirs.summary.value)
    assert not theirs.HasField("session_log")


def test_room_is_taken_once_for_a_file_that_goes_on_as_it_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "WINDOW", 30_000)
    widened: list[int] = []
    widen = points.Store._widen
    monkeypatch.setattr(
        points.Store, "_widen", lambda self, column, need, read: widened.append(need) or widen(self, column, need, read)
    )
    rows = [event(s, simple(tag, s), time=s) for s in range(20_000, 24_000) for tag in ("a", "b")]
    found = same_as_tensorboard(written(tmp_path, NAME, b"".join(rows)))
    assert len(widened) == 2
    assert found.points["a"].step is found.points["b"].step


def test_room_is_no_more_than_the_file_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each window holds another tag that looks as if it filled the rest of the file."""
    monkeypatch.setattr(events, "WINDOW", 20_000)
    data = b"".join(event(s, simple(f"tag{s // 300:03}", s), time=s) for s in range(60_000))
    path = written(tmp_path, NAME, data)
    tracemalloc.start()
    found = read_events(path, "x")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found.points) == 200
    assert [len(p.step) for p in found.points.values()] == 200 * [300]
    assert peak < 3 * len(data)


def test_runs_that_log_alike_are_read_from_what_the_first_has_taught(tmp_path: Path, taken: list[int]) -> None:
    events._memory.known = tables.Known()
    rows = [event(s, simple(t, s), time=s) for s in range(128, 428) for t in ("loss", "accuracy", "lr")]
    for run in range(3):
        read_events(written(tmp_path, f"{run}/{NAME}", b"".join(rows)), "x")
    assert taken == [299, 300, 300]
