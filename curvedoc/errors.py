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
