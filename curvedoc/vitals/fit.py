"""How much of the task does the model not explain on its own training data, and how sure is that?"""

from __future__ import annotations

import math
import re

import numpy as np

from ..curves.order import median
from ..estimate import Estimate, exact
from ..run import Array, Run
from ..settings import flat
from .chart import Measured, Missing, Vital
from .constant import idle_since
from .initial import at_once
from .roughness import bounce
from .signals import Signals, alive, shares

VITALS = {
    "fit.unexplained": Vital(
        "share",
        "part of the task not explained on the training data: above the target loss if one was given, else missing to "
        "100 % accuracy, else what such a loss misses among so many classes",
    ),
    "fit.unlearned": Vital(
        "share",
        "the same; among two or three classes the wrong answers above 60 % of those of a guess, over the rest; where "
        "validation is short or no good level is known, the loss above 70 % of a guess, over the rest",
    ),
    "fit.known": Vital(
        "share",
        "weight of that: 1 where anything tells a guess from a good answer, else 0.45; so much, too, for the next "
        "symbols of a sequence, by name or by how many answers a step averages, unless most of them are wrong",
    ),
    "fit.gap": Vital("share", "last validation losses above the final training loss, over the former"),
    "fit.above_guess": Vital(
        "share",
        "accuracy above one in so many classes, over the rest to 1; 0 where every answer stays the same",
    ),
}

#: Without a known floor so much of the first loss may be the entropy of the task itself: characters of English leave
#: 0.4 to 0.5 of log(symbols) to a good model, the chain of the laboratory's task `markov` 0.64.
FLOOR = 0.7
#: Two or three classes often overlap, as the outcomes of a treatment do: who is right in half of three or in seven of
#: ten of two may know all that there is. Wrong answers up to this share of a guess's may be the task's.
FEW, OVERLAP = 3, 0.6
#: A first loss may count so many classes too many: the scores of a network of three, drawn too wide, cost 0.2 to 0.4
#: more than a guess, and 1.39 is one among four.
MISCOUNT = 1
#: The weight of a level that only the first loss speaks of: enough to be listed, too little for a finding.
UNSURE = 0.45
#: Validations beside a logged rate that show what can be reached: runs of one to three epochs end before they do.
SHOWN = 4
#: Last points that stand for the end of a curve that is too short to be smoothed.
LAST = 3
#: Networks of sequences, whose answers are as a rule the next symbol.
_SEQUENCE = re.compile(r"\b(?:gpt|gru|llama|lstm|rnn)\b")
#: Names of what is counted by the symbol.
_SYMBOLS = re.compile(r"token|perplex|(?<![a-z])ppl(?![a-z])")
#: Wrong next symbols of a good model: healthy ones of the laboratory leave 0.4 to 0.6 (FLOOR speaks of losses), ones
#: that were held back 0.67 and more.
PREDICTED = (0.55, 0.70)
#: The cost of an answer scatters by so much of its mean where a third to two thirds are right: one third to one in the
#: laboratory.
SPREAD = 0.7
#: Answers in a step of a classifier and of a language model. Of 137 laboratory runs with one right answer of three to
#: seven of ten, 44 of sequences count 250 and more, of 93 classifiers with batches of 8 to 64 one in six above 300:
#: some log the mean of several steps.
BATCH = (128.0, 300.0)
#: Second differences that tell a scatter to a third; no step has more answers than MOST, a smoothed line may seem so.
TELLING, MOST = 12, 1e5


def measure(signals: Signals) -> dict[str, Measured]:
    """Vitals of the fit to the training data; intervals of 1.28 standard errors."""
    unexplained = _unexplained(signals)
    found: dict[str, Measured] = {
        "fit.unexplained": unexplained,
        "fit.gap": _gap(signals),
        "fit.above_guess": _above_guess(signals),
    }
    if isinstance(unexplained, Estimate) and _validated(signals):
        return found | {
            "fit.unlearned": _few(signals, unexplained),
            "fit.known": exact(_told(signals, unexplained), "share"),
        }
    return found | _between(signals, _by_a_guess(signals, unexplained))


