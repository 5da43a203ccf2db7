"""What does the label of a case say? Right, refuted, since when, and every treatment that was tried."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from .lab_cases import WITHOUT_RATE, Candidate
from .lab_proof import GAIN, NOTHING_LEFT, SEEDS, Trial, first_drop, guess_loss, plateau_onset, settle
from .lab_runs import ended, full_train_losses, or_lost
from .loop import EpochRow, Row, StepRow
from .recipe import Schedule
from .schedules import rate_of


def label_text(
    candidate: Candidate,
    trials: Mapping[str, Sequence[Trial]],
    rows: Sequence[Row],
    *,
    label: str,
    also: Sequence[str],
    why: str,
) -> str:
    """What stands in label.json of a case whose trials proved a `label`, and which labels `also`."""
    patient, schedule = candidate.patient, settle(candidate.patient).schedule
    tried_labels = {label for label, tries in trials.items() if not any(t.helps for t in tries)}
    refuted = (tried_labels | _unseen(candidate, rows)) - {label, *also}
    return json.dumps(
        {
            "label": label,
            "rule": candidate.rule if label == candidate.planted else "",
            "acceptable": sorted(also),
            "refuted": sorted(refuted),
            "planted": candidate.planted,
            "why": why,
            "onset": _onset(label, candidate, rows),
            "steps": patient.steps,
            "schedule": {"kind": schedule.kind, "warmup": schedule.warmup, "drops": _drops(schedule, patient.steps)},
            "lr_logged": patient.log.lr and patient.log.format not in WITHOUT_RATE,
            "task": patient.data.task,
            "model": candidate.family,
            "dialect": patient.log.format,
            "seeds": [patient.seed + s for s in range(SEEDS)],
            "margin": {"gain": GAIN, "standard_errors": 3, "nothing_left": NOTHING_LEFT},
            "trials": [trial_row(t) for tries in trials.values() for t in tries],
        },
        indent=1,
    )


def _unseen(candidate: Candidate, rows: Sequence[Row]) -> set[str]:
    """Labels that the run refutes by itself, without a treatment."""
    losses = [or_lost(r.mean_loss if isinstance(r, StepRow) else r.train_loss) for r in rows]
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
    steps = [(r.step, or_lost(r.loss)) for r in rows if isinstance(r, StepRow)]
    steps = steps or [(r.step, or_lost(r.train_loss)) for r in rows if isinstance(r, EpochRow)]
    if label == "nan_explosion":
        return next((step for step, loss in steps if not math.isfinite(loss)), None)
    if label == "decay_too_early":
        return first_drop(settle(patient))
    if label == "overfitting":
        return ended(settle(patient)).best[0]
    if label == "plateau_needs_decay":
        return plateau_onset(full_train_losses(patient))
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


def trial_row(trial: Trial) -> dict[str, Any]:
    """A treatment with its losses and its gain, as JSON holds it: None where a loss was lost."""
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


def _short(value: float) -> float | None:
    return float(f"{value:.4g}") if math.isfinite(value) else None
