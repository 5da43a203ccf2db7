"""How little has the descent slowed down, as where steps are too short for the way to the end?"""

from __future__ import annotations

import itertools
import math

import numpy as np

from ..curves.order import median
from ..curves.trend import fall
from ..estimate import Estimate, exact
from .chart import Measured, Missing, Vital
from .held import stated
from .rate import grade, weigh
from .signals import TINY, Signals, shares

VITALS = {
    "rate.young": Vital(
        "share", "how little the descent has slowed down: it was slow from the start, or runs straight on to the end"
    ),
}

#: What the loss of batches says at a rate that nobody told, beside fewer than FEW validations: enough to be listed.
UNSURE, FEW = 0.45, 3
#: What was done early is not known where its interval is wider than this and reaches what a right rate does.
WIDE = 0.45
#: Points on either side of a cut of the rate, and the part of the descent that falls off with it, from which on a cut
#: surely paid. Along a descent that goes on as before nothing falls off beyond its trend.
BESIDE, PAID = 4, (0.05, 0.15)
#: A rate that comes down by less from one point to the next is a schedule on its way, no cut.
CUT = 0.6
#: A straight line falls as much in each quarter, and twice as much in the second half as in the quarter before. The
#: laboratory's runs that a larger rate helped by a tenth and more, and that had come down, fell at most 1.4 times as
#: much in a later quarter as in the first; runs at a right rate that left a plateau late, 1.8 to 3 times, or four times
#: as much in the second half as in the quarter before.
FASTER, DOUBLED, FLAT = (1.45, 1.75), (2.2, 2.6), (0.85, 0.70)
#: Times that a stated rate lies below the lowest of recipes, from where on it speaks of slow steps: searches go by
#: factors of three.
BELOW = (1.0, 2.5)


def measure(signals: Signals, found: dict[str, Measured]) -> dict[str, Measured]:
    """The vital, put together from what was measured before (`found`); missing for the reasons of `rate.too_high`."""
    whole = found["rate.too_high"]
    return {"rate.young": whole if isinstance(whole, Missing) else _young(signals, found)}


def _young(signals: Signals, found: dict[str, Measured]) -> Measured:
    """How little the descent has slowed down, by the strongest of three signs.

    Slow from the start: nine in ten laboratory runs at a right rate had done 80 % of their descent in the first fifth
    of the steps, half of those at too low a rate less than 45 %. Straight to the end: at a rate that holds, each
    doubling of the steps gains less than the one before (a power law), unless the steps are too short for any
    curvature to be felt. Straighter than its past: steep directions are learned early at any rate, and steps too short
    for the others go on along a line where the power law of the first half would have bent.
    """
    if signals.lr is not None and signals.schedule is not None and signals.schedule.kind == "warmup":
        return Missing("the learning rate was still being warmed up as the log ends: how high it gets does not show")
    early = found.get("pace.done_early")
    kept = found.get("train_loss.pace_kept")
    # What has hardly fallen at all may have been trained before: a fine-tune gains little, slowly, at a right rate.
    # Slow steps are the sign of a low rate that stays what it is; where a schedule ends the run, or none is told,
    # a slow task and a warm-up look alike: only a clear case counts. Of laboratory runs that do not tell it, those that
    # a larger rate helped had done 0.43 to 0.57 in the first fifth, healthy ones 0.60 and more.
    held = found.get("rate.held")
    known = stated(signals)
    stays = known is not None and known.value >= 0.5
    ends = (0.75, 0.50) if stays else (0.62, 0.50)
    fell = max(weigh(found.get("train_loss.left"), 0.92, 0.82, 1.0), _untrained(signals, found))
    late = _sped_up(signals, found)
    slow = min(weigh(early, *ends, 0.0), fell, 1 - late)
    if isinstance(early, Estimate) and early.high - early.low > WIDE and early.high > ends[0]:
        slow = min(slow, UNSURE)  # from half of the descent to nothing, or all of it: noise tells no start
    # What rests at the end has arrived, however late; a cosine or line alone leaves half of the pace.
    slow = min(slow, weigh(kept, 0.10, 0.35, 1.0))
    if stays:
        slow = min(slow, _to_come(found))
    # A straight line keeps 2: what runs faster behind an early descent has left a plateau.
    plateau = min(weigh(kept, 2.2, 2.6, 0.0), weigh(early, 0.4, 0.6, 0.0))
    straight = min(weigh(kept, 0.85, 1.1, 0.0), weigh(found.get("pace.at_end"), 0.5, 0.8, 0.0), 1 - max(plateau, late))
    if signals.lr is not None or stays:
        straight = min(max(straight, _unbent(found)), weigh(held, 0.4, 0.8, 0.4))
    else:
        # The size of the updates tells a rate that stays from one that goes up.
        told = weigh(held, 0.4, 0.8, 0.4) if any(signals.run.layers("update_ratio")) else 0.4
        slow, straight = min(slow, weigh(kept, 2.4, 2.1, 1.0)), min(straight, told)
        # A language model rests at the frequencies of its symbols first: a short run is slow to start at any rate.
        slow = slow if (val := signals.run.get("val_loss")) is not None and len(val) >= FEW else min(slow, UNSURE)
    if isinstance(early, Missing) and not isinstance(kept, Estimate):
        return early
    # A rate below all recipes needs half of the sign: it is what else speaks for slow steps.
    young = min(1.0, max(slow, straight) * (1 + weigh(found.get("lr.below_usual"), *BELOW, 0.0)))
    return exact(min(young, 1 - grade(_fell_with_cut(signals), *PAID)), "share")


