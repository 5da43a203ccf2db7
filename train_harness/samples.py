"""How sample_logs/ is made: the recipes of recipes/samples, trained, recorded and proved."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import subprocess
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path

import torch

from .dialects import FORMATS
from .loop import Outcome, train
from .recipe import Recipe, read_recipe, recipe_text
from .setup import Checkpoint, pick_device
from .strict import RecipeError, nearest, to_tables, to_toml
from .treat import Proof, prove

RECIPES = Path(__file__).parent / "recipes" / "samples"
SAMPLE_LOGS = Path(__file__).parent.parent / "sample_logs"
SUMS = "SHA256SUMS"


def sample_names() -> list[str]:
    """Every sample that has a recipe, sorted."""
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def sample_recipe(name: str) -> Path:
    """The recipe file of a sample; an unknown name gets the nearest one."""
    if name not in sample_names():
        raise RecipeError(f"no sample is called {name!r}; {nearest(name, sample_names())}")
    return RECIPES / f"{name}.toml"


def build_samples(out: Path, names: Sequence[str] = (), say: Callable[[str], None] = lambda line: None) -> None:
    """Trains and records the samples into `out/NAME/`, the resolved recipe beside the log, and writes the checksums.

    Labels already there stay: they are made by `write_label`.
    """
    for name in names or sample_names():
        recipe = read_recipe(sample_recipe(name))
        folder = out / name
        for old in folder.iterdir() if folder.is_dir() else ():
            if old.name != "label.toml":
                shutil.rmtree(old) if old.is_dir() else old.unlink()
        outcome = record(recipe, folder)
        say(f"{name}: {outcome.steps} steps, train loss {outcome.train_loss:.4g}, val loss {outcome.val_loss:.4g}")
    (out / SUMS).write_text(checksums(out), encoding="utf-8")


def record(
    recipe: Recipe,
    out: Path,
    device: str = "cpu",
    *,
    resume: Checkpoint | None = None,
    save_every: int = 0,
    save: Callable[[Checkpoint], None] = lambda checkpoint: None,
) -> Outcome:
    """Trains a recipe (see `train`) and leaves its log and the resolved recipe.toml in `out`."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "recipe.toml").write_text(recipe_text(recipe), encoding="utf-8")
    with FORMATS[recipe.log.format](out, recipe) as write:
        return train(recipe, write, device, resume=resume, save_every=save_every, save=save)


def describe(recipe: Recipe, out: Path, device: str) -> None:
    """Writes what made a run: run.json (seed, device, versions, git revision, None outside a checkout) and
    hparams.json, which is the resolved recipe where curvedoc looks for it."""
    revision = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    target = pick_device(device)
    facts = {
        "seed": recipe.seed,
        "device": torch.cuda.get_device_name(target) if target.type == "cuda" else platform.machine(),
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in ("torch", "numpy", "scikit-learn")},
        "revision": revision.stdout.strip() or None,
    }
    out.mkdir(parents=True, exist_ok=True)
    for name, values in {"run.json": facts, "hparams.json": to_tables(recipe)}.items():
        (out / name).write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


def write_label(name: str, out: Path, say: Callable[[str], None] = lambda line: None) -> Proof:
    """Proves a sample's label over paired seeds and writes `out/NAME/label.toml`, standing or not."""
    recipe = read_recipe(sample_recipe(name))
    proof = prove(recipe, say=lambda line: say(f"{name}: {line}"))
    (out / name).mkdir(parents=True, exist_ok=True)
    (out / name / "label.toml").write_text(label_text(name, recipe, proof), encoding="utf-8")
    say(f"{name}: {'stands' if proof.stands else 'DOES NOT STAND'}, margin {proof.margin:+.1%}")
    return proof


def label_text(name: str, recipe: Recipe, proof: Proof) -> str:
    """The label file: the claim, what it rests on, and the command that proves it again."""
    assert recipe.case is not None, "prove() refuses a recipe without a case"
    case = recipe.case
    tables = {
        "label": case.label,
        "also": case.also,
        "stands": proof.stands,
        "planted": case.planted,
        "judge": case.judge,
        "margin": _short(proof.margin),
        "seeds": proof.seeds,
        "command": f"python -m train_harness label {name}",
        "recipe_sha256": recipe_hash(recipe),
        "treatment": [
            {
                "name": t.name,
                "set": t.change,
                "untreated": _short(t.untreated),
                "treated": _short(t.treated),
                "gain": _short(t.gain),
                "standard_error": _short(t.error),
                "helps": t.helps,
            }
            for t in proof.trials
        ],
    }
    return to_toml(tables)


def recipe_hash(recipe: Recipe) -> str:
    """SHA-256 of the resolved recipe: a label that carries another one is out of date."""
    return hashlib.sha256(recipe_text(recipe).encode()).hexdigest()


def checksums(out: Path) -> str:
    """`sha256  path` of every log and recipe under `out`, sorted, as sha256sum writes them."""
    files = sorted(p for p in out.rglob("*") if p.is_file() and p.name not in (SUMS, "label.toml", "README.md"))
    return "".join(f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(out).as_posix()}\n" for p in files)


def _short(value: float) -> float:
    return float(f"{value:.4g}")
