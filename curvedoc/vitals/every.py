"""Which points of curves of millions are measured? Every k-th: as many as any vital can use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ..curves.order import all_finite
from ..run import Array, Curve, Run

#: Curves up to this length are measured whole. A smoothed curve has 240 bins, spikes are looked for in 1,500, noise is
#: known to 1 % from 20,000 points: ten times as many leave every estimate where it is.
LONG = 200_000
#: Of a run whose longest curve is thinned, curves above this length are, too: those logged together stay together.
BESIDE = LONG // 2
#: The first points are kept whatever their number: what the untrained network and its first steps did is seen there.
FIRST = 240


def thinned(run: Run) -> Run:
    """The run with the first points, every k-th behind them and the last of each long curve.

    Every k-th point has the level and the noise of all of them; means over k points would have another noise. All
    curves of a run share k, so that what was logged twice as often as something else still is. A curve with a point
    that is no number is kept whole: each of them counts. The run itself where no curve has 2 LONG points.
    """
    longest = max((len(c) for curves in run.curves.values() for c in curves), default=0)
    every = longest // LONG
    if every < 2:
        return run
    steps: dict[int, Array] = {}  # curves that were logged together share their steps
    curves: Mapping[str, tuple[Curve, ...]] = {
        role: tuple(_every(c, every, steps) for c in curves) for role, curves in run.curves.items()
    }
    return replace(run, curves=curves)


def _every(curve: Curve, every: int, steps: dict[int, Array]) -> Curve:
    if len(curve) <= BESIDE or not all_finite(curve.value):
        return curve
    at = np.concatenate([np.arange(FIRST), np.arange(FIRST, len(curve) - 1, every), [len(curve) - 1]])
    if (step := steps.get(id(curve.step))) is None:
        step = steps[id(curve.step)] = curve.step[at]
    wall = None if curve.wall_time is None else curve.wall_time[at]
    return replace(curve, step=step, value=curve.value[at], wall_time=wall)
