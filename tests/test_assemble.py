"""Do the logs of a run become curves on one axis, the ones to judge by first, with every repair said?"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curvedoc.assemble import assemble
from curvedoc.errors import UsageError
from curvedoc.readers.log import Log, Series
from curvedoc.run import Note, Run


def series(tag: str, step: object, value: object = None, axis: str = "step", epoch: object = None) -> Series:
    steps = np.asarray(step, float)
    values = np.linspace(2.0, 1.0, len(steps)) if value is None else np.asarray(value, float)
    return Series(tag, steps, values, axis, None if epoch is None else np.asarray(epoch, float))


def run(*given: Series | Log, **more: object) -> Run:
    logs = [g if isinstance(g, Log) else Log("log.csv", "CSV", (g,)) for g in given]
    return assemble(logs, name="r", path="p", **more)  # type: ignore[arg-type]


def said(found: Run) -> str:
    return "\n".join(note.what for note in found.notes)


def log(*found: Series, file: str = "log.csv", **more: object) -> Log:
    return Log(file, "CSV", found, **more)  # type: ignore[arg-type]


def test_a_run_says_what_it_is_made_of() -> None:
    note = Note("log.csv", "something was odd", line=3)
    found = run(log(series("loss", range(5)), series("foo", range(3)), hyper={"lr": 0.1}, notes=(note,)))
    assert (found.name, found.path, found.files, found.hyper) == ("r", "p", ("log.csv",), {"lr": 0.1})
    assert note in found.notes
    assert found.formats == ("CSV",)
    assert [(t.tag, t.role, t.points, t.first_step, t.last_step) for t in found.tags] == [
        ("loss", "train_loss", 5, 0.0, 4.0),
        ("foo", None, 3, 0.0, 2.0),
    ]
    assert set(found.curves) == {"train_loss"}


def test_a_curve_says_where_it_was_logged() -> None:
    curve = run(log(series("val/acc", range(4), [10, 20, 30, 40]), file="a/b.csv")).curves["val_accuracy"][0]
    assert (curve.tag, curve.file, curve.unit) == ("val/acc", "a/b.csv", "percent")
    assert curve.value.tolist() == [10, 20, 30, 40]


# -- one axis ---------------------------------------------------------------------------------------------------------


def test_epochs_are_put_at_the_steps_that_the_rows_tell() -> None:
    step = np.arange(1, 101)
    train = series("loss", step, epoch=(step - 1) // 20 + 1)
    found = run(log(train, series("val_loss", range(1, 6), axis="epoch")))
    assert found.axis == "step"
    assert found.steps_per_epoch == 20
    assert found.curves["val_loss"][0].step.tolist() == [20, 40, 60, 80, 100]
    assert "put at the steps where the epochs ended (by the epochs logged beside steps)" in said(found)


def test_epochs_counted_from_nought_in_one_file_and_from_one_in_the_other_are_the_same() -> None:
    step = np.arange(100)
    found = run(
        log(series("loss", step, epoch=step // 20)),
        log(series("val_loss", range(1, 6), axis="epoch"), file="val.csv"),
    )
    assert found.curves["val_loss"][0].step.tolist() == [19, 39, 59, 79, 99]


def test_fractions_of_epochs_give_the_steps_of_an_epoch() -> None:
    step = np.arange(10, 101, 10)
    found = run(log(series("loss", step, epoch=step / 40), series("eval_loss", [40, 80], epoch=[1.0, 2.0])))
    assert found.steps_per_epoch == pytest.approx(40)


def test_epochs_logged_as_a_curve_give_the_steps_of_an_epoch() -> None:
    step = np.arange(0, 500, 5)
    found = run(log(series("train_loss", step), series("epoch", step, step // 50)))
    assert found.steps_per_epoch == pytest.approx(50)
    assert "epoch" not in found.curves


def test_steps_that_are_the_epochs_make_an_epoch_axis() -> None:
    found = run(log(series("train_loss", range(10)), series("epoch", range(10), range(1, 11))))
    assert (found.axis, found.steps_per_epoch) == ("epoch", 1.0)


def test_settings_give_the_steps_of_an_epoch_when_rows_do_not() -> None:
    train, val = series("loss", range(1, 91)), series("val_loss", range(1, 4), axis="epoch")
    found = run(log(train, val, hyper={"max_steps": 90, "num_train_epochs": 3}))
    assert found.steps_per_epoch == 30
    assert found.curves["val_loss"][0].step.tolist() == [30, 60, 90]
    assert "as stated in the log" in said(found)


def test_when_nothing_links_epochs_to_steps_the_assumption_is_said() -> None:
    found = run(log(series("loss", range(1, 201))), log(series("val_loss", range(10), axis="epoch"), file="val.csv"))
    assert found.curves["val_loss"][0].step.tolist() == [20.0 * k for k in range(1, 11)]
    assert found.steps_per_epoch == 20
    assert "assuming that the last one ended at step 200" in said(found)


def test_an_event_file_with_epochs_in_the_place_of_steps_is_noticed() -> None:
    step, epoch = range(1, 401), range(1, 9)
    found = run(log(series("lr", step), *(series(tag, epoch) for tag in ("loss", "eval/loss", "eval/acc"))))
    for role in ("train_loss", "val_loss", "val_accuracy"):
        assert found.curves[role][0].step.tolist() == [50.0 * k for k in epoch]


def test_a_rate_logged_once_per_epoch_is_put_beside_the_losses() -> None:
    keras = [series(tag, range(10)) for tag in ("epoch_loss", "epoch_learning_rate")]
    found = run(log(*keras, series("batch_loss", range(50, 501, 50))), log(series("val_loss", range(10))))
    assert found.get("lr").step.tolist() == found.get("val_loss").step.tolist()  # type: ignore[union-attr]
    assert found.get("lr").step[-1] == 500  # type: ignore[union-attr]


def test_a_curve_says_where_the_run_was_taken_up_again() -> None:
    found = run(log(series("loss", [1, 2, 3, 4, 5, 3, 4, 5, 6])))
    assert found.get("train_loss").resumed == (3.0,)  # type: ignore[union-attr]


def test_a_training_loss_that_ends_early_keeps_its_steps() -> None:
    found = run(log(series("lr", range(1, 401)), series("loss", range(1, 9))))
    assert found.curves["train_loss"][0].step.tolist() == list(range(1, 9))


def test_validation_at_every_step_is_no_epoch() -> None:
    found = run(log(series("loss", range(1, 41)), series("val_loss", range(1, 41))))
    assert found.axis == "step"
    assert found.curves["val_loss"][0].step[-1] == 40
    assert found.notes == ()


def test_epochs_alone_make_an_epoch_axis() -> None:
    found = run(log(series("loss", range(5), axis="epoch"), series("val_loss", range(5), axis="epoch")))
    assert (found.axis, found.steps_per_epoch) == ("epoch", 1.0)
    found = run(log(series("epoch_loss", range(5))))
    assert found.axis == "epoch"


def test_a_copy_over_iterations_is_left_out_beside_the_curve_itself() -> None:
    copy = series("evaluation_loss_vs_iterations", [100, 200, 300])
    found = run(Log("v/validation/e.tfevents", "events", (series("epoch_loss", range(3)), copy)))
    assert [c.tag for c in found.curves["val_loss"]] == ["epoch_loss"]
    assert found.axis == "epoch"
    assert run(Log("v/validation/e.tfevents", "events", (copy,))).curves["val_loss"][0].tag == copy.tag


def test_lists_of_different_length_share_the_run() -> None:
    found = run(log(series("train_loss", range(100), axis="row"), series("val_loss", range(5), axis="row")))
    assert found.axis == "row"
    assert found.curves["val_loss"][0].step.tolist() == [19, 39, 59, 79, 99]
    assert found.steps_per_epoch == 20
    assert "one every 20 rows" in said(found)


def test_an_evaluation_before_training_makes_one_value_more() -> None:
    found = run(log(series("train_loss", range(4), axis="row"), series("val_loss", range(5), axis="row")))
    assert found.curves["train_loss"][0].step.tolist() == [1, 2, 3, 4]
    assert found.curves["val_loss"][0].step.tolist() == [0, 1, 2, 3, 4]


# -- repairs ----------------------------------------------------------------------------------------------------------


def test_pieces_of_one_tag_in_files_of_one_directory_are_one_curve() -> None:
    first = Log("d/events.1.tfevents", "events", (series("loss", range(10), np.ones(10)),))
    second = Log("d/events.2.tfevents", "events", (series("loss", range(7, 15), np.full(8, 2.0)),))
    (curve,) = run(first, second).curves["train_loss"]
    assert curve.step.tolist() == list(range(15))
    assert curve.value.tolist() == [1.0] * 7 + [2.0] * 8
    assert "'loss': the steps go back from 9 to 7" in said(run(first, second))


def test_one_sentence_is_enough_for_many_tags() -> None:
    step = [1, 2, 3, 4, 5, 6, 7, 8, 6, 7]
    found = run(log(*(series(tag, step, np.arange(1, 11)) for tag in ("loss", "val_loss", "lr", "acc", "grad_norm"))))
    (note,) = found.notes
    assert note.what.startswith("'loss', 'val_loss', 'lr' and 2 more: the steps go back from 8 to 6")


def test_a_loss_of_nought_beside_a_gradient_that_is_not_finite_is_a_hidden_nan() -> None:
    loss, grad = [2.0, 1.0, 0.0, 0.0], [1.0, 1.0, np.nan, np.nan]
    found = run(log(series("loss", range(4), loss), series("grad_norm", range(4), grad)))
    assert np.array_equal(found.curves["train_loss"][0].value, [2.0, 1.0, np.nan, np.nan], equal_nan=True)
    assert "2 values are exactly 0.0 where the gradient norm" in said(found)
    assert "from step 2 on" in said(found)


def test_a_validation_loss_that_is_nan_unmasks_a_training_loss_of_nought() -> None:
    loss, nan = [2.0, 1.0, 0.0, 0.0], float("nan")
    found = run(log(series("loss", range(4), loss), series("eval_loss", [1, 3], [1.9, nan])))
    assert np.isnan(found.curves["train_loss"][0].value).tolist() == [False, False, True, True]
    recovered = run(log(series("loss", range(4), [2.0, 0.0, 1.0, 0.5]), series("eval_loss", [1, 3], [nan, 1.0])))
    assert recovered.curves["train_loss"][0].value.tolist() == [2.0, 0.0, 1.0, 0.5]


def test_a_loss_of_nought_beside_a_finite_gradient_is_nought() -> None:
    found = run(log(series("loss", range(4), [2.0, 1.0, 0.0, 0.0]), series("grad_norm", range(4), [1, 1, 0, 0])))
    assert found.curves["train_loss"][0].value.tolist() == [2.0, 1.0, 0.0, 0.0]


def test_zeros_before_the_first_validation_are_placeholders() -> None:
    found = run(log(series("val_loss", range(5), [0, 0, 1.5, 1.2, 1.1])))
    assert found.curves["val_loss"][0].step.tolist() == [2, 3, 4]
    assert "2 values of exactly 0 before the first validation" in said(found)


def test_a_training_loss_of_nought_before_the_first_step_is_a_placeholder() -> None:
    found = run(log(series("loss", range(12), [0.0, *np.linspace(2.0, 0.5, 11)])))
    assert found.curves["train_loss"][0].step.tolist() == list(range(1, 12))
    assert "1 value of exactly 0 before the first step" in said(found)


@pytest.mark.parametrize("values", [[0.0] * 6 + [1.0] * 6, [0.0, *np.geomspace(1.0, 1e-6, 11)], [0.0] * 12])
def test_a_training_loss_that_is_nought_for_long_or_comes_near_it_again_is_kept(values: list[float]) -> None:
    found = run(log(series("loss", range(12), values)))
    assert found.curves["train_loss"][0].value.tolist() == values


def test_ratios_in_decades_become_ratios() -> None:
    found = run(log(series("update_ratio/fc1", range(3), [-3.0, -2.0, -4.0])))
    (curve,) = found.curves["update_ratio[fc1]"]
    assert curve.value == pytest.approx([1e-3, 1e-2, 1e-4])
    assert curve.unit == ""
    assert "logarithm" in said(found)


def test_points_that_are_not_finite_stay() -> None:
    value = [1.0, np.nan, np.inf, -np.inf]
    assert np.array_equal(
        run(log(series("loss", range(4), value))).curves["train_loss"][0].value, value, equal_nan=True
    )


# -- parts ------------------------------------------------------------------------------------------------------------


def test_a_total_is_made_of_parts_that_share_their_steps() -> None:
    parts = {"box": [3.0, 2.0, 1.0], "cls": [1.0, 1.0, np.nan], "dfl": [0.5, 0.25, 0.125]}
    found = run(log(*(series(f"{s}/{k}_loss", range(3), v) for s in ("train", "val") for k, v in parts.items())))
    for role in ("train_loss", "val_loss"):
        assert np.array_equal(found.curves[role][0].value, [4.5, 3.25, np.nan], equal_nan=True)
    assert found.curves["train_loss"][0].tag == "train/box_loss + train/cls_loss + train/dfl_loss"
    assert "no total is logged: train_loss is the sum train/box_loss + train/cls_loss + train/dfl_loss" in said(found)
    assert {t.tag for t in found.tags} == {f"{s}/{k}_loss" for s in ("train", "val") for k in parts}


def test_no_total_is_made_where_one_is_logged_or_parts_are_apart() -> None:
    found = run(log(series("loss", range(3)), series("loss_cls", range(3)), series("loss_box", range(3))))
    assert [c.tag for c in found.curves["train_loss"]] == ["loss"]
    apart = run(log(series("train/box_loss", range(3)), series("train/cls_loss", range(1, 4))))
    assert "train_loss" not in apart.curves


def test_no_total_is_made_of_columns_that_nobody_filled() -> None:
    empty = run(log(series("val/box_loss", range(3), [0, 0, 0]), series("val/cls_loss", range(3), [np.nan] * 3)))
    assert "val_loss" not in empty.curves


def test_sums_of_both_sides_hold_the_same_parts() -> None:
    train = [series(f"train/{k}_loss", range(3)) for k in ("box", "cls", "dfl")]
    val = [series(f"val/{k}_loss", range(3)) for k in ("box", "cls")]
    found = run(log(*train, *val))
    assert "train_loss" in found.curves
    assert "val_loss" not in found.curves
    assert "are not those of the training loss" in said(found)


# -- which one is judged ----------------------------------------------------------------------------------------------


def test_the_step_curve_is_judged_for_training_and_the_epoch_curve_for_validation() -> None:
    names = [f"{side}_loss_{cadence}" for side in ("train", "val") for cadence in ("epoch", "step")]
    found = run(log(*(series(n, np.arange(1, 41) if n.endswith("step") else np.arange(8, 41, 8)) for n in names)))
    assert [c.tag for c in found.curves["train_loss"]] == ["train_loss_step", "train_loss_epoch"]
    assert [c.tag for c in found.curves["val_loss"]] == ["val_loss_epoch", "val_loss_step"]
    assert [c.cadence for c in found.curves["val_loss"]] == ["epoch", "step"]


def test_a_step_curve_with_fewer_points_than_epochs_is_not_judged() -> None:
    found = run(log(series("train_loss_step", [50, 100]), series("train_loss_epoch", range(10, 101, 10))))
    assert found.curves["train_loss"][0].tag == "train_loss_epoch"


def test_top_one_goes_before_top_five_and_validation_before_test() -> None:
    found = run(log(*(series(t, range(3)) for t in ("test_acc", "val_top_5_acc", "val_top_1_acc"))))
    assert [c.tag for c in found.curves["val_accuracy"]] == ["val_top_1_acc", "val_top_5_acc", "test_acc"]


def test_a_metric_that_speaks_for_the_model_goes_before_precision_and_classes() -> None:
    tags = ("metrics/precision(B)", "metrics/per_class_ap/0", "metrics/mAP50(B)", "metrics/mAP50-95(B)")
    found = run(log(*(series(t, range(3), np.full(3, 0.5)) for t in tags)))
    assert [c.tag for c in found.curves["val_metric"]][:2] == ["metrics/mAP50-95(B)", "metrics/mAP50(B)"]


def test_of_several_rates_the_majority_is_judged() -> None:
    warm, bias = [0.003, 0.006, 0.01, 0.005], [0.07, 0.04, 0.01, 0.005]
    found = run(
        log(series("lr/pg0", range(4), bias), series("lr/pg1", range(4), warm), series("lr/pg2", range(4), warm))
    )
    assert [c.tag for c in found.curves["lr"]] == ["lr/pg1", "lr/pg2", "lr/pg0"]


def test_of_rates_of_one_shape_the_largest_is_judged() -> None:
    found = run(log(series("lr/body", range(3), [1e-4, 1e-5, 1e-6]), series("lr/head", range(3), [1e-3, 1e-4, 1e-5])))
    assert found.get("lr") is found.curves["lr"][0]
    assert found.curves["lr"][0].tag == "lr/head"


def test_what_the_caller_names_is_judged() -> None:
    logs = [log(series("loss", range(50)), series("my/objective", range(5)))]
    found = assemble(logs, name="r", path="", roles={"train_loss": "my/objective"})
    assert [c.tag for c in found.curves["train_loss"]] == ["my/objective", "loss"]
    with pytest.raises(UsageError, match="did you mean 'my/objective'"):
        assemble(logs, name="r", path="", roles={"train_loss": "my objective"})


def test_logs_beside_are_listed_and_not_drawn() -> None:
    beside = [log(series("loss", range(3)), file="old.csv")]
    found = run(log(series("loss", range(9))), beside=beside)
    assert [c.file for c in found.curves["train_loss"]] == ["log.csv"]
    assert found.files == ("log.csv", "old.csv")
    assert [(t.file, t.role) for t in found.tags] == [("log.csv", "train_loss"), ("old.csv", "train_loss")]


# -- whatever comes ---------------------------------------------------------------------------------------------------

TAGS = ("loss", "val_loss", "train_loss_step", "train_loss_epoch", "val_acc", "lr", "lr/1", "grad_norm", "epoch", "foo")
NUMBERS = st.floats(allow_nan=True, allow_infinity=True, width=32)


@st.composite
def any_series(draw: st.DrawFn) -> Series:
    size = draw(st.integers(0, 12))
    step = draw(st.lists(st.integers(0, 30) | st.just(math.nan), min_size=size, max_size=size))
    value = draw(st.lists(NUMBERS, min_size=size, max_size=size))
    epoch = draw(st.none() | st.lists(st.integers(0, 5) | st.just(math.nan), min_size=size, max_size=size))
    return series(draw(st.sampled_from(TAGS)), step, value, draw(st.sampled_from(("step", "epoch", "row"))), epoch)


@given(st.lists(st.lists(any_series(), max_size=4), min_size=1, max_size=3))
def test_any_logs_make_a_run_with_rising_steps_and_every_tag_listed(given_: list[list[Series]]) -> None:
    logs = [Log(f"d{k}/log.csv", "CSV", tuple(found)) for k, found in enumerate(given_)]
    found = assemble(logs, name="r", path="")
    assert len(found.tags) == sum(len(g.series) for g in logs)
    for curves in found.curves.values():
        for curve in curves:
            assert (np.diff(curve.step) > 0).all()
    assert found.axis in ("step", "epoch", "row")
    assert found.steps_per_epoch is None or found.steps_per_epoch > 0


def test_nothing_of_the_file_system_is_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(Log("no/such/file.csv", "CSV", (series("loss", range(3)),))).files == ("no/such/file.csv",)


def test_a_role_taken_with_little_certainty_is_said_first() -> None:
    odd = log(series("loss", range(9)), series("Vall Loss", range(9)), notes=(Note("log.csv", "a cell was blank"),))
    found = run(odd)
    assert found.notes[0].what.startswith("'Vall Loss': taken for val_loss, with little certainty")
    assert len(found.notes) == 2


def test_a_loss_that_may_be_the_missing_validation_loss_is_not_passed_over_silently() -> None:
    assert "--role val_loss=TAG" in said(run(log(series("train_loss", range(9)), series("loss_D", range(9)))))
    told = log(series("train_loss", range(9)), series("val_loss", range(9)), series("loss_D", range(9)))
    assert "--role" not in said(run(told))
    assert "--role" not in said(run(log(series("train_loss", range(9)), series("loss_bbox", range(9)))))


def test_where_no_loss_is_logged_the_logarithm_of_the_perplexity_is_one() -> None:
    found = run(log(series("train_ppl", range(6), np.exp([6.0, 5.0, 4.5, 4.2, 4.1, 4.0]))))
    curve = found.get("train_loss")
    assert curve is not None
    assert curve.value == pytest.approx([6.0, 5.0, 4.5, 4.2, 4.1, 4.0])
    assert "logarithm of the perplexity" in said(found)
