"""What does a figure of a run look like on paper? PNG, SVG or PDF through matplotlib, with the evidence marked."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..report import Drawn, Report
from . import words
from .panels import Line, Panel, panels
from .words import clean, extent, prose, shorten

SUFFIXES = (".png", ".svg", ".pdf")
WIDTH = 6.75  # inches: two columns of a paper, or a page with margins
SMALL = 4  # plots beneath the loss, in two columns; more would fill a second page
DPI = 200
#: The page's colours: Okabe and Ito's, which every kind of colour vision tells apart, darkened for thin lines.
COLOURS = {
    "train": "#0072b2", "val": "#d55e00", "test": "#a8487f", "a": "#00795b", "b": "#0072b2", "c": "#d55e00",
    "d": "#a8487f", "e": "#8a6d00", "f": "#56606b", "rest": "#b9bfc6",
}  # fmt: skip
INK, SOFT, ALARM = "#1d2126", "#5a626c", "#a3340a"


def save(report: Report, path: str) -> None:
    """Draw the run's curves into a file; the suffix chooses PNG, SVG or PDF.

    The same report gives the same bytes. Raises UsageError for another suffix, without matplotlib, and for
    a report without a curve.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"{path}: a figure ends in {', '.join(SUFFIXES)}")
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        raise UsageError("drawing a figure needs matplotlib: pip install matplotlib") from None
    plots = panels(report)
    if not plots:
        raise UsageError(f"{words.name_of(report)}: the log holds no curve to draw")
    # No clock in the file, and texts of logs are no formulas.
    stamps = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {"Software": None}}
    style = {"font.size": 8, "svg.hashsalt": "curvedoc", "text.parse_math": False, "pdf.fonttype": 42}
    with mpl.rc_context(style), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # a name in a script that the font lacks
        figure = Figure(layout="constrained")
        _arrange(figure, plots, report)
        try:
            figure.savefig(path, dpi=DPI, metadata=stamps[suffix])
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror or type(error).__name__}") from error


