"""Do several weak signs, weighed together, say that the learning rate holds the loss up?

The strongest sign or the weakest part decides elsewhere; here none decides. What a rate that is too high for where the
run stands does to a log is seen a little in many numbers at once, and each of them alone has another cause as well.
"""

from __future__ import annotations

import math

from ..estimate import Estimate, exact
from .chart import Measured, Missing, Vital
from .rate import weigh
from .signals import Signals

VITALS = {
    "rate.lifts": Vital("share", "points of the signs that the rate holds the loss up, over those of all of them"),
    "rate.scatters": Vital("share", "the same by the points of training alone, how wide they scatter among the signs"),
}

#: Points per sign: the coefficients of a logistic regression of "a smaller rate helped" on the graded signs, doubled
#: and rounded, of 498 laboratory runs on 44 tasks whose rate had not come down. Any population of tasks may be left out
#: of it: no sign then gains or loses more than a point (`many` two). How often a smaller rate helped by what they sum
#: to, prints python -m tests.bench.signs tests/lab/tune.tar.xz.
POINTS = {"thrown": 5.0, "jitters": 3.0, "rests": 5.0, "many": 3.0, "unexplained": 2.0, "long": 4.0}
#: The same of 111 runs whose validations are too few to see them leap; tests/bench/signs.py does not print it.
ALONE = {"wide": 4.0, "grown": 2.0, "rests": 3.0, "long": 5.0}


def measure(signals: Signals, found: dict[str, Measured]) -> dict[str, Measured]:
    """Both vitals, put together from what was measured before (`found`)."""
    return {"rate.lifts": _lifts(signals, found), "rate.scatters": _scatters(found)}


def _lifts(signals: Signals, found: dict[str, Measured]) -> Measured:
    """It wants a validation loss whose bounce can be seen, since that is the sign which tells most.

    thrown: validation leaps, from one time to the next, by so much of the first loss; that is what gradient noise does,
    in step with the rate (Smith et al. 2018), where a run that converged moves by a thousandth. jitters: it leaps by so
    much of what is left, of which the leaps then hold up a good part. rests: training gains nothing more, much less
    than before, or came up again. many: validation is a mean over so many examples that it does not leap by itself.
    unexplained: so much of the task is left. long: the stated rate lies near the highest in common use, not a twentieth
    of it, where steps are short for most networks. A sign that cannot be measured counts as it does at the middle of
    the runs that were measured.
    """
    thrown = found.get("val_loss.thrown")
    if not isinstance(thrown, Estimate):
        return thrown or signals.absent.get("val_loss", Missing("no val_loss", ("val_loss",)))
    unrest = found.get("val_loss.unrest")
    if isinstance(unrest, Missing):
        # A bend in a few validations looks like a leap, unless they go up and down.
        return unrest
    signs = {
        "thrown": weigh(_log(thrown), *_logs(0.006, 0.06), 0.0),
        "jitters": weigh(_log(unrest), *_logs(0.015, 0.15), 0.0),
        "rests": _rests(found),
        "many": weigh(_log(found.get("val.counted")), *_logs(50, 200), 0.6),
        "unexplained": weigh(found.get("fit.unexplained"), 0.15, 0.60, 0.35),
        "long": _long(found),
    }
    return exact(_share(signs, POINTS), "share", thrown.steps)


def _scatters(found: dict[str, Measured]) -> Measured:
    """wide: a point of the training loss lies off its trend by so much of the level, of which examples that differ make
    a tenth. grown: it lies no less far off than at the start, though examples that are learned differ less."""
    wide = found.get("batch.scatter")
    if not isinstance(wide, Estimate):
        return wide or Missing("no train_loss", ("train_loss",))
    signs = {
        "wide": weigh(_log(wide), *_logs(0.1, 1.0), 0.0),
        "grown": weigh(_log(found.get("batch.grown")), *_logs(0.5, 2.0), 0.4),
        "rests": _rests(found),
        "long": _long(found),
    }
    return exact(_share(signs, ALONE), "share", wide.steps)


def _rests(found: dict[str, Measured]) -> float:
    flat, kept, climb = (found.get(f"train_loss.{name}") for name in ("flat_for", "pace_kept", "climb_late"))
    return max(weigh(flat, 0.1, 0.6, 0.4), weigh(kept, 0.7, 0.1, 0.5), weigh(climb, -0.5, 0.0, 0.4))


def _long(found: dict[str, Measured]) -> float:
    return weigh(_log(found.get("lr.above_usual")), *_logs(0.05, 0.8), 0.5)


def _share(signs: dict[str, float], points: dict[str, float]) -> float:
    return sum(points[name] * weight for name, weight in signs.items()) / sum(points.values())


def _log(measured: Measured | None) -> Measured | None:
    """Its decimal logarithm, of 1e-9 at least; what is missing stays so."""
    if not isinstance(measured, Estimate):
        return measured
    low, value, high = (math.log10(max(x, 1e-9)) for x in (measured.low, measured.value, measured.high))
    return Estimate(value, low, high)


def _logs(no_at: float, yes_at: float) -> tuple[float, float]:
    return math.log10(no_at), math.log10(yes_at)
