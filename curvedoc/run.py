"""Run, Curve and Role: what was logged, frozen, checked once at the door."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import UsageError

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Role:
    """What a curve means. `better` is "low", "high" or "" when neither end is better; `layered` roles
    carry a layer in brackets, as in `update_ratio[fc1]`; `judged` roles are the ones vitals measure."""

    name: str
    better: str = ""
    layered: bool = False
    judged: bool = True
    says: str = ""


#: Every role there is. Unit and direction live here and nowhere else.
ROLES: Mapping[str, Role] = {
    r.name: r
    for r in (
        Role("train_loss", "low", says="loss on the training data"),
        Role("train_loss_part", "low", judged=False, says="one term of the training loss"),
        Role("val_loss", "low", says="loss on held-out data during training"),
        Role("val_loss_part", "low", judged=False, says="one term of the validation loss"),
        Role("test_loss", "low", judged=False, says="loss on a third set, beside validation"),
        Role("train_accuracy", "high", says="accuracy on the training data"),
        Role("val_accuracy", "high", says="accuracy on held-out data"),
        Role("train_metric", "", judged=False, says="another metric on the training data"),
        Role("val_metric", "high", says="another held-out metric, higher is better"),
        Role("val_metric_lower", "low", says="another held-out metric, lower is better"),
        Role("lr", says="learning rate"),
        Role("grad_norm", says="norm of the whole gradient"),
        Role("update_ratio", layered=True, says="norm of the update over norm of the weight, per layer"),
        Role("weight_norm", layered=True, judged=False, says="norm of the weights"),
        Role("dead_share", layered=True, says="share of units that are zero on every input"),
        Role("saturated_share", layered=True, judged=False, says="share of units at the end of their range"),
        Role("other_loss", judged=False, says="a loss that does not measure progress (GAN, RL, auxiliary)"),
        Role("reward", "high", judged=False, says="return or score of an agent"),
        Role("epoch", judged=False, says="epoch counter"),
        Role("step", judged=False, says="step counter"),
        Role("time", judged=False, says="seconds or throughput"),
        Role("summary", judged=False, says="one value of the whole run"),
        Role("system", judged=False, says="memory, FLOPs, parameter counts"),
    )
}


@lru_cache(maxsize=4096)
def role_of(key: str) -> tuple[Role, str | None]:
    """The Role and the layer of a role word.

    >>> role_of("update_ratio[fc1]")[1], role_of("lr")[0].name
    ('fc1', 'lr')
    >>> role_of("trainloss")
    Traceback (most recent call last):
    ...
    curvedoc.errors.UsageError: 'trainloss' is no role; did you mean 'train_loss'?
    """
    match = re.fullmatch(r"(\w+)(?:\[(.*)\])?", key, re.DOTALL)
    name, layer = (match[1], match[2]) if match else (key, None)
    role = ROLES.get(name)
    if role is None:
        import difflib

        near = difflib.get_close_matches(name, ROLES, 1, 0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"the roles are {', '.join(ROLES)}"
        raise UsageError(f"{name!r} is no role; {hint}")
    return role, layer


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Curve:
    """One logged quantity.

    `step (n,)` float64, strictly increasing, on the run's own axis; `value (n,)` float64, non-finite
    points kept; `wall_time (n,)` seconds or None. `tag` and `file` say where it was logged, `unit` is
    "percent", "share" or "", `cadence` is "step", "epoch" or "" when unknown. `resumed` are the steps at which
    the run was taken up again from a checkpoint, as far as the log shows it. Raises ValueError when
    shapes differ or steps do not increase: readers repair before they build one.
    """

    step: Array
    value: Array
    wall_time: Array | None = None
    tag: str = ""
    file: str = ""
    unit: str = ""
    cadence: str = ""
    resumed: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        step, value = np.asarray(self.step, np.float64), np.asarray(self.value, np.float64)
        if step.ndim != 1 or step.shape != value.shape:
            raise ValueError(f"step {step.shape} and value {value.shape} must be one-dimensional and equal in length")
        if len(step) and not (np.isfinite(step).all() and (np.diff(step) > 0).all()):
            raise ValueError("steps must be finite and strictly increasing")
        object.__setattr__(self, "step", step)
        object.__setattr__(self, "value", value)
        if self.wall_time is not None:
            wall_time = np.asarray(self.wall_time, np.float64)
            if wall_time.shape != step.shape:
                raise ValueError(f"wall_time {wall_time.shape} must have the shape of step {step.shape}")
            object.__setattr__(self, "wall_time", wall_time)

    def __len__(self) -> int:
        return len(self.step)

    def __repr__(self) -> str:
        span = f", {self.step[0]:g} to {self.step[-1]:g}" if len(self) else ""
        return f"<Curve {self.tag!r}: {len(self)} points{span}>"


@dataclass(frozen=True, slots=True)
class Note:
    """Something that a reader skipped or repaired: `what` in a sentence, `line` 1-based, `offset` in bytes."""

    file: str
    what: str
    line: int | None = None
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that gave no run, and why: unreadable (refused), or without a scalar in it (skipped)."""

    file: str
    why: str


