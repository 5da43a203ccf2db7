"""How is a comparison of two runs told?"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence

from ..compare import Comparison, Difference, Side
from ..estimate import show
from ..report import Level
from ..settings import Value
from .words import cells, clean, plural, prose, shorten

MOST = 30  # settings that differ; a run of another program differs in hundreds
NAME = 32
FAR = 20.0  # sigmas: beyond, the number says nothing but "far"


def render_text(found: Comparison, *, width: int = 80) -> str:
    """The comparison for a terminal: the verdict, what changed, every quantity with its sigmas, what limits it."""
    return "\n".join(line.rstrip() for line in _lines(found, width))


def _lines(found: Comparison, width: int) -> Iterator[str]:
    yield from _wrap(f"curvedoc: {_verdict(found)}: {prose(found.why)}", width, "  ")
    yield ""
    for letter, side in (("a", found.a), ("b", found.b)):
        yield from _wrap(f"{letter}  {_side(side)}", width, "   ")
    yield ""
    yield "settings that differ" if found.changes else "no setting that both sides state differs"
    shown = found.changes[:MOST]
    rows = [(shorten(clean(c.key), NAME), _value(c.a), _value(c.b)) for c in shown]
    yield from _table(rows, head=("", "a", "b")) if rows else ()
    if len(found.changes) > MOST:
        yield f"  and {plural(len(found.changes) - MOST, 'other')}"
    if found.differences:
        yield ""
        yield "curves"
        yield from _table([_row(d) for d in found.differences], head=("", "a", "b", "b better by"))
    for note in found.notes:
        yield ""
        yield from _wrap(f"note: {prose(note)}", width, "      ")


def _verdict(found: Comparison) -> str:
    if found.verdict in ("a", "b"):
        side = found.a if found.verdict == "a" else found.b
        return f"{found.verdict} is better ({shorten(clean(side.name), 60)})"
    return found.verdict


def _side(side: Side) -> str:
    verdicts = ", ".join(
        f"{n} {'with findings' if v == 'findings' else v}" if side.runs > 1 else v
        for v, n in Counter(side.verdicts).items()
    )
    leads = ", ".join(clean(rule) for rule in dict.fromkeys(side.leading))
    parts = [f"{plural(side.runs, 'run')}" if side.runs > 1 else "", verdicts + (f" ({leads})" if leads else "")]
    parts.append(f"schedule {clean(side.schedule)}" if side.schedule else "")
    return f"{shorten(clean(side.name), 60)}: {', '.join(part for part in parts if part)}"


def _row(d: Difference) -> tuple[str, str, str, str]:
    if d.sigmas is None:
        says = "not known"
    else:
        size = (
            f"{round(d.sigmas, 1) + 0.0:+.1f}"
            if abs(d.sigmas) < FAR
            else f"{'+' if d.sigmas > 0 else '-'}{FAR:.0f} or more"
        )
        says = f"{size} sigmas" + ("" if d.better else ", too close")
    return f"{d.measure} {clean(d.curve)}", _level(d.a), _level(d.b), says


def _level(level: Level) -> str:
    return show(level.value) + (f" ± {show(level.deviation)}" if level.deviation is not None else "")


def _value(value: Value | None) -> str:
    if value is None:
        return "not stated"
    return show(value) if isinstance(value, float) else shorten(clean(value), NAME)


def _table(rows: Sequence[tuple[str, ...]], head: tuple[str, ...] = ()) -> Iterator[str]:
    rows = [head, *rows] if head else rows
    widths = [max((cells(row[k]) for row in rows), default=0) for k in range(len(rows[0]) if rows else 0)]
    for row in rows:
        yield "  " + "  ".join(cell + " " * (wide - cells(cell)) for cell, wide in zip(row, widths, strict=True))


def _wrap(text: str, width: int, indent: str) -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent=indent, break_on_hyphens=False) or [""]
