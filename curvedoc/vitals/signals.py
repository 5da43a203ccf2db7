"""Which curves of a run are measured, smoothed once for all vitals."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..curves.order import median
from ..curves.schedule_fit import ScheduleFit
from ..curves.smooth import SCATTER, Smooth, smooth_together
from ..estimate import Estimate
from ..run import Array, Context, Curve, Run
from .chart import Missing
from .recognise import guess, logged_rate

#: Fewer points than this say nothing about a shape; the forty questions' experts draw the line at five.
FEWEST = 6
#: Tasks whose loss falls or rises for reasons other than progress (the caller's --task).
NO_PROGRESS = {
    "gan": "the losses of two networks that play against each other do not measure progress; look at samples or FID",
    "rl": "a policy's loss only carries gradients; look at the reward",
    "diffusion": "the loss depends on the noise level drawn and hardly moves while samples get better; look at FID",
    "preference": "the loss starts at ln 2 and says little; look at rewards and margins",
}
#: Schedules (curves/cycles.py) that lift the rate again and again, and the loss with it.
CYCLES = ("cosine_restarts", "triangular")
#: A curve by epoch replaces one by step only if it has enough points to show when something happened.
CLEAR_POINTS = 10
#: A validation loss or gradient norm of fewer numbers never was a curve that could be lost.
BEGUN = 3
#: A curve that ends before this share of the run cannot tell how the run ended.
COVERS = 0.8
#: A float64 calculates with numbers of a size in between: squares and quotients of larger or smaller ones are lost.
TINY, HUGE = 1e-60, 1e60


_LANGUAGE = re.compile(r"gpt|llama|bert|\bt5\b|\blm\b|language|char|token|trf|transformer|causal|seq2seq|translation")
#: Terms of the losses of speech recognition: of connectionist temporal classification and of transducers.
_SPEECH = re.compile(r"(?<![a-z])ctc(?![a-z])|transducer|pruned_loss")


@dataclass(frozen=True, slots=True)
class Signals:
    """The curves that vitals are measured on.

    `train`, `val`, `metric` hold the finite points before the loss was lost for good; `begin`, `end` bound
    the run in its own steps. `metric` is the held-out metric beside the loss, turned so that higher is
    better, as a share of 1 where it was logged in percent. None where not logged or too short.
    """

    run: Run
    context: Context
    begin: float
    end: float
    train: Smooth | None
    val: Smooth | None
    metric: Smooth | None
    train_accuracy: Smooth | None
    lr: Curve | None
    schedule: ScheduleFit | None
    lost_at: float | None
    absent: Mapping[str, Missing]

    @property
    def length(self) -> float:
        """The length of the run in its own steps."""
        return self.end - self.begin

    def lr_at(self, step: float) -> float | None:
        """The logged rate that held at a step, None when no rate was logged."""
        if self.lr is None:
            return None
        index = int(np.searchsorted(self.lr.step, step, side="right")) - 1
        return float(self.lr.value[max(0, index)])


def prepare(run: Run, context: Context) -> Signals:
    """Choose and smooth the curves of a run, and say why one is absent."""
    curves = [c for r in ("val_loss", "train_accuracy", "val_accuracy", "lr") if (c := run.get(r))]
    curves += run.curves.get("train_loss", ())  # the clearest of which is judged, however long the first
    curves = curves or [c[0] for c in run.curves.values()]
    begin = min((float(c.step[0]) for c in curves if len(c)), default=0.0)
    end = max((float(c.step[-1]) for c in curves if len(c)), default=0.0)
    if end <= begin:  # a summary logs its loss once, beside curves of something else
        begin = min((float(c[0].step[0]) for c in run.curves.values() if c and len(c[0])), default=begin)
        end = max((float(c[0].step[-1]) for c in run.curves.values() if c and len(c[0])), default=end)
    lost = _lost_at(run)
    metric = held_out_metric(run)
    rate, fit = logged_rate(run)
    if rate is None and context.task not in NO_PROGRESS:
        fit = guess(run)
    smoothed: dict[str, Smooth | None] = {}
    absent: dict[str, Missing] = {"lr": Missing("no lr in the log", ("lr",))}
    usable = {
        role: [_usable(role, curve, lost, (begin, end)) for curve in candidates]
        for role, candidates in (
            ("train_loss", run.curves.get("train_loss", ())),
            ("val_loss", run.curves.get("val_loss", ())[:1]),
            ("train_accuracy", run.curves.get("train_accuracy", ())[:1]),
            ("val_accuracy", () if metric is None else (metric,)),
        )
    }
    lines = iter(_smoothed([u for found in usable.values() for u in found if not isinstance(u, Missing)]))
    for role, found in usable.items():
        result = _clearest([u if isinstance(u, Missing) else next(lines) for u in found]) or _none(role, run)
        if role.endswith("loss") and context.task in NO_PROGRESS:
            result = Missing(f"the task is {context.task}: {NO_PROGRESS[context.task]}")
        smoothed[role] = result if isinstance(result, Smooth) else None
        if isinstance(result, Missing):
            absent[role] = result
    return Signals(
        run=run,
        context=_context(run, context),
        begin=begin,
        end=end,
        train=smoothed["train_loss"],
        val=smoothed["val_loss"],
        metric=smoothed["val_accuracy"],
        train_accuracy=smoothed["train_accuracy"],
        lr=rate,
        schedule=fit,
        lost_at=lost,
        absent=absent,
    )


def _context(run: Run, given: Context) -> Context:
    """What the caller did not say, from the hyper-parameters that the log states and the names of its losses."""
    hyper = {str(key).lower(): value for key, value in run.hyper.items()}
    leaves = {key.rpartition("/")[2]: value for key, value in hyper.items()}  # detectron2: MODEL/NUM_CLASSES
    classes, task = given.classes, given.task
    for key in ("num_classes", "n_classes", "classes", "num_labels", "nc"):
        value = hyper.get(key, leaves.get(key))
        if classes is None and isinstance(value, int) and not isinstance(value, bool) and 1 < value < 10**7:
            classes = value
    words = " ".join(str(v).lower() for k, v in hyper.items() if k in ("model", "task", "loss", "criterion", "arch"))
    if task is None and _LANGUAGE.search(words):
        task = "language"
    if task is None and any(_SPEECH.search(tag.tag.lower()) for tag in run.tags):
        task = "speech"
    return Context(classes, given.target_loss, task)


def _none(role: str, run: Run) -> Missing:
    """Why a run has no curve of a role: not logged, or what is logged measures no progress."""
    unread = role == "train_loss" or run.get("train_loss") is None
    others = [tag for tag in run.tags if tag.role == "other_loss"] if role.endswith("loss") and unread else []
    if role.endswith("loss") and not others and run.get("reward") is not None:
        return Missing("a reward and no loss is logged: how an agent learns is seen in its mean reward", (role,))
    if others:
        tags = ", ".join(tag.tag for tag in others[:3])
        players = "losses of players, agents or auxiliary terms do not measure progress"
        return Missing(f"{tags}: {next((tag.why for tag in others if tag.why), players)}")
    return Missing(f"no {role} in the log", (role,))


def _clearest(found: Sequence[Smooth | Missing]) -> Smooth | Missing | None:
    """The first curve of a role, or another of the same quantity with less doubt; None where there is none.

    A training loss is often logged twice, every few steps and as the mean of each epoch: the mean holds all
    batches and shows a slow trend that the steps hide. It must have CLEAR_POINTS points and the level of the
    first: a mean in evaluation mode or a sum over batches is another quantity.
    """
    if not found:
        return None
    first = best = found[0]
    for other in found[1:]:
        if not isinstance(best, Smooth) and isinstance(other, Smooth):
            best = other
        elif isinstance(first, Smooth) and isinstance(best, Smooth) and isinstance(other, Smooth):
            half = len(first.value) // 2
            apart = abs(
                median(first.value[half:]) - float(np.interp(first.step[half:], other.step, other.value).mean())
            )
            near = apart <= 2 * (median(first.se[half:]) + median(other.se)) + 0.05 * float(np.ptp(first.value))
            if near and len(other.step) >= CLEAR_POINTS and median(other.se) < 0.5 * median(best.se):
                best = other
    return best


def _smoothed(usable: Sequence[tuple[Array, Array]]) -> list[Smooth]:
    """Each curve (steps, values) smoothed, those that were logged at the same steps at once."""
    groups: list[list[int]] = []
    for place, (step, _) in enumerate(usable):
        beside = next((group for group in groups if np.array_equal(usable[group[0]][0], step)), None)
        if beside is None:
            groups.append([place])
        else:
            beside.append(place)
    lines: dict[int, Smooth] = {}
    for group in groups:
        values = np.stack([usable[place][1] for place in group])
        lines |= zip(group, smooth_together(usable[group[0]][0], values), strict=True)
    return [lines[place] for place in range(len(usable))]


def _usable(role: str, curve: Curve, lost: float | None, ends: tuple[float, float]) -> tuple[Array, Array] | Missing:
    """Steps and values of a curve up to where the loss was lost, or why it cannot be smoothed."""
    value = shares(curve)
    keep = alive(value) & (curve.step < (np.inf if lost is None else lost))
    step, value = curve.step[keep], value[keep]
    if len(step) < FEWEST:
        more = "log it more often, or train longer"
        return Missing(f"{role} has {len(step)} finite point{'s' * (len(step) != 1)}, {FEWEST} are needed: {more}")
    begin, end = ends[0], ends[1] if lost is None else lost
    if end <= begin:
        return Missing(f"nothing is left of {role} once the loss was lost")
    if role.endswith("loss") and (coarse := _rounded_off(value)):
        return Missing(f"{role} takes only {coarse} different values: it was rounded too far to judge, log more digits")
    if float((step[1:] - step[:-1]).min()) < TINY or float(np.abs(step).max()) > HUGE:
        return Missing(f"the steps of {role} lie too close together or too far out to calculate with")
    covered = (float(step[-1]) - begin) / (end - begin)
    if covered < COVERS:
        until = f"{role} is logged for the first {100 * covered:.0f} % of the run only"
        return Missing(f"{until}: log it to the end (cells left blank may have been NaN)")
    return step, value


def _rounded_off(value: Array) -> int:
    """How many values a loss takes, where they are two or three and lie far apart: 0.000003, then 0.000002. 0 if not.

    One value is a loss that never moves, and values a few percent apart are one that hardly does.
    """
    if len(set(value[:8].tolist())) > 3:  # as nearly always
        return 0
    found = np.unique(value[:100])
    if len(found) <= 3:
        found = np.unique(value)
    return len(found) if 1 < len(found) <= 3 and np.ptp(found) > 0.1 * np.abs(found).max() else 0


def in_noise(value: float, doubt: float, noise: float, points: int, steps: tuple[float, float]) -> Estimate:
    """A rise in standard deviations of one point, with the doubt of both: `doubt` is that of the rise (1.28 standard
    errors), and a noise told by so many points is known to SCATTER / sqrt(points) of it.

    >>> found = in_noise(2.0, 0.0, 0.5, 225, (0.0, 1.0))
    >>> round(found.low, 2), found.value, round(found.high, 2)
    (3.52, 4.0, 4.55)
    """
    factor, ratio = float(np.exp(1.28 * SCATTER / np.sqrt(points))), value / noise
    low = ratio - float(np.hypot(doubt / noise, ratio * (1 - 1 / factor)))
    high = ratio + float(np.hypot(doubt / noise, ratio * (factor - 1)))
    return Estimate(ratio, low, high, "sd", steps)


def held_out_metric(run: Run) -> Curve | None:
    """The metric of the validation set, of which more is better: accuracy, another one, or the negative of one of which
    less is better; None where none is logged."""
    metric = run.get("val_accuracy") or run.get("val_metric")
    if metric is None and (lower := run.get("val_metric_lower")) is not None:
        return Curve(lower.step, -lower.value)
    return metric


def shares(curve: Curve) -> Array:
    """The values of a curve (n,), those that were logged in percent as shares of 1.

    >>> shares(Curve(np.array([1.0, 2.0]), np.array([50.0, 75.0]), unit="percent"))
    array([0.5 , 0.75])
    """
    return curve.value / 100.0 if curve.unit == "percent" else curve.value


def alive(value: Array) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Where a value is a number to calculate with: a loss of HUGE is as lost as an infinite one."""
    found: np.ndarray[tuple[int, ...], np.dtype[np.bool_]] = np.abs(value) < HUGE
    return found


