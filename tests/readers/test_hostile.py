"""Files that are broken, cut, mutated or meant to do harm: a reason, never a traceback."""

from __future__ import annotations

import json
import os
import sqlite3
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curvedoc.errors import UnreadableLog
from curvedoc.readers import Log, read_file

from .helpers import one, points, written
from .test_events import record
from .test_wandb import CONFIG, EXIT, history, store

NAMES = (
    *("log.csv", "log.tsv", "log.json", "log.jsonl", "log.txt", "train.log", "slurm-1.out", "metrics/loss", "a.db"),
    *("events.out.tfevents.1", "run-a.wandb", "trainer_state.json", "wandb-summary.json", "run-a-tag-b.json"),
)
FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def survives(path: Path) -> tuple[Log, ...] | None:
    """What reading gives, with the two things that every reader promises about it."""
    try:
        logs = read_file(path, path.name)
    except UnreadableLog as error:
        assert str(error).isprintable()
        return None
    for log in logs or ():
        assert all(note.what.isprintable() for note in log.notes), log.notes
        json.dumps(log.hyper)
        for series in log.series:
            assert series.tag.encode()
            assert len(series.step) == len(series.value) > 0
            assert series.axis in ("step", "epoch", "row")
            assert all(extra is None or len(extra) == len(series.step) for extra in (series.epoch, series.wall_time))
    return logs


@FUZZ
@given(name=st.sampled_from(NAMES), data=st.binary(max_size=400))
def test_random_bytes_under_any_name(tmp_path: Path, name: str, data: bytes) -> None:
    survives(written(tmp_path, name, data))


WORDS = st.sampled_from(
    (
        *("epoch", "step", "loss", "val", "acc", "Epoch", "#", "NA", "null", "it/s", "100%|##|", "12:30", "2024-01-01"),
        *("1", "2.5", "nan", "-inf", "1e999", "0x1f", "1_0", "%", ":", "=", ",", ";", "|", "/", "\t", " ", "\n", "\r"),
        *('"', "'", "{", "}", "[", "]", "(", ")", "\0", "é"),
    )
)


@FUZZ
@given(name=st.sampled_from(NAMES), words=st.lists(WORDS, max_size=80))
def test_random_words_of_logs_under_any_name(tmp_path: Path, name: str, words: list[str]) -> None:
    survives(written(tmp_path, name, "".join(words)))


