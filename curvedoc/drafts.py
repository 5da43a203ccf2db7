"""Of which side of a run, training or held out, does each series speak? By its name, its file and its neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from .names import MEASURED, Name, is_idle, misspelt_side, read_name, side_of, words

if TYPE_CHECKING:
    from .readers.log import Log, Series


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """A series with what its name says, before its companions are asked."""

    log: Log
    series: Series
    name: Name
    side: str  # by name or by file


def draft_all(logs: Sequence[Log]) -> list[Draft]:
    """One Draft per series of the logs of one run, in their order."""
    sided = [(log, _side_of_file(log)) for log in logs]
    drafts = [_draft(log, series, side) for log, side in sided for series in log.series]
    return _abbreviated(_misspelt(_first_set_is_train(drafts)))


def called(log: Log, tag: str) -> tuple[str, ...]:
    """By which names a caller may speak of a tag: as logged, and without the run in front of it (a W&B export)."""
    tag = tag.strip()
    return (tag, tag.removeprefix(f"{log.part} - ")) if log.part and tag.startswith(f"{log.part} - ") else (tag,)


def _draft(log: Log, series: Series, side: str) -> Draft:
    name = read_name(_full_tag(log, series.tag))
    return Draft(log, series, name, name.side or side)


def _first_set_is_train(drafts: list[Draft]) -> list[Draft]:
    """XGBoost names its evaluation sets validation_0, validation_1: by habit the first is the training data."""
    sets = {d.name.words[:12] for d in drafts}
    if not {"validation 0", "validation 1"} <= sets:
        return drafts
    numbered = {"validation 0": "train", "validation 1": "val"}
    return [
        replace(d, name=replace(d.name, base=d.name.base[1:].strip()), side=numbered[d.name.words[:12]])
        if d.name.words[:12] in numbered
        else d
        for d in drafts
    ]


def _misspelt(drafts: list[Draft]) -> list[Draft]:
    """Losses that no other word of their name explains and whose split nobody else fills: `Vall Loss` is validation."""
    filled = {d.side for d in drafts if d.name.kind == "loss"}
    found = []
    for d in drafts:
        side = misspelt_side(d.name.part) if d.name.kind == "loss" and not d.name.side else ""
        alone = len(d.name.part.split()) == 1 and side not in filled
        found.append(replace(d, side=side, name=replace(d.name, part="", base="loss")) if side and alone else d)
    return found


def _abbreviated(drafts: list[Draft]) -> list[Draft]:
    """`t_loss` and `v_loss` beside each other, and what else begins so: training and validation."""
    names = {d.name.words for d in drafts}
    pairs = {w[2:] for w in names if w.startswith("t ")} & {w[2:] for w in names if w.startswith("v ")}
    if not any(read_name(rest).kind in MEASURED for rest in pairs):
        return drafts
    sides = {"t ": "train", "v ": "val"}
    found = []
    for d in drafts:
        side = sides.get(d.name.words[:2], "") if not d.name.side else ""
        meant = read_name(f"{side} {d.name.words[2:]}") if side else d.name
        found.append(replace(d, side=side, name=meant) if side and meant.kind in MEASURED else d)
    return found


def _full_tag(log: Log, tag: str) -> str:
    """The tag with what its directory adds to it, and without the run's name in front of it.

    `add_scalars("Loss", {"train": ...})` writes the tag `Loss` into a directory `Loss_train` (torch) or
    `Loss/train` (tensorboardX); a W&B export names its columns `run - tag`.
    """
    tag = called(log, tag)[-1]
    run, dash, rest = tag.partition(" - ")
    says_more = bool(read_name(run).kind or side_of(words(run)) or (read_name(tag).kind and not read_name(rest).kind))
    if dash and rest and not says_more:
        tag = rest
    above = PurePosixPath(log.file.replace("\\", "/")).parent
    flat = f"{tag.replace('/', '_')}_"
    if above.name.startswith(flat):
        return f"{tag}/{above.name[len(flat) :]}"
    if (
        above.name
        and words("/".join(above.parts[:-1])).endswith(words(tag))
        and read_name(tag).kind in ("loss", "lr", "accuracy")
    ):
        return f"{tag}/{above.name}"
    return tag


def _side_of_file(log: Log) -> str:
    """The split that a file or its directory is named after, when its tags do not name one themselves."""
    names = [read_name(s.tag) for s in log.series]
    training = any(n.kind in ("lr", "grad_norm", "update_ratio") for n in names)
    said = {n.side for n in names if n.side and n.kind in MEASURED}
    path = PurePosixPath(log.file.replace("\\", "/"))
    stem = "" if "tfevents" in path.name else path.stem
    for text, is_directory in ((words(stem), False), (words(path.parent.name), True)):
        side = side_of(text)
        idle = not is_directory or all(map(is_idle, text.split()))
        if side and idle and said <= {side} and not (training and side != "train"):
            return side
    return ""
