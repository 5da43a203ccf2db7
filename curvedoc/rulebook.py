"""What is a rule? TOML in, frozen Rule out; strict, with the nearest right name for every mistake."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from .errors import RuleError, UsageError

_HERE = Path(__file__).parent
#: Inside a wheel the rules lie in the package, in a checkout at its top.
RULES = _HERE / "rules" if (_HERE / "rules").is_dir() else _HERE.parent / "rules"

SEVERITIES = ("info", "warning", "critical")
STAGES = ("logging", "numerics", "start", "optimization", "generalization", "budget")
SUBJECTS = ("run", "lr_drop", "layer")


@dataclass(frozen=True, slots=True)
class Clause:
    """One piece of evidence: the vital grades 0 at `no_at` and 1 at `yes_at`, linear in between.

    `says` is the sentence for the report, with vitals in braces; `reason` says why these thresholds.
    `if_missing` is the grade when the vital cannot be measured; None makes the rule not assessed.
    """

    vital: str
    no_at: float
    yes_at: float
    says: str
    reason: str
    if_missing: float | None = None

    def grade(self, low: float, value: float, high: float) -> float:
        """Grade 0..1 averaged over an 80 % interval.

        The weights 0.3, 0.4, 0.3 for the 10th, 50th and 90th percentile are Swanson's rule for the mean
        of a quantity known by these three (Hurst, Brown and Swanson 2000).

        >>> round(Clause("v", 0.1, 0.3, "", "").grade(0.1, 0.2, 0.3), 3)
        0.5
        """
        share = [min(1.0, max(0.0, (x - self.no_at) / (self.yes_at - self.no_at))) for x in (low, value, high)]
        return 0.3 * share[0] + 0.4 * share[1] + 0.3 * share[2]


@dataclass(frozen=True, slots=True)
class FixTemplate:
    """What to do, with vitals in braces; `action` is what a machine can apply."""

    do: str
    why: str = ""
    action: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Deferral:
    """To which rules another one leaves the lead, and `where`: it does once that clause is graded as a finding is."""

    to: tuple[str, ...]
    where: Clause


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One diagnosis, as its file states it: `rules/ID.toml`, or `rules/ID.FORM.toml` for another form of the same
    illness, with other signs; of all that stand the one that explains most is reported, else the gravest, else the
    surest. `each` is what it is asked of: the run, every learning-rate drop or every layer; `onset` the vital that says
    where it begins; `explains` the rules that are its consequences when both stand; `yields_to` those beside which
    it does not lead; `defers` those beside which it does not lead, nor explains them, where a vital says so;
    `look_alikes` name to how to tell.
    `calibration`: raw grades and the share of right claims there, on labelled runs, rising; empty when nobody measured
    it. A rule is equal to itself alone."""

    id: str
    title: str
    severity: str
    stage: str
    each: str
    story: str
    sources: tuple[str, ...]
    evidence: tuple[Clause, ...]
    fixes: tuple[FixTemplate, ...]
    look_alikes: Mapping[str, str]
    explains: tuple[str, ...] = ()
    yields_to: tuple[str, ...] = ()
    defers: Deferral | None = None
    onset: str | None = None
    form: str = ""
    calibration: tuple[tuple[float, float], ...] = ()

    @property
    def name(self) -> str:
        """The name of its file: the id, and the form if it is not the first."""
        return f"{self.id}.{self.form}" if self.form else self.id

    def confidence(self, raw: float) -> float:
        """The probability that a claim of this raw grade is right, once the rule is calibrated; else the grade.

        Straight lines join the grades of `calibration`; where one stands twice, the curve jumps there.

        >>> from dataclasses import replace
        >>> rule = replace(load_rules(select=["overfitting"])[0], calibration=())
        >>> known = replace(rule, calibration=((0.2, 0.2), (0.5, 0.4), (0.5, 0.6), (1.0, 0.9)))
        >>> rule.confidence(0.8), known.confidence(0.8), known.confidence(0.35), known.confidence(0.5)
        (0.8, 0.78, 0.3, 0.6)
        """
        if not self.calibration or raw < self.calibration[0][0]:
            return min(raw, self.calibration[0][1]) if self.calibration else raw
        for (left, low), (right, high) in pairwise(self.calibration):
            if raw < right:
                return round(low + (high - low) * (raw - left) / (right - left), 9)
        return self.calibration[-1][1]


