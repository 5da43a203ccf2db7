"""How is the labelled corpus made? Candidates trained, treated, judged by their treatments, recorded and packed."""

from __future__ import annotations

import hashlib
import io
import json
import lzma
import math
import tarfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass, fields, replace
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from .lab_cases import PARTS, Candidate, candidates
from .lab_label import label_text, trial_row
from .lab_proof import GAIN, LATE, NOTHING_LEFT, SEEDS, Trial, allowed, battery, guess_loss, settle, tried
from .lab_runs import Laboratory, full_train_losses, record, val_losses, write_whole
from .recipe import Recipe, recipe_text

#: A validation set is too small when its loss scatters by this share of its level, and by less than half of that with
#: all examples.
SCATTER = 0.05


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of a candidate: its label ("" when it is no case), why, and everything that was tried."""

    name: str
    half: str
    planted: str
    label: str
    why: str
    task: str
    model: str
    seconds: float


def run_lab(
    out: Path,
    *,
    budget: float = math.inf,
    jobs: int = 1,
    only: str = "",
    seed: int = 0,
    say: Callable[[str], None] = print,
) -> list[Finding]:
    """Works through all candidates of a seed (those whose name begins with `only`) for at most `budget` seconds, over
    `jobs` processes; what stands in `out` already is not done again. Returns every finding so far."""
    out.mkdir(parents=True, exist_ok=True)
    todo = [c for c in candidates(seed) if c.name.startswith(only)]
    found = {f.name: f for c in todo if (f := _kept(out, c)) is not None}
    waiting = iter([c for c in todo if c.name not in found])
    began = time.monotonic()
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_single_thread) as pool:
        running: dict[Future[Finding], Candidate] = {}
        while True:
            if time.monotonic() - began < budget:
                for candidate in islice(waiting, jobs + 1 - len(running)):
                    running[pool.submit(examine, candidate, out)] = candidate
            if not running:
                break
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                candidate = running.pop(future)
                finding = future.result()
                found[candidate.name] = finding
                say(
                    f"[{len(found)}/{len(todo)}, {(time.monotonic() - began) / 60:.0f} min] {finding.name}: "
                    f"{finding.label or 'no case'} ({finding.why}; {finding.seconds:.0f} s)"
                )
    return [found[c.name] for c in todo if c.name in found]


def examine(candidate: Candidate, out: Path) -> Finding:
    """Proves what a candidate is, and if it is a case leaves its log and label in `out`/HALF/NAME."""
    began = time.process_time()
    laboratory, patient = Laboratory(out), candidate.patient
    trials: list[Trial] = []
    try:
        label, also, why = _proved(candidate, laboratory, trials)
    except (ValueError, RuntimeError) as error:
        label, also, why = "", (), f"cannot be trained: {error}"
    by_label: dict[str, list[Trial]] = {}
    for trial in trials:
        by_label.setdefault(trial.proves, []).append(trial)
    seconds = time.process_time() - began
    finding = Finding(
        candidate.name, candidate.half, candidate.planted, label, why, patient.data.task, candidate.family, seconds
    )
    folder = out / candidate.half / candidate.name
    folder.mkdir(parents=True, exist_ok=True)
    if label:
        rows = record(candidate, folder / "log")
        write_whole(folder / "recipe.toml", recipe_text(patient))
        write_whole(folder / "label.json", label_text(candidate, by_label, rows, label=label, also=also, why=why))
    write_whole(
        folder / "finding.json", json.dumps({**asdict(finding), "trials": [trial_row(t) for t in trials]}, indent=1)
    )
    return finding


def _proved(candidate: Candidate, laboratory: Laboratory, trials: list[Trial]) -> tuple[str, tuple[str, ...], str]:
    """Label, other right labels and the reason; `trials` receives every treatment as it is tried."""
    logged_only = candidate.planted in BY_SYMPTOM
    planted = "" if logged_only else candidate.planted
    # A fault of the log alone leaves the training as it is: its treatments are judged where everything is seen.
    subject = candidate.cured if logged_only and candidate.cured is not None else candidate.patient
    floor = NOTHING_LEFT * guess_loss(subject)
    if planted in LOSES:
        lost = not math.isfinite(laboratory.ended(settle(subject)).train_loss)
        planted = "nan_explosion" if lost else "diverging"
    for treatment in battery(subject, planted, None if logged_only else candidate.cured):
        trials.append(tried(treatment, subject, laboratory.ended, floor))
        if len(trials) == 1 and planted and trials[0].gain < -GAIN:
            return "", (), f"the planted {planted} did good"
    by_label: dict[str, list[Trial]] = {}
    for trial in trials:
        by_label.setdefault(trial.proves, []).append(trial)
    if logged_only:
        label, why = BY_SYMPTOM[candidate.planted](candidate)
        return label, tuple(sorted({t.proves for t in trials if t.helps})), why
    label, also, why = allowed(planted, by_label)
    stuck = laboratory.ended(settle(subject)).train_loss >= NOTHING_LEARNED * guess_loss(subject)
    if label == "no_learning" and not stuck:
        return "", (), "the planted fault did harm, but the network learned its training set"
    if stuck and label not in ("", "no_learning", "nan_explosion", "diverging"):
        also = tuple(sorted({*also, "no_learning"}))
    if label == "plateau_needs_decay" and not _rests(subject, by_label[label]):
        return "", (), "a smaller rate would gain, but the loss was still falling at this one"
    if label == "diverging" and not _ends_higher(full_train_losses(subject)):
        return "", (), "the planted fault did harm, but the loss did not rise"
    return label, also, why


#: A run that ends with this share of the loss of a guess has learned nothing, whatever kept it from learning.
NOTHING_LEARNED = 0.95
#: Faults that end in one of two ways: a loss that is no number, or one that has risen.
LOSES = ("nan_explosion", "diverging")


def summary(findings: Sequence[Finding]) -> list[str]:
    """Yield, rejects and reasons, as lines."""
    cases = [f for f in findings if f.label]
    lines = [f"{len(cases)} cases of {len(findings)} candidates"]
    for half in PARTS:
        part = [f for f in cases if f.half == half]
        counts = Counter(f.label for f in part)
        lines.append(f"{half}: {len(part)}: " + ", ".join(f"{label} {n}" for label, n in counts.most_common()))
    for name in ("task", "model"):
        counts = Counter(str(getattr(f, name)) for f in cases)
        lines.append(f"by {name}: " + ", ".join(f"{k} {n / len(cases):.0%}" for k, n in counts.most_common()))
    rejects = Counter((f.planted or "healthy", f.why) for f in findings if not f.label)
    lines.append(f"{rejects.total()} rejected:")
    return lines + [f"  {n:>3} x {planted}: {why}" for (planted, why), n in rejects.most_common()]


def pack(out: Path, into: Path) -> list[Path]:
    """Packs the cases of each part (logs, labels, recipes; of every seed that was drawn into `out`) into
    `into`/PART.tar.xz, the same bytes for the same cases, lists the rejected candidates in rejected.json.xz, and says
    in README.md what there is. The archive of a part of which `out` holds no case stays as it is."""
    into.mkdir(parents=True, exist_ok=True)
    packed = []
    for half in PARTS:
        folders = sorted(p.parent for p in (out / half).glob("*/label.json"))
        if not folders:
            continue
        plain = io.BytesIO()
        with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for folder in folders:
                for file in sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "finding.json"):
                    entry = tarfile.TarInfo(file.relative_to(out / half).as_posix())
                    entry.size = file.stat().st_size
                    with file.open("rb") as opened:
                        tar.addfile(entry, opened)
        packed.append(into / f"{half}.tar.xz")
        packed[-1].write_bytes(lzma.compress(plain.getvalue(), preset=9 | lzma.PRESET_EXTREME))
    told = [json.loads(p.read_text(encoding="utf-8")) for p in sorted(out.glob("*/*/finding.json"))]
    rejected = [
        {key: kept[key] for key in ("name", "half", "planted", "why", "trials")} for kept in told if not kept["label"]
    ]
    packed.append(into / "rejected.json.xz")
    packed[-1].write_bytes(lzma.compress(json.dumps(rejected, indent=1).encode(), preset=9))
    write_whole(into / "README.md", README.format(summary="\n".join(summary([_finding(kept) for kept in told]))))
    there = [*(file for half in PARTS if (file := into / f"{half}.tar.xz").exists()), packed[-1]]
    write_whole(
        into / "SHA256SUMS", "".join(f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}\n" for p in there)
    )
    return packed


README = """# Curves with proved labels

