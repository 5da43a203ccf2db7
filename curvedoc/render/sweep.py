"""What do many runs say together? Which settings vary, which runs are repeats, which settings go with illness."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..estimate import show
from ..report import Report
from ..run import ROLES
from ..settings import IDLE, NAMED, RATES, REPEATS, Value, flat
from .panels import base
from .words import clean, plural, shorten

Row = Mapping[str, Value]

LONG_NAMES = {"lr": "learning_rate", "wd": "weight_decay", "bs": "batch_size"}
KEYS = 24  # settings that vary and are offered; of more, those that most runs state
#: Fewer lines than this (repeats count as one) or fewer of a kind say nothing about what separates them.
FEWEST, FEWEST_OF_A_KIND = 8, 3
SHUFFLES = 999  # permutations: the smallest p is 0.001
SURE = 0.05


@dataclass(frozen=True, slots=True)
class Sweep:
    """Many runs as a table: `rows[i]` the settings of run i, `varying` the keys that differ, most stated first.

    `seeds` are those of them that a repeat changes; `line[i]` is the number of the line that run i shares with
    its repeats; a run without any has its own.
    """

    rows: tuple[Row, ...]
    varying: tuple[str, ...]
    seeds: tuple[str, ...]
    line: tuple[int, ...]


def sweep(reports: Sequence[Report]) -> Sweep:
    """The settings of all runs: stated in the log, else in the run's name; the peak of a logged rate where
    neither states one."""
    rows = tuple(_row(report) for report in reports)
    stated = Counter(key for row in rows for key in row)
    varying = [key for key in stated if _varies(key, rows)]
    varying.sort(key=lambda key: (-stated[key], key))
    seeds = tuple(key for key in varying if REPEATS.search(key.lower()))
    return Sweep(rows, tuple(varying[:KEYS]), seeds, tuple(_lines(reports, rows, varying, seeds)))


def final_gap(report: Report) -> float | None:
    """Held-out loss minus training loss at the end of both, smoothed where they were; None without either."""
    ends = {c.role: c for c in reversed(report.curves) if c.role in ("train_loss", "val_loss")}
    if len(ends) < 2 or any(c.non_finite and (not c.step or max(c.non_finite) > c.step[-1]) for c in ends.values()):
        return None
    last = {role: (c.smooth or c.value)[-1:] for role, c in ends.items()}
    if not all(last.values()):
        return None
    gap = last["val_loss"][0] - last["train_loss"][0]
    return gap if math.isfinite(gap) else None


def wasted(report: Report) -> tuple[float, str] | None:
    """Which share of the run brought nothing, and why: all after the first NaN that stayed, else after the best
    held-out point. None where the log cannot tell: the lowest training loss is a matter of noise."""
    steps = [c.step for c in report.curves if c.step]
    ends = [x for c in report.curves for part in (c.step, c.non_finite) for x in (*part[:1], *part[-1:])]
    ends = [x for x in ends if math.isfinite(x)]
    if not steps or min(ends) == max(ends):
        return None
    first, last = min(ends), max(ends)
    for curve in report.curves:
        if curve.role == "train_loss" and curve.non_finite and curve.step and curve.non_finite[-1] > curve.step[-1]:
            lost = next(s for s in curve.non_finite if s > curve.step[-1])
            return (last - lost) / (last - first), "after the loss was lost"
    best = report.best
    if best is None or not math.isfinite(best.step) or not base(best.curve).startswith("val"):
        return None
    return min(1.0, max(0.0, (last - best.step) / (last - first))), "after the best checkpoint"


def better(reports: Sequence[Report]) -> tuple[str, str]:
    """The curve that most runs are compared by, and "low" or "high"."""
    curves = Counter(base(r.best.curve) for r in reports if r.best is not None and math.isfinite(r.best.value))
    if not curves:
        return "", "low"
    held_out = {role: n for role, n in curves.items() if role.startswith("val")}
    found = max(held_out or curves, key=lambda role: (curves[role], role))
    return found, ROLES[found].better or "low" if found in ROLES else "low"


def separating(reports: Sequence[Report], table: Sweep) -> Iterator[tuple[str, float, str]]:
    """Settings that go with illness: the key, its p value, and a sentence.

    A setting is judged by its best single cut (numbers) or its best single value (words): the difference in
    the share of sick runs, in units of its chance scatter. p is the share of SHUFFLES random relabellings in
    which *any* setting does as well, so that many settings earn no false alarm; repeats of a run count as
    one. Westfall and Young 1993, the max-T procedure. Yields those with p <= 0.05, the surest first.
    """
    judged = [i for i, report in enumerate(reports) if report.verdict in ("findings", "healthy")]
    members: dict[int, list[int]] = {}
    for i in judged:
        members.setdefault(table.line[i], []).append(i)
    groups = list(members.values())
    sick = np.array([np.mean([reports[i].verdict == "findings" for i in group]) for group in groups])
    if len(groups) < FEWEST or min((sick >= 0.5).sum(), (sick < 0.5).sum()) < FEWEST_OF_A_KIND:
        return
    cuts = [
        (key, *cut)
        for key in table.varying
        if key not in table.seeds
        for cut in _cuts([table.rows[g[0]].get(key) for g in groups])
    ]
    cuts = [cut for cut in cuts if 2 <= cut[1].sum() <= len(groups) - 2]
    if not cuts:
        return
    masks = np.array([mask for _, mask, _, _ in cuts], float)
    strength = _strength(masks, sick)
    shuffled = np.random.default_rng(0).permuted(np.tile(sick, (SHUFFLES, 1)), axis=1)
    chance = np.array([_strength(masks, labels).max() for labels in shuffled])
    told: set[str] = set()
    for k in np.argsort(-strength, kind="stable"):
        key, mask, yes, no = cuts[k]
        p = float((1 + (chance >= strength[k]).sum()) / (1 + SHUFFLES))
        if p > SURE or key in told:
            continue
        told.add(key)
        yield key, p, f"{_told(reports, groups, mask, key, yes)}; {_told(reports, groups, ~mask, key, no)}"


def _row(report: Report) -> dict[str, Value]:
    row: dict[str, Value] = {}
    for key, value in flat(report.hyper):
        if len(row) < 400 and not IDLE.search(key.lower()):
            row[shorten(clean(key), 60)] = shorten(clean(value), 40) if isinstance(value, str) else value
    for found in NAMED.finditer(report.name[:1000]):
        key = LONG_NAMES.get(found[1].lower(), found[1].lower())
        if not any(_last(known) in (key, found[1].lower()) for known in row):
            row[key] = float(found[2])
    if not any(_last(key) in RATES for key in row):
        peak = [max(v for v in c.value) for c in report.curves if c.role == "lr" and c.value]
        if peak and 0 < peak[0] < 1e300:
            row["peak lr"] = float(f"{peak[0]:.3g}")  # near the largest float, rounding would give infinity
    return row


def _last(key: str) -> str:
    return re.split(r"[./]", key.lower())[-1]


def _varies(key: str, rows: Sequence[Row]) -> bool:
    """Whether a setting takes several values, and is no name that every run has for itself."""
    values = [row[key] for row in rows if key in row]
    if len(set(values)) < 2 and len(values) == len(rows):
        return False
    words = [value for value in values if isinstance(value, str)]
    return len(set(values)) > 1 and not (len(words) > 2 and len(set(words)) == len(values) == len(words))


def _lines(
    reports: Sequence[Report], rows: Sequence[Row], varying: Sequence[str], seeds: Sequence[str]
) -> Iterator[int]:
    """Runs that differ in nothing but a seed or a fold share a number."""
    known: dict[object, int] = {}
    for i, (report, row) in enumerate(zip(reports, rows, strict=True)):
        mine = [key for key in seeds if key in row]
        rest = tuple((key, row[key]) for key in varying if key in row and key not in seeds and key != "peak lr")
        if not mine:
            yield known.setdefault(i, len(known))
            continue
        # A name that holds the seed says with its rest what was run; names that a server gave say nothing.
        bare = re.sub(r"(?i)(seed|fold)[=_-]?\d+", "", report.name[:1000])
        yield known.setdefault((rest, bare if bare != report.name[:1000] else ""), len(known))


def _cuts(values: Sequence[Value | None]) -> Iterator[tuple[npt.NDArray[np.bool_], str, str]]:
    """Every single cut of a setting: who is on its one side, and both sides in words. Runs that do not state
    the setting are on the other side."""
    numbers = [v for v in values if isinstance(v, float)]
    if len(numbers) * 2 > len(values):
        array = np.array([v if isinstance(v, float) else math.nan for v in values])
        levels = np.unique(array[np.isfinite(array)])
        step = max(1, len(levels) // 32)
        for low, high in zip(levels[:-1:step], levels[1::step], strict=False):
            yield array >= high, f"from {show(float(high))} up", f"up to {show(float(low))}"
    elif len(set(values)) <= 32:
        for value in dict.fromkeys(v for v in values if v is not None):
            word = show(value) if isinstance(value, float) else value
            yield np.array([v == value for v in values]), f"= {word}", f"other than {word}"


def _strength(masks: npt.NDArray[np.float64], sick: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How far apart the shares of sick runs on both sides of every cut lie, in units of their chance scatter."""
    n, inside = masks.shape[1], masks.sum(1)
    apart = masks @ sick / inside - (sick.sum() - masks @ sick) / (n - inside)
    scatter = sick.std() * np.sqrt(n / (inside * (n - inside)))
    result: npt.NDArray[np.float64] = np.abs(apart) / np.where(scatter > 0, scatter, 1.0)
    return result


def _told(
    reports: Sequence[Report], groups: Sequence[Sequence[int]], mask: npt.NDArray[np.bool_], key: str, side: str
) -> str:
    inside = [i for group, here in zip(groups, mask, strict=True) if here for i in group]
    sick = sum(reports[i].verdict == "findings" for i in inside)
    return f"{key} {side}: {sick} of {plural(len(inside), 'run')} with findings"
