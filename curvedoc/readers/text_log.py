"""Text logs: what a training loop printed, line by line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..run import Note
from .boxed import boxes
from .dialect import SAMPLE, cells_of
from .lines import encoding_of, lines, quoted, text_of
from .log import Log, Series
from .phrases import AVERAGED, TREES, Phrase, is_counter, phrase_of
from .ruled import rows
from .table import MAX_COLUMNS, Table, put, to_logs
from .vocabulary import counter_kind, is_metric, plain_name

FORMAT = "text log"
RECOGNIZES = (
    "`.log`, `.txt`, `.out`, `.err`, Slurm and nohup files in which lines name losses or metrics beside counters"
)
READS = (
    "`step 100 | loss: 2.3`, `loss=2.3`, dicts, progress bars; Keras, nanoGPT, Megatron, fairseq, DETR, nnU-Net, "
    "MXNet, Caffe, CycleGAN, CatBoost, Marian; tables of spaCy, skorch and nerfstudio; boxes of "
    "Stable-Baselines3, tables between bars; lines without a counter belong to the last printed; numbers "
    "before the first are settings"
)
NOT_READ = "prose, printed tensors, tables of the GPU, values that are copies of the best; a bar's earlier states"

_SUFFIXES = frozenset((".log", ".txt", ".out", ".err", ".stdout", ".stderr", ".csv", ".tsv", ""))
_SCHEDULER = re.compile(r"\.[oe]\d+$")  # train.sh.o12345 of PBS and SGE
_NO_LOG = re.compile(
    r"readme|requirements|license|changelog|vocab|merges|makefile|dockerfile|cmakelists", re.IGNORECASE
)
_TAIL = 16 * 1024  # bytes at the end that help to recognize a log that begins with its own source code
_MAYBE = re.compile(r"\d|\bnan\b|\binf\b", re.IGNORECASE)
# Boosters print their best round again in the line below this one.
_BEST_AGAIN = re.compile(r"\bbest iteration(?: is)?:?\s*$", re.IGNORECASE)
_FEW = 2  # lines with a counter and a metric; fewer are no log
_REGULAR = 5  # lines alike make a log even without a counter, or without a known name
_MAX_HYPER = 300


def recognizes(path: Path, head: bytes) -> bool:
    if path.suffix.lower() not in _SUFFIXES and not _SCHEDULER.search(path.name):
        return False
    text = text_of(head)
    if not text or _NO_LOG.match(path.stem) or text.lstrip().startswith(("<!", "<?xml", "%PDF", "#!")):
        return False
    if path.suffix.lower() in (".csv", ".tsv") and _is_table(text.splitlines()[:SAMPLE]):
        return False  # of something else, or it had been read as one
    if _is_log(_book_of(text.splitlines())):
        return True
    size = path.stat().st_size
    if size <= len(head):
        return False
    with path.open("rb") as file:
        file.seek(max(len(head), size - _TAIL))
        tail = file.read(_TAIL).decode(encoding_of(head) or "utf-8", "replace")
    return _is_log(_book_of(tail.splitlines()))


def read(path: Path, shown: str) -> tuple[Log, ...]:
    book = _book_of(text for _, text in lines(path))
    if not _is_log(book):
        return ()
    names = _names(book)
    logs = to_logs(book.table, shown, FORMAT, book.hyper)
    notes = [Note(shown, _understood(book)), *(Note(shown, what) for what in book.notes if what != TREES)]
    if TREES in book.notes:
        names, what = _trees(names, logs)
        notes.append(Note(shown, what))
    return tuple(
        replace(
            log, series=tuple(_renamed(s, names) for s in log.series), notes=(*(notes if k == 0 else ()), *log.notes)
        )
        for k, log in enumerate(logs)
    )


def _is_table(sample: Sequence[str]) -> bool:
    """Whether names without a number stand over rows of as many cells, three at least: a table of texts that may speak
    of losses is no log."""
    for delimiter in (",", "\t", ";"):
        head, *rows = [cells_of(line, delimiter) for line in sample if line.strip()] or [[]]
        alike = sum(len(row) == len(head) for row in rows)
        if len(head) >= 3 and not any(re.search(r"\d", name) for name in head) and alike > 0.8 * len(rows):
            return True
    return False


@dataclass(slots=True)
class _Book:
    """What has been understood so far. A `kind` of line is told by its side and the counters it prints itself."""

    table: Table = field(default_factory=Table)
    epoch: tuple[str, float] | None = None
    step: tuple[str, float] | None = None
    pending: tuple[Any, Phrase] | None = None
    hyper: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, Counter[str]] = field(default_factory=dict)  # tag -> kinds of line that print it
    labels: dict[str, str] = field(default_factory=dict)  # kind -> words before its first number
    lines_of: Counter[str] = field(default_factory=Counter)  # names in the line -> lines
    side: str = ""  # of the last progress bar
    place: tuple[tuple[str, float], ...] = ()  # counters of the last row
    notes: dict[str, None] = field(default_factory=dict)
    counted: int = 0  # rows that count on from the one before
    others: int = 0


def _is_log(book: _Book) -> bool:
    counted = book.counted > 0
    metrics = any(is_metric(tag) for tag in book.tags)
    most = max(book.lines_of.values(), default=0)
    return (counted and metrics and most >= _FEW and book.counted >= _FEW) or (
        most >= _REGULAR and (counted or metrics)
    )


def _book_of(texts: Iterable[str]) -> _Book:
    book = _Book()
    early: list[Phrase] = []
    for text, row in _said_once(boxes(rows(texts))):
        phrase = row or (phrase_of(text) if _MAYBE.search(text) else None)
        if phrase is None:
            book.others += bool(text.strip())
            continue
        if phrase.note:
            book.notes[phrase.note] = None
        counters = _counters_of(phrase)
        if phrase.done is not None:
            _bar(book, phrase, counters)
        elif counters and _is_context(phrase, counters):
            _flush(book)
            _count(book, counters)
        elif counters or book.epoch or book.step:
            _flush(book)
            _row(book, phrase, counters)
        else:
            early.append(phrase)
    _flush(book)
    if book.table.rows:
        for phrase in early:
            _settings(book, phrase)
    else:  # a log that counts nothing: lines that come again and again
        shapes = Counter(tuple(n for n, _ in phrase.pairs) for phrase in early)
        for phrase in early:
            if shapes[tuple(n for n, _ in phrase.pairs)] >= _REGULAR:
                _row(book, phrase, [])
            else:
                _settings(book, phrase)
    return book


def _said_once(texts: Iterable[tuple[str, Phrase | None]]) -> Iterator[tuple[str, Phrase | None]]:
    """The lines but for the round that a booster prints again as its best."""
    copied = False
    for text, row in texts:
        if not copied:
            yield text, row
        copied = not copied and "est iter" in text and _BEST_AGAIN.search(text) is not None


def _counters_of(phrase: Phrase) -> list[tuple[str, float]]:
    """The counters of a line, none where all that look like some are settings."""
    if not any(is_counter(name) for name, _ in phrase.pairs):
        return []  # beside another counter, `iters: 100` counts; alone it is a setting
    counters = [(n, v) for n, v in phrase.pairs if counter_kind(n)[0] in ("step", "epoch")]
    # `epochs: 20, batch: 128, lr: 0.001`
    settings = len(counters) == 2 and {plain_name(n) for n, _ in counters} == {"batch", "epochs"}
    return [] if settings else counters


def _is_context(phrase: Phrase, counters: list[tuple[str, float]]) -> bool:
    return len(counters) == len(phrase.pairs)


def _count(book: _Book, counters: list[tuple[str, float]]) -> None:
    """What later lines without a counter belong to."""
    for name, value in counters:
        if counter_kind(name)[0] == "epoch":
            book.epoch = name, value
            book.step = None
    for name, value in counters:
        if counter_kind(name)[0] == "step":
            book.step = name, value


def _bar(book: _Book, phrase: Phrase, counters: list[tuple[str, float]]) -> None:
    """One state of a progress bar. Of Keras' bars, whose numbers are means so far, an epoch keeps the last."""
    counted = any(counter_kind(name)[0] == "epoch" for name, _ in counters)
    if len(counters) == len(phrase.pairs):
        if counted:
            _flush(book)
            _count(book, counters)
        return
    key = (phrase.side, tuple(counters), None if phrase.keras else phrase.done)
    if book.pending is not None and book.pending[0] != key:
        _flush(book)
    if phrase.keras and book.pending is not None and (phrase.done or 0) < (book.pending[1].done or 0):
        _flush(book)
    book.pending = key, phrase