def load_rules(
    extra: Path | None = None, *, select: Sequence[str] = (), ignore: Sequence[str] = ()
) -> tuple[Rule, ...]:
    """All rules in the order of their stage, then id; the forms of one illness follow each other.

    `extra` is a directory whose files add rules or replace those of the same id, forms included; `select` keeps
    only the named ids with their forms, `ignore` drops them. Raises RuleError for a file that is not a rule and
    UsageError for an unknown id or a missing directory.
    """
    return _load(extra, tuple(select), tuple(ignore)) if extra or select or ignore else _own()


@lru_cache(maxsize=1)
def _own() -> tuple[Rule, ...]:
    """All rules of ours, read once: parsing them takes longer than judging a run."""
    return _load(None, (), ())


def _load(extra: Path | None, select: tuple[str, ...], ignore: tuple[str, ...]) -> tuple[Rule, ...]:
    files = {path.stem: path for path in sorted(RULES.glob("*.toml"))}
    if extra is not None:
        if not extra.is_dir():
            raise UsageError(f"{extra}: no such directory of rules")
        own = {path.stem: path for path in sorted(extra.glob("*.toml"))}
        files = {name: path for name, path in files.items() if _id(path)[0] not in own} | own
    ids = {name: _id(path)[0] for name, path in files.items()}
    for name in (*select, *ignore):
        if name not in ids.values():
            raise UsageError(f"no rule {name!r}{_hint(name, ids.values())} (`curvedoc rules` lists them all)")
    wanted = [i for i in files if (not select or ids[i] in select) and ids[i] not in ignore]
    measured = _calibration()
    known = {name: measured.get(ids[name], ()) if files[name].parent == RULES else () for name in wanted}
    rules = [replace(read_rule(files[name]), calibration=known[name]) for name in wanted]
    for rule in rules:
        deferred = rule.defers.to if rule.defers else ()
        for key, named in (("explains", rule.explains), ("yields_to", rule.yields_to), ("defers", deferred)):
            for name in named:
                if name not in ids.values():
                    raise RuleError(f"{files[rule.name]}: {key}: no rule {name!r}{_hint(name, ids.values())}")
    first = {rule.id: rule for rule in rules if not rule.form}
    for rule in rules:
        if rule.id not in first:
            raise RuleError(f"{files[rule.name]}: a form of {rule.id!r}, which has no file of its own")
        if rule.stage != first[rule.id].stage:
            raise RuleError(f"{files[rule.name]}: stage: forms of one illness share it ({first[rule.id].stage})")
    return tuple(sorted(rules, key=lambda rule: (STAGES.index(rule.stage), rule.id, rule.form)))


def read_rule(path: Path) -> Rule:
    """The rule in a file. Raises RuleError that names file, key and the nearest right name."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RuleError(f"{path}: not a rule file: {error}") from error
    where = str(path)
    _keys(
        where,
        data,
        must=("title", "severity", "stage", "story", "sources", "evidence", "fix", "look_alikes"),
        may=("each", "explains", "onset", "yields_to", "defers"),
    )
    name, form = _id(path)
    rule = Rule(
        id=name,
        form=form,
        title=_text(where, data, "title"),
        severity=_one_of(where, data, "severity", SEVERITIES),
        stage=_one_of(where, data, "stage", STAGES),
        each=_one_of(where, {"each": "run"} | data, "each", SUBJECTS),
        story=_text(where, data, "story"),
        sources=_texts(where, data, "sources"),
        evidence=tuple(_clause(f"{where}: evidence {n}", c) for n, c in enumerate(_tables(where, data, "evidence"), 1)),
        fixes=tuple(_fix(f"{where}: fix {n}", f) for n, f in enumerate(_tables(where, data, "fix"), 1)),
        look_alikes=_look_alikes(where, data["look_alikes"]),
        explains=_texts(where, {"explains": []} | data, "explains"),
        yields_to=_texts(where, {"yields_to": []} | data, "yields_to"),
        defers=_deferral(f"{where}: defers", data["defers"]) if "defers" in data else None,
        onset=_text(where, data, "onset") if "onset" in data else None,
    )
    if rule.stage in ("logging", "budget") and rule.severity != "info":
        raise RuleError(f"{where}: severity: rules of stage {rule.stage!r} are info")
    return rule


def _id(path: Path) -> tuple[str, str]:
    """Id and form of the rule in a file: `ID.toml` or `ID.FORM.toml`."""
    name, _, form = path.stem.partition(".")
    return name, form


def _calibration() -> dict[str, tuple[tuple[float, float], ...]]:
    """Per rule what tests/bench/calibrate.py measured; a rule of one's own, or a replaced one, has none."""
    file = RULES / "calibration.json"
    if not file.is_file():
        return {}
    rules = json.loads(file.read_text(encoding="utf-8"))["rules"]
    return {name: tuple(zip(row["grade"], row["probability"], strict=True)) for name, row in rules.items()}


