"""How is a plot drawn? SVG that stretches with the page while its text, dots and strokes keep their size.

A plot has no view box of its own: heights are pixels, places along the steps are shares of the width. Only
the curves lie in a stretched inner picture, with strokes that do not scale.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from html import escape
from itertools import pairwise

from ..estimate import show
from ..report import Drawn, Report
from .panels import Line, Mark, Panel, panels
from .words import clean, extent, shorten

ACROSS, DOWN = 2000, 4  # units of the inner picture: its whole width, and per pixel of height
ROW, FOOT = 22, 24  # pixels: one row of marks, the axis labels
DOTS = 80  # up to this many points each is a dot; more would run together
GIANT = 1e250  # beyond this, and below its inverse, arithmetic on a range leaves the floating-point numbers
SPARK = (240, 60, 64, 32)  # width and height of a view box, most raw points, most of the smoothed line

Scale = Callable[[float], float]


def draw(panel: Panel, report: Report, *, height: int, named: bool) -> str:
    """The plot as an SVG element of `height` pixels of curve, on the step axis of the whole run.

    `named` labels the onset and shows its interval, on one plot of a run. Everything from the log is escaped.
    """
    first, last = _span(report)
    across = _linear(first, last, 0.0, 100.0)
    rows = _rows(panel.marks, across)
    top = 8 + ROW * (1 + max(rows.values(), default=-1))
    low, high = _range(panel)
    down = _vertical(panel.log, low, high, top, height)
    parts = [
        *_grid(panel.log, low, high, down, max(2, height // 40)),
        *_steps(first, last, across, top + height),
        *_stretches(panel, across, rows, top, height),
        f'<svg class="ink" y="{top}" width="100%" height="{height}" viewBox="0 0 {ACROSS} {DOWN * height}" '
        'preserveAspectRatio="none">',
        *_ink(panel, first, last, _vertical(panel.log, low, high, 0, DOWN * height), height),
        "</svg>",
        *_onset(panel, across, top, height, named),
        *_best(panel, across, down, top, height),
        *_badges(panel.marks, across, rows),
    ]
    label = escape(alternative(panel, report))
    size = top + height + FOOT
    return f'<svg class="plot" role="img" aria-label="{label}" width="100%" height="{size}">{"".join(parts)}</svg>'


def alternative(panel: Panel, report: Report) -> str:
    """The plot in words, for who cannot see it."""
    said = [f"{panel.title} over {clean(report.axis)}{', logarithmic' if panel.log else ''}."]
    for line in panel.lines[:8]:
        said.append(_told(line))
    if len(panel.lines) > 8:
        said.append(f"{len(panel.lines) - 8} more curves.")
    for mark in panel.marks:
        a, b = (show(x, "step") for x in mark.steps)
        said.append(f"Mark {mark.number} at {a if a == b else f'{a} to {b}'}.")
    return " ".join(said)


def spark_paths(report: Report) -> list[list[str]]:
    """The plot on top of a run, as small as a word, for a view box of SPARK: tone, path of the raw points, path of
    the smoothed line (each may be empty)."""
    made = panels(report)
    if not made:
        return []
    panel, (first, last) = made[0], _span(report)
    width, height, raw, smooth = SPARK
    low, high = _range(panel)
    x, y = _linear(first, last, 2.0, width - 2.0), _vertical(panel.log, low, high, 4, height - 8)
    found = []
    for line in panel.lines[:3]:
        points = _finite(*_extremes(line.drawn, raw))
        drawn = _finite(line.drawn.smooth_step, line.drawn.smooth)
        every = max(1, math.ceil(len(drawn) / smooth))
        found.append([line.tone, _path(points, (), x, y), _path([*drawn[::every], *drawn[-1:]], (), x, y)])
    return found


def _extremes(drawn: Drawn, most: int) -> tuple[Sequence[float], Sequence[float]]:
    """At most `most` points, two of every stretch: the lowest and the highest, in their order."""
    n = len(drawn.step)
    if n <= most:
        return drawn.step, drawn.value
    size = -(-2 * n // most)
    kept: list[int] = []
    for start in range(0, n, size):
        part = [v if math.isfinite(v) else math.nan for v in drawn.value[start : start + size]]
        at = [k for k, v in enumerate(part) if not math.isnan(v)] or [0]
        kept += sorted({start + min(at, key=part.__getitem__), start + max(at, key=part.__getitem__)})
    return [drawn.step[k] for k in kept], [drawn.value[k] for k in kept]


def _span(report: Report) -> tuple[float, float]:
    """The step axis of a run: from 0 where it begins near it."""
    first, last = extent(report) or (0.0, 1.0)
    return (0.0 if 0 < first <= 0.05 * last else first), last


def _told(line: Line) -> str:
    drawn = line.drawn
    points = _finite(drawn.step, drawn.value)
    text = f"{shorten(clean(line.label), 60)}: "
    if not points:
        return text + "no finite point."
    (a, start), (b, end) = points[0], points[-1]
    low, high = min(points, key=lambda p: p[1]), max(points, key=lambda p: p[1])
    text += f"{show(start)} at {show(a, 'step')}, {show(end)} at {show(b, 'step')}, "
    text += f"lowest {show(low[1])} at {show(low[0], 'step')}, highest {show(high[1])} at {show(high[0], 'step')}"
    return text + (f"; not finite from {show(drawn.non_finite[0], 'step')}." if drawn.non_finite else ".")


def _finite(step: Sequence[float], value: Sequence[float]) -> list[tuple[float, float]]:
    return [(s, v) for s, v in zip(step, value, strict=True) if math.isfinite(s) and math.isfinite(v)]


def _linear(low: float, high: float, start: float, end: float) -> Scale:
    """A linear scale that ends at its ends; a range without extent lands in the middle."""
    if not high - low > 1 / GIANT:
        return lambda x: (start + end) / 2
    return lambda x: start + (end - start) * min(max((x / 2 - low / 2) / (high / 2 - low / 2), 0.0), 1.0)


def _vertical(log: bool, low: float, high: float, top: float, height: float) -> Scale:
    """From a value to its place, high values on top; where the axis is logarithmic, so is the scale."""
    if not log:
        return _linear(low, high, top + height, top)
    place = _linear(math.log10(low), math.log10(high), top + height, top)
    return lambda v: place(math.log10(max(v, low)))


def _range(panel: Panel) -> tuple[float, float]:
    """Lowest and highest value of the axis, with some air; from 0 where the curves come near it."""
    values = [v for line in panel.lines for ends in (line.drawn.value, line.drawn.smooth) for v in ends]
    values = [min(max(v, -GIANT), GIANT) for v in values if math.isfinite(v)]
    if panel.log:
        powers = [math.log10(max(v, 1 / GIANT)) for v in values if v > 0]
        space = 0.04 * (max(powers) - min(powers))
        return 10.0 ** (min(powers) - space), 10.0 ** (max(powers) + space)
    low, high = min(values, default=0.0), max(values, default=1.0)
    if high - low <= max(1e-9 * max(abs(low), abs(high)), 1 / GIANT):  # constant, but for rounding
        air = abs(low) / 10 or 0.1
        return low - air, high + air
    air = 0.05 * (high - low)
    return (0.0 if 0 <= low <= 0.3 * high else low - air), high + air


def _ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers between two bounds, at most about `most`.

    >>> _ticks(0.0, 2.4, 5)
    [0.0, 0.5, 1.0, 1.5, 2.0]
    """
    rough = (high - low) / most
    if not 1 / GIANT < rough < math.inf:
        return []
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((power * m for m in (1, 2, 5) if power * m >= rough), 10 * power)
    ticks = (n * step for n in range(math.ceil(low / step), math.floor(high / step) + 1))
    return list(dict.fromkeys(ticks))  # beside a large offset, neighbours may round to one number


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    """Powers of ten between two positive bounds, with 2 and 5 times them where there are few."""
    first, last = math.ceil(math.log10(low)), min(math.floor(math.log10(high)), 308)
    powers = [10.0**n for n in range(first, last + 1, max(1, math.ceil((last - first) / most)))]
    if len(powers) > most // 3:
        return powers
    return [m * 10.0**n for n in range(first - 1, last + 1) for m in (1, 2, 5) if low <= m * 10.0**n <= high]


