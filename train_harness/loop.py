"""How a recipe is trained: one loop, every part of it on the page."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from .faults import by_label, freeze, plant, with_nan
from .measure import dead_shares, evaluate, hit_share, plain_loss, update_ratios
from .models import build_model, weight_matrices
from .optimizers import build_optimizer, set_lr
from .recipe import Recipe
from .schedules import Rate, rate_of
from .tasks import Task, load_task


@dataclass(frozen=True, slots=True)
class StepRow:
    """One logged update. `step` counts updates from 1; `loss` is of its batch alone, `mean_loss` the mean since
    the last row; `update_ratio` is ||new W - old W|| / ||old W|| per weight matrix, None when vitals are off."""

    step: int
    epoch: float
    loss: float
    mean_loss: float
    lr: float
    grad_norm: float | None
    update_ratio: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class EpochRow:
    """One epoch, counted from 1, `step` updates into the run. Train values are means over the epoch's batches as
    they were met (dropout on, weights moving), validation values are measured afterwards; None: not measured."""

    step: int
    epoch: int
    lr: float
    train_loss: float
    train_accuracy: float | None
    val_loss: float | None
    val_accuracy: float | None
    dead_share: Mapping[str, float]


Row = StepRow | EpochRow
Checkpoint = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where the run ended: losses (and accuracies) over the whole sets, in evaluation mode, of the final weights
    (the best or averaged ones when the recipe asks for them)."""

    steps: int
    train_loss: float
    val_loss: float
    train_accuracy: float | None
    val_accuracy: float | None


def train(
    recipe: Recipe,
    log: Callable[[Row], None] = lambda row: None,
    device: str = "cpu",
    *,
    resume: Checkpoint | None = None,
    save_at: int = 0,
    save: Callable[[Checkpoint], None] = lambda checkpoint: None,
) -> Outcome:
    """Trains what the recipe says, hands every logged row to `log`, returns the outcome.

    `device` is "cpu", "cuda" or "auto". On the CPU the same recipe gives the same bits. `save` receives a
    checkpoint after update `save_at`; given back as `resume`, the run goes on as if it had never stopped
    (on the CPU; the state of CUDA's generator is not kept).
    """
    with _repeatable(recipe.seed):
        run = _begin(plant(recipe), pick_device(device), resume)
        for step in range(run.state.step, recipe.steps):
            row = _update(run, step)
            if row is not None:
                log(row)
            if (step + 1) % run.per_epoch == 0:
                log(_end_epoch(run, step + 1))
            run.state.step = step + 1
            if run.state.step == save_at:
                save(_checkpoint(run))
            patience = recipe.regularize.patience
            if patience and len(run.state.val_losses) - run.state.best_epoch >= patience:
                run.averaged.load_state_dict(run.state.best)
                break
        train_loss, train_accuracy = evaluate(run.averaged, run.task.x_train, run.task.y_train, run.task)
        val_loss, val_accuracy = evaluate(run.averaged, run.task.x_val, run.task.y_val, run.task)
    return Outcome(run.state.step, train_loss, val_loss, train_accuracy, val_accuracy)


def pick_device(name: str) -> torch.device:
    """The device of a name; "auto" takes CUDA when there is one. Refuses CUDA where there is none."""
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("no CUDA device here: run with --device cpu")
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)


@dataclass(slots=True)
class _State:
    """What a run remembers beside its weights: the plain part of a checkpoint."""

    step: int = 0
    losses: list[float] = field(default_factory=list)
    hits: list[float] = field(default_factory=list)
    val_losses: list[float] = field(default_factory=list)
    best_epoch: int = 0
    best: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Run:
    """A run under way. `averaged` is the network that is validated: the network itself unless `ema` asks for a
    slow copy; `per_epoch` counts updates."""

    recipe: Recipe
    task: Task
    network: nn.Module
    averaged: nn.Module
    optimizer: torch.optim.Optimizer
    rate: Rate
    per_epoch: int
    state: _State


