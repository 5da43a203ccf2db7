"""How do the learning rate and the width that the log states compare with recipes, and does the run bear the rate?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..estimate import exact
from ..settings import RATES, flat, optimizer
from .chart import Measured, Missing, Vital
from .rate import many, weigh
from .signals import Signals, alive

VITALS = {
    "lr.stated": Vital("log10", "highest learning rate that was logged, or stated among the hyper-parameters"),
    "lr.above_usual": Vital(
        "times", "that rate over the highest in common use for the optimiser that the log names, or for any"
    ),
    "lr.below_usual": Vital(
        "times",
        "the lowest rate in common use to train small networks from scratch, for that optimiser, over that rate",
    ),
    "model.width": Vital("count", "narrowest layer that the log states: units, or numbers that stand for a token"),
    "lr.strained": Vital("share", "the strongest sign, however weak alone, that the run bears its rate badly"),
}

#: Lowest and highest rate in common use, for small networks that are trained from scratch. SGD: 0.1 (He et al. 2016;
#: Goyal et al. 2017 for 256 examples), 1e-2 (Bengio 2012), seldom below 1e-3. Adam: 1e-3 (Kingma and Ba 2015), 3e-4,
#: seldom more than twenty times the first; large transformers, detectors and diffusion models go by 1e-4 and less.
_SGD, _ADAM = (1e-3, 0.1), (3e-4, 0.02)
#: Optimisers whose rates have a scale of their own: 1 for Adadelta and Prodigy, 1e-4 for Lion. LambdaLR is none, nor a
#: million.
_OWN_SCALE = (
    r"prodigy|d_?adapt|ada(?:factor|delta|grad)|lars|lamb(?!d)|(?<!l)lion|lbfgs|rprop|muon|sophia|schedule_?free"
)
USUAL = (
    (_OWN_SCALE, None),
    (r"adam|adabelief|rmsprop", _ADAM),
    (r"sgd|momentum|nesterov", _SGD),
    ("", (_ADAM[0], _SGD[1])),
)
#: A number above which a rate only says that it is large.
_LARGEST = 1e9
#: The last word of a setting that is a width, and not a number of layers or of pixels.
WIDTHS = ("hidden_size", "hidden_dim", "hidden_units", "n_embd", "d_model", "embed_dim", "model_dim")


def measure(signals: Signals, found: dict[str, Measured]) -> dict[str, Measured]:
    """Vitals of what the log states, and of a run that bears its rate badly, by what was measured before (`found`)."""
    measured: dict[str, Measured] = {"model.width": _width(signals.run.hyper)}
    if signals.train is None:
        measured["lr.strained"] = signals.absent["train_loss"]
    elif signals.lost_at is not None:
        measured["lr.strained"] = Missing("the loss was lost to NaN or infinity")
    else:
        measured["lr.strained"] = exact(_strained(found), "share", (signals.begin, signals.end))
    return measured | _rate(signals)


def _rate(signals: Signals) -> dict[str, Measured]:
    """The stated rate, and its ratios to both ends of what is common; missing where no rate is stated, and the ratios
    where the optimiser has a scale of its own."""
    stated = _stated(signals)
    if stated is None:
        why = Missing("no learning rate in the log", ("lr",))
        return dict.fromkeys(("lr.stated", "lr.above_usual", "lr.below_usual"), why)
    known: dict[str, Measured] = {"lr.stated": exact(float(np.log10(stated)), "log10")}
    # Lightning's monitor names the optimiser with the rate: lr-AdamW.
    tags = " ".join(tag.tag.lower() for tag in signals.run.tags if tag.role == "lr")
    named = optimizer(signals.run.hyper) or tags
    usual = next(span for words, span in USUAL if re.search(words, named))
    if usual is None:
        why = Missing("the rates of this optimiser have a scale of their own")
        return known | {"lr.above_usual": why, "lr.below_usual": why}
    above, below = (min(_LARGEST, ratio) for ratio in (stated / usual[1], usual[0] / stated))
    return known | {"lr.above_usual": exact(above, "times"), "lr.below_usual": exact(below, "times")}


def _stated(signals: Signals) -> float | None:
    """The highest rate of the log, else among the hyper-parameters; None where neither has one."""
    rate = signals.run.get("lr")
    if rate is not None and (logged := rate.value[alive(rate.value) & (rate.value > 0)]).size:
        return min(float(logged.max()), _LARGEST)
    given = max(_numbers(signals.run.hyper, RATES), default=0.0)
    return min(given, _LARGEST) if given > 0 else None


def _width(hyper: Mapping[str, Any]) -> Measured:
    """The narrowest of the stated widths."""
    widths = [width for width in _numbers(hyper, WIDTHS) if width >= 1]
    return exact(min(widths), "count") if widths else Missing("no width among the hyper-parameters of the log")


def _numbers(hyper: Mapping[str, Any], last: Sequence[str]) -> list[float]:
    """The numbers among settings whose name ends in one of these words."""
    settings = flat({str(key).replace("/", "."): value for key, value in hyper.items()})
    return [value for key, value in settings if key.rpartition(".")[2].lower() in last and isinstance(value, float)]


def _strained(found: dict[str, Measured]) -> float:
    """Signs that prove nothing at a usual rate, of a run that ends high: validation bounces by percents; the loss has
    come to rest; any sign of `rate.too_high` of some weight. Or so little was learned, when the end brings no more.

    High is a third of the task that is not explained, or a third of the first loss that is left. A residual network of
    the laboratory bore six times the highest usual rate: its validation bounced by a quarter, and ended at 4 %.
    """
    unexplained, left = found.get("fit.unexplained"), found.get("train_loss.left")
    high = max(weigh(unexplained, 0.20, 0.35, 0.0), weigh(left, 0.20, 0.40, 0.0))
    unlearned = weigh(unexplained, 0.40, 0.60, weigh(left, 0.5, 0.8, 0.0))
    restless = min(weigh(found.get("loss.bounce"), 0.012, 0.030, 0.0), many(found))
    rests = weigh(found.get("train_loss.flat_for"), 0.35, 0.60, 0.0)
    return max(
        min(high, max(restless, rests, weigh(found.get("rate.too_high"), 0.10, 0.30, 0.0))),
        min(unlearned, weigh(found.get("pace.ahead"), 0.06, 0.02, 1.0)),
    )
