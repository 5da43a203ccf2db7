"""Our event reader against TensorBoard's own, point by point and bit by bit."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curvedoc.readers import events
from curvedoc.readers.events import Events, read_events
from curvedoc.readers.tables import Known

from .helpers import written
from .test_events import event_file, record

SLOW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def accumulated(path: Path) -> dict[str, list[tuple[float, int, float]]]:
    """(wall time, step, value) of every scalar, as TensorBoard's accumulator gives them when it keeps all points."""
    from tensorboard.backend.event_processing import event_accumulator as ea
    from tensorboard.util import tensor_util

    reader = ea.EventAccumulator(str(path), size_guidance=dict.fromkeys(ea.DEFAULT_SIZE_GUIDANCE, 0))
    reader.purge_orphaned_data = False
    reader.Reload()
    found = {tag: [(e.wall_time, e.step, e.value) for e in reader.Scalars(tag)] for tag in reader.Tags()["scalars"]}
    for tag in reader.Tags()["tensors"]:
        metadata = reader.summary_metadata.get(tag)
        if metadata is not None and metadata.plugin_data.plugin_name not in ("", "scalars"):
            continue
        arrays = [(e.wall_time, e.step, tensor_util.make_ndarray(e.tensor_proto)) for e in reader.Tensors(tag)]
        found[tag] = [(time, step, float(a.reshape(()))) for time, step, a in arrays]
    return found


def same_as_tensorboard(path: Path) -> Events:
    """What our reader finds, once it is shown to be what TensorBoard finds."""
    mine, theirs = read_events(path, path.name), accumulated(path)
    assert mine.points.keys() == theirs.keys()
    for tag, rows in theirs.items():
        points = mine.points[tag]
        assert points.step.tolist() == [step for _, step, _ in rows]
        assert points.time.tobytes() == np.array([time for time, _, _ in rows]).tobytes()
        assert points.value.tobytes() == np.array([value for _, _, value in rows], np.float64).tobytes()
    return mine


def simple(tag: str, value: float) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary

    return Summary.Value(tag=tag, simple_value=value)


def tensor(tag: str, value: Any, plugin: str | None = None, *, content: bool = False) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.util import tensor_util

    proto = tensor_util.make_tensor_proto(np.asarray(value))
    if content:
        dtype = proto.dtype
        proto.Clear()
        proto.dtype, proto.tensor_content = dtype, np.asarray(value).tobytes()
    made = Summary.Value(tag=tag, tensor=proto)
    if plugin is not None:
        made.metadata.CopyFrom(SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=plugin)))
    return made


def event(step: int, *values: Any, time: float = 0.0) -> bytes:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    return record(Event(wall_time=time, step=step, summary=Summary(value=values)).SerializeToString())


@pytest.mark.parametrize("new_style", [False, True])
def test_a_file_by_torch_across_every_length_of_the_step(tmp_path: Path, new_style: bool) -> None:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path)) as writer:
        for k, step in enumerate((*range(400), *range(16_200, 16_600), *range(2_097_100, 2_097_400))):
            for tag in ("loss", "accuracy/train", "lr"):
                writer.add_scalar(tag, 1.0 / (k + 1), step, walltime=0.1 * k, new_style=new_style)
            if k % 50 == 0:
                writer.add_scalar("val/loss", 2.0 / (k + 1), step, walltime=0.1 * k, new_style=new_style)
    assert [len(p.step) for p in same_as_tensorboard(event_file(tmp_path)).points.values()] == [1100, 1100, 1100, 22]


def test_a_file_by_tensorboardX(tmp_path: Path) -> None:
    from tensorboardX import SummaryWriter

    with SummaryWriter(str(tmp_path)) as writer:
        for step in range(700):
            writer.add_scalar("loss", np.sin(step), step)
            writer.add_scalar("reward", -step, step)
            if step % 100 == 0:
                writer.add_histogram("weights", np.arange(step + 2.0), step)
    assert same_as_tensorboard(event_file(tmp_path)).points["loss"].step.tolist() == list(range(700))


