"""Schedules are recognised from torch's own schedulers, and from the laboratory's as any trainer logs them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curvedoc.curves.on_plateau import on_plateau
from curvedoc.curves.schedule import POINTS, fit_schedule
from tests.bench.schedules import TUNE, draw, right, trial
from train_harness.recipe import Schedule
from train_harness.schedules import KINDS, rate_of

torch = pytest.importorskip("torch")
STEPS = 400


def rates(make: object, warmup: int = 0) -> np.ndarray:
    """The rate before each of STEPS steps."""
    from torch.optim import lr_scheduler as s

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    schedule = make(optimizer)  # type: ignore[operator]
    if warmup:
        start = s.LinearLR(optimizer, 1e-3, 1.0, warmup)
        schedule = s.SequentialLR(optimizer, [start, schedule], [warmup])
    found = []
    for _ in range(STEPS):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return np.array(found)


def kinds() -> dict[str, object]:
    from torch.optim import lr_scheduler as s

    return {
        "constant": lambda o: s.ConstantLR(o, 1.0),
        "cosine": lambda o: s.CosineAnnealingLR(o, STEPS),
        "linear": lambda o: s.LinearLR(o, 1.0, 0.0, STEPS),
        "exponential": lambda o: s.ExponentialLR(o, 0.99),
        "polynomial": lambda o: s.PolynomialLR(o, STEPS, power=2.0),
        "step": lambda o: s.StepLR(o, 130),
        "multi_step": lambda o: s.MultiStepLR(o, [240, 320]),
        "cosine_restarts": lambda o: s.CosineAnnealingWarmRestarts(o, 100),
        "triangular": lambda o: s.CyclicLR(o, 0.001, 0.1, 50),
        "one_over_t": lambda o: s.LambdaLR(o, lambda t: 1 / (1 + 0.05 * t)),
        "inverse_sqrt": lambda o: s.LambdaLR(o, lambda t: 1 / math.sqrt(1 + t / 10)),
        "wsd": lambda o: s.LambdaLR(o, lambda t: min(1.0, (STEPS - t) / 80)),
    }


@pytest.mark.parametrize("every", [1, 10])
@pytest.mark.parametrize("kind", list(kinds()))
def test_the_kind_is_recognised(kind: str, every: int) -> None:
    rate = rates(kinds()[kind])[::every]
    assert fit_schedule(np.arange(STEPS, dtype=float)[::every], rate).kind == kind


@pytest.mark.parametrize("kind", ["constant", "cosine", "linear", "step", "inverse_sqrt"])
def test_warmup_is_told_from_the_schedule_behind_it(kind: str) -> None:
    fit = fit_schedule(np.arange(STEPS, dtype=float), rates(kinds()[kind], warmup=40))
    assert fit.kind == kind
    assert fit.warmup_until == pytest.approx(40, abs=2)


def test_one_cycle_is_recognised() -> None:
    from torch.optim import lr_scheduler as s

    rate = rates(lambda o: s.OneCycleLR(o, 0.1, total_steps=STEPS + 1))
    assert fit_schedule(np.arange(STEPS, dtype=float), rate).kind == "one_cycle"


@pytest.mark.parametrize("every", [1, 7, 20])
def test_every_drop_is_found_within_one_logged_point(every: int) -> None:
    from torch.optim import lr_scheduler as s

    step = np.arange(STEPS, dtype=float)[::every]
    rate = rates(lambda o: s.MultiStepLR(o, [120, 300], gamma=0.2))[::every]
    drops = fit_schedule(step, rate).drops
    assert len(drops) == 2
    assert all(0 <= found - true <= every for found, true in zip(drops, (120, 300), strict=True))


T = np.arange(200.0)
COSINE = 0.1 * 0.5 * (1 + np.cos(np.pi * T / 200))


def test_what_fits_nothing_is_unknown() -> None:
    step = np.arange(100.0)
    rate = np.concatenate([np.linspace(1, 0.9, 50), np.linspace(0.9, 0.05, 10), np.linspace(0.05, 0.04, 40)])
    fit = fit_schedule(step, rate)
    assert (fit.kind, fit.confidence) == ("unknown", 0.0)


def test_a_noisy_rate_is_unknown() -> None:
    assert fit_schedule(T, COSINE * np.random.default_rng(0).uniform(0.9, 1.1, 200)).kind == "unknown"


def test_two_points_tell_no_schedule() -> None:
    assert fit_schedule(np.arange(2.0), np.array([0.1, 0.1])).kind == "unknown"


@pytest.mark.parametrize("kind", KINDS)
def test_schedules_as_trainers_log_them_are_read_rightly_or_not_at_all(kind: str) -> None:
    results = [(right(truth, fit), fit.kind) for truth, fit in trial(kind, 40, TUNE)]
    assert np.mean([fair for (_, fair, _, _), _ in results]) >= 0.95
    assert np.mean([placed for (_, _, placed, _), _ in results]) >= 0.95
    assert np.mean([fair or found == "unknown" for (_, fair, _, _), found in results]) >= 0.97


# A rate multiplied by a number has other digits: logs with all of theirs.
@given(
    kind=st.sampled_from([k for k in KINDS if k != "plateau"]),
    seed=st.integers(0, 200),
    scale=st.floats(-6, 6).map(lambda x: 10**x),
    unit=st.sampled_from([1 / 391, 0.5, 8.0, 4096.0]),
)
def test_the_scale_of_the_rate_and_the_unit_of_the_step_change_nothing(
    kind: str, seed: int, scale: float, unit: float
) -> None:
    truth = draw(kind, np.random.default_rng(seed))
    if not truth.how.endswith(("all", "all first missing")):
        return
    fit = fit_schedule(truth.step, truth.rate)
    other = fit_schedule(truth.step * unit, truth.rate * scale)
    assert other.kind == fit.kind
    assert other.drops == pytest.approx([d * unit for d in fit.drops])


@pytest.mark.parametrize("digits", ["{:.2e}", "{:.4g}", "{:.6g}", "{:.5f}"])
def test_few_digits_do_not_hide_a_cosine(digits: str) -> None:
    assert fit_schedule(T, np.array([float(digits.format(v)) for v in COSINE])).kind == "cosine"


def test_a_cosine_that_was_stopped_halfway_is_one() -> None:
    assert fit_schedule(T[:100], COSINE[:100]).kind == "cosine"


def test_points_that_are_not_finite_are_left_out() -> None:
    assert fit_schedule(T, np.where(T % 7 == 3, np.nan, COSINE)).kind == "cosine"


def test_one_odd_point_after_a_resume_does_not_hide_the_schedule() -> None:
    assert fit_schedule(T, np.where(T == 120, 0.0, COSINE)).kind == "cosine"


def test_an_exponential_decay_by_the_epoch_is_no_row_of_steps() -> None:
    fit = fit_schedule(T, 0.1 * 0.9 ** (T // 10))
    assert (fit.kind, fit.drops) == ("exponential", ())


def test_a_cosine_by_the_epoch_is_one() -> None:
    assert fit_schedule(T, COSINE[(T // 10 * 10).astype(int)]).kind == "cosine"


def test_unequal_factors_are_set_by_hand() -> None:
    fit = fit_schedule(T, np.select([T < 50, T < 120], [0.1, 0.03], 0.001))
    assert (fit.kind, fit.drops) == ("table", (50.0, 120.0))


def test_a_single_drop_belongs_to_many_schedules_and_is_only_likely() -> None:
    fit = fit_schedule(T, np.where(T < 120, 0.1, 0.01))
    assert (fit.kind, fit.drops) == ("multi_step", (120.0,))
    assert 0.5 <= fit.confidence < 0.8


def test_a_rate_caught_in_the_middle_of_a_drop_counts_once() -> None:
    fit = fit_schedule(T, np.select([T < 80, T == 80, T < 160], [0.1, 0.055, 0.01], 0.001))
    assert (fit.kind, fit.drops) == ("step", (80.0, 160.0))


def test_a_rate_that_rises_to_the_end_is_still_warming_up() -> None:
    assert fit_schedule(T, T + 1).kind == "warmup"


def test_drops_between_thinned_points_are_found_where_they_are_logged() -> None:
    step = np.arange(30.0 * POINTS)
    drops = (37_123, 80_001)
    assert fit_schedule(step, 0.1 * 0.1 ** ((step >= drops[0]) + 1.0 * (step >= drops[1]))).drops == drops


def plateau_run(gamma: float = 0.5, patience: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Epochs, a validation loss that rests twice, and the rate by the laboratory's own reduce-on-plateau."""
    epoch = np.arange(60.0)
    loss = 1 + np.exp(-epoch / 2) - 0.3 * (epoch > 30) * -np.expm1((30 - epoch) / 2)
    loss += 0.001 * np.random.default_rng(1).standard_normal(60)
    rate = rate_of(Schedule("plateau", gamma=gamma, patience=patience), 0.1, 60)
    return epoch, loss, np.array([rate(0, loss[:n]) for n in range(60)])


def test_reduce_on_plateau_is_told_by_the_loss_it_looked_at() -> None:
    epoch, loss, rate = plateau_run()
    fit = fit_schedule(epoch, rate)
    assert fit.kind != "plateau"
    assert len(fit.drops) >= 2
    assert on_plateau(fit, epoch, rate, epoch, loss).kind == "plateau"


def test_drops_that_the_loss_did_not_ask_for_are_not_reduce_on_plateau() -> None:
    epoch, loss, rate = plateau_run()
    later = np.concatenate([np.full(3, rate[0]), rate[:-3]])
    assert on_plateau(fit_schedule(epoch, later), epoch, later, epoch, loss).kind != "plateau"
