"""The loop: it repeats, resumes, and measures what it says it measures."""

import math
from dataclasses import replace

import pytest
import torch

from train_harness.batches import batches
from train_harness.loop import EpochRow, StepRow, train
from train_harness.models import build_model
from train_harness.optimizers import OPTIMIZERS
from train_harness.recipe import Recipe, override
from train_harness.setup import begin, pick_device, repeatable
from train_harness.tasks import load_task

CPU = torch.device("cpu")
#: Small enough to train in a blink: 20 updates of 16 examples, 5 to an epoch.
SMALL = override(
    Recipe(),
    ["steps=20", "data.train_size=80", "data.val_size=40", "data.batch_size=16", "model.width=32", "log.every=1"],
)


def timeless(row):
    """A step row without what no second run repeats."""
    return replace(row, step_time=None, throughput=None, memory=None)


def run(*changes, base=SMALL, **kwargs):
    """Step rows, epoch rows and outcome of a changed recipe."""
    rows = []
    outcome = train(override(base, changes), rows.append, **kwargs)
    return [r for r in rows if isinstance(r, StepRow)], [r for r in rows if isinstance(r, EpochRow)], outcome


@pytest.mark.parametrize(
    "changes",
    [
        ["model.dropout=0.5", "data.jitter=0.3"],
        ["regularize.mixup=0.4", "regularize.ema=0.9"],
        ["model.kind=resnet", "optimizer.kind=adam", "optimizer.lr=0.01"],
        ["data.task=markov", "model.kind=gpt", "model.width=16", "model.dropout=0.1"],
    ],
)
def test_the_same_recipe_gives_the_same_bits(changes):
    assert run(*changes) == run(*changes)


def test_another_seed_gives_another_run():
    assert run()[0] != run("seed=1")[0]


def test_training_leaves_the_callers_random_numbers_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    run()
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    "changes",
    [
        ["optimizer.kind=adam", "optimizer.lr=0.01", "model.dropout=0.4"],
        ["optimizer.kind=momentum", "regularize.ema=0.9", "schedule.kind=plateau", "schedule.patience=0"],
        ["model.kind=resnet", "data.jitter=0.5", "optimizer.lr=0.01"],
        ["model.kind=resnet", "model.drop_path=0.5", "regularize.polyak_from=8", "log.both_modes=true"],
        ["regularize.shift=1", "regularize.cutout=3", "regularize.flip=true", "precision=bfloat16"],
        ["schedule.kind=cosine_restarts", "schedule.cycle=5", "regularize.snapshots=2", "log.timing=true"],
        ["fault.forget_train_mode=true", "model.dropout=0.5", "log.every=3"],
    ],
)
@pytest.mark.parametrize("at", [5, 12])
def test_a_resumed_run_logs_what_the_unbroken_run_logged(changes, at):
    saved = []
    steps, epochs, outcome = run(*changes, save_every=at, save=saved.append)
    again_steps, again_epochs, again_outcome = run(*changes, resume=saved[0])
    assert [timeless(row) for row in again_steps] == [timeless(row) for row in steps if row.step > at]
    assert again_epochs == [row for row in epochs if row.step > at]
    assert again_outcome == outcome


def test_recording_leaves_the_run_alone_even_where_gradients_overflow():
    for changes in (["optimizer.clip_norm=0.5"], ["fault.fp16_overflow=true", "steps=1"]):
        seen, unseen = (run(*changes, f"log.vitals={vitals}")[2].weights for vitals in ("true", "false"))
        for name, weight in seen.items():
            assert torch.equal(weight.nan_to_num(), unseen[name].nan_to_num()), (changes, name)


def test_update_ratio_is_rate_times_gradient_over_weight_for_plain_sgd():
    first = run("optimizer.kind=sgd", "optimizer.lr=0.2")[0][0]
    twice = run("optimizer.kind=sgd", "optimizer.lr=0.4")[0][0]
    assert first.grad_norm == twice.grad_norm
    for layer, ratio in first.update_ratio.items():
        assert twice.update_ratio[layer] == pytest.approx(2 * ratio, rel=1e-4)


def test_epoch_loss_is_the_mean_of_its_steps():
    steps, epochs, _ = run()
    for epoch in epochs:
        inside = [row.loss for row in steps if epoch.step - 5 < row.step <= epoch.step]
        assert epoch.train_loss == pytest.approx(sum(inside) / 5)


def test_mean_loss_is_the_mean_since_the_last_row():
    every, sparse = run()[0], run("log.every=4")[0]
    assert [row.step for row in sparse] == [4, 8, 12, 16, 20]
    assert sparse[1].mean_loss == pytest.approx(sum(row.loss for row in every[4:8]) / 4)


def test_accumulating_four_batches_equals_one_of_four_times_the_size():
    large = run("data.batch_size=64", "steps=1")[0][0]
    small = run("optimizer.accumulate=4", "steps=1")[0][0]
    assert small.loss == pytest.approx(large.loss, rel=1e-5)
    assert small.grad_norm == pytest.approx(large.grad_norm, rel=1e-5)


