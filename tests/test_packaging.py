"""What reaches a user's machine? The wheel, the editable install and the plain checkout."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
IDS = sorted(file.stem for file in (ROOT / "rules").glob("*.toml"))
#: Run with neither site-packages nor the working directory, so that only what was installed can be found.
LIST = "import json; from curvedoc.rulebook import load_rules; print(json.dumps(sorted(r.name for r in load_rules())))"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("build_wheel", tmp_path_factory.mktemp("wheel"))


def test_the_rules_are_found_from_an_installed_wheel(wheel: Path, tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(tmp_path)]
    subprocess.run([*pip, str(wheel)], check=True)
    assert ids(f"import sys; sys.path.insert(0, {str(tmp_path)!r})", tmp_path) == IDS


def test_the_rules_are_found_from_an_editable_install(tmp_path: Path) -> None:
    editable = build("build_editable", tmp_path)
    with zipfile.ZipFile(editable) as archive:
        archive.extractall(tmp_path)
    assert ids(f"import site; site.addsitedir({str(tmp_path)!r})", tmp_path) == IDS


def test_the_rules_are_found_from_a_plain_checkout(tmp_path: Path) -> None:
    assert ids(f"import sys; sys.path.insert(0, {str(ROOT)!r})", tmp_path) == IDS


def test_the_wheel_holds_the_package_the_laboratory_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names} == {
        "curvedoc",
        "train_harness",
        next(n for n in names if ".dist-info" in n).split("/")[0],
    }
    assert "curvedoc/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    sources = {
        f.relative_to(ROOT).as_posix() for part in ("curvedoc", "train_harness") for f in (ROOT / part).rglob("*.py")
    }
    assert sources <= set(names)


def test_reading_logs_asks_for_no_deep_learning_framework(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(name).decode())
    needed = [r for r in metadata.get_all("Requires-Dist", []) if "extra ==" not in r]
    assert {r.split(">")[0] for r in needed} <= {"numpy", "tensorboard", "google-crc32c"}


def test_the_command_and_the_module_say_the_same_version(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith("entry_points.txt"))
        commands = archive.read(name).decode()
    assert "curvedoc = curvedoc.cli:main" in commands and "train-harness = train_harness:command" in commands
    said = subprocess.run(
        [sys.executable, "-m", "curvedoc", "--version"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert said.stdout == f"curvedoc {wheel.name.split('-')[1]}\n"


def build(hook: str, directory: Path) -> Path:
    """Call a build hook as pip does, without a network."""
    code = f"import hatchling.build as b; print(b.{hook}({str(directory)!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return directory / done.stdout.splitlines()[-1]


def ids(prepare: str, directory: Path) -> list[str]:
    code = f"{prepare}\n{LIST}"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], cwd=directory, capture_output=True, text=True, check=True
    )
    found: list[str] = json.loads(done.stdout)
    return found
