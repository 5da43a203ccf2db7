"""How are the facts of a report said? The words that every output shares."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Iterable

from ..estimate import show
from ..report import FINDING, Analysis, Diagnosis, Evidence, Fix, NotAssessed, Reading, Report, Schedule

#: What a confidence is called from which value on. Calibrated it is a probability, else the grade of the
#: weakest piece of evidence: words of likelihood would then promise more than is known.
LIKELIHOOD = ((0.95, "almost certain"), (0.8, "very likely"), (0.65, "likely"), (0.5, "more likely than not"))
STRENGTH = ((0.95, "very strong evidence"), (0.8, "strong evidence"), (0.65, "good evidence"), (0.5, "fair evidence"))


def clean(text: object) -> str:
    r"""The text on one line, with every character escaped that could act on a terminal, a page or a parser.

    Control and format characters, directional overrides, line separators, lone surrogates and
    non-characters are shown as their escapes; the two joiners that scripts and emoji need are kept.

    >>> clean("a\x1b[31m\nb \u202e\ud800")
    'a\\x1b[31m\\nb \\u202e\\ud800'
    """
    return "".join(c if _harmless(c) else c.encode("unicode_escape").decode() for c in str(text))


def prose(text: object) -> str:
    """A sentence or a paragraph as one line: white space of any kind becomes one space, the rest is cleaned."""
    return clean(" ".join(str(text).split()))


def cells(text: str) -> int:
    """How many columns of a terminal a clean text takes.

    >>> cells("loss"), cells("損失"), cells("e\u0301")
    (4, 4, 1)
    """
    return sum(_cells(c) for c in text)


def shorten(text: str, width: int) -> str:
    """A clean text in at most `width` columns, the middle left out: both ends of a run's name tell runs apart.

    >>> shorten("sweep/lr0.1/seed0", 11)
    'swee...eed0'
    """
    if cells(text) <= width and len(text) <= 4 * width:
        return text
    if width <= 5:
        return head(text, width)
    tail = (width - 3) // 2
    return head(text, width - 3 - tail) + "..." + head(text[::-1], tail)[::-1]


def head(text: str, width: int) -> str:
    """As many leading characters as fit into `width` columns; stacked marks count against four per column."""
    taken = used = 0
    for c in text[: 4 * width]:
        used += _cells(c)
        if used > width:
            break
        taken += 1
    return text[:taken]


def plural(count: int, noun: str) -> str:
    """A count and its noun: `1 run`, `2 runs`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def name_of(report: Report) -> str:
    """The run's name, or its path when it has none."""
    return clean(report.name or report.path or "run")


def state(report: Report) -> str:
    """The verdict, for findings as the worst severity: "critical", "warning", "healthy", "not assessed" ..."""
    return (report.worst or "info") if report.verdict == "findings" else report.verdict


def extent(report: Report) -> tuple[float, float] | None:
    """First and last step of the run as far as it is drawn, or None without a curve."""
    steps = [x for c in report.curves for ends in (c.step, c.non_finite) for x in (*ends[:1], *ends[-1:])]
    steps = [x for x in steps if math.isfinite(x)]
    return (min(steps), max(steps)) if steps else None


def at(report: Report, step: float) -> str:
    """A place on the run's own axis: `step 900`, `epoch 3`."""
    return f"{clean(report.axis)} {show(step, 'step')}"


def share(report: Report, step: float) -> str:
    """How far into the run a step lies, as in `18 %`; empty at its start, and when its length is not known."""
    ends = extent(report)
    if ends is None or ends[0] == ends[1] or not math.isfinite(step):
        return ""
    part = round((step - ends[0]) / (ends[1] - ends[0]), 2)
    return show(part, "share") if part else ""


def where(report: Report, diagnosis: Diagnosis) -> str:
    """Onset and share of the run in few characters, `step 900 (18 %)`; empty when it has no place."""
    if diagnosis.onset is None:
        return ""
    part = share(report, diagnosis.onset.step)
    return at(report, diagnosis.onset.step) + (f" ({part})" if part else "")


def since(report: Report, diagnosis: Diagnosis) -> str:
    """Onset in words with its interval; empty when it has none."""
    onset = diagnosis.onset
    if onset is None:
        return ""
    text = f"from {at(report, onset.step)} on"
    part = share(report, onset.step)
    about = [f"{part} into the run"] if part else []
    low, high = show(onset.low, "step"), show(onset.high, "step")
    if low != high and (extent(report) is None or share(report, onset.low) != share(report, onset.high)):
        about.append(f"between {low} and {high}")
    return f"{text} ({', '.join(about)})" if about else text


def headline(diagnosis: Diagnosis) -> str:
    """The title, and of which layer or drop of the learning rate it speaks."""
    title, subject = prose(diagnosis.title), diagnosis.subject
    if subject.kind == "layer":
        return f"{title}: layer {clean(subject.name)}"
    if subject.kind == "lr_drop":
        return f"{title}: drop of the learning rate at {clean(subject.name)}"
    return title


