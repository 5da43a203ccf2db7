"""A stated rate next to those of recipes, and what a run shows that bears it badly."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curvedoc.run import Tag
from curvedoc.vitals.chart import Missing

from ..patients import cosine, exponential, noisy, power_law, run, steps
from ..usual_patients import rested
from .asked import value, vital

T = steps()


def stated(**hyper: object) -> object:
    return run(train_loss=(T, power_law(T)), hyper=hyper)


@given(st.floats(-6.0, 1.0))
def test_a_stated_rate_is_compared_with_both_ends_of_what_its_optimiser_uses(decades: float) -> None:
    log = stated(lr=10**decades, optimizer="AdamW")
    assert value(log, "lr.stated").value == pytest.approx(decades)
    assert value(log, "lr.above_usual").value == pytest.approx(10**decades / 0.02)
    assert value(log, "lr.below_usual").value == pytest.approx(3e-4 / 10**decades)


@pytest.mark.parametrize(
    ("hyper", "highest"),
    [
        ({"optimizer": {"type": "SGD", "lr": 0.3}}, 0.1),
        ({"optim_wrapper/optimizer/type": "adamw", "optim_wrapper/optimizer/lr": 0.3}, 0.02),
        ({"learning_rate": "0.3"}, 0.1),
        ({"optimizer": {"type": "adamw", "scheduler": "LambdaLR"}, "lr": 0.3}, 0.02),
    ],
)
def test_nested_and_quoted_settings_are_read(hyper: dict[str, object], highest: float) -> None:
    assert value(stated(**hyper), "lr.above_usual").value == pytest.approx(0.3 / highest)


def test_the_rate_of_the_log_comes_before_the_one_of_the_settings() -> None:
    log = run(train_loss=(T, power_law(T)), lr=(T, 0.01 * np.arange(1, len(T) + 1) / len(T)), hyper={"lr": 5.0})
    assert value(log, "lr.stated").value == pytest.approx(math.log10(0.01))


@pytest.mark.parametrize("name", ["Prodigy", "LARS", "Adadelta", "Lion", "dadapt_adam", "schedule_free_adamw"])
def test_rates_on_a_scale_of_their_own_are_not_compared(name: str) -> None:
    log = stated(lr=1.0, optimizer=name)
    assert isinstance(vital(log, "lr.above_usual"), Missing)
    assert isinstance(vital(log, "lr.below_usual"), Missing)


def test_the_name_of_the_rate_may_name_the_optimiser() -> None:
    log = run(train_loss=(T, power_law(T)), lr=(T, np.full(len(T), 0.2)))
    monitored = replace(log, tags=(Tag("metrics.csv", "lr-AdamW", "lr", len(T), 10.0, 6000.0),))
    assert value(log, "lr.above_usual").value == pytest.approx(2.0)
    assert value(monitored, "lr.above_usual").value == pytest.approx(10.0)


@pytest.mark.parametrize("rate", [0.0, -1.0, None, "auto", True])
def test_what_is_no_rate_is_not_stated(rate: object) -> None:
    assert isinstance(vital(stated(lr=rate), "lr.stated"), Missing)


def test_a_rate_beyond_all_bounds_is_only_large() -> None:
    assert value(stated(lr=1e290), "lr.above_usual").value == 1e9


@pytest.mark.parametrize(
    ("hyper", "width"),
    [({"hidden_size": 2, "num_layers": 3}, 2), ({"model/head/n_embd": 4, "d_model": 64}, 4), ({"width": 2}, None)],
)
def test_the_narrowest_stated_width_counts_and_no_number_of_layers(hyper: dict[str, object], width: int | None) -> None:
    found = vital(stated(**hyper), "model.width")
    assert isinstance(found, Missing) if width is None else found.value == width


def test_a_bounce_counts_only_where_the_loss_ends_high() -> None:
    v = T[9::10]

    def bouncing(end: float) -> object:
        loss = exponential(T, 2.3, end)
        return run(train_loss=(T, noisy(loss)), val_loss=(v, noisy(loss[9::10], 0.08, 1)), lr=(T, np.full(len(T), 1.0)))

    assert value(bouncing(1.5), "lr.strained").value == 1.0
    assert value(bouncing(0.1), "lr.strained").value == 0.0


@pytest.mark.parametrize(("examples", "strained"), [(400, 1.0), (24, 0.0)])
def test_a_bounce_of_a_few_examples_is_none_of_the_rate(examples: int, strained: float) -> None:
    v, loss = T[9::10], power_law(T, 2.3, 1.2)
    right = np.random.default_rng(7).binomial(examples, 0.5, len(v)) / examples
    made = run(train_loss=(T, noisy(loss)), val_loss=(v, noisy(loss[9::10], 0.08, 1)), val_accuracy=(v, right))
    assert value(made, "lr.strained").value == strained


@pytest.mark.parametrize(("end", "strained"), [(0.9, False), (0.999, True)])
def test_what_still_comes_down_far_is_not_said_to_have_learned_little(end: float, strained: bool) -> None:
    loss = 2.3 * (1 - (1 - end) * T / T[-1])
    few = (T, np.full(len(T), 0.2))
    log = run(train_loss=(T, noisy(loss, 1e-4)), train_accuracy=few, hyper={"optimizer": "adam"})
    assert (value(log, "lr.strained").value > 0.5) == strained


@pytest.mark.parametrize(("finite", "strained"), [(300, 0.0), (40, 1.0), (1, 1.0), (0, 0.0)])
def test_a_loss_that_was_a_number_and_is_soon_lost_was_not_borne(finite: int, strained: float) -> None:
    loss = power_law(T)
    loss[finite:] = np.nan
    assert value(run(train_loss=(T, loss), lr=(T, np.full(len(T), 5.0))), "lr.strained").value == strained


def test_a_rate_below_all_recipes_needs_half_of_the_other_signs_to_be_young() -> None:
    v, loss = T[9::10], exponential(T, 2.3, 0.8, tau=0.2)
    usual, below = (
        value(run(train_loss=(T, noisy(loss)), val_loss=(v, loss[9::10]), lr=(T, np.full(len(T), rate))), "rate.young")
        for rate in (1e-2, 1e-5)
    )
    assert 0.3 < usual.value < 0.5
    assert below.value == pytest.approx(2 * usual.value)
    assert value(rested(0, 1e-5), "rate.young").value == 0.0


def test_a_curve_far_above_the_stated_rate_counts_something_else() -> None:
    log = run(train_loss=(T, power_law(T)), lr=(T, np.full(len(T), 1.0)), hyper={"lr": 1e-3, "optimizer": "adam"})
    assert isinstance(vital(log, "lr.above_usual"), Missing)
    assert isinstance(vital(log, "lr.below_usual"), Missing)


@pytest.mark.parametrize(("batch", "times"), [(64, 16.0), (256, 16.0), (4096, 1.0)])
def test_the_highest_rate_of_sgd_grows_with_the_batch(batch: int, times: float) -> None:
    assert value(stated(lr=1.6, optimizer="sgd", batch_size=batch), "lr.above_usual").value == pytest.approx(times)
    assert value(stated(lr=1.6, batch_size=batch), "lr.above_usual").value == pytest.approx(times)
    adam = stated(lr=0.2, optimizer="adam", batch_size=batch)
    assert value(adam, "lr.above_usual").value == pytest.approx(10.0)


@pytest.mark.parametrize(
    "hyper",
    [
        {"model_name_or_path": "bert-base-uncased"},
        {"pretrained": True},
        {"lora/r": 8},
        {"init_from": "gpt2"},
        {"model": {"_name_or_path": "gpt2"}},
    ],
)
def test_rates_from_scratch_are_not_for_weights_that_were_trained_before(hyper: dict[str, object]) -> None:
    assert isinstance(vital(stated(lr=2e-5, optimizer="adamw", **hyper), "lr.below_usual"), Missing)


@pytest.mark.parametrize("tag", ["val/box_loss", "loss_box_reg", "metrics/mAP50(B)", "metrics/mAP_0.5"])
def test_rates_from_scratch_are_not_for_detectors(tag: str) -> None:
    log = stated(lr=2e-5, optimizer="adamw")
    assert isinstance(vital(replace(log, tags=(*log.tags, Tag("", tag, None, 1, 0.0, 0.0))), "lr.below_usual"), Missing)


def test_a_map_of_attention_is_no_detector() -> None:
    log = stated(lr=2e-5, optimizer="adamw")
    log = replace(log, tags=(*log.tags, Tag("", "heatmap50/mean", None, 1, 0.0, 0.0)))
    assert value(log, "lr.below_usual").value == pytest.approx(3e-4 / 2e-5)


@pytest.mark.parametrize("hyper", [{"pretrained": False}, {"init_from": "scratch"}, {"model": "explored"}])
def test_weights_that_begin_at_random_are_told_from_those(hyper: dict[str, object]) -> None:
    log = stated(lr=2e-5, optimizer="adamw", **hyper)
    assert value(log, "lr.below_usual").value == pytest.approx(3e-4 / 2e-5)


def test_embeddings_side_by_side_are_no_bottleneck() -> None:
    assert value(stated(embed_dim=4, hidden_dim=256), "model.width").value == 256


def test_a_smooth_rest_is_a_sign_with_steps_of_a_fixed_size_only() -> None:
    assert value(rested(0, 0.2, optimizer="Adam"), "lr.strained").value > 0.9
    assert value(rested(0, 0.2, optimizer="SGD"), "lr.strained").value < 0.1


@pytest.mark.parametrize("key", [None, 1, ("a", "b")])
def test_settings_whose_names_are_no_words_are_borne(key: object) -> None:
    log = run(train_loss=(T, power_law(T)), hyper={key: "cosine", "lr": 0.3, "optimizer": "sgd"})  # type: ignore[dict-item]
    assert value(log, "lr.above_usual").value == pytest.approx(3.0)


def test_the_factor_of_a_noam_schedule_is_no_rate() -> None:
    log = stated(learning_rate=2.0, decay_method="noam", optimizer="adam")
    assert isinstance(vital(log, "lr.above_usual"), Missing)
    assert value(stated(learning_rate=2.0, optimizer="adam"), "lr.above_usual").value == pytest.approx(100.0)


def test_a_bounce_that_usual_rates_bring_about_is_no_strain() -> None:
    v, loss = T[9::10], exponential(T, 2.3, 1.2, tau=0.2)
    val = (v, noisy(loss[9::10], 0.02, 1))
    log = run(train_loss=(T, noisy(loss)), val_loss=val, lr=(T, cosine(T, 1.0)))
    assert value(log, "loss.bounce").value > 0.012
    assert value(log, "lr.strained").value < 0.2


@pytest.mark.parametrize(("kept", "right", "strained"), [(1.02, 0.08, 1.0), (0.7, 0.08, 0.0), (1.02, 0.5, 0.0)])
def test_a_rate_at_which_nothing_is_learned_is_not_borne_whatever_the_optimiser(
    kept: float, right: float, strained: float
) -> None:
    loss = noisy(2.3 * (1 + (kept - 1) * T / T[-1]), 1e-3)
    answers = (T, noisy(np.full(len(T), right), 0.05, 1))
    log = run(train_loss=(T, loss), train_accuracy=answers, hyper={"optimizer": "sgd", "lr": 2.0})
    assert value(log, "lr.strained").value == strained
