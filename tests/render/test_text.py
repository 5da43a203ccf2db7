"""Does the terminal report read well, and is it safe whatever the log contains?"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curvedoc.render import text
from curvedoc.report import Analysis, NotAssessed, Report
from curvedoc.run import Refused

from .anything import anything
from .situations import (
    all_situations,
    everything,
    exploded,
    healthy,
    layers,
    many,
    not_assessed,
    overfitting,
)

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def columns(line: str) -> int:
    """Columns of a line as a terminal counts them."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in line)
    return len([c for c in line if unicodedata.category(c) not in ("Mn", "Me", "Cf")]) + wide


@pytest.mark.parametrize("width", [24, 40, 79, 80, 120, 200])
@pytest.mark.parametrize("verbose", [False, True])
def test_no_line_is_wider_than_asked(width: int, verbose: bool) -> None:
    for line in text.render(all_situations(), width=width, verbose=verbose).split("\n"):
        assert columns(line) <= width, line


@settings(max_examples=60, deadline=None)
@given(anything(), st.integers(24, 160), st.booleans())
def test_any_analysis_is_printed_within_its_width_and_without_control_characters(
    analysis: Analysis, width: int, verbose: bool
) -> None:
    printed = text.render(analysis, width=width, verbose=verbose)
    for line in printed.split("\n"):
        assert columns(line) <= width
        assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in line)


@given(st.text(st.characters(blacklist_categories=("C", "Z"))), st.integers(24, 60))
def test_wrapping_loses_no_character(words: str, width: int) -> None:
    lines = text.wrap(words, width, "- ", "  ")
    assert "".join(line[2:].replace(" ", "") for line in lines) == words.replace(" ", "")


@given(st.text(st.characters(blacklist_categories=("C", "Z"))), st.integers(24, 60))
def test_no_line_ends_in_a_blank(words: str, width: int) -> None:
    assert all(line == line.rstrip() for line in text.wrap(words, width, "- ")[:-1] if line != "- ")


def test_without_color_there_is_no_escape() -> None:
    assert "\x1b" not in text.render(all_situations())


def test_color_changes_nothing_but_colours() -> None:
    colored = text.render(everything(), color=True)
    assert ANSI.search(colored)
    assert ANSI.sub("", colored) == text.render(everything())


def test_the_same_analysis_prints_the_same() -> None:
    assert text.render(everything()) == text.render(everything())


def test_the_table_has_every_run_with_findings_in_the_order_of_the_analysis() -> None:
    lines = text.render(everything()).split("\n")
    names = [report.name for report in everything() if report.verdict == "findings"]
    table = lines[lines.index("") + 2 :][: 2 * len(names)]
    rows = [line.split()[0] for line in table if line and not line.startswith(" ")][: len(names)]
    assert rows == names


def test_the_first_fix_stands_beneath_its_row_when_narrow_and_beside_it_when_wide() -> None:
    narrow, wide = (text.render(everything(), width=w).split("\n") for w in (80, 160))
    row = next(n for n, line in enumerate(narrow) if line.startswith("lr-0.5-fp16"))
    assert narrow[row + 1].startswith("  -> Divide the learning rate by 10")
    row = next(n for n, line in enumerate(wide) if line.startswith("lr-0.5-fp16"))
    assert "Divide the learning rate by 10" in wide[row]


def test_long_paths_keep_the_part_that_tells_them_apart() -> None:
    hashes = [f"{i:08x}" for i in range(3)]
    runs = tuple(overfitting(f"lightning_csv/{h}/lightning_logs/version_{i % 2}") for i, h in enumerate(hashes))
    table = text.render(Analysis(runs)).split("\n\n")[1]
    assert [h in table for h in hashes] == [True] * 3
    assert "..." in table


def test_runs_without_findings_have_a_line_each_and_no_table() -> None:
    printed = text.render(Analysis((healthy("a"), not_assessed())))
    assert "verdict" not in printed
    assert [line.split()[0] for line in printed.split("\n") if line[:2] in ("a ", "th")] == ["a", "three-points"]


def test_a_single_run_needs_no_table() -> None:
    assert "verdict" not in text.render(Analysis((overfitting(),)))


def test_a_sick_run_shows_what_was_seen_what_to_do_and_every_doubt() -> None:
    printed = " ".join(text.render(Analysis((overfitting(),))).split())
    for said in (
        "warning: Overfitting [overfitting]",
        "strong evidence (0.93, not calibrated), from step 1500 on (30 % into the run, between 1300 and 1800)",
        "seen val_loss rose 0.56 above its best",
        "do first Keep the checkpoint of step 1500",
        "next Raise weight decay to 0.05.",
        "besides Over-confidence (info 0.61)",
        "possible learning-rate-too-high 0.31",
        "not judged log update_ratio (2 rules wait)",
    ):
        assert said in printed


def test_consequences_and_alternatives_name_what_they_belong_to() -> None:
    printed = " ".join(text.render(Analysis((exploded(),))).split())
    assert "The loss diverged (critical 0.97), step 700 (70 %), consequence of nan-explosion" in printed
    assert "Loss spikes (warning 0.55), alternative to nan-explosion" in printed


def test_reading_notes_are_counted_and_spelt_out_when_asked() -> None:
    assert "(and 1 more note)" in " ".join(text.render(Analysis((exploded(),))).split())
    assert "byte 20480" in " ".join(text.render(Analysis((exploded(),)), verbose=True).split())


