"""What does treating a run prove about it? The battery of treatments, and the label that their gains allow."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median, stdev

from .faults import plant
from .recipe import Fault, Recipe, Schedule, override
from .schedules import rate_of, scaled_rate
from .tasks import load_task
from .treat import ERRORS, GAIN, stretch

#: Paired runs of patient and treated twin; the second and third only where the first promises something.
SEEDS = 3
#: A first seed that gains less than this closes a treatment: three seeds would hardly come to GAIN.
PROMISING = GAIN / 2
#: Below this share of the loss of a guess there is nothing left to gain: gains are taken relative to it.
NOTHING_LEFT = 0.01
#: Where a treated twin takes its smaller rate from, as a share of the run.
LATE = 0.6


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: losses over the whole sets in evaluation mode (infinite when no numbers), and the validation
    loss after each epoch with the update at which it was measured."""

    steps: int
    train_loss: float
    val_loss: float
    epochs: tuple[tuple[int, float], ...]

    @property
    def best(self) -> tuple[int, float]:
        """Update and value of the lowest validation loss."""
        return min(self.epochs, key=lambda epoch: epoch[1], default=(self.steps, self.val_loss))


@dataclass(frozen=True, slots=True)
class Treatment:
    """A change of the run: what it proves if it helps, by which loss ("train_loss" or "val_loss") it is judged, and
    the treated recipe; None for stopping early, which needs no run of its own."""

    name: str
    proves: str
    judge: str
    twin: Recipe | None


@dataclass(frozen=True, slots=True)
class Trial:
    """A treatment tried: paired gains, one per seed (shares of the untreated loss), the losses, and whether it helps
    by the margin fixed in advance."""

    name: str
    proves: str
    judge: str
    untreated: tuple[float, ...]
    treated: tuple[float, ...]
    gains: tuple[float, ...]

    @property
    def gain(self) -> float:
        return fmean(self.gains)

    @property
    def error(self) -> float:
        return stdev(self.gains) / math.sqrt(len(self.gains)) if len(self.gains) > 1 else math.inf

    @property
    def helps(self) -> bool:
        return len(self.gains) >= SEEDS and self.gain >= GAIN and self.gain >= ERRORS * self.error


def battery(patient: Recipe, planted: str, cured: Recipe | None) -> list[Treatment]:
    """Every treatment that changes something in this run, the cure of the planted fault first."""
    plain = settle(patient)
    found = []
    if cured is not None:
        found.append(Treatment("fault removed", planted, JUDGED_BY.get(planted, "train_loss"), settle(cured)))
    for times, proves in ((0.1, "lr_too_high"), (0.3, "lr_too_high"), (3.0, "lr_too_low"), (10.0, "lr_too_low")):
        twin = replace(plain, optimizer=replace(plain.optimizer, lr=plain.optimizer.lr * times))
        found.append(Treatment(f"rate x{times:g}", proves, "train_loss", _drawn(twin, plain, times)))
    rates = _rates(plain)
    peak, turn = max(rates), round(LATE * plain.steps)
    if plain.schedule.kind != "plateau" and rates[turn] >= 0.5 * peak and rates[-1] >= 0.5 * peak:
        held = tuple((start, rate) for start, rate in _held(rates) if start < turn)
        cut = Schedule("table", table=(*held, (turn, rates[turn] / 10)))
        found.append(
            Treatment(
                f"rate x0.1 from {LATE:.0%} on",
                "plateau_needs_decay",
                "train_loss",
                replace(plain, schedule=cut),
            )
        )
    if plain.schedule.kind in ("step", "multi_step", "table") and (drop := first_drop(plain)) and drop < turn:
        late = Schedule("multi_step", warmup=plain.schedule.warmup, drops=(turn - plain.schedule.warmup,))
        never = Schedule("constant", warmup=plain.schedule.warmup)
        for name, schedule in (("no decay", never), (f"decay at {LATE:.0%}", late)):
            found.append(Treatment(name, "decay_too_early", "train_loss", replace(plain, schedule=schedule)))
    if plain.model.init in ("zero", "tiny", "huge"):
        good = replace(plain, model=replace(plain.model, init="kaiming"))
        found.append(Treatment("good init", "bad_init", "train_loss", good))
    found.append(Treatment("earlier stop", "overfitting", "val_loss", None))
    decay = plain.optimizer.weight_decay
    found.append(_val("stronger weight decay", "overfitting", plain, f"optimizer.weight_decay={10 * decay or 1e-3}"))
    if plain.model.kind not in ("rnn", "gru"):
        dropout = plain.model.dropout
        found.append(
            _val("stronger dropout", "overfitting", plain, f"model.dropout={(1 + dropout) / 2 if dropout else 0.2}")
        )
        if dropout:
            found.append(_val("weaker dropout", "underfitting", plain, "model.dropout*=0.3"))
    if decay:
        found.append(_val("no weight decay", "underfitting", plain, "optimizer.weight_decay=0.0"))
    found.append(_val("4x the width", "underfitting", plain, "model.width*=4"))
    found.append(Treatment("twice the steps", "still_improving", "val_loss", stretch(plain, 2)))
    return found


