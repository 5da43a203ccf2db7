"""Which column of a table counts the steps, and how many runs stand in it: cells become Logs."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..run import Array, Note
from .lines import quoted
from .log import Log, Series
from .vocabulary import SPLITS, counter_kind, plain_name

MAX_COLUMNS = 20_000
MAX_PARTS = 1_000
MAX_WORDS = 1_000  # different texts in one column; beyond, it is prose and tells no runs apart
_MAX_STEP = 1e18  # no training counts that far; beyond 2**53 neighbours are one float anyway
_PARTS_WITHOUT_COUNTER = 50  # a list of models is a summary per model; a longer one is a data set

_SPLIT_COLUMNS = frozenset(
    ("split", "phase", "mode", "set", "stage", "subset", "dataset", "partition", "type", "kind", "event")
)
_NUMBERED_RUNS = frozenset(("fold", "seed", "run", "run id", "trial", "trial id", "version"))
_RUN_COLUMNS = _NUMBERED_RUNS | {
    *("run name", "model", "model name", "experiment", "experiment name", "exp", "exp name", "config", "config name"),
    *("variant", "name", "arch", "architecture", "network", "method", "optimizer", "algorithm", "algo", "task", "id"),
}
_METRIC_COLUMNS = ("metric", "metric name", "tag", "key", "name", "variable")
_VALUE_COLUMNS = ("value", "metric value")

Rows = npt.NDArray[np.int64]


@dataclass(slots=True)
class Table:
    """Cells collected row by row with `put`; `rows` counts the rows begun."""

    rows: int = 0
    numbers: dict[str, tuple[array[int], array[float]]] = field(default_factory=dict)
    texts: dict[str, dict[int, str]] = field(default_factory=dict)
    absent: dict[str, int] = field(default_factory=dict)
    prose: set[str] = field(default_factory=set)
    beyond: int = 0  # cells of columns after the first MAX_COLUMNS


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One column: `row (m,)`, rising, says which rows hold a number; `value (m,)`."""

    name: str
    row: Rows
    value: Array


def put(table: Table, name: str, cell: float | str | None) -> None:
    """Enter a cell of the current row: a number, a text, or None where the log says "no value".

    Columns after the first MAX_COLUMNS are not kept, their cells are counted.
    """
    if cell is None:
        if name in table.absent or len(table.absent) < MAX_COLUMNS:
            table.absent[name] = table.absent.get(name, 0) + 1
        else:
            table.beyond += 1
    elif isinstance(cell, str):
        if name not in table.texts and len(table.texts) + len(table.prose) >= MAX_COLUMNS:
            table.beyond += name not in table.prose
        elif name not in table.prose:
            words = table.texts.setdefault(name, {})
            words[table.rows] = cell
            if len(words) % MAX_WORDS == 0 and len(set(words.values())) >= MAX_WORDS:
                table.prose.add(name)
                del table.texts[name]
    else:
        pair = table.numbers.get(name)
        if pair is None:
            if len(table.numbers) >= MAX_COLUMNS:
                table.beyond += 1
                return
            pair = table.numbers[name] = (array("q"), array("d"))
        pair[0].append(table.rows)
        pair[1].append(cell)


def to_logs(
    table: Table, file: str, format: str, hyper: Mapping[str, Any] | None = None, notes: Iterable[Note] = ()
) -> tuple[Log, ...]:
    """The runs of a table: one Log, or one per model, fold or seed when a column tells several apart.

    A column of `train`/`val` words goes into the tags (`val/loss`), a `metric`, `value` pair of columns
    becomes one series per metric. () when no column holds a number.
    """
    rows = {id(r): np.asarray(r, np.int64) for r, _ in table.numbers.values()}  # columns may share them
    columns = [Column(n, rows[id(r)], np.asarray(v, np.float64)) for n, (r, v) in table.numbers.items()]
    if not columns:
        return ()
    texts = dict(table.texts)
    columns = _by_metric(columns, texts)
    columns = _by_split(columns, texts)
    said = (*notes, *_remarks(table, columns, file))
    logs = []
    for part, stated, chosen in _parts(columns, texts, table.rows):
        series, more = to_series(chosen, file)
        logs.append(Log(file, format, series, part, {**(hyper or {}), **stated}, (*said, *more)))
        said = ()  # what concerns the whole file is said once
    return tuple(logs)


