"""The run's rate is that of the group that moves; a cut that only the loss shows is said to be a guess."""

from __future__ import annotations

import numpy as np

from curvedoc.run import Context, Curve, Run
from curvedoc.vitals import measure
from curvedoc.vitals.recognise import guess, logged_rate

T = np.arange(100.0)
COSINE = 0.05 * (1 + np.cos(np.pi * T / 100))
TRAIN = 0.5 + np.exp(-T / 8) - 0.3 * (T >= 60)
STAIRS = {"train_loss": (Curve(T, TRAIN),), "val_loss": (Curve(T, TRAIN + 0.1),)}


def rates(*values: np.ndarray) -> Run:
    return Run("r", {"lr": tuple(Curve(T, value) for value in values)})


def kind(run: Run) -> str | None:
    fit = logged_rate(run)[1]
    return None if fit is None else fit.kind


def test_the_group_that_moves_is_the_runs_rate() -> None:
    assert kind(rates(np.zeros(100), COSINE)) == "cosine"


def test_a_group_with_a_known_schedule_goes_before_one_without() -> None:
    rate, fit = logged_rate(rates(COSINE * np.random.default_rng(0).uniform(0.8, 1.2, 100), COSINE))
    assert fit is not None
    assert fit.kind == "cosine"
    assert rate is not None
    assert (rate.value == COSINE).all()


def test_nan_in_the_rate_is_left_out() -> None:
    assert kind(rates(np.where(T % 9 == 4, np.nan, COSINE))) == "cosine"


def test_a_curve_that_goes_below_zero_is_no_rate() -> None:
    assert logged_rate(rates(COSINE - 0.01)) == (None, None)


def test_reduce_on_plateau_is_told_by_the_validation_loss_of_the_run() -> None:
    # Patience 5: no new best after 19 and after 41, so that the rates behind 25 and 47 are lower.
    loss = (
        np.select([T < 20, T < 26, T < 42], [2 - 0.05 * T, 1.2, 0.9 - 0.01 * T], 0.6)
        + 0.1 * (T >= 48)
        - 0.2 * (T >= 48)
    )
    best = np.minimum.accumulate(loss)
    rate, bad, held = [], 0, 0.1
    for n in range(100):
        rate.append(held)
        bad = 0 if n == 0 or loss[n] < best[n - 1] - 1e-4 * best[n - 1] else bad + 1
        if bad > 5:
            held, bad = held / 10, 0
    run = Run("r", {"lr": (Curve(T, np.array(rate)),), "val_loss": (Curve(T, loss),)})
    assert kind(run) == "plateau"


def test_a_cut_guessed_from_the_loss_is_marked_by_its_confidence_and_has_no_row_of_its_own() -> None:
    run = Run("r", STAIRS)
    chart, signals = measure(run, Context())
    assert signals.schedule is not None
    assert signals.schedule.drops == (60.0,)
    assert signals.schedule.confidence < 0.5
    assert chart.lr_drop == ()


def test_nothing_is_guessed_beside_a_logged_rate() -> None:
    run = Run("r", {**STAIRS, "lr": (Curve(T, COSINE),)})
    assert measure(run, Context())[1].schedule == logged_rate(run)[1]


def test_hyper_parameters_that_name_a_smooth_schedule_forbid_the_guess() -> None:
    assert guess(Run("r", STAIRS, hyper={"lr_scheduler_type": "cosine"})) is None
    assert guess(Run("r", STAIRS, hyper={"lr_scheduler_type": "MultiStepLR"})) is not None


def test_a_smooth_loss_lets_nothing_be_guessed() -> None:
    smooth = 0.5 + np.exp(-T / 8)
    assert guess(Run("r", {"train_loss": (Curve(T, smooth),), "val_loss": (Curve(T, smooth),)})) is None