def _fell_with_cut(signals: Signals) -> float:
    """The largest part of the descent that fell off where a logged rate was cut, beyond the trend before: what falls
    as the steps become shorter was held up by their length, and they were not too short."""
    curve = signals.run.get("val_loss") or signals.run.get("train_loss")
    if signals.lr is None or curve is None or not np.isfinite(curve.value).all():
        return 0.0
    rate, found = signals.lr.value, [0.0]
    descent = float(curve.value[0] - curve.value.min())
    for at in signals.lr.step[1:][rate[1:] <= CUT * rate[:-1]].tolist() if descent > 0 else ():
        old, new = curve.value[curve.step < at][-2 * BESIDE :], curve.value[curve.step > at][:BESIDE]
        if len(old) == 2 * BESIDE and len(new) == BESIDE:
            before = median(old[BESIDE:])
            trend = max(0.0, median(old[:BESIDE]) - before)
            noise = float(np.abs(np.diff(old)).mean())
            found.append((before - median(new) - trend - noise) / descent)
    return max(found)


def _sped_up(signals: Signals, found: dict[str, Measured]) -> float:
    """Whether the loss fell faster later than at first: half as much again in the second or third quarter as in the
    first, or more in the second half than a straight line behind the second quarter.

    At any rate that is too low a network learns first what is learned fastest, and slows down. One that speeds up has
    left a plateau: a transformer rests at the frequencies of its symbols until it finds the structure behind them, and
    a rate three times higher has gained such runs nothing. Where little has fallen (FLAT) the way off the plateau has
    only begun, and may well wait for longer steps.
    """
    train = signals.train
    assert train is not None
    edges = signals.begin + signals.length * np.array([0.0, 0.25, 0.5, 0.75])
    if min(np.diff(train.step.searchsorted(edges))) < 3:
        return 0.0
    (first, doubt), *later = (fall(train.step, train.points, a, b) for a, b in itertools.pairwise(edges.tolist()))
    most, error = max(later)
    least = max(first, 1.28 * doubt, TINY)
    ratio = most / least
    doubt = 1.28 * float(np.hypot(error, ratio * doubt)) / least
    faster = weigh(Estimate(ratio, ratio - doubt, ratio + doubt), *FASTER, 0.0)
    doubled = weigh(found.get("train_loss.pace_kept"), *DOUBLED, 0.0)
    return min(max(faster, doubled), weigh(found.get("train_loss.left"), *FLAT, 0.0))


