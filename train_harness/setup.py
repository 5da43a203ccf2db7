"""What stands ready before the first update: device, processes, task, network, optimizer, rate."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, distributed, nn

from .faults import UncheckedScaler, cripple, freeze, spoil
from .measure import Stopwatch
from .models import build_model
from .optimizers import build_optimizer
from .recipe import Recipe
from .schedules import Rate, cycle_ends, rate_of, scaled_rate
from .tasks import Task, load_task

Checkpoint = dict[str, Any]


@dataclass(slots=True)
class State:
    """What a run remembers beside its weights: the plain part of a checkpoint."""

    step: int = 0
    losses: list[float] = field(default_factory=list)
    hits: list[float] = field(default_factory=list)
    val_losses: list[float] = field(default_factory=list)
    best_epoch: int = 0
    best: dict[str, Tensor] = field(default_factory=dict)
    snapshots: list[dict[str, Tensor]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Run:
    """A run under way. `forward` is `network` as it is trained: compiled, or shared between processes, where asked.

    `averaged` is the network that is validated: the network itself unless `ema` or `polyak_from` ask for a slow
    copy; `per_epoch` counts updates; `unread` holds losses and hits still on the device; `ends` are the updates at
    which a cycle of the schedule is over.
    """

    recipe: Recipe
    task: Task
    network: nn.Module
    forward: Callable[[Tensor], Tensor]
    averaged: nn.Module
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler | UncheckedScaler
    rate: Rate
    per_epoch: int
    ends: frozenset[int]
    state: State
    device: torch.device
    rank: int = 0
    world: int = 1
    watch: Stopwatch = field(default_factory=Stopwatch)
    unread: list[Tensor] = field(default_factory=list)


def begin(recipe: Recipe, device: torch.device, resume: Checkpoint | None) -> Run:
    """The run of a recipe before its first update, or where a checkpoint left it."""
    rank, world = place()
    dtype = torch.float64 if recipe.precision == "float64" else torch.float32
    task = spoil(load_task(recipe.data), recipe.fault, recipe.data.seed + 1).to(device, dtype)
    _refuse_what_does_not_fit(recipe, task, world)
    layout = torch.channels_last if recipe.channels_last else torch.preserve_format
    network = build_model(recipe.model, task).to(device, dtype, memory_format=layout)
    cripple(network, recipe.fault)
    for name in recipe.model.frozen:
        freeze(network, name, "model.frozen")
    optimizer = build_optimizer(recipe.optimizer, network, recipe.fault)
    slow = recipe.regularize.ema or recipe.regularize.polyak_from
    averaged = deepcopy(network) if slow else network
    if recipe.fault.fp16_overflow:
        scaler: torch.amp.GradScaler | UncheckedScaler = UncheckedScaler()
    else:
        scaler = torch.amp.GradScaler(device.type, enabled=recipe.precision == "float16" and device.type == "cuda")
    lr = scaled_rate(recipe.optimizer.lr, recipe.update_size, recipe.optimizer.lr_batch)
    state = State()
    if resume is not None:
        if len(resume["generators"]) != world:
            raise ValueError(f"the checkpoint is of {len(resume['generators'])} processes, and this run has {world}")
        network.load_state_dict(resume["network"])
        averaged.load_state_dict(resume["averaged"])
        optimizer.load_state_dict(resume["optimizer"])
        scaler.load_state_dict(resume["scaler"])
        state = State(**deepcopy(resume["state"]))
    forward: Callable[[Tensor], Tensor] = network
    if world > 1:
        forward = nn.parallel.DistributedDataParallel(network, find_unused_parameters=bool(recipe.fault.detach))
    if recipe.compile:
        try:
            forward = torch.compile(forward, backend=recipe.compile)
        except RuntimeError as error:
            raise ValueError(f"compile = {recipe.compile!r}: {error}") from None
    if resume is not None:
        torch.set_rng_state(resume["generators"][rank])
    elif rank:
        torch.manual_seed(recipe.seed + 1_000_003 * rank)
    return Run(
        recipe,
        task,
        network,
        forward,
        averaged,
        optimizer,
        scaler,
        rate_of(recipe.schedule, lr, recipe.steps),
        max(1, len(task.x_train) // recipe.update_size),
        frozenset(cycle_ends(recipe.schedule, recipe.steps)) if recipe.regularize.snapshots else frozenset(),
        state,
        device,
        rank,
        world,
    )


def checkpoint(run: Run) -> Checkpoint:
    """Everything that `begin` needs to go on as if the run had never stopped (the state of CUDA's generator is not
    kept). Every process of a run must ask for it."""
    generators = [torch.get_rng_state()] * run.world
    if run.world > 1:
        distributed.all_gather_object(generators, torch.get_rng_state())
    return deepcopy(
        {
            "state": {name: getattr(run.state, name) for name in State.__slots__},
            "network": run.network.state_dict(),
            "averaged": run.averaged.state_dict(),
            "optimizer": run.optimizer.state_dict(),
            "scaler": run.scaler.state_dict(),
            "generators": generators,
        }
    )


def pick_device(name: str) -> torch.device:
    """The device of a name; "auto" takes CUDA when there is one. Refuses CUDA where there is none.

    A process started by torchrun takes the card of its LOCAL_RANK.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("no CUDA device here: run with --device cpu")
    if name == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def place() -> tuple[int, int]:
    """This process's rank and the number of processes that train together."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


#: Seconds in which threads that wait for the interpreter get it; they need some microseconds of it.
LET_GO = 0.1


@contextmanager
def together(device: torch.device) -> Iterator[None]:
    """Joins the processes that torchrun started (NCCL on CUDA, else gloo); one process alone needs nothing."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or distributed.is_initialized():
        yield
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield
    finally:
        # Gloo's thread needs the interpreter to drop the last gradients it shared. The group is joined by whoever lets
        # go of it last, the wrapped model, without giving the interpreter away: both would wait for ever.
        time.sleep(LET_GO)
        distributed.destroy_process_group()


@contextmanager
def repeatable(seed: int, device: torch.device) -> Iterator[None]:
    """Seeded generators and, on the CPU, one thread and deterministic kernels; the caller's settings come back."""
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(device.type == "cpu", warn_only=True)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(deterministic)


def _refuse_what_does_not_fit(recipe: Recipe, task: Task, world: int) -> None:
    asked, images = recipe.regularize, task.x_train.ndim == 4
    if task.kind == "language" and (recipe.data.jitter or asked.mixup):
        raise ValueError("data.jitter and regularize.mixup need inputs that are numbers; characters cannot be mixed")
    if not images and (asked.shift or asked.flip or asked.cutout):
        raise ValueError("regularize.shift, flip and cutout need images; the inputs of this task are none")
    if recipe.data.batch_size % world:
        raise ValueError(f"data.batch_size = {recipe.data.batch_size} cannot be shared evenly by {world} processes")
    if world > 1 and len(task.x_train) < recipe.update_size:
        raise ValueError(
            f"{len(task.x_train)} training examples do not fill an update of {recipe.update_size} for {world} processes"
        )
