"""How often is a claim of each confidence right? Fits that on labelled runs and writes rules/calibration.json.

    python -m tests.bench.calibrate PATH [--seen TUNE] [--test PATH]... [--write]

The raw grade of a rule orders its claims but is no probability. Two logistic curves in log(grade / (1 - grade)), one
for findings and one for possibilities, are fitted to the claims of all rules (Platt 1999), each with an intercept of
its own per rule that is shrunk towards the common one: a rule with five claims borrows from the others, a rule with
fifty speaks for itself. One slope keeps the map of every rule rising, so that the order of its claims stays. The
probability of a finding is kept at FINDING or above, that of a possibility below, so that no verdict changes; a
possibility that is right less often than POSSIBLE is not worth a line, and the report leaves it out. Here all are
counted, listed or not: each is what its rule would claim by its grade alone.

PATH holds runs of tasks on which no threshold was chosen: only those can say how often a claim on a user's run is
right. `--seen` adds the claims on runs that thresholds were chosen on. They speak of the slope and of how the rules
differ, and have a step of their own: where they are right more often than elsewhere they were chosen to be, and that is
left out; where they are right less often, nothing was chosen to make them so, and the lower level counts. (Of the
possibilities a fifth is right on tests/lab/tune, four in ten on tests/lab/calibration, and a fourth and less on every
other set that we have.)

The strength of the shrinking, of findings and of possibilities, is chosen on left-out runs, with all runs of a task
in one fold: what one task teaches must hold on another. Prints calibration error, Brier score and log loss of the raw
grades, of the fit on left-out tasks, and of the fit on each `--test` set, which is never fitted on; beside each error
the one that claims of exactly these probabilities would show by chance.

`--write` stores, per rule, the probability at a few grades, to be joined by straight lines.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from curvedoc.report import FINDING, POSSIBLE
from curvedoc.rulebook import RULES, load_rules

from . import grading, labelled
from .truth import curvedoc_says

#: Grades at which the probability is stored, on either side of FINDING. Below POSSIBLE a rule is silent.
GRADES = {True: (FINDING, 0.6, 0.7, 0.8, 0.9, 0.97, 1.0), False: (POSSIBLE, 0.3, 0.4, FINDING)}
#: Probabilities of a finding and of a possibility stay between these: nothing is certain, and words keep their meaning.
WITHIN = {True: (FINDING, 0.99), False: (0.01, FINDING - 0.01)}
#: A grade of 1 has no finite logit: this much is as sure as a clause can be.
SUREST = 0.98
#: Inverse strengths of shrinking that are tried: the variance of the rules' intercepts, from nearly one curve for all
#: to rules that differ by half a logit.
STRENGTHS = (0.01, 0.03, 0.1, 0.3)
#: The common slope and intercept, and the step of what was seen, are hardly shrunk: a feature this much larger costs
#: that much less penalty, squared.
FREE = 30.0
#: Draws from which the error that chance alone makes is averaged.
DRAWS = 200


@dataclass(frozen=True, slots=True)
class Claims:
    """What was claimed: `rule`, raw `grade` and whether it was `right` (n,), and the `task` it was claimed of."""

    rule: tuple[str, ...]
    grade: grading.Array
    right: grading.Array
    task: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """Probability = 1 / (1 + exp(-(intercept + shift[rule] + slope * logit(grade))))."""

    intercept: float
    slope: float
    shift: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Fit:
    """What was fitted to findings (True) and to possibilities (False)."""

    curves: Mapping[bool, Curve]

    def probability(self, rule: Sequence[str], grade: grading.Array) -> grading.Array:
        """Probability (n,) that each claim is right; a rule without claims in the fit gets the common curve."""
        return np.where(grade >= FINDING, self.on(True, rule, grade), self.on(False, rule, grade))

    def on(self, finding: bool, rule: Sequence[str], grade: grading.Array) -> grading.Array:
        """The same, where all claims are findings, or possibilities."""
        curve = self.curves[finding]
        shift = np.array([curve.shift.get(r, 0.0) for r in rule])
        free = 1 / (1 + np.exp(-(curve.intercept + shift + curve.slope * _logit(grade))))
        return np.asarray(np.clip(free, *WITHIN[finding]), float)

    @property
    def rules(self) -> tuple[str, ...]:
        """Rules of which a claim was seen."""
        return tuple(sorted({rule for curve in self.curves.values() for rule in curve.shift}))


def collect(path: Path) -> Claims:
    """Every claim on the cases of a path that was proved right or wrong; a consequence claims no cause.

    Rules speak by their grades, or what is left out of reports now would not be counted next time.
    """
    rows, plain = [], [replace(rule, calibration=()) for rule in load_rules()]
    with tempfile.TemporaryDirectory() as room:
        for case in labelled.load(path, Path(room)):
            for claim in curvedoc_says(case, plain).claims:
                held = case.holds(claim.label) if claim.label is not None else None
                if held is not None and claim.raw is not None and not claim.consequence:
                    rows.append((claim.rule, claim.raw, float(held), case.task or case.name))
    rules, grades, right, tasks = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Claims(rules, np.array(grades, float), np.array(right, float), tasks)


def fit(claims: Claims, strength: float | Mapping[bool, float], seen: Claims | None = None) -> Fit:
    """The curves for one strength of shrinking, or one for findings (True) and one for possibilities, for runs like
    those of `claims`.

    Those of `seen`, which thresholds were chosen on, have a step of their own, which counts where it is down. A slope
    that would make a curve fall is left out.

    Raises ValueError where findings are right no more often than possibilities, or all claims of either are right or
    wrong.
    """
    surer = claims.grade >= FINDING
    if claims.right[surer].mean() <= claims.right[~surer].mean():
        raise ValueError("findings are right no more often than possibilities: mend the rules first")
    curves = {}
    for finding in (True, False):
        mine, others = (
            None if each is None else _take(each, np.flatnonzero((each.grade >= FINDING) == finding))
            for each in (claims, seen)
        )
        assert mine is not None
        curves[finding] = _curve(mine, others, strength if isinstance(strength, float) else strength[finding])
    return Fit(curves)


def _curve(claims: Claims, seen: Claims | None, strength: float) -> Curve:
    """One curve, at the lower of the levels of `claims` and `seen`."""
    from sklearn.linear_model import LogisticRegression

    both = claims if seen is None else _joined(claims, seen)
    rules = sorted(set(both.rule))
    if len(set(both.right)) < 2:
        raise ValueError("all claims are right, or all are wrong: nothing to fit")
    own = np.array([[float(rule == r) for r in rules] for rule in both.rule])
    tuned = np.arange(len(both.grade)) >= len(claims.grade)
    for rising in (1, 0):
        common = FREE * np.column_stack([np.ones(len(both.grade)), rising * _logit(both.grade), tuned])
        model = LogisticRegression(C=strength, fit_intercept=False, max_iter=5000)
        fitted = model.fit(np.column_stack([common, own]), both.right).coef_[0].tolist()
        intercept, slope, step, *shift = fitted
        if slope >= 0:
            break
    return Curve(FREE * (intercept + min(step, 0.0)), FREE * max(slope, 0.0), dict(zip(rules, shift, strict=True)))


def left_out(claims: Claims, strength: float | Mapping[bool, float], seen: Claims | None = None) -> grading.Array:
    """Probability (n,) of each claim from a fit that has seen no run of its task."""
    found = np.empty(len(claims.grade))
    for task in sorted(set(claims.task)):
        mine = np.array([t == task for t in claims.task])
        part = fit(_take(claims, np.flatnonzero(~mine)), strength, seen)
        found[mine] = part.probability([r for r, m in zip(claims.rule, mine, strict=True) if m], claims.grade[mine])
    return found


def best_strength(claims: Claims, seen: Claims | None = None) -> dict[bool, float]:
    """The shrinking of findings (True) and of possibilities with the lowest log loss on left-out tasks.

    Each has its own: how far rules differ in what they find says little about what they merely suspect. The log loss
    is a proper score: it rewards telling rules apart as far as that holds on a task that was not seen. The calibration
    error would do as well with one number for all (Gneiting and Raftery 2007).
    """
    found = {s: left_out(claims, s, seen) for s in STRENGTHS}
    surer = claims.grade >= FINDING

    def loss(strength: float, mine: np.ndarray[Any, Any]) -> float:
        return log_loss(found[strength][mine], claims.right[mine])

    return {finding: min(STRENGTHS, key=lambda s: loss(s, surer == finding)) for finding in (True, False)}


def by_chance(probability: grading.Array) -> tuple[float, float]:
    """Mean and scatter of the calibration error that claims show when each is right with exactly its probability."""
    rng = np.random.default_rng(0)
    drawn = (rng.random((DRAWS, len(probability))) < probability).astype(float)
    found = [grading.calibration_error(probability, right) for right in drawn]
    return float(np.mean(found)), float(np.std(found))


def log_loss(probability: grading.Array, right: grading.Array) -> float:
    """Mean negative log-likelihood of what came true."""
    p = np.clip(probability, 1e-6, 1 - 1e-6)
    return float(-(right * np.log(p) + (1 - right) * np.log(1 - p)).mean())


def table(made: Fit, claims: Claims) -> dict[str, Any]:
    """Per rule of the fit the probability at GRADES, FINDING twice: from below and as a finding; and how many `claims`
    it made, and how many were right."""
    found = {}
    for rule in made.rules:
        mine = np.array([r == rule for r in claims.rule], bool)
        grade = [g for finding in (False, True) for g in GRADES[finding]]
        probability = [
            float(p)
            for finding in (False, True)
            for p in made.on(finding, [rule] * len(GRADES[finding]), np.array(GRADES[finding]))
        ]
        found[rule] = {
            "grade": grade,
            "probability": [round(p, 3) for p in probability],
            "claims": int(mine.sum()),
            "right": int(claims.right[mine].sum()),
        }
    return found


def main() -> None:
    """Fit, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("path", type=Path, help="labelled runs of tasks that no threshold was chosen on")
    parser.add_argument("--seen", type=Path, help="labelled runs that thresholds were chosen on")
    parser.add_argument("--test", type=Path, action="append", default=[], help="labelled runs to test the fit on")
    parser.add_argument("--write", action="store_true", help="store the fit in rules/calibration.json")
    given = parser.parse_args()
    claims, seen = collect(given.path), None if given.seen is None else collect(given.seen)
    for path, part in ((given.path, claims), (given.seen, seen)):
        if part is not None:
            tasks = len(set(part.task))
            print(f"{path}: {len(part.grade)} claims of {tasks} tasks, {part.right.mean():.2f} right")
    strength = best_strength(claims, seen)
    made, unseen = fit(claims, strength, seen), left_out(claims, strength, seen)
    _tell("raw grade", claims.grade, claims.right)
    _tell(f"left-out tasks (strength {_told(strength)})", unseen, claims.right)
    if seen is not None:
        _tell("the runs seen", made.probability(seen.rule, seen.grade), seen.right)
    for path in given.test:
        judged = collect(path)
        _tell(f"{path.name}, raw", judged.grade, judged.right)
        _tell(f"{path.name}, calibrated", made.probability(judged.rule, judged.grade), judged.right)
    stored = table(made, claims if seen is None else _joined(claims, seen))
    print(f"\n{'rule':24} claims  right   P at " + "  ".join(f"{g:4.2f}" for g in (*GRADES[False], *GRADES[True])))
    for rule, row in stored.items():
        told = "  ".join(f"{p:4.2f}" for p in row["probability"])
        print(f"{rule:24} {row['claims']:6d} {row['right']:6d}        {told}")
    if given.write:
        sources = {given.path: claims} | ({} if seen is None else {given.seen: seen})
        _write(sources, strength, stored, unseen)


