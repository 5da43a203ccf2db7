"""What do runs of one program at other learning rates say about each other? The better sibling is evidence."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import PurePath

import numpy as np

from .compare import judged_by, level_of, outdone
from .estimate import show
from .rank import rank, told_apart
from .report import FINDING, Diagnosis, Evidence, Fix, Level, Report
from .rulebook import Rule
from .run import Array, Run
from .settings import IDLE, NAMED, RATES, REPEATS, flat

#: Which way a sibling's rate must lie to speak for a rule.
WAYS = {"learning-rate-too-low": 1, "learning-rate-too-high": -1}
#: What a rate that is proved to be too high explains: the sibling that came through differs in nothing else.
EXPLAINED = {"learning-rate-too-high": ("divergence", "nan-explosion", "oscillation"), "learning-rate-too-low": ()}
APART = 2.0  # times: rates nearer than that are one rate, as another seed is
GAIN = 0.05  # share of the level: the smallest gain that counts
#: What one experiment with one seed is worth at least.
TRIED = 0.7
#: Runs of one program end at the same step, give or take what early stopping or a crash of minutes takes.
ENDS = 0.2


def weigh(pairs: Sequence[tuple[Run, Report]], rules: Sequence[Rule]) -> list[Report]:
    """The reports, with what siblings prove about a rate that a report suspects already.

    Siblings are runs that log the same curves under the same settings but for rate and seed. A rate that is listed as
    too low (too high), at least as possible, is a finding when a sibling at twice the rate or more (half or less) ended
    better by 5 % and beyond the noise. A suspicion is needed: in a sweep every rate but one is not the best.
    """
    book = {rule.id: rule for rule in reversed(rules)}  # the first form of an illness speaks for it
    families: dict[Hashable, list[int]] = {}
    rates = [_rate(run) for run, _ in pairs]
    for k, (run, _) in enumerate(pairs):
        if rates[k] is not None:
            families.setdefault(_family(run), []).append(k)
    reports = [report for _, report in pairs]
    for members in families.values():
        suspected = [k for k in members if any(d.rule in WAYS for d in pairs[k][1].diagnoses)]
        if len(members) < 2 or not suspected:
            continue
        family = _known([pairs[k] for k in members], [rates[k] or 0.0 for k in members])
        for k in suspected:
            for d in pairs[k][1].diagnoses:
                better = _better(family, members.index(k), WAYS[d.rule]) if d.rule in WAYS else None
                if better is not None:
                    reports[k] = _proved(reports[k], d, better, book)
    return reports


def _rate(run: Run) -> float | None:
    """The highest logged rate, else the one that settings or the run's name state."""
    curve = run.get("lr")
    if curve is not None:
        known = curve.value[np.isfinite(curve.value)]
        return float(known.max()) if len(known) and 0 < known.max() < 1e300 else None
    for key, value in flat(run.hyper):
        if key.rpartition(".")[2] in RATES and isinstance(value, float) and value > 0:
            return value
    named = (found for found in NAMED.finditer(run.name) if found[1].lower() in ("lr", "learning_rate"))
    return next((float(found[2]) for found in named if float(found[2]) > 0), None)


def _family(run: Run) -> Hashable:
    """What runs of one program share: curves, axis and the settings that no sweep of the rate changes."""
    said = {
        (key, value)
        for key, value in flat(run.hyper)
        if key.rpartition(".")[2] not in RATES and not REPEATS.search(key) and not IDLE.search(key)
    }
    above = "" if said else PurePath(run.path).parent.parent.as_posix()  # without settings, the same neighbourhood
    return run.axis, frozenset(run.curves), frozenset(said), above


@dataclass(frozen=True, slots=True)
class _Family:
    """Siblings and what they are compared by: highest rate, last step and judged value of each (n,), NaN where it has
    none; `level` remembers what was smoothed, for a sweep has many more pairs than runs."""

    members: Sequence[tuple[Run, Report]]
    rates: Array
    ends: Array
    values: Array
    level: Callable[..., Level | None]


def _known(members: Sequence[tuple[Run, Report]], rates: Sequence[float]) -> _Family:
    runs, lowest = [run for run, _ in members], {run: report.lowest for run, report in members}

    @cache
    def level(run: Run, role: str, measure: str, as_share: bool) -> Level | None:
        """`level_of`, which the report knows where it is the usual one."""
        known = lowest[run] if (role, measure, as_share) == ("val_loss", "best", False) else None
        return known or level_of(run, role, measure, as_share)

    ends = [max(c[0].step[-1] for c in run.curves.values() if len(c[0])) for run in runs]
    values = np.full(len(runs), np.nan)
    for role, measure in judged_by(runs)[:1]:
        mixed = len({run.curves[role][0].unit == "percent" for run in runs}) > 1
        found = [level(run, role, measure, mixed) for run in runs]
        values[:] = [np.nan if one is None else one.value for one in found]
    return _Family(members, np.array(rates), np.array(ends), values, level)


def _better(family: _Family, k: int, way: int) -> tuple[str, str, float] | None:
    """What the best sibling whose rate lies the right way proves about the k-th: the sentence, its name, its rate.

    Of hundreds that may be better, the first that is, beyond the noise, from the one that gained most on.
    """
    members, rates, ends, values = family.members, family.rates, family.ends, family.values
    if members[k][1].best is None:
        return None
    gain = np.abs(values - values[k]) / (abs(values[k]) or 1.0)
    may = ((rates / rates[k]) ** way >= APART) & (np.abs(ends - ends[k]) <= ENDS * np.maximum(ends, ends[k]))
    may &= (gain >= GAIN) & (gain < np.inf)
    for o in sorted(np.flatnonzero(may).tolist(), key=lambda o: (gain[o], members[o][0].name), reverse=True):
        judged = outdone(members[k], members[o], family.level)
        if judged is not None:
            says = (
                f"{members[o][0].name}, alike but for {show(rates[o] / rates[k])} times the rate, came to "
                f"{judged.curve} {judged.b.value:.3g} where this run came to {judged.a.value:.3g}"
            )
            return says, members[o][0].name, float(rates[o])
    return None


def _proved(report: Report, d: Diagnosis, better: tuple[str, str, float], book: Mapping[str, Rule]) -> Report:
    """The report with the sibling as evidence, ranked anew."""
    says, name, rate = better
    evidence = (*d.evidence, Evidence(says, "sibling", None, None, None, "", 1.0))
    lifted = d.confidence < TRIED
    made = replace(
        d,
        evidence=evidence,
        fixes=(Fix(f"Take the rate of {name}, {rate:.3g}, or one beyond it."), *d.fixes),
        confidence=max(d.confidence, TRIED),
        calibrated=d.calibrated and not lifted,
        possible=False,
        severity=book[d.rule].severity,
    )
    assert made.confidence >= FINDING
    bare = [
        replace(
            o, place="also", of=None, fixes=tuple(f for f in o.fixes if (f.action or {}).get("kind") != "tell_apart")
        )
        for o in (made if x.rule == d.rule else x for x in report.diagnoses)
    ]
    cause = book[d.rule]
    proved = {**book, d.rule: replace(cause, explains=(*cause.explains, *EXPLAINED[d.rule]))}
    ranked = told_apart(rank(bare, proved), report.not_assessed, proved)
    why = f"{ranked[0].title} (confidence {ranked[0].confidence:.2f})"
    return replace(report, diagnoses=ranked, verdict="findings", why=why)
