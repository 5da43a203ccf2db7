"""Does every output say the same facts in the same safe words?"""

from __future__ import annotations

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curvedoc.render import words
from curvedoc.report import MERELY_POSSIBLE, Drawn, NotAssessed, Onset, Reading, Schedule

from .situations import diagnosis, exploded, healthy, layers, not_assessed, overfitting, report

ANY = st.text(st.characters())


@given(ANY)
def test_a_clean_text_holds_nothing_that_acts(text: str) -> None:
    kept = words.clean(text)
    kinds = {unicodedata.category(c) for c in kept if c not in "\u200c\u200d"}
    assert not kinds & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    kept.encode("utf-8")


@given(st.text(st.characters(whitelist_categories=("L", "N", "P"))))
def test_an_ordinary_text_is_left_as_it_is(text: str) -> None:
    assert words.clean(text) == text


@pytest.mark.parametrize("bad", ["\x1b[31m", "\r", "\u202e", "\u2066", "\u2028", "\ufeff", "\ud800", "\uffff", "\x9b"])
def test_a_dangerous_character_is_shown_as_its_escape(bad: str) -> None:
    assert words.clean(f"a{bad}b").startswith("a\\")


@given(ANY.map(words.clean), st.integers(1, 30))
def test_a_shortened_text_fits_and_is_bounded(text: str, width: int) -> None:
    short = words.shorten(text, width)
    assert words.cells(short) <= width
    assert len(short) <= 4 * width + 3


def test_a_shortened_name_keeps_both_ends() -> None:
    assert words.shorten("experiment-lr0.1-seed0", 13) == "exper...seed0"


def test_a_stack_of_combining_marks_is_cut_although_it_takes_no_column() -> None:
    assert len(words.shorten("e" + "\u0301" * 10_000, 20)) < 100


def test_a_note_on_what_came_from_memory_begins_with_no_file() -> None:
    assert words.note(Reading("log.csv", 3, None, "a row was left out")) == "log.csv:3: a row was left out"
    assert words.note(Reading("", None, None, "a row was left out")) == "a row was left out"


def test_confidence_is_called_likelihood_only_when_calibrated() -> None:
    found = diagnosis("overfitting", "Overfitting", 0.83)
    assert words.sure(found) == "strong evidence (0.83, not calibrated)"
    assert words.sure(replace(found, calibrated=True)) == "very likely (0.83)"


def test_every_confidence_of_a_finding_has_a_word_of_its_own_level() -> None:
    said = [words.sure(diagnosis("x", "X", c, calibrated=True)).partition(" (")[0] for c in (0.5, 0.65, 0.8, 0.95, 0.3)]
    assert len(set(said)) == 5
    assert said[-1] == "possible"


def test_the_share_of_the_run_counts_from_its_first_step() -> None:
    run = report("resumed", curves=overfitting().curves)
    moved = replace(run, curves=tuple(replace(c, step=tuple(s + 1000 for s in c.step)) for c in run.curves))
    assert words.share(run, 2500.0) == "50 %"
    assert words.share(moved, 3500.0) == "50 %"


def test_a_run_that_was_not_drawn_has_a_step_but_no_share() -> None:
    run = report("x")
    assert words.where(run, diagnosis("x", "X", onset=Onset(7.0, 7.0, 7.0))) == "step 7"


def test_the_axis_names_the_step() -> None:
    run = replace(report("x"), axis="epoch")
    assert words.since(run, diagnosis("x", "X", onset=Onset(3.0, 2.0, 5.0))) == "from epoch 3 on (between 2 and 5)"


def test_a_diagnosis_of_a_layer_names_the_layer() -> None:
    assert words.headline(layers().diagnoses[0]) == "A layer does not learn: layer block2.fc1"


def test_a_healthy_run_says_on_what_evidence() -> None:
    run = healthy()
    assert run.best is not None
    expected = f"healthy: 6 rules looked, best val_loss {run.best.value:.3g} at step {run.best.step:.0f}, 1 not judged"
    assert words.summary(run) == expected


