"""What does a configuration file say? `curvedoc.toml`, or `[tool.curvedoc]` in `pyproject.toml`."""

from __future__ import annotations

import difflib
import math
import tomllib
from pathlib import Path
from typing import Any

from .errors import UsageError
from .run import TASKS, role_of

OWN = "curvedoc.toml"
KEYS = ("roles", "classes", "target_loss", "task", "select", "ignore")


def read_config(directory: Path) -> dict[str, Any]:
    """What `curvedoc.toml` in a directory says, else the table `[tool.curvedoc]` of its `pyproject.toml`, else {}.

    Keys: `roles` (role word to tag), `classes` (int), `target_loss` (float), `task` (str), `select` and `ignore`
    (tuples of rule ids). Raises UsageError, which names file and key, for everything else.
    """
    own = directory / OWN
    if own.is_file():
        return _checked(_load(own), own)
    project = directory / "pyproject.toml"
    if project.is_file():
        tools = _load(project).get("tool")
        table = tools.get("curvedoc", {}) if isinstance(tools, dict) else {}
        return _checked(table, project, "tool.curvedoc.")
    return {}


def _load(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: not TOML: {error}") from None
    except RecursionError:
        raise UsageError(f"{file}: not TOML that can be read: nested too deep") from None
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror or error}") from None


def _checked(table: Any, file: Path, prefix: str = "") -> dict[str, Any]:
    if not isinstance(table, dict):
        raise UsageError(f"{file}: {prefix.rstrip('.')!r} must be a table of keys")
    return {key: _value(key, value, f"{file}: {prefix}{key}") for key, value in table.items()}


def _value(key: str, value: Any, place: str) -> Any:
    if key == "roles":
        return _roles(value, place)
    if key == "classes":
        return _need(
            isinstance(value, int) and not isinstance(value, bool) and value >= 2,
            value,
            place,
            "a whole number from 2 up",
        )
    if key == "target_loss":
        number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        return float(_need(number, value, place, "a finite number"))
    if key == "task":
        return _need(value in TASKS, value, place, f"one of {', '.join(TASKS)}")
    if key in ("select", "ignore"):
        listed = isinstance(value, list) and all(isinstance(v, str) for v in value)
        return tuple(_need(listed, value, place, "a list of rule ids"))
    near = difflib.get_close_matches(key, KEYS, 1, 0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"the keys are {', '.join(KEYS)}"
    raise UsageError(f"{place}: no such key; {hint}")


def _roles(value: Any, place: str) -> dict[str, str]:
    _need(isinstance(value, dict), value, place, 'a table such as { train_loss = "my/objective" }')
    for role, tag in value.items():
        try:
            role_of(role)
        except UsageError as error:
            raise UsageError(f"{place}: {error}") from None
        _need(isinstance(tag, str) and tag != "", tag, f"{place}.{role}", "the tag or column, as text")
    return dict(value)


def _need(holds: bool, value: Any, place: str, what: str) -> Any:
    if not holds:
        raise UsageError(f"{place} = {value!r}: it takes {what}")
    return value
