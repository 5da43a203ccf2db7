"""What recording costs: the same updates with and without it, in turn."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import torch

from .dialects import FORMATS
from .faults import plant
from .loop import end_epoch, read_losses, update
from .recipe import Log, Recipe
from .recorders import Write
from .setup import Run, begin, pick_device, repeatable

#: Updates of each run in a round, at least: enough to outlast the jitter of clock and scheduler.
UPDATES = 10


@dataclass(frozen=True, slots=True)
class Overhead:
    """Medians over the rounds: `step` seconds of an update without recording; what recording adds to it, `steps` for
    the rows of steps and `epochs` for those of epochs, spread over the updates of an epoch."""

    step: float
    steps: float
    epochs: float

    @property
    def recorded(self) -> float:
        return self.step + self.steps + self.epochs


def overhead(recipe: Recipe, rounds: int = 20, device: str = "cpu") -> Overhead:
    """Trains the recipe twice side by side, once recorded as its log asks and once not at all, some updates and an
    epoch's end of one, then of the other, and compares the two round by round.

    Recording is all that the log wants: norms, ratios, idle units, waiting for the device, writing. Validation (cut
    short here) and the sums of losses and hits that stay on the device belong to training. On the CPU processor time
    counts, which a busy machine does not stretch; on CUDA the time until the device is done. A first round, in which
    kernels are chosen and compiled, does not count.
    """
    target, recipe = pick_device(device), plant(recipe)
    updates = recipe.log.every * -(-UPDATES // recipe.log.every)
    rounds_seen: list[tuple[float, float, float]] = []
    with (
        repeatable(recipe.seed, target),
        tempfile.TemporaryDirectory() as folder,
        FORMATS[recipe.log.format](Path(folder), recipe) as write,
    ):
        silent = replace(recipe, log=Log(every=2**62, vitals=False))
        pair = (_begin(silent, target), _forget), (_begin(recipe, target), write)
        for turn in range(rounds + 1):
            places = range(turn * updates, (turn + 1) * updates)
            order = (0, 1) if turn % 2 else (1, 0)
            seconds = {i: _round(*pair[i], places) for i in order}
            (step, epoch), (logged_step, logged_epoch) = seconds[0], seconds[1]
            rounds_seen.append((step, logged_step - step, (logged_epoch - epoch) / pair[0][0].per_epoch))
    return Overhead(*(median(column) for column in zip(*rounds_seen[1:], strict=True)))


def _begin(recipe: Recipe, device: torch.device) -> Run:
    """The run, with no more validation examples than idle units are looked for in."""
    run = begin(recipe, device, None)
    task = replace(run.task, x_val=run.task.x_val[:256], y_val=run.task.y_val[:256])
    return replace(run, task=task)


def _round(run: Run, write: Write, places: range) -> tuple[float, float]:
    """Seconds per update and of an epoch's end, writing included."""

    def clock() -> float:
        if run.device.type == "cpu":
            return time.process_time()
        torch.cuda.synchronize(run.device)
        return time.perf_counter()

    began = clock()
    for step in places:
        if (row := update(run, step)) is not None:
            write(row)
    per_step = (clock() - began) / len(places)
    read_losses(run)
    began = clock()
    write(end_epoch(run, places.stop))
    return per_step, clock() - began


def _forget(row: object) -> None:
    """Takes a row that no one wants."""
