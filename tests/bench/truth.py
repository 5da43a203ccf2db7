"""How right is curvedoc on runs whose cause is known, beside naive thresholds and two other tools?

    python -m tests.bench.truth PATH... [--errors] [--peers DIR] [--only LABEL]

A PATH is a half of the laboratory (tests/lab/*.tar.xz or its directory of CASE/log and CASE/label.json), a
directory with answers.json and cases/, one with labels.csv and files/, or sets of runs/ with labels.csv and the
grader beside them (../tools/grade_labelled.py). `--peers` names the bin directory of an environment that holds
runmedic and trainproof; without it they are left out. Top-1 is the first finding that a label speaks of, none
reads as healthy; strict: it is the label of the run; lenient: one that also holds.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from curvedoc.api import find, judge_all
from curvedoc.errors import CurvedocError
from curvedoc.report import Report
from curvedoc.rulebook import Rule, load_rules
from curvedoc.run import Context, Run

from . import graders, grading, labelled, naive, peers
from .labelled import CORE, LABEL_OF, LABELS, Case

#: Schedules whose logged rate looks the same have one word here.
_SAME_SCHEDULE = {
    "cosine-restarts": "restarts",
    "triangular": "cyclic",
    "exp": "exponential",
    "poly": "polynomial",
    "one-over-t": "1/t",
    "rsqrt": "inverse-sqrt",
    "multi-step": "step",
    "multistep": "step",
    "plateau": "step",
    "reduce-on-plateau": "step",
    "manual": "step",
    "table": "step",
    "warmup": "constant",
}
_WELL_OR_UNKNOWN = ("healthy", "cannot_tell", "not_a_supervised_curve")


@dataclass(frozen=True, slots=True)
class Claim:
    """One diagnosis in the words of the labels; `label` None when no label speaks of it, `raw` its weakest clause;
    `consequence` when it is listed as what follows from another, and claims to be no cause."""

    label: str | None
    severity: str
    onset: float | None = None
    confidence: float | None = None
    possible: bool = False
    rule: str = ""
    raw: float | None = None
    consequence: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool says about one case: its claims, first things first; `schedule` (kind, drops) or None;
    `spacing` of the logged rate and `steps_per_epoch` if the log counts epochs; `silent` when nothing was judged."""

    claims: tuple[Claim, ...]
    schedule: tuple[str, tuple[float, ...]] | None = None
    spacing: float = 1.0
    steps_per_epoch: float | None = None
    unread: str = ""
    silent: bool = False
    report: Report | None = None

    @property
    def top(self) -> str:
        """The first finding that a label speaks of; healthy without one, "(none)" when nothing was read."""
        if self.unread:
            return "(none)"
        return next((c.label for c in self.claims if c.label is not None and not c.possible), "healthy")


def main() -> None:
    """Grade every path that is given."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--errors", action="store_true", help="list the cases whose first finding is not the label")
    parser.add_argument("--peers", type=Path, help="bin directory that holds runmedic and trainproof")
    parser.add_argument("--only", help="grade the cases of this label only")
    given = parser.parse_args()
    for path in given.paths:
        print(f"\n=== {path}")
        if labelled.is_set(path):
            graders.grade_sets(path, given.peers)
            continue
        with tempfile.TemporaryDirectory() as room:
            cases = labelled.load(path, Path(room))
            cases = [case for case in cases if given.only in (None, case.label)]
            begin = time.process_time()
            answers = [curvedoc_says(case) for case in cases]
            print(f"{len(cases)} cases, {1000 * (time.process_time() - begin) / max(1, len(cases)):.0f} CPU ms each")
            describe(cases, answers)
            compare(cases, answers, given.peers)
            if given.errors:
                list_errors(cases, answers)


def curvedoc_says(case: Case, rules: Sequence[Rule] = ()) -> Answer:
    """The report on a case's log, as a user would get it without further words; by other rules than ours if given."""
    try:
        found = find([str(log) for log in case.logs])
        analysis = judge_all(found, rules or load_rules(), Context())
    except CurvedocError as error:
        return Answer((), unread=str(error))
    if not analysis:
        return Answer((), unread="; ".join(r.why for r in analysis.refused) or "no run")
    # A case is one run: several are a mistake of reading, and the worst of them is what a user sees first.
    report = analysis[0]
    run = next(run for run in found.runs if run.name == report.name)
    rate = run.get("lr")
    schedule = report.schedule
    return Answer(
        tuple(
            Claim(
                LABEL_OF.get(d.rule) or (d.rule if case.speaks_of(d.rule) else None),
                d.severity,
                d.onset and d.onset.step,
                d.confidence,
                d.possible,
                d.rule,
                min(e.grade for e in d.evidence),
                d.place == "consequence",
            )
            for d in report.diagnoses
        ),
        schedule=(schedule.kind, schedule.drops) if schedule is not None else None,
        spacing=float(np.median(np.diff(rate.step))) if rate is not None and len(rate) > 1 else 1.0,
        steps_per_epoch=_steps_per_epoch(case, run),
        silent=report.verdict == "not assessed",
        report=report,
    )


