"""Which ratio must hold between us and each peer, and does it?

Ratios are of CPU of whole processes, per point where a peer was given a share of the input; all from one run of the
bench, as a loaded machine slows everybody down alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .process import Cost

ANALYZE, STAGES, ACCUMULATE = "curvedoc analyze, whole", "its stages", "EventAccumulator, a tenth"
SHARES = ("import", "read", "measure", "judge", "JSON")
#: Seconds that `diagnose` may take on 5 curves in memory, by their points.
COST = {1_000: 0.010, 10_000: 0.020, 10_000_000: 0.5}


@dataclass(frozen=True, slots=True)
class Bar:
    """One ratio or cost, and what it must reach: at least (`most` False) or at most."""

    what: str
    found: float
    bar: float
    most: bool = False
    unit: str = "x"

    @property
    def holds(self) -> bool:
        return self.found <= self.bar if self.most else self.found >= self.bar

    def __str__(self) -> str:
        verdict = "holds" if self.holds else "MISSED"
        word = "at most" if self.most else "at least"
        return f"{verdict:7s} {self.what:66s} {self.found:8.2f}{self.unit}   {word} {self.bar:g}{self.unit}"


def events(name: str, costs: Mapping[str, Cost]) -> list[Bar]:
    """Bars of the event files a, b, c and e."""
    ours = costs["curvedoc"]

    def less(peer: str) -> float:
        other = costs[peer]
        return (other.cpu / other.points) / (ours.cpu / ours.points)

    plain, checked = costs["data-server"], costs["data-server --checksum"]
    crc = 1 - costs["curvedoc, unchecked"].alone / ours.alone
    found = [Bar(f"{name}: CPU for checking CRCs, share of the load", crc, 0.3, most=True, unit="")]
    match name:
        case "a":
            half = costs["curvedoc, second half"].alone / ours.alone
            limit = ours.alone / costs["read + crc32c"].alone
            found += [
                Bar("a: less CPU than EventAccumulator", less("EventAccumulator"), 100),
                Bar("a: less CPU than data-server --checksum", less("data-server --checksum"), 6),
                Bar("a: less memory than data-server --checksum", checked.memory / ours.memory, 6),
                Bar("a: load alone over read + crc32c", limit, 5, most=True),
                Bar("a: second half of a growing file over the whole", half, 0.6, most=True, unit=""),
            ]
        case "b":
            found += [Bar("b: less CPU than data-server", less("data-server"), 5)]
        case "c":
            found += [
                Bar("c: less CPU than data-server (goal 3)", less("data-server"), 2),
                Bar("c: memory over data-server", ours.memory / plain.memory, 0.25, most=True, unit=""),
            ]
        case "e":
            found += [
                Bar("e: CPU over data-server --checksum", 1 / less("data-server --checksum"), 1, most=True, unit=""),
                Bar("e: less CPU than EventAccumulator", less("EventAccumulator"), 40),
            ]
    return found


def tables(name: str, costs: Mapping[str, Cost], small: bool) -> list[Bar]:
    """Large tables: the work alone against the best library's; small ones: the whole process against the best that
    imports a library of data frames or arrays (the csv and json modules import nothing and understand nothing)."""
    ours, *others = costs
    rivals = [o for o in others if o not in ("csv module", "json module")] if small else others
    figure = (lambda c: costs[c].cpu) if small else (lambda c: costs[c].alone)
    best = min(rivals, key=figure)
    what = "CPU" if small else "reading"
    return [Bar(f"{name}: {what} over the best ({best})", figure(ours) / figure(best), 1, most=True, unit="x")]


def starting(costs: Mapping[str, Cost]) -> list[Bar]:
    """Start-up of --help and of one small run."""
    help_, bare = costs["curvedoc --help"], costs["python -c pass"]
    small, pandas = costs["curvedoc analyze log.csv (200 rows)"], costs["python -c 'import pandas'"]
    return [
        Bar("f: wall of --help over bare Python", help_.wall / bare.wall, 5, most=True),
        Bar("f: CPU of one small run over `import pandas`", small.cpu / pandas.cpu, 1.2, most=True),
    ]


def judging(costs: Mapping[str, Cost]) -> list[Bar]:
    """The whole path against loading a tenth."""
    less = costs[ACCUMULATE].cpu / costs[ANALYZE].cpu
    found = [Bar("analyze c whole: less CPU than EventAccumulator loads a tenth", less, 2)]
    for name, cost in costs.items():
        if name.startswith(("runmedic", "trainproof")):
            found.append(Bar(f"analyze c: less CPU per run than {name}", 10 * cost.cpu / costs[ANALYZE].cpu, 1))
    return found


def memory(points: int, said: Mapping[str, Any]) -> list[Bar]:
    """The cost of judging one run, for the sizes that have a bar."""
    if points not in COST:
        return []
    return [Bar(f"diagnose 5 x {points:,} in memory, ms", 1e3 * said["median"], 1e3 * COST[points], True, " ms")]
