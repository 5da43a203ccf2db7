"""What does the grader say that comes with a public set, of curvedoc and of other tools?"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from curvedoc.api import find, judge_all
from curvedoc.rulebook import load_rules
from curvedoc.run import Context

from . import naive, peers
from .labelled import RULE_OF


def grade_sets(path: Path, bin_: Path | None) -> None:
    """Hand each tool's reports on public sets to the grader that comes with them."""
    sets = path if not (path / "labels.csv").is_file() else path.parent
    names = [path.name] if sets != path else sorted(p.name for p in path.iterdir() if p.is_dir())
    grader = sets.parent / "tools" / "grade_labelled.py"
    if not grader.is_file():
        print(f"no grader: {grader} is missing", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory() as room:
        begin, runs = time.process_time(), 0
        for name in names:
            logs = sets / name / "runs" if (sets / name / "runs").is_dir() else sets / name
            analysis = judge_all(find(str(logs)), load_rules(), Context())
            runs += len(analysis)
            _write(Path(room) / f"{name}.json", [report.to_dict() for report in analysis])
        print(f"curvedoc ({runs} runs, {1000 * (time.process_time() - begin) / max(1, runs):.0f} CPU ms each)")
        _ask(grader, room, sets)
    with tempfile.TemporaryDirectory() as room:
        for name in names:
            logs = sets / name / "runs" if (sets / name / "runs").is_dir() else sets / name
            said = [(run.name, run.path, naive.labels(run)) for run in find(str(logs)).runs]
            _write(
                Path(room) / f"{name}.json",
                [_as_report(n, p, [(label, "warning") for label, _ in found]) for n, p, found in said],
            )
        print("naive")
        _ask(grader, room, sets)
    for name, ask in (("runmedic", peers.runmedic), ("trainproof", peers.trainproof)):
        program = bin_ / name if bin_ is not None else None
        if program is None or not program.is_file():
            print(f"{name}: not installed (--peers DIR)")
            continue
        with tempfile.TemporaryDirectory() as room:
            for set_ in names:
                files = sorted((sets / set_ / "runs").glob("*.csv")) or sorted((sets / set_).glob("*/*.json"))
                said = [(f.parent.name if f.suffix == ".json" else f.stem, f, ask(program, [f])) for f in files]
                found = [_as_report(n, str(f), [(label, severity) for label, severity, _ in s]) for n, f, s in said]
                _write(Path(room) / f"{set_}.json", found)
            print(name)
            _ask(grader, room, sets)


def _as_report(name: str, path: str, claims: Iterable[tuple[str | None, str]]) -> dict[str, object]:
    found = [{"rule": RULE_OF.get(label or "", "other"), "severity": severity} for label, severity in claims]
    return {"name": name, "path": path, "diagnoses": found}


def _write(file: Path, runs: list[dict[str, object]]) -> None:
    file.write_text(json.dumps({"schema": 1, "runs": runs}), encoding="utf-8")


def _ask(grader: Path, room: str, sets: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(grader), room, str(sets)], capture_output=True, text=True, timeout=300, check=False
    )
    print("  " + (done.stdout + done.stderr).strip().replace("\n", "\n  "))
