"""Which logs tell of one run? By directory, by name and by time."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import PurePosixPath
from typing import TypeVar

import numpy as np

from .names import read_name, side_of, words
from .readers.log import Log, Series
from .readers.vocabulary import counter_kind
from .roles import assign
from .twins import (
    EVENTS,
    EXCLUSIVE,
    IDLE,
    MLFLOW,
    STATE,
    TOGETHER,
    Unit,
    key_of,
    kind_of,
    one_per_run,
    place_of,
    twins_apart,
)

_LAYOUT = frozenset(("vis_data",))  # directories that a trainer puts between a run and its log
_SLACK = 120.0  # seconds by which the event files of one start may be apart
_ENDS = 0.8  # tables of one run end together, but for a job that was killed between two validations
_COUNTED = re.compile(r"(.*?)(epochs?|steps?|iter(?:ation)?s?)[ _.=-]?(\d{1,15})", re.IGNORECASE)
_POINTWISE = "JSON of one point each"
_CONTINUES = 0.05  # a piece that begins beyond this share of the steps before it goes on with them


K = TypeVar("K", bound=Hashable)


def group(logs: Sequence[Log]) -> list[Unit]:
    """The runs that some logs tell of, in the order of their files."""
    above = {d: d.parent for d in _side_directories(logs)} | _scalars_directories(logs)
    units = []
    for (home, part), here in _by(logs, lambda log: (_home(log, above), log.part)).items():
        units += one_per_run(_in_one_place(here, home, part))
    return twins_apart(units)


def _by(logs: Iterable[Log], key: Callable[[Log], K]) -> dict[K, list[Log]]:
    found: dict[K, list[Log]] = {}
    for log in logs:
        found.setdefault(key(log), []).append(log)
    return found


def _side_directories(logs: Sequence[Log]) -> set[PurePosixPath]:
    """Directories that hold one side of the run above them: train/ and validation/, or eval/ below event files."""
    candidates: dict[PurePosixPath, dict[str, list[PurePosixPath]]] = {}
    places = _by(logs, lambda log: place_of(log).parent)
    for directory, here in places.items():
        text = words(directory.name)
        if (side := side_of(text, alone=True)) and all(_is_one_side(log, side) for log in here):
            kind = f"{side} inner" if "inner" in text else side
            candidates.setdefault(directory.parent, {}).setdefault(kind, []).append(directory)
    found: set[PurePosixPath] = set()
    for above, sides in candidates.items():
        trained = any(kind_of(log) == EVENTS for log in places.get(above, ())) and "train" not in sides
        if (len(sides) > 1 or trained) and all(len(directories) == 1 for directories in sides.values()):
            found.update(d for directories in sides.values() for d in directories)
    return found


def _is_one_side(log: Log, side: str) -> bool:
    """Whether no tag of a log speaks of another side than its directory."""
    return all(read_name(s.tag).side in ("", side) for s in log.series)


def _scalars_directories(logs: Sequence[Log]) -> dict[PurePosixPath, PurePosixPath]:
    """The directories made by `add_scalars`, and the run's above them: Loss_train/ (torch), Loss/train/ (tensorboardX).

    A directory that is called after its only tag by chance (`loss_2/`) is known by standing alone in its time.
    """
    candidates: dict[PurePosixPath, list[tuple[PurePosixPath, float, bool]]] = {}
    places = _by((log for log in logs if kind_of(log) == EVENTS), lambda log: place_of(log).parent)
    for directory, here in places.items():
        tags = {s.tag for log in here for s in log.series}
        found = _run_above(next(iter(tags)), directory) if len(tags) == 1 else None
        if found is not None:
            side = bool(side_of(words(directory.name)))
            candidates.setdefault(found, []).append((directory, min(map(_began, here)), side))
    made: dict[PurePosixPath, PurePosixPath] = {}
    for above, below in candidates.items():
        for directory, began, side in below:
            beside = sum(abs(began - other) <= _SLACK for _, other, _ in below) > 1
            if side or beside or above in places:
                made[directory] = above
    return made


def _run_above(tag: str, directory: PurePosixPath) -> PurePosixPath | None:
    """The run's directory above one that is called after a tag and a series of it."""
    if directory.name.startswith(tag.replace("/", "_") + "_"):
        return directory.parent
    for depth in range(1, min(6, len(directory.parts))):
        above = directory.parents[depth]
        if words("/".join(directory.parts[len(above.parts) : -1])) == words(tag):
            return above
    return None


