"""The packed corpus: whole, as large as it says, readable, and on its tuning half judged as it was."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import curvedoc
from curvedoc.report import Report

from .bench.labelled import LABEL_OF

LAB = Path(__file__).parent / "lab"
MISSION = (
    *("nan_explosion", "bad_init", "plateau_needs_decay", "decay_too_early", "overfitting", "underfitting"),
    "update_ratio_anomaly",
)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Every label by case name, with the folder it lies in and its part."""
    out = tmp_path_factory.mktemp("lab")
    found = {}
    for half in ("tune", "judge", "calibration"):
        with tarfile.open(LAB / f"{half}.tar.xz") as tar:
            tar.extractall(out / half, filter="data")
        for label in sorted((out / half).glob("*/label.json")):
            found[label.parent.name] = {**json.loads(label.read_text()), "folder": label.parent, "half": half}
    return found


@pytest.fixture(scope="module")
def reports(cases: dict[str, dict[str, Any]]) -> dict[str, list[Report]]:
    return {name: list(curvedoc.analyze(case["folder"] / "log")) for name, case in cases.items()}


def test_the_archives_are_those_whose_sums_stand_beside_them() -> None:
    for line in (LAB / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((LAB / name).read_bytes()).hexdigest() == digest
    assert sum(f.stat().st_size for f in LAB.iterdir()) < 10e6


def test_there_are_enough_cases_of_every_kind(cases: dict[str, dict[str, Any]]) -> None:
    labels = Counter(case["label"] for case in cases.values())
    assert len(cases) >= 240
    assert labels["healthy"] >= 80
    assert {label: labels[label] for label in MISSION if labels[label] < 10} == {}
    assert {label: n for label, n in labels.items() if n < 5} == {}
    tasks = Counter(case["task"] for case in cases.values())
    assert len(tasks) >= 6
    assert max(tasks.values()) <= 0.3 * len(cases)
    assert len({case["model"] for case in cases.values()}) >= 5


def test_the_halves_share_neither_task_nor_model(cases: dict[str, dict[str, Any]]) -> None:
    for key in ("task", "model"):
        tune, judge = ({case[key] for case in cases.values() if case["half"] == half} for half in ("tune", "judge"))
        assert not tune & judge


def test_confidence_is_measured_on_tasks_of_its_own(cases: dict[str, dict[str, Any]]) -> None:
    mine = [case for case in cases.values() if case["half"] == "calibration"]
    tasks = Counter(case["task"] for case in mine)
    assert not tasks.keys() & {case["task"] for case in cases.values() if case["half"] != "calibration"}
    assert len(tasks) >= 6 and max(tasks.values()) <= 0.3 * len(mine)
    assert len({case["label"] for case in mine}) >= 12


def test_no_threshold_was_chosen_on_the_runs_that_measure_confidence() -> None:
    root = LAB.parent.parent
    files = [*(root / "rules").glob("*.toml"), *(root / "curvedoc").rglob("*.py")]
    assert [file.name for file in files if "lab/calibration" in file.read_text(encoding="utf-8")] == []


def test_a_label_stands_by_its_own_numbers(cases: dict[str, dict[str, Any]]) -> None:
    for name, case in cases.items():
        helping = {trial["proves"] for trial in case["trials"] if trial["helps"]}
        if case["label"] == "healthy":
            assert not helping, name
        elif case["label"] not in ("val_too_small", "train-eval-mismatch"):
            assert case["label"] in helping, name
        assert not helping & set(case["refuted"]), name


def test_every_case_is_read_as_one_run(reports: dict[str, list[Report]]) -> None:
    assert {name: len(found) for name, found in reports.items() if len(found) != 1} == {}


def test_healthy_runs_of_the_tuning_half_raise_no_alarm(
    cases: dict[str, dict[str, Any]], reports: dict[str, list[Report]]
) -> None:
    healthy = [name for name, case in cases.items() if case["label"] == "healthy" and case["half"] == "tune"]
    alarmed = [name for name in healthy if reports[name][0].verdict == "findings"]
    assert len(alarmed) <= 0.03 * len(healthy), alarmed


def test_no_sick_run_of_the_tuning_half_is_told_what_a_treatment_refuted(
    cases: dict[str, dict[str, Any]], reports: dict[str, list[Report]]
) -> None:
    sick = [name for name, case in cases.items() if case["label"] != "healthy" and case["half"] == "tune"]
    wrong = []
    for name in sick:
        leading = next((d for d in reports[name][0].diagnoses if d.place == "leading"), None)
        if leading is not None and LABEL_OF.get(leading.rule) in cases[name]["refuted"]:
            wrong.append((name, leading.rule))
    assert len(wrong) <= 0.08 * len(sick), wrong