def _label(value: float, ticks: Sequence[float]) -> str:
    """A tick as short as its neighbours allow.

    >>> _label(0.5, [0.0, 0.5, 1.0]), _label(20000.0, [0.0, 20000.0]), _label(1e-5, [])
    ('0.5', '20k', '1e-5')
    """
    if value == 0:
        return "0"
    size = max(map(abs, ticks), default=abs(value))
    gap = min((b - a for a, b in pairwise(ticks)), default=size)
    if not 1e-3 <= size < 1e9:
        mantissa, _, exponent = f"{value:.{_decimals(gap / size)}e}".partition("e")
        return f"{mantissa}e{int(exponent)}"
    unit, sign = (1e6, "M") if size >= 1e6 else (1e3, "k") if size >= 1e4 else (1.0, "")
    return f"{value / unit:.{_decimals(gap / unit)}f}{sign}"


def _decimals(gap: float) -> int:
    """How many decimals tell two numbers apart."""
    return max(0, -math.floor(math.log10(gap) + 1e-9))


def _grid(log: bool, low: float, high: float, down: Scale, most: int) -> Iterator[str]:
    ticks = _log_ticks(low, high, most) if log else _ticks(low, high, most)
    for tick in ticks:
        y = f"{down(tick):.1f}"
        yield f'<line class="grid" x2="100%" y1="{y}" y2="{y}"/>'
        label = _label(tick, () if log else ticks)
        yield f'<text class="tick" text-anchor="end" x="-8" y="{y}" dy=".32em">{label}</text>'