def test_clipping_bounds_the_update():
    free, clipped = run("optimizer.lr=0.1"), run("optimizer.lr=0.1", "optimizer.clip_norm=0.01")
    assert clipped[0][0].grad_norm == free[0][0].grad_norm > 0.01, "the norm is logged as it was before clipping"
    for layer, ratio in clipped[0][0].update_ratio.items():
        assert ratio < free[0][0].update_ratio[layer]


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_every_optimizer_lowers_the_loss(kind):
    rate = 0.1 if kind in ("sgd", "momentum", "nesterov", "adagrad") else 0.02
    steps, _, outcome = run(f"optimizer.kind={kind}", f"optimizer.lr={rate}", "optimizer.momentum=0.8", "steps=60")
    assert outcome.train_loss < 0.7 * steps[0].loss


def test_ema_validates_slower_weights():
    _, plain, _ = run()
    _, slow, _ = run("regularize.ema=0.99")
    assert [row.train_loss for row in slow] == [row.train_loss for row in plain]
    assert slow[-1].val_loss > plain[-1].val_loss, "after twenty updates the average still lags behind"


def test_patience_stops_and_brings_back_the_best_weights():
    _, epochs, outcome = run("regularize.patience=3", "steps=400", "optimizer.kind=adam", "optimizer.lr=0.02")
    losses = [row.val_loss for row in epochs]
    best = losses.index(min(losses))
    assert len(losses) == best + 1 + 3
    assert outcome.steps == epochs[-1].step < 400
    assert outcome.val_loss == pytest.approx(losses[best], rel=1e-6)


def test_label_smoothing_keeps_the_loss_above_its_floor():
    _, epochs, _ = run("regularize.label_smoothing=0.2", "steps=300", "optimizer.kind=adam", "optimizer.lr=0.02")
    right, wrong = 0.8 + 0.02, 0.02
    floor = -(right * math.log(right) + 9 * wrong * math.log(wrong))
    assert floor < epochs[-1].train_loss < 1.1 * floor


def test_l1_drives_weights_to_zero():
    plain, sparse = (run("steps=200", f"regularize.l1={l1}")[0][-1] for l1 in (0.0, 0.05))
    assert sparse.loss > 10 * plain.loss, "nothing is left to tell digits apart with"


def test_bfloat16_trains_to_nearly_the_same_loss():
    exact, rounded = run("steps=60")[2], run("steps=60", "precision=bfloat16")[2]
    assert rounded.train_loss != exact.train_loss
    assert rounded.train_loss == pytest.approx(exact.train_loss, rel=0.1)


def test_validation_can_be_left_out_of_the_log():
    _, epochs, outcome = run("log.validation=false")
    assert all(row.val_loss is None and row.val_accuracy is None for row in epochs)
    assert math.isfinite(outcome.val_loss)


def test_cuda_where_there_is_none_is_refused():
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    assert pick_device("auto").type == "cpu"
    with pytest.raises(ValueError, match="no CUDA device here"):
        pick_device("cuda")


def test_cuda_trains_to_nearly_the_loss_of_the_cpu():
    if not torch.cuda.is_available():
        pytest.skip("this machine has no CUDA")
    assert run(device="cuda")[2].train_loss == pytest.approx(run()[2].train_loss, rel=0.01)


def test_jitter_on_characters_is_refused():
    with pytest.raises(ValueError, match="need inputs that are numbers"):
        run("data.task=markov", "model.kind=gru", "data.jitter=0.1")


def test_l2_in_the_loss_is_weight_decay_of_the_weights_for_plain_sgd():
    plain = ["optimizer.kind=sgd", "steps=1"]
    decayed, punished = run(*plain, "optimizer.weight_decay=0.1")[0][0], run(*plain, "regularize.l2=0.1")[0][0]
    assert punished.loss == decayed.loss, "the penalty is descended, not logged"
    for layer, ratio in punished.update_ratio.items():
        assert ratio == pytest.approx(decayed.update_ratio[layer], rel=1e-4)


def test_elastic_net_pulls_by_both_penalties():
    weights = [run("steps=60", *asked)[2].weights["fc1.weight"] for asked in ELASTIC]
    small = [(w.abs() < 1e-3).double().mean().item() for w in weights]
    norms = [w.norm().item() for w in weights]
    assert small[2] > 2 * small[0] and norms[3] < 0.9 * norms[2] and norms[3] < 0.9 * norms[1]


ELASTIC = (
    [],
    ["regularize.l2=0.05"],
    ["regularize.l1=0.005"],
    ["regularize.l1=0.005", "regularize.l2=0.05"],
)


def test_polyak_validates_the_mean_of_the_weights():
    saved = []
    run("steps=8", save_every=1, save=saved.append)
    mean = sum(state["network"]["fc1.weight"] for state in saved[4:]) / 4
    averaged = run("steps=8", "regularize.polyak_from=5")[2].weights["fc1.weight"]
    assert torch.allclose(averaged, mean, atol=1e-6)