def test_a_sick_run_says_what_leads_and_what_to_do() -> None:
    said = words.summary(exploded())
    assert said.startswith("The loss became NaN, almost certain (1.00), from step 824 on")
    assert "First: Divide the learning rate by 10" in said


def test_a_run_that_was_not_assessed_says_why() -> None:
    assert words.summary(not_assessed()).startswith("not assessed: train_loss has 3 points")


def test_what_to_log_is_ranked_by_the_rules_that_want_it() -> None:
    assert words.to_log(overfitting().not_assessed) == [("update_ratio", 2), ("dead_share", 1)]
    assert words.log_next(overfitting()) == (
        "log update_ratio (2 rules wait), dead_share (1); 1 rule has nothing to judge here"
    )


def test_no_training_loss_is_asked_of_a_game() -> None:
    missing = (
        NotAssessed("no-learning", "d_loss: two networks play against each other", ("train_loss",)),
        NotAssessed("exploding-gradients", "no grad_norm in the log", ("grad_norm",)),
    )
    played = (Drawn("other_loss", "d_loss", (0.0, 1.0), (1.0, 1.1)),)
    game = replace(not_assessed(), not_assessed=missing, curves=played)
    assert words.log_next(game) == "log grad_norm (1 rule waits); 1 rule has nothing to judge here"
    assert words.log_next(replace(game, curves=())).startswith("log grad_norm (1 rule waits), train")


def test_an_interval_is_told_only_where_there_is_one() -> None:
    wide, sharp = overfitting().diagnoses[0].evidence[0], exploded().diagnoses[0].evidence[0]
    assert words.interval(wide) == "80 % interval 0.51 to 0.61"
    assert words.interval(sharp) == ""


def test_a_promise_names_the_curve_and_its_range() -> None:
    assert words.expected(overfitting().diagnoses[0].fixes[0]) == "Expect val_loss between 0.42 and 0.45."


def test_a_schedule_is_told_with_its_warmup_and_drops() -> None:
    said = words.schedule(Schedule("multi_step", 50.0, (300.0, 600.0), 0.8))
    assert said == "learning rate: multi-step, warm-up until 50, drops at 300, 600"


def test_a_schedule_guessed_from_the_loss_is_called_a_guess() -> None:
    said = words.schedule(Schedule("multi_step", None, (300.0,), 0.35))
    assert said == "learning rate not logged; the loss looks like a drop near 300 (a guess)"


def test_an_unknown_schedule_is_not_called_a_guess() -> None:
    assert words.schedule(Schedule("unknown", None, (300.0,), 0.0)) == "learning rate: no known schedule, drop at 300"


def test_what_was_not_logged_and_counts_for_nothing_is_not_spoken_of() -> None:
    lead = overfitting().diagnoses[0]
    unseen = replace(lead.evidence[0], says="no lr in the log: not held against it", value=None)
    found = words.evidence(replace(lead, evidence=(unseen, *lead.evidence)))
    assert found == [seen.says for seen in lead.evidence]


def test_a_missing_piece_that_lowers_the_confidence_is_told() -> None:
    lead = overfitting().diagnoses[0]
    lacking = replace(lead.evidence[0], says=f"no lr in the log: {MERELY_POSSIBLE}", value=None, grade=0.45)
    assert words.evidence(replace(lead, evidence=(lacking,))) == [lacking.says]


def test_evidence_that_hardly_speaks_for_a_diagnosis_is_marked() -> None:
    lead = overfitting().diagnoses[0]
    weak = replace(lead.evidence[0], grade=0.3)
    assert words.evidence(replace(lead, evidence=(weak,))) == [f"doubtful: {weak.says}"]


def test_an_interval_too_narrow_to_see_is_not_told() -> None:
    run = exploded()
    sharp = replace(run.diagnoses[0], onset=Onset(824.0, 824.0, 824.4))
    assert "between" not in words.since(run, sharp)
