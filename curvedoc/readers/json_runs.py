"""Does one JSON document tell of several runs? The folds, seeds or models in it, each with curves of the same names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .jsontree import MAX_DEPTH
from .table import MAX_PARTS
from .vocabulary import SPLITS, is_metric, plain_name

#: What is done over and over: `fold_0`, `seed=3`, `run 2`, or a bare number.
_WORDS = "folds?|seeds?|runs?|trials?|rep|repeats?|repetitions?|cv|kfold|cross validation|replicates?"
_AGAIN = re.compile(rf"(?:(?:{_WORDS})[ =]*)+\w{{1,20}}|\d{{1,15}}")
_LISTED = re.compile(rf"(?:\w+ )*(?:{_WORDS})(?: \w+)*")
_HELD_OUT = SPLITS - {"train", "training", "tr"}
#: Whose losses belong to one training: terms, players, parts of a network, and what counts its time.
_TOGETHER = SPLITS | frozenset(
    (
        *("generator", "discriminator", "g", "d", "actor", "critic", "policy", "value", "teacher", "student"),
        *("box", "cls", "class", "obj", "dfl", "mask", "seg", "depth", "main", "aux", "total", "encoder", "decoder"),
        *("epoch", "epochs", "step", "steps", "iter", "iteration", "iterations", "batch", "batches"),
    )
)
_NAMED = ("fold", "seed", "run", "trial", "name", "model")
#: Those of them whose values are names by themselves: "adam", not "model adam".
_WORDED = frozenset(("name", "model"))
_LONGEST = 100  # characters of a name


def runs_in(document: Any, name: str = "") -> dict[str, Any]:
    """What a document, found under a `name`, says of each of several runs, by what tells them apart; {} for one run.

    Runs in which folds or models lie side by side again are told by both: MAX_PARTS at most, else by the outer alone.

    >>> curves = {"train_loss": [2.0, 1.0], "val_loss": [2.1, 1.2]}
    >>> list(runs_in({model: {"fold_1": curves, "fold_2": curves} for model in ("adam", "sgd")}))
    ['adam/fold_1', 'adam/fold_2', 'sgd/fold_1', 'sgd/fold_2']
    """
    outer = _side_by_side(document, name)
    while outer:
        inner: dict[str, Any] = {}
        for said, value in outer.items():
            inner |= {f"{said}/{part}": one for part, one in _side_by_side(value, "").items()} or {said: value}
            if len(inner) > MAX_PARTS:
                break
        if len(inner) > MAX_PARTS or len(inner) <= len(outer):
            break
        outer = inner
    return {
        said if len(said) <= _LONGEST else f"{said[:_LONGEST]}... ({k})": value
        for k, (said, value) in enumerate(outer.items(), 1)
    }


def _side_by_side(document: Any, name: str) -> dict[str, Any]:
    """The runs that lie side by side, at the first place that has several.

    Objects side by side are runs when they hold curves of the same names, and are either numbered as folds, seeds or
    repetitions, or have losses of training and of validation each. Objects in a list are, when its name or each of
    them says which repetition it is: else they may be epochs that list their batches.

    >>> curves = {"train_loss": [2.0, 1.0], "val_loss": [2.1, 1.2]}
    >>> list(runs_in({"note": "x", "results": {"adam": curves, "sgd": curves}}))
    ['adam', 'sgd']
    >>> runs_in({"train": {"loss": [2.0, 1.0]}, "val": {"loss": [2.1, 1.2]}})
    {}
    >>> runs_in({"val_loss": {"fold 1": [2.0, 1.0], "fold 2": [2.1, 1.2]}})["fold 2"]
    {'val_loss': [2.1, 1.2]}
    """
    for _ in range(MAX_DEPTH):
        if isinstance(document, list):
            document = _of_list(document, name)
        if not isinstance(document, Mapping) or len(document) > 2 * MAX_PARTS:
            return {}
        if turned := _turned(document):
            return turned
        told = {key: found for key, value in document.items() if (found := _curves(value))}
        if len(told) != 1:
            break
        name = next(iter(told))
        document = document[name]
    else:
        return {}
    same = frozenset.intersection(*told.values()) if told else frozenset()
    if not 2 <= len(told) <= MAX_PARTS or not same:
        return {}
    sides = {not _HELD_OUT.isdisjoint(plain_name(curve).split()) for curve in same}
    apart = sides == {True, False} and all(_TOGETHER.isdisjoint(plain_name(key).split()) for key in told)
    return {key: document[key] for key in told} if apart or all(map(_is_again, told)) else {}


def _is_again(key: str) -> bool:
    return _AGAIN.fullmatch(plain_name(key)) is not None


def _of_list(rows: list[Any], name: str) -> dict[str, Any]:
    """Objects of a list by what they call themselves, else by their place; {} where nothing says that they are runs."""
    if not 2 <= len(rows) <= MAX_PARTS or not all(isinstance(row, Mapping) for row in rows):
        return {}
    said = {key: [_plain(row.get(key)) for row in rows] for key in _NAMED}
    said = {key: words for key, words in said.items() if all(words)}
    for key, words in said.items():
        if len(set(words)) == len(rows):
            names = words if key in _WORDED else [f"{key} {word}" for word in words]
            return dict(zip(names, rows, strict=True))
    # Two models by two seeds: no key tells them apart, all together do; three of one name are told by their place.
    together = [
        ", ".join(word if key in _WORDED else f"{key} {word}" for key, word in zip(said, words, strict=True))
        for words in zip(*said.values(), strict=True)
    ]
    if together and len(set(together)) == len(rows):
        return dict(zip(together, rows, strict=True))
    place = plain_name(name)
    if _LISTED.fullmatch(place):
        kind = "fold" if "fold" in place or "cv" in place.split() or "cross" in place else "run"
        return {f"{kind} {k}": row for k, row in enumerate(rows, 1)}
    if len(set(together)) > 1 and not _WORDED.isdisjoint(said) and all(map(_curves, rows)):
        return {f"{called} ({k})": row for k, (called, row) in enumerate(zip(together, rows, strict=True), 1)}
    return {}


def _plain(word: Any) -> str:
    """What an object calls itself as a word; empty where that is no word and no number."""
    return f"{word:g}" if isinstance(word, float) else str(word) if isinstance(word, (str, int)) else ""


def _turned(document: Mapping[str, Any]) -> dict[str, Any]:
    """`{"val_loss": {"fold 1": [...], "fold 2": [...]}}` with the folds outside."""
    inner = {key: value for key, value in document.items() if is_metric(key) and isinstance(value, Mapping)}
    folds = dict.fromkeys(fold for value in inner.values() for fold in value)
    if not 2 <= len(folds) <= MAX_PARTS or not all(_is_again(fold) and not fold.isdecimal() for fold in folds):
        return {}
    beside = {key: value for key, value in document.items() if key not in inner}
    if _curves(beside) or not all(isinstance(one, list) for value in inner.values() for one in value.values()):
        return {}  # one result for each fold, beside the curves of a run
    return {fold: {key: value[fold] for key, value in inner.items() if fold in value} for fold in folds}


def _curves(value: Any, depth: int = 0) -> frozenset[str]:
    """The names of metrics over lists of numbers, and in the rows of a list, somewhere in a value."""
    if isinstance(value, list):
        first = value[0] if len(value) > 1 and isinstance(value[0], Mapping) else {}
        rows = frozenset(name for name, cell in first.items() if is_metric(name) and isinstance(cell, (float, int)))
        return rows or _curves(first, depth + 1)
    if not isinstance(value, Mapping) or depth > MAX_DEPTH:
        return frozenset()
    found = set[str]()
    for name, leaf in value.items():
        if isinstance(leaf, list) and leaf and isinstance(leaf[0], (float, int, str)):
            found |= {name} if is_metric(name) else set()
        else:
            found |= {f"{name}/{inner}" for inner in _curves(leaf, depth + 1)}
    return frozenset(found)
