"""What goes into a pull-request comment? A table of the runs and a folded section per run with findings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..estimate import show
from ..report import Analysis, Diagnosis, Report
from . import words
from .words import clean, plural, prose, shorten

#: GitHub refuses a comment of more than 65 536 characters; whoever posts it may add a line of their own.
MOST = 60_000
NAME, SENTENCE = 80, 600
REFUSED = 10
HEALTHY = 8  # rows without news; more would bury the others

SIGNS = {"critical": "🔴", "warning": "🟠", "healthy": "🟢", "not assessed": "⚪"}
_BLANK = "&#8203;"  # invisible; keeps GitHub, which looks at the rendered text, from linking what follows
_SPECIAL = re.compile(r"[\\`*_{}\[\]<>|~$&]")
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "$": "&#36;"}
#: People, issues, web addresses, and emoji as in `:100:`.
_LINKED = re.compile(r"([@#]|GH-)(?=\w)|(:)(?=//|[\w+-]+:)|(www)(?=\.)", re.IGNORECASE)


def render(analysis: Analysis) -> str:
    """GitHub-flavoured Markdown of at most about 60 000 characters; what did not fit is counted at the end.

    Everything from a log is escaped: it can neither form markup nor a link, nor mention a person or an issue.
    """
    parts = [f"### curvedoc: {escape(words.tally(analysis))}", "\n".join(_table(analysis))]
    sick = [r for r in analysis.reports if r.verdict == "findings"]
    size, shown = sum(map(len, parts)), 0
    for report in sick:
        section = "\n".join(_section(report))
        size += len(section)
        if size > MOST:
            break
        parts.append(section)
        shown += 1
    if shown < len(sick):
        parts.append(f"{plural(len(sick) - shown, 'more run')} with findings did not fit here; see the HTML report.")
    if analysis.refused:
        files = (f"- {code(file.file)}: {escape(shorten(prose(file.why), 200))}" for file in analysis.refused[:REFUSED])
        more = len(analysis.refused) - REFUSED
        tail = [f"- and {more} more"] if more > 0 else []
        parts.append("\n".join([f"**{plural(len(analysis.refused), 'file')} refused**", "", *files, *tail]))
    parts.append("<sub>Confidence is 0 to 1; where it says *not calibrated* it is no probability.</sub>")
    return "\n\n".join(parts)


def escape(text: str) -> str:
    """Text that shows as it is: no markup, no link, no mention, no reference to an issue.

    >>> escape("a|b @all #12 <b>")
    'a\\\\|b @&#8203;all #&#8203;12 &lt;b&gt;'
    """
    text = _SPECIAL.sub(lambda found: _ENTITIES.get(found[0], "\\" + found[0]), shorten(clean(text), SENTENCE))
    return re.sub(r"^(\s*)([-+=]|\d+[.)])", rf"\1{_BLANK}\2", _LINKED.sub(rf"\g<0>{_BLANK}", text))


def code(text: str) -> str:
    """A name in a code span that it cannot leave, in a table neither.

    >>> code("run`1|x")
    '<code>run&#96;1&#124;x</code>'
    """
    return f"<code>{_literal(shorten(clean(text), NAME))}</code>"


def _literal(text: str) -> str:
    """Text for a place where Markdown is not read: what HTML, a table or GitHub could act on, as entities."""
    text = _LINKED.sub("\\g<0>\u200b", text)
    return re.sub(r"[^\w ./()=,+\-]|_", lambda found: f"&#{ord(found[0])};", text)


def _table(analysis: Analysis) -> Iterator[str]:
    """A row per run, as many as fill half of the space; of many healthy ones only the count."""
    yield "| run | verdict | leading diagnosis | where | do first | best |"
    yield "|---|---|---|---|---|---|"
    size = 0
    healthy = sum(report.verdict == "healthy" for report in analysis.reports)
    shown = [r for r in analysis.reports if r.verdict != "healthy" or healthy <= HEALTHY]
    for n, report in enumerate(shown):
        lead, state = report.leading, words.state(report)
        row = [code(words.name_of(report)), f"{SIGNS.get(state, '🔵')} {state}"]
        if lead is None:
            row += ["", "", escape(words.summary(report)) if report.verdict == "not assessed" else ""]
        else:
            first = escape(prose(lead.fixes[0].do)) if lead.fixes else ""
            row += [f"{escape(words.headline(lead))} ({lead.confidence:.2f})", escape(words.where(report, lead)), first]
        best = report.best
        row.append(escape(f"{best.curve} {show(best.value)}") if best is not None else "")
        line = f"| {' | '.join(row)} |"
        size += len(line)
        if size > MOST // 2:
            yield f"| and {plural(len(analysis.reports) - n, 'more run')} | | | | | |"
            return
        yield line
    if len(shown) < len(analysis.reports):
        yield f"| {plural(len(analysis.reports) - len(shown), 'other run')} | {SIGNS['healthy']} healthy | | | | |"


def _section(report: Report) -> Iterator[str]:
    lead = report.leading
    # A summary is HTML, where a backslash would show.
    title = f": {_literal(shorten(prose(lead.title), NAME))}" if lead else ""
    yield f"<details><summary>{code(words.name_of(report))}{title}</summary>"
    yield ""
    for diagnosis in report.findings:
        yield from _diagnosis(report, diagnosis)
    maybe = [f"{escape(words.headline(d))} ({words.number(d)})" for d in report.diagnoses if d.possible]
    if maybe:
        yield f"Possible: {', '.join(maybe)}"
        yield ""
    for label, text in (("Best", words.best(report).removeprefix("best ")), ("Not judged", words.log_next(report))):
        if text:
            yield f"{label}: {escape(text)}"
            yield ""
    if report.reading:
        more = f" (and {plural(len(report.reading) - 1, 'more note')})" if len(report.reading) > 1 else ""
        yield f"Reading: {escape(words.note(report.reading[0]))}{more}"
        yield ""
    yield "</details>"


def _diagnosis(report: Report, diagnosis: Diagnosis) -> Iterator[str]:
    named = f"{diagnosis.severity} {diagnosis.rule}"
    parts = [named, words.sure(diagnosis), words.since(report, diagnosis), words.relation(diagnosis)]
    yield f"**{escape(words.headline(diagnosis))}** ({escape(', '.join(part for part in parts if part))})"
    yield ""
    yield from (f"- {escape(says)}" for says in words.evidence(diagnosis))
    yield ""
    for n, fix in enumerate(diagnosis.fixes, 1):
        yield f"{n}. {' '.join(escape(part) for part in (prose(fix.do), prose(fix.why), words.expected(fix)) if part)}"
    yield ""
