"""Calibration on claims whose probability is known, what is shipped of it, and the changes that move no diagnosis."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import log_loss

from curvedoc.api import find
from curvedoc.engine import judge
from curvedoc.report import FINDING, POSSIBLE
from curvedoc.rulebook import RULES, load_rules
from curvedoc.run import Run
from tests import patients
from tests.bench import calibrate, grading, invariance

HERE = Path(__file__).parent
SHIPPED = RULES / "calibration.json"


def drawn(n: int, seed: int = 0, few: int = 4) -> tuple[calibrate.Claims, grading.Array]:
    """Claims of a rule that is righter than most and of one that is less right, and of one with few claims.

    A finding of either is right in more than half of the cases, a possibility in fewer: then nothing is cut off.
    """
    rng = np.random.default_rng(seed)
    rules = ["humble"] * n + ["boastful"] * n + ["rare"] * few
    grade = rng.uniform(0.2, 1.0, len(rules))
    shift = np.array([{"humble": 0.3, "boastful": -0.3, "rare": 0.0}[r] for r in rules])
    z = np.log(np.clip(grade, 0.02, 0.98) / (1 - np.clip(grade, 0.02, 0.98)))
    true = 1 / (1 + np.exp(-(shift + np.where(grade >= FINDING, 1.0, -0.5) + 0.4 * z)))
    right = (rng.random(len(rules)) < true).astype(float)
    return calibrate.Claims(tuple(rules), grade, right, tuple(f"task{k % 8}" for k in range(len(rules)))), true


def test_the_fit_finds_the_probabilities_that_the_claims_were_drawn_with() -> None:
    claims, true = drawn(1500)
    made = calibrate.fit(claims, 0.3)
    assert np.abs(made.probability(claims.rule, claims.grade) - true).mean() < 0.03


def test_calibration_lowers_the_error_on_claims_that_were_not_fitted() -> None:
    made = calibrate.fit(drawn(400, seed=1)[0], 0.3)
    unseen, _ = drawn(2000, seed=2)
    # Over both rules errors of the raw grades cancel: each rule is looked at alone.
    for rule in ("humble", "boastful"):
        mine = np.array([r == rule for r in unseen.rule])
        grade, right = unseen.grade[mine], unseen.right[mine]
        assert grading.calibration_error(grade, right) > 0.08
        assert grading.calibration_error(made.probability([rule] * len(grade), grade), right) < 0.05


def test_what_holds_on_every_task_is_believed_more_than_what_turns_around_between_tasks() -> None:
    # Twelve rules, each right in 95 or 55 of 100 findings (45 or 5 of 100 possibilities): always the same of both, or
    # one of them on one task and the other on the next.
    rng = np.random.default_rng(0)
    rule, task = np.arange(2400) % 12, np.arange(2400) // 12 % 2
    grade = rng.uniform(0.2, 1.0, 2400)
    found = {}
    for name, good in (("always", rule % 2), ("turning", (rule + task) % 2)):
        right = rng.random(2400) < np.where(good, 0.45, 0.05) + 0.5 * (grade >= FINDING)
        words = tuple(f"rule{r}" for r in rule), tuple(f"task{t}" for t in task)
        found[name] = calibrate.best_strength(calibrate.Claims(words[0], grade, right.astype(float), words[1]))
    for finding in (True, False):
        assert found["always"][finding] == calibrate.STRENGTHS[-1] > found["turning"][finding]


def test_findings_and_possibilities_are_shrunk_by_strengths_of_their_own() -> None:
    # As above, but here only the findings keep to their rule: the possibilities turn around.
    rng = np.random.default_rng(0)
    rule, task = np.arange(2400) % 12, np.arange(2400) // 12 % 2
    grade = rng.uniform(0.2, 1.0, 2400)
    good = np.where(grade >= FINDING, rule, rule + task) % 2
    right = rng.random(2400) < np.where(good, 0.45, 0.05) + 0.5 * (grade >= FINDING)
    words = tuple(f"rule{r}" for r in rule), tuple(f"task{t}" for t in task)
    strength = calibrate.best_strength(calibrate.Claims(words[0], grade, right.astype(float), words[1]))
    assert strength[True] == calibrate.STRENGTHS[-1] > strength[False]


def test_a_finding_stays_a_finding_and_a_possibility_a_possibility() -> None:
    claims, _ = drawn(200)
    wrong = replace(claims, right=claims.right * np.array([r != "boastful" for r in claims.rule]))
    made = calibrate.fit(wrong, 3.0)
    for grade, low, high in ((0.2, 0.0, 0.5), (0.4999, 0.0, 0.5), (0.5, 0.5, 1.0), (1.0, 0.5, 1.0)):
        for rule in ("humble", "boastful", "never seen"):
            found = float(made.probability([rule], np.array([grade]))[0])
            assert low <= found < high


def test_the_error_by_chance_is_what_right_probabilities_show() -> None:
    # One bin of n claims with probability p: the mean of |share - p| is sqrt(2 p (1 - p) / (pi n)).
    assert calibrate.by_chance(np.full(400, 0.75))[0] == pytest.approx(
        np.sqrt(2 * 0.75 * 0.25 / (np.pi * 400)), rel=0.15
    )


def test_a_rule_with_few_claims_leans_on_the_others() -> None:
    claims, _ = drawn(1000, few=3)
    made = calibrate.fit(claims, 0.1)
    for curve in made.curves.values():
        assert abs(curve.shift["rare"]) < min(curve.shift["humble"], -curve.shift["boastful"])


def test_the_order_of_claims_stays() -> None:
    claims, _ = drawn(300)
    for row in calibrate.table(calibrate.fit(claims, 0.3), claims).values():
        assert (np.diff(row["probability"]) >= 0).all() and len(row["probability"]) == len(row["grade"])


def test_a_rule_reads_off_the_stored_table_what_was_fitted() -> None:
    claims, _ = drawn(300)
    made = calibrate.fit(claims, 0.3)
    row = calibrate.table(made, claims)["humble"]
    rule = replace(load_rules()[0], calibration=tuple(zip(row["grade"], row["probability"], strict=True)))
    grades = np.linspace(0.2, 1.0, 81)
    read = [rule.confidence(float(g)) for g in grades]
    np.testing.assert_allclose(read, made.probability(["humble"] * len(grades), grades), atol=0.015)


def test_runs_that_were_seen_speak_of_how_rules_differ_and_not_of_how_often_a_finding_is_right() -> None:
    claims, true = drawn(400)
    tuned, _ = drawn(400, seed=5)
    rules = (*tuned.rule[:-4], *["only seen"] * 4)
    always = replace(tuned, rule=rules, right=np.where(tuned.grade >= FINDING, 1.0, tuned.right))
    made = calibrate.fit(claims, 0.1, always)
    assert np.abs(made.probability(claims.rule, claims.grade) - true).mean() < 0.05
    assert abs(made.curves[True].shift["only seen"]) < 0.1
    few = replace(drawn(8, seed=7)[0], task=tuple(map(str, range(20))))
    alone, helped = (calibrate.fit(few, 0.1, seen).curves[True].shift for seen in (None, tuned))
    assert helped["humble"] - helped["boastful"] > alone["humble"] - alone["boastful"]


def test_what_is_shipped_was_fitted_on_the_corpus_as_it_is() -> None:
    shipped = json.loads(SHIPPED.read_text())
    assert [source["file"] for source in shipped["from"]] == ["tests/lab/calibration.tar.xz", "tests/lab/tune.tar.xz"]
    for source in shipped["from"]:
        assert source["sha256"] == hashlib.sha256((HERE.parent / source["file"]).read_bytes()).hexdigest()
    claims = sum(row["claims"] for row in shipped["rules"].values())
    assert claims == sum(source["claims"] for source in shipped["from"])


def test_what_is_shipped_changes_no_verdict() -> None:
    rules = load_rules()
    measured = [rule for rule in rules if rule.calibration]
    assert {rule.id for rule in measured} == set(json.loads(SHIPPED.read_text())["rules"]) <= {r.id for r in rules}
    for rule in measured:
        grades = np.linspace(POSSIBLE, 1.0, 801)
        found = np.array([rule.confidence(round(float(g), 4)) for g in grades])
        assert (np.diff(found) >= 0).all()
        assert ((found >= FINDING) == (grades.round(4) >= FINDING)).all()
    plain = [replace(rule, calibration=()) for rule in rules]
    for run in (overfitted(), patients.run(train_loss=(patients.steps(200), np.full(200, 2.3)))):
        now, before = judge(run, rules), judge(run, plain)
        assert now.verdict == before.verdict
        kept = {d.rule for d in now.diagnoses} | {d.rule for d in before.diagnoses if not d.possible}
        assert [(d.rule, d.place, d.possible) for d in now.diagnoses] == [
            (d.rule, d.place, d.possible) for d in before.diagnoses if d.rule in kept
        ]
        assert any(d.calibrated for d in now.diagnoses)


def test_a_possibility_that_is_hardly_ever_right_is_left_out() -> None:
    rules = load_rules()
    plain = [replace(rule, calibration=()) for rule in rules]
    runs = find([str(HERE.parent / "sample_logs")]).runs
    run, doubted = next((run, d.rule) for run in runs for d in judge(run, plain).diagnoses if d.possible)
    for low, listed in ((0.19, False), (0.21, True)):
        told = [replace(r, calibration=((POSSIBLE, low), (FINDING, low), (FINDING, 0.9), (1.0, 0.9))) for r in rules]
        report = judge(run, told)
        assert (doubted in [d.rule for d in report.diagnoses]) == listed
        assert doubted in report.assessed


def test_findings_whose_grades_order_nothing_have_one_probability_above_that_of_possibilities() -> None:
    claims, _ = drawn(300)
    turned = np.where(claims.grade >= FINDING, claims.grade < 0.8, claims.grade < 0.25).astype(float)
    made = calibrate.fit(replace(claims, right=turned), 0.1)
    assert made.curves[True].slope == made.curves[False].slope == 0
    found = made.probability(["humble"] * 2, np.array([0.4, 0.9]))
    np.testing.assert_allclose(
        found, [np.mean(turned[claims.grade < FINDING]), np.mean(turned[claims.grade >= FINDING])], atol=0.08
    )


def test_grades_that_order_nothing_are_refused() -> None:
    grade = np.linspace(0.2, 1, 40)
    claims = calibrate.Claims(("r",) * 40, grade, (grade < 0.6).astype(float), tuple(map(str, range(40))))
    with pytest.raises(ValueError, match="mend the rules"):
        calibrate.fit(claims, 1.0)


def test_a_left_out_claim_has_no_say_in_its_probability() -> None:
    claims, _ = drawn(300)
    fold = calibrate.left_out(claims, 1.0)
    turned = calibrate.Claims(claims.rule, claims.grade, claims.right.copy(), claims.task)
    turned.right[0] = 1 - turned.right[0]
    assert calibrate.left_out(turned, 1.0)[0] == fold[0]


def test_the_log_loss_is_scikit_learns() -> None:
    claims, true = drawn(50)
    assert calibrate.log_loss(true, claims.right) == pytest.approx(log_loss(claims.right, true))


def overfitted() -> Run:
    t = patients.steps(200)
    x = t / t[-1]
    val = 0.6 + 2 * np.exp(-x / 0.1) + 0.8 * np.maximum(0, x - 0.4)
    return patients.run(train_loss=(t, patients.power_law(t)), val_loss=(t, val), lr=(t, np.full(200, 0.1)))


def test_a_clear_illness_survives_every_change() -> None:
    found = invariance.compare([overfitted()])
    assert {name: triples[0][1:] for name, triples in found.items()} == dict.fromkeys(
        invariance.CHANGES, ("overfitting", "overfitting")
    )


def test_what_leaves_points_out_leaves_the_others_as_they_are() -> None:
    run = overfitted()
    before = run.curves["val_loss"][0]
    third = invariance.every_third(run, 1).curves["val_loss"][0]
    np.testing.assert_array_equal(third.step, before.step[1::3])
    late = invariance.between(run, 0.03, 0.95).curves["val_loss"][0]
    place = (before.step - before.step[0]) / (before.step[-1] - before.step[0])
    np.testing.assert_array_equal(late.value, before.value[(place >= 0.03) & (place <= 0.95)])


def test_each_change_does_what_it_says_and_no_more() -> None:
    run = overfitted()
    before = run.curves["val_loss"][0]
    scaled, thin, noisy, dense = (change(run).curves for change in invariance.CHANGES.values())
    np.testing.assert_allclose(scaled["val_loss"][0].step, 3.7 * before.step)
    np.testing.assert_array_equal(thin["val_loss"][0].value, before.value[::2])
    np.testing.assert_array_equal(dense["val_loss"][0].value, before.value[::2])
    short = invariance.thinned(invariance.thinned(run), least=101).curves
    np.testing.assert_array_equal(short["val_loss"][0].value, before.value[::2])
    low, high = np.quantile(before.value, (0.1, 0.9))
    assert np.std(noisy["val_loss"][0].value - before.value) == pytest.approx(0.05 * (high - low), rel=0.15)
    np.testing.assert_array_equal(noisy["lr"][0].value, 0.1)
