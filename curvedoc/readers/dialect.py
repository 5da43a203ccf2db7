"""How a table is written: its delimiter, its decimal sign, and whether the lines are a table at all."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from .cells import is_absent, number
from .lines import HEAD

SAMPLE = 60  # lines that decide
CONFLICT = re.compile(r"(<{7}|>{7}|\|{7})( |$)|={7}$")
_DELIMITERS = (",", "\t", ";", "|")
_SENTENCE = re.compile(r"[^\W\d]{2}[\w /-]*\s*[:=]\s*\[?\s*-?[\d.]|[{}]|\bis -?\d")  # `loss: 0.3` is a text log


@dataclass(frozen=True, slots=True)
class Dialect:
    """`delimiter` is "\\n" for a single column, " " for any blanks; with `comma` the comma is the decimal sign."""

    delimiter: str
    comma: bool = False


def dialect_of(sample: Sequence[str]) -> Dialect | None:
    """The dialect of the first lines of a file, or None when they are no table of numbers.

    >>> dialect_of(["epoch;loss", "1;0,5", "2;0,25"])
    Dialect(delimiter=';', comma=True)
    >>> dialect_of(["epoch 1, loss: 0.5, acc: 0.1", "epoch 2, loss: 0.4, acc: 0.2"]) is None
    True
    """
    held = tuple(sample)
    return (_dialect if sum(map(len, held)) <= HEAD else _dialect.__wrapped__)(held)


@lru_cache(1)  # a file is recognized by the lines that it is then read by
def _dialect(sample: tuple[str, ...]) -> Dialect | None:
    kept = [line for line in sample if line.strip() and not CONFLICT.match(line)]
    kept = [line for line in kept if not line.startswith("#") or any(d in line for d in _DELIMITERS)]
    best: tuple[float, str] | None = None
    text = "\n".join(kept)
    for delimiter in _DELIMITERS:
        if delimiter not in text:
            continue
        rows = [cells_of(line, delimiter) for line in kept]
        widths = Counter(len(row) for row in rows if len(row) > 1)
        if not widths:
            continue
        width, alike = widths.most_common(1)[0]
        body = [row for row in rows if len(row) == width]
        share = alike / len(rows)
        if share >= 0.5 and _is_numeric(body[1:] or body, delimiter) and (best is None or share * width > best[0]):
            best = share * width, delimiter
    if best is None:
        return Dialect("\n") if _is_single_column(kept) else Dialect(" ") if _is_aligned(kept) else None
    body_lines = kept[1:6]
    if sum(bool(_SENTENCE.search(line)) for line in body_lines) > len(body_lines) / 2:
        return None
    comma = best[1] != "," and any(re.search(r"\d,\d", line) for line in kept[1:])
    return Dialect(best[1], comma)


def is_plainly_a_table(sample: Sequence[str], dialect: Dialect) -> bool:
    """Whether a file that is not named .csv is one: different names on top, numbers in nearly all rows below."""
    rows = [cells_of(line, dialect.delimiter) for line in sample if line.strip()]
    head, body = rows[0], rows[1:]
    named = all(number(c) is None and len(c) <= 80 and not c.startswith(("{", "[", "<")) for c in head)
    full = [row for row in body if len(row) == len(head) > 1 and any(number(c, dialect.comma) is not None for c in row)]
    return named and len(set(head)) == len(head) and len(full) > 0.8 * len(body)


def cells_of(line: str, delimiter: str) -> list[str]:
    """The stripped cells of one line; a quote that never closes is a character like any other.

    >>> cells_of('1, "a, b" ,0.5', ","), cells_of('1,"a,0.5', ",")
    (['1', 'a, b', '0.5'], ['1', '"a', '0.5'])
    """
    if delimiter == " ":
        return line.split()
    quotes = line.count('"')
    if not quotes or quotes % 2:
        return [cell.strip() for cell in line.split(delimiter)]
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])]
    except csv.Error:  # a cell beyond the module's limit of 128 KiB
        return [cell.strip() for cell in line.split(delimiter)]


def _is_single_column(kept: Sequence[str]) -> bool:
    """Nothing but numbers, with or without a name above: `Series.to_csv(index=False)`, `numpy.savetxt`."""
    if len(kept) < 3 or len(kept[0]) > 60 or _SENTENCE.search(kept[0]):
        return False
    return all(number(line.strip()) is not None for line in kept[1:])


def _is_aligned(kept: Sequence[str]) -> bool:
    """Names over as many numbers in every row, kept apart by blanks: fastai's table, `DataFrame.to_string`."""
    rows = [line.split() for line in kept]
    if len(rows) < 3 or not 1 < len(rows[0]) < 100 or any(number(name) is not None for name in rows[0]):
        return False
    return all(len(row) == len(rows[0]) and all(number(cell) is not None for cell in row) for row in rows[1:])


def _is_numeric(rows: Sequence[Sequence[str]], delimiter: str) -> bool:
    """Whether a third of the filled cells, and at least one cell in most rows, are numbers."""
    numbers = others = told = 0
    for row in rows:
        read = [(number(cell, delimiter != ","), cell) for cell in row if cell]
        found = sum(value is not None for value, _ in read)
        numbers += found
        others += sum(value is None and not is_absent(cell) for value, cell in read)
        told += found > 0
    return numbers > 0 and numbers >= (numbers + others) / 3 and told >= len(rows) / 2