def naive_says(case: Case) -> Answer:
    """What naive thresholds say about the same curves as curvedoc reads them."""
    try:
        runs = find([str(log) for log in case.logs]).runs
    except CurvedocError as error:
        return Answer((), unread=str(error))
    if not runs:
        return Answer((), unread="no run")
    claims = tuple(Claim(label, "warning", onset) for label, onset in naive.labels(runs[0]))
    return Answer(claims, steps_per_epoch=_steps_per_epoch(case, runs[0]))


def _peer_says(ask: Callable[[Path, Sequence[Path]], list[peers.Said]], program: Path) -> Callable[[Case], Answer]:
    return lambda case: Answer(
        tuple(Claim(label, severity, onset) for label, severity, onset in ask(program, case.logs)),
        steps_per_epoch=case.steps_per_epoch,
    )


def _steps_per_epoch(case: Case, run: Run) -> float | None:
    """How many steps of the truth one step of the log is, where the log counts something longer."""
    if case.steps_per_epoch is not None or case.steps is None:
        return case.steps_per_epoch
    ends = [(float(c[0].step[0]), float(c[0].step[-1])) for c in run.curves.values() if len(c[0])]
    counted = max((b for _, b in ends), default=0.0) - min((a for a, _ in ends), default=0.0) + 1
    return case.steps / counted if 1 < counted < 0.5 * case.steps else None


# ------------------------------------------------------------------------------------------ what is printed
def describe(cases: Sequence[Case], answers: Sequence[Answer]) -> None:
    """Everything about curvedoc's own answers."""
    strict, lenient = _pairs(cases, answers)
    exact, fair = grading.by_label(strict), grading.by_label(lenient)
    print("                        strict                 lenient")
    print(f"{'label':22} {'n':>3}  prec recall   f1    prec recall   f1   any rank  onset error % (median, n)")
    onsets: list[float] = []
    for label in _ordered(exact):
        mine = [(c, a) for c, a in zip(cases, answers, strict=True) if c.label == label]
        ranked = np.mean([any(claim.label == label and not claim.possible for claim in a.claims) for _, a in mine])
        errors = [e for c, a in mine if (e := _onset_error(c, a)) is not None]
        onsets += errors
        told = f"{100 * statistics.median(errors):.1f} ({len(errors)})" if errors else ""
        numbers = (
            " ".join(f"{x:5.2f}" for x in (*exact[label][:3],)) + "   " + " ".join(f"{x:5.2f}" for x in fair[label][:3])
        )
        print(f"{label:22} {exact[label][3]:3d} {numbers}   {ranked:8.2f}  {told}")
    print("\nconfusion (rows: truth, columns: first finding)")
    print(grading.confusion(strict, (*_ordered({word for pair in strict for word in pair} - {"(none)"}), "(none)")))
    if onsets:
        near = np.mean(np.array(onsets) <= 0.05)
        print(
            f"\nonset error: median {100 * statistics.median(onsets):.1f} % of the run over {len(onsets)}, "
            f"mean {100 * statistics.mean(onsets):.1f} %, within 5 %: {near:.2f}"
        )
    print(_schedules(cases, answers))
    confidence, right = claims_for_calibration(cases, answers)
    print(
        f"calibration: ECE {grading.calibration_error(confidence, right):.3f} over {len(confidence)} claims;"
        + "".join(f" {mean:.2f}->{share:.2f} ({n})" for mean, share, n in grading.reliability(confidence, right, 5))
    )
    unread = [f"{c.name}: {a.unread[:150]}" for c, a in zip(cases, answers, strict=True) if a.unread]
    if unread:
        print(f"not read: {len(unread)}\n  " + "\n  ".join(unread[:10]))


