"""Which runs might be cases of the lab? Bases of parts that share no task, and what is planted into them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .faults import plant
from .lab_bases import BASES, EXAMPLES, Base
from .lab_plants import MORE, PLANTS, Plant
from .recipe import Recipe, override

#: What the log of a run may look like, and whether that format can hold steps (else epochs only).
DIALECTS = {
    "tensorboard": True,
    "lightning_csv": True,
    "jsonl": True,
    "trainer_state": True,
    "wandb_export": True,
    "mmengine": True,
    "detectron": True,
    "text_log": True,
    "plain_csv": True,
    "mlflow_files": True,
    "tensorboard_split": True,
    "lightning_tensorboard": True,
    "keras_tensorboard": False,
    "keras_csv": False,
    "ultralytics": False,
    "timm": False,
    "epoch_text": False,
    "keras_history_json": False,
    "fastai_csv": False,
}
#: Formats that have room for update ratios per layer.
WITH_LAYERS = ("tensorboard", "jsonl")
#: Formats that never hold the rate.
WITHOUT_RATE = ("text_log", "fastai_csv")
#: Formats that can be cut and gone on with: event files side by side, or lines appended.
RESUMABLE = ("tensorboard", "jsonl")
#: An epochs-only log needs at least so many epochs to show a curve.
FEWEST_EPOCHS = 10


#: The parts of the corpus, and how many candidates each draws of what PLANTS and HEALTHY ask for.
PARTS = {"tune": 1.0, "judge": 1.0, "calibration": 0.6}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A run that may become a case. `planted`: the label its fault should earn, "" for none; `rule`: the id of the
    rule that names the fault; `cured`: the same run without it. `family` names the kind of model. A run with
    `resumed_at` broke off at `broke_at` and went on from its checkpoint of `resumed_at`."""

    name: str
    half: str
    family: str
    planted: str
    rule: str
    patient: Recipe
    cured: Recipe | None
    resumed_at: int = 0
    broke_at: int = 0


#: Schedules of runs that may be healthy, for a run of n steps.
SCHEDULES: tuple[Callable[[int], tuple[str, ...]], ...] = (
    lambda n: ("schedule.kind=cosine",),
    lambda n: ("schedule.kind=cosine", f"schedule.warmup={n // 12}"),
    lambda n: ("schedule.kind=linear", f"schedule.warmup={n // 20}"),
    lambda n: ("schedule.kind=one_cycle",),
    lambda n: ("schedule.kind=wsd", "schedule.stable=0.6", f"schedule.warmup={n // 20}"),
    lambda n: ("schedule.kind=multi_step", f"schedule.drops=[{n * 5 // 9}, {n * 4 // 5}]"),
    lambda n: ("schedule.kind=step", f"schedule.every={n * 2 // 5}", "schedule.gamma=0.2"),
    lambda n: ("schedule.kind=polynomial", "schedule.power=1.5"),
    lambda n: ("schedule.kind=cosine_restarts", f"schedule.cycle={n // 7}", "schedule.stretch=2"),
    lambda n: ("schedule.kind=exponential", f"schedule.gamma={0.01 ** (1 / n):.6f}"),
    lambda n: ("schedule.kind=multi_step", f"schedule.drops=[{n * 2 // 3}]", f"schedule.warmup={n // 15}"),
    lambda n: ("schedule.kind=plateau", "schedule.patience=4", "schedule.gamma=0.2", "schedule.threshold=0.002"),
    lambda n: ("schedule.kind=one_over_t", f"schedule.rate={20 / n:.6f}"),
    lambda n: ("schedule.kind=triangular", f"schedule.cycle={n // 4}", "schedule.floor=0.02"),
)

#: How many healthy candidates a whole part gets: more than the corpus needs, since not every one will stand.
HEALTHY = 66
#: Healthy runs that fool naive tools, beside schedule, noise and dropout: what their log leaves out or adds.
ODD_LOGS: tuple[tuple[str, ...], ...] = (
    ("log.validation=false",),
    ("log.loss=false",),
    ("log.steps=false",),
    ("log.lr=false",),
    ("log.accuracy=false",),
    ("log.every=1",),
)


def candidates(seed: int = 0) -> Iterator[Candidate]:
    """Every candidate of all parts, in an order in which any beginning holds a bit of everything. Another seed
    draws other rates, cadences, formats and initial weights, and marks its names."""
    waiting = [list(_half(half, seed)) for half in PARTS]
    for i in range(max(map(len, waiting))):
        for part in waiting:
            if i < len(part):
                yield replace(part[i], name=part[i].name + f"-s{seed}") if seed else part[i]


def _half(half: str, seed: int) -> Iterator[Candidate]:
    drawn = [list(PARTS).index(half), *[seed] * bool(seed)]
    rng = np.random.default_rng([20, *drawn])
    sick = [c for label, planting in PLANTS.items() for c in _planted(label, half, rng, planting)]
    well = [_healthy(half, i, rng) for i in range(_count(half, HEALTHY))]
    mixed = [*sick, *well]
    yield from (mixed[i] for i in rng.permutation(len(mixed)))
    rng = np.random.default_rng([21, *drawn])
    for label, planting in MORE.items():
        yield from _planted(label, half, rng, planting, _count(half, PLANTS[label].count))


