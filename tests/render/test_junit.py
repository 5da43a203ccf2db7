"""Does a CI server get one test case per run?"""

from __future__ import annotations

from xml.etree import ElementTree as Xml

from hypothesis import given, settings

from curvedoc.render import junit
from curvedoc.report import Analysis

from .anything import anything
from .situations import all_situations, everything, exploded, healthy, overfitting


def suite(analysis: Analysis) -> Xml.Element:
    found = Xml.fromstring(junit.render(analysis).encode("utf-8")).find("testsuite")
    assert found is not None
    return found


@settings(max_examples=60, deadline=None)
@given(anything())
def test_any_analysis_is_well_formed_and_counts_its_cases(analysis: Analysis) -> None:
    found = suite(analysis)
    assert int(found.get("tests", "-1")) == len(found.findall("testcase"))
    for kind, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(found.get(kind, "-1")) == len(found.findall(f"testcase/{tag}"))


def test_the_document_names_its_encoding_and_holds_no_forbidden_character() -> None:
    printed = junit.render(all_situations())
    assert printed.startswith('<?xml version="1.0" encoding="UTF-8"?>')
    Xml.fromstring(printed.encode("utf-8"))


def test_a_verdict_decides_the_outcome() -> None:
    outcomes = {case.get("name"): [part.tag for part in case] for case in suite(everything()).findall("testcase")}
    assert outcomes["resnet18-adamw"] == ["failure", "system-out"]
    assert outcomes["three-points"][0] == "skipped"
    assert outcomes["baseline"] == ["system-out"]
    assert outcomes["resumed"] == []
    assert outcomes["runs/broken/metrics.csv"] == ["error"]


def test_a_failure_tells_the_rule_the_evidence_and_the_fix() -> None:
    failure = suite(Analysis((exploded(),))).find("testcase/failure")
    assert failure is not None
    assert failure.text is not None
    assert failure.get("type") == "nan-explosion"
    assert "seen: train_loss is NaN from step 824 on" in failure.text
    assert "do: Clip the gradient norm at 1." in failure.text
    assert "Loss spikes [loss-spikes]" in failure.text


def test_what_is_only_good_to_know_fails_nothing() -> None:
    out = suite(Analysis((overfitting(),))).find("testcase/system-out")
    assert out is not None
    assert "Over-confidence [over-confidence] (info" in str(out.text)


def test_nothing_in_it_depends_on_the_clock_or_the_host() -> None:
    printed = junit.render(Analysis((healthy(),)))
    assert not {"time=", "timestamp", "hostname"} & set(printed.replace("=", "= ").split())
    assert printed == junit.render(Analysis((healthy(),)))
