"""Is the first loss what a network that knows nothing must have?"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from ..curves.order import median
from ..estimate import Estimate, exact
from ..run import Array, Curve
from .chart import Measured, Missing, Vital
from .constant import idle_since
from .signals import Signals, alive, shares

VITALS = {
    "initial_loss.first": Vital("loss", "first logged training loss"),
    "initial_loss.chance": Vital(
        "loss",
        "what a guess costs, at most: log of the number of classes; if that is unknown, what the accuracies or the "
        "level that was reached leave possible",
    ),
    "initial_loss.excess": Vital(
        "times",
        "first training loss above that of a guess, over the latter or that of a guess among ten if less; half as much "
        "again where the first update was not logged",
    ),
    "initial_loss.at": Vital("step", "where that was logged"),
    "initial_loss.held_out": Vital(
        "share", "validation loss over the training loss at that step: the first, or that of the second half if larger"
    ),
    "initial_loss.kept": Vital(
        "share",
        "second logged loss over the first, or third over second if larger and that still stood at three guesses, or "
        "the decades of the second above three guesses over those of the first, if larger; 1 if the first update was "
        "logged",
    ),
    "initial_loss.stayed": Vital("share", "final training loss over the first"),
}

#: No task or vocabulary in use has more classes: the most that a guess may cost when their number is unknown.
MOST_CLASSES = 300_000
#: Answers right less often than this are not far from a guess; above it their loss says nothing about one.
UNSURE = 0.6
#: The logarithm of a small accuracy over a few hundred examples is known to a tenth of itself.
GUESSED = 0.1
#: The most that a guess of numbers costs: a squared error of targets within a hundred of each other. Larger ones were
#: not scaled, or the answers were not.
SCALED = 1e4
#: What is learned of numbers brings the loss down to a tenth of a guess and rarely further.
LEARNED = 10.0
#: Below this share of its peak a rate has done nothing yet.
WARMING = 0.1
#: What a blow-up leaves behind costs less than so many guesses.
THROWN = 3
#: By the first logged point, some updates old or the mean of an epoch, a third of what was too much is gone: from there
#: to the next point 40 % go, in the median of 15 laboratory runs whose weights began too large.
GONE = 1.5
#: The mean of an epoch is of the same losses as the steps if their levels agree so far later on.
ALIKE = 0.2


def measure(signals: Signals) -> dict[str, Measured]:
    """Vitals of the first logged point of the training loss.

    A classifier that knows nothing gives every class the same share: a loss of log(classes). Without the number of
    classes an accuracy in the log says that it is a classifier, and how often the answers were right beside their loss
    bounds what a guess costs. Where the mean of the first epoch is logged beside single steps and stands above all of
    them, steps that were not logged stood higher still: then it is the first loss. A first point some updates into the
    run, or the mean of an epoch, may stand for a rate that blew up at once: then the next points tell, because weights
    that begin too large come down step by step.
    """
    curve = signals.run.get("train_loss")
    if signals.train is None or curve is None:
        return dict.fromkeys(VITALS, signals.absent["train_loss"])
    if not alive(curve.value).any():
        return dict.fromkeys(VITALS, Missing("the first curve of train_loss has no finite point", ("train_loss",)))
    keep = alive(curve.value)
    step, value = curve.step[keep], curve.value[keep]
    first = max(float(value[0]), _first_epoch(signals, step, value))
    found: dict[str, Measured] = {"initial_loss.first": exact(first, "loss", (float(step[0]), float(step[0])))}
    began = not seems_by_epoch(signals, curve) and (at_once(step) or _in_warmup(signals, float(step[0])))
    chance = _guess(signals, first)
    found["initial_loss.at"] = exact(float(step[0]), "step")
    found["initial_loss.kept"] = exact(1.0 if began else _kept(value, chance), "share")
    found["initial_loss.held_out"] = _held_out(signals)
    found["initial_loss.stayed"] = _stayed(signals, first)
    if chance is None:
        unknown = Missing(
            "no accuracy and no number of classes: any first loss may be right (--classes)", ("train_accuracy",)
        )
        return found | {"initial_loss.chance": unknown, "initial_loss.excess": unknown}
    noise = median(signals.train.noise[:5]) if began else 0.0
    # Scores of variance s^2 add s^2 / 2 to the loss of a guess, among few classes as among many.
    scale = chance if _numbers(signals) else min(chance, math.log(10))
    scale = scale if began else scale / GONE
    excess = [(x - chance) / scale for x in (first - 1.28 * noise, first, first + 1.28 * noise)]
    found["initial_loss.chance"] = exact(chance, "loss")
    found["initial_loss.excess"] = Estimate(excess[1], excess[0], excess[2], "times", (float(step[0]), float(step[0])))
    return found


def _guess(signals: Signals, first: float) -> float | None:
    """What a guess costs at most; None where the loss may be of any kind and begin anywhere.

    A network whose accuracy never moves costs what a guess does. Else answers that are right in a share a of the
    examples at a loss L were at most twice L / (1 - a) away from nothing: cross-entropies of real runs fall at least
    in proportion to the share of wrong answers, up to a factor of two among many classes. Numbers without accuracies
    are squared errors of any unit: a guess costs SCALED at most, or LEARNED times the level that was reached.
    """
    train, classes = signals.train, signals.context.classes
    assert train is not None  # measure returned
    if signals.context.task == "speech":  # sums over the tokens or the frames of an utterance
        return None
    if classes is not None and classes > 1:
        return math.log(classes)
    if _numbers(signals):
        level = median(train.value[-max(1, len(train.value) // 20) :])
        most = max(SCALED, LEARNED * level)
        return most if first > most and train.value.min() > 0 else None
    since = idle_since(signals)
    behind = train.step > since if since is not None else np.zeros(len(train.step), bool)
    if since is not None and since < signals.begin + signals.length / 2 and behind.any():
        level = median(train.value[behind])
        return level if level > 0 else None
    bounds = [math.log(MOST_CLASSES)]
    for part in ("train", "val"):
        loss, accuracy = signals.run.get(f"{part}_loss"), signals.run.get(f"{part}_accuracy")
        if loss is None or accuracy is None or len(loss) < 2:
            continue
        share = shares(accuracy)
        low = alive(share) & (share >= 0) & (share < UNSURE)
        low &= accuracy.step < (np.inf if signals.lost_at is None else signals.lost_at)
        if part == "train":
            loss_at = np.interp(accuracy.step, train.step, train.value)
        else:
            loss_at = np.interp(accuracy.step, loss.step, np.where(alive(loss.value), loss.value, np.inf))
        cost = 2 * loss_at[low] / (1 - share[low])
        bounds += [max(math.log(2), float(cost.min()))] if len(cost) else []
        bounds += _guessed(loss_at, share)
    return min(bounds)


def _numbers(signals: Signals) -> bool:
    """Whether nothing says that the answers are classes."""
    roles = ("val_accuracy", "train_accuracy")
    return signals.context.classes is None and all(signals.run.get(role) is None for role in roles)


def _guessed(loss: Array, share: Array) -> list[float]:
    """What a guess costs, where that is all that the second half of the run does: at most one entry.

    Who is right in a share a of the answers at a cost of -log(a) tells no example from another; by Jensen's inequality
    answers that differ in how sure they are cost more.
    """
    late, right = loss[len(loss) // 2 :], share[len(share) // 2 :]
    if len(late) < 3 or not (alive(right) & (right > 0) & (right < UNSURE) & (late < np.inf)).all():
        return []
    apart = median(late + np.log(right))
    return [(1 + GUESSED) * median(late)] if abs(apart) <= GUESSED * median(late) else []


def _first_epoch(signals: Signals, step: Array, value: Array) -> float:
    """The mean of the first epoch, where it is of the same losses as the steps; minus infinity where there is none."""
    for mean in signals.run.curves.get("train_loss", ())[1:]:
        if mean.cadence != "epoch" or len(mean) < 4 or not alive(mean.value).all():
            continue
        ends = np.searchsorted(step, mean.step, side="right")
        late = [n for n in range(len(mean) // 2, len(mean)) if ends[n] > ends[n - 1]]
        beside = [(float(mean.value[n]), float(value[ends[n - 1] : ends[n]].mean())) for n in late]
        ratios = [whole / steps for whole, steps in beside if steps > 0]  # what is memorised may cost nothing at all
        if ratios and abs(median(ratios) - 1) < ALIKE:
            return float(mean.value[0])
    return -math.inf


def _kept(value: Array, chance: float | None) -> float:
    """Weights that are too large come down over several points, a rate that blew up is forgiven with the next.

    A loss that comes down by a factor per update keeps the square of its share where half as often was logged; of the
    decades above THROWN guesses, where a blow-up does not stay, it keeps nearly as much.
    """
    pairs = [(float(a), float(b)) for a, b in pairwise(value[:3]) if a > 0]
    high = THROWN * chance if chance is not None else math.inf
    kept = [b / a for n, (a, b) in enumerate(pairs) if n == 0 or a > high]
    if pairs and min(pairs[0]) > high:
        kept.append(math.log(pairs[0][1] / high) / math.log(pairs[0][0] / high))
    return min(1.0, max([0.0, *kept]))


def seems_by_epoch(signals: Signals, curve: Curve) -> bool:
    """Whether a point is the mean of an epoch: said so, or counted 0, 1, 2 ... with a validation beside each."""
    if signals.run.by_epoch(curve):
        return True
    val = signals.run.get("val_loss") or signals.run.get("val_accuracy")
    counted = float(np.diff(curve.step).max(initial=0.0)) <= 1
    return counted and val is not None and len(val) == len(curve)


def at_once(step: Array) -> bool:
    """Whether the first point belongs to the first update: step 0 or 1 of whole steps, or long before the second."""
    whole = bool((step == np.round(step)).all())
    return bool(step[0] == 0 or (whole and step[0] <= 1) or (len(step) > 1 and step[0] < 0.3 * (step[1] - step[0])))


def _in_warmup(signals: Signals, step: float) -> bool:
    """Whether the logged rate had hardly begun to rise: what is seen there was there before."""
    rate = signals.lr_at(step)
    return rate is not None and signals.lr is not None and rate <= WARMING * float(signals.lr.value.max())


def _stayed(signals: Signals, first: float) -> Measured:
    """Median of the last twentieth of the smoothed loss over the first loss, with 1.28 standard errors of the former.
    Gives up where the loss was lost or did not begin above zero."""
    train = signals.train
    if train is None or signals.lost_at is not None or first <= 0:
        return Missing("the loss was lost, or is no multiple of the first")
    last = max(1, len(train.value) // 20)
    level, doubt = median(train.value[-last:]), 1.28 * median(train.se[-last:])
    return Estimate(level / first, (level - doubt) / first, (level + doubt) / first, "share")


def _held_out(signals: Signals) -> Measured:
    """A training loss that is a sum over the batch stands far above a validation loss that is a mean, from first to
    last; large weights make both large and come down."""
    val, train = signals.run.get("val_loss"), signals.train
    if val is None or train is None or not alive(val.value).any():
        return signals.absent.get("val_loss", Missing("no val_loss in the log", ("val_loss",)))
    keep = alive(val.value) & (val.step <= train.step[-1])
    loss = np.interp(val.step[keep], train.step, train.value)
    if not len(loss) or loss.min() <= 0 or val.value[keep].min() <= 0:
        return Missing("a loss below zero is no multiple of another")
    ratio = val.value[keep] / loss
    later = median(ratio[len(ratio) // 2 :])
    first = float(val.step[keep][0])
    return exact(min(1e6, max(float(ratio[0]), later)), "share", (first, first))