def test_look_alikes_are_for_who_asks() -> None:
    assert "look-alikes" not in text.render(Analysis((overfitting(),)))
    assert "look-alikes over-confidence:" in " ".join(text.render(Analysis((overfitting(),)), verbose=True).split())


def test_a_rule_that_speaks_of_many_layers_takes_one_line() -> None:
    run = layers()
    same = tuple(replace(run.diagnoses[1], subject=replace(run.diagnoses[1].subject, name=f"fc{i}")) for i in range(9))
    printed = text.render(Analysis((replace(run, diagnoses=(run.diagnoses[0], *same)),)))
    assert printed.count("A layer does not learn") == 2
    assert "fc0, fc1, fc2, fc3 and 5 more" in " ".join(printed.split())


def test_a_healthy_run_takes_one_line_in_a_wide_terminal() -> None:
    lines = text.render(Analysis((healthy("a"), healthy("b"))), width=100).split("\n")
    assert sum(line.startswith("a  healthy: 6 rules looked, best val_loss") for line in lines) == 1


def test_a_run_that_was_not_assessed_says_why_and_what_to_log() -> None:
    printed = " ".join(text.render(Analysis((not_assessed(),))).split())
    assert "three-points not assessed: train_loss has 3 points" in printed
    assert "log lr (6 rules wait), val_loss (6)" in printed
    assert "curvedoc inspect" in printed


def test_rules_that_wait_for_the_same_are_named_together() -> None:
    gaps = tuple(NotAssessed(rule, "val_loss has 3 finite points", ()) for rule in ("overfitting", "leak-suspicion"))
    other = NotAssessed("no-learning", "no train_loss in the log", ("train_loss",))
    report = replace(not_assessed(), not_assessed=(gaps[0], other, gaps[1]))
    printed = " ".join(text.render(Analysis((report,)), verbose=True).split())
    assert "overfitting, leak-suspicion: val_loss has 3 finite points" in printed
    assert "no-learning: no train_loss in the log (log train_loss)" in printed


def test_refused_files_are_listed_and_skipped_ones_counted() -> None:
    printed = text.render(everything())
    assert "refused  runs/broken/metrics.csv: the header is empty" in printed
    assert "1 file skipped" in printed


def test_of_many_refused_files_the_rest_is_counted() -> None:
    analysis = Analysis((healthy(),), tuple(Refused(f"{i}.csv", "no") for i in range(25)))
    printed = text.render(analysis)
    assert printed.count("refused  ") == 10
    assert "15 more files refused" in printed


def test_a_thousand_runs_list_every_sick_one_and_count_the_healthy() -> None:
    printed = text.render(many(sick=40, well=960))
    assert all(f"\nsick-{i:03d}" in printed for i in range(40))
    assert "960 healthy runs not listed" in printed
    assert "\nrun-000" not in printed
    assert printed.count("do first") == 5
    assert "35 more runs with findings" in " ".join(printed.split())


def test_a_name_too_long_for_the_table_keeps_the_part_that_a_person_chose() -> None:
    runs = [
        replace(overfitting(), name=f"{sweep}/lightning_logs/version_{n}") for n, sweep in enumerate(("adam", "sgd"))
    ]
    rows = text.render(Analysis(tuple(runs)), width=60).splitlines()
    assert [row.split()[0] for row in rows if "overfitting 0." in row] == ["adam/...", "sgd/..."]


def test_what_all_long_names_begin_with_is_left_out_of_the_table() -> None:
    names = ("experiments/of/may/a", "experiments/of/may/with-a-long-name", "experiments/of/may/x/y")
    runs = [replace(overfitting(), name=name) for name in names]
    rows = text.render(Analysis(tuple(runs)), width=70).splitlines()
    assert [row.split()[0] for row in rows if "overfitting 0." in row] == ["a", "with-a-long-name", "x/y"]


def test_runs_without_a_verdict_are_counted_by_their_reason() -> None:
    runs: tuple[Report, ...] = tuple(not_assessed(f"r{i}") for i in range(40))
    printed = " ".join(text.render(Analysis(runs)).split())
    assert "40 runs not assessed: train_loss has 3 points" in printed


def test_verbose_lists_every_run_however_many() -> None:
    assert "run-959  healthy" in text.render(many(sick=1, well=960), verbose=True)


def test_it_ends_with_the_next_thing_to_type() -> None:
    last = " ".join(text.render(everything()).rpartition("\n\n")[2].split())
    assert last.startswith("Next: `curvedoc explain nan-explosion`")
    assert "--html report.html" in last


def test_where_no_loss_was_recognized_it_says_how_to_name_one() -> None:
    waiting = (NotAssessed("no-learning", "no train_loss in the log", ("train_loss",)),)
    printed = text.render(Analysis((replace(not_assessed(), not_assessed=waiting),)))
    assert "--role train_loss=TAG" in printed
    assert "--role" not in text.render(Analysis((replace(not_assessed(), not_assessed=()),)))


def test_an_analysis_without_runs_still_says_so() -> None:
    assert text.render(Analysis(())).startswith("curvedoc: no run")


def test_a_report_prints_itself_without_a_command_to_type() -> None:
    assert str(overfitting()) == text.render(Analysis((overfitting(),)), commands=False)
    assert "Next:" not in str(overfitting())
    assert "Next:" in text.render(Analysis((overfitting(),)))


def test_a_report_shows_itself_in_a_line() -> None:
    report = overfitting()
    assert report.leading is not None
    assert repr(report) == f"<Report {report.name!r}: findings, overfitting {report.leading.confidence:.2f}>"
