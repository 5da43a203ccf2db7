"""What can be planted: every fault as one switch of the recipe.

Faults of configuration are written into the recipe by `plant`; faults of code (a forgotten zero_grad, a wrong
sign, a NaN in the data, batches in the order of the labels) stand where they happen, in loop.py.

    bad_init            "zero", "tiny" or "huge" weights at the start
    scale_lr            every rate times this
    no_decay            the schedule forgotten: warmup, then the base rate for good
    decay_at            the rate falls to a tenth at this step and stays there, whatever the schedule says
    forget_zero_grad    gradients of all steps add up
    wrong_sign          the loss is climbed
    freeze              this layer gets no gradient
    layer_lr            this layer's rate is multiplied by layer_lr_scale
    tiny_train_set      only so many training examples
    small_model         this width instead of the recipe's, one layer deep
    strong_decay        this weight decay instead of the recipe's
    nan_at              one NaN in the inputs of this step
    double_softmax      the loss applies softmax to probabilities
    unshuffled          every epoch shows the examples sorted by label
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from .recipe import Recipe, Schedule
from .tasks import Task


def plant(recipe: Recipe) -> Recipe:
    """The recipe with its faults of configuration written in."""
    fault = recipe.fault
    data, model, optimizer, schedule = recipe.data, recipe.model, recipe.optimizer, recipe.schedule
    if fault.bad_init:
        model = replace(model, init=fault.bad_init)
    if fault.scale_lr != 1.0:
        optimizer = replace(optimizer, lr=optimizer.lr * fault.scale_lr)
    if fault.no_decay:
        schedule = Schedule("constant", warmup=schedule.warmup)
    if fault.decay_at:
        schedule = Schedule("multi_step", warmup=schedule.warmup, drops=(fault.decay_at - schedule.warmup,))
    if fault.tiny_train_set:
        data = replace(data, train_size=fault.tiny_train_set)
    if fault.small_model:
        model = replace(model, width=fault.small_model, depth=1)
    if fault.strong_decay:
        optimizer = replace(optimizer, weight_decay=fault.strong_decay)
    return replace(recipe, data=data, model=model, optimizer=optimizer, schedule=schedule)


def freeze(network: nn.Module, layer: str) -> None:
    """Takes the gradient from every parameter of a layer; refuses a layer that is not there."""
    found = [p for name, p in network.named_parameters() if name.startswith(f"{layer}.")]
    if not found:
        layers = ", ".join(name for name, _ in network.named_children())
        raise ValueError(f"fault.freeze = {layer!r}: the model has {layers}")
    for parameter in found:
        parameter.requires_grad_(False)


def with_nan(x: Tensor) -> Tensor:
    """The batch with one NaN in its first example, as a broken record brings it."""
    if not x.is_floating_point():
        raise ValueError("fault.nan_at needs inputs that are numbers; characters cannot be NaN")
    x = x.clone()
    x[0].view(-1)[0] = torch.nan
    return x


def by_label(task: Task) -> Tensor:
    """The order of training examples sorted by their target."""
    return torch.argsort(
        task.y_train.flatten(1).to(torch.float64).mean(1) if task.y_train.ndim > 1 else task.y_train, stable=True
    )
