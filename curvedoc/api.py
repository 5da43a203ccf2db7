"""What happens between a path (or data in memory) and its Reports? The functions behind the door."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

from .discover import Found, find_runs
from .engine import judge
from .errors import CurvedocError, NoLogFound, SeveralRuns, UnreadableLog, UsageError, mistake
from .memory import from_memory
from .report import SEVERITIES, Analysis, Reading, Report
from .rulebook import Rule, load_rules
from .run import Context, Refused, Run
from .siblings import weigh

#: What is told while working: what is being done, how much of it is done, how much there is.
Progress = Callable[[str, int, int], None]


def diagnose(
    data: Any,
    *,
    name: str | None = None,
    roles: Mapping[str, str] | None = None,
    classes: int | None = None,
    target_loss: float | None = None,
    task: str | None = None,
) -> Report:
    """What is wrong with one run.

    `data` is the path of a log file or of a run's directory, a Run, or the curves themselves: a dict of
    lists, a list of dicts, a DataFrame, a Keras History, a Hugging Face `log_history` ... `roles` says which
    tag or column plays a role, as in {"train_loss": "my/objective"}. `classes`, `target_loss` (a loss that
    would be good, say a human's) and `task` tell what the log does not know.

    Raises SeveralRuns when the path holds more than one run (`analyze` takes them all), NoLogFound when it
    holds none, UnreadableLog when what it holds cannot be read.
    """
    run, refused = _one_run(data, name, roles or {})
    report = judge(run, load_rules(), Context(classes, target_loss, task))
    unread = tuple(Reading(r.file, None, None, f"not read: {r.why}") for r in refused)
    more = (*_unnamed(run), *unread)
    return replace(report, reading=report.reading + more) if more else report


def _unnamed(run: Run) -> tuple[Reading, ...]:
    """How to name the loss of a run in which no name tells it."""
    nobodys = [tag for tag in run.tags if tag.role is None]
    if not nobodys or any(run.get(role) is not None for role in ("train_loss", "val_loss", "other_loss", "reward")):
        return ()
    names = ", ".join(f"{tag.tag!r:.200}" for tag in nobodys[:3]) + (" ..." if len(nobodys) > 3 else "")
    first = f"{nobodys[0].tag!r:.200}"
    told = f"no name tells a loss ({names}): if {first} is one, say diagnose(..., roles={{'train_loss': {first}}})"
    return (Reading(nobodys[0].file, None, None, told),)


def analyze(
    path: str | PathLike[str] | Sequence[str | PathLike[str]],
    *,
    roles: Mapping[str, str] | None = None,
    classes: int | None = None,
    target_loss: float | None = None,
    task: str | None = None,
    rules: str | PathLike[str] | None = None,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    strict: bool = True,
    drawn: bool = True,
    on_progress: Progress | None = None,
) -> Analysis:
    """The reports of every run under a path (or several paths), worst first.

    The Analysis is a sequence of Reports that also holds the files that were `refused` (logs that could not
    be read) and `skipped` (no scalar in them, or no logs). `rules` is a directory that adds rules or replaces
    those of the same id, `select` keeps only the named rules, `ignore` drops some; not `strict` lets a
    role pass whose tag no run holds; not `drawn` leaves out what `to_dict` does not hold and takes time: the curves
    to be drawn and the vital signs in words; the rest is as in `diagnose`. A run whose judging fails on a mistake
    of ours is listed among the refused, with the place of the failure; `diagnose` on the same path raises it.
    Raises NoLogFound when there is no log at all.
    """
    book = load_rules(Path(rules) if rules is not None else None, select=select, ignore=ignore)
    found = find(path, roles=roles, strict=strict, on_progress=on_progress)
    return judge_all(found, book, Context(classes, target_loss, task), drawn=drawn, on_progress=on_progress)


def read(path: str | PathLike[str], *, roles: Mapping[str, str] | None = None) -> tuple[Run, ...]:
    """Every run under a path, as read: curves by role, and in each run's `notes` what was repaired.

    A log that cannot be read is warned about when others can, and raises UnreadableLog when none can. Raises
    NoLogFound when there is no log.
    """
    found = find(path, roles=roles)
    if found.refused and not found.runs:
        raise UnreadableLog(found.refused[0].file, found.refused[0].why)
    if found.refused:
        names = "; ".join(f"{r.file}: {r.why}" for r in found.refused)
        warnings.warn(f"{len(found.refused)} of the logs could not be read: {names}", stacklevel=2)
    return found.runs


def find(
    path: str | PathLike[str] | Sequence[str | PathLike[str]],
    *,
    roles: Mapping[str, str] | None = None,
    strict: bool = True,
    on_progress: Progress | None = None,
) -> Found:
    """The runs under one or several paths. Raises UsageError for a path that does not exist and NoLogFound
    when nothing under any of them is a log; one of several paths without a log is listed as skipped."""
    paths = list(dict.fromkeys(os.fspath(p) for p in ([path] if isinstance(path, (str, PathLike)) else path)))
    for p in paths:
        if not p:
            raise UsageError("an empty path: give a file or a directory ('.' is the working directory)")
        if not Path(p).exists():
            raise UsageError(f"{p}: no such file or directory")
    tell = None if on_progress is None else partial(on_progress, "reading")
    if len(paths) == 1:
        return find_runs(paths[0], roles=roles or {}, strict=strict, on_progress=tell)
    runs: list[tuple[str, Run]] = []
    refused: list[Refused] = []
    skipped: list[Refused] = []
    for p in paths:
        try:
            found = find_runs(p, roles=roles or {}, strict=strict, on_progress=tell)
        except NoLogFound as error:
            skipped.append(Refused(p, str(error)))
            continue
        runs += ((p, run) for run in found.runs)
        refused += (_below(p, r) for r in found.refused)
        skipped += (_below(p, r) for r in found.skipped)
    if not runs and not refused:
        raise NoLogFound(f"{', '.join(paths)}: no training log found")
    names = Counter(run.name for _, run in runs)
    unique = tuple(run if names[run.name] == 1 else replace(run, name=str(Path(p) / run.name)) for p, run in runs)
    return Found(unique, tuple(refused), tuple(skipped))


def judge_all(
    found: Found,
    rules: tuple[Rule, ...],
    context: Context,
    *,
    drawn: bool = True,
    on_progress: Progress | None = None,
) -> Analysis:
    """Judge every run that was found; worst first, then by name."""
    judged: list[tuple[Run, Report]] = []
    refused = list(found.refused)
    for done, run in enumerate(found.runs):
        if on_progress is not None:
            on_progress("judging", done, len(found.runs))
        try:
            judged.append((run, judge(run, rules, context, drawn=drawn)))
        except CurvedocError:  # a mistake in the caller's rules or arguments: it holds for all runs
            raise
        except Exception as error:  # a mistake of ours in one run must neither hide nor take the others with it
            refused.append(Refused(run.path or run.name, mistake(error)))
    if on_progress is not None and found.runs:
        on_progress("judging", len(found.runs), len(found.runs))
    reports = weigh(judged, rules) if len(judged) > 1 else [report for _, report in judged]
    return Analysis(tuple(sorted(reports, key=_worst_first)), tuple(refused), found.skipped)


def _one_run(data: Any, name: str | None, roles: Mapping[str, str]) -> tuple[Run, tuple[Refused, ...]]:
    """The run that `diagnose` was given, and the files beside it that could not be read."""
    if isinstance(data, Run):
        if roles:
            raise UsageError("roles= says how to read a log; a Run is read already: give its curves the right roles")
        return (data if name is None else replace(data, name=name)), ()
    if not isinstance(data, (str, PathLike)):
        return from_memory(data, name="run" if name is None else name, roles=roles), ()
    found = find(data, roles=roles)
    if not found.runs:
        raise UnreadableLog(found.refused[0].file, found.refused[0].why)
    if len(found.runs) > 1:
        names = ", ".join(run.name for run in found.runs[:8])
        more = f" and {len(found.runs) - 8} more" if len(found.runs) > 8 else ""
        raise SeveralRuns(
            f"{os.fspath(data)} holds {len(found.runs)} runs: {names}{more}; give one of them, or let `analyze` judge "
            "them all"
        )
    run = found.runs[0]
    return (run if name is None else replace(run, name=name)), found.refused


def _below(path: str, refused: Refused) -> Refused:
    """With several paths, a file is named with the one that it was found under."""
    return replace(refused, file=str(Path(path) / refused.file) if Path(path).is_dir() else path)


def _worst_first(report: Report) -> tuple[int, float, str]:
    """By the verdict that is shown, the worst of a run's findings, and then by how sure the one to treat first is."""
    if report.leading is None or report.worst is None:
        return 0, 0.0, report.name
    return -1 - SEVERITIES.index(report.worst), -report.leading.confidence, report.name
