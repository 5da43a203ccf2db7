"""The causal lab: a label stands only where its treatment helps."""

from __future__ import annotations

import hashlib
import json
import math
import tarfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev

import pytest

import curvedoc
from train_harness.__main__ import main
from train_harness.lab import examine, pack, run_lab, summary
from train_harness.lab_cases import PARTS, PLANTS, Candidate, candidates
from train_harness.lab_proof import Ended, Treatment, allowed, battery, first_drop, gain, plateau_onset, settle, tried
from train_harness.lab_runs import record
from train_harness.loop import StepRow
from train_harness.recipe import Recipe, override, recipe_text

QUICK = override(
    Recipe(),
    ["data.task=wine", "data.batch_size=16", "model.width=8", "steps=60", "optimizer.lr=0.05", "log.every=5"],
)


@pytest.fixture(scope="module")
def corpus() -> list[Candidate]:
    return list(candidates())


def ended(train_loss: float, val_loss: float = 1.0) -> Ended:
    return Ended(100, train_loss, val_loss, ((50, val_loss / 2), (100, val_loss)))


def test_the_halves_share_neither_task_nor_model(corpus: list[Candidate]) -> None:
    for what in (lambda c: c.patient.data.task, lambda c: c.family):
        halves = [{what(c) for c in corpus if c.half == half} for half in ("tune", "judge")]
        assert halves[0] and halves[1] and not halves[0] & halves[1]


def test_confidence_is_measured_on_tasks_that_neither_half_has(corpus: list[Candidate]) -> None:
    tasks = {c.patient.data.task for c in corpus if c.half == "calibration"}
    assert len(tasks) == 9
    assert not tasks & {c.patient.data.task for c in corpus if c.half != "calibration"}


def test_the_parts_ask_for_the_same_mixture_of_labels(corpus: list[Candidate]) -> None:
    tune, calibration = (Counter(c.planted for c in corpus if c.half == half) for half in ("tune", "calibration"))
    assert tune == Counter(c.planted for c in corpus if c.half == "judge")
    assert calibration.total() == pytest.approx(PARTS["calibration"] * tune.total(), rel=0.02)
    assert {label: n for label, n in tune.items() if abs(calibration[label] - PARTS["calibration"] * n) > 1} == {}


def test_no_task_makes_more_than_three_tenths_of_the_candidates(corpus: list[Candidate]) -> None:
    tasks = Counter(c.patient.data.task for c in corpus)
    assert max(tasks.values()) <= 0.3 * len(corpus)
    assert len(tasks) >= 6
    assert len({c.family for c in corpus}) >= 5


def test_candidates_are_the_same_every_time_and_have_names_of_their_own(corpus: list[Candidate]) -> None:
    again = list(candidates())
    assert again == corpus
    assert len({c.name for c in corpus}) == len(corpus)


def test_another_seed_draws_other_patients_under_other_names(corpus: list[Candidate]) -> None:
    others = list(candidates(1))
    assert not {c.name for c in others} & {c.name for c in corpus}
    assert not {recipe_text(c.patient) for c in others} & {recipe_text(c.patient) for c in corpus}
    assert Counter(c.planted for c in others) == Counter(c.planted for c in corpus)


def test_every_label_is_planted_in_every_part(corpus: list[Candidate]) -> None:
    for half in PARTS:
        assert {c.planted for c in corpus if c.half == half} == {"", *PLANTS}


def test_patient_and_cured_twin_start_from_the_same_seed(corpus: list[Candidate]) -> None:
    for c in corpus:
        if c.cured is not None:
            assert (c.cured.seed, c.cured.data.seed) == (c.patient.seed, c.patient.data.seed), c.name
            assert settle(c.cured) != settle(c.patient) or c.planted == "val_too_small", c.name


def test_a_treatment_helps_only_by_margin_and_by_errors() -> None:
    treatment = Treatment("t", "lr_too_high", "train_loss", override(QUICK, ["optimizer.lr=0.005"]))

    def outcome(treated: list[float]):
        return lambda recipe: ended(1.0 if recipe.optimizer.lr == 0.05 else treated[recipe.seed])

    assert tried(treatment, QUICK, outcome([0.90, 0.91, 0.90]), 0.01).helps
    assert not tried(treatment, QUICK, outcome([0.96, 0.96, 0.96]), 0.01).helps  # sure, but too little
    wild = tried(treatment, QUICK, outcome([0.95, 0.40, 1.00]), 0.01)
    assert not wild.helps
    gains = [0.05, 0.60, 0.0]
    assert wild.gain == pytest.approx(fmean(gains))
    assert wild.error == pytest.approx(stdev(gains) / math.sqrt(3))