def _told(signals: Signals, unexplained: Estimate) -> float:
    """How surely the end tells a good answer: a target does, an accuracy as a rule. Of the next symbol of a sequence
    nobody knows how often it can be told, and only few right ones are too few for any text. What the log does not say
    that it is about is about symbols as far as a step averages more answers than a batch has examples."""
    words = " ".join(str(v).lower() for k, v in flat(signals.run.hyper) if "model" in k.lower() or "arch" in k.lower())
    symbols = any(_SYMBOLS.search(tag.tag.lower()) for tag in signals.run.tags) or _SEQUENCE.search(words)
    if signals.context.target_loss is not None:
        return 1.0
    if signals.context.task == "language" or symbols:
        likely = 1.0
    elif words or signals.context.classes is not None or (classes_told(signals) or 0) <= FEW + MISCOUNT:
        likely = 0.0
    else:
        likely = float(np.interp(math.log(max(1.0, _answers(signals))), np.log(BATCH), (0.0, 1.0)))
    lost = 1 - max(UNSURE, min(1.0, (unexplained.value - PREDICTED[0]) / (PREDICTED[1] - PREDICTED[0])))
    return 1 - likely * lost


def _answers(signals: Signals) -> float:
    """How many answers one logged point of the training loss averages, at the end: (SPREAD * level / scatter)^2.

    The mean of an epoch says nothing of a step, nor do fewer than TELLING points or a smooth line: 0."""
    curves = [c for c in signals.run.curves.get("train_loss", ()) if not signals.run.by_epoch(c)]
    train = max(curves, key=len, default=None)
    if train is None or signals.train is None:
        return 0.0
    scatter, points = bounce(train, 2 / 3, 1.0)
    answers = (SPREAD * float(signals.train.value[-1]) / scatter) ** 2 if scatter > 0 and points >= TELLING else 0.0
    return answers if answers < MOST else 0.0


def _between(signals: Signals, guess: dict[str, Measured]) -> dict[str, Measured]:
    """What is left of a guess; where SHOWN validations and more came with their accuracy and only a rate is missing
    beside them, the middle of that and of what is missing to 100 %, with all that lies between as its doubt."""
    val, left = signals.run.get("val_loss"), guess["fit.unlearned"]
    ends = [end for role in ("train_accuracy", "val_accuracy") if (end := _last(signals.run, role))]
    few = val is None or int(alive(val.value).sum()) < SHOWN or signals.context.target_loss is not None
    if few or not ends or not isinstance(left, Estimate):
        return guess
    best, doubt = max(ends)
    told = _few(signals, Estimate(1 - best, 1 - best - doubt, 1 - best + doubt, "share"))
    low, high = min(told.low, left.low), max(told.high, left.high)
    return guess | {"fit.unlearned": Estimate((told.value + left.value) / 2, low, high, "share")}


def _few(signals: Signals, unexplained: Estimate) -> Estimate:
    """Of two or three classes, by their number or by a first loss that no guess among more would cost, what lies above
    OVERLAP of a guess's wrong answers, over the rest. Where that loss counts one class more, the middle of this and of
    all wrong answers."""
    if signals.context.target_loss is not None:
        return unexplained
    classes = classes_told(signals)
    if classes is None or classes < 2 or classes > (FEW if signals.context.classes is not None else FEW + MISCOUNT):
        return unexplained
    bounds = (unexplained.value, unexplained.low, unexplained.high)
    above = [max(0.0, (x / (1 - 1 / classes) - OVERLAP) / (1 - OVERLAP)) for x in bounds]
    value, low, high = above if classes <= FEW else [(x + y) / 2 for x, y in zip(above, bounds, strict=True)]
    return Estimate(value, low, high, "share", unexplained.steps)


def classes_told(signals: Signals) -> int | None:
    """How many classes there are: as known, else among how many a guess costs the first loss.

    Scores cost somewhat more than a guess; a first loss that is not that of the first update may cost less.
    """
    train = signals.train
    if signals.context.classes is not None or train is None:
        return signals.context.classes
    spare = 0.3 if at_once(train.step) else 0.6
    return max(2, int(spare + math.exp(min(float(train.value[:3].max()), 13.0))))


