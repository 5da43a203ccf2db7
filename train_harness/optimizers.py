"""Which optimizer takes the step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer as TorchOptimizer

from .recipe import Fault, Optimizer


def build_optimizer(optimizer: Optimizer, network: nn.Module, fault: Fault) -> TorchOptimizer:
    """torch's own optimizer over all weights that learn.

    Every parameter group carries `rate_scale`, what its rate is times the schedule's: 1, save for the layer
    that `fault.layer_lr` names.
    """
    learning = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
    odd = [p for name, p in learning if fault.layer_lr and _in_layer(name, fault.layer_lr)]
    if fault.layer_lr and not odd:
        raise ValueError(f"fault.layer_lr = {fault.layer_lr!r}: the model has no such layer that learns")
    groups: list[dict[str, Any]] = [
        {"params": [p for _, p in learning if all(p is not o for o in odd)], "rate_scale": 1.0}
    ]
    if odd:
        groups.append({"params": odd, "rate_scale": fault.layer_lr_scale})
    return OPTIMIZERS[optimizer.kind](groups, optimizer)


def set_lr(optimizer: TorchOptimizer, lr: float) -> None:
    """Gives every parameter group its rate for the next step."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group["rate_scale"]


def _in_layer(name: str, layer: str) -> bool:
    return name == layer or name.startswith(f"{layer}.")


Groups = list[dict[str, Any]]

OPTIMIZERS: Mapping[str, Callable[[Groups, Optimizer], TorchOptimizer]] = {
    "sgd": lambda p, o: torch.optim.SGD(p, o.lr, weight_decay=o.weight_decay),
    "momentum": lambda p, o: torch.optim.SGD(p, o.lr, o.momentum, weight_decay=o.weight_decay),
    "nesterov": lambda p, o: torch.optim.SGD(p, o.lr, o.momentum, weight_decay=o.weight_decay, nesterov=True),
    "adagrad": lambda p, o: torch.optim.Adagrad(p, o.lr, weight_decay=o.weight_decay),
    "rmsprop": lambda p, o: torch.optim.RMSprop(p, o.lr, weight_decay=o.weight_decay),
    "adam": lambda p, o: torch.optim.Adam(p, o.lr, (o.momentum, o.beta2), weight_decay=o.weight_decay),
    "amsgrad": lambda p, o: torch.optim.Adam(p, o.lr, (o.momentum, o.beta2), weight_decay=o.weight_decay, amsgrad=True),
    "adamw": lambda p, o: torch.optim.AdamW(p, o.lr, (o.momentum, o.beta2), weight_decay=o.weight_decay),
    "radam": lambda p, o: torch.optim.RAdam(p, o.lr, (o.momentum, o.beta2), weight_decay=o.weight_decay),
}
