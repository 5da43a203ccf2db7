"""What does the command line print where, and with which exit code does it end?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from curvedoc import api
from curvedoc.cli import main

from .logs import exploded, healthy, overfitting, write_csv

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def quiet_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working directory, and no wish about colour or width from the machine."""
    place = tmp_path / "cwd"
    place.mkdir()
    monkeypatch.chdir(place)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    write_csv(tmp_path / "runs" / "a" / "metrics.csv", healthy())
    write_csv(tmp_path / "runs" / "b" / "metrics.csv", overfitting())
    write_csv(tmp_path / "runs" / "c" / "metrics.csv", exploded())
    return tmp_path / "runs"


def test_the_worst_run_leads_in_every_format(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for form in ("text", "json", "markdown", "github", "junit", "html"):
        assert main(["analyze", str(runs), "--format", form]) == 0
        out = capsys.readouterr().out
        assert out.index("The loss exploded") < out.index("validation gets worse")


def test_stdout_holds_the_result_and_stderr_the_rest(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "report.html"
    assert main(["analyze", str(runs), "--format", "json", "--html", str(page)]) == 0
    out, err = capsys.readouterr()
    assert [run["verdict"] for run in json.loads(out)["runs"]][:2] == ["findings", "findings"]
    assert err == f"wrote {page}\n"
    assert page.read_text().startswith("<!")


def test_quiet_leaves_stderr_empty(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", str(runs), "-o", str(tmp_path / "out.txt"), "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert "overfitting" in (tmp_path / "out.txt").read_text()


def test_verbose_says_more(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lengths = []
    for flags in ([], ["--verbose"]):
        assert main(["analyze", str(runs), *flags]) == 0
        lengths.append(len(capsys.readouterr().out))
    assert lengths[1] > lengths[0]


def test_the_same_input_gives_the_same_bytes(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outputs = []
    for _ in range(2):
        main(["analyze", str(runs), "--format", "json"])
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1]
    assert all("/" not in run["name"] or not Path(run["name"]).is_absolute() for run in json.loads(outputs[0])["runs"])


def test_a_relative_path_stays_relative(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(runs.parent)
    main(["analyze", "runs", "--format", "json"])
    assert str(runs.parent) not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("which", "threshold", "code"),
    [
        ("a", "critical", 0),
        ("b", "never", 0),
        ("b", "critical", 0),
        ("b", "warning", 1),
        ("b", "info", 1),
        ("c", "critical", 1),
        (".", "critical", 1),
    ],
)
def test_the_exit_code_is_1_from_the_severity_that_is_asked_for(
    runs: Path, which: str, threshold: str, code: int
) -> None:
    assert main(["analyze", str(runs / which), "--fail-on", threshold]) == code


def test_without_fail_on_findings_are_no_failure(runs: Path) -> None:
    assert main(["analyze", str(runs)]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "start with `curvedoc analyze PATH`"),
        (["explain"], "`curvedoc rules` lists them"),
        (["analyze"], "the directory of your runs"),
        (["plot", "runs"], "for instance -o figure.pdf"),
        (["analyze", "runs", "--html"], "for instance --html report.html"),
        (["analyze", "runs", "--watch"], "unrecognized arguments: --watch\n"),
        (["analyse", "x"], "did you mean 'analyze'?"),
        (["analyze", "x", "--classes", "one"], "whole number from 2 up"),
        (["analyze", "x", "--target-loss", "nan"], "finite number"),
        (["analyze", "x", "--format", "pdf"], "invalid choice"),
        (["analyze", "x", "--form", "json"], "unrecognized"),
        (["analyze", "x", "--htlm", "r.html"], "did you mean '--html'?"),
        (["analyze", "x", "--fail-on", "warn"], "did you mean 'warning'?"),
        (["inspect", "x", "--html", "r.html"], "usage: curvedoc inspect"),
    ],
)
def test_wrong_words_end_with_2_and_the_reason(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err


def test_what_cannot_be_used_ends_with_2_and_says_what_to_do(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, said in (
        (["analyze", str(tmp_path / "nothing")], "nothing: no such file or directory"),
        ([str(runs)], f"did you mean `curvedoc analyze {runs}`?"),
        (["analyze", str(runs), "--role", "trainloss=x"], "did you mean 'train_loss'?"),
        (["analyze", str(runs), "--role", "train_loss"], "ROLE=TAG"),
        (["analyze", str(runs), "--select", "overfiting"], "did you mean 'overfitting'?"),
        (["analyze", str(runs), "--rules", str(tmp_path / "none")], "no such directory of rules"),
        (["analyze", str(runs), "-o", str(tmp_path)], "it is a directory"),
        (["analyze", str(runs), "--html", str(tmp_path / "no" / "report.html")], "there is no directory"),
        (["explain", "overfiting"], "did you mean 'overfitting'?"),
    ):
        assert main(arguments) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert said in err
        assert err.startswith("curvedoc: ")
        assert err.count("\n") == 1


def test_a_file_that_cannot_be_written_after_all_ends_with_2(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    assert main(["analyze", str(runs), "-o", "/dev/full"]) == 2
    assert "cannot write /dev/full" in capsys.readouterr().err


def test_no_log_ends_with_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("analyze", "inspect"):
        assert main([command, str(tmp_path)]) == 3
        out, err = capsys.readouterr()
        assert out == ""
        assert "no " in err


def test_when_nothing_can_be_read_the_files_are_listed_and_the_code_is_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "trainer_state.json").write_text('{"log_history": [')
    for command in ("analyze", "inspect"):
        assert main([command, str(tmp_path), "--format", "json"]) == 2
        document = json.loads(capsys.readouterr().out)
        assert document["runs"] == []
        assert [r["file"] for r in document["refused"]]


def test_a_refused_file_beside_a_run_is_listed_and_the_code_stays_0(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (runs / "b" / "trainer_state.json").write_text('{"log_history": [')
    assert main(["analyze", str(runs), "--format", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["refused"]) == 1
    assert main(["analyze", str(runs)]) == 0
    assert "trainer_state.json" in capsys.readouterr().out


def test_an_internal_error_in_the_only_run_is_not_called_done(
    runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(api, "judge", broken)
    assert main(["analyze", str(runs / "a"), "--format", "json"]) == 2
    (refused,) = json.loads(capsys.readouterr().out)["refused"]
    assert "internal error" in refused["why"]


def test_a_mistake_of_ours_shows_its_traceback_and_is_no_finding(
    runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(api, "find_runs", broken)
    assert main(["analyze", str(runs)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Traceback")
    assert "please report it" in err.splitlines()[-1]


def test_flags_win_over_the_configuration(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("curvedoc.toml").write_text('select = ["nan-explosion"]\n')
    assert main(["analyze", str(runs / "b"), "--fail-on", "warning"]) == 0
    assert main(["analyze", str(runs / "b"), "--fail-on", "warning", "--select", "overfitting"]) == 1


def test_a_role_can_come_from_the_flag_or_the_configuration(tmp_path: Path) -> None:
    log = str(write_csv(tmp_path / "log.csv", {"objective": exploded()["train_loss"]}))
    assert main(["analyze", log, "--role", "train_loss=objective", "--fail-on", "critical"]) == 1
    Path("pyproject.toml").write_text('[tool.curvedoc.roles]\ntrain_loss = "objective"\n')
    assert main(["analyze", log, "--fail-on", "critical"]) == 1


def test_inspect_lists_every_curve_and_its_role(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(runs / "a"), "--format", "json"]) == 0
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    roles = {curve["tag"]: curve["role"] for curve in run["curves"]}
    assert roles["train_loss"] == "train_loss"
    assert roles["lr"] == "lr"
    assert main(["inspect", str(runs / "a")]) == 0
    assert "val_loss" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("environment", "flags", "colored"),
    [
        ({}, [], False),
        ({"FORCE_COLOR": "1"}, [], True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, [], False),
        ({"NO_COLOR": "1"}, ["--color", "always"], True),
        ({"FORCE_COLOR": "1"}, ["--color", "never"], False),
    ],
)
def test_colour_follows_the_flag_then_the_environment(
    *,
    runs: Path,
    environment: dict[str, str],
    flags: list[str],
    colored: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    main(["analyze", str(runs), *flags])
    assert ("\x1b[" in capsys.readouterr().out) == colored


def test_columns_bounds_the_lines(
    runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    main(["analyze", str(runs)])
    assert max(len(line) for line in capsys.readouterr().out.splitlines()) <= 50


def test_a_reader_that_stops_early_is_no_error(runs: Path) -> None:
    process = shell(f"{sys.executable} -m curvedoc analyze {runs} --format html | head -c 10; echo ${{PIPESTATUS[0]}}")
    assert process.stdout[10:].strip() == "0"
    assert process.stderr == ""


def test_output_to_a_terminal_that_knows_only_ascii_does_not_fail(runs: Path) -> None:
    process = shell(f"PYTHONIOENCODING=ascii {sys.executable} -m curvedoc analyze {runs}")
    assert process.returncode == 0
    assert "overfitting" in process.stdout


def test_an_interrupt_ends_quietly_with_130(
    runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "judge", interrupted)
    assert main(["analyze", str(runs)]) == 130
    assert capsys.readouterr().err == "curvedoc: interrupted\n"


def test_a_name_cannot_act_on_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", str(tmp_path / "\x1b[31mred")]) == 2
    assert "\x1b" not in capsys.readouterr().err


def shell(command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, env=environment)


@pytest.mark.parametrize(
    ("name", "begins"), [("r.json", "{"), ("r.html", "<!doctype html>"), ("r.md", "###"), ("r.xml", "<?xml")]
)
def test_the_suffix_of_the_output_file_chooses_the_format(name: str, begins: str, runs: Path) -> None:
    assert main(["analyze", str(runs), "-o", name]) == 0
    assert Path(name).read_text(encoding="utf-8").lower().startswith(begins)
    assert main(["analyze", str(runs), "-o", name, "--format", "text"]) == 0
    assert Path(name).read_text(encoding="utf-8").startswith("curvedoc:")


def test_a_role_in_the_configuration_may_be_missing_in_these_runs(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("curvedoc.toml").write_text('[roles]\ntrain_loss = "my/objective"\n', encoding="utf-8")
    assert main(["analyze", str(runs)]) == 0
    assert main(["analyze", str(runs), "--role", "train_loss=my/objective"]) == 2
    assert "my/objective" in capsys.readouterr().err


def test_losses_that_measure_no_progress_are_drawn_and_the_reason_is_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "".join(f"{n},{0.7 + 0.01 * (n % 3)},{1.2 - 0.01 * (n % 5)}\n" for n in range(40))
    (tmp_path / "gan.csv").write_text("step,loss_D,loss_G\n" + rows, encoding="utf-8")
    assert main(["analyze", str(tmp_path / "gan.csv"), "--html", "r.html"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "not assessed" in out
    assert "neither loss measures progress" in out
    assert "loss_D" in Path("r.html").read_text(encoding="utf-8")
    assert '"panels":[{' in Path("r.html").read_text(encoding="utf-8")


def test_an_empty_path_is_not_the_working_directory(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", ""]) == 2
    assert "empty path" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_full_disk_behind_stdout_is_said_and_no_traceback(runs: Path) -> None:
    with Path("/dev/full").open("w") as full:
        call = [sys.executable, "-m", "curvedoc", "analyze", str(runs)]
        done = subprocess.run(call, stdout=full, stderr=subprocess.PIPE, text=True, check=False, cwd=ROOT)
    assert done.returncode == 2
    assert done.stderr == "curvedoc: cannot write the result: No space left on device\n"
