"""Is the code beside a fix code, for every framework?"""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path
from typing import Any

import pytest

from curvedoc.render.snippets import FRAMEWORKS, snippets

from .situations import HOSTILE

ROOT = Path(__file__).parent.parent.parent
ACTIONS: list[dict[str, Any]] = [
    fix["action"]
    for file in sorted((ROOT / "rules").glob("*.toml"))
    for fix in tomllib.loads(file.read_text(encoding="utf-8")).get("fix", [])
    if "action" in fix
]


def filled(action: dict[str, Any]) -> dict[str, Any]:
    """The action as the engine fills it: a number for a vital, a name for the subject."""
    return {
        key: "blocks.0.fc1" if value == "{subject}" else 1740.85 if str(value).startswith("{") else value
        for key, value in action.items()
    }


@pytest.mark.parametrize("action", ACTIONS, ids=lambda a: str(a.get("kind")))
@pytest.mark.parametrize("axis", ["step", "epoch"])
def test_every_snippet_for_a_rule_is_valid_python(action: dict[str, Any], axis: str) -> None:
    made = snippets(filled(action), axis=axis, lr=0.3)
    assert set(made) <= set(FRAMEWORKS)
    for code in made.values():
        ast.parse(code)
        assert all(len(line) <= 150 for line in code.splitlines())


def test_most_rules_have_code_for_their_fixes() -> None:
    with_code = [action for action in ACTIONS if len(snippets(filled(action))) == len(FRAMEWORKS)]
    assert len(with_code) >= 0.6 * len(ACTIONS)


def test_the_new_rate_stands_there_as_a_number() -> None:
    made = snippets({"kind": "scale_lr", "factor": 0.1, "clip_grad_norm": 1.0}, lr=0.3)
    assert "lr = 0.03  # was 0.3" in made["PyTorch"]
    assert "max_norm=1)" in made["PyTorch"]
    assert "learning_rate=lr, max_grad_norm=1)" in made["Hugging Face"]


def test_a_cut_is_made_at_the_step_that_was_found() -> None:
    made = snippets({"kind": "scale_lr", "factor": 0.1, "at_step": 1740.85})
    assert "milestones=[1741], gamma=0.1" in made["PyTorch"]
    assert "steps_per_epoch" in snippets({"kind": "scale_lr", "factor": 0.1, "at_step": 12.0}, axis="epoch")["Keras"]


def test_torch_code_runs() -> None:
    torch = pytest.importorskip("torch", reason="runs the PyTorch snippets")
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    for action in (
        {"kind": "scale_lr", "factor": 0.1, "clip_grad_norm": 1.0, "warmup_steps": 100},
        {"kind": "scale_lr", "factor": 0.1, "layer": "0"},
        {"kind": "scale_lr", "factor": 0.1, "at_step": 5},
        {"kind": "set_schedule", "schedule": "cosine"},
        {"kind": "set_init", "init": "kaiming"},
        {"kind": "regularize", "weight_decay": "x10"},
        {"kind": "overfit_check", "examples": 10},
        {"kind": "unfreeze", "layer": "2"},
        {"kind": "set_label_smoothing", "value": 0.1},
    ):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        space = {
            "torch": torch, "model": model, "optimizer": optimizer, "lr": 0.1, "total_steps": 10,
            "inputs": torch.randn(32, 4), "targets": torch.randint(3, (32,)), "criterion": torch.nn.CrossEntropyLoss(),
        }  # fmt: skip
        exec(snippets(action, lr=0.1)["PyTorch"], space)
        if action.get("layer") == "0" and action["kind"] == "scale_lr":
            rates = {id(p): g["lr"] for g in space["optimizer"].param_groups for p in g["params"]}  # type: ignore[attr-defined]
            assert [round(rates[id(p)], 6) for p in model.parameters()] == [0.01, 0.01, 0.1, 0.1]


@pytest.mark.parametrize("action", [None, {}, {"kind": "pray"}, {"kind": HOSTILE}, {"kind": ["scale_lr"]}])
def test_what_has_no_code_has_none(action: Any) -> None:
    assert snippets(action) == {}


def test_a_hostile_layer_stays_inside_its_quotes() -> None:
    nasty = HOSTILE + "\n'); import os; os.system('x')  # "
    for kind in ("unfreeze", "scale_lr"):
        for code in snippets({"kind": kind, "layer": nasty, "factor": 0.1}).values():
            calls = {node.attr for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Attribute)}
            assert "system" not in calls
            assert not any(isinstance(node, ast.Import) for node in ast.walk(ast.parse(code)))


def test_numbers_that_are_none_do_no_harm() -> None:
    for value in (float("nan"), float("inf"), "x", None, True, [1]):
        for code in snippets({"kind": "scale_lr", "factor": value, "at_step": value}).values():
            ast.parse(code)
