"""Is the learning rate itself too high for this run, and how large are its updates?

No single number tells. Each sign below is graded from 0 to 1 as a clause of a rule would be (linearly between two
values, averaged over the interval of its Estimate); a sign needs all of its parts, so its weight is that of the
weakest part; and one sign is enough, so that `rate.too_high` is the strongest of them.
"""

from __future__ import annotations

import numpy as np

from ..curves.order import median, sliding
from ..curves.smooth import SCATTER
from ..estimate import Estimate, exact
from ..run import Array, Curve
from ..settings import optimizer
from .chart import Measured, Missing, Vital
from .constant import constant_accuracy
from .roughness import bounce
from .signals import CYCLES, TINY, Signals, alive, shares

VITALS = {
    "rate.collapse": Vital("share", "weight of the sign that the first steps broke the network: a jump, then rest"),
    "rate.overshoot": Vital("share", "weight of the sign that the loss first shot above its start, and ended high"),
    "rate.hot_plateau": Vital("share", "weight of the sign that the loss bounces along a high level at the full rate"),
    "rate.stuck": Vital("share", "weight of the sign that nothing was learned at a rate that few networks bear"),
    "rate.thrown": Vital(
        "share",
        "weight of the sign that nothing was learned and validation leaps far by the first loss (`val_loss.thrown`)",
    ),
    "rate.waits": Vital("share", "weight of the sign that the loss rose and came down as the rate did, and ended high"),
    "rate.shaken": Vital("share", "weight of the sign that the validation loss leaps up and down at the full rate"),
    "rate.wanders": Vital("share", "weight of the sign that the loss came up again no farther than validation leaps"),
    "rate.unstable": Vital("share", "the strongest of these signs but for the bounce along a high level"),
    "rate.too_high": Vital("share", "the strongest of these signs"),
    "rate.updates": Vital("log10", "update over weight of the layer in the middle, median of the run behind its start"),
}

#: Moves from one validation to the next without which there is no telling how it usually moves.
LEAPS = 3
#: Points of a curve that jumps and then rests, without which its second half (three of them) shows no rest.
REST = 6
#: Below this share of its peak a rate moves no weights any more.
GONE = 0.01
#: Validations with three second differences, too few for a curve of their own and enough to see them leap.
FEW = 5


def measure(signals: Signals, found: dict[str, Measured]) -> dict[str, Measured]:
    """Vitals of the rate, put together from what was measured before (`found`)."""
    if signals.train is None:
        return dict.fromkeys(VITALS, signals.absent["train_loss"])
    if signals.lost_at is not None:
        return dict.fromkeys(VITALS, Missing("the loss was lost to NaN or infinity"))
    unknown, early = found.get("train_loss.fallen_at_most"), found.get("pace.done_early")
    if (
        isinstance(unknown, Missing)
        and isinstance(early, Missing)
        and not max(_overshoot(signals), _waits(signals, found), _wanders(signals, found))
    ):
        return dict.fromkeys(VITALS, unknown)
    # A network that was dead from the start jumps and rests as well: only a rate that is known to be high is sure.
    collapse = min(_collapse(signals, found), 1.0 if signals.lr is not None else 0.45)
    signs = {
        "rate.collapse": collapse,
        "rate.overshoot": _overshoot(signals),
        "rate.hot_plateau": _hot_plateau(signals, found),
        "rate.stuck": _stuck(signals, found),
        "rate.thrown": _thrown(found),
        "rate.waits": _waits(signals, found),
        "rate.shaken": _shaken(signals, found),
        "rate.wanders": _wanders(signals, found),
    }
    stretch = (signals.begin, signals.end)
    unstable = max(weight for name, weight in signs.items() if name != "rate.hot_plateau")
    return {
        **{name: exact(weight, "share", stretch) for name, weight in signs.items()},
        "rate.unstable": exact(unstable, "share", stretch),
        "rate.too_high": exact(max(signs.values()), "share", stretch),
        "rate.updates": _updates(signals),
    }


def grade(value: float, no_at: float, yes_at: float) -> float:
    """0 at `no_at`, 1 at `yes_at`, linear in between.

    >>> grade(2.0, 1.0, 3.0), grade(2.0, 3.0, 1.0), grade(5.0, 1.0, 3.0)
    (0.5, 0.5, 1.0)
    """
    return float(min(max((value - no_at) / (yes_at - no_at), 0.0), 1.0))


