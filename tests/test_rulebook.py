"""A rule file is read strictly, and a mistake in it is named with file, key and the nearest right name."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curvedoc.errors import RuleError, UsageError
from curvedoc.rulebook import STAGES, Clause, load_rules, read_rule

GOOD = """
title = "Slow"
severity = "info"
stage = "budget"
story = "Words."
sources = ["a book"]
[[evidence]]
vital = "train_loss.flat_for"
no_at = 0.1
yes_at = 0.3
says = "flat for {train_loss.flat_for}"
reason = "a reason"
[[fix]]
do = "Wait."
[look_alikes]
other = "It differs."
"""


def written(directory: Path, text: str, name: str = "slow.toml") -> Path:
    path = directory / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_file_becomes_a_rule(tmp_path: Path) -> None:
    rule = read_rule(written(tmp_path, GOOD))
    assert (rule.id, rule.each, rule.explains, rule.onset) == ("slow", "run", (), None)
    assert rule.evidence[0] == Clause("train_loss.flat_for", 0.1, 0.3, "flat for {train_loss.flat_for}", "a reason")
    assert rule.look_alikes == {"other": "It differs."}


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('severity = "info"', 'severity = "inof"', r"severity: 'inof' is not one of .*did you mean 'info'"),
        ('stage = "budget"', 'stage = "start"\nsevrity = 1', r"unknown key 'sevrity'; did you mean 'severity'"),
        ('title = "Slow"', "", "key 'title' is missing"),
        ("no_at = 0.1", 'no_at = "low"', "evidence 1: no_at: must be a number"),
        ("no_at = 0.1", "no_at = 0.3", "a grade needs a slope"),
        ("no_at = 0.1", "no_at = 0.1\nif_missing = 2", "a grade lies in 0..1"),
        ('do = "Wait."', 'do = "Wait."\naction = { factor = 2 }', "must be a table with a 'kind'"),
        ('severity = "info"', 'severity = "warning"', "rules of stage 'budget' are info"),
        ('other = "It differs."', "other = 3", "must be a table of name = how to tell"),
        ('sources = ["a book"]', "sources = [3]", "must be a list of texts"),
        ('title = "Slow"', "title = ", "not a rule file"),
        ('title = "Slow"', 'title = "Slow"\ndefers = "slow"', "defers: must be a table with the keys to, vital"),
        ("[look_alikes]", '[defers]\nto = ["slow"]\n[look_alikes]', "defers: key 'vital' is missing"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, old: str, new: str, why: str) -> None:
    path = written(tmp_path, GOOD.replace(old, new))
    with pytest.raises(RuleError, match=why) as caught:
        read_rule(path)
    assert "slow.toml" in str(caught.value)


def test_own_rules_are_added_and_replace_those_of_the_same_id(tmp_path: Path) -> None:
    written(tmp_path, GOOD)
    written(tmp_path, GOOD.replace("Slow", "Mine"), "overfitting.toml")
    rules = {rule.name: rule for rule in load_rules(tmp_path)}
    assert rules["slow"].title == "Slow"
    assert rules["overfitting"].title == "Mine"
    assert "bad-init" in rules


def test_select_and_ignore_take_ids_and_know_typos() -> None:
    forms = [rule.name for rule in load_rules(select=["overfitting"])]
    assert forms == ["overfitting", "overfitting.few", "overfitting.memorised", "overfitting.parted"]
    assert "overfitting" not in {rule.id for rule in load_rules(ignore=["overfitting"])}
    with pytest.raises(UsageError, match="no rule 'overfiting'; did you mean 'overfitting'"):
        load_rules(ignore=["overfiting"])
    with pytest.raises(UsageError, match="no such directory"):
        load_rules(Path("does/not/exist"))


@pytest.mark.parametrize("key", ["explains", "yields_to"])
def test_what_a_rule_explains_or_yields_to_must_exist(tmp_path: Path, key: str) -> None:
    written(tmp_path, f'{key} = ["overfit"]\n' + GOOD)
    with pytest.raises(RuleError, match=f"{key}: no rule 'overfit'; did you mean 'overfitting'"):
        load_rules(tmp_path)


def test_what_a_rule_defers_to_must_exist(tmp_path: Path) -> None:
    clause = 'vital = "lr.stated"\nno_at = 0\nyes_at = 1\nsays = "so"\nreason = "why"'
    written(tmp_path, GOOD + f'[defers]\nto = ["overfit"]\n{clause}\n')
    with pytest.raises(RuleError, match="defers: no rule 'overfit'; did you mean 'overfitting'"):
        load_rules(tmp_path)


def test_a_form_belongs_to_an_illness_of_the_same_stage(tmp_path: Path) -> None:
    written(tmp_path, GOOD, "slow.other.toml")
    with pytest.raises(RuleError, match=r"slow\.other\.toml: a form of 'slow', which has no file of its own"):
        load_rules(tmp_path)
    written(tmp_path, GOOD)
    names = [(rule.id, rule.form) for rule in load_rules(tmp_path, select=["slow"])]
    assert names == [("slow", ""), ("slow", "other")]
    written(tmp_path, GOOD, "nan-explosion.other.toml")
    with pytest.raises(RuleError, match="stage: forms of one illness share it"):
        load_rules(tmp_path)


def test_rules_come_in_the_order_of_their_stage() -> None:
    stages = [STAGES.index(rule.stage) for rule in load_rules()]
    assert stages == sorted(stages)


@given(st.floats(-5, 5), st.floats(0, 3), st.floats(0, 3), st.booleans())
def test_a_grade_rises_from_no_to_yes_in_either_direction(value: float, down: float, up: float, falling: bool) -> None:
    clause = Clause("v", 1.0, -1.0, "", "") if falling else Clause("v", -1.0, 1.0, "", "")
    grade = clause.grade(value - down, value, value + up)
    assert 0 <= grade <= 1
    further = 0.1 if not falling else -0.1
    assert clause.grade(value - down + further, value + further, value + up + further) >= grade - 1e-12


def test_a_certain_value_grades_linearly() -> None:
    assert Clause("v", 0.0, 2.0, "", "").grade(0.5, 0.5, 0.5) == pytest.approx(0.25)
