"""What there is to learn: data sets that ship with packages, lie in files, or are made from a seed."""

from __future__ import annotations

import gzip
import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, wraps
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .recipe import Data
from .tasks_made import MADE, Made


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
    if bool(data.path) != (data.task == "idx"):
        raise ValueError(
            "data.task = 'idx' needs data.path, the directory of the four IDX files"
            if not data.path
            else f"data.path is for task 'idx'; {data.task} reads no file"
        )
    task = TASKS[data.task](data)
    if data.classes:
        task = _with_classes(task, data)
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


def mixture(data: Data) -> Task:
    """Six overlapping classes in 12 dimensions, each a pair of normal clouds: no network gets all of them right."""
    rng = np.random.default_rng(data.seed)
    train = data.train_size or 2000
    count = train + (data.val_size or 1000)
    centres = rng.normal(scale=0.75, size=(6, 2, 12))
    label, cloud = rng.integers(0, 6, count), rng.integers(0, 2, count)
    return _cut(centres[label, cloud] + rng.normal(size=(count, 12)), label, 6, train)


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


def textures(data: Data) -> Task:
    """Synthetic 3x32x32 images, as large as CIFAR's: ten classes, five shapes filled with one of two stripes, in
    random colours, sizes and places, before a background of its own stripes, in noise; 10,000 for training."""
    rng = np.random.default_rng(data.seed)
    train = data.train_size or 10_000
    label = rng.integers(0, 10, train + (data.val_size or 2000))
    return _cut(np.concatenate([_textures(rng, part) for part in _thousands(label)]), label, 10, train)


def idx(data: Data) -> Task:
    """MNIST, Fashion-MNIST or whatever else comes as four IDX files (.gz or not) in `data.path`; the test files are
    validation. Debian's dataset-fashion-mnist (Expat licence) puts 70,000 real images in
    /usr/share/datasets/fashion-mnist."""
    parts = [_read_idx(Path(data.path), name) for name in ("train-images-idx3", "train-labels-idx1")]
    parts += [_read_idx(Path(data.path), name) for name in ("t10k-images-idx3", "t10k-labels-idx1")]
    order = np.random.default_rng(data.seed).permutation(len(parts[0]))
    images, labels = (np.concatenate([parts[i][order], parts[i + 2]]) for i in (0, 1))
    scaled = (images[:, None].astype(np.float32) / 255 - 0.5) / 0.5
    return _cut(scaled, labels.astype(np.int64), int(labels.max()) + 1, len(order))


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


def _of_arrays(make: Callable[[Data], Made]) -> Callable[[Data], Task]:
    @wraps(make)
    def task(data: Data) -> Task:
        return _cut(*make(data))

    return task


#: Every task by the name that recipes use.
TASKS: Mapping[str, Callable[[Data], Task]] = {
    "digits": digits,
    "breast_cancer": breast_cancer,
    "wine": wine,
    "diabetes": diabetes,
    "teacher": teacher,
    "mixture": mixture,
    "shapes": shapes,
    "textures": textures,
    "idx": idx,
    "names": names,
    "markov": markov,
    **{name: _of_arrays(make) for name, make in MADE.items()},
}


def _split(x: np.ndarray, y: np.ndarray, outputs: int, data: Data) -> Task:
    order = np.random.default_rng(data.seed).permutation(len(x))
    return _cut(x[order], y[order], outputs, len(x) * 2 // 3)


def _thousands(label: np.ndarray) -> list[np.ndarray]:
    """The labels in portions, so that making images takes little memory beside them."""
    return np.array_split(label, -(-len(label) // 1000))


def _textures(rng: np.random.Generator, label: np.ndarray) -> np.ndarray:
    count = len(label)
    shape, upright = label % 5, label[:, None, None] >= 5
    centre, size, phase = (
        rng.uniform(11, 21, (2, count, 1, 1)),
        rng.uniform(6, 10, (count, 1, 1)),
        rng.uniform(0, 6, count),
    )
    rows, columns = np.mgrid[0:32, 0:32][:, None]
    down, right = rows - centre[0], columns - centre[1]
    inside = np.choose(
        shape[:, None, None],
        [
            down**2 + right**2 < size**2,
            np.maximum(abs(down), abs(right)) < 0.85 * size,
            abs(down) + abs(right) < 1.2 * size,
            np.minimum(abs(down), abs(right)) < 0.35 * size,
            abs(down**2 + right**2 - 0.6 * size**2) < 0.4 * size**2,
        ],
    )
    stripes = np.sin(np.where(upright, columns, rows) * 1.3 + phase[:, None, None])
    ground = np.sin((rows + columns) * rng.uniform(0.3, 0.9, (count, 1, 1)))
    colours = rng.normal(size=(2, count, 3, 1, 1))
    image = np.where(inside[:, None], colours[0] + stripes[:, None], colours[1] + 0.5 * ground[:, None])
    noisy: np.ndarray = (image + rng.normal(scale=0.7, size=image.shape)).astype(np.float32)
    return noisy


def _read_idx(folder: Path, name: str) -> np.ndarray:
    """The array of an IDX file of bytes; refuses a missing file, another kind and a wrong length."""
    found = [file for file in (folder / f"{name}-ubyte{end}" for end in ("", ".gz")) if file.is_file()]
    if not found:
        raise ValueError(f"data.path: {folder} holds no {name}-ubyte, with .gz or without")
    raw = found[0].read_bytes()
    if found[0].suffix == ".gz":
        raw = gzip.decompress(raw)
    sides = int(name[-1])
    if len(raw) < 4 + 4 * sides or raw[:4] != bytes([0, 0, 8, sides]):
        raise ValueError(f"{found[0]}: no IDX file of bytes in {sides} dimensions; it begins with {raw[:4].hex()}")
    shape = struct.unpack(f">{sides}I", raw[4 : 4 + 4 * sides])
    if len(raw) != 4 + 4 * sides + math.prod(shape):
        raise ValueError(f"{found[0]}: its header says {shape}, but {len(raw) - 4 - 4 * sides:,} bytes follow")
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * sides).reshape(shape)


def _with_classes(task: Task, data: Data) -> Task:
    """Only the examples of `data.classes`, their labels counted anew from 0 in that order."""
    if task.kind != "classification" or not set(data.classes) <= set(range(task.outputs)):
        has = f"classes 0 to {task.outputs - 1}" if task.kind == "classification" else "no classes"
        raise ValueError(f"data.classes = {list(data.classes)}: {data.task} has {has}")
    number = torch.full((task.outputs,), -1)
    number[list(data.classes)] = torch.arange(len(data.classes))
    train, val = number[task.y_train], number[task.y_val]
    return Task(
        task.kind,
        len(data.classes),
        task.x_train[train >= 0],
        train[train >= 0],
        task.x_val[val >= 0],
        val[val >= 0],
    )


def _cut(x: np.ndarray, y: np.ndarray, outputs: int, train: int) -> Task:
    kind = "regression" if y.dtype.kind != "i" else "language" if x.dtype.kind == "i" else "classification"
    inputs, targets = (torch.tensor(a, dtype=torch.long if a.dtype.kind == "i" else torch.float32) for a in (x, y))
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
