"""What is measured of a network: its loss and accuracy on a set, its update ratios, its dead units."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .models import weight_matrices
from .tasks import Task


def evaluate(network: nn.Module, x: Tensor, y: Tensor, task: Task) -> tuple[float, float | None]:
    """Mean plain loss and accuracy (None for regression) over a whole set, in evaluation mode."""
    network.eval()
    loss = hits = 0.0
    with torch.no_grad():
        for inputs, targets in zip(x.split(1024), y.split(1024), strict=True):
            output = network(inputs)
            loss += plain_loss(output, targets, task).item() * len(inputs)
            hits += hit_share(output, targets, task) * len(inputs)
    return loss / len(x), hits / len(x) if task.kind != "regression" else None


def dead_shares(network: nn.Module, x: Tensor) -> dict[str, float]:
    """Per ReLU layer, the share of its units (channels) that are zero on every input of `x (n, ...)`."""
    shares: dict[str, float] = {}

    def watch(name: str) -> Callable[[nn.Module, Any, Tensor], None]:
        def hook(module: nn.Module, inputs: Any, output: Tensor) -> None:
            units = output.transpose(1, -1).reshape(-1, output.shape[1]) if output.ndim == 4 else output.flatten(0, -2)
            shares[name] = (units <= 0).all(dim=0).double().mean().item()

        return hook

    hooks = [m.register_forward_hook(watch(n)) for n, m in network.named_modules() if isinstance(m, nn.ReLU)]
    network.eval()
    with torch.no_grad():
        network(x)
    for hook in hooks:
        hook.remove()
    return shares


def plain_loss(output: Tensor, y: Tensor, task: Task, smoothing: float = 0.0, double_softmax: bool = False) -> Tensor:
    """Mean squared error, or cross-entropy per prediction in nats."""
    if task.kind == "regression":
        return functional.mse_loss(output, y)
    logits = output.flatten(0, -2)
    if double_softmax:
        logits = logits.softmax(dim=-1)
    return functional.cross_entropy(logits, y.flatten(), label_smoothing=smoothing)


def hit_share(output: Tensor, y: Tensor, task: Task) -> float:
    """The share of right predictions; 0 for regression, which has none."""
    return (output.detach().argmax(dim=-1) == y).double().mean().item() if task.kind != "regression" else 0.0


def update_ratios(before: Mapping[str, Tensor], network: nn.Module) -> dict[str, float]:
    """||new W - old W|| / ||old W|| of each weight matrix, given the old ones."""
    now = dict(weight_matrices(network))
    return {name: ((now[name] - old).norm() / old.norm()).item() for name, old in before.items()}
