"""Which diagnosis is treated first, and what would tell it from its rivals?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from .report import SEVERITIES, STAGES, Diagnosis, Fix, NotAssessed
from .rulebook import Rule

#: How the reason begins for a vital whose curve was not logged.
NOT_LOGGED = re.compile(r"no ([a-z_]+) in the log")
#: A cause as unsure as this share of its consequence's grade does not take the lead from it: a bare finding (0.5)
#: beside a sure one (0.93 and more). Of tests/lab/tune no true lead is lost by it, and half of the points or noise
#: change fewer (python -m tests.bench.invariance tests/lab/tune.tar.xz).
FAINT = 0.54
#: What a machine can apply is a change of the run, but for these: they look, and cure nothing.
_NO_RUN = frozenset(("overfit_check", "lr_range_test", "inspect_batch", "early_stop"))
#: The words for a role in sentences, where they are not the last of its own.
_SPOKEN = {"lr": "rate", "val_loss": "validation loss", "train_loss": "training loss"}


def rank(diagnoses: Sequence[Diagnosis], rules: Mapping[str, Rule]) -> tuple[Diagnosis, ...]:
    """The one to treat first leads: no consequence of another, of the earliest stage, then the surest."""
    serious = [d for d in diagnoses if not d.possible and d.severity != "info"]
    # A form that names its own explainer as a consequence is the more special story of the two.
    special = {(d.rule, name) for d in serious if rules[d.rule].form for name in rules[d.rule].explains}
    # A story that is much less sure than what it would explain does not lead it: at the border of a finding it would
    # come and go with a hair.
    sure = {d.rule: d.confidence for d in serious}
    explained = {
        n: d.rule
        for d in serious
        for n in rules[d.rule].explains
        if (n, d.rule) not in special and d.confidence >= FAINT * sure.get(n, 0.0)
    }
    standing = {d.rule for d in serious}
    roots = [d for d in serious if explained.get(d.rule, d.rule) not in standing - {d.rule}] or serious
    first = [d for d in roots if not standing & set(rules[d.rule].yields_to)] or roots
    leading = min(first, key=_urgency, default=None)
    if leading is None:
        return tuple(sorted(diagnoses, key=lambda d: (d.possible, -d.confidence, d.rule)))
    placed = [replace(leading, place="leading")]
    for d in sorted(serious, key=_urgency):
        if d is leading:
            continue
        cause = explained.get(d.rule)
        if cause is not None and any(o.rule == cause for o in serious):
            placed.append(replace(d, place="consequence", of=cause))
        elif d.rule in rules[leading.rule].look_alikes or leading.rule in rules[d.rule].look_alikes:
            placed.append(replace(d, place="alternative", of=leading.rule))
        else:
            placed.append(d)
    rest = [d for d in diagnoses if d not in serious]
    return (*placed, *sorted(rest, key=lambda d: (d.possible, -d.confidence, d.rule)))


def told_apart(
    ranked: tuple[Diagnosis, ...], unjudged: Sequence[NotAssessed], rules: Mapping[str, Rule]
) -> tuple[Diagnosis, ...]:
    """What leads, with what would tell it from its rivals.

    Of a rival that is listed too: its sign, what the log does not show of either, and its own first remedy as the short
    run that decides. Of a look-alike, on both sides, that could not be judged: what to log, and the sign to look for.
    """
    if not ranked or ranked[0].place != "leading":
        return ranked
    lead = ranked[0]
    fixes = []
    for rival in ranked[1:]:
        sign = _sign(rules[lead.rule], rules[rival.rule])
        if not sign or rival.place == "consequence":
            continue
        unseen = [e.says.partition(":")[0] for d in (lead, rival) for e in d.evidence if e.value is None]
        roles = list(dict.fromkeys(found[1] for says in unseen if (found := NOT_LOGGED.fullmatch(says))))
        signal = f" Log {', '.join(roles)}: it would tell." if roles else ""
        remedy = rival.fixes[0] if rival.fixes else Fix("")
        runs = remedy.action is not None and remedy.action.get("kind") not in _NO_RUN
        trial = f"A short run decides. {remedy.do} If that helps, it was {rival.rule}." if runs else remedy.do
        sure = f"{'possible, ' if rival.possible else ''}{rival.confidence:.2f}"
        action = {"kind": "tell_apart", "from": rival.rule, "log": roles}
        fixes.append(Fix(f"Could it be {rival.rule} ({sure})? {sign}{signal}", trial, action))
    for gap in unjudged:
        mutual = gap.rule in rules[lead.rule].look_alikes and lead.rule in rules[gap.rule].look_alikes
        if mutual and _shows(gap.needs, rules[lead.rule].look_alikes[gap.rule]):
            sign = _sign(rules[lead.rule], rules[gap.rule])
            do = f"Could it be {gap.rule}? It was not judged ({gap.why}): log {', '.join(gap.needs)}. {sign}"
            fixes.append(Fix(do, "", {"kind": "tell_apart", "from": gap.rule, "log": list(gap.needs)}))
    return (replace(lead, fixes=(*lead.fixes, *fixes)), *ranked[1:])


def _shows(needs: Sequence[str], sign: str) -> bool:
    """Whether a sign speaks of a curve that was not logged: only then would logging it tell."""
    return any(_SPOKEN.get(role, role.rpartition("_")[2]) in sign for role in needs)


def _sign(lead: Rule, rival: Rule) -> str:
    """By what the rival would show itself, or what leads, as the file of either says; empty where neither does."""
    if rival.id in lead.look_alikes:
        return f"Its sign: {_inside(lead.look_alikes[rival.id])}"
    if lead.id in rival.look_alikes:
        return f"The sign of {lead.id}: {_inside(rival.look_alikes[lead.id])}"
    return ""


def _inside(sentence: str) -> str:
    """A sentence that goes on behind a colon."""
    return sentence[:1].lower() + sentence[1:] if sentence[1:2].islower() or sentence[1:2] == " " else sentence


def _urgency(d: Diagnosis) -> tuple[float, ...]:
    return STAGES.index(d.stage), -SEVERITIES.index(d.severity), -d.confidence
