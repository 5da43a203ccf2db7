"""What does a logged tag mean? Its own words, the file it stands in and its companions decide."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from .drafts import Draft, called, draft_all
from .errors import UsageError
from .families import NO_PROGRESS, family
from .names import LAYERED, MEASURED, TERMS, Name, misspelt_side
from .run import Array, role_of

if TYPE_CHECKING:
    from .readers.log import Log, Series

#: Metrics that only an evaluation computes, whatever the tag says about its split.
_EVALUATED = re.compile(
    r"^metrics\b|\bm?ap\b|\bap[sml]\b|\b[ma]acc\b|\bm?ar\b|\b[mf]?iou\b|\bbleu\b|\brouge|\bmeteor\b|\bcider\b|\bfid\b"
    r"|\bsuccess\b|\bndcg\b|\bmrr\b|\bhits?\b|\bhr\b|\b(?:recall|precision) (?:5|10|20|50|100)\b"
)


_PERPLEXITY = re.compile(r"\b(?:ppl|perplexity)\b")
_NAMELESS = Name()


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """What one series was taken for. `role` is a word of ROLES, with the layer in brackets where it has one, or
    None; `sure` is False when name and companions do not settle it, and `why` says what the choice rests on;
    `cadence` is "step", "epoch" or ""; `unit` is "percent", "share", "log10", "perplexity" or ""."""

    log: Log
    series: Series
    role: str | None
    sure: bool = True
    why: str = ""
    cadence: str = ""
    unit: str = ""
    name: Name = _NAMELESS


def assign(logs: Sequence[Log], overrides: Mapping[str, str] = {}) -> list[Claim]:
    """One Claim per series of the logs of one run, in their order.

    `overrides` maps a role word to the tag that plays it. Raises UsageError for a word that is no role, and for a
    tag that no log holds, with the nearest one that does.
    """
    given = _given(logs, overrides)
    drafts = draft_all(logs)
    context = _context(drafts)
    claims = []
    for draft in drafts:
        claim = _claim(draft, context)
        role = next((given[tag] for tag in called(draft.log, draft.series.tag) if tag in given), None)
        if role is not None:
            claim = replace(
                claim, role=role, sure=True, why="as told", unit=_unit(role, draft.name, draft.series.value)
            )
        claims.append(claim)
    return claims


@dataclass(frozen=True, slots=True, eq=False)
class _Context:
    drafts: Sequence[Draft]
    family: str  # a key of NO_PROGRESS where a loss does not measure progress, else ""
    parts: Mapping[str, frozenset[str]]  # side -> the words of its losses, "" for a total
    bare_loss: bool
    evaluated: frozenset[str]  # words of what is logged for a held-out split
    sides: frozenset[str]


def _given(logs: Sequence[Log], overrides: Mapping[str, str]) -> dict[str, str]:
    tags = list(dict.fromkeys(tag for log in logs for s in log.series for tag in called(log, s.tag)))
    for role, tag in overrides.items():
        kind, layer = role_of(role)
        if kind.layered and layer is None:
            raise UsageError(f"role {role!r} needs a layer in brackets, as in {role}[fc1]")
        if tag.strip() not in tags:
            raise UsageError(no_such_tag(role, tag, tags))
    return {tag.strip(): role for role, tag in overrides.items()}


def no_such_tag(role: str, tag: str, tags: Sequence[str]) -> str:
    """The sentence for an override whose tag no log holds."""
    near = difflib.get_close_matches(tag, tags, 1, 0.4)
    known = f"did you mean {near[0]!r}?" if near else f"the log holds {', '.join(map(repr, tags[:8]))}"
    return f"{role}={tag}: no tag {tag!r} in the log; {known}"


def _context(drafts: Sequence[Draft]) -> _Context:
    parts: dict[str, set[str]] = {}
    for d in drafts:
        if d.name.kind == "loss":
            parts.setdefault(d.side or "train", set()).add(d.name.part)
    measured = [d for d in drafts if d.name.kind in MEASURED]
    return _Context(
        drafts,
        family(drafts),
        {side: frozenset(found) for side, found in parts.items()},
        any(d.name.kind == "loss" and not d.name.part and not d.side for d in drafts),
        frozenset(d.name.base for d in measured if d.side in ("val", "test")),
        frozenset(d.side for d in measured),
    )


def _claim(draft: Draft, context: _Context) -> Claim:
    log, series, name = draft.log, draft.series, draft.name
    role: str | None
    role, sure, why = None, True, ""
    written = _written(series.tag)
    if written is not None:
        role = written
    elif name.kind in ("epoch", "step", "time", "system", "other_loss", "reward"):
        role, why = name.kind, NO_PROGRESS.get(context.family, "") if name.kind == "other_loss" else ""
    elif name.words == "r" and {s.tag for s in log.series} == {"r", "l", "t"}:
        role, why = "reward", "return, length and time of each episode, as Stable-Baselines3's monitor writes them"
    elif name.kind == "lr":
        role = "lr"
    elif name.kind == "grad_norm":
        alone = sum(d.name.kind == "grad_norm" for d in context.drafts) == 1
        role, why = ("grad_norm", "") if alone or not name.layer else (None, "the gradient of one layer")
    elif name.kind in LAYERED:
        role, sure, why = _layered(draft, context)
    elif name.kind == "loss":
        role, sure, why = _loss(draft, context)
    elif name.kind in MEASURED:
        role, sure, why = _metric(draft, context)
    elif name.words in ("score", "scores"):
        role, sure, why = _score(draft, context)
    elif not name.kind and name.side and not name.base:
        role, sure, why = _bare_side(draft, context)
    elif not name.kind and name.side in ("val", "test"):
        role, sure, why = _unknown(draft)
    if role is not None and _is_summary(draft, role, context):
        role, sure, why = "summary", True, "one value for the whole run"
    if name.kind == "loss" and not name.side and draft.side and misspelt_side(name.words) == draft.side:
        sure, why = False, f"its name nearly spells {draft.side!r}"
    if role is not None and name.side and draft.side != name.side:
        sure, why = False, "the first of several evaluation sets is by habit the training data"
    return Claim(log, series, role, sure, why, name.cadence, _unit(role, name, series.value), name)


def _written(tag: str) -> str | None:
    """The role that a tag spells out, as in `update_ratio[fc1]`."""
    found = re.fullmatch(r"(update_ratio|weight_norm|dead_share|saturated_share)\[(.+)\]", tag, re.DOTALL)
    return tag if found else None


def _layered(draft: Draft, context: _Context) -> tuple[str | None, bool, str]:
    name, value = draft.name, draft.series.value[np.isfinite(draft.series.value)]
    layer = name.layer or "all"
    if name.kind in ("dead_share", "saturated_share") and len(value) and (value.min() < 0 or value.max() > 100):
        return None, True, "a count, not a share"
    if name.kind == "update_ratio" and name.words.startswith("ratio"):
        alike = sum(d.name.kind == "update_ratio" for d in context.drafts)
        small = len(value) > 0 and (bool((value < 0).all()) or bool((value >= 0).all() and np.median(value) < 0.5))
        if alike < 2 or not small:
            return None, False, "a ratio of what is not said"
        return f"{name.kind}[{layer}]", False, "small ratios, one per layer: taken for update over weight"
    return f"{name.kind}[{layer}]", True, ""


def _loss(draft: Draft, context: _Context) -> tuple[str | None, bool, str]:
    name, side = draft.name, draft.side or "train"
    if context.family:
        return "other_loss", True, NO_PROGRESS[context.family]
    parts = context.parts[side]
    among = any(name.part in others and len(others) > 1 for others in context.parts.values())
    if name.part and ("" in parts or among):
        if side == "test" and not parts & context.parts.get("train", frozenset()):
            return "test_loss", True, ""
        if side == "val" and "" not in parts and _are_sets(parts, context):
            return "val_loss", False, "the loss on one of several held-out sets"
        stray = {"max", "min", "std", "var", "ema"} & set(name.part.split())
        return (
            (None, True, "not the loss itself")
            if stray
            else (f"{'train' if side == 'train' else 'val'}_loss_part", True, "")
        )
    if side == "test":
        if "val" in context.sides or len(draft.series.value) < 2:
            return "test_loss", True, ""
        return "val_loss", True, "no validation is logged: the test split plays its part"
    why = (
        ""
        if draft.name.side or not draft.side
        else f"the file is named after the {'training' if side == 'train' else 'held-out'} data"
    )
    return f"{side}_loss", True, why


def _are_sets(parts: Iterable[str], context: _Context) -> bool:
    """Whether losses of one side differ in the data (`eval_books_loss`, `eval_wiki_loss`) and not in the term."""
    terms = context.parts.get("train", frozenset())
    return not any(part in terms or TERMS & set(part.split()) for part in parts)


def _metric(draft: Draft, context: _Context) -> tuple[str | None, bool, str]:
    name = draft.name
    side, sure, why = (draft.side, True, "") if draft.side else _side_of_metric(draft, context)
    held_out = side in ("val", "test")
    if name.kind == "lossy":
        if not context.parts and not context.family and _leads(draft, context):
            role = "val_loss" if held_out else "train_loss"
            return role, sure and bool(side), why or "no other loss is logged"
        return ("val_metric_lower" if held_out else "train_metric"), sure, why
    perplexity = name.kind == "lower" and _PERPLEXITY.search(name.words) and not context.parts and not context.family
    if perplexity and not any(
        d.name.kind == "lossy" and (d.side in ("val", "test")) == held_out for d in context.drafts
    ):
        return ("val_loss" if held_out else "train_loss"), sure, "no loss is logged, and its logarithm is one"
    if name.kind == "accuracy":
        return f"{'val' if held_out else 'train'}_accuracy", sure, why
    if not held_out:
        return "train_metric", sure, why
    return ("val_metric_lower" if name.kind == "lower" else "val_metric"), sure, why


def _leads(draft: Draft, context: _Context) -> bool:
    """Whether this is the first of the loss-like metrics, on either side: the others are metrics beside it."""
    first = next(d for d in context.drafts if d.name.kind == "lossy")
    return _unnumbered(first.name.base) == _unnumbered(draft.name.base)


def _unnumbered(base: str) -> str:
    """The words of a name without the number of its data set: LightGBM's `valid_1 auc` is the held-out `auc`."""
    return " ".join(word for word in base.split() if not word.isdigit())


