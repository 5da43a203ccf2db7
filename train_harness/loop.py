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
from .schedules import rate_of
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
    save: Callable[[Checkpoint], None] | None = None,
) -> Outcome:
    """Trains what the recipe says, hands every logged row to `log`, returns the outcome.

    `device` is "cpu", "cuda" or "auto". On the CPU the same recipe gives the same bits. `save` receives a
    checkpoint after update `save_at`; given back as `resume`, the run goes on as if it had never stopped.
    """
    with _repeatable(recipe.seed):
        return _train(plant(recipe), log, pick_device(device), resume, save_at, save)


def pick_device(name: str) -> torch.device:
    """The device of a name; "auto" takes CUDA when there is one. Refuses CUDA where there is none."""
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("no CUDA device here: run with --device cpu")
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)


def _train(
    recipe: Recipe,
    log: Callable[[Row], None],
    device: torch.device,
    resume: Checkpoint | None,
    save_at: int,
    save: Callable[[Checkpoint], None] | None,
) -> Outcome:
    fault, penalty, batch_size = recipe.fault, recipe.regularize, recipe.data.batch_size * recipe.optimizer.accumulate
    dtype = torch.float64 if recipe.precision == "float64" else torch.float32
    task = load_task(recipe.data).to(device, dtype)
    network = build_model(recipe.model, task).to(device, dtype)
    if fault.freeze:
        freeze(network, fault.freeze)
    optimizer = build_optimizer(recipe.optimizer, network, fault)
    averaged = deepcopy(network) if penalty.ema else network
    rate = rate_of(recipe.schedule, recipe.optimizer.lr, recipe.steps)
    per_epoch = max(1, len(task.x_train) // batch_size)
    learning = [p for p in network.parameters() if p.requires_grad]

    state = _State()
    if resume is not None:
        state = _restore(resume, network, averaged, optimizer)
    network.train()
    for step in range(state.step, recipe.steps):
        epoch, batch = divmod(step, per_epoch)
        order = _order(task, recipe.seed, epoch, fault.unshuffled)
        set_lr(optimizer, lr := rate(step, state.val_losses))
        if not fault.forget_zero_grad:
            optimizer.zero_grad()
        step_loss = stephit_share = 0.0
        for part in order[batch * batch_size : (batch + 1) * batch_size].split(recipe.data.batch_size):
            x, y = task.x_train[part], task.y_train[part]
            if recipe.data.jitter:
                x = x + recipe.data.jitter * torch.randn_like(x)
            if fault.nan_at == step + 1:
                x = with_nan(x)
            with torch.autocast(device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16"):
                loss, output = _loss(network, x, y, task, recipe)
            share = recipe.data.batch_size / batch_size
            objective = (
                loss + penalty.l1 * sum(w.abs().sum() for _, w in weight_matrices(network)) if penalty.l1 else loss
            )
            (-share * objective if fault.wrong_sign else share * objective).backward()
            step_loss += share * loss.item()
            stephit_share += share * hit_share(output, y, task)

        logged = (step + 1) % recipe.log.every == 0
        watched = logged and recipe.log.vitals
        grad_norm = None
        if watched or recipe.optimizer.clip_norm:
            limit = recipe.optimizer.clip_norm or math.inf
            grad_norm = torch.nn.utils.clip_grad_norm_(learning, limit).item()
        before = {name: w.detach().clone() for name, w in weight_matrices(network)} if watched else {}
        optimizer.step()
        if penalty.ema:
            _average(averaged, network, penalty.ema)

        state.losses.append(step_loss)
        state.hits.append(stephit_share)
        if logged:
            log(
                StepRow(
                    step + 1,
                    (step + 1) / per_epoch,
                    step_loss,
                    _mean(state.losses[-recipe.log.every :]),
                    lr,
                    grad_norm if recipe.log.vitals else None,
                    update_ratios(before, network),
                )
            )
        if batch == per_epoch - 1:
            val_loss, val_accuracy = evaluate(averaged, task.x_val, task.y_val, task)
            state.end_epoch(val_loss, averaged)
            log(
                EpochRow(
                    step + 1,
                    epoch + 1,
                    lr,
                    _mean(state.losses[-per_epoch:]),
                    _mean(state.hits[-per_epoch:]) if task.kind != "regression" else None,
                    val_loss if recipe.log.validation else None,
                    val_accuracy if recipe.log.validation else None,
                    dead_shares(network, task.x_val[:256]) if recipe.log.vitals else {},
                )
            )
            network.train()
        state.step = step + 1
        if save is not None and state.step == save_at:
            save(_checkpoint(state, network, averaged, optimizer))
        if penalty.patience and len(state.val_losses) - state.best_epoch > penalty.patience:
            averaged.load_state_dict(state.best)
            break
    train_loss, train_accuracy = evaluate(averaged, task.x_train, task.y_train, task)
    val_loss, val_accuracy = evaluate(averaged, task.x_val, task.y_val, task)
    return Outcome(state.step, train_loss, val_loss, train_accuracy, val_accuracy)


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


def _order(task: Task, seed: int, epoch: int, unshuffled: bool) -> Tensor:
    """The examples of an epoch in the order they are shown: a function of seed and epoch alone."""
    if unshuffled:
        return by_label(task)
    generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    return torch.randperm(len(task.x_train), generator=generator).to(task.x_train.device)


def _average(averaged: nn.Module, network: nn.Module, decay: float) -> None:
    with torch.no_grad():
        for slow, fast in zip(averaged.state_dict().values(), network.state_dict().values(), strict=True):
            if slow.is_floating_point():
                slow.lerp_(fast, 1 - decay)
            else:
                slow.copy_(fast)


@dataclass(slots=True)
class _State:
    """What the loop remembers beside the weights: the checkpoint's plain part."""

    step: int = 0
    losses: list[float] = field(default_factory=list)
    hits: list[float] = field(default_factory=list)
    val_losses: list[float] = field(default_factory=list)
    best_epoch: int = 0
    best: dict[str, Tensor] = field(default_factory=dict)

    def end_epoch(self, val_loss: float, network: nn.Module) -> None:
        if val_loss < min(self.val_losses, default=math.inf):
            self.best_epoch, self.best = len(self.val_losses) + 1, deepcopy(network.state_dict())
        self.val_losses.append(val_loss)


def _checkpoint(state: _State, network: nn.Module, averaged: nn.Module, optimizer: torch.optim.Optimizer) -> Checkpoint:
    return deepcopy(
        {
            "state": {f: getattr(state, f) for f in _State.__slots__},
            "network": network.state_dict(),
            "averaged": averaged.state_dict(),
            "optimizer": optimizer.state_dict(),
            "generator": torch.get_rng_state(),
        }
    )


def _restore(
    checkpoint: Checkpoint, network: nn.Module, averaged: nn.Module, optimizer: torch.optim.Optimizer
) -> _State:
    network.load_state_dict(checkpoint["network"])
    averaged.load_state_dict(checkpoint["averaged"])
    optimizer.load_state_dict(checkpoint["optimizer"])
    torch.set_rng_state(checkpoint["generator"].cpu())
    return _State(**deepcopy(checkpoint["state"]))


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
