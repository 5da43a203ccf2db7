"""How is a question put, and what was answered? The report on an asker's run, and what its reader is told."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from curvedoc import diagnose
from curvedoc.report import Diagnosis, Report

#: Every question is asked of several draws.
SEEDS = range(3)


def asked(make: Callable[..., Path], folder: Path, seed: int = 0, **context: object) -> Report:
    """The report on the run that an asker hands over."""
    return diagnose(make(folder / str(seed), np.random.default_rng(seed)), **context)  # type: ignore[arg-type]


def alarms(report: Report) -> list[str]:
    """The findings that would make somebody change something."""
    return [d.rule for d in report.findings if d.severity != "info"]


def leading(report: Report) -> Diagnosis:
    assert report.leading is not None, f"nothing leads: {report} {[d.rule for d in report.diagnoses]}"
    return report.leading


def found(report: Report, rule: str) -> Diagnosis:
    return next(d for d in report.findings if d.rule == rule)


def advice(*diagnoses: Diagnosis) -> str:
    """All that they say to do, and why."""
    return " ".join(f"{fix.do} {fix.why}" for d in diagnoses for fix in d.fixes).lower()


def told(report: Report) -> str:
    """All that a reader of the report is told, in lower case."""
    parts = [report.why, advice(*report.diagnoses)]
    for d in report.diagnoses:
        parts += [d.title, d.story, *(e.says for e in d.evidence), *(f"{x.name} {x.tell}" for x in d.look_alikes)]
    parts += [note.what for note in report.reading] + [rule.why for rule in report.not_assessed]
    return " ".join(parts).lower()


def heard(report: Report, *patterns: str) -> bool:
    return all(re.search(pattern, told(report)) for pattern in patterns)
