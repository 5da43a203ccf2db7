"""Does everything that the README shows work? `python -m tests.test_readme` prints its output and its table again."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from curvedoc import cli, commands, handbook
from curvedoc.config import read_config
from curvedoc.rulebook import load_rules

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
TABLE = re.compile(r"(<!-- rules: .*? -->\n)(.*?)(<!-- end of rules -->)", re.DOTALL)
OUTPUT = re.compile(r"(<!-- output: curvedoc (.*?) -->\n```text\n)(.*?)(```\n<!-- end of output -->)", re.DOTALL)
TEXT = README.read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


SETUPS = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("python3 -m venv")]
CALLS = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("curvedoc ")]


def test_there_are_two_commands_each_one_line() -> None:
    assert len(SETUPS) == 2
    assert SETUPS[0].endswith(".venv/bin/curvedoc analyze sample_logs --html report.html")
    assert SETUPS[1].endswith(".venv/bin/python -m pytest")


def test_continuous_integration_runs_these_two_commands_and_no_other() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    patterns = re.findall(r"grep -m1 -E '(.*)' README\.md", script)
    found = [[line for line in TEXT.splitlines() if re.search(pattern, line)] for pattern in patterns]
    assert found == [[SETUPS[0]], [SETUPS[1]]]
    assert "pytest" not in script.replace(patterns[1], "").split("main_command=")[1].replace("ends in pytest", "")


def test_the_first_command_writes_its_page(tmp_path: Path) -> None:
    words = shlex.split(SETUPS[0].split(" && ")[-1])[1:]
    words[words.index("sample_logs")] = str(ROOT / "sample_logs")
    python = [sys.executable, "-m", "curvedoc"]
    place = {"cwd": tmp_path, "env": {**os.environ, "PYTHONPATH": str(ROOT)}}
    done = subprocess.run([*python, *words], **place, capture_output=True, text=True, check=True)
    assert "findings" in done.stdout
    assert "<html" in (tmp_path / "report.html").read_text(encoding="utf-8")[:200]


@pytest.mark.parametrize("call", CALLS)
def test_a_call_that_is_shown_is_understood(call: str) -> None:
    words = shlex.split(call, comments=True)[1:]
    assert callable(cli.parser(words).parse_args(words).command)


@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_the_python_that_is_shown_runs(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    code = blocks("python")[number]
    if "import torch" in code:
        pytest.importorskip("torch", reason="the Monitor example trains a torch model")
    exec(compile(code, f"README block {number}", "exec"), {})
    assert "run" in capsys.readouterr().out


def test_the_settings_that_are_shown_are_understood(tmp_path: Path) -> None:
    (block,) = blocks("toml")
    (tmp_path / "curvedoc.toml").write_text(block)
    told = {key: list(value) if isinstance(value, tuple) else value for key, value in read_config(tmp_path).items()}
    assert told == tomllib.loads(block)


def test_the_formats_and_exit_codes_are_those_of_the_program() -> None:
    (sentence,) = re.findall(r"`--format` is one of (.*?)\.", TEXT, re.DOTALL)
    assert tuple(re.findall(r"`(\w+)`", sentence)) == cli.FORMATS
    codes = [int(code) for code in re.findall(r"^\| (\d+) \|", TEXT, re.MULTILINE)]
    assert codes == [commands.DONE, commands.FINDINGS, commands.UNUSABLE, commands.NO_LOG]


def test_every_link_leads_to_a_file() -> None:
    for name in ("README.md", "CONTRIBUTING.md"):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / name).read_text(encoding="utf-8")):
            assert (ROOT / target).exists(), f"{name} links to {target}"


def test_the_table_of_rules_is_the_one_that_the_program_prints() -> None:
    found = TABLE.search(TEXT)
    assert found is not None
    assert found[2] == handbook.markdown(load_rules()), "run `python -m tests.test_readme`"


def test_the_output_that_is_shown_is_what_is_printed() -> None:
    found = OUTPUT.search(TEXT)
    assert found is not None
    assert found[3] == output(found[2]), "run `python -m tests.test_readme`"


def output(call: str) -> str:
    """What a call prints at the top of the checkout, on a terminal of 80 columns."""
    python = [sys.executable, "-m", "curvedoc", *shlex.split(call)]
    environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1"}
    return subprocess.run(python, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    text = TABLE.sub(lambda m: m[1] + handbook.markdown(load_rules()) + m[3], TEXT)
    README.write_text(OUTPUT.sub(lambda m: m[1] + output(m[2]) + m[4], text), encoding="utf-8")
