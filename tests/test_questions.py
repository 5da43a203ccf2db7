"""What people ask about their curves, each question with a log made for it and what an expert would answer.

The logs are in questions/, by family. Here are questions 1 to 30, of runs that are ill or seem so: validation, rates,
beginnings, NaN, spikes, resumes. Those of what a loss measures, and of files, are in the tests beside this one.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from curvedoc import diagnose, read
from curvedoc.report import Report

from .questions import beginnings, climbs, not_numbers, resumed, schedules, validation
from .questions.asking import SEEDS, advice, alarms, asked, found, heard, leading, told

# -- validation beside training ----------------------------------------------------------------------------------------


def test_01_overfitting_is_a_rise_of_validation_and_names_the_best_epoch(tmp_path: Path) -> None:
    for seed in SEEDS:
        report = asked(validation.memorised, tmp_path, seed)
        lead = leading(report)
        assert lead.rule == "overfitting"
        assert lead.onset is not None
        assert abs(lead.onset.step - validation.BEST_EPOCH) <= 4
        assert report.best is not None
        assert report.best.curve == "val_loss"
        assert abs(report.best.step - validation.BEST_EPOCH) <= 4
        assert re.search(r"checkpoint of epoch 1\d|checkpoint of epoch 2[0-2]", advice(lead))


def test_02_a_gap_that_stays_while_validation_falls_is_no_overfitting(tmp_path: Path) -> None:
    for seed in SEEDS:
        report = asked(validation.steady_gap, tmp_path, seed)
        assert report.verdict == "healthy"
        assert "overfitting" not in {d.rule for d in report.diagnoses}


def test_03_dropout_puts_training_above_validation_and_evaluation_mode_would_show_it(tmp_path: Path) -> None:
    for seed in SEEDS:
        report = asked(validation.with_dropout, tmp_path, seed)
        assert report.verdict == "healthy"
        note = found(report, "validation-easier-than-train")
        assert "evaluation mode" in advice(note)
        assert "dropout" in note.story
        assert "leak-suspicion" not in {d.rule for d in report.diagnoses}


def test_04_a_mean_over_the_epoch_lags_and_nothing_is_made_of_it(tmp_path: Path) -> None:
    for seed in SEEDS:
        report = asked(validation.lagging_mean, tmp_path, seed)
        assert report.verdict == "healthy"
        assert not {"validation-easier-than-train", "leak-suspicion"} & {d.rule for d in report.diagnoses}


def test_05_one_percent_between_two_splits_is_luck(tmp_path: Path) -> None:
    for seed in SEEDS:
        report = asked(validation.one_percent_lower, tmp_path, seed)
        assert report.verdict == "healthy"
        assert not {"validation-easier-than-train", "leak-suspicion"} & {d.rule for d in report.diagnoses}


def test_06_validation_ever_further_below_training_asks_how_the_data_were_split(tmp_path: Path) -> None:
    for seed in SEEDS:
        report = asked(validation.ever_lower, tmp_path, seed)
        notes = [d for d in report.findings if d.rule in ("validation-easier-than-train", "leak-suspicion")]
        assert notes
        assert re.search(r"duplicat", advice(*notes))
        assert re.search(r"split|drawn", advice(*notes))


def test_06_and_it_is_not_the_rate_that_is_blamed(tmp_path: Path) -> None:
    for seed in SEEDS:
        assert set(alarms(asked(validation.ever_lower, tmp_path, seed))) <= {"leak-suspicion"}


def test_07_a_rising_loss_with_a_rising_accuracy_is_over_confidence(tmp_path: Path) -> None:
    for seed in SEEDS:
        report = asked(validation.surer_and_righter, tmp_path, seed)
        assert alarms(report) == []
        note = found(report, "over-confidence")
        for word in ("metric", "label smoothing", "temperature"):
            assert word in advice(note)


def test_08_a_jumping_validation_of_forty_examples_is_a_matter_of_its_size(tmp_path: Path) -> None:
    for seed in SEEDS:
        report = asked(validation.few_held_out, tmp_path, seed)
        assert leading(report).rule == "validation-too-noisy"
        assert "40 examples" in told(report)
        assert "more examples" in advice(leading(report))
        assert "learning-rate-too-high" not in alarms(report)


def test_08_a_validation_that_batch_norm_shakes_is_not_blamed_on_the_rate(tmp_path: Path) -> None:
    for seed in SEEDS:
        assert alarms(asked(validation.jumping_norm, tmp_path, seed)) == []


# -- plateaus, floors and schedules ------------------------------------------------------------------------------------


def test_09_a_plateau_at_the_full_rate_asks_for_a_lower_one(tmp_path: Path) -> None:
    for seed in SEEDS:
        lead = leading(asked(schedules.flat_at_full_rate, tmp_path, seed))
        assert lead.rule == "plateau-needs-decay"
        assert lead.fixes[0].action is not None
        assert lead.fixes[0].action["kind"] == "scale_lr"
        assert lead.fixes[0].action["factor"] < 1


def test_09_a_high_plateau_with_the_rate_gone_asks_for_capacity_and_not_for_a_lower_rate(tmp_path: Path) -> None:
    for seed in SEEDS:
        lead = leading(asked(schedules.flat_and_high, tmp_path, seed))
        assert lead.rule == "underfitting"
        assert "capacity" in advice(lead)
        assert "cut the learning rate" not in advice(lead)


def test_09_and_10_flat_at_the_end_of_a_cosine_is_a_schedule_that_is_over(tmp_path: Path) -> None:
    for seed in SEEDS:
        report = asked(schedules.flat_at_the_end_of_cosine, tmp_path, seed)
        assert report.verdict == "healthy"
        assert "plateau-needs-decay" not in {d.rule for d in report.diagnoses}
        assert report.schedule is not None
        assert report.schedule.kind == "cosine"


def test_11_a_sharp_fall_at_a_cut_of_the_rate_is_what_the_cut_is_for(tmp_path: Path) -> None:
    for seed in SEEDS:
        report = asked(schedules.step_schedule, tmp_path, seed)
        assert report.verdict == "healthy"
        assert report.schedule is not None
        assert np.allclose(report.schedule.drops, (15000, 22500), atol=200)


def test_12_a_cut_in_the_middle_of_the_descent_came_too_early(tmp_path: Path) -> None:
    for seed in SEEDS:
        lead = leading(asked(schedules.cut_while_falling, tmp_path, seed))
        assert lead.rule == "decay-too-early"
        assert lead.onset is not None
        assert abs(lead.onset.step - schedules.EARLY_CUT) <= 100
        assert any("heading" in e.says for e in lead.evidence)


def test_13_a_long_sleep_and_a_sudden_fall_point_to_the_initialisation(tmp_path: Path) -> None:
    for seed in SEEDS:
        lead = leading(asked(beginnings.sleeping_start, tmp_path, seed))
        assert lead.rule == "bad-init"
        assert any(other.name == "warmup" for other in lead.look_alikes)


def test_13_a_loss_that_waits_for_its_warm_up_is_healthy(tmp_path: Path) -> None:
    for seed in SEEDS:
        assert asked(beginnings.warming_up, tmp_path, seed).verdict == "healthy"


def test_14_a_loss_that_never_moves_is_a_bug_to_be_found_on_one_batch(tmp_path: Path) -> None:
    for seed in SEEDS:
        lead = leading(asked(beginnings.stuck, tmp_path, seed))
        assert lead.rule == "no-learning"
        assert lead.fixes[0].action is not None
        assert lead.fixes[0].action["kind"] == "overfit_check"
        for word in ("step()", "requires_grad", "labels", "range test"):
            assert word in advice(lead)


@pytest.mark.parametrize(("classes", "known"), [(2, True), (10, True), (10, False), (2, False)])
def test_15_a_loss_that_rests_at_log_of_the_classes_gives_one_answer_to_everything(
    tmp_path: Path, classes: int, known: bool
) -> None:
    level = float(np.log(classes))
    for seed in SEEDS:
        path = beginnings.stuck(tmp_path / str(seed), np.random.default_rng(seed), level=level)
        report = diagnose(path, classes=classes if known else None)
        assert leading(report).rule == "no-learning"
        assert heard(report, r"log\(classes\)|guess|all the same", "labels")


def test_16_a_first_loss_ten_times_that_of_a_guess_looks_at_the_last_layer_and_at_sums(tmp_path: Path) -> None:
    for seed in SEEDS:
        lead = leading(asked(beginnings.large_scores, tmp_path, seed, classes=10))
        assert lead.rule == "initial-loss-off"
        assert "last layer" in advice(lead)
        assert "sum" in advice(lead)


def test_17_a_loss_that_fell_and_went_back_to_that_of_a_guess_collapsed(tmp_path: Path) -> None:
    for seed in SEEDS:
        report = asked(beginnings.fell_back, tmp_path, seed)
        assert leading(report).rule in ("divergence", "learning-rate-too-high")
        assert "learning rate" in advice(leading(report))
        assert not {"plateau-needs-decay", "no-learning"} & set(alarms(report))


# -- NaN ---------------------------------------------------------------------------------------------------------------


def test_18_a_loss_that_never_was_a_number_comes_from_the_data_or_the_loss(tmp_path: Path) -> None:
    lead = leading(asked(not_numbers.never_a_number, tmp_path))
    assert lead.rule == "nan-explosion"
    assert re.search(r"inputs or labels|log\(0\)", lead.fixes[0].do)
    assert "third of the learning rate" not in advice(lead)


def test_18_a_loss_that_climbed_before_it_was_lost_asks_for_a_lower_rate_and_clipping(tmp_path: Path) -> None:
    for seed in SEEDS:
        report = asked(not_numbers.climbed_and_lost, tmp_path, seed)
        assert alarms(report) == ["nan-explosion"]
        first = leading(report).fixes[0]
        assert first.action is not None
        assert first.action["kind"] == "scale_lr"
        assert "clip_grad_norm" in first.action
        assert first.action["before_step"] <= 20 * (not_numbers.CLIMB + 15)


def test_18_a_loss_that_was_lost_from_one_row_to_the_next_asks_for_the_batch(tmp_path: Path) -> None:
    for seed in SEEDS:
        report = asked(not_numbers.lost_at_once, tmp_path, seed)
        assert alarms(report) == ["nan-explosion"]
        first = leading(report).fixes[0]
        assert first.action is not None
        assert first.action["kind"] == "inspect_batch"
        assert re.search("fp16", advice(leading(report)))


def test_19_a_loss_of_exactly_nought_beside_a_norm_that_is_no_number_is_a_hidden_nan(tmp_path: Path) -> None:
    for seed in SEEDS:
        report = asked(not_numbers.filtered, tmp_path, seed)
        assert leading(report).rule in ("nan-explosion", "hidden-nan")
        assert leading(report).severity == "critical"
        assert leading(report).onset is not None
        assert leading(report).onset.step == 610  # type: ignore[union-attr]
        assert heard(report, "exactly 0.0", "hides")
        assert report.best is not None
        assert report.best.value > 1


def test_20_a_norm_that_is_no_number_while_a_scaler_finds_its_scale_harms_nothing(tmp_path: Path) -> None:
    for seed in SEEDS:
        assert alarms(asked(not_numbers.scaled_norm, tmp_path, seed)) == []


def test_20_a_norm_that_is_no_number_in_every_fourth_row_is_said_to_skip_steps(tmp_path: Path) -> None:
    report = diagnose(not_numbers.scaled_norm(tmp_path, np.random.default_rng(0), every=4))
    assert heard(report, r"grad_norm|gradient norm", r"scaler|fp16|float16", r"skip")


# -- spikes, climbs, swings --------------------------------------------------------------------------------------------


def spikes(folder: Path, seed: int, *at: int, **shape: float) -> Report:
    return diagnose(climbs.spiked(folder / str(seed), np.random.default_rng(seed), at, **shape))  # type: ignore[arg-type]


def test_21_one_spike_that_recovers_at_once_is_nothing_to_act_on(tmp_path: Path) -> None:
    for seed in SEEDS:
        assert spikes(tmp_path, seed, 220, back=3.0).verdict == "healthy"


def test_21_several_spikes_with_long_recoveries_are_a_finding(tmp_path: Path) -> None:
    for seed in SEEDS:
        lead = leading(spikes(tmp_path, seed, 120, 250, 380, back=12.0))
        assert lead.rule == "loss-spikes"
        assert re.search("batch", advice(lead))


def test_21_a_spike_that_does_not_come_all_the_way_back_asks_to_roll_back(tmp_path: Path) -> None:
    for seed in SEEDS:
        report = spikes(tmp_path, seed, 250, height=2.5, back=20.0, left=0.4)
        assert leading(report).rule in ("divergence", "loss-spikes")
        assert re.search(r"checkpoint", advice(leading(report)))
        assert re.search(r"rate", advice(leading(report)))


def test_22_spikes_that_come_ever_faster_ask_for_clipping_and_a_faster_second_moment(tmp_path: Path) -> None:
    for seed in SEEDS:
        report = spikes(tmp_path, seed, 150, 260, 340, 395, 430, 455, 475)
        lead = leading(report)
        assert lead.rule == "loss-spikes"
        for word in ("clip", "beta2"):
            assert word in advice(lead)
        assert heard(report, r"more frequent|bfloat16|precision")


def test_23_a_training_loss_that_creeps_up_behind_its_minimum_diverges(tmp_path: Path) -> None:
    for seed in SEEDS:
        report = asked(climbs.rises_slowly, tmp_path, seed)
        assert leading(report).rule == "divergence"
        assert "overfitting" not in alarms(report)
        assert re.search(r"what changed|data", advice(leading(report)))
        assert leading(report).onset is not None
        assert abs(leading(report).onset.step - 50 * climbs.MINIMUM) < 50 * 80  # type: ignore[union-attr]


def test_24_a_loss_that_climbs_from_its_first_step_asks_for_the_sign_first(tmp_path: Path) -> None:
    for seed in SEEDS:
        lead = leading(asked(climbs.climbs_from_the_start, tmp_path, seed))
        assert lead.rule == "wrong-sign"
        assert "sign" in lead.fixes[0].do
        assert "learning rate" in advice(lead)


def test_25_a_norm_that_only_grows_points_to_gradients_that_were_never_cleared(tmp_path: Path) -> None:
    for seed in SEEDS:
        report = asked(climbs.summed_gradients, tmp_path, seed)
        assert leading(report).rule == "forgotten-zero-grad"
        assert "zero_grad" in advice(leading(report))
        assert all(d.place == "consequence" for d in report.findings[1:] if d.severity != "info")


def test_26_a_loss_that_never_settles_asks_for_a_lower_rate_and_not_for_more_data(tmp_path: Path) -> None:
    for seed in SEEDS:
        lead = leading(asked(climbs.never_settles, tmp_path, seed))
        assert lead.rule in ("oscillation", "learning-rate-too-high")
        assert lead.fixes[0].action is not None
        assert lead.fixes[0].action["kind"] == "scale_lr"
        assert "more data" not in advice(lead)


def test_27_the_same_hills_in_every_epoch_are_data_in_order(tmp_path: Path) -> None:
    for seed in SEEDS:
        report = asked(climbs.same_every_epoch, tmp_path, seed)
        assert leading(report).rule == "unshuffled-data"
        assert "shuffle" in advice(leading(report))
        assert "40" in told(report)


def test_28_stairs_at_the_epochs_of_a_fine_tuning_are_memory_and_no_bug(tmp_path: Path) -> None:
    for seed in SEEDS:
        report = asked(climbs.stairs, tmp_path, seed)
        rules = {d.rule for d in report.findings}
        assert not rules & {"loss-spikes", "divergence", "bad-init", "unshuffled-data", "oscillation", "overfitting"}


def test_28_and_nothing_at_all_is_blamed_for_them(tmp_path: Path) -> None:
    for seed in SEEDS:
        assert alarms(asked(climbs.stairs, tmp_path, seed)) == []


# -- resumed -----------------------------------------------------------------------------------------------------------


def test_29_a_file_in_which_epochs_stand_twice_was_resumed_and_is_read_as_one_run(tmp_path: Path) -> None:
    for seed in SEEDS:
        path = resumed.overlapping(tmp_path / str(seed), np.random.default_rng(seed))
        (run,) = read(path)
        report = diagnose(path)
        assert alarms(report) == []
        assert len(run.curves["train_loss"][0]) == 80
        assert heard(report, "resume|taken up|went back|restart|twice|earlier")


def test_30_a_jump_right_at_a_resume_asks_for_what_was_not_restored(tmp_path: Path) -> None:
    for seed in SEEDS:
        report = asked(resumed.shifted, tmp_path, seed)
        note = found(report, "resume-jump")
        assert note.onset is not None
        assert abs(note.onset.step - 6020) <= 60
        assert "optimizer" in advice(note)
        assert re.search("sampler|data", advice(note) + note.story)
        assert not {"loss-spikes", "divergence"} & set(alarms(report))
