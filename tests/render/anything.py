"""Reports that no engine gives: whatever hypothesis comes up with."""

from __future__ import annotations

from hypothesis import strategies as st

from curvedoc.estimate import UNITS
from curvedoc.report import (
    Analysis,
    Best,
    Diagnosis,
    Drawn,
    Evidence,
    Fix,
    NotAssessed,
    Onset,
    Reading,
    Report,
    Schedule,
    Subject,
)
from curvedoc.run import Refused

from .situations import HOSTILE


def anything() -> st.SearchStrategy[Analysis]:
    """Analyses whose texts, numbers and curves are whatever hypothesis comes up with."""
    word = st.text(st.characters(), max_size=40) | st.just(HOSTILE)
    number = st.floats()
    finite = st.floats(allow_nan=False, allow_infinity=False)
    share = st.floats(0, 1)
    unit = st.sampled_from(UNITS)
    steps = st.none() | st.tuples(number, number)
    seen = st.builds(Evidence, word, word, number, number, number, unit, share, steps)
    done = st.builds(Fix, word, word)
    found = st.builds(
        Diagnosis,
        rule=word.filter(bool),
        title=word,
        severity=st.sampled_from(("info", "warning", "critical")),
        stage=st.just("start"),
        confidence=share,
        calibrated=st.booleans(),
        possible=st.booleans(),
        place=st.sampled_from(("leading", "also", "consequence")),
        of=st.none() | word,
        subject=st.builds(Subject, st.sampled_from(("run", "layer", "lr_drop")), word),
        onset=st.none() | st.builds(Onset, number, number, number),
        evidence=st.lists(seen, max_size=2).map(tuple),
        fixes=st.lists(done, max_size=2).map(tuple),
        story=word,
    )
    points = st.lists(st.tuples(finite, number), max_size=6, unique_by=lambda p: p[0]).map(sorted)
    drawn = st.builds(
        lambda role, tag, raw, lost: Drawn(
            role, tag, tuple(s for s, _ in raw), tuple(v for _, v in raw), non_finite=tuple(sorted(lost))
        ),
        st.sampled_from(("train_loss", "val_loss", "lr", "reward", "update_ratio[x]")),
        word,
        points,
        st.lists(st.floats(allow_nan=False), max_size=3),
    )
    run = st.builds(
        Report,
        name=word,
        path=word,
        verdict=st.sampled_from(("healthy", "findings", "not assessed")),
        schedule=st.none() | st.builds(Schedule, word, number, st.tuples(number), share),
        best=st.none() | st.builds(Best, st.sampled_from(("train_loss", "x")), number, number),
        diagnoses=st.lists(found, max_size=3).map(tuple),
        not_assessed=st.lists(st.builds(NotAssessed, word, word, st.tuples(word)), max_size=2).map(tuple),
        reading=st.lists(
            st.builds(Reading, word, st.none() | st.integers(1), st.none(), word.filter(bool)), max_size=2
        ).map(tuple),
        curves=st.lists(drawn, max_size=3).map(tuple),
        why=word,
        hyper=st.dictionaries(word, word | number, max_size=2),
    )
    refused = st.lists(st.builds(Refused, word, word), max_size=2).map(tuple)
    return st.builds(Analysis, st.lists(run, max_size=3).map(tuple), refused)
