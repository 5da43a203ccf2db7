"""What is there to learn, made from a seed: the tasks that the lab keeps for measuring confidence."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable, Mapping

import numpy as np

from .recipe import Data

#: Inputs (n, ...), targets (n, ...), number of outputs and how many of the n are for training.
Made = tuple[np.ndarray, np.ndarray, int, int]


def circuit(data: Data) -> Made:
    """A regression of known floor 0.16: the impedance of a circuit from its four parts (Friedman's second, 1991),
    standardised, with noise of sd 0.4."""
    rng = np.random.default_rng(data.seed)
    train, count = _sizes(data, 1500, 600)
    low, high = np.array([0.0, 40 * np.pi, 0.0, 1.0]), np.array([100.0, 560 * np.pi, 1.0, 11.0])
    parts = rng.uniform(low, high, size=(count, 4))
    resistance, frequency, inductance, capacity = parts.T
    clean = np.sqrt(resistance**2 + (frequency * inductance - 1 / (frequency * capacity)) ** 2)
    target = (clean - clean.mean()) / clean.std() + rng.normal(scale=0.4, size=count)
    return (parts - (low + high) / 2) / ((high - low) / 12**0.5), target[:, None], 1, train


def houses(data: Data) -> Made:
    """A regression with heavy tails: the price of a house from place, age, rooms, income, crowding and two columns that
    do not matter; part of the noise is Student's t with 4 degrees of freedom, floor about 0.2."""
    rng = np.random.default_rng(data.seed)
    train, count = _sizes(data, 2000, 800)
    place = rng.uniform(-1.7, 1.7, size=(count, 2))
    income, rooms, crowd = rng.lognormal(sigma=0.5, size=(3, count))
    age, *idle = rng.normal(size=(3, count))
    towns = rng.uniform(-1.5, 1.5, size=(4, 2))
    near = np.exp(-3 * ((place[:, None] - towns) ** 2).sum(axis=-1)).max(axis=1)
    price = 1.2 * np.log(income) + 0.5 * np.log(rooms / crowd) + 1.5 * near - 0.1 * age * near
    price = (price - price.mean()) / price.std() + 0.32 * rng.standard_t(4, size=count)
    columns = np.stack([*place.T, age, rooms, income, crowd, *idle], axis=1)
    return (columns - columns.mean(axis=0)) / columns.std(axis=0), price[:, None], 1, train


def spirals(data: Data) -> Made:
    """Three noisy arms of a spiral, to be told apart in two dimensions out of eight; the other six are noise."""
    rng = np.random.default_rng(data.seed)
    train, count = _sizes(data, 1500, 600)
    arm, way = rng.integers(0, 3, count), rng.uniform(0.15, 1, count)
    turn = 4.0 * way + arm * 2 * np.pi / 3
    inner = 2 * way[:, None] * np.stack([np.cos(turn), np.sin(turn)], axis=1) + rng.normal(scale=0.25, size=(count, 2))
    return np.concatenate([inner, rng.normal(size=(count, 6))], axis=1), arm, 3, train


def rare(data: Data) -> Made:
    """Twelve overlapping classes in 16 dimensions, the k-th drawn 1/k as often as the first; each has its own width."""
    rng = np.random.default_rng(data.seed)
    train, count = _sizes(data, 2000, 800)
    share = 1 / np.arange(1, 13)
    label = rng.choice(12, size=count, p=share / share.sum())
    centre, width = rng.normal(scale=0.7, size=(12, 16)), rng.uniform(0.7, 1.3, size=12)
    return centre[label] + width[label, None] * rng.normal(size=(count, 16)), label, 12, train


def categories(data: Data) -> Made:
    """Which of seven kinds is a character (capital, small or other letter, mark, number, punctuation, symbol), from the
    16 bits of its code; Unicode 3.2, which every Python carries unchanged, without ideographs and syllables."""
    known = unicodedata.ucd_3_2_0
    kinds = {"Lu": 0, "Lt": 0, "Ll": 1, "Lo": 2, "Lm": 2, "M": 3, "N": 4, "P": 5, "S": 6}
    codes, labels = [], []
    for code in range(min(sys.maxunicode, 0xFFFF) + 1):
        category = known.category(chr(code))
        kind = kinds.get(category, kinds.get(category[0]))
        if kind is not None and not known.name(chr(code), "CJK").startswith(("CJK", "HANGUL SYLLABLE", "YI ")):
            codes.append(code)
            labels.append(kind)
    order = np.random.default_rng(data.seed).permutation(len(codes))
    bits = np.array(codes)[order, None] >> np.arange(16) & 1
    return 2.0 * bits - 1.0, np.array(labels)[order], 7, data.train_size or len(codes) * 2 // 3


def stripes(data: Data) -> Made:
    """Synthetic 10x10 images: stripes of random width and phase in one of six directions, weaker than the noise."""
    rng = np.random.default_rng(data.seed)
    train, count = _sizes(data, 1500, 500)
    label = rng.integers(0, 6, count)
    angle = (label * np.pi / 6 + rng.normal(scale=0.1, size=count))[:, None, None]
    rows, columns = np.mgrid[0:10, 0:10][:, None]
    wave = rng.uniform(1.0, 1.8, (count, 1, 1)) * (np.cos(angle) * columns + np.sin(angle) * rows)
    image = np.sin(wave + rng.uniform(0, 6.3, (count, 1, 1))) + rng.normal(size=wave.shape)
    return image[:, None], label, 6, train


def dots(data: Data) -> Made:
    """Synthetic 12x12 images: how many of one to five soft dots are there, some of them on top of each other?"""
    rng = np.random.default_rng(data.seed)
    train, count = _sizes(data, 1500, 500)
    label = rng.integers(0, 5, count)
    place = rng.uniform(1, 10, (2, count, 5, 1, 1))
    rows, columns = np.mgrid[0:12, 0:12][:, None, None]
    soft = np.exp(-((rows - place[0]) ** 2 + (columns - place[1]) ** 2) / 1.5)
    there = np.arange(5) <= label[:, None]
    image = (soft * there[..., None, None]).sum(axis=1) + rng.normal(scale=0.3, size=(count, 12, 12))
    return 2 * image[:, None] - 0.5, label, 5, train


def echo(data: Data) -> Made:
    """A sequence task of known floor: repeat the symbol of three steps ago, one of eight; one answer in six is drawn at
    random, and so are the first three of the 24."""
    rng = np.random.default_rng(data.seed)
    train, count = _sizes(data, 1200, 150)
    said = rng.integers(0, 8, (count, 24))
    heard = rng.integers(0, 8, (count, 24))
    kept = rng.random((count, 21)) >= 1 / 6
    heard[:, 3:] = np.where(kept, said[:, :-3], heard[:, 3:])
    return said, heard, 8, train


def grammar(data: Data) -> Made:
    """Characters of sentences from a random grammar: 16 nouns, 12 verbs and 8 adjectives of made-up syllables, plurals
    that agree; predict the next of 28 symbols, in windows of 32."""
    rng = np.random.default_rng(data.seed)
    train, count = _sizes(data, 2000, 150)
    syllables = ["".join(rng.choice(list(part)) for part in ("bdgklmnprstvz", "aeiou")) for _ in range(24)]
    nouns, verbs, adjectives = (
        ["".join(rng.choice(syllables, size)) for size in rng.integers(1, 4, many)] for many in (16, 12, 8)
    )
    often = {id(words): 1 / np.arange(1, len(words) + 1) for words in (nouns, verbs, adjectives)}
    word = lambda words: str(rng.choice(words, p=often[id(words)] / often[id(words)].sum()))  # noqa: E731
    text, length = [], 0
    while length <= 32 * count:
        plural = "s" * int(rng.integers(2))
        subject = [word(adjectives)] * int(rng.integers(2)) + [word(nouns) + plural]
        text.append(" ".join([*subject, word(verbs) + ("" if plural else "t"), word(nouns)]) + ".")
        length += len(text[-1])
    codes = np.array([".abcdefghijklmnopqrstuvwxyz ".index(symbol) for symbol in "".join(text)])
    return codes[: 32 * count].reshape(-1, 32), codes[1 : 32 * count + 1].reshape(-1, 32), 28, train


#: Every task here by the name that recipes use.
MADE: Mapping[str, Callable[[Data], Made]] = {
    "circuit": circuit,
    "houses": houses,
    "spirals": spirals,
    "rare": rare,
    "categories": categories,
    "stripes": stripes,
    "dots": dots,
    "echo": echo,
    "grammar": grammar,
}


def _sizes(data: Data, train: int, val: int) -> tuple[int, int]:
    """How many examples for training, and how many in all."""
    return data.train_size or train, (data.train_size or train) + (data.val_size or val)
