"""How do curves that are in memory already become a Run? Lists, tables, histories and estimators."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .assemble import assemble
from .errors import UsageError
from .readers.log import Log, Series
from .readers.table import Table, put, to_logs
from .run import Array, Run

FORMAT = "memory"
MAX_DEPTH = 4
_TAKES = (
    "a dict of lists, a dict of (steps, values), a list of dicts, a DataFrame, a Keras History, a Hugging Face "
    "log_history, XGBoost's evals_result, a fitted scikit-learn MLP, or a Run"
)


def from_memory(data: Any, *, name: str = "run", roles: Mapping[str, str] = {}) -> Run:
    """The Run that some data in memory describes.

    `data` is a dict of lists of numbers (of different lengths too: one value per epoch beside one per batch), a
    dict of `(steps, values)` pairs, a nested dict such as XGBoost's `evals_result()`, a list of dicts such as a
    Hugging Face `log_history`, a pandas DataFrame, a Keras History, an estimator with a `loss_curve_`, or a Run,
    which is returned as it is. None means "not logged", NaN is a value; in a DataFrame, which cannot tell the
    two apart, NaN is a value where it ends a column. `roles` maps a role word to the tag or column that plays
    it. Raises UsageError for anything else, saying what is taken.
    """
    if isinstance(data, Run):
        return data
    logs = _logs(data)
    if not any(len(s.value) for log in logs for s in log.series):
        raise UsageError(f"there is no number in it: curvedoc takes {_TAKES}")
    return assemble(logs, name=name, path="", roles=roles)


def _logs(data: Any) -> Sequence[Log]:
    data = getattr(getattr(data, "state", data), "log_history", data)  # a Trainer or its state
    if isinstance(history := getattr(data, "history", None), Mapping):  # keras.callbacks.History
        return _mapping(_with_epochs(history, getattr(data, "epoch", None)))
    if hasattr(data, "loss_curve_") or hasattr(data, "train_score_"):
        return _estimator(data)
    if hasattr(data, "columns") and hasattr(data, "to_numpy"):  # a DataFrame, without importing pandas
        return _frame(data)
    if isinstance(data, Mapping):
        return _mapping(data)
    if isinstance(data, Sequence) and len(data) and all(isinstance(row, Mapping) for row in data):
        return _rows(data)
    if isinstance(data, Sequence) and len(data) and all(isinstance(cell, (int, float)) for cell in data):
        raise UsageError('numbers without a name: say what they are, as in diagnose({"train_loss": [...]})')
    raise UsageError(f"{_named(data)} holds no curves that curvedoc knows: it takes {_TAKES}")


def _named(data: Any) -> str:
    empty = hasattr(data, "__len__") and len(data) == 0
    return f"an empty {type(data).__name__}" if empty else f"a {type(data).__name__}"


def _with_epochs(history: Mapping[Any, Any], epochs: Any) -> Mapping[Any, Any]:
    fits = isinstance(epochs, Sequence) and all(
        hasattr(v, "__len__") and len(v) == len(epochs) for v in history.values()
    )
    return {"epoch": epochs, **history} if fits else history


def _estimator(model: Any) -> Sequence[Log]:
    """scikit-learn: the training loss of an MLP per epoch or of boosting per tree, and the validation beside it.

    `validation_scores_` of an MLP is an accuracy or an R2; the scores of HistGradientBoosting are negative losses.
    """
    boosted = hasattr(model, "validation_score_")
    kept = (
        ("loss_curve_", "train_loss", 1),
        ("train_score_", "train_loss", -1 if boosted else 1),
        ("validation_scores_", "val_accuracy" if hasattr(model, "classes_") else "val_r2", 1),
        ("validation_score_", "val_loss", -1),
    )
    series = []
    for attribute, tag, sign in kept:
        values = getattr(model, attribute, None)
        if values is not None and len(values):
            value = sign * _numbers(attribute, values)
            series.append(Series(tag, np.arange(1.0, len(value) + 1), value, "epoch"))
    return [Log("", FORMAT, tuple(series))]


def _frame(frame: Any) -> Sequence[Log]:
    table = Table(rows=len(frame))
    index = frame.index
    if index.name is not None and index.name not in frame.columns:
        _enter(table, str(index.name), index.to_numpy(), blank=True)
    for column in frame.columns:
        _enter(table, str(column), frame[column].to_numpy(), blank=True)
    return to_logs(table, "", FORMAT)


def _rows(rows: Sequence[Mapping[Any, Any]]) -> Sequence[Log]:
    table = Table()
    for row in rows:
        for tag, cell in _leaves(row):
            _put(table, tag, cell)
        table.rows += 1
    return to_logs(table, "", FORMAT)


def _mapping(data: Mapping[Any, Any]) -> Sequence[Log]:
    curves = {
        tag: leaf for tag, leaf in _leaves(data) if hasattr(leaf, "__len__") and not isinstance(leaf, (str, bytes))
    }
    if not curves:
        raise UsageError(f"a dict without a list of numbers: curvedoc takes {_TAKES}")
    pairs = [tag for tag, values in curves.items() if _is_pair(values)]
    if pairs and len(pairs) < len(curves):
        odd = next(tag for tag in curves if tag not in pairs)
        raise UsageError(f"{pairs[0]!r} is a pair (steps, values) and {odd!r} is none: give pairs for all, or for none")
    if pairs:
        return [Log("", FORMAT, tuple(_stepped(tag, *curves[tag]) for tag in pairs))]
    tables: dict[int, Table] = {}
    for tag, values in curves.items():
        if len(values):
            _enter(tables.setdefault(len(values), Table(rows=len(values))), tag, values)
    return [log for table in tables.values() for log in to_logs(table, "", FORMAT)]


def _leaves(data: Mapping[Any, Any], depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Path and leaf of a nested dict: {"train": {"logloss": [...]}} is train/logloss."""
    for tag, leaf in data.items():
        if not isinstance(leaf, Mapping):
            yield str(tag), leaf
        elif depth < MAX_DEPTH:
            yield from ((f"{tag}/{below}", inner) for below, inner in _leaves(leaf, depth + 1))


