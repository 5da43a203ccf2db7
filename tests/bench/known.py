"""Which curves, under which noise, have a truth that is known?

Closed-form losses (exponentials, power laws, S-shaped starts, plateaus, turning validation losses, early and late
cuts of the rate) with noise of several kinds. `tests.bench.truths` says what each vital of them is, and
`tests.bench.coverage` how often the stated intervals hold that.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from curvedoc.run import Curve, Run

Array = npt.NDArray[np.float64]

#: Logged points of the training loss: some epochs, a short log, a usual one, one that is pooled.
POINTS = (30, 120, 600, 4000)
#: Steps between two of them.
EVERY = 10.0
#: The run as shares 0..1 of its length: where truths are worked out.
DENSE = np.linspace(0.0, 1.0, 20001)


@dataclass(frozen=True, slots=True)
class Family:
    """Noiseless losses of x in 0..1: training, validation, held-out accuracy; `drop` where the rate is cut, with
    `promise` the training loss that would have come without the cut; `law` where the training loss goes on beyond 1
    as it is written."""

    name: str
    train: Callable[[Array], Array]
    val: Callable[[Array], Array]
    metric: Callable[[Array], Array] = field(default=lambda x: 0.5 + 0.4 * (1 - np.exp(-5 * x)))
    drop: float | None = None
    promise: Callable[[Array], Array] | None = None
    law: bool = True


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


def _cut(at: float, law: Callable[[Array], Array], gain: float) -> Callable[[Array], Array]:
    """A law whose rate is cut: a quick gain, then a tenth of the pace."""

    def loss(x: Array) -> Array:
        level = float(law(np.array(at)))
        behind = level - gain * (1 - np.exp(-(x - at) / 0.02)) - 0.1 * (level - law(np.maximum(x, at)))
        return np.where(x < at, law(x), behind)

    return loss


_EARLY, _LATE = _cut(0.3, _power(0.35, 0.0), 0.12), _cut(0.6, _exponential(0.08, 0.9), 0.25)

FAMILIES = (
    Family("exponential", _exponential(0.15, 0.3), _exponential(0.15, 0.45)),
    Family("slow exponential", _exponential(0.6, 0.1), _exponential(0.6, 0.2)),
    Family("power law", _power(0.3, 0.0), _power(0.28, 0.0)),
    Family("power law cut early", _power(0.4, 0.0, offset=0.1), _power(0.38, 0.0, offset=0.1)),
    Family("power law on a floor", _power(0.5, 1.2), _power(0.5, 1.3)),
    Family("plateau", _exponential(0.04, 0.9), _exponential(0.04, 1.0)),
    Family("late start", _late_start(0.3, 0.03), _late_start(0.3, 0.03), law=False),
    Family("overfit early", _exponential(0.15, 0.05), _turning(0.25, 0.5)),
    Family("overfit late", _power(0.5, 0.0), _turning(0.7, 0.1)),
    Family("cut too early", _EARLY, lambda x: 0.1 + _EARLY(x), drop=0.3, promise=_power(0.35, 0.0), law=False),
    Family("cut late", _LATE, lambda x: 0.1 + _LATE(x), drop=0.6, promise=_exponential(0.08, 0.9), law=False),
    Family("comes back up", lambda x: _turning(0.4, 1.0)(x) - 0.2, _turning(0.4, 1.2), law=False),
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


def windowed(clean: Array, sd: float, rng: np.random.Generator) -> Array:
    """Noise behind a running mean of ten points: correlations of 0.9, 0.8 ... 0, a third of the size."""
    shocks = np.cumsum(np.concatenate([[0.0], rng.standard_normal(len(clean) + 9)]))
    return clean + sd * (shocks[10:] - shocks[:-10]) / 10


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
    "mean of 10": windowed,
}
#: Noise of one point in shares of the descent of the training loss.
LEVELS = (0.01, 0.05)


@lru_cache(maxsize=64)
def spread(noise: str, weights: tuple[float, ...] = (1.0, -2.0, 1.0)) -> float:
    """Robust standard deviation that a weighted sum of neighbouring points shows, over that of independent normal
    noise of the same stated size, of a very long series: the median of its size over 0.6745 and the norm of the
    weights. With the weights of second differences it is what neighbours do not share.

    >>> round(spread("white"), 2), round(spread("AR(0.6)"), 2), round((1 - 0.8 + 0.12) ** 0.5, 2)
    (1.0, 0.56, 0.57)
    """
    value = NOISES[noise](np.ones(200_000), 1.0, np.random.default_rng(0)) - 1
    found = np.convolve(value, np.array(weights), "valid")
    return float(np.median(np.abs(found)) / 0.6745 / np.linalg.norm(weights))


@dataclass(frozen=True, slots=True)
class Drawn:
    """A noisy run with the clean polylines behind it, on `x` in 0..1 (dense) and its steps; `sizes` the standard
    deviations of the noise that was asked for, by role."""

    family: Family
    noise: str
    run: Run
    step: Array
    curves: Mapping[str, tuple[Array, Array]]
    sizes: Mapping[str, float]

    def dense(self, role: str) -> Array:
        """The clean curve of a role on the dense grid: straight lines between the logged places."""
        x, clean = self.curves[role]
        return np.interp(DENSE, x, clean)

    def sd(self, role: str) -> Array:
        """The standard deviation of a point of independent noise along the dense grid."""
        clean = self.dense(role)
        if self.noise == "growing":
            return self.sizes[role] * clean / float(np.mean(np.abs(self.curves[role][1])))
        return np.full(len(clean), self.sizes[role])


def draw(family: Family, n: int, noise: str, level: float, seed: int) -> Drawn:
    """One run of n logged training points and a fifth as many validations (12 at least)."""
    # Each run has noise of its own: a lucky draw must not be counted once per family.
    rng = np.random.default_rng([seed, n, zlib.crc32(f"{family.name} {noise}".encode())])
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
    return Drawn(family, noise, Run("drawn", curves), EVERY + length * DENSE, clean, sizes)
