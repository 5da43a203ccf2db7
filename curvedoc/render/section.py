"""What does the page say about one run? Its header, its plots, a card per finding, and every doubt, folded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from ..estimate import show
from ..report import Diagnosis, Evidence, Fix, Report
from . import words
from .chart import draw
from .panels import Line, Panel, numbered, panels
from .words import clean, plural, prose, shorten

MAIN, STRIP, SMALL = 260, 56, 120  # pixels of the loss, of the learning rate beneath it, of every other plot
LEGEND = 8  # names in a legend; of more, the rest is counted
FIGURES = 24  # settings and measurements are few; a config dump of thousands would bury the page
LONG = 400

#: A shape for every state: colour alone tells nothing to one in twelve men.
SIGNS = {"critical": "▲", "warning": "◆", "info": "●", "healthy": "✓", "not assessed": "○"}


def section(report: Report, slug: str) -> str:
    """One run as an `article` element; `slug` is its id, unique on the page, and opens the ids inside it."""
    plots = panels(report)
    cards = list(_cards(report, slug))
    return "".join(
        [
            f'<article class="run" id="{slug}" aria-labelledby="{slug}-name">',
            *_header(report, slug),
            *_plots(plots, report),
            f'<div class="cards">{"".join(cards)}</div>' if cards else "",
            *_folded(report, slug),
            "</article>",
        ]
    )


def slugs(names: list[str]) -> list[str]:
    """A safe id for every name, all different: `run-` and the letters and digits of ASCII.

    The prefix keeps a run called "location" or "overview" from naming something of the page or the browser.

    >>> slugs(["lr=0.1/seed 0", "lr=0.1 seed 0", "損失"])
    ['run-lr-0-1-seed-0', 'run-lr-0-1-seed-0-2', 'run']
    """
    made: list[str] = []
    taken: set[str] = set()
    for name in names:
        stem = "-".join(["run", *re.findall("[a-z0-9]+", name.lower())])[:60].rstrip("-")
        slug, n = stem, 1
        while slug in taken:
            n += 1
            slug = f"{stem}-{n}"
        taken.add(slug)
        made.append(slug)
    return made


def diagnosis_id(slug: str, diagnosis: Diagnosis, taken: set[str]) -> str:
    """`run-slug/rule`; where a rule speaks of several layers, from the second on the layer's name behind it."""
    rule = "-".join(re.findall("[a-z0-9]+", diagnosis.rule.lower())) or "rule"
    stem = (
        rule if rule not in taken else "-".join([rule, *re.findall("[a-z0-9]+", diagnosis.subject.name.lower())])[:80]
    )
    made, n = stem, 1
    while made in taken:
        n += 1
        made = f"{stem}-{n}"
    taken.add(made)
    return f"{slug}/{made}"