def test_a_file_by_the_writer_of_tensorboard_with_summaries_as_tensorflow_2_makes_them(tmp_path: Path) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.plugins.histogram import summary_v2 as histogram
    from tensorboard.plugins.scalar import summary, summary_v2
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(tmp_path), max_queue_size=1000)
    for step in range(400):
        made = [summary_v2.scalar_pb("loss", 1 / (step + 1)), summary.scalar_pb("precise", np.pi * step)]
        if step % 50 == 0:
            made.append(histogram.histogram_pb("weights", np.arange(step + 3.0)))
        for one in made:
            for value in one.value:
                if step:  # the kind of a tag is told once
                    value.ClearField("metadata")
            writer.add_event(Event(step=step, wall_time=1e9 + step / 7, summary=one))
    writer.close()
    found = same_as_tensorboard(event_file(tmp_path))
    assert {len(points.step) for points in found.points.values()} == {400}
    assert found.plugins["weights"] == "histograms"


def test_a_file_by_the_high_level_writer_of_tensorboard(tmp_path: Path) -> None:
    from tensorboard.summary import Writer

    writer = Writer(str(tmp_path))
    for step in range(300):
        writer.add_scalar("loss", np.float64(1 / (step + 1)), step)
    writer.close()
    assert len(same_as_tensorboard(event_file(tmp_path)).points["loss"].step) == 300


@pytest.mark.parametrize("window", [700, 1 << 23])
def test_500_tags_in_random_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window: int) -> None:
    monkeypatch.setattr(events, "WINDOW", window)
    rng = np.random.default_rng(0)
    rows = [event(s, simple(f"tag{t}", rng.normal()), time=s) for s in range(12) for t in rng.permutation(500)]
    found = same_as_tensorboard(written(tmp_path, "events.out.tfevents.1", b"".join(rows)))
    assert len(found.points) == 500


def test_tags_of_equal_length_that_change_places_midway_do_not_mix(tmp_path: Path) -> None:
    rows = [event(s, simple(tag, s), time=s) for s in range(1, 600) for tag in ("ab" if s != 300 else "ba")]
    same_as_tensorboard(written(tmp_path, "events.out.tfevents.1", b"".join(rows)))


def test_the_plugin_that_only_the_first_tensor_names_holds_for_all_of_its_tag(tmp_path: Path) -> None:
    rows = [
        event(s, tensor(tag, np.float32(s), plugin if s == 0 else None), time=s)
        for s in range(400)
        for tag, plugin in (("loss", "scalars"), ("other", "custom"))
    ]
    found = same_as_tensorboard(written(tmp_path, "events.out.tfevents.1", b"".join(rows)))
    assert list(found.points) == ["loss"]
    assert found.plugins == {"loss": "scalars", "other": "custom"}


def test_a_scalar_that_becomes_a_vector_keeps_its_points_until_then(tmp_path: Path) -> None:
    rows = [event(s, tensor("loss", np.float32(s) if s != 350 else np.ones(2), "scalars")) for s in range(400)]
    found = read_events(written(tmp_path, "events.out.tfevents.1", b"".join(rows)), "x")
    assert found.points["loss"].step.tolist() == list(range(350))
    assert [note.what for note in found.notes] == ["tag 'loss' holds no single number and was left out"]


def test_steps_that_go_back_after_a_restart_are_kept_as_logged(tmp_path: Path) -> None:
    from tensorboard.compat.proto.event_pb2 import Event, SessionLog

    start = record(Event(step=50, session_log=SessionLog(status=SessionLog.START)).SerializeToString())
    first = [event(s, simple("loss", s), time=s) for s in range(300)]
    path = written(tmp_path, "events.out.tfevents.1", b"".join([*first, start, *first[50:]]))
    found = same_as_tensorboard(path)
    assert found.points["loss"].step.tolist() == [*range(300), *range(50, 300)]
    assert [note.what for note in found.notes] == ["the writer was restarted at step 50"]


