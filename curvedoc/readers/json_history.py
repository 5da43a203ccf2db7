"""JSON histories: one document with lists of values, as scripts, Keras, XGBoost, LightGBM and CatBoost dump them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UnreadableLog
from ..run import Note
from .cells import number
from .hyper import is_hyper
from .json_runs import runs_in
from .jsontree import MAX_DEPTH, facts, load, put_row, scalars
from .lines import quoted, text_of
from .log import Log, Series
from .table import Table, put, to_logs
from .vocabulary import SPLITS, counter_kind, is_known, plain_name

FORMAT = "JSON history"
RECOGNIZES = "a `.json` document with lists of numbers or of objects under the names of losses, metrics or counters"
READS = (
    "lists of any lengths, nested names joined with `/`; lists of objects, objects keyed by epochs or steps; folds, "
    "seeds and models side by side, each a run; pandas' column dumps; x values beside them (`val_iters` for "
    "`val_loss`); XGBoost and LightGBM evaluations; catboost_training.json; TensorBoard's JSON files"
)
NOT_READ = "lists of lists, lists under `config`, lists per class; documents without a known name"

MAX_LISTS = 20_000
_NO_CURVE = re.compile(
    r"per class|confusion|\bbins?\b|histogram|\bclass(es)?\b|labels|thresholds?|quantile|predictions?"
)
_SETTINGS = ("config", "args", "params", "hparams", "hyperparameters", "settings", "options", "model", "meta")
_KEY = re.compile(r'"([^"\n]{1,200})"\s*:')
#: A document that is keyed by epochs or steps: `{"1": {"loss": ...}, "epoch_2": {...}}`.
_KEYED = re.compile(r'\{\s*"(?:epoch|step|iter(?:ation)?)?[ _-]?\d{1,15}"\s*:\s*\{', re.IGNORECASE)
_PLACE = re.compile(r"(epoch|step|iter(?:ation)?)?[ _-]?(\d{1,15})", re.IGNORECASE)
#: Files that hold a result for each fold, class or seed under its number.
_NO_ROWS = frozenset(
    ("fold", "folds", "cv", "class", "classes", "labels", "seed", "seeds", "report", "trial", "trials")
)
#: Names over a number or over an object that begins with one: a loss that is a word is a setting.
_NUMBERED = re.compile(r'"([^"\n]{1,200})"\s*:\s*(?=(?:\{\s*"[^"\n]{1,200}"\s*:\s*)?"?[-\dNI])')
_LISTED = re.compile(r'"\s*:\s*(?:\[\s*[-\d{"NIn]|\{\s*"\d+"\s*:)')


def recognizes(path: Path, head: bytes) -> bool:
    if path.suffix.lower() != ".json" or is_hyper(path):
        return False
    text = text_of(head).lstrip()
    if text.startswith("["):
        inner = text[1:].lstrip()[:1]
        return "tag-" in path.name if inner == "[" else inner == "{" and any(map(is_known, _KEY.findall(text[:4000])))
    if _KEYED.match(text) and _may_be_keyed(path) and any(map(_is_loss, _NUMBERED.findall(text))):
        return True
    return text.startswith("{") and _LISTED.search(text) is not None and any(map(is_known, _KEY.findall(text)))


def read(path: Path, shown: str) -> tuple[Log, ...]:
    document = load(path, shown)
    if isinstance(document, list) and document and isinstance(document[0], list):
        return _tensorboard(document, path, shown)
    runs = runs_in(document, path.stem)
    if not runs:
        return _of_document(document, path, shown)
    logs = [replace(log, part=name) for name, said in runs.items() for log in _of_document(said, path, shown)]
    if logs:
        names = ", ".join(map(quoted, list(runs)[:3])) + (" ..." if len(runs) > 3 else "")
        what = f"{len(runs)} runs in one document, each judged by itself: {names}"
        if isinstance(document, dict) and (
            own := [k for k, v in document.items() if isinstance(v, list) and is_known(k)]
        ):
            what += f"; {', '.join(map(quoted, own[:3]))} beside them, of none of them, left out"
        logs[0] = replace(logs[0], notes=(Note(shown, what), *logs[0].notes))
    shared = facts(_settings(document), 300) if isinstance(document, dict) else {}
    return tuple(replace(log, hyper={**shared, **log.hyper}) for log in logs)


def _settings(document: Mapping[str, Any]) -> dict[str, Any]:
    """What stands beside the runs of a document and holds for all of them."""
    return {k: v for k, v in document.items() if plain_name(k) in _SETTINGS or not isinstance(v, Mapping)}


def _of_document(document: Any, path: Path, shown: str) -> tuple[Log, ...]:
    """The curves of one run."""
    found = _Found()
    notes: tuple[Note, ...] = ()
    if isinstance(document, list):
        found.rows[""] = [row for row in document if isinstance(row, dict)]
    elif isinstance(document, dict):
        if isinstance(document.get("meta"), dict) and isinstance(document.get("iterations"), list):
            document = _named_as_catboost(document, shown)
        numbered = {key: row for key, row in document.items() if _PLACE.fullmatch(key) and isinstance(row, Mapping)}
        beside = {key: value for key, value in document.items() if key not in numbered}
        if len(beside) < len(numbered) and _may_be_keyed(path) and (rows := _keyed(numbered)) is not None:
            document, found.rows[""] = beside, rows
            if beside:
                names = ", ".join(map(quoted, list(beside)[:3])) + (" ..." if len(beside) > 3 else "")
                notes = (Note(shown, f"{names} beside {len(rows)} numbered keys: no point of the curves"),)
        _walk(document, (), found)
        found.hyper = facts(document, 300)
    logs = [log for name, rows in found.rows.items() for log in _of_rows(name, rows, shown)]
    logs += _of_lists(found, shown)
    if len(logs) > 1 and not any(log.part for log in logs):  # lists of one document belong to one run
        logs = [replace(logs[0], series=sum((g.series for g in logs), ()), notes=sum((g.notes for g in logs), ()))]
    if logs:
        logs[0] = replace(logs[0], notes=(*notes, *logs[0].notes))
    return tuple(replace(log, hyper={**found.hyper, **log.hyper}) for log in logs)


@dataclass(slots=True)
class _Found:
    """Lists of numbers by where they stand and how long they are, lists of objects, and the plain facts."""

    lists: dict[tuple[tuple[str, ...], int], dict[str, list[Any]]] = field(default_factory=dict)
    rows: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    hyper: dict[str, Any] = field(default_factory=dict)
    count: int = 0


def _walk(value: Mapping[str, Any], place: tuple[str, ...], found: _Found) -> None:
    for name, given in value.items():
        here = (*place, name)
        leaf = _unindexed(given) if isinstance(given, Mapping) else given
        if isinstance(leaf, Mapping):
            if len(place) < MAX_DEPTH and plain_name(name) not in _SETTINGS:
                _walk(leaf, here, found)
        elif isinstance(leaf, list) and leaf and found.count < MAX_LISTS:
            if all(isinstance(row, Mapping) for row in leaf):
                found.rows["/".join(here)] = leaf
            elif all(_is_number(cell) for cell in leaf) and not _NO_CURVE.search(plain_name(name)):
                found.lists.setdefault((place, len(leaf)), {})[name] = leaf
                found.count += 1


def _unindexed(value: Mapping[str, Any]) -> Mapping[str, Any] | list[Any]:
    """The list that a mapping from 0, 1, 2 ... stands for: a pandas column, or rows by their epoch."""
    if not value or not all(key.isdecimal() and len(key) <= 15 for key in value):
        return value
    if all(isinstance(row, Mapping) for row in value.values()):
        return [{"index": float(key), **row} for key, row in value.items()]
    return list(value.values())


def _keyed(document: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    """The rows under keys that may be epochs or steps, in their order; None when they are not. Numbers without
    a word count epochs where they follow one upon another, else steps; a counter in the rows themselves that
    differs from row to row comes first."""
    places = [place for key in document if (place := _PLACE.fullmatch(key))]
    words = {(place[1] or "").lower() for place in places}
    numbers = [int(place[2]) for place in places]
    if (
        len(places) < 2
        or len(words) > 1
        or len(set(numbers)) < len(numbers)
        or not any(map(_tells_a_loss, document.values()))
    ):
        return None
    in_a_row = max(numbers) - min(numbers) == len(numbers) - 1
    name = words.pop() or ("epoch" if in_a_row else "step")
    rows = sorted(zip(numbers, document.values(), strict=True), key=lambda r: r[0])
    told = {cell for row in document.values() if isinstance(cell := row.get(name), float) and isfinite(cell)}
    if len(told) < len(rows):
        for at, row in rows:
            row[name] = float(at)  # in place: a million rows are not copied
    return [row for _, row in rows]


def _may_be_keyed(path: Path) -> bool:
    return _NO_ROWS.isdisjoint(plain_name(path.stem).split())


def _tells_a_loss(row: Mapping[str, Any]) -> bool:
    """Whether a number is a loss by its name: under folds and settings, losses are lists and words."""
    return any(isinstance(cell, float) and any(map(_is_loss, path.split("/"))) for path, cell in scalars(row))


def _is_loss(name: str) -> bool:
    return "loss" in name.lower() and is_known(name)


def _is_number(cell: Any) -> bool:
    if isinstance(cell, str):
        return number(cell.strip()) is not None
    return cell is None or (isinstance(cell, float) and not isinstance(cell, bool))


def _of_rows(name: str, rows: Sequence[Mapping[str, Any]], shown: str) -> list[Log]:
    """The curves of a list of objects; those of `per_step` are called per_step/loss."""
    names = {key for row in rows[:50] for key in row}
    if not any(map(is_known, names)):
        return []
    table = Table()
    for row in rows:
        put_row(table, row)
    return [replace(log, series=tuple(_under(name, s) for s in log.series)) for log in to_logs(table, shown, FORMAT)]


def _under(place: str, series: Series) -> Series:
    return replace(series, tag=f"{place}/{series.tag}") if place else series


def _of_lists(found: _Found, shown: str) -> list[Log]:
    """The curves of the lists, each group of equal length with the counters beside or above it."""
    logs = []
    known = {length for (place, length), group in found.lists.items() if _tells(place, group)}
    for (place, length), group in found.lists.items():
        if length not in known or not (any(map(is_known, group)) or any(map(is_known, place))):
            continue
        table = Table(rows=0)
        above = [found.lists.get((place[:k], length), {}) for k in range(len(place))]
        counters = {n: v for outer in above for n, v in outer.items() if counter_kind(n)[0] and n not in group}
        for cells in zip(*counters.values(), *group.values(), strict=True):
            for name, cell in zip((*counters, *group), cells, strict=True):
                put(table, name, number(cell.strip()) if isinstance(cell, str) else cell)
            table.rows += 1
        for log in to_logs(table, shown, FORMAT):
            own = tuple(_under("/".join(place), s) for s in log.series if s.tag not in counters)
            logs.append(replace(log, series=own))
    return _counted_apart(logs, shown)


def _tells(place: Sequence[str], group: Mapping[str, Any]) -> bool:
    """Whether lists are curves by their own names, or as the sides of a metric: `{"loss": {"train": [...]}}`."""
    sides = any(not SPLITS.isdisjoint(plain_name(name).split()) for name in group)
    return any(map(is_known, group)) or (sides and any(map(is_known, place)))


def _counted_apart(logs: list[Log], shown: str) -> list[Log]:
    """Lists without a counter, when some have one value per batch and some one per epoch.

    The longest then counts steps and says its epoch, a list that it is a multiple of counts epochs; a list
    with one value more began before the first epoch.
    """
    lengths = {len(s.value) for log in logs for s in log.series if s.axis == "row"}
    if len(lengths) < 2:
        return logs
    most = max(lengths)
    per_epoch = {n: (1, most // (n - 1)) for n in lengths if n > 2 and n * 2 <= most and most % (n - 1) == 0}
    per_epoch |= {n: (0, most // n) for n in lengths if n > 1 and n * 2 <= most and most % n == 0}
    if len(per_epoch) != len(lengths) - 1 or len({k for _, k in per_epoch.values()}) != 1:
        what = f"lists of {', '.join(map(str, sorted(lengths)))} values say no step: each is counted by its own place"
        logs[0] = replace(logs[0], notes=(*logs[0].notes, Note(shown, what)))
        return logs
    (pace,) = {k for _, k in per_epoch.values()}
    what = f"lists of {most} and of {', '.join(map(str, sorted(per_epoch)))} values are taken for {pace} steps an epoch"
    made = [replace(log, series=tuple(_counted(s, most, pace, per_epoch) for s in log.series)) for log in logs]
    made[0] = replace(made[0], notes=(*made[0].notes, Note(shown, what)))
    return made


def _counted(series: Series, most: int, pace: int, per_epoch: Mapping[int, tuple[int, int]]) -> Series:
    if series.axis != "row":
        return series
    if len(series.value) == most:
        return replace(series, axis="step", epoch=np.floor(series.step / pace))
    return replace(series, axis="epoch", step=series.step - per_epoch[len(series.value)][0])


def _named_as_catboost(document: Mapping[str, Any], shown: str) -> dict[str, Any]:
    """catboost_training.json keeps the names of the metrics apart from their values."""
    meta = document["meta"]
    names = {
        side: [m.get("name") for m in _listed(meta, f"{side}_metrics", shown) if isinstance(m, dict)]
        for side in ("learn", "test")
    }
    rows = []
    for row in document["iterations"]:
        if isinstance(row, dict):
            named = {
                f"{side}/{name}": value
                for side in names
                if isinstance(row.get(side), list)
                for name, value in zip(names[side], row[side], strict=False)
            }
            rows.append({k: v for k, v in row.items() if k not in names} | named)
    return {"iterations": rows}


def _listed(meta: Mapping[str, Any], key: str, shown: str) -> list[Any]:
    found = meta.get(key, [])
    if not isinstance(found, list):
        raise UnreadableLog(shown, "no list of the metrics' names stands here, as CatBoost writes it", key=key)
    return found


def _tensorboard(document: Sequence[Any], path: Path, shown: str) -> tuple[Log, ...]:
    """TensorBoard's JSON download: [wall time, step, value] triples, the tag in the file's name."""
    table = Table()
    match = re.search(r"tag-(.+)", path.stem)
    for row in document:
        if isinstance(row, list) and len(row) == 3 and all(_is_number(cell) for cell in row):
            put_row(table, dict(zip(("Wall time", "Step", match[1] if match else "Value"), row, strict=True)))
    return to_logs(table, shown, FORMAT)
