"""Which kind of training is this, if its losses do not measure progress?"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .drafts import Draft

#: Why the losses of such a training say little, and what to look at instead.
NO_PROGRESS = {
    "gan": "two networks play against each other and neither loss measures progress: look at samples or FID, and be"
    " alarmed only when the discriminator's loss goes to 0",
    "rl": "rewards are logged beside it, and the loss of an agent only carries gradients: look at the reward, the KL"
    " divergence, the entropy and the explained variance",
    "dpo": "a preference loss starts at ln 2 and says little: look at the rewards' margins and accuracies",
    "diffusion": "a diffusion loss is averaged over noise levels and stays flat while samples improve: look at FID or"
    " samples, or at the loss of one noise level",
}


def family(drafts: Sequence[Draft]) -> str:
    """The key of NO_PROGRESS that is told by what is logged beside the losses; "" where they measure progress."""
    kinds = {d.name.kind for d in drafts}
    text = {d.name.words for d in drafts}
    supervised = any(d.name.kind == "loss" and d.side == "val" for d in drafts)
    if any(re.search(r"\brewards? (?:chosen|rejected|margins?)\b", w) for w in text):
        return "dpo"
    if "reward" in kinds and not supervised:
        return "rl"
    if (
        any(re.search(r"\b(?:policy|critic|actor|surrogate|qf|td)\b", w) for w in text if "loss" in w)
        and not supervised
    ):
        return "rl"
    if {"d", "g"} <= {_player(d.name.words) for d in drafts if d.name.kind == "other_loss"}:
        return "gan"
    if any(re.search(r"\bvlb\b|\b(?:loss|mse) q\d\b|\bdiffusion\b", w) for w in text):
        return "diffusion"
    return ""


def _player(text: str) -> str:
    """Which player of a GAN a loss is named after: "d", "g" or neither."""
    if re.search(r"\b(?:d|disc|discriminator|dis|critic)\b", text):
        return "d"
    adversary = text == "a loss"  # the adversarial model, a generator before a frozen discriminator
    return "g" if adversary or re.search(r"\b(?:g|gen|generator)\b", text) else ""
