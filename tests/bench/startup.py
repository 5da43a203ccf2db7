"""What does it cost to start? The short commands that `python -m tests.bench.speed --only f` measures."""

from __future__ import annotations

import sys
from pathlib import Path

CURVEDOC = [sys.executable, "-m", "curvedoc"]


def commands(folder: Path) -> dict[str, list[str]]:
    """Commands by name; the log of a usual small run is written into the folder."""
    log = folder / "log.csv"
    rows = [f"{n},{2.3 / (1 + n / 20):.5f},{2.4 / (1 + n / 25):.5f}" for n in range(200)]
    log.write_text("\n".join(["epoch,loss,val_loss", *rows]) + "\n", encoding="utf-8")
    return {
        "python -c pass": [sys.executable, "-c", "pass"],
        "curvedoc --help": [*CURVEDOC, "--help"],
        "curvedoc rules": [*CURVEDOC, "rules"],
        "python -c 'import numpy'": [sys.executable, "-c", "import numpy"],
        "python -c 'import pandas'": [sys.executable, "-c", "import pandas"],
        "curvedoc analyze log.csv (200 rows)": [*CURVEDOC, "analyze", str(log)],
    }