def _home(log: Log, above: Mapping[PurePosixPath, PurePosixPath]) -> PurePosixPath:
    """The directory of the run that a log belongs to; `above` has it for those that hold a side or a tag alone."""
    place = place_of(log)
    parts = place.parts[:-1]
    if log.format.lower().startswith(MLFLOW) and "metrics" in parts:
        return PurePosixPath(*parts[: len(parts) - 1 - parts[::-1].index("metrics")])
    for k in range(len(parts) - 1, 0, -1):  # DVCLive: <run>/plots/metrics/train/loss.tsv
        if parts[k - 1 : k + 1] == ("plots", "metrics"):
            return PurePosixPath(*parts[: k - 1])
    home = place.parent
    started = kind_of(log) == EVENTS and re.fullmatch(r"\d{10}\.\d+", home.name)  # SummaryWriter.add_hparams
    if started or re.fullmatch(r"checkpoint-\d+", home.name) or home.name in _LAYOUT:
        home = home.parent
    if home.name == "files" and re.match(r"(offline-)?run-", home.parent.name):  # wandb/run-<time>-<id>/files/
        home = home.parent
    return above.get(home, home)


def _in_one_place(logs: Sequence[Log], home: PurePosixPath, part: str) -> list[Unit]:
    """The runs in one directory, each in one format."""
    units: list[Unit] = []
    for kind, here in _by(logs, kind_of).items():
        joined = {EVENTS: _attempts, STATE: _checkpoints}.get(kind, _tables)
        units += [replace(u, home=home, part=part) for u in joined(here)]
    return units


def _unit(logs: Iterable[Log], label: str = "") -> Unit:
    logs = tuple(logs)
    return Unit(logs, PurePosixPath("."), label or place_of(logs[0]).stem)


def _attempts(logs: Sequence[Log]) -> list[Unit]:
    """Event files of one directory and its sides: pieces of one run are strung together, new starts kept apart."""
    by_place: dict[PurePosixPath, list[list[Log]]] = {}
    for log in sorted(logs, key=lambda g: (_began(g), g.file)):
        attempts = by_place.setdefault(place_of(log).parent, [])
        onto = next((a for a in reversed(attempts) if _continues(a, log)), None)
        if onto is None:
            attempts.append([log])
        else:
            onto.append(log)
    base = max(by_place.values(), key=len)
    found = [list(attempt) for attempt in base]
    for attempts in by_place.values():
        for attempt in attempts if attempts is not base else ():
            before = [k for k, a in enumerate(base) if _began(a[0]) <= _began(attempt[0]) + _SLACK]
            found[before[-1] if before else 0] += attempt
    names = [f"attempt-{n}" for n in range(1, len(found) + 1)] if len(found) > 1 else ["events"]
    pieces = [sorted(f, key=lambda g: (_began(g), g.file)) for f in found]
    return [_unit(logs, name) for logs, name in zip(pieces, names, strict=True)]


def _began(log: Log) -> float:
    """When the writer of an event file started: the seconds in its name, else its first point."""
    stamped = re.search(r"tfevents\.(\d{9,11})\b", place_of(log).name)
    if stamped:
        return float(stamped[1])
    times = [float(s.wall_time[0]) for s in log.series if s.wall_time is not None and len(s.wall_time)]
    return min(times, default=0.0)


def _continues(attempt: Sequence[Log], log: Log) -> bool:
    """Whether an event file goes on where an attempt stopped, or holds other tags of the same attempt."""
    before: dict[str, tuple[float, float]] = {}
    for series in (s for g in attempt for s in g.series if len(s.step)):
        low, high = before.get(series.tag, (np.inf, -np.inf))
        before[series.tag] = min(low, float(series.step.min())), max(high, float(series.step.max()))
    shared = [s for s in log.series if s.tag in before and len(s.step)]
    if not shared:
        return abs(_began(log) - _began(attempt[0])) < 86_400
    longest = max(shared, key=lambda s: before[s.tag][1] - before[s.tag][0] + len(s.step) * 1e-9)
    low, high = before[longest.tag]
    first, length = float(longest.step[0]), high - low
    points = sum(len(s.step) for g in attempt for s in g.series if s.tag == longest.tag)
    every = length / max(points - 1, 1) if length else high
    return low + _CONTINUES * length < first <= high + max(length, 10 * every)