def _begin(recipe: Recipe, device: torch.device, resume: Checkpoint | None) -> _Run:
    dtype = torch.float64 if recipe.precision == "float64" else torch.float32
    task = load_task(recipe.data).to(device, dtype)
    if task.kind == "language" and (recipe.data.jitter or recipe.regularize.mixup):
        raise ValueError("data.jitter and regularize.mixup need inputs that are numbers; characters cannot be mixed")
    network = build_model(recipe.model, task).to(device, dtype)
    if recipe.fault.freeze:
        freeze(network, recipe.fault.freeze)
    optimizer = build_optimizer(recipe.optimizer, network, recipe.fault)
    averaged = deepcopy(network) if recipe.regularize.ema else network
    rate = rate_of(recipe.schedule, recipe.optimizer.lr, recipe.steps)
    per_epoch = max(1, len(task.x_train) // (recipe.data.batch_size * recipe.optimizer.accumulate))
    state = _State()
    if resume is not None:
        network.load_state_dict(resume["network"])
        averaged.load_state_dict(resume["averaged"])
        optimizer.load_state_dict(resume["optimizer"])
        torch.set_rng_state(resume["generator"])
        state = _State(**deepcopy(resume["state"]))
    return _Run(recipe, task, network, averaged, optimizer, rate, per_epoch, state)


def _update(run: _Run, step: int) -> StepRow | None:
    """One update of the weights, from the batches to the optimizer's step; its row when it is to be logged."""
    recipe, fault, network, state = run.recipe, run.recipe.fault, run.network, run.state
    network.train()
    set_lr(run.optimizer, lr := run.rate(step, state.val_losses))
    if not fault.forget_zero_grad:
        run.optimizer.zero_grad()
    parts = _batches(run, step)
    loss = hits = 0.0
    for part in parts:
        x, y = run.task.x_train[part], run.task.y_train[part]
        if recipe.data.jitter:
            x = x + recipe.data.jitter * torch.randn_like(x)
        if fault.nan_at == step + 1:
            x = with_nan(x)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16"):
            batch_loss, output = _loss(network, x, y, run.task, recipe)
        objective = batch_loss / len(parts)
        if recipe.regularize.l1:
            objective = objective + recipe.regularize.l1 / len(parts) * sum(_l1_norms(network))
        (-objective if fault.wrong_sign else objective).backward()
        loss += batch_loss.item() / len(parts)
        hits += hit_share(output, y, run.task) / len(parts)

    logged = (step + 1) % recipe.log.every == 0
    watched = logged and recipe.log.vitals
    grad_norm = None
    if watched or recipe.optimizer.clip_norm:
        learning = [p for p in network.parameters() if p.requires_grad]
        limit = recipe.optimizer.clip_norm or math.inf
        grad_norm = torch.nn.utils.clip_grad_norm_(learning, limit).item()
    before = {name: w.detach().clone() for name, w in weight_matrices(network)} if watched else {}
    run.optimizer.step()
    if recipe.regularize.ema:
        _average(run.averaged, network, recipe.regularize.ema)

    state.losses.append(loss)
    state.hits.append(hits)
    if not logged:
        return None
    mean_loss = _mean(state.losses[-recipe.log.every :])
    shown_norm = grad_norm if watched else None
    return StepRow(
        step + 1, (step + 1) / run.per_epoch, loss, mean_loss, lr, shown_norm, update_ratios(before, network)
    )


def _end_epoch(run: _Run, updates: int) -> EpochRow:
    """Validation, and what the epoch came to on average."""
    recipe, task, state = run.recipe, run.task, run.state
    val_loss, val_accuracy = evaluate(run.averaged, task.x_val, task.y_val, task)
    if val_loss < min(state.val_losses, default=math.inf):
        state.best_epoch, state.best = len(state.val_losses) + 1, deepcopy(run.averaged.state_dict())
    state.val_losses.append(val_loss)
    return EpochRow(
        step=updates,
        epoch=updates // run.per_epoch,
        lr=run.optimizer.param_groups[0]["lr"],
        train_loss=_mean(state.losses[-run.per_epoch :]),
        train_accuracy=_mean(state.hits[-run.per_epoch :]) if task.kind != "regression" else None,
        val_loss=val_loss if recipe.log.validation else None,
        val_accuracy=val_accuracy if recipe.log.validation else None,
        dead_share=dead_shares(run.network, task.x_val[:256]) if recipe.log.vitals else {},
    )


def _batches(run: _Run, step: int) -> tuple[Tensor, ...]:
    """The examples of one update, a batch for each gradient that it accumulates.

    The order of an epoch is a function of seed and epoch alone; what does not fill a batch waits for the next.
    """
    epoch, place = divmod(step, run.per_epoch)
    size = run.recipe.data.batch_size * run.recipe.optimizer.accumulate
    if run.recipe.fault.unshuffled:
        order = by_label(run.task)
    else:
        generator = torch.Generator().manual_seed(run.recipe.seed * 1_000_003 + epoch)
        order = torch.randperm(len(run.task.x_train), generator=generator).to(run.task.x_train.device)
    return order[place * size : (place + 1) * size].split(run.recipe.data.batch_size)


def _loss(network: nn.Module, x: Tensor, y: Tensor, task: Task, recipe: Recipe) -> tuple[Tensor, Tensor]:
    """The loss that is descended, with label smoothing and mixup where asked, and the network's output."""
    smoothing, alpha = recipe.regularize.label_smoothing, recipe.regularize.mixup
    if not alpha:
        output = network(x)
        return plain_loss(output, y, task, smoothing, recipe.fault.double_softmax), output
    share = float(torch.distributions.Beta(alpha, alpha).sample())
    other = torch.randperm(len(x)).to(x.device)
    output = network(share * x + (1 - share) * x[other])
    straight = plain_loss(output, y, task, smoothing)
    return share * straight + (1 - share) * plain_loss(output, y[other], task, smoothing), output


def _l1_norms(network: nn.Module) -> list[Tensor]:
    return [weight.abs().sum() for _, weight in weight_matrices(network)]


def _average(averaged: nn.Module, network: nn.Module, decay: float) -> None:
    with torch.no_grad():
        for slow, fast in zip(averaged.state_dict().values(), network.state_dict().values(), strict=True):
            if slow.is_floating_point():
                slow.lerp_(fast, 1 - decay)
            else:
                slow.copy_(fast)


def _checkpoint(run: _Run) -> Checkpoint:
    return deepcopy(
        {
            "state": {name: getattr(run.state, name) for name in _State.__slots__},
            "network": run.network.state_dict(),
            "averaged": run.averaged.state_dict(),
            "optimizer": run.optimizer.state_dict(),
            "generator": torch.get_rng_state(),
        }
    )


@contextmanager
def _repeatable(seed: int) -> Iterator[None]:
    """One thread, deterministic kernels, seeded generators; the caller's settings come back afterwards."""
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True, warn_only=True)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(deterministic)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
