"""What does the page look like? One self-contained file: no request leaves it, nothing from a log can act in it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from html import escape
from pathlib import Path

from ..report import Analysis, Report
from . import words
from .payload import payload, script
from .section import chip, section, slugs, text
from .words import plural

HERE = Path(__file__).parent / "page"
#: The script, in the order in which its parts use each other.
PARTS = ("base.js", "chart.js", "run.js", "sweep.js", "overview.js", "main.js")
NOTEBOOK = 12  # runs that a cell shows; a notebook keeps every output in its file
LISTED = 200  # runs in the table that a browser without scripts shows


def render(analysis: Analysis) -> str:
    """The whole page: an overview of all runs, and a page per run under its own address.

    The reports lie in the page as JSON, one document per run, read when the run is opened; a script of our
    own builds what is seen, from text nodes alone. A Content-Security-Policy allows this script and style and
    nothing else. Without scripts a plain table says what was found and what to do first.
    """
    css, code = _file("report.css") + _file("page.css"), "\n".join(['"use strict";\n{', *map(_file, PARTS), "}"])
    data = payload(analysis)
    policy = (
        f"default-src 'none'; style-src '{_hash(css)}'; script-src '{_hash(code)}'; img-src data:; "
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
            *_without_script(analysis),
            "</main>",
            '<output id="said" class="unseen" aria-live="polite"></output>',
            _reading_aid(),
            _data("index", data.index),
            *(_data(str(i), run) for i, run in enumerate(data.runs)),
            f"<script>{code}</script>",
            "</body></html>",
        ]
    )


def fragment(report: Report) -> str:
    """One run for a notebook: its section with a style that reaches nothing outside it, and no script."""
    slug = slugs([report.name or report.path])[0]
    return f'<div class="curvedoc fragment"><style>{_file("report.css")}</style>{section(report, slug)}</div>'


def fragments(analysis: Analysis) -> str:
    """Several runs for a notebook: the worst ones in full, under one style; the others are counted."""
    shown = analysis.reports[:NOTEBOOK]
    ids = slugs([report.name or report.path for report in shown])
    left = len(analysis.reports) - len(shown)
    more = f"<p>and {plural(left, 'more run')}: to_html() writes all of them to one page</p>" if left else ""
    sections = "".join(section(report, slug) for report, slug in zip(shown, ids, strict=True))
    tally = f"<p>{text(words.tally(analysis))}</p>"
    return f'<div class="curvedoc fragment"><style>{_file("report.css")}</style>{tally}{sections}{more}</div>'


def _file(file: str) -> str:
    return (HERE / file).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    digest = hashlib.sha256(content.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _data(name: str, data: object) -> str:
    return f'<script type="application/json" id="data-{name}">{script(data)}</script>'


def _title(analysis: Analysis) -> str:
    if len(analysis.reports) == 1:
        return f"{words.name_of(analysis.reports[0])}: {words.state(analysis.reports[0])} - curvedoc"
    return f"{words.tally(analysis)} - curvedoc"


def _masthead(analysis: Analysis) -> Iterator[str]:
    counts = [words.tally(analysis)]
    counts += [f"{plural(len(analysis.refused), 'file')} refused"] if analysis.refused else []
    yield f'<header class="masthead"><div><h1>curvedoc</h1><p>{text("; ".join(counts))}</p></div>'
    yield '<button id="theme" type="button" hidden>Theme: auto</button></header>'


def _without_script(analysis: Analysis) -> Iterator[str]:
    """What a mail program or a locked browser shows."""
    yield "<noscript><p>The curves need JavaScript, which is part of this file; without it:</p>"
    yield '<table class="plain"><thead><tr><th>run</th><th>verdict</th><th>what was found, what to do first</th></tr>'
    yield "</thead><tbody>"
    for report in analysis.reports[:LISTED]:
        name, says = text(words.name_of(report), 100), text(words.summary(report), 600)
        yield f"<tr><td><bdi>{name}</bdi></td><td>{chip(words.state(report))}</td><td>{says}</td></tr>"
    left = len(analysis.reports) - LISTED
    yield "</tbody></table>"
    if left > 0:
        yield f"<p>and {plural(left, 'more run')}</p>"
    yield "</noscript>"


def _reading_aid() -> str:
    return (
        '<footer><h2>How to read this page</h2><ul class="aid">'
        "<li>Faint points are as logged, the strong line is smoothed: as the rules saw it, or by the slider. Where a "
        "few points fall steeply it runs through them. All plots of a run share its step axis.</li>"
        "<li>Numbers above a plot mark the stretch on which a piece of evidence was measured; filled ones belong to "
        "the leading diagnosis. The dashed red line is its onset, the band around it how well that is known; the "
        "ring is the best held-out point, a red bar along the top NaN or infinity, a dotted line with a band where "
        "the loss was heading before the rate was cut.</li>"
        "<li>Confidence is the probability that a claim is right; where it says “not calibrated” it is a grade "
        "of 0 to 1 and no probability. From 0.5 on a diagnosis is a finding, from 0.2 on it is listed as possible.</li>"
        "<li>Intervals are nominal 80 % intervals, for noise and for the choice of model. The final gap is validation "
        "minus training loss at the end; wasted is the share of the run after its best checkpoint, or after the loss "
        "was lost.</li></ul></footer>"
    )
