"""What is said of a learning-rate schedule, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass

from .decay import Decay

#: How sure the kinds are, measured by the bench: as many logs of that kind were read rightly, at least.
SURE, LIKELY, EVEN = 0.95, 0.8, 0.6


@dataclass(frozen=True, slots=True)
class ScheduleFit:
    """`kind` of schedule, step at which warmup ends (None without), `drops` the first logged steps at a lower rate,
    `error` the largest deviation from the formula in shares of the fall, `confidence` that the kind is right: below
    0.5 for what was guessed from the loss alone, 0 for unknown."""

    kind: str
    warmup_until: float | None = None
    drops: tuple[float, ...] = ()
    error: float = 0.0
    confidence: float = SURE


UNKNOWN = ScheduleFit("unknown", confidence=0.0)


def named(found: Decay, points: int) -> ScheduleFit:
    """A smooth family that was found, as sure as its points allow."""
    sure = EVEN if not found.clear or points < 6 else SURE if points >= 10 else LIKELY
    return ScheduleFit(found.kind, None, (), found.error, sure)