def _steps(first: float, last: float, across: Scale, bottom: float) -> Iterator[str]:
    ticks = _ticks(first, last, 6) or [first]
    ticks = [tick for tick in ticks if tick == round(tick)] or ticks  # there is no half step
    yield f'<line class="axis" x2="100%" y1="{bottom}" y2="{bottom}"/>'
    for tick in ticks:
        x = across(tick)
        anchor = "end" if x > 97 else "middle"
        yield f'<line class="axis" x1="{x:.2f}%" x2="{x:.2f}%" y1="{bottom}" y2="{bottom + 4}"/>'
        yield f'<text class="tick" text-anchor="{anchor}" x="{x:.2f}%" y="{bottom + 17}">{_label(tick, ticks)}</text>'


def _ink(panel: Panel, first: float, last: float, down: Scale, height: int) -> Iterator[str]:
    """Raw points faint, the smoothed line on top; a curve without one is drawn in full strength."""
    across = _linear(first, last, 0.0, ACROSS)
    for line in panel.lines:
        drawn, tone = line.drawn, f"t-{line.tone}"
        points = _finite(drawn.step, drawn.value)
        raw = "faint" if drawn.smooth else "full"
        yield f'<path class="{raw} {tone}" d="{_path(points, drawn.non_finite, across, down)}"/>'
        if len(points) <= DOTS:
            yield f'<path class="dots {raw} {tone}" d="{_dots(points, across, down)}"/>'
    for line in panel.lines:
        smooth = _finite(line.drawn.smooth_step, line.drawn.smooth)
        if smooth:
            path = _path(smooth, line.drawn.non_finite, across, down)
            yield f'<path class="full t-{line.tone}" d="{path}"/>'
    yield from (f'<path class="lost" d="{d}"/>' for d in (_lost(line.drawn, across) for line in panel.lines) if d)


def _lost(drawn: Drawn, across: Scale) -> str:
    """Where values were not finite, along the top; to the edge where none was finite any more."""
    lost = sorted(s for s in drawn.non_finite if math.isfinite(s))
    alive = max((s for s, _ in _finite(drawn.step, drawn.value)), default=-math.inf)
    marks = [f"M{x - 4} {5 * DOWN}h8" for x in dict.fromkeys(round(across(s)) for s in lost if s < alive)]
    end = next((s for s in lost if s > alive), None)
    return "".join(marks) + (f"M{min(round(across(end)), ACROSS - 8)} {5 * DOWN}H{ACROSS}" if end is not None else "")


def _path(points: Sequence[tuple[float, float]], breaks: Sequence[float], across: Scale, down: Scale) -> str:
    """A path in whole units, each point relative to the one before; interrupted where a value was not finite."""
    parts, at, gaps = [], (0, 0), iter([*sorted(b for b in breaks if math.isfinite(b)), math.inf])
    gap = next(gaps)
    for n, (step, value) in enumerate(points):
        x, y = round(across(step)), round(down(value))
        broken = n == 0
        while gap < step:
            gap, broken = next(gaps), True
        if broken:
            parts.append(f"M{x} {y}l0 0")
        elif (x, y) != at:
            parts.append(f" {x - at[0]} {y - at[1]}".replace(" -", "-") if parts else "")
        at = (x, y)
    return "".join(parts)


def _dots(points: Sequence[tuple[float, float]], across: Scale, down: Scale) -> str:
    return "".join(f"M{round(across(s))} {round(down(v))}h0" for s, v in points)


