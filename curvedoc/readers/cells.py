"""What one printed cell says: a number, a NaN, nothing, or text."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

#: Spellings of "there is no value here". Keras writes NA where an epoch had no validation, pandas a blank.
ABSENT = frozenset({"na", "n/a", "#n/a", "<na>", "none", "null", "nil", "-", "--", "---", "?"})
_NAN = frozenset({"nan", "-nan", "+nan", "nan(ind)", "-nan(ind)", "1.#qnan", "-1.#ind", "1.#ind"})
_INF = {"1.#inf": math.inf, "-1.#inf": -math.inf, "∞": math.inf, "-∞": -math.inf}

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+(?:[eE][-+]?\d+)?")
_UNIT = re.compile(
    rf"({_NUMBER})\s*(%|ms|us|µs|ns|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|[KMGT](?:i?B)?|B|it/s|s/it)"
)
_CLOCK = re.compile(r"(?:(\d+) days?, )?(\d{1,4}):(\d{2})(?::(\d{2}(?:\.\d+)?))?")
_WRAPPED = re.compile(
    r"(?:tensor|array|np\.float\d+|np\.int\d+|float)?[(\[]+\s*([-+]?(?:\d|\.\d|nan|inf)[^,)\]\s]*)[^)]*[)\]]+"
)
_OF = re.compile(r"(\d+)\s*/\s*\d+")
_SECONDS = {"ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9, "m": 60.0, "h": 3600.0, "d": 86400.0}
_TIMES = {"K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


def is_absent(cell: str) -> bool:
    """Whether a stripped cell, not blank, says that there is no value."""
    return cell.lower() in ABSENT


def number(cell: str, decimal_comma: bool = False) -> float | None:
    """The number in a stripped cell, or None when it holds none; NaN and infinities are numbers.

    Percent signs are dropped (67 % is 67), durations become seconds, `tensor(0.3)` is 0.3, an ISO time is
    seconds since 1970, "3/100" is 3.

    >>> number("1e-3"), number("67.5%"), number("01:30"), number("1.3m"), number("tensor(0.25, device='cuda:0')")
    (0.001, 67.5, 90.0, 78.0, 0.25)
    >>> number("0,5", decimal_comma=True), number("12,345.5"), number("nan"), number("SAVE"), number("1_000")
    (0.5, 12345.5, nan, None, None)
    """
    if decimal_comma and _DECIMAL_COMMA.fullmatch(cell):
        return float(cell.replace(",", "."))
    try:
        value = float(cell)
    except ValueError:
        return _unusual(cell)
    return None if "_" in cell else value


def _unusual(cell: str) -> float | None:
    low = cell.lower()
    if low in _NAN:
        return math.nan
    if low in _INF:
        return _INF[low]
    if len(cell) > 80 or not any(c.isdigit() or c in "ni" for c in low):
        return None
    if _THOUSANDS.fullmatch(cell):
        return float(cell.replace(",", ""))
    if match := _UNIT.fullmatch(cell):
        return _scaled(float(match[1]), match[2])
    if match := _CLOCK.fullmatch(cell):
        days, first, second, third = match.groups()
        if third is None:  # fastai prints mm:ss
            return 60.0 * int(first) + int(second)
        return 86400.0 * int(days or 0) + 3600.0 * int(first) + 60.0 * int(second) + float(third)
    if match := _OF.fullmatch(cell):
        return float(match[1])
    if match := _WRAPPED.fullmatch(cell):
        return number(match[1])
    return _moment(cell)


def _scaled(value: float, unit: str) -> float:
    if unit[0] in _TIMES and unit[0].isupper():
        return value * _TIMES[unit[0]]
    if unit in ("%", "B", "it/s", "s/it"):
        return value
    return value * _SECONDS.get(unit, _SECONDS.get(unit[0], 1.0))


def _moment(cell: str) -> float | None:
    if len(cell) < 10 or cell[4:5] not in "-/" or not cell[:4].isdigit():
        return None
    try:
        moment = datetime.fromisoformat(cell.replace("/", "-").replace(",", "."))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
