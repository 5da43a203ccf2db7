"""Which hyper-parameters are worth a long run: random and grid search over ranges, coarse, then refined."""

from __future__ import annotations

import csv
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from .recipe import Recipe, override
from .samples import describe, record
from .strict import RecipeError

#: A refined range spans the best quarter of the trials, and at least two of them.
BEST = 0.25
TABLE = "trials.csv"


@dataclass(frozen=True, slots=True)
class Range:
    """Values of one key between `low` and `high`, log-uniform when `low` > 0; `whole`: integers only."""

    key: str
    low: float
    high: float
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of the search: the directory of its log, what was set, and where it ended (infinite: not finite)."""

    name: str
    values: Mapping[str, float]
    val_loss: float
    train_loss: float
    val_accuracy: float | None


def parse_range(text: str) -> Range:
    """A Range of `section.key=low..high`.

    >>> parse_range("optimizer.lr=1e-4..0.1")
    Range(key='optimizer.lr', low=0.0001, high=0.1, whole=False)
    >>> parse_range("model.width=16..256").whole
    True
    """
    key, _, span = text.partition("=")
    low, _, high = span.partition("..")
    try:
        ends = float(low), float(high)
    except ValueError:
        ends = math.nan, math.nan
    if not (key.strip() and math.isfinite(ends[0]) and ends[0] < ends[1] < math.inf):
        raise RecipeError(f"{text!r} is no range: write section.key=low..high, as in optimizer.lr=1e-4..0.1")
    return Range(key.strip(), *ends, whole=low.strip().isdigit() and high.strip().isdigit())


def random_points(ranges: Sequence[Range], count: int, seed: int) -> list[dict[str, float]]:
    """`count` points, every key drawn anew for each: where one key matters little, the other is still tried `count`
    times, as on a grid it would not be (Bergstra and Bengio, 2012)."""
    rng = np.random.default_rng(seed)
    return [{r.key: _value(r, float(rng.random())) for r in ranges} for _ in range(count)]


def grid_points(ranges: Sequence[Range], count: int) -> list[dict[str, float]]:
    """All combinations of `count` values of each range, its ends among them."""
    shares = [i / (count - 1) for i in range(count)] if count > 1 else [0.5]
    lines = [list(dict.fromkeys(_value(r, share) for share in shares)) for r in ranges]
    return [dict(zip((r.key for r in ranges), values, strict=True)) for values in itertools.product(*lines)]


def refine(ranges: Sequence[Range], trials: Sequence[Trial]) -> list[Range]:
    """The ranges around the best quarter of the finite trials, half a mean gap between trials wider on both sides and
    never beyond their old ends: what lies there may be no value at all (a dropout of 1)."""
    finite = sorted((t for t in trials if math.isfinite(t.val_loss)), key=lambda t: t.val_loss)
    if len(finite) < 2:
        raise RecipeError(f"only {len(finite)} of {len(trials)} trials ended finite: lower the ranges and search again")
    best = finite[: max(2, round(BEST * len(finite)))]
    narrowed = []
    for r in ranges:
        places = {_place(r, t.values[r.key]) for t in finite}
        kept = [_place(r, t.values[r.key]) for t in best]
        margin = (max(places) - min(places)) / max(len(places) - 1, 1) / 2
        low, high = _value(r, max(min(kept) - margin, 0.0)), _value(r, min(max(kept) + margin, 1.0))
        narrowed.append(replace(r, low=low, high=high) if low < high else r)
    return narrowed


def search(
    recipe: Recipe,
    points: Sequence[Mapping[str, float]],
    out: Path,
    *,
    prefix: str = "",
    jobs: int = 1,
    device: str = "cpu",
    say: Callable[[Trial], None] = lambda trial: None,
) -> list[Trial]:
    """Trains a run per point, each into its own directory of `out`, and returns them best first.

    The runs go through joblib: `jobs` processes here, or, with `jobs` -1 inside `joblib.parallel_config("dask")` (or
    "ray"), as many machines as share `out`. `say` hears each trial as it ends, in order. Threads will not do: each run
    seeds the generator of its process.
    """
    from joblib import Parallel, delayed

    recipes = [override(recipe, [f"{key}={value!r}" for key, value in point.items()]) for point in points]
    names = [f"{prefix}{i:0{len(str(len(points)))}d}" for i in range(1, len(points) + 1)]
    work = (delayed(_trial)(r, n, dict(p), out, device) for r, n, p in zip(recipes, names, points, strict=True))
    trials = []
    for trial in Parallel(n_jobs=jobs, return_as="generator")(work):
        say(trial)
        trials.append(trial)
    return sorted(trials, key=lambda t: t.val_loss)


def write_trials(trials: Sequence[Trial], out: Path) -> None:
    """The table of all trials, best first, as `out`/trials.csv."""
    keys = list(dict.fromkeys(key for trial in trials for key in trial.values))
    with (out / TABLE).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["trial", *keys, "val_loss", "train_loss", "val_accuracy"])
        for t in sorted(trials, key=lambda t: t.val_loss):
            accuracy = "" if t.val_accuracy is None else f"{t.val_accuracy:.6g}"
            measured = [f"{t.val_loss:.6g}", f"{t.train_loss:.6g}", accuracy]
            writer.writerow([t.name, *(f"{t.values[key]:.6g}" for key in keys), *measured])


def _trial(recipe: Recipe, name: str, values: dict[str, float], out: Path, device: str) -> Trial:
    describe(recipe, out / name, device)
    outcome = record(recipe, out / name, device)
    val, train = (loss if math.isfinite(loss) else math.inf for loss in (outcome.val_loss, outcome.train_loss))
    return Trial(name, values, val, train, outcome.val_accuracy)


def _value(r: Range, share: float) -> float:
    """The value at a share of the range, on its own scale."""
    value = r.low * (r.high / r.low) ** share if r.low > 0 else r.low + share * (r.high - r.low)
    return round(value) if r.whole else float(f"{value:.4g}")


def _place(r: Range, value: float) -> float:
    """The share of the range at which a value lies: the inverse of `_value`."""
    if r.low > 0:
        return math.log(value / r.low) / math.log(r.high / r.low)
    return (value - r.low) / (r.high - r.low)
