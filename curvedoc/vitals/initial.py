"""Is the first loss what a network that knows nothing must have?"""

from __future__ import annotations

import math

import numpy as np

from ..estimate import Estimate, exact
from ..run import Array
from .chart import Measured, Missing, Vital
from .signals import Signals, alive

VITALS = {
    "initial_loss.first": Vital("loss", "first logged training loss"),
    "initial_loss.chance": Vital("loss", "log of the number of classes, the loss of a guess; 12.6 at most if unknown"),
    "initial_loss.excess": Vital("times", "first training loss above that of a guess, over the latter"),
    "initial_loss.at": Vital("step", "where that was logged"),
    "initial_loss.held_out": Vital("share", "first validation loss over the training loss at that step"),
    "initial_loss.kept": Vital("share", "second logged loss over the first; 1 if the first update itself was logged"),
}

#: No task or vocabulary in use has more classes: the most that a guess may cost when their number is unknown.
MOST_CLASSES = 300_000


def measure(signals: Signals) -> dict[str, Measured]:
    """Vitals of the first logged point of the training loss.

    A classifier that knows nothing gives every class the same share: a loss of log(classes). Without the number of
    classes an accuracy in the log says that it is a classifier, of MOST_CLASSES at most. Regressions have no such
    number. A first point some updates into the run, or the mean of an epoch, may stand for a rate that blew up at
    once: then the second point tells, because weights that begin too large come down step by step.
    """
    curve = signals.run.get("train_loss")
    if signals.train is None or curve is None:
        return dict.fromkeys(VITALS, signals.absent["train_loss"])
    keep = alive(curve.value)
    step, value = curve.step[keep], curve.value[keep]
    first = float(value[0])
    found: dict[str, Measured] = {"initial_loss.first": exact(first, "loss", (float(step[0]), float(step[0])))}
    began = curve.cadence != "epoch" and signals.run.axis == "step" and at_once(step)
    ratio = float(value[1]) / first if first > 0 else 0.0
    found["initial_loss.at"] = exact(float(step[0]), "step")
    found["initial_loss.kept"] = exact(1.0 if began else min(1.0, max(0.0, ratio)), "share")
    found["initial_loss.held_out"] = _held_out(signals)
    classes = signals.context.classes
    if classes is not None and classes > 1:
        chance = math.log(classes)
    elif signals.train_accuracy is not None or signals.run.get("val_accuracy") is not None:
        chance = math.log(MOST_CLASSES)
    else:
        unknown = Missing(
            "no accuracy and no number of classes: any first loss may be right (--classes)", ("train_accuracy",)
        )
        return found | {"initial_loss.chance": unknown, "initial_loss.excess": unknown}
    noise = float(np.median(signals.train.noise[:5])) if began else 0.0
    excess = [(x - chance) / chance for x in (first - 1.28 * noise, first, first + 1.28 * noise)]
    found["initial_loss.chance"] = exact(chance, "loss")
    found["initial_loss.excess"] = Estimate(excess[1], excess[0], excess[2], "times", (float(step[0]), float(step[0])))
    return found


def at_once(step: Array) -> bool:
    """Whether the first point belongs to the first update: step 0 or 1 of whole steps, or long before the second."""
    whole = bool((step == np.round(step)).all())
    return bool(step[0] == 0 or (whole and step[0] <= 1) or step[0] < 0.3 * (step[1] - step[0]))


def _held_out(signals: Signals) -> Measured:
    """A training loss that is a sum over the batch stands far above a validation loss that is a mean; large weights
    make both large."""
    val, train = signals.run.get("val_loss"), signals.train
    if val is None or train is None or not alive(val.value).any():
        return signals.absent.get("val_loss", Missing("no val_loss in the log", ("val_loss",)))
    at = int(np.flatnonzero(alive(val.value))[0])
    loss = train.at(float(val.step[at]))
    if loss <= 0 or val.value[at] <= 0:
        return Missing("a loss below zero is no multiple of another")
    return exact(min(1e6, float(val.value[at]) / loss), "share", (float(val.step[at]), float(val.step[at])))
