"""What does judging cost behind reading: the share of each stage on a tree, and the cost of one run in memory.

Run in a fresh process by `tests.bench.speed`: `... .judging stages FOLDER` or `... .judging memory CURVES POINTS`.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: Runs of each size that the median is taken from, most at first; long curves take their share of the minute.
REPEATS = 21
LONG = 1_000_000


def stages(folder: str) -> dict[str, float]:
    """CPU seconds of importing, reading, measuring, judging and printing all runs under a folder."""
    begun = time.process_time()
    from curvedoc import api, engine
    from curvedoc.render.json import render
    from curvedoc.rulebook import load_rules
    from curvedoc.run import Context

    spent = {"import": time.process_time() - begun, "read": 0.0, "measure": 0.0, "judge": 0.0, "JSON": 0.0}

    def timed(stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            start = time.process_time()
            found = work(*args, **kwargs)
            spent[stage] += time.process_time() - start
            return found

        return run

    engine.measure = timed("measure", engine.measure)  # type: ignore[attr-defined]
    rules = timed("judge", load_rules)()
    found = timed("read", api.find)(folder)
    analysis = timed("judge", api.judge_all)(found, rules, Context(None, None, None))
    spent["judge"] -= spent["measure"]
    text = timed("JSON", render)(analysis)
    return spent | {"cpu": sum(spent.values()), "runs": len(analysis.reports), "bytes": len(text)}


def memory(number: int, points: int) -> dict[str, float]:
    """CPU seconds of `diagnose` on curves that are in memory: the first call (it reads the rules), then the median."""
    import numpy as np

    import curvedoc
    from curvedoc import api  # noqa: F401 - the door is lazy; what is measured is the cost after import

    from .inputs import curves

    roles = ("train_loss", "val_loss", "train_accuracy", "val_accuracy", "lr")
    step, taken = np.arange(float(points)), []
    for seed in range(REPEATS if points < LONG else 3):
        made = curves(np.random.default_rng(seed), points)
        held = {role: (curvedoc.Curve(step, value),) for role, value in zip(roles[:number], made, strict=False)}
        run = curvedoc.Run("run", held)
        start = time.process_time()
        curvedoc.diagnose(run)
        taken.append(time.process_time() - start)
    return {"first": taken[0], "median": statistics.median(taken[1:]), "worst": max(taken[1:])}


def main(what: str, *given: str) -> None:
    """Measure in this process, print JSON."""
    print(json.dumps(stages(str(Path(given[0]))) if what == "stages" else memory(int(given[0]), int(given[1]))))


if __name__ == "__main__":
    main(*sys.argv[1:])
