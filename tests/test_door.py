"""Does the door of the package open lazily, and do the functions behind it do what they say?"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import curvedoc
from curvedoc import Report, Run, analyze, api, diagnose, discover, read
from curvedoc.errors import NoLogFound, RuleError, SeveralRuns, UnreadableLog, UsageError

from .logs import exploded, healthy, overfitting, write_csv

PUBLIC = ["Curve", "Diagnosis", "Monitor", "Report", "Run", "analyze", "diagnose", "read"]


def test_importing_the_package_or_asking_for_help_loads_nothing_heavy() -> None:
    for code in ("import curvedoc", "from curvedoc.cli import parser; parser([]).format_help()"):
        done = subprocess.run(
            [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parent.parent,
        )
        loaded = set(done.stdout.splitlines()[-1].split())
        assert "curvedoc" in loaded
        assert not loaded & {
            "numpy",
            "tensorboard",
            "pandas",
            "torch",
            "json",
            "pathlib",
            "curvedoc.run",
            "curvedoc.api",
        }


def test_every_public_name_resolves_and_is_listed() -> None:
    assert sorted(curvedoc.__all__) == PUBLIC
    assert set(PUBLIC) <= set(dir(curvedoc))
    for name in PUBLIC:
        assert getattr(curvedoc, name).__name__ == name


def test_type_checkers_see_the_names_that_are_resolved_lazily() -> None:
    tree = ast.parse(Path(curvedoc.__file__).read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {alias.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == curvedoc._HOME


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'analyse'"):
        curvedoc.analyse  # noqa: B018


def test_a_path_a_run_and_the_bare_curves_get_the_same_diagnosis(tmp_path: Path) -> None:
    columns = {name: [float(f"{v:.6g}") for v in values] for name, values in overfitting().items()}
    path = write_csv(tmp_path / "run.csv", columns)
    (run,) = read(path)
    reports = [diagnose(path), diagnose(str(path)), diagnose(run), diagnose(columns)]
    assert all(isinstance(report, Report) for report in reports)
    leading = [report.leading for report in reports]
    assert leading[0] is not None
    assert leading[0].rule == "overfitting"
    assert [d and (d.rule, d.confidence) for d in leading] == [(leading[0].rule, leading[0].confidence)] * 4


def test_the_name_that_is_given_is_the_name_of_the_report(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "run.csv", healthy())
    assert diagnose(path, name="mine").name == "mine"
    assert diagnose(read(path)[0], name="mine").name == "mine"
    assert diagnose(healthy(), name="mine").name == "mine"
    assert diagnose(path).name != ""


def test_roles_say_what_an_odd_column_means(tmp_path: Path) -> None:
    columns = {"objective": exploded()["train_loss"]}
    path = write_csv(tmp_path / "run.csv", columns)
    for data in (path, columns):
        lead = diagnose(data, roles={"train_loss": "objective"}).leading
        assert lead is not None
        assert lead.rule == "nan-explosion"


def test_roles_for_a_run_that_is_read_already_are_refused() -> None:
    run = Run("x", {})
    with pytest.raises(UsageError, match="is read already"):
        diagnose(run, roles={"train_loss": "objective"})


def test_the_classes_reach_the_judgement() -> None:
    expected = diagnose(healthy(), classes=10)
    assert expected.measured != diagnose(healthy()).measured


def test_diagnose_names_the_runs_when_there_are_several(tmp_path: Path) -> None:
    write_csv(tmp_path / "one" / "metrics.csv", healthy())
    write_csv(tmp_path / "two" / "metrics.csv", overfitting())
    with pytest.raises(SeveralRuns, match=r"holds 2 runs: one.*two.*`analyze`"):
        diagnose(tmp_path)


def test_a_path_that_does_not_exist_is_a_usage_error(tmp_path: Path) -> None:
    for function in (diagnose, analyze, read):
        with pytest.raises(UsageError, match="no such file"):
            function(tmp_path / "nothing")


def test_a_directory_without_a_log_is_no_log_found(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("nothing here")
    for function in (diagnose, analyze, read):
        with pytest.raises(NoLogFound):
            function(tmp_path)


def test_a_log_that_cannot_be_read_is_an_error_for_one_run_and_an_entry_for_many(tmp_path: Path) -> None:
    (tmp_path / "trainer_state.json").write_text('{"log_history": [')
    for function in (diagnose, read):
        with pytest.raises(UnreadableLog, match="trainer_state"):
            function(tmp_path)
    analysis = analyze(tmp_path)
    assert len(analysis) == 0
    assert len(analysis.refused) == 1


def test_a_broken_file_beside_a_good_one_is_said_and_not_fatal(tmp_path: Path) -> None:
    write_csv(tmp_path / "run" / "metrics.csv", healthy())
    broken = tmp_path / "run" / "trainer_state.json"
    broken.write_text('{"log_history": [')
    with pytest.warns(UserWarning, match="1 of the logs could not be read"):
        assert len(read(tmp_path)) == 1
    assert any("not read" in note.what for note in diagnose(tmp_path).reading)
    assert [refused.file for refused in analyze(tmp_path).refused]


def test_analyze_lists_the_worst_run_first(tmp_path: Path) -> None:
    write_csv(tmp_path / "a_healthy.csv", healthy())
    write_csv(tmp_path / "b_overfitting.csv", overfitting())
    write_csv(tmp_path / "c_exploded.csv", exploded())
    analysis = analyze(tmp_path)
    assert [report.name[0] for report in analysis] == ["c", "b", "a"]
    assert list(analysis) == list(analysis.reports)
    assert analysis[0].worst == "critical"


def test_analyze_takes_several_paths_and_each_only_once(tmp_path: Path) -> None:
    one, two = write_csv(tmp_path / "one.csv", healthy()), write_csv(tmp_path / "two.csv", overfitting())
    assert len(analyze([one, two, one])) == 2


def test_runs_of_one_name_under_several_paths_are_told_apart(tmp_path: Path) -> None:
    for place in ("x", "y"):
        write_csv(tmp_path / place / "one" / "metrics.csv", healthy())
        write_csv(tmp_path / place / "two" / "metrics.csv", healthy())
        (tmp_path / place / "trainer_state.json").write_text('{"log_history": [')
    analysis = analyze([tmp_path / "x", tmp_path / "y"])
    assert sorted(report.name for report in analysis) == [
        str(tmp_path / place / name) for place in ("x", "y") for name in ("one", "two")
    ]
    assert [refused.file for refused in analysis.refused] == [
        str(tmp_path / place / "trainer_state.json") for place in ("x", "y")
    ]


def test_one_of_several_paths_without_a_log_is_listed_as_skipped(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    analysis = analyze([write_csv(tmp_path / "one.csv", healthy()), empty])
    assert len(analysis) == 1
    assert str(empty) in [skipped.file for skipped in analysis.skipped]


def test_a_mistake_of_ours_in_one_run_is_listed_and_the_others_are_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_csv(tmp_path / "good.csv", healthy())
    write_csv(tmp_path / "odd.csv", overfitting())
    judge = api.judge

    def broken(run: Run, *rest: object, **more: object) -> Report:
        if run.path.endswith("odd.csv"):
            raise ZeroDivisionError("division by zero")
        return judge(run, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(api, "judge", broken)
    analysis = analyze(tmp_path)
    assert [report.name[:4] for report in analysis] == ["good"]
    (refused,) = analysis.refused
    assert refused.file.endswith("odd.csv")
    assert refused.why.startswith("internal error in curvedoc/api.py:")
    assert "ZeroDivisionError: division by zero" in refused.why
    assert str(tmp_path) not in refused.why
    with pytest.raises(ZeroDivisionError):
        diagnose(tmp_path / "odd.csv")


@pytest.mark.parametrize("step", ["read_file", "assemble"])
def test_a_mistake_of_ours_in_reading_one_file_is_listed_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    write_csv(tmp_path / "good" / "log.csv", healthy())
    write_csv(tmp_path / "odd" / "log.csv", overfitting())
    right = getattr(discover, step)

    def broken(what: object, *rest: object, **more: object) -> object:
        if "odd" in str(what):
            raise IndexError("list index out of range")
        return right(what, *rest, **more)

    monkeypatch.setattr(discover, step, broken)
    analysis = analyze(tmp_path)
    assert [report.name for report in analysis] == ["good"]
    (refused,) = analysis.refused
    assert refused.file == "odd/log.csv"
    assert "IndexError: list index out of range" in refused.why


def test_a_rule_of_the_users_that_asks_for_an_unknown_vital_is_told_to_the_user(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        'title = "Mine"\nseverity = "info"\nstage = "budget"\nstory = "."\nsources = ["me"]\n'
        '[[evidence]]\nvital = "train_loss.flat"\nno_at = 0\nyes_at = 1\nsays = "."\nreason = "."\n'
        '[[fix]]\ndo = "."\n[look_alikes]\n'
    )
    with pytest.raises(RuleError, match=r"did you mean 'train_loss\.flat_for'"):
        analyze(write_csv(tmp_path / "log.csv", healthy()), rules=tmp_path)


def test_select_and_ignore_choose_the_rules(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "run.csv", overfitting())
    (only,) = analyze(path, select=["overfitting"])
    assert {*only.assessed, *(n.rule for n in only.not_assessed)} == {"overfitting"}
    (without,) = analyze(path, ignore=["overfitting"])
    assert "overfitting" not in {*without.assessed, *(n.rule for n in without.not_assessed)}


def test_a_task_that_nobody_knows_is_an_error_with_the_choices() -> None:
    with pytest.raises(UsageError, match=r"no task 'lanuage'; did you mean 'language'\?.*gan"):
        diagnose({"train_loss": [2.0, 1.0, 0.9]}, task="lanuage")


def test_what_is_not_drawn_is_missing_from_pictures_alone(tmp_path: Path) -> None:
    write_csv(tmp_path / "log.csv", overfitting())
    drawn, bare = analyze(tmp_path), analyze(tmp_path, drawn=False)
    assert drawn.reports[0].curves
    assert drawn.reports[0].measured
    assert not bare.reports[0].curves
    assert bare.to_dict() == drawn.to_dict()


def test_a_curve_that_no_name_tells_the_role_of_is_asked_for() -> None:
    values = [1 / (1 + k) for k in range(10)]
    unnamed, named = diagnose({"foo": values}), diagnose({"foo": values}, roles={"train_loss": "foo"})
    assert [note.what for note in unnamed.reading if "roles={'train_loss': 'foo'}" in note.what]
    assert not [note for note in named.reading if "roles=" in note.what]
    assert named.verdict == "healthy" and unnamed.verdict == "not assessed"


def test_a_name_without_end_is_cut_where_it_is_told_how_to_name_a_loss() -> None:
    (told,) = (r.what for r in diagnose({"x" * 100_000: [1.0, 0.5, 0.4]}).reading if "train_loss" in r.what)
    assert len(told) < 1000
