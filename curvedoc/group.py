"""Which logs tell of one run? By directory, by name, by time, and by what the curves themselves say."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TypeVar

import numpy as np

from .names import read_name, side_of, words
from .readers.log import Log
from .roles import assign
from .twins import Index, fingerprints, same

_EVENTS, _STATE, _MLFLOW = "tfevents", "trainer_state", "mlflow"
#: Roles that two parts of one run cannot both hold.
_EXCLUSIVE = frozenset(
    (
        *("train_loss", "val_loss", "test_loss", "train_accuracy", "val_accuracy", "val_metric", "val_metric_lower"),
        *("train_metric", "train_loss_part", "val_loss_part", "reward", "other_loss", "grad_norm"),
    )
)
_IDLE_ROLES = frozenset((None, "step", "epoch", "time", "system", "summary"))
_LAYOUT = frozenset(("vis_data",))  # directories that a trainer puts between a run and its log
_IDLE = frozenset(
    ("log", "logs", "history", "metrics", "results", "output", "record", "records", "wandb", "export", "run", "tag")
)
_SLACK = 120.0  # seconds by which the event files of one start may be apart
_CONTINUES = 0.05  # a piece that begins beyond this share of the steps before it goes on with them
_TWICE = "json lines"


K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """The logs of one run in the order of writing, and those `beside` that tell the same again.

    `home` is the run's directory relative to the argument, `label` what tells it from others in that directory,
    `part` the name of the run inside a file that holds several; `notes` pairs of file and sentence.
    """

    logs: tuple[Log, ...]
    home: PurePosixPath
    label: str
    part: str = ""
    beside: tuple[Log, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()


def group(logs: Sequence[Log]) -> list[Unit]:
    """The runs that some logs tell of, in the order of their files."""
    sides = _side_directories(logs)
    units = []
    for (home, part), here in _by(logs, lambda log: (_home(log, sides), log.part)).items():
        units += _formats_of_one_run(_in_one_place(here, home, part))
    return _formats_of_one_run(units, apart=True)


def _by(logs: Iterable[Log], key: Callable[[Log], K]) -> dict[K, list[Log]]:
    found: dict[K, list[Log]] = {}
    for log in logs:
        found.setdefault(key(log), []).append(log)
    return found


@lru_cache(maxsize=65536)
def _pure(file: str) -> PurePosixPath:
    return PurePosixPath(file)


def _place(log: Log) -> PurePosixPath:
    return _pure(log.file)


def _side_directories(logs: Sequence[Log]) -> set[PurePosixPath]:
    """Directories such as train/ and validation/ that hold one side of the run above them."""
    candidates: dict[PurePosixPath, dict[str, list[PurePosixPath]]] = {}
    for directory, here in _by(logs, lambda log: _place(log).parent).items():
        text = words(directory.name)
        if (side := side_of(text, alone=True)) and all(_is_one_side(log, side) for log in here):
            kind = f"{side} inner" if "inner" in text else side
            candidates.setdefault(directory.parent, {}).setdefault(kind, []).append(directory)
    found: set[PurePosixPath] = set()
    for sides in candidates.values():
        if len(sides) > 1 and all(len(directories) == 1 for directories in sides.values()):
            found.update(d for directories in sides.values() for d in directories)
    return found


def _is_one_side(log: Log, side: str) -> bool:
    """Whether no tag of a log speaks of another side than its directory."""
    return all(read_name(s.tag).side in ("", side) for s in log.series)


def _home(log: Log, sides: set[PurePosixPath]) -> PurePosixPath:
    """The directory of the run that a log belongs to."""
    place = _place(log)
    parts = place.parts[:-1]
    if log.format.lower().startswith(_MLFLOW) and "metrics" in parts:
        return PurePosixPath(*parts[: len(parts) - 1 - parts[::-1].index("metrics")])
    for k in range(len(parts) - 1, 0, -1):  # DVCLive: <run>/plots/metrics/train/loss.tsv, of old <run>/scalars/...
        if parts[k - 1 : k + 1] == ("plots", "metrics"):
            return PurePosixPath(*parts[: k - 1])
    home = place.parent
    started = _EVENTS in place.name and re.fullmatch(r"\d{10}\.\d+", home.name)  # SummaryWriter.add_hparams
    if started or re.fullmatch(r"checkpoint-\d+", home.name) or home.name in _LAYOUT:
        home = home.parent
    if home.name == "files" and re.match(r"(offline-)?run-", home.parent.name):  # wandb/run-<time>-<id>/files/
        home = home.parent
    if _EVENTS in place.name and (above := _above_scalars(log, place.parent)) is not None:
        return above
    return home.parent if home in sides else home


def _above_scalars(log: Log, home: PurePosixPath) -> PurePosixPath | None:
    """The run's directory above those that `add_scalars` made: Loss_train/ (torch), Loss/train/ (tensorboardX)."""
    tags = {s.tag for s in log.series}
    if len(tags) != 1:
        return None
    (tag,) = tags
    if home.name.startswith(tag.replace("/", "_") + "_"):
        return home.parent
    for depth in range(1, min(6, len(home.parts))):
        above = home.parents[depth]
        if words("/".join(home.parts[len(above.parts) : -1])) == words(tag):
            return above
    return None


