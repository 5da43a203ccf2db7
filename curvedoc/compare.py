"""What changed between two runs, and which of them is better? Or two groups of repeats."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .curves.smooth import smooth
from .report import SCHEMA, Level, Report
from .run import ROLES, Run
from .settings import IDLE, REPEATS, Value, flat

#: What runs are compared by: the first that both sides log.
JUDGED_BY = ("val_loss", "val_accuracy", "val_metric", "val_metric_lower", "train_loss")
FEWEST = 6  # points that a curve must have to tell its noise
#: One run a side: a difference below this many standard deviations is no difference; the usual bar of 95 %.
SURE = 2.0
#: What another seed changes at least, as a share of the level: a single run cannot tell, and the noise inside its
#: curve says little about it (Bouthillier et al. 2021). Over the treatments in sample_logs/*/label.toml, each
#: trained with three or five seeds, the deviation of the judged value is 0.8 % in the median.
SEEDS = 0.01
#: The same bar for means of n repeats is higher the fewer there are: Student's t, 97.5 %, by degrees of freedom.
STUDENT = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14, 2.13)


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: its runs, how they were judged, what each is best at."""

    name: str
    path: str
    runs: int
    verdicts: tuple[str, ...]
    leading: tuple[str, ...]
    schedule: str


@dataclass(frozen=True, slots=True)
class Change:
    """A setting that differs; None where a side does not state it."""

    key: str
    a: Value | None
    b: Value | None


@dataclass(frozen=True, slots=True)
class Difference:
    """One quantity of both sides. `sigmas` is b minus a in standard deviations of that difference, positive where b
    is better; None when the noise is not known. `bar` is what |sigmas| must reach."""

    curve: str
    measure: str
    a: Level
    b: Level
    sigmas: float | None
    bar: float

    @property
    def better(self) -> str | None:
        """ "a", "b", or None when it is too close to call."""
        if self.sigmas is None or abs(self.sigmas) < self.bar:
            return None
        return "b" if self.sigmas > 0 else "a"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What `compare` found. `verdict` is "a", "b", "too close to call" or "cannot be compared"; `notes` say what
    limits it."""

    a: Side
    b: Side
    changes: tuple[Change, ...]
    differences: tuple[Difference, ...]
    verdict: str
    why: str
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The document that `compare --format json` prints (schema 1)."""
        return {
            "schema": SCHEMA,
            "verdict": self.verdict,
            "why": self.why,
            "a": _side(self.a),
            "b": _side(self.b),
            "settings": [{"key": c.key, "a": c.a, "b": c.b} for c in self.changes],
            "curves": [
                {
                    "curve": d.curve,
                    "measure": d.measure,
                    "a": _level(d.a),
                    "b": _level(d.b),
                    "sigmas": d.sigmas,
                    "bar": d.bar,
                    "better": d.better,
                }
                for d in self.differences
            ],
            "notes": list(self.notes),
        }


def compare(a: Sequence[tuple[Run, Report]], b: Sequence[tuple[Run, Report]], names: tuple[str, str]) -> Comparison:
    """The comparison of two runs, or of two groups of repeats, each given with its report; neither may be empty.

    With one run a side, a difference is measured in standard deviations of single points of the held-out
    curve (noise around its smoothed course), but at least SEEDS of the level. With repeats it is measured in
    standard errors of the means, and the bar is Student's (Welch's degrees of freedom); a single run beside a
    group borrows the group's deviation. `names` are what the sides are called.
    """
    sides = (_told(names[0], a), _told(names[1], b))
    notes = []
    if len(a) == 1 and len(b) == 1:
        notes.append(
            "one run a side: a sigma is the noise inside these curves, or 1 % of the level for what another seed would "
            "change; repeat both with three seeds to be sure"
        )
    axes = [{run.axis for run, _ in side} for side in (a, b)]
    if axes[0] != axes[1]:
        both = " and ".join("/".join(sorted(kinds)) for kinds in axes)
        notes.append(f"their axes count different things ({both}): compare levels, not places")
    changes = _changes(a, b)
    wanted = judged_by([run for run, _ in (*a, *b)])
    if not wanted:
        logged = [", ".join(r for r in JUDGED_BY if any(run.get(r) is not None for run, _ in s)) for s in (a, b)]
        why = f"they share no curve to be judged by: a logs {logged[0] or 'none'}, b logs {logged[1] or 'none'}"
        return Comparison(*sides, changes, (), "cannot be compared", why, tuple(notes))
    role = wanted[0][0]
    notes += [
        f"{r}: one side logs percent, compared as a share of 1" for r, m in wanted if m == "final" and _mixed(r, a, b)
    ]
    found = [d for d in (_difference(a, b, curve, measure, level_of) for curve, measure in wanted) if d is not None]
    lost = [sum("nan" in rule for rule in side.leading) == side.runs for side in sides]
    judged = next((d for d in found if (d.curve, d.measure) == wanted[0]), None)
    if lost[0] != lost[1]:
        winner = "b" if lost[0] else "a"
        return Comparison(*sides, changes, tuple(found), winner, "the other was lost to NaN or infinity", tuple(notes))
    if judged is None:
        why = f"{role} has no finite point on one side"
        return Comparison(*sides, changes, tuple(found), "cannot be compared", why, tuple(notes))
    if role == "train_loss":
        notes.append("no held-out curve that every run logs: a lower training loss alone is no better model")
    if judged.better is not None:
        notes += _unexplained(changes, judged, found)
    return Comparison(*sides, changes, tuple(found), judged.better or "too close to call", _why(judged), tuple(notes))


