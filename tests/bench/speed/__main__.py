"""How fast are logs read and judged, beside every tool that does the same? Prints medians, ratios and bars.

    python -m tests.bench.speed [--scale S] [--rounds N] [--only INPUT]... [--peers BIN]

Inputs are written by real writers from a seed (inputs.py). Each peer works in a fresh process, peers take turns, and
medians are printed: CPU seconds of the whole process with its children and of the work alone, wall seconds, peak memory
(a server's and its client's together). `--scale 1` is the full size: a million points, a thousand runs. What takes
a minute for a million points gets a tenth of the many runs: ratios are of CPU per point there. `--peers` is the bin
directory of an environment that holds tbparse, polars, pyarrow, runmedic and trainproof; without it they are left out.
The bars are in bars.py.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from .. import startup
from . import bars
from .process import ENVIRONMENT, ROOT, Cost, interleaved, spend

PACKAGE = "tests.bench.speed"
PYTHON = sys.executable
EVENTS = ("curvedoc", "curvedoc, unchecked", "read + crc32c", "data-server", "data-server --checksum")
SLOW = ("EventAccumulator", "tbparse")
CSV = ("curvedoc, CSV", "pandas", "polars", "pyarrow", "np.loadtxt", "csv module")
LINES = ("curvedoc, JSON lines", "json module", "pandas, lines", "polars, lines", "pyarrow, lines")
FROM_PEERS = ("tbparse", "polars", "pyarrow", "polars, lines", "pyarrow, lines")
"""Peers that are looked for in the other environment; pandas is not: beside pyarrow, importing it costs more."""


def main() -> None:
    """Write each input, let the peers take turns, print the medians and then every bar."""
    parser = argparse.ArgumentParser(prog=f"python -m {PACKAGE}", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scale", type=float, default=0.1, help="share of the full sizes (default 0.1)")
    parser.add_argument("--rounds", type=int, default=3, help="times that each peer works on each input (default 3)")
    parser.add_argument("--only", choices=SECTIONS, action="append", help="one section alone; may be repeated")
    parser.add_argument("--peers", type=Path, metavar="BIN", help="bin directory of an environment with other tools")
    args = parser.parse_args()
    judged: list[bars.Bar] = []
    for name in args.only or SECTIONS:
        judged += SECTIONS[name](name, args)
    print("\nbars")
    for bar in judged:
        print(bar)


def events(name: str, args: argparse.Namespace) -> list[bars.Bar]:
    """Event files: all peers on one input."""
    peers = [*EVENTS, *(["curvedoc, second half"] if name == "a" else []), *SLOW]
    with tempfile.TemporaryDirectory() as folder:
        write(name, folder, args)
        costs = table(peers, folder, args)
    return bars.events(name, costs)


def tables(name: str, args: argparse.Namespace) -> list[bars.Bar]:
    """CSV or JSON lines, dense and sparse, large and small."""
    found = []
    for size in ("", "small-"):
        for kind in ("dense", "sparse", "lines"):
            peers = LINES if kind == "lines" else [p for p in CSV if kind == "dense" or p != "np.loadtxt"]
            with tempfile.TemporaryDirectory() as folder:
                write(f"d-{size}{kind}", folder, args)
                costs = table(peers, folder, args)
            found += bars.tables(f"d {size}{kind}", costs, bool(size))
    return found


def starting(name: str, args: argparse.Namespace) -> list[bars.Bar]:
    """Short commands against bare Python and an import of pandas."""
    print("\nf: start-up")
    with tempfile.TemporaryDirectory() as folder:
        costs = interleaved(startup.commands(Path(folder)), max(9, args.rounds))
    print(f"{'':36s} {'CPU ms':>7s} {'wall ms':>8s} {'MB':>5s}")
    for command, cost in costs.items():
        print(f"{command:36s} {1e3 * cost.cpu:7.0f} {1e3 * cost.wall:8.0f} {cost.memory:5.0f}")
    return bars.starting(costs)


def judging(name: str, args: argparse.Namespace) -> list[bars.Bar]:
    """`curvedoc analyze` of input c whole, beside loading a tenth of it, and other doctors on a tenth of it."""
    with tempfile.TemporaryDirectory() as folder:
        write("c", folder, args)
        tenth = Path(folder) / "tenth"
        runs = sorted(p for p in Path(folder).iterdir() if p.is_dir())
        tenth.mkdir()
        for run in runs[: max(1, len(runs) // 10)]:
            shutil.copytree(run, tenth / run.name)
        whole = Path(folder) / "whole"
        whole.mkdir()
        for run in runs:
            run.rename(whole / run.name)
        commands = {
            bars.ANALYZE: [PYTHON, "-m", "curvedoc", "analyze", str(whole), "--format", "json", "-q"],
            bars.STAGES: [PYTHON, "-m", f"{PACKAGE}.judging", "stages", str(whole)],
            bars.ACCUMULATE: reading("EventAccumulator", str(whole), args.peers),  # it takes a tenth by itself
        }
        for tool, words in (("runmedic", ("diagnose",)), ("trainproof", ("doctor",))):
            if args.peers and (args.peers / tool).exists():
                commands[f"{tool}, a tenth"] = [str(args.peers / tool), *words, str(tenth), "--json"]
        costs = interleaved(commands, args.rounds, slow=[c for c in commands if c != bars.ANALYZE], allowed=(0, 1))
    print(f"{'':36s} {'CPU s':>7s} {'wall s':>7s} {'MB':>5s}")
    for command, cost in costs.items():
        print(f"{command:36s} {cost.cpu:7.2f} {cost.wall:7.2f} {cost.memory:5.0f}")
    said = costs[bars.STAGES].said
    shares = "  ".join(f"{k} {v:.2f} s ({100 * v / said['cpu']:.0f} %)" for k, v in said.items() if k in bars.SHARES)
    print(f"stages of {said['runs']} runs: {shares}; {1e3 * said['cpu'] / said['runs']:.1f} ms a run")
    return bars.judging(costs)


def memory(name: str, args: argparse.Namespace) -> list[bars.Bar]:
    """`diagnose` of 5 curves in memory, after import."""
    found = []
    print(f"\ncost of diagnose, 5 curves in memory, CPU ms\n{'':12s} {'first':>7s} {'median':>7s} {'worst':>7s}")
    for points in (1_000, 10_000, round(10_000_000 * min(1.0, 10 * args.scale))):
        said = spend([PYTHON, "-m", f"{PACKAGE}.judging", "memory", "5", str(points)]).said
        print(f"{points:12,} " + " ".join(f"{1e3 * said[k]:7.1f}" for k in ("first", "median", "worst")))
        found += bars.memory(points, said)
    return found


def write(name: str, folder: str, args: argparse.Namespace) -> None:
    """Write one input in a process of its own: what reads later would inherit the peak memory of this one."""
    command = [PYTHON, "-m", f"{PACKAGE}.inputs", name, folder, str(args.scale)]
    said = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, check=True, capture_output=True, text=True).stdout.strip()
    size = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
    print(f"\n{name}: {said}, {size / 1e6:.1f} MB; median of {args.rounds}", flush=True)


def reading(peer: str, folder: str, peers: Path | None) -> list[str]:
    """The command by which one peer reads a folder."""
    python = str(peers / "python") if peers and peer in FROM_PEERS else PYTHON
    return [python, "-m", f"{PACKAGE}.readers", peer, folder]


def table(peers: Iterable[str], folder: str, args: argparse.Namespace) -> dict[str, Cost]:
    """Print one line a peer; ratios are of CPU per point of the whole process and of the work alone."""
    chosen = [p for p in peers if args.peers or p not in FROM_PEERS]
    costs = interleaved({p: reading(p, folder, args.peers) for p in chosen}, args.rounds, slow=SLOW)
    ours, *_ = costs.values()
    head = f"{'CPU s':>7s} {'reading':>8s} {'wall s':>7s} {'MB':>5s} {'points':>9s} {'ns/point':>9s}"
    print(f"{'':24s} {head}   CPU per point, ours = 1")
    for peer, cost in costs.items():
        each = cost.points or ours.points  # the limit counts none: it reads the same file
        whole, alone = (cost.cpu / each) / (ours.cpu / ours.points), (cost.alone / each) / (ours.alone / ours.points)
        print(
            f"{peer:24s} {cost.cpu:7.2f} {cost.alone:8.3f} {cost.wall:7.2f} {cost.memory:5.0f} {cost.points:9d} "
            f"{1e9 * cost.alone / each:9.0f}   whole {whole:6.2f}  reading {alone:7.2f}",
            flush=True,
        )
    return costs


SECTIONS = {
    "a": events,
    "b": events,
    "c": events,
    "d": tables,
    "e": events,
    "f": starting,
    "analyze": judging,
    "memory": memory,
}


if __name__ == "__main__":
    main()
