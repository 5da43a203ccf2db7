"""Do two logs tell the same curves?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from .roles import Claim
from .run import Array

#: What a run is recognized by; rates, times and training metrics repeat from run to run.
_TELLING = frozenset(
    (
        *("train_loss", "val_loss", "test_loss", "train_accuracy", "val_accuracy", "val_metric", "val_metric_lower"),
        *("train_loss_part", "val_loss_part", "reward", "other_loss", "grad_norm"),
    )
)
_CLOSE = 5e-3  # of a curve's spread: how far two roundings of one curve may be apart
_EVIDENCE = 10  # points that must agree before two logs are taken for one run


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprint:
    """A curve that a run can be recognized by: `value (n,)`, the first finite one, and their standard deviation."""

    value: Array
    first: float
    spread: float


def fingerprints(claims: Iterable[Claim]) -> list[Fingerprint]:
    """The curves among some claims that tell runs apart: losses and metrics with three different values."""
    found = []
    for claim in claims:
        if claim.role in _TELLING:
            value = claim.series.value
            finite = value[np.isfinite(value)]
            if len(finite) >= 3 and len(np.unique(finite[:1000])) >= 3:
                found.append(Fingerprint(value, float(finite[0]), float(np.std(finite))))
    return found


def same(one: Sequence[Fingerprint], other: Sequence[Fingerprint], *, whole: bool = False) -> bool:
    """Whether the curves of one log agree with curves of the other: two of them or all there are, in ten points.

    A curve may be the beginning of another, and rounded; with `whole`, all agree from the first point to the last.
    """
    points = [n for a in one if (n := max((_agreeing(a, b) for b in other), default=0))]
    if whole and points != [len(a.value) for a in one]:
        return False
    return len(points) >= min(2, len(one), len(other)) and sum(points) >= _EVIDENCE


class Index:
    """Finds the logs with a curve that begins as one of a given log does, without comparing all with all."""

    def __init__(self, logs: Sequence[Sequence[Fingerprint]]) -> None:
        self.logs = logs
        entries = sorted((curve.first, k) for k, curves in enumerate(logs) for curve in curves)
        self.first, self.log = np.array([e[0] for e in entries]), [e[1] for e in entries]

    def like(self, k: int) -> list[int]:
        """The numbers of the logs that begin like log number `k`, itself left out."""
        found: dict[int, None] = {}
        for curve in self.logs[k]:
            reach = _CLOSE * curve.spread
            low, high = np.searchsorted(self.first, [curve.first - reach, curve.first + reach])
            found.update(dict.fromkeys(self.log[low : high + 1]))
        return [other for other in found if other != k]


def _agreeing(one: Fingerprint, other: Fingerprint) -> int:
    """Length of the shorter of two curves when the longer begins with it and is at most twice as long, else 0."""
    close = _CLOSE * max(one.spread, other.spread)
    n = min(len(one.value), len(other.value))
    if abs(one.first - other.first) > close or n < max(len(one.value), len(other.value)) / 2:
        return 0
    a, b = one.value[:n], other.value[:n]
    finite = np.isfinite(a)
    if not finite.any() or not np.array_equal(finite, np.isfinite(b)):
        return 0
    return n if float(np.abs(a[finite] - b[finite]).max()) <= close else 0
