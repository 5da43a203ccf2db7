"""How does the run begin: at once, flat and then with a sudden drop, or with a leap upwards?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..curves.order import median
from ..curves.smooth import CHOSEN, Smooth, local_noise
from ..estimate import Estimate, exact
from ..run import Array
from .chart import Measured, Missing, Vital
from .constant import highest_cost
from .fit import classes_told
from .signals import TINY, Signals, alive, shares

VITALS = {
    "start.flat_for": Vital("share", "part of the run before the loss had done 5 % of its descent, behind any warm-up"),
    "start.flat_unwarmed": Vital(
        "share", "that part where a warm-up may be behind it: steps are logged, the rate is not"
    ),
    "start.flat_until": Vital("step", "where the loss had done 5 % of its descent"),
    "start.flat_points": Vital("count", "logged points of that part, or validations that show one answer if more"),
    "start.sharpness": Vital("times", "steps up to 5 % of the descent over the steps from 5 % to 50 % of it"),
    "start.spike": Vital("times", "highest logged loss in the first tenth of the run over its first points"),
    "start.spike_sd": Vital("sd", "that rise in standard deviations of one logged point"),
    "start.spike_until": Vital("share", "part of the run after which no logged loss was above its first points"),
    "start.left": Vital("share", "final loss over the first points, which a leap behind them does not raise"),
    "start.rate": Vital("share", "learning rate of the first update over the highest"),
}

_SPIKE = ("start.spike", "start.spike_sd", "start.spike_until", "start.left")

#: So many validations with one accuracy are no chance; the loss may fall by STILL of what it has left from their first
#: half to the second. An exponential descent that is followed so closely has a sharpness of 0.3 at most.
SAME = 4
STILL = 0.1
#: Points of a rest.
REST = 3
#: Where noise lies on the accuracies, so many that span no more than WITHIN of its standard deviations are one: more
#: than most draws of as many points span, whose mean range is 2.5 for six and 4 for thirty.
MANY, WITHIN = 6, 6.0
#: Points that tell a noise to 1.5 / sqrt(points) of it, a tenth.
ENOUGH = 200
#: The smallest gain that counts: what comes down by less from its rest has not left it.
GAIN = 0.05


def measure(signals: Signals) -> dict[str, Measured]:
    """Vitals of the first descent, from the smoothed training loss.

    An exponential decay has a sharpness of 0.08 and a straight line of 0.11 whatever their rates; only an
    S-shaped start exceeds 0.3. The interval moves both crossings by 1.28 standard errors of the way down to the first.
    """
    descent = _descent(signals)
    # Where no descent shows, no leap before it can be told from noise.
    unseen = descent["start.flat_for"]
    spike = dict.fromkeys(_SPIKE, unseen) if isinstance(unseen, Missing) else _spike(signals)
    return descent | spike | _rate(signals)


@dataclass(frozen=True, slots=True)
class _Way:
    """What the first descent is read off: the loss as points or smoothed, where it begins, and how far its way down to
    the first crossing may be off."""

    step: Array
    value: Array
    top: float
    doubt: float
    since: float
    #: How many validations gave one answer, where that is the rest.
    alike: int = 0


def _descent(signals: Signals) -> dict[str, Measured]:
    """Steps x5 and x50 at which the loss has done 5 and 50 % of the way from its first value (or from the hill that it
    climbed first, or the rest that it came to before it knew anything) to its lowest: flat_for = (x5 - begin) / length,
    sharpness = (x5 - begin) / (x50 - x5). A warm-up does not count. Gives up where the loss never fell by four times
    its doubt."""
    names = ("start.flat_for", "start.flat_until", "start.flat_points", "start.sharpness", "start.flat_unwarmed")
    if signals.train is None:
        return dict.fromkeys(names, signals.absent["train_loss"])
    rest = _one_answer(signals)
    way = rest or _down(signals.train)
    if way is None:
        return dict.fromkeys(names, Missing("the training loss never fell beyond its noise"))
    warm = signals.schedule.warmup_until if signals.schedule is not None else None
    origin = way.since if warm is None else max(way.since, warm)
    descent, spacing = way.top - float(way.value.min()), median(np.diff(way.step))
    grid = [_crossings(way.step, way.value, way.top, descent, shift) for shift in (way.doubt, 0.0, -way.doubt)]
    flat = [max(0.0, (five - origin) / signals.length) for five, _ in grid]
    # A drop between two logged points is as sharp as the log can show.
    sharp = [max(0.0, five - origin) / max(grid[1][1] - five, spacing) for five, _ in grid]
    until = [five for five, _ in grid]
    span = (float(origin), grid[1][0])
    flat_for = _estimate(flat, "share", span)
    seen = max(way.alike, int(((way.step >= origin) & (way.step <= grid[1][0])).sum()))
    return {
        "start.flat_for": flat_for,
        "start.flat_unwarmed": _no_warmup(signals, rest) or flat_for,
        "start.flat_until": _estimate(until, "step", (until[1], until[1])),
        "start.flat_points": exact(seen, "count", span),
        "start.sharpness": _estimate(sharp, "times", (grid[1][0], grid[1][1])),
    }


def _no_warmup(signals: Signals, rest: _Way | None) -> Missing | None:
    """Why no warm-up can be behind a flat start, None where one can: a rate that begins near zero keeps a loss flat."""
    if signals.lr is not None:
        return Missing("the learning rate is logged, and the flat part lies behind any warm-up")
    if rest is not None:
        return Missing("the network learned how frequent the answers are before it rested: its rate was not near zero")
    if _epochs(signals):
        return Missing("a loss that is logged once per epoch is the mean of more steps than a warm-up keeps flat")
    return None


def _epochs(signals: Signals) -> bool:
    """Whether the training loss is logged once per epoch, or may be: a log that counts rows mostly counts epochs."""
    curve = signals.run.get("train_loss")
    return signals.run.axis == "row" or (curve is not None and signals.run.by_epoch(curve))


def _down(train: Smooth) -> _Way | None:
    """The way from the first value, or from the hill that was climbed first; None where it is lost in the noise."""
    top, top_se = float(train.value[0]), float(train.se[0])
    # A first point far above is a descent that was over before the smoother could follow: stairs are no flat start.
    cliff = float(train.points[0]) - top
    if cliff > 6 * float(train.noise[0]) and cliff > 0.1 * (float(train.points[0]) - float(train.value.min())):
        top, top_se = float(train.points[0]), float(train.noise[0])
    doubt = 1.28 * median(train.se[: max(2, len(train.se) // 10)])
    descent = top - float(train.value.min())
    if descent <= 4 * doubt or descent <= 1e-3 * abs(top):
        return None
    # A loss that first rose lies on a hill and no plain: it descends from there.
    half = int(np.argmax(train.value <= top - 0.5 * descent)) + 1
    peak = int(np.argmax(train.value[:half]))
    if train.value[peak] - top > max(3 * float(np.hypot(train.se[peak], top_se)), 0.05 * descent):
        top, top_se = float(train.value[peak]), float(train.se[peak])
        descent = top - float(train.value.min())
    # Smoothing rounds the corner of a few epochs' means: where noise is small the points themselves tell better.
    clear = 3 * median(train.noise[: max(2, len(train.noise) // 10)]) < 0.05 * descent
    curve = train.points if clear else train.value
    doubt = 1.28 * _apart(train, _crossings(train.step, curve, top, descent, 0.0)[0], top_se, clear)
    return _Way(train.step, curve, top, doubt, float(train.step[0]))


def _one_answer(signals: Signals) -> _Way | None:
    """The way from a rest whose accuracy shows that every example got the same answer.

    The scores of such a network learn how frequent the classes are, which takes a few steps and a part of the descent
    (most of it where one class is much the most frequent), and then rest. That part is no way down: the flat start lies
    behind it. A validation loss shows it without the noise of batches. None where the accuracy is not the same at SAME
    validations in a row from the first or second on (or, but for its noise, at MANY from the first), or where the
    loss fell along them, costs more there than such answers do, or never comes down from there.
    """
    accuracy = signals.run.get("val_accuracy")
    curve = signals.val if signals.val is not None else signals.train
    if accuracy is None or curve is None or len(accuracy) <= SAME or not alive(accuracy.value).all():
        return None
    begin = 0 if accuracy.value[0] == accuracy.value[1] else 1
    other = np.flatnonzero(accuracy.value[begin:] != accuracy.value[begin])
    same = int(other[0]) if len(other) else len(accuracy) - begin
    lines, least = [curve], REST
    if same < SAME:
        # Such a likeness is no proof: neither loss may have fallen meanwhile.
        begin, same = 0, _alike(accuracy.value)
        lines, least = [line for line in (signals.val, signals.train) if line is not None], MANY
    if same < SAME:
        return None
    # The mean of a first epoch tells half of the classes or more.
    classes = signals.context.classes or 2 * (classes_told(signals) or 2)
    dearest = highest_cost(median(shares(accuracy)[begin : begin + same]), classes)
    for first, last in _stretches(begin, same, least):
        begins, ends = float(accuracy.step[first]), float(accuracy.step[last])
        inside = (curve.step >= begins) & (curve.step <= ends)
        value = curve.points[inside]
        if len(value) < REST:
            continue
        level = median(value)
        below = level - float(curve.value.min())
        if any(_fell(line, begins, ends) > STILL for line in lines):
            continue
        if below <= GAIN * level or level > dearest:
            return None
        since = float(curve.step[int(np.argmax(curve.points <= level + 0.05 * below))])
        if curve is signals.train:
            return _Way(curve.step, curve.value, level, 1.28 * median(curve.se[inside]), since, same)
        # A mean over one whole set scatters less than any smoother knows that has to follow a drop: a quarter of what
        # it moved while it rested is one standard deviation.
        return _Way(curve.step, curve.points, level, 1.28 * float(np.ptp(value)) / 4, since, same)
    return None


def _fell(line: Smooth, begin: float, end: float) -> float:
    """How far a loss came down from the first to the second half of its points between two steps, over what it has
    left; 0 where it has nothing left, or fewer than two points."""
    value = line.points[(line.step >= begin) & (line.step <= end)]
    half = len(value) // 2
    left = median(value) - float(line.value.min()) if half else 0.0
    return (median(value[:half]) - median(value[half:])) / left if left > 0 else 0.0


def _alike(value: Array) -> int:
    """How many accuracies from the first on differ by no more than their noise, if they are MANY, and as many or more
    behind them lie as far above; else 0."""
    # A point scatters as much among every k-th of them; of long curves fewer tell it as well, in less time.
    noise = WITHIN * median(local_noise(value[:: 1 + len(value) // ENOUGH]))
    same = int(np.argmax(np.append(np.maximum.accumulate(value) - np.minimum.accumulate(value) > noise, True)))
    known = noise > 0 and MANY <= same <= len(value) - MANY
    return same if known and median(value[same:]) - median(value[:same]) > noise else 0


def _stretches(begin: int, same: int, least: int) -> Iterator[tuple[int, int]]:
    """First and last validation of the stretches that may be the rest, the longest first: up to the last with the same
    accuracy or earlier, because the loss may come down before an answer changes, and from the first or one of the next
    two, which the frequencies take to learn; of `least` validations and more."""
    length = same
    while length >= least:
        yield from ((begin + skip, begin + length - 1) for skip in range(3) if length - skip >= least)
        length = min(length - 1, length * 9 // 10)


def _apart(train: Smooth, at: float, top_se: float, clear: bool) -> float:
    """Standard error of how far the curve lies below its top at the first crossing.

    Two fits share their noise where they share their points: at one place all of it, one reach away none. A fit with
    standard error se reaches over some 2 (noise / se)^2 points, and a logged point (`clear`) over one. The part of the
    errors that stands for the choice of the bandwidth (CHOSEN) is common to both.
    """
    noise, se = float(np.interp(at, train.step, train.noise)), train.se_at(at)
    points = float(np.interp(at, train.step, np.arange(len(train.step))))
    reach = 1.0 if clear else 2 * max(1.0, (noise / max(se, TINY)) ** 2)
    return float(np.hypot(noise if clear else se, top_se)) * float(np.sqrt(min(1.0, points / reach))) / CHOSEN


def _crossings(step: Array, value: Array, top: float, descent: float, shift: float) -> tuple[float, float]:
    """Steps where the curve falls below 5 % and 50 % of the descent, between points by straight lines.

    The latter is the first such step, the former the last before it: a stray point is no descent.
    """
    found = []
    half = int(np.argmax(value <= top - 0.5 * descent + shift))
    for share in (0.05, 0.5):
        level = top - share * descent + shift
        above = np.flatnonzero(value[:half] > level)
        at = half if share == 0.5 else int(above[-1]) + 1 if len(above) else 0
        if at == 0:
            found.append(float(step[0]))
            continue
        x0, x1, y0, y1 = step[at - 1], step[at], value[at - 1], value[at]
        found.append(float(x0 + (x1 - x0) * (y0 - level) / (y0 - y1)))
    return found[0], max(found)


def _estimate(values: list[float], unit: str, steps: tuple[float, float]) -> Estimate:
    return Estimate(values[1], min(values), max(values), unit, steps)


def _spike(signals: Signals) -> dict[str, Measured]:
    """How far the loss shot up at the very start, and how long that lasted; of logged points, which nothing smooths."""
    train = signals.train
    assert train is not None  # its descent was measured
    if train.value.min() <= 0:
        return dict.fromkeys(_SPIKE, Missing("the loss takes values below zero: nothing is a multiple of it"))
    curve = signals.run.get("train_loss")
    if _epochs(signals):
        return dict.fromkeys(_SPIKE, Missing("the training loss is logged once per epoch: its first steps do not show"))
    assert curve is not None  # signals.train was smoothed from one
    keep = alive(curve.value) & (curve.step <= train.step[-1])
    step, value = curve.step[keep], curve.value[keep]
    if len(value) < 2:
        return dict.fromkeys(_SPIKE, Missing("the first curve of train_loss has fewer than two finite points"))
    first = float((value[0] + value[1]) / 2 if value[1] < value[0] else value[0])
    early = value[step <= signals.begin + signals.length / 10]
    top = float(early.max()) if len(early) else first
    noise = max(median(train.noise), 1e-9 * abs(first), TINY)
    above = np.flatnonzero(value > first)
    until = float(step[above[-1]]) if len(above) else signals.begin
    share = (until - signals.begin) / (signals.length or 1.0)
    span = (signals.begin, until)
    final = median(train.value[-max(1, len(train.value) // 20) :])
    return {
        "start.left": exact(min(1e6, final / max(first, TINY)), "share"),
        "start.spike": exact(min(1e12, top / max(first, TINY)), "times", span),
        "start.spike_sd": exact(min(1e6, (top - first) / noise), "sd"),
        "start.spike_until": exact(share, "share", span),
    }


def _rate(signals: Signals) -> dict[str, Measured]:
    """First logged rate over the highest, exact. Gives up where no rate is logged."""
    if signals.lr is None:
        return {"start.rate": signals.absent["lr"]}
    peak = float(signals.lr.value.max())
    return {"start.rate": exact(float(signals.lr.value[0]) / peak if peak > 0 else 0.0, "share")}
