"""What does a code-scanning service read? SARIF 2.1.0, one result per finding."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import quote

from .. import __version__
from ..report import Analysis, Diagnosis, Report
from . import words
from .words import clean, prose, shorten

LEVELS = {"critical": "error", "warning": "warning", "info": "note"}
MOST = 2000  # characters of a message
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def render(analysis: Analysis) -> str:
    """A SARIF log with one run: the rules that speak, a result per finding at the log it was found in, and the
    refused files as notifications. A result's fingerprint is that of its run and rule: a service knows it
    again when the confidence moves."""
    found = [(report, d) for report in analysis.reports for d in report.findings]
    rules = list({d.rule: d for _, d in found}.values())
    place = {d.rule: n for n, d in enumerate(rules)}
    driver: dict[str, Any] = {
        "name": "curvedoc",
        "semanticVersion": __version__.split("+", maxsplit=1)[0],
        "rules": [_rule(d) for d in rules],
    }
    refused = [
        {
            "level": "error",
            "message": {"text": shorten(prose(file.why), MOST)},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(file.file)}}}],
        }
        for file in analysis.refused
    ]
    invocation = {"executionSuccessful": not refused, "toolExecutionNotifications": refused}
    run = {
        "tool": {"driver": driver},
        "invocations": [invocation],
        "results": [_result(report, d, place[d.rule]) for report, d in found],
        "columnKind": "unicodeCodePoints",
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, allow_nan=False)


def _rule(d: Diagnosis) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "id": clean(d.rule),
        "shortDescription": {"text": prose(d.title) or clean(d.rule)},
        "defaultConfiguration": {"level": LEVELS[d.severity]},
        "properties": {"tags": [clean(d.stage)]},
    }
    return rule | ({"fullDescription": {"text": shorten(prose(d.story), MOST)}} if d.story else {})


def _result(report: Report, d: Diagnosis, index: int) -> dict[str, Any]:
    seen = "; ".join(words.evidence(d))
    first = f"Do first: {prose(d.fixes[0].do)}" if d.fixes else ""
    about = ", ".join(part for part in (words.sure(d), words.since(report, d)) if part)
    text = ". ".join(part.rstrip(".") for part in (f"{words.headline(d)} ({about})", seen, first) if part) + "."
    name = words.name_of(report)
    mark = hashlib.sha256("\0".join((name, d.rule, d.subject.kind, d.subject.name)).encode("utf-8", "replace"))
    return {
        "ruleId": clean(d.rule),
        "ruleIndex": index,
        "level": LEVELS[d.severity],
        "message": {"text": shorten(text, MOST)},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": _uri(report.path)}, "region": {"startLine": 1}},
                "logicalLocations": [{"name": name, "kind": "run"}],
            }
        ],
        "partialFingerprints": {"runAndRule/v1": mark.hexdigest()[:32]},
        "rank": round(100 * min(max(d.confidence, 0.0), 1.0), 1),
        "properties": {"calibrated": d.calibrated, "place": d.place, "stage": clean(d.stage)},
    }


def _uri(path: str) -> str:
    """The path as a relative reference."""
    return quote(clean(path).replace("\\", "/"), safe="/._-~") or "."
