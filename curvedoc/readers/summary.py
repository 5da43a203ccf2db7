"""JSON summaries: one value per name at the end of a run, as W&B, Hugging Face and DVC write them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from .hyper import is_hyper
from .jsontree import load, parse, put_row
from .lines import text_of
from .log import Log
from .table import Table, to_logs
from .vocabulary import is_known

FORMAT = "JSON summary"
RECOGNIZES = (
    "`wandb-summary.json`, `all_results.json` and the like: a `.json` object of plain values, a metric among them"
)
READS = (
    "each number as a curve of one point, at the step or epoch that the file states; AllenNLP's `metrics_epoch_3.json` "
    "and other files that an epoch or a step numbers are the points of one run"
)
NOT_READ = "histograms, pictures and lists in it"

_NAMES = ("wandb-summary.json",)


def recognizes(path: Path, head: bytes) -> bool:
    if path.name in _NAMES:
        return True
    if path.suffix.lower() != ".json" or is_hyper(path):
        return False
    try:
        document = parse(text_of(head))
    except ValueError:
        return False
    return isinstance(document, dict) and any(
        is_known(name) for name, leaf in document.items() if isinstance(leaf, float)
    )


def read(path: Path, shown: str) -> tuple[Log, ...]:
    document = load(path, shown)
    if not isinstance(document, dict):
        return ()
    table = Table()
    put_row(table, _without_media(document))
    return tuple(replace(log, notes=()) for log in to_logs(table, shown, FORMAT))


def _without_media(value: Mapping[str, Any]) -> dict[str, Any]:
    """The document without W&B's typed objects (`_type`: histogram, image-file, table ...)."""
    return {k: v for k, v in value.items() if not (isinstance(v, dict) and "_type" in v)}
