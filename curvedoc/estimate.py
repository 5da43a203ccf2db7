"""Estimate: a measured number that states its doubt."""

from __future__ import annotations

import math
from dataclasses import dataclass

#: Units a vital may have, and how a reader sees a value of them.
UNITS = ("", "share", "step", "loss", "times", "log10", "count", "sd", "per_run", "epoch")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with a nominal 80 % interval for noise and choice of model.

    `value`, `low`, `high` are in `unit`, one of UNITS; `steps` is the stretch of the run's own steps
    on which the number was measured, or None when it belongs to no place. Raises ValueError for an
    unknown unit, a NaN, or an interval that does not hold its value.

    >>> str(Estimate(0.38, 0.31, 0.45, "share"))
    '38 %'
    >>> Estimate(1.0, 2.0, 3.0)
    Traceback (most recent call last):
    ...
    ValueError: interval 2.0 .. 3.0 does not hold 1.0
    """

    value: float
    low: float
    high: float
    unit: str = ""
    steps: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        for name in ("value", "low", "high"):
            object.__setattr__(self, name, float(getattr(self, name)))
        if self.steps is not None:
            object.__setattr__(self, "steps", (float(self.steps[0]), float(self.steps[1])))
        if self.unit not in UNITS:
            raise ValueError(f"unknown unit {self.unit!r}, not one of {', '.join(UNITS)}")
        if math.isnan(self.value) or math.isnan(self.low) or math.isnan(self.high):
            raise ValueError("an Estimate cannot be NaN: leave the vital out and say why")
        if not self.low <= self.value <= self.high:
            raise ValueError(f"interval {self.low} .. {self.high} does not hold {self.value}")

    def __str__(self) -> str:
        return show(self.value, self.unit)


def exact(value: float, unit: str = "", steps: tuple[float, float] | None = None) -> Estimate:
    """An Estimate without doubt: a count, a logged hyper-parameter, a step at which a NaN stands."""
    return Estimate(value, value, value, unit, steps)


def show(value: float, unit: str = "") -> str:
    """A number as a person writes it: at most three or four figures, the unit behind it.

    >>> show(0.4213, "share"), show(12345.0, "step"), show(0.00031234, "loss"), show(2.34, "times")
    ('42 %', '12345', '0.000312', '2.3x')
    >>> show(-2.96, "log10")
    '1.1e-03'
    """
    if not math.isfinite(value):
        return "infinity" if value > 0 else "-infinity" if value < 0 else "NaN"
    if unit == "share":
        percent = 100 * value
        if 0 < abs(percent) < 1:
            return f"{percent:.1g} %"
        return f"{percent:.1f} %" if abs(percent) < 3 and percent != round(percent) else f"{percent:.0f} %"
    if unit in ("step", "count", "epoch"):
        return f"{value:.0f}" if value == round(value) or abs(value) >= 100 else f"{value:.3g}"
    if unit == "times":
        return f"{value:.2g}x" if abs(value) < 100 else f"{value:.0f}x"
    if unit == "log10":
        return f"{10**value:.1e}" if abs(value) < 300 else f"1e{value:.0f}"
    if unit == "sd":
        return f"{value:.1f}"
    return f"{value:.3g}" if abs(value) < 1e5 else f"{value:.2e}"
