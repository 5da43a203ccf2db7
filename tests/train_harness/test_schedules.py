"""Schedules against torch.optim.lr_scheduler, and the few that torch does not have against their formula."""

import inspect
import math
from dataclasses import replace

import pytest
import torch
from torch.optim import lr_scheduler as torch_schedule

from train_harness.recipe import Schedule, make_recipe
from train_harness.schedules import SCHEDULES, check_schedule, rate_of
from train_harness.strict import RecipeError

LR, STEPS = 0.4, 120


def ours(schedule: Schedule, steps: int = STEPS, lr: float = LR) -> list[float]:
    rate = rate_of(schedule, lr, steps)
    return [rate(t, ()) for t in range(steps)]


def theirs(make, steps: int = STEPS, lr: float = LR) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr)
    scheduler = make(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


PAIRS = {
    "constant": (Schedule("constant"), lambda o: torch_schedule.ConstantLR(o, 1.0)),
    "step": (Schedule("step", every=30, gamma=0.5), lambda o: torch_schedule.StepLR(o, 30, 0.5)),
    "multi_step": (Schedule("multi_step", drops=(20, 70)), lambda o: torch_schedule.MultiStepLR(o, [20, 70])),
    "exponential": (Schedule("exponential", gamma=0.97), lambda o: torch_schedule.ExponentialLR(o, 0.97)),
    "one_over_t": (
        Schedule("one_over_t", rate=0.05),
        lambda o: torch_schedule.LambdaLR(o, lambda t: 1 / (1 + 0.05 * t)),
    ),
    "inverse_sqrt": (
        Schedule("inverse_sqrt", timescale=10.0),
        lambda o: torch_schedule.LambdaLR(o, lambda t: (10 / (10 + t)) ** 0.5),
    ),
    "linear": (Schedule("linear", floor=0.1), lambda o: torch_schedule.LinearLR(o, 1.0, 0.1, STEPS)),
    "polynomial": (Schedule("polynomial", power=3.0), lambda o: torch_schedule.PolynomialLR(o, STEPS, 3.0)),
    "cosine": (Schedule("cosine", floor=0.05), lambda o: torch_schedule.CosineAnnealingLR(o, STEPS, 0.05 * LR)),
    "cosine_restarts": (
        Schedule("cosine_restarts", cycle=15, stretch=2, floor=0.1),
        lambda o: torch_schedule.CosineAnnealingWarmRestarts(o, 15, 2, 0.1 * LR),
    ),
    "triangular": (
        Schedule("triangular", cycle=24, floor=0.2),
        lambda o: torch_schedule.CyclicLR(o, 0.2 * LR, LR, 12, cycle_momentum=False),
    ),
}


@pytest.mark.parametrize("kind", PAIRS)
def test_schedule_agrees_with_torch(kind):
    schedule, make = PAIRS[kind]
    assert ours(schedule) == pytest.approx(theirs(make), abs=1e-9)


def test_one_cycle_agrees_with_torch_over_the_whole_run():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], LR)
    scheduler = torch_schedule.OneCycleLR(optimizer, LR, total_steps=STEPS, pct_start=0.25, cycle_momentum=False)
    rates = [optimizer.param_groups[0]["lr"]]
    for _ in range(STEPS - 1):
        optimizer.step()
        scheduler.step()
        rates.append(optimizer.param_groups[0]["lr"])
    assert ours(Schedule("one_cycle", up=0.25)) == pytest.approx(rates, abs=1e-9)


def test_wsd_holds_the_rate_then_draws_a_line_to_the_floor():
    rates = ours(Schedule("wsd", stable=0.75, floor=0.2), steps=100)
    assert rates[:75] == [LR] * 75
    assert rates[75:] == pytest.approx([LR * (1 - 0.8 * (t - 75) / 25) for t in range(75, 100)], abs=1e-12)


def test_table_holds_each_rate_until_the_next_entry():
    rates = ours(Schedule("table", table=((3, 0.2), (5, 0.01))), steps=8)
    assert rates == [LR, LR, LR, 0.2, 0.2, 0.01, 0.01, 0.01]


@pytest.mark.parametrize("cooldown", [0, 3])
def test_plateau_agrees_with_torch_on_a_noisy_loss(cooldown):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], LR)
    scheduler = torch_schedule.ReduceLROnPlateau(optimizer, factor=0.5, patience=2, cooldown=cooldown, eps=0.0)
    losses = [1 / (1 + 0.3 * t) + 0.2 * math.sin(3 * t) ** 2 for t in range(60)]
    rate = rate_of(Schedule("plateau", gamma=0.5, patience=2, cooldown=cooldown), LR, 60)
    for t, loss in enumerate(losses):
        assert rate(t, losses[:t]) == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-9)
        scheduler.step(loss)
    assert optimizer.param_groups[0]["lr"] < LR / 8, "the losses never made the rate fall: the test shows nothing"


@pytest.mark.parametrize("kind", PAIRS)
def test_warmup_rises_in_a_line_and_hands_over(kind):
    schedule, _ = PAIRS[kind]
    rates = ours(replace(schedule, warmup=10))
    first = ours(schedule, STEPS - 10)[0]
    assert rates[:10] == pytest.approx([first * (t + 1) / 10 for t in range(10)], abs=1e-9)
    assert rates[10:] == pytest.approx(ours(schedule, STEPS - 10), abs=1e-9)


def test_warmup_before_a_cosine_agrees_with_torch():
    def warmed(optimizer):
        ramp = torch_schedule.LinearLR(optimizer, 0.1, 1.0, 9)
        cosine = torch_schedule.CosineAnnealingLR(optimizer, STEPS - 10)
        return torch_schedule.SequentialLR(optimizer, [ramp, cosine], [10])

    assert ours(Schedule("cosine", warmup=10)) == pytest.approx(theirs(warmed), abs=1e-9)


def test_warmup_shortens_a_schedule_that_knows_its_end():
    rates = ours(Schedule("cosine", warmup=20))
    assert rates[19] == LR
    assert rates[20:] == pytest.approx(ours(Schedule("cosine"), STEPS - 20), abs=1e-12)


@pytest.mark.parametrize("kind", SCHEDULES)
def test_every_schedule_stays_finite_and_positive_or_zero(kind):
    given = {"every": 7, "drops": (5,), "gamma": 0.9, "rate": 0.1, "timescale": 5.0, "cycle": 9, "table": ((2, 0.1),)}
    takes = inspect.signature(SCHEDULES[kind]).parameters
    needed = {key: value for key, value in given.items() if key in takes}
    for steps in (1, 2, 50):
        assert all(math.isfinite(rate) and rate >= 0 for rate in ours(Schedule(kind, **needed), steps))


def test_a_key_of_another_schedule_is_refused():
    with pytest.raises(ValueError, match=r"schedule\.cycle means nothing to a 'cosine' schedule, which takes floor"):
        check_schedule(Schedule("cosine", cycle=10))


def test_a_missing_key_is_named():
    with pytest.raises(ValueError, match=r"a 'multi_step' schedule needs schedule\.drops"):
        check_schedule(Schedule("multi_step"))


def test_an_unknown_schedule_gets_the_nearest_name():
    with pytest.raises(ValueError, match="did you mean 'cosine'"):
        check_schedule(Schedule("cosin"))


def test_the_schedule_is_checked_when_a_recipe_is_read():
    with pytest.raises(RecipeError, match=r"needs schedule\.every"):
        make_recipe({"schedule": {"kind": "step"}}, "x.toml")
