"""What a training run is made of: strict, typed recipes read from TOML."""

from __future__ import annotations

import difflib
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any


class RecipeError(ValueError):
    """A recipe that cannot be followed; the message names the key and the nearest right one."""


@dataclass(frozen=True, slots=True)
class Data:
    """`train_size` and `val_size` 0: all there is (or the task's own size). `label_noise`: share of training
    and validation labels replaced at random; `jitter`: sd of the noise added fresh to every training input.
    `seed` makes the split and the synthetic data; the recipe's `seed` everything else."""

    task: str = "digits"
    train_size: int = 0
    val_size: int = 0
    batch_size: int = 64
    label_noise: float = 0.0
    jitter: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Model:
    """`depth` counts hidden layers, blocks or recurrent layers; `width` is the units (channels) of each."""

    kind: str = "mlp"
    width: int = 64
    depth: int = 2
    activation: str = "relu"
    init: str = "kaiming"
    dropout: float = 0.0


@dataclass(frozen=True, slots=True)
class Optimizer:
    """`clip_norm` 0: no clipping. `accumulate`: batches per update."""

    kind: str = "sgd"
    lr: float = 0.1
    momentum: float = 0.9
    beta2: float = 0.999
    weight_decay: float = 0.0
    clip_norm: float = 0.0
    accumulate: int = 1


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
    `patience` epochs without a better validation loss stop the run and restore the best weights (0: never)."""

    l1: float = 0.0
    label_smoothing: float = 0.0
    mixup: float = 0.0
    ema: float = 0.0
    patience: int = 0


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


@dataclass(frozen=True, slots=True)
class Log:
    """`format` names a recorder; step values are written every `every` steps. `vitals`: gradient norm, update
    ratios and dead units too; `validation`: validation curves too."""

    format: str = "tensorboard"
    every: int = 10
    vitals: bool = True
    validation: bool = True


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
    """One training run. `steps` counts optimizer updates; `precision` is float32, float64 or bfloat16 (autocast)."""

    seed: int = 0
    steps: int = 1000
    precision: str = "float32"
    data: Data = field(default_factory=Data)
    model: Model = field(default_factory=Model)
    optimizer: Optimizer = field(default_factory=Optimizer)
    schedule: Schedule = field(default_factory=Schedule)
    regularize: Regularize = field(default_factory=Regularize)
    fault: Fault = field(default_factory=Fault)
    log: Log = field(default_factory=Log)
    case: Case | None = None


def read_recipe(path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """The Recipe of a TOML file, `key=value` overrides applied; refuses unknown keys, wrong types and bad numbers."""
    return override(build(Recipe, read_toml(path), str(path)), overrides)


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

    >>> override(Recipe(), ["optimizer.lr*=0.1", "model.kind=cnn"]).optimizer.lr
    0.01
    >>> override(Recipe(), ["optimizer.rl=1"])
    Traceback (most recent call last):
    ...
    train_harness.recipe.RecipeError: override: unknown key 'optimizer.rl'; did you mean 'lr'?
    """
    tables = to_tables(recipe)
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
    made: Recipe = build(Recipe, tables, "override")
    return made


def build(kind: type, table: Mapping[str, Any], where: str, prefix: str = "") -> Any:
    """A dataclass from a TOML table, refusing what it does not know, with the nearest name."""
    hints = typing.get_type_hints(kind)
    known = [f.name for f in fields(kind)]
    values = {}
    for key, value in table.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, 1, 0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
            raise RecipeError(f"{where}: unknown key {prefix + key!r}; {hint}")
        values[key] = _typed(hints[key], value, where, prefix + key)
    try:
        made = kind(**values)
    except TypeError as error:
        raise RecipeError(f"{where}: {prefix.rstrip('.') or kind.__name__}: {error}") from None
    if isinstance(made, Recipe):
        _check(made, where)
    return made


def to_tables(value: Any) -> dict[str, Any]:
    """A dataclass as nested plain tables, keys that are None left out: what `build` takes back."""
    out: dict[str, Any] = {}
    for f in fields(value):
        item = getattr(value, f.name)
        if is_dataclass(item):
            out[f.name] = to_tables(item)
        elif isinstance(item, tuple) and item and is_dataclass(item[0]):
            out[f.name] = [to_tables(part) for part in item]
        elif item is not None:
            out[f.name] = item
    return out


