"""How does a series as it was logged become a curve whose steps rise? Resumes, restarts, duplicates, disorder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from .run import Array

#: A run that goes back to within this share of its steps from the first was started again, not resumed.
_RESTART = 0.05
#: More steps back than this share of the points is disorder, not a history of resumed jobs.
_DISORDER = 0.2
#: This many restarts at one and the same step are rounds through the data, not attempts.
_ROUNDS = 4
#: Ten means show a shape by themselves; of fewer epochs the batches tell more, where there are enough in each of them
#: for a trend: an epoch of eight has two points in each quarter.
_BATCHES, _EPOCHS = 8, 10
#: Fewer different values than this are too few to see that each is held as long as the others.
_HELD = 6


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Steps and values side by side, `(n,)` each; `wall_time` and `epoch` of each point or None; `resumed` the first
    steps of what was written after the run was taken up again."""

    step: Array
    value: Array
    wall_time: Array | None = None
    epoch: Array | None = None
    resumed: tuple[float, ...] = ()

    def __getitem__(self, at: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> Points:
        wall_time, epoch = self.wall_time, self.epoch
        return Points(
            self.step[at],
            self.value[at],
            None if wall_time is None else wall_time[at],
            None if epoch is None else epoch[at],
            self.resumed,
        )

    def __len__(self) -> int:
        return len(self.step)


def join(pieces: Sequence[Points]) -> Points:
    """The points of several pieces, in their order; what not every piece knows is let go."""
    if len(pieces) == 1:
        return pieces[0]
    wall = [p.wall_time for p in pieces if p.wall_time is not None]
    epoch = [p.epoch for p in pieces if p.epoch is not None]
    begins = [float(p.step[0]) for p in pieces[1:] if len(p) and np.isfinite(p.step[0])]
    return Points(
        np.concatenate([p.step for p in pieces]),
        np.concatenate([p.value for p in pieces]),
        np.concatenate(wall) if len(wall) == len(pieces) else None,
        np.concatenate(epoch) if len(epoch) == len(pieces) else None,
        tuple(dict.fromkeys(begins)),
    )


def mend(points: Points) -> tuple[Points, list[str]]:
    """The same points with strictly increasing, finite steps, and a sentence for every repair.

    Policy: where steps go back, the newest segment wins, and what was logged at its first step or later before
    it is dropped (a resumed run). A segment that starts again from the beginning is another attempt: the one
    with the most points is kept, the newest of equals. Steps that count batches within each epoch are strung
    together. Points that share a step are averaged when most steps are shared, else the last one is kept.
    Non-finite values are points like any other.
    """
    said: list[str] = []
    finite = np.isfinite(points.step)
    if not finite.all():
        said.append(f"{np.count_nonzero(~finite)} points without a finite step were left out")
        points = points[finite]
    if len(points) < 2 or (np.diff(points.step) > 0).all():
        return points, said
    points = _string_epochs(points, said)
    points = _newest(points, said)
    return _single(points, said), said


def within_epochs(points: Points) -> tuple[Points, list[str]]:
    """The points of a loop that prints its batches and counts only epochs, laid out in the order in which they came,
    and a sentence that says so.

    Epoch e holds what lies between the epoch before it and e, the last batch at e itself, where a validation of that
    epoch stands too. The points come back as they are, and nothing is said, where there are _EPOCHS epochs or more,
    fewer than _BATCHES in half of them, or where the counter goes back.
    """
    if len(points) < _BATCHES or not np.isfinite(points.step).all() or (np.diff(points.step) < 0).any():
        return points, []
    epochs, epoch, count = np.unique(points.step, return_inverse=True, return_counts=True)
    if len(epochs) >= _EPOCHS or int(np.median(count)) < _BATCHES:
        return points, []
    length = np.diff(epochs, prepend=epochs[0] - (epochs[1] - epochs[0] if len(epochs) > 1 else 1.0))
    batch = np.arange(1, len(points) + 1) - (np.cumsum(count) - count)[epoch]
    step = points.step - length[epoch] * (1 - batch / count[epoch])
    said = f"{count.max()} values at most share an epoch: laid out inside of it in the order of the log"
    return replace(points, step=step), [said]


def _string_epochs(points: Points, said: list[str]) -> Points:
    """A counter that restarts with every epoch, made to count through: epoch by epoch, batch by batch."""
    points, taken_up = _resumed_epochs(points, said)
    back = np.flatnonzero(np.diff(points.step) < 0)
    if not len(back):
        return points
    segment = np.concatenate([[0], np.cumsum(np.diff(points.step) < 0)])
    if points.epoch is not None:
        told = bool((np.diff(points.epoch) >= 0).all() and (np.diff(points.epoch)[back] > 0).all())
    else:  # four rounds of one length are epochs; runs that were started again are rarely that regular
        ends = points.step[back]
        told = len(back) >= _ROUNDS and bool((ends == ends[0]).all()) and points.step[-1] <= ends[0]
    if not told:
        return points
    first = np.concatenate([[0], back + 1])
    length = np.maximum.reduceat(points.step, first) + (1.0 if points.step.min() == 0 else 0.0)
    before = np.concatenate([[0.0], np.cumsum(length)[:-1]])
    said.append(f"the steps start again {_often(len(back))}, with each epoch: they were counted on")
    step = points.step + before[segment]
    return replace(points, step=step, resumed=(*points.resumed, *step[taken_up].tolist()))


def _resumed_epochs(points: Points, said: list[str]) -> tuple[Points, npt.NDArray[np.int64]]:
    """Of steps that restart with each epoch, in a log that a resumed job went on writing: the newest of each epoch, and
    where the job was taken up. A job that went back to the first epoch is another attempt: the longest is kept."""
    nowhere, epoch, step = np.empty(0, np.int64), points.epoch, points.step
    if epoch is None:
        return points, nowhere
    begins, falls = np.diff(epoch) > 0, np.diff(step) < 0
    back = np.flatnonzero((np.diff(epoch) < 0) | (falls & ~begins)) + 1
    if not len(back) or len(back) > np.count_nonzero(begins) / 2 or not falls[begins].all():
        return points, nowhere
    again = back[epoch[back] <= epoch[0]].tolist()
    attempts = list(zip([0, *again], [*again, len(points)], strict=True))
    low, high = max(attempts, key=lambda a: (a[1] - a[0], a[0]))
    keep = np.zeros(len(points), bool)
    keep[low:high] = True
    inside = back[(back > low) & (back < high)]
    for place in inside.tolist():
        keep[:place] &= (epoch[:place] < epoch[place]) | (
            (epoch[:place] == epoch[place]) & (step[:place] < step[place])
        )
    if len(attempts) > 1:
        said.append(
            f"the epochs start again from the first: {len(attempts)} attempts in one log, attempt "
            f"{1 + attempts.index((low, high))} with {high - low} points was kept"
        )
    if len(inside):
        more = len(inside) - 1
        times = "" if not more else f", and the log goes back {_often(more)} more"
        lost = high - low - np.count_nonzero(keep)
        said.append(
            f"epoch {epoch[inside[0]]:g} was begun again{times} (a resumed run): the newer points were kept, "
            f"{lost} older ones of the same epochs left out"
        )
    kept = np.flatnonzero(keep)
    return points[keep], np.searchsorted(kept, [place for place in inside.tolist() if keep[place]])


def _newest(points: Points, said: list[str]) -> Points:
    """One attempt of several, and of a resumed one the newest segments."""
    back = np.flatnonzero(np.diff(points.step) < 0) + 1
    if not len(back):
        return points
    attempts = _attempts(points.step, back)
    if len(back) > max(3, _DISORDER * len(points)) and len(attempts) <= len(back) / 2:
        said.append(f"the steps go back {_often(len(back))}: the points were sorted by step")
        return points[np.argsort(points.step, kind="stable")]
    if len(attempts) > 1:
        begin, end = max(attempts, key=lambda a: (a[1] - a[0], a[0]))
        which = 1 + attempts.index((begin, end))
        left = len(points) - (end - begin)
        said.append(
            f"the steps start again from the beginning: {len(attempts)} attempts in one log, "
            f"attempt {which} with {end - begin} points was kept, {left} points of the others left out"
        )
        points = points[np.arange(begin, end)]
        back = np.flatnonzero(np.diff(points.step) < 0) + 1
    if not len(back):
        return points
    keep = np.ones(len(points), bool)
    for place in back.tolist():
        keep[:place] &= points.step[:place] < points.step[place]
    lost = len(points) - np.count_nonzero(keep)
    times = "" if len(back) == 1 else f" and {len(back) - 1} times more"
    place = int(back[0])
    said.append(
        f"the steps go back from {points.step[place - 1]:g} to {points.step[place]:g}{times} (a resumed run): "
        f"the newer points were kept, {lost} older ones at the same steps or later left out"
    )
    begins = (*points.resumed, *points.step[back].tolist())
    return replace(points[keep], resumed=tuple(dict.fromkeys(begins)))


def _attempts(step: Array, back: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """First and last+1 point of every attempt: a new one begins where the steps return to the beginning."""
    starts = [0]
    for place in back.tolist():
        begin = starts[-1]
        low, high = float(step[begin]), float(step[begin:place].max())
        if step[place] <= low + _RESTART * (high - low):
            starts.append(place)
    return list(zip(starts, [*starts[1:], len(step)], strict=True))


def _single(points: Points, said: list[str]) -> Points:
    """One point per step."""
    new = np.concatenate([[True], np.diff(points.step) > 0])
    if new.all():
        return points
    first = np.flatnonzero(new)
    count = np.diff(np.concatenate([first, [len(points)]]))
    same = _equal(points.value, np.repeat(points.value[first], count))
    last = points[first + count - 1]
    shared = np.count_nonzero(count > 1)
    if same.all():
        return last
    if shared < max(2, len(first) / 2):
        many = "1 step was" if shared == 1 else f"{shared} steps were"
        said.append(f"{many} logged more than once, with different values: the last one was kept")
        return last
    said.append(f"{shared} of {len(first)} steps hold several values ({count.max()} at most): each is their mean")
    mean = np.add.reduceat(points.value, first) / count
    return replace(last, value=mean)


def measured(points: Points, said: list[str]) -> Points:
    """The points at which a value was new, where a logger repeats the last one until it has another.

    So do forward-filled tables, and loops that log the loss of the last evaluation at every step. Told by no value
    coming back (rounding brings them back) and by each standing equally long: a loss that rests does neither.
    """
    new = np.concatenate([[True], ~_equal(points.value[1:], points.value[:-1])])
    first = np.flatnonzero(new)
    if len(first) < _HELD or len(points) < 3 * len(first) or len(np.unique(points.value)) < 0.95 * len(first):
        return points
    lengths = np.diff(first)
    usual = float(np.median(lengths))
    if usual < 3 or np.mean(np.abs(lengths - usual) <= max(1.0, 0.1 * usual)) < 0.7:
        return points
    said.append(f"each value is repeated about {usual:g} times: the first of each was kept, {len(first)} in all")
    return points[first]


def _equal(a: Array, b: Array) -> npt.NDArray[np.bool_]:
    same: npt.NDArray[np.bool_] = (a == b) | (np.isnan(a) & np.isnan(b))
    return same


def _often(times: int) -> str:
    return "once" if times == 1 else f"{times} times"
