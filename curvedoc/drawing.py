"""What of a run can be drawn? Its curves thinned, where they were heading, and the axes that its log tells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .curves.extrapolate import extrapolate_to
from .curves.order import all_finite
from .curves.smooth import smooth
from .curves.steep import line_to_draw
from .curves.thin import thin
from .report import Clock, Diagnosis, Drawn, Trend
from .run import Array, Run, role_of
from .vitals import Signals
from .vitals.signals import FEWEST, alive

#: Roles drawn in the report, in this order; layered roles are drawn per layer.
_DRAWN = (
    *("train_loss", "val_loss", "train_accuracy", "val_accuracy", "val_metric", "val_metric_lower"),
    *("lr", "grad_norm", "other_loss", "reward"),
)
#: Losses and rewards that are no measure of progress are drawn side by side, this many at most.
_SEVERAL = {"other_loss": 6, "reward": 6}
_DRAWN_LAYERED = ("update_ratio", "dead_share")
#: Points of a curve that are kept to be drawn: as many as a wide screen has columns, and few enough that a
#: thousand runs fit into memory. Of each stretch first, last, lowest and highest are among them, so that the
#: line covers the same pixels as the whole curve (M4: Jugel et al. 2014).
_POINTS = 800
_KNOTS = 48  # points of another axis: a job's pace is that of its machine, and changes rarely
_AHEAD = 12  # places at which a trend is drawn on; it is smooth


def drawn(run: Run, signals: Signals) -> tuple[Drawn, ...]:
    """The curves of a run thinned, with the lines that the vitals were measured on where they were smoothed."""
    smoothed = {
        "train_loss": signals.train,
        "val_loss": signals.val,
        "train_accuracy": signals.train_accuracy,
    }
    keys = [key for key in _DRAWN if key in run.curves]
    keys += [key for key in run.curves if role_of(key)[0].name in _DRAWN_LAYERED]
    found = []
    steps: dict[tuple[float, ...], tuple[float, ...]] = {}  # curves that were logged together share their steps
    for key, curve in ((k, c) for k in keys for c in run.curves[k][: _SEVERAL.get(k, 1)]):
        x, y = thin(curve.step, curve.value, _POINTS)
        at = tuple(x.tolist())
        lost = curve.step[:0] if all_finite(curve.value) else curve.step[~np.isfinite(curve.value)]
        line = smoothed.get(key) if curve is run.curves[key][0] else None
        percent = 100.0 if curve.unit == "percent" else 1.0
        found.append(
            Drawn(
                key,
                curve.tag or key,
                steps.setdefault(at, at),
                tuple(y.tolist()),
                () if line is None else tuple(line.step.tolist()),
                () if line is None else tuple((line_to_draw(line) * percent).tolist()),
                tuple(lost[:50].tolist()),
                len(curve),
                len(lost),
            )
        )
    return tuple(found)


def trends(run: Run, signals: Signals, diagnoses: Sequence[Diagnosis]) -> tuple[Trend, ...]:
    """Where the training loss was heading before each drop of the rate that a finding speaks of."""
    curve = run.get("train_loss")
    drops = {d.subject.name for d in diagnoses if d.subject.kind == "lr_drop" and not d.possible}
    if curve is None or signals.schedule is None or not drops:
        return ()
    warm = signals.schedule.warmup_until
    found = []
    for drop in (step for step in signals.schedule.drops if f"{step:.0f}" in drops):
        before = alive(curve.value) & (curve.step < drop)
        before &= curve.step >= (signals.begin if warm is None else warm)
        if before.sum() < FEWEST or not signals.end > drop:
            continue
        past = smooth(curve.step[before], curve.value[before])
        ahead = np.linspace(drop, signals.end, _AHEAD)
        band = extrapolate_to(past.step, past.value, ahead.tolist(), float(np.median(past.se)))
        value, low, high = (tuple(column) for column in zip(*band, strict=True))
        says = f"where the training loss was heading before {run.axis} {drop:.0f}"
        found.append(Trend("train_loss", says, tuple(ahead.tolist()), value, low, high))
    return tuple(found)


def clocks(run: Run) -> tuple[Clock, ...]:
    """Epochs and hours beside the run's own axis, as far as the log tells them."""
    clocks = []
    counted = run.get("epoch")
    ends = [c[0].step[[0, -1]] for c in run.curves.values() if len(c[0])]
    first, last = (min(e[0] for e in ends), max(e[1] for e in ends)) if ends else (0.0, 0.0)
    if run.axis == "step" and counted is not None and len(counted) > 1 and np.isfinite(counted.value).all():
        clocks.append(_clock("epoch", counted.step, counted.value))
    elif run.axis == "step" and run.steps_per_epoch and last > first:
        clocks.append(_clock("epoch", np.array([first, last]), np.array([first, last]) / run.steps_per_epoch))
    timed = [c[0] for c in run.curves.values() if c[0].wall_time is not None and len(c[0]) > 1]
    if timed:
        curve = max(timed, key=len)
        assert curve.wall_time is not None
        hours = (curve.wall_time - curve.wall_time[0]) / 3600
        if np.isfinite(hours).all() and hours[-1] > 0:
            clocks.append(_clock("hours", curve.step, hours))
    return tuple(clocks)


def _clock(name: str, step: Array, value: Array) -> Clock:
    """The axis through a few of its points; it never runs backwards, whatever a resumed job's clock did."""
    kept = np.unique(np.linspace(0, len(step) - 1, _KNOTS).round().astype(int))
    return Clock(name, tuple(step[kept].tolist()), tuple(np.maximum.accumulate(value)[kept].tolist()))