Real runs whose label comes from treating them; [train_harness/README.md](../../train_harness/README.md) says how.
Each case holds the log as a trainer left it (`log/`), the recipe that makes it again (`recipe.toml`) and `label.json`:
label, other labels that are right too, refuted ones, onset, and every treatment's losses. Made again by

    python -m train_harness lab OUT
    python -m train_harness lab OUT --seed 1 --only calibration --pack tests/lab

`tune.tar.xz` is for choosing thresholds, `judge.tar.xz` for grading: `python -m tests.bench.truth tests/lab/*.tar.xz`.
`calibration.tar.xz`, other tasks again, says how often a claim is right: `rules/calibration.json` is fitted to it.
Nobody may choose a threshold or mend a rule by its cases, or its claims are righter than those on the runs of others.
`rejected.json.xz` lists what was no case, and why.

```
{summary}
```
"""


def too_small_a_val_set(candidate: Candidate) -> tuple[str, str]:
    """Whether the logged validation loss scatters, and no longer does when all examples are used."""
    assert candidate.cured is not None
    sick = [_scatter(val_losses(replace(candidate.patient, seed=candidate.patient.seed + s))) for s in range(SEEDS)]
    cured = [_scatter(val_losses(replace(candidate.cured, seed=candidate.cured.seed + s))) for s in range(SEEDS)]
    if min(sick) < SCATTER or max(cured) > min(sick) / 2:
        return "", f"the validation loss scatters by {median(sick):.1%}, with all examples by {median(cured):.1%}"
    return "val_too_small", f"scatter of validation {median(sick):.1%}, with all examples {median(cured):.1%}"


def wrong_mode(candidate: Candidate) -> tuple[str, str]:
    """Whether the logged validation loss is clearly too high, and right when the mode is."""
    assert candidate.cured is not None
    gains = []
    for seed in range(SEEDS):
        sick, cured = (
            [loss for _, loss in val_losses(replace(r, seed=r.seed + seed))][-5:]
            for r in (candidate.patient, candidate.cured)
        )
        gains.append(1 - median(cured) / median(sick))
    if min(gains) < GAIN:
        return "", f"in the right mode the validation loss is lower by {min(gains):.1%} only"
    return candidate.planted, f"in the right mode the validation loss is lower by {min(gains):.1%} at least"


#: Faults of what is logged and not of what is learned: proved by the log itself, with and without the fault.
BY_SYMPTOM: Mapping[str, Callable[[Candidate], tuple[str, str]]] = {
    "val_too_small": too_small_a_val_set,
    "train-eval-mismatch": wrong_mode,
}


def _scatter(epochs: Sequence[tuple[int, float]]) -> float:
    """Noise of one validation point over its level: the median absolute second difference of the later half, as the
    standard deviation of normal noise."""
    late = [loss for _, loss in epochs[len(epochs) // 2 :]]
    bends = [abs(a - 2 * b + c) for a, b, c in zip(late, late[1:], late[2:], strict=False)]
    return 1.4826 * median(bends) / math.sqrt(6) / median(late) if bends else 0.0


def _rests(patient: Recipe, trials: Iterable[Trial]) -> bool:
    """Whether the full training loss gained less over the last 40 % of the run at the old rate than half of what the
    smaller rate gained in the same steps."""
    curve = full_train_losses(patient)
    turn = float(np.interp(LATE * patient.steps, *zip(*curve, strict=True)))
    end = median(loss for step, loss in curve if step >= 0.85 * curve[-1][0])
    return 1 - end / turn < max(t.gain for t in trials) / 2


def _ends_higher(curve: Sequence[tuple[int, float]]) -> bool:
    """Whether the full training loss ends clearly above its lowest value."""
    losses = [loss for _, loss in curve]
    return bool(losses) and losses[-1] > 1.1 * min(losses)


def _kept(out: Path, candidate: Candidate) -> Finding | None:
    file = out / candidate.half / candidate.name / "finding.json"
    if not file.exists():
        return None
    return _finding(json.loads(file.read_text(encoding="utf-8")))


def _finding(kept: Mapping[str, Any]) -> Finding:
    return Finding(**{f.name: kept[f.name] for f in fields(Finding)})


def _single_thread() -> None:
    import torch

    torch.set_num_threads(1)