def _checkpoints(logs: Sequence[Log]) -> list[Unit]:
    """Growing checkpoints of the Trainer: the longest holds what the others hold."""
    units: list[Unit] = []
    for log in sorted(logs, key=_points, reverse=True):
        onto = next((k for k, u in enumerate(units) if _begins(log, u.logs[0])), None)
        if onto is None:
            units.append(_unit([log], place_of(log).parent.name))
            continue
        unit = units[onto]
        units[onto] = replace(unit, beside=(*unit.beside, log))
    return [_longest(unit) if unit.beside else unit for unit in units]


def _longest(unit: Unit) -> Unit:
    shorter = ", ".join(place_of(g).parent.name or "." for g in unit.beside)
    what = f"the longest of {1 + len(unit.beside)} checkpoints; {shorter} hold its beginning and were left out"
    return replace(unit, notes=((unit.logs[0].file, what),))


def _points(log: Log) -> int:
    return max((len(s.value) for s in log.series), default=0)


def _begins(short: Log, long: Log) -> bool:
    """Whether every curve of one log is the beginning of the same curve in another."""
    curves = {s.tag: s for s in long.series}
    shared = 0
    for series in short.series:
        other, n = curves.get(series.tag), len(series.value)
        if other is None or n == 0:
            continue
        if len(other.value) < n or not np.allclose(other.value[:n], series.value, rtol=1e-6, equal_nan=True):
            return False
        shared += 1
    return shared > 0


def _tables(logs: Sequence[Log]) -> list[Unit]:
    """Tables and texts of one directory: one run where files are named after sides or metrics of it, else each its own.

    Metric files of MLflow and DVCLive and the panels of one W&B run belong together whatever their names.
    """
    counted, logs = _counted(logs)
    found: list[list[Log]] = []
    for key, alike in _by(sorted(logs, key=lambda g: g.file), key_of).items():
        if key == TOGETHER:
            found.append(alike)
            continue
        clusters: list[tuple[set[str], list[Log]]] = []
        for log in alike:
            roles = {c.role for c in assign([log]) if c.role in EXCLUSIVE} if len(alike) > 1 else set()
            onto = next((c for c in clusters if _differ(c[1][0], log) and not c[0] & roles), None)
            if onto is None:
                clusters.append((roles, [log]))
            else:
                onto[0].update(roles)
                onto[1].append(log)
        found += [members for _, members in clusters]
    units = counted + [_unit(members) for members in _restarted(sorted(found, key=lambda m: m[0].file))]
    return [replace(unit, notes=(*unit.notes, *_ends_apart(unit))) for unit in units]


def _counted(logs: Sequence[Log]) -> tuple[list[Unit], list[Log]]:
    """Summaries that an epoch or a step numbers are the points of one run (AllenNLP's metrics_epoch_3.json); what is
    left is returned beside them."""
    series: dict[tuple[str, ...], list[tuple[int, Log]]] = {}
    for log in logs:
        numbered = _COUNTED.fullmatch(place_of(log).stem) if "summary" in log.format.lower() else None
        kind = counter_kind(numbered[2])[0] if numbered else ""
        if numbered and kind in ("epoch", "step"):
            series.setdefault((str(place_of(log).parent), numbered[1], kind), []).append((int(numbered[3]), log))
    found: dict[tuple[str, ...], list[tuple[str, Unit]]] = {}
    joined: set[int] = set()
    for (parent, prefix, kind), members in series.items():
        if len(members) > 1:
            members.sort(key=lambda m: (m[0], m[1].file))
            joined.update(id(log) for _, log in members)
            unit = _one_point_each(members, kind, prefix.strip("_-. "))
            rest = (w for w in words(prefix).split() if not side_of(w))
            found.setdefault((parent, kind, *rest), []).append((side_of(words(prefix)), unit))
    units = [unit for sides in found.values() for unit in _sides_joined(sides)]
    return units, [log for log in logs if id(log) not in joined]


