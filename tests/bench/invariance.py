"""Does the leading diagnosis stay when the log is written differently?

    python -m tests.bench.invariance PATH... [--changed] [--healthy]

Every run that the paths hold (labelled cases as in tests.bench.truth, or any logs) is judged as it is and under
three changes that leave its illness as it was: all steps times 3.7 (another unit), every second point of each
curve dropped, noise with a standard deviation of 5 % of each curve's robust range added. Prints how often the
leading diagnosis is the same, and how often it is with another name but the same label.

Half of eight validations, of three spikes or of two accuracies is less than half of what they told: beside the plain
change stands one that halves only curves that are still curves afterwards (DENSE points and more before).

With --healthy it asks of the runs that are labelled healthy how many get a warning, as they are and under more changes
that make no run ill: other draws of the noise, every third point, the first and last points left out.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from curvedoc.api import find
from curvedoc.engine import judge
from curvedoc.errors import CurvedocError
from curvedoc.rulebook import load_rules
from curvedoc.run import Curve, Run

from . import labelled
from .labelled import LABEL_OF

#: No power of ten or two, so that no rounding can hide behind it.
SCALE = 3.7
#: Standard deviation of the noise that is added, in shares of the range that the middle 80 % of the points span.
NOISE = 0.05
#: Points of a curve from which every second one tells the same story: what lasts a twentieth of the run keeps one.
DENSE = 40
#: Quantities that a schedule sets, exactly: noise in them would be another schedule.
_EXACT = ("lr", "epoch", "step")


def rescaled(run: Run) -> Run:
    """The same run on an axis that counts in another unit."""
    per_epoch = None if run.steps_per_epoch is None else run.steps_per_epoch * SCALE
    return replace(_each(run, lambda _, c: replace(c, step=c.step * SCALE)), steps_per_epoch=per_epoch)


def thinned(run: Run, least: int = 0) -> Run:
    """Every second point of each curve of at least so many."""

    def half(_: str, c: Curve) -> Curve:
        if len(c) < least:
            return c
        clock = None if c.wall_time is None else c.wall_time[::2]
        return replace(c, step=c.step[::2], value=c.value[::2], wall_time=clock)

    return _each(run, half)


def every_third(run: Run, since: int) -> Run:
    """Every third point of each curve that has as many, from one of the first three on."""

    def third(_: str, c: Curve) -> Curve:
        return c if len(c) <= since else replace(c, step=c.step[since::3], value=c.value[since::3], wall_time=None)

    return _each(run, third)


def between(run: Run, begin: float, end: float) -> Run:
    """What was logged between two shares of the run, without curves that have no point there."""
    steps = np.concatenate([c[0].step for c in run.curves.values()])
    low, high = (float(steps.min()) + share * float(np.ptp(steps)) for share in (begin, end))

    def inside(_: str, c: Curve) -> Curve:
        kept = (c.step >= low) & (c.step <= high)
        return replace(c, step=c.step[kept], value=c.value[kept], wall_time=None)

    whole = _each(run, inside).curves
    return replace(run, curves={key: several for key, several in whole.items() if len(several[0])})


def noisier(run: Run, seed: int = 0) -> Run:
    """Normal noise on every measured curve; counts and shares keep their bounds."""
    rng = np.random.default_rng(seed)

    def add(key: str, curve: Curve) -> Curve:
        finite = curve.value[np.isfinite(curve.value)]
        if key in _EXACT or len(finite) < 2:
            return curve
        low, high = np.quantile(finite, (0.1, 0.9))
        value = curve.value + NOISE * (high - low) * rng.standard_normal(len(curve))
        # A loss, a ratio or a share that never goes below zero is a quantity that cannot.
        return replace(
            curve,
            value=np.where(np.isfinite(value), np.maximum(value, 0.5 * finite.min()), curve.value)
            if finite.min() >= 0
            else value,
        )

    return _each(run, add)


CHANGES: Mapping[str, Callable[[Run], Run]] = {
    "steps rescaled": rescaled,
    "every second point": thinned,
    "noise of 5 %": noisier,
    f"every second of {DENSE}": lambda run: thinned(run, DENSE),
}
#: More of them that make no healthy run ill.
HARMLESS: Mapping[str, Callable[[Run], Run]] = {
    "as it is": lambda run: run,
    **CHANGES,
    **{f"noise, draw {seed}": lambda run, seed=seed: noisier(run, seed) for seed in range(1, 6)},
    **{f"every third from {since + 1}": lambda run, since=since: every_third(run, since) for since in range(3)},
    "first 3 % left out": lambda run: between(run, 0.03, 1.0),
    "last 5 % left out": lambda run: between(run, 0.0, 0.95),
}


def leading(run: Run) -> str:
    """The rule that leads, or "none"."""
    report = judge(run, load_rules())
    return report.leading.rule if report.leading is not None else "none"


def compare(runs: Iterable[Run]) -> dict[str, list[tuple[str, str, str]]]:
    """(run, leading diagnosis, leading diagnosis after the change) under each change."""
    found: dict[str, list[tuple[str, str, str]]] = {name: [] for name in CHANGES}
    for run in runs:
        before = leading(run)
        for name, change in CHANGES.items():
            found[name].append((run.name, before, leading(change(run))))
    return found


def main() -> None:
    """The shares, per change."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--changed", action="store_true", help="list the runs whose leading diagnosis changed")
    parser.add_argument("--healthy", action="store_true", help="count warnings on healthy runs, and name them")
    given = parser.parse_args()
    for path in given.paths:
        if given.healthy:
            with tempfile.TemporaryDirectory() as room:
                _alarms(path, _runs(path, Path(room), "healthy"))
            continue
        with tempfile.TemporaryDirectory() as room:
            found = compare(_runs(path, Path(room)))
        number = len(next(iter(found.values())))
        print(f"\n=== {path}: {number} runs")
        for name, triples in found.items():
            same = sum(a == b for _, a, b in triples)
            kin = sum(LABEL_OF.get(a, a) == LABEL_OF.get(b, b) for _, a, b in triples)
            moved = Counter(f"{a} -> {b}" for _, a, b in triples if a != b)
            told = ", ".join(f"{what} {n}" for what, n in moved.most_common(5))
            print(f"{name:20} same {same / max(1, number):.3f}   same label {kin / max(1, number):.3f}   {told}")
            if given.changed:
                print("\n".join(f"    {run}: {a} -> {b}" for run, a, b in triples if a != b))


def _alarms(path: Path, runs: Sequence[Run]) -> None:
    print(f"\n=== {path}: {len(runs)} healthy runs")
    for name, change in HARMLESS.items():
        told = [f"{run.name} {lead}" for run in runs if (lead := leading(change(run))) != "none"]
        print(f"{name:20} {len(told):3} warned   {', '.join(told)}")


def _runs(path: Path, room: Path, label: str = "") -> list[Run]:
    """The first run of every labelled case (of one label, if it is given), or every run of a path without labels."""
    try:
        cases = labelled.load(path, room)
    except ValueError:
        return list(find(str(path)).runs)
    runs = []
    for case in cases:
        if label and case.label != label:
            continue
        try:
            runs += [replace(run, name=case.name) for run in find([str(log) for log in case.logs]).runs[:1]]
        except CurvedocError as error:
            print(f"{case.name}: {error}")
    return runs


def _each(run: Run, change: Callable[[str, Curve], Curve]) -> Run:
    curves = {key: tuple(change(key, curve) for curve in several) for key, several in run.curves.items()}
    return replace(run, curves=curves)


if __name__ == "__main__":
    main()