def _side_of_metric(draft: Draft, context: _Context) -> tuple[str, bool, str]:
    """The split of a metric that does not name one: by its twin, by what it is, by the rows it is filled in."""
    name = draft.name
    if re.search(r"\b(?:rpn|roi|fast rcnn|mask rcnn)\b", name.words):
        return "train", True, "measured on training batches"
    if name.base in context.evaluated:
        return "train", True, "the held-out one stands beside it"
    of = set(name.base.split())
    held_out = context.parts.get("val", frozenset()) | context.parts.get("test", frozenset())
    if any(part and set(part.split()) < of for part in held_out - context.parts.get("train", frozenset())):
        return "val", True, "a held-out loss bears the same mark"
    if _EVALUATED.search(name.words):
        return "val", True, "computed by an evaluation"
    if _apart_from_training(draft, context):
        return "val", True, "mmengine writes the epoch beside all that it measures in training"
    losses = [d for d in context.drafts if d.name.kind == "loss" and d.series.axis == draft.series.axis]
    train = [d.series.step for d in losses if (d.side or "train") == "train"]
    val = [d.series.step for d in losses if d.side in ("val", "test")]
    step = draft.series.step
    with_train, with_val = (any(np.array_equal(step, other) for other in side) for side in (train, val))
    if with_train == with_val:
        with_train, with_val = _filled_with(step, train), _filled_with(step, val)
    if with_val and not with_train:
        return "val", True, "filled in the rows of the validation loss"
    if with_train and not with_val:
        return "train", True, "filled in the rows of the training loss"
    if context.bare_loss:
        return "train", True, "logged beside a loss without a prefix"
    if with_val:
        return "val", False, "the training loss has its own prefix, this metric has none"
    if name.kind != "accuracy" and not context.parts and not context.sides & {"train", "val", "test"}:
        return "val", False, "no loss and no training metric stands beside it, as in an evaluation"
    return "train", False, "nothing says on which data it was measured"


