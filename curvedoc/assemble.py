"""How do the logs of one run become a Run? Every curve on one step axis, in the order to judge by."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from .mend import Points, join, mend
from .names import MEASURED
from .readers.log import Log
from .roles import Claim, assign
from .run import Array, Curve, Note, Run, Tag

#: Roles that count or sum up; they are listed among the tags and make no curve.
_NO_CURVE = frozenset(("epoch", "step"))
_HELD_OUT = ("val_loss", "val_loss_part", "val_accuracy", "val_metric", "val_metric_lower", "test_loss")
_SUMS = (("train_loss_part", "train_loss"), ("val_loss_part", "val_loss"))
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
    notes = _Notes()
    made = _mended(claims, notes)
    axis, per_epoch = _one_axis(made, claims, notes)
    _hidden_nan(made, notes)
    _placeholders(made, notes)
    _sum_parts(made, notes)
    curves: dict[str, tuple[Curve, ...]] = {}
    for role in dict.fromkeys(m.role for m in made):
        same = [m for m in made if m.role == role and len(m.points)]
        if same:
            curves[role] = tuple(_curve(m) for m in _preferred(role, same))
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
        notes=(*dict.fromkeys(n for log in logs for n in log.notes), *notes.all()),
        formats=tuple(dict.fromkeys(log.format for log in logs)),
    )


@dataclass(slots=True, eq=False)
class _Made:
    """A curve in the making."""

    role: str
    claim: Claim
    points: Points
    axis: str


class _Notes:
    """Sentences about single tags, gathered so that one that holds for many is said once."""

    def __init__(self) -> None:
        self.said: dict[tuple[str, str], list[str]] = {}

    def add(self, file: str, what: str, tag: str = "") -> None:
        self.said.setdefault((file, what), []).append(tag)

    def all(self) -> Iterable[Note]:
        for (file, what), tags in self.said.items():
            named = [repr(t) for t in dict.fromkeys(tags) if t]
            listed = ", ".join(named[:3]) + (f" and {len(named) - 3} more" if len(named) > 3 else "")
            yield Note(file, f"{listed}: {what}" if listed else what)


def _mended(claims: Sequence[Claim], notes: _Notes) -> list[_Made]:
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
        points, said = mend(join([Points(s.step, s.value, s.wall_time, s.epoch) for s in series]))
        for what in said:
            notes.add(pieces[-1].log.file, what, pieces[0].series.tag)
        if pieces[0].unit == "log10":
            points = replace(points, value=np.power(10.0, points.value))
            notes.add(pieces[0].log.file, "logged as a logarithm: turned back into ratios", pieces[0].series.tag)
        made.append(_Made(role, pieces[0], points, series[0].axis))
    told = {m.role for m in made if not m.claim.name.against}
    return [m for m in made if not (m.claim.name.against and m.role in told)]


def _one_axis(made: Sequence[_Made], claims: Sequence[Claim], notes: _Notes) -> tuple[str, float | None]:
    """Put every curve on the finest axis; its name, and how many of its units make an epoch."""
    known = _known_epochs(made, claims)
    _count_epochs(made)
    judged = [m for m in made if m.role not in ("time", "system", "summary") and len(m.points)]
    axes = {m.axis for m in judged}
    if axes == {"row"} or not axes:
        return "row", _stretch_rows(judged, notes)
    axis = "step" if "step" in axes else "epoch"
    coarse = [m for m in made if m.axis != axis and len(m.points)]
    if axis == "epoch":
        return "epoch", 1.0
    if known is not None and _are_epochs(known):
        for m in made:
            m.axis = "epoch"
        return "epoch", 1.0
    per_epoch = known.per_epoch if known is not None else _stated_per_epoch(claims)
    if not coarse:
        return "step", per_epoch
    if known is None and per_epoch is None:
        count, end = _epochs_of(coarse), max(float(m.points.step[-1]) for m in judged if m.axis == "step")
        if end <= 1.5 * count + 1:  # the steps count epochs as well
            return "epoch", 1.0
        per_epoch = end / count
        how = f"{per_epoch:.4g} steps each, assuming that the last one ended at step {end:g}, for the log does not say"
    elif known is None:
        how = f"{per_epoch:.4g} steps each, as stated in the log"
    else:
        how = "by the epochs logged beside steps"
    for m in coarse:
        step = m.points.step
        if known is not None:
            step = known.steps_of(step)
        elif per_epoch is not None:
            step = (step + _ended(m)) * per_epoch
        rising = np.concatenate([[True], np.diff(step) > 0])
        m.points, m.axis = replace(m.points, step=step)[rising], "step"
        notes.add(
            m.claim.log.file, f"logged by epoch, put at the steps where the epochs ended ({how})", m.claim.series.tag
        )
    return "step", per_epoch


def _ended(made: _Made) -> float:
    """What to add to an epoch's number for the number of epochs that have ended: 1 where they count from 0."""
    step = made.points.step
    return 1.0 if bool((step == np.round(step)).all()) and (made.axis == "row" or step[0] < 1) else 0.0


