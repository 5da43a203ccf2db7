"""curvedoc, the training-curve doctor: reads training logs, says what is wrong, how sure it is and what to change."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .api import analyze, diagnose, read
    from .monitor import Monitor
    from .report import Diagnosis, Report
    from .run import Curve, Run

__version__ = "0.1.0"
__all__ = ["Curve", "Diagnosis", "Monitor", "Report", "Run", "analyze", "diagnose", "read"]

#: Where each public name lives; it is imported when first used, so that `import curvedoc` costs nothing.
_HOME = {
    "Curve": "run",
    "Diagnosis": "report",
    "Monitor": "monitor",
    "Report": "report",
    "Run": "run",
    "analyze": "api",
    "diagnose": "api",
    "read": "api",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