def _flush(book: _Book) -> None:
    if book.pending is not None:
        (_, counters, done), phrase = book.pending
        book.pending = None
        own = [*counters, ("batch", float(done))] if done is not None else list(counters)
        _row(book, phrase, own)
        book.side = phrase.side


def _row(book: _Book, phrase: Phrase, counters: list[tuple[str, float]]) -> None:
    """One row of the table: what the line says, at its own counters or at the last ones printed."""
    if phrase.side and book.epoch and [n for n, _ in counters] == ["batch"]:
        counters = []  # `Test: [10/79]` counts the batches of the evaluation: its rows are one value per epoch
        values = [(n, v) for n, v in phrase.pairs if n != "batch"]
        kind = f"{phrase.side} batch"
    else:
        values = [(n, v) for n, v in phrase.pairs if (n, v) not in counters and (counters or is_metric(n))]
        kind = ", ".join(name for name, _ in counters)
    values = [(n, v) for n, v in values if "best" not in n.lower()]
    if not values:
        book.others += 1
        return
    if not counters and phrase.label == AVERAGED and book.side:
        values = [(f"{book.side}/{n}", v) for n, v in values]
    _count(book, counters)
    kinds = {counter_kind(name)[0] for name, _ in counters}
    place = list(counters)
    if "epoch" not in kinds and book.epoch:
        place.append(book.epoch)
    if not kinds and book.step:
        place.append(book.step)
    book.counted += bool(place) and tuple(place) != book.place
    book.place = tuple(place)
    book.labels.setdefault(kind, phrase.label)
    entered = set()
    for name, value in (*place, *((f"{n}\0{kind}", v) for n, v in values)):
        if name not in entered and (name in book.table.numbers or len(book.table.numbers) < MAX_COLUMNS):
            entered.add(name)
            put(book.table, name, value)
    for name, _ in counters:
        book.tags.setdefault(name, Counter())
    for name, _ in values:
        book.tags.setdefault(name, Counter())[kind] += 1
    book.table.rows += 1
    book.lines_of[", ".join([*(n for n, _ in counters), *(n for n, _ in values)][:6])] += 1


