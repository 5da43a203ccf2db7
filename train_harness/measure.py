"""What is measured of a run: loss and accuracy on a set, update ratios, idle units, time and memory."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .models import weight_matrices
from .tasks import Task

#: A tanh or sigmoid counts as saturated when it is this close to an end of its range, in shares of that range.
SATURATED = 0.01


def evaluate(
    network: nn.Module, x: Tensor, y: Tensor, task: Task, training: bool = False
) -> tuple[float, float | None]:
    """Mean plain loss and accuracy (None for regression) over a whole set, in evaluation mode unless `training`."""
    network.train(training)
    # The layers of 1024 images of 32x32 do not fit the cache of a CPU; in parts that do they take 40 % of the time.
    part = 1024 if x.is_cuda else max(16, min(1024, 2**18 // x[0].numel()))
    loss = hits = 0.0
    with torch.no_grad():
        for inputs, targets in zip(x.split(part), y.split(part), strict=True):
            output = network(inputs)
            loss += plain_loss(output, targets, task).item() * len(inputs)
            hits += hit_share(output, targets, task).item() * len(inputs)
    return loss / len(x), hits / len(x) if task.kind != "regression" else None


class Ensemble(nn.Module):
    """Networks that answer together: the mean of their probabilities, as its logarithm, or of their predictions."""

    def __init__(self, network: nn.Module, snapshots: Sequence[Mapping[str, Tensor]], task: Task) -> None:
        super().__init__()
        self.members = nn.ModuleList(deepcopy(network) for _ in snapshots)
        self.numbers = task.kind == "regression"
        for member, weights in zip(self.members, snapshots, strict=True):
            member.load_state_dict(weights)

    def forward(self, x: Tensor) -> Tensor:
        outputs = torch.stack([member(x) for member in self.members])
        return outputs.mean(0) if self.numbers else outputs.softmax(-1).mean(0).log()


def idle_shares(network: nn.Module, x: Tensor) -> tuple[dict[str, float], dict[str, float]]:
    """Of each ReLU layer the share of units (channels) that are zero on every input of `x (n, ...)`; of each tanh or
    sigmoid layer the share of values within SATURATED of an end of its range."""
    highest: dict[str, Tensor] = {}
    ends: dict[str, list[Tensor]] = {}

    def watch(name: str) -> Callable[[nn.Module, Any, Tensor], None]:
        def hook(module: nn.Module, inputs: Any, output: Tensor) -> None:
            if isinstance(module, nn.ReLU):
                peak = output.amax((0, 2, 3) if output.ndim == 4 else tuple(range(output.ndim - 1)))
                highest[name] = torch.maximum(highest.get(name, peak), peak)
            else:
                place = (output + 1) / 2 if isinstance(module, nn.Tanh) else output
                at_end = (place < SATURATED) | (place > 1 - SATURATED)
                ends.setdefault(name, []).append(at_end.flatten(1).double().mean(1))

        return hook

    kinds = nn.ReLU | nn.Tanh | nn.Sigmoid
    hooks = [m.register_forward_hook(watch(n)) for n, m in network.named_modules() if isinstance(m, kinds)]
    network.eval()
    with torch.no_grad():
        for part in x.split(64):  # 256 images at once do not fit the cache of a CPU and take twice as long
            network(part)
    for hook in hooks:
        hook.remove()
    dead = {name: (peak <= 0).double().mean().item() for name, peak in highest.items()}
    return dead, {name: torch.cat(shares).mean().item() for name, shares in ends.items()}


def plain_loss(output: Tensor, y: Tensor, task: Task, smoothing: float = 0.0, double_softmax: bool = False) -> Tensor:
    """Mean squared error, or cross-entropy per prediction in nats."""
    if task.kind == "regression":
        return functional.mse_loss(output, y)
    logits = output.flatten(0, -2)
    if double_softmax:
        logits = logits.softmax(dim=-1)
    return functional.cross_entropy(logits, y.flatten(), label_smoothing=smoothing)


def hit_share(output: Tensor, y: Tensor, task: Task) -> Tensor:
    """The share of right predictions, in double precision; 0 for regression, which has none."""
    if task.kind == "regression":
        return torch.zeros((), dtype=torch.float64, device=output.device)
    return (output.detach().argmax(dim=-1) == y).double().mean()


def grad_norm(network: nn.Module) -> Tensor:
    """The norm of the whole gradient. It is only looked at: clipping to infinity, the usual way to read it, multiplies
    every gradient by NaN where one has overflowed."""
    norms = [p.grad.norm() for p in network.parameters() if p.grad is not None]
    return torch.stack(norms).norm()


def update_ratios(before: Mapping[str, Tensor], network: nn.Module) -> dict[str, float]:
    """||new W - old W|| / ||old W|| of each weight matrix, given the old ones."""
    if not before:
        return {}
    now = dict(weight_matrices(network))
    ratios = torch.stack([(now[name] - old).norm() / old.norm() for name, old in before.items()])
    return dict(zip(before, ratios.tolist(), strict=True))


@dataclass(slots=True)
class Stopwatch:
    """Seconds spent on updates, in all and up to the last row; validation and writing do not count."""

    began: float = 0.0
    seconds: float = 0.0
    steps: int = 0
    last_seconds: float = 0.0
    last_steps: int = 0

    def start(self) -> None:
        self.began = time.perf_counter()

    def stop(self) -> None:
        self.seconds += time.perf_counter() - self.began
        self.steps += 1

    def seconds_per_step(self) -> float:
        """The mean since the last call."""
        mean = (self.seconds - self.last_seconds) / (self.steps - self.last_steps)
        self.last_seconds, self.last_steps = self.seconds, self.steps
        return mean

    def steps_per_second(self) -> float:
        """The mean of the whole run; 0 before its first update."""
        return self.steps / self.seconds if self.steps else 0.0


def peak_memory(device: torch.device) -> float:
    """The most memory held so far, in MiB: on the device by tensors, or by the process on the CPU."""
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device)) / 2**20
    peak: int = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