def _in_one_place(logs: Sequence[Log], home: PurePosixPath, part: str) -> list[Unit]:
    """The runs in one directory, each in one format."""
    units: list[Unit] = []
    for kind, here in _by(logs, _kind).items():
        joined = {_EVENTS: _attempts, _STATE: _checkpoints}.get(kind, _tables)
        units += [replace(u, home=home, part=part) for u in joined(here)]
    return units


def _kind(log: Log) -> str:
    name = _place(log).name
    return _EVENTS if _EVENTS in name else _STATE if _STATE in name else "table"


def _unit(logs: Iterable[Log], label: str = "") -> Unit:
    logs = tuple(logs)
    return Unit(logs, PurePosixPath("."), label or _place(logs[0]).stem)


def _attempts(logs: Sequence[Log]) -> list[Unit]:
    """Event files of one directory and its sides: pieces of one run are strung together, new starts kept apart."""
    by_place: dict[PurePosixPath, list[list[Log]]] = {}
    for log in sorted(logs, key=lambda g: (_began(g), g.file)):
        attempts = by_place.setdefault(_place(log).parent, [])
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
    return [_unit(sorted(f, key=lambda g: (_began(g), g.file)), f"attempt-{n}") for n, f in enumerate(found, 1)]


def _began(log: Log) -> float:
    """When the writer of an event file started: the seconds in its name, else its first point."""
    stamped = re.search(r"tfevents\.(\d{9,11})\b", _place(log).name)
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
            units.append(_unit([log], _place(log).parent.name))
            continue
        unit = units[onto]
        units[onto] = replace(unit, beside=(*unit.beside, log))
    return [_longest(unit) if unit.beside else unit for unit in units]


def _longest(unit: Unit) -> Unit:
    shorter = ", ".join(_place(g).parent.name or "." for g in unit.beside)
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
    found: list[list[Log]] = []
    for key, alike in _by(sorted(logs, key=lambda g: g.file), _key).items():
        if key == _TOGETHER:
            found.append(alike)
            continue
        clusters: list[tuple[set[str], list[Log]]] = []
        for log in alike:
            roles = {c.role for c in assign([log]) if c.role in _EXCLUSIVE} if len(alike) > 1 else set()
            onto = next((c for c in clusters if _differ(c[1][0], log) and not c[0] & roles), None)
            if onto is None:
                clusters.append((roles, [log]))
            else:
                onto[0].update(roles)
                onto[1].append(log)
        found += [members for _, members in clusters]
    return [_unit(members) for members in _restarted(sorted(found, key=lambda m: m[0].file))]


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
    name = _place(log).name
    dated = re.search(r"\d{6,}|\d{4}[-_.]\d{1,2}[-_.]\d{1,2}", name)
    return re.sub(r"\d+", "#", name) if dated else None


def _share_tags(logs: Sequence[Log], log: Log) -> bool:
    return bool({s.tag for g in logs for s in g.series} & {s.tag for s in log.series})


_TOGETHER = ("\0",)


def _key(log: Log) -> tuple[str, ...]:
    """What is left of a file's name without sides, metrics and idle words: equal for the parts of one run."""
    place = _place(log)
    in_store = log.format.lower().startswith(_MLFLOW) or ("plots", "metrics") in zip(
        place.parts, place.parts[1:], strict=False
    )
    if in_store or (log.part and any(c in place.stem for c in ("wandb", "export"))):
        return _TOGETHER
    rest = [w for w in words(place.stem).split() if not side_of(w) and w not in _IDLE]
    return tuple(
        w for w in rest if not read_name(w).kind and w not in ("rate", "learning", "epoch", "step", "norm", "grad")
    )


def _differ(one: Log, other: Log) -> bool:
    """Whether the names of two files differ in more than idle words."""
    names = [set(words(_place(g).stem).split()) - _IDLE for g in (one, other)]
    return names[0] != names[1] or _place(one).parent != _place(other).parent


