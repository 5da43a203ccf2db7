"""Where does a text go, how wide and how colourful may it be, and who is told of progress?"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from .errors import UsageError

LONG = 0.5  # seconds of work after which a progress line is worth its place


def emit(text: str, path: str | None, quiet: bool) -> None:
    """The result, to the file that was asked for or to stdout."""
    if path is None or path == "-":
        show(text)
    else:
        _write(text, path, quiet)


def show(text: str) -> None:
    """Prints a result. A reader that has gone ends nothing; a disk that is full is told."""
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
        say(f"wrote {path}")


def writable(path: str | None) -> None:
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


def columns(output: str | None = None) -> int:
    """Columns: COLUMNS if set, else those of the terminal that is printed to, else 80."""
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told) > 0:
        return int(told)
    if sys.stdout.isatty() and output is None:
        return os.get_terminal_size(sys.stdout.fileno()).columns or 80
    return 80


def colored(when: str, output: str | None) -> bool:
    """Whether to colour: the flag, then NO_COLOR, then FORCE_COLOR, then whether a terminal is printed to."""
    if when != "auto":
        return when == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return output is None and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def progress(quiet: bool) -> Callable[[str, int, int], None] | None:
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


def say(message: str) -> None:
    """One line on stderr; names from logs and file systems may not act on the terminal."""
    from .render.words import clean

    print(clean(message), file=sys.stderr, flush=True)
