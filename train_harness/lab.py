"""How is the labelled corpus made? Candidates trained, treated, judged by their treatments, recorded and packed."""

from __future__ import annotations

import hashlib
import io
import json
import lzma
import math
import os
import tarfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass, replace
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from .dialects import FORMATS
from .lab_cases import PARTS, WITHOUT_RATE, Candidate, candidates
from .lab_proof import (
    GAIN,
    LATE,
    NOTHING_LEFT,
    SEEDS,
    Ended,
    Trial,
    allowed,
    battery,
    first_drop,
    guess_loss,
    plateau_onset,
    settle,
    tried,
)
from .loop import EpochRow, Row, StepRow, train
from .recipe import Recipe, Schedule, recipe_text
from .schedules import rate_of
from .setup import Checkpoint

#: A loss beyond this is as lost as an infinite one.
LOST = 1e30
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


class Laboratory:
    """Trains recipes and remembers how each ended, in `out`/runs, so that no run is ever done twice."""

    def __init__(self, out: Path) -> None:
        self.runs = out / "runs"
        self.runs.mkdir(parents=True, exist_ok=True)

    def ended(self, recipe: Recipe) -> Ended:
        text = recipe_text(recipe)
        file = self.runs / f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.json"
        if not file.exists():
            _write(file, json.dumps(asdict(_train(recipe))))
        kept = json.loads(file.read_text(encoding="utf-8"))
        return Ended(kept["steps"], kept["train_loss"], kept["val_loss"], tuple(map(tuple, kept["epochs"])))


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
    findings = [found[c.name] for c in todo if c.name in found]
    _write(out / "findings.json", json.dumps([asdict(f) for f in findings], indent=1))
    return findings


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
        rows = _record(candidate, folder / "log")
        _write(folder / "recipe.toml", recipe_text(patient))
        _write(folder / "label.json", _label(candidate, finding, also, by_label, rows))
    _write(folder / "finding.json", json.dumps({**asdict(finding), "trials": [_told(t) for t in trials]}, indent=1))
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
    if label == "diverging" and not _ends_higher(_full_train_losses(subject)):
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
    """Packs the cases of each part (logs, labels, recipes) into `into`/PART.tar.xz, the same bytes for the same cases,
    lists the rejected candidates in rejected.json.xz, and says in README.md what there is. The archive of a part of
    which `out` holds no case stays as it is."""
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
    rejected = [
        {key: kept[key] for key in ("name", "half", "planted", "why", "trials")}
        for kept in (json.loads(p.read_text(encoding="utf-8")) for p in sorted(out.glob("*/*/finding.json")))
        if not kept["label"]
    ]
    packed.append(into / "rejected.json.xz")
    packed[-1].write_bytes(lzma.compress(json.dumps(rejected, indent=1).encode(), preset=9))
    told = json.loads((out / "findings.json").read_text(encoding="utf-8"))
    _write(into / "README.md", README.format(summary="\n".join(summary([Finding(**f) for f in told]))))
    there = [*(file for half in PARTS if (file := into / f"{half}.tar.xz").exists()), packed[-1]]
    _write(into / "SHA256SUMS", "".join(f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}\n" for p in there))
    return packed


README = """# Curves with proved labels

Real runs whose label comes from treating them; [train_harness/README.md](../../train_harness/README.md) says how.
Each case holds the log as a trainer left it (`log/`), the recipe that makes it again (`recipe.toml`) and `label.json`:
label, other labels that are right too, refuted ones, onset, and every treatment's losses. Made again by

    python -m train_harness lab OUT --pack tests/lab

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
    sick = [_scatter(_epochs(replace(candidate.patient, seed=candidate.patient.seed + s))) for s in range(SEEDS)]
    cured = [_scatter(_epochs(replace(candidate.cured, seed=candidate.cured.seed + s))) for s in range(SEEDS)]
    if min(sick) < SCATTER or max(cured) > min(sick) / 2:
        return "", f"the validation loss scatters by {median(sick):.1%}, with all examples by {median(cured):.1%}"
    return "val_too_small", f"scatter of validation {median(sick):.1%}, with all examples {median(cured):.1%}"


def wrong_mode(candidate: Candidate) -> tuple[str, str]:
    """Whether the logged validation loss is clearly too high, and right when the mode is."""
    assert candidate.cured is not None
    gains = []
    for seed in range(SEEDS):
        sick, cured = (
            [loss for _, loss in _epochs(replace(r, seed=r.seed + seed))][-5:]
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


def _train(recipe: Recipe) -> Ended:
    epochs: list[tuple[int, float]] = []

    def keep(row: Row) -> None:
        if isinstance(row, EpochRow) and row.val_loss is not None:
            epochs.append((row.step, _lost(row.val_loss)))

    outcome = train(recipe, keep)
    return Ended(outcome.steps, _lost(outcome.train_loss), _lost(outcome.val_loss), tuple(epochs))


def _epochs(recipe: Recipe) -> list[tuple[int, float]]:
    """The validation losses that a run would log."""
    return list(_train(replace(recipe, log=replace(recipe.log, every=10**9, vitals=False))).epochs)


def _scatter(epochs: Sequence[tuple[int, float]]) -> float:
    """Noise of one validation point over its level: the median absolute second difference of the later half, as the
    standard deviation of normal noise."""
    late = [loss for _, loss in epochs[len(epochs) // 2 :]]
    bends = [abs(a - 2 * b + c) for a, b, c in zip(late, late[1:], late[2:], strict=False)]
    return 1.4826 * median(bends) / math.sqrt(6) / median(late) if bends else 0.0


def _rests(patient: Recipe, trials: Iterable[Trial]) -> bool:
    """Whether the full training loss gained less over the last 40 % of the run at the old rate than half of what the
    smaller rate gained in the same steps."""
    curve = _full_train_losses(patient)
    turn = float(np.interp(LATE * patient.steps, *zip(*curve, strict=True)))
    end = median(loss for step, loss in curve if step >= 0.85 * curve[-1][0])
    return 1 - end / turn < max(t.gain for t in trials) / 2


def _ends_higher(curve: Sequence[tuple[int, float]]) -> bool:
    """Whether the full training loss ends clearly above its lowest value."""
    losses = [loss for _, loss in curve]
    return bool(losses) and losses[-1] > 1.1 * min(losses)


def _full_train_losses(patient: Recipe) -> list[tuple[int, float]]:
    rows: list[tuple[int, float]] = []

    def keep(row: Row) -> None:
        if isinstance(row, EpochRow) and row.eval_train_loss is not None:
            rows.append((row.step, row.eval_train_loss))

    plain = settle(patient)
    train(replace(plain, log=replace(plain.log, both_modes=True)), keep)
    return rows


def _record(candidate: Candidate, out: Path) -> list[Row]:
    """Writes the patient's log, in two parts when it was interrupted, and returns its rows."""
    patient, rows = candidate.patient, []
    out.mkdir(parents=True, exist_ok=True)
    recorder = FORMATS[patient.log.format]
    if not candidate.resumed_at:
        with recorder(out, patient) as write:
            train(patient, lambda row: (rows.append(row), write(row))[1])
        return rows
    for part in ("first", "second"):
        (out / part).mkdir(exist_ok=True)
    kept: list[Checkpoint] = []
    with recorder(out / "first", patient) as write:
        train(
            patient,
            lambda row: write(row) if row.step <= candidate.broke_at else None,
            save_every=candidate.resumed_at,
            save=kept.append,
        )
    with recorder(out / "second", patient) as write:
        train(patient, lambda row: (rows.append(row), write(row))[1], resume=kept[0])
    _join(out)
    return rows


def _join(out: Path) -> None:
    """The logs of two parts as one trainer leaves them: event files side by side, text appended."""
    for file in sorted((out / "first").rglob("*")):
        if not file.is_file():
            continue
        place = file.relative_to(out / "first")
        later = out / "second" / place
        target = out / place
        target.parent.mkdir(parents=True, exist_ok=True)
        if "tfevents" in file.name:
            file.rename(target)
            later.rename(target.with_name(f"{target.name[:-1]}1"))
        else:
            target.write_bytes(file.read_bytes() + later.read_bytes())
            file.unlink()
            later.unlink()
    for part in ("first", "second"):
        for folder in sorted((out / part).rglob("*"), reverse=True):
            folder.rmdir()
        (out / part).rmdir()


def _label(
    candidate: Candidate,
    finding: Finding,
    also: Sequence[str],
    trials: Mapping[str, Sequence[Trial]],
    rows: Sequence[Row],
) -> str:
    patient, schedule = candidate.patient, settle(candidate.patient).schedule
    tried_labels = {label for label, tries in trials.items() if not any(t.helps for t in tries)}
    refuted = (tried_labels | _unseen(candidate, rows)) - {finding.label, *also}
    return json.dumps(
        {
            "label": finding.label,
            "rule": candidate.rule if finding.label == candidate.planted else "",
            "acceptable": sorted(also),
            "refuted": sorted(refuted),
            "planted": candidate.planted,
            "why": finding.why,
            "onset": _onset(finding.label, candidate, rows),
            "steps": patient.steps,
            "schedule": {"kind": schedule.kind, "warmup": schedule.warmup, "drops": _drops(schedule, patient.steps)},
            "lr_logged": patient.log.lr and patient.log.format not in WITHOUT_RATE,
            "task": patient.data.task,
            "model": candidate.family,
            "dialect": patient.log.format,
            "seeds": [patient.seed + s for s in range(SEEDS)],
            "margin": {"gain": GAIN, "standard_errors": 3, "nothing_left": NOTHING_LEFT},
            "trials": [_told(t) for tries in trials.values() for t in tries],
        },
        indent=1,
    )


def _unseen(candidate: Candidate, rows: Sequence[Row]) -> set[str]:
    """Labels that the run refutes by itself, without a treatment."""
    losses = [_lost(r.mean_loss if isinstance(r, StepRow) else r.train_loss) for r in rows]
    guess = guess_loss(candidate.patient)
    refuted = set()
    if all(math.isfinite(loss) for loss in losses):
        refuted.add("nan_explosion")
        tail = median(losses[-max(1, len(losses) // 10) :])
        if tail < 0.8 * min(guess, losses[0]):
            refuted.add("no_learning")
        if tail < 1.1 * min(median(losses[i : i + 3]) for i in range(max(1, len(losses) - 2))):
            refuted.add("diverging")
    fault = settle(candidate.patient).fault
    init = settle(candidate.patient).model.init
    if init not in ("zero", "tiny", "huge") and not fault.dead_relus and fault.saturate == 1.0:
        refuted |= {"bad_init", "dead_relu"}
    if init != "huge" and not (fault.double_softmax or fault.raw_inputs or fault.saturate != 1.0):
        refuted.add("initial_loss_off")
    if not (fault.freeze or fault.detach or fault.layer_lr):
        refuted.add("update_ratio_anomaly")
    if not fault.corrupt_every:
        refuted.add("loss_spikes")
    if candidate.planted != "val_too_small":
        refuted.add("val_too_small")
    return refuted - {candidate.planted}


def _onset(label: str, candidate: Candidate, rows: Sequence[Row]) -> int | None:
    """The update at which the illness shows, where its cause has one."""
    patient = candidate.patient
    steps = [(r.step, _lost(r.loss)) for r in rows if isinstance(r, StepRow)]
    steps = steps or [(r.step, _lost(r.train_loss)) for r in rows if isinstance(r, EpochRow)]
    if label == "nan_explosion":
        return next((step for step, loss in steps if not math.isfinite(loss)), None)
    if label == "decay_too_early":
        return first_drop(settle(patient))
    if label == "overfitting":
        return _train(settle(patient)).best[0]
    if label == "plateau_needs_decay":
        return plateau_onset(_full_train_losses(patient))
    if label == "loss_spikes":
        return patient.fault.corrupt_every or None
    if label == "diverging":
        return min(steps, key=lambda point: point[1])[0]
    return None


def _drops(schedule: Schedule, steps: int) -> list[int] | None:
    """Updates at which a schedule of steps cuts the rate; None for one that waits for the validation loss."""
    if schedule.kind == "plateau":
        return None
    if schedule.kind not in ("step", "multi_step", "table"):
        return []
    rate = rate_of(schedule, 1.0, steps)
    return [t for t in range(max(1, schedule.warmup), steps) if rate(t) <= 0.7 * rate(t - 1)]


def _told(trial: Trial) -> dict[str, Any]:
    return {
        "name": trial.name,
        "proves": trial.proves,
        "judge": trial.judge,
        "untreated": [_short(v) for v in trial.untreated],
        "treated": [_short(v) for v in trial.treated],
        "gain": _short(trial.gain),
        "standard_error": _short(trial.error),
        "helps": trial.helps,
    }


def _kept(out: Path, candidate: Candidate) -> Finding | None:
    file = out / candidate.half / candidate.name / "finding.json"
    if not file.exists():
        return None
    kept = json.loads(file.read_text(encoding="utf-8"))
    kept.pop("trials")
    return Finding(**kept)


def _write(file: Path, text: str) -> None:
    """Whole or not at all: a run that is cut off leaves no half file."""
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(file)


def _single_thread() -> None:
    import torch

    torch.set_num_threads(1)


def _lost(value: float) -> float:
    return value if math.isfinite(value) and abs(value) < LOST else math.inf


def _short(value: float) -> float | None:
    return float(f"{value:.4g}") if math.isfinite(value) else None
