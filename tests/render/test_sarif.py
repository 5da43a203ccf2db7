"""Does a code-scanning service get what it can read?"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from curvedoc.cli import main
from curvedoc.render import sarif
from curvedoc.report import Analysis

from .anything import anything
from .situations import all_situations, everything, exploded, overfitting

ROOT = Path(__file__).parent.parent.parent


def log(analysis: Analysis) -> dict[str, Any]:
    document = json.loads(sarif.render(analysis))
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    return dict(run)


@settings(max_examples=60, deadline=None)
@given(anything())
def test_any_analysis_is_a_log_whose_parts_refer_to_each_other(analysis: Analysis) -> None:
    run = log(analysis)
    rules = run["tool"]["driver"]["rules"]
    assert len(run["results"]) == sum(len(r.findings) for r in analysis)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
        assert 0 <= result["rank"] <= 100


def test_a_finding_says_what_was_seen_how_sure_and_what_to_do() -> None:
    run = log(Analysis((overfitting(),)))
    text = run["results"][0]["message"]["text"]
    assert text.startswith("Overfitting (strong evidence (0.93, not calibrated), from step 1500 on")
    assert "val_loss rose 0.56 above its best" in text
    assert "Do first: Keep the checkpoint of step 1500" in text
    place = run["results"][0]["locations"][0]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "runs/resnet18-adamw/metrics.csv"
    assert place["logicalLocations"] == [{"name": "resnet18-adamw", "kind": "run"}]


def test_severity_becomes_the_level() -> None:
    assert [r["level"] for r in log(Analysis((exploded(),)))["results"]] == ["error", "error", "warning"]


def test_a_result_is_known_again_when_its_confidence_moves() -> None:
    def marks(confidence: float) -> list[str]:
        run = overfitting()
        moved = tuple(replace(d, confidence=confidence) for d in run.diagnoses)
        return [
            r["partialFingerprints"]["runAndRule/v1"]
            for r in log(Analysis((replace(run, diagnoses=moved),)))["results"]
        ]

    assert marks(0.6) == marks(0.9)
    assert len(set(marks(0.6))) == 2


def test_refused_files_are_notifications() -> None:
    (invocation,) = log(everything())["invocations"]
    assert invocation["executionSuccessful"] is False
    assert invocation["toolExecutionNotifications"][0]["message"]["text"] == "the header is empty"


def test_a_place_is_a_relative_reference_whatever_its_name() -> None:
    for result in log(all_situations())["results"]:
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert uri.isascii() and not set(uri) & set(" <>\"'`\\:")


@pytest.mark.parametrize("how", [["--format", "sarif"], ["-o", "curvedoc.sarif"]])
def test_the_command_prints_it(how: list[str], tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["analyze", str(ROOT / "sample_logs" / "overfitting"), *how]) == 0
    printed = capsys.readouterr().out if "--format" in how else (tmp_path / "curvedoc.sarif").read_text()
    assert "overfitting" in {r["ruleId"] for r in json.loads(printed)["runs"][0]["results"]}