def _apart_from_training(draft: Draft, context: _Context) -> bool:
    """Whether a metric of mmengine's vis_data/ comes from its evaluation: rows of training tell the epoch, the others
    do not."""
    if PurePosixPath(draft.log.file.replace("\\", "/")).parent.name != "vis_data" or draft.series.epoch is not None:
        return False
    losses = (d for d in context.drafts if d.name.kind == "loss" and (d.side or "train") == "train")
    return all(d.series.epoch is not None for d in losses)


def _filled_with(step: Array, others: Sequence[Array]) -> bool:
    return any(len(other) >= len(step) / 2 and bool(np.isin(step, other).all()) for other in others)


def _score(draft: Draft, context: _Context) -> tuple[str | None, bool, str]:
    for other in context.drafts:
        if other.name.kind == "time" and other.log is draft.log and _equal_where_both(draft.series, other.series):
            return "time", True, f"equal to {other.series.tag}"
    games = any(
        d.name.kind == "step" and re.search(r"\b(?:episodes?|games?|generations?)\b", d.name.words)
        for d in context.drafts
    )
    if games or context.family == "rl":
        return "reward", True, "one score per episode"
    if draft.side in ("val", "test"):
        return "val_metric", False, "a score that does not say of what"
    return None, False, "a score that does not say of what"


