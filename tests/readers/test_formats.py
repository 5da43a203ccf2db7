"""Does the table of formats agree with the readers? `python -m tests.readers.test_formats` prints it again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from curvedoc.readers import READERS, formats, readers
from curvedoc.readers.formats import table

README = Path(formats.__file__).parent / "README.md"
TABLE = re.compile(r"(<!-- formats: .*? -->\n)(.*?)(\n<!-- end of formats -->)", re.DOTALL)


def test_the_readme_shows_the_table_of_the_source() -> None:
    found = TABLE.search(README.read_text(encoding="utf-8"))
    assert found is not None
    assert found[2] == table(), "run `python -m tests.readers.test_formats`"


@pytest.mark.parametrize("reader", list(readers()), ids=READERS)
def test_a_reader_says_what_it_reads(reader: object) -> None:
    for name in ("FORMAT", "RECOGNIZES", "READS", "NOT_READ"):
        text = getattr(reader, name)
        assert text
        assert "\n" not in text


def test_no_two_formats_share_a_name() -> None:
    assert len({reader.FORMAT for reader in readers()}) == len(READERS)


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    README.write_text(TABLE.sub(lambda m: m[1] + table() + m[3], text), encoding="utf-8")
