"""Report: what was found in one run, as plain data that any renderer can print."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from functools import lru_cache
from os import PathLike
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from .errors import CurvedocError, UsageError
from .run import Refused

SCHEMA = 1
SEVERITIES = ("info", "warning", "critical")
STAGES = ("logging", "numerics", "start", "optimization", "generalization", "budget")
VERDICTS = ("healthy", "findings", "not assessed")
PLACES = ("leading", "consequence", "alternative", "also")
FINDING, POSSIBLE = 0.5, 0.2  # confidence from which a diagnosis is a finding, and from which it is listed
#: What becomes of a diagnosis when a piece of its evidence could not be measured.
NOT_HELD = "not held against it"
LESS_SURE = "that makes it less certain"
MERELY_POSSIBLE = "without it this is no more than possible"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One clause that spoke for a diagnosis: the sentence, the vital with its interval, its grade 0..1."""

    says: str
    vital: str
    value: float | None
    low: float | None
    high: float | None
    unit: str
    grade: float
    steps: tuple[float, float] | None = None

    @property
    def idle(self) -> bool:
        """Whether it could not be measured and counts for nothing: nobody has to read it."""
        return self.value is None and self.says.endswith(f": {NOT_HELD}")


@dataclass(frozen=True, slots=True)
class Fix:
    """What to change: `do` in a sentence, `why`, `action` what a machine can apply, `expected` the outcome."""

    do: str
    why: str = ""
    action: Mapping[str, Any] | None = None
    expected: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Onset:
    """The step at which the trouble begins, with its interval."""

    step: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Subject:
    """What a diagnosis is about: `kind` "run", "lr_drop" or "layer"; `name` is the layer or the drop's step."""

    kind: str = "run"
    name: str = ""