def compare(cases: Sequence[Case], answers: Sequence[Answer], bin_: Path | None) -> None:
    """One line per tool on the same logs."""
    print(
        f"\n{'':12} {'top-1':>13}   {'macro-F1 strict (95 %)':>24} {'lenient (95 %)':>20}   core F1 (lenient)   "
        "healthy: warning  critical   refuted claims   faulty called healthy"
    )
    print(_line("curvedoc", cases, answers))
    print(_line("naive", cases, [naive_says(case) for case in cases]))
    for name, ask in (("runmedic", peers.runmedic), ("trainproof", peers.trainproof)):
        program = bin_ / name if bin_ is not None else None
        if program is None or not program.is_file():
            print(f"{name:12} not installed (--peers DIR)")
            continue
        says = _peer_says(ask, program)
        print(_line(name, cases, [says(case) for case in cases]))


def _ordered(words: Iterable[str]) -> list[str]:
    """Labels in their usual order, rules that serve as a label behind them."""
    return sorted(words, key=lambda word: (LABELS.index(word) if word in LABELS else len(LABELS), word))


def _line(name: str, cases: Sequence[Case], answers: Sequence[Answer]) -> str:
    strict, lenient = _pairs(cases, answers)
    top = [float(np.mean([true == guess for true, guess in pairs])) for pairs in (strict, lenient)]
    core = [grading.macro_f1(pairs, CORE) for pairs in (strict, lenient)]
    parts = []
    for pairs in (strict, lenient):
        low, high = grading.bootstrap_macro_f1(pairs)
        parts.append(f"{grading.macro_f1(pairs):.3f} ({low:.2f}-{high:.2f})")
    well = [a for c, a in zip(cases, answers, strict=True) if c.label == "healthy"]
    ill = [(c, a) for c, a in zip(cases, answers, strict=True) if c.label not in _WELL_OR_UNKNOWN]
    alarms = [
        np.mean([any(x.severity in bad and not x.possible for x in a.claims) for a in well]) if well else np.nan
        for bad in (("warning", "critical"), ("critical",))
    ]
    refuted = np.mean([any(x.label in c.refuted and not x.possible for x in a.claims) for c, a in ill]) if ill else 0
    missed = np.mean([a.top == "healthy" for _, a in ill]) if ill else 0
    return (
        f"{name:12} {top[0]:.3f} / {top[1]:.3f}   {parts[0]:>24} {parts[1]:>20}   {core[0]:.3f} ({core[1]:.3f})   "
        f"{alarms[0]:16.3f} {alarms[1]:9.3f}   {refuted:14.3f}   {missed:.3f}"
    )


