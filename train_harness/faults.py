"""What can be planted: every fault as one switch of the recipe.

Faults of configuration are written into the recipe by `plant`, faults of the data into the task by `spoil`, faults of
the network into it by `cripple`. Faults of code (a forgotten zero_grad, a wrong sign, a mode that is not switched,
batches in the order of the labels, a broken batch) stand where they happen, in loop.py and batches.py.

    bad_init            "zero", "tiny" or "huge" weights at the start
    scale_lr            every rate times this
    no_decay            the schedule forgotten: warmup, then the base rate for good
    decay_at            the rate falls to a tenth at this step, early or late, whatever the schedule says
    no_warmup           the schedule begins at its full rate
    forget_zero_grad    gradients of all steps add up
    wrong_sign          the loss is climbed
    freeze              this layer gets no gradient
    detach              the output of this layer is detached: it and everything before it stop learning
    layer_lr            this layer's rate is multiplied by layer_lr_scale
    tiny_train_set      only so many training examples
    tiny_val_set        only so many validation examples
    leak                this share of the validation examples is taken from the training set
    shuffled_labels     the training targets are dealt out at random
    noisy_labels        this share of the training labels is replaced at random
    raw_inputs          inputs as no one scaled them: 100 + 100 x
    corrupt_every       every so many steps the inputs are large noise
    nan_at              one NaN in the inputs of this step
    unshuffled          every epoch shows the examples sorted by label
    small_model         this width instead of the recipe's, one layer deep
    large_model         this width instead of the recipe's
    strong_decay        this weight decay instead of the recipe's
    no_regularization   no weight decay, dropout, penalty, smoothing, mixing or disturbing of inputs
    double_softmax      the loss applies softmax to probabilities
    forget_train_mode   after the first validation the network stays in evaluation mode
    forget_eval_mode    validation is measured in training mode
    fp16_overflow       float16 with a loss scale that no one checks for overflow
    recurrent_gain      the recurrent weights of an rnn or gru times this
    dead_relus          biases of all hidden layers lowered by this, so that ReLUs never fire
    saturate            hidden weights times this, so that sigmoid or tanh begin at the ends of their range
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from .recipe import Fault, Recipe, Regularize, Schedule
from .tasks import Task


def plant(recipe: Recipe) -> Recipe:
    """The recipe with its faults of configuration written in."""
    fault = recipe.fault
    data, model, optimizer, schedule = recipe.data, recipe.model, recipe.optimizer, recipe.schedule
    regularize, precision = recipe.regularize, recipe.precision
    if fault.bad_init:
        model = replace(model, init=fault.bad_init)
    if fault.scale_lr != 1.0:
        optimizer = replace(optimizer, lr=optimizer.lr * fault.scale_lr)
    if fault.no_warmup:
        schedule = replace(schedule, warmup=0)
    if fault.no_decay:
        schedule = Schedule("constant", warmup=schedule.warmup)
    if fault.decay_at:
        schedule = Schedule("multi_step", warmup=schedule.warmup, drops=(fault.decay_at - schedule.warmup,))
    if fault.tiny_train_set:
        data = replace(data, train_size=fault.tiny_train_set)
    if fault.tiny_val_set:
        data = replace(data, val_size=fault.tiny_val_set)
    if fault.small_model:
        model = replace(model, width=fault.small_model, depth=1)
    if fault.large_model:
        model = replace(model, width=fault.large_model)
    if fault.no_regularization:
        model = replace(model, dropout=0.0, drop_connect=0.0, drop_path=0.0)
        optimizer, regularize, data = replace(optimizer, weight_decay=0.0), Regularize(), replace(data, jitter=0.0)
    if fault.strong_decay:
        optimizer = replace(optimizer, weight_decay=fault.strong_decay)
    if fault.fp16_overflow:
        precision = "float16"
    return replace(
        recipe,
        data=data,
        model=model,
        optimizer=optimizer,
        schedule=schedule,
        regularize=regularize,
        precision=precision,
    )


def spoil(task: Task, fault: Fault, seed: int) -> Task:
    """The task with the faults of its data; validation targets stay true."""
    generator = torch.Generator().manual_seed(seed)
    x_train, y_train, x_val, y_val = task.x_train, task.y_train, task.x_val, task.y_val
    if fault.leak:
        leaked = round(fault.leak * len(x_val))
        if leaked > len(x_train):
            raise ValueError(f"fault.leak = {fault.leak} asks for {leaked} training examples of {len(x_train)}")
        x_val, y_val = (torch.cat([t[:leaked], v[leaked:]]) for t, v in ((x_train, x_val), (y_train, y_val)))
    if fault.noisy_labels:
        if task.kind == "regression":
            raise ValueError("fault.noisy_labels needs classes; for a regression take fault.shuffled_labels")
        wrong = torch.rand(y_train.shape, generator=generator) < fault.noisy_labels
        y_train = torch.where(wrong, torch.randint(task.outputs, y_train.shape, generator=generator), y_train)
    if fault.shuffled_labels:
        y_train = y_train[torch.randperm(len(y_train), generator=generator)]
    if fault.raw_inputs:
        x_train, x_val = 100 + 100 * _numbers(x_train, "raw_inputs"), 100 + 100 * x_val
    return replace(task, x_train=x_train, y_train=y_train, x_val=x_val, y_val=y_val)


def cripple(network: nn.Module, fault: Fault) -> None:
    """Plants the faults of a network that has its first weights."""
    if fault.freeze:
        freeze(network, fault.freeze, "fault.freeze")
    if fault.detach:
        layer(network, fault.detach, "fault.detach").register_forward_hook(lambda module, args, output: output.detach())
    recurrent = [(name, p) for name, p in network.named_parameters() if ".weight_hh" in name]
    if fault.recurrent_gain != 1.0 and not recurrent:
        raise ValueError("fault.recurrent_gain needs model.kind = 'rnn' or 'gru': nothing recurs here")
    hidden = [m for n, m in network.named_modules() if n != "head" and isinstance(m, nn.Linear | nn.Conv2d)]
    with torch.no_grad():
        for _, weight in recurrent:
            weight.mul_(fault.recurrent_gain)
        for module in hidden:
            module.weight.mul_(fault.saturate)
            if fault.dead_relus and module.bias is not None:
                module.bias.sub_(fault.dead_relus)


def freeze(network: nn.Module, name: str, key: str) -> None:
    """Takes the gradient from every parameter of a layer; refuses a layer that is not there."""
    for parameter in layer(network, name, key).parameters():
        parameter.requires_grad_(False)


def layer(network: nn.Module, name: str, key: str) -> nn.Module:
    """The layer of that name; `key` is where the name came from."""
    found = dict(network.named_modules())
    if not name or name not in found:
        layers = ", ".join(child for child, _ in network.named_children())
        raise ValueError(f"{key} = {name!r}: the model has {layers}")
    return found[name]


class UncheckedScaler:
    """What GradScaler is not: a loss scale that stays, and steps that are taken whatever the gradients are."""

    SCALE = 2.0**24

    def scale(self, loss: Tensor) -> Tensor:
        return loss * self.SCALE

    def unscale_(self, optimizer: torch.optim.Optimizer) -> None:
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.grad.div_(self.SCALE)

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        optimizer.step()

    def update(self) -> None:
        """Nothing: that is the fault."""

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing is remembered."""


def with_nan(x: Tensor) -> Tensor:
    """The batch with one NaN in its first example, as a broken record brings it."""
    x = _numbers(x, "nan_at").clone()
    x[0].view(-1)[0] = torch.nan
    return x


def corrupted(x: Tensor, task: Task) -> Tensor:
    """Noise of sd 10 in place of the inputs; random characters in place of text."""
    if x.is_floating_point():
        return 10 * torch.randn_like(x)
    return torch.randint(task.outputs, x.shape).to(x.device)


def by_label(task: Task) -> Tensor:
    """The order of training examples sorted by their target."""
    return torch.argsort(
        task.y_train.flatten(1).to(torch.float64).mean(1) if task.y_train.ndim > 1 else task.y_train, stable=True
    )


def _numbers(x: Tensor, switch: str) -> Tensor:
    if not x.is_floating_point():
        raise ValueError(f"fault.{switch} needs inputs that are numbers; characters cannot be NaN or scaled")
    return x