def _above_guess(signals: Signals) -> Measured:
    """(accuracy - 1/classes) / (1 - 1/classes) at the end, of the held-out accuracy, else of the training accuracy.

    Where nobody said how many classes there are, the first loss tells among how many it guessed.
    """
    accuracy = signals.metric if signals.run.get("val_accuracy") is not None else signals.train_accuracy
    classes = classes_told(signals)
    if accuracy is None or classes is None or classes < 2:
        return Missing("no accuracy is logged, or no number of classes is known (--classes)", ("val_accuracy",))
    if idle_since(signals) is not None:
        return exact(0.0, "share")
    last, doubt = float(accuracy.value[-1]), 1.28 * float(accuracy.se[-1])
    low, middle, high = ((x - 1 / classes) / (1 - 1 / classes) for x in (last - doubt, last, last + doubt))
    return Estimate(middle, low, high, "share")


def _by_a_guess(signals: Signals, unexplained: Measured) -> dict[str, Measured]:
    """What is left of the cost of a guess, above what may be noise.

    Which level is good is known least where a run is a few epochs long or has no validation to compare with. A network
    that knows nothing begins at the cost of a guess: log(classes), or the first loss where that was logged from the
    first update on. An accuracy in the log, however short, says that it is a cross-entropy.
    """
    names = ("fit.unlearned", "fit.known")
    train, curve, classes = signals.train, signals.run.get("train_loss"), signals.context.classes
    if train is None or curve is None or signals.lost_at is not None:
        return dict.fromkeys(names, signals.absent.get("train_loss", unexplained))
    known = any(signals.run.get(role) is not None for role in ("train_accuracy", "val_accuracy"))
    step, value = curve.step[alive(curve.value)], curve.value[alive(curve.value)]
    if classes is not None and classes > 1:
        first, known = math.log(classes), True
    elif signals.run.axis == "row" or signals.run.by_epoch(curve) or not at_once(step) or value.min() <= 0:
        known_level = isinstance(unexplained, Estimate)
        return {names[0]: unexplained, names[1]: exact(UNSURE, "share") if known_level else unexplained}
    else:
        first = float(value[0])
    level, doubt = float(train.value[-1]), 1.28 * float(train.se[-1])
    share = [max(0.0, (x / first - FLOOR) / (1 - FLOOR)) for x in (level - doubt, level, level + doubt)]
    return {
        "fit.unlearned": Estimate(share[1], share[0], share[2], "share"),
        "fit.known": exact(1.0 if known else UNSURE, "share"),
    }