def _told(strength: Mapping[bool, float]) -> str:
    return f"{strength[True]:g} of findings, {strength[False]:g} of possibilities"


def _write(
    sources: Mapping[Path, Claims], strength: Mapping[bool, float], stored: dict[str, Any], unseen: grading.Array
) -> None:
    """`sources`: the runs that no threshold was chosen on, then those seen, if any."""
    (path, claims), *seen = sources.items()
    beside = "".join(f" --seen {other.as_posix()}" for other, _ in seen)
    made = {
        "schema": 2,
        "made_by": f"python -m tests.bench.calibrate {path.as_posix()}{beside} --write",
        "from": [
            {
                "file": source.as_posix(),
                "sha256": hashlib.sha256(source.read_bytes()).hexdigest() if source.is_file() else None,
                "claims": len(part.grade),
            }
            for source, part in sources.items()
        ],
        "method": f"logistic in logit(grade), one curve for findings and one for possibilities, intercepts shrunk per "
        f"rule (strength {_told(strength)}); a finding stays at {FINDING:g} or above, a possibility below"
        + (
            "; runs that thresholds were chosen on have a step of their own, which counts where it is down"
            if seen
            else ""
        ),
        "left_out_tasks": {
            "calibration_error": round(grading.calibration_error(unseen, claims.right), 3),
            "by_chance_alone": round(by_chance(unseen)[0], 3),
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
    chance, loss = by_chance(probability)[0], log_loss(probability, right)
    print(f"{what:36} ECE {error:.3f} (by chance {chance:.3f})  Brier {brier:.3f}  log loss {loss:.3f}   {bins}")


def _joined(first: Claims, second: Claims) -> Claims:
    return Claims(
        first.rule + second.rule,
        np.concatenate([first.grade, second.grade]),
        np.concatenate([first.right, second.right]),
        first.task + second.task,
    )


def _logit(grade: grading.Array) -> grading.Array:
    p = np.clip(grade, 1 - SUREST, SUREST)
    return np.asarray(np.log(p / (1 - p)), float)


def _take(claims: Claims, at: np.ndarray[Any, Any]) -> Claims:
    return Claims(
        tuple(claims.rule[k] for k in at), claims.grade[at], claims.right[at], tuple(claims.task[k] for k in at)
    )


if __name__ == "__main__":
    main()
