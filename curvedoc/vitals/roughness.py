"""How does the loss bounce and swing, and does it go on bouncing as before?"""

from __future__ import annotations

import math

import numpy as np

from ..curves.order import median
from ..curves.smooth import SCATTER, Smooth
from ..curves.trend import fall
from ..estimate import Estimate, exact
from ..run import Array, Curve
from .chart import Measured, Missing, Vital
from .signals import CYCLES, TINY, Signals, alive

VITALS = {
    "loss.bounce": Vital(
        "share",
        "how far a point of the validation loss (training loss, if none) lies off its trend in the second half "
        "(last three quarters, if that has too few)",
    ),
    "loss.bounce_kept": Vital(
        "share", "bounce of the validation loss in the last quarter of the run over that between a fifth and two thirds"
    ),
    "val_loss.unrest": Vital(
        "share",
        "how far a point of the validation loss lies off its trend behind the first quarter of the run, over its level "
        "in the second half",
    ),
    "val_loss.thrown": Vital(
        "share",
        "how far a point of the validation loss lies off its trend behind the first quarter of the run, over the first "
        "training loss (at most log of the classes) or validation loss, the higher",
    ),
    "val_loss.past_unrest": Vital(
        "times",
        "how far the validation loss fell or rose along the second half of the run, over how far a point of it lies "
        "off its trend",
    ),
    "train_loss.risen_leaps": Vital(
        "times",
        "how far the training loss ends above its lowest value, over how far a validation loss lies off its trend",
    ),
    "batch.scatter": Vital(
        "share", "how far a point of the training loss lies off its trend in the last third, over its level"
    ),
    "batch.grown": Vital("times", "that distance over the one in the first fifth of the run"),
    "loss.swing": Vital("share", "rises of the smoothed loss in the second half beyond its doubt, over the descent"),
    "loss.swings": Vital("count", "how often it rose so"),
}
#: Fewer points in a stretch give no spread worth comparing: its standard error would exceed half of it.
FEWEST = 5
#: Second differences that tell a bounce to a factor of two and a half at least: five points.
LEAST = 3
#: Second differences without which nothing is said of unrest either; it is wanted of runs of eight validations, too.
FEW = 4
#: Moves from one of a few validations to the next that show whether they go up and down.
RISES = 3
#: Second differences without which the scatter at the start is not known to a factor of one and a half (at 80 %): of
#: fewer, healthy runs of mixed labels or a regression seem to scatter more at the end.
EARLY = 20
#: A validation loss that bounces by less than this share of its level is as smooth as a deterministic one, whatever
#: the rate: its bounce says nothing. A tenth of a percent is what 8 digits of a loss of a thousand examples leave.
SMOOTH = 1e-3


def measure(signals: Signals) -> dict[str, Measured]:
    """Vitals of the bounce. It is taken from second differences, in which any straight trend cancels."""
    return _bounces(signals) | _unrest(signals) | _batches(signals) | _swings(signals)


def bounce(curve: Curve, begin: float, end: float) -> tuple[float, int]:
    """Standard deviation of a point around the trend between two shares of the run, and how many points told it.

    From the median absolute second difference of finite points, sigma = median / (0.6745 sqrt 6): a straight trend
    cancels and single spikes do not count.

    >>> t = np.arange(100.0)
    >>> bounce(Curve(t, 3 - 0.01 * t), 0.0, 1.0)[0] < 1e-12
    True
    """
    if len(curve) < 3:
        return 0.0, 0
    place = (curve.step - curve.step[0]) / max(float(curve.step[-1] - curve.step[0]), TINY)
    value: Array = curve.value[(place >= begin) & (place <= end) & alive(curve.value)]
    if len(value) < 3:
        return 0.0, 0
    second = value[:-2] - 2 * value[1:-1] + value[2:]
    return median(np.abs(second)) / (0.6745 * float(np.sqrt(6))), len(second)


