"""Curves that look wrong and are not."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np

from ..writers import json_lines, lines, table
from .shapes import Draw, cosine, iterations, keras, linear_to_zero, noise, share


def mixup(folder: Path, draw: Draw) -> Path:
    """timm: training with mixup and smoothing costs far more than evaluation, and scatters more."""
    u = share(120)
    loss = 2.6 + 4.2 * np.exp(-u / 0.15) + 0.2 * cosine(u, 1.0)
    return table(
        folder / "summary.csv",
        {
            "epoch": range(120),
            "train_loss": noise(loss, 0.02, draw),
            "eval_loss": noise(loss - 1.75, 0.01, draw),
            "eval_top1": 78 - 75 * np.exp(-u / 0.15) + 0.1 * draw.standard_normal(120),
            "lr": cosine(u, 5e-4),
        },
    )


def penalised(folder: Path, draw: Draw) -> Path:
    """The L2 penalty is part of the training loss only, a constant 0.3 on top at the end."""
    u = share(60)
    loss = 0.35 + 1.9 * np.exp(-u / 0.15)
    rate = cosine(u, 0.01)
    return keras(
        folder / "log.csv", noise(loss + 0.3, 0.006, draw), noise(1.05 * loss, 0.008, draw), learning_rate=rate
    )


def cyclic(folder: Path, draw: Draw) -> Path:
    """A triangular rate between 0.001 and 0.05, and a loss that breathes with it."""
    i = np.arange(600)
    wave = np.abs((i % 100) - 50) / 50
    rate = 0.001 + 0.049 * (1 - wave)
    loss = 0.3 + 1.9 * (1 + i / 25.0) ** -0.7 + 0.25 * (1 - wave) * (i > 50)
    return iterations(folder, loss, rate, draw, sd=0.03)


def warm_restarts(folder: Path, draw: Draw) -> Path:
    """Cosine with warm restarts, each twice as long as the one before: the loss leaps at each and comes back lower."""
    edges = [0, 40, 120, 280, 600]
    rate = np.concatenate([cosine(np.arange(b - a) / (b - a), 0.1) for a, b in pairwise(edges)])
    loss = 0.25 + 1.9 * (1 + np.arange(600) / 20.0) ** -0.75 + 4.0 * np.minimum(rate, 0.1) * (np.arange(600) > 40)
    return iterations(folder, loss, rate, draw, sd=0.03)


def many_tasks(folder: Path, draw: Draw) -> Path:
    """A total of weighted terms: one of them rises a little while the total falls as it should."""
    u = share(300)
    boxes, classes = 0.3 + 1.2 * (1 + u / 0.02) ** -0.8, 0.2 + 2.0 * (1 + u / 0.02) ** -0.9
    mask = 0.1 + 0.03 * u
    rows = [
        {
            "iteration": 20 * (k + 1),
            "total_loss": float((boxes + classes + mask)[k] * (1 + 0.03 * draw.standard_normal())),
            "loss_box_reg": float(boxes[k]),
            "loss_cls": float(classes[k]),
            "loss_mask": float(mask[k]),
            "lr": float(cosine(u, 0.02)[k]),
        }
        for k in range(300)
    ]
    return json_lines(folder / "metrics.json", rows)


def perplexity(folder: Path, draw: Draw) -> Path:
    """A language model that logs perplexity beside its loss, against tokens."""
    t = np.arange(1.0, 201.0)
    loss = 2.8 + 7.5 * t**-0.55
    noisy = noise(loss, 0.01, draw)
    return table(
        folder / "log.csv",
        {
            "tokens": [524288 * int(k) for k in t],
            "train_loss": noisy,
            "train_ppl": np.exp(noisy),
            "val_loss": [float(v) if k % 10 == 9 else None for k, v in enumerate(1.01 * loss)],
            "val_ppl": [float(v) if k % 10 == 9 else None for k, v in enumerate(np.exp(1.01 * loss))],
            "lr": linear_to_zero(200, 6e-4),
        },
    )


def trees(folder: Path, draw: Draw) -> Path:
    """CatBoost: the axis counts trees, both errors fall without noise and without a rate."""
    t = np.arange(500.0)
    root = folder / "catboost_info"
    for name, floor in (("learn", 0.22), ("test", 0.27)):
        loss = floor + (0.69 - floor) * (1 + t / 40) ** -0.9
        rows = ["iter\tLogloss"] + [f"{int(k)}\t{v:.9f}" for k, v in zip(t, loss, strict=True)]
        lines(root / f"{name}_error.tsv", rows)
    return root


def best_at_the_end(folder: Path, draw: Draw) -> Path:
    """One-cycle: the best validation is the last one, and the rate is zero there."""
    u = share(60)
    rate = np.where(u < 0.3, 0.004 + 0.096 * u / 0.3, cosine((u - 0.3) / 0.7, 0.1))
    loss = 0.25 + 1.6 * np.exp(-u / 0.1) + 4 * np.minimum(rate, 0.1)
    return keras(folder / "log.csv", noise(loss, 0.008, draw), noise(1.05 * loss, 0.012, draw), learning_rate=rate)


def saturated(folder: Path, draw: Draw) -> Path:
    """An easy task: the accuracy stands at 1.0 from early on and the loss goes on to nothing."""
    u = share(60)
    loss = 0.004 + 0.6 * np.exp(-u / 0.08)
    return keras(
        folder / "log.csv",
        noise(loss, 0.03, draw),
        noise(1.1 * loss, 0.03, draw),
        accuracy=np.minimum(1.0, 1.02 - 0.4 * np.exp(-u / 0.05)),
        val_accuracy=np.minimum(1.0, 1.01 - 0.4 * np.exp(-u / 0.05)),
        learning_rate=cosine(u, 1e-3),
    )
