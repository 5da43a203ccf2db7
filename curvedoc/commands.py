"""What does each command do with its options? What it returns is the exit code."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any

from .errors import UsageError
from .terminal import colored, columns, emit, progress, say, show, writable

if TYPE_CHECKING:
    from pathlib import Path

    from .report import Analysis, Report
    from .run import Run

#: Exit codes: a finding is no failure, unless --fail-on says so.
DONE, FINDINGS, UNUSABLE, NO_LOG = 0, 1, 2, 3


def analyze(options: argparse.Namespace) -> int:
    """Judges the runs under the paths; the report is printed, or written, or both."""
    writable(options.output)
    writable(options.html)
    from . import api
    from .report import SEVERITIES

    config = _config(options)
    analysis = api.analyze(
        options.path,
        roles=config.get("roles"),
        classes=config.get("classes"),
        target_loss=config.get("target_loss"),
        task=config.get("task"),
        rules=options.rules,
        select=config.get("select", ()),
        ignore=config.get("ignore", ()),
        strict=bool(options.role),  # what a file says of all runs may be missing in these
        drawn=_format(options) != "json" or options.html is not None,
        on_progress=progress(options.quiet),
    )
    emit(_render(analysis, options), options.output, options.quiet)
    if options.html is not None:
        from .render import html

        emit(html.render(analysis), options.html, options.quiet)
    if not analysis.reports:
        return UNUSABLE
    if options.fail_on == "never":
        return DONE
    worst = max(SEVERITIES.index(report.worst) if report.worst else -1 for report in analysis)
    return FINDINGS if worst >= SEVERITIES.index(options.fail_on) else DONE


def inspect(options: argparse.Namespace) -> int:
    """Shows which curves were found and what they were taken for; nothing is judged."""
    writable(options.output)
    from . import api
    from .render import inspect

    told = _config(options).get("roles")
    found = api.find(options.path, roles=told, strict=bool(options.role), on_progress=progress(options.quiet))
    if _format(options) == "json":
        text = _json(inspect.to_dict(found))
    else:
        text = inspect.render_text(found, width=columns(options.output), color=colored(options.color, options.output))
    emit(text, options.output, options.quiet)
    return DONE if found.runs else UNUSABLE


def compare(options: argparse.Namespace) -> int:
    """Says what changed between two runs, or two groups of repeats, and which is better."""
    writable(options.output)
    from .compare import compare
    from .render import versus

    if os.path.exists(options.a) and os.path.realpath(options.a) == os.path.realpath(options.b):  # noqa: PTH110
        raise UsageError(
            f"{options.a} and {options.b} are the same place: name two runs, or two directories of repeats"
        )
    found = compare(_repeats(options.a, options), _repeats(options.b, options), (options.a, options.b))
    if _format(options) == "json":
        emit(_json(found.to_dict()), options.output, options.quiet)
    else:
        emit(versus.render_text(found, width=columns(options.output)), options.output, options.quiet)
    return DONE


def _repeats(path: str, options: argparse.Namespace) -> list[tuple[Run, Report]]:
    """The run under a path, or its repeats, each with its report; a sweep is no group of repeats."""
    from . import api
    from .engine import judge
    from .render.sweep import sweep
    from .rulebook import load_rules
    from .run import Context

    config, rules = _config(options), load_rules()
    context = Context(config.get("classes"), config.get("target_loss"), config.get("task"))
    found = api.find(path, roles=config.get("roles"), strict=bool(options.role), on_progress=progress(options.quiet))
    if not found.runs:
        raise UsageError(f"{found.refused[0].file}: {found.refused[0].why}")
    pairs = [(run, judge(run, rules, context)) for run in found.runs]
    table = sweep([report for _, report in pairs])
    differ = [key for key in table.varying if key not in table.seeds and key != "peak lr"]
    if len(pairs) > 1 and differ:
        names = ", ".join(run.name for run in found.runs[:4]) + (" ..." if len(pairs) > 4 else "")
        raise UsageError(f"{path} holds {len(pairs)} runs that differ in {', '.join(differ[:3])}: name one ({names})")
    return pairs


def plot(options: argparse.Namespace) -> int:
    """Draws one run into a figure."""
    writable(options.output)
    from . import api
    from .render import figure

    config = _config(options)
    told = {key: config.get(key) for key in ("roles", "classes", "target_loss", "task")}
    figure.save(api.diagnose(options.path, **told), options.output)
    if not options.quiet:
        say(f"wrote {options.output}")
    return DONE


def explain(options: argparse.Namespace) -> int:
    """Prints the whole of a rule, in all its forms."""
    from .engine import check
    from .handbook import page
    from .rulebook import load_rules

    forms = load_rules(_directory(options.rules), select=[options.rule])
    check(forms)
    show("\n".join(page(form, width=min(columns(), 100)) for form in forms))
    return DONE


def rules(options: argparse.Namespace) -> int:
    """Lists all rules."""
    from . import handbook
    from .rulebook import load_rules

    rules = load_rules(_directory(options.rules))
    if options.format == "json":
        show(_json(handbook.to_dict(rules)))
    elif options.format == "markdown":
        show(handbook.markdown(rules))
    else:
        show(handbook.table(rules, width=columns()))
    return DONE


def _directory(path: str | None) -> Path | None:
    from pathlib import Path

    return None if path is None else Path(path)


def _config(options: argparse.Namespace) -> dict[str, Any]:
    """What the project's configuration says, overruled by what the command line says."""
    from pathlib import Path

    from .config import read_config
    from .run import role_of

    config = read_config(Path())
    given = {
        key: value
        for key, value in vars(options).items()
        if key in ("classes", "target_loss", "task", "select", "ignore")
    }
    config |= {key: value for key, value in given.items() if value is not None}
    roles = dict(config.get("roles", {}))
    for word in options.role:
        role, equals, tag = word.partition("=")
        if not (role and equals and tag):
            raise UsageError(f"--role {word!r} is not of the form ROLE=TAG, as in train_loss=my/objective")
        role_of(role)
        roles[role] = tag
    return config | {"roles": roles}


def _render(analysis: Analysis, options: argparse.Namespace) -> str:
    chosen = _format(options)
    if chosen == "text":
        from .render import text

        return text.render(
            analysis,
            width=columns(options.output),
            color=colored(options.color, options.output),
            verbose=options.verbose,
            drawn=bool(options.html),
        )
    from importlib import import_module

    rendered: str = import_module(f".render.{chosen}", __package__).render(analysis)
    return rendered


def _format(options: argparse.Namespace) -> str:
    """What was asked for, else what the suffix of the output file says, else text."""
    suffixes = {".json": "json", ".html": "html", ".md": "markdown", ".xml": "junit", ".sarif": "sarif"}
    guessed = suffixes.get(os.path.splitext(options.output or "")[1].lower(), "text")  # noqa: PTH122
    if options.command is not analyze and guessed != "json":
        guessed = "text"
    return str(options.format or guessed)


def _json(data: object) -> str:
    import json

    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)
