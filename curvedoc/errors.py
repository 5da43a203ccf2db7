"""What can go wrong, one exception per mistake; every message says what to do next."""

from __future__ import annotations


class CurvedocError(Exception):
    """Base of every error that curvedoc raises on purpose."""


class UnreadableLog(CurvedocError):
    """A file that looked like a log and cannot be read.

    `file` is the path as the caller gave it, `line` the 1-based line (or None), `key` the column,
    tag or JSON key at fault (or None), `why` one sentence without the file name.
    """

    def __init__(self, file: str, why: str, *, line: int | None = None, key: str | None = None) -> None:
        self.file, self.why, self.line, self.key = file, why, line, key
        place = file if line is None else f"{file}:{line}"
        super().__init__(f"{place}: {why}" if key is None else f"{place}: {key!r}: {why}")


class NoLogFound(CurvedocError):
    """A path that holds no log at all."""


class SeveralRuns(CurvedocError):
    """`diagnose()` was given more than one run; the message names them."""


class RuleError(CurvedocError):
    """A rule file that is not a rule; the message names file, key and the nearest right name."""


class UsageError(CurvedocError):
    """An argument or a configuration key that cannot be used."""


def mistake(error: Exception) -> str:
    """A sentence about a mistake of ours: the kind of error and the place in our code, no path of this machine."""
    import traceback
    from pathlib import Path

    home = Path(__file__).parent
    frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).is_relative_to(home)]
    place = f" in {Path(frames[-1].filename).relative_to(home.parent).as_posix()}:{frames[-1].lineno}" if frames else ""
    return (
        f"internal error{place} ({type(error).__name__}: {error}); please report it with this line, and with the log "
        "if you can share it"
    )
