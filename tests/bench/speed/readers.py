"""What each peer does to read a folder: prints CPU seconds of the reading alone, and how many points it found.

Run in a fresh process by `tests.bench.speed`: `python -m tests.bench.speed.readers PEER FOLDER`. Imports come before
the clock, so that start-up and reading can be told apart; the whole process is measured from outside.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

PIECE = 1 << 20  # bytes read at once by the physical limit
#: Share of many runs that is given to readers which take a minute for a million points.
TENTH = 10
Read = Callable[[Path], Any]


def main(peer: str, folder: str) -> None:
    """Read everything under a folder as one peer does."""
    read = PEERS[peer]()
    start = _cpu()
    found = read(Path(folder))
    said = found if isinstance(found, dict) else {"points": found}
    print(json.dumps({"cpu": _cpu() - start, **said}))


def _cpu() -> float:
    """CPU seconds of this process and of the children that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def event_files(folder: Path, tenth: bool = False) -> list[Path]:
    """All event files, or the first tenth of them where there are many."""
    files = sorted(folder.rglob("*tfevents*"))
    return files[: len(files) // TENTH] if tenth and len(files) >= TENTH else files


# ------------------------------------------------------------------------------------------ event files
def ours() -> Read:
    import google_crc32c  # noqa: F401 - imported on the first record otherwise

    from curvedoc.readers.events import read_events

    return lambda folder: sum(
        len(p.step) for file in event_files(folder) for p in read_events(file, file.name).points.values()
    )


def unchecked() -> Read:
    """Ours with every checksum of a payload taken on trust: what checking costs."""
    from curvedoc.readers import scan

    scan._check = lambda *window: None  # type: ignore[assignment]
    return ours()


def second_half() -> Read:
    """Ours, when an earlier reading has seen the first half of the file."""
    from curvedoc.readers.events import read_events

    ours()

    def read(folder: Path) -> int:
        (file,) = event_files(folder)
        halfway = int((folder / "halfway").read_text())
        return sum(len(p.step) for p in read_events(file, file.name, start=halfway).points.values())

    return read


def accumulator() -> Read:
    from tensorboard.backend.event_processing import event_accumulator as ea

    def load(file: Path) -> int:
        found = ea.EventAccumulator(str(file), size_guidance=dict.fromkeys(ea.DEFAULT_SIZE_GUIDANCE, 0))
        found.Reload()
        tags = found.Tags()
        return sum(len(found.Scalars(t)) for t in tags["scalars"]) + sum(len(found.Tensors(t)) for t in tags["tensors"])

    return lambda folder: sum(map(load, event_files(folder, tenth=True)))


def tbparse() -> Read:
    """A data frame of all scalars; it is given one file after the other, as it would find them itself."""
    from tbparse import SummaryReader

    def load(file: Path) -> int:
        read = SummaryReader(str(file), event_types={"scalars", "tensors"}, extra_columns={"wall_time"})
        return len(read.scalars) + len(read.tensors)

    return lambda folder: sum(map(load, event_files(folder, tenth=True)))


def server(checksum: bool) -> Read:
    from . import rust  # what it needs to start a process is no part of the others' start-up

    return rust.reader(checksum)


def limit() -> Read:
    """No reader can do less: read the bytes, in pieces that stay in the cache, take one CRC32C of them."""
    import google_crc32c

    def read(folder: Path) -> int:
        crc = 0
        for path in event_files(folder):
            with path.open("rb", buffering=0) as file:
                while piece := file.read(PIECE):
                    crc = google_crc32c.extend(crc, piece)
        return 0

    return read


# ------------------------------------------------------------------------------------------ tables
def our_table() -> Read:
    from curvedoc.readers import delimited

    return lambda folder: sum(len(s.value) for log in delimited.read(folder / "log.csv", "log.csv") for s in log.series)


def our_lines() -> Read:
    from curvedoc.readers import json_lines

    return lambda folder: sum(
        len(s.value) for log in json_lines.read(folder / "log.jsonl", "log.jsonl") for s in log.series
    )


def pandas_csv() -> Read:
    import pandas as pd

    return lambda folder: int(pd.read_csv(folder / "log.csv").count().sum())


def polars_csv() -> Read:
    import polars as pl

    return lambda folder: int(pl.read_csv(folder / "log.csv", infer_schema_length=None).count().sum_horizontal().item())


def pyarrow_csv() -> Read:
    from pyarrow import csv

    def read(folder: Path) -> int:
        table = csv.read_csv(folder / "log.csv")
        return sum(len(column) - column.null_count for column in table.columns)

    return read


def loadtxt() -> Read:
    import numpy as np

    def read(folder: Path) -> int:
        return int(np.loadtxt(folder / "log.csv", delimiter=",", skiprows=1).size)

    return read


def csv_module() -> Read:
    import csv

    def read(folder: Path) -> int:
        with (folder / "log.csv").open(newline="", encoding="utf-8") as file:
            rows = csv.reader(file)
            columns: list[list[float]] = [[] for _ in next(rows)]
            for row in rows:
                for column, cell in zip(columns, row, strict=True):
                    if cell:
                        column.append(float(cell))
        return sum(map(len, columns))

    return read


def json_module() -> Read:
    def read(folder: Path) -> int:
        columns: dict[str, list[float]] = {}
        with (folder / "log.jsonl").open(encoding="utf-8") as file:
            for line in file:
                for name, value in json.loads(line).items():
                    columns.setdefault(name, []).append(value)
        return sum(map(len, columns.values()))

    return read


def pandas_lines() -> Read:
    import pandas as pd

    return lambda folder: int(pd.read_json(folder / "log.jsonl", lines=True).count().sum())


def polars_lines() -> Read:
    import polars as pl

    return lambda folder: int(
        pl.read_ndjson(folder / "log.jsonl", infer_schema_length=None).count().sum_horizontal().item()
    )


def pyarrow_lines() -> Read:
    from pyarrow import json as lines

    def read(folder: Path) -> int:
        table = lines.read_json(folder / "log.jsonl")
        return sum(len(column) - column.null_count for column in table.columns)

    return read


OURS, SLOW, SERVER, CHECKED = "curvedoc", "EventAccumulator", "data-server", "data-server --checksum"
UNCHECKED, AFTER_HALF, LIMIT, FRAMES = "curvedoc, unchecked", "curvedoc, second half", "read + crc32c", "tbparse"
TABLE, LINES = "curvedoc, CSV", "curvedoc, JSON lines"
PEERS: Mapping[str, Callable[[], Read]] = {
    OURS: ours,
    UNCHECKED: unchecked,
    AFTER_HALF: second_half,
    LIMIT: limit,
    SERVER: lambda: server(checksum=False),
    CHECKED: lambda: server(checksum=True),
    SLOW: accumulator,
    FRAMES: tbparse,
    TABLE: our_table,
    "pandas": pandas_csv,
    "polars": polars_csv,
    "pyarrow": pyarrow_csv,
    "np.loadtxt": loadtxt,
    "csv module": csv_module,
    LINES: our_lines,
    "json module": json_module,
    "pandas, lines": pandas_lines,
    "polars, lines": polars_lines,
    "pyarrow, lines": pyarrow_lines,
}

if __name__ == "__main__":
    main(*sys.argv[1:])
