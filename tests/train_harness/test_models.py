"""Models: shapes, names of layers, inits and what does not fit together."""

import pytest
import torch

from train_harness.models import ACTIVATIONS, INITS, build_model, weight_matrices
from train_harness.recipe import Data, Model
from train_harness.tasks import load_task

DIGITS, MARKOV = (Data(train_size=20, val_size=10), Data(task="markov", train_size=20, val_size=10))
FITS = [("mlp", DIGITS), ("cnn", DIGITS), ("resnet", DIGITS), ("gru", MARKOV), ("gpt", MARKOV)]


@pytest.mark.parametrize(("kind", "data"), FITS)
def test_output_has_one_score_per_class(kind, data):
    task = load_task(data)
    output = build_model(Model(kind=kind, width=16, depth=2), task)(task.x_train)
    assert output.shape == (*task.y_train.shape, task.outputs)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_lets_a_gradient_through(activation):
    task = load_task(DIGITS)
    network = build_model(Model(activation=activation, width=8), task)
    network(task.x_train).pow(2).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for _, p in weight_matrices(network))


def test_a_gpt_does_not_see_the_future():
    task = load_task(MARKOV)
    network = build_model(Model(kind="gpt", width=16, init="torch"), task).eval()
    changed = task.x_train.clone()
    changed[:, 20:] = (changed[:, 20:] + 1) % task.outputs
    before, after = network(task.x_train), network(changed)
    assert torch.equal(before[:, :20], after[:, :20])
    assert not torch.equal(before[:, 20:], after[:, 20:])


@pytest.mark.parametrize(("init", "times"), [("zero", 0.0), ("tiny", 0.1), ("huge", 10.0)])
def test_a_bad_init_is_kaiming_of_the_wrong_size(init, times):
    weight = torch.empty(400, 300)
    torch.manual_seed(0)
    INITS["kaiming"](weight)
    right = weight.std().item()
    torch.manual_seed(0)
    INITS[init](weight)
    assert weight.std().item() == pytest.approx(times * right, rel=1e-4)
    assert right == pytest.approx((2 / 300) ** 0.5, rel=0.02)


def test_orthogonal_rows_are_orthonormal():
    weight = torch.empty(20, 50)
    INITS["orthogonal"](weight)
    assert torch.allclose(weight @ weight.T, torch.eye(20), atol=1e-5)


def test_weight_matrices_leave_out_biases_and_norms():
    network = build_model(Model(kind="resnet", width=4, depth=1), load_task(DIGITS))
    assert [name for name, _ in weight_matrices(network)] == ["stem", "blocks.0.conv1", "blocks.0.conv2", "head"]


def test_a_model_that_does_not_fit_the_task_is_refused():
    with pytest.raises(ValueError, match="take gru or gpt"):
        build_model(Model(kind="mlp"), load_task(MARKOV))
    with pytest.raises(ValueError, match="multiple of 16"):
        build_model(Model(kind="gpt", width=24), load_task(MARKOV))
    with pytest.raises(ValueError, match="needs images"):
        build_model(Model(kind="cnn"), load_task(Data(task="wine", train_size=20)))
