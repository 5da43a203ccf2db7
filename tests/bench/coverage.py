"""How often do the stated 80 % intervals hold the truth? Prints it per vital, on curves whose truth is known.

    python -m tests.bench.coverage [--seeds N] [--vital NAME]

Closed-form curves (exponentials, power laws, S-shaped starts, plateaus, turning validation losses, early drops) get
noise of five kinds. The truth of a vital is worked out here from the curve without its noise, on a grid of 20,001
places and by the definition in words, never by the code that is measured. A vital that states no doubt (a count)
has no interval to check; one without a formula here is listed as such. With `--vital` one line per family, kind
of noise and number of points.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from curvedoc.curves.extrapolate import extrapolate
from curvedoc.curves.smooth import smooth
from curvedoc.curves.trend import fall
from curvedoc.estimate import Estimate
from curvedoc.run import Context, Curve, Run
from curvedoc.vitals import measure

Array = npt.NDArray[np.float64]

#: Coverage that an 80 % interval may have, in percent.
BAR = (75.0, 88.0)
POINTS = (30, 120, 600, 4000)
EVERY = 10.0
_DENSE = np.linspace(0.0, 1.0, 20001)


@dataclass(frozen=True, slots=True)
class Family:
    """Noiseless losses of x in 0..1: training, validation, held-out accuracy; `drop` where the rate is cut, with
    `promise` the training loss that would have come without the cut."""

    name: str
    train: Callable[[Array], Array]
    val: Callable[[Array], Array]
    metric: Callable[[Array], Array] = field(default=lambda x: 0.5 + 0.4 * (1 - np.exp(-5 * x)))
    drop: float | None = None
    promise: Callable[[Array], Array] | None = None


def _exponential(tau: float, floor: float, start: float = 2.3) -> Callable[[Array], Array]:
    return lambda x: floor + (start - floor) * np.exp(-x / tau)


def _power(exponent: float, floor: float, start: float = 2.3, offset: float = 0.004) -> Callable[[Array], Array]:
    return lambda x: floor + (start - floor) * ((x + offset) / offset) ** -exponent


def _late_start(at: float, width: float) -> Callable[[Array], Array]:
    return lambda x: 0.3 + 2.0 / (1 + np.exp((x - at) / width))


def _turning(best: float, rise: float) -> Callable[[Array], Array]:
    """Falls to 0.6 at `best` and rises by `rise` of it until the end; level where both meet."""
    return lambda x: (
        0.6
        + np.where(x < best, 1.7 * ((best - x) / best) ** 3, 0.6 * rise * (np.maximum(0, x - best) / (1 - best)) ** 1.5)
    )


def _cut(x: Array) -> Array:
    """A power law whose rate is cut at 0.3: a quick gain, then a tenth of the pace."""
    law = _power(0.35, 0.0)
    at = float(law(np.array(0.3)))
    behind = at - 0.12 * (1 - np.exp(-(x - 0.3) / 0.02)) - 0.1 * (at - law(np.maximum(x, 0.3)))
    return np.where(x < 0.3, law(x), behind)


FAMILIES = (
    Family("exponential", _exponential(0.15, 0.3), _exponential(0.15, 0.45)),
    Family("slow exponential", _exponential(0.6, 0.1), _exponential(0.6, 0.2)),
    Family("power law", _power(0.3, 0.0), _power(0.28, 0.0)),
    Family("power law on a floor", _power(0.5, 1.2), _power(0.5, 1.3)),
    Family("plateau", _exponential(0.04, 0.9), _exponential(0.04, 1.0)),
    Family("late start", _late_start(0.3, 0.03), _late_start(0.3, 0.03)),
    Family("overfit early", _exponential(0.15, 0.05), _turning(0.25, 0.5)),
    Family("overfit late", _power(0.5, 0.0), _turning(0.7, 0.1)),
    Family("cut too early", _cut, lambda x: 0.1 + _cut(x), drop=0.3, promise=_power(0.35, 0.0)),
    Family("comes back up", lambda x: _turning(0.4, 1.0)(x) - 0.2, _turning(0.4, 1.2)),
)


# ------------------------------------------------------------------------------------------ noise
def white(clean: Array, sd: float, rng: np.random.Generator) -> Array:
    """Independent, of one size all along."""
    return clean + sd * rng.standard_normal(len(clean))


def growing(clean: Array, sd: float, rng: np.random.Generator) -> Array:
    """Proportional to the value, as minibatches give it; `sd` at the mean."""
    return clean * (1 + sd / float(np.mean(np.abs(clean))) * rng.standard_normal(len(clean)))


def heavy(clean: Array, sd: float, rng: np.random.Generator) -> Array:
    """Student's t with three degrees of freedom, scaled to the same standard deviation."""
    return clean + sd / np.sqrt(3.0) * rng.standard_t(3, len(clean))


