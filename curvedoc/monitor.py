"""How does a training loop keep the curves of a run in memory, and ask about them at any time? Monitor."""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from .assemble import assemble
from .engine import judge
from .errors import UsageError
from .readers.log import Log, Series
from .report import Report
from .rulebook import load_rules
from .run import Context, Note, Run

if TYPE_CHECKING:
    import torch

KEEP = 20_000  # points per tag: half a megabyte, and more than any measurement of a curve needs


class Monitor:
    """The curves of one run while it trains.

        monitor = Monitor("resnet", classes=10)
        monitor.watch(model, optimizer)
        for step, (x, y) in enumerate(loader):
            ...
            optimizer.step()
            monitor.log(step, train_loss=loss)
        print(monitor.report())

    `classes`, `target_loss`, `task` and `roles` are as in `curvedoc.diagnose`. `keep` bounds the memory: when a
    tag exceeds that many points, one of every two so far is let go (a number rather than a NaN), and the report
    says so.
    """

    def __init__(
        self,
        name: str = "run",
        *,
        classes: int | None = None,
        target_loss: float | None = None,
        task: str | None = None,
        roles: Mapping[str, str] | None = None,
        keep: int = KEEP,
    ) -> None:
        if keep < 2:
            raise UsageError(f"keep={keep} leaves no curve; it takes at least 2 points per tag")
        self.name = name
        self.context = Context(classes, target_loss, task)
        self.roles = dict(roles or {})
        self.keep = keep
        self._tags: dict[str, _Points] = {}
        self._step: float = 0
        self._watched: dict[str, _Mean] = {}

    def log(
        self, step: float | Mapping[str, Any] | None = None, logs: Mapping[str, Any] | None = None, /, **values: Any
    ) -> None:
        """Take down numbers: `log(step, train_loss=loss)`, `log(step, logs)`, or a dict alone, `log(logs)`.

        A value is anything that `float()` takes, a tensor of one element included; None is left out. Without a
        step (`step=` as a keyword, or a "step" in the dict, serves as well) the values belong to the step of the
        last call, or to the next one when one of these tags has a value there already: logging train_loss per
        batch and val_loss per epoch needs no counter. Raises UsageError for a value or a step that is no number.
        """
        if isinstance(step, Mapping):
            logs, step = {**step, **(logs or {})}, None
        numbers: dict[str, Any] = {**(logs or {}), **values}
        given = numbers.pop("step", None) if step is None else step
        points = {tag: mean.value for tag, mean in self._watched.items()}
        points |= {tag: _number(tag, value) for tag, value in numbers.items() if value is not None}
        if given is not None:
            self._step = _number("step", given)
            if not math.isfinite(self._step):
                raise UsageError(f"step is {self._step}: a step must be a finite number")
        elif any(tag in self._tags and self._tags[tag].step[-1] >= self._step for tag in points):
            self._step += 1
        self._watched.clear()
        for tag, value in points.items():
            self._tags.setdefault(tag, _Points()).add(self._step, value, self.keep)

    def watch(self, model: torch.nn.Module, optimizer: torch.optim.Optimizer, *, every: int = 1) -> Callable[[], None]:
        """Measure what the optimizer really does, and log it with the next call of `log`.

        At every `every`-th `optimizer.step()`: per weight matrix `update_ratio[layer]`, the norm of its change
        over the norm of the weight (biases and normalisation gains have no scale to compare with), `grad_norm`
        of the whole gradient as the optimizer met it, so behind any clipping, and `lr`. Between two calls of
        `log` they are averaged, and a NaN stays one; a tag that you log yourself goes before. A measured step
        costs one copy of the weights. Returns a function that ends the watching.
        """
        import torch

        if every < 1:
            raise UsageError(f"every={every}: it takes a whole number of optimizer steps from 1 up")
        while hasattr(optimizer, "optimizer"):  # Accelerate and Lightning wrap the one that steps
            optimizer = optimizer.optimizer
        steps = 0
        before: dict[str, torch.Tensor] = {}

        def norms(tensors: Sequence[torch.Tensor]) -> list[float]:
            dense = [t.coalesce().values() if t.is_sparse else t for t in tensors]
            each = [torch.linalg.vector_norm(t, dtype=torch.promote_types(t.dtype, torch.float32)) for t in dense]
            together: list[float] = torch.stack([n.float().to(each[0].device) for n in each]).tolist() if each else []
            return together

        def remember(*_: Any) -> None:
            nonlocal steps
            steps += 1
            if (steps - 1) % every:
                return
            groups = optimizer.param_groups
            rates = [float(group["lr"]) for group in groups]
            for number, rate in enumerate(rates if len(set(rates)) > 1 else rates[:1]):
                self._measured(f"lr/{number}" if len(set(rates)) > 1 else "lr", rate)
            grads = norms([p.grad.detach() for group in groups for p in group["params"] if p.grad is not None])
            if grads:
                self._measured("grad_norm", math.hypot(*grads))
            before.update((layer, weight.clone()) for layer, weight in _matrices(model))

        def compare(*_: Any) -> None:
            pairs = [(layer, before[layer], weight) for layer, weight in _matrices(model) if layer in before]
            before.clear()
            changes, sizes = norms([new - old for _, old, new in pairs]), norms([old for _, old, _ in pairs])
            for (layer, _, _), change, size in zip(pairs, changes, sizes, strict=True):
                if size > 0 or math.isnan(size):  # a weight of zero has no ratio
                    self._measured(f"update_ratio/{layer}", change / size)

        handles = (optimizer.register_step_pre_hook(remember), optimizer.register_step_post_hook(compare))

        def stop() -> None:
            for handle in handles:
                handle.remove()

        return stop

    def run(self) -> Run:
        """What was logged so far, as a Run. Raises UsageError when nothing was."""
        if not self._tags:
            raise UsageError("nothing was logged: call log(step, train_loss=loss) in the training loop first")
        series = tuple(Series(tag, np.array(p.step), np.array(p.value)) for tag, p in self._tags.items())
        notes = tuple(
            Note("", f"{tag!r}: {p.dropped} of {p.dropped + len(p.step)} points were let go to bound the memory")
            for tag, p in self._tags.items()
            if p.dropped
        )
        return assemble([Log("", "monitor", series, notes=notes)], name=self.name, path="", roles=self.roles)

    def report(self) -> Report:
        """The diagnosis of what was logged so far. Raises UsageError when nothing was."""
        return judge(self.run(), load_rules(), self.context)

    def _measured(self, tag: str, value: float) -> None:
        self._watched.setdefault(tag, _Mean()).add(value)


