"""What does a fresh process cost, with its children: CPU and wall seconds, and peak memory?"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent.parent
#: One thread for numpy's linear algebra; tools that start threads of their own are free to, their CPU counts.
#: Byte code is written, as pip does when it installs: else our modules alone would be compiled in every process.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
ENVIRONMENT |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds of a process and all its children, wall seconds, peak MB, and what it printed as JSON (None where
    it printed none)."""

    cpu: float
    wall: float
    memory: float
    said: Any = None

    @property
    def alone(self) -> float:
        """CPU seconds of the work without start-up, where the process measured them itself."""
        return float(self.said["cpu"]) if isinstance(self.said, dict) and "cpu" in self.said else self.cpu

    @property
    def points(self) -> int:
        """Points that it says to have read, 0 where it says nothing."""
        return int(self.said.get("points", 0)) if isinstance(self.said, dict) else 0


def spend(command: Sequence[str], allowed: Sequence[int] = (0,), quiet: bool = False) -> Cost:
    """The cost of one process. Linux adds the CPU of children that were waited for, and takes the largest resident
    set of them all as the peak; a process that ran a server beside itself says how much that took (`server_mb`),
    which is added. Raises SystemExit where the process fails."""
    start = time.perf_counter()
    with subprocess.Popen(
        command, cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL if quiet else None
    ) as process:
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - start
    if process.returncode not in allowed:
        raise SystemExit(f"exit code {process.returncode}: {' '.join(command)}")
    try:
        said = json.loads(printed) if len(printed) < 1 << 16 else None
    except ValueError:
        said = None
    memory = used.ru_maxrss / (1 << 10 if sys.platform != "darwin" else 1 << 20)
    if isinstance(said, dict) and "server_mb" in said:
        memory = said["own_mb"] + said["server_mb"]
    return Cost(used.ru_utime + used.ru_stime, wall, memory, said)


def interleaved(
    commands: Mapping[str, Sequence[str]], rounds: int, *, slow: Sequence[str] = (), allowed: Sequence[int] = (0,)
) -> dict[str, Cost]:
    """The median cost of each command; they take turns, so that a busy moment of the machine hits them all. Each runs
    once before, for byte code and file cache, except the `slow`, to which neither matters."""
    for name, command in commands.items():
        if name not in slow:
            spend(command, allowed, quiet=True)
    taken = [{name: spend(command, allowed, quiet=True) for name, command in commands.items()} for _ in range(rounds)]
    return {name: _median([turn[name] for turn in taken]) for name in commands}


def _median(costs: Sequence[Cost]) -> Cost:
    """The median of each figure by itself; of what the processes said, that of the median of their own CPU."""
    middle = sorted(costs, key=lambda c: c.alone)[len(costs) // 2]
    return replace(
        middle,
        cpu=statistics.median(c.cpu for c in costs),
        wall=statistics.median(c.wall for c in costs),
        memory=statistics.median(c.memory for c in costs),
    )