def outdone(a: tuple[Run, Report], b: tuple[Run, Report], level: Callable[..., Level | None]) -> Difference | None:
    """The first difference that `compare` finds between two single runs, if its verdict is that b is better; else None.

    `level` answers as `level_of` does: a sweep has many pairs of few runs, and remembers their levels.
    """
    wanted = judged_by([a[0], b[0]])
    differences = (_difference([a], [b], curve, measure, level) for curve, measure in wanted)
    found = next((d for d in differences if d is not None), None)
    if found is None:
        return None
    lost = ["nan" in ("" if report.leading is None else report.leading.rule) for _, report in (a, b)]
    if lost[0] != lost[1]:
        return found if lost[0] else None
    return found if (found.curve, found.measure) == wanted[0] and found.better == "b" else None


def judged_by(runs: Sequence[Run]) -> list[tuple[str, str]]:
    """Curve and measure that runs are judged by, then the ends of all curves that they share; [] if they share none."""
    shared = [role for role in JUDGED_BY if all(run.get(role) is not None for run in runs)]
    # The lowest training loss is a matter of noise, and no checkpoint is chosen by it: the end counts.
    judged = [(role, "final" if role == "train_loss" else "best") for role in shared[:1]]
    return list(dict.fromkeys([*judged, *((role, "final") for role in shared)]))


def _unexplained(changes: Sequence[Change], judged: Difference, found: Sequence[Difference]) -> list[str]:
    """Where to look when no setting explains a difference: a run on bad labels looks sound until it stands beside one
    on good ones."""
    if any(not _repeats(change.key) for change in changes):
        return []
    worse = "a" if judged.better == "b" else "b"
    train = next((d for d in found if d.curve == "train_loss"), None)
    if train is not None and train.better == judged.better:
        why = (
            f"{worse} fits its own training data worse as well. Look at its labels first: wrong or shuffled ones are "
            "learned slowly and by heart; then at the inputs and at the code"
        )
    elif train is not None:
        why = (
            f"{worse} fits its training data as well and does worse on held-out data. Look at its labels and at how "
            "much of the data it saw, then at the held-out set: both must be judged on the same one"
        )
    else:
        why = "look at the data and the code"
    return [f"no stated setting explains the difference, and {why}"]


def _repeats(key: str) -> bool:
    return bool(REPEATS.search(key) or IDLE.search(key))


def _told(name: str, side: Sequence[tuple[Run, Report]]) -> Side:
    reports = [report for _, report in side]
    kinds = dict.fromkeys(r.schedule.kind for r in reports if r.schedule is not None)
    return Side(
        name,
        side[0][0].path,
        len(side),
        tuple(r.verdict for r in reports),
        tuple(r.leading.rule for r in reports if r.leading is not None),
        ", ".join(kinds),
    )


def _changes(a: Sequence[tuple[Run, Report]], b: Sequence[tuple[Run, Report]]) -> tuple[Change, ...]:
    """Settings that all runs of a side agree on and the sides do not."""
    rows = [_agreed([dict(flat(run.hyper)) for run, _ in side]) for side in (a, b)]
    peaks = [_agreed([_peak(run) for run, _ in side]) for side in (a, b)]
    keys = sorted({*rows[0], *rows[1]})
    changes = [Change(k, rows[0].get(k), rows[1].get(k)) for k in keys if rows[0].get(k) != rows[1].get(k)]
    if peaks[0] != peaks[1]:
        changes.append(Change("peak lr, as logged", peaks[0].get("lr"), peaks[1].get("lr")))
    return tuple(changes)


def _agreed(rows: Sequence[dict[str, Value]]) -> dict[str, Value]:
    return {key: value for key, value in rows[0].items() if all(row.get(key) == value for row in rows)}