def to_series(columns: Sequence[Column], file: str) -> tuple[tuple[Series, ...], tuple[Note, ...]]:
    """One Series per column, counters included, each on the finest counter that is filled beside it."""
    n_rows = 1 + max((int(c.row[-1]) for c in columns if len(c.row)), default=-1)
    counters = [c for c in (_counter(column, n_rows) for column in columns) if c is not None]
    steps = sorted((c for c in counters if c.kind == "step"), key=lambda c: c.order)
    epochs = sorted((c for c in counters if c.kind == "epoch"), key=lambda c: c.order)
    indices = [c for c in counters if c.kind == "row"]
    times = sorted((c for c in counters if c.kind == "time"), key=lambda c: c.order)
    series, notes = [], []
    axes: dict[tuple[int, int], list[tuple[Rows, _Axis]]] = {}
    for column in columns:
        same = axes.setdefault((len(column.row), int(column.row.sum())), [])
        axis = next((a for rows, a in same if rows is column.row or np.array_equal(rows, column.row)), None)
        if axis is None:
            axis = _axis(column.row, steps, epochs, indices, times)
            same.append((column.row, axis))
        value = column.value
        if axis.known is not None:
            what = f"{np.count_nonzero(~axis.known)} values of {quoted(column.name)} stand in rows without a step"
            notes.append(Note(file, f"{what}: left out"))
            value = value[axis.known]
        series.append(Series(column.name, axis.step, value, axis.kind, axis.epoch, axis.moment))
    by_row = any(s.axis == "row" for s in series)
    named = [c for c in columns if counter_kind(c.name)[0] in ("step", "epoch")]
    for column in named:
        wild = int(np.count_nonzero(~(np.abs(column.value) < _MAX_STEP)))
        if by_row and wild > 0.1 * len(column.value):
            what = f"{wild} of {len(column.value)} values of the counter {quoted(column.name)} are NaN, infinite or"
            notes.append(Note(file, f"{what} {_MAX_STEP:g} and beyond: rows are counted instead"))
    still = [c.name for c in named if np.isfinite(c.value).any() and _stands_still(c.value)]
    if still and not steps and not epochs:
        notes.append(Note(file, f"the counter {quoted(still[0])} never advances: rows are counted instead"))
    return tuple(series), tuple(notes)


@dataclass(frozen=True, slots=True, eq=False)
class _Counter:
    kind: str
    order: tuple[bool, int]
    at: Array  # (rows,), NaN where the row does not tell


@dataclass(frozen=True, slots=True, eq=False)
class _Axis:
    """What counts the points of all columns that are filled in the same rows; `known` tells the points that are kept,
    None for all."""

    kind: str
    step: Array
    epoch: Array | None
    moment: Array | None
    known: npt.NDArray[np.bool_] | None


def _axis(
    here: Rows,
    steps: Sequence[_Counter],
    epochs: Sequence[_Counter],
    indices: Sequence[_Counter],
    times: Sequence[_Counter],
) -> _Axis:
    found = _first_filled((*steps, *epochs, *indices), here)
    epoch = next((e for e in (c.at[here] for c in epochs) if np.isfinite(e).any()), None)
    if found is None:
        step, kind = here.astype(np.float64), "row"
    else:
        step, kind = found.at[here], found.kind
        if kind == "step" and epoch is None and epochs and _counts_epochs(found, epochs[0], here):
            kind = "epoch"
    moment = next((m for m in (c.at[here] for c in times) if np.isfinite(m).all()), None)
    if kind == "epoch":
        epoch = None
    known = np.isfinite(step)
    if known.all():
        return _Axis(kind, step, epoch, moment, None)
    epoch, moment = (None if told is None else told[known] for told in (epoch, moment))
    return _Axis(kind, step[known], epoch, moment, known)


