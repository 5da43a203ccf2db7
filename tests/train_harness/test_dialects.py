"""Dialects: a real run, recorded in any of them, is read again as that run; what was switched off is not there."""

import math
import re
from dataclasses import replace
from functools import cache

import pytest

import curvedoc
from curvedoc.run import ROLES
from train_harness.dialects import FORMATS
from train_harness.loop import EpochRow, StepRow, train
from train_harness.recipe import Data, Fault, Log, Model, Optimizer, Recipe, Schedule, override, recipe_text

#: 40 updates, five epochs of 7 updates, a row every 4.
RECIPE = Recipe(
    seed=3,
    steps=40,
    data=Data("wine", batch_size=16),
    model=Model(width=8),
    optimizer=Optimizer(lr=0.2),
    schedule=Schedule("cosine"),
    log=Log(every=4),
)
STEPS, EPOCHS = range(4, 41, 4), range(7, 36, 7)
#: What a format holds of a run that logs all it has: the quantity that stands for each role, and a "*" where it is
#: logged by step. "loss" is of one batch, "mean_loss" of those since the last row, the others are of epochs.
HELD = {
    "tensorboard": "train_loss*=loss val_loss train_accuracy val_accuracy lr* grad_norm*",
    "keras_tensorboard": "train_loss*=loss val_loss train_accuracy val_accuracy lr",
    "lightning_csv": "train_loss*=loss val_loss train_accuracy val_accuracy lr* grad_norm*",
    "keras_csv": "train_loss val_loss train_accuracy val_accuracy lr",
    "jsonl": "train_loss*=loss val_loss train_accuracy val_accuracy lr* grad_norm*",
    "trainer_state": "train_loss*=mean_loss val_loss val_accuracy lr* grad_norm*",
    "ultralytics": "train_loss val_loss val_accuracy lr",
    "wandb_export": "train_loss*=loss val_loss train_accuracy val_accuracy lr* grad_norm*",
    "wandb_history": "train_loss*=loss val_loss train_accuracy val_accuracy lr* grad_norm*",
    "mmengine": "train_loss*=mean_loss val_loss val_accuracy lr* grad_norm*",
    "detectron": "train_loss*=loss val_loss val_accuracy lr*",
    "timm": "train_loss val_loss val_accuracy lr",
    "text_log": "train_loss*=loss val_loss train_accuracy val_accuracy",
    "epoch_text": "train_loss val_loss train_accuracy val_accuracy lr",
    "plain_csv": "train_loss*=loss val_loss train_accuracy val_accuracy lr* grad_norm*",
    "mlflow_files": "train_loss*=loss val_loss train_accuracy val_accuracy lr* grad_norm*",
    "keras_history_json": "train_loss val_loss train_accuracy val_accuracy lr",
    "tensorboard_split": "train_loss*=loss val_loss train_accuracy val_accuracy lr* grad_norm*",
    "lightning_tensorboard": "train_loss*=loss val_loss train_accuracy val_accuracy lr* grad_norm*",
    "fastai_csv": "train_loss val_loss val_accuracy",
}
#: Lines of text print four decimals, the others six digits or float32.
DECIMALS = {"text_log": 5.1e-5, "epoch_text": 5.1e-5}
#: Where a configuration lies beside the log: what the rate, the batch size and the number of classes are called.
CONFIGURED = {
    "wandb_history": ("lr", "batch_size", "num_classes"),
    "mmengine": ("optim_wrapper/optimizer/lr", "train_dataloader/batch_size", "model/head/num_classes"),
    "detectron": ("SOLVER/BASE_LR", "SOLVER/IMS_PER_BATCH", "MODEL/NUM_CLASSES"),
    "timm": ("lr", "batch_size", "num_classes"),
    "text_log": ("learning_rate", "batch_size", "num_classes"),
    "plain_csv": ("lr", "batch_size", "num_classes"),
    "mlflow_files": ("lr", "batch_size", "num_classes"),
    "lightning_tensorboard": ("lr", "batch_size", "num_classes"),
}
NEW = tuple(HELD)[7:]
#: Without losses beside it, their column `accuracy` says of no data.
SAY_NO_SIDE = ("fastai_csv",)
MEASURED = ("train_loss", "val_loss", "train_accuracy", "val_accuracy", "lr", "grad_norm")


@cache
def rows_of(*changes):
    rows = []
    train(override(RECIPE, changes), rows.append)
    return tuple(rows)


def read(folder, name, *changes):
    """The one run that curvedoc finds in a recording of the rows, and the rows."""
    recipe, rows = override(RECIPE, [f"log.format={name}", *changes]), rows_of(*changes)
    folder.mkdir(exist_ok=True)
    with FORMATS[name](folder, recipe) as write:
        for row in rows:
            write(row)
    (run,) = curvedoc.read(folder)
    return run, rows


def held(name):
    """role -> (field of the rows, by step?)"""
    words = [word.partition("=") for word in HELD[name].split()]
    return {left.rstrip("*"): (right or left.rstrip("*"), left.endswith("*")) for left, _, right in words}


def roles(run):
    return {role for role in run.curves if role in MEASURED}


def one_of(curves, count):
    """The curve with as many points as there are rows (a role may be played by step and by epoch)."""
    return next(curve for curve in curves if len(curve.value) == count)


