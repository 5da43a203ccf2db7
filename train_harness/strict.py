"""How a TOML table becomes a frozen dataclass and back: strict, typed, with the nearest right name."""

from __future__ import annotations

import difflib
import json
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import field, fields, is_dataclass
from typing import Any


class RecipeError(ValueError):
    """A recipe that cannot be followed; the message names the key and the nearest right one."""


def later(default: Any) -> Any:
    """The default of a key that came after the first labels were proved: it is written down only where it differs,
    so that a recipe that does not use it keeps its text and its hash."""
    return field(default=default, metadata={"later": True})


def build(kind: type, table: Mapping[str, Any], where: str, prefix: str = "") -> Any:
    """A dataclass from a TOML table, refusing what it does not know, with the nearest name."""
    hints = typing.get_type_hints(kind)
    known = [f.name for f in fields(kind)]
    values = {}
    for key, value in table.items():
        if key not in known:
            raise RecipeError(f"{where}: unknown key {prefix + key!r}; {nearest(key, known, 0.5)}")
        values[key] = _typed(hints[key], value, where, prefix + key)
    try:
        return kind(**values)
    except TypeError as error:
        raise RecipeError(f"{where}: {prefix.rstrip('.') or kind.__name__}: {error}") from None


def nearest(word: str, known: Iterable[str], likeness: float = 0.4) -> str:
    """What a message says about a word that is not known: the nearest one that is, or all of them.

    >>> nearest("cnm", ["mlp", "cnn"])
    "did you mean 'cnn'?"
    >>> nearest("forest", ["mlp", "cnn"])
    'known: mlp, cnn'
    """
    words = list(known)
    near = difflib.get_close_matches(word, words, 1, likeness)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(words)}"


def to_tables(value: Any, whole: bool = False) -> dict[str, Any]:
    """A dataclass as nested plain tables, what `build` takes back: without keys that are None and, unless `whole`,
    without `later` keys at their default."""
    out: dict[str, Any] = {}
    for f in fields(value):
        item = getattr(value, f.name)
        if is_dataclass(item):
            out[f.name] = to_tables(item, whole)
        elif isinstance(item, tuple) and item and is_dataclass(item[0]):
            out[f.name] = [to_tables(part, whole) for part in item]
        elif item is not None and (whole or "later" not in f.metadata or item != f.default):
            out[f.name] = item
    return out


def to_toml(tables: Mapping[str, Any]) -> str:
    """TOML text of nested tables of numbers, strings, lists and lists of tables, in their order."""
    return "\n".join(_toml_lines(tables, "")).strip() + "\n"


def _typed(hint: Any, value: Any, where: str, key: str) -> Any:
    """`value` as the annotation says: an int passes for a float, a list for a tuple; nothing else is converted."""
    if typing.get_origin(hint) is types.UnionType:
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    if is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise RecipeError(f"{where}: {key} must be a section, not {value!r}")
        return build(typing.cast(type, hint), value, where, f"{key}.")
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, list | tuple):
            raise RecipeError(f"{where}: {key} must be a list, not {value!r}")
        parts = typing.get_args(hint)
        inner = [parts[0]] * len(value) if parts[-1] is Ellipsis else parts
        if len(inner) != len(value):
            raise RecipeError(f"{where}: {key} must hold {len(inner)} values, not {value!r}")
        return tuple(_typed(h, v, where, key) for h, v in zip(inner, value, strict=True))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not hint:
        raise RecipeError(f"{where}: {key} must be {hint.__name__}, not {value!r}")
    return value


def _toml_lines(table: Mapping[str, Any], path: str) -> list[str]:
    lines = [f"{key} = {_toml(v)}" for key, v in table.items() if not _is_table(v)]
    for key, value in table.items():
        name = f"{path}{key}"
        if isinstance(value, Mapping):
            lines += ["", f"[{name}]", *_toml_lines(value, f"{name}.")]
        elif _is_table(value):
            for item in value:
                lines += ["", f"[[{name}]]", *_toml_lines(item, f"{name}.")]
    return lines


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping) or (
        isinstance(value, list | tuple) and bool(value) and all(isinstance(item, Mapping) for item in value)
    )


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return repr(value)
