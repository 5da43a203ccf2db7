"""Does a workflow get one annotation per finding, and nothing that a log put there?"""

from __future__ import annotations

import re

from hypothesis import given, settings

from curvedoc.render import github
from curvedoc.report import Analysis

from .anything import anything
from .situations import everything, exploded, healthy, hostile, not_assessed

COMMAND = re.compile(r"::(error|warning|notice) ((?:file=([^,:]*),)?title=([^,:]*))::(.*)")


def parse(printed: str) -> list[tuple[str, str, str, str]]:
    """Kind, file, title and message of every line, decoded as GitHub's runner does."""
    found = []
    for line in printed.split("\n"):
        match = COMMAND.fullmatch(line)
        assert match is not None, line
        file, title, message = (decode(match[n] or "") for n in (3, 4, 5))
        found.append((match[1], file, title, message))
    return found


def decode(text: str) -> str:
    for code, plain in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, plain)
    return text


def test_severity_decides_the_kind_and_the_worst_comes_first() -> None:
    kinds = [kind for kind, *_ in parse(github.render(Analysis(everything().reports)))]
    assert kinds == ["notice", *["error"] * 2, *["warning"] * 5, "notice", "notice"]


def test_an_annotation_has_file_title_evidence_and_fix() -> None:
    kind, file, title, message = parse(github.render(Analysis((exploded(),))))[1]
    assert (kind, file, title) == ("error", "runs/lr-0.5-fp16/metrics.csv", "The loss became NaN (lr-0.5-fp16)")
    seen, sure, first = message.split("\n")
    assert seen == "train_loss is NaN from step 824 on; before that it had grown to infinity"
    assert "83 % into the run" in sure
    assert first.startswith("Do first: Divide the learning rate by 10")


def test_the_count_comes_first_even_when_all_is_well() -> None:
    assert parse(github.render(Analysis((healthy(),)))) == [("notice", "", "curvedoc", "1 run, healthy")]


def test_a_run_without_a_verdict_and_a_refused_file_are_told() -> None:
    told = parse(github.render(Analysis((not_assessed(),), everything().refused)))
    assert [kind for kind, *_ in told] == ["notice", "notice", "warning"]
    assert told[2][1:] == ("runs/broken/metrics.csv", "log cannot be read", "the header is empty")


def test_a_line_break_in_a_log_starts_no_command() -> None:
    assert len(github.render(Analysis((hostile(),))).split("\n")) == 2


@settings(max_examples=50, deadline=None)
@given(anything())
def test_every_line_is_one_well_formed_command(analysis: Analysis) -> None:
    findings = sum(len(report.findings) for report in analysis)
    unjudged = sum(report.verdict == "not assessed" for report in analysis)
    assert len(parse(github.render(analysis))) == 1 + findings + unjudged + len(analysis.refused)
