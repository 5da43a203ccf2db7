"""How large is the HTML report, and how soon does it show a chart? Run `python -m tests.bench.page`.

Prints bytes, milliseconds to the first chart, and the longest task while loading, while scrolling through the whole
page and while opening runs, each the least of some rounds in headless Chromium: whatever else the machine does
only adds to them. `--peers` draws the same twenty runs
with plotly, bokeh and altair where they are installed (each inlined from its own package): what the choice of a chart
library rests on. See the table in curvedoc/render/README.md.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from curvedoc.curves.thin import thin
from curvedoc.render import html
from curvedoc.report import Analysis, Drawn, Report
from tests.render.browsing import BROWSER, DRIVER, FLAGS
from tests.render.situations import healthy, overfitting

POINTS = 50_000  # of every curve, as logged
ROLES = ("train_loss", "val_loss", "lr", "grad_norm")
#: Watches from before the page's first line: when the first chart is there, and every task over 50 ms.
WATCH = """
window.seen = null; window.tasks = [];
new PerformanceObserver(list => list.getEntries().forEach(e => tasks.push(e.duration)))
  .observe({type: 'longtask', buffered: true});
const look = () => {
  if (document.querySelector(SELECTOR)) window.seen = performance.now();
  else setTimeout(look, 5);
};
look();
"""
OURS = ".spark svg path, .plot svg path"


def main() -> None:
    """Write the pages, open each a few times, print the least of each figure."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.page", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="times that each page is opened (default 3)")
    parser.add_argument("--runs", type=int, nargs="*", default=[20, 1000], help="sizes of our page (default 20 1000)")
    parser.add_argument("--peers", action="store_true", help="also plotly, bokeh and altair, with twenty runs")
    args = parser.parse_args()
    heads = ("page", "MB", "made in s", "first chart ms", "longest task ms: load", "scroll", "open a run")
    print(" | ".join(heads))
    for count in args.runs:
        analysis = Analysis(tuple(a_run(i) for i in range(count)))
        begun = time.perf_counter()
        source = html.render(analysis)
        report(f"curvedoc, {count} runs", source, time.perf_counter() - begun, OURS, args.rounds)
    for name, make, selector in PEERS if args.peers else ():
        runs = [a_run(i) for i in range(20)]
        begun = time.perf_counter()
        try:
            source = make(runs)
        except ImportError as error:
            print(f"{name}: {error}")
            continue
        report(f"{name}, 20 runs", source, time.perf_counter() - begun, selector, args.rounds)


def a_run(seed: int) -> Report:
    """Four curves of POINTS points each, thinned as the engine thins them, and the words of a real diagnosis."""
    rng = np.random.default_rng(seed)
    step = np.arange(float(POINTS))
    base = (
        overfitting(f"sweep/lr{0.001 * (1 + seed % 7):g}-seed{seed}", seed) if seed % 3 else healthy(f"ok-{seed}", seed)
    )
    curves = []
    for k, role in enumerate(ROLES):
        value = (k + 2.3) * np.exp(-step / 9000) + 0.1 + 0.05 * rng.standard_normal(POINTS)
        x, y = thin(step, value, 800)
        smooth_x, smooth = thin(step, np.convolve(value, np.ones(99) / 99, mode="same"), 240)
        parts = (x, y, smooth_x, smooth) if role.endswith("loss") else (x, y, x[:0], y[:0])
        curves.append(Drawn(role, f"log/{role}", *(tuple(p.tolist()) for p in parts), points=POINTS))
    hyper = {"lr": 0.001 * (1 + seed % 7), "weight_decay": 10.0 ** -(seed % 4), "seed": seed % 5}
    return replace(base, curves=tuple(curves), hyper=hyper)