def _epochs_of(made: Sequence[_Made]) -> float:
    return max(float(m.points.step[-1]) + _ended(m) for m in made)


@dataclass(frozen=True, slots=True, eq=False)
class _Epochs:
    """Epochs of known steps, `(n,)` each, rising; `whole` when only whole epochs were logged."""

    epoch: Array
    step: Array
    per_epoch: float | None
    whole: bool

    def steps_of(self, epoch: Array) -> Array:
        """The step at the end of each epoch; beyond what was logged at the mean pace."""
        epoch = self._shifted(epoch)
        step = np.interp(epoch, self.epoch, self.step)
        if self.per_epoch:
            below, above = epoch < self.epoch[0], epoch > self.epoch[-1]
            step[below] = self.step[0] - (self.epoch[0] - epoch[below]) * self.per_epoch
            step[above] = self.step[-1] + (epoch[above] - self.epoch[-1]) * self.per_epoch
        return step

    def _shifted(self, epoch: Array) -> Array:
        """Epochs that count from 1 where the known ones count from 0, and the other way round."""
        apart = epoch[0] - self.epoch[0]
        same = len(epoch) > 1 and self.whole and abs(apart) == 1 and epoch[-1] - self.epoch[-1] == apart
        return epoch - apart if same else epoch


def _known_epochs(made: Sequence[_Made], claims: Sequence[Claim]) -> _Epochs | None:
    """Which step ended which epoch, from the rows that tell both and from epochs logged as a curve of their own."""
    pairs = [(m.points.epoch, m.points.step) for m in made if m.axis == "step" and m.points.epoch is not None]
    for claim in claims:
        if claim.role == "epoch" and claim.series.axis == "step":
            points, _ = mend(Points(claim.series.step, claim.series.value))
            pairs.append((points.value, points.step))
    if not pairs:
        return None
    epoch, step = np.concatenate([e for e, _ in pairs]), np.concatenate([s for _, s in pairs])
    fit = np.isfinite(epoch) & np.isfinite(step)
    epoch, step = epoch[fit], step[fit]
    if not len(epoch):
        return None
    whole = bool((epoch == np.round(epoch)).all())
    order = np.lexsort((step, epoch))
    epoch, step = epoch[order], step[order]
    last = np.concatenate([np.diff(epoch) > 0, [True]])
    epoch, step = epoch[last], np.maximum.accumulate(step[last])
    apart = epoch[-1] - epoch[0]
    # The last epoch of a run may be cut short: whole epochs are paced by those before it.
    n = len(epoch) - 1 if whole and len(epoch) > 3 else len(epoch)
    per_epoch = float(step[n - 1] - step[0]) / float(epoch[n - 1] - epoch[0]) if apart > 0 and n > 1 else None
    if per_epoch is None and not whole and epoch[-1] > 0:
        per_epoch = float(step[-1] / epoch[-1])
    return _Epochs(epoch, step, per_epoch if per_epoch and per_epoch > 0 else None, whole)


def _are_epochs(known: _Epochs) -> bool:
    """Whether the steps are the epochs themselves, as where a TensorBoard run logs `epoch` once per epoch."""
    return (
        known.whole
        and len(known.epoch) > 2
        and len(np.unique(known.step - known.epoch)) == 1
        and bool(known.per_epoch == 1)
    )


def _count_epochs(made: Sequence[_Made]) -> None:
    """Mark losses and metrics of event files that have the epoch in the place of the step: a validation at 1, 2, 3 ...
    beside curves that reach far higher steps (nobody validates at each of the first steps alone), what is logged at
    the same steps, and `epoch_loss` as Keras writes it."""
    steps = [m for m in made if m.axis == "step" and len(m.points) and m.role not in ("time", "system", "summary")]
    end = max((float(m.points.step[-1]) for m in steps), default=0.0)
    counting = [m for m in steps if m.claim.name.kind in MEASURED and _counts_up(m.points.step)]
    behind = [m for m in counting if m.points.step[-1] * 2 + 2 < end]
    last = {float(m.points.step[-1]) for m in behind if m.role in _HELD_OUT}
    for m in counting:
        if m.claim.cadence == "epoch" or (m in behind and float(m.points.step[-1]) in last):
            m.axis = "epoch"


def _counts_up(step: Array) -> bool:
    return len(step) >= 3 and step[0] in (0, 1) and bool((np.diff(step) == 1).all())


def _stated_per_epoch(claims: Sequence[Claim]) -> float | None:
    hyper = {k: v for c in claims for k, v in c.log.hyper.items()}
    stated = _positive(hyper.get("steps_per_epoch"))
    steps, epochs = _positive(hyper.get("max_steps")), _positive(hyper.get("num_train_epochs"))
    return stated or (steps / epochs if steps and epochs else None)


def _positive(value: Any) -> float | None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value > 0
    return float(value) if number else None