def _to_come(found: dict[str, Measured]) -> float:
    """Whether as many steps again would bring something: at a rate that stays, longer steps bring what more of them
    would. By what they would take off the loss, or, where little was gained at all, by the gain so far: along a
    straight line they bring as much again, along a slow power law 0.4 of it."""
    ahead, left = found.get("pace.ahead"), found.get("train_loss.left")
    if not isinstance(ahead, Estimate) or not isinstance(left, Estimate) or left.value <= 0:
        return 1.0
    size = left.value / max(1 - left.value, 1e-9)
    again = Estimate(ahead.value * size, ahead.low * size, ahead.high * size, "share")
    return max(weigh(ahead, 0.01, 0.03, 1.0), weigh(again, 0.2, 0.4, 1.0))


def _unbent(found: dict[str, Measured]) -> float:
    """Whether the slope of the last fifth over that of the last half is above what a power law t^-a has that keeps as
    much of its pace per doubling, 2^-a; and the validation loss does not bounce at all, which larger steps would bring
    about: of the runs of DeepOBS at too low a rate 50 of 62 bounce by less than a thousandth of their level."""
    kept, end = found.get("train_loss.pace_kept"), found.get("pace.at_end")
    if not isinstance(kept, Estimate) or not isinstance(end, Estimate):
        return 0.0
    a = -float(np.log2(np.clip(kept.value, 0.05, 0.99)))
    bent = 2.5 * (0.8**-a - 1) / (0.5**-a - 1)
    over = Estimate(end.value - bent, end.low - bent, end.high - bent)
    smooth = weigh(found.get("loss.bounce"), 0.002, 0.001, 0.0)
    fell = weigh(found.get("train_loss.left"), 0.92, 0.82, 0.0)  # nothing bounces beside a high offset
    return min(weigh(over, 0.06, 0.14, 0.0), weigh(kept, 0.10, 0.20, 0.0), smooth, fell)


def _untrained(signals: Signals, found: dict[str, Measured]) -> float:
    """Whether the log begins with a network that only guesses, as no fine-tune does: its first loss is that of a guess
    or above it, or its first answers are right as rarely as that loss says.

    The cost of a guess is an upper bound where the number of classes is not known.
    """
    first, guess = found.get("initial_loss.first"), found.get("initial_loss.chance")
    costs = 0.0
    if isinstance(first, Estimate) and isinstance(guess, Estimate) and guess.value > 0:
        costs = grade(first.value / guess.value, 0.85, 0.95)
    return max(costs, _guesses(signals))


def _guesses(signals: Signals) -> float:
    """Whether the first validation's answers are right as rarely as its loss says of a guess; those of training, where
    none was logged.

    A guess among equal classes is right e^-loss of the time: the logarithm of its accuracy is the loss. As soon as some
    examples are told better than others that logarithm is smaller, by Jensen's inequality: of a language model of loss
    3 that names two words of five it is a third of the loss, and of a classifier of loss 0.5 that is right in four of
    five cases less than half. Of laboratory networks that never left their start it is 0.6 to 1.1.
    """
    for part in ("val", "train"):
        loss, accuracy = signals.run.get(f"{part}_loss"), signals.run.get(f"{part}_accuracy")
        if loss is None or accuracy is None or not len(loss) or not len(accuracy):
            continue
        at = int(min(loss.step.searchsorted(accuracy.step[0]), len(loss) - 1))
        cost, right = float(loss.value[at]), float(shares(accuracy)[0])
        if 1e-3 < cost < 100 and 0 <= right <= 1:
            return grade(-math.log(max(right, 1e-9)) / cost, 0.6, 0.75)
    return 0.0
