"""How often did a smaller learning rate help, by the points of the signs that the rate holds the loss up?

    python -m tests.bench.signs PATH...

A PATH is a half of the laboratory. Runs that were lost or diverge are left out, and those whose rate came down, by the
log or the look of the curves: of them the rule does not speak (rules/plateau-needs-decay.together.toml).
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from itertools import pairwise
from pathlib import Path

from curvedoc.api import read
from curvedoc.estimate import Estimate
from curvedoc.run import Context
from curvedoc.vitals import measure

from .labelled import Case, load

#: Labels that a smaller rate proves, and those that are no question of it any more.
SMALLER = {"plateau_needs_decay", "lr_too_high"}
LOST = {"nan_explosion", "diverging"}
EDGES = (0.0, 0.40, 0.50, 0.55, 0.60, 0.70, 1.001)


def points(case: Case) -> float | None:
    """`rate.lifts` of a case; None where it cannot be measured or is not asked."""
    vitals = measure(read(case.logs[0])[0], Context())[0].run.vitals
    lifts, held = vitals["rate.lifts"], vitals["rate.held"]
    decayed = isinstance(held, Estimate) and held.value < 0.2
    return lifts.value if isinstance(lifts, Estimate) and not decayed and case.label not in LOST else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", type=Path)
    runs: Counter[float] = Counter()
    helped: Counter[float] = Counter()
    with tempfile.TemporaryDirectory() as room:
        for case in (case for path in parser.parse_args().paths for case in load(path, Path(room))):
            if (found := points(case)) is not None:
                low = max(edge for edge in EDGES if edge <= found)
                runs[low] += 1
                helped[low] += bool(SMALLER & {case.label, *case.acceptable})
    for low, high in pairwise(EDGES):
        print(f"{low:.2f} to {min(high, 1.0):.2f}: a smaller rate helped {helped[low]} of {runs[low]}")


if __name__ == "__main__":
    main()
