"""How the reader tests write a file, read it and look at the curves."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from curvedoc.readers import Log, Series, read_file


def written(folder: Path, name: str, text: str | bytes) -> Path:
    """A file of that content; text as UTF-8 with its line ends as they are."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def one(path: Path) -> Log:
    """The only run in a file."""
    logs = read_file(path, path.name)
    assert logs is not None, "not recognized"
    assert len(logs) == 1
    return logs[0]


def curves(log: Log) -> dict[str, Series]:
    """The series of a log by tag, no tag twice."""
    found = {s.tag: s for s in log.series}
    assert len(found) == len(log.series)
    return found


def points(log: Log, tag: str) -> tuple[list[float], list[float]]:
    """Steps and values of one tag."""
    series = curves(log)[tag]
    return series.step.tolist(), series.value.tolist()


def said(log: Log) -> str:
    """All notes of a log, with their lines."""
    return "\n".join(f"{note.line}: {note.what}" for note in log.notes)


def same(a: object, b: object) -> bool:
    """Whether two lists of numbers are equal, NaN in the same places."""
    return np.array_equal(np.asarray(a, float), np.asarray(b, float), equal_nan=True)
