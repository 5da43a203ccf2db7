"""Which settings does a run state? Its hyper-parameters, flat, and what their names mean."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

Value = float | str

#: Settings that a repeat of a run changes; the last word of a dotted key decides.
REPEATS = re.compile(
    r"(?:^|[._/-])(?:(?:global|random|rng|np|numpy|torch|data|train|manual)?[_-]?seed|(?:cv[_-]?)?fold)$"
)
#: What tells runs apart without being a setting.
IDLE = re.compile(
    r"(?:^|[._/-])(?:\w*(?:dir|path|root|folder|file|url|host|port|date|time|timestamp|version)|(?:run|exp|experiment|job)?"
    r"[_-]?(?:name|id)|notes?|tags?|group)$"
)
#: `lr=0.1`, `wd-1e-4`, `seed3` in the name of a run whose log states no settings.
NAMED = re.compile(
    r"(?:^|[/_,\s.-])(lr|wd|bs|seed|fold|dropout|momentum|width|depth|batch[_-]?size|weight[_-]?decay|learning[_-]?rate)"
    r"[=_-]?(\d+(?:\.\d+)?(?:e-?\d+)?)(?=$|[/_,\s.-])",
    re.IGNORECASE,
)
#: The last word of a setting that is the learning rate.
RATES = ("learning_rate", "lr", "lr0", "init_lr", "initial_lr", "learning_rate_init", "base_lr", "max_lr", "peak_lr")


def flat(hyper: Mapping[str, object], above: str = "", deep: int = 0) -> Iterator[tuple[str, Value]]:
    """Numbers and words by name, nested settings with dots between the names; lists are left out.

    Numbers in quotes are numbers, truth values and None are words.

    >>> dict(flat({"lr": "1e-3", "opt": {"name": "adam", "amsgrad": False}}))
    {'lr': 0.001, 'opt.name': 'adam', 'opt.amsgrad': 'False'}
    """
    for key, value in hyper.items():
        name = f"{above}{key}"
        if isinstance(value, Mapping) and deep < 4:
            yield from flat(value, f"{name}.", deep + 1)
        elif isinstance(value, bool) or value is None:
            yield name, str(value)
        elif isinstance(value, (int, float)):
            if abs(value) < 1e300:  # a whole number of a log can exceed every float
                yield name, float(value)
        elif isinstance(value, str):
            yield name, _number(value)


def optimizer(hyper: Mapping[str, object]) -> str:
    """All words under a name that speaks of an optimiser, in small letters; empty where there are none.

    >>> optimizer({"optimizer": {"type": "AdamW"}, "lr": 0.1}), optimizer({"epochs": 3})
    ('adamw', '')
    """
    named = (value for key, value in flat(hyper) if "opt" in key.lower() and isinstance(value, str))
    return " ".join(named).lower()


def _number(word: str) -> Value:
    try:
        value = float(word) if len(word) < 40 else math.nan
    except ValueError:
        value = math.nan
    return value if math.isfinite(value) else word