def sure(diagnosis: Diagnosis) -> str:
    """Confidence in words and as a number: `very likely (0.83)`, `strong evidence (0.83, not calibrated)`."""
    words = LIKELIHOOD if diagnosis.calibrated else STRENGTH
    word = next(
        (w for least, w in words if diagnosis.confidence >= least),
        "possible" if diagnosis.calibrated else "weak evidence",
    )
    return f"{word} ({confidence(diagnosis)})"


def number(diagnosis: Diagnosis) -> str:
    """The confidence in two digits; 0.499 is no finding and does not look like one."""
    return f"{min(diagnosis.confidence, FINDING - 0.01) if diagnosis.possible else diagnosis.confidence:.2f}"


def confidence(diagnosis: Diagnosis) -> str:
    """The number alone, with the reminder that it is no probability where that holds."""
    return number(diagnosis) + ("" if diagnosis.calibrated else ", not calibrated")


def interval(evidence: Evidence) -> str:
    """The 80 % interval of a measured number, or empty when it has none."""
    if evidence.low is None or evidence.high is None:
        return ""
    low, high = show(evidence.low, evidence.unit), show(evidence.high, evidence.unit)
    return f"80 % interval {low} to {high}" if low != high else ""


def expected(fix: Fix) -> str:
    """What the fix should lead to, as a sentence; empty when nothing is promised."""
    if not fix.expected or not {"curve", "low", "high"} <= fix.expected.keys():
        return ""
    low, high = (x if isinstance(x, str) else show(float(x)) for x in (fix.expected["low"], fix.expected["high"]))
    return f"Expect {clean(fix.expected['curve'])} between {clean(low)} and {clean(high)}."


def said(seen: Evidence) -> str:
    """A piece of evidence as a sentence; what was measured and hardly speaks for the diagnosis is marked."""
    return ("doubtful: " if seen.value is not None and seen.grade < FINDING else "") + prose(seen.says)


def evidence(diagnosis: Diagnosis) -> list[str]:
    """What was seen, a sentence each; what was not logged and counts for nothing is not spoken of."""
    return [said(seen) for seen in diagnosis.evidence if not seen.idle]


def tells_apart(fix: Fix) -> bool:
    """Whether this is no remedy but what tells the diagnosis from another one."""
    return fix.action is not None and fix.action.get("kind") == "tell_apart"


def ruled_out(report: Report) -> list[str]:
    """Look-alikes of what leads that were judged as well, and that nothing speaks for."""
    listed = {d.rule for d in report.diagnoses}
    seen = report.leading.look_alikes if report.leading is not None else ()
    return [clean(other.name) for other in seen if other.name in report.assessed and other.name not in listed]


def best(report: Report) -> str:
    """The best point in words: `best val_loss 0.21 at step 900`; empty when there is none."""
    found = report.best
    return f"best {clean(found.curve)} {show(found.value)} at {at(report, found.step)}" if found else ""


#: Kinds of schedule in words, where the kind is not one.
_KINDS = {
    "multi_step": "multi-step",
    "table": "set by hand",
    "plateau": "reduce on plateau",
    "one_over_t": "1/t",
    "inverse_sqrt": "inverse square root",
    "cosine_restarts": "cosine with restarts",
    "one_cycle": "one cycle",
    "triangular": "cyclic",
    "wsd": "held, then decayed (WSD)",
    "warmup": "rises to the end of the log",
    "unknown": "no known schedule",
}


def kind(found: Schedule) -> str:
    """The kind of schedule alone: `cosine with restarts`."""
    return _KINDS.get(found.kind, clean(found.kind))


def schedule(found: Schedule) -> str:
    """The learning-rate schedule in words: `learning rate: step, warm-up until 100, drops at 1000, 1600`.

    What is less than even (confidence below 0.5) and has drops was guessed from the loss, no rate being logged:
    `learning rate not logged; the loss looks like drops near 1000, 1600 (a guess)`.
    """
    some = ", ".join(show(step, "step") for step in found.drops[:6]) + " ..." * (len(found.drops) > 6)
    word = "a drop" if len(found.drops) == 1 else "drops"
    if found.drops and found.confidence < 0.5 and found.kind != "unknown":
        return f"learning rate not logged; the loss looks like {word} near {some} (a guess)"
    parts = [f"learning rate: {kind(found)}"]
    if found.warmup_until is not None and found.kind != "warmup":
        parts.append(f"warm-up until {show(found.warmup_until, 'step')}")
    if found.drops:
        parts.append(f"{word.removeprefix('a ')} at {some}")
    return ", ".join(parts)