#: The loss by which the removal of a planted fault is judged, where it is not the training loss.
JUDGED_BY = {"overfitting": "val_loss", "underfitting": "val_loss", "still_improving": "val_loss"}


def settle(recipe: Recipe) -> Recipe:
    """The recipe with its faults of configuration written in and switched off, logging nothing of its own: two runs
    that train alike have one text."""
    fault = replace(
        recipe.fault,
        **{name: getattr(Fault(), name) for name in _CONFIGURED},  # type: ignore[arg-type]
    )
    quiet = override(replace(plant(recipe), fault=fault, case=None), ["log.vitals=false", "log.validation=true"])
    return replace(quiet, log=replace(quiet.log, format="jsonl", every=10**9, timing=False, both_modes=False))


_CONFIGURED = (
    *("bad_init", "scale_lr", "no_warmup", "no_decay", "decay_at", "tiny_train_set", "tiny_val_set", "small_model"),
    *("large_model", "no_regularization", "strong_decay"),
)


def guess_loss(recipe: Recipe) -> float:
    """The loss of a network that knows nothing: ln(outputs), or the mean of the squared targets."""
    task = load_task(recipe.data)
    return task.y_train.pow(2).mean().item() if task.kind == "regression" else math.log(task.outputs)


def tried(
    treatment: Treatment, patient: Recipe, run: Callable[[Recipe], Ended], floor: float, seeds: int = SEEDS
) -> Trial:
    """The treatment over paired seeds (same start and order of the data); one seed when it promises nothing."""
    before, after, gains = [], [], []
    for seed in range(patient.seed, patient.seed + seeds):
        sick = run(replace(settle(patient), seed=seed))
        healed = sick if treatment.twin is None else run(replace(treatment.twin, seed=seed))
        before.append(getattr(sick, treatment.judge))
        after.append(healed.best[1] if treatment.twin is None else getattr(healed, treatment.judge))
        gains.append(gain(before[-1], after[-1], floor))
        if gains[0] < PROMISING:
            break
    return Trial(treatment.name, treatment.proves, treatment.judge, tuple(before), tuple(after), tuple(gains))


def gain(before: float, after: float, floor: float) -> float:
    """The share of the loss that a treatment saved, -1 .. 1; 1 for a run rescued from NaN.

    >>> gain(2.0, 1.5, 0.02), gain(math.inf, 1.0, 0.02), gain(0.0010, 0.0005, 0.02)
    (0.25, 1.0, 0.025)
    """
    if not math.isfinite(before):
        return 1.0 if math.isfinite(after) else 0.0
    if not math.isfinite(after):
        return -1.0
    return max(-1.0, (before - after) / max(before, floor))


def first_drop(recipe: Recipe) -> int | None:
    """The first update at which the rate is at most 0.7 of what it was one update before; None when there is none."""
    rates = _rates(recipe)
    return next((t for t in range(1, len(rates)) if rates[t] <= 0.7 * rates[t - 1]), None)


def plateau_onset(epochs: Sequence[tuple[int, float]]) -> int | None:
    """The update from which on the full training loss stays within GAIN of its level in the last quarter."""
    if len(epochs) < 4:
        return None
    last = epochs[-1][0]
    level = median(loss for step, loss in epochs if step >= 0.75 * last)
    return next((step for step, loss in epochs if loss <= (1 + GAIN) * level), None)


def allowed(planted: str, trials: Mapping[str, Sequence[Trial]]) -> tuple[str, tuple[str, ...], str]:
    """Label, other labels that are right too, and why: what the trials, by what they prove, allow.

    A planted fault is the label if its removal helps, else the run is no case (""). A run without a fault is healthy
    if no treatment helps, else no case either.
    """
    helping = {
        label: max(t.gain for t in tries if t.helps) for label, tries in trials.items() if any(t.helps for t in tries)
    }
    if planted in helping:
        return planted, tuple(sorted(helping.keys() - {planted})), "the removal of the planted fault helps"
    if planted:
        return "", (), f"the planted {planted} did no harm"
    if not helping:
        return "healthy", (), "no treatment helps"
    return "", (), f"no fault was planted, yet {', '.join(sorted(helping)).replace('_', ' ')}: a treatment gains"


def _val(name: str, proves: str, plain: Recipe, change: str) -> Treatment:
    return Treatment(name, proves, "val_loss", override(plain, [change]))


def _drawn(twin: Recipe, plain: Recipe, times: float) -> Recipe:
    """A table of rates is absolute: it is multiplied with the rate."""
    if plain.schedule.table is None:
        return twin
    table = tuple((start, rate * times) for start, rate in plain.schedule.table)
    return replace(twin, schedule=replace(plain.schedule, table=table))


def _rates(recipe: Recipe) -> list[float]:
    size = recipe.data.batch_size * recipe.optimizer.accumulate
    rate = rate_of(recipe.schedule, scaled_rate(recipe.optimizer.lr, size, recipe.optimizer.lr_batch), recipe.steps)
    return [rate(t) for t in range(recipe.steps)]


def _held(rates: Sequence[float]) -> list[tuple[int, float]]:
    """A schedule as a table: the update at which each new rate begins."""
    return [(t, rate) for t, rate in enumerate(rates) if t == 0 or rate != rates[t - 1]]