#: What can be learned, as far as it changes how a loss is read; "other" for everything that is none of these.
TASKS = (
    *("classification", "regression", "language", "segmentation", "detection", "speech"),
    *("gan", "rl", "diffusion", "preference", "other"),
)


def known_task(word: str) -> str:
    """The word, if it is one of TASKS; UsageError with the nearest and all of them if not."""
    if word not in TASKS:
        import difflib

        near = difflib.get_close_matches(word.lower(), TASKS, 1, 0.6)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise UsageError(f"no task {word!r}{hint} (it is one of {', '.join(TASKS)})")
    return word


@dataclass(frozen=True, slots=True)
class Context:
    """What the caller knows and the log does not: number of classes, a loss that would be good (human or
    benchmark level), the task, one of TASKS. Raises UsageError for another task."""

    classes: int | None = None
    target_loss: float | None = None
    task: str | None = None

    def __post_init__(self) -> None:
        if self.task is not None:
            known_task(self.task)


@dataclass(frozen=True, slots=True)
class Tag:
    """One logged tag or column and what it was taken for; `role` None when nobody claimed it.

    `sure` is False when the name alone does not settle the role; `why` then says what would.
    """

    file: str
    tag: str
    role: str | None
    points: int
    first_step: float | None
    last_step: float | None
    sure: bool = True
    why: str = ""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Run:
    """One training run, on one step axis.

    `curves` maps a role word to its curves, the one to judge by first. `axis` says what a step counts:
    "step", "epoch" or "row". `steps_per_epoch` is in the unit of `axis`, None when unknown. `hyper` holds
    the hyper-parameters that the log has. `tags` lists every tag of every file, `notes` what was skipped
    or repaired, `formats` how the files are written. `path` is as given by the caller.
    """

    name: str
    curves: Mapping[str, tuple[Curve, ...]]
    path: str = ""
    axis: str = "step"
    steps_per_epoch: float | None = None
    hyper: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    tags: tuple[Tag, ...] = ()
    notes: tuple[Note, ...] = ()
    formats: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for key, curves in self.curves.items():
            role, layer = role_of(key)
            if role.layered and layer is None:
                raise ValueError(f"role {key!r} needs a layer in brackets")
            if not curves:
                raise ValueError(f"role {key!r} has no curve")

    def __repr__(self) -> str:
        held = ", ".join(f"{key} ({len(curves[0])} points)" for key, curves in self.curves.items())
        return f"<Run {self.name!r} by {self.axis}: {held or 'no curve'}>"

    def get(self, role: str) -> Curve | None:
        """The curve to judge by for a role word, or None when it was not logged."""
        curves = self.curves.get(role)
        return curves[0] if curves else None

    def by_epoch(self, curve: Curve) -> bool:
        """Whether the log says that a point of this curve tells of a whole epoch, by its name or by the axis.

        An axis of rows says nothing: they may be epochs or steps.
        """
        return curve.cadence == "epoch" or self.axis == "epoch"

    def layers(self, role: str) -> dict[str, Curve]:
        """Layer name to curve for a layered role, in the order of the log."""
        found = {}
        for key, curves in self.curves.items():
            base, layer = role_of(key)
            if base.name == role and layer is not None:
                found[layer] = curves[0]
        return found
