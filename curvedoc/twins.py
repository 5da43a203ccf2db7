"""Which logs tell of one run twice? The same curves in another format, what was printed beside a table, summaries."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import PurePosixPath

import numpy as np

from .names import read_name, side_of, words
from .readers.log import Log
from .roles import Claim, assign
from .run import Array

EVENTS, STATE, MLFLOW = "tfevents", "trainer_state", "mlflow"
#: Roles that two parts of one run cannot both hold.
EXCLUSIVE = frozenset(
    (
        *("train_loss", "val_loss", "test_loss", "train_accuracy", "val_accuracy", "val_metric", "val_metric_lower"),
        *("train_metric", "train_loss_part", "val_loss_part", "reward", "other_loss", "grad_norm"),
    )
)
#: What a run is recognized by; training metrics repeat from run to run.
_TELLING = EXCLUSIVE - {"train_metric"}
_NO_CURVE = frozenset((None, "step", "epoch", "time", "system", "summary"))
#: Words of a file's name that tell no run from another.
IDLE = frozenset(
    ("log", "logs", "history", "metrics", "results", "output", "record", "records", "wandb", "export", "run", "tag")
)
_ASIDE = frozenset(("rate", "learning", "epoch", "step", "norm", "grad"))  # halves of `learning_rate`, `grad_norm`
#: The key of files that belong together whatever their names.
TOGETHER = ("\0",)
_TWICE = "json lines"  # mmengine writes them twice into a directory
_CLOSE = 5e-3  # of a curve's spread: how far two roundings of one curve may be apart
_EVIDENCE = 10  # points that must agree before two logs are taken for one run


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


def one_per_run(units: Sequence[Unit]) -> list[Unit]:
    """The units of one directory, those that tell of one run joined: the richer is read, the other listed beside it.

    Equal curves in one format are two runs, but for the JSON lines that mmengine writes twice into a directory.
    """
    if len({_format(u) for u in units}) < 2 and (len(units) < 2 or _format(units[0]) != _TWICE):
        return list(units)
    return _with_summaries(_with_what_was_printed(_twins(units, lambda one, other: True)))


def twins_apart(units: Sequence[Unit]) -> list[Unit]:
    """The units of several directories, those joined whose curves agree and whose directories belong together."""
    if len({_format(u) for u in units}) < 2:
        return list(units)
    return _twins(units, lambda one, other: _format(one) != _format(other) and _related(one, other))


def key_of(log: Log) -> tuple[str, ...]:
    """What is left of a file's name without sides, metrics and idle words: equal for the parts of one run.

    TOGETHER for metric files of MLflow and DVCLive and for the panels of one W&B run.
    """
    place = place_of(log)
    stored = ("plots", "metrics") in zip(place.parts, place.parts[1:], strict=False)
    if stored or log.format.lower().startswith(MLFLOW) or (log.part and "export" in place.stem):
        return TOGETHER
    rest = [w for w in words(place.stem).split() if not side_of(w) and w not in IDLE and w not in _ASIDE]
    return tuple(w for w in rest if not read_name(w).kind)


def kind_of(log: Log) -> str:
    """EVENTS, STATE (of a Trainer) or "table", by the name of the file."""
    name = place_of(log).name
    return EVENTS if EVENTS in name else STATE if STATE in name else "table"


def place_of(log: Log) -> PurePosixPath:
    """The path of a log's file, relative to the argument."""
    return _pure(log.file)


@lru_cache(maxsize=65536)
def _pure(file: str) -> PurePosixPath:
    return PurePosixPath(file)


def _twins(units: Sequence[Unit], may: Callable[[Unit, Unit], bool]) -> list[Unit]:
    """Units whose curves agree, as one, where they `may` be."""
    claims = [_claims(u) for u in units]
    rich = [_richness(c, k) for k, c in enumerate(claims)]
    curves = [fingerprints(c) for c in claims]
    index = Index(curves)
    onto: dict[int, int] = {}
    for k in sorted(range(len(units)), key=lambda k: rich[k]):
        for other in (o for o in index.like(k) if rich[o] > rich[k] and may(units[k], units[o])):
            copy = _format(units[k]) == _format(units[other])
            if (not copy or _format(units[k]) == _TWICE) and same(curves[k], curves[other], whole=copy):
                onto[k] = other
                break
    made: list[Unit] = list(units)
    for k, other in onto.items():  # the poorest first: what it brought along goes on with its unit
        copy = _format(made[k]) == _format(made[other])
        made[other] = _beside(made[other], made[k], "a copy" if copy else "the same run in another format")
    return [unit for k, unit in enumerate(made) if k not in onto]


def _with_what_was_printed(units: list[Unit]) -> list[Unit]:
    """Two units in two formats that are left of a directory: one completes the other, or was printed beside it."""
    left = [u for u in units if "summary" not in _format(u)]
    if len(left) != 2 or _format(left[0]) == _format(left[1]) or not _named_alike(*left):
        return units
    claims = [_claims(u) for u in left]
    if _one_lost(*claims):
        return units
    (_, poor), (_, rich) = sorted((_richness(c, -k), k) for k, c in enumerate(claims))
    roles = [{c.role for c in found} & EXCLUSIVE for found in claims]
    if not roles[0] & roles[1]:
        logs, beside = (*left[rich].logs, *left[poor].logs), (*left[rich].beside, *left[poor].beside)
        joined = replace(left[rich], logs=logs, beside=beside)
    elif "text log" in map(_format, left):
        joined = _beside(left[rich], left[poor], "taken for the same run in another format")
    else:
        return units
    return [joined if u is left[rich] else u for u in units if u is not left[poor]]


