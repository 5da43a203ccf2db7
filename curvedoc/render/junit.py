"""What does a CI server read? JUnit XML, one test case per run."""

from __future__ import annotations

from xml.etree import ElementTree as Xml

from ..report import Analysis, Diagnosis, Report
from . import words
from .words import clean, prose


def render(analysis: Analysis) -> str:
    """A JUnit document with one suite: a run with warning or critical findings fails, one that could not be
    assessed is skipped, a refused file is an error. Info findings stand in `system-out`."""
    failures = sum(r.verdict == "findings" for r in analysis.reports)
    skipped = sum(r.verdict == "not assessed" for r in analysis.reports)
    counts = {
        "tests": str(len(analysis.reports) + len(analysis.refused)),
        "failures": str(failures),
        "errors": str(len(analysis.refused)),
        "skipped": str(skipped),
    }
    root = Xml.Element("testsuites", counts)
    suite = Xml.SubElement(root, "testsuite", {"name": "curvedoc"} | counts)
    for report in analysis.reports:
        _case(suite, report)
    for file in analysis.refused:
        case = Xml.SubElement(suite, "testcase", {"classname": "curvedoc.refused", "name": clean(file.file)})
        Xml.SubElement(case, "error", {"message": prose(file.why), "type": "refused"})
    Xml.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(root, encoding="unicode")


def _case(suite: Xml.Element, report: Report) -> None:
    case = Xml.SubElement(suite, "testcase", {"classname": "curvedoc", "name": words.name_of(report)})
    if report.path:
        case.set("file", clean(report.path))
    serious = [d for d in report.findings if d.severity != "info"]
    if report.verdict == "findings":
        kind = clean(serious[0].rule) if serious else "findings"
        failure = Xml.SubElement(case, "failure", {"message": words.summary(report), "type": kind})
        failure.text = "\n\n".join(_told(report, d) for d in serious)
    elif report.verdict == "not assessed":
        Xml.SubElement(case, "skipped", {"message": words.summary(report)})
    aside = [_told(report, d) for d in report.diagnoses if d not in serious]
    aside += [words.note(reading) for reading in report.reading]
    if report.not_assessed:
        aside.append(f"not judged: {words.log_next(report)}")
    if aside:
        Xml.SubElement(case, "system-out").text = "\n\n".join(aside)


def _told(report: Report, diagnosis: Diagnosis) -> str:
    """A diagnosis in plain lines: what it is, what was seen, what to do."""
    parts = [diagnosis.severity, words.sure(diagnosis), words.since(report, diagnosis), words.relation(diagnosis)]
    lines = [f"{words.headline(diagnosis)} [{clean(diagnosis.rule)}] ({', '.join(part for part in parts if part)})"]
    lines += [f"  seen: {says}" for says in words.evidence(diagnosis)]
    lines += [f"  do: {prose(fix.do)} {prose(fix.why)}".rstrip() for fix in diagnosis.fixes]
    return "\n".join(lines)