def test_every_format_is_described_here():
    assert set(HELD) == set(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_a_run_is_read_as_it_was_recorded(tmp_path, name):
    run, rows = read(tmp_path / "run", name)
    assert roles(run) == set(held(name))
    for role, (field, by_step) in held(name).items():
        kept = [row for row in rows if isinstance(row, StepRow if by_step else EpochRow)]
        curve = one_of(run.curves[role], len(STEPS if by_step else EPOCHS))
        scale = 100 if curve.unit == "percent" else 1
        assert curve.value / scale == pytest.approx(
            [getattr(row, field) for row in kept], rel=1e-5, abs=DECIMALS.get(name, 1e-9)
        )


@pytest.mark.parametrize("name", [name for name in FORMATS if "train_loss*" in HELD[name]])
def test_steps_are_those_of_the_updates(tmp_path, name):
    run, _ = read(tmp_path / "run", name)
    from_zero = {"lightning_csv": 1, "lightning_tensorboard": 1, "detectron": 1}.get(name, 0)
    curve = one_of(run.curves["train_loss"], len(STEPS))
    assert curve.step.tolist() == [step - from_zero for step in STEPS]


@pytest.mark.parametrize("name", CONFIGURED)
def test_the_configuration_beside_a_log_is_found(tmp_path, name):
    run, _ = read(tmp_path / "run", name)
    rate, batch, classes = CONFIGURED[name]
    assert (run.hyper[rate], run.hyper[batch], run.hyper[classes]) == (0.2, 16, 3)


@pytest.mark.parametrize("name", sorted(set(FORMATS) - set(CONFIGURED) - {"trainer_state"}))
def test_formats_of_curves_alone_hold_no_configuration(tmp_path, name):
    assert not read(tmp_path / "run", name)[0].hyper


@pytest.mark.parametrize("name", FORMATS)
def test_nan_is_read_where_it_came(tmp_path, name):
    run, rows = read(tmp_path / "run", name, "fault.nan_at=20")
    field, by_step = held(name)["train_loss"]
    kept = [row for row in rows if isinstance(row, StepRow if by_step else EpochRow)]
    curve = one_of(run.curves["train_loss"], len(kept))
    assert [math.isnan(v) for v in curve.value] == [math.isnan(getattr(row, field)) for row in kept]
    assert math.isnan(curve.value[-1]) and not math.isnan(curve.value[0])


@pytest.mark.parametrize("name", FORMATS)
def test_without_steps_every_curve_has_a_point_per_epoch(tmp_path, name):
    run, rows = read(tmp_path / "run", name, "log.steps=false")
    assert roles(run) == set(held(name)) - {"grad_norm"}
    for role in roles(run):
        (curve,) = run.curves[role]
        values = [getattr(row, role) for row in rows if isinstance(row, EpochRow)]
        scale = 100 if curve.unit == "percent" else 1
        assert curve.value / scale == pytest.approx(values, rel=1e-5, abs=DECIMALS.get(name, 1e-9))


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_switched_off_is_not_in_the_log(tmp_path, name):
    for switch, gone in (
        ("lr", {"lr"}),
        ("accuracy", {"train_accuracy", "val_accuracy"}),
        ("validation", {"val_loss", "val_accuracy"}),
        ("vitals", {"grad_norm"}),
    ):
        run, _ = read(tmp_path / switch, name, f"log.{switch}=false")
        assert roles(run) == set(held(name)) - gone, switch
        if switch == "vitals":
            assert not any(ROLES[role.partition("[")[0]].layered for role in run.curves)


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in SAY_NO_SIDE])
def test_a_log_may_hold_accuracies_alone(tmp_path, name):
    run, _ = read(tmp_path / "run", name, "log.loss=false", "log.lr=false", "log.vitals=false")
    assert roles(run) == {role for role in held(name) if "accuracy" in role}


@pytest.mark.parametrize("name", NEW)
def test_the_same_bytes_again(tmp_path, name):
    for again in ("first", "again"):
        read(tmp_path / again, name)
    first, again = (
        {p.relative_to(tmp_path / side): p.read_bytes() for p in (tmp_path / side).rglob("*") if p.is_file()}
        for side in ("first", "again")
    )
    assert first == again


@pytest.mark.parametrize("name", NEW)
def test_a_regression_has_no_accuracy_and_no_classes(tmp_path, name):
    run, _ = read(tmp_path / "run", name, "data.task=teacher", "data.train_size=112", "data.val_size=60")
    assert roles(run) == {role for role in held(name) if "accuracy" not in role}
    assert not any("num_classes" in key.lower() for key in run.hyper)


@pytest.mark.parametrize("name", CONFIGURED)
def test_a_configuration_tells_the_rate_in_use_and_names_no_fault(tmp_path, name):
    faults = ["fault.scale_lr=50.0", "fault.no_decay=true", "fault.bad_init=huge", "fault.freeze=fc1"]
    run, _ = read(tmp_path / "run", name, *faults)
    assert run.hyper[CONFIGURED[name][0]] == pytest.approx(10.0)
    text = " ".join(
        f"{p.relative_to(tmp_path)} {p.read_bytes().decode(errors='replace')}"
        for p in (tmp_path / "run").rglob("*")
        if p.is_file() and "tfevents" not in p.name
    )
    assert not re.search(r"\b(?:huge|fault|cosine|freeze|frozen|scale_lr|bad_init|no_decay)", text)


def test_new_switches_leave_the_text_of_old_recipes_alone():
    text = recipe_text(Recipe(log=replace(Log(), lr=False), fault=Fault()))
    assert "lr = false" in text and "steps = true" not in text
    assert not {"lr", "steps", "loss", "accuracy"} & {
        line.partition(" =")[0] for line in recipe_text(Recipe()).partition("[log]")[2].splitlines()
    }