def alike(clean: Array, sd: float, rng: np.random.Generator) -> Array:
    """A first-order autoregression with coefficient 0.6: neighbours are alike."""
    return clean + sd * _autoregression(0.6, rng.standard_normal(len(clean)))


def averaged(clean: Array, sd: float, rng: np.random.Generator) -> Array:
    """Noise behind an exponential moving average with weight 0.1: coefficient 0.9, a quarter of the size."""
    return clean + sd * np.sqrt(0.1 / 1.9) * _autoregression(0.9, rng.standard_normal(len(clean)))


def _autoregression(r: float, shocks: Array) -> Array:
    """Stationary, with standard deviation 1."""
    value, out = shocks[0], np.empty_like(shocks)
    for k, shock in enumerate(shocks):
        value = shock if k == 0 else r * value + np.sqrt(1 - r * r) * shock
        out[k] = value
    return out


NOISES: Mapping[str, Callable[[Array, float, np.random.Generator], Array]] = {
    "white": white,
    "growing": growing,
    "heavy": heavy,
    "AR(0.6)": alike,
    "EMA(0.9)": averaged,
}
#: Noise of one point in shares of the descent of the training loss.
LEVELS = (0.01, 0.05)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A noisy run with the clean polylines behind it, on `x` in 0..1 (dense) and its steps."""

    family: Family
    run: Run
    step: Array
    curves: Mapping[str, tuple[Array, Array]]

    def dense(self, role: str) -> Array:
        """The clean curve of a role on the dense grid: straight lines between the logged places."""
        x, clean = self.curves[role]
        return np.interp(_DENSE, x, clean)


def draw(family: Family, n: int, noise: str, level: float, seed: int) -> Drawn:
    """One run of n logged training points and a fifth as many validations (12 at least)."""
    rng = np.random.default_rng(seed)
    x = np.linspace(0, 1, n)
    x_val = np.linspace(0, 1, max(12, min(n, n // 5)))
    length = EVERY * (n - 1)
    clean = {"train_loss": (x, family.train(x)), "val_loss": (x_val, family.val(x_val))}
    clean["val_accuracy"] = (x_val, family.metric(x_val))
    sizes = {"train_loss": level * float(np.ptp(clean["train_loss"][1]))}
    sizes["val_loss"] = 0.5 * level * float(np.ptp(clean["val_loss"][1]))
    sizes["val_accuracy"] = 0.5 * level * float(np.ptp(clean["val_accuracy"][1]))
    curves = {}
    for role, (at, value) in clean.items():
        curves[role] = (Curve(EVERY + length * at, NOISES[noise](value, sizes[role], rng), tag=role),)
    if family.drop is not None:
        rate = np.where(x < family.drop, 0.1, 0.01)
    else:
        rate = np.full(n, 0.1)
    curves["lr"] = (Curve(EVERY + length * x, rate, tag="lr"),)
    return Drawn(family, Run("drawn", curves), EVERY + length * _DENSE, clean)


# ------------------------------------------------------------------------------------------ truths
def _end(value: Array) -> float:
    """The level at the end: the mean of the last twentieth."""
    return float(value[-len(value) // 20 :].mean())


def _line_fall(value: Array, begin: float, end: float) -> float:
    """Fall of the least-squares line over x in begin..end: -12 / L^2 times the first moment about the middle."""
    inside = slice(np.searchsorted(_DENSE, begin), np.searchsorted(_DENSE, end, side="right"))
    x = _DENSE[inside] - (begin + end) / 2
    return float(-12 / (end - begin) ** 2 * np.trapezoid(x * value[inside], x))


def _flat_share(value: Array) -> float:
    """Longest end along which the line falls or rises by less than a thirtieth of the range and a twentieth of the
    level, and the curve stays within twice that."""
    level = _end(value)
    band = min(float(np.ptp(value)) / 30, 0.05 * level if value.min() > 0 else np.inf)
    longest = 0.0
    for share in np.arange(0.05, 1.0, 0.005):
        if np.abs(value[1 - share <= _DENSE] - level).max() > 2 * band:
            break
        if abs(_line_fall(value, 1 - share, 1.0)) < band:
            longest = share
    return longest


def _crossing(value: Array, share: float) -> float:
    top = float(value[0])
    return float(_DENSE[np.argmax(value <= top - share * (top - value.min()))])


def _pace(value: Array) -> float | None:
    early, late = _line_fall(value, 0.25, 0.5), _line_fall(value, 0.5, 1.0)
    # Nothing over nothing is no pace; the code then counts the pace against what came before.
    return late / early if early > 0.02 * np.ptp(value) else None


def truths(drawn: Drawn) -> Iterator[tuple[str, float]]:
    """The truth of each vital that has one on this run."""
    train, val, metric = (drawn.dense(role) for role in ("train_loss", "val_loss", "val_accuracy"))
    end, low, first = _end(train), float(train.min()), float(train[0])
    yield "train_loss.level", end
    yield "train_loss.left", end / first
    yield "train_loss.risen", (end - low) / max(first - low, 0.05 * first)
    yield "train_loss.climbed", (end - first) / first
    flat = _flat_share(train)
    yield "train_loss.flat_for", flat
    yield "train_loss.flat_from", float(drawn.step[-1] - flat * (drawn.step[-1] - drawn.step[0]))
    if (pace := _pace(train)) is not None:
        yield "train_loss.pace_kept", pace
    five, fifty = _crossing(train, 0.05), _crossing(train, 0.5)
    yield "start.flat_for", five
    yield "start.flat_until", float(np.interp(five, _DENSE, drawn.step))
    yield "start.sharpness", five / max(fifty - five, 1 / (len(drawn.curves["train_loss"][0]) - 1))
    best = int(np.argmin(val))
    val_end = _end(val)
    yield "val_loss.best_at", float(_DENSE[best])
    yield "val_loss.best_step", float(drawn.step[best])
    yield "val_loss.rise", (val_end - float(val.min())) / float(val.min())
    yield "train_loss.fall_after_best", (float(train[best]) - end) / float(train[best])
    yield "gap.of_loss", (val_end - end) / val_end
    reach = float(np.ptp(metric))
    yield "val_metric.gain_since_best", (float(metric[-1]) - float(metric[best])) / reach
    halfway = float(np.interp((_DENSE[best] + 1) / 2, _DENSE, metric))
    yield "val_metric.gain_late", (float(metric[-1]) - halfway) / reach
    if drawn.family.drop is not None and drawn.family.promise is not None:
        cut = drawn.family.drop
        law, half = drawn.family.promise(_DENSE), cut / 2
        yield (
            "lr_drop.pace_before",
            _line_fall(law, half, cut)
            / float(law[np.searchsorted(_DENSE, half) : np.searchsorted(_DENSE, cut)].mean()),
        )
        gain = float(np.interp(cut, _DENSE, law)) - float(np.interp(cut + 0.1 * (1 - cut), _DENSE, train))
        yield "lr_drop.regret", (end - (float(law[-1]) - max(0.0, gain))) / end


def tools(drawn: Drawn) -> Iterator[tuple[str, float, float, float]]:
    """(name, truth, low, high) of the building blocks behind the vitals, on the training loss."""
    curve, clean = drawn.run.curves["train_loss"][0], drawn.dense("train_loss")
    line = smooth(curve.step, curve.value)
    for name, place in (("start", 0.02), ("middle", 0.5), ("end", 1.0)):
        at = float(np.interp(place, _DENSE, drawn.step))
        value, doubt = line.at(at), 1.28 * line.se_at(at)
        yield f"smooth, {name}", float(np.interp(place, _DENSE, clean)), value - doubt, value + doubt
    middle, last = (float(np.interp(place, _DENSE, drawn.step)) for place in (0.5, 1.0))
    fell, error = fall(line.step, line.points, middle, last)
    yield "fall, second half", _line_fall(clean, 0.5, 1.0), fell - 1.28 * error, fell + 1.28 * error
    if drawn.family.drop is None and drawn.family.name not in ("late start", "comes back up"):
        # Twice the budget: the law itself is the truth, beyond what was logged.
        _, low, high = extrapolate(line.step, line.value, 2 * last - float(drawn.step[0]), float(np.median(line.se)))
        yield "extrapolate, 2x budget", float(drawn.family.train(np.array(2.0))), low, high


# ------------------------------------------------------------------------------------------ counting
@dataclass
class Count:
    """Truths within, below and above their intervals."""

    within: int = 0
    below: int = 0
    above: int = 0

    @property
    def all(self) -> int:
        """How many intervals were compared."""
        return self.within + self.below + self.above

    @property
    def percent(self) -> float:
        """Coverage."""
        return 100 * self.within / max(1, self.all)

    def add(self, truth: float, low: float, high: float) -> None:
        """Compare one interval; a part of 1e-9 is rounding."""
        slack = 1e-9 * max(abs(truth), abs(low), abs(high))
        if truth < low - slack:
            self.below += 1
        elif truth > high + slack:
            self.above += 1
        else:
            self.within += 1


Key = tuple[str, str, str, int]


def count(seeds: int, families: tuple[Family, ...] = FAMILIES) -> tuple[dict[Key, Count], set[str]]:
    """Coverage by (vital, family, noise, points), and the vitals that nothing here knows the truth of."""
    found: dict[Key, Count] = defaultdict(Count)
    known: set[str] = set()
    met: set[str] = set()
    for family in families:
        for noise in NOISES:
            for n in POINTS:
                for seed in range(seeds):
                    drawn = draw(family, n, noise, LEVELS[seed % len(LEVELS)], seed)
                    chart, _ = measure(drawn.run, Context())
                    vitals = dict(chart.run.vitals)
                    for row in chart.lr_drop:
                        vitals |= row.vitals
                    true = dict(truths(drawn))
                    known |= set(true)
                    for name, estimate in vitals.items():
                        if not isinstance(estimate, Estimate) or estimate.low == estimate.high:
                            continue
                        met.add(name)
                        if name in true:
                            found[name, family.name, noise, n].add(true[name], estimate.low, estimate.high)
                    for name, truth, low, high in tools(drawn):
                        found[name, family.name, noise, n].add(truth, low, high)
    return found, met - known


def _sum(counts: Mapping[Key, Count], **wanted: object) -> Count:
    total = Count()
    for key, c in counts.items():
        named = dict(zip(("vital", "family", "noise", "n"), key, strict=True))
        if all(named[k] == v for k, v in wanted.items()):
            total = Count(total.within + c.within, total.below + c.below, total.above + c.above)
    return total


def main() -> None:
    """One line per vital: coverage overall, by kind of noise and by points; side of the misses; worst families."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=8, help="runs per family, kind of noise and number of points")
    parser.add_argument("--vital", help="this vital in detail")
    given = parser.parse_args()
    counts, unknown = count(given.seeds)
    if given.vital:
        for family in FAMILIES:
            for noise in NOISES:
                cells = [_sum(counts, vital=given.vital, family=family.name, noise=noise, n=n) for n in POINTS]
                if any(c.all for c in cells):
                    told = "  ".join(
                        f"{n}: {c.percent:3.0f} (-{c.below} +{c.above})" for n, c in zip(POINTS, cells, strict=True)
                    )
                    print(f"{family.name:22} {noise:9} {told}")
        return
    heads = [*NOISES, *map(str, POINTS)]
    print(f"{'':28} {'all':>5}  " + " ".join(f"{h:>8}" for h in heads) + "   truth below/above   worst families")
    vitals = sorted({key[0] for key in counts}, key=lambda v: ("," in v, v))
    held = 0
    for vital in vitals:
        total = _sum(counts, vital=vital)
        cells = [_sum(counts, vital=vital, noise=noise).percent for noise in NOISES]
        cells += [_sum(counts, vital=vital, n=n).percent for n in POINTS]
        families = sorted(
            (_sum(counts, vital=vital, family=f.name).percent, f.name)
            for f in FAMILIES
            if _sum(counts, vital=vital, family=f.name).all
        )
        good = BAR[0] <= total.percent <= BAR[1]
        held += good
        mark = " " if good else "<" if total.percent < BAR[0] else ">"
        worst = ", ".join(f"{name} {percent:.0f}" for percent, name in families[:3])
        print(
            f"{vital:28} {total.percent:5.1f}{mark} "
            + " ".join(f"{c:8.0f}" for c in cells)
            + f"   {100 * total.below / total.all:5.0f} / {100 * total.above / total.all:<5.0f}      {worst}"
        )
    print(f"\nwithin {BAR[0]:.0f}-{BAR[1]:.0f} %: {held} of {len(vitals)}")
    if unknown:
        print(f"no truth is known here for: {', '.join(sorted(unknown))}")


if __name__ == "__main__":
    main()
