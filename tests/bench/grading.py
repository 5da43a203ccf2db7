"""How good are predicted diagnoses, in numbers: F1, its bootstrap interval, calibration, onset error.

Labels are words, a pair is (true label, predicted label). Numbers are compared with scikit-learn's in
tests/test_bench_grading.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Pairs = Sequence[tuple[str, str]]
Array = npt.NDArray[np.float64]


def by_label(pairs: Pairs) -> dict[str, tuple[float, float, float, int]]:
    """Precision, recall, F1 and number of cases per true label; 0 where a ratio has no denominator.

    >>> by_label([("a", "a"), ("a", "b"), ("b", "b")])["a"]
    (1.0, 0.5, 0.6666666666666666, 2)
    """
    found = {}
    for label in sorted({true for true, _ in pairs}):
        hit = sum(true == label == guess for true, guess in pairs)
        claimed = sum(guess == label for _, guess in pairs)
        cases = sum(true == label for true, _ in pairs)
        found[label] = (hit / claimed if claimed else 0.0, hit / cases, 2 * hit / (claimed + cases), cases)
    return found


def macro_f1(pairs: Pairs, labels: Sequence[str] | None = None) -> float:
    """Mean F1 over the labels that are true of some case (of `labels`, when given); NaN when none is.

    >>> macro_f1([("a", "a"), ("b", "c")])
    0.5
    """
    scores = [f for label, (_, _, f, _) in by_label(pairs).items() if labels is None or label in labels]
    return float(np.mean(scores)) if scores else float("nan")


def bootstrap_macro_f1(
    pairs: Pairs, labels: Sequence[str] | None = None, rounds: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """95 % percentile interval of `macro_f1` when the cases are drawn again with replacement (Efron 1979).

    A label that a draw misses has no F1 in it, as in `macro_f1`.

    >>> bootstrap_macro_f1([("a", "a")] * 5 + [("b", "b")] * 5)
    (1.0, 1.0)
    """
    words = sorted({word for pair in pairs for word in pair})
    code = {word: n for n, word in enumerate(words)}
    truth = np.array([code[true] for true, _ in pairs])
    guess = np.array([code[said] for _, said in pairs])
    wanted = np.array([labels is None or word in labels for word in words])
    rng, scores = np.random.default_rng(seed), []
    for _ in range(rounds):
        drawn = rng.integers(0, len(truth), len(truth))
        t, g = truth[drawn], guess[drawn]
        cases, claimed = (np.bincount(x, minlength=len(words)) for x in (t, g))
        hit = np.bincount(t[t == g], minlength=len(words))
        present = (cases > 0) & wanted
        if present.any():
            scores.append(float((2 * hit[present] / (cases + claimed)[present]).mean()))
    low, high = np.quantile(scores, (0.025, 0.975)) if scores else (np.nan, np.nan)
    return float(low), float(high)


def reliability(confidence: Array, right: Array, bins: int = 10) -> list[tuple[float, float, int]]:
    """Mean confidence, share right and number of claims in each of equally wide bins that holds any.

    >>> reliability(np.array([0.12, 0.18, 0.95]), np.array([0, 1, 1]))
    [(0.15, 0.5, 2), (0.95, 1.0, 1)]
    """
    at = np.minimum((np.asarray(confidence) * bins).astype(int), bins - 1)
    return [
        (float(confidence[at == b].mean()), float(right[at == b].mean()), int((at == b).sum()))
        for b in range(bins)
        if (at == b).any()
    ]


def calibration_error(confidence: Array, right: Array, bins: int = 10) -> float:
    """Expected calibration error: |share right - mean confidence| of each bin, weighted by its claims.

    Naeini, Cooper and Hauskrecht 2015, with equally wide bins; NaN without claims.

    >>> round(calibration_error(np.array([0.9, 0.9, 0.9, 0.9]), np.array([1, 1, 1, 0])), 3)
    0.15
    """
    if not len(confidence):
        return float("nan")
    parts = reliability(confidence, right, bins)
    return sum(n * abs(share - mean) for mean, share, n in parts) / len(confidence)


def onset_error(
    claimed: float | None, true: float | None, steps: float, steps_per_epoch: float | None = None
) -> float | None:
    """Distance of a claimed onset from the true one as a share of the run's `steps`; None when either is unknown.

    A log may count epochs, from 0 or from 1, where the truth counts steps: the nearest reading counts.

    >>> onset_error(110, 100, 1000), onset_error(3, 100, 1000, steps_per_epoch=25)
    (0.01, 0.0)
    """
    if claimed is None or true is None:
        return None
    readings = [claimed]
    if steps_per_epoch is not None:
        readings += [claimed * steps_per_epoch, (claimed + 1) * steps_per_epoch]
    return min(abs(reading - true) for reading in readings) / steps


def confusion(pairs: Pairs, order: Sequence[str]) -> str:
    """A table of counts: rows are true labels, columns predicted ones, in the given order."""
    rows = [word for word in order if any(true == word for true, _ in pairs)]
    columns = [word for word in order if any(guess == word for _, guess in pairs)]
    lines = [" " * 22 + " ".join(f"{word[:7]:>7}" for word in columns)]
    for row in rows:
        counts = (sum(true == row and guess == column for true, guess in pairs) for column in columns)
        lines.append(f"{row:22}" + " ".join(f"{n or '.':>7}" for n in counts))
    return "\n".join(lines)
