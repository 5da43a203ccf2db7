"""Where was the rate cut, when nobody logged it and the size of the updates shows it?"""

from __future__ import annotations

import numpy as np

from ..run import Array

#: A cut takes a factor of 2 to 200: less is a bend of the gradients, more is a network without any gradient.
LEAST, MOST = 2.0, 200.0
#: Points before and behind a cut that must stand, and the most that are looked at.
BEFORE, BEHIND, NEAR = 2, 4, 6
#: How far apart the falls of the layers may lie, as a share of their median, in logarithms.
APART = 0.25
#: What must be done of the fall in one interval, and how many standard deviations of any other interval's change it
#: must be: gradients change over many.
SHARP, FIRM = 0.75, 6.0
#: More cuts than that are no schedule but rough curves.
CUTS = 4


def shared_cuts(step: Array, size: Array) -> list[tuple[float, float, float, float]]:
    """Cuts that all layers show at once: their updates fall by one factor within one logged interval, and stay.

    An update is the rate times something that the layers do not share, their own gradients and (for Adam) moments:
    only the rate moves all of them by the same factor in the same step. `step` (n,), `size` (layers, n), positive and
    finite. Each cut is the first logged step behind it and the factor that is left: low, median and high over the
    layers (the middle 80 %). [] with fewer than two layers or seven points, and where nothing, or too much, looks
    like a cut.

    >>> step = np.arange(20.0)
    >>> size = np.array([[1e-3], [2e-2], [5e-3]]) * np.where(step < 8, 1.0, 0.1)
    >>> [tuple(round(x, 6) for x in cut) for cut in shared_cuts(step, size)]
    [(8.0, 0.1, 0.1, 0.1)]
    """
    layers, n = size.shape
    if layers < 2 or n < BEFORE + BEHIND:
        return []
    size = np.log(size)
    fell = -np.diff(size, axis=1).mean(0)
    usual = float(np.median(np.abs(fell))) / 0.6745
    found = []
    for at in np.flatnonzero(fell > max(SHARP * np.log(LEAST), FIRM * usual)) + 1:
        if BEFORE <= at <= n - BEHIND and (factor := _factor(size, int(at))) is not None:
            found.append((float(step[at]), *factor))
    return found if len(found) <= CUTS else []


def _factor(size: Array, at: int) -> tuple[float, float, float] | None:
    """The factor by which all layers fell at a point, None where they did not fall as one."""
    before, behind = size[:, at - BEFORE : at], size[:, at : at + NEAR]
    high, low = np.median(before, 1), np.median(behind, 1)
    fall, halfway = high - low, ((high + low) / 2)[:, None]
    middle = float(np.median(fall))
    if not np.log(LEAST) <= middle <= np.log(MOST) or float(np.ptp(fall)) > APART * middle:
        return None
    apart = bool((before > halfway).all() and (behind < halfway).all())
    sharp = float(np.median(size[:, at - 1] - size[:, at])) >= SHARP * middle
    ends = np.exp(-np.quantile(fall, (0.9, 0.5, 0.1)))
    return (float(ends[0]), float(ends[1]), float(ends[2])) if apart and sharp else None
