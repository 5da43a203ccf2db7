"""How a recipe is trained: one loop, every part of it on the page."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field

import torch
from torch import Tensor, distributed, nn

from .batches import batches, inputs
from .faults import plant
from .measure import Ensemble, evaluate, grad_norm, hit_share, idle_shares, peak_memory, plain_loss, update_ratios
from .models import weight_matrices
from .optimizers import set_lr
from .recipe import Recipe
from .setup import Checkpoint, Run, begin, checkpoint, pick_device, repeatable, together
from .tasks import Task

_AUTOCAST = {"bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True, slots=True)
class StepRow:
    """One logged update. `step` counts updates from 1; `loss` is of its batch alone, `mean_loss` the mean since
    the last row; `update_ratio` is ||new W - old W|| / ||old W|| per weight matrix, None when vitals are off.

    With `log.timing`: seconds per step and examples per second since the last row, without validation and writing,
    and the most memory held so far (MiB). Loss and rate are None only where a recorder is to leave them out.
    """

    step: int
    epoch: float
    loss: float | None
    mean_loss: float | None
    lr: float | None
    grad_norm: float | None
    update_ratio: Mapping[str, float]
    step_time: float | None = None
    throughput: float | None = None
    memory: float | None = None


@dataclass(frozen=True, slots=True)
class EpochRow:
    """One epoch, counted from 1, `step` updates into the run. Train values are means over the epoch's batches as
    they were met (dropout on, weights moving), validation values are measured afterwards, and so, with
    `log.both_modes`, are the `eval_train` values on the training set; None: not measured, or to be left out."""

    step: int
    epoch: int
    lr: float | None
    train_loss: float | None
    train_accuracy: float | None
    val_loss: float | None
    val_accuracy: float | None
    dead_share: Mapping[str, float]
    saturated_share: Mapping[str, float] = field(default_factory=dict)
    eval_train_loss: float | None = None
    eval_train_accuracy: float | None = None


Row = StepRow | EpochRow


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where the run ended: losses (and accuracies) over the whole sets, in evaluation mode, of the final `weights`
    (the best or averaged ones when the recipe asks for them; with snapshots, of their ensemble). `steps_per_second`
    leaves validation and writing out, and is no part of what repeats."""

    steps: int
    train_loss: float
    val_loss: float
    train_accuracy: float | None
    val_accuracy: float | None
    weights: Mapping[str, Tensor] = field(repr=False, compare=False, default_factory=dict)
    steps_per_second: float = field(compare=False, default=0.0)


def train(
    recipe: Recipe,
    log: Callable[[Row], None] = lambda row: None,
    device: str = "cpu",
    *,
    resume: Checkpoint | None = None,
    save_every: int = 0,
    save: Callable[[Checkpoint], None] = lambda checkpoint: None,
) -> Outcome:
    """Trains what the recipe says, hands every logged row to `log`, returns the outcome.

    `device` is "cpu", "cuda" or "auto". On the CPU the same recipe gives the same bits. `save` receives a
    checkpoint after every `save_every` updates; given back as `resume`, the run goes on as if it had never stopped.
    Processes started by torchrun train together; the first of them logs and saves.
    """
    target = pick_device(device)
    with repeatable(recipe.seed, target), together(target):
        run = begin(plant(recipe), target, resume)
        log, save = (log, save) if run.rank == 0 else (_silent, _silent)
        for step in range(run.state.step, recipe.steps):
            row = update(run, step)
            if row is not None:
                log(row)
            if (step + 1) % run.per_epoch == 0:
                log(end_epoch(run, step + 1))
            run.state.step = step + 1
            if save_every and run.state.step % save_every == 0:
                read_losses(run)
                save(checkpoint(run))
            patience = run.recipe.regularize.patience
            if patience and len(run.state.val_losses) - run.state.best_epoch >= patience:
                run.averaged.load_state_dict(run.state.best)
                break
        final = Ensemble(run.averaged, run.state.snapshots, run.task) if run.state.snapshots else run.averaged
        train_loss, train_accuracy = evaluate(final, run.task.x_train, run.task.y_train, run.task)
        val_loss, val_accuracy = evaluate(final, run.task.x_val, run.task.y_val, run.task)
    weights = {name: tensor.cpu() for name, tensor in run.averaged.state_dict().items()}
    pace = run.watch.steps_per_second()
    return Outcome(run.state.step, train_loss, val_loss, train_accuracy, val_accuracy, weights, pace)


