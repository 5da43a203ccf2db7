"""What a configuration file beside a log says: the hyper-parameters, flat."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from .jsontree import facts, parse
from .lines import HEAD, encoding_of, is_regular

MAX_FILE = 4 << 20  # bytes; a configuration is written by hand
MAX_FACTS = 500
_STEM = re.compile(
    r"(?:\w+[_-])?(?:config|cfg|conf|hparams|hyp|hyperparams|hyperparameters|hyper_parameters|params|args|arguments|"
    r"options|opt|settings|training_args|train_config|run_config|model_config)(?:[_.-][\w-]+)?"
)
_SUFFIXES = (".json", ".yaml", ".yml", ".txt", "")
_TRUTHS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_NOTHING = frozenset({"", "~", "null", "none", "nan"})


def is_hyper(path: Path) -> bool:
    """Whether a file is named as configurations are: hparams.yaml, args.yaml, config.json, MLflow's params/lr.

    >>> is_hyper(Path("run/args.yaml")), is_hyper(Path("params/lr")), is_hyper(Path("metrics.json"))
    (True, True, False)
    """
    if path.parent.name == "params" and not path.suffix:
        return True
    return path.suffix.lower() in _SUFFIXES and _STEM.fullmatch(path.stem.lower()) is not None


def read_hyper(path: Path) -> dict[str, Any]:
    """Names and scalars of a configuration in JSON or simple YAML, nested names joined with "/".

    {} for anything else: a configuration is a help, never a reason to refuse a log. Of YAML it knows
    nested mappings of plain scalars; lists, anchors and tags are passed over, nothing is evaluated.
    """
    try:
        if not is_regular(path):
            return {}
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError:
        return {}
    encoding = encoding_of(data[:HEAD])
    if encoding is None or len(data) > MAX_FILE:
        return {}
    text = data.decode(encoding, "replace")
    if path.parent.name == "params" and not path.suffix:
        return {path.name: _scalar(text.strip())} if "\n" not in text.strip() else {}
    if text.lstrip().startswith("{"):
        try:
            parsed = parse(text)
        except ValueError:
            return {}
        return facts(_wandb_values(parsed), MAX_FACTS) if isinstance(parsed, dict) else {}
    return _wandb_values(flat_yaml(text))


def flat_yaml(text: str) -> dict[str, Any]:
    """The scalars of a YAML mapping by path, as far as it is plain.

    >>> flat_yaml("lr: 1e-3\\noptim:\\n  name: 'adam'  # comment\\n  betas: [0.9, 0.99]\\nepochs: 3")
    {'lr': 0.001, 'optim/name': 'adam', 'epochs': 3}
    """
    found: dict[str, Any] = {}
    path: list[tuple[int, str]] = []
    for line in text.splitlines():
        match = re.match(r"( *)([^\s:#'\"\[{!&*-][^:#]*?|'[^']+'|\"[^\"]+\")\s*:(?:\s+(.*))?$", line[:2000])
        if match is None or len(found) >= MAX_FACTS:
            continue
        indent, key, rest = len(match[1]), match[2].strip("'\""), (match[3] or "").strip()
        while path and path[-1][0] >= indent:
            path.pop()
        name = "/".join([*(k for _, k in path), key])
        if not rest or rest.startswith("#"):
            path.append((indent, key))
        elif rest[0] not in "[{&*!|>":
            found[name] = _scalar(_without_comment(rest))
    return found


def _without_comment(text: str) -> str:
    if text[0] in "'\"":
        end = text.find(text[0], 1)
        return text[1:end] if end > 0 else text
    return re.split(r"\s#", text, maxsplit=1)[0].strip()


def _scalar(text: str) -> Any:
    low = text.lower()
    if low in _TRUTHS:
        return _TRUTHS[low]
    if low in _NOTHING:
        return None
    if re.fullmatch(r"[-+]?\d{1,18}", text):
        return int(text)
    try:
        return float(text) if "_" not in text else text
    except ValueError:
        return text[:500]


def _wandb_values(config: dict[str, Any]) -> dict[str, Any]:
    """The values of a W&B config.yaml, which keeps {desc, value} under each name."""
    if not any(k.endswith("/value") for k in config) and not any(
        isinstance(v, dict) and "value" in v for v in config.values()
    ):
        return config
    if any(isinstance(v, dict) for v in config.values()):
        return {
            k: v["value"] if isinstance(v, dict) and "value" in v else v for k, v in config.items() if k != "_wandb"
        }
    return {
        k.removesuffix("/value"): v for k, v in config.items() if k.endswith("/value") and not k.startswith("_wandb")
    }