def _equal_where_both(one: Series, other: Series) -> bool:
    _, at, at_other = np.intersect1d(one.step, other.step, return_indices=True)
    return len(at) >= 3 and bool(np.allclose(one.value[at], other.value[at_other], rtol=1e-3, equal_nan=True))


def _bare_side(draft: Draft, context: _Context) -> tuple[str | None, bool, str]:
    """Columns called `train` and `val` and nothing else: losses where there is no other, or where they fall with it."""
    sides = {d.side for d in context.drafts if d.name.side and not d.name.kind and not d.name.base}
    if sides in ({"val"}, {"test"}) and set(context.parts) == {"train"} and _falls_with_loss(draft, context):
        return "val_loss", False, "it falls with the training loss and stands beside it: the loss on other data"
    if context.parts or len(sides) < 2 or len(draft.series.value) < 3:
        return None, False, "the name says on which data, and not what"
    return ("train_loss" if draft.side == "train" else "val_loss"), False, "the name says on which data, and not what"


def _falls_with_loss(draft: Draft, context: _Context) -> bool:
    """Whether nameless held-out values lie within three times the training loss and go its way."""
    loss = next(d.series.value for d in context.drafts if d.name.kind == "loss")
    loss, value = (v[np.isfinite(v)] for v in (loss, draft.series.value))
    if min(len(loss), len(value)) < 3 or min(loss.min(), value.min()) <= 0:
        return False
    ends = [float(np.median(v[part])) for v in (loss, value) for part in (slice(None, 3), slice(-3, None))]
    near = all(1 / 3 < ends[k + 2] / ends[k] < 3 for k in (0, 1))
    return near and (ends[1] < ends[0]) == (ends[3] < ends[2])


def _unknown(draft: Draft) -> tuple[str | None, bool, str]:
    """A held-out quantity of unknown name: a metric, whose direction is the way it went."""
    value = draft.series.value[np.isfinite(draft.series.value)]
    if len(value) < 3 or value.min() == value.max():
        return None, False, "a held-out quantity of unknown meaning"
    third = max(1, len(value) // 3)
    fell = float(np.median(value[-third:])) < float(np.median(value[:third]))
    better = "lower" if fell else "higher"
    return (
        ("val_metric_lower" if fell else "val_metric"),
        False,
        f"an unknown metric; it moved so that {better} seems better",
    )


def _is_summary(draft: Draft, role: str, context: _Context) -> bool:
    """Whether a value that stands alone sums a run up, as the mean training loss at the end of a Trainer's log."""
    if draft.name.kind not in MEASURED | {"reward", "time"} and role not in ("train_loss", "val_loss"):
        return False
    if "summary" in draft.log.format.lower():
        return role != "time"
    told = draft.name.kind == "loss" and draft.side == "train" and not draft.name.part and draft.name.cadence != "epoch"
    if len(draft.series.value) != 1 or not told:
        return False
    return any(
        d.name.kind == "loss" and not d.name.part and d.side in ("", "train") and len(d.series.value) > 2
        for d in context.drafts
    )


def _unit(role: str | None, name: Name, value: Array) -> str:
    finite = value[np.isfinite(value)]
    if role is None or not len(finite):
        return ""
    if name.kind == "lower" and role.endswith("_loss") and finite.min() > 0 and _PERPLEXITY.search(name.words):
        return "perplexity"
    if role.startswith("update_ratio"):
        return "log10" if finite.max() <= 0 and finite.min() < -0.5 else ""
    if name.kind in ("accuracy", "share") or role.startswith(("dead_share", "saturated_share")):
        if finite.min() >= 0 and 1.5 < finite.max() <= 100.5:
            return "percent"
        if finite.min() >= 0 and finite.max() <= 1.001:
            return "share"
    return ""
