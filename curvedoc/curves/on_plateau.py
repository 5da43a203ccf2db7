"""Did a scheduler that waits for the validation loss to rest cut the rate?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ..run import Array
from .schedule_fit import EVEN, SURE, ScheduleFit

#: Patience that people choose: one drop alone is taken for reduce-on-plateau only at one of these.
PATIENCE = (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 50)
#: Relative improvements that count as a new best: torch's default, none, and what people set.
THRESHOLDS = (1e-4, 0.0, 1e-3, 2e-3, 5e-3, 1e-2)


def on_plateau(fit: ScheduleFit, step: Array, rate: Array, val_step: Array, val_loss: Array) -> ScheduleFit:
    """The same, or kind "plateau" when the drops came exactly where reduce-on-plateau drops.

    For each of THRESHOLDS the first drop gives the patience (validations before it without a new best); with that
    patience the validation loss `val_loss (m,)` at `val_step (m,)` must then have asked for every other drop and for
    no more. Two drops settle it; a single one needs torch's own threshold, a patience that people choose and twice
    as many validations behind it. A cooldown, or a metric other than the loss, stays multi_step: what cannot be
    told is called by the wider name.
    """
    finite = np.isfinite(val_loss)
    val_step, val_loss = val_step[finite], val_loss[finite]
    if (
        fit.kind not in ("multi_step", "step", "table")
        or not 1 <= len(fit.drops) <= 30
        or not 5 <= len(val_loss) <= 5000
    ):
        return fit
    at = np.searchsorted(step, fit.drops)
    # The cut follows a validation and shows in the next rate that is logged, or in the same row.
    first = np.searchsorted(val_step, step[np.maximum(at - 1, 0)]).tolist()
    last = (np.searchsorted(val_step, step[at], side="right") - 1).tolist()
    # A cut that only the last validation asked for has no rate behind it to show it.
    shown = val_step < step[-1]
    loss = val_loss.tolist()
    for threshold in THRESHOLDS if len(at) > 1 else THRESHOLDS[:1]:
        counts = list(_bad_counts(loss[: last[0] + 1], threshold))
        for trigger in range(first[0], last[0] + 1):
            patience = counts[trigger] - 1
            lone = len(at) == 1 and (patience not in PATIENCE or len(loss) - trigger <= 2 * patience + 1)
            if patience < 1 or lone:
                continue
            bad_counts = enumerate(_bad_counts(loss, threshold, patience))
            asked = (n for n, bad in bad_counts if bad > patience and shown[n])
            # From the first cut that does not fit on nothing has to be counted; behind the last there is none.
            if all(a <= next(asked, -1) <= b for a, b in zip(first, last, strict=True)) and next(asked, None) is None:
                return replace(fit, kind="plateau", confidence=SURE if len(at) > 1 else EVEN)
    return fit


def _bad_counts(loss: list[float], threshold: float, patience: float = np.inf) -> Iterator[int]:
    """At each validation, how many there were since the last new best or cut, itself included."""
    bound, bad = np.inf, 0  # what a new best must lie below
    for value in loss:
        if value < bound:
            bound, bad = value - threshold * abs(value), 0
        else:
            bad += 1
        yield bad
        if bad > patience:
            bad = 0
