"""Are curves in memory taken in the shapes in which people hold them?"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curvedoc.errors import UsageError
from curvedoc.memory import from_memory
from curvedoc.run import Run

LOSS = [2.3, 1.9, 1.6, 1.4, 1.25, 1.13]


def values(data: Any, role: str, **more: Any) -> list[float]:
    return from_memory(data, **more).curves[role][0].value.tolist()


def test_a_run_is_returned_as_it_is() -> None:
    run = Run("x", {})
    assert from_memory(run) is run


def test_a_dict_of_lists_is_a_table() -> None:
    run = from_memory({"epoch": [1, 2, 3], "train_loss": [3, 2, 1], "val_loss": (3.5, None, 2.5)}, name="mine")
    assert (run.name, run.path, run.axis) == ("mine", "", "epoch")
    assert run.curves["train_loss"][0].value.tolist() == [3, 2, 1]
    assert run.curves["val_loss"][0].step.tolist() == [1, 3]


def test_without_a_counter_the_place_in_the_list_counts() -> None:
    run = from_memory({"loss": np.array(LOSS), "val_loss": LOSS})
    assert run.axis == "row"
    assert run.curves["val_loss"][0].step.tolist() == list(range(6))


def test_lists_may_be_of_different_length() -> None:
    run = from_memory({"train_loss": np.linspace(2, 1, 60), "val_loss": LOSS})
    assert run.curves["val_loss"][0].step.tolist() == [9, 19, 29, 39, 49, 59]
    assert run.steps_per_epoch == 10
    stepped = from_memory({"step": range(0, 60), "train_loss": np.linspace(2, 1, 60), "val_loss": LOSS})
    assert stepped.axis == "step"
    assert stepped.curves["val_loss"][0].step[-1] == 59


def test_pairs_are_steps_and_values() -> None:
    run = from_memory({"train/loss": ([0, 10, 20], [3, 2, 1]), "val/loss": (np.array([20]), np.array([1.5]))})
    assert run.curves["train_loss"][0].step.tolist() == [0, 10, 20]
    assert run.curves["val_loss"][0].step.tolist() == [20]
    assert run.axis == "step"


def test_a_nested_dict_is_named_by_its_path() -> None:
    booster = {"train": {"mlogloss": LOSS}, "eval": {"mlogloss": LOSS[::-1], "merror": LOSS}}
    run = from_memory(booster)
    assert run.curves["train_loss"][0].tag == "train/mlogloss"
    assert set(run.curves) == {"train_loss", "val_loss", "val_metric_lower"}


def test_a_list_of_dicts_is_a_log_history() -> None:
    history: list[dict[str, Any]] = [
        {"loss": 2.0, "learning_rate": 1e-4, "grad_norm": 1.0, "epoch": 0.5, "step": 10},
        {"eval_loss": 1.8, "eval_runtime": 3.0, "epoch": 0.5, "step": 10},
        {"loss": 0.0, "learning_rate": 1e-4, "grad_norm": float("nan"), "epoch": 1.0, "step": 20},
        {"train_loss": 1.9, "train_runtime": 60.0, "epoch": 1.0, "step": 20},
    ]
    for given_ in (
        history,
        SimpleNamespace(log_history=history),
        SimpleNamespace(state=SimpleNamespace(log_history=history)),
    ):
        run = from_memory(given_)
        assert np.array_equal(run.curves["train_loss"][0].value, [2.0, np.nan], equal_nan=True)
        assert run.curves["val_loss"][0].step.tolist() == [10]
        assert run.steps_per_epoch == 20


def test_a_keras_history_counts_its_epochs() -> None:
    history = SimpleNamespace(history={"loss": LOSS, "val_loss": LOSS}, epoch=[3, 4, 5, 6, 7, 8])
    run = from_memory(history)
    assert run.axis == "epoch"
    assert run.curves["train_loss"][0].step.tolist() == [3, 4, 5, 6, 7, 8]


def test_a_data_frame_is_a_table() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"epoch": range(6), "train_loss": LOSS, "note": list("abcdef")})
    assert from_memory(frame).curves["train_loss"][0].value.tolist() == LOSS
    indexed = frame.set_index("epoch")
    assert from_memory(indexed).axis == "epoch"
    assert from_memory(indexed).curves["train_loss"][0].step.tolist() == list(range(6))


def test_an_empty_cell_of_a_data_frame_is_not_logged_and_an_end_of_nan_is() -> None:
    pd = pytest.importorskip("pandas")
    nan = float("nan")
    sparse = pd.DataFrame({"step": range(6), "train_loss": LOSS, "val_loss": [nan, 2.0, nan, 1.5, nan, 1.2]})
    run = from_memory(sparse)
    assert run.curves["val_loss"][0].step.tolist() == [1, 3, 5]
    lost = pd.DataFrame({"step": range(6), "train_loss": [2.0, 1.5, 9.0, nan, nan, nan], "lr": [0.1] * 6})
    assert np.isnan(from_memory(lost).curves["train_loss"][0].value).tolist() == [False] * 3 + [True] * 3


def test_nan_in_a_list_is_a_value() -> None:
    assert np.isnan(values({"loss": [1.0, float("nan"), 2.0]}, "train_loss")).tolist() == [False, True, False]


def test_a_fitted_perceptron_gives_loss_and_validation_score() -> None:
    sklearn = pytest.importorskip("sklearn.neural_network")
    x = np.random.default_rng(0).normal(size=(200, 4))
    y = (x[:, 0] > 0).astype(int)
    model = sklearn.MLPClassifier((4,), max_iter=12, early_stopping=True, random_state=0, n_iter_no_change=20)
    with pytest.warns(Warning):
        model.fit(x, y)
    run = from_memory(model)
    assert run.curves["train_loss"][0].value == pytest.approx(model.loss_curve_)
    assert run.curves["val_accuracy"][0].value == pytest.approx(model.validation_scores_)
    assert run.axis == "epoch"


def test_boosting_by_histograms_keeps_negative_losses() -> None:
    sklearn = pytest.importorskip("sklearn.ensemble")
    x = np.random.default_rng(0).normal(size=(300, 3))
    model = sklearn.HistGradientBoostingRegressor(max_iter=8, early_stopping=True, scoring="loss").fit(x, x[:, 0])
    run = from_memory(model)
    assert run.curves["train_loss"][0].value == pytest.approx(-np.asarray(model.train_score_))
    assert run.curves["val_loss"][0].value == pytest.approx(-np.asarray(model.validation_score_))


def test_numbers_may_be_scalars_of_numpy_and_tensors_of_one_element() -> None:
    class Scalar:
        def __float__(self) -> float:
            return 0.5

    rows = [{"step": 1, "loss": Scalar()}, {"step": np.int64(2), "loss": np.float32(0.25)}]
    assert values(rows, "train_loss") == [0.5, 0.25]
    assert values({"loss": [Scalar(), 0.25]}, "train_loss") == [0.5, 0.25]


def test_roles_say_what_an_odd_name_means() -> None:
    assert values({"foo": LOSS}, "train_loss", roles={"train_loss": "foo"}) == LOSS
    with pytest.raises(UsageError, match="did you mean 'foo'"):
        from_memory({"foo": LOSS}, roles={"train_loss": "fooo"})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (3, "a int holds no curves"),
        ([2.3, 1.4, 0.9], "numbers without a name"),
        ("runs/", "a str holds no curves"),
        ([], "an empty list"),
        ({}, "a dict without a list of numbers"),
        (["loss"], "a list holds no curves"),
        ({"loss": []}, "there is no number in it"),
        ({"loss": 0.3}, "a dict without a list of numbers"),
        ({"loss": [[1, 2], [3, 4]]}, r"'loss' has the shape \(2, 2\)"),
        ({"loss": ([1, 2], [3.0])}, "'loss' has 2 steps and 1 values"),
        ({"loss": ([1, 2], [3.0, "x"])}, "'loss': value 1 is no number: 'x'"),
        ({"loss": ([1, 2], [3.0, 2.0]), "lr": [1, 2]}, "'loss' is a pair .* and 'lr' is none"),
        ([{"a": "x"}], "there is no number in it"),
    ],
)
def test_anything_else_is_refused_with_what_is_taken(data: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        from_memory(data)


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=8), st.lists(st.floats() | st.none(), min_size=1, max_size=8), min_size=1
    )
)
def test_any_dict_of_lists_is_a_run_or_a_usage_error(data: dict[str, list[float | None]]) -> None:
    try:
        run = from_memory(data)
    except UsageError:
        assert all(cell is None for cells in data.values() for cell in cells)
        return
    assert {t.tag for t in run.tags} <= set(data)


def test_a_column_of_nothing_beside_a_column_of_numbers_is_no_run() -> None:
    run = from_memory({"0": [None], "train_loss": [0.5]})
    assert [len(curves[0]) for curves in run.curves.values()] == [1]


def test_a_whole_number_that_no_float_holds_is_passed_over() -> None:
    (curve,) = from_memory({"loss": [10**400, 3, 2]}).curves["train_loss"]
    assert curve.value.tolist() == [3.0, 2.0]


def test_complex_numbers_are_no_curve() -> None:
    with pytest.raises(UsageError, match="'loss' holds complex numbers"):
        from_memory({"loss": np.array([1.0, 0.5 + 1j])})
