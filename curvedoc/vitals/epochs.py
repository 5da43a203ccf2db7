"""Does the training loss run through the same pattern in every epoch, or fall in stairs from one to the next?"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ..curves.order import median
from ..curves.trend import fall
from ..estimate import Estimate, exact
from ..run import Array
from .chart import Measured, Missing, Vital
from .signals import TINY, Signals, alive

VITALS = {
    "epoch.pattern": Vital(
        "share",
        "part of the loss's scatter that the place within the epoch explains, less what chance explains and two "
        "standard deviations of that",
    ),
    "epoch.agreement": Vital(
        "",
        "correlation of that pattern in the first half of the run with the second half, or in every other epoch with "
        "the others, if higher: a pattern grows as the network learns",
    ),
    "epoch.steps": Vital("step", "length of the epoch"),
    "epoch.stairs": Vital(
        "share", "part of the descent behind the middle of the first epoch that came at once where an epoch began"
    ),
    "epoch.rate_moves": Vital("share", "how far the rate moves within an epoch, over its size"),
}

#: Points, epochs and points per epoch below which no pattern can be told from chance.
FEWEST_POINTS, FEWEST_EPOCHS, FEWEST_PER_EPOCH = 24, 4, 1.5
#: What is said where the length of an epoch is not known.
UNKNOWN = Missing(
    "where an epoch ends is not known: log an epoch column, or validate at the end of every epoch", ("epoch",)
)
#: More points than this make nothing plainer.
MOST_POINTS = 20_000
#: Points of an epoch through which a line can be drawn, the fewest stairs, and the most: a model is fine-tuned for
#: few epochs, and over many the stairs of memory become a smooth descent.
FEWEST_PER_STAIR, FEWEST_STAIRS, MOST_STAIRS = 10, 2, 20
#: Places within an epoch that are told apart, at most, and points that each of them needs for a mean.
PLACES, PER_PLACE = 12, 8
#: Standard deviations of what chance explains that are taken off: few points fold into some pattern at any length.
CHANCE = 2.0


def measure(signals: Signals) -> dict[str, Measured]:
    """Vitals of what repeats with the epoch."""
    return _pattern(signals) | {"epoch.stairs": _stairs(signals)}


def _pattern(signals: Signals) -> dict[str, Measured]:
    """Vitals of the pattern of an epoch: the logarithm of the loss, less its trend, folded at the epoch's length.

    The trend is a line within each epoch, so that neither a fall nor the stairs of a memorised data set counts, and the
    bend of the descent; with few points per epoch a running median over three epochs. The share explained is the
    adjusted R squared of the places' means, which is zero on average where n points lie in g places by chance, with a
    standard deviation of sqrt(2 (g - 1) / ((n - g) (n + 1))): that of a beta distribution. CHANCE of these are taken
    off.
    """
    train, curve = signals.train, signals.run.get("train_loss")
    if train is None or curve is None:
        return dict.fromkeys(VITALS, signals.absent["train_loss"])
    epoch = _epoch_length(signals)
    if epoch is None:
        return dict.fromkeys(VITALS, UNKNOWN)
    keep = alive(curve.value) & (curve.step < (np.inf if signals.lost_at is None else signals.lost_at))
    # As many points as tell any pattern; the last, which no descent bends.
    step, value = curve.step[keep][-MOST_POINTS:], curve.value[keep][-MOST_POINTS:]
    place = _place(step, epoch)
    number = np.floor(place + 1e-6)
    # The first tenth of the epochs falls too steeply for a line.
    later = number >= number[0] + max(1, round(0.1 * float(np.ptp(number))))
    step, value, number, place = step[later], value[later], number[later], (place - number)[later]
    epochs = len(np.unique(number))
    if epochs < FEWEST_EPOCHS or len(step) < max(FEWEST_POINTS, FEWEST_PER_EPOCH * epochs):
        few = f"{len(step)} points of train_loss in {epochs} epochs: too few to see a pattern within an epoch"
        return dict.fromkeys(VITALS, Missing(few))
    shape = np.log(np.maximum(value, TINY)) if value.min() > 0 else value
    rest = _detrended(shape, place, number, len(step) / epochs)
    bound = float(np.quantile(np.abs(rest), 0.98))
    rest = np.clip(rest, -bound, bound)
    places = max(4, min(PLACES, len(np.unique(np.round(place, 3))), len(rest) // PER_PLACE))
    bins = np.minimum((place.clip(0) * places).astype(np.intp), places - 1)
    total = float(((rest - rest.mean()) ** 2).sum())
    if total <= 1e-18 * len(rest):
        return dict.fromkeys(VITALS, Missing("the loss follows its trend without any scatter"))
    means = np.array([rest[bins == k].mean() if (bins == k).any() else np.nan for k in range(places)])
    counts = np.bincount(bins, minlength=places)
    filled = counts > 0
    between = float((counts[filled] * (means[filled] - rest.mean()) ** 2).sum())
    n, groups = len(rest), int(filled.sum())
    explained = 1 - (1 - between / total) * (n - 1) / max(1, n - groups)
    explained -= CHANCE * math.sqrt(2 * (groups - 1) / (max(1, n - groups) * (n + 1)))
    return {
        "epoch.pattern": exact(max(0.0, explained), "share", (float(step[0]), float(step[-1]))),
        "epoch.agreement": exact(_agreement(rest, bins, number, places)),
        "epoch.steps": exact(epoch, "step"),
        "epoch.rate_moves": _rate_moves(signals, epoch),
    }


def _epoch_length(signals: Signals) -> float | None:
    """Steps per epoch, from the log or from the steady distance of what is logged once per epoch."""
    run = signals.run
    if run.axis != "step":
        return None
    if run.steps_per_epoch is not None and run.steps_per_epoch > 1:
        return float(run.steps_per_epoch)
    for role in ("val_loss", "val_accuracy", "train_accuracy", "val_metric", "val_metric_lower"):
        curve = run.get(role)
        if curve is None or len(curve) < FEWEST_EPOCHS:
            continue
        gaps = np.diff(curve.step)
        middle = median(gaps)
        if middle > 1 and float((np.abs(gaps - middle) <= 0.01 * middle).mean()) > 0.9:
            return middle
    return None


def _place(step: Array, epoch: float) -> Array:
    """Epochs done at each step (n,); the step at which one ends belongs to it, in whatever unit steps are counted."""
    found: Array = (step - 0.01 * float(np.diff(step).min(initial=epoch))) / epoch
    return found


def _detrended(shape: Array, place: Array, number: Array, per_epoch: float) -> Array:
    """What is left of the loss (n,) at a place (n,) of an epoch of that number (n,)."""
    if per_epoch < 6:
        half = max(2, round(1.5 * per_epoch))
        # Mirrored through its ends, as it were to go on: a descent that turned there would leave a bend at either end.
        padded = np.pad(shape, half, mode="reflect", reflect_type="odd")
        window = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
        found: Array = shape - np.median(window, axis=1)
        # The stairs of a memorised data set are a slope within the epoch here as well.
        x = place - place.mean()
        square = float((x * x).sum())
        return found - (float((x * (found - found.mean())).sum()) / square * x if square > 0 else 0.0)
    rest, bow = _lines(shape, place, number)
    # A calm descent bends alike in every epoch, and as much in one that is cut half an epoch later; what lies in the
    # middle of an epoch lies at the ends of such a one, and cancels.
    done = number + place + 0.5
    shifted, arc = _lines(shape, done - np.floor(done + 1e-6), np.floor(done + 1e-6))
    bends = [float((y * x).sum() / max(float((x * x).sum()), TINY)) for y, x in ((rest, bow), (shifted, arc))]
    return rest - float(np.mean(bends)) * bow


def _lines(shape: Array, place: Array, number: Array) -> tuple[Array, Array]:
    """The loss (n,), and the squares of the places (n,), less a line within each epoch."""
    starts = np.flatnonzero(np.diff(number, prepend=number[0] - 1))
    sizes = np.diff(starts, append=len(shape))

    def total(value: Array) -> Array:
        return np.repeat(np.add.reduceat(value, starts), sizes)

    size = np.repeat(sizes, sizes)
    x = place - total(place) / size
    square = np.maximum(total(x * x), TINY)
    centred = [given - total(given) / size for given in (shape, x * x)]
    rest, bow = (y - total(x * y) / square * x for y in centred)
    return rest, bow


def _stairs(signals: Signals) -> Measured:
    """Near 1 where the loss rests within an epoch and drops as the next one begins: what has been seen is remembered.

    A line through each epoch (the first one from its middle on); a stair is what lies between the end of a line and
    the beginning of the next, so that a smooth descent has none. The sum of the stairs over the fall from the first
    line's beginning to the last line's end; 1.28 standard errors of the lines' ends.
    """
    train, curve = signals.train, signals.run.get("train_loss")
    if train is None or curve is None:
        return signals.absent["train_loss"]
    if (epoch := _epoch_length(signals)) is None:
        return UNKNOWN
    if signals.length > MOST_STAIRS * epoch:
        return Missing(f"more than {MOST_STAIRS} epochs: no stair of them is a large part of the descent")
    stride = slice(None, None, 1 + len(curve) // MOST_POINTS)
    step, value = curve.step[stride], curve.value[stride]
    place = _place(step, epoch)
    keep = alive(value) & (step < (np.inf if signals.lost_at is None else signals.lost_at)) & (place >= 0.5)
    place, value = place[keep], value[keep]
    number = np.floor(place + 1e-6)
    borders = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(value)]
    lines = []
    for begin, end in pairwise(borders):
        if end - begin >= FEWEST_PER_STAIR:
            fell, error = fall(place[begin:end], value[begin:end], float(place[begin]), float(place[end - 1]))
            middle = float(value[begin:end].mean())
            lines.append((middle + fell / 2, middle - fell / 2, float(np.hypot(error / 2, error / 12**0.5))))
    if len(lines) < FEWEST_STAIRS + 1:
        return Missing(f"{len(lines)} epochs of {FEWEST_PER_STAIR} points and more: too few to see stairs between them")
    descent = lines[0][0] - lines[-1][1]
    doubt = 1.28 * float(np.sqrt(sum(2 * error**2 for _, _, error in lines)))
    if descent <= 2 * doubt:
        return Missing("the training loss does not fall from epoch to epoch")
    stairs = sum(before[1] - behind[0] for before, behind in pairwise(lines)) / descent
    return Estimate(stairs, stairs - doubt / descent, stairs + doubt / descent, "share", (signals.begin, signals.end))


def _agreement(rest: Array, bins: Array, number: Array, places: int) -> float:
    """Correlation of the places' means in the earlier epochs with those in the later ones, or in every other epoch with
    those between, if higher."""
    return max(_correlation(rest, bins, part, places) for part in (number <= median(number), number % 2 == 0))


def _correlation(rest: Array, bins: Array, part: npt.NDArray[np.bool_], places: int) -> float:
    """Correlation of the places' means in a part of the points with those in the rest; 0 for less than three places."""
    pairs = []
    for k in range(places):
        one, two = rest[part & (bins == k)], rest[~part & (bins == k)]
        if len(one) and len(two):
            pairs.append((float(one.mean()), float(two.mean())))
    if len(pairs) < 3:
        return 0.0
    first, second = np.array(pairs).T
    if first.std() == 0 or second.std() == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def _rate_moves(signals: Signals, epoch: float) -> Measured:
    """The median over epochs of the rate's range within one, over its highest value there."""
    if signals.lr is None:
        return signals.absent["lr"]
    number = np.floor(_place(signals.lr.step, epoch) + 1e-6)
    starts = np.flatnonzero(np.diff(number, prepend=number[0] - 1))
    high = np.maximum.reduceat(signals.lr.value, starts)
    low = np.minimum.reduceat(signals.lr.value, starts)
    return exact(median((high - low) / np.maximum(high, TINY)), "share")
