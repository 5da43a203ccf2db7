"""Does a cause lead its consequences, and only where it is sure enough to?"""

from __future__ import annotations

import pytest

from curvedoc.rank import rank
from curvedoc.report import Diagnosis, Subject
from curvedoc.rulebook import load_rules

RULES = {rule.id: rule for rule in load_rules() if not rule.form}


def claim(rule: str, grade: float) -> Diagnosis:
    known = RULES[rule]
    return Diagnosis(
        rule=rule,
        title=known.title,
        severity=known.severity,
        stage=known.stage,
        confidence=grade,
        calibrated=False,
        possible=False,
        place="also",
        of=None,
        subject=Subject("run", ""),
        onset=None,
        evidence=(),
        fixes=(),
        story="",
        look_alikes=(),
    )


@pytest.mark.parametrize(("grade", "leads"), [(0.7, "learning-rate-too-high"), (0.51, "loss-spikes")])
def test_a_cause_at_the_border_of_a_finding_takes_no_lead_from_a_sure_consequence(grade: float, leads: str) -> None:
    assert "loss-spikes" in RULES["learning-rate-too-high"].explains
    found = rank([claim("learning-rate-too-high", grade), claim("loss-spikes", 1.0)], RULES)
    assert found[0].rule == leads
    assert found[0].place == "leading"