def _formats_of_one_run(units: list[Unit], apart: bool = False) -> list[Unit]:
    """Units that tell the same curves in different formats, as one: the richer is read, the other listed beside it.

    Equal curves in one format are two runs, but for the JSON lines that mmengine writes twice into a directory.
    `apart` looks across directories whose names say that they belong together.
    """
    formats = {_format(u) for u in units}
    if len(units) < 2 or (len(formats) < 2 and (apart or formats != {_TWICE})):
        return units
    claims = [[c for c in assign(u.logs) if c.role not in _IDLE_ROLES] for u in units]
    richness = [(len({c.role for c in cs}), sum(len(c.series.value) for c in cs), -k) for k, cs in enumerate(claims)]
    curves = [fingerprints(cs) for cs in claims]
    index = Index(curves)
    onto: dict[int, int] = {}
    for k in sorted(range(len(units)), key=lambda k: richness[k]):
        for other in (o for o in index.like(k) if richness[o] > richness[k]):
            copy = _format(units[k]) == _format(units[other])
            if copy and (apart or _format(units[k]) != _TWICE):
                continue
            if apart and not _related(units[k], units[other]):
                continue
            if same(curves[k], curves[other], whole=copy):
                onto[k] = other
                break
    if apart:
        return _merged(units, onto)
    _summaries(units, onto)
    rest = [k for k in range(len(units)) if k not in onto]
    if len(rest) == 2:
        poor, rich = sorted(rest, key=lambda k: richness[k])
        if _format(units[poor]) != _format(units[rich]) and _named_alike(units[poor], units[rich]):
            roles = [{c.role for c in claims[k]} & _EXCLUSIVE for k in (poor, rich)]
            if not roles[0] & roles[1]:
                units = [_with(units[rich], units[poor]) if k == rich else u for k, u in enumerate(units) if k != poor]
                onto = {k - (k > poor): o - (o > poor) for k, o in onto.items() if poor not in (k, o)}
            elif "text log" in (_format(units[poor]), _format(units[rich])):
                onto[poor] = rich
    return _merged(units, onto)


def _related(one: Unit, other: Unit) -> bool:
    """Whether two directories may keep one run: csv/version_3 and tb/version_3, version_0 and version_1 of two
    loggers of Lightning, the event files below a Trainer's checkpoints or below a run of MLflow."""
    a, b = one.home.parts, other.home.parts
    shared = 0
    while shared < min(len(a), len(b)) and a[shared] == b[shared]:
        shared += 1
    if shared == min(len(a), len(b)):
        kinds = {_kind(unit.logs[0]) for unit in (one, other)}
        return _EVENTS in kinds and (_STATE in kinds or any(_MLFLOW in _format(unit) for unit in (one, other)))
    versions = all(re.fullmatch(r"version_\d+", home[-1]) for home in (a, b))
    return bool(set(a[shared:]) & set(b[shared:])) or (versions and a[:-1] == b[:-1])


def _named_alike(one: Unit, other: Unit) -> bool:
    """Whether the names of two files do not speak of two runs: train.log beside metrics.csv."""
    keys = _key(one.logs[0]), _key(other.logs[0])
    return keys[0] == keys[1] or not all(keys) or any(_EVENTS in u.logs[0].file for u in (one, other))


def _with(unit: Unit, other: Unit) -> Unit:
    """Two units that hold different curves of one run."""
    return replace(unit, logs=(*unit.logs, *other.logs), beside=(*unit.beside, *other.beside))


def _merged(units: Sequence[Unit], onto: dict[int, int]) -> list[Unit]:
    made = list(units)
    for k, other in onto.items():  # the poorest first: what it brought along goes on with its unit
        left = made[k]
        files = ", ".join(dict.fromkeys(g.file for g in left.logs[:3])) + (" ..." if len(left.logs) > 3 else "")
        again = "a copy" if _format(left) == _format(made[other]) else "the same run in another format"
        again = "end values of the run" if "summary" in _format(left) else again
        what = f"{again}: {files} was left out"
        above = left.home in made[other].home.parents  # `output` says more than `output/runs/<time>_<host>`
        made[other] = replace(
            made[other],
            home=left.home if above else made[other].home,
            label=left.label if above else made[other].label,
            beside=(*made[other].beside, *left.logs, *left.beside),
            notes=(*made[other].notes, (made[other].logs[0].file, what)),
        )
    return [unit for k, unit in enumerate(made) if k not in onto]


def _summaries(units: Sequence[Unit], onto: dict[int, int]) -> None:
    """A summary of end values belongs to the one run beside it."""
    runs = [k for k in range(len(units)) if k not in onto and "summary" not in _format(units[k])]
    if len(runs) == 1:
        onto.update({k: runs[0] for k in range(len(units)) if "summary" in _format(units[k]) and k not in onto})


def _format(unit: Unit) -> str:
    return unit.logs[0].format.lower()
