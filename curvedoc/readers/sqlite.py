"""How a SQLite file is opened so that nothing is written beside it, and what tables it has."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import UnreadableLog

MAGIC = b"SQLite format 3\0"


@contextmanager
def opened(path: Path, shown: str) -> Iterator[sqlite3.Connection]:
    """A read-only connection; what SQLite says against the file becomes UnreadableLog.

    Without a write-ahead log beside it the file is opened as immutable, so that not even a lock is left.
    """
    wal = path.with_name(path.name + "-wal")
    mode = "mode=ro" if wal.exists() and wal.stat().st_size else "mode=ro&immutable=1"
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True)
        try:
            connection.text_factory = lambda data: data.decode("utf-8", "replace")
            yield connection
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise UnreadableLog(shown, f"SQLite cannot read it: {error}") from None


def has_columns(path: Path, head: bytes, table: str, columns: set[str]) -> bool:
    """Whether a file is a SQLite database with such a table."""
    if not head.startswith(MAGIC):
        return False
    try:
        with opened(path, path.name) as db:
            found = {row[1] for row in db.execute(f"PRAGMA table_info('{table}')")}
    except UnreadableLog:
        return False
    return columns <= found