@dataclass(frozen=True, slots=True)
class LookAlike:
    """What else looks like this on a plot, and how to tell."""

    name: str
    tell: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One illness found in a run. `confidence` is 0..1; `possible` marks 0.2-0.5, listed as info."""

    rule: str
    title: str
    severity: str
    stage: str
    confidence: float
    calibrated: bool
    possible: bool
    place: str
    of: str | None
    subject: Subject
    onset: Onset | None
    evidence: tuple[Evidence, ...]
    fixes: tuple[Fix, ...]
    story: str = ""
    look_alikes: tuple[LookAlike, ...] = ()


@dataclass(frozen=True, slots=True)
class NotAssessed:
    """A rule that could not be judged, why, and the roles it would need."""

    rule: str
    why: str
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Schedule:
    """The learning-rate schedule as read from the logged rate: kind, end of warm-up, steps of the drops."""

    kind: str
    warmup_until: float | None
    drops: tuple[float, ...]
    confidence: float


@dataclass(frozen=True, slots=True)
class Best:
    """The best point of the curve that checkpoints should be chosen by."""

    curve: str
    step: float
    value: float


@dataclass(frozen=True, slots=True)
class Level:
    """A measured level: mean of the runs, and the standard deviation that a difference is measured in."""

    value: float
    deviation: float | None
    step: float | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """Something skipped or repaired while reading."""

    file: str
    line: int | None
    offset: int | None
    what: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """A curve thinned for drawing: raw points with their extremes kept, and the smoothed line.

    `step`, `value` (n,), `smooth_step`, `smooth` (m,); `non_finite` the steps of NaN and infinities;
    `points` how many the log had, `lost` how many of them were not finite.
    """

    role: str
    tag: str
    step: tuple[float, ...]
    value: tuple[float, ...]
    smooth_step: tuple[float, ...] = ()
    smooth: tuple[float, ...] = ()
    non_finite: tuple[float, ...] = ()
    points: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Trend:
    """Where a curve was heading: `value` between `low` and `high` at `step` (n,), and what that stands for."""

    role: str
    says: str
    step: tuple[float, ...]
    value: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Clock:
    """Another axis beside the run's own: at `step` (n,) it stands at `value` (n,), linear in between.

    `name` is "epoch" or "hours" (since the first point, as logged).
    """

    name: str
    step: tuple[float, ...]
    value: tuple[float, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Report:
    """What curvedoc says about one run. `diagnoses[0]` is the one to treat first when any stands.

    `assessed` are the ids of the rules that could be judged, whether they spoke or not; `measured` the vital
    signs in words; `why` the verdict's reason in a sentence; `lowest` the validation loss at its best beneath its
    noise.
    """

    name: str
    path: str
    verdict: str
    schedule: Schedule | None
    best: Best | None
    diagnoses: tuple[Diagnosis, ...]
    not_assessed: tuple[NotAssessed, ...]
    reading: tuple[Reading, ...]
    axis: str = "step"
    hyper: Mapping[str, Any] = field(default_factory=dict)
    measured: Mapping[str, str] = field(default_factory=dict)
    curves: tuple[Drawn, ...] = ()
    why: str = ""
    assessed: tuple[str, ...] = ()
    trends: tuple[Trend, ...] = ()
    clocks: tuple[Clock, ...] = ()
    lowest: Level | None = None

    def __repr__(self) -> str:
        lead = f", {self.leading.rule} {self.leading.confidence:.2f}" if self.leading is not None else ""
        return f"<Report {self.name!r}: {self.verdict}{lead}>"

    @property
    def findings(self) -> tuple[Diagnosis, ...]:
        """Diagnoses that are sure enough to act on, info ones included."""
        return tuple(d for d in self.diagnoses if not d.possible)

    @property
    def leading(self) -> Diagnosis | None:
        """The diagnosis to treat first, or None."""
        return self.diagnoses[0] if self.diagnoses and self.diagnoses[0].place == "leading" else None

    @property
    def worst(self) -> str | None:
        """The highest severity among the findings, or None."""
        found = [SEVERITIES.index(d.severity) for d in self.findings]
        return SEVERITIES[max(found)] if found else None

    def raise_for(self, severity: str = "critical") -> None:
        """Raise UnhealthyRun when a finding of this severity or worse stands; the message is the first fix."""
        if severity not in SEVERITIES:
            raise UsageError(f"{severity!r} is no severity, not one of {', '.join(SEVERITIES)}")
        if self.worst is not None and SEVERITIES.index(self.worst) >= SEVERITIES.index(severity):
            raise UnhealthyRun(self)

    def to_dict(self, *, drawing: bool = False) -> dict[str, Any]:
        """The run as in schema 1: plain lists and dicts, non-finite numbers as strings.

        With `drawing`, everything else that the report holds is kept too, so that `from_dict` gives an
        equal report back.
        """
        left_out = () if drawing else _DRAWING
        data: dict[str, Any] = {f.name: _plain(getattr(self, f.name)) for f in fields(self) if f.name not in left_out}
        if not drawing:
            for diagnosis in data["diagnoses"]:
                del diagnosis["story"], diagnosis["look_alikes"]
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Report:
        """The report that `to_dict` came from; keys that only `drawing=True` writes may be absent."""
        made = _build(cls, data)
        assert isinstance(made, cls)
        return made

    def to_html(self, path: str | PathLike[str]) -> None:
        """Write the report as one self-contained page."""
        from .render import html

        Path(path).write_text(html.render(Analysis((self,))), encoding="utf-8")

    def __str__(self) -> str:
        from .render import text

        return text.render(Analysis((self,)), commands=False)

    def _repr_html_(self) -> str:
        from .render import html

        return html.fragment(self)


class UnhealthyRun(CurvedocError):
    """`Report.raise_for` found what it was asked to look for; `report` is the whole report."""

    def __init__(self, report: Report) -> None:
        self.report = report
        lead = report.leading
        text = f"{report.name}: {report.verdict}"
        if lead is not None:
            text = f"{report.name}: {lead.title} (confidence {lead.confidence:.2f})"
            text += f". {lead.fixes[0].do}" if lead.fixes else ""
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class Analysis(Sequence[Report]):
    """The reports of all runs under a path, worst first, and the files that gave none.

    A sequence of its reports, so that `for report in analyze("runs/")` reads as it should.
    """

    reports: tuple[Report, ...]
    refused: tuple[Refused, ...] = ()
    skipped: tuple[Refused, ...] = ()

    def __len__(self) -> int:
        return len(self.reports)

    def __getitem__(self, index: Any) -> Any:
        return self.reports[index]

    def __iter__(self) -> Iterator[Report]:
        return iter(self.reports)

    def to_dict(self) -> dict[str, Any]:
        """The document that `analyze --format json` prints (schema 1)."""
        return {
            "schema": SCHEMA,
            "runs": [report.to_dict() for report in self.reports],
            "refused": [_plain(refused) for refused in self.refused],
        }

    def to_html(self, path: str | PathLike[str]) -> None:
        """Write all runs as one self-contained page."""
        from .render import html

        Path(path).write_text(html.render(self), encoding="utf-8")

    def __str__(self) -> str:
        from .render import text

        return text.render(self, commands=False)

    def _repr_html_(self) -> str:
        from .render import html

        return html.fragments(self)


#: Fields of a Report that schema 1 leaves out.
_DRAWING = ("axis", "hyper", "measured", "curves", "why", "assessed", "trends", "clocks", "lowest")


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (str, int)):  # most of all by far
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return {name: _plain(getattr(value, name)) for name in _names(type(value))}
    return value


@lru_cache(maxsize=64)
def _names(kind: type) -> tuple[str, ...]:
    """The names of the fields of a dataclass."""
    return tuple(field.name for field in fields(kind))


_NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def _build(kind: Any, data: Any) -> Any:
    """The inverse of `_plain`, led by the type hints of the dataclasses above."""
    if data is None:
        return None
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return _build(next(a for a in arguments if a is not type(None)), data)
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return tuple(_build(arguments[0], item) for item in data)
        return tuple(_build(a, item) for a, item in zip(arguments, data, strict=True))
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{f.name: _build(hints[f.name], data[f.name]) for f in fields(kind) if f.name in data})  # type: ignore[operator]
    if kind is float and isinstance(data, str):
        return _NON_FINITE[data]
    return data
