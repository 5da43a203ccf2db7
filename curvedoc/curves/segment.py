"""Where did a loss fall at once after it had rested: change points, the marks of a learning rate that was cut?

When no rate is logged, a cut shows only in the loss: training and validation loss rest, then both fall within a
point or two and stay down (the staircase of He et al., 2016). A curve can do so by itself, so that what stands here
is a guess, made only where little else would look like it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..run import Array
from .order import median, quantile, row_median, sliding

#: Points of each curve that are looked at, and the fewest that show a rest, a fall and a rest.
MOST, FEWEST = 120, 24
#: The first fifth of a run has falls of its own: the first thing that a network learns comes at once after a rest.
EARLY = 0.2
#: A cut is larger than FIRM standard deviations of single points around the rest before it, and than SHARE of all
#: that the curve ever fell; while it rested it moved by less than REST of the cut, and SHARP of the cut is done in two
#: points: a curve that leaves a saddle falls faster and faster first.
#: With these 1 % of smooth noisy curves at most are taken for cut, and two thirds of stairs are found:
#: tests/curves/test_segment.py.
FIRM, SHARE, REST, SHARP = 4.0, 0.04, 0.35, 0.7
#: More cuts than that are no schedule but a rough curve.
CUTS = 4

Mask = npt.NDArray[np.bool_]


def loss_drops(train_step: Array, train: Array, val_step: Array, val: Array) -> tuple[float, ...]:
    """Steps at which a learning rate was probably cut, () where nothing, or too much, looks like it.

    `train_step`, `train` (n,), `val_step`, `val` (m,): finite, in the order of the steps. Both losses are put on at
    most MOST common points (means of what lies between). A drop counts where both fall at the same point or the
    next, each after a rest of a twelfth of the run behind an earlier descent, and stay below the rest. It gives up
    with fewer than FEWEST common points.

    >>> t = np.arange(60.0)
    >>> train = 0.5 + np.exp(-t / 5) - 0.3 * (t >= 30)
    >>> loss_drops(t, train, t, train + 0.2), loss_drops(t, train, t, np.exp(-t / 5))
    ((30.0,), ())
    """
    common = pooled(train_step, train, val_step, val)
    if common is None:
        return ()
    x, a, b = common
    fell_a, size_a = _fell(a)
    fell_b, size_b = _fell(b)
    # Means over a bin and single values may see the same cut one point apart.
    both = (fell_a & _near(fell_b)) | (fell_b & _near(fell_a))
    found = []
    for group in np.split(np.flatnonzero(both), np.flatnonzero(np.diff(np.flatnonzero(both)) > 2) + 1):
        if len(group):
            found.append(float(x[group[int(np.argmax(np.maximum(size_a, size_b)[group]))]]))
    return tuple(found) if len(found) <= CUTS else ()


def pooled(step: Array, value: Array, other_step: Array, other: Array) -> tuple[Array, Array, Array] | None:
    """Both curves on the points of the sparser one, at most about MOST of them: their steps and the means of each
    curve between consecutive ones. None with fewer than FEWEST.

    >>> t = np.arange(60.0)
    >>> [x[:3].tolist() for x in pooled(t, t, t[1::2], t[1::2])]
    [[1.0, 3.0, 5.0], [1.0, 2.5, 4.5], [1.0, 3.0, 5.0]]
    """
    if min(len(value), len(other)) < FEWEST:
        return None
    sparse = step if len(value) < len(other) else other_step
    begin, end = max(step[0], other_step[0]), min(step[-1], other_step[-1])
    edges = sparse[(sparse >= begin) & (sparse <= end)]
    if len(edges) < FEWEST:
        return None
    edges = edges[:: 1 + (len(edges) - 1) // MOST]
    means, full = [], np.ones(len(edges), bool)
    for place, curve in ((step, value), (other_step, other)):
        stop = np.searchsorted(place, edges, side="right")
        start = np.append(0, stop[:-1])
        start[0] = max(0, stop[0] - 1)
        total = np.append(0.0, np.cumsum(curve))
        count = stop - start
        full &= count > 0
        means.append((total[stop] - total[start]) / np.maximum(count, 1))
    return (edges[full], means[0][full], means[1][full]) if full.sum() >= FEWEST else None


def _near(mask: Mask) -> Mask:
    wide = mask.copy()
    wide[1:] |= mask[:-1]
    wide[:-1] |= mask[1:]
    return wide


def _fell(y: Array) -> tuple[Mask, Array]:
    """Whether a curve fell at once and for good at each point after a rest, and the fall from the point before."""
    n, w = len(y), max(5, len(y) // 12)
    after = max(4, w)
    windows = sliding(y, w)
    k = np.arange(w) - (w - 1) / 2
    mean, slope = windows.mean(1), windows @ k / (k @ k)
    around = windows - mean[:, None] - slope[:, None] * k
    # Two degrees of freedom went into the line; a rest of few points can look too quiet by chance.
    sd = np.sqrt((around**2).sum(1) / (w - 2))
    sd = np.maximum(sd, median(sd))
    points = np.arange(max(w, int(EARLY * n)), n - after)
    rest, drift, noise = mean[points - w], slope[points - w] * w, sd[points - w]
    behind = sliding(y, after)[points + 1]
    cut = rest - row_median(behind)
    # The descent is what the curve had fallen from its start; spikes upward are no part of it.
    start, total = median(y[:2]), median(y[:2]) - quantile(y, 0.02)
    sharp = np.minimum(y[points], y[points + 1])
    last = np.minimum(y[points - 1], row_median(windows[points - w]))
    good = (
        (cut > FIRM * noise)
        & (cut > SHARE * total)
        & (np.abs(drift) < REST * cut)
        & (start - rest > cut)
        & (last - sharp > SHARP * cut)
        & (behind.max(1) < rest - 0.5 * cut)
    )
    # For good: what comes later does not climb back.
    later = np.minimum.accumulate(y[::-1])[::-1]
    good &= later[points] < rest - 0.5 * cut
    fell, size = np.zeros(n, bool), np.zeros(n)
    fell[points], size[points] = good, y[points - 1] - y[points]
    return fell, size
