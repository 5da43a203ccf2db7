"""Models: shapes, names of layers, inits and what does not fit together."""

import pytest
import torch
from torch import nn

from train_harness.models import ACTIVATIONS, INITS, DropPath, build_model, weight_matrices
from train_harness.recipe import Data, Model
from train_harness.tasks import load_task

DIGITS, MARKOV = (Data(train_size=20, val_size=10), Data(task="markov", train_size=20, val_size=10))
FITS = [("mlp", DIGITS), ("cnn", DIGITS), ("resnet", DIGITS), ("rnn", MARKOV), ("gru", MARKOV), ("gpt", MARKOV)]


@pytest.mark.parametrize(("kind", "data"), FITS)
def test_output_has_one_score_per_class(kind, data):
    task = load_task(data)
    activation = "tanh" if kind == "rnn" else "relu"
    output = build_model(Model(kind=kind, width=16, depth=2, activation=activation), task)(task.x_train)
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
    with pytest.raises(ValueError, match="take rnn, gru or gpt"):
        build_model(Model(kind="mlp"), load_task(MARKOV))
    with pytest.raises(ValueError, match="multiple of 16"):
        build_model(Model(kind="gpt", width=24), load_task(MARKOV))
    with pytest.raises(ValueError, match="needs images"):
        build_model(Model(kind="cnn"), load_task(Data(task="wine", train_size=20)))


@pytest.mark.parametrize(("norm", "kinds"), [("batch", nn.BatchNorm2d), ("layer", nn.GroupNorm), ("none", nn.Identity)])
def test_a_resnet_takes_the_norm_it_is_given(norm, kinds):
    network = build_model(Model(kind="resnet", width=4, depth=1, norm=norm), load_task(DIGITS))
    assert {type(m) for n, m in network.named_modules() if "norm" in n} == {kinds}


@pytest.mark.parametrize("kind", ["mlp", "cnn"])
def test_batch_norm_before_the_activation_standardizes_each_unit(kind):
    task = load_task(DIGITS)
    network = build_model(Model(kind=kind, width=8, depth=1, norm="batch"), task)
    seen = []
    network.norm1.register_forward_hook(lambda module, args, output: seen.append(output))
    network(task.x_train)
    axes = [d for d in range(seen[0].ndim) if d != 1]
    assert torch.allclose(seen[0].mean(axes), torch.zeros(8), atol=1e-5)


def test_layer_norm_standardizes_each_example():
    task = load_task(DIGITS)
    seen = []
    network = build_model(Model(width=64, depth=1, norm="layer"), task)
    network.norm1.register_forward_hook(lambda module, args, output: seen.append(output))
    network(task.x_train)
    assert torch.allclose(seen[0].mean(1), torch.zeros(20), atol=1e-5)


def test_drop_connect_leaves_out_weights_in_training_only():
    task = load_task(DIGITS)
    network = build_model(Model(width=64, drop_connect=0.5), task)
    assert not torch.equal(network(task.x_train), network(task.x_train))
    network.eval()
    assert torch.equal(network(task.x_train), network(task.x_train))


def test_drop_path_takes_whole_examples_and_keeps_the_mean():
    path = DropPath(0.25)
    torch.manual_seed(0)
    out = path(torch.ones(4000, 3, 2, 2))
    kept = out.flatten(1).amax(1)
    assert torch.equal(out.flatten(1).amin(1), kept), "an example stays or goes as a whole"
    assert sorted(set(kept.tolist())) == pytest.approx([0.0, 1 / 0.75])
    assert out.mean().item() == pytest.approx(1.0, abs=0.03)
    assert torch.equal(path.eval()(torch.ones(4, 3)), torch.ones(4, 3))


def test_the_chance_to_skip_a_block_grows_with_its_depth():
    network = build_model(Model(kind="resnet", width=4, depth=4, drop_path=0.4), load_task(DIGITS))
    assert [block.path.chance for block in network.blocks] == pytest.approx([0.1, 0.2, 0.3, 0.4])


def test_a_start_takes_over_what_fits_and_leaves_the_rest_fresh(tmp_path):
    task = load_task(DIGITS)
    old = build_model(Model(width=8), task)
    torch.save(old.state_dict() | {"head.weight": torch.zeros(3, 8)}, tmp_path / "weights.pt")
    new = build_model(Model(width=8, start=str(tmp_path / "weights.pt")), task)
    assert torch.equal(new.fc1.weight, old.fc1.weight) and torch.equal(new.fc2.bias, old.fc2.bias)
    assert new.head.weight.shape == (10, 8)


def test_a_start_that_does_not_fit_is_refused(tmp_path):
    task = load_task(DIGITS)
    with pytest.raises(ValueError, match="not the weights of a run"):
        build_model(Model(start=str(tmp_path / "none.pt")), task)
    (tmp_path / "text.pt").write_text("no weights")
    with pytest.raises(ValueError, match="not the weights of a run"):
        build_model(Model(start=str(tmp_path / "text.pt")), task)
    torch.save({"other": torch.zeros(2)}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match="none of its 1 tensors fits"):
        build_model(Model(start=str(tmp_path / "other.pt")), task)


@pytest.mark.parametrize(
    "model",
    [
        Model(kind="cnn", drop_connect=0.5),
        Model(kind="mlp", drop_path=0.5),
        Model(kind="gpt", width=16, norm="batch"),
        Model(kind="gru", norm="layer"),
        Model(kind="rnn", activation="gelu"),
    ],
)
def test_a_key_that_a_model_has_no_use_for_is_refused(model):
    with pytest.raises(ValueError, match=r"model\.\w+"):
        build_model(model, load_task(MARKOV if model.kind in ("rnn", "gru", "gpt") else DIGITS))
