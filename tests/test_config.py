"""Does a configuration say what it may, and does a slip say what was meant?"""

from __future__ import annotations

from pathlib import Path

import pytest

from curvedoc.config import read_config
from curvedoc.errors import UsageError

WHOLE = """
classes = 10
target_loss = 0.5
task = "classification"
select = ["overfitting", "no-learning"]
ignore = []
[roles]
train_loss = "my/objective"
"update_ratio[fc1]" = "fc1 ratio"
"""
MEANT = {
    "classes": 10,
    "target_loss": 0.5,
    "task": "classification",
    "select": ("overfitting", "no-learning"),
    "ignore": (),
    "roles": {"train_loss": "my/objective", "update_ratio[fc1]": "fc1 ratio"},
}


def test_a_directory_without_a_configuration_says_nothing(tmp_path: Path) -> None:
    assert read_config(tmp_path) == {}
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n')
    assert read_config(tmp_path) == {}
    (tmp_path / "pyproject.toml").write_text("tool = 3\n")
    assert read_config(tmp_path) == {}


def test_every_key_is_read_from_curvedoc_toml(tmp_path: Path) -> None:
    (tmp_path / "curvedoc.toml").write_text(WHOLE)
    assert read_config(tmp_path) == MEANT


def test_every_key_is_read_from_pyproject_toml(tmp_path: Path) -> None:
    text = "[tool.curvedoc]\n" + WHOLE.strip().replace("[roles]", "[tool.curvedoc.roles]")
    (tmp_path / "pyproject.toml").write_text(text)
    assert read_config(tmp_path) == MEANT


def test_curvedoc_toml_goes_before_pyproject_toml(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.curvedoc]\nclasses = 3\n")
    (tmp_path / "curvedoc.toml").write_text("classes = 7\n")
    assert read_config(tmp_path) == {"classes": 7}


def test_a_byte_order_mark_is_no_part_of_a_key(tmp_path: Path) -> None:
    (tmp_path / "curvedoc.toml").write_text("classes = 7\n", encoding="utf-8-sig")
    assert read_config(tmp_path) == {"classes": 7}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("class = 3", "class: no such key; did you mean 'classes'"),
        ("zzz = 3", "zzz: no such key; the keys are roles, classes"),
        ("classes = 1", "classes = 1: it takes a whole number from 2 up"),
        ("classes = true", "it takes a whole number"),
        ('target_loss = "low"', "target_loss = 'low': it takes a finite number"),
        ("target_loss = inf", "it takes a finite number"),
        ("task = 3", "it takes one of"),
        ('select = "overfitting"', "it takes a list of rule ids"),
        ("roles = 3", "it takes a table"),
        ('[roles]\ntrain_los = "x"', "roles: 'train_los' is no role; did you mean 'train_loss'"),
        ("[roles]\ntrain_loss = 3", "roles.train_loss = 3: it takes the tag or column"),
        ("classes = ", "not TOML"),
    ],
)
def test_a_slip_names_file_key_and_what_it_takes(tmp_path: Path, text: str, message: str) -> None:
    for name, prefix in (("curvedoc.toml", ""), ("pyproject.toml", "[tool.curvedoc]\n")):
        file = tmp_path / name
        file.write_text(prefix + text.replace("[roles]", "[roles]" if not prefix else "[tool.curvedoc.roles]") + "\n")
        with pytest.raises(UsageError) as caught:
            read_config(tmp_path)
        assert message in str(caught.value).replace("tool.curvedoc.", "")
        assert str(file) in str(caught.value)
        file.unlink()


def test_a_configuration_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "curvedoc.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match=r"curvedoc\.toml"):
        read_config(tmp_path)


def test_a_configuration_nested_without_end_is_named(tmp_path: Path) -> None:
    (tmp_path / "curvedoc.toml").write_text("a=" + "[" * 100_000)
    with pytest.raises(UsageError, match=r"curvedoc\.toml: not TOML that can be read: nested too deep"):
        read_config(tmp_path)
