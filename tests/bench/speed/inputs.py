"""The logs that are read: written by real writers from a seed. `python -m tests.bench.speed.inputs NAME FOLDER SCALE`.

Scale 1 is the full size: a million points, a thousand runs.
"""

from __future__ import annotations

import csv
import json
import shutil
import sys
from pathlib import Path

import numpy as np

#: Runs of a sweep that are written value by value, which takes a minute; the others are copies of them.
WRITTEN = 100
#: Tags of a run as torch's users write them; each plays a role, so that analysing costs what it costs in life.
TAGS = ("train/loss", "val/loss", "train/accuracy", "val/accuracy", "lr")


def scalars(folder: Path, scale: float, *, new_style: bool = False) -> str:
    """One file of 10 tags; beside it, where its first half ends."""
    from torch.utils.tensorboard import SummaryWriter

    from curvedoc.readers.events import read_events

    steps, tags = max(100, round(100_000 * scale)), 10
    values = np.random.default_rng(0).random((steps, tags), np.float32)
    with SummaryWriter(str(folder), max_queue=1000) as writer:
        for step in range(steps):
            for tag in range(tags):
                time = 1e9 + step + tag / 16
                writer.add_scalar(f"train/metric_{tag}", values[step, tag], step, walltime=time, new_style=new_style)
    (file,) = folder.glob("*tfevents*")
    half = folder / "half"
    half.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    (folder / "halfway").write_text(str(read_events(half, "half").end))
    half.unlink()
    return f"{10 * steps:,} {'tensor ' if new_style else ''}scalars, 10 tags"


def tensors(folder: Path, scale: float) -> str:
    """As `scalars`, each value in a tensor as TensorFlow 2 writes it."""
    return scalars(folder, scale, new_style=True)


def many_runs(folder: Path, scale: float) -> str:
    """A sweep: runs of 5 curves x 1,000 steps that learn, rest, overfit or diverge."""
    from torch.utils.tensorboard import SummaryWriter

    runs, steps = max(10, round(1000 * scale)), 1000
    for run in range(min(runs, WRITTEN)):
        values = np.column_stack(list(curves(np.random.default_rng(run), steps)))
        with SummaryWriter(str(folder / f"run{run}"), max_queue=1000) as writer:
            for step, row in enumerate(values.tolist()):
                for tag, value in zip(TAGS, row, strict=True):
                    writer.add_scalar(tag, value, step, walltime=1e9 + step)
    for run in range(WRITTEN, runs):
        shutil.copytree(folder / f"run{run % WRITTEN}", folder / f"run{run}")
    return f"{runs:,} runs x {len(TAGS)} tags x {steps:,} steps"


def curves(rng: np.random.Generator, steps: int) -> tuple[np.ndarray, ...]:
    """Training and validation loss, both accuracies and the rate of a made-up run, (steps,) each, float64."""
    x = np.arange(steps) / steps
    floor, pace, noise = rng.uniform(0.05, 0.6), rng.uniform(3, 40), rng.uniform(0.01, 0.1)
    rate = (
        10 ** rng.uniform(-4, -1)
        * (np.ones(steps), 0.5 * (1 + np.cos(np.pi * x)), 0.1 ** np.floor(3 * x), np.minimum(1, 20 * x) * (1 - x))[
            rng.integers(4)
        ]
    )
    loss = floor + (2.3 - floor) * (1 + pace * x) ** -rng.uniform(0.5, 2)
    gap = rng.choice([0.02, 0.3, 1.5]) * np.maximum(0, x - rng.uniform(0.1, 0.9)) ** 1.2
    train = loss * (1 + noise * rng.standard_normal(steps))
    val = (loss + 0.05 + gap) * (1 + 0.3 * noise * rng.standard_normal(steps))
    train_accuracy = np.clip(np.exp(-0.6 * loss) + 0.2 * noise * rng.standard_normal(steps), 0, 1)
    val_accuracy = np.clip(np.exp(-0.6 * (loss + 0.5 * gap)) + 0.1 * noise * rng.standard_normal(steps), 0, 1)
    return train, val, train_accuracy, val_accuracy, rate