@dataclass(slots=True)
class _Mean:
    """The mean of numbers that come one by one; a NaN among them makes it one."""

    total: float = 0.0
    count: int = 0

    def add(self, value: float) -> None:
        self.total += value
        self.count += 1

    @property
    def value(self) -> float:
        return self.total / self.count


@dataclass(slots=True)
class _Points:
    """One tag: steps and values side by side, and how many were let go."""

    step: array[float] = field(default_factory=lambda: array("d"))
    value: array[float] = field(default_factory=lambda: array("d"))
    dropped: int = 0

    def add(self, step: float, value: float, keep: int) -> None:
        self.step.append(step)
        self.value.append(value)
        if len(self.value) > keep:
            kept = [0]  # the first, then of each pair the later one, unless that lets a NaN go
            for n in range(1, len(self.value), 2):
                later = min(n + 1, len(self.value) - 1)
                kept.append(n if math.isfinite(self.value[later]) and not math.isfinite(self.value[n]) else later)
            self.dropped += len(self.value) - len(kept)
            self.step = array("d", (self.step[n] for n in kept))
            self.value = array("d", (self.value[n] for n in kept))


def _number(tag: str, value: Any) -> float:
    try:
        return float(value.detach() if hasattr(value, "detach") else value)  # a loss that still holds its graph
    except (TypeError, ValueError, RuntimeError) as error:
        shape = f" of shape {tuple(value.shape)}" if hasattr(value, "shape") else f" {value!r:.60}"
        raise UsageError(
            f"{tag} is a {type(value).__name__}{shape}, not a number; log one number, such as its mean"
        ) from error


def _matrices(model: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Every trainable weight of two or more dimensions, by the name of its layer."""
    for name, weight in model.named_parameters():
        if weight.requires_grad and weight.ndim >= 2:
            yield re.sub(r"(^|(?<=\.))(module|_orig_mod)\.", "", name).removesuffix(".weight"), weight.detach()