def report(name: str, source: str, made: float, selector: str, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.html"
        file.write_text(source, encoding="utf-8")
        taken = [measure(file, selector) for _ in range(rounds)]
    best = [min(values) for values in zip(*taken, strict=True)]
    size = len(source.encode()) / 1e6
    print(f"{name} | {size:.2f} | {made:.1f} | " + " | ".join(f"{value:.0f}" for value in best), flush=True)


def measure(file: Path, selector: str) -> tuple[float, float, float, float]:
    """Milliseconds to the first chart, and of the longest task while loading, scrolling, and opening runs."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(BROWSER)
    with tempfile.TemporaryDirectory() as profile:
        for flag in (*FLAGS.split(), f"user-data-dir={profile}", "window-size=1280,900"):
            options.add_argument(f"--{flag}")
        driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
        try:
            driver.set_script_timeout(300)
            source = WATCH.replace("SELECTOR", repr(selector))
            driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": source})
            driver.get(file.as_uri())
            while driver.execute_script("return window.seen") is None:
                time.sleep(0.05)
            time.sleep(1.0)
            first, load = driver.execute_script("const r = [seen, Math.max(0, ...tasks)]; tasks.length = 0; return r")
            driver.execute_async_script(SCROLL)
            scroll = driver.execute_script("const r = Math.max(0, ...tasks); tasks.length = 0; return r")
            opened = 0.0
            if selector == OURS:
                driver.execute_async_script(OPEN)
                opened = driver.execute_script("return Math.max(0, ...tasks)")
            return first, load, scroll, opened
        finally:
            driver.quit()


#: Through the page and, where the table scrolls in a box of its own, through that.
SCROLL = """
const done = arguments[0];
const box = document.querySelector('.long') ?? document.scrollingElement;
let y = 0;
const end = Math.min(60000, Math.max(box.scrollHeight, document.documentElement.scrollHeight));
const go = () => {
  box.scrollTop = y; scrollTo(0, y); y += 300;
  if (y < end) requestAnimationFrame(go);
  else setTimeout(done, 300);
};
go();
"""
OPEN = """
const done = arguments[0];
const ids = [...new Set([...document.querySelectorAll('table.runs tbody a')].map(a => a.hash))].slice(0, 6);
const go = () => {
  if (!ids.length) return setTimeout(done, 300);
  location.hash = ids.shift();
  setTimeout(go, 250);
};
go();
"""


def plotly(reports: list[Report]) -> str:
    """One figure a run, its library once."""
    import plotly.graph_objects as go
    from plotly.offline import get_plotlyjs

    parts = []
    for run in reports:
        figure = go.Figure([go.Scatter(x=c.step, y=c.value, name=c.role, mode="lines") for c in run.curves])
        parts.append(figure.to_html(include_plotlyjs=False, full_html=False))
    return f"<!doctype html><meta charset=utf-8><script>{get_plotlyjs()}</script>{''.join(parts)}"


def bokeh(reports: list[Report]) -> str:
    from bokeh.embed import file_html
    from bokeh.layouts import column
    from bokeh.plotting import figure
    from bokeh.resources import Resources

    figures = []
    for run in reports:
        plot = figure(width=900, height=300, output_backend="canvas")
        for c in run.curves:
            plot.line(list(c.step), list(c.value), legend_label=c.role)
        figures.append(plot)
    made: str = file_html(column(figures), Resources(mode="inline"))
    return made


def altair(reports: list[Report]) -> str:
    import io

    import altair as alt

    charts: list[Any] = []
    for run in reports:
        rows = [
            {"step": s, "value": v, "role": c.role} for c in run.curves for s, v in zip(c.step, c.value, strict=True)
        ]
        chart = alt.Chart(alt.Data(values=rows)).mark_line().encode(x="step:Q", y="value:Q", color="role:N")
        charts.append(chart.properties(width=900, height=250).interactive())
    out = io.StringIO()
    alt.vconcat(*charts).save(out, format="html", inline=True)
    return out.getvalue()


PEERS: tuple[tuple[str, Callable[[list[Report]], str], str], ...] = (
    ("plotly", plotly, ".plotly .trace path, .js-plotly-plot .lines path"),
    ("bokeh", bokeh, "[data-root-id] > *"),
    ("altair", altair, ".vega-embed canvas, .vega-embed svg"),
)

if __name__ == "__main__":
    main()
