"""Reports such as the engine gives, made by hand: one per situation that an output has to survive."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from curvedoc.report import (
    Analysis,
    Best,
    Diagnosis,
    Drawn,
    Evidence,
    Fix,
    LookAlike,
    NotAssessed,
    Onset,
    Reading,
    Report,
    Schedule,
    Subject,
)
from curvedoc.run import Refused

RULES = ("nan-explosion", "no-learning", "divergence", "learning-rate-too-high", "plateau-needs-decay", "overfitting")
HOSTILE = (
    "<script>window.pwned=1</script>\"'><img src=x onerror=window.pwned=2>\x1b[31m\u202egnp|`@all`\n::error::x]]>&"
)


def curve(role: str, step: Any, value: Any, *, tag: str = "", window: int = 15, points: int = 400) -> Drawn:
    """A curve as the engine thins it: at most `points` raw points, a running mean, non-finite steps apart."""
    step, value = np.asarray(step, float), np.asarray(value, float)
    finite = np.isfinite(value)
    kept = np.unique(np.linspace(0, finite.sum() - 1, min(points, finite.sum())).round().astype(int))
    s, v = step[finite][kept], value[finite][kept]
    smooth = v
    if len(v) > 2 * window:
        padded = np.pad(v, window // 2, mode="edge")
        smooth = np.convolve(padded, np.ones(window) / window, mode="valid")[: len(v)]
    return Drawn(
        role=role,
        tag=tag or role.replace("_", "/", 1),
        step=tuple(s.tolist()),
        value=tuple(v.tolist()),
        smooth_step=tuple(s.tolist()) if len(v) > 2 * window else (),
        smooth=tuple(smooth.tolist()) if len(v) > 2 * window else (),
        non_finite=tuple(step[~finite].tolist()),
        points=len(step),
        lost=int((~finite).sum()),
    )


def evidence(says: str, vital: str, value: float, spread: float = 0.05, unit: str = "share", **more: Any) -> Evidence:
    return Evidence(says, vital, value, value - spread, value + spread, unit, more.pop("grade", 0.9), **more)


def diagnosis(rule: str, title: str, confidence: float = 0.83, **more: Any) -> Diagnosis:
    given: dict[str, Any] = {
        "severity": "warning",
        "stage": "optimization",
        "calibrated": False,
        "possible": False,
        "place": "leading",
        "of": None,
        "subject": Subject(),
        "onset": None,
        "evidence": (),
        "fixes": (Fix("Change one thing, and run again."),),
    } | more
    return Diagnosis(rule=rule, title=title, confidence=confidence, **given)


def report(name: str, verdict: str = "findings", **more: Any) -> Report:
    given: dict[str, Any] = {
        "path": f"runs/{name}/metrics.csv",
        "schedule": None,
        "best": None,
        "diagnoses": (),
        "not_assessed": (),
        "reading": (),
        "assessed": RULES,
    } | more
    return Report(name=name, verdict=verdict, **given)


def overfitting(name: str = "resnet18-adamw", seed: int = 0) -> Report:
    rng = np.random.default_rng(seed)
    t = np.arange(0, 5000, 5.0)
    train = 2.2 * np.exp(-t / 700) + 0.02 + 0.06 * rng.standard_normal(len(t)) * np.exp(-t / 2500)
    e = np.arange(100, 5001, 100.0)
    val = 1.9 * np.exp(-e / 500) + 0.42 + 0.00016 * np.maximum(0, e - 1500) + 0.015 * rng.standard_normal(len(e))
    train, best = np.abs(train), int(np.argmin(val))
    return report(
        name,
        schedule=Schedule("cosine", 250.0, (), 0.97),
        best=Best("val_loss", float(e[best]), float(val[best])),
        hyper={"lr": 3e-4, "batch_size": 128, "optimizer": {"name": "adamw", "weight_decay": 0.0}, "seed": seed},
        measured={"val_loss.rise": "0.56 (0.49 to 0.62)", "train_loss.floor": "0.02"},
        curves=(
            curve("train_loss", t, train),
            curve("val_loss", e, val, window=5),
            curve("lr", t, 3e-4 * np.where(t < 250, t / 250, 0.5 * (1 + np.cos(np.pi * (t - 250) / 4750)))),
            curve("train_accuracy", e, 1 - 0.8 * np.exp(-e / 800), window=5),
            curve("val_accuracy", e, 0.86 - 0.6 * np.exp(-e / 500) + 0.004 * rng.standard_normal(len(e)), window=5),
            curve("grad_norm", t, 3 * np.exp(-t / 1500) + 0.3 + 0.2 * rng.random(len(t))),
        ),
        diagnoses=(
            diagnosis(
                "overfitting",
                "Overfitting",
                0.93,
                stage="generalization",
                onset=Onset(1500.0, 1300.0, 1800.0),
                evidence=(
                    evidence(
                        "val_loss rose 0.56 above its best while train_loss kept falling",
                        "val_loss.rise",
                        0.56,
                        unit="loss",
                        steps=(1500.0, 5000.0),
                    ),
                    evidence("train_loss fell by another 78 % after that step", "train_loss.fell_after", 0.78),
                    evidence("the gap was widest at the end", "gap.last", 0.97, 0.0, "loss", steps=(5000.0, 5000.0)),
                ),
                fixes=(
                    Fix(
                        "Keep the checkpoint of step 1500 and stop there next time (patience 3 evaluations).",
                        "Everything after it costs budget and makes the model worse on new data.",
                        {"kind": "stop_at", "step": 1500},
                        {"curve": "val_loss", "low": 0.42, "high": 0.45},
                    ),
                    Fix("Raise weight decay to 0.05.", "It is 0 in the logged hyper-parameters.", None, None),
                    Fix("Augment the training data."),
                ),
                story="The model goes on fitting the training set after it has learnt what carries over.\n"
                "From there on it memorises: train_loss falls, val_loss climbs.",
                look_alikes=(
                    LookAlike("over-confidence", "val_accuracy still rises while val_loss does."),
                    LookAlike("noisy validation", "The rise is no larger than the scatter between evaluations."),
                ),
            ),
            diagnosis(
                "over-confidence",
                "Over-confidence",
                0.61,
                severity="info",
                stage="generalization",
                place="also",
                evidence=(evidence("val_accuracy held while val_loss rose", "val_accuracy.kept", 0.98),),
            ),
            diagnosis(
                "learning-rate-too-high",
                "The learning rate is too high",
                0.31,
                severity="info",
                possible=True,
                place="also",
                evidence=(evidence("grad_norm is 1.4 times its median", "grad_norm.over", 1.4, unit="times"),),
            ),
        ),
        not_assessed=(
            NotAssessed("dead-units", "no dead_share in the log", ("dead_share",)),
            NotAssessed("update-ratio-too-high", "no update_ratio in the log", ("update_ratio",)),
            NotAssessed("update-ratio-too-low", "no update_ratio in the log", ("update_ratio",)),
            NotAssessed("unshuffled-data", "fewer than 3 epochs of step-wise train_loss", ()),
        ),
    )


def healthy(name: str = "baseline", seed: int = 1) -> Report:
    rng = np.random.default_rng(seed)
    t = np.arange(0, 2000, 4.0)
    e = np.arange(100, 2001, 100.0)
    val = 2.0 * np.exp(-e / 350) + 0.21 + 0.01 * rng.standard_normal(len(e))
    best = int(np.argmin(val))
    return report(
        name,
        "healthy",
        schedule=Schedule("step", None, (1000.0, 1600.0), 1.0),
        best=Best("val_loss", float(e[best]), float(val[best])),
        curves=(
            curve("train_loss", t, np.abs(2.3 * np.exp(-t / 350) + 0.15 + 0.05 * rng.standard_normal(len(t)))),
            curve("val_loss", e, val, window=5),
            curve("lr", t, np.where(t < 1000, 0.1, np.where(t < 1600, 0.01, 0.001))),
        ),
        not_assessed=(NotAssessed("dead-units", "no dead_share in the log", ("dead_share",)),),
    )


def exploded(name: str = "lr-0.5-fp16") -> Report:
    rng = np.random.default_rng(2)
    t = np.arange(0, 1000, 2.0)
    loss = 2.3 * np.exp(-t / 300) + 0.3 + 0.05 * rng.standard_normal(len(t))
    loss = np.where(t > 700, loss * np.exp((t - 700) / 9), loss)
    loss[t >= 824] = np.nan
    return report(
        name,
        best=Best("train_loss", 690.0, 0.51),
        curves=(
            curve("train_loss", t, loss),
            curve("grad_norm", t, np.where(t < 700, 2 + rng.random(len(t)), np.where(t < 824, 1e4, np.nan))),
            curve("lr", t, np.full(len(t), 0.5)),
        ),
        diagnoses=(
            diagnosis(
                "nan-explosion",
                "The loss became NaN",
                1.0,
                severity="critical",
                stage="numerics",
                calibrated=True,
                onset=Onset(824.0, 700.0, 824.0),
                evidence=(
                    Evidence(
                        "train_loss is NaN from step 824 on",
                        "train_loss.nan_from",
                        824.0,
                        824.0,
                        824.0,
                        "step",
                        1.0,
                        (824.0, 998.0),
                    ),
                    Evidence(
                        "before that it had grown to infinity",
                        "train_loss.grew",
                        math.inf,
                        1e6,
                        math.inf,
                        "times",
                        1.0,
                        (700.0, 824.0),
                    ),
                ),
                fixes=(
                    Fix(
                        "Divide the learning rate by 10 (0.5 to 0.05) and restart from step 690.",
                        "The loss climbed for 120 steps first, so it is the step size, not one bad batch.",
                    ),
                    Fix("Clip the gradient norm at 1."),
                ),
                story="A step that is too long leaves the valley; the next is longer still.",
            ),
            diagnosis(
                "divergence",
                "The loss diverged",
                0.97,
                severity="critical",
                place="consequence",
                of="nan-explosion",
                onset=Onset(700.0, 690.0, 720.0),
            ),
            diagnosis("loss-spikes", "Loss spikes", 0.55, place="alternative", of="nan-explosion"),
        ),
        reading=(
            Reading("runs/lr-0.5-fp16/metrics.csv", 412, None, "the row has 3 fields, the header 4: skipped"),
            Reading("runs/lr-0.5-fp16/metrics.csv", None, 20480, "the file ends in the middle of a record"),
        ),
    )


def layers(name: str = "deep-mlp") -> Report:
    rng = np.random.default_rng(3)
    t = np.arange(0, 3000, 10.0)
    names = [f"block{i}.fc{i % 2 + 1}" for i in range(9)]
    ratio = {n: (1e-3 if i not in (2, 7) else 4e-6) for i, n in enumerate(names)}
    return report(
        name,
        curves=(
            curve("train_loss", t, 1.2 * np.exp(-t / 2000) + 0.9 + 0.02 * rng.standard_normal(len(t))),
            *(
                curve(f"update_ratio[{n}]", t, r * np.exp(0.2 * rng.standard_normal(len(t))), tag=f"ratios/{n}")
                for n, r in ratio.items()
            ),
        ),
        diagnoses=(
            *(
                diagnosis(
                    "frozen-layer",
                    "A layer does not learn",
                    0.88 - 0.1 * (i > 0),
                    subject=Subject("layer", n),
                    place="leading" if i == 0 else "also",
                    onset=Onset(0.0, 0.0, 10.0),
                    evidence=(
                        evidence(
                            f"{n} moves by 4e-6 of its size per step",
                            "update_ratio.median",
                            -5.4,
                            0.2,
                            "log10",
                            steps=(0.0, 2990.0),
                        ),
                    ),
                )
                for i, n in enumerate(n for n in names if ratio[n] < 1e-5)
            ),
            diagnosis(
                "decay-too-early",
                "The rate was cut too early",
                0.52,
                subject=Subject("lr_drop", "1200"),
                place="alternative",
                of="frozen-layer",
            ),
        ),
    )


def not_assessed(name: str = "three-points") -> Report:
    return report(
        name,
        "not assessed",
        curves=(curve("train_loss", [0, 1, 2], [2.3, 2.2, 2.1]),),
        axis="epoch",
        assessed=(),
        why="train_loss has 3 points; at least 8 are needed to tell a trend from noise",
        not_assessed=tuple(NotAssessed(r, "train_loss has 3 points", ("val_loss", "lr")) for r in RULES),
    )


def hostile(name: str = HOSTILE) -> Report:
    """Every text of a report says something nasty, every number is not finite."""
    bad = Evidence(HOSTILE, HOSTILE, math.nan, -math.inf, math.inf, HOSTILE, 0.9, (math.nan, math.inf))
    return Report(
        name=name,
        path=HOSTILE,
        verdict="findings",
        schedule=Schedule(HOSTILE, math.nan, (math.inf,), 0.5),
        best=Best(HOSTILE, math.inf, math.nan),
        diagnoses=(
            Diagnosis(
                HOSTILE,
                HOSTILE,
                "critical",
                "numerics",
                0.9,
                False,
                False,
                "leading",
                None,
                Subject("layer", HOSTILE),
                Onset(math.nan, -math.inf, math.inf),
                (bad,),
                (Fix(HOSTILE, HOSTILE, {"kind": HOSTILE}, {"curve": HOSTILE, "low": math.nan, "high": math.inf}),),
                HOSTILE,
                (LookAlike(HOSTILE, HOSTILE),),
            ),
        ),
        not_assessed=(NotAssessed(HOSTILE, HOSTILE, (HOSTILE,)),),
        reading=(Reading(HOSTILE, 3, 7, HOSTILE),),
        axis="step",
        hyper={HOSTILE: HOSTILE, "nested": {HOSTILE: [HOSTILE, math.nan]}},
        measured={HOSTILE: HOSTILE},
        curves=(
            Drawn(
                "train_loss",
                HOSTILE,
                (0.0, 1.0, 2.0, 3.0),
                (1.0, math.nan, math.inf, 0.5),
                non_finite=(1.0, 2.0),
                points=4,
            ),
            Drawn(f"update_ratio[{HOSTILE}]", HOSTILE, (0.0, 1.0), (1e-3, 1e-3), points=2),
            Drawn("val_loss", HOSTILE, (), (), non_finite=(0.0, 3.0), points=2),
            Drawn("lr", "", (), ()),
        ),
        why=HOSTILE,
        assessed=(HOSTILE,),
    )


def gaps(name: str = "resumed") -> Report:
    t = np.arange(0, 1000, 5.0)
    loss = np.exp(-t / 300) + 0.1
    loss[(t > 300) & (t < 400)] = np.nan
    loss[t == 700] = np.inf
    return report(name, "healthy", curves=(curve("train_loss", t, loss),), best=Best("train_loss", 995.0, 0.136))


def many(sick: int = 5, well: int = 15) -> Analysis:
    return Analysis(
        tuple(overfitting(f"sick-{i:03d}", i) for i in range(sick))
        + tuple(healthy(f"run-{i:03d}", i) for i in range(well))
    )


def a_sweep(rates: tuple[float, ...] = (0.003, 0.01, 0.03, 0.3), seeds: int = 3) -> Analysis:
    """Rate x weight decay x seed: a rate of 0.3 explodes, the best is at 0.03 with some decay."""
    runs = []
    for rate in rates:
        for decay in (0.0, 1e-4, 1e-2):
            for seed in range(seeds):
                name = f"sweep/lr{rate}-wd{decay}-seed{seed}"
                sick = rate >= 0.3
                run = exploded(name) if sick else healthy(name, seed)
                loss = 0.2 + 0.1 * abs(math.log10(rate / 0.03)) + 0.05 * (decay == 0) + 0.004 * seed
                best = run.best if sick else Best("val_loss", 1500.0 + 20 * seed, loss)
                hyper = {"optimizer": {"lr": rate, "weight_decay": decay}, "seed": seed, "output_dir": name}
                runs.append(replace(run, hyper=hyper, best=best))
    return Analysis(tuple(sorted(runs, key=lambda r: r.verdict)))


def everything() -> Analysis:
    """One of each, worst first, with files that gave no run."""
    return Analysis(
        (exploded(), overfitting(), layers(), not_assessed(), healthy(), gaps()),
        refused=(Refused("runs/broken/metrics.csv", "the header is empty"),),
        skipped=(Refused("runs/README.md", "not a log"),),
    )


def all_situations() -> Analysis:
    """One of each, and names that no output may trip over."""
    names = ("very-long-" * 1000, "実験_学習率0.1", "שלום-עולם", "", "e\u0301\u0301" * 300, "a\x00b\ud800c\ufffe")
    return Analysis(
        (*everything().reports, hostile(), *(overfitting(name) for name in names)),
        refused=(Refused(HOSTILE, HOSTILE),),
        skipped=(Refused(HOSTILE, HOSTILE),),
    )
