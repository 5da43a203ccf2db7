"""Schedules are recognised from the rates that torch's own schedulers produce."""

from __future__ import annotations

import math

import numpy as np
import pytest

from curvedoc.curves.schedule import fit_schedule

torch = pytest.importorskip("torch")
STEPS = 400


def rates(make: object, warmup: int = 0) -> np.ndarray:
    """The rate before each of STEPS steps."""
    from torch.optim import lr_scheduler as s

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    schedule = make(optimizer)  # type: ignore[operator]
    if warmup:
        start = s.LinearLR(optimizer, 1e-3, 1.0, warmup)
        schedule = s.SequentialLR(optimizer, [start, schedule], [warmup])
    found = []
    for _ in range(STEPS):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return np.array(found)


def kinds() -> dict[str, object]:
    from torch.optim import lr_scheduler as s

    return {
        "constant": lambda o: s.ConstantLR(o, 1.0),
        "cosine": lambda o: s.CosineAnnealingLR(o, STEPS),
        "linear": lambda o: s.LinearLR(o, 1.0, 0.0, STEPS),
        "exponential": lambda o: s.ExponentialLR(o, 0.99),
        "polynomial": lambda o: s.PolynomialLR(o, STEPS, power=2.0),
        "step": lambda o: s.StepLR(o, 130),
        "multi-step": lambda o: s.MultiStepLR(o, [240, 320]),
        "restarts": lambda o: s.CosineAnnealingWarmRestarts(o, 100),
        "cyclic": lambda o: s.CyclicLR(o, 0.001, 0.1, 50),
        "1/t": lambda o: s.LambdaLR(o, lambda t: 1 / (1 + 0.05 * t)),
        "inverse-sqrt": lambda o: s.LambdaLR(o, lambda t: 1 / math.sqrt(1 + t / 10)),
        "wsd": lambda o: s.LambdaLR(o, lambda t: min(1.0, (STEPS - t) / 80)),
    }


@pytest.mark.parametrize("every", [1, 10])
@pytest.mark.parametrize("kind", list(kinds()))
def test_the_kind_is_recognised(kind: str, every: int) -> None:
    rate = rates(kinds()[kind])[::every]
    assert fit_schedule(np.arange(STEPS, dtype=float)[::every], rate).kind == kind


@pytest.mark.parametrize("kind", ["constant", "cosine", "linear", "step", "inverse-sqrt"])
def test_warmup_is_told_from_the_schedule_behind_it(kind: str) -> None:
    fit = fit_schedule(np.arange(STEPS, dtype=float), rates(kinds()[kind], warmup=40))
    assert fit.kind == ("warmup" if kind == "constant" else kind)
    assert fit.warmup_until == pytest.approx(40, abs=2)


def test_one_cycle_is_recognised() -> None:
    from torch.optim import lr_scheduler as s

    rate = rates(lambda o: s.OneCycleLR(o, 0.1, total_steps=STEPS + 1))
    assert fit_schedule(np.arange(STEPS, dtype=float), rate).kind == "one-cycle"


@pytest.mark.parametrize("every", [1, 7, 20])
def test_every_drop_is_found_within_one_logged_point(every: int) -> None:
    from torch.optim import lr_scheduler as s

    step = np.arange(STEPS, dtype=float)[::every]
    rate = rates(lambda o: s.MultiStepLR(o, [120, 300], gamma=0.2))[::every]
    drops = fit_schedule(step, rate).drops
    assert len(drops) == 2
    assert all(0 <= found - true <= every for found, true in zip(drops, (120, 300), strict=True))


def test_what_fits_nothing_is_unknown() -> None:
    step = np.arange(100.0)
    rate = np.concatenate([np.linspace(1, 0.9, 50), np.linspace(0.9, 0.05, 10), np.linspace(0.05, 0.04, 40)])
    assert fit_schedule(step, rate).kind == "unknown"