@pytest.mark.parametrize("tags", [1, 3, 40])
def test_records_that_repeat_are_not_looked_at_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tags: int
) -> None:
    looked: list[int] = []
    kind = Known.kind
    monkeypatch.setattr(Known, "kind", lambda self, raw, at, *rest: looked.append(at) or kind(self, raw, at, *rest))
    rows = [event(s, simple(f"tag{t}", s), time=s) for s in range(12_000 // tags) for t in range(tags)]
    read_events(written(tmp_path, "events.out.tfevents.1", b"".join(rows)), "x")
    assert len(looked) < len(rows) / 20


def test_usual_files_are_read_without_importing_tensorboard(tmp_path: Path) -> None:
    import subprocess
    import sys

    rows = [event(s, simple("a", s), tensor("b", np.float32(s), "scalars")) for s in range(300)]
    path = written(tmp_path, "events.out.tfevents.1", b"".join(rows))
    code = (
        "import sys; from pathlib import Path; from curvedoc.readers.events import read_events\n"
        f"assert len(read_events(Path({str(path)!r}), 'x').points) == 2\n"
        "assert not {'tensorboard', 'google.protobuf', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


NUMBER = st.one_of(
    st.floats(width=32), st.sampled_from([float("nan"), float("inf"), -float("inf"), 1e-45, -0.0, 3.4e38])
)
STEP = st.one_of(st.integers(0, 300), st.sampled_from([127, 128, 16383, 16384, -1, 2**40, 2**63 - 1, -(2**63)]))
DTYPE = st.sampled_from(["f2", "f4", "f8", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "?"])
UNKNOWN = st.sampled_from([b"", b"\xa0\x06\x07", b"\xaa\x06\x02hi", b"\xad\x06abcd", b"\xa1\x06abcdefgh"])


@st.composite
def one_event(draw: st.DrawFn) -> bytes:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary

    values = []
    for _ in range(draw(st.integers(0, 3))):
        kind, tag = draw(st.integers(0, 3)), draw(st.text("ab/é", max_size=3))
        if kind == 0:
            values.append(Summary.Value(tag="h" + tag, histo=HistogramProto(bucket=[1.0] * draw(st.integers(0, 200)))))
        elif kind == 1:
            dtype = draw(DTYPE)
            number = np.asarray(draw(st.integers(0, 100)), dtype)
            content = draw(st.booleans()) or dtype in ("u4", "u8")  # TensorBoard reads no list of these
            values.append(tensor("t" + tag, number, draw(st.sampled_from([None, "scalars"])), content=content))
        else:
            values.append(simple(tag, draw(NUMBER)))
    time = draw(st.floats(0, 2e9))
    made = Event(wall_time=time, step=draw(STEP), summary=Summary(value=values) if values else None)
    return record(made.SerializeToString() + draw(UNKNOWN))


@st.composite
def table_of_events(draw: st.DrawFn) -> bytes:
    tags = draw(st.lists(st.text("abc", min_size=1, max_size=4), min_size=1, max_size=6))
    styles = draw(st.lists(st.sampled_from("stc"), min_size=len(tags), max_size=len(tags)))
    first, rows = draw(st.sampled_from([0, 100, 16_300, -60])), draw(st.integers(1, 320))
    made = []
    for step in range(first, first + rows):
        for tag, style in zip(tags, styles, strict=True):
            value = np.float32(1.0 / (step + 0.5))
            if style == "s":
                made.append(event(step, simple(tag, value), time=step))
            else:
                made.append(event(step, tensor("t" + tag, value, "scalars", content=style == "c"), time=step))
    return b"".join(made)


@SLOW
@given(
    pieces=st.lists(st.one_of(one_event(), one_event(), table_of_events()), min_size=1, max_size=12), big=st.booleans()
)
def test_files_that_no_writer_would_write_are_read_alike(tmp_path: Path, pieces: list[bytes], big: bool) -> None:
    path = written(tmp_path, "events.out.tfevents.1", b"".join(pieces))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(events, "WINDOW", 1 << 23 if big else 1000)
        same_as_tensorboard(path)


@SLOW
@given(number=st.integers(0, 2**16 - 1), rows=st.sampled_from([1, 300]))
def test_every_bfloat16_is_the_upper_half_of_its_float(tmp_path: Path, number: int, rows: int) -> None:
    from tensorboard.compat.proto import types_pb2

    value = tensor("loss", np.float32(0), "scalars")
    value.tensor.Clear()
    value.tensor.dtype, value.tensor.tensor_content = types_pb2.DT_BFLOAT16, struct.pack("<H", number)
    path = written(tmp_path, "events.out.tfevents.1", b"".join(event(s, value) for s in range(rows)))
    with np.errstate(invalid="ignore"):  # half of the numbers are NaN
        expected = np.full(rows, number << 16, np.uint32).view(np.float32).astype(np.float64)
    assert np.array_equal(read_events(path, "x").points["loss"].value, expected, equal_nan=True)
