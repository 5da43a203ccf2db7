"""Which reader reads a file: bytes on disk become Logs, and nothing is repaired here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from ..errors import UnreadableLog
from ..run import Note
from .lines import encoding_of, head_of, is_lfs_pointer, is_regular, zeros
from .log import Log, Series

#: Every format, in order of precedence: the first that recognizes a file reads it. They are names, so that only what
#: stands before it is imported: all of them cost as much as importing numpy.
READERS = (
    "events",
    "wandb",
    "mlflow_db",
    "trackio",
    "mlflow_files",
    "trainer_state",
    "json_lines",
    "summary",
    "json_history",
    "delimited",
    "text_log",
)

__all__ = ["READERS", "Log", "Series", "read_file", "readers"]

_TABLES = (".csv", ".tsv")
_LINEWISE = ("json_lines", "delimited", "text_log")
_LOG_SUFFIXES = (".csv", ".tsv", ".json", ".jsonl", ".log", ".txt", ".wandb", ".db")
_TEXT_SUFFIXES = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".log", ".txt", ".out")


def readers(names: tuple[str, ...] = READERS) -> Iterator[Any]:
    """The module of each format, imported when its turn comes."""
    for name in names:
        yield import_module(f".{name}", __name__)


def read_file(path: Path, shown: str, *, meant: bool = False, tags: Sequence[str] = ()) -> tuple[Log, ...] | None:
    """The Logs of one file; () when it is a log without a scalar, None when it is no log at all.

    `shown` is the path as the caller gave it. A table whose columns have names in no language known here is read when
    this very file is `meant`, or when it holds one of the `tags` that the caller speaks of. Raises UnreadableLog when
    the file looks like a log and cannot be read, be it damaged, forbidden, a directory, a pipe or a device.
    """
    try:
        if not path.is_dir() and not is_regular(path):
            raise UnreadableLog(
                shown, "a pipe, socket or device, no regular file: save the log to a file, and give that"
            )
        head = head_of(path)
        reader = next((r for r in readers() if r.recognizes(path, head)), None)
        if reader is None and path.suffix.lower() in _TEXT_SUFFIXES and encoding_of(head) is None:
            text = head.replace(b"\0", b"")
            reader = next((r for r in readers(_LINEWISE) if r.recognizes(path, text)), None)
        if reader is None and path.suffix.lower() in _TABLES and (meant or any(tag.encode() in head for tag in tags)):
            reader = next((r for r in readers(("delimited",)) if r.is_table(head)), None)
        if is_lfs_pointer(head) and (reader is not None or path.suffix in _LOG_SUFFIXES):
            raise UnreadableLog(shown, "a Git LFS pointer stands here instead of the log: run `git lfs pull`")
        if reader is None:
            return None
        logs: tuple[Log, ...] = reader.read(path, shown)
        if logs and reader.__name__.rpartition(".")[2] in _LINEWISE and (count := zeros(path)):
            what = (
                f"{count} NUL bytes, as a power cut or a full disk leaves them, were left out with the lines they cut"
            )
            logs = (replace(logs[0], notes=(Note(shown, what), *logs[0].notes)), *logs[1:])
        return logs
    except OSError as error:
        raise UnreadableLog(shown, error.strerror or str(error)) from None
