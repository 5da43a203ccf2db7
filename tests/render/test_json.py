"""Is the JSON the document that the schema promises?"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from curvedoc import estimate, report, run
from curvedoc.render import json as json_output
from curvedoc.report import Analysis

from .anything import anything
from .situations import all_situations, everything, hostile, many, overfitting

SCHEMAS = Path(report.__file__).parent / "schema"


def schema(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((SCHEMAS / f"{name}-1.schema.json").read_text(encoding="utf-8"))
    return loaded


def refuse(word: str) -> float:
    raise AssertionError(f"the literal {word} is no JSON")


VALIDATOR = jsonschema.Draft202012Validator(schema("report"))
BY_HAND: tuple[Analysis, ...] = (Analysis(()), everything(), many(), Analysis((overfitting(),)))


@pytest.mark.parametrize("name", ["report", "inspect"])
def test_the_schema_is_a_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(name))


@pytest.mark.parametrize("analysis", BY_HAND, ids=["none", "everything", "many", "one"])
def test_the_document_satisfies_the_schema(analysis: Analysis) -> None:
    VALIDATOR.validate(json.loads(json_output.render(analysis)))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda d: d.update(schema=2), "1 was expected"),
        (lambda d: d["runs"][0].update(extra=1), "extra"),
        (lambda d: d["runs"][0].update(verdict="sick"), "sick"),
        (lambda d: d["runs"][0]["diagnoses"][0].pop("onset"), "onset"),
        (lambda d: d["runs"][0]["diagnoses"][0].update(confidence=1.5), "1.5"),
        (lambda d: d["runs"][0]["diagnoses"][0]["fixes"][0].update(action={"at": 1}), "at"),
        (lambda d: d["runs"][0]["diagnoses"][0]["evidence"][0].update(unit="percent"), "percent"),
        (lambda d: d["runs"][0]["diagnoses"][0].update(place="consequence"), "None is not of type 'string'"),
    ],
)
def test_the_schema_refuses_what_the_contract_does(spoil: Any, says: str) -> None:
    document = json.loads(json_output.render(Analysis((overfitting(),))))
    spoil(document)
    with pytest.raises(jsonschema.ValidationError, match=says):
        VALIDATOR.validate(document)


@settings(max_examples=50, deadline=None)
@given(anything())
def test_any_analysis_gives_strict_json_in_ascii(analysis: Analysis) -> None:
    printed = json_output.render(analysis)
    assert printed.isascii()
    assert json.loads(printed, parse_constant=refuse)["schema"] == 1


def test_non_finite_numbers_are_strings() -> None:
    seen = json.loads(json_output.render(Analysis((hostile(),))))["runs"][0]["diagnoses"][0]["evidence"][0]
    assert (seen["value"], seen["low"], seen["high"]) == ("NaN", "-Infinity", "Infinity")


def test_the_same_analysis_gives_the_same_bytes() -> None:
    assert json_output.render(all_situations()) == json_output.render(all_situations())


def test_the_runs_keep_the_order_of_the_analysis() -> None:
    analysis = everything()
    assert [r["name"] for r in json.loads(json_output.render(analysis))["runs"]] == [r.name for r in analysis]


def test_the_words_of_the_schema_are_the_words_of_the_code() -> None:
    parts = schema("report")["$defs"]
    diagnosis = parts["diagnosis"]["properties"]
    assert parts["run"]["properties"]["verdict"]["enum"] == list(report.VERDICTS)
    assert diagnosis["severity"]["enum"] == list(report.SEVERITIES)
    assert diagnosis["stage"]["enum"] == list(report.STAGES)
    assert diagnosis["place"]["enum"] == list(report.PLACES)
    assert parts["evidence"]["properties"]["unit"]["enum"] == list(estimate.UNITS)


def test_the_roles_of_the_inspect_schema_are_the_roles_of_the_code() -> None:
    validator = jsonschema.Draft202012Validator(schema("inspect"))
    for role in run.ROLES.values():
        word = f"{role.name}[fc1\n]" if role.layered else role.name
        curve = {"file": "a", "tag": "b", "role": word, "points": 1, "first_step": 0.0, "last_step": None}
        document = {
            "schema": 1,
            "runs": [{"name": "r", "path": "a", "files": ["a"], "curves": [curve]}],
            "refused": [],
            "skipped": [],
        }
        validator.validate(document)
        curve["role"] = "no_role"
        assert not validator.is_valid(document)


def test_a_number_stays_what_it_was() -> None:
    best = json.loads(json_output.render(Analysis((overfitting(),))))["runs"][0]["best"]
    found = overfitting().best
    assert found is not None
    assert math.isclose(best["value"], found.value, rel_tol=0, abs_tol=0)
