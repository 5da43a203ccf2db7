"""Event files that are cut, damaged, still growing or made to do harm."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path

import google_crc32c.python
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curvedoc.errors import UnreadableLog
from curvedoc.readers import columns, events, read_file, records, tables
from curvedoc.readers.events import Events, read_events
from curvedoc.readers.protobuf import layout

from .helpers import written
from .test_events import record
from .test_events_peers import event, simple, tensor

FUZZ = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
NAME = "events.out.tfevents.1"


def frames(n: int, tags: str = "ab") -> list[bytes]:
    return [event(s, simple(tag, s), time=s) for s in range(1, n + 1) for tag in tags]


def notes(found: Events) -> list[tuple[int | None, str]]:
    return [(note.offset, note.what) for note in (*found.damage, *found.notes)]


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]


@pytest.mark.parametrize("window", [1000, 1 << 23])
def test_every_damaged_record_of_a_long_table_is_named_and_the_rest_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window: int
) -> None:
    monkeypatch.setattr(events, "WINDOW", window)
    rows = frames(1000)
    hit = [3, 500, 501, 1999]
    for k in hit:
        rows[k] = flipped(rows[k], len(rows[k]) - 6)  # in the number
    found = read_events(written(tmp_path, NAME, b"".join(rows)), "x")
    offsets = np.cumsum([0, *map(len, rows)])
    assert [offset for offset, _ in notes(found)] == [offsets[k] for k in hit]
    kept = [k for k in range(2000) if k not in hit]
    for n, tag in enumerate("ab"):
        assert found.points[tag].step.tolist() == [k // 2 + 1 for k in kept if k % 2 == n]


@FUZZ
@given(data=st.data())
def test_one_flipped_bit_of_a_payload_costs_its_record_alone(tmp_path: Path, data: st.DataObject) -> None:
    rows = frames(200)
    k = data.draw(st.integers(0, len(rows) - 1))
    at = data.draw(st.integers(12, len(rows[k]) - 1))
    rows[k] = flipped(rows[k], at)
    found = read_events(written(tmp_path, NAME, b"".join(rows)), "x")
    assert notes(found) == [(sum(map(len, rows[:k])), "a record's checksum does not hold: it was skipped")]
    assert sum(len(p.step) for p in found.points.values()) == 399


def test_many_damaged_records_are_counted_and_ten_of_them_named(tmp_path: Path) -> None:
    rows = [flipped(row, len(row) - 1) if k % 7 == 0 else row for k, row in enumerate(frames(300))]
    found = read_events(written(tmp_path, NAME, b"".join(rows)), "x")
    assert len(found.damage) == 11
    assert found.damage[-1].what == "86 records were skipped because their checksums do not hold"


@pytest.mark.parametrize("window", [300, 1 << 23])
@pytest.mark.parametrize("k", [0, 1, 250])
def test_a_damaged_length_costs_its_record_and_reading_goes_on_at_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, k: int, window: int
) -> None:
    monkeypatch.setattr(events, "WINDOW", window)
    rows = frames(200)
    rows[k] = flipped(rows[k], 1)
    found = read_events(written(tmp_path, NAME, b"".join(rows)), "x")
    what = f"the record's length is damaged: {len(rows[k])} bytes were skipped up to the next whole record"
    assert notes(found) == [(sum(map(len, rows[:k])), what)]
    assert sum(len(p.step) for p in found.points.values()) == 399


def test_a_record_cut_by_a_crash_does_not_hide_those_appended_after_it(tmp_path: Path) -> None:
    first, big, second = frames(50), event(9, simple("c", 1.0), tensor("d", np.ones(300))), frames(40)
    for tail in (second, second[:3]):  # the cut record ends inside of them, or beyond the file
        data = b"".join([*first, big[:200], *tail])
        found = read_events(written(tmp_path, NAME, data), "x")
        assert found.points["a"].step.tolist() == [*range(1, 51), *[s + 1 for s in range((len(tail) + 1) // 2)]]
        assert found.points.keys() == {"a", "b"}
        assert len(found.damage) >= 1


@pytest.mark.parametrize("lost", [1, 5, 4096, 3_000_000])
def test_a_tail_of_zeros_is_told_and_everything_before_it_kept(tmp_path: Path, lost: int) -> None:
    data = b"".join(frames(300))
    found = read_events(written(tmp_path, NAME, data + bytes(lost)), "x")
    ((offset, what),) = notes(found)
    assert offset == len(data) == found.end
    assert f"{lost} bytes are" in what
    assert len(found.points["a"].step) == 300


@FUZZ
@given(data=st.data())
def test_a_file_cut_anywhere_keeps_every_whole_record(tmp_path: Path, data: st.DataObject) -> None:
    rows = frames(150)
    ends = np.cumsum([len(row) for row in rows])
    cut = data.draw(st.integers(1, int(ends[-1])))
    found = read_events(written(tmp_path, NAME, b"".join(rows)[:cut]), "x")
    assert sum(len(p.step) for p in found.points.values()) == int((ends <= cut).sum())
    assert found.end == max([0, *ends[ends <= cut]])
    assert len(found.notes) == int(found.end != cut)


@FUZZ
@given(data=st.data())
def test_a_growing_file_read_on_gives_what_one_reading_gives(tmp_path: Path, data: st.DataObject) -> None:
    rows = [event(s, simple("a", s), tensor("t", np.float32(s), "custom" if s == 0 else None)) for s in range(200)]
    whole = b"".join(rows)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=4)))
    steps: list[int] = []
    end, plugins = 0, {}
    for cut in (*cuts, len(whole)):
        found = read_events(written(tmp_path, NAME, whole[:cut]), "x", start=end, plugins=plugins)
        end, plugins = found.end, found.plugins
        steps += [step for tag, points in found.points.items() for step in points.step.tolist() if tag == "a"]
        assert found.points.keys() <= {"a"}
    assert steps == list(range(200))


def test_reading_on_touches_the_new_bytes_alone(tmp_path: Path) -> None:
    data, more = b"".join(frames(100)), b"".join(frames(20, "c"))
    path = written(tmp_path, NAME, b"\xff" * len(data) + more)  # had they been looked at, there would be a note
    found = read_events(path, "x", start=len(data))
    assert (list(found.points), notes(found), found.end) == (["c"], [], len(data + more))


def test_a_record_whose_step_ends_early_is_no_row_of_a_table(tmp_path: Path) -> None:
    rows = [event(s, simple("a", s), time=s) for s in range(200, 700)]
    payload = bytearray(rows[300][12:-4])
    payload[10] &= 0x7F  # the step's first byte is now its last: what follows it is no field
    rows[300] = record(bytes(payload))
    found = read_events(written(tmp_path, NAME, b"".join(rows)), "x")
    assert found.points["a"].step.tolist() == [*range(200, 500), *range(501, 700)]
    assert notes(found) == [(300 * len(rows[0]), "a record that is no event was skipped")]


def test_a_file_that_is_shorter_than_before_was_replaced(tmp_path: Path) -> None:
    path = written(tmp_path, NAME, b"".join(frames(10)))
    with pytest.raises(UnreadableLog, match="replaced"):
        read_events(path, "x", start=10_000)


def test_a_length_beyond_all_bounds_allocates_nothing(tmp_path: Path) -> None:
    length = struct.pack("<Q", 1 << 62)
    header = length + struct.pack("<I", records.masked(records.crc32c(np.frombuffer(length, np.uint8))))
    path = written(tmp_path, NAME, b"".join(frames(300)) + header + b"rest")
    tracemalloc.start()
    found = read_events(path, "x")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000
    assert len(found.points["a"].step) == 300
    assert "16 bytes are lost" in found.notes[0].what


def test_what_is_remembered_of_earlier_records_is_bounded(tmp_path: Path) -> None:
    known = tables.Known()
    for width in range(1, 200):  # as many masks for one size
        raw = event(1, simple("t" * width, 1.0), simple("u" * (200 - width), 1.0))
        known.kind(raw, 0, len(raw))
    assert max(len(masks) for masks in known.kinds.values()) <= 16


def test_records_beyond_the_window_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "WINDOW", 5000)
    rows = [event(s, tensor("image", np.arange(3000.0 + s)), simple("loss", s), time=s) for s in range(30)]
    found = read_events(written(tmp_path, NAME, b"".join(rows)), "x")
    assert found.points["loss"].step.tolist() == found.points["loss"].time.tolist() == list(range(30))
    assert not notes(found)


@FUZZ
@given(data=st.data())
def test_mutated_files_are_read_or_refused_and_never_more(tmp_path: Path, data: st.DataObject) -> None:
    rows = [*frames(data.draw(st.integers(1, 150))), event(3, tensor("t", np.float32(2), "scalars"))]
    raw = bytearray(b"".join(rows))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(raw)))
        match data.draw(st.integers(0, 3)):
            case 0:
                raw[at : at + 1] = data.draw(st.binary(max_size=2))
            case 1:
                del raw[at : at + data.draw(st.integers(1, 60))]
            case 2:
                raw[at:at] = raw[: data.draw(st.integers(1, 200))]
            case _:
                raw[at:at] = bytes(data.draw(st.integers(1, 100)))
    try:
        logs = read_file(written(tmp_path, NAME, bytes(raw)), "x")
    except UnreadableLog as error:
        assert str(error).isprintable()
    else:
        for log in logs or ():
            assert sum(len(s.step) for s in log.series) + len(log.notes) > 0
            assert {s.tag for s in log.series} <= {"a", "b", "t"}


@FUZZ
@given(data=st.data())
def test_where_a_layout_is_told_the_library_finds_the_same_numbers(data: st.DataObject) -> None:
    from google.protobuf.message import DecodeError
    from tensorboard.compat.proto.event_pb2 import Event

    values = [simple("a", 1.5), tensor("b", np.float32(2.5), "scalars"), tensor("c", np.float64(3.5), content=True)]
    payload = bytearray(event(data.draw(st.integers(-300, 300)), *values[: data.draw(st.integers(1, 3))])[12:-4])
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(payload) - 1))
        payload[at : at + data.draw(st.integers(0, 1))] = data.draw(st.binary(min_size=1, max_size=3))
    found = layout(bytes(payload))
    if found is None:
        return
    try:
        theirs = Event.FromString(bytes(payload))
    except DecodeError:
        return  # a text that we have no use for is no UTF-8
    assert [(v.tag, v.plugin) for v in found.values] == [
        (v.tag, v.metadata.plugin_data.plugin_name if v.HasField("tensor") else None)
        for v in theirs.summary.value
        if v.WhichOneof("value") in ("simple_value", "tensor")
    ]
    points = columns.one(bytes(12) + bytes(payload) + bytes(4), 0, found)
    expected = [
        v.simple_value if v.HasField("simple_value") else events._number(v.tensor)
        for v in theirs.summary.value
        if v.WhichOneof("value") in ("simple_value", "tensor")
    ]
    assert [repr((p.step, p.time, p.value)) for p in points] == [
        repr((theirs.step, theirs.wall_time, number)) for number in expected
    ]


@FUZZ
@given(payload=st.binary(max_size=60), rows=st.sampled_from([1, 300]))
def test_whole_records_of_any_bytes_raise_nothing(tmp_path: Path, payload: bytes, rows: int) -> None:
    found = read_events(written(tmp_path, NAME, rows * record(payload)), "x")
    assert found.end == rows * (len(payload) + 16)


def test_checksums_in_plain_python_are_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rows = frames(300)
    rows[7] = flipped(rows[7], 15)
    path = written(tmp_path, NAME, b"".join(rows))
    fast = read_events(path, "x")
    monkeypatch.setattr("google_crc32c.extend", google_crc32c.python.extend)
    monkeypatch.setattr("google_crc32c.implementation", "python")
    slow = read_events(path, "x")
    assert notes(slow) == notes(fast)
    assert len(fast.damage) == 1
    assert slow.points["b"].value.tobytes() == fast.points["b"].value.tobytes()
