"""Which curves of a run share a plot, and what is marked on it?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..report import Best, Drawn, Evidence, Onset, Report
from .words import extent

#: Plots from top to bottom, with the roles that share each; any other role has a plot of its own.
GROUPS = (
    ("Loss", ("train_loss", "val_loss", "test_loss")),
    ("Learning rate", ("lr",)),
    ("Accuracy", ("train_accuracy", "val_accuracy")),
    ("Metric, higher is better", ("val_metric",)),
    ("Metric, lower is better", ("val_metric_lower",)),
    ("Gradient norm", ("grad_norm",)),
    ("Update ratio, by layer", ("update_ratio",)),
    ("Share of dead units, by layer", ("dead_share",)),
)
TONES = ("a", "b", "c", "d", "e", "f")  # as many colours as can be told apart
MARKS = 12  # more numbers than this would hide the curve
EVERYWHERE = 0.9  # a stretch that covers this share of the run is no place: it would mark the whole plot
#: A positive curve whose highest point is this many times its lowest is drawn on a logarithmic axis: on a
#: linear one its lower half would fill less than a tenth of the height.
LOG_FROM = 20.0
#: Schedules that fall by factors; the others are known by their shape on a linear axis.
GEOMETRIC = ("step", "multi_step", "plateau", "table", "exponential")


@dataclass(frozen=True, slots=True)
class Mark:
    """Evidence number `number` on the stretch `steps`; `leads` when it belongs to the leading diagnosis."""

    number: int
    steps: tuple[float, float]
    leads: bool
    says: str


@dataclass(frozen=True, slots=True)
class Line:
    """A curve with the name it has in the legend and its tone, a colour of the page."""

    drawn: Drawn
    label: str
    tone: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One plot: its curves, its axis and what is marked."""

    title: str
    roles: tuple[str, ...]
    lines: tuple[Line, ...]
    log: bool
    marks: tuple[Mark, ...] = ()
    onset: Onset | None = None
    best: Best | None = None


def panels(report: Report) -> list[Panel]:
    """The plots of a run, the loss (else the first there is) on top; none when nothing was drawn."""
    grouped = list(_grouped(report.curves))
    if not grouped or extent(report) is None:
        return []
    numbers = numbered(report)
    leading = report.leading
    made = []
    for title, roles, curves in grouped:
        mine = [
            Mark(number, steps, report.diagnoses[d] is leading, report.diagnoses[d].evidence[e].says)
            for (d, e), (number, steps) in numbers.items()
            if _home(report.diagnoses[d].evidence[e], grouped) == title
        ]
        best = report.best if any(report.best and report.best.curve in (c.role, c.tag) for c in curves) else None
        onset = leading.onset if leading is not None else None
        log = _asks_for_log(curves) and (roles != ("lr",) or _geometric(report))
        made.append(Panel(title, roles, tuple(_lines(report, curves)), log, tuple(mine), onset, best))
    return made


def numbered(report: Report) -> dict[tuple[int, int], tuple[int, tuple[float, float]]]:
    """Number and stretch of every piece of evidence that has a place, by diagnosis and position in it.

    Possible diagnoses are not marked: a curve full of doubts shows none.
    """
    ends = extent(report)
    if ends is None:
        return {}
    found: dict[tuple[int, int], tuple[int, tuple[float, float]]] = {}
    for d, diagnosis in enumerate(report.diagnoses):
        for e, evidence in enumerate(diagnosis.evidence):
            steps = evidence.steps
            if diagnosis.possible or steps is None or not all(map(math.isfinite, steps)):
                continue
            low, high = (min(max(x, ends[0]), ends[1]) for x in sorted(steps))
            if high - low <= EVERYWHERE * (ends[1] - ends[0]) and len(found) < MARKS:
                found[d, e] = (len(found) + 1, (low, high))
    return found


def base(role: str) -> str:
    """The role without its layer: `update_ratio` of `update_ratio[fc1]`."""
    return role.partition("[")[0]


def _grouped(curves: Sequence[Drawn]) -> Iterator[tuple[str, tuple[str, ...], list[Drawn]]]:
    left = list(curves)
    known = [role for _, roles in GROUPS for role in roles]
    rest = dict.fromkeys(base(c.role) for c in left if base(c.role) not in known)
    for title, roles in (*GROUPS, *((role.replace("_", " ").capitalize(), (role,)) for role in rest)):
        mine = [c for c in left if base(c.role) in roles and (c.step or c.non_finite)]
        if mine:
            yield title, roles, mine


def _home(evidence: Evidence, grouped: Sequence[tuple[str, tuple[str, ...], list[Drawn]]]) -> str:
    """The plot that shows what a vital was measured on, else the first."""
    subject = base(evidence.vital.partition(".")[0])
    return next((title for title, roles, _ in grouped if subject in roles), grouped[0][0])


def _lines(report: Report, curves: Sequence[Drawn]) -> Iterator[Line]:
    """Every curve its tone; of many layers, only those that a diagnosis names are told apart."""
    named = {d.subject.name for d in report.diagnoses if d.subject.kind == "layer"}
    tones = iter(TONES)
    for curve in curves:
        layer = curve.role.partition("[")[2].removesuffix("]")
        side = base(curve.role).partition("_")[0]
        if layer and len(curves) > len(TONES) and layer not in named:
            yield Line(curve, layer, "rest")
        elif side in ("train", "val", "test"):
            yield Line(curve, curve.role, side)
        else:
            yield Line(curve, layer or curve.role, next(tones, "rest"))


def _asks_for_log(curves: Sequence[Drawn]) -> bool:
    values = [v for c in curves for v in c.value if math.isfinite(v)]
    return bool(values) and min(values) > 0 and max(values) / min(values) >= LOG_FROM


def _geometric(report: Report) -> bool:
    return report.schedule is not None and report.schedule.kind in GEOMETRIC
