"""What does the page have to know? A report as plain data for its script: words made here, curves in few bytes."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ..curves.thin import thin
from ..estimate import show
from ..report import Analysis, Diagnosis, Drawn, Evidence, Fix, Report, Trend
from . import sweep, words
from .chart import spark_paths
from .panels import Panel, base, numbered, panels
from .section import diagnosis_id, setting, slugs
from .snippets import snippets
from .words import clean, plural, prose, shorten

#: Points of one curve on a page of few runs, and the least that many runs are thinned to.
FULL, LEAST = 800, 100
#: Points that all curves of a page share: a point takes about nine bytes, so the curves take at most 18 MB of the
#: 25 that a page of a thousand runs may have.
BUDGET = 2_000_000
SMOOTH = 200  # points of a smoothed line: it has no detail that more would show
LINES = 40  # curves of one plot; a network of a thousand layers cannot be told apart
NAME, TEXT, LONG = 100, 600, 4000
ROWS = 240  # settings and vital signs are few; a dump of thousands would bury the page


@dataclass(frozen=True, slots=True)
class Payload:
    """`index` is what the overview needs, `runs` one document per run, all of JSON's types."""

    index: dict[str, Any]
    runs: tuple[dict[str, Any], ...]


def payload(analysis: Analysis) -> Payload:
    """Everything the page shows. Texts from logs are cleaned and of bounded length, and are never markup."""
    reports = analysis.reports
    ids = slugs([report.name or report.path for report in reports])
    table = sweep.sweep(reports)
    curves = sum(min(len(panel.lines), LINES) for report in reports for panel in panels(report))
    most = max(LEAST, min(FULL, BUDGET // max(1, 2 * curves)))
    texts: dict[str, int] = {}
    runs = tuple(_run(report, slug, most, texts) for report, slug in zip(reports, ids, strict=True))
    role, direction = sweep.better(reports)
    index = {
        "tally": words.tally(analysis),
        "runs": [_row(r, slug, table, i) for i, (r, slug) in enumerate(zip(reports, ids, strict=True))],
        "keys": list(table.varying),
        "seeds": list(table.seeds),
        "better": [role, direction],
        "separates": [
            {"key": key, "p": round(p, 4), "says": says} for key, p, says in sweep.separating(reports, table)
        ],
        "texts": [_text(text, LONG) for text in texts],
        "refused": [{"file": _name(f.file, 200), "why": _text(f.why)} for f in analysis.refused],
        "skipped": [{"file": _name(f.file, 200), "why": _text(f.why)} for f in analysis.skipped],
    }
    return Payload(index, runs)


def script(data: object) -> str:
    r"""JSON that can stand in a script element: ASCII, with nothing that a parser of HTML reacts to.

    >>> print(script("</script>\u2028&"))
    "\u003c/script\u003e\u2028\u0026"
    """
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _text(value: object, most: int = TEXT) -> str:
    return shorten(prose(value), most)


def _name(value: object, most: int = NAME) -> str:
    return shorten(clean(value), most)


def _row(report: Report, slug: str, table: sweep.Sweep, i: int) -> dict[str, Any]:
    """A run in the overview. Numbers to sort by stand beside the words that are shown; what is absent is left out."""
    lead, best, gap, lost = report.leading, report.best, sweep.final_gap(report), sweep.wasted(report)
    row: dict[str, Any] = {
        "id": slug,
        "name": _name(words.name_of(report), 160),
        "state": words.state(report),
        "verdict": report.verdict,
        "line": table.line[i],
        "spark": spark_paths(report),
        "hyper": {key: table.rows[i][key] for key in table.varying if key in table.rows[i]},
    }
    if lead is not None:
        row["lead"] = {
            "rule": _name(lead.rule),
            "title": _text(words.headline(lead), 200),
            "severity": lead.severity,
            "confidence": lead.confidence,
            "calibrated": lead.calibrated,
            "where": words.where(report, lead),
            "do": _text(lead.fixes[0].do) if lead.fixes else "",
        }
    else:
        row["why"] = _text(_quiet(report), 300)
    if best is not None and math.isfinite(best.value):
        row["best"] = {
            "curve": _name(best.curve, 40),
            "value": best.value,
            "shows": show(best.value),
            "step": _finite(best.step),
            "at": words.at(report, best.step),
        }
    if gap is not None:
        row["gap"] = {"value": gap, "shows": f"{'+' if gap > 0 else ''}{show(gap)}"}
    if report.schedule is not None:
        row["schedule"] = _text(words.kind(report.schedule), 40)
    if lost is not None and math.isfinite(lost[0]):
        row["wasted"] = {"value": lost[0], "shows": show(round(lost[0], 3), "share"), "why": lost[1]}
    return row


def _quiet(report: Report) -> str:
    """Why a run leads with nothing: who looked, what is possible; how much was not judged stands on its page."""
    if report.verdict != "healthy":
        return report.why
    return ", ".join(part for part in words.grounds(report) if not part.endswith("not judged"))


def _run(report: Report, slug: str, most: int, texts: dict[str, int]) -> dict[str, Any]:
    steps = _Steps()
    plots = [_panel(panel, report, most, steps) for panel in panels(report)]
    numbers = numbered(report)
    taken: set[str] = set()
    cards = []
    for d, diagnosis in enumerate(report.diagnoses):
        marks = {e: number for (of, e), (number, _) in numbers.items() if of == d}
        if not diagnosis.possible:
            cards.append(_card(report, diagnosis, diagnosis_id(slug, diagnosis, taken), marks, texts))
    maybe = [_maybe(d) for d in report.diagnoses if d.possible]
    data = {
        "path": _name(report.path, 200),
        "axis": _name(report.axis, 20),
        "summary": _text(words.summary(report)),
        "best": words.best(report),
        "schedule": _schedule(report),
        "panels": plots,
        "steps": steps.coded,
        "clocks": [_clock(clock.name, clock.step, clock.value) for clock in report.clocks],
        "cards": cards,
        "maybe": maybe,
        "missing": _missing(report),
        "notes": [_text(words.note(note)) for note in report.reading[:ROWS]],
        "hyper": _pairs(report.hyper),
        "measured": _pairs(report.measured),
    }
    return {key: value for key, value in data.items() if value not in ("", [], {}, None)}


class _Steps:
    """The step axes of a run's curves, each written once: curves that were logged together share theirs."""

    def __init__(self) -> None:
        self.coded: list[Any] = []
        self._known: dict[tuple[float, ...], int] = {}

    def add(self, steps: Sequence[float]) -> int:
        """The number of an axis; whole steps are written as the first and the differences."""
        key = tuple(steps)
        if key not in self._known:
            self._known[key] = len(self.coded)
            whole = all(abs(s) < 2**53 and s == int(s) for s in key)
            if whole and key:
                gaps = [int(b) - int(a) for a, b in pairwise(key)]
                even = len(set(gaps)) == 1
                self.coded.append({"from": int(key[0]), **({"by": gaps[0], "n": len(key)} if even else {"gaps": gaps})})
            else:
                self.coded.append([_short(s, 9) for s in key])
        return self._known[key]


def _panel(panel: Panel, report: Report, most: int, steps: _Steps) -> dict[str, Any]:
    lines = panel.lines[:LINES]
    made: dict[str, Any] = {
        "title": _name(panel.title, 60),
        "log": panel.log,
        "role": base(panel.roles[0]),
        "lines": [_line(line.drawn, line.label, line.tone, most, steps) for line in lines],
        "marks": [
            {"n": m.number, "from": _short(m.steps[0], 9), "to": _short(m.steps[1], 9), "leads": m.leads,
             "says": _text(m.says, 300)}
            for m in panel.marks
        ],
        "more": len(panel.lines) - len(lines),
        "trends": [_trend(trend) for trend in report.trends if trend.role in panel.roles],
    }  # fmt: skip
    onset, best = panel.onset, panel.best
    if onset is not None and math.isfinite(onset.step):
        low, high = (onset.step if math.isnan(s) else s for s in (onset.low, onset.high))
        made["onset"] = [_short(x, 9) for x in (onset.step, low, high)]
    if best is not None and math.isfinite(best.step) and math.isfinite(best.value):
        made["best"] = [_short(best.step, 9), _short(best.value)]
    if panel.roles == ("lr",) and report.schedule is not None:
        made["drops"] = [_short(s, 9) for s in report.schedule.drops[:40] if math.isfinite(s)]
    return {key: value for key, value in made.items() if value not in ([], 0, False)}


def _line(drawn: Drawn, label: str, tone: str, most: int, steps: _Steps) -> dict[str, Any]:
    """A curve of at most `most` points; `points` is how many finite ones the log had."""
    step, value = _thinned(drawn.step, drawn.value, most)
    made: dict[str, Any] = {
        "label": _name(label, 60),
        "tone": tone,
        "s": steps.add(step),
        "v": [_short(v) for v in value],
        "points": max(len(value), (drawn.points or len(drawn.step)) - drawn.lost),
    }
    if drawn.tag and drawn.tag != label:
        made["tag"] = _name(drawn.tag, 60)
    if drawn.smooth:
        smooth_step, smooth = _thinned(drawn.smooth_step, drawn.smooth, min(SMOOTH, most))
        made |= {"ss": steps.add(smooth_step), "sv": [_short(v) for v in smooth]}
    lost = [_short(s, 9) for s in drawn.non_finite if math.isfinite(s)]
    return made | ({"lost": lost} if lost else {})


def _thinned(step: Sequence[float], value: Sequence[float], most: int) -> tuple[Sequence[float], Sequence[float]]:
    """The finite points of a curve, thinned."""
    import numpy as np

    x, y = np.asarray(step, float), np.asarray(value, float)
    keep = np.isfinite(x) & np.isfinite(y)
    x, y = thin(x[keep], np.clip(y[keep], -1e300, 1e300), most)
    return x.tolist(), y.tolist()


def _trend(trend: Trend) -> dict[str, Any]:
    columns = {"s": trend.step, "v": trend.value, "low": trend.low, "high": trend.high}
    return {"says": _text(trend.says)} | {key: [_short(x) for x in column] for key, column in columns.items()}


def _clock(name: str, step: Sequence[float], value: Sequence[float]) -> dict[str, Any]:
    return {"name": _name(name, 20), "s": [_short(s, 9) for s in step], "v": [_short(v, 6) for v in value]}


def _short(value: float, figures: int = 5) -> float | None:
    """As many figures as a screen shows; whole numbers without a point.

    >>> _short(0.123456789), _short(1500.0)
    (0.12346, 1500)
    """
    if not math.isfinite(value):
        return None
    value = float(f"{value:.{figures}g}")
    return int(value) if value == int(value) and abs(value) < 1e9 else value


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _card(
    report: Report, diagnosis: Diagnosis, card: str, marks: Mapping[int, int], texts: dict[str, int]
) -> dict[str, Any]:
    rate = max((v for c in report.curves if c.role == "lr" for v in c.value if math.isfinite(v)), default=None)
    made: dict[str, Any] = {
        "id": card,
        "rule": _name(diagnosis.rule, 80),
        "title": _text(words.headline(diagnosis), 200),
        "severity": diagnosis.severity,
        "stage": _name(diagnosis.stage, 40),
        "leads": diagnosis is report.leading,
        "confidence": diagnosis.confidence,
        "sure": words.sure(diagnosis),
        "calibrated": diagnosis.calibrated,
        "relation": words.relation(diagnosis),
        "since": words.since(report, diagnosis),
        "seen": _seen(diagnosis, marks),
        "fixes": [_fix(fix, report.axis, rate) for fix in diagnosis.fixes],
        "alike": [[_name(o.name, 80), texts.setdefault(o.tell, len(texts))] for o in diagnosis.look_alikes],
    }
    if diagnosis.story:
        made["story"] = texts.setdefault(diagnosis.story, len(texts))
    return made


def _seen(diagnosis: Diagnosis, marks: Mapping[int, int]) -> list[dict[str, Any]]:
    told = [e.vital for e in diagnosis.evidence]  # a number that two clauses ask for stands behind the first
    return [
        {"says": _text(words.said(e)), "about": "" if e.vital in told[:i] else _about(e), "grade": round(e.grade, 2)}
        | ({"n": marks[i]} if i in marks else {})
        for i, e in enumerate(diagnosis.evidence)
        if not e.idle
    ]


def _about(evidence: Evidence) -> str:
    """The measured number with its interval, as `val_loss.rise = 0.56 (80 % interval 0.51 to 0.61)`."""
    if evidence.value is None:
        return ""
    doubt = words.interval(evidence)
    return f"{_name(evidence.vital, 60)} = {_text(show(evidence.value, evidence.unit))}{f' ({doubt})' if doubt else ''}"


def _fix(fix: Fix, axis: str, rate: float | None) -> dict[str, Any]:
    more = " ".join(part for part in (_text(fix.why), _text(words.expected(fix))) if part)
    made: dict[str, Any] = {"do": _text(fix.do)}
    code = snippets(fix.action, axis=axis, lr=rate)
    return made | ({"more": more} if more else {}) | ({"code": code} if code else {})


def _maybe(diagnosis: Diagnosis) -> dict[str, Any]:
    return {
        "title": _text(words.headline(diagnosis), 200),
        "rule": _name(diagnosis.rule, 80),
        "sure": words.sure(diagnosis),
        "seen": _seen(diagnosis, {}),
    }


def _missing(report: Report) -> dict[str, Any] | None:
    if not report.not_assessed:
        return None
    rules = [[_name(n.rule, 80), _text(n.why), _name(", ".join(n.needs), 200)] for n in report.not_assessed[:ROWS]]
    return {
        "says": _text(words.log_next(report)),
        "log": [[_name(role, 60), plural(count, "rule")] for role, count in words.to_log(report.not_assessed)][:20],
        "rules": rules,
    }


def _schedule(report: Report) -> str:
    return _text(words.schedule(report.schedule)) if report.schedule is not None else ""


def _pairs(pairs: Mapping[str, Any]) -> list[list[str]]:
    return [list(pair) for pair in _shown(pairs)]


def _shown(pairs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in list(pairs.items())[:ROWS]:
        yield _name(key, 80), _name(re.sub(r"\s+", " ", setting(value)), 400)
    if len(pairs) > ROWS:
        yield "...", plural(len(pairs) - ROWS, "more entry").replace("entrys", "entries")
