"""Whether a label is true: the run and its treated twins, over paired seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from statistics import fmean, stdev

from .loop import train
from .recipe import Recipe, Schedule, override, with_seed
from .strict import RecipeError

#: A treatment helps when it lowers the judged loss by this share and by this many paired standard errors.
GAIN, ERRORS = 0.05, 3.0


@dataclass(frozen=True, slots=True)
class Trial:
    """One treatment over all seeds: mean losses, mean share of the loss that it saved and its standard error.

    `untreated` and `treated` are means over the seeds, infinite when a run ended non-finite; a run rescued
    from NaN counts as a gain of 1, one driven to it as -1.
    """

    name: str
    change: tuple[str, ...]
    untreated: float
    treated: float
    gain: float
    error: float

    @property
    def helps(self) -> bool:
        return self.gain >= GAIN and self.gain >= ERRORS * self.error


@dataclass(frozen=True, slots=True)
class Proof:
    """What was tried. `stands`: the cure helps (a sick case), or nothing does (a healthy one). `margin` is the
    gain of the cure, or for a healthy case the largest gain that any treatment brought."""

    seeds: tuple[int, ...]
    trials: tuple[Trial, ...]
    margin: float
    stands: bool


def prove(recipe: Recipe, device: str = "cpu", say: Callable[[str], None] = lambda line: None) -> Proof:
    """Runs the case's patient and every treated twin over its seeds; `say` hears a line per treatment."""
    case = recipe.case
    if case is None:
        raise RecipeError("this recipe has no [case]: say which label it claims and what should cure it")
    healthy = case.label == "healthy"
    twins = {t.name: (override(recipe, t.set), t.set) for t in case.treatments}
    if healthy:
        twins |= {name: (twin, ()) for name, treat in STANDARD.items() if (twin := treat(recipe)) is not None}
    elif not twins:
        raise RecipeError(f"the case {case.label!r} names no treatment: without a cure there is no proof")
    seeds = tuple(range(recipe.seed, recipe.seed + case.seeds))

    def losses(variant: Recipe) -> list[float]:
        return [getattr(train(with_seed(variant, seed), device=device), case.judge) for seed in seeds]

    untreated = losses(recipe)
    trials = []
    for name, (twin, change) in twins.items():
        trials.append(_trial(name, change, untreated, losses(twin)))
        say(
            f"{name}: {trials[-1].untreated:.4g} -> {trials[-1].treated:.4g}, gain {trials[-1].gain:+.1%} "
            f"(error {trials[-1].error:.1%}){', helps' if trials[-1].helps else ''}"
        )
    if healthy:
        return Proof(seeds, tuple(trials), max(t.gain for t in trials), not any(t.helps for t in trials))
    return Proof(seeds, tuple(trials), trials[0].gain, trials[0].helps)


def stretch(recipe: Recipe, times: int) -> Recipe:
    """The run `times` as long, its schedule drawn out with it."""
    s = recipe.schedule
    longer: dict[str, object] = {"warmup": s.warmup * times}
    longer |= {key: getattr(s, key) * times for key in ("every", "cycle") if getattr(s, key) is not None}
    if s.drops is not None:
        longer["drops"] = tuple(drop * times for drop in s.drops)
    if s.table is not None:
        longer["table"] = tuple((step * times, rate) for step, rate in s.table)
    if s.kind == "exponential" and s.gamma is not None:
        longer["gamma"] = s.gamma ** (1 / times)
    return replace(recipe, steps=recipe.steps * times, schedule=replace(s, **longer))  # type: ignore[arg-type]


def _rate(times: float) -> Callable[[Recipe], Recipe]:
    return lambda recipe: override(recipe, [f"optimizer.lr*={times}"])


def _more_decay(recipe: Recipe) -> Recipe:
    decay = recipe.optimizer.weight_decay
    return override(recipe, [f"optimizer.weight_decay={10 * decay if decay else 1e-3}"])


def _less_decay(recipe: Recipe) -> Recipe | None:
    return override(recipe, ["optimizer.weight_decay=0.0"]) if recipe.optimizer.weight_decay else None


def _more_dropout(recipe: Recipe) -> Recipe:
    return override(recipe, [f"model.dropout={(1 + recipe.model.dropout) / 2 if recipe.model.dropout else 0.2}"])


def _less_dropout(recipe: Recipe) -> Recipe | None:
    return override(recipe, ["model.dropout*=0.5"]) if recipe.model.dropout else None


def _cosine(recipe: Recipe) -> Recipe | None:
    schedule = Schedule("cosine", warmup=recipe.steps // 20)
    return None if recipe.schedule.kind == "cosine" else replace(recipe, schedule=schedule)


#: What every healthy run is tried against; None where a treatment would change nothing.
STANDARD: Mapping[str, Callable[[Recipe], Recipe | None]] = {
    "rate x0.1": _rate(0.1),
    "rate x0.3": _rate(0.3),
    "rate x3": _rate(3.0),
    "rate x10": _rate(10.0),
    "twice the steps": lambda recipe: stretch(recipe, 2),
    "stronger weight decay": _more_decay,
    "no weight decay": _less_decay,
    "stronger dropout": _more_dropout,
    "weaker dropout": _less_dropout,
    "cosine decay with warmup": _cosine,
    "twice the width": lambda recipe: override(recipe, ["model.width*=2"]),
}


def _trial(name: str, change: tuple[str, ...], untreated: list[float], treated: list[float]) -> Trial:
    gains = [_gain(before, after) for before, after in zip(untreated, treated, strict=True)]
    error = stdev(gains) / math.sqrt(len(gains)) if len(gains) > 1 else math.inf
    return Trial(name, change, _finite_mean(untreated), _finite_mean(treated), fmean(gains), error)


def _gain(before: float, after: float) -> float:
    if not math.isfinite(before):
        return 1.0 if math.isfinite(after) else 0.0
    return max(1 - after / before, -1.0) if math.isfinite(after) else -1.0


def _finite_mean(values: list[float]) -> float:
    return fmean(values) if all(math.isfinite(v) for v in values) else math.inf
