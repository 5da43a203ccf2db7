"""What does a GitHub workflow show beside the files? One annotation per finding, the worst first."""

from __future__ import annotations

from collections.abc import Iterator

from ..report import SEVERITIES, Analysis, Report
from . import words
from .words import clean, prose, shorten

COMMANDS = {"critical": "error", "warning": "warning", "info": "notice"}
MOST = 2000  # characters of a message; GitHub cuts what is longer than its box


def render(analysis: Analysis) -> str:
    """Workflow commands, one a line: `::error file=...,title=...::message`.

    Critical findings are errors, warnings warnings, info findings, runs that could not be assessed and the
    count of runs notices; refused files are warnings. GitHub shows only the first ten of a kind per step.
    """
    lines = [f"::notice title=curvedoc::{_message(words.tally(analysis))}"]
    found = [(r, d) for r in analysis.reports for d in r.findings]
    for report, diagnosis in sorted(found, key=lambda pair: -SEVERITIES.index(pair[1].severity)):
        title = f"{words.headline(diagnosis)} ({words.name_of(report)})"
        fix = prose(diagnosis.fixes[0].do) if diagnosis.fixes else ""
        seen = "; ".join(words.evidence(diagnosis))
        first = f"Do first: {fix} (rule {diagnosis.rule})" if fix else f"Rule {diagnosis.rule}"
        parts = [words.sure(diagnosis), words.since(report, diagnosis)]
        text = "\n".join(part for part in (seen, ", ".join(p for p in parts if p), first) if part)
        lines.append(_command(COMMANDS[diagnosis.severity], report.path, title, text))
    lines += _unjudged(analysis.reports)
    lines += [_command("warning", file.file, "log cannot be read", prose(file.why)) for file in analysis.refused]
    return "\n".join(lines)


def _unjudged(reports: tuple[Report, ...]) -> Iterator[str]:
    for report in reports:
        if report.verdict == "not assessed":
            yield _command("notice", report.path, f"not assessed ({words.name_of(report)})", words.summary(report))


def _command(kind: str, file: str, title: str, message: str) -> str:
    place = f"file={_property(clean(file))}," if file else ""
    return f"::{kind} {place}title={_property(shorten(title, 200))}::{_message(message)}"


def _message(text: str) -> str:
    """A message in one line: the characters that end a command or open an escape are percent-encoded."""
    lines = "\n".join(clean(line) for line in shorten(text, MOST).split("\n"))
    return lines.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """A property's value: as a message, and without the characters that separate properties."""
    return _message(text).replace(":", "%3A").replace(",", "%2C")
