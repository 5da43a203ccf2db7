"""What there is to learn: small data sets that ship with packages, or are made from a seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from .recipe import Data


@dataclass(frozen=True, slots=True)
class Task:
    """Inputs `x (n, ...)` and targets `y (n,)`, `(n, time)` or, for regression, `(n, 1)`.

    `kind` is "classification", "language" or "regression"; `outputs` counts classes, characters or targets.
    """

    kind: str
    outputs: int
    x_train: Tensor
    y_train: Tensor
    x_val: Tensor
    y_val: Tensor

    def to(self, device: torch.device, dtype: torch.dtype) -> Task:
        """The same task on a device; floating inputs and targets in `dtype`."""
        names = ("x_train", "y_train", "x_val", "y_val")
        moved = {n: getattr(self, n).to(device) for n in names}
        return replace(self, **{n: v.to(dtype) if v.is_floating_point() else v for n, v in moved.items()})


@lru_cache(maxsize=8)
def load_task(data: Data) -> Task:
    """The data set of a recipe, shuffled and split by `data.seed`, its labels disturbed where asked."""
    task = TASKS[data.task](data)
    sizes = len(task.x_train), len(task.x_val)
    for asked, there, name in ((data.train_size, sizes[0], "train_size"), (data.val_size, sizes[1], "val_size")):
        if asked > there:
            raise ValueError(f"data.{name} = {asked}, but {data.task} holds {there}")
    train, val = data.train_size or sizes[0], data.val_size or sizes[1]
    task = replace(
        task, x_train=task.x_train[:train], y_train=task.y_train[:train], x_val=task.x_val[:val], y_val=task.y_val[:val]
    )
    return _with_label_noise(task, data) if data.label_noise else task


def digits(data: Data) -> Task:
    """1,797 handwritten digits of 8x8 pixels, ten classes (scikit-learn); a third is validation."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return _split(bunch.images[:, None] / 8.0 - 1.0, bunch.target, 10, data)


def breast_cancer(data: Data) -> Task:
    """569 tumours, 30 measurements, two classes (scikit-learn); a third is validation."""
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer()
    return _split(_standardized(bunch.data), bunch.target, 2, data)


def wine(data: Data) -> Task:
    """178 wines, 13 measurements, three classes (scikit-learn); a third is validation."""
    from sklearn.datasets import load_wine

    bunch = load_wine()
    return _split(_standardized(bunch.data), bunch.target, 3, data)


def diabetes(data: Data) -> Task:
    """442 patients, 10 measurements, one standardised number to predict (scikit-learn); a third is validation."""
    from sklearn.datasets import load_diabetes

    bunch = load_diabetes()
    target = (bunch.target - bunch.target.mean()) / bunch.target.std()
    return _split(_standardized(bunch.data), target[:, None], 1, data)


def teacher(data: Data) -> Task:
    """A regression of known floor 0.25: 8 normal inputs, a random two-layer tanh network, noise of sd 0.5."""
    rng = np.random.default_rng(data.seed)
    count = (data.train_size or 4000) + (data.val_size or 2000)
    first, second = rng.normal(size=(8, 8)) / 8**0.5, rng.normal(size=(8, 1))
    x = rng.normal(size=(count, 8))
    clean = np.tanh(x @ first) @ second
    y = clean / clean.std() + rng.normal(scale=0.5, size=clean.shape)
    return _cut(x, y, 1, data.train_size or 4000)


def shapes(data: Data) -> Task:
    """Synthetic 12x12 images: eight classes of bars, frames, blobs and crosses, at random places, in heavy noise."""
    rng = np.random.default_rng(data.seed)
    count = (data.train_size or 4000) + (data.val_size or 2000)
    label = rng.integers(0, 8, count)
    row, col = rng.integers(3, 9, (2, count, 1, 1))
    rows, cols = np.mgrid[0:12, 0:12][:, None]
    dy, dx = rows - row, cols - col
    ring = np.maximum(abs(dy), abs(dx))
    pictures = (
        (abs(dx) <= 3) & (dy == 0),
        (abs(dy) <= 3) & (dx == 0),
        (dx == dy) & (ring <= 3),
        (dx == -dy) & (ring <= 3),
        ring == 2,
        ring <= 1,
        (ring <= 2) & ((dx == 0) | (dy == 0)),
        (ring <= 2) & (abs(dx) == abs(dy)),
    )
    image = np.choose(label[:, None, None], [p.astype(float) for p in pictures])
    image = 1.5 * image + rng.normal(scale=0.7, size=image.shape)
    return _cut(image[:, None], label, 8, data.train_size or 4000)


