"""The engine grades, ranks and says what it could not judge."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curvedoc.engine import check, judge
from curvedoc.errors import RuleError
from curvedoc.rank import told_apart
from curvedoc.report import Diagnosis, Fix, NotAssessed, Report, Subject, UnhealthyRun
from curvedoc.rulebook import load_rules
from curvedoc.run import Context, Curve, Note, Run

from .patients import constant_rate_ratios, cosine, exponential, noisy, power_law, run, steps

RULES = load_rules()
T = steps()


def lost_and_overfit() -> Run:
    val = 0.8 + 1.5 * np.exp(-T / 500) + 0.5 * np.maximum(0, T / T[-1] - 0.3)
    train = 0.01 + 2.3 * np.exp(-T / 700)
    train[500:] = np.nan
    return run(train_loss=(T, train), val_loss=(T, noisy(val, 0.01)))


def test_there_is_one_leading_diagnosis_and_it_is_the_first() -> None:
    report = judge(lost_and_overfit(), RULES)
    assert report.diagnoses[0].place == "leading"
    assert sum(d.place == "leading" for d in report.diagnoses) == 1
    assert report.leading is report.diagnoses[0]


def test_the_earlier_stage_leads_and_names_its_look_alike_as_alternative(tmp_path: Path) -> None:
    shape = exponential(T, 2.3, 1.4, tau=0.05)
    patient = run(
        train_loss=(T, noisy(shape, 0.02)),
        val_loss=(T, noisy(shape, 0.008, 3)),
        train_accuracy=(T, np.full(len(T), 0.3)),
        lr=(T, np.where(T < 5000, 0.1, 0.045)),
    )
    report = judge(patient, RULES)
    assert [d.rule for d in report.diagnoses[:2]] == ["plateau-needs-decay", "underfitting"]
    assert report.diagnoses[1].place == "consequence"
    assert report.diagnoses[1].of == "plateau-needs-decay"


def test_between_a_fifth_and_a_half_a_diagnosis_is_possible_info_and_never_leads() -> None:
    report = judge(run(train_loss=(T, noisy(exponential(T, tau=0.05), 0.02))), RULES)
    (plateau,) = [d for d in report.diagnoses if d.rule == "plateau-needs-decay"]
    assert (plateau.possible, plateau.severity, plateau.place) == (True, "info", "also")
    assert report.leading is None
    assert report.verdict == "healthy"


def test_a_rule_whose_role_is_not_logged_is_not_assessed_and_says_what_it_needs() -> None:
    report = judge(run(train_loss=(T, noisy(power_law(T)))), RULES)
    needs = {n.rule: n.needs for n in report.not_assessed}
    assert needs["overfitting"] == ("val_loss",)
    assert needs["frozen-layer"] == ("update_ratio",)
    assert needs["decay-too-early"] == ("lr",)
    assert not {d.rule for d in report.diagnoses} & set(needs)


def test_every_rule_is_either_assessed_or_not() -> None:
    report = judge(run(train_loss=(T, noisy(power_law(T)))), RULES)
    assert sorted((*report.assessed, *(n.rule for n in report.not_assessed))) == sorted({rule.id for rule in RULES})


@pytest.mark.parametrize("points", [0, 1, 5])
def test_too_few_points_are_not_assessed_and_never_healthy(points: int) -> None:
    report = judge(Run("short", {"train_loss": (Curve(T[:points], power_law(T)[:points]),)}), RULES)
    assert report.verdict == "not assessed"
    assert f"{points} finite point" in report.why


def test_stages_that_could_not_be_judged_are_listed_in_a_sentence() -> None:
    few = (Curve(T[:4], power_law(T)[:4]),)
    assert judge(Run("a", {"train_loss": few}), RULES).why.startswith("start and optimization could not be judged: ")
    both = judge(Run("b", {"train_loss": few, "val_loss": few}), RULES)
    assert both.why.startswith("start, optimization and generalization could not be judged: ")


def test_a_run_without_any_curve_is_not_assessed() -> None:
    assert judge(Run("empty", {}), RULES).verdict == "not assessed"


def test_healthy_needs_the_stages_to_be_judged() -> None:
    only_val = judge(run(val_loss=(T, power_law(T))), RULES)
    assert only_val.verdict == "not assessed"
    assert judge(run(val_loss=(T, power_law(T))), load_rules(select=["nan-explosion"])).verdict == "healthy"


def test_several_sick_layers_give_one_diagnosis_that_names_the_others() -> None:
    report = judge(constant_rate_ratios(fc1=0.1, fc2=0.2, fc3=2e-3), RULES)
    (found,) = [d for d in report.diagnoses if d.rule == "update-ratio-too-high"]
    assert found.subject.kind == "layer"
    assert found.subject.name in ("fc1", "fc2")
    assert "(2 of 3 layers)" in found.evidence[-1].says


def test_an_action_holds_numbers_and_the_layer() -> None:
    report = judge(constant_rate_ratios(fc1=0.1, fc2=2e-3), RULES)
    action = report.diagnoses[0].fixes[0].action
    assert action == {"kind": "scale_lr", "factor": 0.1, "layer": "fc1"}
    lost = judge(lost_and_overfit(), RULES).diagnoses[0]
    assert lost.fixes[0].action is not None
    assert lost.fixes[0].action["at_step"] == T[500]
    assert lost.onset is not None
    assert lost.onset.step == T[500]


def test_a_rule_that_asks_for_an_unknown_vital_is_refused_with_a_hint(tmp_path: Path) -> None:
    text = Path("rules/overfitting.toml").read_text(encoding="utf-8").replace('"val_loss.rise"', '"val_loss.rize"')
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    with pytest.raises(RuleError, match=r"no vital 'val_loss.rize'.*did you mean 'val_loss.rise'"):
        check(load_rules(tmp_path))


def test_the_best_checkpoint_is_the_lowest_logged_validation_loss() -> None:
    value = noisy(0.5 + np.abs(T / T[-1] - 0.4), 0.01)
    report = judge(run(train_loss=(T, power_law(T)), val_loss=(T, value)), RULES)
    assert report.best is not None
    assert (report.best.curve, report.best.step) == ("val_loss", T[np.argmin(value)])


def test_the_schedule_and_its_drops_are_reported() -> None:
    rate = np.where(T < 3000, 0.1, np.where(T < 4500, 0.01, 0.001))
    report = judge(run(train_loss=(T, noisy(power_law(T))), lr=(T, rate)), RULES)
    assert report.schedule is not None
    assert report.schedule.drops == (3000.0, 4500.0)


def test_classes_and_target_come_from_the_caller_or_the_hyper_parameters() -> None:
    curves = {
        "train_loss": (T, noisy(exponential(T, 2.3, 1.6, 0.05), 0.01)),
        "val_loss": (T, noisy(exponential(T, 2.3, 1.62, 0.05), 0.01, 5)),
        "lr": (T, cosine(T)),
    }
    silent = judge(run(**curves), RULES)
    assert "underfitting" in {n.rule for n in silent.not_assessed}
    for report in (
        judge(run(**curves), RULES, Context(classes=10)),
        judge(run(**curves), RULES, Context(target_loss=0.1)),
        judge(run(**curves, hyper={"num_classes": 10}), RULES),
        judge(run(**curves, hyper={"MODEL/NUM_CLASSES": 10}), RULES),
    ):
        assert report.leading is not None
        assert report.leading.rule == "underfitting"
    assert judge(run(**curves), RULES, Context(target_loss=1.6)).verdict == "healthy"


def test_reading_notes_reach_the_report() -> None:
    patient = Run("r", {"train_loss": (Curve(T, power_law(T)),)}, notes=(Note("a.csv", "3 rows skipped", 7),))
    assert judge(patient, RULES).reading[0].line == 7


def test_the_same_run_gives_the_same_report_and_survives_a_round_trip() -> None:
    first, second = judge(lost_and_overfit(), RULES), judge(lost_and_overfit(), RULES)
    assert first.to_dict(drawing=True) == second.to_dict(drawing=True)
    back = Report.from_dict(first.to_dict(drawing=True))
    assert back.to_dict(drawing=True) == first.to_dict(drawing=True)
    assert back.diagnoses == first.diagnoses


def test_raise_for_raises_at_the_severity_asked_for() -> None:
    report = judge(lost_and_overfit(), RULES)
    with pytest.raises(UnhealthyRun, match="NaN"):
        report.raise_for("critical")
    judge(run(train_loss=(T, noisy(power_law(T))), lr=(T, cosine(T))), RULES).raise_for("info")


def test_rescaled_steps_and_losses_keep_the_diagnosis() -> None:
    loss = noisy(exponential(T, tau=0.06), 0.05)
    rate = np.full(len(T), 0.1)
    plain = judge(run(train_loss=(T, loss), lr=(T, rate)), RULES)
    slower, larger = (
        {"train_loss": (T / 37, loss), "lr": (T / 37, rate)},
        {"train_loss": (T, 1e4 * loss), "lr": (T, 5 * rate)},
    )
    for scaled in (slower, larger):
        report = judge(run(**scaled), RULES)
        assert [d.rule for d in report.diagnoses] == [d.rule for d in plain.diagnoses]
        assert report.diagnoses[0].confidence == pytest.approx(plain.diagnoses[0].confidence, abs=0.02)


def test_a_run_logged_by_epoch_speaks_of_epochs() -> None:
    epochs = np.arange(1.0, 101.0)
    val = 0.8 + 1.5 * np.exp(-epochs / 8) + 0.01 * np.maximum(0, epochs - 30)
    curves = {
        "train_loss": (Curve(epochs, 2.3 * np.exp(-epochs / 12)),),
        "val_loss": (Curve(epochs, noisy(val, 0.005)),),
    }
    report = judge(Run("e", curves, axis="epoch"), RULES)
    assert report.leading is not None
    assert "epoch " in report.leading.evidence[0].says
    assert "epoch " in report.leading.fixes[0].do
    assert "step" not in report.leading.evidence[0].says


@pytest.mark.parametrize("task", ["gan", "rl", "diffusion", "preference"])
def test_a_loss_that_measures_no_progress_is_not_judged(task: str) -> None:
    flat = run(train_loss=(T, noisy(np.full(len(T), 0.69))), lr=(T, np.full(len(T), 0.1)))
    assert judge(flat, RULES).verdict == "findings"
    report = judge(flat, RULES, Context(task=task))
    assert report.verdict == "not assessed"
    assert not report.diagnoses
    assert task in report.why


def test_nan_is_told_whatever_the_task() -> None:
    loss = power_law(T)
    loss[300:] = np.nan
    report = judge(run(train_loss=(T, loss)), RULES, Context(task="gan"))
    assert report.leading is not None
    assert report.leading.rule == "nan-explosion"


ANY = st.floats(allow_nan=True, allow_infinity=True)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(ANY, ANY, ANY), max_size=40),
    st.sampled_from([1e-300, 1e-3, 1.0, 1e17]),
    st.sampled_from([1e-320, 1.0, 1e300]),
)
def test_any_numbers_get_a_verdict(rows: list[tuple[float, float, float]], step_unit: float, loss_unit: float) -> None:
    table = np.array(rows, dtype=np.float64).reshape(-1, 3)
    step = np.arange(1.0, len(table) + 1) * step_unit
    with np.errstate(all="ignore"):
        curves = {
            "train_loss": (Curve(step, table[:, 0] * loss_unit),),
            "val_loss": (Curve(step, table[:, 1] * loss_unit),),
            "val_accuracy": (Curve(step, table[:, 1]),),
            "lr": (Curve(step, table[:, 2]),),
            "update_ratio[fc1]": (Curve(step, table[:, 2]),),
        }
        report = judge(Run("any", curves), RULES)
    assert report.verdict in ("healthy", "findings", "not assessed")
    assert Report.from_dict(report.to_dict(drawing=True)).verdict == report.verdict


def test_what_leads_says_how_to_tell_it_from_a_rival_what_to_log_and_which_short_run_decides(tmp_path: Path) -> None:
    head = 'severity = "warning"\nstage = "optimization"\nstory = "."\nsources = ["me"]\n'
    seen = '[[evidence]]\nvital = "train_loss.flat_for"\nno_at = 0.0\nyes_at = 0.1\nsays = "flat"\nreason = "."\n'
    (tmp_path / "mine.toml").write_text(
        f'title = "Mine"\n{head}{seen}[[fix]]\ndo = "Wait."\n[look_alikes]\nyours = "It hums."\n'
    )
    (tmp_path / "yours.toml").write_text(
        f'title = "Yours"\n{head}{seen}[[evidence]]\nvital = "lr.of_peak"\nno_at = 0.2\nyes_at = 0.5\nsays = "high"\n'
        'reason = "."\nif_missing = 0.3\n[[fix]]\ndo = "Oil it."\naction = { kind = "oil" }\n[look_alikes]\n'
    )
    patient = run(train_loss=(T, noisy(exponential(T, tau=0.05), 0.02)))
    report = judge(patient, load_rules(tmp_path, select=["mine", "yours"]))
    assert report.leading is not None
    assert report.leading.rule == "mine"
    last = report.leading.fixes[-1]
    assert last.do.startswith("Could it be yours (possible, 0.30)? Its sign: it hums.")
    assert last.do.endswith("Log lr: it would tell.")
    assert last.why == "A short run decides. Oil it. If that helps, it was yours."
    assert last.action == {"kind": "tell_apart", "from": "yours", "log": ["lr"]}
    (alone,) = judge(patient, load_rules(tmp_path, select=["mine"])).diagnoses
    assert [fix.do for fix in alone.fixes] == ["Wait."]


PAIRS = [
    (lead.name, rival)
    for lead in RULES
    for rival in lead.look_alikes
    if rival in {rule.id for rule in RULES} and lead.severity != "info"
]


@pytest.mark.parametrize(("lead", "rival"), PAIRS)
def test_every_pair_of_look_alikes_is_told_apart_by_a_sign_and_a_short_run(lead: str, rival: str) -> None:
    speaking = next(rule for rule in RULES if rule.name == lead)
    book = {rule.id: rule for rule in reversed(RULES)} | {speaking.id: speaking}
    lead = speaking.id
    made = [
        Diagnosis(
            id,
            "",
            "warning",
            "start",
            c,
            False,
            False,
            place,
            None,
            Subject(),
            None,
            (),
            (Fix(f"Try {id}.", "", {"kind": "try"}),),
        )
        for id, c, place in ((lead, 0.9, "leading"), (rival, 0.6, "alternative"))
    ]
    found = told_apart(tuple(made), (), book)[0].fixes[-1]
    sign = book[lead].look_alikes[rival]
    assert found.do.startswith(f"Could it be {rival} (0.60)? Its sign: ")
    assert sign[1:] in found.do
    assert found.why == f"A short run decides. Try {rival}. If that helps, it was {rival}."


@pytest.mark.parametrize("action", [None, {"kind": "early_stop"}, {"kind": "overfit_check"}])
def test_a_remedy_that_changes_no_run_is_no_short_run(action: dict[str, str] | None) -> None:
    look = (Fix("Look closer.", "", action),)
    made = [
        Diagnosis(id, "", "warning", "start", c, False, False, place, None, Subject(), None, (), look)
        for id, c, place in (("overfitting", 0.9, "leading"), ("over-confidence", 0.6, "alternative"))
    ]
    assert told_apart(tuple(made), (), {rule.id: rule for rule in RULES})[0].fixes[-1].why == "Look closer."


def test_a_look_alike_that_was_not_judged_is_named_where_its_curve_would_tell() -> None:
    book = {rule.id: rule for rule in reversed(RULES)}
    lead = Diagnosis(
        "overfitting", "", "warning", "generalization", 0.9, False, False, "leading", None, Subject(), None, (), ()
    )
    gap = NotAssessed("over-confidence", "no val_accuracy in the log", ("val_accuracy",))
    (found,) = told_apart((lead,), (gap,), book)[0].fixes
    assert "log val_accuracy. Its sign: the validation loss rises while the validation accuracy still rises" in found.do
    assert found.action == {"kind": "tell_apart", "from": "over-confidence", "log": ["val_accuracy"]}
    idle = NotAssessed("underfitting", "no train_accuracy in the log", ("train_accuracy",))
    slow = replace(lead, rule="learning-rate-too-low")
    assert told_apart((slow,), (idle,), book)[0].fixes == ()


def test_a_loss_that_never_fell_beyond_its_noise_is_not_healthy() -> None:
    few = steps(30)
    report = judge(run(train_loss=(few, noisy(np.full(30, 2.5), 0.2))), RULES)
    assert report.verdict == "not assessed"
    assert "never fell beyond its noise" in report.why


def test_a_rule_with_a_form_that_does_not_exist_is_refused() -> None:
    rule = next(r for r in load_rules() if r.name == "underfitting")
    fix = replace(rule.fixes[0], do="Look at {fit.gap:sideways}.")
    with pytest.raises(RuleError, match=r"sideways.*above, below, part, least"):
        check((replace(rule, fixes=(fix,)),))


def test_of_two_forms_that_stand_the_warning_is_told_and_not_the_surer_note(tmp_path: Path) -> None:
    text = """title = "It has a first loss"
severity = "{severity}"
stage = "optimization"
story = "Any."
sources = ["none"]
[[evidence]]
vital = "initial_loss.first"
no_at = 0.0
yes_at = {yes}
says = "it begins at {{initial_loss.first}}"
reason = "Any."
[[fix]]
do = "Nothing."
[look_alikes]
none = "None."
"""
    (tmp_path / "begins.toml").write_text(text.format(severity="warning", yes=3.0))
    (tmp_path / "begins.noted.toml").write_text(text.format(severity="info", yes=1.0))
    made = run(train_loss=(T, np.linspace(2.3, 2.0, len(T))))
    found = judge(made, load_rules(tmp_path, select=["begins"])).diagnoses
    assert [d.severity for d in found] == ["warning"]
    assert found[0].confidence == pytest.approx(2.3 / 3.0, abs=0.01)
