"""Which words does the command line understand, and how does the program end?"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from . import __version__, commands
from .commands import NO_LOG, UNUSABLE
from .errors import CurvedocError, NoLogFound, UsageError, mistake
from .terminal import say

INTERRUPTED = 130
FORMATS = ("text", "json", "markdown", "github", "junit", "sarif", "html")

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


#: What to type for an argument that is missing.
_MISSING = {
    "COMMAND": "start with `curvedoc analyze PATH`, or see `curvedoc --help`",
    "PATH": "the directory of your runs, or a log file",
    "RULE": "`curvedoc rules` lists them",
    "B": "two runs, or two directories of repeats",
    "-o/--output": "for instance -o figure.pdf",
}
#: What to type behind a flag that stands alone.
_ALONE = {"--html": "for instance --html report.html", "--role": "for instance --role train_loss=my/objective"}


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
            near = difflib.get_close_matches(flag[1], self._option_string_actions, 1, 0.6)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        hints = {f"required: {missing}": told for missing, told in _MISSING.items()}
        hints |= {f"argument {flag}: expected one argument": told for flag, told in _ALONE.items()}
        hint = next((f"; {told}" for end, told in hints.items() if message.endswith(end)), hint)
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
    known = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, command, does, arguments in (
        ("analyze", commands.analyze, "judge the runs in files or directories", (_paths, _judging, _printing)),
        ("inspect", commands.inspect, "show which curves were found and what they were taken for", (_paths, _printing)),
        (
            "compare",
            commands.compare,
            "say what changed between two runs, and which is better",
            (_sides, _roles, _printing),
        ),
        ("plot", commands.plot, "draw a run into a figure, with the evidence marked", (_figure, _roles, _quiet)),
        ("explain", commands.explain, "show what a rule looks for, its thresholds and its fixes", (_rule, _own_rules)),
        ("rules", commands.rules, "list all rules", (_own_rules, _listing)),
    ):
        added = known.add_parser(name, help=does, description=f"{does.capitalize()}.", allow_abbrev=False)
        added.set_defaults(command=command)
        for add in arguments:
            add(added)
    if words and words[0] not in known.choices and os.path.exists(words[0]):  # noqa: PTH110 - pathlib costs start-up
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


def _complain(error: object, code: int) -> int:
    say(f"curvedoc: {error}")
    return code
