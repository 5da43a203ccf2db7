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
        if not type(self.value) is type(self.low) is type(self.high) is float:
            for name in ("value", "low", "high"):
                object.__setattr__(self, name, float(getattr(self, name)))
        if self.steps is not None:
            object.__setattr__(self, "steps", (float(self.steps[0]), float(self.steps[1])))
        if self.unit not in UNITS:
            raise ValueError(f"unknown unit {self.unit!r}, not one of {', '.join(UNITS)}")
        if not self.low <= self.value <= self.high:
            if math.isnan(self.value) or math.isnan(self.low) or math.isnan(self.high):
                raise ValueError("an Estimate cannot be NaN: leave the vital out and say why")
            raise ValueError(f"interval {self.low} .. {self.high} does not hold {self.value}")

    def __str__(self) -> str:
        return show(self.value, self.unit)


def exact(value: float, unit: str = "", steps: tuple[float, float] | None = None) -> Estimate:
    """An Estimate without doubt: a count, a logged hyper-parameter, a step at which a NaN stands."""
    return Estimate(value, value, value, unit, steps)


#: Ratios and numbers of deviations beyond this say no more than that it is large.
_LARGE = 1000


def show(value: float, unit: str = "") -> str:
    """A number as a person writes it: at most three figures but for a count, the unit behind it.

    >>> show(0.4213, "share"), show(12345.0, "step"), show(0.00031234, "loss"), show(2.34, "times")
    ('42 %', '12345', '0.000312', '2.3x')
    >>> show(-2.96, "log10"), show(-0.7, "log10"), show(4371.2), show(34.5, "step"), show(56833.8, "sd")
    ('1.1e-3', '0.2', '4370', '34', 'over 1000')
    """
    if not math.isfinite(value):
        return "infinity" if value > 0 else "-infinity" if value < 0 else "NaN"
    if unit == "share":
        percent = 100 * value
        if abs(percent) < 1:
            return f"{percent:.1g} %" if abs(percent) >= 0.001 else "0 %"
        short = f"{percent:.1f}" if abs(percent) < 3 else f"{percent:.0f}" if abs(percent) < 1e4 else f"{percent:.3g}"
        return f"{_plain(short)} %"
    if unit == "epoch" and abs(value) >= 10:
        return _plain(f"{value:.1f}")
    if unit in ("step", "count", "epoch"):
        return f"{value:.0f}" if value == round(value) or abs(value) >= 10 else f"{value:.2g}"
    if unit in ("times", "sd") and abs(value) > _LARGE:
        return ("over " if value > 0 else "below -") + f"{_LARGE}{'x' if unit == 'times' else ''}"
    if unit == "times":
        return f"{value:.2g}x" if abs(value) < 100 else f"{value:.0f}x"
    if unit == "log10":
        return _plain(f"{10**value:.1e}" if abs(value) < 300 else f"1e{value:.0f}")
    if unit == "sd":
        return f"{value:.1f}" if abs(value) < 10 else f"{value:.0f}"
    return _plain(f"{value:.3g}")


def _plain(text: str) -> str:
    """A number in Python's writing without what people leave out: `4.37e+03` is 4370, `2.0e-01` is 0.2."""
    if "e" not in text:
        return text.removesuffix(".0")
    digits, exponent = text.split("e")
    return f"{float(text):g}" if -3 < int(exponent) < 6 else f"{digits}e{int(exponent)}"


#: How a number may be said in a sentence other than as it is: `{gap.of_loss:above}`.
FORMS = ("above", "below", "part", "least")


def said(value: float, unit: str, form: str) -> str:
    """A number in a sentence that fits its sign.

    `above` and `below` turn around below zero, `part` is the part of a whole, from nothing to all of it, and `least`
    is never below zero: what did not happen did not happen by 0 %.

    >>> said(0.04, "share", "above"), said(-0.2, "share", "above"), said(0.0001, "share", "above")
    ('4 % above', '20 % below', 'level with')
    >>> said(-15.2, "share", "above"), said(1.56, "share", "part"), said(-0.3, "share", "least")
    ('far below', '100 %', '0 %')
    """
    if form in ("above", "below"):
        if abs(value) < 0.005:
            return "level with"
        way = "above" if (value > 0) == (form == "above") else "below"
        # A distance of more than the level that it is counted in is no percentage that anybody can picture.
        return f"{show(abs(value), unit) if abs(value) <= 1 else 'far'} {way}"
    return show(min(max(value, 0.0), 1.0) if form == "part" else max(value, 0.0), unit)