def _counter(column: Column, n_rows: int) -> _Counter | None:
    """The column as a counter over all rows, or None when it is none or useless."""
    kind, rank = counter_kind(column.name)
    if not kind or _stands_still(column.value):
        return None
    if kind == "time" and rank == 1 and not _accumulates(column.value):
        return None
    at = np.full(n_rows, np.nan)
    at[column.row] = np.where(np.abs(column.value) < _MAX_STEP, column.value, np.nan)
    restarts = kind == "step" and _times_back(column.value) > 2  # counts inside an epoch
    return _Counter(kind, (restarts, rank), at)


def _stands_still(value: Array) -> bool:
    finite = value[np.isfinite(value)]
    return len(finite) == 0 or (len(value) > 1 and finite.min() == finite.max())


def _accumulates(value: Array) -> bool:
    """Whether seconds add up over the rows, and are not those of each row alone."""
    return len(value) > 2 and bool((value[1:] >= value[:-1]).all()) and value[-1] >= 0.5 * len(value) * float(value[0])


def _times_back(value: Array) -> int:
    return int(np.count_nonzero(value[1:] < value[:-1]))


def _first_filled(counters: Sequence[_Counter], here: Rows) -> _Counter | None:
    """The first counter that every row of `here` tells and that advances there; failing that, one that stands
    still; failing that, one that nine in ten rows tell."""
    if not len(here):
        return None
    still: _Counter | None = None
    nearly: _Counter | None = None
    for counter in counters:
        at = counter.at[here]
        told = np.isfinite(at)
        if not told.all():
            nearly = nearly or (counter if told.mean() >= 0.9 else None)
        elif len(here) == 1 or (at != at[0]).any():
            return counter
        else:
            still = still or counter
    return still or nearly


def _counts_epochs(step: _Counter, epoch: _Counter, here: Rows) -> bool:
    """Whether the steps of these rows are epochs, as in mmengine's validation rows (`"step": 3` after epoch 3)."""
    known = np.isfinite(epoch.at)
    last = np.maximum.accumulate(np.where(known, np.arange(len(known)), -1))[here]
    seen = last >= 0
    if not seen.any():
        return False
    return bool(
        (step.at[here][seen] == epoch.at[last[seen]]).all() and (step.at[last[seen]] != epoch.at[last[seen]]).any()
    )


def _by_metric(columns: list[Column], texts: dict[str, dict[int, str]]) -> list[Column]:
    """A table in long form, one row per metric and step, with one column per metric instead; takes its text away."""
    name = next((t for t in texts if plain_name(t) in _METRIC_COLUMNS), None)
    value = next((c for c in columns if plain_name(c.name) in _VALUE_COLUMNS), None)
    if name is None or value is None:
        return columns
    words = texts.pop(name)
    places: dict[str, list[int]] = {}
    for place, row in enumerate(value.row.tolist()):
        places.setdefault(words.get(row, value.name), []).append(place)
    made = [Column(metric, value.row[at], value.value[at]) for metric, at in places.items()]
    return [c for c in columns if c is not value] + made


def _by_split(columns: list[Column], texts: dict[str, dict[int, str]]) -> list[Column]:
    """Values of rows that say `train` or `val` in a text column, named with that word in front; takes the text away."""
    for name, words in texts.items():
        if plain_name(name) in _SPLIT_COLUMNS:
            sides = {word: bool(SPLITS & set(plain_name(word).split())) for word in set(words.values())}
            if sum(sides[word] for word in words.values()) >= 0.8 * len(words):
                del texts[name]
                return [made for column in columns for made in _split(column, words)]
    return columns


def _split(column: Column, words: Mapping[int, str]) -> list[Column]:
    if counter_kind(column.name)[0] or SPLITS & set(plain_name(column.name).split()):
        return [column]
    sides = np.asarray([words.get(row, "").strip() for row in column.row.tolist()])
    made = []
    for side in dict.fromkeys(sides.tolist()):
        at = sides == side
        made.append(Column(f"{side}/{column.name}" if side else column.name, column.row[at], column.value[at]))
    return made


