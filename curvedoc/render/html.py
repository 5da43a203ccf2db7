"""What does the page look like? One self-contained file: no request leaves it, nothing from a log can act in it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from html import escape
from pathlib import Path

from ..estimate import show
from ..report import Analysis, Report
from . import words
from .chart import spark
from .section import chip, gauge, name, section, slugs, text
from .words import plural

HERE = Path(__file__).parent
SECTIONS = 200  # runs spelt out on a page; about 20 kB each
FEW = 5  # up to this many runs, a table needs no filter
UNFOLDED = 20  # of more runs, those without findings are folded


def render(analysis: Analysis) -> str:
    """The whole page: an overview of all runs, then one section per run in the order of the analysis.

    Static HTML, inline SVG and one small script for the theme, the filter and links into folded parts, all of
    which work or are absent without it. A Content-Security-Policy allows this script and style alone.
    """
    css, script = _file("page.css"), _file("page.js")
    reports = analysis.reports
    ids = slugs([report.name or report.path for report in reports])
    shown = list(zip(reports, ids, strict=True))[:SECTIONS]
    left = len(reports) - len(shown)
    policy = (
        f"default-src 'none'; style-src '{_hash(css)}'; script-src '{_hash(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">',
            f"<title>{text(_title(analysis))}</title>",
            f"<style>{css}</style></head>",
            '<body class="curvedoc page">',
            *_masthead(analysis),
            '<main id="runs">',
            *(_overview(reports, ids, len(shown)) if len(reports) > 1 else ()),
            *_sections(shown, len(reports) > UNFOLDED),
            f'<p class="empty">{plural(left, "more run")} in the table above: analyze one alone to see it.</p>'
            if left
            else "",
            *_files(analysis),
            "</main>",
            _reading_aid(),
            f"<script>{script}</script>",
            "</body></html>",
        ]
    )


def fragment(report: Report) -> str:
    """One run for a notebook: its section with a style that reaches nothing outside it, and no script."""
    slug = slugs([report.name or report.path])[0]
    return f'<div class="curvedoc fragment"><style>{_file("page.css")}</style>{section(report, slug)}</div>'


def _file(file: str) -> str:
    return (HERE / file).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    digest = hashlib.sha256(content.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _title(analysis: Analysis) -> str:
    if len(analysis.reports) == 1:
        return f"{words.name_of(analysis.reports[0])}: {words.state(analysis.reports[0])} - curvedoc"
    return f"{words.tally(analysis)} - curvedoc"


def _masthead(analysis: Analysis) -> Iterator[str]:
    counts = [words.tally(analysis)]
    counts += [f"{plural(len(analysis.refused), 'file')} refused"] if analysis.refused else []
    yield f'<header class="masthead"><div><h1>curvedoc</h1><p>{text("; ".join(counts))}</p></div>'
    yield '<button id="theme" type="button" hidden>Theme: auto</button></header>'


def _overview(reports: tuple[Report, ...], ids: list[str], linked: int) -> Iterator[str]:
    yield '<section class="overview" id="overview" aria-labelledby="overview-name"><h2 id="overview-name">All runs</h2>'
    if len(reports) > FEW:
        yield from _filter(reports)
    columns = ("run", "verdict", "leading diagnosis", "confidence", "where", "best", "curve")
    long = ' class="long" role="region" tabindex="0" aria-labelledby="overview-name"' if len(reports) > UNFOLDED else ""
    head = "".join(f"<th scope=col>{column}</th>" for column in columns)
    yield f'<div{long}><table class="runs"><thead><tr>{head}</tr></thead><tbody>'
    for n, (report, slug) in enumerate(zip(reports, ids, strict=True)):
        yield _row(report, slug if n < linked else "")
    yield "</tbody></table></div>"
    if any(report.leading is not None and not report.leading.calibrated for report in reports):
        yield '<p class="empty"><small>* not calibrated: the grade of the weakest evidence, no probability</small></p>'
    yield "</section>"


def _filter(reports: tuple[Report, ...]) -> Iterator[str]:
    """Buttons per state and a search box, hidden until the script makes them work."""
    states = list(dict.fromkeys(words.state(report) for report in reports))
    yield '<div class="filter" id="filter" hidden><div role="group" aria-label="Show">'
    yield f'<button type="button" data-state="" aria-pressed="true">all {len(reports)}</button>'
    for state in states:
        count = sum(words.state(report) == state for report in reports)
        yield f'<button type="button" data-state="{state}" aria-pressed="false">{state} {count}</button>'
    yield '</div><input type="search" aria-label="Filter by name or diagnosis" placeholder="name or diagnosis">'
    yield '<output aria-live="polite"></output></div>'


def _row(report: Report, slug: str) -> str:
    lead, state = report.leading, words.state(report)
    run = f"<bdi>{text(words.name_of(report), 80).replace('/', '/<wbr>')}</bdi>"
    run = f'<a href="#{slug}">{run}</a>' if slug else run
    best = f"{text(report.best.curve, 40)} {text(show(report.best.value))}" if report.best else ""
    at = f"<small>{text(words.at(report, report.best.step))}</small>" if report.best else ""
    row = f'<td class="name">{run}</td><td class="verdict">{chip(state)}</td>'
    if lead is None:
        why = ", ".join(words.grounds(report)) if report.verdict == "healthy" else report.why
        row += f'<td class="leading none" colspan="3">{text(why, 200)}</td>'
    else:
        row += f'<td class="leading">{text(words.headline(lead), 100)}</td>'
        row += (
            f'<td class="sure">{gauge(lead, short=True)}</td><td class="where">{text(words.where(report, lead))}</td>'
        )
    return f'<tr data-state="{state}">{row}<td class="best">{best} {at}</td><td class="curve">{spark(report)}</td></tr>'


def _sections(shown: list[tuple[Report, str]], folded: bool) -> Iterator[str]:
    """The runs; with `folded`, those without findings behind one line, which a link into them opens."""
    quiet = [pair for pair in shown if folded and pair[0].verdict != "findings"]
    loud = [pair for pair in shown if not folded or pair[0].verdict == "findings"]
    yield from (section(*pair) for pair in loud)
    if quiet:
        yield f'<details class="quiet"><summary>{plural(len(quiet), "run")} without findings</summary>'
        yield from (section(*pair) for pair in quiet)
        yield "</details>"


def _files(analysis: Analysis) -> Iterator[str]:
    """Files that gave no run."""
    for title, files in (("refused: they cannot be read", analysis.refused), ("skipped: no log", analysis.skipped)):
        if files:
            rows = "".join(f"<dt>{name(file.file, 200)}</dt><dd>{text(file.why)}</dd>" for file in files)
            is_open = " open" if files is analysis.refused else ""
            yield f'<details class="fold files"{is_open}><summary>{plural(len(files), "file")} {title}</summary>'
            yield f'<dl class="pairs">{rows}</dl></details>'


def _reading_aid() -> str:
    return (
        '<footer><h2>How to read this page</h2><ul class="aid">'
        "<li>Faint points are as logged, the strong line is smoothed. All plots of a run share its step axis.</li>"
        "<li>Numbers above a plot mark the stretch on which a piece of evidence was measured; filled ones belong to "
        "the leading diagnosis. The dashed line is its onset, the band around it how well that is known.</li>"
        "<li>Confidence is 0 to 1 and grades the weakest piece of evidence. Where it says “not calibrated” it is no "
        "probability. From 0.5 on a diagnosis is a finding, from 0.2 on it is listed as possible.</li>"
        "<li>Intervals are nominal 80 % intervals, for noise and for the choice of model.</li></ul></footer>"
    )
