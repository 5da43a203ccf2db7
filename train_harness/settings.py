"""What does a user's configuration say of a run? The values in force, in the form that trainers store them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .faults import plant
from .recipe import Recipe
from .schedules import scaled_rate
from .tasks import Task, load_task


def settings(recipe: Recipe) -> dict[str, Any]:
    """The hyper-parameters of a training script, flat. Of planted faults they hold what a configuration would: the
    rate, size or schedule that is in use, and nothing of a fault that lies in the code or in the data.

    >>> found = settings(Recipe())
    >>> found["lr"], found["batch_size"], found["num_classes"], found["scheduler"]
    (0.1, 64, 10, 'constant')
    """
    used, task = plant(recipe), task_of(recipe)
    o, m = used.optimizer, used.model
    found = {
        "model": m.kind,
        "hidden_size": m.width,
        "num_layers": m.depth,
        "dropout": m.dropout or None,
        "freeze": " ".join(m.frozen) or None,
        "num_classes": task.outputs if task.kind != "regression" else None,
        "loss": "mse" if task.kind == "regression" else "cross_entropy",
        "label_smoothing": used.regularize.label_smoothing or None,
        "optimizer": o.kind,
        "lr": scaled_rate(o.lr, used.update_size, o.lr_batch),
        "momentum": o.momentum if o.kind in ("momentum", "nesterov") else None,
        "weight_decay": o.weight_decay,
        "max_grad_norm": o.clip_norm or None,
        "gradient_accumulation_steps": o.accumulate if o.accumulate > 1 else None,
        "scheduler": used.schedule.kind,
        "warmup_steps": used.schedule.warmup or None,
        "batch_size": used.data.batch_size,
        "max_steps": used.steps,
        "seed": used.seed,
    }
    return {key: value for key, value in found.items() if value is not None}


def renamed(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The settings that a trainer stores, under its own names; "a/b" nests b in a.

    >>> renamed({"lr": 0.1, "seed": 3}, {"lr": "SOLVER/BASE_LR", "dropout": "DROP", "seed": "SEED"})
    {'SOLVER': {'BASE_LR': 0.1}, 'SEED': 3}
    """
    nested: dict[str, Any] = {}
    for key, name in names.items():
        if key in values:
            *path, leaf = name.split("/")
            table = nested
            for part in path:
                table = table.setdefault(part, {})
            table[leaf] = values[key]
    return nested


def yaml(values: Mapping[str, Any]) -> str:
    """Nested mappings of scalars as YAML.

    >>> print(yaml({"SOLVER": {"BASE_LR": 0.1, "NESTEROV": False}, "x": None}), end="")
    SOLVER:
      BASE_LR: 0.1
      NESTEROV: false
    x: null
    """
    return "".join(f"{line}\n" for line in _lines(values, ""))


def task_of(recipe: Recipe) -> Task:
    """The data that the run is trained on, before what spoils them."""
    return load_task(plant(recipe).data)


def epochs_of(recipe: Recipe) -> int:
    """How many whole epochs the run is planned for, at least one."""
    used = plant(recipe)
    per_epoch = max(1, len(task_of(recipe).x_train) // used.update_size)
    return max(1, used.steps // per_epoch)


def _lines(values: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield f"{indent}{key}:"
            yield from _lines(value, indent + "  ")
        else:
            yield f"{indent}{key}: {_scalar(value)}"


def _scalar(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"{value:.6g}" if isinstance(value, float) else str(value)