def names(data: Data) -> Task:
    """Characters of the names of Unicode 3.2, which every Python carries unchanged: predict the next of 39 symbols.

    Each example is a window of 32 characters of the shuffled, newline-separated list; the last fifth of the
    names is validation. Ideographs and syllables, whose names follow a formula, are left out.
    """
    import sys
    import unicodedata

    found = (unicodedata.ucd_3_2_0.name(chr(code), "") for code in range(sys.maxunicode + 1))
    listed = [name for name in found if name and not name.startswith(("CJK", "HANGUL SYLLABLE"))]
    order = np.random.default_rng(data.seed).permutation(len(listed))
    symbols = "\n -0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    code_of = {symbol: code for code, symbol in enumerate(symbols)}
    cut = len(listed) * 4 // 5
    windows = []
    for part in (order[:cut], order[cut:]):
        text = torch.tensor([code_of[symbol] for i in part for symbol in listed[i] + "\n"])
        windows.append(text[: (len(text) - 1) // 32 * 32 + 1])
    x_train, x_val = (w[:-1].view(-1, 32) for w in windows)
    y_train, y_val = (w[1:].view(-1, 32) for w in windows)
    return Task("language", len(symbols), x_train, y_train, x_val, y_val)


def markov(data: Data) -> Task:
    """A synthetic language of known floor: 12 symbols, each drawn given the two before it, in windows of 32.

    The best possible loss is the entropy of the chain, about 1.6 nats.
    """
    rng = np.random.default_rng(data.seed)
    symbols, count, time = 12, (data.train_size or 2000) + (data.val_size or 500), 33
    edges = rng.dirichlet(np.full(symbols, 0.3), size=(symbols, symbols)).cumsum(axis=-1)
    text = rng.integers(0, symbols, (count, time))
    for t in range(2, time):
        row = edges[text[:, t - 2], text[:, t - 1]]
        text[:, t] = np.minimum((rng.random((count, 1)) > row).sum(axis=1), symbols - 1)
    windows, train = torch.tensor(text), data.train_size or 2000
    return Task(
        "language", symbols, windows[:train, :-1], windows[:train, 1:], windows[train:, :-1], windows[train:, 1:]
    )


#: Every task by the name that recipes use.
TASKS: Mapping[str, Callable[[Data], Task]] = {
    "digits": digits,
    "breast_cancer": breast_cancer,
    "wine": wine,
    "diabetes": diabetes,
    "teacher": teacher,
    "shapes": shapes,
    "names": names,
    "markov": markov,
}


def _split(x: np.ndarray, y: np.ndarray, outputs: int, data: Data) -> Task:
    order = np.random.default_rng(data.seed).permutation(len(x))
    return _cut(x[order], y[order], outputs, len(x) * 2 // 3)


def _cut(x: np.ndarray, y: np.ndarray, outputs: int, train: int) -> Task:
    kind = "classification" if y.dtype.kind == "i" else "regression"
    inputs = torch.tensor(x, dtype=torch.float32)
    targets = torch.tensor(y, dtype=torch.long if kind == "classification" else torch.float32)
    return Task(kind, outputs, inputs[:train], targets[:train], inputs[train:], targets[train:])


def _standardized(x: np.ndarray) -> np.ndarray:
    standardized: np.ndarray = (x - x.mean(axis=0)) / x.std(axis=0)
    return standardized


def _with_label_noise(task: Task, data: Data) -> Task:
    if task.kind != "classification":
        raise ValueError(f"data.label_noise needs classes; {data.task} has none")
    generator = torch.Generator().manual_seed(data.seed + 1)

    def disturbed(y: Tensor) -> Tensor:
        wrong = torch.rand(y.shape, generator=generator) < data.label_noise
        return torch.where(wrong, torch.randint(task.outputs, y.shape, generator=generator), y)

    return replace(task, y_train=disturbed(task.y_train), y_val=disturbed(task.y_val))