def test_a_first_seed_that_promises_nothing_ends_the_trial() -> None:
    treatment = Treatment("t", "lr_too_high", "train_loss", override(QUICK, ["optimizer.lr=0.005"]))
    trial = tried(treatment, QUICK, lambda recipe: ended(1.0), 0.01)
    assert len(trial.gains) == 1
    assert not trial.helps


def test_stopping_early_needs_no_run_of_its_own() -> None:
    trial = tried(Treatment("earlier stop", "overfitting", "val_loss", None), QUICK, lambda recipe: ended(1.0), 0.01)
    assert trial.gains == (0.5, 0.5, 0.5)
    assert trial.helps


def test_a_run_rescued_from_nan_gains_all_and_one_driven_to_it_loses_all() -> None:
    assert gain(math.inf, 1.0, 0.01) == 1.0
    assert gain(1.0, math.inf, 0.01) == -1.0
    assert gain(math.inf, math.inf, 0.01) == 0.0


def test_what_is_nothing_already_cannot_gain_much() -> None:
    assert gain(0.002, 0.001, 0.02) == pytest.approx(0.05)


def trial_of(proves: str, gains: tuple[float, ...], name: str = "t"):
    from train_harness.lab_proof import Trial

    return Trial(name, proves, "train_loss", (1.0,) * len(gains), tuple(1 - g for g in gains), gains)


def test_labels_follow_the_treatments() -> None:
    helps, fails = (0.2, 0.21, 0.2), (0.0,)
    high, low = trial_of("lr_too_high", helps), trial_of("lr_too_low", fails)
    assert allowed("", {"lr_too_low": [low]})[0] == "healthy"
    assert allowed("", {"lr_too_high": [high], "lr_too_low": [low]})[0] == ""
    assert allowed("bad_init", {"bad_init": [trial_of("bad_init", helps)], "lr_too_high": [high]})[:2] == (
        "bad_init",
        ("lr_too_high",),
    )
    assert allowed("bad_init", {"bad_init": [trial_of("bad_init", fails)], "lr_too_high": [high]})[0] == ""
    assert allowed("bad_init", {"bad_init": [trial_of("bad_init", fails)]})[0] == ""


def test_the_treated_twin_of_a_plateau_is_the_patient_until_the_cut() -> None:
    from train_harness.lab_proof import _rates

    patient = override(QUICK, ["schedule.warmup=6"])
    twin = next(t.twin for t in battery(patient, "", None) if t.proves == "plateau_needs_decay")
    before, after = _rates(patient), _rates(twin)
    assert after[:36] == before[:36]
    assert after[36:] == pytest.approx([rate / 10 for rate in before[36:]])


def test_a_run_that_ends_low_is_not_offered_a_cut() -> None:
    cosine = override(QUICK, ["schedule.kind=cosine"])
    assert "plateau_needs_decay" not in {t.proves for t in battery(cosine, "", None)}


def test_an_early_cut_is_offered_a_later_one_and_none() -> None:
    early = override(QUICK, ["fault.decay_at=12"])
    assert first_drop(settle(early)) == 12
    names = [t.name for t in battery(early, "", None) if t.proves == "decay_too_early"]
    assert names == ["no decay", "decay at 60%"]