def update(run: Run, step: int) -> StepRow | None:
    """One update of the weights, from the batches to the optimizer's step; its row when it is to be logged."""
    recipe, fault, network, state = run.recipe, run.recipe.fault, run.network, run.state
    run.watch.start()
    network.train(not (fault.forget_train_mode and state.val_losses))
    set_lr(run.optimizer, lr := run.rate(step, state.val_losses))
    if not fault.forget_zero_grad:
        run.optimizer.zero_grad()
    parts = batches(run, step)
    measured = torch.zeros(2, dtype=torch.float64, device=run.device)
    for part in parts:
        x, y = inputs(recipe, run.task, part, step), run.task.y_train[part]
        lower = _AUTOCAST.get(recipe.precision)
        with torch.autocast(run.device.type, lower or torch.bfloat16, enabled=lower is not None):
            batch_loss, output = _loss(run.forward, x, y, run.task, recipe)
        objective = (batch_loss + _penalty(network, recipe)) / len(parts)
        run.scaler.scale(-objective if fault.wrong_sign else objective).backward()
        measured += torch.stack([batch_loss.detach().double(), hit_share(output, y, run.task)]) / len(parts)
    run.scaler.unscale_(run.optimizer)

    logged = (step + 1) % recipe.log.every == 0
    watched = logged and recipe.log.vitals
    norm = grad_norm(network) if watched else None
    if recipe.optimizer.clip_norm:
        torch.nn.utils.clip_grad_norm_(network.parameters(), recipe.optimizer.clip_norm)
    before = {name: w.detach().clone() for name, w in weight_matrices(network)} if watched else {}
    run.scaler.step(run.optimizer)
    run.scaler.update()
    _average(run, step)
    if step + 1 in run.ends:
        kept = [*state.snapshots, deepcopy(run.averaged.state_dict())]
        state.snapshots = kept[-recipe.regularize.snapshots :]

    run.unread.append(measured)
    if logged or (step + 1) % run.per_epoch == 0:
        read_losses(run)
    ratios = update_ratios(before, network)
    run.watch.stop()
    if not logged:
        return None
    seconds = run.watch.seconds_per_step()
    timed = recipe.log.timing
    return StepRow(
        step=step + 1,
        epoch=(step + 1) / run.per_epoch,
        loss=state.losses[-1],
        mean_loss=_mean(state.losses[-recipe.log.every :]),
        lr=lr,
        grad_norm=None if norm is None else norm.item(),
        update_ratio=ratios,
        step_time=seconds if timed else None,
        throughput=recipe.update_size / seconds if timed else None,
        memory=peak_memory(run.device) if timed else None,
    )


def end_epoch(run: Run, updates: int) -> EpochRow:
    """Validation, and what the epoch came to on average."""
    recipe, task, state = run.recipe, run.task, run.state
    val_loss, val_accuracy = _agreed(
        evaluate(run.averaged, task.x_val, task.y_val, task, recipe.fault.forget_eval_mode), run
    )
    if val_loss < min(state.val_losses, default=math.inf):
        state.best_epoch, state.best = len(state.val_losses) + 1, deepcopy(run.averaged.state_dict())
    state.val_losses.append(val_loss)
    dead, saturated = idle_shares(run.network, task.x_val[:256]) if recipe.log.vitals else ({}, {})
    both = evaluate(run.averaged, task.x_train, task.y_train, task) if recipe.log.both_modes else (None, None)
    return EpochRow(
        step=updates,
        epoch=updates // run.per_epoch,
        lr=run.optimizer.param_groups[0]["lr"],
        train_loss=_mean(state.losses[-run.per_epoch :]),
        train_accuracy=_mean(state.hits[-run.per_epoch :]) if task.kind != "regression" else None,
        val_loss=val_loss if recipe.log.validation else None,
        val_accuracy=val_accuracy if recipe.log.validation else None,
        dead_share=dead,
        saturated_share=saturated,
        eval_train_loss=both[0],
        eval_train_accuracy=both[1],
    )


def _loss(
    forward: Callable[[Tensor], Tensor], x: Tensor, y: Tensor, task: Task, recipe: Recipe
) -> tuple[Tensor, Tensor]:
    """The loss that is descended, with label smoothing and mixup where asked, and the network's output."""
    smoothing, alpha = recipe.regularize.label_smoothing, recipe.regularize.mixup
    if not alpha:
        output = forward(x)
        return plain_loss(output, y, task, smoothing, recipe.fault.double_softmax), output
    share = float(torch.distributions.Beta(alpha, alpha).sample())
    other = torch.randperm(len(x)).to(x.device)
    output = forward(share * x + (1 - share) * x[other])
    straight, crossed = (plain_loss(output, t, task, smoothing, recipe.fault.double_softmax) for t in (y, y[other]))
    return share * straight + (1 - share) * crossed, output


def _penalty(network: nn.Module, recipe: Recipe) -> Tensor | float:
    """What l1 and l2 add to the loss: the sums of absolute and of half squared weights."""
    asked, weights = recipe.regularize, [weight for _, weight in weight_matrices(network)]
    penalty: Tensor | float = 0.0
    if asked.l1:
        penalty = penalty + asked.l1 * sum(weight.abs().sum() for weight in weights)
    if asked.l2:
        penalty = penalty + asked.l2 / 2 * sum(weight.pow(2).sum() for weight in weights)
    return penalty


def _average(run: Run, step: int) -> None:
    """Moves the slow copy: towards the weights by 1 - ema, or, from `polyak_from` on, so that it is their mean."""
    ema, start = run.recipe.regularize.ema, run.recipe.regularize.polyak_from
    if not (ema or start):
        return
    towards = 1 / max(step + 1 - start + 1, 1) if start else 1 - ema
    with torch.no_grad():
        for slow, fast in zip(run.averaged.state_dict().values(), run.network.state_dict().values(), strict=True):
            if slow.is_floating_point():
                slow.lerp_(fast, towards)
            else:
                slow.copy_(fast)


def read_losses(run: Run) -> None:
    """Brings the losses and hits of the last updates from the device: the one wait for it between two rows."""
    if not run.unread:
        return
    measured = torch.stack(run.unread)
    run.unread.clear()
    if run.world > 1:
        distributed.all_reduce(measured)
        measured /= run.world
    for loss, hits in measured.tolist():
        run.state.losses.append(loss)
        run.state.hits.append(hits)


def _agreed(values: tuple[float, float | None], run: Run) -> tuple[float, float | None]:
    """What the first process measured, for all: schedule and patience must decide alike everywhere."""
    if run.world == 1:
        return values
    shared = [values]
    distributed.broadcast_object_list(shared, src=0)
    return shared[0]


def _silent(value: object) -> None:
    """Takes what another process logs or saves."""


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