def test_snapshots_answer_together():
    saved = []
    ensemble = ["schedule.kind=cosine_restarts", "schedule.cycle=10", "regularize.snapshots=2"]
    outcome = run(*ensemble, save_every=10, save=saved.append)[2]
    recipe = override(SMALL, ensemble)
    task = load_task(recipe.data)
    network, shares = build_model(recipe.model, task).eval(), []
    for state in saved:
        network.load_state_dict(state["network"])
        shares.append(network(task.x_val).softmax(-1))
    loss = -torch.stack(shares).mean(0)[range(40), task.y_val].log().mean()
    assert outcome.val_loss == pytest.approx(loss.item(), rel=1e-5)


def test_both_modes_measure_the_training_set_without_dropout():
    _, epochs, outcome = run("model.dropout=0.8", "log.both_modes=true", "optimizer.lr=0.01", "steps=60")
    assert epochs[-1].eval_train_loss == outcome.train_loss
    assert epochs[-1].eval_train_loss < 0.9 * epochs[-1].train_loss
    assert run()[1][-1].eval_train_loss is None


def test_timing_is_measured_only_when_asked_for():
    timed, plain = run("log.timing=true")[0], run()[0]
    assert all(row.step_time > 0 and row.memory > 50 for row in timed)
    assert timed[0].throughput == pytest.approx(16 / timed[0].step_time)
    assert [timeless(row) for row in timed] == plain


def test_the_linear_scaling_rule_multiplies_the_rate():
    assert run("optimizer.lr_batch=4", "steps=1")[0][0].lr == pytest.approx(0.4)
    assert run("optimizer.lr_batch=64", "optimizer.accumulate=4", "steps=1")[0][0].lr == pytest.approx(0.1)


def test_float16_on_the_cpu_trains_without_a_scaler():
    steps, _, outcome = run("precision=float16", "steps=60")
    assert outcome.train_loss == pytest.approx(run("steps=60")[2].train_loss, rel=0.1)
    assert steps[0].loss != run("steps=1")[0][0].loss


def test_channels_last_gives_nearly_the_same_run():
    cnn = ["model.kind=cnn", "model.width=8", "optimizer.kind=adam", "optimizer.lr=0.01"]
    assert run(*cnn, "channels_last=true")[0][-1].loss == pytest.approx(run(*cnn)[0][-1].loss, rel=1e-3)


def test_a_compiled_run_gives_nearly_the_same_loss():
    compiled = run("compile=eager", "steps=3")
    assert compiled[0][-1].loss == pytest.approx(run("steps=3")[0][-1].loss, rel=1e-4)
    assert compiled[0][-1].update_ratio.keys() == {"fc1", "fc2", "head"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["data.task=wine", "data.train_size=80", "regularize.flip=true"], "need images"),
        (["regularize.snapshots=2"], "end of each cycle of a cosine_restarts schedule"),
        (["compile=nothing"], "compile = 'nothing': Invalid backend"),
    ],
)
def test_what_does_not_fit_together_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        run(*changes)


def begun(recipe):
    """The run before its first update, and the generator's state there."""
    with repeatable(recipe.seed, CPU):
        return begin(recipe, CPU, None), torch.get_rng_state()


def test_ema_keeps_a_share_of_the_old_average_at_each_step():
    saved = []
    slow = run("steps=6", "regularize.ema=0.75", save_every=1, save=saved.append)[2].weights["fc1.weight"]
    average = begun(SMALL)[0].network.fc1.weight
    for state in saved:
        average = 0.75 * average + 0.25 * state["network"]["fc1.weight"]
    assert torch.allclose(slow, average, atol=1e-6)


def test_mixup_descends_the_loss_of_mixed_inputs_against_both_targets():
    start, generator = begun(override(SMALL, ["regularize.mixup=0.7"]))
    (part,) = batches(start, 0)
    x, y = start.task.x_train[part], start.task.y_train[part]
    with repeatable(0, CPU):
        torch.set_rng_state(generator)
        share = torch.distributions.Beta(0.7, 0.7).sample().item()
        other = torch.randperm(16)
    assert 0.02 < share < 0.98
    scores = start.network(share * x + (1 - share) * x[other]).log_softmax(-1)
    mixed = share * scores[range(16), y] + (1 - share) * scores[range(16), y[other]]
    assert run("regularize.mixup=0.7")[0][0].loss == pytest.approx(-mixed.mean().item(), rel=1e-5)


@pytest.mark.parametrize(
    "held",
    [
        ["model.dropout=0.4"],
        ["model.drop_connect=0.4"],
        ["model.drop_path=0.7", "model.kind=resnet", "model.width=16"],
        ["regularize.cutout=5"],
        ["regularize.shift=1"],
        ["regularize.mixup=1.0"],
        ["data.jitter=1.0"],
    ],
    ids=lambda held: held[0],
)
def test_what_disturbs_training_holds_its_loss_up_and_leaves_evaluation_alone(held):
    long = ["steps=150", "optimizer.lr=0.03", "log.both_modes=true"]
    disturbed, calm = run(*long, *held)[1][-1], run(*long, *held[1:])[1][-1]
    assert disturbed.train_loss > 2 * calm.train_loss
    assert disturbed.train_loss > 1.1 * disturbed.eval_train_loss
