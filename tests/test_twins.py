"""Are two tellings of one run known for one, and two runs for two?"""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from curvedoc.readers.log import Log, Series
from curvedoc.roles import assign
from curvedoc.twins import Fingerprint, Index, fingerprints, same

N = 40


def curves(seed: int, digits: int | None = None, length: int = N) -> dict[str, list[float]]:
    rng = np.random.default_rng(seed)
    trend = np.linspace(2, 1, N)
    made = {tag: trend + rng.normal(0, 0.05, N) for tag in ("train_loss", "val_loss")}
    return {t: [float(f"{x:.{digits}f}") if digits else float(x) for x in v[:length]] for t, v in made.items()}


def prints(columns: dict[str, list[float]]) -> list[Fingerprint]:
    series = tuple(Series(t, np.arange(float(len(v))), np.asarray(v, float)) for t, v in columns.items())
    return fingerprints(assign([Log("f", "CSV", series)]))


def test_a_rounded_telling_is_the_same_and_another_seed_is_not() -> None:
    assert same(prints(curves(0)), prints(curves(0, digits=4)))
    assert same(prints(curves(0, digits=3)), prints(curves(0, digits=3)))
    assert not same(prints(curves(0)), prints(curves(1)))


def test_a_telling_that_stopped_earlier_is_the_same_unless_the_whole_is_asked_for() -> None:
    short, long = prints(curves(0, length=30)), prints(curves(0))
    assert same(short, long)
    assert same(long, short)
    assert not same(long, short, whole=True)
    assert same(short, short, whole=True)


def test_a_few_points_are_no_evidence() -> None:
    few = prints(curves(0, length=4))
    assert len(few) == 2
    assert not same(few, few)


def test_rates_and_flat_lines_recognize_nobody() -> None:
    assert prints({"lr": list(np.linspace(1, 0, N)), "time": list(range(N)), "train_loss": [0.5] * N}) == []


def test_points_that_are_not_finite_belong_to_the_telling() -> None:
    lost = {t: [*v[:30], *[float("nan")] * 10] for t, v in curves(0).items()}
    assert same(prints(lost), prints(lost))
    assert not same(prints(lost), prints(curves(0)))


@given(st.integers(2, 8), st.integers(0, 7))
def test_the_index_finds_the_twin_of_a_log(count: int, which: int) -> None:
    which %= count
    logs = [prints(curves(seed)) for seed in range(count)] + [prints(curves(which, digits=5))]
    index = Index(logs)
    assert which in index.like(count)
    assert count not in index.like(count)
    assert [k for k in index.like(count) if same(logs[count], logs[k])] == [which]