def to_toml(tables: Mapping[str, Any]) -> str:
    """TOML text of nested tables of numbers, strings, lists and lists of tables, in their order."""
    return "\n".join(_toml_lines(tables, "")).strip() + "\n"


def with_seed(recipe: Recipe, seed: int) -> Recipe:
    """The same run from another seed (initial weights, order of the batches, dropout)."""
    return replace(recipe, seed=seed)


def _check(recipe: Recipe, where: str) -> None:
    from .models import ACTIVATIONS, INITS, MODELS
    from .optimizers import OPTIMIZERS
    from .recorders import RECORDERS
    from .schedules import check_schedule
    from .tasks import TASKS

    for key, value, known in (
        ("data.task", recipe.data.task, TASKS),
        ("model.kind", recipe.model.kind, MODELS),
        ("model.activation", recipe.model.activation, ACTIVATIONS),
        ("model.init", recipe.model.init, INITS),
        ("optimizer.kind", recipe.optimizer.kind, OPTIMIZERS),
        ("log.format", recipe.log.format, RECORDERS),
        ("precision", recipe.precision, ("float32", "float64", "bfloat16")),
        ("fault.bad_init", recipe.fault.bad_init, ("", "zero", "tiny", "huge")),
    ):
        if value not in known:
            near = difflib.get_close_matches(value, list(known), 1, 0.4)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
            raise RecipeError(f"{where}: {key} = {value!r} is unknown; {hint}")
    for key, number, low in (
        ("steps", recipe.steps, 1),
        ("data.batch_size", recipe.data.batch_size, 1),
        ("data.train_size", recipe.data.train_size, 0),
        ("model.width", recipe.model.width, 1),
        ("model.depth", recipe.model.depth, 1),
        ("optimizer.accumulate", recipe.optimizer.accumulate, 1),
        ("log.every", recipe.log.every, 1),
        ("schedule.warmup", recipe.schedule.warmup, 0),
    ):
        if number < low:
            raise RecipeError(f"{where}: {key} = {number} must be at least {low}")
    for key, share in (("model.dropout", recipe.model.dropout), ("data.label_noise", recipe.data.label_noise)):
        if not 0 <= share < 1:
            raise RecipeError(f"{where}: {key} = {share} must be a share in 0 <= share < 1")
    try:
        check_schedule(recipe.schedule)
    except ValueError as error:
        raise RecipeError(f"{where}: {error}") from None


def _typed(hint: Any, value: Any, where: str, key: str) -> Any:
    """`value` as the annotation says: an int passes for a float, a list for a tuple; nothing else is converted."""
    if typing.get_origin(hint) is types.UnionType:
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    if is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise RecipeError(f"{where}: {key} must be a section, not {value!r}")
        return build(typing.cast(type, hint), value, where, f"{key}.")
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, list | tuple):
            raise RecipeError(f"{where}: {key} must be a list, not {value!r}")
        parts = typing.get_args(hint)
        inner = [parts[0]] * len(value) if parts[-1] is Ellipsis else parts
        if len(inner) != len(value):
            raise RecipeError(f"{where}: {key} must hold {len(inner)} values, not {value!r}")
        return tuple(_typed(h, v, where, key) for h, v in zip(inner, value, strict=True))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not hint:
        raise RecipeError(f"{where}: {key} must be {hint.__name__}, not {value!r}")
    return value


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


def _toml_lines(table: Mapping[str, Any], path: str) -> list[str]:
    lines = [f"{key} = {_toml(v)}" for key, v in table.items() if not _is_table(v)]
    for key, value in table.items():
        name = f"{path}{key}"
        if isinstance(value, Mapping):
            lines += ["", f"[{name}]", *_toml_lines(value, f"{name}.")]
        elif _is_table(value):
            for item in value:
                lines += ["", f"[[{name}]]", *_toml_lines(item, f"{name}.")]
    return lines


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping) or (
        isinstance(value, list | tuple) and bool(value) and all(isinstance(item, Mapping) for item in value)
    )


def _toml(value: Any) -> str:
    import json

    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return repr(value)
