"""The first steps of a new training: is the initial loss right, can it learn by heart, which rate makes it fall?

Steps 1 to 3 of the seven-step recipe of EECS 498-007, "choosing hyperparameters"; the coarse and the fine search (4, 5)
stand in search.py, and reading the curves (6) is curvedoc's part.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from .faults import plant
from .loop import update
from .measure import evaluate
from .recipe import Log, Recipe, Schedule
from .setup import Run, begin, pick_device, repeatable

#: Learned by heart: the loss over the examples is at most this share of what it was before the first update.
BY_HEART = 0.1


@dataclass(frozen=True, slots=True)
class Start:
    """The loss before the first update, what it should be, up to which value it is right, and why."""

    measured: float
    expected: float
    high: float
    because: str

    @property
    def right(self) -> bool:
        return 0.9 * self.expected <= self.measured <= self.high


@dataclass(frozen=True, slots=True)
class Memory:
    """How well so many training examples were learned by heart; accuracy is None for a regression."""

    examples: int
    first_loss: float
    loss: float
    accuracy: float | None

    @property
    def by_heart(self) -> bool:
        return self.loss <= BY_HEART * self.first_loss


@dataclass(frozen=True, slots=True)
class RangeTest:
    """`rates` and `losses`: the sweep, one update each, up to the first loss that is not finite; `tried`: pairs of
    rate and loss at the end of a short run at that rate; `best`: the rate of the lowest of these losses, None if none
    fell below the first loss of the sweep."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    tried: tuple[tuple[float, float], ...]
    best: float | None


def initial_loss(recipe: Recipe, device: str = "cpu") -> Start:
    """The loss of the untrained network over the training set, in training mode, beside its analytic value.

    Scores that know nothing cost ln(classes); normal scores of standard deviation s cost about s^2 / 2 more, which a
    Kaiming head brings to half of it at most. A network that predicts 0 costs the mean of the squared targets; a
    Kaiming head over inputs of unit size adds about 2.
    """
    with _begun(recipe, device) as run:
        task = run.task
        measured, _ = evaluate(run.network, task.x_train, task.y_train, task, training=True)
    if task.kind == "regression":
        expected = task.y_train.pow(2).mean().item()
        return Start(measured, expected, 1.5 * expected + 2.0, "the mean of the squared targets")
    expected = math.log(task.outputs)
    return Start(measured, expected, 1.5 * expected, f"ln {task.outputs}, the loss of a pure guess")


def overfit(
    recipe: Recipe,
    sizes: Sequence[int] = (1, 4, 10, 100),
    steps: int = 300,
    device: str = "cpu",
    say: Callable[[Memory], None] = lambda memory: None,
) -> list[Memory]:
    """Trains on so few examples, at the recipe's rate and without regularisation: what works learns them by heart.

    Refuses a single example for an mlp with batch norm, which has no spread to divide by.
    """
    if recipe.model.norm == "batch" and recipe.model.kind == "mlp" and min(sizes) < 2:
        raise ValueError("batch norm needs two examples to tell apart: --sizes 2 10 100")
    found = []
    for size in sizes:
        few = replace(
            recipe,
            steps=steps,
            data=replace(recipe.data, train_size=size, val_size=1, batch_size=min(size, recipe.data.batch_size)),
            optimizer=replace(recipe.optimizer, lr_batch=0),
            schedule=Schedule("constant"),
            fault=replace(recipe.fault, no_regularization=True, tiny_train_set=0, tiny_val_set=0),
        )
        with _begun(few, device) as run:
            losses = _losses(run)
            loss, accuracy = evaluate(run.network, run.task.x_train, run.task.y_train, run.task)
        found.append(Memory(size, losses[0], loss, accuracy))
        say(found[-1])
    return found


def range_test(
    recipe: Recipe, low: float = 1e-6, high: float = 10.0, steps: int = 100, device: str = "cpu"
) -> RangeTest:
    """Raises the rate from `low` to `high` over `steps` updates (Smith, 2017), then trains `steps` updates at each of
    five rates up to the one where the loss was lowest: the best of them makes the loss fall most.

    Refuses low >= high and a loss that is not finite from the start.
    """
    if not 0 < low < high:
        raise ValueError(f"a range test goes from a low rate to a higher one, not from {low} to {high}")
    growth = (high / low) ** (1 / max(steps - 1, 1))
    losses = _losses_at(recipe, low, Schedule("exponential", gamma=growth), steps, device)
    if not math.isfinite(losses[-1]):
        losses.pop()
    if not losses:
        raise ValueError("the loss is not finite before the first update: run check, and look for NaN in the data")
    rates = tuple(low * growth**i for i in range(len(losses)))
    smooth = smoothed(losses)
    turn = rates[smooth.index(min(smooth))]
    tried = []
    for rate in (share * turn for share in (0.01, 0.03, 0.1, 0.3, 1.0)):
        tail = _losses_at(recipe, rate, Schedule("constant"), steps, device)[-max(steps // 10, 1) :]
        tried.append((rate, sum(tail) / len(tail)))
    loss, best = min((loss if math.isfinite(loss) else math.inf, rate) for rate, loss in tried)
    return RangeTest(rates, tuple(losses), tuple(tried), best if loss < losses[0] else None)


def draw_range(test: RangeTest, out: Path) -> None:
    """The sweep as a picture (the suffix of `out` names its format): loss over rate, smoothed, and what was tried."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.semilogx(test.rates, test.losses, color="0.75", label="one update at each rate")
    axes.semilogx(test.rates, smoothed(test.losses), color="tab:red", label="smoothed")
    axes.semilogx(*zip(*test.tried, strict=True), "o", color="tab:blue", label="after a short run at this rate")
    if test.best is not None:
        axes.axvline(test.best, color="tab:blue", linestyle="--", label=f"best: {test.best:.2g}")
    axes.set(xlabel="learning rate", ylabel="training loss", ylim=(0, 1.5 * test.losses[0] or 1.0))
    axes.legend()
    figure.savefig(out)


def smoothed(losses: Sequence[float], keep: float = 0.8) -> list[float]:
    """An exponential mean without the pull of its start.

    >>> [round(value, 6) for value in smoothed([2.0, 2.0, 2.0])]
    [2.0, 2.0, 2.0]
    """
    mean, out = 0.0, []
    for i, loss in enumerate(losses, 1):
        mean = keep * mean + (1 - keep) * loss
        out.append(mean / (1 - keep**i))
    return out


@contextmanager
def _begun(recipe: Recipe, device: str) -> Iterator[Run]:
    """The run before its first update, every loss of it to be had and no more measured than that."""
    target = pick_device(device)
    with repeatable(recipe.seed, target):
        yield begin(plant(replace(recipe, log=Log(every=1, vitals=False))), target, None)


def _losses(run: Run) -> list[float]:
    """The loss of every step, up to the first that is not finite: no step mends that."""
    for step in range(run.recipe.steps):
        update(run, step)
        if not math.isfinite(run.state.losses[-1]):
            break
    return run.state.losses


def _losses_at(recipe: Recipe, rate: float, schedule: Schedule, steps: int, device: str) -> list[float]:
    """The losses at exactly this rate and schedule: no fault and no scaling rule changes them."""
    fixed = replace(
        recipe,
        steps=steps,
        optimizer=replace(recipe.optimizer, lr=rate, lr_batch=0),
        schedule=schedule,
        fault=replace(recipe.fault, scale_lr=1.0, no_decay=False, decay_at=0),
        regularize=replace(recipe.regularize, snapshots=0),
    )
    with _begun(fixed, device) as run:
        return _losses(run)
