"""Every sample log gets the diagnosis that was planted in it and proved by treatment; every healthy one is healthy."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from curvedoc import analyze

SAMPLES = Path(__file__).parent.parent / "sample_logs"
LABELS = {p.parent.name: tomllib.loads(p.read_text(encoding="utf-8")) for p in SAMPLES.glob("*/label.toml")}


def test_every_sample_has_a_label_that_its_treatments_proved() -> None:
    assert {p.name for p in SAMPLES.iterdir() if p.is_dir()} == set(LABELS)
    assert all(label["stands"] for label in LABELS.values())


@pytest.mark.parametrize("name", sorted(LABELS))
def test_a_sample_gets_its_label(name: str) -> None:
    (report,) = analyze(SAMPLES / name)
    label = LABELS[name]["label"]
    if label == "healthy":
        assert report.verdict == "healthy", str(report)
    else:
        assert report.leading is not None, str(report)
        assert report.leading.rule == label


def test_runs_stand_in_the_order_of_the_verdict_that_is_shown() -> None:
    shown = [report.worst for report in analyze(SAMPLES) if report.leading is not None]
    assert shown == sorted(shown, key=("critical", "warning").index)
    assert {"critical", "warning"} == set(shown)