def _sides_joined(sides: Sequence[tuple[str, Unit]]) -> list[Unit]:
    """The units of train_epoch_3.json and val_epoch_3.json as one; as they are when two are of one side."""
    first, *more = (unit for _, unit in sides)
    if not more or len({side for side, _ in sides}) < len(sides):
        return [first, *more]
    logs = tuple(log for _, unit in sides for log in unit.logs)
    label = " ".join(w for w in words(first.label).split() if not side_of(w))
    notes = tuple(note for _, unit in sides for note in unit.notes)
    return [replace(first, logs=logs, label=label or first.label, notes=notes)]


def _one_point_each(members: Sequence[tuple[int, Log]], kind: str, label: str) -> Unit:
    """The run that logs of one point each tell of, at the steps that they state where these rise, else at the
    numbers in their names."""
    steps = [{(s.axis, float(s.step[0])) for s in log.series} for _, log in members]
    stated = [one.pop() for one in steps if len(one) == 1]
    axes = {axis for axis, _ in stated}
    rising = all(a < b for (_, a), (_, b) in pairwise(stated))
    if len(stated) < len(members) or len(axes) > 1 or "row" in axes or not rising:  # told by some, or by all alike
        axes, stated = {kind}, [(kind, float(number)) for number, _ in members]
    (axis,) = axes
    points: dict[str, list[tuple[float, float]]] = {}
    for (_, log), (_, at) in zip(members, stated, strict=True):
        for s in log.series:
            points.setdefault(s.tag, []).append((at, float(s.value[0])))
    curves = [
        Series(tag, np.array([a for a, _ in at]), np.array([v for _, v in at]), axis) for tag, at in points.items()
    ]
    first, last = members[0][1], members[-1][1]
    what = f"{len(members)} files up to {place_of(last).name} are taken for the {kind}s of one run"
    logs = [replace(log, series=(), format=_POINTWISE) for _, log in members]
    logs[0] = replace(logs[0], series=tuple(curves))
    return Unit(tuple(logs), PurePosixPath("."), label or place_of(first).stem, notes=((first.file, what),))


def _ends_apart(unit: Unit) -> list[tuple[str, str]]:
    """What to say of tables that were joined by their names and end at different epochs: nobody knows that they tell of
    one run."""
    ends = [
        (max(s.step[-1] for s in g.series if len(s.step)), g) for g in unit.logs if any(len(s.step) for s in g.series)
    ]
    axes = {s.axis for _, g in ends for s in g.series}
    if len(ends) < 2 or axes != {"epoch"} or any(key_of(g) == TOGETHER for g in unit.logs):
        return []
    (low, short), (high, long) = min(ends, key=lambda e: e[0]), max(ends, key=lambda e: e[0])
    begins = max(min(s.step[0] for s in g.series if len(s.step)) for _, g in ends)
    if low >= _ENDS * high or begins > 1 + _CONTINUES * high:  # one that goes on where another stopped begins late
        return []
    files = f"{place_of(long).name} ends at epoch {high:g}, {place_of(short).name} at epoch {low:g}"
    what = f"{files}: joined by their names; if they tell of two runs, analyze each alone"
    return [(short.file, what)]


def _restarted(found: Sequence[list[Log]]) -> list[list[Log]]:
    """Logs named after the moment at which a job was started: one that goes on where another stopped joins it."""
    joined: list[list[Log]] = []
    for members in found:
        name = _without_date(members[0])
        onto = None
        if name is not None and len(members) == 1:
            same = (j for j in joined if _without_date(j[0]) == name and _share_tags(j, members[0]))
            onto = next((j for j in same if _continues(j, members[0])), None)
        if onto is None:
            joined.append(members)
        else:
            onto.append(members[0])
    return joined


def _without_date(log: Log) -> str | None:
    """A file's name with its date taken out, None when it has none."""
    name = place_of(log).name
    dated = re.search(r"\d{6,}|\d{4}[-_.]\d{1,2}[-_.]\d{1,2}", name)
    return re.sub(r"\d+", "#", name) if dated else None


def _share_tags(logs: Sequence[Log], log: Log) -> bool:
    return bool({s.tag for g in logs for s in g.series} & {s.tag for s in log.series})


def _differ(one: Log, other: Log) -> bool:
    """Whether the names of two files differ in more than idle words."""
    names = [set(words(place_of(g).stem).split()) - IDLE for g in (one, other)]
    return names[0] != names[1] or place_of(one).parent != place_of(other).parent
