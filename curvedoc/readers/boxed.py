"""Which numbers stand in a box of names and values that an agent's trainer prints?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from .cells import number
from .phrases import MAX_LINE, MAX_PAIRS, Phrase, is_counter
from .vocabulary import counter_kind

FEWEST = 3  # numbers of a box, a counter among them; two are a pair of settings
_CELLS = re.compile(r"[\s#]*\|\s*([^\W\d][\w/ .()%-]{0,80}?)\s*\|\s*([^|\s]*)\s*\|\s*")


def boxes(texts: Iterable[tuple[str, Phrase | None]]) -> Iterator[tuple[str, Phrase | None]]:
    """Each line and what it says, the lines of a box as what they say together: Stable-Baselines3 and Baselines print
    one box per iteration, a name and a value in each line and `train/` over those of its section.

    >>> box = ["| rollout/            |      |", "|    ep_len_mean      | 21   |", "|    ep_rew_mean      | 21.3 |"]
    >>> box += ["| time/               |      |", "|    total_timesteps  | 2048 |"]
    >>> [row.pairs for _, row in boxes((line, None) for line in box)]
    [(('rollout/ep_len_mean', 21.0), ('rollout/ep_rew_mean', 21.3), ('time/total_timesteps', 2048.0))]
    """
    open_: list[str] = []
    values: dict[str, float] = {}
    section = ""
    for text, row in texts:
        cells = _CELLS.fullmatch(text) if row is None and "|" in text[:MAX_LINE] and len(text) < MAX_LINE else None
        if cells is None and not open_:
            yield text, row
            continue
        name = f"{section}{cells[1]}" if cells and cells[2] else ""
        full = len(open_) == MAX_PAIRS  # a box without an end is no box: its lines are not kept
        if cells is None or full or name in values or (not name and cells[1] < section):  # sections are sorted
            yield from _closed(open_, values)
            open_, values, section = [], {}, "" if cells is None else section
        if cells is None:
            yield text, row
            continue
        open_.append(text)
        if not cells[2]:
            section = cells[1] if cells[1].endswith("/") else ""
        elif (value := number(cells[2])) is not None:
            values[name] = value
    yield from _closed(open_, values)


def _closed(texts: list[str], values: dict[str, float]) -> Iterator[tuple[str, Phrase | None]]:
    """A box as one row at the first of its counters; what is none as the lines that it was."""
    counters = sorted((name for name in values if is_counter(name)), key=lambda name: counter_kind(name)[1])
    if len(values) < FEWEST or not counters or len(counters) == len(values):
        yield from ((text, None) for text in texts)
        return
    pairs = tuple((name, value) for name, value in values.items() if name == counters[0] or name not in counters)
    yield texts[0], Phrase(pairs)