def _is_pair(values: Any) -> bool:
    return isinstance(values, tuple) and len(values) == 2 and all(hasattr(v, "__len__") for v in values)


def _stepped(tag: str, steps: Any, values: Any) -> Series:
    if len(steps) != len(values):
        raise UsageError(f"{tag!r} has {len(steps)} steps and {len(values)} values")
    logged = [(step, value) for step, value in zip(steps, values, strict=True) if value is not None]
    step, value = (_numbers(f"{tag}", column) for column in zip(*logged, strict=True)) if logged else ((), ())
    return Series(tag, np.asarray(step, np.float64), np.asarray(value, np.float64))


def _enter(table: Table, tag: str, values: Any, *, blank: bool = False) -> None:
    """A column of a table; with `blank`, NaN is an empty cell unless it ends the column."""
    if isinstance(values, np.ndarray) and np.iscomplexobj(values):  # NumPy would drop the imaginary part
        raise UsageError(f"{tag!r} holds complex numbers: a curve is a list of real ones")
    try:
        value = np.asarray(values, np.float64)
    except (TypeError, ValueError, OverflowError):
        for table.rows, cell in enumerate(values):
            _put(table, tag, cell)
        table.rows = len(values)
        return
    if value.ndim != 1:
        raise UsageError(f"{tag!r} has the shape {value.shape}: a curve is a list of numbers")
    rows = np.arange(len(value))
    if blank:
        rows = rows[_told(value)]
    elif not isinstance(values, np.ndarray):
        rows = rows[[cell is not None for cell in values]]  # NumPy makes NaN of None
    table.numbers[tag] = array("q", rows.astype(np.int64).tobytes()), array("d", value[rows].tobytes())


def _told(value: Array) -> npt.NDArray[np.bool_]:
    """Which cells of a column hold a value: the finite ones, and NaN behind the last of them when it goes on for
    longer than the column was ever empty before, as a loss that is lost for good does."""
    nan = np.isnan(value)
    finite = np.flatnonzero(~nan)
    if not len(finite):
        return nan
    longest = int(np.diff(finite).max(initial=1)) - 1
    lost = len(value) - 1 - int(finite[-1]) > max(longest, finite[0])
    behind: npt.NDArray[np.bool_] = np.arange(len(value)) > finite[-1]
    return ~nan | behind if lost else ~nan


def _put(table: Table, tag: str, cell: Any) -> None:
    """One cell: None is "not logged", truths and what is no number are passed over."""
    if cell is None or isinstance(cell, str):
        put(table, tag, cell)
    elif not isinstance(cell, (bool, np.bool_)) and (number := _number(cell)) is not None:
        put(table, tag, number)


def _number(cell: Any) -> float | None:
    """A number, a NumPy scalar or a tensor of one element; None for what holds no single number."""
    try:
        return float(cell)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return None


def _numbers(tag: str, values: Any) -> Array:
    cells = [_number(cell) for cell in values]
    for place, cell in enumerate(cells):
        if cell is None:
            raise UsageError(f"{tag!r}: value {place} is no number: {values[place]!r:.60}")
    return np.asarray(cells, np.float64)
