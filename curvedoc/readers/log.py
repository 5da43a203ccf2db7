"""Log and Series: what a reader hands over, before anybody decided what a tag means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..run import Array, Note


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One tag as logged: `value (n,)` in the order of the file, non-finite points kept, nothing repaired.

    `step (n,)` is the step each point was logged at, `axis` what it counts: "step", "epoch" or "row" (the
    file has no counter). `epoch (n,)` is the epoch of each point where the file tells it beside the step.
    `wall_time (n,)` in seconds.
    """

    tag: str
    step: Array
    value: Array
    axis: str = "step"
    epoch: Array | None = None
    wall_time: Array | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Log:
    """One file, or one of several runs kept in a file (`part` then names it, else "").

    `file` is the path as the caller gave it; `format` the reader's name; `hyper` the hyper-parameters it
    states; `notes` what was skipped or repaired while reading.
    """

    file: str
    format: str
    series: tuple[Series, ...]
    part: str = ""
    hyper: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
