"""What does it cost to start? Prints wall and CPU seconds of short commands; run `python -m tests.bench.startup`."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
REPEATS = 15
CURVEDOC = [sys.executable, "-m", "curvedoc"]


def main() -> None:
    """Measure each command by the median of REPEATS runs, interleaved so that a busy moment hits them all."""
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "log.csv"
        rows = [f"{n},{2.3 / (1 + n / 20):.5f},{2.4 / (1 + n / 25):.5f}" for n in range(200)]
        log.write_text("\n".join(["epoch,loss,val_loss", *rows]) + "\n")
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "curvedoc --help": [*CURVEDOC, "--help"],
            "curvedoc rules": [*CURVEDOC, "rules"],
            "python -c 'import numpy'": [sys.executable, "-c", "import numpy"],
            "python -c 'import pandas'": [sys.executable, "-c", "import pandas"],
            "curvedoc analyze log.csv (200 rows)": [*CURVEDOC, "analyze", str(log)],
        }
        for command in commands.values():
            measure(command)  # byte code and file cache
        taken = [{name: measure(command) for name, command in commands.items()} for _ in range(REPEATS)]
    median = {name: tuple(statistics.median(t[name][n] for t in taken) for n in (0, 1)) for name in commands}
    bare = median["python -c pass"][0]
    print(f"median of {REPEATS}         wall ms   CPU ms   wall / bare python")
    for name, (wall, cpu) in median.items():
        print(f"{name:36s} {1000 * wall:7.1f}  {1000 * cpu:7.1f}   {wall / bare:.1f}x")
    ratio = median["curvedoc analyze log.csv (200 rows)"][1] / median["python -c 'import pandas'"][1]
    print(f"CPU of analyzing a small CSV over importing pandas: {ratio:.2f}")


def measure(command: list[str]) -> tuple[float, float]:
    """Wall and CPU seconds of one process."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