def _settings(book: _Book, phrase: Phrase) -> None:
    for name, value in phrase.pairs:
        if re.fullmatch(r"[A-Za-z_][\w-]*", name) and len(book.hyper) < _MAX_HYPER:
            book.hyper.setdefault(name, int(value) if value.is_integer() else value)


def _names(book: _Book) -> dict[str, str]:
    """The tag of each column: lines of the commonest kind keep the printed name, rarer ones get their label."""
    names: dict[str, str] = {}
    for tag, kinds in book.tags.items():
        for place, (kind, _) in enumerate(kinds.most_common()):
            label = book.labels.get(kind, "")
            apart = f"{label}/{tag}" if label else f"{tag} ({kind or 'no counter'})"
            names[f"{tag}\0{kind}"] = tag if place == 0 else apart
    return names


def _trees(names: dict[str, str], logs: Iterable[Log]) -> tuple[dict[str, str], str]:
    """The tags of what CatBoost prints: a loss where it falls on what was learned, a score where it rises there."""
    sides = {key: tag for key, tag in names.items() if tag.endswith("/loss")}
    found = [(s.tag != "learn/loss", s.value) for log in logs for s in log.series if s.tag in sides]
    value = min(found, key=lambda f: f[0])[1] if found else np.empty(0)
    value = value[np.isfinite(value)]
    if len(value) < 2 or value[-1] <= value[0]:
        return names, f"{TREES}: it falls, and is taken for a loss"
    return names | {k: tag.removesuffix("loss") + "score" for k, tag in sides.items()}, f"{TREES}: it rises, no loss"


def _renamed(series: Series, names: dict[str, str]) -> Series:
    return replace(series, tag=names.get(series.tag, series.tag))


def _understood(book: _Book) -> str:
    common = book.lines_of.most_common(3)
    said = "; ".join(f"{_lines(n, 'say')} {quoted(names, 80)}" for names, n in common)
    more = len(book.lines_of) - len(common)
    rest = f"; {sum(book.lines_of.values()) - sum(n for _, n in common)} in {more} other ways" if more else ""
    idle = f"; {_lines(book.others, 'hold')} nothing measured" if book.others else ""
    return f"{said}{rest}{idle}"


def _lines(count: int, verb: str) -> str:
    return f"1 line {verb}s" if count == 1 else f"{count} lines {verb}"
