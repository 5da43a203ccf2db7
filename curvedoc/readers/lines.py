"""How a text file on disk becomes lines: encoding, line ends and bounds."""

from __future__ import annotations

import codecs
import io
import stat
from collections.abc import Iterator
from pathlib import Path

HEAD = 64 * 1024  # bytes that a reader sees before it decides
#: Rows that show how a table is written: a header of 20,000 names is longer than HEAD.
_ROWS, _TABLES = 3, (".csv", ".tsv")
MAX_LINE = 1 << 22  # characters; a longer line is no log line, and is dropped unread
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ENOUGH = 16  # bytes that tell UTF-16 without a mark from chance
_LFS = b"version https://git-lfs.github.com/spec/"


def is_regular(path: Path) -> bool:
    """Whether a path leads to a file on disk; a pipe would wait for a writer, a device may never end."""
    return stat.S_ISREG(path.stat().st_mode)


def head_of(path: Path) -> bytes:
    """The beginning by which a file is recognized: HEAD bytes, of a table the first rows, MAX_LINE bytes at most."""
    with path.open("rb") as file:
        head = file.read(HEAD)
        if path.suffix.lower() in _TABLES:
            while HEAD <= len(head) < MAX_LINE and head.count(b"\n") < _ROWS and (more := file.read(len(head))):
                head += more
    return head


def encoding_of(head: bytes) -> str | None:
    """The encoding of a file by its first bytes, or None when it is no text.

    PowerShell's `>` writes UTF-16 with a byte order mark; everything else that trainers write is UTF-8. Without the
    mark, UTF-16 is known by every second byte: zero in most characters of a log, and never zero in the other half.

    >>> encoding_of(b"epoch,loss"), encoding_of(b"\\xff\\xfee\\x00"), encoding_of(b"PK\\x03\\x04\\x00\\x00")
    ('utf-8', 'utf-16', None)
    """
    for bom, name in _BOMS:
        if head.startswith(bom):
            return name
    if b"\0" not in head:
        return "utf-8"
    even, odd = head[::2], head[1::2]
    for name, low, high in (("utf-16-le", even, odd), ("utf-16-be", odd, even)):
        if len(head) >= _ENOUGH and 0 not in low and high.count(0) > 0.5 * len(high):
            return name
    return None


def text_of(head: bytes) -> str:
    """The head as text, undecodable bytes replaced, a character cut at the end dropped; "" when it is no text."""
    encoding = encoding_of(head)
    if encoding is None:
        return ""
    return codecs.getincrementaldecoder(encoding)("replace").decode(head)


def zeros(path: Path) -> int:
    """How many NUL bytes stand in a text: none in a whole one, blocks of them after a power cut or on a full disk."""
    found = 0
    with path.open("rb") as file:
        head = file.read(HEAD)
        if encoding_of(head) not in ("utf-8", "utf-8-sig", None):
            return 0
        while head:
            found += head.count(0)
            head = file.read(1 << 20)
    return found


def is_lfs_pointer(head: bytes) -> bool:
    """Whether the file is the stand-in that Git LFS leaves in a clone without the data."""
    return head.startswith(_LFS)


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of each line, without its end; `\\n`, `\\r\\n` and `\\r` all end a line.

    A line longer than MAX_LINE is given as "" so that one bomb of a line costs neither memory nor the rest. NUL
    bytes are dropped at the ends of a line; one with text on both sides of them has lost its middle and is given as "".
    """
    with path.open("rb") as binary:
        encoding = encoding_of(binary.read(HEAD)) or "utf-8"
        binary.seek(0)
        file = io.TextIOWrapper(binary, encoding, "replace")
        number = 0
        while line := file.readline(MAX_LINE):
            number += 1
            if len(line) == MAX_LINE and not line.endswith("\n"):
                while (rest := file.readline(MAX_LINE)) and not rest.endswith("\n"):
                    pass
                line = ""
            line = line.rstrip("\n")
            if "\0" in line:
                line = line.strip("\0")
                line = "" if "\0" in line else line
            yield number, line


def quoted(text: str, most: int = 40) -> str:
    """A piece of a log as it may stand in a message: in quotes, escaped, cut.

    >>> print(quoted("a\\x1b[31m" + 60 * "b", 12))
    'a\\x1b[31mbbbbbb'...
    """
    return repr(text) if len(text) <= most else f"{text[:most]!r}..."
