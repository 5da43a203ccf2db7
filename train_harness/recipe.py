"""What a training run is made of: every key a recipe can hold, how it is read, changed and checked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from .strict import RecipeError, build, later, nearest, to_tables, to_toml

PRECISIONS = ("float32", "float64", "bfloat16", "float16")


@dataclass(frozen=True, slots=True)
class Data:
    """`train_size` and `val_size` 0: all there is (or the task's own size). `label_noise`: share of training
    and validation labels replaced at random; `jitter`: sd of the noise added fresh to every training input.
    `seed` makes the split and the synthetic data; the recipe's `seed` everything else. `batch_size` is that of all
    processes together. `path`: the directory of a task that is read from files; `classes`: only these, renumbered."""

    task: str = "digits"
    train_size: int = 0
    val_size: int = 0
    batch_size: int = 64
    label_noise: float = 0.0
    jitter: float = 0.0
    seed: int = 0
    path: str = later("")
    classes: tuple[int, ...] = later(())


@dataclass(frozen=True, slots=True)
class Model:
    """`depth` counts hidden layers, blocks or recurrent layers; `width` is the units (channels) of each.

    `norm`: "batch", "layer", "none", or "" for what the kind has by itself. `drop_connect`: share of the weights
    left out at each step (mlp); `drop_path`: chance that the last block is skipped, less for earlier ones
    (stochastic depth; resnet, gpt). `start`: a weights.pt to begin from, as far as names and shapes agree; `frozen`:
    layers that are not to learn, on purpose."""

    kind: str = "mlp"
    width: int = 64
    depth: int = 2
    activation: str = "relu"
    init: str = "kaiming"
    dropout: float = 0.0
    norm: str = later("")
    drop_connect: float = later(0.0)
    drop_path: float = later(0.0)
    start: str = later("")
    frozen: tuple[str, ...] = later(())


@dataclass(frozen=True, slots=True)
class Optimizer:
    """`clip_norm` 0: no clipping. `accumulate`: batches per update. `lr_batch`: how many examples an update had when
    `lr` was chosen; another number scales the rate in proportion (0: it stays)."""

    kind: str = "sgd"
    lr: float = 0.1
    momentum: float = 0.9
    beta2: float = 0.999
    weight_decay: float = 0.0
    clip_norm: float = 0.0
    accumulate: int = 1
    lr_batch: int = later(0)


@dataclass(frozen=True, slots=True)
class Schedule:
    """`kind` names a function of schedules.py; the other keys are its keyword arguments, None when not given.
    `warmup` steps of linear warmup come before any of them."""

    kind: str = "constant"
    warmup: int = 0
    every: int | None = None
    gamma: float | None = None
    drops: tuple[int, ...] | None = None
    rate: float | None = None
    timescale: float | None = None
    floor: float | None = None
    power: float | None = None
    cycle: int | None = None
    stretch: int | None = None
    up: float | None = None
    start: float | None = None
    cooldown: int | None = None
    stable: float | None = None
    patience: int | None = None
    threshold: float | None = None
    table: tuple[tuple[int, float], ...] | None = None


@dataclass(frozen=True, slots=True)
class Regularize:
    """What holds the model back. `ema` is the decay of averaged weights used for validation (0: none);
    `patience` epochs without a better validation loss stop the run and restore the best weights (0: never).

    `l1` and `l2` times the sum of absolute and of half squared weights join the loss (both: elastic net).
    `polyak_from`: the step from which on the plain mean of the weights is validated. `shift` (pixels), `flip` and
    `cutout` (side of a blanked square) disturb training images. `snapshots`: the networks at the end of the last
    so many cycles of a cosine_restarts schedule answer together."""

    l1: float = 0.0
    label_smoothing: float = 0.0
    mixup: float = 0.0
    ema: float = 0.0
    patience: int = 0
    l2: float = later(0.0)
    polyak_from: int = later(0)
    shift: int = later(0)
    flip: bool = later(False)
    cutout: int = later(0)
    snapshots: int = later(0)


@dataclass(frozen=True, slots=True)
class Fault:
    """Planted faults, one switch each, all off by default; what each does stands in faults.py."""

    bad_init: str = ""
    scale_lr: float = 1.0
    no_decay: bool = False
    decay_at: int = 0
    forget_zero_grad: bool = False
    wrong_sign: bool = False
    freeze: str = ""
    layer_lr: str = ""
    layer_lr_scale: float = 1.0
    tiny_train_set: int = 0
    small_model: int = 0
    strong_decay: float = 0.0
    nan_at: int = 0
    double_softmax: bool = False
    unshuffled: bool = False
    no_warmup: bool = later(False)
    detach: str = later("")
    shuffled_labels: bool = later(False)
    noisy_labels: float = later(0.0)
    corrupt_every: int = later(0)
    forget_train_mode: bool = later(False)
    forget_eval_mode: bool = later(False)
    tiny_val_set: int = later(0)
    leak: float = later(0.0)
    large_model: int = later(0)
    no_regularization: bool = later(False)
    fp16_overflow: bool = later(False)
    recurrent_gain: float = later(1.0)
    dead_relus: float = later(0.0)
    saturate: float = later(1.0)
    raw_inputs: bool = later(False)


@dataclass(frozen=True, slots=True)
class Log:
    """`format` names a recorder; step values are written every `every` steps. `vitals`: gradient norm, update
    ratios, dead and saturated units too; `validation`: validation curves too; `timing`: seconds per step, examples
    per second and memory too, which no second run repeats; `both_modes`: the training set measured in evaluation
    mode after each epoch too. Without `steps` only epochs are written; without `lr`, `loss` or `accuracy` these are
    left out of the log wherever it had them."""

    format: str = "tensorboard"
    every: int = 10
    vitals: bool = True
    validation: bool = True
    timing: bool = later(False)
    both_modes: bool = later(False)
    steps: bool = later(True)
    lr: bool = later(True)
    loss: bool = later(True)
    accuracy: bool = later(True)


@dataclass(frozen=True, slots=True)
class Treatment:
    """A change of the recipe, as overrides, with a name for people."""

    name: str
    set: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """What a run is claimed to show: `label` is a rule id or "healthy", `also` ids that are right too.

    `judge` is the loss by which treatments are compared (train_loss or val_loss, of the whole set after the
    run); the first treatment is the cure that must help, the others are tried for comparison. `seeds` runs
    are paired. A healthy case is tried against the standard treatments of treat.py and these.
    """

    label: str
    planted: str
    judge: str = "val_loss"
    also: tuple[str, ...] = ()
    seeds: int = 5
    treatments: tuple[Treatment, ...] = ()


@dataclass(frozen=True, slots=True)
class Recipe:
    """One training run. `steps` counts optimizer updates; `precision` is float32, float64, or bfloat16 or float16
    (autocast; float16 on CUDA scales its gradients). `compile`: a backend of torch.compile ("inductor" is the usual
    one), "" for none; `channels_last`: images and kernels lie in memory as tensor cores like them."""

    seed: int = 0
    steps: int = 1000
    precision: str = "float32"
    compile: str = later("")
    channels_last: bool = later(False)
    data: Data = field(default_factory=Data)
    model: Model = field(default_factory=Model)
    optimizer: Optimizer = field(default_factory=Optimizer)
    schedule: Schedule = field(default_factory=Schedule)
    regularize: Regularize = field(default_factory=Regularize)
    fault: Fault = field(default_factory=Fault)
    log: Log = field(default_factory=Log)
    case: Case | None = None

    @property
    def update_size(self) -> int:
        """How many examples one update sees, in all processes together."""
        return self.data.batch_size * self.optimizer.accumulate


def read_recipe(path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """The Recipe of a TOML file, `key=value` overrides applied; refuses unknown keys, wrong types and bad numbers."""
    return override(make_recipe(read_toml(path), str(path)), overrides)


def read_toml(path: str | Path) -> dict[str, Any]:
    """The tables of a TOML file; refuses what is missing or is no TOML, in one line."""
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(
            f"{path}: cannot be read ({error.strerror}); recipes stand in train_harness/recipes"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{path}: not TOML: {error}") from None


def override(recipe: Recipe, overrides: Sequence[str]) -> Recipe:
    """The recipe with `section.key=value` changes; `key*=factor` multiplies what stands (lists element by element).

    A new `schedule.kind` takes only the warmup along from the old one.

    >>> override(Recipe(), ["optimizer.lr*=0.5", "model.kind=cnn"]).optimizer.lr
    0.05
    >>> override(Recipe(), ["optimizer.rl=1"])
    Traceback (most recent call last):
    ...
    train_harness.strict.RecipeError: override: unknown key 'optimizer.rl'; did you mean 'lr'?
    """
    tables = to_tables(recipe, whole=True)
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals or not key.strip("* "):
            raise RecipeError(f"{text!r} is no override: write section.key=value, as in optimizer.lr=0.01")
        times, key = key.endswith("*"), key.rstrip("* ").strip()
        *sections, name = key.split(".")
        table = tables
        for section in sections:
            table = table.setdefault(section, {})
            if not isinstance(table, dict):
                raise RecipeError(f"override: {key!r}: {section!r} is a value, not a section")
        new = _value(value.strip())
        if key == "schedule.kind":
            tables["schedule"] = {"kind": new, "warmup": recipe.schedule.warmup}
        else:
            table[name] = _times(table.get(name), new, key) if times else new
    return make_recipe(tables, "override")


def make_recipe(tables: Mapping[str, Any], where: str) -> Recipe:
    """The Recipe of plain tables; `where` begins every message. Refuses what `read_recipe` refuses."""
    recipe: Recipe = build(Recipe, tables, where)
    _check(recipe, where)
    return recipe


def recipe_text(recipe: Recipe) -> str:
    """The resolved recipe as TOML: what stands beside a log, and what a label's hash is of."""
    return to_toml(to_tables(recipe))


def with_seed(recipe: Recipe, seed: int) -> Recipe:
    """The same run from another seed (initial weights, order of the batches, dropout)."""
    return replace(recipe, seed=seed)


def _check(recipe: Recipe, where: str) -> None:
    from .dialects import FORMATS
    from .models import ACTIVATIONS, INITS, MODELS, NORMS
    from .optimizers import OPTIMIZERS
    from .schedules import check_schedule
    from .tasks import TASKS

    for key, value, known in (
        ("data.task", recipe.data.task, TASKS),
        ("model.kind", recipe.model.kind, MODELS),
        ("model.activation", recipe.model.activation, ACTIVATIONS),
        ("model.init", recipe.model.init, INITS),
        ("optimizer.kind", recipe.optimizer.kind, OPTIMIZERS),
        ("log.format", recipe.log.format, FORMATS),
        ("precision", recipe.precision, PRECISIONS),
        ("model.norm", recipe.model.norm, NORMS),
        ("fault.bad_init", recipe.fault.bad_init, ("", "zero", "tiny", "huge")),
    ):
        if value not in known:
            raise RecipeError(f"{where}: {key} = {value!r} is unknown; {nearest(value, known)}")
    for key, number, low in (
        ("steps", recipe.steps, 1),
        ("data.batch_size", recipe.data.batch_size, 1),
        ("data.train_size", recipe.data.train_size, 0),
        ("model.width", recipe.model.width, 1),
        ("model.depth", recipe.model.depth, 1),
        ("optimizer.accumulate", recipe.optimizer.accumulate, 1),
        ("log.every", recipe.log.every, 1),
        ("schedule.warmup", recipe.schedule.warmup, 0),
        *((f"optimizer.{key}", getattr(recipe.optimizer, key), 0) for key in ("lr", "weight_decay", "lr_batch")),
        *((f"regularize.{f.name}", getattr(recipe.regularize, f.name), 0) for f in fields(recipe.regularize)),
        *((f"fault.{key}", getattr(recipe.fault, key), 0) for key in ("corrupt_every", "tiny_val_set", "dead_relus")),
    ):
        if number < low:
            raise RecipeError(f"{where}: {key} = {number} must be at least {low}")
    for key, share in (
        *((f"model.{key}", getattr(recipe.model, key)) for key in ("dropout", "drop_connect", "drop_path")),
        ("data.label_noise", recipe.data.label_noise),
        ("regularize.ema", recipe.regularize.ema),
        ("regularize.label_smoothing", recipe.regularize.label_smoothing),
        ("fault.noisy_labels", recipe.fault.noisy_labels),
        ("fault.leak", recipe.fault.leak),
    ):
        if not 0 <= share < 1:
            raise RecipeError(f"{where}: {key} = {share} must be a share in 0 <= share < 1")
    if recipe.regularize.snapshots and recipe.schedule.kind != "cosine_restarts":
        raise RecipeError(
            f"{where}: regularize.snapshots takes the end of each cycle of a cosine_restarts schedule, "
            f"and the schedule is {recipe.schedule.kind!r}"
        )
    try:
        check_schedule(recipe.schedule)
    except ValueError as error:
        raise RecipeError(f"{where}: {error}") from None


def _value(text: str) -> Any:
    """A TOML value, or the bare word itself: `model.kind=cnn` needs no quotes on a command line."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _times(old: Any, factor: Any, key: str) -> Any:
    if isinstance(old, list | tuple):
        return [_times(item, factor, key) for item in old]
    if not isinstance(old, int | float) or not isinstance(factor, int | float):
        raise RecipeError(f"override: {key} *= {factor!r}: there is no number to multiply, {key} is {old!r}")
    product = old * factor
    return round(product) if isinstance(old, int) else product
