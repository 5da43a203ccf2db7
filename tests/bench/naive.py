"""What would simple thresholds on the raw curves say? The yardstick that every measurement must beat.

Each line is what people write first: the last value against the lowest, the first tenth against the last,
a learning rate that fell early. No smoothing, no noise, no doubt; thresholds are round numbers.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from curvedoc.run import Run

Array = npt.NDArray[np.float64]


def labels(run: Run) -> list[tuple[str, float | None]]:
    """Labels with their onset in the run's own steps, the most urgent first; none reads as healthy."""
    train, val = run.get("train_loss"), run.get("val_loss")
    found: list[tuple[str, float | None]] = []
    for curve in (train, val):
        if curve is not None and not np.isfinite(curve.value).all():
            return [("nan_explosion", float(curve.step[np.argmin(np.isfinite(curve.value))]))]
    ratios = [float(np.median(c.value)) for c in run.layers("update_ratio").values()]
    if ratios and (max(ratios) > 1e-2 or min(ratios) < 1e-4):
        found.append(("update_ratio_anomaly", None))
    if any(c.value[-1] > 0.9 for c in run.layers("dead_share").values()):
        found.append(("dead_relu", None))
    if train is not None and len(train) >= 5:
        found += _descent(train.step, train.value)
    if val is not None and len(val) >= 3:
        if val.value[-1] > 1.05 * val.value.min():
            found.append(("overfitting", float(val.step[np.argmin(val.value)])))
        if np.std(np.diff(val.value)) > 0.1 * abs(float(np.mean(val.value))):
            found.append(("val_too_small", None))
    accuracy = run.get("train_accuracy")
    if accuracy is not None and accuracy.value[-1] < (90 if accuracy.unit == "percent" else 0.9):
        found.append(("underfitting", None))
    rate = run.get("lr")
    if rate is not None and len(rate) >= 3:
        cut = np.flatnonzero((rate.value[1:] < 0.6 * rate.value[:-1]) & (rate.step[1:] < 0.4 * rate.step[-1]))
        if len(cut):
            found.append(("decay_too_early", float(rate.step[cut[0] + 1])))
    if train is not None and len(train) >= 10 and not found:
        found += _ending(train.step, train.value)
    return found


def _descent(step: Array, value: Array) -> list[tuple[str, float | None]]:
    found: list[tuple[str, float | None]] = []
    if value[-1] > value[0]:
        found.append(("diverging", float(step[np.argmin(value)])))
    elif value[-1] > 0.95 * value[0]:
        found.append(("no_learning", None))
    early = value[: max(2, len(value) // 10)]
    if early[-1] > 0.98 * early[0] and value[-1] < 0.5 * value[0]:
        found.append(("bad_init", float(step[0])))
    jump = np.flatnonzero(value[1:] > 2 * value[:-1])
    if len(jump):
        found.append(("loss_spikes", float(step[jump[0] + 1])))
    return found


def _ending(step: Array, value: Array) -> list[tuple[str, float | None]]:
    """Flat or falling at the end: the last fifth against the one before it."""
    fifth = len(value) // 5
    before, last = float(value[-2 * fifth : -fifth].mean()), float(value[-fifth:].mean())
    if last < 0.95 * before:
        return [("still_improving", None)]
    if last > 0.99 * before:
        return [("plateau_needs_decay", float(step[-2 * fifth]))]
    return []
