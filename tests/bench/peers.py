"""What do other tools say about the same log, through their own command line?

Neither tool is needed: give the directory of their programs (a virtual environment's bin) to use them.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

#: Findings of each tool in the words of the labels, with the meaning that its documentation gives them.
RUNMEDIC = {
    "divergence": "diverging",
    "grad_spikes": "loss_spikes",
    "loss_spikes": "loss_spikes",
    "no_learning": "no_learning",
    "non_finite": "nan_explosion",
    "overfitting": "overfitting",
    "constant_lr_plateau": "plateau_needs_decay",
}
TRAINPROOF = {
    "TP-NAN": "nan_explosion",
    "TP-NAN-GRAD": "nan_explosion",
    "TP-DIVERGE": "diverging",
    "TP-FLAT": "no_learning",
    "TP-DEAD-RUN": "no_learning",
    "TP-ZERO-LR": "no_learning",
    "TP-GRAD-SPIKE": "loss_spikes",
    "TP-OVERFIT": "overfitting",
}
SEVERITY = {"FAIL": "critical", "WARN": "warning"}

#: Label or None, severity, onset in the log's steps or None.
Said = tuple[str | None, str, float | None]


def runmedic(program: Path, logs: Sequence[Path]) -> list[Said]:
    """Findings of `runmedic diagnose --json`, the worst severity first as it prints them."""
    found: list[Said] = []
    for log in logs:
        for run in _json([str(program), "diagnose", str(log), "--json"]) or ():
            found += ((RUNMEDIC.get(f["check"]), f["severity"], f.get("step")) for f in run["findings"])
    return sorted(found, key=lambda f: ("critical", "warning", "info").index(f[1]))


def trainproof(program: Path, logs: Sequence[Path]) -> list[Said]:
    """Findings of `trainproof doctor --json`; that a file holds no loss is no finding about a run."""
    found: list[Said] = []
    for log in logs:
        for report in (_json([str(program), "doctor", str(log), "--json"]) or {}).get("reports", ()):
            for finding in report["findings"]:
                if finding["level"] in SEVERITY and not finding["id"].startswith("TP-NO"):
                    found.append((TRAINPROOF.get(finding["id"]), SEVERITY[finding["level"]], None))
    return sorted(found, key=lambda f: f[1] != "critical")


def _json(command: Sequence[str]) -> Any:
    """What a program prints, None when it prints no JSON (it found nothing that it could read)."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    try:
        return json.loads(done.stdout)
    except json.JSONDecodeError:
        return None