def test_a_plateau_begins_where_the_loss_comes_near_its_last_level() -> None:
    curve = [(10 * i, 1.0 + math.exp(-i / 5)) for i in range(1, 41)]
    level = sorted(loss for step, loss in curve if step >= 300)
    middle = (level[len(level) // 2] + level[(len(level) - 1) // 2]) / 2
    expected = math.ceil(-5 * math.log(1.05 * middle - 1.0)) * 10
    assert plateau_onset(curve) == expected


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two cases and a reject, really trained."""
    out = tmp_path_factory.mktemp("lab")
    dead = override(QUICK, ["fault.dead_relus=10.0"])
    for name, planted, patient, cured in (
        ("tune-dead-relu-00", "dead_relu", dead, QUICK),
        ("tune-nan-explosion-00", "nan_explosion", override(QUICK, ["fault.nan_at=30", "log.format=jsonl"]), QUICK),
        ("tune-lr-too-high-00", "lr_too_high", override(QUICK, ["fault.scale_lr=1.01"]), QUICK),
    ):
        examine(Candidate(name, "tune", "mlp", planted, "", patient, replace(cured, log=patient.log)), out)
    return out


def test_a_proved_case_carries_log_label_recipe_and_every_treatment(made: Path) -> None:
    label = json.loads((made / "tune" / "tune-dead-relu-00" / "label.json").read_text())
    assert label["label"] == "dead_relu"
    cure = label["trials"][0]
    assert cure["name"] == "fault removed"
    assert cure["helps"]
    gains = [1 - t / u for u, t in zip(cure["untreated"], cure["treated"], strict=True)]
    assert cure["gain"] == pytest.approx(fmean(gains), abs=2e-3)
    assert len(curvedoc.read(made / "tune" / "tune-dead-relu-00" / "log")) == 1
    assert "dead_relus = 10" in (made / "tune" / "tune-dead-relu-00" / "recipe.toml").read_text()


def test_the_onset_of_a_nan_is_the_first_value_that_is_none(made: Path) -> None:
    folder = made / "tune" / "tune-nan-explosion-00"
    assert (
        json.loads((folder / "label.json").read_text())["onset"] == 30
    )  # logged every five steps; the inputs of step 30 hold the NaN


def test_a_fault_that_did_no_harm_is_kept_and_counted_but_no_case(made: Path) -> None:
    folder = made / "tune" / "tune-lr-too-high-00"
    assert not (folder / "label.json").exists()
    assert json.loads((folder / "finding.json").read_text())["why"].startswith("the planted lr_too_high did")


def test_packing_gives_the_same_bytes_and_lists_the_rejected(made: Path, tmp_path: Path) -> None:
    first, second = pack(made, tmp_path / "a"), pack(made, tmp_path / "b")
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]
    with tarfile.open(first[0]) as tar:
        names = tar.getnames()
    assert "tune-dead-relu-00/label.json" in names
    assert not [name for name in names if "lr-too-high" in name or "finding" in name]
    assert "2 cases of 3 candidates" in (tmp_path / "a" / "README.md").read_text()


def test_an_archive_of_a_part_that_was_not_made_stays_and_is_listed(made: Path, tmp_path: Path) -> None:
    (tmp_path / "judge.tar.xz").write_bytes(b"as it was")
    names = [p.name for p in pack(made, tmp_path)]
    assert names == ["tune.tar.xz", "rejected.json.xz"]
    sums = dict(reversed(line.split()) for line in (tmp_path / "SHA256SUMS").read_text().splitlines())
    assert sums.keys() == {"tune.tar.xz", "judge.tar.xz", "rejected.json.xz"}
    assert sums["judge.tar.xz"] == hashlib.sha256(b"as it was").hexdigest()


def test_the_lab_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    harmless = override(QUICK, ["steps=12", "fault.scale_lr=1.01"])
    cured = override(harmless, ["fault.scale_lr=1.0"])
    listed = [Candidate(f"tune-quick-{n}", "tune", "mlp", "lr_too_high", "", harmless, cured) for n in range(2)]
    monkeypatch.setattr("train_harness.lab.candidates", lambda seed: listed)
    told: list[str] = []
    first = run_lab(tmp_path, only="tune-quick-0", say=told.append)
    again = run_lab(tmp_path, only="tune-quick-0", say=told.append)
    both = run_lab(tmp_path, say=told.append)
    assert [f.name for f in first] == ["tune-quick-0"]
    assert again == first
    assert [f.name for f in both] == ["tune-quick-0", "tune-quick-1"]
    assert both[0] == first[0]
    assert [line.split("] ")[1].split(":")[0] for line in told] == ["tune-quick-0", "tune-quick-1"]
    assert summary(again)[0] == "0 cases of 1 candidates"


@pytest.mark.parametrize("dialect", ["tensorboard", "jsonl"])
def test_a_run_that_broke_off_and_went_on_is_one_run(tmp_path: Path, dialect: str) -> None:
    patient = override(QUICK, [f"log.format={dialect}"])
    rows = record(Candidate("resumed", "tune", "mlp", "", "", patient, None, 30, 36), tmp_path / "log")
    (run,) = curvedoc.read(tmp_path / "log")
    curve = run.curves["train_loss"][0]
    assert curve.step.tolist() == list(range(5, 61, 5))
    expected = [row.loss for row in rows if isinstance(row, StepRow)]
    assert curve.value[6:].tolist() == pytest.approx(expected, rel=1e-4)


def test_a_budget_of_nothing_begins_nothing(tmp_path: Path) -> None:
    assert run_lab(tmp_path, budget=0.0, say=print) == []


def test_a_budget_is_a_time(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["lab", "nowhere", "--budget", "soon"])
    assert "write 90s, 30m or 1.5h" in capsys.readouterr().err
