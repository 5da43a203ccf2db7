"""What does a terminal show? The worst run first, never wider than asked, safe whatever the log contains."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from ..report import Analysis, Diagnosis, Fix, Report
from . import words
from .words import cells, clean, head, plural, prose, shorten

#: Of more runs than this, those without findings are counted. Of more with findings than a screen or two can hold, the
#: worst are spelt out: the table above them, with what to do first, must not scroll away.
ALL_SHOWN, WORST_SHOWN = 30, 5
NARROWEST = 24  # below this the labels alone would fill the line
LEAST_FIX = 40  # a first fix that gets fewer columns than this goes beneath its row
LABEL = 14  # columns of "  not judged  "
MEASURE = 100
MOST = 1200  # columns of one sentence or paragraph: a layer's name may be of any length

COLORS = {
    "critical": "1;31",
    "warning": "33",
    "healthy": "32",
    "not assessed": "36",
    "info": "36",
    "bold": "1",
    "dim": "2",
}


def render(
    analysis: Analysis,
    *,
    width: int = 80,
    color: bool = False,
    verbose: bool = False,
    commands: bool = True,
    drawn: bool = False,
) -> str:
    """The terminal report, no line wider than `width` columns (at least 24).

    With `color`, plain ANSI colours. With `verbose`, every diagnosis in full, how to tell it from its
    look-alikes, every rule that could not be judged with its reason, every reading note and every run. `commands` ends
    with what to type next, `drawn` leaves out how to get the page; a report printed from Python has no command line to
    go on with.
    """
    page = _Page(max(width, NARROWEST), color, verbose)
    runs = analysis.reports
    folded = len(runs) > ALL_SHOWN and not verbose
    sick = [r for r in runs if r.verdict == "findings"]
    quiet = [r for r in runs if r.verdict != "findings"]
    shown = sick if verbose else sick[:WORST_SHOWN]
    lines = list(_head(page, analysis))
    if len(runs) > 1:
        lines += ["", *_table(page, sick)] if sick else []  # the others have a line of their own
    if folded:
        lines += _counted(page, quiet)
    for report in shown:
        lines += ["", *_block(page, report)]
    if len(shown) < len(sick):
        more = plural(len(sick) - len(shown), "more run")
        lines += [
            "",
            *wrap(f"{more} with findings: see the table above, analyze one alone, or add --verbose.", page.measure),
        ]
    if quiet and not folded:
        lines.append("")
        for report in quiet:
            lines += _quiet(page, report, alone=len(runs) == 1)
    lines += _files(page, analysis)
    return "\n".join([*lines, "", *wrap(_next(analysis, drawn=drawn), page.measure)] if commands else lines)


def wrap(text: str, width: int, first: str = "", indent: str | None = None) -> list[str]:
    """A clean text in lines of at most `width` columns; `first` opens the first line, `indent` the others.

    `indent` is as wide as `first` unless given; both must leave two columns free, for the widest character.
    A word that is wider than a line is broken.

    >>> wrap("the loss rises", 12, "- ")
    ['- the loss', '  rises']
    """
    indent = " " * cells(first) if indent is None else indent
    lines: list[str] = []
    line, opening = first, True
    for word in text.split():
        if not opening and cells(line) + 1 + cells(word) <= width:
            line += " " + word
            continue
        if not opening:
            lines.append(line)
            line = indent
        while cells(line) + cells(word) > width:
            piece = head(word, width - cells(line))
            lines.append(line + piece)
            line, word = indent, word[len(piece) :]  # noqa: PLW2901 - the rest of the word that was broken
        line, opening = line + word, False
    return [*lines, line.rstrip()]


@dataclass(frozen=True, slots=True)
class _Page:
    """How to print: columns, colours, everything or the gist."""

    width: int
    color: bool
    verbose: bool

    @property
    def measure(self) -> int:
        """Columns of running text: lines much longer than this are hard to follow back."""
        return min(self.width, MEASURE)


def _paint(page: _Page, text: str, style: str) -> str:
    return f"\x1b[{COLORS[style]}m{text}\x1b[0m" if page.color and text else text


def _field(page: _Page, label: str, text: str, style: str = "dim", hang: int = 0) -> list[str]:
    """A text behind a label of fixed width, of a length that no log can blow up; `hang` sets off the first line of one
    text among several."""
    lines = wrap(shorten(text, MOST), page.measure, " " * LABEL, " " * (LABEL + hang))
    return [_paint(page, f"  {label}".ljust(LABEL), style) + lines[0][LABEL:], *lines[1:]]


def _head(page: _Page, analysis: Analysis) -> Iterator[str]:
    refused = f"{plural(len(analysis.refused), 'file')} refused" if analysis.refused else ""
    yield from wrap("; ".join(p for p in (words.tally(analysis), refused) if p), page.measure, "curvedoc: ")
    leading = Counter(clean(r.leading.rule) for r in analysis.reports if r.leading is not None)
    if max(leading.values(), default=0) > 1:
        ranked = sorted(leading.items(), key=lambda item: (-item[1], item[0]))
        yield from wrap(", ".join(f"{shorten(rule, 40)} {count}" for rule, count in ranked), page.measure, "leading:  ")


def _table(page: _Page, reports: Sequence[Report]) -> Iterator[str]:
    """One row per run; the first fix stands in a last column or, where that is narrow, beneath its row."""
    header = ["run", "verdict", "leading", "where"]
    rows = [_row(report) for report in reports]
    columns = _columns(header, rows, page.width)
    if any(cells(row[0]) > columns[0] for row in rows):
        rows = [[name, *row[1:]] for name, row in zip(_apart([row[0] for row in rows]), rows, strict=True)]
        columns = _columns(header, rows, page.width)
    rest = page.width - sum(columns) - 2 * len(columns)
    beside = rest >= LEAST_FIX
    yield _paint(page, "  ".join(_cells(header, columns) + ["do first"] * beside).rstrip(), "bold")
    names = _told_apart([row[0] for row in rows], columns[0])
    for report, short, row in zip(reports, names, rows, strict=True):
        fitted = _cells([short, *row[1:]], columns)
        state = words.state(report)
        fitted[1] = fitted[1].replace(state, _paint(page, state, state))
        first = _first(report)
        yield "  ".join(fitted + [_cut(first, rest)] * beside).rstrip()
        if first and not beside:
            yield _paint(page, "  -> " + _cut(first, page.width - 5), "dim")


def _columns(header: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[int]:
    return _fit([max(cells(row[i]) for row in (header, *rows)) for i in range(4)], width)


def _apart(names: Sequence[str]) -> list[str]:
    """The names without the directories that all of them begin with.

    >>> _apart(["runs/may/a", "runs/may/b/c"])
    ['a', 'b/c']
    """
    parts = [name.split("/") for name in names]
    common = 0
    while all(len(p) > common + 1 and p[common] == parts[0][common] for p in parts):
        common += 1
    return ["/".join(p[common:]) for p in parts]


def _told_apart(names: Sequence[str], width: int) -> Iterator[str]:
    """The names in at most `width` columns; of a long path, the parts that most runs share go first, and of those
    that none shares the innermost: in `lr0.1/lightning_logs/version_0`, people named the first, and trainers the rest.
    """
    shared = Counter(part for name in names for part in set(name.split("/")))
    for name in names:
        parts = name.split("/")
        place = {part: k for k, part in enumerate(parts)}
        for part in sorted(place, key=lambda part: (-shared[part], -place[part]))[:-1]:
            if cells("/".join(parts)) <= width:
                break
            parts = ["..." if other == part else other for other in parts]
        yield shorten(re.sub(r"\.\.\.(/\.\.\.)+", "...", "/".join(parts)), width)


def _row(report: Report) -> list[str]:
    lead = report.leading
    row = [words.name_of(report), words.state(report)]
    return row + ([f"{clean(lead.rule)} {lead.confidence:.2f}", words.where(report, lead)] if lead else ["", ""])


def _first(report: Report) -> str:
    lead = report.leading
    return prose(lead.fixes[0].do) if lead is not None and lead.fixes else ""


def _fit(widest: list[int], width: int) -> list[int]:
    """Widths of the columns run, verdict, leading, where: long names give way first, then the place."""
    columns = [min(widest[0], 48), widest[1], min(widest[2], 48), widest[3]]
    for i, least in ((0, 16), (2, 20), (3, 0), (2, 0), (0, 4)):
        over = sum(columns) + 2 * (len(columns) - 1) - width
        columns[i] -= max(0, min(over, columns[i] - least))
    return columns


def _cells(row: Sequence[str], columns: Sequence[int]) -> list[str]:
    """The cells of a row, each as wide as its column; a column without width is left out."""
    fitted = [(shorten(cell, width), width) for cell, width in zip(row, columns, strict=True) if width]
    return [text + " " * (width - cells(text)) for text, width in fitted]


def _cut(text: str, width: int) -> str:
    """The beginning of a text: its first sentence where that fits, else whole words and dots.

    >>> _cut("Cut the rate. Then train on.", 20), _cut("Cut the rate and train on.", 20)
    ('Cut the rate.', 'Cut the rate and...')
    """
    if cells(text) <= width:
        return text
    first, dot, _ = text.partition(". ")
    if dot and cells(first) < width:
        return f"{first}."
    short = head(text, width - 3)
    return (short.rpartition(" ")[0] if " " in short and text[len(short)] != " " else short).rstrip() + "..."


def _counted(page: _Page, quiet: Sequence[Report]) -> Iterator[str]:
    """Runs that have no row of their own: how many, and why those without a verdict have none."""
    well = sum(r.verdict == "healthy" for r in quiet)
    if well:
        yield from wrap(f"{plural(well, 'healthy run')} not listed (--verbose lists them)", page.width, "+ ")
    reasons = Counter(prose(r.why) or "the log does not hold enough to judge" for r in quiet if r.verdict != "healthy")
    for why, count in reasons.most_common(3):
        yield from wrap(f"{plural(count, 'run')} not assessed: {shorten(why, 200)}", page.width, "+ ")
    if len(reasons) > 3:
        others = sum(count for _, count in reasons.most_common()[3:])
        yield from wrap(f"{plural(others, 'run')} not assessed for other reasons", page.width, "+ ")


def _block(page: _Page, report: Report) -> Iterator[str]:
    """One run with findings: what leads in full, the others in a line each."""
    name = shorten(words.name_of(report), page.width)
    yield _paint(page, name, "bold")
    yield _paint(page, "-" * cells(name), "dim")
    spelt = [d for d in report.diagnoses if d is report.leading or page.verbose]
    for diagnosis in spelt:
        yield from _diagnosis(page, report, diagnosis)
    out = words.ruled_out(report)
    if out:
        yield from _field(page, "ruled out", ", ".join(out))
    others = [d for d in report.diagnoses if d not in spelt]
    for same in _grouped([d for d in others if not d.possible]):
        yield from _field(page, "besides", _line(report, same), same[0].severity)
    told = {fix.action.get("from") for d in spelt for fix in d.fixes if fix.action and words.tells_apart(fix)}
    rest = _grouped([d for d in others if d.possible and d.rule not in told])
    maybe = [f"{clean(same[0].rule)} {words.number(same[0])}" for same in rest]
    if maybe:
        yield from _field(page, "possible", ", ".join(maybe))
    if report.best:
        yield from _field(page, "best", words.best(report).removeprefix("best "))
    yield from _doubts(page, report)


def _diagnosis(page: _Page, report: Report, diagnosis: Diagnosis) -> Iterator[str]:
    label = f"{diagnosis.severity}{', possible' if diagnosis.possible else ''}"
    parts = [words.sure(diagnosis), words.since(report, diagnosis)]
    if diagnosis is not report.leading:
        parts.append(words.relation(diagnosis))
    title = f"{shorten(words.headline(diagnosis), 200)} [{shorten(clean(diagnosis.rule), 60)}]"
    opening, *more = wrap(title, page.measure, " " * (len(label) + 2), "  ")
    yield _paint(page, label, diagnosis.severity) + ": " + _paint(page, opening[len(label) + 2 :], "bold")
    yield from more
    yield from wrap(", ".join(part for part in parts if part), page.measure, "  ")
    for n, says in enumerate(words.evidence(diagnosis)):
        yield from _field(page, "seen" if n == 0 else "", says, hang=2)
    if page.verbose and diagnosis.story:
        yield from _field(page, "why", prose(diagnosis.story))
    remedies = [fix for fix in diagnosis.fixes if not words.tells_apart(fix)]
    for n, fix in enumerate(remedies):
        yield from _field(page, "do first" if n == 0 else "next" if n == 1 else "", _fix(fix))
    for n, fix in enumerate(fix for fix in diagnosis.fixes if words.tells_apart(fix)):
        yield from _field(page, "tell apart" if n == 0 else "", _fix(fix), hang=2)
    for n, other in enumerate(diagnosis.look_alikes if page.verbose else ()):
        yield from _field(page, "look-alikes" if n == 0 else "", f"{prose(other.name)}: {prose(other.tell)}", hang=2)


def _fix(fix: Fix) -> str:
    return " ".join(part for part in (prose(fix.do), prose(fix.why), words.expected(fix)) if part)


def _grouped(diagnoses: Sequence[Diagnosis]) -> list[list[Diagnosis]]:
    """Diagnoses of one rule that stand alike, together: one rule may speak of many layers."""
    return [list(same) for _, same in groupby(diagnoses, key=lambda d: (d.rule, d.place, d.of))]


def _line(report: Report, same: Sequence[Diagnosis]) -> str:
    """Diagnoses of one rule in one line."""
    first = same[0]
    subject = shorten(words.headline(first), 120)
    if len(same) > 1:
        names = [shorten(clean(d.subject.name), 40) for d in same[:4]]
        subject = f"{prose(first.title)}: {', '.join(names)}{f' and {len(same) - 4} more' if len(same) > 4 else ''}"
    parts = [f"{subject} ({first.severity} {words.number(first)})", words.where(report, first), words.relation(first)]
    return ", ".join(part for part in parts if part and part != "also")


def _doubts(page: _Page, report: Report) -> Iterator[str]:
    """What could not be judged, and what was skipped or repaired while reading."""
    if page.verbose:
        waiting: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        for rule in report.not_assessed:
            waiting.setdefault((prose(rule.why), rule.needs), []).append(clean(rule.rule))
        for n, ((why, needs), rules) in enumerate(waiting.items()):
            log = f" (log {', '.join(clean(role) for role in needs)})" if needs else ""
            yield from _field(page, "not judged" if n == 0 else "", f"{', '.join(rules)}: {why}{log}", hang=2)
    elif report.not_assessed:
        yield from _field(page, "not judged", words.log_next(report))
    notes = [words.note(reading) for reading in report.reading]
    if notes and page.verbose:
        for note in notes:
            yield from _field(page, "reading", note)
    elif notes:
        more = f" (and {plural(len(notes) - 1, 'more note')})" if len(notes) > 1 else ""
        yield from _field(page, "reading", shorten(notes[0], 300) + more)


def _quiet(page: _Page, report: Report, *, alone: bool) -> Iterator[str]:
    """A run without findings in a line: on what evidence it is called healthy, or why it is not judged."""
    name = shorten(words.name_of(report), max(page.width // 3, page.width - 44))
    notes = f"; {plural(len(report.reading), 'reading note')}" if report.reading else ""
    opening, *more = wrap(words.summary(report) + notes, page.measure, " " * (cells(name) + 2), "    ")
    text = opening[cells(name) + 2 :]
    state = words.state(report)
    yield f"{name}  {_paint(page, state, state)}{text.removeprefix(state)}"
    yield from more
    if page.verbose:
        for diagnosis in report.diagnoses:
            yield from _diagnosis(page, report, diagnosis)
    if page.verbose or alone:
        yield from _doubts(page, report)


def _files(page: _Page, analysis: Analysis) -> Iterator[str]:
    """Files that gave no run; those that are no log at all are only counted."""
    if analysis.refused or analysis.skipped:
        yield ""
    shown = analysis.refused if page.verbose else analysis.refused[:10]
    for file in shown:
        yield from wrap(
            f"{shorten(clean(file.file), 120)}: {shorten(prose(file.why), 400)}", page.measure, "refused  ", "  "
        )
    if len(shown) < len(analysis.refused):
        yield from wrap(
            f"{len(analysis.refused) - len(shown)} more files refused (--verbose lists them)", page.width, "+ "
        )
    if analysis.skipped:
        told = f"{plural(len(analysis.skipped), 'file')} skipped: no log, or no number in it"
        yield from wrap(f"{told} (`curvedoc inspect` lists them)", page.measure)


def _next(analysis: Analysis, *, drawn: bool) -> str:
    """The one thing to type next."""
    lead = next((report.leading for report in analysis.reports if report.leading is not None), None)
    if lead is not None:
        explain = f"`curvedoc explain {shorten(clean(lead.rule), 60)}` says how to be sure"
        return f"Next: {explain}." if drawn else f"Next: {explain}; add --html report.html to see the curves."
    if not analysis.reports:
        return "Next: `curvedoc inspect` on the same path shows every file and why it gave no run."
    if any(report.verdict == "not assessed" for report in analysis.reports):
        unnamed = any("train_loss" in rule.needs for report in analysis.reports for rule in report.not_assessed)
        name = "; --role train_loss=TAG names the loss" if unnamed else ""
        return f"Next: `curvedoc inspect` on the same path shows what each logged tag was taken for{name}."
    return "Next: open the page." if drawn else "Next: add --html report.html to see the curves."
