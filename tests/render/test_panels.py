"""Are the right curves drawn together, with the right marks?"""

from __future__ import annotations

from dataclasses import replace

from curvedoc.render.panels import EVERYWHERE, MARKS, numbered, panels
from curvedoc.report import Drawn, Schedule

from .situations import curve, diagnosis, evidence, exploded, gaps, healthy, layers, overfitting, report


def titles(run: object) -> list[str]:
    return [panel.title for panel in panels(run)]  # type: ignore[arg-type]


def test_train_and_validation_share_a_plot_and_the_loss_is_on_top() -> None:
    made = panels(overfitting())
    assert [p.title for p in made] == ["Loss", "Learning rate", "Accuracy", "Gradient norm"]
    assert [line.label for line in made[0].lines] == ["train_loss", "val_loss"]
    assert [line.tone for line in made[0].lines] == ["train", "val"]


def test_a_role_nobody_thought_of_has_a_plot_of_its_own() -> None:
    assert titles(report("x", curves=(curve("reward", [0, 1], [1, 2]), curve("lr", [0, 1], [1, 1])))) == [
        "Learning rate",
        "Reward",
    ]


def test_every_curve_with_a_point_is_in_exactly_one_plot() -> None:
    for run in (overfitting(), exploded(), layers(), gaps()):
        drawn = [line.drawn for panel in panels(run) for line in panel.lines]
        assert sorted(map(id, drawn)) == sorted(id(c) for c in run.curves)


def test_a_curve_of_nothing_but_nan_is_drawn_for_its_nan() -> None:
    lost = Drawn("val_loss", "v", (), (), non_finite=(0.0, 1.0), points=2)
    assert titles(report("x", curves=(lost,))) == ["Loss"]


def test_a_run_without_curves_has_no_plot() -> None:
    assert panels(report("x")) == []
    assert panels(report("x", curves=(Drawn("lr", "", (), ()),))) == []


def test_the_axis_is_logarithmic_where_the_range_asks_and_all_values_are_positive() -> None:
    def is_log(*values: float) -> bool:
        return panels(report("x", curves=(curve("train_loss", range(len(values)), values),)))[0].log

    assert is_log(2.0, 0.1)
    assert not is_log(2.0, 0.11)
    assert not is_log(2.0, 0.1, 0.0)
    assert not is_log(2.0, 0.1, -1.0)


def test_a_rate_that_falls_by_factors_is_logarithmic_and_a_cosine_is_not() -> None:
    run = healthy()
    assert panels(run)[1].log
    assert not panels(replace(run, schedule=Schedule("cosine", None, (), 1.0)))[1].log


def test_evidence_is_marked_on_the_plot_of_its_vital() -> None:
    marks = {panel.title: [m.number for m in panel.marks] for panel in panels(overfitting())}
    assert marks == {"Loss": [1, 2], "Learning rate": [], "Accuracy": [], "Gradient norm": []}
    found = diagnosis("x", "X", evidence=(evidence("norm rose", "grad_norm.rise", 2.0, steps=(100.0, 200.0)),))
    moved = panels(replace(overfitting(), diagnoses=(found,)))
    assert [m.number for m in moved[3].marks] == [1]
    assert not moved[0].marks


def test_marks_count_through_the_diagnoses_and_know_the_leading_one() -> None:
    run = exploded()
    more = replace(run.diagnoses[1], evidence=(evidence("rose", "train_loss.rise", 2.0, steps=(700.0, 720.0)),))
    marks = panels(replace(run, diagnoses=(run.diagnoses[0], more)))[0].marks
    assert [(m.number, m.leads) for m in marks] == [(1, True), (2, True), (3, False)]


def test_what_spans_the_whole_run_or_is_only_possible_is_not_marked() -> None:
    assert numbered(layers()) == {}
    run = overfitting()
    doubt = replace(run.diagnoses[0], possible=True, place="also")
    assert numbered(replace(run, diagnoses=(doubt,))) == {}
    assert EVERYWHERE < 1


def test_there_are_never_more_marks_than_can_be_read() -> None:
    seen = tuple(evidence(str(i), "train_loss.x", 1.0, steps=(100.0 * i, 100.0 * i + 50)) for i in range(40))
    run = replace(overfitting(), diagnoses=(diagnosis("x", "X", evidence=seen),))
    assert len(numbered(run)) == MARKS


def test_a_stretch_beyond_the_run_is_cut_to_it() -> None:
    seen = (evidence("late", "train_loss.x", 1.0, steps=(4000.0, 9000.0)),)
    run = replace(overfitting(), diagnoses=(diagnosis("x", "X", evidence=seen),))
    assert numbered(run)[0, 0] == (1, (4000.0, 5000.0))


def test_of_many_layers_only_the_named_ones_are_told_apart() -> None:
    lines = panels(layers())[1].lines
    assert {line.label for line in lines if line.tone != "rest"} == {"block2.fc1", "block7.fc2"}
    assert len({line.tone for line in lines if line.tone != "rest"}) == 2


def test_the_best_point_is_marked_on_the_plot_of_its_curve() -> None:
    assert [panel.best is not None for panel in panels(overfitting())] == [True, False, False, False]
