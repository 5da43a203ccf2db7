"""How train_harness/README.md stays true: its tables and its picture of the schedules, written from the code."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

from . import dialects, faults, models, schedules, tasks
from .recipe import Schedule, read_recipe
from .samples import sample_names, sample_recipe

README = Path(__file__).parent / "README.md"
PICTURE = Path(__file__).parent / "schedules.svg"

#: One example of each schedule over a run of 100 updates, as drawn.
EXAMPLES = (
    Schedule("constant"),
    Schedule("constant", warmup=20),
    Schedule("step", every=25, gamma=0.5),
    Schedule("multi_step", drops=(50, 80), gamma=0.3),
    Schedule("exponential", gamma=0.96),
    Schedule("one_over_t", rate=0.1),
    Schedule("inverse_sqrt", warmup=10, timescale=10.0),
    Schedule("linear", warmup=10),
    Schedule("polynomial", power=2.0),
    Schedule("cosine", warmup=10),
    Schedule("cosine_restarts", cycle=14, stretch=2),
    Schedule("one_cycle"),
    Schedule("triangular", cycle=40),
    Schedule("wsd", warmup=10, stable=0.7),
    Schedule("table", table=((30, 0.4), (60, 0.7), (80, 0.1))),
    Schedule("plateau", gamma=0.3, patience=8),
)


def write_guide() -> None:
    """Brings the README's tables and the picture up to date."""
    README.write_text(with_tables(README.read_text(encoding="utf-8")), encoding="utf-8")
    PICTURE.write_text(picture(), encoding="utf-8")


def with_tables(text: str) -> str:
    """The README with every part between `<!-- NAME -->` and `<!-- end -->` written anew."""
    for name, part in {
        "schedules": _table("schedule", {k: _function(k) for k in schedules.KINDS}, keywords=True),
        "tasks": _table("task", tasks.TASKS),
        "models": _table("model", models.MODELS),
        "recorders": _table("format", dialects.FORMATS),
        "faults": "```\n" + dedent(inspect.cleandoc(faults.__doc__ or "").split("\n\n")[-1]) + "\n```",
        "samples": _sample_table(),
    }.items():
        before, found, rest = text.partition(f"<!-- {name} -->\n")
        if not found:
            raise ValueError(f"README.md has no part <!-- {name} -->")
        text = f"{before}{found}{part}\n{rest[rest.index('<!-- end -->') :]}"
    return text


def picture(width: int = 150, height: int = 60, columns: int = 4) -> str:
    """An SVG of every example schedule: the rate, as a share of the highest, over a run of 100 updates."""
    cells = []
    for place, schedule in enumerate(EXAMPLES):
        rate = schedules.rate_of(schedule, 1.0, 100)
        val_losses = [max(1 - t / 30, 0.3) for t in range(100)]
        points = " ".join(
            f"{10 + t * width / 100:.1f},{20 + height * (1 - rate(t, val_losses[:t])):.1f}" for t in range(100)
        )
        left, top = place % columns * (width + 20), place // columns * (height + 40)
        title = schedule.kind + (" after warmup" if schedule.warmup else "")
        cells.append(
            f'<g transform="translate({left},{top})"><text x="10" y="12">{title}</text>'
            f'<path class="axis" d="M10 20V{20 + height}H{10 + width}"/><polyline points="{points}"/></g>'
        )
    size = columns * (width + 20), -(-len(EXAMPLES) // columns) * (height + 40)
    style = (
        "text{font:11px sans-serif;fill:#666}polyline{fill:none;stroke:#c2410c;stroke-width:1.6}"
        ".axis{fill:none;stroke:#999;stroke-width:.7}"
    )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}" width="{size[0]}" role="img">'
    title = "<title>Learning rate over a run, for every schedule</title>"
    return "\n".join([head, title, f"<style>{style}</style>", *cells, "</svg>", ""])


def _function(kind: str) -> Callable[..., Any]:
    return schedules.SCHEDULES.get(kind, schedules.reduce_on_plateau)


def _table(heading: str, things: Mapping[str, Callable[..., Any]], keywords: bool = False) -> str:
    lines = [f"| {heading} | what it is |{' keys |' if keywords else ''}", f"|---|---|{'---|' if keywords else ''}"]
    for name, thing in things.items():
        says = inspect.cleandoc(thing.__doc__ or "").split("\n\n")[0].replace("\n", " ")
        keys = ", ".join(
            p.name if p.default is p.empty else f"{p.name} = {p.default}"
            for p in inspect.signature(thing).parameters.values()
            if p.kind is p.KEYWORD_ONLY
        )
        lines.append(f"| `{name}` | {says} |" + (f" {keys} |" if keywords else ""))
    return "\n".join(lines)


def _sample_table() -> str:
    lines = ["| sample | label | format | planted |", "|---|---|---|---|"]
    for name in sample_names():
        recipe = read_recipe(sample_recipe(name))
        if recipe.case is not None:
            lines.append(f"| `{name}` | {recipe.case.label} | {recipe.log.format} | {recipe.case.planted} |")
    return "\n".join(lines)
