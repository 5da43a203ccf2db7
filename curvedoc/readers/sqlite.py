"""How a SQLite file is opened so that nothing is written beside it, and what tables it has."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import UnreadableLog
from .lines import quoted

MAGIC = b"SQLite format 3\0"
MAX_CELL = 1 << 24  # bytes of one cell
_STRIDE = 100_000  # instructions of SQLite between two looks at the budget
_INSTRUCTIONS = 100_000_000  # that any file may cost: a second or two
_PER_BYTE = 20  # instructions more for each byte; reading and sorting honest rows takes fewer than ten


@contextmanager
def opened(path: Path, shown: str) -> Iterator[sqlite3.Connection]:
    """A read-only connection to tables; what SQLite says against the file becomes UnreadableLog.

    Without a write-ahead log beside it the file is opened as immutable, so that not even a lock is left. The file
    is a stranger's: views and triggers, which are programs, are refused, and the work is bounded by the size.
    """
    wal = path.with_name(path.name + "-wal")
    pending = wal.stat().st_size if wal.exists() else 0
    mode = "mode=ro" if pending else "mode=ro&immutable=1"
    left = (_INSTRUCTIONS + _PER_BYTE * (path.stat().st_size + pending)) // _STRIDE

    def is_spent() -> bool:
        nonlocal left
        left -= 1
        return left < 0

    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True)
        try:
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_CELL)
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.set_authorizer(_tables_only)
            connection.set_progress_handler(is_spent, _STRIDE)
            connection.text_factory = lambda data: data.decode("utf-8", "replace")
            yield connection
        finally:
            connection.close()
    except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter where what SQLite complains of is no UTF-8
        why = "its tables take far more work than their size explains" if left < 0 else quoted(str(error), 200)
        raise UnreadableLog(shown, f"SQLite cannot read it: {why}") from None


def _tables_only(action: int, one: str | None, other: str | None, database: str | None, program: str | None) -> int:
    """What a query may touch: `program` is the view or trigger that asks for it."""
    return sqlite3.SQLITE_OK if program is None else sqlite3.SQLITE_DENY


def has_columns(path: Path, head: bytes, table: str, columns: set[str]) -> bool:
    """Whether a file is a SQLite database with such a table, no view; a damaged one is taken for it, so that its
    reader says what is wrong."""
    if not head.startswith(MAGIC):
        return False
    try:
        with opened(path, path.name) as db:
            stored = db.execute(
                "SELECT 1 FROM sqlite_master WHERE name = ? AND type = 'table' AND rootpage > 0", [table]
            )
            if stored.fetchone() is None:
                return False
            return columns <= {row[1] for row in db.execute(f"PRAGMA table_info('{table}')")}
    except UnreadableLog:
        return True
