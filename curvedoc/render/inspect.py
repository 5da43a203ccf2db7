"""What was found in the logs, and what was every tag taken for?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..estimate import show
from ..run import ROLES, Note, Refused, Run, Tag, role_of
from .text import NARROWEST, wrap
from .words import cells, clean, plural, prose, shorten

if TYPE_CHECKING:
    from ..discover import Found

SCHEMA = 1
MOST_TAGS = 24  # tags of one run that are shown one by one; the others are counted by role
MOST_SAME = 8  # of one role that is judged
MOST_OTHERS = 3  # of one role that is not judged, and layers of one role
MOST_FILES = 12
MOST_NAME = 60  # columns of a tag in a sentence
_BOLD, _DIM, _YELLOW, _RED = "1", "2", "33", "31"


def to_dict(found: Found) -> dict[str, Any]:
    """The document of `inspect --format json`, schema 1; files are relative to the argument."""
    return {
        "schema": SCHEMA,
        "runs": [
            {"name": run.name, "path": run.path, "files": list(run.files), "curves": [_curve(tag) for tag in run.tags]}
            for run in found.runs
        ],
        "refused": [{"file": r.file, "why": r.why} for r in found.refused],
        "skipped": [{"file": s.file, "why": s.why} for s in found.skipped],
    }


def render_text(found: Found, width: int = 80, color: bool = False) -> str:
    """One block per run: its files, each tag with its role, points and steps, and what was repaired.

    No line is wider than `width` columns. A role that is not certain is marked, with the flag that settles it.
    """
    page = _Page(max(width, NARROWEST), color)
    lines = [plural(len(found.runs), "run")]
    for run in found.runs:
        lines += ["", *_run(page, run)]
    lines += _files(page, "refused: these logs cannot be read", found.refused, _RED)
    lines += _files(page, "skipped: not a log, or no number in it", found.skipped, _DIM)
    return "\n".join(lines)


class _Page:
    def __init__(self, width: int, color: bool) -> None:
        self.width, self.color = width, color

    def paint(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self.color and text else text


def _curve(tag: Tag) -> dict[str, Any]:
    return {
        "file": tag.file,
        "tag": tag.tag,
        "role": tag.role,
        "points": tag.points,
        "first_step": tag.first_step,
        "last_step": tag.last_step,
    }


def _run(page: _Page, run: Run) -> list[str]:
    name = shorten(clean(run.name or run.path or "run"), page.width)
    lines = [page.paint(name, _BOLD)]
    about = [f"axis: {run.axis}"]
    if run.steps_per_epoch and run.axis != "epoch":
        about.append(f"{show(run.steps_per_epoch, 'count')} {run.axis}s per epoch")
    if run.hyper:
        about.append(plural(len(run.hyper), "setting"))
    several = len(run.files) > 1
    lines += wrap(", ".join([plural(len(run.files), "file"), *map(prose, run.formats), *about]), page.width, "  ")
    drawn = {curve.file for curves in run.curves.values() for curve in curves}
    told = [tag for tag in run.tags if tag.file in drawn] if drawn else list(run.tags)
    shown, folded = _choose(told)
    rows = [_row(run, tag) for tag in shown]
    lines += _table(page, rows)
    if folded:
        lines += wrap(f"and {_counted(folded)}", page.width, "  ")
    if again := len(run.tags) - len(told):
        lines += wrap(f"and {plural(again, 'tag')} of files without a curve of their own", page.width, "  ")
    lines += _flags(page, run)
    if several:
        files = [shorten(clean(f), page.width - 4) for f in run.files[:MOST_FILES]]
        lines += ["  files", *(f"    {f}" for f in files)]
        if len(run.files) > MOST_FILES:
            lines.append(f"    and {len(run.files) - MOST_FILES} more")
    lines += _notes(page, run.notes)
    return lines


def _choose(tags: Sequence[Tag]) -> tuple[list[Tag], list[Tag]]:
    """The tags to show one by one, those that are judged first, and the ones to count."""
    order = {name: place for place, name in enumerate(ROLES)}
    counts: dict[str, int] = {}
    shown: list[Tag] = []
    folded: list[Tag] = []
    for tag in sorted(tags, key=lambda t: order[role_of(t.role)[0].name] if t.role else len(order)):
        role = role_of(tag.role)[0] if tag.role else None
        name = role.name if role else ""
        counts[name] = counts.get(name, 0) + 1
        most = MOST_SAME if role is not None and role.judged and not role.layered else MOST_OTHERS
        (shown if counts[name] <= most and len(shown) < MOST_TAGS else folded).append(tag)
    return shown, folded


def _counted(tags: Iterable[Tag]) -> str:
    counts: dict[str, int] = {}
    for tag in tags:
        name = role_of(tag.role)[0].name if tag.role else "without a role"
        counts[name] = counts.get(name, 0) + 1
    return ", ".join(f"{n} more {name}" for name, n in counts.items())


@dataclass(frozen=True, slots=True)
class _Row:
    role: str
    tag: str
    points: str
    steps: str
    sure: bool


def _row(run: Run, tag: Tag) -> _Row:
    first = run.curves.get(tag.role or "", ())[:1]
    leads = len(run.curves.get(tag.role or "", ())) > 1 and any(c.tag == tag.tag and c.file == tag.file for c in first)
    judged = tag.role is not None and role_of(tag.role)[0].judged
    steps = ""
    if tag.first_step is not None and tag.last_step is not None:
        steps = f"{show(tag.first_step, 'step')} .. {show(tag.last_step, 'step')}"
    mark = "?" if not tag.sure and tag.role else "*" if judged and leads else ""
    return _Row((clean(tag.role) if tag.role else "-") + mark, clean(tag.tag), str(tag.points), steps, tag.sure)


def _table(page: _Page, rows: Sequence[_Row]) -> list[str]:
    """Role, tag, points, steps in columns; the tag gives way when the line is short."""
    if not rows:
        return []
    role = min(max(4, *(cells(r.role) for r in rows)), max(12, page.width // 3))
    points = max(6, *(len(r.points) for r in rows))
    steps = max(5, *(len(r.steps) for r in rows))
    room = page.width - role - points - steps - 8
    if room < 8:  # no room for columns: a role, its tag and the numbers beneath each other
        return [
            line
            for r in rows
            for line in wrap(f"{r.role}  {r.tag}  points {r.points}, steps {r.steps}", page.width, "  ", "    ")
        ]
    tag = min(max(3, *(cells(r.tag) for r in rows)), room)
    lines = [page.paint(f"  {'role':<{role}}  {'tag':<{tag}}  {'points':>{points}}  {'steps':>{steps}}", _DIM)]
    for r in rows:
        name = _pad(shorten(r.role, role), role)
        painted = name if r.sure else page.paint(name, _YELLOW)
        lines.append(f"  {painted}  {_pad(shorten(r.tag, tag), tag)}  {r.points:>{points}}  {r.steps:>{steps}}")
    if any(r.role.endswith("*") for r in rows):
        lines += wrap("* of several curves of one role, the one that is judged", page.width, "  ")
    return lines


def _pad(text: str, width: int) -> str:
    return text + " " * (width - cells(text))


def _flags(page: _Page, run: Run) -> list[str]:
    """How to settle the roles that are not certain, and how to name a training loss where none was found."""
    lines: list[str] = []
    reasons: dict[tuple[str, str], list[Tag]] = {}
    for tag in run.tags:
        if not tag.sure and tag.role is not None:
            reasons.setdefault((role_of(tag.role)[0].name, tag.why), []).append(tag)
    for (_, why), tags in reasons.items():
        name = shorten(clean(tags[0].tag), MOST_NAME)
        others = f" and {len(tags) - 1} more" if len(tags) > 1 else ""
        text = f"{name}{others}: {prose(why)}; if so, say --role {clean(tags[0].role)}={name}, else name its role"
        lines += wrap(text, page.width, "  ? ")
    if not any(role in run.curves for role in ("train_loss", "other_loss", "reward")):
        nameless = [t for t in run.tags if t.role is None and t.points > 2]
        perhaps = f" ({', '.join(shorten(clean(t.tag), MOST_NAME) for t in nameless[:3])} ...?)" if nameless else ""
        lines += wrap(
            f"no training loss was recognized; name it with --role train_loss=TAG{perhaps}", page.width, "  ! "
        )
    return lines


def _notes(page: _Page, notes: Sequence[Note]) -> list[str]:
    lines: list[str] = []
    for note in notes[:MOST_FILES]:
        place = clean(note.file) + (f":{note.line}" if note.line is not None else "")
        lines += wrap(f"{place}: {prose(note.what)}", page.width, "  - ")
    if len(notes) > MOST_FILES:
        lines += wrap(f"and {plural(len(notes) - MOST_FILES, 'more note')}", page.width, "  - ")
    return lines


def _files(page: _Page, title: str, files: Sequence[Refused], style: str) -> list[str]:
    """Files with their reasons; those that share one are counted when they are many."""
    if not files:
        return []
    lines = ["", *(page.paint(line, style) for line in wrap(f"{title} ({len(files)})", page.width))]
    reasons: dict[str, list[str]] = {}
    for file in files:
        reasons.setdefault(file.why, []).append(file.file)
    for why, names in reasons.items():
        for name in names[:3]:
            lines += wrap(f"{clean(name)}: {prose(why)}", page.width, "  ", "    ")
        if len(names) > 3:
            lines += wrap(f"and {len(names) - 3} more: {prose(why)}", page.width, "  ", "    ")
    return lines
