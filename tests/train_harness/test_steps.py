"""The first steps: what the initial loss must be, what is learned by heart, which rate makes the loss fall."""

import math

import pytest

from train_harness.__main__ import main
from train_harness.recipe import Recipe, override
from train_harness.samples import RECIPES
from train_harness.steps import RangeTest, draw_range, initial_loss, overfit, range_test

from .test_loop import SMALL, run

DIGITS = str(RECIPES.parent / "digits.toml")
TEXT = override(Recipe(), ["data.task=markov", "data.train_size=60", "model.kind=gpt", "model.width=16"])


@pytest.mark.parametrize("recipe", [SMALL, override(TEXT, ["model.init=normal"])], ids=["digits", "text"])
def test_the_first_loss_of_a_sound_network_is_near_a_pure_guess(recipe):
    start = initial_loss(recipe)
    assert start.right
    assert start.expected == pytest.approx(math.log(10 if recipe is SMALL else 12))


def test_the_first_loss_is_that_of_the_first_step():
    whole = override(SMALL, ["data.batch_size=80", "optimizer.lr=0.0"])
    assert initial_loss(whole).measured == pytest.approx(run("data.batch_size=80")[0][0].loss, rel=1e-5)


def test_a_first_loss_far_above_its_analytic_value_is_not_right():
    start = initial_loss(override(SMALL, ["fault.bad_init=huge"]))
    assert not start.right and start.measured > 10 * start.high


def test_the_first_loss_of_a_regression_is_the_mean_of_the_squared_targets_when_it_predicts_zero():
    start = initial_loss(override(SMALL, ["data.task=diabetes", "fault.bad_init=zero"]))
    assert start.measured == pytest.approx(start.expected, rel=0.1) and start.right


def test_a_network_that_works_learns_a_handful_by_heart_whatever_holds_it_back_otherwise():
    held = override(SMALL, ["model.dropout=0.9", "regularize.mixup=1.0", "data.jitter=3.0", "optimizer.lr_batch=4096"])
    heard = []
    found = overfit(held, (1, 4, 40), 100, say=heard.append)
    assert [memory.examples for memory in found] == [1, 4, 40] and heard == found
    assert all(memory.by_heart and memory.accuracy == 1.0 for memory in found)


@pytest.mark.parametrize("fault", ["fault.bad_init=zero", "fault.wrong_sign=true", "optimizer.lr=1e-6"])
def test_a_network_that_cannot_learn_does_not_learn_by_heart(fault):
    assert not any(memory.by_heart for memory in overfit(override(SMALL, [fault]), (4, 40), 100))


def test_one_example_and_batch_norm_are_refused():
    with pytest.raises(ValueError, match="batch norm needs two examples"):
        overfit(override(SMALL, ["model.norm=batch"]))


def test_the_range_test_finds_a_rate_that_makes_the_loss_fall_within_its_steps():
    test = range_test(SMALL, 1e-5, 10.0, 60)
    assert test.rates[0] == 1e-5 and test.rates == pytest.approx(sorted(test.rates))
    assert test.rates[1] / test.rates[0] == pytest.approx((1e6) ** (1 / 59))
    assert test.best in [rate for rate, _ in test.tried]
    assert run("steps=60", f"optimizer.lr={test.best}")[0][-1].loss < 0.2 * test.losses[0]


def test_the_sweep_ends_at_the_first_loss_that_is_not_finite():
    test = range_test(override(SMALL, ["data.task=diabetes"]), 1e-3, 1e6, 60)
    assert len(test.rates) == len(test.losses) < 60
    assert all(math.isfinite(loss) for loss in test.losses)


def test_no_rate_helps_a_network_that_cannot_learn():
    assert range_test(override(SMALL, ["fault.wrong_sign=true"]), 1e-4, 1.0, 20).best is None


def test_the_range_test_tries_its_own_rates_whatever_the_recipe_does_to_the_rate():
    odd = ["fault.scale_lr=100.0", "schedule.kind=cosine", "schedule.warmup=9", "optimizer.lr_batch=1024"]
    assert range_test(override(SMALL, odd), 1e-4, 1.0, 20) == range_test(SMALL, 1e-4, 1.0, 20)


def test_a_range_that_goes_nowhere_and_data_with_nan_are_refused():
    with pytest.raises(ValueError, match="from a low rate to a higher one"):
        range_test(SMALL, 1.0, 0.1)
    with pytest.raises(ValueError, match="not finite before the first update"):
        range_test(override(SMALL, ["fault.nan_at=1"]))


def test_the_picture_of_the_range_test_shows_the_best_rate(tmp_path):
    test = RangeTest((0.01, 0.1, 1.0), (2.0, 1.0, 9.0), ((0.01, 1.5), (0.1, 0.5)), 0.1)
    draw_range(test, tmp_path / "range.svg")
    assert "best: 0.1" in (tmp_path / "range.svg").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["check"], 0, "as it should be: go on with overfit"),
        (["check", "fault.bad_init=huge"], 1, "too high"),
        (["overfit", "--sizes", "4", "--steps", "60"], 0, "it can learn: go on with range"),
        (["overfit", "--sizes", "4", "--steps", "9", "fault.bad_init=zero"], 1, "NOT LEARNED"),
        (["range", "--steps", "30"], 0, "search around it: --over optimizer.lr="),
        (["range", "--steps", "9", "fault.wrong_sign=true"], 1, "no rate made the loss fall"),
    ],
)
def test_each_step_says_what_it_found_and_what_comes_next(arguments, code, says, capsys):
    assert main([arguments[0], DIGITS, *arguments[1:], "--device", "cpu"]) == code
    assert says in capsys.readouterr().out
