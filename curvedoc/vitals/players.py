"""Of two networks that play against each other, has the discriminator won?"""

from __future__ import annotations

import re

import numpy as np

from ..estimate import Estimate, exact
from ..run import Curve
from .chart import Measured, Missing, Vital
from .signals import Signals, alive

VITALS = {
    "discriminator.left": Vital("share", "discriminator's loss in the last fifth of the run over that in the first"),
    "discriminator.won_from": Vital("step", "from where on its loss stays below a tenth of that of the first fifth"),
    "discriminator.won_for": Vital("share", "part of the run behind that step"),
    "generator.risen": Vital("times", "generator's loss in the last fifth of the run over that in the first"),
}

#: Words of a tag that name a player. A critic's loss (Wasserstein) has no zero to fall to, and is left out.
_DISCRIMINATOR = frozenset(("d", "disc", "dis", "discriminator", "netd"))
_GENERATOR = frozenset(("g", "gen", "generator", "netg"))
#: Points in a fifth of the run that give a level.
FEWEST = 3
#: A loss below this share of its early level is as good as won.
WON = 0.1


def measure(signals: Signals) -> dict[str, Measured]:
    """Vitals of a game, from the logged losses of its two players; of several curves the one least won counts.

    Neither loss measures progress, and in a game that goes well neither settles. But a discriminator that is right
    about everything with certainty has a loss of nothing and passes no gradient on: there is no game any more.
    """
    curves = signals.run.curves.get("other_loss", ())
    discriminators = [c for c in curves if _words(c.tag) & _DISCRIMINATOR]
    generators = [c for c in curves if _words(c.tag) & _GENERATOR]
    if not discriminators or not generators:
        return dict.fromkeys(VITALS, Missing("no losses of a discriminator and a generator in the log"))
    left = [level for c in discriminators if (level := _fifths(signals, c)) is not None]
    risen = [level for c in generators if (level := _fifths(signals, c)) is not None]
    if not left:
        why = "no loss of a discriminator that stays above zero has three points in the first and last fifth of the run"
        return dict.fromkeys(VITALS, Missing(why))
    share, low, high, curve, early = max(left, key=lambda level: level[0])
    since = _since(curve, WON * early)
    length = signals.length or 1.0
    found: dict[str, Measured] = {
        "discriminator.left": Estimate(share, low, high, "share", (float(curve.step[0]), float(curve.step[-1]))),
        "discriminator.won_from": exact(since, "step", (since, since)),
        "discriminator.won_for": exact(max(0.0, (float(curve.step[-1]) - since) / length), "share"),
        "generator.risen": Missing("no loss of a generator that stays above zero"),
    }
    if risen:
        times, low, high, *_ = max(risen, key=lambda level: level[0])
        found["generator.risen"] = Estimate(times, low, high, "times")
    return found


def _words(tag: str) -> set[str]:
    return set(re.split(r"[^a-z]+", tag.lower()))


def _fifths(signals: Signals, curve: Curve) -> tuple[float, float, float, Curve, float] | None:
    """Median of the last fifth over that of the first, with the quartiles of the last as its interval; the curve and
    the first median. None where a fifth has too few points, or the loss is not positive."""
    keep = alive(curve.value)
    step, value = curve.step[keep], curve.value[keep]
    fifth = signals.length / 5
    first, last = value[step <= signals.begin + fifth], value[step >= signals.end - fifth]
    if min(len(first), len(last)) < FEWEST or value.min() < 0 or (early := float(np.median(first))) <= 0:
        return None
    low, middle, high = (min(1e6, float(x) / early) for x in np.quantile(last, (0.25, 0.5, 0.75)))
    return middle, low, high, Curve(step, value, tag=curve.tag), early


def _since(curve: Curve, level: float) -> float:
    above = np.flatnonzero(curve.value > level)
    return float(curve.step[min(len(curve) - 1, int(above[-1]) + 1)]) if len(above) else float(curve.step[0])
