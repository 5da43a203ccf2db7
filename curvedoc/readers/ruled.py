"""Which numbers stand in a table that a trainer prints: names, dashes below them, and rows as they come?"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .cells import number
from .phrases import MAX_LINE, MAX_PAIRS, Phrase, cleaned, is_counter
from .vocabulary import is_metric

HIGHEST = 4  # lines over which the names of a table may run
FEWEST = 3  # columns; two names over dashes are a heading
_RULE = re.compile(r"\s*-+(?:\s+-+)*\s*")
_GROUP = re.compile(r"-+")
_NAME = re.compile(r"\S+(?: \S+)*")  # names stand two blanks apart
_HINT = re.compile(r"(?<!\s)\s*\([^()]*\)$")  # `Step (% Done)`, `4090 (81.78%)`
_REMEMBERED = 10_000  # rows
#: How spaCy heads its table, and which of its losses are none: an embedding layer's is the sum of squared gradients.
_SPACY = ("E", "#")
_LOSS = "LOSS "
_NO_LOSS = frozenset(("LOSS TOK2VEC", "LOSS TRANSFORMER"))
_SUMS = (
    "spaCy prints sums of the losses since the row before: divided by the steps between; of tok2vec and transformer, "
    "whose sums of squared gradients are no loss, nothing was read"
)
_WORDS = {"E": "epoch", "#": "step", "Itn": "epoch", "Itn.": "epoch", "Base Learning Rate": "learning rate"}


@dataclass(slots=True)
class _Table:
    """What is being printed: the names, where each column begins, the step of the last row, and the rows so far, as a
    terminal that draws its last ten rows anew repeats them."""

    names: list[str]
    begins: list[int]  # none where `|` stands between the cells
    sums: bool
    step: float = -1.0
    seen: set[str] = field(default_factory=set)


def rows(texts: Iterable[str]) -> Iterator[tuple[str, Phrase | None]]:
    """Each line and what it says as a row of a table, None where it is no row; dashes and repeated rows are left out.

    >>> lines = ["epoch  loss  val_loss", "-----  ----  --------", "    1  0.70      0.80", "stopped"]
    >>> [row.pairs if row else text for text, row in rows(lines)]
    ['epoch  loss  val_loss', (('epoch', 1.0), ('loss', 0.7), ('val_loss', 0.8)), 'stopped']
    """
    table: _Table | None = None
    above = ""
    piped: list[str] = []  # lines of cells between `|`, of which names may stand in several
    for text in texts:
        if (inner := text.strip())[:1] in ("|", "+") and inner[-1] in "|+" and len(inner) < MAX_LINE:
            if not inner.strip("|+-=: \t") and ("---" in inner or "===" in inner):  # `|---|---|`, MATLAB's `|=====|`
                table, piped = _begun_piped(piped, table) or table, []
                continue
            piped, above = [*piped, inner][-HIGHEST:], text
            row = _row(table, inner) if table is not None and not table.begins else None
            if row is None or row.pairs:
                yield text, row
            continue
        piped = []
        if "--" in text and _RULE.fullmatch(rule := cleaned(text)):
            table = _begun(cleaned(above), rule, table) or table
            continue
        above = text if text.strip() else above
        row = _row(table, cleaned(text)) if table is not None else None
        if row is None or row.pairs:
            yield text, row


def _begun(header: str, rule: str, old: _Table | None) -> _Table | None:
    """The table that a header and the dashes below it begin, None when they are something else."""
    begins = [match.start() for match in _GROUP.finditer(rule)]
    if len(begins) > 1:  # each column has its own
        printed = [cell.strip() for cell in _cut(header, begins)]
    else:
        begins = [match.start() for match in _NAME.finditer(header)]
        printed = _NAME.findall(header)
    sums = tuple(printed[:2]) == _SPACY
    names = [_WORDS.get(name, f"dev/{name}" if sums and not name.startswith(_LOSS) else name) for name in printed]
    names[:1] = [_HINT.sub("", name) for name in names[:1]]
    if not FEWEST <= len(names) <= MAX_PAIRS or not all(names) or len(set(names)) < len(names):
        return None
    if not is_counter(names[0]) or not any(map(is_metric, names)):
        return None
    if old is not None and old.names == names:  # the header is printed again
        return old
    return _Table(names, begins, sums)


def _begun_piped(headers: list[str], old: _Table | None) -> _Table | None:
    """The table whose names stand between `|` in the lines above a rule, None when they name no curve."""
    lines = [_between(line) for line in headers]
    if not lines or len({len(line) for line in lines}) > 1 or any(number(line[0]) is not None for line in lines):
        return None
    names = [" ".join(filter(None, parts)) for parts in zip(*lines, strict=True)]
    names = [_WORDS.get(name, name) for name in (_HINT.sub("", name) for name in names)]
    if not all(names) or len(set(names)) < len(names) or not is_counter(names[0]) or not any(map(is_metric, names)):
        return None
    return old if old is not None and old.names == names else _Table(names, [], False)


def _between(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def _row(table: _Table, line: str) -> Phrase | None:
    """What a row says, nothing when it was printed before; None when the line is no row."""
    if not line.lstrip(" |")[:1].isdigit():
        return None
    words = line.split() if table.begins else _between(line)
    if not table.begins and len(words) != len(table.names):
        return None
    cells = words if len(words) == len(table.names) else [_HINT.sub("", c.strip()) for c in _cut(line, table.begins)]
    read = [(name, number(cell), cell) for name, cell in zip(table.names, cells, strict=True)]
    pairs = {name: value for name, value, _ in read if value is not None}
    if table.names[0] not in pairs or len(pairs) < 2 or any(c and v is None and is_metric(n) for n, v, c in read):
        return None
    if line in table.seen:
        return Phrase(())
    if len(table.seen) < _REMEMBERED:
        table.seen.add(line)
    if table.sums and "step" in pairs:
        step, before = pairs["step"], table.step
        table.step = step if 0 <= step < math.inf else math.nan
        if math.isnan(before + table.step):
            return None  # nobody knows over how many steps the sums go, nor those of the row behind
        steps = step - before if step > before else step + 1  # the first row, at step 0, tells of one batch
        losses = {name: value / steps for name, value in pairs.items() if name.startswith(_LOSS)}
        pairs = {name: losses.get(name, value) for name, value in pairs.items() if name not in _NO_LOSS}
    return Phrase(tuple(pairs.items()), note=_SUMS if table.sums else "")


def _cut(line: str, begins: list[int]) -> list[str]:
    return [line[begin:end] for begin, end in zip(begins, [*begins[1:], MAX_LINE], strict=True)]
