"""Which reader reads a file: bytes on disk become Logs, and nothing is repaired here."""

from __future__ import annotations

from pathlib import Path

from ..errors import UnreadableLog
from . import (
    delimited,
    events,
    json_history,
    json_lines,
    mlflow_db,
    mlflow_files,
    summary,
    text_log,
    trackio,
    trainer_state,
    wandb,
)
from .lines import HEAD, is_lfs_pointer, is_regular
from .log import Log, Series

#: Every format, in order of precedence: the first that recognizes a file reads it.
READERS = (
    events,
    wandb,
    mlflow_db,
    trackio,
    mlflow_files,
    trainer_state,
    json_lines,
    summary,
    json_history,
    delimited,
    text_log,
)

__all__ = ["READERS", "Log", "Series", "read_file"]

_LOG_SUFFIXES = (".csv", ".tsv", ".json", ".jsonl", ".log", ".txt", ".wandb", ".db")


def read_file(path: Path, shown: str) -> tuple[Log, ...] | None:
    """The Logs of one file; () when it is a log without a scalar, None when it is no log at all.

    `shown` is the path as the caller gave it. Raises UnreadableLog when the file looks like a log and
    cannot be read, be it damaged, forbidden, a directory, a pipe or a device.
    """
    try:
        if not path.is_dir() and not is_regular(path):
            raise UnreadableLog(
                shown, "a pipe, socket or device, no regular file: save the log to a file, and give that"
            )
        with path.open("rb") as file:
            head = file.read(HEAD)
        reader = next((r for r in READERS if r.recognizes(path, head)), None)
        if is_lfs_pointer(head) and (reader is not None or path.suffix in _LOG_SUFFIXES):
            raise UnreadableLog(shown, "a Git LFS pointer stands here instead of the log: run `git lfs pull`")
        return None if reader is None else reader.read(path, shown)
    except OSError as error:
        raise UnreadableLog(shown, error.strerror or str(error)) from None
