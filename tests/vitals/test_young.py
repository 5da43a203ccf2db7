"""How little a descent has slowed down, and which descents may be those of a fine-tune."""

from __future__ import annotations

import numpy as np
import pytest

from curvedoc.engine import judge
from curvedoc.rulebook import load_rules
from curvedoc.run import Run

from ..patients import Array, cosine, exponential, noisy, run, steps
from .asked import value

T = steps()
V = T[29::30]


def answering(right: float, start: float = 2.4) -> Run:
    """A run that gains a twentieth of its loss, at the pace of its rate, and whose answers begin as right as that."""
    rate = cosine(T, 1e-4)
    loss: Array = start * (1 - 0.05 * np.cumsum(rate) / rate.sum())
    accuracy = right + 0.1 * (V - V[0]) / (V[-1] - V[0])
    curves = {"val_loss": (V, loss[29::30]), "val_accuracy": (V, accuracy), "lr": (T, rate)}
    return run(train_loss=(T, noisy(loss, 0.002)), **curves)


def test_a_small_slow_gain_is_young_where_the_first_answers_are_those_of_a_guess() -> None:
    assert value(answering(1 / 11), "rate.young").value > 0.9  # e^-2.4 = 1 / 11
    assert value(answering(0.40), "rate.young").value < 0.3  # two words of five: a language model that is tuned further


@pytest.mark.parametrize("classes", [2, 3, 10, 100, 1000])
def test_a_guess_is_right_as_often_as_its_loss_says_among_any_number_of_classes(classes: int) -> None:
    assert value(answering(1 / classes, float(np.log(classes))), "rate.young").value > 0.9


def test_a_schedule_that_is_named_constant_holds_a_rate_that_is_not_logged() -> None:
    loss = noisy(exponential(T, 2.3, 1.6, 0.22), 0.002)  # three fifths of the descent in the first fifth
    named, unknown = (run(hyper=hyper, train_loss=(T, loss)) for hyper in ({"lr_scheduler": "constant"}, {}))
    assert value(named, "rate.young").value > value(unknown, "rate.young").value + 0.2


def test_what_falls_as_an_epoch_begins_is_no_rate_that_is_too_low() -> None:
    line = 2.3 - 1.2 * T / T[-1]
    epoch = T[-1] / 5
    halfway = 0.5 * (line + 2.3 - 1.2 * (np.ceil(T / epoch) - 0.5) / 5)  # half of the descent in stairs
    verdicts = []
    for loss in (line, halfway):
        curves = {"train_loss": (T, noisy(loss, 0.01)), "val_loss": (V, line[29::30])}
        made = run(lr=(T, np.full(len(T), 1e-4)), epoch=(T, np.ceil(T / epoch)), **curves)
        verdicts.append("learning-rate-too-low" in {d.rule for d in judge(made, load_rules()).findings})
    assert verdicts == [True, False]
