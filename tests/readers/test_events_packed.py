"""Event files that gzip has packed: whole, cut, damaged, and bombs."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import pytest

from curvedoc.api import read
from curvedoc.errors import UnreadableLog
from curvedoc.readers import unpacked
from curvedoc.readers.events import Events, read_events

from .helpers import written
from .test_events_peers import event, simple

NAME = "events.out.tfevents.1.gz"
PLAIN = b"".join(event(s, simple(tag, s / 7), time=s) for s in range(2000) for tag in ("loss", "val/loss"))


def steps(found: Events) -> list[int]:
    return found.points["loss"].step.tolist()


@pytest.mark.parametrize("parts", [1, 3])
def test_a_packed_file_is_read_as_the_plain_one(tmp_path: Path, parts: int) -> None:
    """Several files packed and put behind each other are one, and tape writers fill up with zeros."""
    n = len(PLAIN) // parts + 1
    packed = b"".join(gzip.compress(PLAIN[k * n : (k + 1) * n]) for k in range(parts)) + bytes(512)
    found = read_events(written(tmp_path, NAME, packed), "x")
    plain = read_events(written(tmp_path, "events.out.tfevents.1", PLAIN), "x")
    assert not found.damage
    assert not found.notes
    for tag, points in plain.points.items():
        assert found.points[tag].step.tolist() == points.step.tolist()
        assert found.points[tag].value.tobytes() == points.value.tobytes()
        assert found.points[tag].time.tobytes() == points.time.tobytes()


def test_a_packed_file_is_found_in_a_tree(tmp_path: Path) -> None:
    written(tmp_path, f"run/{NAME}", gzip.compress(PLAIN))
    (run,) = read(tmp_path)
    assert run.curves["val_loss"][0].value[-1] == pytest.approx(1999 / 7)


def test_a_packed_file_that_was_cut_keeps_what_is_left(tmp_path: Path) -> None:
    packed = gzip.compress(PLAIN)
    found = read_events(written(tmp_path, NAME, packed[: len(packed) // 2]), "x")
    assert steps(found) == list(range(len(steps(found))))
    assert 500 < len(steps(found)) < 2000
    assert "the compressed file is cut" in found.damage[0].what


def test_a_packed_file_that_is_damaged_keeps_what_stands_before(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(PLAIN))
    packed[-6] ^= 1  # in the checksum of the whole
    found = read_events(written(tmp_path, NAME, bytes(packed)), "x")
    assert "incorrect data check" in found.damage[0].what
    assert steps(found) == list(range(len(steps(found))))
    assert len(steps(found)) > 500


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacked, "MAX_UNPACKED", 20 << 20)
    path = written(tmp_path, NAME, gzip.compress(bytes(60 << 20)))
    assert path.stat().st_size < 100_000
    tracemalloc.start()
    with pytest.raises(UnreadableLog, match="more than 20 MiB: gunzip it"):
        read_events(path, "x")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20
