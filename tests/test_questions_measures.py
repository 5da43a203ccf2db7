"""What people ask about curves that measure something else, on another scale, or that only look ill.

Questions 31 to 40, healthy runs without a question, and what the caller knows; the logs are in questions/.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from curvedoc import diagnose, read

from .questions import beginnings, budgets, healthy, no_progress, schedules
from .questions.asking import SEEDS, advice, alarms, asked, found, heard, leading

# -- losses that measure something else --------------------------------------------------------------------------------


def test_31_a_detector_whose_augmentation_ends_is_neither_divergent_nor_overfitted(tmp_path: Path) -> None:
    for seed in SEEDS:
        assert alarms(asked(no_progress.detector, tmp_path, seed)) == []


def test_31_and_the_jump_is_explained_by_the_augmentation(tmp_path: Path) -> None:
    assert heard(asked(no_progress.detector, tmp_path), "mosaic|augmentation")


def test_32_two_players_are_not_judged_and_samples_are_what_to_look_at(tmp_path: Path) -> None:
    for seed in SEEDS:
        report = asked(no_progress.adversarial, tmp_path, seed)
        assert report.verdict == "not assessed"
        assert report.findings == ()
        assert re.search("play against each other", report.why)
        assert re.search("fid|samples", report.why.lower())


def test_32_but_a_discriminator_that_wins_outright_is_an_alarm(tmp_path: Path) -> None:
    for seed in SEEDS:
        report = asked(lambda folder, draw: no_progress.adversarial(folder, draw, collapse=True), tmp_path, seed)
        assert alarms(report) == ["discriminator-wins"]
        onset = leading(report).onset
        assert onset is not None
        assert abs(onset.step - 50 * 151) <= 100


def test_33_an_agents_loss_is_not_judged_and_the_reward_is_what_to_look_at(tmp_path: Path) -> None:
    for seed in SEEDS:
        report = asked(no_progress.agent, tmp_path, seed)
        assert report.verdict == "not assessed"
        assert alarms(report) == []
        for word in ("reward", "kl", "entropy", "explained variance"):
            assert word in report.why.lower()


def test_34_a_diffusion_loss_is_not_judged_when_its_tags_tell(tmp_path: Path) -> None:
    for seed in SEEDS:
        report = asked(no_progress.denoiser, tmp_path, seed)
        assert report.verdict == "not assessed"
        assert alarms(report) == []
        assert re.search("noise level", report.why)
        assert "fid" in report.why.lower()


def test_34_a_diffusion_loss_is_not_judged_when_the_caller_tells(tmp_path: Path) -> None:
    for seed in SEEDS:
        path = no_progress.denoiser(tmp_path / str(seed), np.random.default_rng(seed), parts=False)
        report = diagnose(path, task="diffusion")
        assert report.verdict == "not assessed"
        assert alarms(report) == []
        assert "fid" in report.why.lower()


def test_35_a_preference_loss_near_ln_2_is_not_judged_and_margins_are_what_to_look_at(tmp_path: Path) -> None:
    for seed in SEEDS:
        report = asked(no_progress.preference, tmp_path, seed)
        assert report.verdict == "not assessed"
        assert alarms(report) == []
        assert "ln 2" in report.why
        assert "margins" in report.why


@pytest.mark.parametrize(
    ("make", "task"),
    [(schedules.flat_at_full_rate, task) for task in ("gan", "rl", "diffusion", "preference")],
)
def test_no_plateau_is_seen_once_the_caller_names_a_task_whose_loss_shows_no_progress(
    tmp_path: Path, make: Callable[..., Path], task: str
) -> None:
    report = asked(make, tmp_path, task=task)
    assert report.verdict == "not assessed"
    assert alarms(report) == []
    assert task in report.why


# -- scales, smoothing, budget, updates --------------------------------------------------------------------------------


def test_36_a_training_loss_that_is_eight_times_validation_throughout_is_a_sum(tmp_path: Path) -> None:
    for seed in SEEDS:
        report = asked(budgets.eight_times, tmp_path, seed)
        note = found(report, "sum-versus-mean")
        assert not {"underfitting", "leak-suspicion", "overfitting"} & {d.rule for d in report.findings}
        assert "validation-easier-than-train" not in {d.rule for d in report.findings}
        assert "accumul" in note.story
        assert "mean" in advice(note)


def test_37_a_running_mean_is_recognized_and_its_slope_not_believed(tmp_path: Path) -> None:
    for seed in SEEDS:
        report = asked(budgets.running_mean, tmp_path, seed)
        note = found(report, "already-smoothed")
        assert "lag" in note.story
        assert "spikes" in note.story
        assert alarms(report) == []


def test_38_a_run_that_was_cut_off_in_its_descent_is_told_what_more_steps_would_bring(tmp_path: Path) -> None:
    for seed in SEEDS:
        report = asked(budgets.cut_short, tmp_path, seed)
        assert report.verdict == "healthy"
        note = found(report, "still-improving")
        assert re.search(r"twice the steps are worth about \d+(\.\d+)? %", advice(note))


def test_38_a_run_whose_rate_has_come_down_to_nothing_is_not_sent_on(tmp_path: Path) -> None:
    for seed in SEEDS:
        assert "still-improving" not in {
            d.rule for d in asked(schedules.flat_at_the_end_of_cosine, tmp_path, seed).findings
        }


def test_39_a_run_that_generalises_late_is_healthy_in_the_end(tmp_path: Path) -> None:
    for seed in SEEDS:
        assert asked(budgets.small_arithmetic, tmp_path, seed).verdict == "healthy"


def test_39_before_it_generalises_a_later_gain_is_not_excluded(tmp_path: Path) -> None:
    for seed in SEEDS:
        report = diagnose(budgets.small_arithmetic(tmp_path / str(seed), np.random.default_rng(seed), epochs=200))
        assert heard(report, "grokking|double descent|cannot (be )?exclude|not excluded")


def test_40_a_layer_that_changes_by_a_tenth_per_step_needs_a_lower_rate(tmp_path: Path) -> None:
    for seed in SEEDS:
        path = budgets.updates(
            tmp_path / str(seed), np.random.default_rng(seed), fc1_weight=0.1, fc2_weight=2e-3, head_weight=2e-3
        )
        lead = leading(diagnose(path))
        assert lead.rule == "update-ratio-too-high"
        assert "fc1" in lead.subject.name
        assert "1e-3" in advice(lead)
        assert "lower the learning rate" in advice(lead)


def test_40_layers_that_change_by_a_millionth_per_step_need_a_higher_rate(tmp_path: Path) -> None:
    for seed in SEEDS:
        path = budgets.updates(
            tmp_path / str(seed), np.random.default_rng(seed), fc1_weight=1e-6, fc2_weight=1e-6, head_weight=1e-6
        )
        lead = leading(diagnose(path))
        assert lead.rule == "update-ratio-too-low"
        assert "raise the learning rate" in advice(lead)


def test_40_ratios_of_norms_biases_and_the_first_steps_are_not_judged(tmp_path: Path) -> None:
    first = np.where(np.arange(300) < 20, 0.2, 2e-3)
    for seed in SEEDS:
        draw = np.random.default_rng(seed)
        made = {"fc1_weight": first, "fc1_bias": 0.1, "bn1_weight": 0.08, "fc2_weight": 2e-3}
        path = budgets.updates(tmp_path / str(seed), draw, **made)
        assert alarms(diagnose(path)) == []


# -- traps without a question ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        healthy.mixup,
        healthy.penalised,
        healthy.cyclic,
        healthy.warm_restarts,
        healthy.many_tasks,
        healthy.perplexity,
        healthy.trees,
        healthy.best_at_the_end,
        healthy.saturated,
    ],
    ids=lambda make: make.__name__,
)
def test_a_healthy_run_that_looks_odd_raises_no_warning(tmp_path: Path, make: Callable[..., Path]) -> None:
    for seed in SEEDS:
        report = asked(make, tmp_path, seed)
        assert alarms(report) == []
        assert report.verdict == "healthy"


def test_tokens_are_an_axis(tmp_path: Path) -> None:
    (run,) = read(healthy.perplexity(tmp_path, np.random.default_rng(0)))
    assert run.curves["train_loss"][0].step[-1] == 200 * 524288
    assert run.curves["val_loss"][0].step[0] == 10 * 524288


# -- what the caller knows ---------------------------------------------------------------------------------------------


def test_a_loss_that_a_human_reaches_makes_a_floor_natural(tmp_path: Path) -> None:
    for seed in SEEDS:
        assert leading(asked(schedules.flat_and_high, tmp_path, seed)).rule == "underfitting"
        assert alarms(asked(schedules.flat_and_high, tmp_path, seed, target_loss=1.5)) == []


def test_the_number_of_classes_makes_the_first_loss_readable(tmp_path: Path) -> None:
    assert "initial-loss-off" not in alarms(asked(beginnings.large_scores, tmp_path))
    assert "initial-loss-off" in alarms(asked(beginnings.large_scores, tmp_path, classes=10))