def _clause(where: str, data: Mapping[str, Any]) -> Clause:
    _keys(where, data, must=("vital", "no_at", "yes_at", "says", "reason"), may=("if_missing",))
    no_at, yes_at = _number(where, data, "no_at"), _number(where, data, "yes_at")
    if no_at == yes_at:
        raise RuleError(f"{where}: no_at and yes_at are both {no_at}: a grade needs a slope")
    if_missing = _number(where, data, "if_missing") if "if_missing" in data else None
    if if_missing is not None and not 0 <= if_missing <= 1:
        raise RuleError(f"{where}: if_missing is {if_missing}, a grade lies in 0..1")
    texts = {key: _text(where, data, key) for key in ("vital", "says", "reason")}
    return Clause(texts["vital"], no_at, yes_at, texts["says"], texts["reason"], if_missing)


def _deferral(where: str, data: Any) -> Deferral:
    if not isinstance(data, dict):
        raise RuleError(f"{where}: must be a table with the keys to, vital, no_at, yes_at, says and reason")
    clause = {key: value for key, value in data.items() if key != "to"}
    _keys(where, data, must=("to", "vital", "no_at", "yes_at", "says", "reason"), may=())
    return Deferral(_texts(where, data, "to"), _clause(where, clause))


def _fix(where: str, data: Mapping[str, Any]) -> FixTemplate:
    _keys(where, data, must=("do",), may=("why", "action"))
    action = data.get("action")
    if action is not None and not (isinstance(action, dict) and isinstance(action.get("kind"), str)):
        raise RuleError(f"{where}: action: must be a table with a 'kind'")
    return FixTemplate(_text(where, data, "do"), _text(where, {"why": ""} | dict(data), "why"), action)


def _look_alikes(where: str, data: Any) -> dict[str, str]:
    if not isinstance(data, dict) or not all(isinstance(tell, str) for tell in data.values()):
        raise RuleError(f"{where}: look_alikes: must be a table of name = how to tell")
    return dict(data)


def _keys(where: str, data: Mapping[str, Any], must: Sequence[str], may: Sequence[str]) -> None:
    for key in data:
        if key not in must and key not in may:
            raise RuleError(f"{where}: unknown key {key!r}{_hint(key, (*must, *may))}")
    for key in must:
        if key not in data:
            raise RuleError(f"{where}: key {key!r} is missing")


def _text(where: str, data: Mapping[str, Any], key: str) -> str:
    if not isinstance(data[key], str):
        raise RuleError(f"{where}: {key}: must be a text, not {data[key]!r}")
    return " ".join(data[key].split())


def _texts(where: str, data: Mapping[str, Any], key: str) -> tuple[str, ...]:
    if not isinstance(data[key], list) or not all(isinstance(item, str) for item in data[key]):
        raise RuleError(f"{where}: {key}: must be a list of texts")
    return tuple(data[key])


def _tables(where: str, data: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    if not isinstance(data[key], list) or not data[key] or not all(isinstance(item, dict) for item in data[key]):
        raise RuleError(f"{where}: {key}: must be one or more [[{key}]] tables")
    return list(data[key])


def _number(where: str, data: Mapping[str, Any], key: str) -> float:
    if isinstance(data[key], bool) or not isinstance(data[key], (int, float)):
        raise RuleError(f"{where}: {key}: must be a number, not {data[key]!r}")
    return float(data[key])


def _one_of(where: str, data: Mapping[str, Any], key: str, allowed: Sequence[str]) -> str:
    if data[key] not in allowed:
        hint = _hint(str(data[key]), allowed)
        raise RuleError(f"{where}: {key}: {data[key]!r} is not one of {', '.join(allowed)}{hint}")
    return str(data[key])


def _hint(name: str, known: Iterable[str]) -> str:
    names = list(known)
    # Half a name is often all one knows; of two names with the same word the one that begins with it is meant.
    words = sorted(((at, name, word) for name in names for at, word in enumerate(name.split("-"))), reverse=True)
    by_word = {word: name for _, name, word in words}
    near = difflib.get_close_matches(name, names, 1, 0.5)
    near = near or [by_word[word] for word in difflib.get_close_matches(name, by_word, 1, 0.7)]
    return f"; did you mean {near[0]!r}?" if near else ""