def setting(value: Any) -> str:
    """A value as people write it down; what JSON cannot hold, as its text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def text(value: object, most: int = LONG) -> str:
    """Anything from a log or a rule as HTML text: one line, cleaned, of bounded length, escaped."""
    return escape(shorten(prose(value), most))


def name(value: object, most: int = 100) -> str:
    """A name from a log, isolated so that its writing direction ends with it."""
    return f"<bdi>{text(value, most)}</bdi>"


def chip(state: str) -> str:
    """The state of a run or the severity of a finding, as a word with a shape."""
    return (
        f'<span class="chip s-{state.replace(" ", "-")}"><span aria-hidden="true">{SIGNS[state]}</span> {state}</span>'
    )


def gauge(diagnosis: Diagnosis, *, short: bool = False) -> str:
    """Confidence as what it is: a bar, the number, and whether it is calibrated (`short`: as an asterisk)."""
    filled = 48 * min(max(diagnosis.confidence, 0.0), 1.0)
    bar = (
        f'<rect class="rail" width="48" height="6" rx="3"/><rect class="fill" width="{filled:.1f}" height="6" rx="3"/>'
    )
    svg = f'<svg class="gauge" width="48" height="6" aria-hidden="true">{bar}</svg>'
    number = words.confidence(diagnosis).replace(", not calibrated", "*" if short else " (not calibrated)")
    return f'<span class="sure">{svg} {number}</span>'


def _header(report: Report, slug: str) -> Iterator[str]:
    state = words.state(report)
    yield f'<header><h2 id="{slug}-name">{name(words.name_of(report), 200)} <a class="link" href="#{slug}" '
    yield f'aria-label="link to this run">#</a></h2>{chip(state)}'
    yield f'<p class="summary">{_summary(report)}</p>'
    facts = [words.best(report), words.schedule(report.schedule) if report.schedule else "", clean(report.path)]
    yield f'<ul class="facts">{"".join(f"<li>{name(fact, 200)}</li>" for fact in facts if fact)}</ul></header>'


def _summary(report: Report) -> str:
    lead = report.leading
    if lead is None:
        return text(words.summary(report), 600)
    about = ", ".join(text(part) for part in (words.sure(lead), words.since(report, lead)) if part)
    first = f"<br>Do first: {text(lead.fixes[0].do)}" if lead.fixes else ""
    return f"<strong>{text(words.headline(lead), 200)}</strong>, {about}.{first}"


def _plots(plots: list[Panel], report: Report) -> Iterator[str]:
    if not plots:
        yield '<p class="empty">The log holds no curve to draw.</p>'
        return
    main, *others = plots
    rates = [panel for panel in others if panel.roles == ("lr",)]
    small = [panel for panel in others if panel not in rates]
    yield _figure(main, report, MAIN, "main")
    for panel in rates:
        yield _figure(panel, report, STRIP, "strip")
    if small:
        yield f'<div class="small">{"".join(_figure(panel, report, SMALL, "") for panel in small)}</div>'


def _figure(panel: Panel, report: Report, height: int, kind: str) -> str:
    keys = [_key(line) for line in panel.lines if line.tone != "rest"][:LEGEND]
    left = len(panel.lines) - len(keys)
    keys += [f'<span class="key"><i class="t-rest"></i>{plural(left, "other curve")}</span>'] if left else []
    lost = [s for line in panel.lines for s in line.drawn.non_finite[:1]]
    if lost:
        first = text(words.at(report, min(lost)))
        keys.append(f'<span class="key lost">✕ NaN or infinite from {first}</span>')
    about = [f"by {clean(report.axis)}"] * (kind == "main") + ["log scale"] * panel.log
    scale = f"<small>{text(', '.join(about))}</small>" if about else ""
    caption = f'<figcaption><b>{text(panel.title)}</b> {scale} <span class="legend">{"".join(keys)}</span></figcaption>'
    plot = draw(panel, report, height=height, named=kind == "main")
    return f'<figure class="{kind}">{caption}{plot}</figure>'


def _key(line: Line) -> str:
    tag = line.drawn.tag
    logged = f" <small>{name(tag, 40)}</small>" if tag and tag != line.label else ""
    return f'<span class="key"><i class="t-{line.tone}"></i>{name(line.label, 48)}{logged}</span>'


def _cards(report: Report, slug: str) -> Iterator[str]:
    numbers = numbered(report)
    taken: set[str] = set()
    for d, diagnosis in enumerate(report.diagnoses):
        if not diagnosis.possible:
            marks = {e: number for (of, e), (number, _) in numbers.items() if of == d}
            yield _card(report, diagnosis, diagnosis_id(slug, diagnosis, taken), marks)


def _card(report: Report, diagnosis: Diagnosis, card: str, marks: Mapping[int, int]) -> str:
    leads, opened = (" leads", " open") if diagnosis is report.leading else ("", "")
    about = [text(words.relation(diagnosis)), text(diagnosis.stage), text(words.since(report, diagnosis))]
    aside = "".join(f"<li>{part}</li>" for part in about if part)
    title = (
        f"<span>{chip(diagnosis.severity)} <h3>{text(words.headline(diagnosis), 200)}</h3> {gauge(diagnosis)}</span>"
    )
    return (
        f'<details class="card s-{diagnosis.severity}{leads}" id="{card}"{opened}>'
        f'<summary>{title}</summary><ul class="facts">{aside}<li><code>{text(diagnosis.rule, 80)}</code> '
        f'<a class="link" href="#{card}" aria-label="link to this diagnosis">#</a></li></ul>'
        f'<div class="halves">{_seen(diagnosis, marks)}{_todo(diagnosis)}</div>{_others(diagnosis)}</details>'
    )


def _seen(diagnosis: Diagnosis, marks: Mapping[int, int]) -> str:
    items = [_evidence(seen, marks.get(e)) for e, seen in enumerate(diagnosis.evidence) if not seen.idle]
    seen = f'<h4>What was seen</h4><ul class="seen">{"".join(items)}</ul>' if items else ""
    why = f"<h4>Why</h4><p>{text(diagnosis.story, 4000)}</p>" if diagnosis.story else ""
    return f"<div>{seen}{why}</div>"


def _evidence(evidence: Evidence, number: int | None) -> str:
    mark = f'<span class="number" title="marked {number} in the plot">{number}</span>' if number else ""
    about = ""
    if evidence.value is not None:
        doubt = f" ({text(words.interval(evidence))})" if words.interval(evidence) else ""
        about = f" <small>{name(evidence.vital, 60)} = {text(show(evidence.value, evidence.unit))}{doubt}</small>"
    return f'<li class="{"marked" if number else ""}">{mark}{text(words.said(evidence))}{about}</li>'


def _todo(diagnosis: Diagnosis) -> str:
    if not diagnosis.fixes:
        return ""
    first, *others = diagnosis.fixes
    then = f"<h4>Next</h4><ol>{''.join(f'<li>{_fix(fix)}</li>' for fix in others)}</ol>" if others else ""
    return f'<div><h4>What to do first</h4><div class="first">{_fix(first)}</div>{then}</div>'


def _fix(fix: Fix) -> str:
    parts = [f"<p>{text(fix.do)}</p>"]
    more = " ".join(part for part in (text(fix.why), text(words.expected(fix))) if part)
    parts += [f'<p class="more">{more}</p>'] if more else []
    if fix.action and not words.tells_apart(fix):
        parts.append(f'<p class="more"><code>{text(setting(fix.action))}</code></p>')
    return "".join(parts)


def _others(diagnosis: Diagnosis) -> str:
    """How to tell it from what looks alike."""
    told = "".join(f"<dt>{text(o.name, 80)}</dt><dd>{text(o.tell)}</dd>" for o in diagnosis.look_alikes)
    return f'<h4>What else looks like this</h4><dl class="pairs">{told}</dl>' if told else ""


def _folded(report: Report, slug: str) -> Iterator[str]:
    """Possible findings, what could not be judged, reading notes, settings, measurements: there for who looks."""
    maybe = [d for d in report.diagnoses if d.possible]
    if maybe:
        items = "".join(f"<li>{text(words.headline(d), 200)} {gauge(d)}{_seen(d, {})}</li>" for d in maybe)
        yield _fold(
            f"Possible, not found: {', '.join(text(d.rule, 60) for d in maybe)}", f'<ul class="maybe">{items}</ul>'
        )
    if report.not_assessed:
        yield _fold(f"Not judged: {text(words.log_next(report), 300)}", _not_judged(report))
    if report.reading:
        notes = "".join(f"<li>{name(words.note(reading), LONG)}</li>" for reading in report.reading)
        yield _fold(plural(len(report.reading), "note") + " on reading the log", f"<ul>{notes}</ul>")
    if report.hyper:
        yield _fold(plural(len(report.hyper), "setting") + " in the log", _pairs(report.hyper))
    if report.measured:
        yield _fold(plural(len(report.measured), "vital sign") + " measured", _pairs(report.measured))


def _fold(title: str, body: str) -> str:
    return f'<details class="fold"><summary>{title}</summary>{body}</details>'


def _not_judged(report: Report) -> str:
    cells = ((f"<code>{text(n.rule, 80)}</code>", text(n.why), text(", ".join(n.needs))) for n in report.not_assessed)
    rows = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in cells)
    head = "<tr><th scope=col>rule</th><th scope=col>why not</th><th scope=col>log</th></tr>"
    return f'<div class="scroll"><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>'


def _pairs(pairs: Mapping[str, Any]) -> str:
    shown = list(pairs.items())[: 10 * FIGURES]
    rows = "".join(f"<dt>{name(key, 80)}</dt><dd>{name(setting(value), LONG)}</dd>" for key, value in shown)
    more = f"<p>{plural(len(pairs) - len(shown), 'more entry')[:-1]}</p>" if len(pairs) > len(shown) else ""
    return f'<dl class="pairs">{rows}</dl>{more}'
