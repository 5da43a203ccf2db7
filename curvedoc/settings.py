"""Which settings does a run state? Its hyper-parameters, flat."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

Value = float | str


def flat(hyper: Mapping[str, object], above: str = "", deep: int = 0) -> Iterator[tuple[str, Value]]:
    """Numbers and words by name, nested settings with dots between the names; lists are left out.

    Numbers in quotes are numbers, truth values and None are words.

    >>> dict(flat({"lr": "1e-3", "opt": {"name": "adam", "amsgrad": False}}))
    {'lr': 0.001, 'opt.name': 'adam', 'opt.amsgrad': 'False'}
    """
    for key, value in hyper.items():
        name = f"{above}{key}"
        if isinstance(value, Mapping) and deep < 4:
            yield from flat(value, f"{name}.", deep + 1)
        elif isinstance(value, bool) or value is None:
            yield name, str(value)
        elif isinstance(value, (int, float)):
            if abs(value) < 1e300:  # a whole number of a log can exceed every float
                yield name, float(value)
        elif isinstance(value, str):
            yield name, _number(value)


def _number(word: str) -> Value:
    try:
        value = float(word) if len(word) < 40 else math.nan
    except ValueError:
        value = math.nan
    return value if math.isfinite(value) else word