def blobs(folder: Path, scale: float) -> str:
    """What fills the files of those who log everything: histograms, pictures, and a loss between them."""
    from torch.utils.tensorboard import SummaryWriter

    rng, steps = np.random.default_rng(0), max(20, round(4000 * scale))
    with SummaryWriter(str(folder)) as writer:
        for step in range(steps):
            writer.add_scalar("train/loss", rng.random(), step, walltime=1e9 + step)
            for layer in range(5):
                writer.add_histogram(f"layer{layer}", rng.normal(size=200), step, walltime=1e9 + step)
            if step % 4 == 0:
                picture = rng.integers(0, 256, (3, 96, 96), np.uint8)
                writer.add_image("sample", picture, step, walltime=1e9 + step)
    return f"{steps:,} steps of 1 scalar, 5 histograms, a quarter of a picture"


def dense(folder: Path, scale: float) -> str:
    """A table in which every cell holds a number: a step, an epoch, eight metrics."""
    rows = max(1000, round(1_000_000 * scale))
    return _dense(folder, rows)


def small_dense(folder: Path, scale: float) -> str:
    """The table of a usual run: no import pays for itself."""
    return _dense(folder, 200)


def _dense(folder: Path, rows: int) -> str:
    values = np.random.default_rng(0).random((rows, 8))
    with (folder / "log.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["step", "epoch", "train_loss", "val_loss", *(f"metric_{k}" for k in range(6))])
        for step, row in enumerate(values.tolist()):
            writer.writerow([step, step // 1000, *row])
    return f"{rows:,} rows x 10 columns, all filled"


def sparse(folder: Path, scale: float) -> str:
    """What Lightning's CSVLogger writes: each row fills other columns, the rest is blank."""
    return _sparse(folder, max(1000, round(1_000_000 * scale)))


def small_sparse(folder: Path, scale: float) -> str:
    """As `sparse`, in the size of a usual run."""
    return _sparse(folder, 400)


def _sparse(folder: Path, rows: int) -> str:
    values = np.random.default_rng(0).random((rows, 4)).tolist()
    names = ["epoch", "lr-Adam", "step", "train_acc", "train_loss", "train_loss_epoch", "val_acc", "val_loss"]
    with (folder / "log.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*names, "grad_norm", "samples"])
        writer.writeheader()
        for row, (a, b, c, d) in enumerate(values):
            filled: dict[str, float] = {"step": row, "epoch": row // 1000}
            match row % 10:
                case 0:
                    filled = {"step": row, "lr-Adam": a / 100}
                case 5:
                    filled |= {"val_loss": a, "val_acc": b}
                case 9:
                    filled |= {"train_loss_epoch": a}
                case _:
                    filled |= {"train_loss": a, "train_acc": b, "grad_norm": c, "samples": d}
            writer.writerow(filled)
    return f"{rows:,} rows x 10 columns, 3 to 6 of them filled"


def json_rows(folder: Path, scale: float) -> str:
    """One object a line, as DETR, timm's and many people's own loops write them."""
    return _json_rows(folder, max(1000, round(200_000 * scale)))


def small_json_rows(folder: Path, scale: float) -> str:
    """As `json_rows`, in the size of a usual run."""
    return _json_rows(folder, 200)


def _json_rows(folder: Path, rows: int) -> str:
    values = np.random.default_rng(0).random((rows, 4)).tolist()
    with (folder / "log.jsonl").open("w", encoding="utf-8") as file:
        for step, (a, b, c, d) in enumerate(values):
            filled = {"step": step, "epoch": step // 1000, "train_loss": a, "lr": b / 100, "grad_norm": c}
            file.write(json.dumps(filled | ({"val_loss": d} if step % 10 == 0 else {})) + "\n")
    return f"{rows:,} lines of 5 or 6 numbers"


WRITERS = {
    "a": scalars,
    "b": tensors,
    "c": many_runs,
    "d-dense": dense,
    "d-sparse": sparse,
    "d-lines": json_rows,
    "d-small-dense": small_dense,
    "d-small-sparse": small_sparse,
    "d-small-lines": small_json_rows,
    "e": blobs,
}

if __name__ == "__main__":
    name, folder, scale = sys.argv[1:]
    print(WRITERS[name](Path(folder), float(scale)))
