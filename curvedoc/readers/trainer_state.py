"""Hugging Face `trainer_state.json`: the log history that the Trainer keeps in every checkpoint."""

from __future__ import annotations

from pathlib import Path

from ..errors import UnreadableLog
from ..run import Note
from .jsontree import load, put_row
from .log import Log
from .table import Table, to_logs

FORMAT = "Hugging Face trainer_state.json"
RECOGNIZES = "a JSON object with `log_history`, or the name `trainer_state.json`"
READS = "train, evaluation, prediction and summary rows of `log_history`, bare NaN included; `max_steps`, batch size"
NOT_READ = "callback states, trial parameters"

_HYPER = ("max_steps", "num_train_epochs", "train_batch_size", "logging_steps", "eval_steps", "save_steps")


def recognizes(path: Path, head: bytes) -> bool:
    return path.name == "trainer_state.json" or (head.lstrip()[:1] == b"{" and b'"log_history"' in head)


def read(path: Path, shown: str) -> tuple[Log, ...]:
    state = load(path, shown)
    history = state.get("log_history") if isinstance(state, dict) else None
    if not isinstance(history, list):
        raise UnreadableLog(shown, "a trainer state needs a list under this key", key="log_history")
    table, odd = Table(), 0
    for row in history:
        if isinstance(row, dict):
            put_row(table, row)
        else:
            odd += 1
    notes = [Note(shown, f"{odd} entries of log_history are no objects and were left out")] if odd else []
    hyper = {k: int(v) for k in _HYPER if isinstance(v := state.get(k), float) and 0 < v < 2**53}
    return to_logs(table, shown, FORMAT, hyper, notes)
