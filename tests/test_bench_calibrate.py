"""Calibration on claims whose probability is known, and the changes that must not move a diagnosis."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import log_loss

from curvedoc.run import Run
from tests import patients
from tests.bench import calibrate, grading, invariance


def drawn(n: int, seed: int = 0, few: int = 4) -> tuple[calibrate.Claims, grading.Array]:
    """Claims of a rule that is righter than its grade and of one that is less right, and of one with few claims."""
    rng = np.random.default_rng(seed)
    rules = ["humble"] * n + ["boastful"] * n + ["rare"] * few
    grade = rng.uniform(0.2, 1.0, len(rules))
    shift = np.array([{"humble": 1.5, "boastful": -1.5, "rare": 0.0}[r] for r in rules])
    z = np.log(np.clip(grade, 0.02, 0.98) / (1 - np.clip(grade, 0.02, 0.98)))
    true = 1 / (1 + np.exp(-(shift + 1.0 * z)))
    right = (rng.random(len(rules)) < true).astype(float)
    return calibrate.Claims(tuple(rules), grade, right, tuple(f"case{k}" for k in range(len(rules)))), true


def test_the_fit_finds_the_probabilities_that_the_claims_were_drawn_with() -> None:
    claims, true = drawn(1500)
    made = calibrate.fit(claims, calibrate.best_strength(claims))
    assert np.abs(made.probability(claims.rule, claims.grade) - true).mean() < 0.03


def test_calibration_lowers_the_error_on_claims_that_were_not_fitted() -> None:
    made = calibrate.fit(drawn(400, seed=1)[0], 1.0)
    unseen, _ = drawn(2000, seed=2)
    # Over both rules the errors of the raw grades cancel: each rule is looked at alone.
    for rule in ("humble", "boastful"):
        mine = np.array([r == rule for r in unseen.rule])
        grade, right = unseen.grade[mine], unseen.right[mine]
        assert grading.calibration_error(grade, right) > 0.15
        assert grading.calibration_error(made.probability([rule] * len(grade), grade), right) < 0.06


def test_a_rule_with_few_claims_leans_on_the_others() -> None:
    claims, _ = drawn(300, few=3)
    made = calibrate.fit(claims, 0.1)
    assert abs(made.shift["rare"]) < 0.3 < min(made.shift["humble"], -made.shift["boastful"])


def test_the_order_of_claims_stays() -> None:
    claims, _ = drawn(100)
    for row in calibrate.table(calibrate.fit(claims, 1.0), claims).values():
        assert (np.diff(row["probability"]) >= 0).all() and len(row["probability"]) == len(row["grade"])


def test_grades_that_order_nothing_are_refused() -> None:
    grade = np.linspace(0.2, 1, 40)
    claims = calibrate.Claims(("r",) * 40, grade, (grade < 0.6).astype(float), tuple(map(str, range(40))))
    with pytest.raises(ValueError, match="mend the rules"):
        calibrate.fit(claims, 1.0)


def test_a_left_out_claim_has_no_say_in_its_probability() -> None:
    claims, _ = drawn(60)
    fold = calibrate.left_out(claims, 1.0)
    turned = calibrate.Claims(claims.rule, claims.grade, claims.right.copy(), claims.case)
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


def test_each_change_does_what_it_says_and_no_more() -> None:
    run = overfitted()
    before = run.curves["val_loss"][0]
    scaled, thin, noisy = (change(run).curves for change in invariance.CHANGES.values())
    np.testing.assert_allclose(scaled["val_loss"][0].step, 3.7 * before.step)
    np.testing.assert_array_equal(thin["val_loss"][0].value, before.value[::2])
    low, high = np.quantile(before.value, (0.1, 0.9))
    assert np.std(noisy["val_loss"][0].value - before.value) == pytest.approx(0.05 * (high - low), rel=0.15)
    np.testing.assert_array_equal(noisy["lr"][0].value, 0.1)
