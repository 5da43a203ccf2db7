"""How often is a claim of each confidence right? Fits that on labelled runs and writes rules/calibration.json.

    python -m tests.bench.calibrate TUNE [--judge PATH]... [--write]

The raw grade of a rule orders its claims but is no probability. One logistic curve in log(grade / (1 - grade)) is
fitted to the claims of all rules (Platt 1999), with an intercept of its own per rule that is shrunk towards the
common one: a rule with five claims borrows from the others, a rule with fifty speaks for itself. One slope keeps the
map of every rule rising, so that the order of claims stays. The strength of the shrinking is chosen by
cross-validation, with all claims of a run in one fold. Prints calibration error, Brier score and log loss of the raw
grades, of the fit on left-out runs, and of the fit on each `--judge` set, which is never fitted on.

`--write` stores, per rule, the probability at a few grades, to be joined by straight lines.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from curvedoc.report import POSSIBLE
from curvedoc.rulebook import RULES

from . import grading, labelled
from .truth import curvedoc_says

#: Grades at which the probability is stored. Below POSSIBLE a rule is silent and nothing is known.
GRADES = (POSSIBLE, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 1.0)
#: A grade of 1 has no finite logit: this much is as sure as a clause can be.
SUREST = 0.98
#: Inverse strengths of shrinking that are tried.
STRENGTHS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
#: The common slope and intercept are hardly shrunk: a feature this much larger costs that much less penalty, squared.
FREE = 30.0
FOLDS = 5


@dataclass(frozen=True, slots=True)
class Claims:
    """What was claimed: `rule`, raw `grade` and whether it was `right` (n,), and the `case` it was claimed of."""

    rule: tuple[str, ...]
    grade: grading.Array
    right: grading.Array
    case: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fit:
    """Probability = 1 / (1 + exp(-(intercept + shift[rule] + slope * logit(grade))))."""

    slope: float
    intercept: float
    shift: Mapping[str, float]

    def probability(self, rule: Sequence[str], grade: grading.Array) -> grading.Array:
        """Probability (n,) that each claim is right; a rule without claims in the fit gets the common curve."""
        shift = np.array([self.shift.get(r, 0.0) for r in rule])
        return np.asarray(1 / (1 + np.exp(-(self.intercept + shift + self.slope * _logit(grade)))), float)


def collect(path: Path) -> Claims:
    """Every listed claim on the cases of a path that was proved right or wrong."""
    rows = []
    with tempfile.TemporaryDirectory() as room:
        for case in labelled.load(path, Path(room)):
            for claim in curvedoc_says(case).claims:
                held = case.holds(claim.label) if claim.label is not None else None
                if held is not None and claim.raw is not None:
                    rows.append((claim.rule, claim.raw, float(held), case.name))
    rules, grades, right, cases = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Claims(rules, np.array(grades, float), np.array(right, float), cases)


def fit(claims: Claims, strength: float) -> Fit:
    """The curve for one strength of shrinking. Raises ValueError where the grades do not order the claims."""
    from sklearn.linear_model import LogisticRegression

    rules = sorted(set(claims.rule))
    if not 0 < claims.right.mean() < 1:
        raise ValueError("all claims are right, or all are wrong: nothing to fit")
    model = LogisticRegression(C=strength, fit_intercept=False, max_iter=2000)
    model.fit(_features(claims, rules), claims.right)
    intercept, slope, *shift = model.coef_[0]
    if slope <= 0:
        raise ValueError("higher grades are not more often right: mend the rules first")
    return Fit(FREE * float(slope), FREE * float(intercept), dict(zip(rules, map(float, shift), strict=True)))


def left_out(claims: Claims, strength: float) -> grading.Array:
    """Probability (n,) of each claim from a fit that has not seen its run."""
    from sklearn.model_selection import GroupKFold

    found = np.empty(len(claims.grade))
    for train, test in GroupKFold(min(FOLDS, len(set(claims.case)))).split(claims.grade, groups=claims.case):
        part = fit(_take(claims, train), strength)
        found[test] = part.probability([claims.rule[k] for k in test], claims.grade[test])
    return found


def best_strength(claims: Claims) -> float:
    """The strength whose left-out log loss is lowest."""
    return min(STRENGTHS, key=lambda s: log_loss(left_out(claims, s), claims.right))


def log_loss(probability: grading.Array, right: grading.Array) -> float:
    """Mean negative log-likelihood of what came true."""
    p = np.clip(probability, 1e-6, 1 - 1e-6)
    return float(-(right * np.log(p) + (1 - right) * np.log(1 - p)).mean())


def table(made: Fit, claims: Claims) -> dict[str, Any]:
    """Per rule the probability at GRADES, and how many claims stand behind it."""
    found = {}
    for rule in sorted(set(claims.rule)):
        mine = np.array([r == rule for r in claims.rule])
        probability = made.probability([rule] * len(GRADES), np.array(GRADES))
        found[rule] = {
            "grade": list(GRADES),
            "probability": [round(float(p), 3) for p in probability],
            "claims": int(mine.sum()),
            "right": int(claims.right[mine].sum()),
        }
    return found


def main() -> None:
    """Fit, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tune", type=Path)
    parser.add_argument("--judge", type=Path, action="append", default=[], help="labelled runs to test the fit on")
    parser.add_argument("--write", action="store_true", help="store the fit in rules/calibration.json")
    given = parser.parse_args()
    claims = collect(given.tune)
    print(f"{given.tune}: {len(claims.grade)} claims of {len(set(claims.case))} runs, {claims.right.mean():.2f} right")
    strength = best_strength(claims)
    made, unseen = fit(claims, strength), left_out(claims, strength)
    _tell("raw grade", claims.grade, claims.right)
    _tell(f"left-out runs (strength {strength:g})", unseen, claims.right)
    for path in given.judge:
        judged = collect(path)
        _tell(f"{path.name}, raw", judged.grade, judged.right)
        _tell(f"{path.name}, calibrated", made.probability(judged.rule, judged.grade), judged.right)
    stored = table(made, claims)
    print(f"\n{'rule':24} claims  right   P at " + "  ".join(f"{g:4.2f}" for g in GRADES))
    for rule, row in stored.items():
        told = "  ".join(f"{p:4.2f}" for p in row["probability"])
        print(f"{rule:24} {row['claims']:6d} {row['right']:6d}        {told}")
    if given.write:
        _write(given.tune, claims, strength, stored, unseen)


