"""What is planted in the lab's runs? Faults by label, and what makes a base ready for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from .lab_bases import Base

FLAT = ("schedule.kind=constant",)
DENSE = ("mlp", "deep mlp")
LANGUAGE = ("gru", "gpt")


@dataclass(frozen=True, slots=True)
class Plan:
    """How one run is made ill: the rule that should name it, the fault, what makes the base ready for it, the cure
    where that is not simply the absence of the fault, and what the log must hold ("layers": update ratios, "steps":
    more than a point per epoch)."""

    rule: str
    fault: tuple[str, ...] = ()
    ready: tuple[str, ...] = ()
    cure: tuple[str, ...] = ()
    log: str = ""


@dataclass(frozen=True, slots=True)
class Plant:
    """How a label is planted: how often in each half, the plan for the i-th run of a base, and which bases fit."""

    count: int
    make: Callable[[Base, int, np.random.Generator], Plan]
    fits: Callable[[Base], bool] = lambda base: True


def _nan(b: Base, i: int, rng: np.random.Generator) -> Plan:
    late = int(b.steps * rng.uniform(0.2, 0.9))
    if b.regression and i % 2:
        ready = (
            "optimizer.kind=momentum",
            "optimizer.lr=0.01",
            "model.activation=leaky_relu",
            "model.norm=none",
            *FLAT,
        )
        fault = (f"schedule.warmup={b.steps * 3 // 4}", f"fault.scale_lr={rng.choice([60, 100, 200])}.0")
        return Plan("nan-explosion", fault, ready, log="steps")
    if b.family in LANGUAGE:
        return Plan("nan-explosion", ("fault.fp16_overflow=true",), FLAT)
    return Plan("nan-explosion", (f"fault.nan_at={late}",), b.ending)


def _bad_init(b: Base, i: int, rng: np.random.Generator) -> Plan:
    lr = 0.1 * rng.choice([0.5, 0.7, 1.0])
    ready = (
        *(f"steps={2 * b.steps}", "model.depth=3", "model.norm=none", "optimizer.kind=sgd", f"optimizer.lr={lr:.3g}"),
        *("optimizer.weight_decay=0.0", *b.floor[1:], *((), b.ending)[i % 2]),
    )
    return Plan("bad-init", ("fault.bad_init=tiny",), ready)


def _plateau(b: Base, i: int, rng: np.random.Generator) -> Plan:
    steps = b.steps * (2, 3)[i % 2] if b.family in DENSE else b.steps * 3 // 2
    high = f"optimizer.lr={b.lr * rng.choice([1.5, 2, 3]):.4g}"
    ready = (f"steps={steps}", *b.floor, "data.batch_size=8", high, *FLAT)
    return Plan("plateau-needs-decay", (), ready, ("schedule.kind=multi_step", f"schedule.drops=[{steps * 6 // 10}]"))


def _hot_plateau(b: Base, i: int, rng: np.random.Generator) -> Plan:
    steps = 2 * b.steps
    high = f"optimizer.lr={b.lr * rng.choice([3, 4, 6]):.4g}"
    ready = (f"steps={steps}", *b.floor, "data.batch_size=16", high, *FLAT)
    return Plan("plateau-needs-decay", (), ready, ("schedule.kind=multi_step", f"schedule.drops=[{steps * 6 // 10}]"))


def _decay_early(b: Base, i: int, rng: np.random.Generator) -> Plan:
    fault = (f"fault.decay_at={int(b.steps * rng.uniform(0.06, 0.22))}",)
    later = ("schedule.kind=multi_step", f"schedule.drops=[{b.steps * 65 // 100}]", "fault.decay_at=0")
    return Plan("decay-too-early", fault, FLAT, later)


def _overfit(b: Base, i: int, rng: np.random.Generator) -> Plan:
    width = {"gpt": 32, "gru": 48, "cnn": 12, "resnet": 10}.get(b.family, 96)
    ready = (
        *(f"steps={b.steps * 3 // 2}", f"model.width={width}", "optimizer.weight_decay=0.0", *b.floor[:1]),
        *((), b.ending)[i % 2],
    )
    few = {"gpt": 60, "gru": 60}.get(b.family, int(rng.choice([60, 100, 150])))
    return Plan("overfitting", (f"fault.tiny_train_set={few}",), ready)


def _underfit(b: Base, i: int, rng: np.random.Generator) -> Plan:
    ready = (f"steps={b.steps * 3 // 2}", *b.ending)
    strong = {"adam": 0.03, "adamw": 20.0}.get(b.optimizer, 0.3) * rng.choice([0.5, 1, 2])
    if i % 2 and b.family != "gpt":
        return Plan("underfitting", (f"fault.strong_decay={strong:.3g}",), ready)
    small = {"gpt": 16, "resnet": 1, "cnn": 1, "gru": 3}.get(b.family, int(rng.integers(1, 3)))
    large = ("model.width=64", "model.depth=2") if b.family == "gpt" else ()
    return Plan("underfitting", (f"fault.small_model={small}",), (*ready, *large))


def _update(b: Base, i: int, rng: np.random.Generator) -> Plan:
    layer, first = b.layers[i % len(b.layers)], b.layers[0]
    rule, fault = (
        ("update-ratio-too-high", (f"fault.layer_lr={layer}", "fault.layer_lr_scale=100.0")),
        ("update-ratio-too-low", (f"fault.layer_lr={first}", "fault.layer_lr_scale=0.0001")),
        ("frozen-layer", (f"fault.freeze={first}",)),
        ("update-ratio-too-high", (f"fault.layer_lr={layer}", "fault.layer_lr_scale=30.0")),
        ("frozen-layer", (f"fault.detach={b.layers[min(1, len(b.layers) - 2)]}",)),
    )[i % 5]
    return Plan(rule, fault, ("model.width=24", *b.ending), log="layers")


def _too_high(b: Base, i: int, rng: np.random.Generator) -> Plan:
    ready = ((), b.ending, b.floor)[i % 3] or FLAT
    return Plan("learning-rate-too-high", (f"fault.scale_lr={rng.choice([10, 20, 50])}.0",), ready)


def _too_low(b: Base, i: int, rng: np.random.Generator) -> Plan:
    return Plan(
        "learning-rate-too-low", (f"fault.scale_lr={rng.choice([0.003, 0.01, 0.03])}",), (FLAT, b.ending)[i % 2]
    )


def _diverge(b: Base, i: int, rng: np.random.Generator) -> Plan:
    if i % 2:
        slow = (*FLAT, "optimizer.kind=sgd", f"optimizer.lr={rng.choice([3e-4, 1e-3])}", "optimizer.clip_norm=1.0")
        return Plan("wrong-sign", ("fault.wrong_sign=true",), slow)
    ready = (*FLAT, "optimizer.kind=sgd", f"optimizer.lr={0.01 if b.task == 'diabetes' else 0.03}")
    return Plan("forgotten-zero-grad", ("fault.forget_zero_grad=true",), ready)


def _unfinished(b: Base, i: int, rng: np.random.Generator) -> Plan:
    steps = int(b.steps * rng.choice([0.25, 0.35, 0.5]))
    fault = (f"steps={steps}", f"optimizer.lr={b.lr * rng.choice([0.3, 0.5]):.4g}")
    return Plan("still-improving", fault, FLAT, (f"steps={2 * steps}",))


def _spikes(b: Base, i: int, rng: np.random.Generator) -> Plan:
    fault = (f"fault.corrupt_every={int(b.steps / rng.uniform(3.2, 9.5))}",)
    return Plan("loss-spikes", fault, (*FLAT, f"optimizer.lr={2 * b.lr:.4g}"), log="steps")


def _few_to_validate(b: Base, i: int, rng: np.random.Generator) -> Plan:
    # A rate that stays up keeps the weights moving: so few examples then answer differently from epoch to epoch.
    batch = 64 if b.examples > 1000 else 16
    long = (f"steps={25 * b.examples // batch}", f"data.batch_size={batch}")
    ready = (*b.floor[:1], *long, *FLAT, "optimizer.weight_decay=0.0")
    return Plan("validation-too-noisy", (f"fault.tiny_val_set={int(rng.choice([6, 10, 16]))}",), ready)


def _dead(b: Base, i: int, rng: np.random.Generator) -> Plan:
    ready = ("model.activation=relu", "model.norm=none", *b.ending)
    return Plan("dead-units", (f"fault.dead_relus={rng.choice([3, 5, 10])}.0",), ready, log=("layers", "")[i % 2])


def _nothing(b: Base, i: int, rng: np.random.Generator) -> Plan:
    faults = ("fault.scale_lr=1e-6", "fault.bad_init=zero", "fault.shuffled_labels=true", "fault.scale_lr=1e-5")
    fault = faults[i % 4]
    if "zero" in fault and b.family not in DENSE:
        fault = faults[0]
    return Plan("no-learning", (fault,), (*(("model.norm=none",) if b.family in DENSE else ()), *b.ending))


def _loss_off(b: Base, i: int, rng: np.random.Generator) -> Plan:
    bare = ("model.norm=none",) if b.family in (*DENSE, "cnn") else ()
    if i % 3 == 1 and not b.regression:
        return Plan("double-softmax", ("fault.double_softmax=true",), b.ending, log="steps")
    if i % 3 == 2 and bare:
        return Plan("initial-loss-off", ("fault.raw_inputs=true",), (*bare, *b.ending), log="steps")
    return Plan("initial-loss-off", ("fault.bad_init=huge",), (*bare, *b.ending), log="steps")


def _wrong_mode(b: Base, i: int, rng: np.random.Generator) -> Plan:
    return Plan("train-eval-mismatch", ("fault.forget_eval_mode=true",), ("model.dropout=0.5", *b.ending))


def _sorted(b: Base, i: int, rng: np.random.Generator) -> Plan:
    ready = (*FLAT, "data.batch_size=32", "log.every=2")
    return Plan("unshuffled-data", ("fault.unshuffled=true",), ready, log="steps")


#: Every label that is planted. The counts are more than the corpus needs: not every fault does harm.
PLANTS: Mapping[str, Plant] = {
    "nan_explosion": Plant(8, _nan),
    "bad_init": Plant(9, _bad_init, lambda b: b.family in DENSE and not b.regression),
    "plateau_needs_decay": Plant(11, _plateau),
    "decay_too_early": Plant(9, _decay_early),
    "overfitting": Plant(9, _overfit),
    "underfitting": Plant(10, _underfit),
    "update_ratio_anomaly": Plant(10, _update, lambda b: b.family in DENSE),
    "lr_too_high": Plant(8, _too_high),
    "lr_too_low": Plant(7, _too_low),
    "diverging": Plant(7, _diverge),
    "still_improving": Plant(7, _unfinished),
    "loss_spikes": Plant(7, _spikes),
    "val_too_small": Plant(7, _few_to_validate, lambda b: b.family not in LANGUAGE),
    "dead_relu": Plant(6, _dead, lambda b: b.family in (*DENSE, "cnn")),
    "no_learning": Plant(6, _nothing),
    "initial_loss_off": Plant(7, _loss_off),
    "train-eval-mismatch": Plant(4, _wrong_mode, lambda b: b.family in (*DENSE, "cnn")),
    "unshuffled-data": Plant(4, _sorted, lambda b: b.family in (*DENSE, "cnn", "resnet")),
}
#: Labels of which too few stood at first: planted harder, and numbered on.
MORE: Mapping[str, Plant] = {
    "plateau_needs_decay": Plant(8, _hot_plateau, lambda b: b.family in DENSE and b.task != "diabetes"),
    "update_ratio_anomaly": Plant(4, _update, lambda b: b.family in DENSE and b.task in ("digits", "mixture", "rare")),
}