def leap(curve: Curve) -> tuple[float, int]:
    """Standard deviation of one of a few points, and how many moves told it: from how far they go up from one to the
    next, or down where that is less.

    Points that scatter about one level rise by sigma / sqrt(pi) in the mean, falls counted as none. A trend of any
    shape goes one way and adds nothing to the other, where second differences of four or five points take every bend
    for a bounce. Of the points behind the first, which may lie on the steepest part, unless that leaves fewer than
    RISES moves; (0, 0) where there are fewer.

    >>> leap(Curve(np.arange(5.0), np.array([3.0, 1.0, 0.5, 0.3, 0.2])))[0]
    0.0
    >>> round(leap(Curve(np.arange(6.0), np.array([3.0, 1.0, 1.2, 1.0, 1.2, 1.0])))[0], 3)
    0.177
    """
    value = curve.value[alive(curve.value)]
    move = np.diff(value[1:] if len(value) > RISES + 1 else value)
    if len(move) < RISES:
        return 0.0, 0
    way = min(float(np.maximum(move, 0).mean()), float(np.maximum(-move, 0).mean()))
    return way * math.sqrt(math.pi), len(move)


def _bounces(signals: Signals) -> dict[str, Measured]:
    """Bounce of the validation loss: full sets are measured without the noise of a batch, so that what moves is the
    weights. Of the second half, or, where that has fewer than FEWEST second differences, of the last three quarters.
    Below LEAST of them the leaps of a few validations stand in; batches do only where there is no validation loss."""
    lost = Missing("the loss was lost to NaN or infinity")
    names = ("loss.bounce", "loss.bounce_kept")
    if signals.lost_at is not None:
        return dict.fromkeys(names, lost)
    val, train = signals.run.get("val_loss"), signals.run.get("train_loss")
    known = signals.val is not None and val is not None
    if val is not None and not known and alive(val.value).any():
        # The noise of batches is no bounce of the weights: a few validations tell of that as well as many, but less.
        few_of_them = Missing("too few validations to see a bounce: log validation more often", ("val_loss",))
        return dict.fromkeys(names, few_of_them) | _leaps_of_few(val, "loss.bounce")
    curve, smooth = (val, signals.val) if known else (train, signals.train)
    if curve is None or smooth is None:
        return dict.fromkeys(names, signals.absent.get("train_loss", Missing("no loss in the log", ("train_loss",))))
    level = abs(median(smooth.value[-max(1, len(smooth.value) // 20) :])) or 1.0
    # Where the second half holds too few points, those of the last three quarters tell it, with more doubt.
    since = next(
        (share for share, least in ((0.5, FEWEST), (0.25, LEAST)) if bounce(curve, share, 1.0)[1] >= least), 1.0
    )
    late, points = bounce(curve, since, 1.0)
    found: dict[str, Measured] = {}
    few_points = Missing("too few points to see a bounce: log validation more often", ("val_loss",))
    found["loss.bounce"] = few_points
    if points:
        found["loss.bounce"] = _spread(late / level, points, (signals.begin + since * signals.length, signals.end))
    elif known:
        found |= _leaps_of_few(curve, "loss.bounce")
    if not known:
        why = "without a validation loss the noise of batches hides whether the weights bounce"
        return found | {"loss.bounce_kept": Missing(why, ("val_loss",))}
    before, several = bounce(curve, 0.2, 0.67)
    after, few = bounce(curve, 0.75, 1.0)
    if min(few, several) < 3:
        why = "validation is logged too rarely to compare its bounce early and late"
        return found | {"loss.bounce_kept": Missing(why, ("val_loss",))}
    if before < SMOOTH * level:
        return found | {"loss.bounce_kept": Missing("the validation loss is smooth: it bounces at no rate")}
    kept, doubt = after / before, 1.28 * SCATTER * float(np.hypot(1 / np.sqrt(few), 1 / np.sqrt(several)))
    # The ratio of two spreads is skew: its interval is one of its logarithm.
    ends = (kept * float(np.exp(-doubt)), kept * float(np.exp(doubt)))
    stretch = (signals.begin + 0.75 * signals.length, signals.end)
    return found | {"loss.bounce_kept": Estimate(kept, ends[0], ends[1], "share", stretch)}


def _leaps_of_few(val: Curve, name: str) -> dict[str, Measured]:
    """The bounce of so few validations that only going up and down shows it, over their level; nothing where they do
    not."""
    size, moves = leap(val)
    if size == 0:
        return {}
    level = abs(median(val.value[alive(val.value)][-3:])) or 1.0
    return {name: _spread(size / level, moves, (float(val.step[0]), float(val.step[-1])))}


def _unrest(signals: Signals) -> dict[str, Measured]:
    """Bounce of the validation loss over the last three quarters of the run, and what it gained along the last half by
    that. Fewer than FEW second differences tell `unrest` only where validations go up and down; `thrown` is told by a
    single one, to a factor of six either way: a doubt is more than silence. The rest is missing then."""
    names = ("val_loss.unrest", "val_loss.thrown", "val_loss.past_unrest", "train_loss.risen_leaps")
    val = signals.run.get("val_loss")
    if val is None or signals.lost_at is not None:
        return dict.fromkeys(names, signals.absent.get("val_loss", Missing("no val_loss that lasts", ("val_loss",))))
    size, points = bounce(val, 0.25, 1.0)
    late = (val.step >= signals.begin + 0.5 * signals.length) & alive(val.value)
    most = (signals.begin + 0.25 * signals.length, signals.end)
    found = dict[str, Measured](
        dict.fromkeys(names, Missing("validation is logged too rarely to see a bounce", ("val_loss",)))
    )
    if points:
        found["val_loss.thrown"] = _over_first(signals, val, size, points, most)
    if points < FEW or late.sum() < FEW:
        return found | _leaps_of_few(val, "val_loss.unrest")
    level = abs(median(val.value[late])) or 1.0
    fell, error = fall(val.step[late], val.value[late], float(val.step[late][0]), float(val.step[-1]))
    least = max(size, SMOOTH * level)
    moved, doubt = abs(fell) / least, 1.28 * error / least
    stretch = (signals.begin + 0.5 * signals.length, signals.end)
    leaps: Measured = _no_start(signals)
    if signals.train is not None and signals.train.first[0] > 0:
        line = signals.train.value
        risen = (median(line[-max(1, len(line) // 20) :]) - float(line.min())) / least
        spread = _spread(1.0, points, most)
        leaps = Estimate(risen, risen * spread.low, risen * spread.high, "times", most)
    return found | {
        "val_loss.unrest": _spread(size / level, points, most),
        "train_loss.risen_leaps": leaps,
        "val_loss.past_unrest": Estimate(moved, max(0.0, moved - doubt), moved + doubt, "times", stretch),
    }


def _over_first(signals: Signals, val: Curve, size: float, points: int, stretch: tuple[float, float]) -> Measured:
    """A bounce, told by so many points along a stretch, over the first loss of training or validation, the higher."""
    if signals.train is None or (start := signals.train.first[0]) <= 0:
        return _no_start(signals)
    if signals.context.classes is not None:
        start = min(start, math.log(max(2, signals.context.classes)))
    # A mean of the first steps may be logged behind much of the descent that a first validation still saw.
    start = max(start, float(val.value[0]) if alive(val.value[:1]).all() else 0.0)
    return _spread(size / start, points, stretch)


def _no_start(signals: Signals) -> Missing:
    """Why there is no first loss that something could be a share of."""
    return signals.absent.get("train_loss", Missing("no training loss that begins above zero"))


def _batches(signals: Signals) -> dict[str, Measured]:
    """Scatter of the training loss from point to point at the end, and by that at the start; steep descents cancel in
    second differences. Gives up with fewer than EARLY of them in the first fifth."""
    train = signals.run.get("train_loss")
    if train is None or signals.train is None or signals.lost_at is not None:
        why = signals.absent.get("train_loss", Missing("the loss was lost to NaN or infinity"))
        return dict.fromkeys(("batch.scatter", "batch.grown"), why)
    late, points = bounce(train, 2 / 3, 1.0)
    early, few = bounce(train, 0.0, 0.2)
    level = abs(float(signals.train.value[-1])) or 1.0
    if few < EARLY or early <= 0 or not points:
        where = "the first fifth or the last third"
        why = Missing(f"too few points of train_loss in {where} to see how they scatter", ("train_loss",))
        return dict.fromkeys(("batch.scatter", "batch.grown"), why)
    grown, doubt = late / early, float(np.exp(1.28 * SCATTER * np.hypot(1 / np.sqrt(few), 1 / np.sqrt(points))))
    stretch = (signals.begin + 2 / 3 * signals.length, signals.end)
    return {
        "batch.scatter": _spread(late / level, points, stretch),
        "batch.grown": Estimate(grown, grown / doubt, grown * doubt, "times", stretch),
    }


def _spread(value: float, points: int, stretch: tuple[float, float]) -> Estimate:
    """A spread with its interval."""
    factor = float(np.exp(1.28 * SCATTER / np.sqrt(points)))
    return Estimate(value, value / factor, value * factor, "share", stretch)


def _swings(signals: Signals) -> dict[str, Measured]:
    """Rises of the smoothed training loss in the second half that its doubt does not explain.

    A rise is the way up from a low to the next high; one below three standard errors of its ends is none. Restarts
    and cycles of the rate lift the loss on purpose, and are not judged.
    """
    names = ("loss.swing", "loss.swings")
    train = signals.train
    if train is None:
        return dict.fromkeys(names, signals.absent["train_loss"])
    if signals.lost_at is not None:
        return dict.fromkeys(names, Missing("the loss was lost to NaN or infinity"))
    if signals.schedule is not None and signals.schedule.kind in CYCLES:
        return dict.fromkeys(names, Missing("the schedule lifts the loss on purpose"))
    half = train.step >= (signals.begin + signals.end) / 2
    rises = _rises(train, half)
    span = max(
        float(train.points[0] - train.value.min()),
        0.05 * abs(float(train.points[0])),
        1e-12 * float(np.ptp(train.value)),
        TINY,
    )
    stretch = ((signals.begin + signals.end) / 2, signals.end)
    total = sum(rises) / span
    error = median(train.se[half])
    # Only what exceeds three standard errors was counted: noise hid as much elsewhere, and made what it made by chance
    # look larger than it is; below four and a half it may be nothing.
    hidden = 3 * np.sqrt(2) * error
    sure = sum(max(0.0, rise - 1.5 * hidden) for rise in rises) / span
    high = total + (hidden / span if rises else 0.0)
    return {
        "loss.swing": Estimate(total, sure, high, "share", stretch),
        "loss.swings": exact(len(rises), "count", stretch),
    }


def _rises(train: Smooth, half: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> list[float]:
    """Heights of the rises, lows to highs, that exceed three standard errors of both ends."""
    value, error = train.value[half].tolist(), train.se[half].tolist()  # numbers one by one are no work for arrays
    rises: list[float] = []
    low = high = 0
    for n in range(1, len(value)):
        if value[n] > value[high]:
            high = n
        least = 3 * math.hypot(error[low], error[high])
        turned = value[high] - value[n] > max(least, 0.5 * (value[high] - value[low])) or value[n] < value[low]
        if turned or n == len(value) - 1:
            if value[high] - value[low] > max(least, 1e-9 * abs(value[low])) and high > low:
                rises.append(value[high] - value[low])
            low = high = n
    return rises
