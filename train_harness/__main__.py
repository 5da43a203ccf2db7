"""The laboratory's command line: train a recipe, find its rate, search, rebuild the sample logs, prove labels."""

from __future__ import annotations

import argparse
import math
import os
import sys
from pathlib import Path

import torch

from .guide import write_guide
from .loop import train
from .overhead import overhead
from .recipe import read_recipe
from .samples import SAMPLE_LOGS, build_samples, describe, record, sample_names, write_label
from .search import Trial, grid_points, parse_range, random_points, refine, search, write_trials
from .steps import Memory, draw_range, initial_loss, overfit, range_test
from .strict import RecipeError

USAGE = """python -m train_harness RECIPE.toml [section.key=value ...] --out DIR [--device auto|cpu|cuda]
           [--save-every N] [--resume checkpoint.pt]
       python -m train_harness check RECIPE.toml            is the initial loss what it must be?
       python -m train_harness overfit RECIPE.toml          does it learn 1, 4, 10, 100 examples by heart?
       python -m train_harness range RECIPE.toml --out PNG  which rate makes the loss fall in 100 steps?
       python -m train_harness search RECIPE.toml --out DIR --over section.key=low..high ...
       python -m train_harness overhead RECIPE.toml         what does recording cost?
       python -m train_harness lab OUT [--budget 30m]       makes the labelled corpus of curves
       python -m train_harness samples [OUT] [--only NAME ...]
       python -m train_harness label [NAME ...] [--out OUT]
       python -m train_harness guide"""


def main(argv: list[str]) -> int:
    """Runs one command; 0 done, 1 a label does not stand or a check failed, 2 a recipe or an argument that cannot be
    used."""
    commands = {
        "check": _check,
        "overfit": _overfit,
        "range": _range,
        "search": _search,
        "overhead": _overhead,
        "lab": _lab,
        "samples": _samples,
        "label": _label,
        "guide": _guide,
    }
    try:
        if argv and argv[0] in commands:
            return commands[argv[0]](argv[1:])
        return _train(argv)
    except (RecipeError, ValueError) as error:
        print(f"train_harness: {error}", file=sys.stderr)
        return 2


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
    args = parser.parse_intermixed_args(argv)
    recipe = read_recipe(args.recipe, args.overrides)
    if args.resume is not None and args.resume.resolve().parent == args.out.resolve():
        raise ValueError(f"{args.out} holds the log of the first part, which would be overwritten: take another --out")
    checkpoint = None if args.resume is None else torch.load(args.resume, map_location="cpu", weights_only=True)
    if int(os.environ.get("RANK", "0")):
        train(recipe, device=args.device, resume=checkpoint, save_every=args.save_every)
        return 0
    describe(recipe, args.out, args.device)
    outcome = record(
        recipe,
        args.out,
        args.device,
        resume=checkpoint,
        save_every=args.save_every,
        save=lambda state: torch.save(state, args.out / "checkpoint.pt"),
    )
    torch.save(dict(outcome.weights), args.out / "weights.pt")
    pace = outcome.steps_per_second
    print(f"{outcome.steps} steps, train loss {outcome.train_loss:.4g}, val loss {outcome.val_loss:.4g}")
    print(f"{pace:.4g} steps/s, {pace * recipe.update_size:,.0f} examples/s, without validation and writing")
    return 0


def _check(argv: list[str]) -> int:
    args = _of_recipe(
        "check", "Compares the loss of the untrained network with its analytic value."
    ).parse_intermixed_args(argv)
    start = initial_loss(read_recipe(args.recipe, args.overrides), args.device)
    print(f"initial loss {start.measured:.4g}; right: {start.expected:.4g} ({start.because}) to {start.high:.4g}")
    if start.right:
        print("as it should be: go on with overfit")
        return 0
    if start.measured > start.high:
        print(
            "too high: the first scores are far too sure. Look at the init, the scale of the inputs, sum versus mean."
        )
    else:
        print("too low or not finite: look for NaN in the data, classes that are missing, targets among the inputs.")
    return 1


def _overfit(argv: list[str]) -> int:
    parser = _of_recipe("overfit", "Trains on a handful of examples: a network that works learns them by heart.")
    parser.add_argument("--sizes", type=int, nargs="+", default=(1, 4, 10, 100), metavar="N")
    parser.add_argument("--steps", type=int, default=300)
    args = parser.parse_intermixed_args(argv)

    def say(memory: Memory) -> None:
        accuracy = "" if memory.accuracy is None else f", accuracy {memory.accuracy:.0%}"
        verdict = "by heart" if memory.by_heart else "NOT LEARNED"
        print(
            f"{memory.examples:>6} examples: loss {memory.first_loss:.4g} -> {memory.loss:.4g}{accuracy}: {verdict}",
            flush=True,
        )

    found = overfit(read_recipe(args.recipe, args.overrides), args.sizes, args.steps, args.device, say)
    if all(memory.by_heart for memory in found):
        print("it can learn: go on with range")
        return 0
    print("not learned: the rate is too low or too high, the steps too few, or gradients do not arrive; see range")
    return 1


