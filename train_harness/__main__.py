"""The laboratory's command line: train a recipe, rebuild the sample logs, prove their labels."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy
import torch

from .guide import write_guide
from .loop import train
from .recipe import Recipe, read_recipe
from .samples import SAMPLE_LOGS, build_samples, record, sample_names, write_label
from .strict import RecipeError, to_tables

USAGE = """python -m train_harness RECIPE.toml [section.key=value ...] --out DIR [--device auto|cpu|cuda]
           [--save-every N] [--resume checkpoint.pt]
       python -m train_harness samples [OUT] [--only NAME ...]
       python -m train_harness label [NAME ...] [--out OUT]
       python -m train_harness guide"""


def main(argv: list[str]) -> int:
    """Runs one command; 0 done, 1 a label does not stand, 2 a recipe or an argument that cannot be used."""
    commands = {"samples": _samples, "label": _label, "guide": _guide}
    try:
        if argv and argv[0] in commands:
            return commands[argv[0]](argv[1:])
        return _train(argv)
    except (RecipeError, ValueError) as error:
        print(f"train_harness: {error}", file=sys.stderr)
        return 2


def run_facts(recipe: Recipe) -> dict[str, object]:
    """What made a run: seed, versions of what computed it, git revision (None outside a checkout)."""
    revision = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    return {
        "seed": recipe.seed,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "revision": revision.stdout.strip() or None,
    }


def _train(argv: list[str]) -> int:
    parser = argparse.ArgumentParser("python -m train_harness", usage=USAGE, description=__doc__)
    parser.add_argument("recipe", metavar="RECIPE.toml")
    parser.add_argument(
        "overrides", nargs="*", metavar="section.key=value", help="changes of the recipe; *= multiplies"
    )
    parser.add_argument("--out", required=True, type=Path, help="the run directory")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--save-every", type=int, default=0, metavar="N", help="renew DIR/checkpoint.pt every N steps")
    parser.add_argument(
        "--resume", type=Path, metavar="checkpoint.pt", help="go on from there; only later rows are logged"
    )
    args = parser.parse_args(argv)
    recipe = read_recipe(args.recipe, args.overrides)
    checkpoint = None if args.resume is None else torch.load(args.resume, map_location="cpu", weights_only=True)
    if int(os.environ.get("RANK", "0")):
        train(recipe, device=args.device, resume=checkpoint, save_every=args.save_every)
        return 0
    outcome = record(
        recipe,
        args.out,
        args.device,
        resume=checkpoint,
        save_every=args.save_every,
        save=lambda state: torch.save(state, args.out / "checkpoint.pt"),
    )
    torch.save(dict(outcome.weights), args.out / "weights.pt")
    facts = {"run.json": run_facts(recipe), "hparams.json": to_tables(recipe)}
    for name, values in facts.items():
        (args.out / name).write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    print(f"{outcome.steps} steps, train loss {outcome.train_loss:.4g}, val loss {outcome.val_loss:.4g}")
    return 0


def _samples(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        "python -m train_harness samples", description="Trains and records every sample log."
    )
    parser.add_argument("out", nargs="?", type=Path, default=SAMPLE_LOGS)
    parser.add_argument("--only", nargs="+", default=(), metavar="NAME")
    args = parser.parse_args(argv)
    build_samples(args.out, args.only, _say)
    return 0


def _label(argv: list[str]) -> int:
    parser = argparse.ArgumentParser("python -m train_harness label", description="Proves labels by paired treatments.")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--out", type=Path, default=SAMPLE_LOGS)
    args = parser.parse_args(argv)
    proofs = [write_label(name, args.out, _say) for name in args.names or sample_names()]
    return 0 if all(proof.stands for proof in proofs) else 1


def _guide(argv: list[str]) -> int:
    about = "Writes the tables and the picture of train_harness/README.md."
    argparse.ArgumentParser("python -m train_harness guide", description=about).parse_args(argv)
    write_guide()
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
