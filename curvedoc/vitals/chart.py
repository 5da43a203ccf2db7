"""Chart: the vital signs of a run, one row of named Estimates per subject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..estimate import Estimate


@dataclass(frozen=True, slots=True)
class Missing:
    """A vital that cannot be measured: why, and the roles that would have to be logged."""

    why: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vital:
    """What a vital is: the unit of its Estimates and its meaning in a phrase."""

    unit: str
    says: str


#: What a measurement gives for one vital.
Measured = Estimate | Missing


@dataclass(frozen=True, slots=True)
class Row:
    """The vitals of one subject; `name` is the layer, the step of the drop, or "" for the run."""

    name: str
    vitals: Mapping[str, Measured]


@dataclass(frozen=True, slots=True)
class Chart:
    """All vitals of a run: the row of the run itself, one row per learning-rate drop, one per layer; `axis` says
    what a step counts: "step", "epoch" or "row"."""

    run: Row
    lr_drop: tuple[Row, ...] = ()
    layer: tuple[Row, ...] = ()
    axis: str = "step"

    def rows(self, each: str) -> tuple[Row, ...]:
        """The rows of one kind of subject: "run", "lr_drop" or "layer"."""
        return {"run": (self.run,), "lr_drop": self.lr_drop, "layer": self.layer}[each]

    def find(self, row: Row, vital: str) -> Measured | None:
        """A vital of a row, or of the run when the row has none of that name; None for an unknown name."""
        return row.vitals.get(vital) or self.run.vitals.get(vital)
