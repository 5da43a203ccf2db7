"""Treatments: a label stands only when its cure helps on every measure, and healthy only when nothing does."""

import math
from dataclasses import replace
from statistics import fmean, stdev

import pytest

from train_harness.loop import train
from train_harness.recipe import Case, RecipeError, Schedule, Treatment, override, with_seed
from train_harness.treat import STANDARD, Trial, prove, stretch

from .test_loop import SMALL


def claimed(label, *changes, cures=(), **case):
    treatments = tuple(Treatment(cure, tuple(cure.split())) for cure in cures)
    return replace(override(SMALL, changes), case=Case(label, "planted", seeds=3, treatments=treatments, **case))


def test_a_cure_that_helps_makes_the_label_stand():
    recipe = claimed("bad-init", "fault.bad_init=zero", "steps=60", cures=['fault.bad_init=""'], judge="train_loss")
    proof = prove(recipe)
    assert proof.stands and proof.seeds == (0, 1, 2)
    ill = [train(with_seed(recipe, s)).train_loss for s in proof.seeds]
    well = [train(with_seed(override(recipe, ['fault.bad_init=""']), s)).train_loss for s in proof.seeds]
    gains = [1 - after / before for before, after in zip(ill, well, strict=True)]
    assert proof.margin == pytest.approx(fmean(gains))
    assert proof.trials[0].error == pytest.approx(stdev(gains) / math.sqrt(3))
    assert (proof.trials[0].untreated, proof.trials[0].treated) == pytest.approx((fmean(ill), fmean(well)))


def test_a_cure_that_does_nothing_leaves_the_label_unproved():
    assert not prove(claimed("overfitting", cures=["log.every=5"])).stands


def test_only_the_first_treatment_is_the_cure():
    cures = ["optimizer.lr=1e-6", 'fault.bad_init=""']
    proof = prove(claimed("bad-init", "fault.bad_init=zero", "steps=60", cures=cures))
    assert [trial.helps for trial in proof.trials] == [False, True]
    assert not proof.stands


def test_a_run_rescued_from_nan_gains_everything():
    recipe = claimed("nan-explosion", "fault.nan_at=3", cures=["fault.nan_at=0"], judge="train_loss")
    proof = prove(recipe)
    assert proof.stands and proof.margin == 1.0 and proof.trials[0].untreated == math.inf


def test_a_run_with_far_too_low_a_rate_is_not_healthy():
    proof = prove(claimed("healthy", "optimizer.lr=0.001"))
    assert not proof.stands
    assert "rate x10" in [trial.name for trial in proof.trials if trial.helps]


def test_a_healthy_run_is_tried_against_every_standard_treatment_that_changes_it():
    proof = prove(replace(claimed("healthy"), case=Case("healthy", "nothing", seeds=2)))
    names = {trial.name for trial in proof.trials}
    assert names == set(STANDARD) - {"no weight decay", "weaker dropout"}


@pytest.mark.parametrize(("gain", "error", "helps"), [(0.051, 0.0169, True), (0.049, 0.0, False), (0.2, 0.07, False)])
def test_help_takes_five_percent_and_three_errors(gain, error, helps):
    assert Trial("x", (), 1.0, 1.0, gain, error).helps is helps


def test_a_recipe_without_a_case_is_refused():
    with pytest.raises(RecipeError, match="has no"):
        prove(SMALL)


def test_an_illness_without_a_cure_is_refused():
    with pytest.raises(RecipeError, match="without a cure there is no proof"):
        prove(claimed("overfitting"))


@pytest.mark.parametrize(
    "schedule",
    [
        Schedule("multi_step", warmup=4, drops=(10, 15)),
        Schedule("step", every=5),
        Schedule("cosine_restarts", cycle=5),
        Schedule("table", table=((5, 0.02),)),
        Schedule("exponential", gamma=0.9),
        Schedule("cosine", warmup=2),
    ],
)
def test_a_stretched_schedule_passes_the_same_rates_at_half_the_pace(schedule):
    from train_harness.schedules import rate_of

    recipe = replace(SMALL, schedule=schedule)
    longer = stretch(recipe, 2)
    short, long = (rate_of(r.schedule, 0.1, r.steps) for r in (recipe, longer))
    assert longer.steps == 40
    for step in range(schedule.warmup, 20):
        assert long(2 * step, ()) == pytest.approx(short(step, ()), rel=0.02)
