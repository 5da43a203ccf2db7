"""Numbers get into the sentences of a rule so that they can be read."""

from __future__ import annotations

import pytest

from curvedoc.estimate import Estimate, exact
from curvedoc.sentences import fill
from curvedoc.vitals import Chart, Missing, Row


def filled(text: str, axis: str = "step", **vitals: Estimate | Missing) -> str | None:
    row = Row("fc1", {f"x.{name}": value for name, value in vitals.items()})
    return fill(text, Chart(row, axis=axis), row)


@pytest.mark.parametrize(
    ("gap", "says"),
    [(0.25, "25 % above"), (-0.25, "25 % below"), (0.001, "level with"), (-15.17, "far below")],
)
def test_a_gap_is_said_the_way_it_lies(gap: float, says: str) -> None:
    assert (
        filled("validation lies {x.gap:above} training", gap=exact(gap, "share")) == f"validation lies {says} training"
    )


def test_a_part_of_a_whole_is_neither_negative_nor_more_than_all() -> None:
    assert (
        filled("{x.low:part} and {x.high:part}", low=exact(-0.3, "share"), high=exact(1.7, "share")) == "0 % and 100 %"
    )


def test_what_did_not_happen_did_not_happen_by_nothing() -> None:
    assert filled("rose {x.rise:least}", rise=exact(-0.89, "share")) == "rose 0 %"
    assert filled("rose {x.rise:least}", rise=exact(2.5, "share")) == "rose 250 %"


def test_what_stands_in_brackets_is_said_only_where_its_vital_is_above_zero() -> None:
    text = "signs:[ it broke ({x.broke});][ it bounced ({x.bounced});]"
    share = {"broke": exact(0.6, "share"), "bounced": exact(0.0, "share")}
    assert filled(text, **share) == "signs: it broke (60 %)"
    assert filled("{x.broke}[, bounced {x.gone}]", broke=exact(1, "share"), gone=Missing("no lr")) == "100 %"


@pytest.mark.parametrize(("turns", "says"), [(0, "no cycle does"), (2, "no cycle does: the rate turned up 2 times")])
def test_what_was_counted_nought_times_is_not_said(turns: int, says: str) -> None:
    text = "no cycle does[: the rate turned up {x.turns} times]"
    assert filled(text, turns=exact(float(turns), "count")) == says


def test_brackets_without_a_vital_stay() -> None:
    assert filled('ignore = ["{subject}"] or ["all"]') == 'ignore = ["fc1"] or ["all"]'


def test_a_sentence_whose_number_is_missing_is_not_said() -> None:
    assert filled("since step {x.at}", at=Missing("no lr")) is None


def test_a_step_is_called_by_the_axis_of_the_run() -> None:
    assert filled("since step {x.at}", axis="epoch", at=exact(45.5, "step")) == "since epoch 46"
