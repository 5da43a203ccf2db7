"""Does a cause lead its consequences, and only where it is sure enough to?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from curvedoc.engine import judge
from curvedoc.rank import rank
from curvedoc.report import Diagnosis, Subject
from curvedoc.rulebook import load_rules

from .patients import exponential, noisy, run, steps

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


@pytest.mark.parametrize(("examples", "leads"), [(6, "validation-too-noisy"), (200, "plateau-needs-decay")])
def test_a_plateau_does_not_lead_where_its_bounce_may_be_that_of_a_few_examples(examples: int, leads: str) -> None:
    step = steps(400)
    at, rng = step[15::16], np.random.default_rng(1)
    right = rng.binomial(examples, 0.7, len(at)) / examples
    losses = {
        "train_loss": (step, noisy(0.35 + np.exp(-step / 60), 0.02)),
        "val_loss": (at, 0.5 + 0.05 * rng.standard_normal(len(at))),
    }
    report = judge(run(**losses, val_accuracy=(at, right), lr=(step, np.full(len(step), 0.01))), load_rules())
    assert "plateau-needs-decay" in {d.rule for d in report.findings}
    assert report.leading is not None and report.leading.rule == leads


STANDS = """
title = "{name}"
severity = "warning"
stage = "optimization"
story = "Words."
sources = ["a book"]
{more}
[[evidence]]
vital = "train_loss.flat_for"
no_at = -2.0
yes_at = -1.0
says = "whatever is flat"
reason = "It always stands."
[[fix]]
do = "Wait."
[look_alikes]
"""
DEFERS = """
explains = ["effect"]
[defers]
to = ["effect"]
vital = "lr.above_usual"
no_at = 3.0
yes_at = 1.5
says = "the rate is usual"
reason = "Then other causes come first."
"""


@pytest.mark.parametrize(
    ("hyper", "leads", "place"),
    [
        ({"lr": 0.05}, "effect", "also"),
        ({"lr": 1.0}, "cause", "consequence"),
        ({}, "cause", "consequence"),
    ],
    ids=["usual rate", "odd rate", "no rate"],
)
def test_a_rule_that_defers_leaves_the_lead_where_its_vital_says_so(
    tmp_path: Path, hyper: dict[str, float], leads: str, place: str
) -> None:
    for name, more in (("cause", DEFERS), ("effect", "")):
        (tmp_path / f"{name}.toml").write_text(STANDS.format(name=name, more=more), encoding="utf-8")
    rules = load_rules(tmp_path, select=["cause", "effect"])
    t = steps()
    first, second = judge(run(train_loss=(t, noisy(exponential(t))), hyper=hyper), rules).findings
    assert (first.rule, first.place, second.place) == (leads, "leading", place)


@pytest.mark.parametrize(("rate", "leads"), [(5.0, "learning-rate-too-high"), (0.05, "nan-explosion")])
def test_a_rate_far_above_recipes_leads_before_the_loss_that_was_soon_lost_at_it(rate: float, leads: str) -> None:
    step = steps()
    loss = noisy(exponential(step, 2.3, 0.5))
    loss[40:] = np.nan
    report = judge(run(train_loss=(step, loss), lr=(step, np.full(len(step), rate))), load_rules())
    assert report.leading is not None and report.leading.rule == leads
    assert "nan-explosion" in {d.rule for d in report.findings}
