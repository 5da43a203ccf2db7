"""Questions about detectors, games, agents, diffusion and preferences, whose losses do not measure progress."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ..writers import table, trainer
from .shapes import Draw, linear_to_zero, noise, share, trainer_rows


def detector(folder: Path, draw: Draw) -> Path:
    """Ultralytics, 100 epochs: mosaic is switched off for the last ten, losses drop and the mAP jumps."""
    u = share(100)
    closed = np.arange(100) >= 90
    parts = {}
    for name, start, end, fall in (("box", 2.6, 1.1, 0.18), ("cls", 3.4, 0.8, 0.2), ("dfl", 2.4, 1.2, 0.08)):
        shape = end + (start - end) * np.exp(-u / 0.15) - 0.1 * u
        parts[f"train/{name}_loss"] = noise(shape - np.where(closed, fall, 0.0), 0.006, draw)
        parts[f"val/{name}_loss"] = noise(1.03 * shape + np.where(closed, 0.01, 0.0), 0.008, draw)
    gain = 0.52 * (1 - np.exp(-u / 0.2)) + np.where(closed, 0.025, 0.0)
    scores = {
        "metrics/precision(B)": 0.1 + 1.2 * gain,
        "metrics/recall(B)": 0.05 + 1.1 * gain,
        "metrics/mAP50(B)": 1.3 * gain,
        "metrics/mAP50-95(B)": gain,
    }
    names = [n for n in parts if n.startswith("train")]
    rate = 0.01 * (1 - 0.99 * u)
    columns: dict[str, Iterable[object]] = {"epoch": range(1, 101)}
    columns |= {n: parts[n] for n in names}
    columns |= {n: s + 0.003 * draw.standard_normal(100) for n, s in scores.items()}
    columns |= {n: parts[n] for n in parts if n not in names}
    columns |= {f"lr/pg{k}": rate for k in range(3)}
    return table(folder / "runs" / "detect" / "train" / "results.csv", columns)


def adversarial(folder: Path, draw: Draw, collapse: bool = False) -> Path:
    """Two players: neither loss falls (or, collapsed, the discriminator wins outright)."""
    i = np.arange(400.0)
    d = 0.65 + 0.06 * np.sin(i / 17) + 0.08 * draw.standard_normal(400)
    g = 1.1 + 0.4 * i / 400 + 0.15 * draw.standard_normal(400)
    if collapse:
        d = np.where(i > 150, 1e-4 * (1 + draw.random(400)), d)
        g = np.where(i > 150, 9 + 0.02 * (i - 150) + draw.random(400), g)
    return table(
        folder / "losses.csv",
        {"step": [50 * k for k in range(400)], "loss_D": d, "loss_G": g},
    )


def agent(folder: Path, draw: Draw) -> Path:
    """PPO in Stable-Baselines3: the loss rises, the mean reward rises as well."""
    i = np.arange(150.0)
    scatter = draw.standard_normal((6, 150))
    return table(
        folder / "progress.csv",
        {
            "time/total_timesteps": [2048 * (k + 1) for k in range(150)],
            "rollout/ep_rew_mean": 20 + 1.1 * i + 6 * scatter[0],
            "train/loss": 2 + 0.15 * i + 3 * np.abs(scatter[1]),
            "train/policy_gradient_loss": -0.004 + 0.002 * scatter[2],
            "train/value_loss": 5 + 0.3 * i + 4 * np.abs(scatter[3]),
            "train/entropy_loss": -0.69 + 0.003 * i + 0.005 * scatter[4],
            "train/approx_kl": 0.008 + 0.001 * np.abs(scatter[5]),
            "train/learning_rate": [3e-4] * 150,
        },
    )


def denoiser(folder: Path, draw: Draw, parts: bool = True) -> Path:
    """A diffusion model: flat and noisy after the first rows; in OpenAI's way with a loss per quarter of the noise."""
    i = np.arange(400.0)
    level = 0.028 + 0.5 * np.exp(-i / 6)
    loss = level * np.exp(0.25 * draw.standard_normal(400))
    columns: dict[str, Iterable[object]] = {
        "step": [100 * (k + 1) for k in range(400)],
        "loss": loss,
    }
    if parts:
        for q, factor in enumerate((2.6, 0.9, 0.35, 0.15)):
            columns[f"loss_q{q}"] = factor * level * np.exp(0.3 * draw.standard_normal(400))
    return table(folder / "progress.csv", columns)


def preference(folder: Path, draw: Draw) -> Path:
    """DPO by a Trainer: the loss begins at ln 2 and hardly moves, margins and accuracies do."""
    i = np.arange(120.0)
    loss = math.log(2) - 0.03 * (1 - np.exp(-i / 60)) + 0.01 * draw.standard_normal(120)
    margins = 0.25 * (1 - np.exp(-i / 50)) + 0.02 * draw.standard_normal(120)
    rows = trainer_rows(loss, rate=linear_to_zero(120, 5e-7, warm=0.1))
    for k, row in enumerate(rows):
        row |= {
            "rewards/chosen": float(0.4 * margins[k]),
            "rewards/rejected": float(-0.6 * margins[k]),
            "rewards/margins": float(margins[k]),
            "rewards/accuracies": float(min(1.0, 0.5 + margins[k])),
            "logps/chosen": -210.0,
            "logps/rejected": -190.0,
        }
    return trainer(folder / "trainer_state.json", rows)