def _pairs(cases: Sequence[Case], answers: Sequence[Answer]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """(label, first finding) strictly, and with an acceptable finding counted as the label.

    Where the truth is that nobody can tell, saying nothing is acceptable and "not assessed" is the answer; so it is
    where an expert accepts that nobody can tell.
    """
    strict, lenient = [], []
    for case, answer in zip(cases, answers, strict=True):
        top = answer.top
        abstains = case.label in ("cannot_tell", "not_a_supervised_curve")
        if abstains and top == "healthy" and answer.silent:
            top = case.label
        fair = top in case.acceptable or (abstains and top in ("healthy", "(none)"))
        fair = fair or (answer.silent and top == "healthy" and "cannot_tell" in case.acceptable)
        strict.append((case.label, top))
        lenient.append((case.label, case.label if fair else top))
    return strict, lenient


def _onset_error(case: Case, answer: Answer) -> float | None:
    """Error of the onset that was claimed with the right label; None without one, or where the truth has none."""
    claimed = next((c.onset for c in answer.claims if c.label == case.label and not c.possible), None)
    steps = case.steps
    if steps is None and answer.report is not None:  # strangers' logs: labelled on the log's own axis
        steps = max((c.step[-1] for c in answer.report.curves if c.step), default=None)
    return grading.onset_error(claimed, case.onset, steps, answer.steps_per_epoch) if steps else None


def _schedules(cases: Sequence[Case], answers: Sequence[Answer]) -> str:
    """How often the kind of schedule is right, how often unknown or absent rather than wrong, and the drops."""
    logged = [(c, a) for c, a in zip(cases, answers, strict=True) if c.schedule is not None and c.lr_logged]
    if not logged:
        return "schedule: no case states one"
    wrong: Counter[str] = Counter()
    right, unknown, drops, near = 0, 0, 0, 0
    for case, answer in logged:
        assert case.schedule is not None
        want, got = _kind(case.schedule["kind"]), _kind(answer.schedule[0]) if answer.schedule else "none"
        if want == "step" and case.schedule.get("drops") == []:  # its first drop lies behind the end of the run
            want = "constant"
        if case.schedule.get("drops") is None and got == "constant":  # a scheduler that waited and never cut
            want = got
        right += got == want
        unknown += got in ("unknown", "none")
        if got not in (want, "unknown", "none"):
            wrong[f"{case.schedule['kind']} as {answer.schedule[0] if answer.schedule else 'none'}"] += 1
        scale = answer.steps_per_epoch or 1.0
        # A smooth schedule falls fast before its end: those are no cuts.
        for drop in (case.schedule.get("drops") or ()) if want == "step" else ():
            drops += 1
            said = answer.schedule[1] if answer.schedule else ()
            near += any(
                abs(factor * (s + shift) - drop) <= factor * answer.spacing + 1
                for s in said
                for factor, shift in ((1.0, 0.0), (scale, 0.0), (scale, 1.0))
            )
    silent = [(c, a) for c, a in zip(cases, answers, strict=True) if c.schedule is not None and not c.lr_logged]
    guessed = sum(a.schedule is not None and a.schedule[0] != "unknown" for _, a in silent)
    return (
        f"schedule: kind right {right}/{len(logged)}, unknown {unknown}; drops within one logged point {near}/{drops}; "
        f"claimed without a logged rate {guessed}/{len(silent)}"
        + (f"; wrong: {', '.join(f'{k} {n}' for k, n in wrong.most_common(8))}" if wrong else "")
    )


def _kind(word: str) -> str:
    plain = word.replace("_", "-")
    return _SAME_SCHEDULE.get(plain, plain)


def claims_for_calibration(cases: Iterable[Case], answers: Iterable[Answer]) -> tuple[grading.Array, grading.Array]:
    """Confidence of every listed claim and whether it is right; what nobody proved or refuted is left out, and what
    is listed as a consequence: labels name causes."""
    pairs = [
        (claim.confidence, held)
        for case, answer in zip(cases, answers, strict=True)
        for claim in answer.claims
        if claim.label is not None
        and claim.confidence is not None
        and not claim.consequence
        and (held := case.holds(claim.label)) is not None
    ]
    return np.array([p for p, _ in pairs], float), np.array([h for _, h in pairs], float)


def list_errors(cases: Sequence[Case], answers: Sequence[Answer]) -> None:
    """The cases whose first finding is not the label, with every rule that spoke."""
    print("\nfirst finding is not the label (+ acceptable, - not):")
    for case, answer in zip(cases, answers, strict=True):
        if answer.top != case.label:
            said = ", ".join(f"{'?' if c.possible else ''}{c.rule}:{c.confidence:.2f}" for c in answer.claims)
            print(
                f"{'+' if answer.top in case.acceptable else '-'} {case.name:24} {case.label:20} "
                f"got {answer.top:20} [{said}] {case.about[:60]}"
            )


if __name__ == "__main__":
    main()
