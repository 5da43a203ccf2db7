"""Logs of the tags that a test names, and the roles that they get."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from curvedoc.readers.log import Log, Series
from curvedoc.roles import Claim, assign

#: Points of a series whose values a test does not name.
N = 20


def series(tag: str, value: object = None, step: object = None, axis: str = "step") -> Series:
    values = np.asarray(np.linspace(2.0, 0.5, N) if value is None else value, float)
    steps = np.arange(1.0, len(values) + 1) if step is None else np.asarray(step, float)
    return Series(tag, steps, values, axis)


def log(*tags: str | Series, file: str = "run/metrics.csv", format: str = "CSV or TSV", part: str = "") -> Log:
    return Log(file, format, tuple(t if isinstance(t, Series) else series(t) for t in tags), part)


def claims(*logs: Log, overrides: Mapping[str, str] = {}) -> dict[str, Claim]:
    return {c.series.tag: c for c in assign(logs, overrides)}


def roles(*logs: Log) -> dict[str, str | None]:
    return {tag: claim.role for tag, claim in claims(*logs).items()}
