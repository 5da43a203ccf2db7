"""Tasks: the shapes, splits and floors that they promise."""

import math

import numpy as np
import pytest
import torch

from train_harness.recipe import Data
from train_harness.tasks import TASKS, load_task


@pytest.mark.parametrize("name", TASKS)
def test_inputs_and_targets_belong_together(name):
    task = load_task(Data(task=name, train_size=100, val_size=50))
    assert len(task.x_train) == len(task.y_train) == 100
    assert len(task.x_val) == len(task.y_val) == 50
    assert (task.kind == "regression") == task.y_train.is_floating_point()
    if task.kind != "regression":
        assert task.y_train.min() >= 0 and task.y_train.max() < task.outputs


@pytest.mark.parametrize("name", ["digits", "names", "teacher"])
def test_the_split_is_a_function_of_the_data_seed(name):
    again, first, other = (TASKS[name](Data(task=name, seed=s)) for s in (0, 0, 1))
    assert torch.equal(again.x_train, first.x_train)
    assert not torch.equal(first.x_train, other.x_train)


def test_no_digit_is_in_both_parts():
    task = TASKS["digits"](Data())
    assert len(task.x_train) + len(task.x_val) == 1797


def test_language_targets_are_the_inputs_moved_by_one():
    task = TASKS["names"](Data(task="names"))
    assert torch.equal(task.x_train[:, 1:], task.y_train[:, :-1])
    text = "".join("\n -0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[code] for code in task.x_train[:50].flatten())
    assert "LETTER" in text


def test_the_teacher_leaves_exactly_its_noise_unexplained():
    task = TASKS["teacher"](Data(task="teacher", train_size=20000))
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(8, 8)) / 8**0.5, rng.normal(size=(8, 1))
    clean = np.tanh(task.x_train.numpy() @ first) @ second
    residual = task.y_train.numpy() - clean / clean.std()
    assert np.mean(residual**2) == pytest.approx(0.25, rel=0.05)


def test_the_chain_is_predictable_from_two_symbols_and_hardly_from_one():
    task = TASKS["markov"](Data(task="markov", train_size=4000))
    x, y = task.x_train.numpy(), task.y_train.numpy()

    def entropy(context):
        counts = np.zeros((context.max() + 1, 12))
        np.add.at(counts, (context, y[:, 1:].ravel()), 1)
        share = counts / counts.sum(axis=1, keepdims=True).clip(1)
        per_context = -(share * np.log(share.clip(1e-300))).sum(axis=1)
        return float((per_context * counts.sum(axis=1)).sum() / counts.sum())

    one, two = entropy(x[:, 1:].ravel()), entropy((12 * x[:, :-1] + x[:, 1:]).ravel())
    assert two < 1.7
    assert 2.2 < one < math.log(12)


def test_label_noise_changes_the_share_of_labels_that_it_says():
    clean, noisy = (TASKS["digits"](Data()), load_task(Data(label_noise=0.5)))
    changed = (clean.y_train != noisy.y_train).double().mean().item()
    assert changed == pytest.approx(0.5 * 0.9, abs=0.05)


def test_label_noise_without_classes_is_refused():
    with pytest.raises(ValueError, match="needs classes"):
        load_task(Data(task="diabetes", label_noise=0.1))


def test_more_examples_than_there_are_is_refused():
    with pytest.raises(ValueError, match="train_size = 5000, but digits holds 1198"):
        load_task(Data(train_size=5000))
