"""How often do the stated 80 % intervals hold the truth? Prints it per vital, on curves whose truth is known.

    python -m tests.bench.coverage [--seeds N] [--first SEED] [--vital NAME] [--page]

The curves and their noise are those of `tests.bench.known`, the truths those of `tests.bench.truths`. A vital that
states no doubt (a count) has no interval to check; one without a formula there is listed as such. With `--vital` one
line per family, kind of noise and number of points. With `--page` the table in rules/README.md is written anew, from
seeds that no constant was chosen on.
"""

from __future__ import annotations

import argparse
import itertools
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from curvedoc.curves.extrapolate import extrapolate
from curvedoc.curves.smooth import smooth
from curvedoc.curves.trend import fall
from curvedoc.estimate import Estimate
from curvedoc.rulebook import RULES
from curvedoc.run import Context
from curvedoc.vitals import measure

from .known import DENSE, FAMILIES, LEVELS, NOISES, POINTS, Drawn, Family, draw
from .truths import NO_INTERVAL, line_fall, truths

#: Coverage that an 80 % interval may have, in percent.
BAR = (75.0, 88.0)
#: Kinds of noise whose neighbours are independent.
INDEPENDENT = ("white", "growing", "heavy")
#: The first seed of the runs behind the page: the constants of the measurement were chosen on seeds below 100 and, a
#: few, on those from 1000.
FRESH = 2000
BEGIN, END = "<!-- coverage: begin -->", "<!-- coverage: end -->"


def tools(drawn: Drawn) -> Iterator[tuple[str, float, float, float]]:
    """(name, truth, low, high) of the building blocks behind the vitals, on the training loss."""
    curve, clean = drawn.run.curves["train_loss"][0], drawn.dense("train_loss")
    line = smooth(curve.step, curve.value)
    for name, place in (("start", 0.02), ("middle", 0.5), ("end", 1.0)):
        at = float(np.interp(place, DENSE, drawn.step))
        value, doubt = line.at(at), 1.28 * line.se_at(at)
        yield f"smooth, {name}", float(np.interp(place, DENSE, clean)), value - doubt, value + doubt
    middle, last = (float(np.interp(place, DENSE, drawn.step)) for place in (0.5, 1.0))
    fell, error = fall(line.step, line.points, middle, last)
    yield "fall, second half", line_fall(clean, 0.5, 1.0), fell - 1.28 * error, fell + 1.28 * error
    if drawn.family.law:
        # Twice the budget: the law itself is the truth, beyond what was logged.
        _, low, high = extrapolate(line.step, line.value, 2 * last - float(drawn.step[0]), float(np.median(line.se)))
        yield "extrapolate, 2x budget", float(drawn.family.train(np.array(2.0))), low, high


# ------------------------------------------------------------------------------------------ counting
@dataclass
class Count:
    """Truths within, below and above their intervals."""

    within: int = 0
    below: int = 0
    above: int = 0

    @property
    def all(self) -> int:
        """How many intervals were compared."""
        return self.within + self.below + self.above

    @property
    def percent(self) -> float:
        """Coverage."""
        return 100 * self.within / max(1, self.all)

    def add(self, truth: float, low: float, high: float) -> None:
        """Compare one interval; a part of 1e-9 is rounding."""
        slack = 1e-9 * max(abs(truth), abs(low), abs(high))
        if truth < low - slack:
            self.below += 1
        elif truth > high + slack:
            self.above += 1
        else:
            self.within += 1


Key = tuple[str, str, str, int]


def count(seeds: int, first: int = 0, families: tuple[Family, ...] = FAMILIES) -> tuple[dict[Key, Count], set[str]]:
    """Coverage by (vital, family, noise, points), and the vitals that nothing here knows the truth of."""
    found: dict[Key, Count] = defaultdict(Count)
    known: set[str] = set()
    met: set[str] = set()
    for family, noise, n, level in itertools.product(families, NOISES, POINTS, range(len(LEVELS))):
        true: dict[str, float] = {}
        for seed in range(level, seeds, len(LEVELS)):
            drawn = draw(family, n, noise, LEVELS[level], first + seed)
            true = true or dict(truths(drawn))  # no noise is in it
            known |= set(true)
            for name, estimate in measured(drawn).items():
                if estimate.low < estimate.high:
                    met.add(name)
                    if name in true:
                        found[name, family.name, noise, n].add(true[name], estimate.low, estimate.high)
            for name, truth, low, high in tools(drawn):
                found[name, family.name, noise, n].add(truth, low, high)
    return found, met - known - set(NO_INTERVAL)


def measured(drawn: Drawn) -> dict[str, Estimate]:
    """Every estimate of a run and of its cuts of the rate."""
    chart, _ = measure(drawn.run, Context())
    rows = (chart.run, *chart.lr_drop)
    return {name: found for row in rows for name, found in row.vitals.items() if isinstance(found, Estimate)}


