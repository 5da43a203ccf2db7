"""On which axis do the curves of a run stand? One for all: steps where steps were counted, else epochs, else rows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .mend import Points, mend
from .names import MEASURED
from .roles import Claim
from .run import Array, Note

#: Roles that no axis is chosen by and no repair is told of.
UNJUDGED = frozenset(("time", "system", "summary"))
HELD_OUT = ("val_loss", "val_loss_part", "val_accuracy", "val_metric", "val_metric_lower", "test_loss")


@dataclass(slots=True, eq=False)
class Made:
    """A curve in the making: its points so far, and what their steps count ("step", "epoch" or "row")."""

    role: str
    claim: Claim
    points: Points
    axis: str


class Notes:
    """Sentences about single tags, gathered so that one that holds for many is said once."""

    def __init__(self) -> None:
        self.said: dict[tuple[str, str], list[str]] = {}

    def add(self, file: str, what: str, tag: str = "") -> None:
        """Take down what was done to a tag of a file, or to the file as a whole."""
        self.said.setdefault((file, what), []).append(tag)

    def all(self) -> Iterable[Note]:
        """One Note per sentence and file, the tags in front."""
        for (file, what), tags in self.said.items():
            named = [repr(t) for t in dict.fromkeys(tags) if t]
            listed = ", ".join(named[:3]) + (f" and {len(named) - 3} more" if len(named) > 3 else "")
            yield Note(file, f"{listed}: {what}" if listed else what)


def one_axis(made: Sequence[Made], claims: Sequence[Claim], notes: Notes) -> tuple[str, float | None]:
    """Put every curve on the finest axis; its name, and how many of its units make an epoch."""
    known = _known_epochs(made, claims)
    _count_epochs(made)
    judged = [m for m in made if m.role not in UNJUDGED and len(m.points)]
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
        if m.role not in UNJUDGED:
            what = f"logged by epoch, put at the steps where the epochs ended ({how})"
            notes.add(m.claim.log.file, what, m.claim.series.tag)
    return "step", per_epoch


def _ended(made: Made) -> float:
    """What to add to an epoch's number for the number of epochs that have ended: 1 where they count from 0."""
    step = made.points.step
    return 1.0 if bool((step == np.round(step)).all()) and (made.axis == "row" or step[0] < 1) else 0.0


def _epochs_of(made: Sequence[Made]) -> float:
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


def _known_epochs(made: Sequence[Made], claims: Sequence[Claim]) -> _Epochs | None:
    """Which step ended which epoch, from the rows that tell both and from epochs logged as a curve of their own."""
    pairs = [(m.points.epoch, m.points.step) for m in made if m.axis == "step" and m.points.epoch is not None]
    for claim in claims:
        if claim.role == "epoch" and claim.series.axis == "step":
            points, _ = mend(Points(claim.series.step, claim.series.value))
            pairs.append((points.value, points.step))
    if not pairs:
        return None
    epoch, step = np.concatenate([e for e, _ in pairs]), np.concatenate([s for _, s in pairs])
    fit = (np.abs(epoch) < 1e300) & (np.abs(step) < 1e300)  # the differences of larger numbers overflow
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


def _count_epochs(made: Sequence[Made]) -> None:
    """Mark losses and metrics of event files that have the epoch in the place of the step: a validation at 1, 2, 3 ...
    beside curves that reach far higher steps (nobody validates at each of the first steps alone), what is logged at
    the same steps, and `epoch_loss` as Keras writes it."""
    steps = [m for m in made if m.axis == "step" and len(m.points) and m.role not in UNJUDGED]
    end = max((float(m.points.step[-1]) for m in steps), default=0.0)
    counting = [m for m in steps if m.claim.name.kind in (*MEASURED, "lr") and _counts_up(m.points.step)]
    behind = [m for m in counting if m.points.step[-1] * 2 + 2 < end]
    last = {float(m.points.step[-1]) for m in behind if m.role in HELD_OUT}
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


def _stretch_rows(made: Sequence[Made], notes: Notes) -> float | None:
    """Lists of different lengths over the same training: one value per epoch beside one per batch."""
    most = max((len(m.points) for m in made), default=0)
    per_epoch = None
    for m in made:
        n = len(m.points)
        if n in (0, most) or m.points.step[-1] - m.points.step[0] > n - 1:  # cells between blanks stand at their rows
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
