"""Who imports whom? The import law, read from the source."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "curvedoc"

#: Room to the rooms it may import. A room is a file or a directory of curvedoc/.
LAW: dict[str, set[str]] = {
    "errors": set(),
    "estimate": set(),
    "curves": {"run"},  # the name of its array type
    "run": {"errors"},
    "tongues": set(),
    "names": {"run", "tongues"},
    "drafts": {"names"},
    "families": {"drafts"},
    "roles": {"run", "names", "drafts", "families", "errors"},
    "config": {"errors", "run"},
    "readers": {"run", "errors", "tongues"},
    "mend": {"run"},
    "axis": {"run", "names", "roles", "mend"},
    "assemble": {"run", "names", "roles", "readers", "mend", "axis", "errors"},
    "twins": {"run", "names", "roles", "readers"},
    "group": {"run", "names", "roles", "readers", "twins"},
    "discover": {"run", "drafts", "config", "roles", "readers", "group", "twins", "assemble", "errors"},
    "memory": {"run", "readers", "assemble", "errors"},
    "vitals": {"run", "curves", "estimate", "settings"},
    "rulebook": {"estimate", "errors"},
    "report": {"run", "estimate", "errors"},
    "rank": {"rulebook", "report"},
    "sentences": {"vitals", "estimate"},
    "drawing": {"run", "vitals", "curves", "report"},
    "engine": {"rank", "drawing", "sentences", "run", "vitals", "estimate", "rulebook", "report", "errors"},
    "settings": set(),
    "compare": {"run", "curves", "settings", "report", "errors"},
    "siblings": {"run", "estimate", "compare", "settings", "rank", "rulebook", "report"},
    "render": {"report", "run", "estimate", "curves", "settings", "compare", "errors", "__init__"},
    "handbook": {"rulebook", "sentences", "vitals", "estimate"},
    "api": {"run", "siblings", "discover", "memory", "rulebook", "engine", "report", "errors"},
    "monitor": {"run", "readers", "assemble", "rulebook", "engine", "report", "errors"},
    "terminal": {"render", "errors"},
    "commands": {
        "terminal",
        "config",
        "api",
        "handbook",
        "rulebook",
        "engine",
        "report",
        "render",
        "compare",
        "run",
        "errors",
    },
    "cli": {"commands", "terminal", "run", "errors", "__init__"},
    "__main__": {"cli"},
    "__init__": {"api", "monitor", "report", "run"},
}
#: What is imported only inside a function, where the law above would make a circle: a Report can print itself.
LAZY = {"report": {"render"}}

#: Packages that cost more to import than a run costs to judge: inside the function that needs them.
HEAVY = {"tensorboard", "pandas", "matplotlib", "sklearn", "scipy", "torch", "tensorflow", "keras", "lightning", "yaml"}
#: Modules in which the laboratory's side may be imported, and still only inside a function.
LIVE = {"monitor", "callbacks"}

FILES = sorted(ROOT.rglob("*.py"))


def test_the_law_names_every_room() -> None:
    rooms = {file.relative_to(ROOT).parts[0].removesuffix(".py") for file in FILES}
    assert rooms == set(LAW)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_a_room_imports_only_what_the_law_allows(file: Path) -> None:
    room = file.relative_to(ROOT).parts[0].removesuffix(".py")
    for name, inside in imports(file):
        home, *_ = name.removeprefix("curvedoc.").split(".") if name.startswith("curvedoc.") else [""]
        if home and home != room:
            allowed = LAW[room] | (LAZY.get(room, set()) if inside else set())
            assert home in allowed, f"{room} imports {home}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_heavy_packages_are_imported_inside_functions(file: Path) -> None:
    room = file.relative_to(ROOT).parts[0].removesuffix(".py")
    for name, inside in imports(file):
        package = name.split(".")[0]
        assert package != "train_harness", "curvedoc does not know its laboratory"
        assert package not in HEAVY or inside, f"{name} at the top of the module"
        assert package != "torch" or room in LIVE, "reading logs needs no torch"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_every_file_says_in_its_first_line_which_question_it_answers(file: Path) -> None:
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
    assert docstring, "no docstring"
    assert docstring.splitlines()[0].rstrip().endswith((".", "?")), docstring.splitlines()[0]


def imports(file: Path) -> list[tuple[str, bool]]:
    """Absolute names that a file imports, and whether inside a function; what only a type checker sees is left out."""
    package = ("curvedoc", *file.relative_to(ROOT).parent.parts)
    found: list[tuple[str, bool]] = []

    def visit(node: ast.AST, inside: bool) -> None:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return
        if isinstance(node, ast.Import):
            found.extend((alias.name, inside) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            name = ".".join(part for part in (base, node.module) if part)
            # `from . import api` names a module, or something that __init__ holds
            whole = name == "curvedoc"
            for alias in node.names:
                home = (
                    alias.name if (ROOT / alias.name).is_dir() or (ROOT / f"{alias.name}.py").exists() else "__init__"
                )
                found.append((f"curvedoc.{home}" if whole else name, inside))
        inside = inside or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for child in ast.iter_child_nodes(node):
            visit(child, inside)

    visit(ast.parse(file.read_text(encoding="utf-8")), False)
    return found
