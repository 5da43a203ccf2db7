"""What is one vital of a run?"""

from __future__ import annotations

from curvedoc.estimate import Estimate
from curvedoc.run import Context, Run
from curvedoc.vitals import Measured, Missing, measure


def vital(made: Run, name: str, **context: object) -> Measured:
    """The vital as it was measured or missed, by what the caller knows."""
    return measure(made, Context(**context))[0].run.vitals[name]  # type: ignore[arg-type]


def value(made: Run, name: str, **context: object) -> Estimate:
    """The vital of a run in which it is measured."""
    found = vital(made, name, **context)
    assert isinstance(found, Estimate), found
    return found


def missing(made: Run, name: str) -> Missing:
    """The reason why a vital could not be measured."""
    found = vital(made, name)
    assert isinstance(found, Missing), found
    return found
