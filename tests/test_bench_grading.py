"""The numbers of the bench against scikit-learn's and against values worked out by hand."""

from __future__ import annotations

import doctest
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support

from tests.bench import grading, truth
from tests.bench.labelled import LABEL_OF, LABELS, RULE_OF, Case, load

WORDS = ("healthy", "overfitting", "bad_init", "diverging")


def drawn(n: int = 200, seed: int = 0) -> list[tuple[str, str]]:
    rng = np.random.default_rng(seed)
    pairs = []
    for _ in range(n):
        true = str(rng.choice(WORDS[:3]))
        pairs.append((true, true if rng.random() < 0.6 else str(rng.choice(WORDS))))
    return pairs


def test_precision_recall_and_f1_are_scikit_learns() -> None:
    pairs = drawn()
    found = grading.by_label(pairs)
    truth_, guess = zip(*pairs, strict=True)
    theirs = precision_recall_fscore_support(truth_, guess, labels=sorted(found), zero_division=0)
    np.testing.assert_allclose(np.array([found[label] for label in sorted(found)]).T, np.array(theirs, float))


def test_macro_f1_averages_over_the_labels_that_are_true_of_some_case() -> None:
    pairs = drawn()
    truth_, guess = zip(*pairs, strict=True)
    assert grading.macro_f1(pairs) == pytest.approx(f1_score(truth_, guess, labels=WORDS[:3], average="macro"))
    assert grading.macro_f1(pairs, ["healthy"]) == pytest.approx(
        f1_score(truth_, guess, labels=["healthy"], average="macro")
    )


def test_the_bootstrap_draws_what_macro_f1_gives_on_the_same_draws() -> None:
    pairs = drawn(40)
    rng = np.random.default_rng(3)
    scores = [grading.macro_f1([pairs[k] for k in rng.integers(0, 40, 40)]) for _ in range(200)]
    assert grading.bootstrap_macro_f1(pairs, rounds=200, seed=3) == pytest.approx(np.quantile(scores, (0.025, 0.975)))


def test_the_bootstrap_interval_of_one_label_is_that_of_a_proportion() -> None:
    # F1 of a single label with recall r and precision 1 is 2r / (1 + r); r of 400 cases at 0.75 has a standard
    # error of 0.0217, hence 1.96 of them on either side.
    low, high = grading.bootstrap_macro_f1([("a", "a")] * 300 + [("a", "b")] * 100, rounds=4000)
    ends = [2 * r / (1 + r) for r in (0.75 - 1.96 * 0.0217, 0.75 + 1.96 * 0.0217)]
    assert (low, high) == pytest.approx(ends, abs=0.004)


def test_reliability_is_scikit_learns_calibration_curve() -> None:
    rng = np.random.default_rng(1)
    confidence = rng.random(300)
    right = (rng.random(300) < confidence**2).astype(float)
    share, mean = calibration_curve(right, confidence, n_bins=10)
    ours = grading.reliability(confidence, right)
    np.testing.assert_allclose([m for m, _, _ in ours], mean)
    np.testing.assert_allclose([s for _, s, _ in ours], share)


def test_the_calibration_error_weighs_each_bin_by_its_claims() -> None:
    # Bin 0.2-0.3: mean 0.25, none of two right; bin 0.9-1.0: mean 0.9, two of three right.
    confidence, right = np.array([0.2, 0.3 - 1e-9, 0.9, 0.9, 0.9]), np.array([0.0, 0, 1, 1, 0])
    assert grading.calibration_error(confidence, right) == pytest.approx(0.4 * 0.25 + 0.6 * (0.9 - 2 / 3))


def test_a_confidence_of_one_lies_in_the_last_bin() -> None:
    assert grading.calibration_error(np.array([1.0, 1.0]), np.array([1.0, 1.0])) == 0.0


