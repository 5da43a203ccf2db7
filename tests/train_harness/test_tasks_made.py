"""The tasks made for measuring confidence: what each promises, computed a second way."""

import unicodedata

import numpy as np
import pytest
import torch

from train_harness.recipe import Data
from train_harness.tasks import load_task
from train_harness.tasks_made import MADE


@pytest.mark.parametrize("name", MADE)
def test_a_made_task_is_a_function_of_the_data_seed(name):
    made = [MADE[name](Data(task=name, seed=s)) for s in (0, 0, 1)]
    assert np.array_equal(made[0][0], made[1][0]) and np.array_equal(made[0][1], made[1][1])
    assert not np.array_equal(made[0][1], made[2][1])


def test_the_impedance_leaves_exactly_its_noise_unexplained():
    task = load_task(Data(task="circuit", train_size=20000))
    low, high = np.array([0, 40 * np.pi, 0, 1]), np.array([100, 560 * np.pi, 1, 11])
    r, w, ind, cap = (task.x_train.numpy() * (high - low) / 12**0.5 + (low + high) / 2).T
    clean = abs(r + 1j * (w * ind - 1 / (w * cap)))
    residual = task.y_train[:, 0].numpy() - (clean - clean.mean()) / clean.std()
    assert np.mean(residual**2) == pytest.approx(0.16, rel=0.05)


def test_prices_hang_on_income_and_on_no_idle_column():
    task = load_task(Data(task="houses", train_size=5000))
    x, y = task.x_train.numpy(), task.y_train[:, 0].numpy()
    assert np.corrcoef(x[:, 4], y)[0, 1] > 0.3
    assert max(abs(np.corrcoef(x[:, k], y)[0, 1]) for k in (6, 7)) < 0.05
    assert x[:, 3:6].max() > 5


def test_the_arms_of_a_spiral_lie_in_two_dimensions_only():
    task = load_task(Data(task="spirals"))

    def by_neighbours(columns):
        distance = torch.cdist(task.x_val[:, columns], task.x_train[:, columns])
        votes = task.y_train[distance.topk(15, largest=False).indices]
        return (votes.mode(dim=1).values == task.y_val).double().mean().item()

    assert by_neighbours(slice(0, 2)) > 0.7
    assert by_neighbours(slice(2, 8)) < 0.45


def test_the_kth_class_is_one_kth_as_frequent():
    counts = torch.bincount(load_task(Data(task="rare", train_size=30000)).y_train).double()
    assert (counts[0] / counts).tolist() == pytest.approx(list(range(1, 13)), rel=0.15)


def test_the_kind_of_a_character_belongs_to_its_code():
    task = load_task(Data(task="categories"))
    codes = ((task.x_train > 0).long() << torch.arange(16)).sum(dim=1)
    kinds = ("L", "L", "L", "M", "N", "P", "S")
    for code, label in zip(codes[:300].tolist(), task.y_train[:300].tolist(), strict=True):
        category = unicodedata.ucd_3_2_0.category(chr(code))
        assert category.startswith(kinds[label]) and (label > 1 or category in (("Lu", "Lt"), ("Ll",))[label])


def test_stripes_change_across_their_direction():
    task = load_task(Data(task="stripes", train_size=3000))
    across, down = (task.x_train.diff(dim=d).pow(2).mean((1, 2, 3)) for d in (3, 2))
    excess = [(across - down)[task.y_train == k].mean().item() for k in range(6)]
    assert excess[0] > 0.3
    assert excess[3] == pytest.approx(-excess[0], abs=0.1)


def test_each_dot_adds_as_much_light():
    task = load_task(Data(task="dots", train_size=5000))
    light = np.array([task.x_train[task.y_train == k].sum((1, 2, 3)).mean() for k in range(5)])
    assert np.diff(light) == pytest.approx(np.full(4, 2 * 1.5 * np.pi), rel=0.2)


def test_the_echo_comes_three_steps_later_in_five_of_six_cases():
    task = load_task(Data(task="echo"))
    heard = (task.y_train[:, 3:] == task.x_train[:, :-3]).double().mean().item()
    assert heard == pytest.approx(5 / 6 + 1 / 6 / 8, abs=0.01)
    assert (task.y_train[:, :3] == task.x_train[:, :3]).double().mean().item() == pytest.approx(1 / 8, abs=0.02)


def test_plurals_of_the_grammar_agree_and_targets_are_the_next_characters():
    task = load_task(Data(task="grammar"))
    assert torch.equal(task.x_train[:, 1:], task.y_train[:, :-1])
    text = "".join(".abcdefghijklmnopqrstuvwxyz "[code] for code in task.x_train.flatten())
    sentences = [sentence.split(" ") for sentence in text.split(".")[1:-1]]
    assert len(sentences) > 1000
    assert all(len(words) in (3, 4) and words[-3].endswith("s") != words[-2].endswith("t") for words in sentences)