def weigh(measured: Measured | None, no_at: float, yes_at: float, if_missing: float) -> float:
    """The grade of an Estimate, averaged over its interval with weights 0.3, 0.4, 0.3 (Swanson's rule).

    >>> weigh(Estimate(0.5, 0.0, 1.0), 0.4, 0.6, 1.0), weigh(None, 0.4, 0.6, 1.0)
    (0.5, 1.0)
    """
    if not isinstance(measured, Estimate):
        return if_missing
    parts = zip((0.3, 0.4, 0.3), (measured.low, measured.value, measured.high), strict=True)
    return round(sum(share * grade(value, no_at, yes_at) for share, value in parts), 9)


def _collapse(signals: Signals, found: dict[str, Measured]) -> float:
    """The loss jumps with the first steps and then learns nothing more, high up.

    A step that is far too long throws the weights where every unit is dead or saturated: no gradient comes back, and
    the loss stays what it is to four digits and more, or the outputs are one constant whose accuracy stays that of
    the untrained network while the loss is thrown to another level. A network without any gradient from the start
    does not jump first, and one that has converged is low. Batches have noise of their own and never stand still.
    """
    train, val = signals.run.get("train_loss"), signals.run.get("val_loss")
    weights = [0.0]
    for curve in [c for c in (train, val) if c is not None]:
        value: Array = curve.value[alive(curve.value) & (curve.step <= _moved_until(signals))]
        if len(value) < REST or abs(float(value[0])) < 1e-12:
            continue
        first, late = float(value[0]), value[len(value) // 2 :]
        level = median(late)
        # A network without a gradient still learns how frequent the classes are. By that much validation and the means
        # of epochs come down behind their first point: no jump, where all answers were the same from there on.
        late_first = curve is val or signals.run.by_epoch(curve)
        if late_first and level < first and constant_accuracy(signals) is not None:
            continue
        # All that ever happened lies between the first point and the second, or the loss was thrown above its start:
        # a descent that converges, however fast, approaches its floor over several points.
        if not 0.9 <= (float(value[1]) - first) / ((level - first) or TINY) <= 1.1 and level < 0.97 * first:
            continue
        still = _digits(float(np.ptp(late)), level)
        # float32 keeps seven digits: a loss that has not moved in the fourth for half a run gets no gradient. Runs
        # that have converged without noise still move in the third.
        frozen = grade(still, -3.3, -4.3)
        # An undamaged start moves by less than a two-thousandth with its first steps before it learns.
        jump = grade(_digits(float(value[1]) - first, first), -3.3, -2.9)
        weights.append(min(frozen, jump, grade(level / first, 0.35, 0.45)))
    return max(*weights, _chance(signals, found))


def _moved_until(signals: Signals) -> float:
    """The last step at which the logged rate was GONE of its peak and more; what rests behind it was not broken."""
    rate = signals.lr
    if rate is None or rate.value.max() <= 0:
        return signals.end
    return float(rate.step[np.flatnonzero(rate.value >= GONE * rate.value.max())[-1]])


def _chance(signals: Signals, found: dict[str, Measured]) -> float:
    """The loss is thrown to another level and stays there, while the accuracy stays that of the first point.

    The constant that is answered moves with the steps, by thousandths of the first loss. Where the rate came down and
    it never did (0.02 % in the laboratory, against 0.2 %), a penalty or a wild start fell to it.
    """
    train = signals.run.get("train_loss")
    accuracy = signals.run.get("train_accuracy") or signals.run.get("val_accuracy")
    if train is None or accuracy is None or min(len(accuracy), len(train)) < REST:
        return 0.0
    share = shares(accuracy)
    late = share[len(share) // 2 :]
    loss = train.value[len(train) // 2 :]
    if not (alive(late).all() and alive(loss).all() and alive(share[0]) and alive(train.value[0])):
        return 0.0
    gained = median(late) - float(share[0])
    # An accuracy that begins high was not measured on an untrained network.
    untrained = grade(float(share[0]), 0.6, 0.55)
    first, level = float(train.value[0]), median(loss)
    displaced = grade(abs(first - level) / max(abs(level), 1e-12), 0.1, 0.2)
    rests = grade(float(np.ptp(loss)) / max(abs(level), 1e-12), 0.10, 0.03)
    moves = max(weigh(found.get("val_loss.thrown"), 0.0005, 0.0015, 1.0), weigh(found.get("rate.held"), 0.2, 0.5, 0.0))
    return min(untrained, displaced, rests, moves, grade(gained, 0.03, 0.015))


def _digits(change: float, size: float) -> float:
    """Order of magnitude of a change relative to a size, at least -12."""
    return float(np.log10(max(abs(change) / max(abs(size), TINY), 1e-12)))


def _overshoot(signals: Signals) -> float:
    """The loss climbs far above its first value in the first third, not as a spike, and ends high.

    Steps that threw the weights threw them for validation, too: where that was logged on both sides of the largest jump
    and did not rise with it, training measures something else from there on.
    """
    train = signals.train
    assert train is not None
    points: Array = train.points
    first = float(points[0])
    if len(points) < 6 or first <= 0:
        return 0.0
    third = max(4, len(points) // 3)
    # Of noisy batches two in three come by chance, three in a row do not.
    calm = float(sliding(points[: third + 1], 3).min(1).max())
    # The first point may be a lucky batch: what rises above it must exceed the scatter of all others.
    # Differences of few points with heavy tails look too quiet: the distances from the line are no less than they.
    noise = max(median(train.noise), 1.4826 * median(np.abs(points - train.value)))
    level = median(points[-max(3, len(points) // 20) :])
    jump = int(np.argmax(np.diff(points[: 2 * third]))) if len(points) > 1 else 0
    if _validation_rests(signals, train.step[jump], train.step[jump + 1]):
        return 0.0
    # One or two points above the start are the shock of a cold optimiser, from which a run recovers.
    lasting = float((points[1 : 2 * third] > 1.05 * first).sum())
    return min(
        grade(calm / first, 1.15, 1.5),
        grade(lasting, 2.0, 3.0),
        # The batches of an untrained network scatter more than those of the run: healthy ones lie up to 4.4 of its
        # standard deviations above the first, those of rates that are too high 8 and more.
        grade(calm - first, 4 * noise, 7 * noise + 1e-12 * first),
        grade(level / first, 0.15, 0.30),
    )


def _validation_rests(signals: Signals, before: float, after: float) -> bool:
    """Whether a validation was logged up to one step and from another on, and the loss did not rise in between."""
    val = signals.run.get("val_loss")
    if val is None:
        return False
    early, late = val.value[(val.step <= before) & alive(val.value)], val.value[(val.step >= after) & alive(val.value)]
    return len(early) > 0 and len(late) > 0 and bool(late[0] <= early[-1])


def _hot_plateau(signals: Signals, found: dict[str, Measured]) -> float:
    """The loss is flat for most of the run at a high level, bounces, and the rate has not come down.

    A plateau low down needs a decay; one that was reached at once, high up, and bounces by a percent of its level and
    more was never passable at this rate. Where the model already overfits, the level is not the rate's doing.
    """
    flat = weigh(found.get("train_loss.flat_for"), 0.45, 0.70, 0.0)
    high = weigh(found.get("train_loss.left"), 0.30, 0.42, 0.0)
    # A rate that was only read off the bounce has to be plain.
    # Not knowing the rate leaves a suspicion; half of the task unexplained on top of a long bounce makes it likely.
    suspected = 0.45 + 0.2 * weigh(found.get("fit.unexplained"), 0.4, 0.6, 0.0)
    held = weigh(found.get("rate.held"), *((0.3, 0.6) if signals.lr is not None else (0.35, 0.85)), suspected)
    near = weigh(found.get("gap.of_loss"), 0.20, 0.10, 1.0)
    cycle = weigh(found.get("lr.turns"), 2.0, 0.0, 1.0)  # what goes up again comes down by itself
    return min(flat, high, held, near, cycle, _restless(signals, found))


def _stuck(signals: Signals, found: dict[str, Measured]) -> float:
    """The loss never came down, and the rate or the first updates are larger than nearly any network bears.

    Of the rate alone: plain SGD rarely trains above 0.5, Adam rarely above 0.02, and a rate above 0.5 is too high for
    either; where the optimiser is not known only such a rate speaks. Of the updates: a twentieth of the weights in
    one of the first steps is fifty times the healthy thousandth. A rate that is warmed up is not judged by its peak.
    """
    signs = [0.0]
    if signals.lr is not None and len(signals.lr) and signals.lr.value[0] > 0:
        low, high = (-1.7, -1.2) if "adam" in optimizer(signals.run.hyper) else (-0.7, 0.0)
        signs.append(grade(float(np.log10(signals.lr.value[0])), low, high))
    first = [float(np.abs(c.value[: max(1, len(c) // 20)]).max()) for c in signals.run.layers("update_ratio").values()]
    first = [ratio for ratio in first if 0 < ratio < 1e60]
    if first:
        signs.append(grade(float(np.log10(median(first))), -1.5, -1.1))
    return min(_idle(found), max(signs))


def _thrown(found: dict[str, Measured]) -> float:
    """The loss never came down, and validation leaps by percents of the first loss: the weights do move, and too far.

    The leaps are those between which rules/no-learning.toml loses its faith in weights that do not move; the mean of a
    few examples leaps by itself.
    """
    leaps = weigh(found.get("val_loss.thrown"), 0.012, 0.030, 0.0)
    return min(_idle(found), leaps, many(found))


def _idle(found: dict[str, Measured]) -> float:
    """Whether the loss never came down; a fall of many standard errors is learning, however small its share (as in
    rules/no-learning.toml)."""
    fallen = weigh(found.get("train_loss.fallen_at_most"), 0.15, 0.08, 0.0)
    return min(fallen, weigh(found.get("train_loss.fall_se"), 10.0, 4.0, 1.0))


def _waits(signals: Signals, found: dict[str, Measured]) -> float:
    """The loss rose as the rate did, came down only when the rate had fallen below half of its peak, and ended high.

    The 28 healthy runs of tests/lab/tune that log such a rate had done 76 % of their descent by then at least, and but
    for one that ended low their loss between stood below the lowest of the first tenth. A loss that leaves a flat start
    late does not rise before.
    """
    train, rate = signals.train, signals.lr
    assert train is not None
    if rate is None or rate.value[-1] > 0.2 * rate.value.max():
        return 0.0
    until = float(rate.step[np.flatnonzero(rate.value >= 0.5 * rate.value.max())[-1]])
    first, last = float(train.value[0]), float(train.value[-1])
    early = int(np.argmin(train.value[train.step <= max(signals.begin + 0.1 * signals.length, train.step[0])]))
    between = (train.step > train.step[early]) & (train.step <= until)
    lowest, doubt = float(train.value[early]), 3 * float(np.hypot(train.se[0], train.se[-1]))
    if until - signals.begin < 0.25 * signals.length or first - last <= doubt or not between.any() or lowest <= 0:
        return 0.0
    done = (first - train.at(until)) / (first - last)
    risen = (median(train.value[between]) - lowest) / lowest
    error = 1.28 * float(np.hypot(train.se[early], median(train.se[between]))) / lowest
    return min(
        grade(done, 0.55, 0.35),
        weigh(found.get("train_loss.left"), 0.6, 0.75, 0.0),
        weigh(Estimate(risen, risen - error, risen + error), 0.005, 0.02, 0.0),
    )


def _shaken(signals: Signals, found: dict[str, Measured]) -> float:
    """The loss over the whole validation set leaps up and down, by a tenth and more each time, while the rate is high.

    Only weights that are thrown about do that to a mean over hundreds of examples. Taken from the second differences
    of its logarithm, whose median a few spikes or a steep descent do not move, and from its largest rise. Of
    tests/lab/tune no healthy run with a validation set of some size leaps by more than a tenth; those that a smaller
    rate helped, by 13 to 43 %, and training by 6 % along with them. A few examples leap whatever the rate, as does what
    is learned by heart; a batch norm that lags leaves training smooth; a cycle goes up so high on purpose.
    """
    val, train = signals.run.get("val_loss"), signals.run.get("train_loss")
    if val is None or train is None or not all(alive(c.value).all() and c.value.min() > 0 for c in (val, train)):
        return 0.0
    if signals.schedule is not None and signals.schedule.kind in (*CYCLES, "one_cycle"):
        return 0.0
    full = np.ones(len(val), bool)
    if signals.lr is not None:
        rates = np.interp(val.step, signals.lr.step, signals.lr.value)
        full = rates >= 0.5 * signals.lr.value.max()
    moves = np.diff(np.log(val.value[full]))
    if len(moves) < LEAPS:
        return 0.0
    leap, doubt = _leap(moves), float(np.exp(1.28 * SCATTER / np.sqrt(len(moves) - 1)))
    ends = np.searchsorted(train.step, val.step, side="right")
    sums = np.concatenate([[0.0], np.cumsum(train.value)])
    means = np.diff(sums[ends], prepend=0.0) / np.maximum(1, np.diff(ends, prepend=0))
    along = _leap(np.diff(np.log(means[full]))) if means.min() > 0 else 0.0
    return min(
        weigh(Estimate(leap, leap / doubt, leap * doubt), 0.11, 0.17, 0.0),
        grade(float(moves.max()), 0.20, 0.35),
        grade(along, 0.02, 0.05),
        weigh(found.get("train_loss.left"), 0.15, 0.30, 0.0),
        many(found),
        weigh(found.get("fit.gap"), 0.55, 0.40, 1.0),
        weigh(found.get("fit.gap"), -0.60, -0.40, 1.0),
        weigh(found.get("spikes.burden"), 2.5, 1.5, 1.0),
    )


def _wanders(signals: Signals, found: dict[str, Measured]) -> float:
    """The training loss lost a good part of its descent again, and no more than validation leaps at any time.

    A rise as in rules/divergence.toml, half as far beyond its noise, of few leaps where that rule wants many: weights
    that are thrown about wander up as they may wander down. A leap counts by the first loss, as in
    rules/no-learning.toml, and is asked to be several times as large as there.
    """
    if signals.schedule is not None and signals.schedule.kind in (*CYCLES, "one_cycle"):
        return 0.0
    return min(
        weigh(found.get("train_loss.risen"), 0.10, 0.35, 0.0),
        weigh(found.get("train_loss.risen_sd"), 0.5, 1.5, 0.0),
        weigh(found.get("train_loss.risen_leaps"), 4.0, 2.0, 0.0),
        weigh(found.get("val_loss.thrown"), 0.05, 0.12, 0.0),
        many(found),
    )


def many(found: dict[str, Measured]) -> float:
    """Whether validation is no mean of a few examples, which leaps by itself: by their number, else by its scatter over
    that of training."""
    return weigh(found.get("val.counted"), 60.0, 100.0, weigh(found.get("val.scatter"), 12.0, 6.0, 1.0))


def _leap(moves: Array) -> float:
    """Standard deviation of a point about its trend, from the moves between neighbours."""
    return median(np.abs(np.diff(moves))) / (0.6745 * float(np.sqrt(6)))


def _restless(signals: Signals, found: dict[str, Measured]) -> float:
    """Whether the weights themselves still bounce: a validation loss does, an epoch mean does, or updates are large."""
    signs = [0.0]
    if signals.val is not None:
        signs.append(weigh(found.get("loss.bounce"), 0.006, 0.014, 0.0))
    elif (val := signals.run.get("val_loss")) is not None and alive(val.value[-FEW:]).sum() >= FEW:
        # Of three second differences the median allows for the one that the descent before still bends.
        size, points = bounce(Curve(val.step[-FEW:], val.value[-FEW:]), 0.0, 1.0)
        share, doubt = size / (abs(median(val.value[-3:])) or 1.0), float(np.exp(1.28 * SCATTER / np.sqrt(points or 1)))
        signs.append(weigh(Estimate(share, share / doubt, share * doubt), 0.006, 0.014, 0.0) if points else 0.0)
    logged = signals.run.curves.get("train_loss", ())
    means = [c for c in logged if signals.run.by_epoch(c)]
    for curve in [c for c in means if alive(c.value[-3:]).all()][:1]:
        level = abs(median(curve.value[-3:])) or 1.0
        # Where validation rests to a thousandth, means over epochs bounce with their batches, not with the weights.
        moves = weigh(found.get("loss.bounce"), 0.001, 0.003, 1.0) if signals.val is not None else 1.0
        signs.append(min(moves, grade(bounce(curve, 0.5, 1.0)[0] / level, 0.006, 0.014)))
    # A hundredth of the weights per step replaces them within a hundred steps (Karpathy: 1e-3 is healthy).
    signs.append(weigh(_updates(signals), -2.3, -1.9, 0.0))
    return max(signs)


def _updates(signals: Signals) -> Measured:
    """One number for the whole network: layers differ, and the last one starts small."""
    layers = [np.abs(c.value[len(c) // 4 :]) for c in signals.run.layers("update_ratio").values()]
    moved = [median(value[alive(value)]) for value in layers if alive(value).any()]
    moved = [ratio for ratio in moved if ratio > 0]
    if not moved:
        return Missing("no update_ratio in the log", ("update_ratio",))
    low, middle, high = np.log10(np.quantile(moved, (0.25, 0.5, 0.75)))
    return Estimate(middle, low, high, "log10", (signals.begin + 0.25 * signals.length, signals.end))
