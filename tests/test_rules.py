"""Every rule speaks on a log that has its illness, and is quiet on every look-alike that its file names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from curvedoc.engine import check, judge
from curvedoc.report import Report
from curvedoc.rulebook import Rule, load_rules
from curvedoc.run import Context
from curvedoc.sentences import blanks
from curvedoc.vitals import VITALS

from . import budget_patients, early_patients, held_out, rate_patients, update_patients, usual_patients
from .patients import noisy, run

RULES = load_rules()
SEEDS = range(5)
_MADE = (budget_patients, early_patients, held_out, rate_patients, update_patients, usual_patients)
FIRES = {name: made for room in _MADE for name, made in room.FIRES.items()}
QUIET = {names: made for room in _MADE for names, made in room.QUIET.items()}


def finding(report: Report, rule: Rule) -> bool:
    """Whether this form of the illness was found: another form has another title."""
    return any((d.rule, d.title) == (rule.id, rule.title) and not d.possible for d in report.diagnoses)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_speaks_on_its_illness(rule: Rule) -> None:
    for seed in SEEDS:
        report = judge(FIRES[rule.name](seed), RULES)
        assert finding(report, rule), f"seed {seed}: {report}"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_its_illness_leads_the_report(rule: Rule) -> None:
    report = judge(FIRES[rule.name](0), RULES)
    found = report.diagnoses[0]
    assert found.rule == rule.id
    assert (report.leading is found) == (found.severity != "info")
    assert report.verdict == ("findings" if found.severity != "info" else "healthy")


@pytest.mark.parametrize(("rule", "look_alike"), [(r, name) for r in RULES for name in r.look_alikes])
def test_a_rule_is_quiet_on_each_look_alike_that_its_file_names(rule: Rule, look_alike: str) -> None:
    for seed in SEEDS:
        report = judge(QUIET[rule.name, look_alike](seed), RULES, Context())
        assert not finding(report, rule), f"seed {seed}: {report}"


def test_a_bounce_along_a_level_halfway_down_is_first_of_all_a_plateau() -> None:
    for seed in SEEDS:
        lead, *others = judge(update_patients.half_way(seed), RULES).diagnoses
        assert lead.rule == "plateau-needs-decay"
        assert ("learning-rate-too-high", "alternative") in {(d.rule, d.place) for d in others}


def test_a_bounce_of_percents_far_down_is_a_plateau_and_a_bounce_of_nothing_is_none() -> None:
    form = next(rule for rule in RULES if rule.name == "plateau-needs-decay.bounces")
    for seed in SEEDS:
        for left, found in ((0.02, True), (0.001, False)):
            at = 2.3 * left
            assert finding(judge(held_out.bouncing(seed, 0.2, floor=at, level=at), RULES), form) == found


def test_what_was_cut_before_it_learned_was_cut_too_early_first_of_all() -> None:
    step = rate_patients.T[::10]
    u = step / step[-1]
    loss, rate = 2.3 * np.where(u < 0.2, 1 - 0.4 * u, 0.94 - 0.02 * u), np.where(u < 0.2, 0.1, 0.01)
    for seed in SEEDS:
        made = run(train_loss=(step, noisy(loss, 0.01, seed)), lr=(step, rate))
        lead, *others = judge(made, RULES).diagnoses
        assert lead.rule == "decay-too-early"
        assert ("no-learning", "consequence", "decay-too-early") in {(d.rule, d.place, d.of) for d in others}


def test_ten_epochs_are_enough_to_see_training_leave_validation_behind() -> None:
    epoch = np.arange(1.0, 11.0)
    val = 0.8 + 1.5 * np.exp(-epoch / 1.2) + np.where(epoch > 5, 0.16 - 0.02 * (-1) ** epoch, 0)
    for seed in SEEDS:
        for left, leads in ((0.15, True), (0.8, False)):
            train = left + 2.2 * np.exp(-epoch / 2)
            curves = {"train_loss": (epoch, noisy(train, 0.02, seed)), "val_loss": (epoch, noisy(val, 0.01, seed + 9))}
            found = {d.rule for d in judge(run(**curves), RULES).diagnoses if not d.possible}
            assert ("overfitting" in found) == leads


def test_one_blow_among_ten_epochs_is_no_bounce_along_a_plateau() -> None:
    epoch = np.arange(1.0, 11.0)
    fall = 0.05 + 1.2 * np.exp(-2 * (epoch - 1))
    for seed in SEEDS:
        train = noisy(fall * np.where(epoch == 8, 2, 1), 0.05, seed)
        val = noisy(fall * np.where(epoch == 8, 3, 1) * (1 + 0.1 * (-1) ** epoch), 0.05, seed + 9)
        found = judge(run(train_loss=(epoch, train), val_loss=(epoch, val)), RULES).diagnoses
        assert not any(d.rule == "plateau-needs-decay" and not d.possible for d in found)


def test_a_last_jump_that_is_never_unlearned_is_a_divergence() -> None:
    for seed in SEEDS:
        made = early_patients.broken_records(seed)
        curve = made.curves["train_loss"][0]
        assert judge(made, RULES).diagnoses[0].rule == "loss-spikes"
        lost = replace(curve, value=np.where(curve.step > 0.85 * curve.step[-1], 6 * curve.value[0], curve.value))
        found = judge(replace(made, curves={**made.curves, "train_loss": (lost,)}), RULES)
        assert found.diagnoses[0].rule == "divergence"


def test_healthy_runs_are_healthy() -> None:
    for seed in SEEDS:
        assert judge(run(**rate_patients.descent(seed)), RULES).verdict == "healthy"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_file_asks_only_for_what_is_measured_and_always_offers_a_fix(rule: Rule) -> None:
    check((rule,))
    report = judge(FIRES[rule.name](0), RULES)
    diagnosis = next(d for d in report.diagnoses if d.rule == rule.id)
    assert diagnosis.fixes
    assert all(clause.reason for clause in rule.evidence)
    assert all("{" not in text for e in diagnosis.evidence for text in (e.says,))
    assert all("{" not in fix.do + fix.why for fix in diagnosis.fixes)


def test_a_multiple_brings_its_own_sign_and_needs_no_word_of_it() -> None:
    units = {name: vital.unit for vitals in VITALS.values() for name, vital in vitals.items()}
    texts = [text for rule in RULES for text in (*(c.says for c in rule.evidence), *(f.do + f.why for f in rule.fixes))]
    told = [(text, name) for text in texts for name, _ in blanks(text) if units.get(name) == "times"]
    assert told
    assert [text for text, name in told if f"{{{name}}} times" in text] == []
