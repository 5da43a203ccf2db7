"""What formats are read: the table in README.md, from the constants of the readers."""

from __future__ import annotations

from . import readers

HEADINGS = ("format", "how it is recognized", "what is read", "what is known not to be")


def table() -> str:
    """The readers in order of precedence as a Markdown table."""
    rows = [HEADINGS, ("---",) * len(HEADINGS)]
    rows += [(r.FORMAT, r.RECOGNIZES, r.READS, r.NOT_READ) for r in readers()]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
