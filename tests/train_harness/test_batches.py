"""Batches: the order of an epoch, and what is done to images on their way in."""

import torch

from train_harness.batches import augmented, batches
from train_harness.recipe import Regularize, override
from train_harness.setup import begin

from .test_loop import SMALL

PICTURES = torch.arange(1.0, 1 + 6 * 2 * 5 * 5).view(6, 2, 5, 5)


def places(step, **changes):
    run = begin(override(SMALL, [f"{k}={v}" for k, v in changes.items()]), torch.device("cpu"), None)
    return [part.tolist() for part in batches(run, step)]


def test_an_epoch_shows_every_example_once_and_the_next_in_another_order():
    first, second = ([i for step in range(start, start + 5) for i in places(step)[0]] for start in (0, 5))
    assert sorted(first) == sorted(second) == list(range(80))
    assert first != second


def test_processes_share_a_batch_evenly():
    from dataclasses import replace

    run = begin(SMALL, torch.device("cpu"), None)
    shares = [batches(replace(run, rank=rank, world=2), 3)[0].tolist() for rank in (0, 1)]
    assert sorted(shares[0] + shares[1]) == sorted(batches(run, 3)[0].tolist())
    assert len(shares[0]) == len(shares[1]) == 8


def test_a_shift_moves_every_image_as_a_whole():
    torch.manual_seed(0)
    moved = augmented(PICTURES, Regularize(shift=2))
    wide = torch.nn.functional.pad(PICTURES, [2] * 4)
    offsets = set()
    for before, after in zip(wide, moved, strict=True):
        found = [(i, j) for i in range(5) for j in range(5) if torch.equal(before[:, i : i + 5, j : j + 5], after)]
        assert len(found) == 1
        offsets.add(found[0])
    assert len(offsets) > 1, "each image moves by itself"


def test_a_flip_mirrors_half_of_the_images():
    torch.manual_seed(0)
    many = PICTURES.repeat(50, 1, 1, 1)
    flipped = augmented(many, Regularize(flip=True))
    mirrored = [torch.equal(a, b.flip(-1)) for a, b in zip(flipped, many, strict=True)]
    assert all(m or torch.equal(a, b) for m, a, b in zip(mirrored, flipped, many, strict=True))
    assert 0.4 < sum(mirrored) / len(mirrored) < 0.6


def test_a_cutout_blanks_a_square_of_every_channel():
    torch.manual_seed(0)
    cut = augmented(PICTURES, Regularize(cutout=3)) == 0
    assert torch.equal(cut[:, 0], cut[:, 1])
    for blank in cut[:, 0]:
        rows, columns = blank.any(1).sum(), blank.any(0).sum()
        assert blank.sum() == rows * columns and 2 <= rows <= 3 and 2 <= columns <= 3, "cut off at the border at most"


def test_nothing_asked_leaves_the_images_alone():
    assert torch.equal(augmented(PICTURES, Regularize()), PICTURES)
