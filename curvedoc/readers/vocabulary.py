"""What a name in a log says: a counter, a held-out side, a loss or metric."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from ..tongues import in_english

#: Counters by name without their scope. When several stand in one table, the first that is filled beside a
#: value tells its step; counters inside an epoch come last.
_STEPS = (
    ("global step", "total step", "total steps", "num steps"),
    ("total timesteps", "timesteps total", "num timesteps", "timesteps", "timestep", "num env steps sampled"),
    ("step", "current step", "current steps", "step num", "optimizer step"),
    ("iteration", "iterations", "iter", "iters", "it", "itr", "training iteration", "boosting round"),
    ("num updates", "n updates", "updates"),
    ("episode", "episodes", "generation", "generations", "round", "rounds", "evaluations", "tree", "trees"),
    ("batch", "batch idx", "batches", "minibatch", "count"),
    ("steps",),
    ("update",),  # fairseq's is a fraction of an epoch
    ("tokens", "total tokens", "tokens seen", "consumed tokens"),
    ("samples", "total samples", "samples seen", "consumed samples", "examples seen", "frames"),
)
_EPOCHS = ("epoch", "epochs", "epoch num", "epoch idx", "epoch number", "epoch id", "current epoch", "cur epoch")
_MOMENTS = ("wall time", "timestamp", "time stamp", "created at", "datetime", "date time", "date")
_ELAPSED = ("runtime", "time elapsed", "elapsed", "elapsed time", "time total s", "total time", "wall clock", "time")
_INDEX = ("", "unnamed 0", "index", "idx", "row")
_SCOPES = ("train", "trainer", "training", "time")
_SIDE_RANK = 50  # a counter of one side (`val_iters`) counts for what has no other
_WANDB_ROW = "_step"  # counts calls of wandb.log, not the trainer's steps
_KINDS: Mapping[str, tuple[str, int]] = {
    **dict.fromkeys(_ELAPSED, ("time", 1)),
    **dict.fromkeys(_MOMENTS, ("time", 0)),
    **dict.fromkeys(_INDEX, ("row", 0)),
    **{name: ("epoch", rank) for rank, name in enumerate(_EPOCHS)},
    **{name: ("step", rank) for rank, names in enumerate(_STEPS) for name in names},
}

SPLITS = frozenset(
    ("train", "training", "tr", "val", "valid", "validation", "dev", "eval", "evaluation", "test", "testing", "holdout")
)
#: Words that make a name that of a loss, a metric or a rate.
_METRICS = frozenset(
    {
        *("loss", "losses", "cost", "nll", "ce", "bce", "mse", "mae", "rmse", "mape", "error", "err"),
        *("acc", "accuracy", "top"),
        *("f1", "auc", "auroc", "auprc", "iou", "miou", "map", "ap", "dice", "dsc", "jaccard", "precision", "recall"),
        *("bleu", "rouge", "wer", "cer", "ppl", "perplexity", "psnr", "ssim", "fid", "reward", "return", "score", "lr"),
        *(
            "gnorm",
            "kl",
            "elbo",
            "entropy",
            "bpc",
            "bpb",
            "r2",
            "kappa",
            "pearson",
            "spearman",
            "mcc",
            "epe",
            "l1",
            "l2",
        ),
        *("sensitivity", "specificity", "fitness", "likelihood", "logloss", "mlogloss", "hinge", "ndcg", "hit", "mrr"),
        *("l2", "lrs", "accuracies", "rewards", "returns", "multiclass", "rew"),
    }
)
_NO_METRIC = frozenset(
    ("best", "scale", "scaler", "coef", "coeff", "weight", "weights", "fn", "threshold", "smoothing")
)
_NORMS = frozenset(("grad", "gradient", "total", "global"))


@lru_cache(maxsize=1 << 15)
def counter_kind(name: str) -> tuple[str, int]:
    """What a column counts by its name: "step", "epoch", "time", "row" or "", and its rank among its kind.

    >>> counter_kind("trainer/global_step"), counter_kind("Epoch"), counter_kind("_step"), counter_kind("val_loss")
    (('step', 0), ('epoch', 0), ('step', 99), ('', 0))
    """
    if name == _WANDB_ROW:
        return "step", 99
    words = plain_name(name)
    if words in _KINDS:
        return _KINDS[words]
    scope, _, rest = words.partition(" ")
    kind, rank = _KINDS.get(rest, ("", 0)) if rest else ("", 0)
    if scope in _SCOPES:
        return kind, rank
    return (kind, rank + _SIDE_RANK) if scope in SPLITS and kind in ("step", "epoch") else ("", 0)


@lru_cache(maxsize=1 << 15)
def plain_name(name: str) -> str:
    """A name in lower case with single blanks between its words, in English where its words are known.

    >>> plain_name("trainer/globalStep"), plain_name("Wall-time "), plain_name("Época")
    ('trainer global step', 'wall time', 'epoch')
    """
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", in_english(name))
    return re.sub(r"[\s_\-./:#]+", " ", apart).strip().lower()


@lru_cache(maxsize=1 << 15)
def is_metric(name: str) -> bool:
    """Whether a name is that of a loss, a metric or a rate, and neither a setting nor a copy of the best.

    >>> is_metric("val_top5"), is_metric("learning rate"), is_metric("GPU Memory"), is_metric("best val loss")
    (True, True, False, False)
    """
    words = plain_name(name).split()
    if len(words) > 6 or not _NO_METRIC.isdisjoint(words):
        return False
    bare = {re.sub(r"[@\d]+$", "", word) or word for word in words} | set(words)
    norm = words[-1:] == ["norm"] and (len(words) == 1 or not _NORMS.isdisjoint(words))
    return norm or not _METRICS.isdisjoint(bare) or words[-2:] == ["learning", "rate"]


def is_known(name: str) -> bool:
    """Whether a name alone makes a table or a document look like a log: a metric or a counter.

    >>> is_known("train_losses"), is_known("Epoch"), is_known("vocabulary")
    (True, True, False)
    """
    return is_metric(name) or counter_kind(name)[0] in ("step", "epoch")
