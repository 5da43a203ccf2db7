"""Chart and rules in, Report out: grades evidence, ranks diagnoses, says what could not be judged."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import groupby
from typing import Any

import numpy as np

from . import drawing
from .errors import RuleError
from .estimate import FORMS, Estimate, show
from .rank import rank, told_apart
from .report import (
    FINDING,
    LESS_SURE,
    MERELY_POSSIBLE,
    NOT_HELD,
    POSSIBLE,
    SEVERITIES,
    Best,
    Diagnosis,
    Evidence,
    Fix,
    Level,
    LookAlike,
    NotAssessed,
    Onset,
    Reading,
    Report,
    Schedule,
    Subject,
)
from .rulebook import Clause, FixTemplate, Rule
from .run import ROLES, Context, Run
from .sentences import BLANK, blanks, fill, unfilled
from .vitals import VITALS, Chart, Measured, Missing, Row, Signals, measure

#: Where nothing is known to have been learned, nothing is healthy: fewer standard errors are no known trend (noise
#: alone goes further once in 700 runs).
LEARNS = 3.0
#: The smallest part of the first loss that counts as a gain, and the standard errors from which less counts as well
#: (rules/no-learning.toml).
MOVES, SURELY = 0.05, 10.0


def judge(run: Run, rules: Sequence[Rule], context: Context | None = None, *, drawn: bool = True) -> Report:
    """The report on one run; not `drawn`, without what only a picture or a reader's eye asks for: curves, trends,
    clocks and the vital signs in words. Raises RuleError for a rule that asks for a vital nobody measures."""
    check(tuple(rules))
    chart, signals = measure(run, context or Context())
    diagnoses, not_assessed, assessed = [], [], []
    speaking: dict[str, Rule] = {}
    for name, forms in groupby(rules, key=lambda rule: rule.id):
        found, outcome = _apply_forms([_deferring(form, chart) for form in forms], chart, signals)
        if isinstance(outcome, NotAssessed):
            not_assessed.append(outcome)
            continue
        assessed.append(name)
        if outcome is not None:
            diagnoses.append(outcome)
            speaking[name] = found
    known = {rule.id: rule for rule in reversed(rules)} | speaking
    # Grades decide what stands and what leads; only then do they become probabilities, which change no verdict but
    # leave out what is hardly ever right.
    probable = (_probable(d, known[d.rule]) for d in rank(diagnoses, known))
    ranked = tuple(d for d in probable if d.confidence >= POSSIBLE)
    ranked = told_apart(ranked, not_assessed, known)
    verdict, why = _verdict(ranked, rules, assessed, not_assessed, run)
    if verdict == "healthy" and (unseen := _unmoved(chart)) and any(r.stage == "start" for r in rules):
        verdict, why = "not assessed", unseen
    return Report(
        name=run.name,
        path=run.path,
        verdict=verdict,
        schedule=_schedule(signals),
        best=_best(run, chart),
        diagnoses=ranked,
        not_assessed=tuple(not_assessed),
        reading=tuple(Reading(note.file, note.line, note.offset, note.what) for note in run.notes),
        axis=run.axis,
        hyper=dict(run.hyper),
        measured={n: str(v) for n, v in chart.run.vitals.items() if isinstance(v, Estimate)} if drawn else {},
        curves=drawing.drawn(run, signals) if drawn else (),
        why=why,
        assessed=tuple(assessed),
        trends=drawing.trends(run, signals, ranked) if drawn else (),
        clocks=drawing.clocks(run) if drawn else (),
        lowest=_lowest(run, signals),
    )


@lru_cache(maxsize=4)
def check(rules: tuple[Rule, ...]) -> None:
    """Raise RuleError when a rule names a vital that is not measured for its kind of subject; once for many runs."""
    measured = {each: {**VITALS["run"], **VITALS[each]} for each in VITALS}
    for rule in rules:
        known = measured[rule.each]
        named = [clause.vital for clause in rule.evidence] + ([rule.onset] if rule.onset else [])
        named += [rule.defers.where.vital] if rule.defers else []
        for text in (*(c.says for c in rule.evidence), *(f.do + f.why + str(f.action or "") for f in rule.fixes)):
            for vital, form in blanks(text):
                named.append(vital)
                if form and form not in FORMS:
                    raise RuleError(f"rule {rule.name}: {{{vital}:{form}}}: a form is one of {', '.join(FORMS)}")
        for vital in named:
            if vital not in known and vital != "subject":
                near = difflib.get_close_matches(vital, known, 1, 0.5)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise RuleError(f"rule {rule.name}: no vital {vital!r} is measured for each {rule.each}{hint}")


def _deferring(rule: Rule, chart: Chart) -> Rule:
    """The rule as it ranks in this run: where it defers, it yields to what it else may explain."""
    if rule.defers is None:
        return rule
    found = chart.find(chart.run, rule.defers.where.vital)
    if not isinstance(found, Estimate) or _graded(rule.defers.where, found) < FINDING:
        return rule
    others = tuple(name for name in rule.explains if name not in rule.defers.to)
    return replace(rule, explains=others, yields_to=(*rule.yields_to, *rule.defers.to))


def _apply_forms(forms: Sequence[Rule], chart: Chart, signals: Signals) -> tuple[Rule, Diagnosis | NotAssessed | None]:
    """What the form that explains most says, else the gravest, else the surest; if none speaks, that of the first."""
    outcomes = [(form, _apply(form, chart, signals)) for form in forms]
    spoken = [(form, found) for form, found in outcomes if isinstance(found, Diagnosis)]
    if not spoken:
        return outcomes[0]

    def weight(each: tuple[Rule, Diagnosis]) -> tuple[float, ...]:
        form, found = each
        # Of forms that stand, the one that accounts for more of what else is seen tells more than the surest; a note
        # that is a little surer does not hush a warning.
        standing = not found.possible
        return standing, len(form.explains) * standing, SEVERITIES.index(found.severity), found.confidence

    return max(spoken, key=weight)


def _apply(rule: Rule, chart: Chart, signals: Signals) -> Diagnosis | NotAssessed | None:
    """The diagnosis of the subject that the rule fits best, None when it fits none well enough."""
    rows = chart.rows(rule.each)
    if not rows:
        needs = {"layer": "update_ratio", "lr_drop": "lr"}[rule.each]
        if needs == "lr" and signals.lr is not None:
            return None
        return NotAssessed(rule.id, f"no {needs} in the log", (needs,))
    judged, gaps = [], []
    for row in rows:
        found = _found(rule, chart, row)
        if isinstance(found, NotAssessed):
            gaps.append(found)
        else:
            judged.append((round(_weakest(found), 4), row, found))
    if not judged:
        return gaps[0]
    judged.sort(key=lambda item: -item[0])
    grade, row, found = judged[0]
    if grade < POSSIBLE:
        return None
    evidence = tuple(_evidence(clause, value, chart, row) for clause, value in found)
    others = [other for standing, other, _ in judged[1:] if standing >= FINDING]
    if others:
        names = ", ".join(other.name for other in others[:5]) + (" ..." if len(others) > 5 else "")
        names = names if rule.each == "layer" else f"{chart.axis} {names}"
        kind = "layers" if rule.each == "layer" else "cuts of the rate"
        says = f"the same holds for {names} ({len(others) + 1} of {len(rows)} {kind})"
        evidence = (*evidence, Evidence(says, evidence[0].vital, None, None, None, "", grade))
    return _diagnosis(rule, chart, row, grade, evidence)


def _found(rule: Rule, chart: Chart, row: Row) -> list[tuple[Clause, Measured]] | NotAssessed:
    """What each clause asks for on one subject, or why the rule cannot be judged on it."""
    asked, lacking = [], []
    for clause in rule.evidence:
        found = chart.find(row, clause.vital)
        if found is None:
            found = Missing(f"{clause.vital} was not measured")
        if isinstance(found, Missing) and clause.if_missing is None:
            lacking.append(found)
        asked.append((clause, found))
    if not lacking:
        return asked
    why = "; ".join(dict.fromkeys(gap.why for gap in lacking))
    return NotAssessed(rule.id, why, tuple(dict.fromkeys(need for gap in lacking for need in gap.needs)))


def _weakest(found: Sequence[tuple[Clause, Measured]]) -> float:
    """The lowest grade, or the first that no diagnosis survives: most rules fail at an early clause."""
    lowest = 1.0
    for clause, value in found:
        lowest = min(lowest, _graded(clause, value))
        if lowest < POSSIBLE - 1e-3:
            break
    return lowest


def _graded(clause: Clause, found: Measured) -> float:
    if isinstance(found, Estimate):
        return clause.grade(found.low, found.value, found.high)
    assert clause.if_missing is not None  # else the rule is not assessed
    return clause.if_missing


def _evidence(clause: Clause, found: Measured, chart: Chart, row: Row) -> Evidence:
    """A clause in words. Only for rules that are listed: words cost more than all grades together."""
    grade = _graded(clause, found)
    if isinstance(found, Estimate):
        says = fill(clause.says, chart, row) or unfilled(clause.says)
        return Evidence(says, clause.vital, found.value, found.low, found.high, found.unit, grade, found.steps)
    counts = NOT_HELD if grade == 1 else MERELY_POSSIBLE if grade < FINDING else LESS_SURE
    return Evidence(f"{found.why}: {counts}", clause.vital, None, None, None, "", grade)


def _diagnosis(rule: Rule, chart: Chart, row: Row, grade: float, evidence: tuple[Evidence, ...]) -> Diagnosis:
    onset = chart.find(row, rule.onset) if rule.onset else None
    possible = grade < FINDING
    fixes = (_fix(fix, chart, row) for fix in rule.fixes)
    return Diagnosis(
        rule=rule.id,
        title=rule.title,
        severity="info" if possible else rule.severity,
        stage=rule.stage,
        confidence=grade,
        calibrated=False,
        possible=possible,
        place="also",
        of=None,
        subject=Subject(rule.each, row.name),
        onset=Onset(onset.value, onset.low, onset.high) if isinstance(onset, Estimate) else None,
        evidence=evidence,
        fixes=tuple(fix for fix in fixes if fix is not None),
        story=rule.story,
        look_alikes=tuple(LookAlike(name, tell) for name, tell in rule.look_alikes.items()),
    )


def _fix(template: FixTemplate, chart: Chart, row: Row) -> Fix | None:
    """A fix with its numbers filled in, or None when one of them could not be measured."""
    do, why = fill(template.do, chart, row), fill(template.why, chart, row)
    if do is None or why is None:
        return None
    action: dict[str, Any] = {}
    for key, value in (template.action or {}).items():
        action[key] = value
        if isinstance(value, str) and (match := BLANK.fullmatch(value)):
            found = chart.find(row, match[1])
            if match[1] == "subject":
                action[key] = row.name
            elif isinstance(found, Estimate):
                action[key] = found.value
            else:
                return None
    return Fix(do, why, action or None)


def _probable(d: Diagnosis, rule: Rule) -> Diagnosis:
    """The diagnosis with the probability that it is right in place of its grade, where its rule is calibrated.

    What follows from another finding claims to be no cause, and labels name causes: it keeps its grade.
    """
    if not rule.calibration or d.place == "consequence":
        return d
    return replace(d, confidence=round(rule.confidence(d.confidence), 4), calibrated=True)


def _verdict(
    diagnoses: Sequence[Diagnosis],
    rules: Sequence[Rule],
    assessed: Sequence[str],
    not_assessed: Sequence[NotAssessed],
    run: Run,
) -> tuple[str, str]:
    """findings, healthy or not assessed, and the reason in a sentence.

    Healthy needs every stage judged that decides over a run: start, optimization and, when validation is
    logged, generalization; with `--select` only the stages that still have rules.
    """
    standing = [d for d in diagnoses if not d.possible and d.severity != "info"]
    if standing:
        return "findings", f"{standing[0].title} (confidence {standing[0].confidence:.2f})"
    wanted = ["start", "optimization"]
    if run.get("val_loss") is not None:
        wanted.append("generalization")
    by_stage = {stage: [r.id for r in rules if r.stage == stage] for stage in wanted}
    unjudged = [stage for stage, ids in by_stage.items() if ids and not set(ids) & set(assessed)]
    if not assessed or unjudged:
        first = next((n for n in not_assessed if not unjudged or n.rule in by_stage[unjudged[0]]), None)
        reason = first.why if first is not None else "no rule was asked"
        several = f"{', '.join(unjudged[:-1])} and {unjudged[-1]}" if len(unjudged) > 1 else "".join(unjudged)
        return "not assessed", f"{several or 'nothing'} could not be judged: {reason}"
    return "healthy", f"{len(assessed)} rules were judged, none of them speaks"


def _unmoved(chart: Chart) -> str:
    """Why nobody knows whether anything was learned, though no rule speaks; empty where the loss is known to fall."""
    trend, fallen = (chart.run.vitals.get(f"train_loss.{name}") for name in ("fall_se", "fallen_at_most"))
    if isinstance(trend, Estimate) and trend.value < LEARNS:
        return "the training loss never fell beyond its noise: log it more often, or the mean of more batches"
    if isinstance(fallen, Estimate) and isinstance(trend, Estimate) and fallen.value < MOVES and trend.value < SURELY:
        return f"the training loss came down by {show(fallen.value, 'share')} of its first value at most"
    return ""


def _schedule(signals: Signals) -> Schedule | None:
    fit = signals.schedule
    if fit is None:
        return None
    return Schedule(fit.kind, fit.warmup_until, fit.drops, fit.confidence)


def _best(run: Run, chart: Chart) -> Best | None:
    """The best logged point of the held-out loss, else of the held-out metric, else of the training loss.

    Of a noisy validation loss it is the lowest point near the smoothed minimum, and no lucky one far away.
    """
    measured, val = chart.run.vitals["val_loss.best_step"], run.get("val_loss")
    if isinstance(measured, Estimate) and val is not None:
        return Best("val_loss", measured.value, float(val.value[np.searchsorted(val.step, measured.value)]))
    for role in ("val_loss", "val_accuracy", "val_metric", "val_metric_lower", "train_loss"):
        curve = run.get(role)
        if curve is None or not np.isfinite(curve.value).any():
            continue
        value = np.where(np.isfinite(curve.value), curve.value, np.nan)
        at = int(np.nanargmax(value) if ROLES[role].better == "high" else np.nanargmin(value))
        return Best(role, float(curve.step[at]), float(curve.value[at]))
    return None


def _lowest(run: Run, signals: Signals) -> Level | None:
    """The level that runs are compared by (`compare.level_of`), where the curve was smoothed whole and as logged."""
    curve, line = run.get("val_loss"), signals.val
    if (
        curve is None
        or line is None
        or signals.run is not run
        or signals.lost_at is not None
        or curve.unit == "percent"
    ):
        return None
    at = int(np.argmin(line.value))
    deviation = math.hypot(float(line.se[at]), float(line.noise[at]))
    return Level(float(line.value[at]), deviation, float(line.step[at]))
