"""What do `curvedoc explain` and `curvedoc rules` tell of the rules?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curvedoc.cli import main

ROOT = Path(__file__).parent.parent


def test_explain_prints_the_whole_rule_file(capsys: pytest.CaptureFixture[str]) -> None:
    from curvedoc.rulebook import load_rules

    for rule in load_rules():
        assert main(["explain", rule.id]) == 0
        page = " ".join(capsys.readouterr().out.split())
        for text in (
            rule.title,
            rule.story,
            *rule.sources,
            *(c.reason for c in rule.evidence),
            *rule.look_alikes.values(),
            *((", ".join(rule.defers.to), rule.defers.where.reason) if rule.defers else ()),
        ):
            assert text in page


@pytest.mark.parametrize(
    ("half", "whole"), [("plateu", "plateau-needs-decay"), ("nan", "nan-explosion"), ("overfit", "overfitting")]
)
def test_half_a_name_of_a_rule_is_enough_for_a_hint(half: str, whole: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", half]) == 2
    assert f"did you mean {whole!r}?" in capsys.readouterr().err


def test_explain_never_exceeds_the_width(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    main(["explain", "overfitting"])
    assert max(len(line) for line in capsys.readouterr().out.splitlines()) <= 60


def test_rules_of_ones_own_are_listed_and_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = ROOT / "rules" / "overfitting.toml"
    (tmp_path / "mine.toml").write_text(source.read_text().replace("Overfitting:", "My own:"))
    assert main(["rules", "--rules", str(tmp_path), "--format", "json"]) == 0
    listed = {rule["id"]: rule for rule in json.loads(capsys.readouterr().out)["rules"] if not rule["form"]}
    assert listed["mine"]["title"].startswith("My own:")
    assert listed["mine"]["evidence"] == listed["overfitting"]["evidence"]
    assert main(["explain", "mine", "--rules", str(tmp_path)]) == 0
    assert "My own:" in capsys.readouterr().out


def test_the_list_of_rules_names_every_file(capsys: pytest.CaptureFixture[str]) -> None:
    ids = {file.stem for file in (ROOT / "rules").glob("*.toml")}
    assert main(["rules"]) == 0
    assert ids <= set(capsys.readouterr().out.split())
    assert main(["rules", "--format", "markdown"]) == 0
    rows = capsys.readouterr().out.splitlines()[2:]
    assert {row.split("`")[1] for row in rows} == ids