def _sum(counts: Mapping[Key, Count], **wanted: object) -> Count:
    """All counts of one vital whose family, noise or n are as wanted."""
    total = Count()
    for (_, family, noise, n), c in counts.items():
        named = {"family": family, "noise": noise, "n": n}
        if all(named[k] == v for k, v in wanted.items()):
            total = Count(total.within + c.within, total.below + c.below, total.above + c.above)
    return total


def page(counts: Mapping[Key, Count]) -> str:
    """The table of rules/README.md: coverage in percent of all runs, by what their noise is like and by their length,
    and how often the truth lay below and above."""
    head = "| vital | covered | neighbours independent | neighbours alike | 30 points | 4000 points | below / above |"
    lines = [head, "|" + " --- |" * 7]
    for vital, one in sorted(_by_vital(counts).items(), key=lambda item: ("," in item[0], item[0])):
        total, cells = _sum(one), []
        for kinds in (INDEPENDENT, tuple(k for k in NOISES if k not in INDEPENDENT)):
            several = [_sum(one, noise=kind) for kind in kinds]
            cells.append(100 * sum(c.within for c in several) / max(1, sum(c.all for c in several)))
        ends = [_sum(one, n=n) for n in (POINTS[0], POINTS[-1])]
        shown = [f"{c:.0f}" for c in cells] + [f"{c.percent:.0f}" if c.all else "-" for c in ends]
        name = vital if "," in vital else f"`{vital}`"
        sides = f"{100 * total.below / total.all:.0f} / {100 * total.above / total.all:.0f}"
        lines.append(f"| {name} | {total.percent:.0f} | " + " | ".join(shown) + f" | {sides} |")
    return "\n".join(lines) + "\n"


def _by_vital(counts: Mapping[Key, Count]) -> dict[str, dict[Key, Count]]:
    found: dict[str, dict[Key, Count]] = defaultdict(dict)
    for key, c in counts.items():
        found[key[0]][key] = c
    return found


def write(counts: Mapping[Key, Count]) -> None:
    """Put the table between its marks in rules/README.md."""
    readme = RULES / "README.md"
    text = readme.read_text(encoding="utf-8")
    block = f"{BEGIN}\n{page(counts)}{END}"
    readme.write_text(re.sub(f"{BEGIN}\n.*?{END}", lambda _: block, text, flags=re.DOTALL), encoding="utf-8")


def main() -> None:
    """One line per vital: coverage overall, by kind of noise and by points; side of the misses; worst families."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=8, help="runs per family, kind of noise and number of points")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--vital", help="this vital in detail")
    parser.add_argument("--page", action="store_true", help="write the table of rules/README.md anew")
    given = parser.parse_args()
    counts, unknown = count(given.seeds, FRESH if given.page else given.first)
    by_vital = _by_vital(counts)
    if given.page:
        write(counts)
    if given.vital:
        one = by_vital[given.vital]
        for family in FAMILIES:
            for noise in NOISES:
                cells = [_sum(one, family=family.name, noise=noise, n=n) for n in POINTS]
                if any(c.all for c in cells):
                    told = "  ".join(
                        f"{n}: {c.percent:3.0f} (-{c.below} +{c.above})" for n, c in zip(POINTS, cells, strict=True)
                    )
                    print(f"{family.name:22} {noise:9} {told}")
        return
    heads = [*NOISES, *map(str, POINTS)]
    print(f"{'':28} {'all':>5}  " + " ".join(f"{h:>8}" for h in heads) + "   truth below/above   worst families")
    vitals = sorted(by_vital, key=lambda v: ("," in v, v))
    held = 0
    for vital in vitals:
        one = by_vital[vital]
        total = _sum(one)
        cells = [_sum(one, noise=noise).percent for noise in NOISES]
        cells += [_sum(one, n=n).percent for n in POINTS]
        families = sorted((_sum(one, family=f.name).percent, f.name) for f in FAMILIES if _sum(one, family=f.name).all)
        good = BAR[0] <= total.percent <= BAR[1]
        held += good
        mark = " " if good else "<" if total.percent < BAR[0] else ">"
        worst = ", ".join(f"{name} {percent:.0f}" for percent, name in families[:3])
        print(
            f"{vital:28} {total.percent:5.1f}{mark} "
            + " ".join(f"{c:8.0f}" for c in cells)
            + f"   {100 * total.below / total.all:5.0f} / {100 * total.above / total.all:<5.0f}      {worst}"
        )
    print(f"\nwithin {BAR[0]:.0f}-{BAR[1]:.0f} %: {held} of {len(vitals)}")
    if unknown:
        print(f"no truth is known here for: {', '.join(sorted(unknown))}")


if __name__ == "__main__":
    main()