def test_an_onset_in_epochs_counts_from_zero_or_from_one() -> None:
    assert grading.onset_error(4, 100, 1000, steps_per_epoch=20) == 0.0
    assert grading.onset_error(5, 100, 1000, steps_per_epoch=20) == 0.0
    assert grading.onset_error(7, 100, 1000, steps_per_epoch=20) == pytest.approx(0.04)


def test_no_onset_on_either_side_is_no_error() -> None:
    assert grading.onset_error(None, 10, 100) is None
    assert grading.onset_error(10, None, 100) is None


def test_the_confusion_table_holds_scikit_learns_counts() -> None:
    pairs = drawn()
    rows = [line.split()[1:] for line in grading.confusion(pairs, WORDS).splitlines()[1:]]
    theirs = confusion_matrix(*zip(*pairs, strict=True), labels=WORDS)[:3]
    np.testing.assert_array_equal([[0 if cell == "." else int(cell) for cell in row] for row in rows], theirs)


def test_the_examples_of_the_grading_hold() -> None:
    assert doctest.testmod(grading, extraglobs={"np": np}).failed == 0


def test_every_rule_of_a_label_gives_that_label_back() -> None:
    assert {LABEL_OF[rule] for rule in RULE_OF.values()} == set(RULE_OF)
    assert set(LABEL_OF.values()) <= set(LABELS)


def test_a_claim_is_left_open_where_it_was_neither_proved_nor_refuted() -> None:
    case = Case("c", (), "overfitting", frozenset({"over"}), frozenset({"bad_init"}))
    assert [case.holds(label) for label in ("overfitting", "over", "bad_init", "diverging")] == [
        True,
        True,
        False,
        None,
    ]


def test_nothing_but_healthy_holds_of_a_healthy_run() -> None:
    case = Case("c", (), "healthy", refuted=frozenset({"bad_init"}))
    assert case.holds("diverging") is False


def overfitted(case: Path) -> None:
    """A log whose validation loss turns at a third, with its label."""
    (case / "log").mkdir(parents=True)
    t = np.arange(60)
    train, val = 2 * np.exp(-t / 20) + 0.05, 2 * np.exp(-t / 10) + 0.02 * np.maximum(0, t - 20) + 0.3
    rows = [f"{k},{a:.6f},{b:.6f}" for k, a, b in zip(t, train, val, strict=True)]
    (case / "log" / "log.csv").write_text("\n".join(["epoch,train_loss,val_loss", *rows]))
    label = {"label": "overfitting", "acceptable": [], "refuted": ["bad_init"], "onset": 2000, "steps": 6000}
    (case / "label.json").write_text(json.dumps(label | {"schedule": None, "lr_logged": False}))


def test_an_archive_of_cases_is_read_like_its_directory(tmp_path: Path) -> None:
    overfitted(tmp_path / "half" / "a01")
    with tarfile.open(tmp_path / "half.tar.xz", "w:xz") as archive:
        archive.add(tmp_path / "half" / "a01", "a01")
    packed, plain = load(tmp_path / "half.tar.xz", tmp_path / "room"), load(tmp_path / "half", tmp_path)
    assert [(c.name, c.label, c.onset, c.logs[0].is_dir()) for c in packed] == [("a01", "overfitting", 2000, True)]
    assert packed[0].refuted == plain[0].refuted


def test_a_case_is_graded_on_the_axis_of_its_label(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    overfitted(tmp_path / "a01")
    cases = load(tmp_path, tmp_path)
    answers = [truth.curvedoc_says(case) for case in cases]
    truth.describe(cases, answers)
    assert answers[0].top == "overfitting"
    # 60 epochs of 100 steps; the sum of both curves turns where 0.2 exp(-t / 10) = 0.02: at epoch 23, 300 steps on.
    told = capsys.readouterr().out
    assert float(told.split("onset error: median ")[1].split()[0]) <= 6


def test_a_path_without_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no label\.json"):
        load(tmp_path, tmp_path)
