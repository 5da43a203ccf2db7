"""What is the true value of each vital on a curve whose noiseless form is known?

Worked out from the curve without its noise, on a grid of 20,001 places and by the definition in words, never by the
code that is measured. Scatter is that of the noise that was asked for, as far as the vital's definition sees it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .known import DENSE, NOISES, Array, Drawn, spread

#: Vitals that are no measured value with its doubt, and why the bench asks no truth of them.
NO_INTERVAL = {
    "budget.wasted": "as late as the best checkpoint may be: a bound",
    "budget.last_useful": "val_loss.best_step again",
    "spikes.height": "a median of several spikes, with the range of most of them",
    "softmax.law_off": "a residual, not a property of the curve",
    "fit.unlearned": "fit.unexplained again",
    "initial_loss.stayed": "train_loss.left again, counted from the first point",
    "memorised.since": "the width of the band that counts as rest is its doubt",
    "memorised.fell": "as memorised.since",
    "memorised.metric_gain": "as memorised.since",
}
#: Lag-one correlation of the noise.
MEMORY = {"white": 0.0, "growing": 0.0, "heavy": 0.0, "AR(0.6)": 0.6, "EMA(0.9)": 0.9, "mean of 10": 0.9}


def truths(drawn: Drawn) -> Iterator[tuple[str, float]]:
    """The truth of each vital that has one on this run."""
    yield from _descent(drawn)
    yield from _start(drawn)
    yield from _pace(drawn)
    yield from _generalisation(drawn)
    yield from _scatter(drawn)
    yield from _drop(drawn)


def line_fall(value: Array, begin: float, end: float) -> float:
    """Fall of the least-squares line over x in begin..end: -12 / L^2 times the first moment about the middle."""
    inside = slice(np.searchsorted(DENSE, begin), np.searchsorted(DENSE, end, side="right"))
    x = DENSE[inside] - (begin + end) / 2
    return float(-12 / (end - begin) ** 2 * np.trapezoid(x * value[inside], x))


def flat_share(value: Array) -> float:
    """Longest end along which the line falls or rises by less than a thirtieth of the range and a twentieth of the
    level, and the curve stays within twice that."""
    level = _end(value)
    band = min(float(np.ptp(value)) / 30, 0.05 * level if value.min() > 0 else np.inf)
    longest = 0.0
    for share in np.arange(0.05, 1.0, 0.001):
        if np.abs(value[1 - share <= DENSE] - level).max() > 2 * band:
            break
        if abs(line_fall(value, 1 - share, 1.0)) < band:
            longest = share
    return longest


def crossing(value: Array, share: float) -> float:
    """Where a curve has done a share of its descent for the first time."""
    top = float(value[0])
    return float(DENSE[np.argmax(value <= top - share * (top - value.min()))])


def _end(value: Array) -> float:
    """The level at the end: the mean of the last twentieth."""
    return float(value[-len(value) // 20 :].mean())


def _at(value: Array, place: float) -> float:
    return float(np.interp(place, DENSE, value))


def _descent(drawn: Drawn) -> Iterator[tuple[str, float]]:
    train = drawn.dense("train_loss")
    end, low, first = _end(train), float(train.min()), float(train[0])
    yield "train_loss.level", end
    yield "train_loss.left", end / first
    yield "train_loss.risen", (end - low) / max(first - low, 0.05 * first)
    yield "train_loss.risen_sd", (end - low) / float(np.median(drawn.sd("train_loss")) * _seen(drawn.noise))
    yield "train_loss.climbed", (end - first) / first
    flat = flat_share(train)
    yield "train_loss.flat_for", flat
    yield "train_loss.flat_from", float(drawn.step[-1] - flat * (drawn.step[-1] - drawn.step[0]))
    yield "train_loss.memory", MEMORY[drawn.noise]
    yield "fit.unexplained", 1 - float(drawn.dense("val_accuracy")[-1])
    half = train[DENSE >= 0.5]
    rises = float(np.maximum(0.0, np.diff(half)).sum())
    yield "loss.swing", rises / max(first - low, 0.05 * first)


def _start(drawn: Drawn) -> Iterator[tuple[str, float]]:
    train = drawn.dense("train_loss")
    five, fifty = crossing(train, 0.05), crossing(train, 0.5)
    yield "start.flat_for", five
    yield "start.flat_until", float(np.interp(five, DENSE, drawn.step))
    yield "start.sharpness", five / max(fifty - five, 1 / (len(drawn.curves["train_loss"][0]) - 1))


def _pace(drawn: Drawn) -> Iterator[tuple[str, float]]:
    train, val = drawn.dense("train_loss"), drawn.dense("val_loss")
    span = float(np.ptp(train))
    quarter, half, fifth = (line_fall(train, a, b) for a, b in ((0.25, 0.5), (0.5, 1.0), (0.8, 1.0)))
    # Nothing over nothing is no pace; the code then counts the pace against what came before.
    if quarter > 0.02 * span:
        yield "train_loss.pace_kept", half / quarter
    if half > span / 20:
        yield "pace.at_end", 2.5 * fifth / half
    if half > 0.02 * span:
        yield "val_loss.follows", line_fall(val, 0.5, 1.0) / half
    yield "pace.done_early", (float(train[0]) - _at(train, 0.2)) / (float(train[0]) - float(train.min()))
    if drawn.family.law and "overfit" not in drawn.family.name:
        yield "pace.promised", line_fall(val, 0.75, 1.0) / (_at(val, 0.75) - float(val[-1]))
    if drawn.family.law:
        end = _end(train)
        # Twice the budget: the law itself, beyond what was logged.
        yield "pace.ahead", (end - float(drawn.family.train(np.array(2.0)))) / end


def _generalisation(drawn: Drawn) -> Iterator[tuple[str, float]]:
    train, val, metric = (drawn.dense(role) for role in ("train_loss", "val_loss", "val_accuracy"))
    best, end, val_end = int(np.argmin(val)), _end(train), _end(val)
    low = float(val.min())
    yield "val_loss.best_at", float(DENSE[best])
    yield "val_loss.best_step", float(drawn.step[best])
    yield "val_loss.rise", (val_end - low) / low
    # Noise whose neighbours are alike counts in full; heavy tails as the robust spread that differences show.
    seen = _seen(drawn.noise) if MEMORY[drawn.noise] == 0 else spread(drawn.noise, (1.0,))
    yield "val_loss.rise_sd", (val_end - low) / float(np.median(drawn.sd("val_loss")) * seen)
    yield "train_loss.fall_after_best", (float(train[best]) - end) / float(train[best])
    yield "gap.of_loss", (val_end - end) / val_end
    yield "fit.gap", (val_end - end) / val_end
    yield "memorised.times", val_end / end
    yield "memorised.gap", (val_end - end) / (float(train[0]) - end)
    yield "gap.growth", -line_fall(val - train, 0.5, 1.0) / float(val[-1])
    late = DENSE >= 0.5
    yield "gap.below", -float(np.median((val - train)[late])) / float(np.median(train[late]))
    for name, begin in (("since_best", DENSE[best]), ("late", (DENSE[best] + 1) / 2)):
        then = _at(metric, begin)
        yield f"val_metric.gain_{name}", (float(metric[-1]) - then) / max(float(np.ptp(metric)), 1 - then)


def _scatter(drawn: Drawn) -> Iterator[tuple[str, float]]:
    """Scatter is what differences see: what neighbours do not share."""
    val, train, sd = drawn.dense("val_loss"), drawn.dense("train_loss"), drawn.sd("val_loss")
    late, seen = DENSE >= 0.5, spread(drawn.noise)
    bounce = float(np.median(sd[late])) * seen
    yield "loss.bounce", bounce / _end(val)
    before, after = (sd[(a <= DENSE) & (b >= DENSE)] for a, b in ((0.2, 0.67), (0.75, 1.0)))
    yield "loss.bounce_kept", float(np.median(after)) / float(np.median(before))
    # The mean of the training loss between two validations stands for their middle.
    lag = 0.5 / (len(drawn.curves["val_loss"][0]) - 1)
    level, mean = float(np.median(val[late])), float(np.median(train[(0.5 - lag <= DENSE) & (1 - lag >= DENSE)]))
    noise = float(np.median(sd[late])) * _seen(drawn.noise)
    yield "val.examples", (level / noise) ** 2
    points = len(drawn.curves["train_loss"][0])
    between = round((points - 1) / (len(drawn.curves["val_loss"][0]) - 1))
    rough = float(np.median(drawn.sd("train_loss")[late])) * _seen(drawn.noise, between) / np.sqrt(between)
    yield "val.scatter", (noise / level) / (rough / mean)
    place = np.linspace(0.5, 1.0, 20_000)
    unit = NOISES[drawn.noise](np.ones(len(place)), 1.0, np.random.default_rng(1)) - 1
    scattered = np.interp(place, DENSE, val) + np.interp(place, DENSE, sd) * unit
    yield "val.dips", (mean - float(np.quantile(scattered, 0.25))) / mean


def _seen(noise: str, block: int = 1) -> float:
    """What the smaller of second and fourth differences, of means of `block` points, shows of the noise."""
    second, fourth = (1.0, -2.0, 1.0), (1.0, -4.0, 6.0, -4.0, 1.0)
    return min(spread(noise, tuple(float(w) for w in np.repeat(weights, block))) for weights in (second, fourth))


def _drop(drawn: Drawn) -> Iterator[tuple[str, float]]:
    cut, promise = drawn.family.drop, drawn.family.promise
    if cut is None or promise is None:
        return
    train, law = drawn.dense("train_loss"), promise(DENSE)
    end, half, way = _end(train), cut / 2, cut >= DENSE
    level = float(law[way & (half <= DENSE)].mean())
    yield "lr_drop.pace_before", line_fall(law, half, cut) / level
    gain = _at(law, cut) - _at(train, cut + 0.1 * (1 - cut))
    yield "lr_drop.regret", (end - (float(law[-1]) - max(0.0, gain))) / end
    level = float(np.median(law[way & (0.9 * cut <= DENSE)]))
    until = min(1.0, cut + 0.3)
    settled = (cut + 0.2 * (until - cut) <= DENSE) & (until >= DENSE)
    yield "lr_drop.gain", (level - float(np.median(train[settled]))) / level
    shares = np.arange(0.005, cut, 0.005)
    rests = [share for share in shares if abs(line_fall(law, cut - share, cut)) < 0.05 * level]
    yield "lr_drop.rest_before", max(rests, default=0.0)
    yield "lr_drop.rest_from", float(np.interp(cut - max(rests, default=0.0), DENSE, drawn.step))
