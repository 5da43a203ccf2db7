"""What JSON holds: documents within bounds, and the scalars of a nested object by path."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import UnreadableLog
from .cells import is_absent, number
from .lines import encoding_of
from .table import Table, put

MAX_DOCUMENT = 512 << 20  # bytes of one JSON document, which has to be parsed as a whole
MAX_DEPTH = 12
#: Made once: json.loads makes one per call when it is given parse_int.
_DECODER = json.JSONDecoder(parse_int=float)
#: Half of a surrogate pair, which JSON can spell and no file can hold.
_HALF = re.compile(r"(\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2})|\\u[dD][89a-fA-F][\da-fA-F]{2}")


def parse(text: str | bytes) -> Any:
    """The JSON value of a text, NaN and Infinity allowed, every number a float. Raises ValueError.

    >>> parse('{"loss": NaN, "step": 3}')
    {'loss': nan, 'step': 3.0}
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    if "\\ud" in text or "\\uD" in text:
        text = _HALF.sub(lambda match: match[1] or "\\ufffd", text)
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise ValueError("nested too deep") from None


def load(path: Path, shown: str) -> Any:
    """The JSON document of a file. Raises UnreadableLog with the line when it is none."""
    size = path.stat().st_size
    if size > MAX_DOCUMENT:
        raise UnreadableLog(shown, f"a JSON document of {size >> 20} MiB; {MAX_DOCUMENT >> 20} MiB is the most")
    data = path.read_bytes()
    try:
        return parse(data.decode(encoding_of(data[:64]) or "utf-8", "replace"))
    except json.JSONDecodeError as error:
        cut = " (the write was cut off)" if error.pos >= len(error.doc.rstrip()) else ""
        raise UnreadableLog(shown, f"broken JSON: {error.msg}{cut}", line=error.lineno) from None
    except ValueError as error:
        raise UnreadableLog(shown, f"broken JSON: {error}") from None


def scalars(value: Mapping[str, Any], depth: int = 0) -> Iterator[tuple[str, float | str | None]]:
    """Path and scalar of every leaf, nested names joined with "/"; lists and truths are passed over.

    A number in quotes is a number (fairseq, trackio), `null` is None.

    >>> list(scalars({"train": {"loss": 0.5, "ok": True}, "lr": "1e-3"}))
    [('train/loss', 0.5), ('lr', 0.001)]
    """
    for name, leaf in value.items():
        if isinstance(leaf, Mapping):
            if depth < MAX_DEPTH:
                for rest, inner in scalars(leaf, depth + 1):
                    yield f"{name}/{rest}", inner
        elif isinstance(leaf, str):
            cell = leaf.strip()
            found = number(cell)
            yield name, found if found is not None else None if is_absent(cell) else leaf
        elif leaf is None or (isinstance(leaf, float) and not isinstance(leaf, bool)):
            yield name, leaf


def put_row(table: Table, row: Mapping[str, Any]) -> None:
    """Enter one JSON object as a row of a table."""
    numbers, at = table.numbers, table.rows
    for name, leaf in row.items():
        if type(leaf) is float and (pair := numbers.get(name)) is not None:  # `put`, without the call: most end here
            pair[0].append(at)
            pair[1].append(leaf)
        else:
            for path, cell in scalars({name: leaf}):
                put(table, path.strip(), cell)
    table.rows += 1


def facts(value: Mapping[str, Any], most: int = 500) -> dict[str, Any]:
    """The scalar leaves of a configuration, whole numbers as int, at most `most` of them.

    >>> facts(parse('{"optim": {"lr": 0.1}, "epochs": 3, "amp": true}'))
    {'optim/lr': 0.1, 'epochs': 3, 'amp': True}
    """
    found: dict[str, Any] = {}
    stack: list[tuple[str, Any]] = [(k, v) for k, v in reversed(list(value.items()))]
    while stack and len(found) < most:
        name, leaf = stack.pop()
        if isinstance(leaf, Mapping):
            if name.count("/") < MAX_DEPTH:
                stack.extend((f"{name}/{k}", v) for k, v in reversed(list(leaf.items())))
        elif isinstance(leaf, float) and math.isfinite(leaf) and leaf == int(leaf) and abs(leaf) < 2**53:
            found[name] = int(leaf)
        elif isinstance(leaf, (str, bool, int, float)):
            found[name] = leaf
    return found
