"""Was a part of what had been learned taken back, calmly, as a penalty on the weights does?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..curves.order import median
from ..curves.smooth import Smooth
from ..estimate import Estimate, exact
from ..settings import optimizer
from .chart import Measured, Missing, Vital
from .signals import TINY, Signals

VITALS = {
    "penalty.risen": Vital(
        "share",
        "final training loss above its lowest value in the first half, over the latter; that of the validation loss "
        "where it is more: noise of batches hides a dip of a few steps",
    ),
    "penalty.risen_se": Vital("sd", "that rise of the training loss in its standard errors"),
    "penalty.lowest_at": Vital("step", "where the training loss was lowest in the first half of the run"),
    "penalty.late": Vital("share", "part of that rise of the training loss in the last quarter of the run"),
    "penalty.of_start": Vital("times", "highest smoothed training loss behind its lowest value over its first points"),
    "penalty.shared": Vital("share", "rise of the validation loss over the same steps over that of the training loss"),
    "penalty.stated": Vital("times", "weight decay that the log states over the strongest in common use"),
}

#: The strongest weight decays of common recipes, by optimiser: decoupled from the gradient (AdamW: 0.01 of its authors'
#: library, 0.05 to 0.3 of vision transformers), as a part of an adaptive gradient (Adam: 1e-5 to 1e-3), of a plain one
#: (SGD: 1e-4 to 5e-4, 1e-2 on small tables), and where the log does not name the optimiser.
STRONGEST = (("adamw|lamb|lion", 0.3), ("adam|rmsprop|adagrad", 0.003), ("sgd|momentum|nesterov", 0.01), ("", 0.1))


def measure(signals: Signals) -> dict[str, Measured]:
    """Vitals of a penalty: what it took back, and what the log states of it."""
    return _risen(signals) | {"penalty.stated": _stated(signals.run.hyper)}


def _risen(signals: Signals) -> dict[str, Measured]:
    """Vitals of a calm rise of the training loss; intervals of 1.28 standard errors."""
    train, names = signals.train, [name for name in VITALS if name != "penalty.stated"]
    if train is None:
        return dict.fromkeys(names, signals.absent["train_loss"])
    if signals.lost_at is not None:
        return dict.fromkeys(names, Missing("the loss was lost to NaN or infinity"))
    early = np.flatnonzero(train.step <= signals.begin + signals.length / 2)
    if len(early) < 2 or train.value.min() <= 0:
        why = "too few points of train_loss in the first half" if len(early) < 2 else "a loss below zero has no scale"
        return dict.fromkeys(names, Missing(why))
    at = int(early[np.argmin(train.value[early])])
    lowest, where = float(train.value[at]), float(train.step[at])
    end, error = _end(train)
    error = float(np.hypot(error, train.se[at]))
    rise, stretch = end - lowest, (where, signals.end)
    size, doubt = max(abs(rise), error, 1e-12 * lowest), 1.28 * error
    before = train.at(signals.begin + 0.75 * signals.length)
    start = max(float(train.points[0]), float(train.value[0]))
    return {
        "penalty.risen": _higher(
            Estimate(rise / lowest, (rise - doubt) / lowest, (rise + doubt) / lowest, "share", stretch), signals
        ),
        "penalty.risen_se": exact(min(1e6, rise / max(error, 1e-9 * lowest)), "sd"),
        "penalty.lowest_at": exact(where, "step", (where, where)),
        "penalty.late": exact((end - before) / size, "share"),
        "penalty.of_start": exact(min(1e6, float(train.value[at:].max()) / max(start, TINY)), "times"),
        "penalty.shared": _shared(signals, where, size),
    }


def _stated(hyper: Mapping[str, Any]) -> Measured:
    """The largest weight decay among hyper-parameters over the strongest in common use for the optimiser they name."""
    named = {str(key).lower(): value for key, value in hyper.items()}
    decays = [
        float(value)
        for key, value in named.items()
        if re.search(r"weight_?decay$|(?:^|[./_])(?:wd|l2)$", key)
        and isinstance(value, (int, float))
        and not isinstance(value, bool)
        and 0 <= value < 1e6
    ]
    if not decays:
        return Missing("no weight decay among the hyper-parameters of the log")
    strongest = next(most for words, most in STRONGEST if re.search(words, optimizer(hyper)))
    return exact(max(decays) / strongest, "times")


def _higher(risen: Estimate, signals: Signals) -> Estimate:
    """That rise, or the one of the validation loss above its lowest value in the first half, if that is more."""
    val = signals.val
    early = np.flatnonzero(val.step <= signals.begin + signals.length / 2) if val is not None else ()
    if val is None or not len(early) or val.value.min() <= 0:
        return risen
    at = int(early[np.argmin(val.value[early])])
    lowest, (end, error) = float(val.value[at]), _end(val)
    rise, doubt = end - lowest, 1.28 * float(np.hypot(error, val.se[at]))
    if rise <= risen.value * lowest:
        return risen
    stretch = (float(val.step[at]), signals.end)
    return Estimate(rise / lowest, (rise - doubt) / lowest, (rise + doubt) / lowest, "share", stretch)


def _end(curve: Smooth) -> tuple[float, float]:
    last = max(1, len(curve.value) // 20)
    return median(curve.value[-last:]), median(curve.se[-last:])


def _shared(signals: Signals, where: float, size: float) -> Measured:
    """(final validation loss - that at the step `where`) / size, where size is the rise of the training loss over the
    same steps, with the standard errors of both levels. Gives up without a validation loss."""
    val = signals.val
    if val is None:
        return signals.absent["val_loss"]
    (end, error), then = _end(val), max(where, float(val.step[0]))
    share, doubt = (end - val.at(then)) / size, 1.28 * float(np.hypot(error, val.se_at(then))) / size
    return Estimate(share, share - doubt, share + doubt, "share", (then, signals.end))
