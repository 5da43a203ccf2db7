"""The command line: which words are understood, and what is printed where."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from . import __version__
from .errors import CurvedocError, NoLogFound, UsageError, mistake

if TYPE_CHECKING:
    from pathlib import Path

    from .report import Analysis, Report
    from .run import Run

DONE, FINDINGS, UNUSABLE, NO_LOG, INTERRUPTED = 0, 1, 2, 3, 130
FORMATS = ("text", "json", "markdown", "github", "junit", "sarif", "html")
LONG = 0.5  # seconds of work after which a progress line is worth its place

DESCRIPTION = """\
The training-curve doctor: reads the logs you already have and says what is
wrong, how sure it is, and what to change.
"""
EPILOG = """\
to start with:
  curvedoc analyze runs/                      what is wrong, how sure, what to do
  curvedoc analyze runs/ --html report.html   the same, with the curves drawn
  curvedoc inspect runs/                      which curves were found, and as what
  curvedoc compare runs/a runs/b              what changed, and which is better
  curvedoc plot runs/a -o figure.pdf          the curves as a figure
  curvedoc explain overfitting                what a verdict rests on

exit codes: 0 done, 1 findings at or above --fail-on, 2 wrong usage or nothing
that could be read, 3 no log found
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. The result goes to stdout, everything else to stderr."""
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a name that this terminal cannot show must not end the program
            stream.reconfigure(errors="backslashreplace")
    try:
        options = parser(words).parse_args(words)
        code: int = options.command(options)
        return code
    except NoLogFound as error:
        return _complain(error, NO_LOG)
    except CurvedocError as error:
        return _complain(error, UNUSABLE)
    except KeyboardInterrupt:
        return _complain("interrupted", INTERRUPTED)
    except Exception as error:  # Python would end with 1, which here means findings
        import traceback

        traceback.print_exc()
        return _complain(mistake(error), UNUSABLE)


class _Parser(argparse.ArgumentParser):
    """Argparse, with the nearest right word behind a wrong one, and the usage of the command that was called."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        found, extra = super().parse_known_args(args, namespace)
        if extra:
            self.error(f"unrecognized arguments: {' '.join(extra)}")
        return found, extra

    def error(self, message: str) -> NoReturn:
        import difflib
        import re

        choice = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message)
        flag = re.match(r"unrecognized arguments: (?:.* )?(--[\w-]+)", message)
        near: list[str] = []
        if choice:
            near = difflib.get_close_matches(choice[1], re.findall(r"[\w-]+", choice[2]), 1, 0.5)
        elif flag:
            near = difflib.get_close_matches(flag[1], self._option_string_actions, 1, 0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        if message.endswith("required: RULE"):
            hint = "; `curvedoc rules` lists them"
        elif message.endswith("required: COMMAND"):
            hint = "; start with `curvedoc analyze PATH`, or see `curvedoc --help`"
        super().error(f"{message}{hint}")


def parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """The grammar of the command line; raises UsageError when the first word is a path where a command belongs."""
    top = _Parser(
        prog="curvedoc",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"curvedoc {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, command, does, arguments in (
        ("analyze", _analyze, "judge the runs in files or directories", (_paths, _judging, _printing)),
        ("inspect", _inspect, "show which curves were found and what they were taken for", (_paths, _printing)),
        ("compare", _compare, "say what changed between two runs, and which is better", (_sides, _roles, _printing)),
        ("plot", _plot, "draw a run into a figure, with the evidence marked", (_figure, _roles, _quiet)),
        ("explain", _explain, "show what a rule looks for, its thresholds and its fixes", (_rule, _own_rules)),
        ("rules", _rules, "list all rules", (_own_rules, _listing)),
    ):
        added = commands.add_parser(name, help=does, description=f"{does.capitalize()}.", allow_abbrev=False)
        added.set_defaults(command=command)
        for add in arguments:
            add(added)
    if words and words[0] not in commands.choices and os.path.exists(words[0]):  # noqa: PTH110 - pathlib costs start-up
        raise UsageError(f"{words[0]!r} is no command; did you mean `curvedoc analyze {words[0]}`?")
    return top


def _paths(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", nargs="+", metavar="PATH", help="a log file, the directory of a run, or a tree of runs")
    _roles(parser)


def _sides(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("a", metavar="A", help="a run, or a directory of repeats that differ in their seed alone")
    parser.add_argument("b", metavar="B", help="what it is compared with")


def _figure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", metavar="RUN", help="a log file or the directory of a run")
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="figure.png, .svg or .pdf")


def _quiet(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors, nothing else")


def _roles(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--role",
        action="append",
        default=[],
        metavar="ROLE=TAG",
        help="take this tag or column for that role, as in train_loss=my/objective (may be repeated)",
    )


def _judging(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--classes", type=_classes, metavar="N", help="number of classes, for the loss expected at the start"
    )
    parser.add_argument("--target-loss", type=_finite, metavar="X", help="a loss that would be good, such as a human's")
    parser.add_argument(
        "--task",
        type=_task,
        metavar="NAME",
        help="what is learned, as some losses show no progress: classification, regression, language, segmentation, "
        "detection, speech, gan, rl, diffusion, preference, other",
    )
    _own_rules(parser)
    parser.add_argument("--select", type=_ids, metavar="IDS", help="judge by these rules only, commas between them")
    parser.add_argument("--ignore", type=_ids, metavar="IDS", help="judge without these rules")
    parser.add_argument(
        "--fail-on",
        choices=("info", "warning", "critical", "never"),
        default="never",
        help="exit with 1 when a finding of this severity or worse stands (default: never)",
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="print every diagnosis in full, and every run")
    parser.add_argument("--html", metavar="FILE", help="also write one self-contained page with the curves drawn")


def _printing(parser: argparse.ArgumentParser) -> None:
    formats = FORMATS if parser.prog.endswith("analyze") else FORMATS[:2]
    parser.add_argument("--format", choices=formats, help="what to print (default: by the suffix of -o, else text)")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the result to a file instead of printing it")
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="colour in the terminal")
    parser.add_argument("-q", "--quiet", action="store_true", help="print the result and errors, nothing else")


def _rule(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("rule", metavar="RULE", help="a rule's id, as in a report or in `curvedoc rules`")


def _own_rules(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rules", metavar="DIR", help="rule files that are added, or replace those of the same name")


def _listing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format", choices=("text", "json", "markdown"), default="text", help="what to print (default: text)"
    )


def _classes(word: str) -> int:
    if not word.isdecimal() or int(word) < 2:
        raise argparse.ArgumentTypeError(f"{word!r} is no number of classes; it takes a whole number from 2 up")
    return int(word)


def _task(word: str) -> str:
    from .run import known_task

    try:
        return known_task(word)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _finite(word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = float("nan")
    if not abs(value) < float("inf"):
        raise argparse.ArgumentTypeError(f"{word!r} is no loss; it takes a finite number")
    return value


def _ids(word: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in word.split(",") if part.strip())


def _analyze(options: argparse.Namespace) -> int:
    _writable(options.output)
    _writable(options.html)
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
        on_progress=_progress(options.quiet),
    )
    _emit(_render(analysis, options), options.output, options.quiet)
    if options.html is not None:
        from .render import html

        _emit(html.render(analysis), options.html, options.quiet)
    if not analysis.reports:
        return UNUSABLE
    if options.fail_on == "never":
        return DONE
    worst = max(SEVERITIES.index(report.worst) if report.worst else -1 for report in analysis)
    return FINDINGS if worst >= SEVERITIES.index(options.fail_on) else DONE


def _inspect(options: argparse.Namespace) -> int:
    _writable(options.output)
    from . import api
    from .render import inspect

    told = _config(options).get("roles")
    found = api.find(options.path, roles=told, strict=bool(options.role), on_progress=_progress(options.quiet))
    if _format(options) == "json":
        text = _json(inspect.to_dict(found))
    else:
        text = inspect.render_text(found, width=_width(options), color=_color(options))
    _emit(text, options.output, options.quiet)
    return DONE if found.runs else UNUSABLE


def _compare(options: argparse.Namespace) -> int:
    _writable(options.output)
    from .compare import compare
    from .render import versus

    found = compare(_repeats(options.a, options), _repeats(options.b, options), (options.a, options.b))
    if _format(options) == "json":
        _emit(_json(found.to_dict()), options.output, options.quiet)
    else:
        _emit(versus.render_text(found, width=_width(options)), options.output, options.quiet)
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
    found = api.find(path, roles=config.get("roles"), strict=bool(options.role), on_progress=_progress(options.quiet))
    if not found.runs:
        raise UsageError(f"{found.refused[0].file}: {found.refused[0].why}")
    pairs = [(run, judge(run, rules, context)) for run in found.runs]
    table = sweep([report for _, report in pairs])
    differ = [key for key in table.varying if key not in table.seeds and key != "peak lr"]
    if len(pairs) > 1 and differ:
        names = ", ".join(run.name for run in found.runs[:4]) + (" ..." if len(pairs) > 4 else "")
        raise UsageError(f"{path} holds {len(pairs)} runs that differ in {', '.join(differ[:3])}: name one ({names})")
    return pairs


def _plot(options: argparse.Namespace) -> int:
    _writable(options.output)
    from . import api
    from .render import figure

    config = _config(options)
    told = {key: config.get(key) for key in ("roles", "classes", "target_loss", "task")}
    figure.save(api.diagnose(options.path, **told), options.output)
    if not options.quiet:
        _say(f"wrote {options.output}")
    return DONE


def _explain(options: argparse.Namespace) -> int:
    from .engine import check
    from .handbook import page
    from .rulebook import load_rules

    forms = load_rules(_directory(options.rules), select=[options.rule])
    check(forms)
    _print("\n".join(page(form, width=min(_width(), 100)) for form in forms))
    return DONE


def _rules(options: argparse.Namespace) -> int:
    from . import handbook
    from .rulebook import load_rules

    rules = load_rules(_directory(options.rules))
    if options.format == "json":
        _print(_json(handbook.to_dict(rules)))
    elif options.format == "markdown":
        _print(handbook.markdown(rules))
    else:
        _print(handbook.table(rules, width=_width()))
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
            analysis, width=_width(options), color=_color(options), verbose=options.verbose, drawn=bool(options.html)
        )
    from importlib import import_module

    rendered: str = import_module(f".render.{chosen}", __package__).render(analysis)
    return rendered


def _format(options: argparse.Namespace) -> str:
    """What was asked for, else what the suffix of the output file says, else text."""
    suffixes = {".json": "json", ".html": "html", ".md": "markdown", ".xml": "junit", ".sarif": "sarif"}
    guessed = suffixes.get(os.path.splitext(options.output or "")[1].lower(), "text")  # noqa: PTH122
    if options.command is not _analyze and guessed != "json":
        guessed = "text"
    return str(options.format or guessed)


def _json(data: object) -> str:
    import json

    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)


def _emit(text: str, path: str | None, quiet: bool) -> None:
    """The result, to the file that was asked for or to stdout."""
    if path is None or path == "-":
        _print(text)
    else:
        _write(text, path, quiet)


def _print(text: str) -> None:
    try:
        print(text.rstrip("\n"), flush=True)
    except BrokenPipeError:  # `| head` has seen enough: the verdict still decides the exit code
        _silence()
    except OSError as error:  # a full disk behind `>`
        _silence()
        raise UsageError(f"cannot write the result: {error.strerror or type(error).__name__}") from error


def _silence() -> None:
    """Let what is still in the buffer go nowhere, so that the end of Python does not complain again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _write(text: str, path: str, quiet: bool) -> None:
    try:
        with open(path, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:  # noqa: PTH123
            file.write(text.rstrip("\n") + "\n")
    except OSError as error:
        raise _unwritable(path, error.strerror or type(error).__name__) from error
    if not quiet:
        _say(f"wrote {path}")


def _writable(path: str | None) -> None:
    """Say before the work, not after it, that its result has nowhere to go."""
    if path is None or path == "-":
        return
    from pathlib import Path

    if Path(path).is_dir():
        raise _unwritable(path, "it is a directory")
    if not Path(path).parent.is_dir():
        raise _unwritable(path, f"there is no directory {str(Path(path).parent)!r}")
    if not os.access(path if Path(path).exists() else Path(path).parent, os.W_OK):
        raise _unwritable(path, "permission denied")


def _unwritable(path: str, why: str) -> UsageError:
    return UsageError(f"cannot write {path}: {why}; name another file")


def _width(options: argparse.Namespace | None = None) -> int:
    """Columns: COLUMNS if set, else those of the terminal that is printed to, else 80."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return int(columns)
    if sys.stdout.isatty() and (options is None or options.output is None):
        return os.get_terminal_size(sys.stdout.fileno()).columns or 80
    return 80


def _color(options: argparse.Namespace) -> bool:
    """Whether to colour: the flag, then NO_COLOR, then FORCE_COLOR, then whether a terminal is printed to."""
    if options.color != "auto":
        return bool(options.color == "always")
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return options.output is None and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def _progress(quiet: bool) -> Callable[[str, int, int], None] | None:
    """A line on stderr that counts, for a terminal and only when the work is long."""
    if quiet or not sys.stderr.isatty():
        return None
    import time

    begun = shown = time.monotonic()

    def tell(what: str, done: int, total: int) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - begun < LONG or (now - shown < 0.05 and done < total):
            return
        shown = now
        bar = "#" * (20 * done // max(total, 1))
        line = f"\r{what} [{bar:<20}] {done}/{total}"
        sys.stderr.write(f"{line}\x1b[K" if done < total else "\r\x1b[K")
        sys.stderr.flush()

    return tell


def _complain(error: object, code: int) -> int:
    _say(f"curvedoc: {error}")
    return code


def _say(message: str) -> None:
    """One line on stderr; names from logs and file systems may not act on the terminal."""
    from .render.words import clean

    print(clean(message), file=sys.stderr, flush=True)
