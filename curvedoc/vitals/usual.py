"""How do the learning rate and the width that the log states compare with recipes, and does the run bear the rate?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..estimate import Estimate, exact
from ..settings import RATES, flat, optimizer
from .chart import Measured, Missing, Vital
from .rate import many, weigh
from .signals import Signals, alive

VITALS = {
    "lr.stated": Vital("log10", "highest learning rate that was logged, or stated among the hyper-parameters"),
    "lr.above_usual": Vital(
        "times",
        "that rate over the highest in common use for the optimiser that the log names, or for any; that of SGD grows "
        "with a batch of more than 256",
    ),
    "lr.below_usual": Vital(
        "times",
        "the lowest rate in common use to train small networks from scratch, for that optimiser, over that rate",
    ),
    "model.width": Vital("count", "narrowest layer that the log states: units, or numbers that stand for a token"),
    "lr.strained": Vital(
        "share", "the strongest sign, however weak alone, that the run bears its rate badly, or early lost its loss"
    ),
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
#: The last word of a setting that is a width through which everything passes, and not a number of layers or of pixels;
#: embeddings of four numbers for each of ten columns are forty side by side.
WIDTHS = ("hidden_size", "hidden_dim", "hidden_units", "n_embd", "d_model", "model_dim")
#: The last word of a setting that is the number of examples in a step, of all devices or of one.
BATCHES = ("batch_size", "global_batch_size", "total_batch_size", "train_batch_size")
#: Examples for which recipes of SGD state their rate; it grows with the batch (Goyal et al. 2017).
_BATCH = 256
#: A curve above all stated rates by so much counts something else: a factor of a schedule, percent, a scaled rate. A
#: rate that only warms up and decays stays below.
_SCALED = 3.0
#: Names of settings that speak of weights trained before. What they say as "no" is none.
_TRAINED = re.compile(
    r"pretrained|finetun|fine_tun|(?:^|[._/])(?:peft|lora|qlora|adapter)|_name_or_path|init_from|init_checkpoint|load_from"
)
#: Tags of a network that finds objects: errors of boxes, and the precision that is counted at an overlap of a half.
_DETECTS = re.compile(r"b?box_(?:loss|reg)|loss_b?box|(?<![a-z])map_?(?:50|0\.5)")
_NO = frozenset(("", "false", "none", "null", "no", "scratch", "0", "0.0"))


def measure(signals: Signals, found: dict[str, Measured]) -> dict[str, Measured]:
    """Vitals of what the log states, and of a run that bears its rate badly, by what was measured before (`found`)."""
    measured: dict[str, Measured] = {"model.width": _width(signals.run.hyper)}
    if signals.lost_at is not None:
        measured["lr.strained"] = exact(_lost(found), "share", (signals.begin, signals.end))
    elif signals.train is None:
        measured["lr.strained"] = signals.absent["train_loss"]
    else:
        measured["lr.strained"] = exact(_strained(found), "share", (signals.begin, signals.end))
    return measured | _rate(signals)


def _rate(signals: Signals) -> dict[str, Measured]:
    """The stated rate, and its ratios to both ends of what is common; missing where no rate is stated, and the ratios
    where the optimiser has a scale of its own or the log another one than its settings."""
    stated = _stated(signals)
    if stated is None:
        why = Missing("no learning rate in the log", ("lr",))
        return dict.fromkeys(("lr.stated", "lr.above_usual", "lr.below_usual"), why)
    known: dict[str, Measured] = {"lr.stated": exact(float(np.log10(stated)), "log10")}
    hyper = signals.run.hyper
    # Lightning's monitor names the optimiser with the rate: lr-AdamW.
    tags = " ".join(tag.tag.lower() for tag in signals.run.tags if tag.role == "lr")
    named = optimizer(hyper) or tags
    usual = next(span for words, span in USUAL if re.search(words, named))
    if usual is None:
        why = Missing("the rates of this optimiser have a scale of their own")
        return known | {"lr.above_usual": why, "lr.below_usual": why}
    if signals.run.get("lr") is None and any("noam" in str(value).lower() for _, value in flat(hyper)):
        why = Missing("the rate of a Noam schedule is a factor, and no curve of the rate itself is in the log", ("lr",))
        return known | {"lr.above_usual": why, "lr.below_usual": why}
    if 0 < _SCALED * (given := _given(hyper)) < stated:
        why = Missing(f"the log has a rate of {stated:.3g} where its settings state {given:.3g}: one of them is scaled")
        return known | {"lr.above_usual": why, "lr.below_usual": why}
    bears = max(_numbers(hyper, BATCHES), default=0.0) / _BATCH if usual[1] == _SGD[1] else 1.0
    above, below = (min(_LARGEST, ratio) for ratio in (stated / usual[1] / max(1.0, bears), usual[0] / stated))
    trained = ""
    if any(_DETECTS.search(tag.tag.lower()) for tag in signals.run.tags):
        trained = "detectors begin with a trained backbone: rates from scratch are not for them"
    elif _trained(hyper):
        trained = "the settings speak of weights that were trained before: rates from scratch are not for them"
    return known | {
        "lr.above_usual": exact(above, "times"),
        "lr.below_usual": Missing(trained) if trained else exact(below, "times"),
    }


def _stated(signals: Signals) -> float | None:
    """The highest rate of the log, else among the hyper-parameters; None where neither has one."""
    rate = signals.run.get("lr")
    if rate is not None and (logged := rate.value[alive(rate.value) & (rate.value > 0)]).size:
        return min(float(logged.max()), _LARGEST)
    return _given(signals.run.hyper) or None


def _given(hyper: Mapping[str, Any]) -> float:
    """The highest rate among the hyper-parameters; 0 where there is none."""
    return max(0.0, min(max(_numbers(hyper, RATES), default=0.0), _LARGEST))


def _trained(hyper: Mapping[str, Any]) -> bool:
    """Whether a setting says that the weights were trained before."""
    return any(_TRAINED.search(key.lower()) and str(value).strip().lower() not in _NO for key, value in flat(hyper))


def _width(hyper: Mapping[str, Any]) -> Measured:
    """The narrowest of the stated widths."""
    widths = [width for width in _numbers(hyper, WIDTHS) if width >= 1]
    return exact(min(widths), "count") if widths else Missing("no width among the hyper-parameters of the log")


def _numbers(hyper: Mapping[str, Any], last: Sequence[str]) -> list[float]:
    """The numbers among settings whose name ends in one of these words."""
    settings = flat({str(key).replace("/", "."): value for key, value in hyper.items()})
    return [value for key, value in settings if key.rpartition(".")[2].lower() in last and isinstance(value, float)]


def _lost(found: dict[str, Measured]) -> float:
    """Whether a loss that was a number at first was lost within the first tenth of the run; a fifth is long enough to
    bear a rate, and what came just before tells more. What never was a number comes from the data or the loss, and a
    loss that multiplied until it was lost (`loss.burst`) has a story of its own."""
    if isinstance(found.get("loss.never_finite"), Estimate) or weigh(found.get("loss.burst"), 1.0, 3.0, 0.0) >= 0.5:
        return 0.0
    return weigh(found.get("loss.lost_share"), 0.80, 0.90, 0.0)


def _strained(found: dict[str, Measured]) -> float:
    """Signs that prove nothing at a usual rate, of a run that ends high: validation bounces by percents, or any sign of
    `rate.too_high` of some weight. Or, of an optimiser that rescales gradients, so little is learned at the end, by
    answers or else by the loss, and it brings no more. Or, of any optimiser, next to nothing is, by answers and by the
    loss, whatever the last steps still take back of what the first ones threw up.

    High is a third of the task that is not explained, or a third of the first loss that is left. A residual network of
    the laboratory bore six times the highest usual rate: its validation bounced by a quarter, and ended at 4 %. That a
    loss rests high up is no sign: where classes overlap, as in most tables, every run that has converged rests so. Nor
    is it without rescaling that little is learned: rates of SGD have the unit of the loss, and a sum, clipped gradients
    or a single layer bear hundreds, while steps of Adam move each weight by the rate itself.
    """
    unexplained, left = found.get("fit.unexplained"), found.get("train_loss.left")
    high = max(weigh(unexplained, 0.20, 0.35, 0.0), weigh(left, 0.20, 0.40, 0.0))
    adaptive = weigh(found.get("guess.adaptive"), 0.0, 1.0, 0.0)
    little = weigh(unexplained, 0.40, 0.60, weigh(left, 0.60, 0.80, 0.0))
    # Validation of CIFAR bounces by one to three percents at the rates of recipes.
    restless = min(weigh(found.get("loss.bounce"), 0.025, 0.055, 0.0), many(found))
    nothing = min(weigh(unexplained, 0.80, 0.90, 0.0), weigh(left, 0.80, 0.90, 0.0))
    return max(
        min(high, max(restless, weigh(found.get("rate.too_high"), 0.10, 0.30, 0.0))),
        min(adaptive, little, weigh(found.get("pace.ahead"), 0.06, 0.02, 1.0)),
        nothing,
    )
