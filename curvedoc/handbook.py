"""What does a rule say, for people? One page of a rule, and the list of all, printed from the rule files."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .estimate import show
from .rulebook import Clause, Rule

if TYPE_CHECKING:
    from .vitals import Vital


def page(rule: Rule, *, width: int = 80) -> str:
    """All that the rule file says: story, evidence with its thresholds, look-alikes, fixes, sources."""
    from .sentences import unfilled
    from .vitals import VITALS  # with NumPy behind it, which the list of rules can do without

    parts = [f"{rule.name} ({rule.severity}, {rule.stage})", _wrap(rule.title, width), "", _wrap(rule.story, width)]
    asked = {"run": "the run", "lr_drop": "every drop of the learning rate", "layer": "every layer"}[rule.each]
    parts += ["", f"Evidence, asked of {asked}; the weakest piece decides"]
    for number, clause in enumerate(rule.evidence, 1):
        parts += _clause(number, clause, {**VITALS["run"], **VITALS[rule.each]}, width)
    if rule.look_alikes:
        parts += ["", "Looks alike, but is not"]
        parts += [_item("-", f"{name}: {tell}", width) for name, tell in rule.look_alikes.items()]
    parts += ["", "What to do"]
    parts += [_item(f"{n}.", unfilled(f"{fix.do} {fix.why}").strip(), width) for n, fix in enumerate(rule.fixes, 1)]
    if rule.explains:
        parts += ["", _wrap(f"When it stands, these are its consequences: {', '.join(rule.explains)}.", width)]
    if rule.yields_to:
        parts += ["", _wrap(f"It does not lead where one of these stands: {', '.join(rule.yields_to)}.", width)]
    if rule.defers:
        where = unfilled(rule.defers.where.says)
        beside = f"Where {where}, it leads beside none of these: {', '.join(rule.defers.to)}."
        parts += ["", _wrap(f"{beside} {rule.defers.where.reason}", width)]
    if rule.sources:
        parts += ["", "Sources", *(_item("-", source, width) for source in rule.sources)]
    return "\n".join(parts) + "\n"


def table(rules: Sequence[Rule], *, width: int = 80) -> str:
    """Id, severity and title of every rule, under the name of its stage."""
    longest = max((len(rule.name) for rule in rules), default=0)
    lines: list[str] = []
    for stage, members in _by_stage(rules):
        lines += ["", stage] if lines else [stage]
        for rule in members:
            head = f"  {rule.name:<{longest}}  {rule.severity:<8}  "
            lines.append(_wrap(rule.title, max(width, len(head) + 20), head))
    return "\n".join(lines) + "\n"


def markdown(rules: Sequence[Rule]) -> str:
    """The same list as a Markdown table."""
    rows = ["| rule | what it means | severity | stage |", "| --- | --- | --- | --- |"]
    rows += [f"| `{r.name}` | {r.title.replace('|', chr(92) + '|')} | {r.severity} | {r.stage} |" for r in rules]
    return "\n".join(rows) + "\n"


def vitals_markdown() -> str:
    """Every vital with its unit and meaning as a Markdown table."""
    from .vitals import VITALS

    rows = ["| vital | unit | meaning |", "| --- | --- | --- |"]
    for vitals in VITALS.values():
        rows += [f"| `{name}` | {vital.unit or '-'} | {vital.says} |" for name, vital in vitals.items()]
    return "\n".join(rows) + "\n"


def to_dict(rules: Sequence[Rule]) -> dict[str, Any]:
    """Every key of every rule, as plain data."""
    return {"schema": 1, "rules": [asdict(rule) for rule in rules]}


def _clause(number: int, clause: Clause, meanings: Mapping[str, Vital], width: int) -> Iterable[str]:
    from .sentences import unfilled

    yield _item(f"{number}.", unfilled(clause.says), width)
    vital = meanings[clause.vital]
    up = clause.no_at < clause.yes_at
    no, yes = show(clause.no_at, vital.unit), show(clause.yes_at, vital.unit)
    scale = f"No {'up' if up else 'down'} to {no}, yes from {yes} {'up' if up else 'down'}."
    missing = "" if clause.if_missing is None else f" Counts {clause.if_missing:g} when it cannot be measured."
    yield _item("  ", f"{clause.vital}: {vital.says}. {scale} {clause.reason}{missing}", width)


def _by_stage(rules: Sequence[Rule]) -> Iterable[tuple[str, list[Rule]]]:
    for stage in dict.fromkeys(rule.stage for rule in rules):
        yield stage, [rule for rule in rules if rule.stage == stage]


def _item(mark: str, text: str, width: int) -> str:
    return _wrap(text, width, f"  {mark} ")


def _wrap(text: str, width: int, head: str = "") -> str:
    return textwrap.fill(text, width, initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False)
