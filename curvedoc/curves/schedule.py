"""Which learning-rate schedule is this?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..run import Array

#: A rate that fell by at least a fifth between two logged points fell in a step: the steepest smooth
#: schedule logged 20 times (cosine) changes by 15 % of its peak between two points.
STEP = 0.8
#: Largest deviation, in shares of the peak, at which a family still counts as the one logged.
CLOSE = 0.03


@dataclass(frozen=True, slots=True)
class ScheduleFit:
    """`kind` of schedule, step at which warm-up ends (None without), `drops` the first steps at a lower
    rate, `error` the largest deviation from the family in shares of the peak."""

    kind: str
    warmup_until: float | None
    drops: tuple[float, ...]
    error: float


def fit_schedule(step: Array, rate: Array) -> ScheduleFit:
    """The family that explains a logged rate, "unknown" rather than a wrong one.

    Kinds: constant, warmup (still rising or held after a rise), step, multi-step, cosine, linear,
    exponential, polynomial, 1/t, inverse-sqrt, wsd, one-cycle, cyclic, restarts, unknown. `step`, `rate` (n,)
    with n >= 1, finite, rate >= 0.

    >>> t = np.arange(100.0)
    >>> fit_schedule(t, np.where(t < 60, 0.1, 0.01)).kind, fit_schedule(t, np.where(t < 60, 0.1, 0.01)).drops
    ('step', (60.0,))
    >>> fit_schedule(t, 1e-3 * 0.5 * (1 + np.cos(np.pi * t / 100))).kind
    'cosine'
    """
    peak = float(rate.max())
    if len(rate) < 3 or peak <= 0 or np.ptp(rate) <= 1e-3 * peak:
        return ScheduleFit("constant", None, (), 0.0)
    share = rate / peak
    top = int(np.argmax(share >= 1 - 1e-3))
    rising = top > 0 and bool((np.diff(share[: top + 1]) >= -1e-3).all())
    warmup = float(step[top]) if rising and share[0] < 1 - 1e-3 else None
    rest_step, rest = step[top:], share[top:]
    if warmup is None:
        rest_step, rest = step, share
    if len(rest) < 3 or np.ptp(rest) <= 1e-3:
        return ScheduleFit("warmup" if warmup is not None else "constant", warmup, (), 0.0)
    change = np.diff(rest)
    ups = np.flatnonzero(change > 0.05)
    if len(ups) or (change > 1e-3).sum() > 1:
        # A restart jumps up within a point; a cycle climbs as it falls.
        climbs = np.maximum.accumulate(rest[::-1])[::-1] - rest
        jumps = change[ups].max() if len(ups) else 0.0
        kind = "restarts" if jumps > 0.5 * climbs.max() else "cyclic" if climbs.max() > 0.2 else "unknown"
        return ScheduleFit(kind, warmup, (), 0.0)
    drops = _drops(rest_step, rest)
    held = float((np.abs(change) <= 1e-4).mean())
    if len(drops) and held >= 0.5:
        return ScheduleFit("step" if _regular(drops, rest_step, rest) else "multi-step", warmup, drops, 0.0)
    kind, error = _family(rest_step, rest)
    if kind == "cosine" and warmup is not None and 0.15 <= (warmup - step[0]) / (step[-1] - step[0]) <= 0.6:
        kind = "one-cycle"
    return ScheduleFit(kind, warmup, (), error)


def _drops(step: Array, share: Array) -> tuple[float, ...]:
    """First steps at a lower rate that is then held; a rate logged in mid-change counts once."""
    fall = share[:-1] - share[1:]
    at = np.flatnonzero((share[1:] < STEP * share[:-1]) & (np.append(fall[1:], np.inf) <= 0.2 * fall)) + 1
    return tuple(float(step[i]) for n, i in enumerate(at) if n == 0 or i - at[n - 1] > 1)


def _regular(drops: tuple[float, ...], step: Array, share: Array) -> bool:
    """Equal factors at equal distances, or a single drop."""
    if len(drops) == 1:
        return True
    gaps = np.diff((step[0], *drops))
    at = np.searchsorted(step, drops)
    factors = share[at] / share[at - 1]
    return bool(np.ptp(gaps) <= 0.1 * gaps.mean() + np.diff(step).max() and np.ptp(factors) <= 0.05)


def _family(step: Array, share: Array) -> tuple[str, float]:
    """The closest smooth family to a falling rate that starts at its peak, and its largest deviation."""
    # A smooth family is as plain in a thousand points as in a million.
    stride = max(1, len(step) // 1000)
    step, share = step[::stride], share[::stride]
    u = (step - step[0]) / (step[-1] - step[0])
    positive = share > 1e-6
    tried: list[tuple[float, str]] = []
    for stretch in (1.0, *np.linspace(1.02, 3.0, 60)):  # the run may end before its schedule does
        shape = 0.5 * (1 + np.cos(np.pi * u / stretch))
        tried.append((_misfit(shape, share), "cosine"))
    tried.append((_misfit(1 - u, share), "linear"))
    for power in (0.5, 0.9, 2.0, 3.0):
        tried += [(_misfit((1 - u / s) ** power, share), "polynomial") for s in (1.0, 1.25, 1.6, 2.0)]
    if positive.all():
        slope = np.polyfit(u, np.log(share), 1)[0]
        tried.append((float(np.abs(np.exp(slope * u) - share).max()), "exponential"))
        inverse = 1 / share - 1
        k = float((inverse * u).sum() / (u * u).sum())
        tried.append((float(np.abs(1 / (1 + k * u) - share).max()), "1/t"))
        squared = 1 / share**2 - 1
        k = float((squared * u).sum() / (u * u).sum())
        tried.append((float(np.abs(1 / np.sqrt(1 + max(0.0, k) * u) - share).max()), "inverse-sqrt"))
    held = int(np.argmax(share < 1 - 1e-3))
    if 0.05 * len(share) < held < len(share) - 2:
        v = np.clip((u - u[held - 1]) / (1 - u[held - 1]), 0, 1)
        if positive.all():
            k = float(((1 / share**2 - 1) * v).sum() / (v * v).sum())
            tried.append((float(np.abs(1 / np.sqrt(1 + max(0.0, k) * v) - share).max()), "inverse-sqrt"))
        tried += [(_misfit(shape, share), "wsd") for shape in (1 - v, 1 - np.sqrt(v), 0.5 * (1 + np.cos(np.pi * v)))]
    # Simple families are tried first; a later one must be clearly closer to replace them.
    error, kind = min(tried, key=lambda t: round(t[0], 3))
    return (kind, error) if error <= CLOSE else ("unknown", error)


def _misfit(shape: Array, share: Array) -> float:
    """Largest deviation after the best floor: share = floor + (1 - floor) * shape."""
    away = 1 - shape
    norm = float((away * away).sum())
    fall = min(1.0, float((away * (1 - share)).sum()) / norm) if norm > 0 else 0.0
    return float(np.abs(1 - fall * away - share).max())
