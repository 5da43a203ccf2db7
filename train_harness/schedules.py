"""Which learning rate a step gets: every schedule a plain function of the step.

`t` counts updates from 0, `lr` is the base (for one-cycle and triangular the peak) rate, `steps` the length of
the run; each returns the rate of update `t`. Where torch.optim.lr_scheduler has the same schedule, the tests
hold the two together to 1e-9.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence

from .recipe import Schedule
from .strict import nearest

Rate = Callable[[int, Sequence[float]], float]


def rate_of(schedule: Schedule, lr: float, steps: int) -> Rate:
    """The rate as a function of the update `t` and the validation losses so far (only `plateau` looks at them).

    Linear warmup takes the first `warmup` updates, from lr / warmup up to the schedule's first rate; the
    schedule then runs over the remaining steps.
    """
    check_schedule(schedule)
    arguments = {key: value for key in _keywords(schedule.kind) if (value := getattr(schedule, key)) is not None}
    warmup = schedule.warmup

    def rate(t: int, val_losses: Sequence[float] = ()) -> float:
        if schedule.kind == "plateau":
            settled = reduce_on_plateau(val_losses, lr, **arguments)
        else:
            settled = SCHEDULES[schedule.kind](max(t - warmup, 0), lr, max(steps - warmup, 1), **arguments)
        return settled * (t + 1) / warmup if t < warmup else settled

    return rate


def scaled_rate(lr: float, batch: int, lr_batch: int) -> float:
    """The linear scaling rule: `lr`, chosen for updates of `lr_batch` examples, for updates of `batch` (Goyal et al.,
    2017). It wants a warmup beside it. `lr_batch` 0 leaves the rate alone.

    >>> scaled_rate(0.1, 1024, 256)
    0.4
    """
    return lr * batch / lr_batch if lr_batch else lr


def cycle_ends(schedule: Schedule, steps: int) -> list[int]:
    """The updates after which a cosine_restarts schedule starts again, and the last update of the run.

    >>> cycle_ends(Schedule("cosine_restarts", warmup=5, cycle=10, stretch=2), 100)
    [15, 35, 75, 100]
    """
    ends, length = [], schedule.cycle or steps
    end = schedule.warmup + length
    while end < steps:
        ends.append(end)
        length *= schedule.stretch or 1
        end += length
    return [*ends, steps]


def check_schedule(schedule: Schedule) -> None:
    """Raises ValueError for an unknown kind, a key that the kind does not use, or one that it lacks."""
    if schedule.kind not in KINDS:
        raise ValueError(f"schedule.kind = {schedule.kind!r} is unknown; {nearest(schedule.kind, KINDS)}")
    used = _keywords(schedule.kind)
    given = [
        k for k in Schedule.__dataclass_fields__ if k not in ("kind", "warmup") and getattr(schedule, k) is not None
    ]
    extra = [key for key in given if key not in used]
    if extra:
        takes = ", ".join(used) or "no further key"
        raise ValueError(f"schedule.{extra[0]} means nothing to a {schedule.kind!r} schedule, which takes {takes}")
    missing = [key for key, needed in used.items() if needed and key not in given]
    if missing:
        raise ValueError(f"a {schedule.kind!r} schedule needs schedule.{missing[0]}")
    for key in ("every", "cycle", "stretch"):
        if (count := getattr(schedule, key)) is not None and count < 1:
            raise ValueError(f"schedule.{key} = {count} must be at least 1")
    for key in ("up", "stable"):
        if (share := getattr(schedule, key)) is not None and not 0 < share < 1:
            raise ValueError(f"schedule.{key} = {share} must be a share of the run, between 0 and 1")


def constant(t: int, lr: float, steps: int) -> float:
    """The same rate throughout."""
    return lr


def step(t: int, lr: float, steps: int, *, every: int, gamma: float = 0.1) -> float:
    """Times `gamma` every `every` updates."""
    return lr * gamma ** (t // every)


def multi_step(t: int, lr: float, steps: int, *, drops: Sequence[int], gamma: float = 0.1) -> float:
    """Times `gamma` at each update named in `drops`."""
    return lr * gamma ** sum(t >= drop for drop in drops)


def exponential(t: int, lr: float, steps: int, *, gamma: float) -> float:
    """Times `gamma` at every update."""
    return lr * gamma**t


def one_over_t(t: int, lr: float, steps: int, *, rate: float) -> float:
    """lr / (1 + rate t)."""
    return lr / (1 + rate * t)


def inverse_sqrt(t: int, lr: float, steps: int, *, timescale: float) -> float:
    """lr / sqrt(1 + t / timescale)."""
    return lr / math.sqrt(1 + t / timescale)


def linear(t: int, lr: float, steps: int, *, floor: float = 0.0) -> float:
    """A straight line from lr to `floor` times lr at the end."""
    return lr * (1 - (1 - floor) * min(t / steps, 1.0))


def polynomial(t: int, lr: float, steps: int, *, power: float = 2.0) -> float:
    """lr (1 - t / steps)^power."""
    return lr * float(max(1 - t / steps, 0.0) ** power)


def cosine(t: int, lr: float, steps: int, *, floor: float = 0.0) -> float:
    """Half a cosine from lr down to `floor` times lr (Loshchilov and Hutter, 2017)."""
    low = floor * lr
    return low + (lr - low) * (1 + math.cos(math.pi * min(t / steps, 1.0))) / 2


def cosine_restarts(t: int, lr: float, steps: int, *, cycle: int, stretch: int = 1, floor: float = 0.0) -> float:
    """Cosines that start again at lr; each cycle is `stretch` times as long as the one before (SGDR)."""
    while t >= cycle:
        t, cycle = t - cycle, cycle * stretch
    return cosine(t, lr, cycle, floor=floor)


def one_cycle(t: int, lr: float, steps: int, *, up: float = 0.3, start: float = 0.04, floor: float = 4e-6) -> float:
    """Cosine up from `start` lr to lr over the share `up` of the run, cosine down to `floor` lr (Smith, 2018)."""
    peak = up * steps - 1
    if 0 < peak >= t:
        return lr + (start * lr - lr) * (1 + math.cos(math.pi * t / peak)) / 2
    return floor * lr + (lr - floor * lr) * (1 + math.cos(math.pi * (t - peak) / (steps - 1 - peak))) / 2


def triangular(t: int, lr: float, steps: int, *, cycle: int, floor: float = 0.1) -> float:
    """Straight lines between `floor` lr and lr, `cycle` updates from low to low (cyclical rates, Smith, 2017)."""
    phase = (t % cycle) / cycle
    return lr * (floor + (1 - floor) * (1 - abs(2 * phase - 1)))


def wsd(t: int, lr: float, steps: int, *, stable: float = 0.8, floor: float = 0.0) -> float:
    """Warmup-stable-decay: lr for the share `stable` of the run, then a straight line to `floor` lr."""
    turn = stable * steps
    return lr if t < turn else linear(t - turn, lr, steps - turn, floor=floor)  # type: ignore[arg-type]


def table(t: int, lr: float, steps: int, *, table: Sequence[Sequence[float]]) -> float:
    """By hand: [[from_update, rate], ...]; each rate holds until the next; before the first, lr."""
    return next((rate for start, rate in reversed(table) if t >= start), lr)


def reduce_on_plateau(
    val_losses: Sequence[float],
    lr: float,
    *,
    gamma: float = 0.1,
    patience: int = 10,
    threshold: float = 1e-4,
    cooldown: int = 0,
) -> float:
    """Times `gamma` once more than `patience` epochs in a row brought no loss below best (1 - threshold)."""
    best, bad, cool = math.inf, 0, 0
    for loss in val_losses:
        if loss < best * (1 - threshold):
            best, bad = loss, 0
        else:
            bad += 1
        if cool > 0:
            cool, bad = cool - 1, 0
        if bad > patience:
            lr, cool, bad = lr * gamma, cooldown, 0
    return lr


#: Every schedule that is a function of the step alone.
SCHEDULES: Mapping[str, Callable[..., float]] = {
    "constant": constant,
    "step": step,
    "multi_step": multi_step,
    "exponential": exponential,
    "one_over_t": one_over_t,
    "inverse_sqrt": inverse_sqrt,
    "linear": linear,
    "polynomial": polynomial,
    "cosine": cosine,
    "cosine_restarts": cosine_restarts,
    "one_cycle": one_cycle,
    "triangular": triangular,
    "wsd": wsd,
    "table": table,
}
KINDS = (*SCHEDULES, "plateau")


def _keywords(kind: str) -> dict[str, bool]:
    """The keyword arguments of a schedule, True for those without a default."""
    function = reduce_on_plateau if kind == "plateau" else SCHEDULES[kind]
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default is p.empty for p in parameters if p.kind is p.KEYWORD_ONLY}