def _arrange(figure: Any, plots: Sequence[Panel], report: Report) -> None:
    """The loss on top, the learning rate beneath it, two columns of the others; one step axis for all."""
    main, *others = plots
    rates = [p for p in others if p.roles == ("lr",)][:1]
    small = [p for p in others if p.roles != ("lr",)][:SMALL]
    rows = math.ceil(len(small) / 2)
    heights = [2.6, *([0.7] * len(rates)), *([1.25] * rows)]
    figure.set_size_inches(WIDTH, 0.5 + sum(heights) + 0.25 * len(heights))
    grid = figure.add_gridspec(len(heights), 2, height_ratios=heights)
    top = figure.add_subplot(grid[0, :])
    _draw(top, main, report, named=True)
    for k, panel in enumerate(rates):
        _draw(figure.add_subplot(grid[1 + k, :], sharex=top), panel, report)
    for k, panel in enumerate(small):
        place = grid[1 + len(rates) + k // 2, :] if k == len(small) - 1 and k % 2 == 0 else None
        cell = place if place is not None else grid[1 + len(rates) + k // 2, k % 2]
        _draw(figure.add_subplot(cell, sharex=top), panel, report)
    lead = report.leading
    says = words.state(report) if lead is None else f"{words.headline(lead)} ({words.confidence(lead)})"
    figure.suptitle(shorten(words.name_of(report), 80), x=0.01, ha="left", fontsize=9.5, fontweight="bold", color=INK)
    top.set_title(shorten(says, 105), loc="left", fontsize=8.5, color=INK, pad=10 + 13 * _rows(main))


def _rows(panel: Panel) -> int:
    return 1 + max(_placed(panel).values(), default=-1)


def _placed(panel: Panel) -> dict[tuple[float, float], int]:
    """The row above the plot for each stretch of evidence: those in one row do not touch."""
    span = [x for mark in panel.marks for x in mark.steps]
    air = 0.03 * (max(span) - min(span)) if span else 0.0
    ends: list[float] = []
    rows: dict[tuple[float, float], int] = {}
    for low, high in sorted({mark.steps for mark in panel.marks}):
        row = next((k for k, end in enumerate(ends) if end + air < low), len(ends))
        ends[row:] = [max(high, low + air), *ends[row + 1 :]]
        rows[low, high] = row
    return rows


def _draw(axes: Any, panel: Panel, report: Report, *, named: bool = False) -> None:
    first, last = extent(report) or (0.0, 1.0)
    if panel.log:
        from matplotlib.ticker import FuncFormatter, NullFormatter

        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.locator_params(axis="x", nbins=8 if named or panel.roles == ("lr",) else 5)
    handles = [_line(axes, line) for line in panel.lines]
    _marks(axes, panel, report, named)
    if first < last:
        axes.set_xlim(0.0 if 0 < first <= 0.05 * last else first, last)
    axes.set_ylabel(clean(panel.title), fontsize=7.5)
    axes.tick_params(labelsize=7, colors=SOFT, length=2.5)
    axes.grid(axis="y", color="#dcdfe3", linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    if named:
        axes.set_xlabel(clean(report.axis), fontsize=7.5)
    told = [(h, line) for h, line in zip(handles, panel.lines, strict=True) if h is not None and line.tone != "rest"][
        :8
    ]
    if told and (len(panel.lines) > 1 or named):
        labels = [" " + shorten(clean(line.label), 40) for _, line in told]  # matplotlib drops names that begin with _
        axes.legend([h for h, _ in told], labels, fontsize=7, frameon=False, loc="best", handlelength=1.4)


def _line(axes: Any, line: Line) -> Any:
    """Raw points faint, the smoothed line on top; a curve without one in full strength."""
    drawn, colour = line.drawn, COLOURS[line.tone]
    step, value = _broken(drawn, drawn.step, drawn.value)
    marker = {"marker": ".", "markersize": 3} if len(drawn.step) <= 80 else {}
    handle = None
    if step:
        faint = {"alpha": 0.35, "linewidth": 0.7} if drawn.smooth else {"linewidth": 1.2}
        (handle,) = axes.plot(step, value, color=colour, zorder=2, **faint, **marker)
    if drawn.smooth:
        step, value = _broken(drawn, drawn.smooth_step, drawn.smooth)
        (handle,) = axes.plot(step, value, color=colour, linewidth=1.5, zorder=3)
    return handle


def _broken(drawn: Drawn, step: Sequence[float], value: Sequence[float]) -> tuple[list[float], list[float]]:
    """The curve with a gap wherever a value was not finite; huge values are cut at what can be drawn."""
    points = [(s, min(max(v, -1e250), 1e250)) for s, v in zip(step, value, strict=True) if math.isfinite(s + 0 * v)]
    points += [(s, math.nan) for s in drawn.non_finite if math.isfinite(s)]
    points.sort(key=lambda p: p[0])
    return [s for s, _ in points], [v for _, v in points]


def _marks(axes: Any, panel: Panel, report: Report, named: bool) -> None:
    """The evidence: numbered stretches, the onset with its interval, the best point, NaN, the trend and its band."""
    from matplotlib.patheffects import withStroke

    across, up = axes.get_xaxis_transform(), {"textcoords": "offset points", "color": INK, "fontsize": 7}
    for trend in report.trends if "train_loss" in panel.roles else ():
        axes.fill_between(trend.step, trend.low, trend.high, color=SOFT, alpha=0.15, linewidth=0, zorder=1)
        axes.plot(trend.step, trend.value, color=SOFT, linewidth=1.1, linestyle=":", zorder=2)
    rows = _placed(panel)
    points = 72 * axes.get_position().height * axes.figure.get_figheight()
    for mark in panel.marks:
        low, high = mark.steps
        y = 1 + (8 + 13 * rows[mark.steps]) / points
        same = [other.number for other in panel.marks if other.steps == mark.steps]
        colour = INK if mark.leads else SOFT
        if mark.number == same[0]:
            axes.plot([low, high], [y, y], color=colour, linewidth=0.8, marker="|", markersize=4, transform=across,
                      clip_on=False)  # fmt: skip
            if mark.leads and named:
                axes.axvspan(low, high, color=INK, alpha=0.05, linewidth=0, zorder=0)
            axes.annotate(
                ", ".join(map(str, same)), ((low + high) / 2, y), xycoords=across, ha="center", va="center",
                fontsize=6.5, fontweight="bold", color="white",
                bbox={"boxstyle": "round,pad=0.25", "facecolor": colour, "edgecolor": "none"}, annotation_clip=False,
            )  # fmt: skip
    lost = [s for line in panel.lines for s in line.drawn.non_finite if math.isfinite(s)]
    if lost:
        ends = extent(report) or (0.0, 1.0)
        axes.plot([min(lost), ends[1]], [0.985, 0.985], color=ALARM, linewidth=2.5, transform=across, zorder=4)
        axes.annotate("NaN", (min(lost), 0.985), xycoords=across, xytext=(2, -9), **{**up, "color": ALARM})
    onset = panel.onset
    if onset is not None and math.isfinite(onset.step):
        axes.axvline(onset.step, color=ALARM, linewidth=0.9, linestyle=(0, (4, 3)), zorder=4)
        if named and math.isfinite(onset.low) and math.isfinite(onset.high):
            axes.axvspan(onset.low, onset.high, color=ALARM, alpha=0.1, linewidth=0, zorder=0)
    best = panel.best
    if best is not None and math.isfinite(best.step) and math.isfinite(best.value):
        ring = {"marker": "o", "markersize": 5, "markerfacecolor": "white", "markeredgecolor": INK}
        axes.plot([best.step], [best.value], linestyle="none", zorder=5, **ring)
        first, last = extent(report) or (0.0, 1.0)
        right = best.step > first + 0.75 * (last - first)
        side = {"xytext": (-6, 5), "ha": "right"} if right else {"xytext": (6, 5)}
        shown = axes.annotate(prose(f"best {best.value:.3g}"), (best.step, best.value), zorder=6, **side, **up)
        shown.set_path_effects([withStroke(linewidth=2, foreground="white")])
