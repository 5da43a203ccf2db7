"""Faults: each shows its symptom in the log, and the same run without the switch does not."""

import math

import pytest

from train_harness.faults import plant
from train_harness.recipe import Recipe, Schedule, override

from .test_loop import SMALL, run


def test_zero_weights_never_leave_the_flat_loss():
    faulty, sound = run("fault.bad_init=zero", "steps=60"), run("steps=60")
    assert min(row.loss for row in faulty[0]) > 2.0
    assert sound[0][-1].loss < 1.0


def test_tiny_weights_start_flat():
    faulty, sound = run("fault.bad_init=tiny", "model.depth=3"), run("model.depth=3")
    assert abs(faulty[0][-1].loss - faulty[0][0].loss) < 0.15
    assert sound[0][-1].loss < sound[0][0].loss - 0.4


def test_huge_weights_start_far_above_chance():
    assert run("fault.bad_init=huge")[0][0].loss > 100
    assert run()[0][0].loss < 5


def test_a_scaled_rate_is_in_the_log():
    assert run("fault.scale_lr=0.001")[0][0].lr == pytest.approx(1e-4)


def test_no_decay_keeps_the_rate_of_a_schedule_that_would_fall():
    cosine = ["schedule.kind=cosine"]
    assert run(*cosine, "fault.no_decay=true")[0][-1].lr == 0.1 > run(*cosine)[0][-1].lr


def test_an_early_decay_leaves_a_higher_loss():
    faulty, sound = run("fault.decay_at=5", "steps=60"), run("steps=60")
    assert [row.lr for row in faulty[0]] == pytest.approx([0.1] * 5 + [0.01] * 55)
    assert faulty[2].train_loss > 1.5 * sound[2].train_loss


def test_a_forgotten_zero_grad_piles_up_the_gradient():
    change = ["optimizer.lr=0.001"]
    faulty, sound = run(*change, "fault.forget_zero_grad=true"), run(*change)
    assert faulty[0][-1].grad_norm > 5 * faulty[0][0].grad_norm
    assert sound[0][-1].grad_norm < 2 * sound[0][0].grad_norm


def test_a_wrong_sign_climbs_from_the_first_steps():
    faulty, sound = run("fault.wrong_sign=true"), run()
    assert faulty[0][4].loss > 2 * faulty[0][0].loss
    assert sound[0][4].loss < sound[0][0].loss


def test_a_frozen_layer_has_an_update_ratio_of_exactly_zero():
    faulty, sound = run("fault.freeze=fc2"), run()
    assert {row.update_ratio["fc2"] for row in faulty[0]} == {0.0}
    assert all(row.update_ratio["fc1"] > 0 for row in faulty[0])
    assert all(row.update_ratio["fc2"] > 0 for row in sound[0])


def test_a_layer_with_its_own_rate_moves_by_that_much_less():
    faulty, sound = (
        run("fault.layer_lr=fc1", "fault.layer_lr_scale=0.001")[0][0].update_ratio,
        run()[0][0].update_ratio,
    )
    assert faulty["fc1"] == pytest.approx(0.001 * sound["fc1"], rel=0.01)
    assert faulty["fc2"] == pytest.approx(sound["fc2"])


def test_a_tiny_training_set_is_learned_by_heart():
    budget = ["steps=150", "data.train_size=400"]
    faulty, sound = run(*budget, "fault.tiny_train_set=16"), run(*budget)
    assert faulty[2].train_loss < 0.1 * faulty[2].val_loss
    assert faulty[2].val_loss > 2 * sound[2].val_loss


def test_a_small_model_fits_neither_set():
    budget = ["steps=150"]
    faulty, sound = run(*budget, "fault.small_model=1"), run(*budget)
    assert faulty[2].train_loss > 1.2
    assert sound[2].train_loss < 0.4


def test_strong_decay_fits_neither_set():
    faulty, sound = run("steps=150", "fault.strong_decay=0.3"), run("steps=150")
    assert faulty[2].train_loss > 1.2
    assert sound[2].train_loss < 0.4


def test_a_nan_in_the_data_makes_every_later_loss_nan():
    faulty, sound = run("fault.nan_at=8"), run()
    assert [math.isnan(row.loss) for row in faulty[0]] == [False] * 7 + [True] * 13
    assert not any(math.isnan(row.loss) for row in sound[0])


def test_a_double_softmax_cannot_go_below_its_floor():
    faulty, sound = run("fault.double_softmax=true", "steps=300"), run("steps=300")
    floor = -math.log(math.e / (math.e + 9))
    assert min(row.loss for row in faulty[0]) > floor - 1e-6
    assert sound[2].train_loss < 0.1 < floor


def test_unshuffled_batches_swing_with_the_period_of_an_epoch():
    faulty, sound = run("fault.unshuffled=true", "optimizer.lr=0.05"), run("optimizer.lr=0.05")

    def swing(rows):
        late = [row.loss for row in rows if row.step > 10]
        return max(late) - min(late)

    assert swing(faulty[0]) > 2 * swing(sound[0])


def test_planting_nothing_changes_nothing():
    assert plant(SMALL) == SMALL


def test_early_decay_counts_its_step_with_the_warmup():
    planted = plant(override(Recipe(), ["schedule.warmup=10", "fault.decay_at=30"]))
    assert planted.schedule == Schedule("multi_step", warmup=10, drops=(20,))


@pytest.mark.parametrize("fault", ["freeze", "layer_lr"])
def test_a_layer_that_is_not_there_is_refused(fault):
    with pytest.raises(ValueError, match="fc9"):
        run(f"fault.{fault}=fc9")


def test_a_nan_cannot_be_planted_in_characters():
    with pytest.raises(ValueError, match="characters cannot be NaN"):
        run("data.task=markov", "model.kind=gru", "fault.nan_at=2")