def calculable(run: Run) -> Run:
    """The run with 0 for what is nearer to it than TINY, and infinity for what is not `alive`. The run itself where
    there are none, as nearly always."""
    if not any(_extreme(c.value).any() for curves in run.curves.values() for c in curves):
        return run
    kept = {
        role: tuple(replace(c, value=np.where(_extreme(c.value), _limit(c.value), c.value)) for c in curves)
        for role, curves in run.curves.items()
    }
    return replace(run, curves=kept)


def _extreme(value: Array) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Where a value is too near to 0, or too large, to calculate with."""
    size = np.abs(value)
    found: np.ndarray[tuple[int, ...], np.dtype[np.bool_]] = ((size < TINY) & (value != 0)) | (size >= HUGE)
    return found


def _limit(value: Array) -> Array:
    """What such a value stands for: 0, or infinity of its sign."""
    return np.where(np.abs(value) < 1, 0.0, np.copysign(np.inf, value))


def _lost_at(run: Run) -> float | None:
    """The first step from which a loss or the gradient norm stays non-finite to the end.

    A validation column that is empty between validations ends in NaN as well: the last stretch must be
    longer than every earlier one. A mixed-precision scaler skips single steps with an infinite norm: two
    points at least for anything but the training loss. A training loss that was never finite was lost at
    its first step; another curve that never was for BEGUN points is a column nobody filled.
    """
    steps = []
    for role, fewest in (("train_loss", 1), ("val_loss", 2), ("grad_norm", 2)):
        curve = run.get(role)
        if curve is None or not len(curve) or alive(curve.value)[-1]:
            continue
        finite = np.flatnonzero(alive(curve.value))
        if len(finite) < (1 if role == "train_loss" else BEGUN):
            steps += [float(curve.step[0])] if role == "train_loss" else []
            continue
        last = len(curve) - 1 - int(finite[-1])
        earlier = int(np.diff(finite, prepend=-1).max()) - 1
        if last >= fewest and last > earlier:
            steps.append(float(curve.step[finite[-1] + 1]))
    return min(steps, default=None)
