"""How do the numbers of a run get into the sentences of a rule?"""

from __future__ import annotations

import re
from functools import lru_cache

from .estimate import Estimate, said, show
from .vitals import Chart, Row

#: `{vital}`, or with the form in which it is said `{vital:above}`.
BLANK = re.compile(r"\{([\w.]+)(?::(\w+))?\}")
_OPTIONAL = re.compile(r"\[([^\[\]]*\{[^\[\]]*)\]")


@lru_cache(maxsize=4000)
def blanks(text: str) -> tuple[tuple[str, str], ...]:
    """The vitals in braces, each with its form; texts are those of the rules, the same for every run."""
    return tuple(BLANK.findall(text))


def fill(text: str, chart: Chart, row: Row) -> str | None:
    """Vitals in braces replaced by their values in words; None when one could not be measured.

    A part in square brackets is said only where its vitals are above zero; the last of a list needs no semicolon.
    """
    text = text.replace("step {", f"{chart.axis} {{")

    def measured(name: str) -> Estimate | None:
        found = chart.find(row, name)
        return found if isinstance(found, Estimate) else None

    def above_zero(part: re.Match[str]) -> str:
        found = [measured(name) for name, _ in blanks(part[1]) if name != "subject"]
        if not found:
            return part[0]
        said_so = [show(f.value, f.unit) if f is not None else "0" for f in found]
        return "" if any(words.startswith("-") or words.split()[0] == "0" for words in said_so) else part[1]

    text = _OPTIONAL.sub(above_zero, text).rstrip(";")
    values = {name: measured(name) for name, _ in blanks(text) if name != "subject"}
    if None in values.values():
        return None

    def say(blank: re.Match[str]) -> str:
        found = values.get(blank[1])
        if found is None:
            return row.name
        return said(found.value, found.unit, blank[2]) if blank[2] else show(found.value, found.unit)

    return BLANK.sub(say, text)


def unfilled(text: str) -> str:
    """A sentence of the rule file without the run that would fill its blanks.

    >>> unfilled("validation lies {fit.gap:above} training[, and {x.y} of it is new]")
    'validation lies ... above training, and ... of it is new'
    """
    text = _OPTIONAL.sub(r"\1", text)
    return BLANK.sub(lambda blank: f"... {blank[2]}" if blank[2] in ("above", "below") else "...", text)
