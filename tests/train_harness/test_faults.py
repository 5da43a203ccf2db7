"""Faults: each shows its symptom in the log, and the same run without the switch does not."""

import math

import pytest

from train_harness.faults import plant
from train_harness.recipe import Recipe, Schedule, override

from .test_loop import SMALL, run

#: Long enough to generalize: 320 digits, 200 updates.
LEARNED = ["steps=200", "data.train_size=320", "data.val_size=200", "optimizer.kind=adam", "optimizer.lr=0.01"]


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


def test_a_late_decay_holds_the_rate_until_then_and_the_loss_up():
    late, early = ["fault.decay_at=55", "steps=60", "optimizer.lr=0.5"], ["fault.decay_at=30"]
    rates = [row.lr for row in run(*late)[0]]
    assert rates == pytest.approx([0.5] * 55 + [0.05] * 5)
    assert [row.lr for row in run(*late, *early)[0]] == pytest.approx([0.5] * 30 + [0.05] * 30)


def test_no_warmup_with_a_large_rate_shakes_the_first_steps():
    large = [*LEARNED, "data.batch_size=80", "optimizer.lr=0.2", "schedule.warmup=30", "steps=60"]
    faulty, sound = run(*large, "fault.no_warmup=true")[0], run(*large)[0]
    assert faulty[0].lr == 0.2 and sound[0].lr == pytest.approx(0.2 / 30)
    assert max(row.loss for row in faulty) > 2 * faulty[0].loss
    assert max(row.loss for row in sound) < 1.2 * sound[0].loss


def test_a_detached_layer_stops_everything_before_it():
    faulty, sound = run("fault.detach=act1")[0], run()[0]
    assert {row.update_ratio["fc1"] for row in faulty} == {0.0}
    assert all(row.update_ratio["fc2"] > 0 for row in faulty)
    assert all(row.update_ratio["fc1"] > 0 for row in sound)


def test_shuffled_labels_are_learned_by_heart_and_worth_nothing():
    faulty, sound = run(*LEARNED, "fault.shuffled_labels=true")[1][-1], run(*LEARNED)[1][-1]
    assert faulty.val_accuracy < 0.25 and faulty.val_loss > 1.2 * faulty.train_loss
    assert sound.val_accuracy > 0.8


def test_noisy_labels_hold_the_training_loss_up_and_leave_validation_true():
    faulty, sound = run(*LEARNED, "fault.noisy_labels=0.4")[1], run(*LEARNED)[1]
    assert faulty[3].train_loss > 1.5 * sound[3].train_loss
    assert faulty[3].train_accuracy < faulty[3].val_accuracy, (
        "the training labels are wrong, the validation ones are not"
    )
    assert not sound[3].train_accuracy < sound[3].val_accuracy


def test_corrupt_batches_are_spikes_at_their_steps():
    faulty, sound = run("fault.corrupt_every=8", "optimizer.lr=0.01")[0], run("optimizer.lr=0.01")[0]
    assert faulty[7].loss > 3 * faulty[6].loss and faulty[15].loss > 3 * faulty[14].loss
    assert sound[7].loss < 1.5 * sound[6].loss


def test_corrupt_text_is_a_spike_too():
    text = ["data.task=markov", "model.kind=gru", "optimizer.kind=adam", "optimizer.lr=0.02", "steps=60", "log.every=1"]
    faulty, sound = run(*text, "fault.corrupt_every=60")[0], run(*text)[0]
    assert faulty[-1].loss > faulty[-2].loss + 0.2
    assert sound[-1].loss < sound[-2].loss + 0.2


def test_a_forgotten_train_mode_turns_dropout_off_after_the_first_epoch():
    drops = ["model.dropout=0.8", "optimizer.lr=0.001", "steps=10"]
    faulty, sound = run(*drops, "fault.forget_train_mode=true")[1], run(*drops)[1]
    assert faulty[0] == sound[0]
    assert faulty[1].train_loss < 0.9 * sound[1].train_loss


def test_a_forgotten_eval_mode_makes_validation_suffer_from_dropout():
    drops = [*LEARNED, "model.dropout=0.5"]
    faulty, sound = run(*drops, "fault.forget_eval_mode=true"), run(*drops)
    assert faulty[1][-1].val_loss > 1.5 * sound[1][-1].val_loss
    assert faulty[2].val_loss < 0.9 * faulty[1][-1].val_loss, "the outcome is measured in evaluation mode all the same"