def _parts(
    columns: list[Column], texts: Mapping[str, Mapping[int, str]], n_rows: int
) -> list[tuple[str, dict[str, str], list[Column]]]:
    """Name, stated facts and columns of each run in the table."""
    counter = min(
        (c for c in columns if counter_kind(c.name)[0] in ("step", "epoch") and not _stands_still(c.value)),
        key=lambda c: (counter_kind(c.name)[0] == "epoch", counter_kind(c.name)[1]),
        default=None,
    )
    labels = {n: [words.get(row, "") for row in range(n_rows)] for n, words in texts.items()}
    for column in columns:
        if plain_name(column.name) in _NUMBERED_RUNS and len(column.row) == n_rows and counter is not None:
            labels[column.name] = [f"{column.name} {v:g}" for v in column.value.tolist()]
    stated = {n: c[0] for n, c in labels.items() if plain_name(n) in _RUN_COLUMNS and n in texts and len(set(c)) == 1}
    names = [n for n, cells in labels.items() if _tells_runs(n, cells, counter)]
    keys = list(zip(*(labels[n] for n in names), strict=True)) if names else []
    parts = dict.fromkeys(keys)
    if len(parts) < 2 or len(parts) > MAX_PARTS:
        return [("", stated, columns)]
    number = {key: k for k, key in enumerate(parts)}
    part_of = np.asarray([number[key] for key in keys])
    found = []
    for key, k in number.items():
        mine = part_of == k
        place = np.cumsum(mine) - 1
        chosen = [Column(c.name, place[c.row[at]], c.value[at]) for c in columns if (at := mine[c.row]).any()]
        title = ", ".join(word.strip() for word in key if word.strip())
        found.append((title, {**stated, **dict(zip(names, key, strict=True))}, chosen))
    return [f for f in found if f[2]]


def _tells_runs(name: str, cells: Sequence[str], counter: Column | None) -> bool:
    """Whether a column of labels keeps several runs apart: within a label, the counter no longer goes back."""
    different = len(set(cells))
    named = plain_name(name) in _RUN_COLUMNS
    if different < 2 or different > MAX_PARTS:
        return False
    if counter is None:
        return named and different <= _PARTS_WITHOUT_COUNTER
    by_label: dict[str, list[float]] = {}
    for row, value in zip(counter.row.tolist(), counter.value.tolist(), strict=True):
        by_label.setdefault(cells[row], []).append(value)
    back = int(np.count_nonzero(np.diff(counter.value) <= 0))
    left = sum(int(np.count_nonzero(np.diff(v) <= 0)) for v in by_label.values())
    if named:
        return left < back
    return left < 0.5 * back and back >= different - 1 and min(map(len, by_label.values())) > 1


def _remarks(table: Table, columns: Sequence[Column], file: str) -> list[Note]:
    """What is odd about whole columns."""
    notes = []
    if table.beyond:
        notes.append(Note(file, f"more than {MAX_COLUMNS} columns: {table.beyond} cells of the others were left out"))
    absent = [n for n in table.absent if n in table.numbers]
    if absent:
        total = sum(table.absent[n] for n in absent)
        notes.append(Note(file, f"{total} cells say NA, None or null, in {_listed(absent)}: taken as not logged"))
    never = [n for n in table.absent if n not in table.numbers and n not in table.texts]
    if never:
        notes.append(Note(file, f"nothing but NA, None or null in {_listed(never)}: left out"))
    mixed = [n for n in table.numbers if n in table.texts or n in table.prose]
    if mixed:
        notes.append(Note(file, f"text among the numbers of {_listed(mixed)}: those cells were left out"))
    for column in columns:
        if gone := _gone_blank(column, columns, table.rows):
            what = f"{quoted(column.name)} is blank in the last {gone} rows while others go on: pandas writes NaN so"
            notes.append(Note(file, what))
    lost = [c.name for c in columns if len(c.value) and np.isnan(c.value[0]) and np.isnan(c.value).all()]
    if lost:
        notes.append(Note(file, f"every value of {_listed(lost)} is NaN"))
    return notes


def _gone_blank(column: Column, columns: Sequence[Column], n_rows: int) -> int:
    """In how many rows at the end a column is blank that was filled in every row before, beside one that goes on."""
    filled, gone = len(column.row), n_rows - len(column.row)
    if filled < 5 or gone < 2 or column.row[-1] != filled - 1:
        return 0
    whole = any(len(c.row) == n_rows and not counter_kind(c.name)[0] for c in columns)
    return gone if whole else 0


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(quoted(n) for n in names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
