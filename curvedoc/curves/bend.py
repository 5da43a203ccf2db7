"""Where did a steep straight descent turn into a slow straight one: the mark of a rate that was cut before any rest?

The slope of a loss is the rate times the squared gradient, so that a rate that is cut while the loss still falls well
breaks its descent into two straight pieces whose slopes differ as the rates do. A power law or an exponential has no
such corner: it bends everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..run import Array
from .extrapolate import law_misfit

#: Fewest points, and the part of the run behind which a corner is no early one.
FEWEST, LATEST = 8, 0.35
#: Every corner is tried on every point, so that of long curves this many are looked at, evenly chosen.
ENOUGH = 120
#: The misfit of the best decay law must be CORNER times that of the two lines; a cut by a factor of LEAST to MOST is
#: told, and what falls behind it is at least SLOW of the last loss. ROUND is the part of the run on each side of a
#: corner that is looked at for roundness. Of 1,300 public runs without a cut two have such a corner, and no
#: healthy run of the laboratory.
CORNER, LEAST, MOST, SLOW, ROUND = 6.0, 3.0, 30.0, 0.2, 0.05


@dataclass(frozen=True, slots=True)
class Bend:
    """The step of the corner and the slope behind it over that before."""

    at: float
    factor: float


def loss_bend(step: Array, value: Array) -> Bend | None:
    """The corner between two straight descents, None where a decay law fits nearly as well, or there is none.

    `step`, `value` (n,) finite, of a loss without the noise of batches; n >= FEWEST.

    >>> t = np.arange(20.0)
    >>> found = loss_bend(t, 1 + np.where(t < 4, 2 - 0.4 * t, 0.4 - 0.04 * (t - 4)))
    >>> found.at, round(found.factor, 3)
    (4.0, 0.1)
    >>> loss_bend(t, (t + 1) ** -0.5) is None
    True
    """
    thin = slice(None, None, 1 + len(value) // ENOUGH)
    step, value = step[thin], value[thin]
    n = len(value)
    if n < FEWEST or not step[-1] > step[0]:
        return None
    x = (step - step[0]) / (step[-1] - step[0])
    best, found = np.inf, None
    for at in range(1, n - 4):
        if x[at] > LATEST:
            break
        parts = np.stack([np.ones(n), x - x[at], np.maximum(0.0, x[at] - x)], 1)
        fit = np.linalg.lstsq(parts, value, rcond=None)[0]
        rest = value - parts @ fit
        if (misfit := float((rest**2).sum())) < best:
            best, found = misfit, (at, -float(fit[1]), float(fit[2]), np.abs(rest))
    if found is None:
        return None
    at, late, more, rest = found
    early = late + more
    slow = late * (1 - x[at]) >= SLOW * abs(float(value[-1]))
    if not (slow and LEAST * late <= early <= MOST * late):
        return None
    # Where many points show that the descent goes round the corner slowly, the lines miss it there: no cut.
    near = np.abs(x - x[at]) < ROUND
    if near.sum() >= FEWEST and rest[near].mean() > 1.5 * rest[~near].mean():
        return None
    # Lines through values without any noise fit exactly: nothing over nothing is no corner.
    least = 1e-9 * float(np.ptp(value)) ** 2
    return Bend(float(step[at]), late / early) if law_misfit(x, value) + least > CORNER * (best + least) else None
