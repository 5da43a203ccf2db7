"""Questions about files: what trainers write, and what happens to it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from ..writers import events, json_lines, lines, table
from .shapes import Draw, cosine, fair, keras, noise, share
from .validation import BEST_EPOCH


def keras_directories(folder: Path, draw: Draw) -> Path:
    """Keras' TensorBoard callback: tensors of one tag in train/ and validation/, an overfitted run."""
    epoch = np.arange(60.0)
    train = noise(0.02 + 2.2 * np.exp(-epoch / 11), 0.015, draw)
    val = noise(0.75 + 1.5 * np.exp(-epoch / 5) + 0.022 * np.maximum(0, epoch - BEST_EPOCH), 0.012, draw)
    events(folder / "logs" / "train", {"epoch_loss": (epoch, train)}, tensors=True)
    events(folder / "logs" / "validation", {"epoch_loss": (epoch, val)}, tensors=True)
    return folder / "logs"


def added_scalars(folder: Path, draw: Draw) -> Path:
    """torch's add_scalars("Loss", {"train": ..., "val": ...}): a directory for each of both."""
    epoch = np.arange(60.0)
    train, val = fair(60, draw)
    events(folder / "runs", {"lr": (epoch, cosine(share(60), 0.1))})
    events(folder / "runs" / "Loss_train", {"Loss": (epoch, train)})
    events(folder / "runs" / "Loss_val", {"Loss": (epoch, val)})
    return folder / "runs"


