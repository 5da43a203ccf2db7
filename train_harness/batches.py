"""Which examples an update sees, and what is done to them on the way in."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from .faults import by_label, corrupted, with_nan
from .recipe import Recipe, Regularize
from .setup import Run
from .tasks import Task


def batches(run: Run, step: int) -> tuple[Tensor, ...]:
    """The places in the training set of one update's examples, a batch for each gradient that it accumulates.

    The order of an epoch is a function of seed and epoch alone; what does not fill a batch waits for the next.
    Of several processes each takes its even part of every batch.
    """
    recipe, task = run.recipe, run.task
    epoch, place = divmod(step, run.per_epoch)
    size = recipe.update_size
    order = by_label(task) if recipe.fault.unshuffled else _order(recipe.seed, epoch, len(task.x_train))
    parts = order[place * size : (place + 1) * size].split(recipe.data.batch_size)
    return tuple(part[run.rank :: run.world].to(task.x_train.device) for part in parts)


def inputs(recipe: Recipe, task: Task, part: Tensor, step: int) -> Tensor:
    """The inputs of a batch as the network gets them: disturbed as the recipe asks, broken as a fault has it."""
    x, fault = task.x_train[part], recipe.fault
    if x.ndim == 4:
        x = augmented(x, recipe.regularize)
    if recipe.data.jitter:
        x = x + recipe.data.jitter * torch.randn_like(x)
    if fault.nan_at == step + 1:
        x = with_nan(x)
    if fault.corrupt_every and (step + 1) % fault.corrupt_every == 0:
        x = corrupted(x, task)
    return x.contiguous(memory_format=torch.channels_last) if recipe.channels_last and x.ndim == 4 else x


def augmented(x: Tensor, asked: Regularize) -> Tensor:
    """Images `x (n, channels, height, width)` moved by up to `shift` pixels (zeros come in), mirrored left to right
    half of the time, and blanked in a square of side `cutout` at a random place (DeVries and Taylor, 2017)."""
    n, _, height, width = x.shape
    rows, columns = torch.arange(height, device=x.device), torch.arange(width, device=x.device)
    if asked.shift:
        down, right = torch.randint(0, 2 * asked.shift + 1, (2, n, 1)).to(x.device)
        wide = functional.pad(x, [asked.shift] * 4)
        example = torch.arange(n, device=x.device)[:, None, None]
        places = example, (rows + down)[:, :, None], (columns + right)[:, None, :]
        x = wide.permute(0, 2, 3, 1)[places].permute(0, 3, 1, 2)
    if asked.flip:
        x = torch.where((torch.rand(n, 1, 1, 1) < 0.5).to(x.device), x.flip(3), x)
    if asked.cutout:
        top, left = (torch.randint(side, (n, 1)).to(x.device) - asked.cutout // 2 for side in (height, width))
        row = (rows >= top) & (rows < top + asked.cutout)
        column = (columns >= left) & (columns < left + asked.cutout)
        x = x.masked_fill((row[:, :, None] & column[:, None, :])[:, None], 0.0)
    return x


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, count: int) -> Tensor:
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))