def test_a_tiny_validation_set_makes_its_curve_coarse():
    faulty, sound = run("fault.tiny_val_set=4")[1], run()[1]
    assert {row.val_accuracy * 4 % 1 for row in faulty} == {0.0}
    assert any(row.val_accuracy * 4 % 1 for row in sound)


def test_leaked_validation_is_as_easy_as_training():
    noise = [*LEARNED, "data.label_noise=0.4", "steps=400"]
    faulty, sound = run(*noise, "fault.leak=0.95")[2], run(*noise)[2]
    assert faulty.val_loss < 0.5 * sound.val_loss
    assert sound.val_loss > 5 * sound.train_loss


def test_a_large_model_learns_a_small_set_by_heart_faster():
    small = ["steps=60", "optimizer.lr=0.02", "model.width=4"]
    faulty, sound = run(*small, "fault.large_model=256")[2], run(*small)[2]
    assert faulty.train_loss < 0.2 * sound.train_loss


def test_without_regularization_the_training_loss_falls_to_nothing():
    held = ["model.dropout=0.5", "data.jitter=1.0", "optimizer.weight_decay=0.01", "regularize.label_smoothing=0.1"]
    faulty, sound = run(*held, "steps=100", "fault.no_regularization=true"), run(*held, "steps=100")
    assert faulty[1][-1].train_loss < 0.1 and sound[1][-1].train_loss > 0.5
    assert faulty[0] == run("steps=100")[0]


def test_an_unchecked_fp16_scale_ends_in_nan():
    faulty, sound = run("fault.fp16_overflow=true"), run("precision=float16")
    assert math.isfinite(faulty[0][0].loss) and not math.isfinite(faulty[0][0].grad_norm)
    assert math.isnan(faulty[0][-1].loss)
    assert sound[0][-1].loss < sound[0][0].loss


def test_a_large_recurrent_gain_explodes_the_gradient():
    text = ["data.task=markov", "model.kind=rnn", "model.activation=relu", "model.init=orthogonal", "steps=3"]
    faulty, sound = run(*text, "fault.recurrent_gain=2.5")[0], run(*text)[0]
    assert faulty[0].grad_norm > 1e4
    assert sound[0].grad_norm < 100


def test_dead_relus_never_fire_and_nothing_before_the_head_learns():
    faulty, sound = run("fault.dead_relus=100"), run()
    assert faulty[1][-1].dead_share == {"act1": 1.0, "act2": 1.0}
    assert {row.update_ratio["fc1"] for row in faulty[0]} == {0.0}
    assert max(sound[1][-1].dead_share.values()) < 0.5


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_large_weights_saturate_the_ends_of_an_s_curve(activation):
    bent = [f"model.activation={activation}", "model.init=xavier"]
    faulty, sound = run(*bent, "fault.saturate=50"), run(*bent)
    assert faulty[1][0].saturated_share["act1"] > 0.7
    assert sound[1][0].saturated_share["act1"] < 0.1
    assert faulty[0][0].update_ratio["fc1"] < 0.1 * sound[0][0].update_ratio["fc1"]


def test_raw_inputs_start_far_above_chance():
    faulty, sound = run("fault.raw_inputs=true")[0], run()[0]
    assert faulty[0].loss > 20 and sound[0].loss < 5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["fault.recurrent_gain=2"], "nothing recurs here"),
        (["data.task=teacher", "fault.noisy_labels=0.5"], "needs classes"),
        (["data.task=markov", "model.kind=gru", "fault.raw_inputs=true"], "characters cannot be NaN or scaled"),
        (["data.train_size=10", "fault.leak=0.9"], "asks for 36 training examples of 10"),
        (["fault.detach=fc9"], "the model has fc1"),
    ],
)
def test_a_fault_that_does_not_fit_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        run(*changes)


def test_every_fault_of_a_recipe_is_explained_and_tested():
    from dataclasses import fields
    from pathlib import Path

    from train_harness import faults
    from train_harness.recipe import Fault

    tests = Path(__file__).read_text(encoding="utf-8")
    for switch in (f.name for f in fields(Fault)):
        if switch != "layer_lr_scale":
            assert f"\n    {switch} " in faults.__doc__, switch
        assert f'"fault.{switch}=' in tests, switch