def _range(argv: list[str]) -> int:
    parser = _of_recipe("range", "Raises the rate step by step, then tries the most promising ones for as long.")
    parser.add_argument("--out", type=Path, help="a picture of the sweep (.png, .svg, .pdf)")
    parser.add_argument("--low", type=float, default=1e-6)
    parser.add_argument("--high", type=float, default=10.0)
    parser.add_argument("--steps", type=int, default=100)
    args = parser.parse_intermixed_args(argv)
    test = range_test(read_recipe(args.recipe, args.overrides), args.low, args.high, args.steps, args.device)
    if args.out is not None:
        draw_range(test, args.out)
    print(f"loss {test.losses[0]:.4g} at the start; after {args.steps} steps at one rate:")
    for rate, loss in test.tried:
        print(f"  {rate:<9.3g} {loss:.4g}{'  <- best' if rate == test.best else ''}")
    if test.best is None:
        print("no rate made the loss fall: run check and overfit first")
        return 1
    print(f"search around it: --over optimizer.lr={test.best / 10:.2g}..{test.best * 3:.2g}")
    return 0


def _search(argv: list[str]) -> int:
    from curvedoc.cli import main as curvedoc

    parser = _of_recipe("search", "Trains a run per point of the ranges, then lets curvedoc read all the curves.")
    parser.add_argument("--out", type=Path, required=True, help="the directory of runs/ and trials.csv")
    parser.add_argument("--over", action="append", required=True, metavar="section.key=low..high")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--random", type=int, default=16, metavar="N", help="N points drawn at random (default: 16)")
    how.add_argument("--grid", type=int, metavar="K", help="K values of each range, all combinations")
    parser.add_argument("--refine", type=int, default=0, metavar="N", help="then N random points around the best ones")
    parser.add_argument("--jobs", type=int, default=1, help="runs at the same time")
    args = parser.parse_intermixed_args(argv)
    runs = args.out / "runs"
    recipe, ranges = read_recipe(args.recipe, args.overrides), [parse_range(text) for text in args.over]
    points = grid_points(ranges, args.grid) if args.grid else random_points(ranges, args.random, recipe.seed)

    def say(trial: Trial) -> None:
        values = ", ".join(f"{key} = {value:.4g}" for key, value in trial.values.items())
        _say(f"{trial.name}: val loss {trial.val_loss:.4g} with {values}")

    trials = search(recipe, points, runs, prefix="coarse-", jobs=args.jobs, device=args.device, say=say)
    if args.refine:
        ranges = refine(ranges, trials)
        _say("the best lie in " + ", ".join(f"{r.key} = {r.low:.4g}..{r.high:.4g}" for r in ranges))
        points = random_points(ranges, args.refine, recipe.seed + 1)
        trials += search(recipe, points, runs, prefix="fine-", jobs=args.jobs, device=args.device, say=say)
    write_trials(trials, args.out)
    best = min(trials, key=lambda trial: trial.val_loss)
    settings = " ".join(f"{key}={value:.4g}" for key, value in best.values.items())
    print(f"best of {len(trials)}: {best.name}, val loss {best.val_loss:.4g}: {settings}\n", flush=True)
    return curvedoc(["analyze", str(runs)])


def _overhead(argv: list[str]) -> int:
    parser = _of_recipe("overhead", "Times updates with and without recording, in turn.")
    parser.add_argument("--rounds", type=int, default=20)
    args = parser.parse_intermixed_args(argv)
    recipe = read_recipe(args.recipe, args.overrides)
    cost = overhead(recipe, args.rounds, args.device)
    for name, seconds in (("without", cost.step), ("with", cost.recorded)):
        print(f"{name:>8} recording {1000 * seconds:8.3f} ms/step {recipe.update_size / seconds:11,.0f} examples/s")
    share, steps, epochs = (100 * extra / cost.step for extra in (cost.recorded - cost.step, cost.steps, cost.epochs))
    print(f"recording adds {share:+.2f} %: {steps:+.2f} % for rows of steps, {epochs:+.2f} % for rows of epochs")
    return 0


def _of_recipe(name: str, about: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(f"python -m train_harness {name}", description=about)
    parser.add_argument("recipe", metavar="RECIPE.toml")
    parser.add_argument("overrides", nargs="*", metavar="section.key=value", help="changes of the recipe")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    return parser


def _lab(argv: list[str]) -> int:
    from .lab import pack, run_lab, summary

    parser = argparse.ArgumentParser(
        "python -m train_harness lab",
        description="Plants faults in real runs, treats every run, and keeps those whose label the treatments prove.",
    )
    parser.add_argument("out", type=Path, metavar="OUT", help="the corpus; a second call goes on where the first ended")
    parser.add_argument("--budget", type=_seconds, default=math.inf, metavar="30m", help="begin no new case after this")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one per core)")
    parser.add_argument(
        "--only", default="", metavar="PREFIX", help="candidates whose name begins so: calibration, tune-bad-init"
    )
    parser.add_argument("--seed", type=int, default=0, help="other patients of the same kinds (default 0: tests/lab)")
    parser.add_argument("--pack", type=Path, metavar="DIR", help="then pack every part into DIR")
    args = parser.parse_args(argv)
    findings = run_lab(args.out, budget=args.budget, jobs=args.jobs, only=args.only, seed=args.seed, say=_say)
    print("\n".join(summary(findings)))
    for file in pack(args.out, args.pack) if args.pack is not None else ():
        print(f"{file}: {file.stat().st_size / 1e6:.1f} MB")
    return 0


def _seconds(text: str) -> float:
    """Seconds of "90s", "30m" or "1.5h"."""
    number, unit = text[:-1], text[-1:]
    try:
        return float(number) * {"s": 1, "m": 60, "h": 3600}[unit]
    except (ValueError, KeyError):
        raise argparse.ArgumentTypeError(f"{text!r} is no time: write 90s, 30m or 1.5h") from None


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
