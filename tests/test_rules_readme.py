"""The tables of rules/README.md are the ones that the source prints.

`python -m tests.test_rules_readme` writes them anew.
"""

from __future__ import annotations

import re
from pathlib import Path

from curvedoc import handbook
from curvedoc.rulebook import RULES, load_rules

README = RULES / "README.md"


def filled(text: str) -> str:
    """The README with its tables as the source prints them today."""
    for name, table in (("rules", handbook.markdown(load_rules())), ("vitals", handbook.vitals_markdown())):
        block = f"<!-- {name}: begin -->\n{table}<!-- {name}: end -->"
        text = re.sub(rf"<!-- {name}: begin -->\n.*?<!-- {name}: end -->", lambda _, b=block: b, text, flags=re.DOTALL)
    return text


def test_the_tables_are_up_to_date() -> None:
    text = README.read_text(encoding="utf-8")
    assert text == filled(text)
    assert text.count("| `overfitting` |") == 1


if __name__ == "__main__":
    Path(README).write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")
