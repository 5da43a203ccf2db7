"""Does the page get what the report holds, in few bytes?"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from curvedoc.render.payload import payload, script
from curvedoc.report import Analysis, Clock, Drawn, Report, Trend

from .anything import anything
from .situations import everything, exploded, healthy, hostile, layers, overfitting, report


def steps(coded: Any) -> list[float]:
    """The step axis that the page decodes."""
    if isinstance(coded, list):
        return coded
    gaps = coded["gaps"] if "gaps" in coded else [coded["by"]] * (coded["n"] - 1)
    return list(np.cumsum([coded["from"], *gaps]))


def run(report: Report) -> dict[str, Any]:
    return payload(Analysis((report,))).runs[0]


@settings(max_examples=60, deadline=None)
@given(anything())
def test_any_report_becomes_json_and_back(analysis: Analysis) -> None:
    data = payload(analysis)
    for part in (data.index, *data.runs):
        assert json.loads(script(part)) == part


def test_curves_come_out_as_they_went_in() -> None:
    data = run(overfitting())
    drawn = {c.role: c for c in overfitting().curves}
    lines = {line["label"]: line for panel in data["panels"] for line in panel["lines"]}
    assert set(lines) == set(drawn)
    for role, line in lines.items():
        assert steps(data["steps"][line["s"]]) == list(drawn[role].step)
        assert line["v"] == pytest.approx(drawn[role].value, rel=1e-4)
        assert line["points"] == drawn[role].points


def test_points_that_were_not_finite_are_not_said_to_be_thinned() -> None:
    (line,) = [line for line in run(exploded())["panels"][0]["lines"] if line["label"] == "train_loss"]
    assert line["points"] == 412  # of the 500 that were logged


def test_curves_that_were_logged_together_share_their_steps() -> None:
    data = run(healthy())
    lines = {line["label"]: line for panel in data["panels"] for line in panel["lines"]}
    assert lines["train_loss"]["s"] == lines["lr"]["s"] != lines["val_loss"]["s"]


def test_fractions_of_an_epoch_survive() -> None:
    at = [0.5, 1.0, 1.5, 2.25]
    data = run(report("x", "healthy", curves=(Drawn("train_loss", "", tuple(at), (4.0, 3.0, 2.0, 1.0)),)))
    assert steps(data["steps"][0]) == at


def test_more_runs_are_thinned_more_and_the_extremes_stay() -> None:
    value = np.ones(800)
    value[123] = 50.0
    long = report("x", "healthy", curves=(Drawn("train_loss", "", tuple(np.arange(800.0)), tuple(value), points=9999),))
    alone = payload(Analysis((long,))).runs[0]["panels"][0]["lines"][0]
    crowd = payload(Analysis((long,) * 4000)).runs[7]["panels"][0]["lines"][0]
    assert len(alone["v"]) == 800
    assert 100 <= len(crowd["v"]) <= 260
    assert max(crowd["v"]) == 50
    assert crowd["points"] == 9999


def test_evidence_is_marked_with_the_number_that_its_sentence_has() -> None:
    data = run(exploded())
    marks = {mark["n"]: mark["says"] for panel in data["panels"] for mark in panel.get("marks", [])}
    seen = {e["n"]: e["says"] for card in data["cards"] for e in card["seen"] if "n" in e}
    assert marks == seen
    assert set(marks) == {1, 2}
    assert data["panels"][0]["onset"] == [824, 700, 824]
    assert data["panels"][0]["lines"][0]["lost"][0] == 824


def test_trends_and_other_axes_are_handed_on() -> None:
    trend = Trend("train_loss", "heading", (1.0, 2.0), (0.3, 0.2), (0.1, 0.1), (0.5, 0.4))
    data = run(replace(healthy(), trends=(trend,), clocks=(Clock("epoch", (0.0, 10.0), (0.0, 1.0)),)))
    assert data["panels"][0]["trends"] == [
        {"says": "heading", "s": [1, 2], "v": [0.3, 0.2], "low": [0.1, 0.1], "high": [0.5, 0.4]}
    ]
    assert data["clocks"] == [{"name": "epoch", "s": [0, 10], "v": [0, 1]}]


def test_a_story_that_many_runs_share_is_written_once() -> None:
    data = payload(Analysis(tuple(overfitting(f"r{i}") for i in range(50))))
    told = overfitting().diagnoses[0].story
    assert sum(" ".join(told.split()) == text for text in data.index["texts"]) == 1


def test_the_overview_has_the_words_and_the_numbers_to_sort_by() -> None:
    row = payload(Analysis((overfitting(),))).index["runs"][0]
    best = overfitting().best
    assert best is not None
    assert row["best"]["value"] == best.value
    assert row["lead"]["confidence"] == 0.93
    assert row["lead"]["do"].startswith("Keep the checkpoint of step 1500")
    assert row["schedule"] == "cosine"
    assert row["wasted"]["value"] == pytest.approx((5000 - best.step) / 4995, abs=0.01)


def test_possible_findings_and_what_was_not_judged_are_there() -> None:
    data = run(overfitting())
    assert [d["rule"] for d in data["maybe"]] == ["learning-rate-too-high"]
    assert data["missing"]["log"] == [["update_ratio", "2 rules"], ["dead_share", "1 rule"]]
    assert len(data["missing"]["rules"]) == 4


def test_a_hostile_report_stays_small() -> None:
    many = replace(hostile(), name="x" * 10_000, hyper={f"k{i}": "v" * 10_000 for i in range(5000)})
    assert len(script(run(many))) < 200_000


def test_a_network_of_a_thousand_layers_is_counted_not_drawn() -> None:
    base = layers()
    extra = tuple(Drawn(f"update_ratio[l{i}]", "", (0.0, 1.0), (1e-3, 1e-3)) for i in range(1000))
    panel = run(replace(base, curves=base.curves + extra))["panels"][1]
    assert len(panel["lines"]) + panel["more"] == 1000 + 9


def test_every_situation_has_a_row_and_a_document() -> None:
    data = payload(everything())
    assert len(data.index["runs"]) == len(data.runs) == len(everything())
    assert {row["state"] for row in data.index["runs"]} >= {"critical", "warning", "healthy", "not assessed"}
