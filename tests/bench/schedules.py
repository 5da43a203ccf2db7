"""How often is a schedule recognised from the rates that a log holds of it? Prints accuracy per kind.

python -m tests.bench.schedules [RUNS_PER_KIND] [SEED]

Every schedule of the laboratory with drawn parameters, logged as trainers log: every step, thinned, by epoch, with
few digits, a step late, from the second point on, with holes, stopped early. Thresholds were chosen with seed 1
(`TUNE`); the figures that count are those of seed 3 (`JUDGE`), the default.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from curvedoc.curves.on_plateau import on_plateau
from curvedoc.curves.schedule import fit_schedule
from curvedoc.curves.schedule_fit import ScheduleFit
from curvedoc.run import Array
from train_harness.recipe import Schedule
from train_harness.schedules import KINDS, rate_of

TUNE, JUDGE = 1, 3
#: Kinds that hold a rate and drop it.
HELD = ("step", "multi_step", "plateau", "table")


@dataclass(frozen=True)
class Logged:
    """A log whose schedule is known: `step`, `rate` (n,); the true kind and the kinds whose log could be the very
    same (`also`), the update at which warmup ends, the first updates at a lower rate; `val_loss` of those that hold
    a rate (a value per epoch; only plateau looked at it); `how` the log was kept."""

    kind: str
    also: tuple[str, ...]
    warmup: int
    drops: tuple[int, ...]
    step: Array
    rate: Array
    val_step: Array
    val_loss: Array
    how: str


def draw(kind: str, random: np.random.Generator) -> Logged:
    """A schedule of this kind with drawn parameters, logged in a drawn manner; every drop is held for three points."""
    steps = int(np.exp(random.uniform(np.log(150), np.log(20000))))
    points = int(np.clip(np.exp(random.uniform(np.log(16), np.log(1500))), 16, steps))
    warms = kind != "one_cycle" and random.random() < 0.4
    warmup = int(steps * random.uniform(0.01, 0.15)) if warms else 0
    lr = float(np.exp(random.uniform(np.log(1e-5), np.log(1.0))))
    rest, gap = steps - warmup, 3 * steps // points + 1
    epoch = max(1, steps // int(random.integers(20, 120)))
    arguments, drops, also = _parameters(kind, rest, points, gap, random)
    val_step, val_loss = np.arange(epoch - 1, steps, epoch, dtype=float), np.empty(0)
    if kind in HELD:
        val_loss = _validation(len(val_step), [d // epoch for d in drops], random)
    if kind == "plateau":
        patiences = [p for p in (2, 3, 4, 5, 8, 10, 20) if (p + 1) * epoch >= gap] or [20]
        arguments |= {"patience": int(random.choice(patiences)), "threshold": float(random.choice([1e-4, 1e-4, 2e-3]))}
        if not _cuts(val_loss, arguments):
            return draw(kind, random)
        also = ("multi_step",)
    schedule = Schedule(kind, warmup=warmup, **arguments)  # type: ignore[arg-type]
    rate = rate_of(schedule, lr, steps)
    t = np.arange(steps)
    if kind == "plateau":
        after = np.searchsorted(val_step, t)
        full = np.array([rate(steps, val_loss[:n]) for n in range(len(val_loss) + 1)])[after]
        full[:warmup] *= (t[:warmup] + 1) / max(warmup, 1)
    else:
        full = np.array([rate(int(i), ()) for i in t])
    first = int(random.integers(0, 2))  # some count updates from 1
    step, logged, how = _log(kind, full, warmup, points, random)
    fell = np.flatnonzero(full[1:] < full[:-1] * (1 - 1e-9)) + 1 + first if kind in HELD else ()
    return Logged(
        kind, tuple(also), warmup, tuple(int(d) for d in fell), step + first, logged, val_step + first, val_loss, how
    )


def right(truth: Logged, fit: ScheduleFit) -> tuple[bool, bool, bool, bool]:
    """Whether the kind is the true one, is one that the same log can belong to, every drop and no other was found
    within one logged point, and the end of warmup was."""
    same = fit.kind == truth.kind
    fair = same or fit.kind in (*truth.also, *(("step",) if _regular(truth) else ()))
    kept = truth.step[np.isfinite(truth.rate)]
    true = [d for d in truth.drops if kept[0] < d <= kept[-1]]
    placed = len(true) == len(fit.drops) and all(
        abs(np.searchsorted(kept, f) - np.searchsorted(kept, d)) <= 1 for f, d in zip(fit.drops, true, strict=True)
    )
    if truth.kind not in HELD:
        placed = not fit.drops
    late = 2 * float(np.diff(kept).max()) + 1
    warm = abs((fit.warmup_until or 0.0) - truth.warmup) <= late or truth.kind in ("one_cycle", "triangular")
    return same, fair, placed, warm


def _regular(truth: Logged) -> bool:
    """Drops whose places, as far as the log shows, are those of a step schedule."""
    every = np.diff((truth.warmup, *truth.drops))
    return len(truth.drops) > 1 and bool(np.ptp(every) <= 4 * np.diff(truth.step).max())


def _parameters(
    kind: str, rest: int, points: int, gap: int, random: np.random.Generator
) -> tuple[dict[str, object], list[int], tuple[str, ...]]:
    """Keyword arguments, drops, and kinds of which the log cannot be told apart."""
    floor = float(random.choice([0.0, 0.0, 0.01, 0.1, random.uniform(0, 0.3)]))
    gamma = float(random.choice([0.1, 0.1, 0.2, 0.3, 0.5, 0.7]))
    if kind == "step":
        every = int(random.integers(max(gap, rest // 9), max(gap, int(rest * 0.8)) + 1))
        drops = list(range(every, rest, every))
        also = ("multi_step",) if len(drops) == 1 else ("constant",) if not drops else ()
        return {"every": every, "gamma": gamma}, drops, also
    if kind == "multi_step":
        drops = _apart(rest, gap, int(random.integers(1, 5)), random)
        return {"drops": tuple(drops), "gamma": gamma}, drops, ()
    if kind == "table":
        drops = _apart(rest, gap, int(random.integers(2, 5)), random)
        levels = np.cumprod(random.uniform(0.1, 0.9, len(drops)))
        return (
            {"table": tuple((d, 1e-3 * float(v)) for d, v in zip(drops, levels, strict=True))},
            drops,
            ("multi_step",),
        )
    if kind == "exponential":
        return {"gamma": float(np.exp(np.log(random.uniform(1e-5, 0.6)) / rest))}, [], ()
    if kind == "one_over_t":
        return {"rate": float(np.exp(random.uniform(np.log(0.3), np.log(100))) / rest)}, [], ()
    if kind == "inverse_sqrt":
        return {"timescale": float(rest / np.exp(random.uniform(np.log(0.5), np.log(1000))))}, [], ()
    if kind in ("linear", "cosine"):
        return {"floor": floor}, [], ()
    if kind == "polynomial":
        return {"power": float(random.choice([0.5, 0.9, 1.5, 2.0, 3.0, random.uniform(1.3, 5)]))}, [], ()
    if kind == "wsd":
        return {"stable": float(random.uniform(0.2, max(0.3, 1 - 6 / points))), "floor": floor}, [], ()
    if kind == "one_cycle":
        return {"up": float(random.uniform(0.15, 0.5))}, [], ()
    if kind == "cosine_restarts":
        cycle = max(int(rest / random.uniform(1.4, 8)), 2 * gap + 2)
        return {"cycle": cycle, "stretch": int(random.choice([1, 1, 2])), "floor": floor}, [], ()
    if kind == "triangular":
        low = float(random.choice([0.0, 0.001, 0.1, 0.25]))
        return {"cycle": max(int(rest / random.uniform(1.3, 8)), 3 * gap), "floor": low}, [], ()
    return ({"gamma": gamma} if kind == "plateau" else {}), [], ()


def _apart(rest: int, gap: int, count: int, random: np.random.Generator) -> list[int]:
    while True:
        drops = sorted(int(d) for d in random.uniform(0.1, 0.93, count) * rest)
        if all(b - a >= gap for a, b in zip([0, *drops], [*drops, rest], strict=True)):
            return drops
        count = max(1, count - 1)


def _validation(epochs: int, drops: list[int], random: np.random.Generator) -> Array:
    """A noisy loss that comes down to a floor, lower behind each drop of the rate."""
    t = np.arange(epochs)
    noise = random.uniform(0.002, 0.03) * random.standard_normal(epochs)
    steps = sum((0.15 * 0.6**n * -np.expm1(-np.maximum(t - d, 0) / 2) for n, d in enumerate(drops)), np.zeros(epochs))
    pace = random.uniform(0.05, 0.4) * epochs
    return 0.6 + 1.5 * np.exp(-t / pace) - random.uniform(-0.1, 0.1) * t / epochs - steps + noise


def _cuts(val_loss: Array, arguments: dict[str, object]) -> int:
    rate = rate_of(Schedule("plateau", **{**arguments, "gamma": 0.5}), 1.0, 1)  # type: ignore[arg-type]
    return int(np.round(-np.log2(rate(0, val_loss))))


def _log(kind: str, rate: Array, warmup: int, points: int, random: np.random.Generator) -> tuple[Array, Array, str]:
    """What a trainer keeps of the rates (one per update)."""
    steps = len(rate)
    how = [str(random.choice(["even", "even", "irregular"]))]
    if how[0] == "even":
        kept = np.arange(0, steps, max(1, steps // points))
    else:
        kept = np.unique(np.append(random.choice(steps, min(points * 3 // 2, steps), replace=False), 0))
    if kind in ("cosine", "linear", "polynomial") and random.random() < 0.2:
        stop = steps * random.uniform(0.5, 1)
        kept, how = kept[kept < max(stop, warmup + 0.3 * (steps - warmup))], [*how, "stopped"]
    stairs = kind in ("cosine", "linear", "polynomial", "exponential", "one_over_t", "inverse_sqrt")
    if stairs and warmup == 0 and len(kept) > 80 and random.random() < 0.2:
        epoch = steps // int(random.integers(16, 40))
        rate, how = rate[np.arange(steps) // epoch * epoch], [*how, "by epoch"]
    if random.random() < 0.15:
        rate, how = np.append(rate[:1], rate[:-1]), [*how, "late"]
    value = rate[kept]
    digits = str(random.choice(["all", "all", "float32", "6", "5", "4", "%.2e"]))
    if digits == "float32":
        value = value.astype(np.float32).astype(float)
    elif digits != "all":
        value = np.array([float(f"{v:.2e}" if digits == "%.2e" else f"{v:.{digits}g}") for v in value])
    how.append(digits)
    if random.random() < 0.15:
        kept, value, how = kept[1:], value[1:], [*how, "first missing"]
    if random.random() < 0.1:
        value, how = np.where(random.random(len(value)) < 0.03, np.nan, value), [*how, "holes"]
    return kept.astype(float), value, " ".join(how)


def trial(kind: str, runs: int, seed: int) -> Iterator[tuple[Logged, ScheduleFit]]:
    """Drawn logs of a kind and what is read from them, with the validation loss where a rate was held."""
    for n in range(runs):
        truth = draw(kind, np.random.default_rng((seed, KINDS.index(kind), n)))
        fit = fit_schedule(truth.step, truth.rate)
        if len(truth.val_loss):
            fit = on_plateau(fit, truth.step, truth.rate, truth.val_step, truth.val_loss)
        yield truth, fit


def main(runs: int = 300, seed: int = JUDGE) -> None:
    """One line per kind, then all; the seconds that a fit costs; the accuracy of each step of confidence."""
    print(f"seed {seed}, {runs} logs per kind")
    print(
        f"{'kind':16} {'right':>6} {'as far as told':>15} {'unknown':>8} {'wrong':>6} {'drops':>6} {'warmup':>7}"
        "  taken for"
    )
    every: list[tuple[bool, bool, bool, bool, bool]] = []
    sure: dict[float, list[bool]] = {}
    for kind in KINDS:
        rows, taken = [], Counter[str]()
        for truth, fit in trial(kind, runs, seed):
            same, fair, placed, warm = right(truth, fit)
            rows.append((same, fair, fit.kind == "unknown", placed, warm))
            sure.setdefault(round(fit.confidence, 1), []).append(fair)
            if not same:
                taken[fit.kind] += 1
        every += rows
        _line(kind, rows, ", ".join(f"{k} {n}" for k, n in taken.most_common(4)))
    _line("all", every, "")
    print("confidence: " + ", ".join(f"{c:.1f} -> {np.mean(s):.2f} ({len(s)})" for c, s in sorted(sure.items())))
    for points in (1000, 100000):
        t = np.arange(points, dtype=float)
        rate = 0.05 + 0.5 * (1 + np.cos(np.pi * t / points))
        begin = perf_counter()
        for _ in range(50):
            fit_schedule(t, rate)
        print(f"{points} points: {(perf_counter() - begin) / 50 * 1e3:.2f} ms")


def _line(name: str, rows: list[tuple[bool, bool, bool, bool, bool]], taken: str) -> None:
    same, fair, unknown, placed, warm = np.mean(rows, 0)
    print(
        f"{name:16} {same:6.3f} {fair:15.3f} {unknown:8.3f} {max(0.0, 1 - fair - unknown):6.3f} {placed:6.3f} "
        f"{warm:7.3f}  {taken}"
    )


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:3]))