def _peak(run: Run) -> dict[str, Value]:
    curve = run.get("lr")
    value = np.empty(0) if curve is None else curve.value[np.abs(curve.value) < 1e300]  # larger ones round to infinity
    return {"lr": float(f"{value.max():.3g}")} if len(value) else {}


def _difference(
    a: Sequence[tuple[Run, Report]],
    b: Sequence[tuple[Run, Report]],
    curve: str,
    measure: str,
    level: Callable[..., Level | None],
) -> Difference | None:
    mixed = _mixed(curve, a, b)
    levels = [[level(run, curve, measure, mixed) for run, _ in side] for side in (a, b)]
    known = [[found for found in side if found is not None] for side in levels]
    if [len(side) for side in known] != [len(a), len(b)]:
        return None
    sign = 1.0 if ROLES[curve].better == "high" else -1.0
    if len(a) == len(b) == 1:
        (first,), (second,) = known
        if first.deviation is None or second.deviation is None:
            return Difference(curve, measure, first, second, None, SURE)
        seeds = SEEDS * (abs(first.value) + abs(second.value)) / 2
        apart = math.hypot(max(first.deviation, seeds), max(second.deviation, seeds))
        sigmas = sign * (second.value - first.value) / apart if apart > 0 else None
        return Difference(curve, measure, first, second, sigmas, SURE)
    values = [np.array([level.value for level in side]) for side in known]
    spreads = [float(v.std(ddof=1)) if len(v) > 1 else None for v in values]
    spreads = [s if s is not None else next(o for o in spreads if o is not None) for s in spreads]
    errors = [s**2 / len(v) for s, v in zip(spreads, values, strict=True) if s is not None]
    apart = math.sqrt(sum(errors))
    means = [Level(float(v.mean()), s) for s, v in zip(spreads, values, strict=True)]
    sigmas = sign * (means[1].value - means[0].value) / apart if apart > 0 else None
    return Difference(curve, measure, means[0], means[1], sigmas, _bar(errors, [len(v) for v in values]))


def _bar(errors: Sequence[float], counts: Sequence[int]) -> float:
    """Student's 97.5 % quantile at Welch's degrees of freedom, rounded down."""
    parts = [e**2 / (n - 1) for e, n in zip(errors, counts, strict=True) if n > 1]
    if not sum(parts) > 0:
        return STUDENT[0]
    freedom = int(sum(errors if all(n > 1 for n in counts) else [max(errors)]) ** 2 / sum(parts))
    freedom = max(1, min(freedom, sum(counts) - 2 if all(n > 1 for n in counts) else max(counts) - 1))
    return STUDENT[freedom - 1] if freedom <= len(STUDENT) else SURE


def _mixed(role: str, a: Sequence[tuple[Run, Report]], b: Sequence[tuple[Run, Report]]) -> bool:
    """Whether some of the runs log a curve in percent and others do not."""
    return len({curve.unit == "percent" for run, _ in (*a, *b) if (curve := run.get(role)) is not None}) > 1


def level_of(run: Run, role: str, measure: str, as_share: bool) -> Level | None:
    """The best or the last value of a curve beneath its noise; None without a finite point. `as_share`: percent over
    100."""
    curve = run.get(role)
    if curve is None:
        return None
    keep = np.isfinite(curve.value) & (np.abs(curve.value) < 1e60)
    if not keep.any() or (measure == "final" and not keep[-1]):
        return None
    step, value = curve.step[keep], curve.value[keep] / (100 if as_share and curve.unit == "percent" else 1)
    pick = np.argmax if ROLES[role].better == "high" else np.argmin
    if len(step) < FEWEST:
        at = int(pick(value)) if measure == "best" else len(value) - 1
        return Level(float(value[at]), None, float(step[at]))
    line = smooth(step, value)
    at = int(pick(line.value)) if measure == "best" else len(line.value) - 1
    deviation = math.hypot(float(line.se[at]), float(line.noise[at]))
    return Level(float(line.value[at]), deviation, float(line.step[at]))


def _why(judged: Difference) -> str:
    what = f"{judged.measure} {judged.curve}"
    if judged.sigmas is None:
        return f"the noise of {what} is not known (fewer than {FEWEST} points, or none of them scatters)"
    return f"{what} differs by {min(abs(judged.sigmas), 99):.1f} sigmas, and chance makes up to {judged.bar:.1f}"


def _side(side: Side) -> dict[str, Any]:
    return {
        "name": side.name,
        "path": side.path,
        "runs": side.runs,
        "verdicts": list(side.verdicts),
        "leading": list(side.leading),
        "schedule": side.schedule,
    }


def _level(level: Level) -> dict[str, Any]:
    return {"value": level.value, "deviation": level.deviation, "step": level.step}
