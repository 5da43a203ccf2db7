"""Tasks: the shapes, splits and floors that they promise."""

import gzip
import math
import struct

import numpy as np
import pytest
import torch

from train_harness.recipe import Data
from train_harness.tasks import TASKS, load_task


@pytest.mark.parametrize("name", [name for name in TASKS if name != "idx"])
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


def test_textures_are_as_large_as_cifar_and_their_classes_can_be_told_apart():
    task = TASKS["textures"](Data(task="textures", train_size=1500, val_size=300))
    assert task.x_train.shape == (1500, 3, 32, 32) and task.outputs == 10
    assert torch.bincount(task.y_train).min() > 100
    upright, lying = ((task.x_train.diff(dim=d).abs().mean((1, 2, 3))) for d in (3, 2))
    guess = upright > lying
    assert (guess == (task.y_train >= 5)).double().mean() > 0.8, "the stripes show in the differences of neighbours"


def write_idx(folder, name, array, tail=b"", end=""):
    head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    raw = head + array.tobytes() + tail
    (folder / f"{name}-ubyte{end}").write_bytes(gzip.compress(raw) if end else raw)


def write_set(folder, **changes):
    rng = np.random.default_rng(0)
    for name, count in (("train", 30), ("t10k", 12)):
        write_idx(folder, f"{name}-images-idx3", rng.integers(0, 256, (count, 6, 5), np.uint8), end=".gz")
        write_idx(folder, f"{name}-labels-idx1", np.arange(count).astype(np.uint8) % 3, **changes)


def test_idx_files_are_read_with_their_images_beside_their_labels(tmp_path):
    write_set(tmp_path)
    task = TASKS["idx"](Data(task="idx", path=str(tmp_path)))
    assert task.x_train.shape == (30, 1, 6, 5) and task.x_val.shape == (12, 1, 6, 5) and task.outputs == 3
    pixels = np.random.default_rng(0).integers(0, 256, (30, 6, 5), np.uint8)
    for image, label in zip(task.x_train, task.y_train, strict=True):
        (place,) = [i for i in range(30) if np.array_equal(np.round((image[0].numpy() + 1) * 127.5), pixels[i])]
        assert label == place % 3


def test_an_idx_file_of_another_length_is_refused(tmp_path):
    write_set(tmp_path, tail=b"more")
    with pytest.raises(ValueError, match=r"its header says \(30,\), but 34 bytes follow"):
        TASKS["idx"](Data(task="idx", path=str(tmp_path)))


def test_what_is_no_idx_file_or_not_there_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds no train-images-idx3-ubyte"):
        TASKS["idx"](Data(task="idx", path=str(tmp_path)))
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"PNG, no IDX at all")
    with pytest.raises(ValueError, match="no IDX file of bytes in 3 dimensions; it begins with 504e472c"):
        TASKS["idx"](Data(task="idx", path=str(tmp_path)))


@pytest.mark.parametrize(("task", "path"), [("idx", ""), ("digits", "somewhere")])
def test_a_path_goes_with_the_task_that_reads_files(task, path):
    with pytest.raises(ValueError, match=r"data\.path"):
        load_task(Data(task=task, path=path))


def test_classes_are_chosen_and_counted_anew():
    whole, part = load_task(Data()), load_task(Data(classes=(7, 3)))
    assert part.outputs == 2
    assert torch.equal(part.x_train[part.y_train == 0], whole.x_train[whole.y_train == 7])
    assert torch.equal(part.x_val[part.y_val == 1], whole.x_val[whole.y_val == 3])
    with pytest.raises(ValueError, match="digits has classes 0 to 9"):
        load_task(Data(classes=(10,)))
    with pytest.raises(ValueError, match="diabetes has no classes"):
        load_task(Data(task="diabetes", classes=(0,)))