def _write(tune: Path, claims: Claims, strength: float, stored: dict[str, Any], unseen: grading.Array) -> None:
    source = hashlib.sha256(tune.read_bytes()).hexdigest() if tune.is_file() else None
    made = {
        "schema": 1,
        "made_by": f"python -m tests.bench.calibrate {tune.as_posix()} --write",
        "from": {"file": tune.name, "sha256": source, "runs": len(set(claims.case)), "claims": len(claims.grade)},
        "method": f"logistic in logit(grade), one slope, intercepts shrunk per rule (strength {strength:g})",
        "left_out": {
            "calibration_error": round(grading.calibration_error(unseen, claims.right), 3),
            "raw_calibration_error": round(grading.calibration_error(claims.grade, claims.right), 3),
        },
        "rules": stored,
    }
    file = RULES / "calibration.json"
    file.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    print(f"written: {file}")


def _tell(what: str, probability: grading.Array, right: grading.Array) -> None:
    error = grading.calibration_error(probability, right)
    brier = float(((probability - right) ** 2).mean()) if len(right) else float("nan")
    bins = " ".join(f"{m:.2f}->{s:.2f} ({n})" for m, s, n in grading.reliability(probability, right, 5))
    print(f"{what:36} ECE {error:.3f}  Brier {brier:.3f}  log loss {log_loss(probability, right):.3f}   {bins}")


def _features(claims: Claims, rules: Sequence[str]) -> grading.Array:
    own = np.array([[float(rule == r) for r in rules] for rule in claims.rule])
    common = FREE * np.column_stack([np.ones(len(claims.grade)), _logit(claims.grade)])
    return np.column_stack([common, own])


def _logit(grade: grading.Array) -> grading.Array:
    p = np.clip(grade, 1 - SUREST, SUREST)
    return np.asarray(np.log(p / (1 - p)), float)


def _take(claims: Claims, at: np.ndarray[Any, Any]) -> Claims:
    return Claims(
        tuple(claims.rule[k] for k in at), claims.grade[at], claims.right[at], tuple(claims.case[k] for k in at)
    )


if __name__ == "__main__":
    main()