def _gap(signals: Signals) -> Measured:
    """1 - (final training loss) / (final validation loss), levels as medians of the last twentieth; of fewer points
    than can be smoothed the last one, with the scatter of the last few. Gives up without either loss."""
    val, train = signals.run.get("val_loss"), signals.train
    if train is None:
        return signals.absent["train_loss"]
    if signals.lost_at is not None:
        return Missing("the loss was lost to NaN or infinity")
    last_train = max(1, len(train.value) // 20)
    level, doubt = median(train.value[-last_train:]), median(train.se[-last_train:])
    if signals.val is not None:
        end = median(signals.val.value[-max(1, len(signals.val.value) // 20) :])
        error = median(signals.val.se[-max(1, len(signals.val.se) // 20) :])
    else:
        last = np.empty(0) if val is None else val.value[alive(val.value)][-LAST:]
        if len(last) < 2:
            return Missing("fewer than two points of val_loss", ("val_loss",))
        end, error = float(last[-1]), _spread(last)
    size = abs(end) or 1.0
    both = 1.28 * float(np.hypot(doubt, level / size * error))  # by the derivatives of 1 - level / end
    return Estimate((end - level) / size, (end - level - both) / size, (end - level + both) / size, "share")


def _validated(signals: Signals) -> bool:
    """Whether held-out data were measured often enough to say that nothing better is to be had: a handful says what was
    reached, but only beside a logged rate whether that was for want of smaller steps."""
    val = signals.run.get("val_loss")
    few = signals.lr is not None and val is not None and int(alive(val.value).sum()) >= SHOWN
    return signals.val is not None or few


def _last(run: Run, role: str) -> tuple[float, float] | None:
    """The last of few accuracies, with the scatter of LAST of them as its doubt; None with fewer than SHOWN."""
    curve = run.get(role)
    if curve is None or int(alive(curve.value).sum()) < SHOWN:
        return None
    last = shares(curve)[alive(curve.value)][-LAST:]
    return float(last[-1]), 1.28 * _spread(last)


def _spread(value: Array) -> float:
    """Standard deviation of a point, from the differences of neighbours; a trend counts as doubt."""
    return float(np.abs(np.diff(value)).mean()) / math.sqrt(2)


def _unexplained(signals: Signals) -> Measured:
    """1 - the last smoothed accuracy; without one (loss - floor) / (worst - floor), with the target loss or the entropy
    of smoothed labels as the floor, and the first loss or log(classes) as the worst; among known classes the share of
    wrong answers that such a loss buys. Gives up where none is known."""
    context, train, accuracy = signals.context, signals.train, signals.train_accuracy
    held_out = signals.metric if signals.run.get("val_accuracy") is not None else None
    # Dropout and augmentation hold the training accuracy down: what validation reaches, training can.
    # A line through the last few validations overshoots a metric that levels off, by a fifth of its doubt or so.
    reached = [(float(a.value[-1]), 1.2 * 1.28 * float(a.se[-1])) for a in (accuracy, held_out) if a is not None]
    # A handful of accuracies says what was reached, but not whether a smaller rate would reach more.
    if not reached and signals.lr is not None:
        reached = [end for role in ("train_accuracy", "val_accuracy") if (end := _last(signals.run, role))]
    if reached and context.target_loss is None:
        best, doubt = max(reached)
        return Estimate(1 - best, 1 - best - doubt, 1 - best + doubt, "share")
    if train is None:
        return signals.absent["train_loss"]
    level, doubt = float(train.value[-1]), 1.28 * float(train.se[-1])
    if signals.val is not None:
        level = min(level, float(signals.val.value[-1]))
    if context.target_loss is not None:
        floor, worst = context.target_loss, float(train.value[0])
    elif context.classes is not None and context.classes > 1 and context.task != "language":
        floor, worst = _smoothed_floor(signals.run, context.classes), math.log(context.classes)
    else:
        why = "no training accuracy, number of classes or target loss is known: no level is high or low"
        return Missing(f"{why} (--classes, --target-loss)", ("train_accuracy",))
    if worst <= floor:
        return Missing(f"the loss began at {worst:.3g}, below the floor of {floor:.3g}")
    share, doubt = (level - floor) / (worst - floor), doubt / (worst - floor)
    low, value, high = share - doubt, share, share + doubt
    if context.target_loss is None and context.classes is not None:
        low, value, high = np.interp((low, value, high), *_wrong(context.classes)).tolist()
    return Estimate(value, low, high, "share")


def _wrong(classes: int) -> tuple[Array, Array]:
    """Losses over that of a guess, 0 to 1, and the share of wrong answers that they buy.

    A network that is as sure as it is often right pays h(e) + e log(classes - 1) for a share e of wrong answers, spread
    over the other classes, with h the entropy of e in natural units. The first wrong answers cost most: 0.36, half of
    a guess between two classes, are 12 in 100.

    >>> loss, wrong = _wrong(2)
    >>> round(float(np.interp(0.5, loss, wrong)), 2), float(wrong[-1])
    (0.11, 0.5)
    """
    wrong = np.linspace(0.0, 1 - 1 / classes, 400)
    inside = np.clip(wrong, 1e-12, 1 - 1e-12)
    cost = -inside * np.log(inside / (classes - 1)) - (1 - inside) * np.log1p(-inside)
    return cost / math.log(classes), wrong


def _smoothed_floor(run: Run, classes: int) -> float:
    """The lowest cross-entropy that label smoothing leaves: the entropy of its smoothed target."""
    smoothing = run.hyper.get("label_smoothing", 0)
    if not isinstance(smoothing, (int, float)) or not 0 < smoothing < 1:
        return 0.0
    rest = smoothing / classes
    right = 1 - smoothing + rest
    return -right * math.log(right) - (classes - 1) * rest * math.log(rest)
