"""Is a sibling at a better rate evidence, and a sweep as such none?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from curvedoc.engine import judge
from curvedoc.report import Report
from curvedoc.rulebook import load_rules
from curvedoc.run import Curve, Run
from curvedoc.siblings import TRIED, weigh

RULES = load_rules()
STEPS = np.arange(0.0, 4000.0, 20.0)


def a_run(rate: float, tau: float, floor: float = 0.3, **hyper: object) -> tuple[Run, Report]:
    """A loss that comes down to its floor with the time constant tau under a constant rate."""
    noise = np.random.default_rng(int(tau)).standard_normal((2, len(STEPS)))
    loss = floor + 2.0 * np.exp(-STEPS / tau)
    curves = {
        "train_loss": (Curve(STEPS, loss * (1 + 0.02 * noise[0])),),
        "val_loss": (Curve(STEPS, loss * (1.02 + 0.005 * noise[1])),),
        "lr": (Curve(STEPS, np.full(len(STEPS), rate)),),
    }
    run = Run(f"lr{rate:g}", curves, path=f"runs/lr{rate:g}/log.csv", hyper={"width": 8, "lr": rate, **hyper})
    return run, judge(run, RULES)


def suspected(pair: tuple[Run, Report], rule: str) -> tuple[Run, Report]:
    """The same run with nothing but a rule listed as possible, whatever its own curve says."""
    slow = next(d for d in a_run(1e-4, 6000)[1].diagnoses if d.rule == "learning-rate-too-low")
    made = replace(slow, rule=rule, confidence=0.3, possible=True, severity="info", place="also", of=None)
    return pair[0], replace(pair[1], verdict="healthy", diagnoses=(made,))


def test_a_sibling_that_came_further_at_a_higher_rate_proves_that_a_rate_is_too_low() -> None:
    slow, fast = suspected(a_run(1e-4, 6000), "learning-rate-too-low"), a_run(1e-3, 600)
    report = weigh([slow, fast], RULES)[0]
    assert report.leading is not None
    assert report.leading.rule == "learning-rate-too-low"
    assert report.leading.confidence == TRIED
    assert not report.leading.calibrated
    last = report.leading.evidence[-1].says
    assert last.startswith("lr0.001, alike but for 10 times the rate, came to val_loss 0.3")
    assert report.leading.fixes[0].do == "Take the rate of lr0.001, 0.001, or one beyond it."
    assert report.verdict == "findings"
    assert weigh([slow, fast], RULES)[1] == fast[1]


def test_a_sibling_at_a_lower_rate_says_nothing_against_a_rate_that_may_be_too_low() -> None:
    slow, slower = suspected(a_run(1e-4, 6000), "learning-rate-too-low"), a_run(1e-5, 600)
    assert weigh([slow, slower], RULES)[0] == slow[1]


def test_of_a_sweep_the_runs_that_are_not_the_best_are_no_patients() -> None:
    sweep = [a_run(rate, 300, floor) for rate, floor in ((3e-4, 0.36), (1e-3, 0.3), (3e-3, 0.33))]
    assert [report.diagnoses for report in weigh(sweep, RULES)] == [report.diagnoses for _, report in sweep]


def test_runs_of_other_settings_are_no_siblings() -> None:
    slow, other = suspected(a_run(1e-4, 6000), "learning-rate-too-low"), a_run(1e-3, 600, width=64)
    assert weigh([slow, other], RULES)[0] == slow[1]


def test_a_rate_that_a_sibling_proves_too_high_is_the_cause_of_the_divergence() -> None:
    sound, (run, _) = a_run(1e-3, 600), a_run(1e-1, 300)
    climb = 0.3 + 2.0 * np.exp(-STEPS / 300) + np.maximum(0, STEPS - 1000) / 1500
    curves = run.curves | {name: (Curve(STEPS, climb),) for name in ("train_loss", "val_loss")}
    hot = replace(run, curves=curves)
    report = judge(hot, RULES)
    assert report.leading is not None
    assert report.leading.rule == "divergence"
    _, doubt = suspected((hot, report), "learning-rate-too-high")
    both = replace(
        report, diagnoses=(*[d for d in report.diagnoses if d.rule != "learning-rate-too-high"], *doubt.diagnoses)
    )
    found = weigh([(hot, both), sound], RULES)[0]
    assert [d.rule for d in found.diagnoses[:2]] == ["learning-rate-too-high", "divergence"]
    assert found.diagnoses[1].of == "learning-rate-too-high"
