"""Is a plot true to its numbers?"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from xml.etree import ElementTree as Xml

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from curvedoc.render import chart
from curvedoc.render.panels import panels
from curvedoc.report import Analysis, Best, Drawn, Onset, Report

from .anything import anything
from .situations import (
    HOSTILE,
    all_situations,
    curve,
    exploded,
    gaps,
    healthy,
    not_assessed,
    overfitting,
    report,
)

HEIGHT = 100


def svg(run: Report, number: int = 0) -> Xml.Element:
    return Xml.fromstring(chart.draw(panels(run)[number], run, height=HEIGHT, named=True))


def paths(picture: Xml.Element, kind: str) -> list[Xml.Element]:
    return [p for p in picture.iter("path") if kind in (p.get("class") or "").split()]


def curves(picture: Xml.Element, kind: str = "full") -> list[list[list[tuple[int, int]]]]:
    """Every drawn line of a kind as its pieces, without the dots."""
    return [follow(p.get("d") or "") for p in paths(picture, kind) if "dots" not in (p.get("class") or "")]


def badges(picture: Xml.Element) -> list[Xml.Element]:
    return [s for s in picture.iter("svg") if "badge" in (s.get("class") or "")]


def follow(d: str) -> list[list[tuple[int, int]]]:
    """The points of a path of M and relative l, one list per piece."""
    pieces: list[list[tuple[int, int]]] = []
    for piece in d.split("M")[1:]:
        start, _, steps = piece.partition("l")
        x, y = map(int, start.split())
        points = [(x, y)]
        numbers = list(map(int, re.findall(r"-?\d+", steps)))
        for dx, dy in zip(numbers[::2], numbers[1::2], strict=True):
            x, y = x + dx, y + dy
            points.append((x, y))
        pieces.append(points)
    return pieces


def line(*values: float) -> Report:
    return report("x", curves=(curve("train_loss", range(len(values)), values),))


def test_a_straight_line_is_drawn_straight_from_edge_to_edge() -> None:
    ((piece,),) = curves(svg(line(1.0, 2.0, 3.0)))
    points = sorted(set(piece))
    assert [x for x, _ in points] == [0, chart.ACROSS // 2, chart.ACROSS]
    (_, a), (_, b), (_, c) = points
    assert abs((a + c) / 2 - b) <= 1
    assert a > c, "high values are on top"


def test_equal_factors_are_equal_distances_on_a_logarithmic_axis() -> None:
    ((piece,),) = curves(svg(line(100.0, 10.0, 1.0)))
    a, b, c = (y for _, y in sorted(set(piece)))
    assert abs((b - a) - (c - b)) <= 1


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=50))
def test_every_point_lies_inside_the_picture(values: list[float]) -> None:
    for pieces in curves(svg(line(*values))):
        for piece in pieces:
            assert all(0 <= x <= chart.ACROSS and 0 <= y <= HEIGHT * chart.DOWN for x, y in piece)


def test_rounding_does_not_add_up_along_a_curve() -> None:
    values = [math.sin(i / 40) for i in range(400)]
    ((piece,),) = curves(svg(report("x", curves=(curve("lr", range(400), values, window=1000),))))
    low, high = min(values), max(values)
    pad = 0.05 * (high - low)
    drawn = dict(piece)
    for i in (0, 133, 399):
        x = round(chart.ACROSS * i / 399)
        expected = HEIGHT * chart.DOWN * (1 - (values[i] - low + pad) / (high - low + 2 * pad))
        assert abs(drawn[x] - expected) <= 0.6


def test_a_curve_is_interrupted_where_its_values_are_not_finite() -> None:
    (pieces,) = curves(svg(gaps()), "faint")
    assert len(pieces) == 3
    marks = re.findall(r"M(\d+)", paths(svg(gaps()), "lost")[0].get("d") or "")
    assert len(marks) == len(gaps().curves[0].non_finite)


def test_a_curve_that_ends_in_nan_is_marked_to_the_edge_even_from_its_last_step() -> None:
    (ink,) = paths(svg(exploded()), "lost")
    start = round(chart.ACROSS * 824 / 998)
    assert re.fullmatch(rf"M{start} \d+H{chart.ACROSS}", ink.get("d") or "")
    last = Drawn("train_loss", "", (0.0, 1.0), (1.0, 2.0), non_finite=(2.0,), points=3)
    (ink,) = paths(svg(report("x", curves=(last,))), "lost")
    found = re.fullmatch(r"M(\d+) \d+H(\d+)", ink.get("d") or "")
    assert found is not None
    assert int(found[1]) < int(found[2])


def test_a_nan_among_the_values_is_left_out_and_breaks_nothing() -> None:
    drawn = Drawn("train_loss", "", (0.0, 1.0, 2.0), (1.0, math.nan, 2.0), non_finite=(1.0,), points=3)
    assert [len(pieces) for pieces in curves(svg(report("x", curves=(drawn,))))] == [2]


def test_raw_points_are_faint_only_beneath_a_smoothed_line() -> None:
    assert len(curves(svg(overfitting()), "faint")) == len(curves(svg(overfitting()), "full")) == 2
    assert not curves(svg(not_assessed()), "faint")
    assert len(curves(svg(not_assessed()), "full")) == 1


def test_few_points_are_dots_and_many_are_not() -> None:
    assert len(paths(svg(overfitting()), "dots")) == 1
    assert not paths(svg(report("x", curves=(curve("lr", range(200), range(200)),))), "dots")


def test_the_marks_stand_where_the_evidence_was_measured() -> None:
    picture = svg(exploded())
    ends = [(p.get("x1"), p.get("x2")) for p in picture.iter("line") if "reach" in (p.get("class") or "")]
    assert (f"{824 / 998 * 100:.2f}%", "100.00%") in ends
    assert [b.findtext("text") for b in badges(picture)] == ["1", "2"]


def test_marks_that_would_touch_stand_in_rows_of_their_own() -> None:
    run = overfitting()
    seen = run.diagnoses[0].evidence
    close = tuple(replace(seen[0], steps=(1500.0 + i, 1600.0 + i)) for i in range(3))
    picture = svg(replace(run, diagnoses=(replace(run.diagnoses[0], evidence=close),)))
    assert len({badge.get("y") for badge in badges(picture)}) == 3


def test_marks_on_one_stretch_stand_side_by_side() -> None:
    run = overfitting()
    same = (run.diagnoses[0].evidence[0],) * 3
    found = badges(svg(replace(run, diagnoses=(replace(run.diagnoses[0], evidence=same),))))
    assert len({(badge.get("x"), badge.get("y")) for badge in found}) == 1
    places = [float(circle.get("cx") or 0) for badge in found for circle in badge.iter("circle")]
    assert len(set(places)) == 3
    assert sum(places) == 0


def test_the_onset_is_drawn_with_its_interval_and_named() -> None:
    picture = svg(overfitting())
    doubt = next(r for r in picture.iter("rect") if r.get("class") == "doubt")
    assert (doubt.get("x"), doubt.get("width")) == ("26.00%", "10.00%")
    assert "onset 1500" in [t.text for t in picture.iter("text")]


def test_an_onset_that_is_no_number_is_not_drawn() -> None:
    run = overfitting()
    lost = replace(run.diagnoses[0], onset=Onset(math.nan, 0.0, 1.0))
    assert "onset" not in chart.draw(panels(replace(run, diagnoses=(lost,)))[0], run, height=HEIGHT, named=True)


def test_the_best_point_is_ringed_at_its_value() -> None:
    run = line(4.0, 2.0, 3.0)
    best = Best("train_loss", 1.0, 2.0)
    picture = svg(replace(run, best=best))
    ring = next(c for c in picture.iter("circle") if c.get("class") == "best")
    ink = next(s for s in picture.iter("svg") if s.get("class") == "ink")
    drawn = dict(curves(picture)[0][0])
    assert ring.get("cx") == "50.00%"
    assert float(ring.get("cy") or 0) == pytest.approx(float(ink.get("y") or 0) + drawn[1000] / chart.DOWN, abs=0.3)


def test_the_plot_is_told_in_words() -> None:
    said = svg(exploded()).get("aria-label") or ""
    assert said.startswith("Loss over step, logarithmic. train_loss: ")
    assert "not finite from 824." in said
    assert "Mark 1 at 824 to 998." in said


@pytest.mark.parametrize("run", list(all_situations()), ids=lambda r: ascii(r.name[:20]))
def test_every_situation_is_drawn_as_well_formed_xml(run: Report) -> None:
    for number in range(len(panels(run))):
        svg(run, number)
    for tone, *paths in chart.spark_paths(run):
        assert re.fullmatch("[a-z]+", tone)
        assert all(re.fullmatch(r"[-MlLh0-9 ]*", path) for path in paths)


@settings(max_examples=100, deadline=None)
@given(anything())
def test_any_numbers_are_drawn(analysis: Analysis) -> None:
    for run in analysis:
        for number in range(len(panels(run))):
            for element in svg(run, number).iter():
                assert not {"nan", "inf", "nan%", "inf%"} & {str(v) for v in element.attrib.values()}


@settings(max_examples=200)
@given(st.floats(-1e200, 1e200), st.floats(-1e200, 1e200), st.integers(2, 8))
def test_ticks_are_round_inside_the_axis_and_not_too_many(low: float, high: float, most: int) -> None:
    assume(high - low > 1e-6 * max(abs(low), abs(high), 1e-200))
    ticks = chart._ticks(low, high, most)
    assert len(ticks) <= most + 1
    assert all(low - 1e-9 * (high - low) <= t <= high + 1e-9 * (high - low) for t in ticks)
    assert len({chart._label(t, ticks) for t in ticks}) == len(ticks)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.5, 3.0, [0.5, 1, 2]),
        (0.01, 2.0, [0.01, 0.1, 1.0]),
        (0.05, 0.3, [0.05, 0.1, 0.2]),
        (1e-12, 1e12, [1e-12, 1e-7, 1e-2, 1e3, 1e8]),
    ],
)
def test_logarithmic_ticks_are_few_and_round(low: float, high: float, expected: list[float]) -> None:
    assert chart._log_ticks(low, high, 5) == pytest.approx(expected)


def test_whole_steps_have_whole_ticks() -> None:
    labels = [t.text for t in svg(not_assessed()).iter("text") if t.get("y") == str(8 + HEIGHT + 17)]
    assert labels == ["0", "1", "2"]


def test_a_sparkline_has_few_points() -> None:
    assert sum(len(path) for _, *paths in chart.spark_paths(overfitting()) for path in paths) < 1500
    assert chart.spark_paths(report("x")) == []


def test_a_sparkline_keeps_a_single_spike() -> None:
    value = np.ones(1000)
    value[777] = 9.0
    run = report("x", curves=(Drawn("train_loss", "loss", tuple(np.arange(1000.0)), tuple(value), points=1000),))
    ((_, raw, _),) = chart.spark_paths(run)
    at = [int(n) for n in re.findall(r"-?\d+", raw)]
    heights = np.cumsum([at[1], *at[5::2]])
    assert heights.max() - heights.min() > 40


def test_a_hostile_name_ends_as_text() -> None:
    run = report("x", curves=(curve(f"update_ratio[{HOSTILE}]", [0, 1], [1, 2]),))
    assert "<script" not in chart.draw(panels(run)[0], run, height=HEIGHT, named=True)


def test_a_healthy_run_has_no_mark() -> None:
    assert not badges(svg(healthy()))


@pytest.mark.parametrize("first", [1e17, 1e18, -1e17])
def test_steps_far_from_zero_have_ticks_that_differ(first: float) -> None:
    steps = tuple(first + 16.0 * k for k in range(4))
    ticks = chart._ticks(steps[0], steps[-1], 6)
    assert ticks == sorted(set(ticks))
    assert list(chart._steps(steps[0], steps[-1], lambda x: x, 10.0))
