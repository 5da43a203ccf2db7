"""Vitals move with the truth that was written into a curve, and not with its units."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from curvedoc.estimate import Estimate
from curvedoc.run import Context, Curve, Run
from curvedoc.vitals import VITALS, Chart, Missing, measure

from ..patients import cosine, exponential, noisy, power_law, run, steps
from .asked import value

T = steps()


def chart(made: Run, **context: object) -> Chart:
    return measure(made, Context(**context))[0]  # type: ignore[arg-type]


def test_every_vital_is_measured_or_missing_with_a_reason_in_its_own_unit() -> None:
    layer = {"update_ratio__fc1": (T, noisy(np.full(len(T), 1e-3), 0.1))}
    rate = np.where(T < 2000, 0.1, 0.01)
    full = run(
        train_loss=(T, noisy(power_law(T))),
        val_loss=(T, noisy(power_law(T), 0.02, 1)),
        val_accuracy=(T, 1 - power_law(T) / 3),
        train_accuracy=(T, 1 - power_law(T) / 3),
        lr=(T, rate),
        **layer,
    )
    for made in (full, run(train_loss=(T, power_law(T))), Run("empty", {})):
        measured = chart(made)
        assert set(measured.run.vitals) == set(VITALS["run"])
        for kind in ("run", "lr_drop", "layer"):
            for row in measured.rows(kind):
                assert set(row.vitals) == set(VITALS[kind])
                for name, found in row.vitals.items():
                    if isinstance(found, Missing):
                        assert found.why
                    else:
                        assert found.unit == VITALS[kind][name].unit


@pytest.mark.parametrize("flat", [0.3, 0.5, 0.7])
def test_the_flat_end_is_as_long_as_it_is(flat: float) -> None:
    u = T / T[-1]
    loss = 0.5 + 1.5 * np.maximum(0.0, 1 - u / (1 - flat))
    found = value(run(train_loss=(T, noisy(loss, 0.03))), "train_loss.flat_for")
    # The band of a thirtieth of the descent adds the last 3 % of the fall.
    assert found.value == pytest.approx(flat, abs=0.06)


def test_epochs_too_far_apart_for_a_line_along_the_rest_show_the_same_rest_as_many() -> None:
    at = np.arange(31.0)
    loss = exponential(at, 4.0, 2.0, tau=9 / 31)  # less than a thirtieth of the descent is left for the last fifth
    many, some, few = (value(run(train_loss=(at[::k], loss[::k])), "train_loss.flat_for") for k in (1, 2, 5))
    assert (some.value, few.value) == (pytest.approx(many.value, abs=0.06),) * 2
    assert few.low < many.low
    assert many.high < few.high


@settings(max_examples=25, deadline=None)
@given(st.floats(0.05, 0.9), st.integers(0, 100))
def test_a_power_law_keeps_the_pace_that_its_exponent_says(exponent: float, seed: int) -> None:
    found = value(run(train_loss=(T, noisy(power_law(T, exponent=exponent), 0.001, seed))), "train_loss.pace_kept")
    shape = power_law(T, exponent=exponent)
    early = np.interp(0.25 * T[-1], T, shape) - np.interp(0.5 * T[-1], T, shape)
    late = np.interp(0.5 * T[-1], T, shape) - shape[-1]
    before = 0.25 * (shape[0] - np.interp(0.5 * T[-1], T, shape)) / np.log2(301)
    assert found.value == pytest.approx(late / max(early, before), rel=0.2)


def test_a_plateau_keeps_no_pace() -> None:
    assert value(run(train_loss=(T, noisy(exponential(T, tau=0.05), 0.03))), "train_loss.pace_kept").value < 0.3


@pytest.mark.parametrize("rise", [0.1, 0.3, 1.0])
def test_the_rise_of_the_validation_loss_is_measured_from_its_smoothed_best(rise: float) -> None:
    u = T / T[-1]
    val = 1.0 + 2 * np.maximum(0, 0.4 - u) + rise * np.maximum(0, u - 0.4) / 0.6
    made = run(train_loss=(T, power_law(T)), val_loss=(T, noisy(val, 0.01)))
    assert value(made, "val_loss.rise").value == pytest.approx(rise, rel=0.1, abs=0.03)
    best = value(made, "val_loss.best_at")
    assert best.value == pytest.approx(0.4, abs=0.05)
    assert best.low - 0.01 <= 0.4 <= best.high + 0.01


@pytest.mark.parametrize("until", [0.05, 0.2, 0.5])
def test_a_flat_start_is_as_long_as_it_is(until: float) -> None:
    u = T / T[-1]
    loss = 0.3 + 2.0 * np.exp(-np.maximum(0, u - until) / 0.03)
    made = run(train_loss=(T, noisy(loss, 0.01)))
    assert value(made, "start.flat_for").value == pytest.approx(until, abs=0.02)
    assert value(made, "start.sharpness").value > 1.0


@pytest.mark.parametrize("tau", [0.02, 0.1, 0.5])
def test_an_exponential_start_has_the_sharpness_of_an_exponential(tau: float) -> None:
    made = run(train_loss=(T, exponential(T, tau=tau)))
    descent = 1 - np.exp(-1 / tau)
    five, fifty = (-np.log(1 - share * descent) for share in (0.05, 0.5))
    # A drop of a dozen logged points is rounded off a little; it stays below the 0.35 of a logistic curve.
    assert value(made, "start.sharpness").value == pytest.approx(five / (fifty - five), abs=0.22)


def test_warmup_does_not_count_as_a_flat_start() -> None:
    u = T / T[-1]
    loss = 0.3 + 2.0 * np.exp(-np.maximum(0, u - 0.2) / 0.05)
    rate = np.minimum(1.0, u / 0.2)
    assert value(run(train_loss=(T, loss), lr=(T, rate)), "start.flat_for").value < 0.02


def test_a_cut_lies_between_the_two_logged_rates_that_differ() -> None:
    t = np.linspace(0, 1000, 11)
    made = run(train_loss=(t, power_law(t + 1)), lr=(t, np.where(t < 300, 0.1, 0.01)))
    at = chart(made).lr_drop[0].vitals["lr_drop.at"]
    assert isinstance(at, Estimate)
    assert (at.low, at.value, at.high) == pytest.approx((0.2, 0.25, 0.3))


def test_seven_points_tell_what_was_done_early() -> None:
    t = np.linspace(0, 600, 7)
    assert value(run(train_loss=(t, 3 - t / 600)), "pace.done_early").value == pytest.approx(0.2, abs=0.02)


def test_a_cut_at_a_falling_loss_is_regretted_and_one_at_a_plateau_is_not() -> None:
    rate = np.where(T < 1000, 0.1, 0.01)
    falling = np.where(T < 1000, power_law(T), power_law(T)[99])
    waited = np.where(T < 1000, exponential(T, tau=0.01, end=1.0), 0.6)
    regret = [
        chart(run(train_loss=(T, noisy(loss, 0.01)), lr=(T, rate))).lr_drop[0].vitals["lr_drop.regret"]
        for loss in (falling, waited)
    ]
    assert isinstance(regret[0], Estimate)
    assert isinstance(regret[1], Estimate)
    undecayed = power_law(T)[-1]
    assert regret[0].low <= (power_law(T)[99] - undecayed) / power_law(T)[99] <= regret[0].high
    assert regret[1].value < 0.05


def test_lasting_nan_is_counted_from_its_first_step_and_a_passing_one_is_not() -> None:
    loss = power_law(T)
    loss[[5, 50]] = np.nan
    assert value(run(train_loss=(T, loss)), "loss.lost_points").value == 0
    loss[400:] = np.inf
    found = chart(run(train_loss=(T, loss))).run.vitals
    assert found["loss.lost_points"] == Estimate(200, 200, 200, "count", (T[400], T[-1]))
    assert found["loss.lost_from"] == Estimate(T[400], T[400], T[400], "step", (T[400], T[400]))
    share = found["loss.lost_share"]
    assert isinstance(share, Estimate)
    assert share.value == pytest.approx(200 / 599)


def test_the_last_of_ten_points_is_the_last_ninth_of_the_run() -> None:
    loss = power_law(T[:10])
    loss[-1] = np.nan
    found = chart(run(train_loss=(T[:10], loss))).run.vitals
    assert found["loss.lost_points"] == Estimate(1, 1, 1, "count", (T[9], T[9]))
    assert str(found["loss.lost_share"]) == "11 %"


@pytest.mark.parametrize("role", ["val_loss", "grad_norm"])
def test_one_number_in_a_column_is_no_curve_that_was_lost(role: str) -> None:
    for numbers, points in ((1, 0), (2, 0), (20, 580)):
        other = np.where(np.arange(len(T)) < numbers, 1.0, np.nan)
        assert value(run(train_loss=(T, power_law(T)), **{role: (T, other)}), "loss.lost_points").value == points


def test_a_loss_that_never_was_a_number_is_lost_from_the_start() -> None:
    found = value(run(train_loss=(T, np.full(len(T), np.nan))), "loss.lost_from")
    assert found.value == T[0]


def test_validation_that_is_only_filled_now_and_then_is_not_lost() -> None:
    val = np.full(len(T), np.nan)
    val[::10] = power_law(T)[::10]
    assert value(run(train_loss=(T, power_law(T)), val_loss=(T, val)), "loss.lost_points").value == 0


def test_update_ratios_are_medians_on_a_log_scale_near_the_peak_rate() -> None:
    ratio = np.where(T < 3000, 1e-3, 1e-6)
    made = run(train_loss=(T, power_law(T)), lr=(T, np.where(T < 3000, 0.1, 1e-4)), update_ratio__fc1=(T, ratio))
    (row,) = chart(made).layer
    found = row.vitals["update_ratio.median"]
    assert isinstance(found, Estimate)
    assert found.value == pytest.approx(-3.0)


def test_biases_and_norms_have_no_ratio_of_their_own() -> None:
    names = ("fc1.bias", "bn1", "encoder.layernorm.weight", "blocks.0.ln_1", "conv1")
    ratios = {f"update_ratio__{name}": (T, np.full(len(T), 1e-3)) for name in names}
    assert [row.name for row in chart(run(train_loss=(T, power_law(T)), **ratios)).layer] == ["conv1"]


def test_label_smoothing_raises_the_floor() -> None:
    loss = exponential(T, 2.3, 0.55, tau=0.05)
    made = run(train_loss=(T, loss), val_loss=(T, loss), hyper={"num_classes": 10, "label_smoothing": 0.1})
    entropy = -(0.91 * np.log(0.91) + 9 * 0.01 * np.log(0.01))
    share = (loss[-1] - entropy) / (np.log(10) - entropy)
    wrong = value(made, "fit.unexplained").value
    paid = -wrong * np.log(wrong / 9) - (1 - wrong) * np.log(1 - wrong)  # by a network that is as sure as it is right
    assert paid / np.log(10) == pytest.approx(share, abs=0.01)


def test_a_percentage_is_read_as_a_share() -> None:
    curve = Curve(T, np.full(len(T), 90.0), unit="percent")
    made = Run("p", {"train_accuracy": (curve,), "train_loss": (Curve(T, power_law(T)),)})
    assert value(made, "fit.unexplained").value == pytest.approx(0.1)


@settings(max_examples=20, deadline=None)
@given(st.floats(1e-4, 1e4), st.floats(1e-3, 1e3), st.integers(0, 50))
def test_units_of_loss_and_step_do_not_matter(loss_unit: float, step_unit: float, seed: int) -> None:
    assume(T[0] * step_unit != 1)  # the first step is the first update, which is more than a unit
    train, val = noisy(power_law(T), 0.03, seed), noisy(power_law(T) + 0.2 * T / T[-1], 0.02, seed + 1)
    one = chart(run(train_loss=(T, train), val_loss=(T, val), lr=(T, cosine(T)))).run.vitals
    two = chart(
        run(
            train_loss=(T * step_unit, train * loss_unit),
            val_loss=(T * step_unit, val * loss_unit),
            lr=(T * step_unit, cosine(T)),
        )
    ).run.vitals
    for name, vital in VITALS["run"].items():
        a, b = one[name], two[name]
        if isinstance(a, Missing) or vital.unit in ("step", "loss"):
            assert type(a) is type(b)
            continue
        assert isinstance(b, Estimate)
        assert b.value == pytest.approx(a.value, rel=0.02, abs=0.02)


SHAPES = ["train_loss.flat_for", "train_loss.left", "val_loss.rise", "gap.of_loss", "start.flat_for"]


@pytest.mark.parametrize("vital", SHAPES)
def test_every_second_point_dropped_or_noise_added_stays_within_the_interval(vital: str) -> None:
    u = T / T[-1]
    train = exponential(T, tau=0.08)
    val = 0.5 + 1.5 * np.exp(-u / 0.1) + 0.4 * np.maximum(0, u - 0.4)
    inside = 0
    for seed in range(10):
        full = value(run(train_loss=(T, noisy(train, 0.03, seed)), val_loss=(T, noisy(val, 0.02, seed))), vital)
        half = value(
            run(train_loss=(T[::2], noisy(train, 0.03, seed)[::2]), val_loss=(T[::2], noisy(val, 0.02, seed)[::2])),
            vital,
        )
        inside += full.low <= half.high and half.low <= full.high
    assert inside >= 9


@pytest.mark.parametrize(
    ("before", "vital"), [("climb", "loss.climbs_from"), ("calm", "loss.sudden_at"), ("nothing", "loss.never_finite")]
)
def test_how_the_loss_was_lost_is_one_of_three_stories(before: str, vital: str) -> None:
    loss = noisy(power_law(T), 0.02)
    loss[380:400] *= np.geomspace(1, 1000, 20) if before == "climb" else 1.0
    loss[0 if before == "nothing" else 400 :] = np.nan
    found = chart(run(train_loss=(T, loss))).run.vitals
    told = [
        name
        for name in ("loss.climbs_from", "loss.sudden_at", "loss.never_finite")
        if isinstance(found[name], Estimate)
    ]
    assert told == [vital]
    if before == "climb":
        assert T[375] <= value(run(train_loss=(T, loss)), vital).value <= T[390]


def test_a_gradient_norm_of_every_few_rows_hides_no_nan() -> None:
    norm = np.where(np.arange(len(T)) % 5 == 0, 1.0, np.nan)
    assert value(run(train_loss=(T, power_law(T)), grad_norm=(T, norm)), "nan.hidden").value == 0
    norm = np.where(np.arange(len(T)) % 5 == 0, np.nan, 1.0)
    assert value(run(train_loss=(T, power_law(T)), grad_norm=(T, norm)), "nan.hidden").value == len(T) / 5


def test_a_norm_without_a_number_counts_where_the_loss_rose_behind_it() -> None:
    norm, loss = np.ones(len(T)), np.full(len(T), 1.0)
    norm[[50, 300]] = np.nan
    loss[300:] = 2.0
    found = chart(run(train_loss=(T, loss), grad_norm=(T, norm))).run.vitals
    assert found["nan.first"] == Estimate(T[300], T[300], T[300], "step", (T[300], T[300]))
    assert found["nan.hidden"] == Estimate(1, 1, 1, "count", (T[300], T[300]))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", [1e-308, 1e-70, 1e70, 1.7e308])
@pytest.mark.parametrize(
    "role", ["train_loss", "val_loss", "train_accuracy", "val_accuracy", "grad_norm", "lr", "layer"]
)
def test_numbers_at_the_ends_of_a_float_raise_and_warn_of_nothing(role: str, size: float) -> None:
    curves = {name: (T, noisy(exponential(T), 0.02)) for name in ("train_loss", "val_loss")}
    for odd in (np.full(len(T), size), size * np.where(np.arange(len(T)) % 2, 1.0, -1.0)):
        layers = {f"update_ratio__fc{n}": (T, odd) for n in range(4)} | {"dead_share__fc1": (T, odd)}
        assert chart(run(**curves | (layers if role == "layer" else {role: (T, odd)}))).run.vitals


def test_a_smooth_fall_in_few_points_has_given_nothing_back() -> None:
    few = np.arange(6.0)
    found = value(run(train_loss=(few, 2.2 - 0.2 * few)), "train_loss.risen")
    assert found.value == pytest.approx(0.0, abs=0.02)


def test_one_wild_point_before_the_last_is_no_climb() -> None:
    few = np.arange(50.0)
    loss = noisy(exponential(few, 12.0, 8.0, 0.4), 0.05)
    loss[48] = 15.0
    assert value(run(train_loss=(few, loss)), "train_loss.risen_sd").value < 2
    loss[49] = 16.0
    assert value(run(train_loss=(few, loss)), "train_loss.risen_sd").value > 3


def test_a_climb_that_validation_shares_counts_from_the_first_tenth_of_the_run_on() -> None:
    trough = np.interp(T, T[-1] * np.array([0, 0.03, 0.1, 0.7, 1]), [12.0, 2.1, 2.0, 1.5, 1.7])
    alone = value(run(train_loss=(T, noisy(trough, 0.005))), "train_loss.risen")
    both = run(train_loss=(T, noisy(trough, 0.005)), val_loss=(T, noisy(trough - 0.1, 0.005, 1)))
    rested = run(train_loss=(T, noisy(trough, 0.005)), val_loss=(T, noisy(np.minimum.accumulate(trough), 0.005, 1)))
    assert alone.value == pytest.approx(0.2 / 10.5, abs=0.01)
    assert value(both, "train_loss.risen").value == pytest.approx(0.2 / 0.5, abs=0.08)
    assert value(rested, "train_loss.risen").value == pytest.approx(alone.value, abs=1e-9)


def test_a_loss_of_two_rounded_values_is_not_judged() -> None:
    few = np.arange(10.0)
    coarse = np.where(few < 7, 3e-6, 2e-6)
    found = chart(run(train_loss=(few, coarse))).run.vitals["train_loss.left"]
    assert isinstance(found, Missing)
    assert "rounded" in found.why
    assert isinstance(
        chart(run(train_loss=(few, np.where(few < 7, 2.303, 2.302)))).run.vitals["train_loss.left"], Estimate
    )


def test_a_rate_that_is_still_being_warmed_up_is_not_called_low() -> None:
    loss = noisy(np.linspace(2.3, 1.5, len(T)), 0.005)
    held = run(train_loss=(T, loss), lr=(T, np.full(len(T), 1e-3)))
    warming = run(train_loss=(T, loss), lr=(T, np.linspace(1e-6, 1e-3, len(T))))
    assert value(held, "rate.young").value > 0.9
    missing = chart(warming).run.vitals["rate.young"]
    assert isinstance(missing, Missing)
    assert "warmed up" in missing.why


def test_a_climb_of_training_alone_while_validation_learns_on_is_another_measure() -> None:
    u = T / T[-1]
    train = noisy(np.where(u < 0.3, 0.2 - 0.3 * u, 0.5), 0.01)
    learning = run(train_loss=(T, train), val_loss=(T, noisy(1.0 - 0.5 * u, 0.01, 1)), val_accuracy=(T, 0.2 + 0.5 * u))
    resting = run(train_loss=(T, train), val_loss=(T, noisy(1.0 + 0 * u, 0.01, 1)), val_accuracy=(T, 0.2 + 0 * u))
    assert isinstance(chart(learning).run.vitals["train_loss.risen"], Missing)
    assert value(resting, "train_loss.risen").value > 1