def _healthy(half: str, i: int, rng: np.random.Generator) -> Candidate:
    """A run with a schedule that comes to an end, on a task with a floor."""
    turns = [b for turn in range(4) for b in _bases(half) if b.share > turn]
    base = turns[i % len(turns)]
    plain = override(Recipe(), [*base.set, *base.floor, f"optimizer.lr={base.lr}", f"steps={base.steps}", *base.well])
    steps = int(plain.steps * rng.choice([1, 1, 1.5]))
    changes = [*base.set, *base.floor, *base.well, f"steps={steps}"]
    changes.append(f"optimizer.lr={plain.optimizer.lr * rng.choice([0.8, 1, 1.25]):.4g}")
    changes += SCHEDULES[i * 5 % len(SCHEDULES)](steps)
    extras: list[tuple[str, ...]] = [(), (), ("optimizer.clip_norm=5.0",), ("regularize.ema=0.95",)]
    if base.family in ("mlp", "deep mlp", "cnn"):
        extras += [("model.dropout=0.2",), ("model.dropout=0.3",), ("data.batch_size=8",)]
    if not base.regression and base.family != "gru":
        extras += [("regularize.label_smoothing=0.1",)]
    changes += extras[int(rng.integers(len(extras)))]
    recipe = _recipe(changes, rng)
    odd = ODD_LOGS[i // 3 % len(ODD_LOGS)] if i % 3 == 0 else ()
    if "log.loss=false" in odd and base.regression:
        odd = ()
    if i % 12 == 5:
        recipe = override(recipe, [f"log.format={RESUMABLE[i // 12 % 2]}", f"log.every={_every(recipe, rng)}"])
        half_way = recipe.steps // 2
        return Candidate(
            f"{half}-healthy-{i:03}", half, base.family, "", "", recipe, None, half_way, recipe.steps * 3 // 5
        )
    return Candidate(f"{half}-healthy-{i:03}", half, base.family, "", "", _logged(recipe, rng, odd=odd), None)


def _planted(label: str, half: str, rng: np.random.Generator, planting: Plant, first: int = 0) -> Iterator[Candidate]:
    bases = [b for b in _bases(half) if planting.fits(b)]
    # A part that draws few of a label begins each with another base, lest its last ones be left out.
    begin = 4 * list(PLANTS).index(label) if PARTS[half] < 1 else 0
    for i in range(_count(half, planting.count)):
        base = bases[(begin + i) % len(bases)]
        plan = planting.make(base, i // len(bases) + i, rng)
        cured = _recipe([*base.set, f"steps={base.steps}", f"optimizer.lr={base.lr:.4g}", *plan.ready], rng)
        patient = override(cured, plan.fault)
        cured = override(patient, plan.cure) if plan.cure else cured
        patient = _logged(patient, rng, plan.log)
        name = f"{half}-{label.replace('_', '-')}-{first + i:02}"
        yield Candidate(name, half, base.family, label, plan.rule, patient, replace(cured, log=patient.log))


def _count(half: str, whole: int) -> int:
    return round(PARTS[half] * whole)


def _bases(half: str) -> list[Base]:
    return [b for b in BASES if b.half == half]


def _recipe(changes: Sequence[str], rng: np.random.Generator) -> Recipe:
    return override(Recipe(), [*changes, f"seed={rng.integers(10**6)}", f"data.seed={rng.integers(4)}"])


def _every(recipe: Recipe, rng: np.random.Generator) -> int:
    """Steps between two rows: 60 to 400 rows in all."""
    return max(1, recipe.steps // int(rng.choice([60, 100, 200, 400])))


def _logged(recipe: Recipe, rng: np.random.Generator, needs: str = "", odd: Sequence[str] = ()) -> Recipe:
    """The run with a dialect, a cadence and some of what may be left out of a log; `needs` as in Plan."""
    data = plant(recipe).data
    epochs = recipe.steps * data.batch_size // (data.train_size or EXAMPLES[data.task])
    formats = [name for name, steps in DIALECTS.items() if steps or (epochs >= FEWEST_EPOCHS and needs != "steps")]
    if needs == "layers":
        formats = list(WITH_LAYERS)
    if "log.loss=false" in odd:
        formats = ["tensorboard", "jsonl", "lightning_csv", "keras_csv"]
    changes = [f"log.format={rng.choice(formats)}"]
    if recipe.log.every == 10:
        changes.append(f"log.every={_every(recipe, rng)}")
    vitals = needs == "layers" or bool(rng.random() < 0.4)
    changes.append(f"log.vitals={str(vitals).lower()}")
    if rng.random() < 0.3:
        changes.append("log.lr=false")
    return override(recipe, [*changes, *odd])