def relation(diagnosis: Diagnosis) -> str:
    """How a diagnosis stands to the others: `consequence of divergence`, `alternative to ...`, `also`."""
    link = {"consequence": "consequence of", "alternative": "alternative to"}.get(diagnosis.place)
    return f"{link} {clean(diagnosis.of)}" if link and diagnosis.of else clean(diagnosis.place)


def summary(report: Report) -> str:
    """The run in one sentence: what leads and what to do first, or on what evidence it is called healthy."""
    lead = report.leading
    if report.verdict == "findings" and lead is not None:
        begin = since(report, lead)
        first = f" First: {prose(lead.fixes[0].do)}" if lead.fixes else ""
        return f"{headline(lead)}, {sure(lead)}{', ' + begin if begin else ''}.{first}"
    if report.verdict == "healthy":
        looked, *others = grounds(report)
        return "healthy: " + ", ".join(part for part in (looked, best(report), *others) if part)
    return f"not assessed: {prose(report.why)}" if report.why else "not assessed: the log does not hold enough to judge"


def grounds(report: Report) -> list[str]:
    """On what a healthy verdict rests, in short parts: the rules that looked, then what limits it."""
    looked = len(report.assessed)
    parts = [f"{plural(looked, 'rule')} looked" if looked else "no rule objects"]
    infos = [f"{clean(d.rule)} {d.confidence:.2f}" for d in report.diagnoses if not d.possible]
    maybe = [f"{clean(d.rule)} {number(d)}" for d in report.diagnoses if d.possible]
    parts += [f"good to know: {', '.join(infos)}" if infos else "", f"possible: {', '.join(maybe)}" if maybe else ""]
    parts += [f"{len(report.not_assessed)} not judged" if report.not_assessed else ""]
    return [part for part in parts if part]


def to_log(missing: Iterable[NotAssessed]) -> list[tuple[str, int]]:
    """The roles that rules asked for in vain, the most wanted first, each with the number of rules."""
    wanted = Counter(role for rule in missing for role in dict.fromkeys(rule.needs))
    return sorted(((clean(role), count) for role, count in wanted.items()), key=lambda item: (-item[1], item[0]))


#: Roles that are named as what to log next.
MOST_WANTED = 5
#: What a game, an agent or a preference loss has no use for: its losses do not measure progress.
_OF_PROGRESS = frozenset(("train_loss", "val_loss", "train_accuracy", "epoch"))


def log_next(report: Report) -> str:
    """What to log next, by the number of rules that wait for it, and how many rules have nothing to judge here.

    Empty when every rule was judged. What is logged already and wanted otherwise is counted with the rest.
    """
    drawn = {curve.role for curve in report.curves}
    idle = _OF_PROGRESS if "train_loss" not in drawn and drawn & {"other_loss", "reward"} else frozenset()
    missing = report.not_assessed
    unmet = [rule for rule in missing if rule.needs and not set(rule.needs) <= drawn and not idle & set(rule.needs)]
    wanted = [(role, count) for role, count in to_log(unmet) if role not in drawn][:MOST_WANTED]
    parts = []
    if wanted:
        (first, most), *others = wanted
        waits = "1 rule waits" if most == 1 else f"{most} rules wait"
        parts.append(", ".join([f"log {first} ({waits})", *(f"{role} ({count})" for role, count in others)]))
    rest = len(missing) - len(unmet)
    parts += [f"{plural(rest, 'rule')} {'has' if rest == 1 else 'have'} nothing to judge here"] if rest else []
    return "; ".join(parts)


def note(reading: Reading) -> str:
    """Where in which file something was skipped or repaired while reading, and what."""
    line, offset = reading.line, reading.offset
    place = f":{line}" if line is not None else f", byte {offset}" if offset is not None else ""
    where = f"{clean(reading.file)}{place}"  # what came from memory has no file
    return f"{where}: {prose(reading.what)}" if where else prose(reading.what)


def tally(analysis: Analysis) -> str:
    """How many runs there are and how they are."""
    kinds = Counter(report.verdict for report in analysis.reports)
    words = [
        ("with findings", kinds["findings"]),
        ("healthy", kinds["healthy"]),
        ("not assessed", kinds["not assessed"]),
    ]
    if len(analysis.reports) == 1:
        return f"1 run, {next(word for word, count in words if count)}"
    parts = [f"{count} {word}" for word, count in words if count]
    return f"{plural(len(analysis.reports), 'run')}: {', '.join(parts)}" if parts else "no run"


def _harmless(c: str) -> bool:
    if c < "\x7f":
        return c >= " "
    kind = unicodedata.category(c)
    if kind in ("Cc", "Cs", "Zl", "Zp") or (kind == "Cf" and c not in "\u200c\u200d"):
        return False
    return not (ord(c) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(c) <= 0xFDEF)


def _cells(c: str) -> int:
    if unicodedata.category(c) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(c) in "WF" else 1