def _rows(marks: Sequence[Mark], across: Scale) -> dict[int, int]:
    """The row above the plot for each mark, counted upwards: equal stretches share one, others do not touch."""
    together: dict[tuple[float, float], list[int]] = {}
    for mark in sorted(marks, key=lambda m: (m.steps, m.number)):
        together.setdefault(mark.steps, []).append(mark.number)
    ends: list[float] = []
    rows: dict[int, int] = {}
    for steps, numbers in together.items():
        a, b = (across(step) for step in steps)
        half = 3.5 * len(numbers)  # shares of the width that a badge takes on a narrow screen
        start, end = min(a, (a + b) / 2 - half), max(b, (a + b) / 2 + half)
        row = next((n for n, taken in enumerate(ends) if taken < start), len(ends))
        ends[row:] = [end] if row == len(ends) else [end, *ends[row + 1 :]]
        rows |= dict.fromkeys(numbers, row)
    return rows


def _stretches(panel: Panel, across: Scale, rows: dict[int, int], top: int, height: int) -> Iterator[str]:
    """What evidence was measured on: a shaded stretch, or an upright line where it is one step."""
    for mark in panel.marks:
        a, b = (across(s) for s in mark.steps)
        lead = " leads" if mark.leads else ""
        y = _row_y(rows[mark.number], rows)
        if b - a < 0.5:
            yield f'<line class="moment{lead}" x1="{a:.2f}%" x2="{a:.2f}%" y1="{y}" y2="{top + height}"/>'
            continue
        yield f'<line class="reach{lead}" x1="{a:.2f}%" x2="{b:.2f}%" y1="{y}" y2="{y}"/>'
        for x in (a, b):
            yield f'<line class="reach{lead}" x1="{x:.2f}%" x2="{x:.2f}%" y1="{y - 4}" y2="{y + 4}"/>'
        if mark.leads and b - a < 60:
            yield f'<rect class="stretch" x="{a:.2f}%" width="{b - a:.2f}%" y="{top}" height="{height}"/>'


def _row_y(row: int, rows: dict[int, int]) -> int:
    """The middle of a row; row 0 lies just above the plot."""
    return 2 + ROW * (max(rows.values()) - row) + ROW // 2


def _badges(marks: Sequence[Mark], across: Scale, rows: dict[int, int]) -> Iterator[str]:
    """The numbers; those of one stretch side by side."""
    for mark in marks:
        same = [other.number for other in marks if other.steps == mark.steps]
        aside = 21 * (same.index(mark.number) - (len(same) - 1) / 2)
        a, b = (across(step) for step in mark.steps)
        says, kind = escape(shorten(clean(mark.says), 300)), "badge leads" if mark.leads else "badge"
        # An inner picture without a size carries pixels to a share of the width.
        yield f'<svg class="{kind}" x="{(a + b) / 2:.2f}%" y="{_row_y(rows[mark.number], rows)}"><title>{says}</title>'
        yield f'<circle cx="{aside:g}" r="8.5"/><text x="{aside:g}" dy=".34em">{mark.number}</text></svg>'


def _onset(panel: Panel, across: Scale, top: int, height: int, named: bool) -> Iterator[str]:
    onset = panel.onset
    if onset is None or not math.isfinite(onset.step):
        return
    low, x, high = (across(onset.step if math.isnan(s) else s) for s in (onset.low, onset.step, onset.high))
    yield f'<line class="onset" x1="{x:.2f}%" x2="{x:.2f}%" y1="{top}" y2="{top + height}"/>'
    if named:
        yield f'<rect class="doubt" x="{low:.2f}%" width="{max(0, high - low):.2f}%" y="{top}" height="{height}"/>'
        side = 'text-anchor="end" dx="-6"' if x > 75 else 'dx="6"'
        y = top + (30 if any(line.drawn.non_finite for line in panel.lines) else 16)
        yield f'<text class="note" x="{x:.2f}%" y="{y}" {side}>onset {show(onset.step, "step")}</text>'


def _best(panel: Panel, across: Scale, down: Scale, top: int, height: int) -> Iterator[str]:
    best = panel.best
    if best is None or not (math.isfinite(best.step) and math.isfinite(best.value)):
        return
    x, y = across(best.step), down(best.value)
    side = 'text-anchor="end" dx="-9"' if x > 75 else 'dx="9"'
    # The lowest point of a loss has room beneath it, the highest of an accuracy above; the edges have none.
    below = 17 if y < top + 30 or top + height / 2 < y < top + height - 18 else -9
    yield f'<circle class="best" cx="{x:.2f}%" cy="{y:.1f}" r="5"/>'
    yield f'<text class="note" x="{x:.2f}%" y="{y + below:.1f}" {side}>best {show(best.value)}</text>'
