"""TensorBoard event files, written by those who define them."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curvedoc.errors import UnreadableLog
from curvedoc.readers import events, read_file

from .helpers import curves, one, points, said, same, written


def event_file(folder: Path) -> Path:
    (path,) = folder.glob("**/*tfevents*")
    return path


def record(payload: bytes) -> bytes:
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

    length = struct.pack("<Q", len(payload))
    frame = length + struct.pack("<I", masked_crc32c(length)) + payload
    return frame + struct.pack("<I", masked_crc32c(payload))


def test_every_scalar_of_torch_comes_back_with_step_and_wall_time(tmp_path: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    values = np.linspace(2.3, 0.1, 1200).astype(np.float32)  # more than TensorBoard itself would keep of a tensor
    with SummaryWriter(str(tmp_path)) as writer:
        for step, value in enumerate(values):
            writer.add_scalar("Loss/train", value, 10 * step, walltime=1000.0 + step)
            if step % 100 == 0:
                writer.add_scalar("Loss/val", value / 2, 10 * step, walltime=1000.0 + step)
                writer.add_histogram("weights", values[:10], step)
                writer.add_text("note", "text", step)
    log = one(event_file(tmp_path))
    found = curves(log)
    assert set(found) == {"Loss/train", "Loss/val"}
    assert same(found["Loss/train"].value, values)
    assert same(found["Loss/train"].step, 10 * np.arange(1200))
    assert same(found["Loss/val"].step, 1000 * np.arange(12))
    assert found["Loss/train"].axis == "step"
    assert found["Loss/train"].wall_time is not None
    assert same(found["Loss/train"].wall_time, 1000.0 + np.arange(1200))
    assert not log.notes


def test_the_new_style_of_torch_writes_tensors_and_they_are_read(tmp_path: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path)) as writer:
        for step in range(30):
            writer.add_scalar("loss", 1.0 / (step + 1), step, new_style=True)
            writer.add_scalar("precise", 1.0 / (step + 1), step, new_style=True, double_precision=True)
    log = one(event_file(tmp_path))
    assert same(curves(log)["loss"].value, np.float32(1.0) / np.arange(1, 31, dtype=np.float32))
    assert same(curves(log)["precise"].value, 1.0 / np.arange(1, 31))


def test_tensorboardX_is_read_and_nan_and_infinities_are_points(tmp_path: Path) -> None:
    from tensorboardX import SummaryWriter

    values = [1.0, float("nan"), float("inf"), float("-inf"), 0.0]
    with SummaryWriter(str(tmp_path)) as writer:
        for step, value in enumerate(values):
            writer.add_scalar("train/loss", value, step)
    assert same(points(one(event_file(tmp_path)), "train/loss")[1], values)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "uint8", "int16", "int32", "int64", "bool"])
def test_a_tensor_of_one_number_is_a_scalar_whatever_its_type(tmp_path: Path, dtype: str) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.util import tensor_util

    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="scalars"))
    frames = b""
    for step, number in enumerate([1, 0]):
        tensor = tensor_util.make_tensor_proto(np.asarray(number, dtype))
        value = Summary.Value(tag="metric", tensor=tensor, metadata=metadata if step == 0 else None)
        frames += record(Event(wall_time=1.0, step=step, summary=Summary(value=[value])).SerializeToString())
    assert points(one(written(tmp_path, "events.out.tfevents.1", frames)), "metric") == ([0.0, 1.0], [1.0, 0.0])


def test_a_bfloat16_listed_as_an_integer_is_the_upper_half_of_a_float(tmp_path: Path) -> None:
    from tensorboard.compat.proto import types_pb2
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.compat.proto.tensor_pb2 import TensorProto

    upper = int(np.float32(1.5).view(np.uint32)) >> 16
    tensor = TensorProto(dtype=types_pb2.DT_BFLOAT16, half_val=[upper])
    event = Event(step=3, summary=Summary(value=[Summary.Value(tag="loss", tensor=tensor)]))
    path = written(tmp_path, "events.out.tfevents.1", record(event.SerializeToString()))
    assert points(one(path), "loss") == ([3.0], [1.5])


def test_hyper_parameters_of_the_hparams_plugin_are_kept(tmp_path: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path)) as writer:
        writer.add_hparams({"lr": 0.1, "optimizer": "sgd", "nesterov": True}, {"hparam/accuracy": 0.9}, run_name="run")
    log = one(next((tmp_path / "run").iterdir()))
    assert log.hyper == {"lr": 0.1, "optimizer": "sgd", "nesterov": True}
    assert points(log, "hparam/accuracy")[1] == [pytest.approx(0.9)]


def test_a_file_cut_in_its_last_record_keeps_the_rest_and_says_where(tmp_path: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path)) as writer:
        for step in range(10):
            writer.add_scalar("loss", step, step)
    path = event_file(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])
    log = one(path)
    assert points(log, "loss")[0] == list(range(9))
    (note,) = log.notes
    assert note.offset is not None
    assert len(whole) - 7 - note.offset == int("".join(c for c in note.what if c.isdigit()))


def test_a_record_whose_checksum_does_not_hold_is_skipped_alone(tmp_path: Path) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    frames = [
        record(Event(step=k, summary=Summary(value=[Summary.Value(tag="loss", simple_value=k)])).SerializeToString())
        for k in range(5)
    ]
    frames[2] = frames[2][:-5] + bytes([frames[2][-5] ^ 255]) + frames[2][-4:]
    log = one(written(tmp_path, "events.out.tfevents.1", b"".join(frames)))
    assert points(log, "loss")[0] == [0, 1, 3, 4]
    assert [note.offset for note in log.notes] == [len(frames[0]) + len(frames[1])]


def test_a_restart_with_a_purged_step_is_told(tmp_path: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path), purge_step=40) as writer:
        writer.add_scalar("loss", 1.0, 40)
    assert "restarted at step 40" in said(one(event_file(tmp_path)))


def test_a_file_without_scalars_holds_nothing(tmp_path: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path)) as writer:
        writer.add_text("note", "nothing to measure")
    assert read_file(event_file(tmp_path), "x") == ()
    assert read_file(written(tmp_path, "empty/events.out.tfevents.1", b""), "x") == ()


def test_what_only_has_the_name_of_an_event_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableLog, match="first record's checksum"):
        read_file(written(tmp_path, "events.out.tfevents.1", b"this is a readme, not an event file"), "x")


def test_a_bomb_of_tags_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torch.utils.tensorboard import SummaryWriter

    monkeypatch.setattr(events, "MAX_TAGS", 10)
    with SummaryWriter(str(tmp_path)) as writer:
        for k in range(11):
            writer.add_scalar(f"tag{k}", 0.0, 0)
    with pytest.raises(UnreadableLog, match="more than 10 tags"):
        read_file(event_file(tmp_path), "x")


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.text(min_size=1, max_size=12).filter(lambda t: "\0" not in t),
            st.integers(-(2**40), 2**40),
            st.floats(width=32),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_random_tags_steps_and_values_come_back_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, int, float]]
) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    frames = b"".join(
        record(
            Event(step=step, summary=Summary(value=[Summary.Value(tag=tag, simple_value=value)])).SerializeToString()
        )
        for tag, step, value in rows
    )
    log = one(written(tmp_path_factory.mktemp("events"), "events.out.tfevents.1", frames))
    for tag, series in curves(log).items():
        mine = [(step, value) for name, step, value in rows if name == tag]
        assert series.step.tolist() == [step for step, _ in mine]
        assert series.value.tobytes() == np.asarray([value for _, value in mine], np.float32).astype(float).tobytes()