def _one_lost(one: Sequence[Claim], other: Sequence[Claim]) -> bool:
    """Whether a loss that both hold ends in NaN or infinity in one of them alone: then they are two runs."""
    ends = [
        {c.role: bool(np.isfinite(c.series.value[-1])) for c in found if len(c.series.value)} for found in (one, other)
    ]
    return any(
        ends[0][role] != ends[1][role] for role in ("train_loss", "val_loss") if role in ends[0] and role in ends[1]
    )


def _with_summaries(units: list[Unit]) -> list[Unit]:
    """A summary of end values belongs to the one run beside it."""
    runs = [u for u in units if "summary" not in _format(u)]
    if len(runs) != 1:
        return units
    (run,) = runs
    for unit in units:
        if unit is not runs[0]:
            run = _beside(run, unit, "end values of the run")
    return [run]


def _beside(unit: Unit, left: Unit, why: str) -> Unit:
    """A unit with another one listed beside it, and the note that says so."""
    files = ", ".join(dict.fromkeys(g.file for g in left.logs[:3])) + (" ..." if len(left.logs) > 3 else "")
    above = left.home in unit.home.parents  # `output` says more than `output/runs/<time>_<host>`
    return replace(
        unit,
        home=left.home if above else unit.home,
        label=left.label if above else unit.label,
        beside=(*unit.beside, *left.logs, *left.beside),
        notes=(*unit.notes, (unit.logs[0].file, f"{why}: {files} was left out")),
    )


def _claims(unit: Unit) -> list[Claim]:
    return [c for c in assign(unit.logs) if c.role not in _NO_CURVE]


def _richness(claims: Sequence[Claim], place: int) -> tuple[int, int, int]:
    return len({c.role for c in claims}), sum(len(c.series.value) for c in claims), -place


def _format(unit: Unit) -> str:
    return unit.logs[0].format.lower()


def _related(one: Unit, other: Unit) -> bool:
    """Whether two directories may keep one run: csv/version_3 and tb/version_3, version_0 and version_1 of two
    loggers of Lightning, the event files below a Trainer's checkpoints or below a run of MLflow."""
    a, b = one.home.parts, other.home.parts
    shared = 0
    while shared < min(len(a), len(b)) and a[shared] == b[shared]:
        shared += 1
    if shared == min(len(a), len(b)):
        kinds = {kind_of(unit.logs[0]) for unit in (one, other)}
        return EVENTS in kinds and (STATE in kinds or any(MLFLOW in _format(unit) for unit in (one, other)))
    versions = all(re.fullmatch(r"version_\d+", home[-1]) for home in (a, b))
    return bool(set(a[shared:]) & set(b[shared:])) or (versions and a[:-1] == b[:-1])


def _named_alike(one: Unit, other: Unit) -> bool:
    """Whether the names of two files do not speak of two runs: train.log beside metrics.csv."""
    keys = key_of(one.logs[0]), key_of(other.logs[0])
    return keys[0] == keys[1] or not all(keys) or EVENTS in map(kind_of, (one.logs[0], other.logs[0]))


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprint:
    """A curve that a run can be recognized by: `value (n,)`, the first finite one, and their standard deviation."""

    value: Array
    first: float
    spread: float


def fingerprints(claims: Iterable[Claim]) -> list[Fingerprint]:
    """The curves among some claims that tell runs apart: losses and metrics with three different values."""
    found = []
    for claim in claims:
        if claim.role in _TELLING:
            value = claim.series.value
            finite = value[np.isfinite(value)]
            if len(finite) >= 3 and len(np.unique(finite[:1000])) >= 3:
                found.append(Fingerprint(value, float(finite[0]), float(np.std(finite))))
    return found


def same(one: Sequence[Fingerprint], other: Sequence[Fingerprint], *, whole: bool = False) -> bool:
    """Whether the curves of one log agree with curves of the other: two of them or all there are, in ten points.

    A curve may be the beginning of another, and rounded; with `whole`, all agree from the first point to the last.
    """
    points = [n for a in one if (n := max((_agreeing(a, b) for b in other), default=0))]
    if whole and points != [len(a.value) for a in one]:
        return False
    return len(points) >= min(2, len(one), len(other)) and sum(points) >= _EVIDENCE


class Index:
    """Finds the logs with a curve that begins as one of a given log does, without comparing all with all."""

    def __init__(self, logs: Sequence[Sequence[Fingerprint]]) -> None:
        self.logs = logs
        entries = sorted((curve.first, k) for k, curves in enumerate(logs) for curve in curves)
        self.first, self.log = np.array([e[0] for e in entries]), [e[1] for e in entries]

    def like(self, k: int) -> list[int]:
        """The numbers of the logs that begin like log number `k`, itself left out."""
        found: dict[int, None] = {}
        for curve in self.logs[k]:
            reach = _CLOSE * curve.spread
            low, high = np.searchsorted(self.first, [curve.first - reach, curve.first + reach])
            found.update(dict.fromkeys(self.log[low : high + 1]))
        return [other for other in found if other != k]


def _agreeing(one: Fingerprint, other: Fingerprint) -> int:
    """Length of the shorter of two curves when the longer begins with it and is at most twice as long, else 0."""
    close = _CLOSE * max(one.spread, other.spread)
    n = min(len(one.value), len(other.value))
    if abs(one.first - other.first) > close or n < max(len(one.value), len(other.value)) / 2:
        return 0
    a, b = one.value[:n], other.value[:n]
    finite = np.isfinite(a)
    if not finite.any() or not np.array_equal(finite, np.isfinite(b)):
        return 0
    return n if float(np.abs(a[finite] - b[finite]).max()) <= close else 0