def sparse_rows(folder: Path, draw: Draw) -> Path:
    """Lightning's metrics.csv: training, validation and the rate each fill rows of their own."""
    loss = 0.55 + 1.75 * np.exp(-share(400) / 0.06)
    train, rows = noise(loss, 0.05, draw), []
    for i in range(400):
        step = 50 * (i + 1) - 1
        rows.append((None, 0.1, step, None, None))
        rows.append((i // 40, None, step, float(train[i]), None))
        if i % 40 == 39:
            rows.append((i // 40, None, step, None, float(1.05 * loss[i] * (1 + 0.02 * draw.standard_normal()))))
    names = ("epoch", "lr-SGD", "step", "train_loss", "val_loss")
    return table(
        folder / "lightning_logs" / "version_0" / "metrics.csv", dict(zip(names, zip(*rows, strict=True), strict=True))
    )


def epochs_beside_iterations(folder: Path, draw: Draw) -> Path:
    """mmengine: training rows count iterations, validation rows count epochs, in one file."""
    loss = 0.4 + 1.8 * np.exp(-np.arange(400.0) / 60)
    noisy, rows = noise(loss, 0.04, draw), []
    for i in range(400):
        step = 50 * (i + 1)
        rows.append({"lr": 0.01, "loss": float(noisy[i]), "epoch": i // 20 + 1, "iter": step, "step": step})
        if i % 20 == 19:
            score = 0.9 - 0.7 * math.exp(-i / 60) + 0.004 * float(draw.standard_normal())
            rows.append({"accuracy/top1": 100 * score, "step": i // 20 + 1})
    return json_lines(folder / "20240101_000000" / "vis_data" / "scalars.json", rows)


def monitor(folder: Path, draw: Draw) -> Path:
    """Stable-Baselines3's monitor file: JSON behind a hash, then a table of episodes."""
    rows = ['#{"t_start": 1700000000.0, "env_id": "CartPole-v1"}', "r,l,t"]
    rows += [f"{10 + k + 5 * draw.standard_normal():.3f},{20 + k},{1.5 * k:.3f}" for k in range(1, 120)]
    return lines(folder / "0.monitor.csv", rows)


def changed_header(folder: Path, draw: Draw) -> Path:
    """The script gained a column in the middle of the file and wrote its header anew."""
    train, val = fair(80, draw)
    rate = cosine(share(80), 0.1)
    rows = ["epoch,train_loss,val_loss"]
    rows += [f"{k},{train[k]:.5f},{val[k]:.5f}" for k in range(30)]
    rows += ["epoch,lr,train_loss,val_loss"]
    rows += [f"{k},{rate[k]:.5f},{train[k]:.5f},{val[k]:.5f}" for k in range(30, 80)]
    return lines(folder / "log.csv", rows)


def doubled_header(folder: Path, draw: Draw) -> Path:
    """Two columns of one name: the second `loss` belongs to validation and nothing says so."""
    train, val = fair(60, draw)
    rows = ["epoch,loss,loss"] + [f"{k},{train[k]:.5f},{val[k]:.5f}" for k in range(60)]
    return lines(folder / "log.csv", rows)


def three_validations(folder: Path, draw: Draw, validations: int = 3) -> Path:
    """A long training loss beside three validations, the last of them higher."""
    train, _ = fair(300, draw, 0.03)
    held_out = {300 * (k + 1) // validations - 1: v for k, v in enumerate([0.75, 0.62, 0.71][:validations])}
    return table(
        folder / "log.csv",
        {
            "step": [10 * (k + 1) for k in range(300)],
            "train_loss": train,
            "val_loss": [held_out.get(k) for k in range(300)],
            "lr": cosine(share(300), 0.1),
        },
    )


def not_available(folder: Path, draw: Draw) -> Path:
    """Keras' CSVLogger without validation data in the first call: val columns hold NA throughout."""
    train, _ = fair(60, draw)
    return table(
        folder / "training.csv",
        {"epoch": range(60), "loss": train, "val_accuracy": ["NA"] * 60, "val_loss": ["NA"] * 60},
    )


def many_tensors(folder: Path, draw: Draw) -> Path:
    """1500 points stored as tensors: an accumulator with its usual limits would keep ten of them."""
    i = np.arange(1500.0)
    loss = noise(0.55 + 1.75 * np.exp(-i / 90), 0.04, draw)
    events(folder / "tb", {"train_loss": (i, loss), "lr": (i, np.full(1500, 0.1))}, tensors=True)
    return folder / "tb"


def torn(folder: Path, draw: Draw) -> Path:
    """An event file whose last record was cut off when the job was killed."""
    i = np.arange(300.0)
    path = events(folder / "tb", {"train_loss": (i, noise(0.55 + 1.75 * np.exp(-i / 18), 0.04, draw))})
    path.write_bytes(path.read_bytes()[:-7])
    return folder / "tb"


def log_likelihood(folder: Path, draw: Draw) -> Path:
    """A flow: the loss is a negative log-likelihood and falls through zero to -40."""
    u = share(100)
    loss = -40 + 62 * (1 + u / 0.03) ** -0.9
    added = 0.25 * draw.standard_normal((2, 100))
    return keras(folder / "log.csv", loss + added[0], loss + 0.6 + added[1])


def smoothed_labels(folder: Path, draw: Draw) -> Path:
    """Label smoothing of 0.1 on 1000 classes: a floor near 1 at an accuracy of 99 %, under a cosine."""
    u = share(90)
    loss = 1.02 + 5.9 * np.exp(-u / 0.12)
    right = 0.99 - 0.98 * np.exp(-u / 0.12)
    return keras(
        folder / "log.csv",
        noise(loss, 0.004, draw),
        noise(1.02 * loss, 0.004, draw),
        accuracy=right,
        val_accuracy=right - 0.01,
        learning_rate=cosine(u, 0.1),
    )


def marked_up(folder: Path, draw: Draw) -> Path:
    """Tags and run names that would be a script on a page that forgot to escape them."""
    memorised_pair = {
        "<script>alert(1)</script>/train_loss": 0.02 + 2.2 * np.exp(-np.arange(60.0) / 11),
        '"><img src=x onerror=alert(2)>/val_loss': 0.75
        + 1.5 * np.exp(-np.arange(60.0) / 5)
        + 0.022 * np.maximum(0, np.arange(60.0) - BEST_EPOCH),
    }
    values = {name: noise(v, 0.012, draw) for name, v in memorised_pair.items()}
    return table(folder / "a<b>&c.csv", {"epoch": range(60), **values})
