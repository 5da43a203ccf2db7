"""Does the source say how each vital is measured, and the page how often its interval holds?"""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

import curvedoc
from curvedoc.estimate import UNITS
from curvedoc.rulebook import RULES
from curvedoc.vitals import VITALS
from tests.bench import coverage, known, truths

PACKAGE = Path(curvedoc.__file__).parent
SOURCES = sorted([*(PACKAGE / "vitals").glob("*.py"), *(PACKAGE / "curves").glob("*.py")])
TABLE = re.search(
    f"{coverage.BEGIN}\n(.*?){coverage.END}", (RULES / "README.md").read_text(encoding="utf-8"), re.DOTALL
)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_function_that_measures_says_how(source: Path) -> None:
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            measures = node.returns is not None and "Measured" in ast.unparse(node.returns)
            if measures or not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{node.name} has no docstring"


def test_every_vital_is_stated_where_it_is_measured() -> None:
    stated = {}
    for source in (path for path in SOURCES if path.parent.name == "vitals" and path.stem not in ("chart", "__init__")):
        module = importlib.import_module(f"curvedoc.vitals.{source.stem}")
        for table in (getattr(module, "VITALS", {}), getattr(module, "DROP_VITALS", {})):
            stated |= dict.fromkeys(table, source)
    for kind in VITALS.values():
        for name, vital in kind.items():
            assert vital.unit in UNITS
            assert vital.says
            assert f'"{name}"' in stated[name].read_text(encoding="utf-8").split('"""', 2)[2], name


def covered() -> dict[str, float]:
    """Coverage in percent by vital, as the page shows it."""
    assert TABLE is not None
    rows = [line.split("|")[1:3] for line in TABLE[1].splitlines()[2:]]
    return {name.strip(" `"): float(percent) for name, percent in rows}


def test_the_page_shows_every_vital_whose_truth_is_known_and_each_within_the_bar() -> None:
    drawn = known.draw(known.FAMILIES[9], 120, "white", 0.05, 0)
    true = dict(truths.truths(drawn))
    with_interval = {name for name, found in coverage.measured(drawn).items() if found.low < found.high}
    shown = covered()
    assert with_interval & set(true) <= set(shown)
    low, high = coverage.BAR
    # A rise that was picked because it looked large is smaller than it looks: the page says so.
    off = {name for name, percent in shown.items() if not low <= percent <= high}
    assert off <= {"loss.swing"}


def test_a_small_run_of_the_bench_agrees_with_the_page() -> None:
    counts, _ = coverage.count(1, first=77, families=known.FAMILIES[::4])
    names = {key[0] for key in counts}
    within, asked = sum(c.within for c in counts.values()), sum(c.all for c in counts.values())
    shown = covered()
    # 72 runs: their vitals share noise, so that the mean is known to some 3 percent.
    assert 100 * within / asked == pytest.approx(sum(shown[n] for n in names) / len(names), abs=8)