def _stretch_rows(made: Sequence[_Made], notes: _Notes) -> float | None:
    """Lists of different lengths over the same training: one value per epoch beside one per batch."""
    most = max((len(m.points) for m in made), default=0)
    per_epoch = None
    for m in made:
        n = len(m.points)
        if n in (0, most):
            continue
        if most - n == 1:  # evaluated once before training: the values after each epoch stand one row later
            m.points = replace(m.points, step=m.points.step + 1)
            notes.add(
                m.claim.log.file, f"{n} values beside {most}: the others begin before training", m.claim.series.tag
            )
        elif most >= 2 * n:
            stretch = most / n
            per_epoch = stretch if n > 1 else per_epoch
            m.points = replace(m.points, step=(m.points.step - m.points.step[0] + 1) * stretch - 1 + m.points.step[0])
            what = f"{n} values beside {most}: taken to be spread evenly over the run, one every {stretch:.4g} rows"
            notes.add(m.claim.log.file, what, m.claim.series.tag)
    return per_epoch


def _hidden_nan(made: Sequence[_Made], notes: _Notes) -> None:
    """The Hugging Face Trainer logs a loss of 0.0 where it was NaN (`logging_nan_inf_filter`); its gradient tells."""
    grads = [m.points for m in made if m.role == "grad_norm"]
    for m in made:
        if m.role != "train_loss":
            continue
        zero = m.points.value == 0.0
        lost = [g.step[~np.isfinite(g.value)] for g in grads]
        hidden = zero & np.isin(m.points.step, np.concatenate(lost)) if lost else np.zeros(len(zero), bool)
        if hidden.any():
            m.points = replace(m.points, value=np.where(hidden, np.nan, m.points.value))
            what = (
                f"{np.count_nonzero(hidden)} values are exactly 0.0 where the gradient norm is not finite, from step "
                f"{m.points.step[hidden][0]:g} on: the trainer hides a NaN, and it is shown as one"
            )
            notes.add(m.claim.log.file, what, m.claim.series.tag)


def _placeholders(made: Sequence[_Made], notes: _Notes) -> None:
    """Ultralytics fills validation losses with 0 until the first validation."""
    for m in made:
        if m.role not in ("val_loss", "val_loss_part"):
            continue
        other = np.flatnonzero(m.points.value != 0.0)
        if len(other) and other[0] > 0 and (np.nan_to_num(m.points.value[other], nan=1.0) > 0).all():
            what = f"{other[0]} values of exactly 0 before the first validation are no losses and were left out"
            notes.add(m.claim.log.file, what, m.claim.series.tag)
            m.points = m.points[np.arange(other[0], len(m.points))]


def _sum_parts(made: list[_Made], notes: _Notes) -> None:
    """A total where only its parts were logged, all at the same steps (YOLO writes no total)."""
    used: set[str] = set()
    for part, total in _SUMS:
        if any(m.role in (total, "other_loss") for m in made):
            continue
        parts = [m for m in made if m.role == part and "unscaled" not in m.claim.name.part]
        groups: dict[tuple[str, str, str], list[_Made]] = {}
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
        made.append(_Made(total, claim, replace(chosen[0].points, value=value), chosen[0].axis))
        notes.add(chosen[0].claim.log.file, f"no total is logged: {total} is the sum {tags}")


def _preferred(role: str, same: list[_Made]) -> list[_Made]:
    """The curves of one role, the one to judge by first."""
    if role == "lr":
        return _by_majority(same)
    most = {
        c: max((len(m.points) for m in same if (m.claim.cadence == "epoch") == c), default=0) for c in (True, False)
    }

    def key(m: _Made) -> tuple[Any, ...]:
        told = m.claim.why == "as told"
        epochs = m.claim.cadence == "epoch"
        if role in _HELD_OUT:
            cadence = m.claim.cadence == "step"
        else:
            cadence = epochs if most[False] >= most[True] else not epochs
        name = m.claim.name
        metric = (name.side == "test", bool(_HALF.search(name.words)), not _STRICT.search(name.words))
        top = (name.kind != "accuracy", bool(_TOP_5.search(name.words)))
        return (
            not told,
            *(metric if role in _HELD_OUT else ()),
            *top,
            cadence,
            name.part != "",
            "loss" not in name.words,
            -len(m.points),
        )

    return sorted(same, key=key)


def _by_majority(same: list[_Made]) -> list[_Made]:
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


def _curve(made: _Made) -> Curve:
    claim = made.claim
    unit = "" if claim.unit == "log10" else claim.unit
    cadence = claim.cadence or ("epoch" if claim.series.axis == "epoch" else "")
    return Curve(
        made.points.step, made.points.value, made.points.wall_time, claim.series.tag, claim.log.file, unit, cadence
    )


def _tag(claim: Claim) -> Tag:
    step = claim.series.step[np.isfinite(claim.series.step)]
    first, last = (float(step.min()), float(step.max())) if len(step) else (None, None)
    series = claim.series
    return Tag(claim.log.file, series.tag, claim.role, len(series.value), first, last, claim.sure, claim.why)
