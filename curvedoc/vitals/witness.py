"""Which logged curve shows the slow trend of the descent with the least doubt?"""

from __future__ import annotations

import numpy as np

from ..curves.smooth import Smooth
from ..curves.trend import fall
from .signals import Signals

#: A validation loss must know the trend this much better than the training loss to speak in its place.
CLEARER = 0.75
#: It must not stand further above the training loss than this share: what overfits no longer follows the descent.
NEAR = 0.35
#: Points in the second half without which a line says little: three of them have one residual only.
FEWEST = 4


def witness(signals: Signals) -> Smooth | None:
    """The smoothed training loss, or the validation loss where it tells the same story with half of the doubt.

    Losses of single batches are so noisy that a plateau of hundreds of steps cannot be told from a slow fall; a
    validation loss is the mean over a whole set. It stands in for the training loss while it lies near it and the two
    falls along the second half agree within two standard errors; None when no training loss was logged.
    """
    train, val = signals.train, signals.val
    if train is None or val is None or signals.lost_at is not None:
        return train
    begin, end = signals.begin + 0.5 * signals.length, signals.end
    if min(_points(train, begin), _points(val, begin)) < FEWEST:
        return train
    level, other = abs(float(train.value[-1])), abs(float(val.value[-1]))
    if max(level, other) <= 0 or abs(other - level) > NEAR * max(level, other):
        return train
    (fell, error), (val_fell, val_error) = (fall(c.step, c.points, begin, end) for c in (train, val))
    agree = abs(fell - val_fell) <= 2 * float(np.hypot(error, val_error))
    return val if agree and val_error < CLEARER * error else train


def _points(curve: Smooth, begin: float) -> int:
    return int((curve.step >= begin).sum())
