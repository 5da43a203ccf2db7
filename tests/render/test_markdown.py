"""Does a pull-request comment show what the log says, and never do what the log says?"""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given, settings

from curvedoc.render import markdown
from curvedoc.report import Analysis
from curvedoc.run import Refused

from .anything import anything
from .situations import HOSTILE, all_situations, everything, exploded, healthy, hostile, many

OWN_TAGS = {"details", "/details", "summary", "/summary", "code", "/code", "sub", "/sub"}


def cells(line: str) -> list[str]:
    """The cells of a table row as GitHub splits it: at pipes that no backslash escapes."""
    return re.split(r"(?<!\\)\|", line)[1:-1]


@pytest.mark.parametrize("analysis", [everything(), all_situations(), many()], ids=["everything", "hostile", "many"])
def test_every_row_of_the_table_has_six_cells(analysis: Analysis) -> None:
    rows = [line for line in markdown.render(analysis).split("\n") if line.startswith("|")]
    well = sum(run.verdict == "healthy" for run in analysis)
    assert len(rows) == 2 + len(analysis) - (well - 1 if well > markdown.HEALTHY else 0)
    assert all(len(cells(row)) == 6 for row in rows)


@settings(max_examples=50, deadline=None)
@given(anything())
def test_no_tag_comes_from_a_log(analysis: Analysis) -> None:
    assert set(re.findall(r"<([^>]*)>", markdown.render(analysis))) <= OWN_TAGS


@settings(max_examples=50, deadline=None)
@given(anything())
def test_nobody_is_mentioned_and_nothing_referred_to(analysis: Analysis) -> None:
    shown = html.unescape(re.sub(r"<code>.*?</code>", "", markdown.render(analysis)))
    assert not re.search(r"[@#]\w|GH-\d|https?://|www\.", shown)


def test_a_section_is_closed_whatever_stands_in_it() -> None:
    printed = markdown.render(all_situations())
    assert (
        printed.count("<details>") == printed.count("</details>") == len(re.findall("<summary>.*</summary>", printed))
    )


def test_a_fence_or_a_heading_from_a_log_stays_text() -> None:
    assert markdown.escape("```\n# x") == r"\`\`\`\\n # x".replace(" ", "", 1)
    assert markdown.escape("- a").startswith("&#8203;")
    assert markdown.escape("12. a").startswith("&#8203;")


def test_a_name_can_leave_neither_its_code_span_nor_its_cell() -> None:
    shown = markdown.code(HOSTILE)
    assert re.fullmatch(r"<code>[^<>|`@]*</code>", shown)
    assert "window.pwned" in html.unescape(shown)


def test_an_emoji_or_formula_from_a_log_stays_text() -> None:
    shown = markdown.escape("metrics.csv:100:col $x$")
    assert ":100:" not in html.unescape(shown)
    assert "$" not in shown


def test_the_leading_diagnosis_and_its_fix_stand_in_the_table() -> None:
    row = next(line for line in markdown.render(everything()).split("\n") if "lr-0.5-fp16" in line)
    assert "critical" in row
    assert "The loss became NaN (1.00)" in row
    assert "Divide the learning rate by 10 (0.5 to 0.05) and restart from step 690." in row


def test_every_finding_of_a_sick_run_is_told_with_its_evidence() -> None:
    printed = markdown.render(Analysis((exploded(),)))
    assert r"- train\_loss is NaN from step 824 on" in printed
    assert "2. Clip the gradient norm at 1." in printed
    assert "**Loss spikes**" in printed


def test_a_healthy_run_has_a_row_and_no_section() -> None:
    printed = markdown.render(Analysis((healthy(),)))
    assert "<code>baseline</code>" in printed
    assert "<details>" not in printed


def test_a_refused_file_is_listed() -> None:
    assert "- <code>runs/broken/metrics.csv</code>: the header is empty" in markdown.render(everything())


@pytest.mark.parametrize("kind", ["plain", "hostile"])
def test_a_comment_never_exceeds_what_github_takes_and_counts_the_rest(kind: str) -> None:
    runs = many(sick=300, well=0).reports if kind == "plain" else tuple(hostile(f"{HOSTILE}{i}") for i in range(300))
    refused = tuple(Refused(HOSTILE * 50, HOSTILE * 50) for _ in range(100))
    printed = markdown.render(Analysis(runs, refused))
    assert len(printed) <= 65_536
    assert "did not fit here" in printed
    assert "more run" in printed


def test_of_many_healthy_runs_the_count_is_enough() -> None:
    rows = [line for line in markdown.render(many(2, 9)).splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 2 + 1
    assert rows[-1] == "| 9 other runs | 🟢 healthy | | | | |"
    assert "val\\_loss" in rows[2]