@cache
def samples() -> tuple[tuple[str, bytes], ...]:
    """A small good file of every format."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    events = [Event(step=k, summary=Summary(value=[Summary.Value(tag="loss", simple_value=k)])) for k in range(5)]
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE runs (run_uuid TEXT, name TEXT, lifecycle_stage TEXT)")
    db.execute("CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT)")
    db.execute("CREATE TABLE metrics (key TEXT, value REAL, timestamp INT, step INT, is_nan INT, run_uuid TEXT)")
    db.executemany("INSERT INTO metrics VALUES ('loss', ?, 0, ?, 0, 'a')", [(0.5, k) for k in range(5)])
    db.commit()
    rows = [{"epoch": k, "step": 10 * k, "loss": 0.5} for k in range(5)]
    return (
        ("events.out.tfevents.1", b"".join(record(event.SerializeToString()) for event in events)),
        ("run-a.wandb", store([CONFIG, *(history(k, {"loss": 0.5}) for k in range(5)), EXIT])),
        ("mlflow.db", db.serialize()),
        ("metrics/loss", b"".join(b"1700000000000 0.5 %d\n" % k for k in range(5))),
        ("trainer_state.json", json.dumps({"log_history": rows}).encode()),
        ("log.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode()),
        ("history.json", json.dumps({"loss": [0.5, 0.4], "val": {"loss": [0.5, 0.4]}}).encode()),
        ("log.csv", b"epoch,step,model,loss\n" + b"".join(b"%d,%d,a,0.5\n" % (k, k) for k in range(5))),
        ("train.log", b"".join(b"Epoch %d/5 | loss: 0.5 | val: acc 0.5\n" % k for k in range(5))),
    )


def test_every_sample_is_good(tmp_path: Path) -> None:
    for name, data in samples():
        logs = survives(written(tmp_path, name, data))
        assert logs, name


@FUZZ
@given(
    sample=st.integers(0, 8),
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=6),
    cut=st.integers(0, 300),
)
def test_a_good_file_with_bytes_changed_and_its_end_cut(
    tmp_path: Path, sample: int, changes: list[tuple[int, int]], cut: int
) -> None:
    name, good = samples()[sample]
    data = bytearray(good[: len(good) - cut])
    for place, byte in changes:
        if data:
            data[place % len(data)] = byte
    survives(written(tmp_path, name, bytes(data)))


def test_a_line_without_end_costs_no_memory_and_not_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "train.log"
    with path.open("wb") as file:
        file.write(b"".join(b"step %d loss 0.5\n" % k for k in range(3)))
        for _ in range(40):
            file.write(b"x1=2 " * (1 << 18))
        file.write(b"\n" + b"".join(b"step %d loss 0.5\n" % k for k in range(3, 6)))
    assert points(one(path), "loss")[0] == [0, 1, 2, 3, 4, 5]


def test_a_quote_that_never_closes_eats_no_rows(tmp_path: Path) -> None:
    rows = "".join(f"{k},0.5,x\n" for k in range(1, 300))
    log = one(written(tmp_path, "log.csv", f'epoch,loss,note\n0,0.5,"open\n{rows}'))
    assert points(log, "loss")[0] == list(range(300))


def test_a_record_that_claims_to_be_huge_allocates_nothing(tmp_path: Path) -> None:
    import struct

    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

    length = struct.pack("<Q", 1 << 60)
    path = written(tmp_path, "events.out.tfevents.1", length + struct.pack("<I", masked_crc32c(length)) + b"x" * 100)
    assert read_file(path, "x") == ()


def test_escape_sequences_and_markup_in_names_are_escaped_in_messages(tmp_path: Path) -> None:
    text = 'epoch,"\x1b[31m<script>alert(1)</script>"\n0,0.5\n1,ERROR\n2,0.5\n3,0.5\n'
    log = one(written(tmp_path, "log.csv", text))
    assert any("\\x1b[31m" in note.what for note in log.notes)
    assert all("\x1b" not in note.what for note in log.notes)


def test_half_a_surrogate_in_a_name_becomes_a_character_that_can_be_written(tmp_path: Path) -> None:
    text = '{"step": 0, "loss\\ud800": 0.5, "acc\\ud83d\\ude00": 0.5}\n{"step": 1, "loss\\ud800": 0.4}\n'
    assert [s.tag for s in one(written(tmp_path, "log.jsonl", text)).series] == ["step", "loss\ufffd", "acc\U0001f600"]


def test_a_directory_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableLog, match="directory"):
        read_file(tmp_path, "folder")
    with pytest.raises(UnreadableLog, match="No such file"):
        read_file(tmp_path / "gone.csv", "gone.csv")


def test_a_file_that_may_not_be_read_is_refused_with_the_reason(tmp_path: Path) -> None:
    path = written(tmp_path, "log.csv", "epoch,loss\n0,0.5\n1,0.4\n")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("the superuser may read everything")
    with pytest.raises(UnreadableLog, match="Permission denied") as error:
        read_file(path, "run/log.csv")
    assert error.value.file == "run/log.csv"


@pytest.mark.parametrize("name", ["events.out.tfevents.1", "log.csv", "train.log", "trainer_state.json", "run-a.wandb"])
def test_the_stand_in_of_git_lfs_is_refused_with_what_to_do(tmp_path: Path, name: str) -> None:
    text = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    with pytest.raises(UnreadableLog, match="git lfs pull"):
        read_file(written(tmp_path, name, text), name)


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n\0\0", b"PK\x03\x04\0\0", b"\x7fELF\0\0", b"", b"hello\n"])
@pytest.mark.parametrize("name", ["model.bin", "data.csv", "out.log", "a.json"])
def test_what_is_no_log_is_no_log(tmp_path: Path, name: str, data: bytes) -> None:
    assert read_file(written(tmp_path, name, data), name) is None


ROWS = {
    "log.csv": ["epoch,loss", *(f"{k},0.{9 - k}" for k in range(6))],
    "log.jsonl": [json.dumps({"epoch": k, "loss": (9 - k) / 10}) for k in range(6)],
    "train.log": [f"epoch {k} loss 0.{9 - k}" for k in range(6)],
}


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("place", [2, 4, None])
def test_a_block_of_zeros_costs_no_whole_line_and_is_counted(tmp_path: Path, name: str, place: int | None) -> None:
    rows = ROWS[name]
    whole = one(written(tmp_path, name, "\n".join(rows) + "\n"))
    cut = "\n".join(rows[:place]) + "\n" + "\0" * 4096 + "\n".join(rows[place:] if place else []) + "\n"
    log = one(written(tmp_path, name, cut))
    assert points(log, "loss") == points(whole, "loss")
    assert [n.what for n in log.notes if n.what.startswith("4096 NUL bytes")]


def test_a_line_with_zeros_in_its_middle_gives_no_made_up_number(tmp_path: Path) -> None:
    log = one(written(tmp_path, "log.csv", "epoch,loss\n0,0.9\n1,0.8\n2,0.\0\0\0\0007\n4,0.5\n5,0.4\n"))
    assert points(log, "loss") == ([0, 1, 4, 5], [0.9, 0.8, 0.5, 0.4])


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_read(tmp_path: Path, name: str, encoding: str) -> None:
    text = "\n".join(ROWS[name]) + "\n"
    plain, wide = (one(written(tmp_path, name, text.encode(e))) for e in ("utf-8", encoding))
    assert points(wide, "loss") == points(plain, "loss")
    assert not [n for n in wide.notes if "NUL" in n.what]
