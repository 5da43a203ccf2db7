"""W&B's run-<id>.wandb, written here a second time from its description."""

from __future__ import annotations

import json
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

from curvedoc.errors import UnreadableLog
from curvedoc.readers import read_file

from .helpers import curves, one, points, said, same, written

BLOCK = 32 * 1024


def varint(value: int) -> bytes:
    out = b""
    while True:
        value, low = value >> 7, value & 127
        out += bytes([low | (128 if value else 0)])
        if not value:
            return out


def sized(field: int, payload: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(payload)) + payload


def items(values: dict[str, Any], *, nested: bool = False) -> bytes:
    key = 2 if nested else 1
    return b"".join(
        sized(1, b"".join(sized(key, part.encode()) for part in name.split("~")) + sized(16, json.dumps(v).encode()))
        for name, v in values.items()
    )


def history(step: int, values: dict[str, Any], *, nested: bool = False) -> bytes:
    return sized(2, items(values, nested=nested) + sized(2, varint(1 << 3) + varint(step)))


def store(records: list[bytes]) -> bytes:
    """The records in frames of a LevelDB log, cut at blocks of 32 KiB."""
    data = b":W&B" + struct.pack("<HB", 0xBEE1, 0)
    for record in records:
        rest, first = record, True
        while rest or first:
            left = BLOCK - len(data) % BLOCK
            if left < 7:
                data += b"\0" * left
                left = BLOCK
            part, rest = rest[: left - 7], rest[left - 7 :]
            kind = (1 if first else 4) if not rest else (2 if first else 3)
            data += struct.pack("<IHB", zlib.crc32(bytes([kind]) + part), len(part), kind) + part
            first = False
    return data


CONFIG = sized(5, items({"lr": 0.1, "optimizer": {"name": "adam"}, "_wandb": {"cli_version": "0.17"}}))
EXIT = sized(18, b"")


def test_history_configuration_and_nan_are_read(tmp_path: Path) -> None:
    records = [CONFIG]
    for k in range(5):
        records.append(history(k, {"train/loss": math.nan if k == 3 else 1.0 / (k + 1), "_runtime": 2.0 * k}))
    log = one(written(tmp_path, "run-abc.wandb", store([*records, EXIT])))
    assert points(log, "train/loss")[0] == [0, 1, 2, 3, 4]
    assert same(points(log, "train/loss")[1], [1.0, 0.5, 1 / 3, math.nan, 0.2])
    assert log.hyper == {"lr": 0.1, "optimizer/name": "adam"}
    assert not log.notes


def test_a_record_longer_than_a_block_is_put_together(tmp_path: Path) -> None:
    long = {f"metric{k}": float(k) for k in range(4000)}
    log = one(written(tmp_path, "run-abc.wandb", store([history(0, long), history(1, {"loss": 0.5}), EXIT])))
    assert points(log, "metric3999") == ([0], [3999])
    assert points(log, "loss") == ([1], [0.5])


def test_nested_keys_are_joined_and_typed_objects_left_out(tmp_path: Path) -> None:
    records = [history(k, {"train~loss": 0.5}, nested=True) for k in range(2)]
    records.append(history(2, {"weights": {"_type": "histogram", "values": [1, 2]}, "eval": {"acc": 0.5}}))
    log = one(written(tmp_path, "run-abc.wandb", store([*records, EXIT])))
    assert set(curves(log)) == {"train.loss", "eval/acc", "_step"}


def test_the_trainers_step_outranks_the_count_of_rows(tmp_path: Path) -> None:
    records = [history(k, {"loss": 0.5, "trainer/global_step": 49 + 50 * k}) for k in range(3)]
    assert points(one(written(tmp_path, "run-abc.wandb", store([*records, EXIT]))), "loss")[0] == [49, 99, 149]


def test_a_killed_run_is_read_up_to_where_it_ends(tmp_path: Path) -> None:
    whole = store([history(k, {"loss": 0.5}) for k in range(10)])
    log = one(written(tmp_path, "run-abc.wandb", whole[:-5]))
    assert points(log, "loss")[0] == list(range(9))
    assert "ends inside a record" in said(log)
    assert "no exit record" in said(log)


def test_a_damaged_record_costs_its_block_and_no_more(tmp_path: Path) -> None:
    data = bytearray(store([history(k, {"loss": 0.5, "pad": "x" * 900}) for k in range(100)] + [EXIT]))
    data[5000] ^= 255
    log = one(written(tmp_path, "run-abc.wandb", bytes(data)))
    steps = points(log, "loss")[0]
    assert steps[:3] == [0, 1, 2]
    assert steps[-1] == 99
    assert 60 < len(steps) < 100
    assert [note.offset is not None for note in log.notes] == [True]


def test_a_run_that_logged_nothing_holds_nothing(tmp_path: Path) -> None:
    assert read_file(written(tmp_path, "run-abc.wandb", store([CONFIG, EXIT])), "x") == ()


def test_what_only_has_the_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableLog, match="no W&B record"):
        read_file(written(tmp_path, "run-abc.wandb", "hello"), "x")
