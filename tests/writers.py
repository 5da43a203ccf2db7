"""How do trainers write? Small files in their formats, for every test that needs one."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np


def table(path: Path, columns: Mapping[str, Iterable[object]]) -> Path:
    """A CSV file; None becomes an empty cell, a float gets six digits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([cell(value) for value in row] for row in zip(*columns.values(), strict=True))
    return path


def cell(value: object) -> object:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else value


def trainer(path: Path, rows: Sequence[Mapping[str, object]], **state: object) -> Path:
    """The state file of a Hugging Face Trainer, NaN written as Python writes it."""
    return lines(path, [json.dumps({"log_history": list(rows), "max_steps": rows[-1]["step"], **state})])


def json_lines(path: Path, rows: Iterable[Mapping[str, object]]) -> Path:
    return lines(path, map(json.dumps, rows))


def lines(path: Path, written: Iterable[str]) -> Path:
    """A text file of these lines, its directory made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line + "\n" for line in written))
    return path


def events(
    folder: Path,
    tags: Mapping[str, tuple[Iterable[float], Iterable[float]]],
    *,
    tensors: bool = False,
    start: int = 1_700_000_000,
) -> Path:
    """An event file by TensorBoard's own writer, as if it had been opened at `start`: (steps, values) per tag, as
    scalars or as Keras' tensors."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.scalar.metadata import create_summary_metadata
    from tensorboard.summary.writer.event_file_writer import EventFileWriter
    from tensorboard.util.tensor_util import make_tensor_proto

    before = set(folder.glob("*tfevents*")) if folder.exists() else set()
    writer = EventFileWriter(str(folder))
    for tag, (steps, values) in tags.items():
        for step, value in zip(steps, values, strict=True):
            if tensors:
                tensor = make_tensor_proto(np.float32(value))
                point = Summary.Value(tag=tag, tensor=tensor, metadata=create_summary_metadata(tag, ""))
            else:
                point = Summary.Value(tag=tag, simple_value=float(value))
            writer.add_event(Event(step=int(step), wall_time=start + float(step), summary=Summary(value=[point])))
    writer.close()
    (written,) = set(folder.glob("*tfevents*")) - before
    return written.rename(folder / f"events.out.tfevents.{start}.host.{len(before)}")
