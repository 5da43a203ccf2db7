"""Is the better of two runs named when it is better, and not when that is chance?"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from curvedoc.cli import main
from curvedoc.compare import SEEDS, Comparison, compare
from curvedoc.engine import judge
from curvedoc.render import versus
from curvedoc.report import Report
from curvedoc.rulebook import load_rules
from curvedoc.run import Curve, Run

ROOT = Path(__file__).parent.parent
RULES = load_rules()
STEPS = np.arange(0.0, 4000.0, 40.0)


def a_run(
    floor: float, *, noise: float = 0.02, seed: int = 0, name: str = "run", **hyper: object
) -> tuple[Run, Report]:
    rng = np.random.default_rng([seed, int(1000 * floor)])
    value = 2 * np.exp(-STEPS / 600) + floor + noise * rng.standard_normal(len(STEPS))
    train = 2 * np.exp(-STEPS / 500) + 0.8 * floor + noise * rng.standard_normal(len(STEPS))
    curves = {
        "val_loss": (Curve(STEPS, value),),
        "train_loss": (Curve(STEPS, train),),
        "lr": (Curve(STEPS, np.full(len(STEPS), 0.1)),),
    }
    run = Run(name, curves, path=name, hyper=hyper)
    return run, judge(run, RULES)


def against(a: list[tuple[Run, Report]], b: list[tuple[Run, Report]]) -> Comparison:
    return compare(a, b, ("first", "second"))


def test_a_clearly_lower_loss_is_better() -> None:
    assert against([a_run(1.0)], [a_run(0.7)]).verdict == "b"
    assert against([a_run(0.7)], [a_run(1.0)]).verdict == "a"


def test_a_difference_within_the_noise_is_too_close_to_call() -> None:
    assert against([a_run(1.0, noise=0.1)], [a_run(0.95, noise=0.1)]).verdict == "too close to call"


def test_of_noiseless_curves_a_hair_is_no_difference_for_another_seed_may_change_it() -> None:
    found = against([a_run(1.0, noise=0.0)], [a_run(0.99, noise=0.0)])
    assert found.verdict == "too close to call"
    ends = [2 * math.exp(-STEPS[-1] / 600) + floor for floor in (1.0, 0.99)]
    expected = 0.01 / (math.sqrt(2) * SEEDS * np.mean(ends))
    assert found.differences[0].sigmas == pytest.approx(expected, rel=0.02)
    assert "seed" in found.notes[0]


def test_swapping_the_sides_turns_the_sign() -> None:
    a, b = [a_run(1.0)], [a_run(0.9, seed=1)]
    there, back = against(a, b).differences[0], against(b, a).differences[0]
    assert there.sigmas == pytest.approx(-(back.sigmas or 0.0))


def test_equal_runs_are_rarely_told_apart() -> None:
    """Two seeds of one setting, thirty times: at two sigmas about one in twenty may speak."""
    spoke = sum(against([a_run(1.0, seed=2 * k)], [a_run(1.0, seed=2 * k + 1)]).verdict in "ab" for k in range(30))
    assert spoke <= 4


def test_repeats_are_compared_by_their_means_in_standard_errors() -> None:
    a = [a_run(1.0, seed=k) for k in range(4)]
    b = [a_run(0.95, seed=10 + k) for k in range(4)]
    d = against(a, b).differences[0]
    bests = [against([run], [run]).differences[0].a.value for run in (*a, *b)]
    first, second = np.array(bests[:4]), np.array(bests[4:])
    error = math.sqrt(first.var(ddof=1) / 4 + second.var(ddof=1) / 4)
    assert d.sigmas == pytest.approx((first.mean() - second.mean()) / error, rel=1e-6)
    assert 2.4 <= d.bar <= 3.2  # Student's bar for three to six degrees of freedom
    assert not any("one run a side" in note for note in against(a, b).notes)


def test_a_single_run_beside_repeats_borrows_their_deviation() -> None:
    d = against([a_run(1.0, seed=k) for k in range(3)], [a_run(0.5, seed=9)]).differences[0]
    assert d.b.deviation == d.a.deviation
    assert d.bar == 4.30  # two degrees of freedom


def test_higher_is_better_for_an_accuracy() -> None:
    sides = []
    for level in (0.6, 0.9):
        value = level - np.exp(-STEPS / 500) + 0.005 * np.random.default_rng(0).standard_normal(len(STEPS))
        run = Run("x", {"val_accuracy": (Curve(STEPS, value),)})
        sides.append([(run, judge(run, RULES))])
    assert against(*sides).verdict == "b"


def test_an_accuracy_in_percent_is_compared_with_a_share_of_1() -> None:
    sides = []
    for level, scale in ((0.9, 1.0), (0.6, 100.0)):
        value = level - np.exp(-STEPS / 500) + 0.005 * np.random.default_rng(0).standard_normal(len(STEPS))
        curve = Curve(STEPS, scale * np.clip(value, 0, 1), unit="percent" if scale > 1 else "")
        run = Run("x", {"val_accuracy": (curve,)})
        sides.append([(run, judge(run, RULES))])
    found = against(*sides)
    assert found.verdict == "a"
    assert found.differences[0].b.value == pytest.approx(0.6, abs=0.02)
    assert any("percent" in note for note in found.notes)


def test_a_run_lost_to_nan_is_the_worse_one() -> None:
    value = np.where(STEPS > 2000, np.nan, 0.1 + np.exp(-STEPS / 600))
    run = Run("x", {"train_loss": (Curve(STEPS, value),), "val_loss": (Curve(STEPS, value),)})
    found = against([(run, judge(run, RULES))], [a_run(1.0)])
    assert (found.verdict, found.why) == ("b", "the other was lost to NaN or infinity")


def test_without_a_common_curve_nothing_is_claimed() -> None:
    run = Run("x", {"train_accuracy": (Curve(STEPS, STEPS / 4000),)})
    found = against([(run, judge(run, RULES))], [a_run(1.0)])
    assert found.verdict == "cannot be compared"
    assert "a logs none, b logs val_loss, train_loss" in found.why


def test_settings_that_differ_are_listed_and_seeds_within_a_side_are_not() -> None:
    a = [a_run(1.0, seed=k, optimizer={"lr": 0.1}, seed_=k, width=64) for k in range(2)]
    b = [a_run(0.9, seed=5, optimizer={"lr": "3e-2"}, width=64, clip=1.0)]
    assert [(c.key, c.a, c.b) for c in against(a, b).changes] == [("clip", None, 1.0), ("optimizer.lr", 0.1, 0.03)]


def test_different_axes_are_said() -> None:
    run = a_run(1.0)[0]
    by_epoch = Run("e", run.curves, axis="epoch")
    assert any("step and epoch" in n for n in against([a_run(1.0)], [(by_epoch, judge(by_epoch, RULES))]).notes)


def test_the_text_says_verdict_settings_and_sigmas() -> None:
    text = versus.render_text(against([a_run(1.0, lr=0.1)], [a_run(0.7, lr=0.3)]), width=80)
    assert text.startswith("curvedoc: b is better (second): best val_loss differs by ")
    assert "lr  0.1  0.3" in text
    assert "+" in text and "sigmas" in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_the_command_prints_text_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    a, b = (str(ROOT / "sample_logs" / name) for name in ("healthy-dropout", "overfitting"))
    assert main(["compare", a, b]) == 0
    assert "final val_loss" in capsys.readouterr().out
    assert main(["compare", a, b, "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == 1
    assert {d["measure"] for d in document["curves"]} == {"best", "final"}
    assert document["a"]["path"] == a


def test_a_run_beside_itself_is_a_slip(capsys: pytest.CaptureFixture[str]) -> None:
    place = str(ROOT / "sample_logs" / "overfitting")
    assert main(["compare", place, f"{place}/../overfitting"]) == 2
    assert "are the same place: name two runs" in capsys.readouterr().err


def test_no_difference_has_no_sign_and_findings_are_counted() -> None:
    run, report = a_run(1.0, name="a")
    text = versus.render_text(against([(run, report)], [(run, report)]))
    assert "-0.0 sigmas" not in text
    assert "+0.0 sigmas" in text
    twice = [(run, replace(report, verdict="healthy")), (run, replace(report, verdict="findings"))]
    assert "1 healthy, 1 with findings" in versus.render_text(against(twice, [(run, report)]))


def test_a_sweep_is_no_group_of_repeats(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for rate in (0.1, 0.2):
        place = tmp_path / "runs" / f"lr{rate}"
        place.mkdir(parents=True)
        rows = "".join(f"{n},{1 / (1 + n)}\n" for n in range(20))
        (place / "metrics.csv").write_text("step,train_loss\n" + rows)
    code = main(["compare", str(tmp_path / "runs"), str(ROOT / "sample_logs" / "overfitting")])
    assert code == 2
    assert "2 runs that differ in learning_rate: name one" in capsys.readouterr().err


def test_runs_that_nothing_stated_tells_apart_point_at_labels_and_data() -> None:
    sound, confused = a_run(0.3, name="sound", seed=1), a_run(1.5, name="confused", seed=2)
    notes = " ".join(compare([confused], [sound], ("confused", "sound")).notes)
    assert "a fits its own training data worse as well. Look at its labels first" in notes
    other = a_run(1.5, name="other", seed=2, width=4)
    assert "labels" not in " ".join(compare([other], [a_run(0.3, seed=1, width=8)], ("a", "b")).notes)
    assert "labels" not in " ".join(compare([sound], [a_run(0.3, seed=3)], ("a", "b")).notes)


def test_without_held_out_data_the_end_counts_and_not_the_lowest_point() -> None:
    def only_train(value: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[Run, Report]:
        run = Run("r", {"train_loss": (Curve(STEPS, value),)})
        return run, judge(run, RULES)

    fall = 2 * np.exp(-STEPS / 600) + 0.5
    found = compare([only_train(np.where(STEPS > 2000, 3.0, 0.5 * fall))], [only_train(fall)], ("a", "b"))
    assert (found.differences[0].curve, found.differences[0].measure) == ("train_loss", "final")
    assert found.verdict == "b"
