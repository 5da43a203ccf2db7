"""How do the logs of one run become a Run? Every curve on one step axis, in the order to judge by."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from .axis import HELD_OUT, UNJUDGED, Made, Notes, one_axis
from .mend import Points, join, measured, mend, within_epochs
from .names import TERMS
from .readers.log import Log
from .roles import Claim, assign
from .run import Curve, Run, Tag

#: Roles that count or sum up; they are listed among the tags and make no curve.
_NO_CURVE = frozenset(("epoch", "step"))
#: Roles whose values are new at every point, if the logger does not repeat them; a rate may stay what it is.
_MEASURED = frozenset(("train_loss", "val_loss", "val_metric", "val_metric_lower", "val_accuracy"))
#: Roles that verdicts rest on: a doubt about what plays them is said first.
_JUDGED = _MEASURED | {"train_accuracy", "lr", "grad_norm"}
#: Roles that a loop prints with every batch.
_BY_BATCH = frozenset(
    ("train_loss", "train_loss_part", "train_accuracy", "train_metric", "lr", "grad_norm", "other_loss")
)
_SUMS = (("train_loss_part", "train_loss"), ("val_loss_part", "val_loss"))
#: The most of a log that may lie before its first step, and how near to 0 a loss may come that does begin there.
_UNBEGUN, _NEAR = 0.1, 0.01
#: Metrics that speak for a model by themselves, before those that speak for one side of it or for one class.
_HALF = re.compile(
    r"\b(?:precision|prec|recall|sensitivity|specificity|ppv|npv|class|small|medium|large|apl|apm|aps)\b"
)
_TOP_5 = re.compile(r"\btop 5\b|\b5$")
_STRICT = re.compile(r"\b50 95\b|\b0 5 0 95\b")


def assemble(
    logs: Sequence[Log], *, name: str, path: str, roles: Mapping[str, str] = {}, beside: Sequence[Log] = ()
) -> Run:
    """One run out of its logs, which stand in the order in which they were written.

    `roles` maps a role word to the tag that plays it. `beside` are logs that tell the same again (another format,
    an earlier checkpoint): their tags are listed and no curve is made of them. What was repaired, converted or
    left out is in the run's notes.
    """
    claims = assign(logs, roles)
    notes = Notes()
    made = _mended(claims, notes)
    axis, per_epoch = one_axis(made, claims, notes)
    _hidden_nan(made, notes)
    _placeholders(made, notes)
    _sum_parts(made, notes)
    curves: dict[str, tuple[Curve, ...]] = {}
    doubts = Notes()
    for role in dict.fromkeys(m.role for m in made):
        same = [m for m in made if m.role == role and len(m.points)]
        if same:
            ordered = _preferred(role, same)
            curves[role] = tuple(_curve(m) for m in ordered)
            if role in _JUDGED and not ordered[0].claim.sure:
                claim = ordered[0].claim
                what = f"taken for {role}, with little certainty: {claim.why} (--role ROLE=TAG corrects it)"
                doubts.add(claim.log.file, what, claim.series.tag)
    _passed_over(claims, curves, doubts)
    others = assign(beside) if beside else []
    return Run(
        name=name,
        curves=curves,
        path=path,
        axis=axis,
        steps_per_epoch=per_epoch,
        hyper={key: value for log in logs for key, value in log.hyper.items()},
        files=tuple(dict.fromkeys(log.file for log in (*logs, *beside))),
        tags=tuple(_tag(c) for c in (*claims, *others)),
        notes=(*doubts.all(), *dict.fromkeys(n for log in logs for n in log.notes), *notes.all()),
        formats=tuple(dict.fromkeys(log.format for log in logs)),
    )


def _mended(claims: Sequence[Claim], notes: Notes) -> list[Made]:
    """One curve per tag: pieces of one tag in several files of a directory are strung together, then repaired."""
    groups: dict[tuple[str, ...], list[Claim]] = {}
    for claim in claims:
        if claim.role is not None and claim.role not in _NO_CURVE:
            place = str(PurePosixPath(claim.log.file).parent) if claim.log.file else ""
            key = (claim.role, claim.series.tag, claim.log.format, claim.log.part, place, claim.series.axis)
            groups.setdefault(key, []).append(claim)
    made = []
    for (role, *_), pieces in groups.items():
        series = [p.series for p in pieces]
        points = join([Points(s.step, s.value, s.wall_time, s.epoch) for s in series])
        by_batch = role in _BY_BATCH and series[0].axis == "epoch"
        points, laid_out = within_epochs(points) if by_batch else (points, [])
        points, repaired = mend(points)
        said = [*laid_out, *repaired]
        if role in _MEASURED:
            points = measured(points, said)
        for what in said if role not in UNJUDGED else ():
            notes.add(pieces[-1].log.file, what, pieces[0].series.tag)
        if pieces[0].unit == "log10":
            points = replace(points, value=np.power(10.0, points.value))
            notes.add(pieces[0].log.file, "logged as a logarithm: turned back into ratios", pieces[0].series.tag)
        if pieces[0].unit == "perplexity":
            with np.errstate(invalid="ignore"):
                points = replace(points, value=np.log(points.value))
            what = f"no loss is logged: {role} is the logarithm of the perplexity"
            notes.add(pieces[0].log.file, what, pieces[0].series.tag)
        made.append(Made(role, pieces[0], points, series[0].axis))
    told = {m.role for m in made if not m.claim.name.against}
    return [m for m in made if not (m.claim.name.against and m.role in told)]


def _passed_over(claims: Sequence[Claim], curves: Mapping[str, object], doubts: Notes) -> None:
    """Say which losses nobody judges, where one of them may be the validation loss that is missing."""
    if "train_loss" not in curves or "val_loss" in curves:
        return
    for claim in claims:
        strange = [w for w in claim.name.part.split() if not w.isdigit() and w not in TERMS]
        part = claim.role == "train_loss_part" and claim.name.kind == "loss" and strange and not claim.name.side
        player = claim.role == "other_loss" and not claim.why
        if (part or player) and len(claim.series.value) > 1:
            what = "a term beside the training loss or a player's loss, by its name, and not judged"
            doubts.add(claim.log.file, f"{what} (if it is the validation loss: --role val_loss=TAG)", claim.series.tag)


def _hidden_nan(made: Sequence[Made], notes: Notes) -> None:
    """The Hugging Face Trainer logs a loss of 0.0 where it was NaN (`logging_nan_inf_filter`); the gradient norm at the
    same step tells, or a validation loss that is NaN while the training loss stays at 0.0 to the end."""
    grads = [m.points for m in made if m.role == "grad_norm"]
    lost_at = np.concatenate([np.empty(0), *(g.step[~np.isfinite(g.value)] for g in grads)])
    vals = [m.points for m in made if m.role == "val_loss"]
    val_lost = max((float(v.step[-1]) for v in vals if len(v) and not np.isfinite(v.value[-1])), default=-np.inf)
    for m in made:
        if m.role != "train_loss":
            continue
        step, zero = m.points.step, m.points.value == 0.0
        to_the_end = np.logical_and.accumulate(zero[::-1])[::-1]
        hidden = zero & np.isin(step, lost_at)
        if to_the_end.any() and step[to_the_end][0] <= val_lost:
            hidden |= to_the_end
        if hidden.any():
            m.points = replace(m.points, value=np.where(hidden, np.nan, m.points.value))
            what = (
                f"{np.count_nonzero(hidden)} values are exactly 0.0 where the gradient norm or the validation loss is "
                f"not finite, from step {step[hidden][0]:g} on: the trainer hides a NaN, and it is shown as one"
            )
            notes.add(m.claim.log.file, what, m.claim.series.tag)


def _placeholders(made: Sequence[Made], notes: Notes) -> None:
    """Ultralytics fills validation losses with 0 until the first validation; many a loop writes a training loss of 0
    before its first step. No loss that was computed is exactly 0 and never comes near it again."""
    for m in made:
        if m.role not in ("train_loss", "val_loss", "val_loss_part"):
            continue
        value = m.points.value
        other = np.flatnonzero(value != 0.0)
        if not len(other) or not other[0]:
            continue
        alive = value[other][np.isfinite(value[other])]
        trained = m.role == "train_loss"
        if trained and (other[0] > _UNBEGUN * len(value) or not len(alive) or alive.min() < _NEAR * np.median(alive)):
            continue
        if (np.nan_to_num(value[other], nan=1.0) > 0).all():
            before = "step" if trained else "validation"
            many = "1 value" if other[0] == 1 else f"{other[0]} values"
            what = f"{many} of exactly 0 before the first {before}: no loss, left out"
            notes.add(m.claim.log.file, what, m.claim.series.tag)
            m.points = m.points[np.arange(other[0], len(m.points))]


def _sum_parts(made: list[Made], notes: Notes) -> None:
    """A total where only its parts were logged, all at the same steps (YOLO writes no total)."""
    used: set[str] = set()
    for part, total in _SUMS:
        if any(m.role in (total, "other_loss") for m in made):
            continue
        parts = [m for m in made if m.role == part and "unscaled" not in m.claim.name.part]
        groups: dict[tuple[str, str, str], list[Made]] = {}
        for m in parts:
            groups.setdefault((m.claim.log.file, m.claim.cadence, m.axis), []).append(m)
        found = [
            g for g in groups.values() if len(g) > 1 and all(np.array_equal(g[0].points.step, m.points.step) for m in g)
        ]
        if not found:
            continue
        chosen = max(found, key=lambda g: (len(g), len(g[0].points)))
        names = {m.claim.name.part for m in chosen}
        if used and names != used:
            what = "the parts of the validation loss are not those of the training loss: no sum was made"
            notes.add(chosen[0].claim.log.file, what)
            continue
        used = names
        value = np.sum([m.points.value for m in chosen], axis=0)
        if not (np.isfinite(value) & (value != 0)).any():  # a column that nobody filled
            continue
        tags = " + ".join(m.claim.series.tag for m in chosen)
        series = replace(chosen[0].claim.series, tag=tags)
        claim = replace(chosen[0].claim, role=total, series=series, unit="")
        made.append(Made(total, claim, replace(chosen[0].points, value=value), chosen[0].axis))
        notes.add(chosen[0].claim.log.file, f"no total is logged: {total} is the sum {tags}")


def _preferred(role: str, same: list[Made]) -> list[Made]:
    """The curves of one role, the one to judge by first."""
    if role == "lr":
        return _by_majority(same)
    most = {
        c: max((len(m.points) for m in same if (m.claim.cadence == "epoch") == c), default=0) for c in (True, False)
    }

    def key(m: Made) -> tuple[Any, ...]:
        told = m.claim.why == "as told"
        epochs = m.claim.cadence == "epoch"
        if role in HELD_OUT:
            cadence = m.claim.cadence == "step"
        else:
            cadence = epochs if most[False] >= most[True] else not epochs
        name = m.claim.name
        whole = "averaged" not in name.words.split()  # the mean of a sweep, beside a few of its batches
        metric = (name.side == "test", whole, bool(_HALF.search(name.words)), not _STRICT.search(name.words))
        top = (name.kind != "accuracy", bool(_TOP_5.search(name.words)))
        return (
            not told,
            *(metric if role in HELD_OUT else ()),
            *top,
            cadence,
            name.part != "",
            "loss" not in name.words,
            -len(m.points),
        )

    return sorted(same, key=key)


def _by_majority(same: list[Made]) -> list[Made]:
    """Learning rates of several parameter groups: first those that most groups share; groups of one shape by size."""
    shapes: list[bytes] = []
    for m in same:
        finite = m.points.value[np.isfinite(m.points.value)]
        peak = np.abs(finite).max() if len(finite) else 0.0
        shapes.append(np.round(finite / (peak or 1.0), 3).tobytes())
    votes = Counter(shapes)
    order = sorted(
        range(len(same)),
        key=lambda k: (
            same[k].claim.why != "as told",
            -votes[shapes[k]],
            -float(np.nanmax(np.abs(same[k].points.value), initial=0.0)),
        ),
    )
    return [same[k] for k in order]


def _curve(made: Made) -> Curve:
    claim = made.claim
    unit = "" if claim.unit in ("log10", "perplexity") else claim.unit
    cadence = claim.cadence or ("epoch" if claim.series.axis == "epoch" else "")
    step = made.points.step
    # Steps that were moved to another axis since are no steps of this curve.
    resumed = tuple(sorted(at for at in made.points.resumed if at > step[0] and at in step))
    return Curve(
        step, made.points.value, made.points.wall_time, claim.series.tag, claim.log.file, unit, cadence, resumed
    )


def _tag(claim: Claim) -> Tag:
    step = claim.series.step[np.isfinite(claim.series.step)]
    first, last = (float(step.min()), float(step.max())) if len(step) else (None, None)
    series = claim.series
    return Tag(claim.log.file, series.tag, claim.role, len(series.value), first, last, claim.sure, claim.why)
