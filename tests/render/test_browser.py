"""Does a real browser show the page, ask for nothing, and leave a hostile log harmless?"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

from curvedoc.render import html
from curvedoc.report import Analysis, Best, Clock, Fix, Report, Trend

from .situations import a_sweep, all_situations, curve, everything, exploded, healthy, layers, many, overfitting, report

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    BROWSER is None or DRIVER is None, reason="needs chromium and chromedriver: apt install chromium chromium-driver"
)
FLAGS = (
    "headless=new no-sandbox disable-gpu disable-quic no-first-run disable-background-networking "
    "disable-component-update disable-sync disable-dev-shm-usage hide-scrollbars"
)


def _axe() -> Path | None:
    """axe-core, where npm has put it."""
    npm = shutil.which("npm")
    if npm is None:
        return None
    root = subprocess.run([npm, "root", "-g"], capture_output=True, text=True, check=False).stdout.strip()
    found = [Path(place) / "axe-core" / "axe.min.js" for place in (root, "node_modules") if place]
    return next((file for file in found if file.is_file()), None)


AXE = _axe()

Show = Callable[..., webdriver.Chrome]


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(BROWSER)
    for flag in FLAGS.split():
        options.add_argument(f"--{flag}")
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('profile')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    driver.set_page_load_timeout(60)
    yield driver
    driver.quit()


@pytest.fixture
def show(chrome: webdriver.Chrome, tmp_path: Path) -> Show:
    """Open a page of a given width, in the light or the dark."""

    def opened(
        source: str, *, width: int = 1280, height: int = 900, dark: bool = False, at: str = ""
    ) -> webdriver.Chrome:
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        chrome.get("about:blank")
        chrome.get_log("browser")
        chrome.get_log("performance")
        file = tmp_path / "report.html"
        file.write_text(source, encoding="utf-8")
        chrome.get(file.as_uri() + at)
        return chrome

    return opened


def ask(driver: webdriver.Chrome, script: str) -> Any:
    return driver.execute_script(f"return {script}")


def pause(driver: webdriver.Chrome) -> None:
    """Until what was asked for is drawn: two frames."""
    driver.execute_async_script("const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(done))")


def requests(driver: webdriver.Chrome) -> list[str]:
    """Every address that the page asked for."""
    events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]


def open_run(driver: webdriver.Chrome, address: str) -> None:
    """Go to a run of the page that is open, as a link would."""
    driver.execute_script(f"location.hash = {address!r}")
    run = address.partition("/")[0]
    WebDriverWait(driver, 10).until(lambda d: ask(d, f"Boolean(document.getElementById({run!r}))"))


def draw_all(driver: webdriver.Chrome) -> None:
    """Scroll through the page as a reader does, until nothing waits to be drawn."""
    driver.execute_async_script(
        "const done = arguments[0]; let y = 0; const go = () => { scrollTo(0, y); y += 600;"
        " y < document.documentElement.scrollHeight + 600 ? setTimeout(go, 30) : setTimeout(done, 100); }; go();"
    )


def addresses(driver: webdriver.Chrome) -> list[str]:
    return list(ask(driver, "JSON.parse(document.getElementById('data-index').textContent).runs.map(r => r.id)"))


@pytest.mark.parametrize(
    "analysis", [everything(), all_situations(), a_sweep()], ids=["everything", "hostile", "sweep"]
)
def test_nothing_is_asked_for_and_nothing_goes_wrong(show: Show, analysis: Analysis) -> None:
    driver = show(html.render(analysis))
    draw_all(driver)
    for box in driver.find_elements(By.CSS_SELECTOR, ".pick input")[:3]:
        box.click()
    for address in addresses(driver)[:14]:
        open_run(driver, address)
        driver.execute_script("document.querySelectorAll('details').forEach(part => part.open = true)")
        draw_all(driver)
    assert [url for url in requests(driver) if not url.startswith("file:")] == []
    assert driver.get_log("browser") == []


def test_a_hostile_log_runs_no_script(show: Show) -> None:
    driver = show(html.render(all_situations()))
    names = ask(driver, "[...document.querySelectorAll('table.runs th.name')].map(e => e.textContent)")
    assert any("<script>window.pwned=1</script>" in name for name in names)
    for address in addresses(driver):
        open_run(driver, address)
        draw_all(driver)
        assert ask(driver, "typeof window.pwned") == "undefined"
        assert ask(driver, "document.querySelectorAll('script:not([type])').length") == 1
        assert ask(driver, "document.images.length + document.querySelectorAll('iframe, object, link').length") == 0


def test_a_hostile_log_runs_no_script_in_a_notebook_either(show: Show) -> None:
    cells = "".join(html.fragment(report) for report in all_situations())
    driver = show(f"<!doctype html><meta charset=utf-8><body>{cells}")
    assert ask(driver, "typeof window.pwned") == "undefined"
    assert ask(driver, "document.scripts.length + document.images.length") == 0


def test_the_policy_would_stop_a_script_that_got_in(show: Show) -> None:
    source = html.render(everything()).replace("<main", "<script>window.pwned = 1</script><main", 1)
    driver = show(source)
    assert ask(driver, "typeof window.pwned") == "undefined"
    assert any("Content Security Policy" in entry["message"] for entry in driver.get_log("browser"))


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("run", [overfitting(), exploded(), layers()], ids=lambda run: str(run.name))
def test_every_curve_is_really_drawn(show: Show, width: int, run: Report) -> None:
    driver = show(html.render(Analysis((run,))), width=width)
    draw_all(driver)
    boxes = ask(
        driver,
        "[...document.querySelectorAll('.plot path.full')].map(p => p.getBoundingClientRect())"
        ".map(b => [b.width, b.height])",
    )
    assert len(boxes) == len(run.curves)
    assert all(box[0] > 50 for box in boxes)
    assert sum(box[1] > 5 for box in boxes) > len(boxes) / 2
    colours = ask(driver, "[...document.querySelectorAll('.plot path.full')].map(p => getComputedStyle(p).stroke)")
    assert "none" not in colours


def test_a_line_goes_through_the_points_of_the_log(show: Show) -> None:
    """The places of the drawn points, turned back into numbers by the labels of the axes."""
    steps, values = [0, 10, 20, 30, 40, 50], [5.0, 3.0, 2.0, 1.0, 1.0, 0.5]
    run = report("plain", "healthy", curves=(curve("train_loss", steps, values),))
    driver = show(html.render(Analysis((run,))))
    path = ask(driver, "document.querySelector('.plot path.full').getAttribute('d')")
    points = [tuple(map(float, pair)) for pair in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", path)]
    ticks = ask(
        driver,
        "[...document.querySelectorAll('.plot text.tick')].map(t => [t.textContent, t.getAttribute('text-anchor'),"
        " Number(t.getAttribute('x')), Number(t.getAttribute('y'))])",
    )
    across = sorted((float(label), x) for label, _, x, y in ticks if y == max(t[3] for t in ticks))
    down = sorted((float(label), y) for label, anchor, _, y in ticks if y != max(t[3] for t in ticks))
    x = np.polyval(np.polyfit([p for _, p in across], [v for v, _ in across], 1), [p[0] for p in points])
    y = np.polyval(np.polyfit([p for _, p in down], [v for v, _ in down], 1), [p[1] for p in points])
    assert x == pytest.approx(steps, abs=0.2)
    assert y == pytest.approx(values, abs=0.03)


def test_all_evidence_of_a_run_lost_to_nan_is_marked_in_its_plots(show: Show) -> None:
    driver = show(html.render(Analysis((exploded(),))))
    draw_all(driver)
    assert ask(driver, "[...document.querySelectorAll('.plot .badge text')].map(t => t.textContent).sort()") == [
        "1",
        "2",
    ]
    assert ask(driver, "[...document.querySelectorAll('.seen .number')].map(t => t.textContent)") == ["1", "2"]
    assert "onset 824" in ask(driver, "document.querySelector('.plot').textContent")
    assert ask(driver, "document.querySelectorAll('.plot path.lost').length") == 2
    assert "not finite from" in ask(driver, "document.querySelector('.plot').getAttribute('aria-label')")


def test_where_a_loss_was_heading_is_drawn_with_its_band(show: Show) -> None:
    trend = Trend("train_loss", "heading", (1000.0, 1996.0), (0.3, 0.1), (0.2, 0.05), (0.4, 0.3))
    driver = show(html.render(Analysis((replace(healthy(), trends=(trend,)),))))
    widths = ask(
        driver, "[...document.querySelectorAll('.plot :is(.band, .trend)')].map(p => p.getBoundingClientRect().width)"
    )
    plot = ask(driver, "document.querySelector('.plot .axis').getBoundingClientRect().width")
    assert widths == pytest.approx([plot * 996 / 1996] * 2, rel=0.02)


def test_dragging_over_one_plot_zooms_all_and_a_double_click_shows_everything(show: Show) -> None:
    driver = show(html.render(Analysis((overfitting(),))), height=2000)
    draw_all(driver)
    labels = (
        "[...document.querySelectorAll('.plot')].map(p => {"
        " const ticks = [...p.querySelectorAll('text.tick')];"
        " const low = Math.max(...ticks.map(t => +t.getAttribute('y')));"
        " return ticks.filter(t => +t.getAttribute('y') === low).map(t => +t.textContent.replace('k', '000')); })"
    )
    before = ask(driver, labels)
    assert all(max(ticks) >= 4000 for ticks in before)
    plot = driver.find_element(By.CSS_SELECTOR, ".plot")
    plot_width = plot.size["width"]
    ActionChains(driver).move_to_element_with_offset(plot, -plot_width // 4, 0).click_and_hold().move_by_offset(
        plot_width // 4, 0
    ).release().perform()
    pause(driver)
    zoomed = ask(driver, labels)
    assert len(zoomed) == len(before)
    assert all(min(ticks) >= 1000 and max(ticks) <= 2700 for ticks in zoomed)
    assert driver.find_element(By.CSS_SELECTOR, ".tools .all").is_enabled()
    ActionChains(driver).double_click(plot).perform()
    pause(driver)
    assert ask(driver, labels) == before


def test_the_cursor_shows_the_values_of_all_plots(show: Show) -> None:
    driver = show(html.render(Analysis((overfitting(),))), height=2000)
    draw_all(driver)
    ActionChains(driver).move_to_element(driver.find_element(By.CSS_SELECTOR, ".plot")).perform()
    pause(driver)
    values = ask(driver, "[...document.querySelectorAll('.key .value')].map(v => v.textContent)")
    assert len(values) == 6
    assert all(re.fullmatch(r"\d[\d.e-]*", value) for value in values)


def test_a_plot_can_be_read_with_the_keyboard_alone(show: Show) -> None:
    driver = show(html.render(Analysis((overfitting(),))))
    plot = driver.find_element(By.CSS_SELECTOR, ".plot")
    driver.execute_script("arguments[0].focus()", plot)
    ActionChains(driver).send_keys(Keys.HOME, Keys.ARROW_RIGHT).perform()
    pause(driver)
    said = ask(driver, "document.getElementById('said').textContent")
    assert re.match(r"step \d+: train_loss [\d.]+, val_loss [\d.]+", said)
    ActionChains(driver).send_keys("+").perform()
    pause(driver)
    assert driver.find_element(By.CSS_SELECTOR, ".tools .all").is_enabled()
    ActionChains(driver).send_keys("0").perform()
    pause(driver)
    assert not driver.find_element(By.CSS_SELECTOR, ".tools .all").is_enabled()


def test_raw_smoothed_scale_and_slider_change_what_is_drawn(show: Show) -> None:
    driver = show(html.render(Analysis((overfitting(),))))
    drawn = "['faint', 'full'].map(c => document.querySelectorAll(`.plot path.${c}:not(.dots)`).length)"
    line = "document.querySelectorAll('.plot path.full.t-train')[0].getAttribute('d')"
    note = "document.querySelector('figcaption small').textContent"

    def box(label: str) -> WebElement:
        return driver.find_element(By.XPATH, f"//label[contains(., '{label}')]/input")

    draw_all(driver)
    both = ask(driver, drawn)
    assert both[0] > 0
    box("raw").click()
    pause(driver)
    assert ask(driver, drawn) == [0, both[1]]
    box("raw").click()
    pause(driver)
    judged = ask(driver, line)
    driver.execute_script(
        "const s = document.querySelector('input[type=range]'); s.value = 0.95; s.dispatchEvent(new Event('input'))"
    )
    pause(driver)
    assert ask(driver, line) != judged
    driver.find_element(By.XPATH, "//button[.='as judged']").click()
    pause(driver)
    assert ask(driver, line) == judged
    for scale, says in (("log", True), ("linear", False)):
        Select(driver.find_element(By.XPATH, "//label[contains(., 'scale')]/select")).select_by_value(scale)
        pause(driver)
        assert ("log scale" in ask(driver, note)) is says


def test_the_slider_is_the_moving_average_of_tensorboard(show: Show) -> None:
    """Debiased: sum of w^(n-i) (1-w) y_i over 1 - w^n, computed here as the plain weighted mean."""
    steps, values = list(range(0, 60, 10)), [5.0, 3.0, 2.0, 4.0, 1.0, 0.5]
    driver = show(html.render(Analysis((report("plain", "healthy", curves=(curve("train_loss", steps, values),)),))))
    driver.execute_script(
        "const s = document.querySelector('input[type=range]'); s.value = 0.6; s.dispatchEvent(new Event('input'))"
    )
    pause(driver)
    plot = driver.find_element(By.CSS_SELECTOR, ".plot")
    driver.execute_script("arguments[0].focus()", plot)
    ActionChains(driver).send_keys(Keys.END).perform()
    pause(driver)
    weights = [0.6 ** (5 - i) for i in range(6)]
    expected = sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)
    shown = float(ask(driver, "document.querySelector('.key .value').textContent"))
    assert shown == pytest.approx(expected, rel=1e-3)


def test_the_axis_can_count_epochs_or_hours(show: Show) -> None:
    clocks = (Clock("epoch", (0.0, 2000.0), (0.0, 10.0)), Clock("hours", (0.0, 1000.0, 2000.0), (0.0, 1.0, 5.0)))
    driver = show(html.render(Analysis((replace(healthy(), clocks=clocks),))))
    axis = Select(driver.find_element(By.XPATH, "//label[contains(., 'axis')]/select"))
    middle = "document.querySelector('.plot .best').getAttribute('cx')"
    assert [option.text for option in axis.options] == ["step", "epoch", "hours"]
    by_step = float(ask(driver, middle))
    axis.select_by_value("epoch")
    pause(driver)
    assert float(ask(driver, middle)) == pytest.approx(by_step, abs=1)  # epochs run evenly with steps
    axis.select_by_value("hours")
    pause(driver)
    assert float(ask(driver, middle)) < by_step - 20
    assert "by hours" in ask(driver, "document.querySelector('figcaption small').textContent")


def test_text_in_a_plot_keeps_its_size_on_a_narrow_screen(show: Show) -> None:
    sizes = []
    for width in (360, 1280):
        driver = show(html.render(Analysis((overfitting(),))), width=width)
        sizes.append(ask(driver, "document.querySelector('.plot text.tick').getBoundingClientRect().height"))
    assert sizes[0] == pytest.approx(sizes[1], abs=1)


@pytest.mark.parametrize("width", [360, 1280])
def test_the_tick_labels_of_an_axis_do_not_touch(show: Show, width: int) -> None:
    driver = show(html.render(everything()), width=width)
    for address in addresses(driver):
        open_run(driver, address)
        draw_all(driver)
        overlaps = ask(
            driver,
            "[...document.querySelectorAll('.plot')].filter(plot => {"
            " const boxes = [...plot.querySelectorAll('text.tick')].map(t => t.getBoundingClientRect());"
            " return boxes.some((a, i) => boxes.some((b, j) => i < j && a.left < b.right && b.left < a.right"
            " && a.top + 2 < b.bottom && b.top + 2 < a.bottom)); }).length",
        )
        assert overlaps == 0, address


@pytest.mark.parametrize("width", [360, 390, 768, 1280])
@pytest.mark.parametrize("kind", ["everything", "hostile", "sweep"])
def test_the_page_never_scrolls_sideways(show: Show, width: int, kind: str) -> None:
    made = {"everything": everything, "hostile": all_situations, "sweep": a_sweep}[kind]()
    driver = show(html.render(made), width=width)
    assert ask(driver, "document.documentElement.scrollWidth") <= width
    for address in addresses(driver)[:8]:
        open_run(driver, address)
        driver.execute_script("document.querySelectorAll('details').forEach(part => part.open = true)")
        assert ask(driver, "document.documentElement.scrollWidth") <= width, address


def test_nothing_jumps_while_the_page_is_scrolled(show: Show) -> None:
    driver = show(html.render(Analysis((layers(), overfitting()))), at="#run-resnet18-adamw")
    driver.execute_script(
        "window.shift = 0;"
        "new PerformanceObserver(list => { for (const e of list.getEntries()) window.shift += e.value })"
        ".observe({type: 'layout-shift', buffered: true})"
    )
    draw_all(driver)
    assert ask(driver, "window.shift") < 0.01


def test_the_dark_scheme_is_followed_and_can_be_overruled(show: Show) -> None:
    def paper() -> str:
        return str(ask(driver, "getComputedStyle(document.body).backgroundColor"))

    driver = show(html.render(everything()))
    light = paper()
    driver = show(html.render(everything()), dark=True)
    dark = paper()
    assert light != dark
    button = driver.find_element(By.ID, "theme")
    button.click()
    assert (button.text, paper()) == ("Theme: light", light)
    button.click()
    assert (button.text, paper()) == ("Theme: dark", dark)


def test_paper_is_white_whatever_the_screen_was(show: Show) -> None:
    driver = show(html.render(everything()), dark=True)
    scheme = [{"name": "prefers-color-scheme", "value": "dark"}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": scheme})
    assert ask(driver, "getComputedStyle(document.body).color") == "rgb(29, 33, 38)"


def test_on_paper_the_overview_is_followed_by_its_runs_with_all_curves(show: Show) -> None:
    driver = show(html.render(everything()))
    driver.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert ask(driver, "document.querySelectorAll('article.run').length") == len(everything())
    curves = sum(bool(c.step) for run in everything() for c in run.curves)
    assert ask(driver, "document.querySelectorAll('article.run .plot path.full').length") >= curves
    driver.execute_script("dispatchEvent(new Event('afterprint'))")
    assert ask(driver, "document.querySelectorAll('article.run').length") == 0


VISIBLE = "[...document.querySelectorAll('table.runs tbody tr')].map(r => r.querySelector('th').textContent)"


def test_the_table_can_be_filtered_by_state_and_by_word(show: Show) -> None:
    driver = show(html.render(many()))
    assert len(ask(driver, VISIBLE)) == 1 + 15  # five runs differ in their seed alone
    driver.find_element(By.XPATH, "//label[contains(., 'repeats')]/input").click()
    assert len(ask(driver, VISIBLE)) == 20
    driver.find_element(By.CSS_SELECTOR, "#filter button[data-state=healthy]").click()
    assert len(ask(driver, VISIBLE)) == 15
    driver.find_element(By.CSS_SELECTOR, "#filter input").send_keys("run-01")
    assert len(ask(driver, VISIBLE)) == 5
    assert driver.find_element(By.CSS_SELECTOR, "#filter output").text == "5 of 20 runs"


def test_the_table_can_be_filtered_by_a_setting(show: Show) -> None:
    driver = show(html.render(a_sweep()))
    driver.find_element(By.CSS_SELECTOR, "#filter input[type=search]").send_keys("optimizer.lr=0.03")
    assert driver.find_element(By.CSS_SELECTOR, "#filter output").text == "9 of 36 runs"


def test_the_table_is_sorted_up_then_down_then_as_it_was(show: Show) -> None:
    runs = tuple(
        report(name, "healthy", best=Best("val_loss", 10.0, value))
        for name, value in (("b10", 0.3), ("b9", 0.1), ("a", 0.2))
    )
    driver = show(html.render(Analysis((*runs, report("no-best", "healthy")))))
    orders = []
    for _ in range(3):
        driver.find_element(By.XPATH, "//thead//button[contains(., 'best')]").click()
        orders.append(ask(driver, VISIBLE))
    assert orders == [
        ["b9", "a", "b10", "no-best"],
        ["b10", "a", "b9", "no-best"],  # what is absent comes last either way
        ["b10", "b9", "a", "no-best"],
    ]
    driver.find_element(By.XPATH, "//thead//button[contains(., 'run')]").click()
    assert ask(driver, VISIBLE) == ["a", "b9", "b10", "no-best"]
    assert ask(driver, "document.querySelector('thead th[aria-sort=ascending]').textContent").startswith("run")


def test_repeats_are_one_line_with_mean_and_spread_that_opens(show: Show) -> None:
    driver = show(html.render(a_sweep()))
    assert len(ask(driver, VISIBLE)) == 12
    best = [r.best.value for r in a_sweep() if r.name.startswith("sweep/lr0.03-wd0.01")]
    row = driver.find_element(By.XPATH, "//tbody/tr[contains(., 'lr 0.03, weight_decay 0.01')]")
    assert f"{np.mean(best):.3g}" in row.text
    assert f"± {np.std(best, ddof=1):.2g} (3)" in row.text
    row.find_element(By.CSS_SELECTOR, ".unfold").click()
    assert len(ask(driver, VISIBLE)) == 15


def test_runs_are_grouped_by_a_setting(show: Show) -> None:
    driver = show(html.render(a_sweep()))
    Select(driver.find_element(By.CSS_SELECTOR, "#filter select")).select_by_value("optimizer.lr")
    heads = ask(driver, "[...document.querySelectorAll('tr.group th')].map(t => t.textContent)")
    assert [re.match(r"optimizer\.lr = ([\d.]+) 9 runs", head)[1] for head in heads] == ["0.003", "0.01", "0.03", "0.3"]  # type: ignore[index]
    assert "critical 9" in heads[3]


def test_the_settings_are_drawn_and_the_one_that_separates_is_named(show: Show) -> None:
    driver = show(html.render(a_sweep()))
    draw_all(driver)
    assert (
        "optimizer.lr from 0.3 up: 9 of 9 runs with findings" in driver.find_element(By.CSS_SELECTOR, ".separates").text
    )
    assert ask(driver, "document.querySelectorAll('.scatter .dot').length") == 36
    assert ask(driver, "document.querySelectorAll('.marginal').length") == 3
    driver.execute_script("document.querySelector('.scatter .dot').dispatchEvent(new MouseEvent('click'))")
    WebDriverWait(driver, 5).until(lambda d: ask(d, "Boolean(document.querySelector('article.run'))"))


def test_chosen_runs_are_drawn_together(show: Show) -> None:
    driver = show(html.render(many(2, 3)))
    for box in driver.find_elements(By.CSS_SELECTOR, ".pick input")[:3]:
        box.click()
    WebDriverWait(driver, 5).until(
        lambda d: ask(d, "document.querySelectorAll('.overlay path.full').length") == 2 + 1 + 1
    )
    Select(driver.find_element(By.CSS_SELECTOR, ".overlay select")).select_by_value("train_loss")
    WebDriverWait(driver, 5).until(lambda d: "train_loss" in ask(d, "document.querySelector('.overlay b').textContent"))
    driver.find_element(By.XPATH, "//div[@class='overlay']//button[.='clear']").click()
    assert ask(driver, "document.querySelector('.overlay').childElementCount") == 0


def test_the_fix_is_copied_for_the_framework_that_was_chosen(show: Show) -> None:
    fix = Fix("Lower it.", "", {"kind": "set_precision", "precision": "bf16"})
    run = replace(overfitting(), diagnoses=(replace(overfitting().diagnoses[0], fixes=(fix, fix)),))
    driver = show(html.render(Analysis((run,))))
    driver.execute_script("navigator.clipboard.writeText = text => { window.copied = text; return Promise.resolve(); }")
    driver.find_element(By.XPATH, "//button[.='Lightning']").click()
    driver.find_element(By.CSS_SELECTOR, ".first .copy").click()
    WebDriverWait(driver, 5).until(lambda d: ask(d, "window.copied") is not None)
    assert ask(driver, "window.copied") == 'trainer = L.Trainer(precision="bf16-mixed")'
    codes = ask(driver, "[...document.querySelectorAll('pre')].map(p => p.textContent)")
    assert codes == ['trainer = L.Trainer(precision="bf16-mixed")'] * 2


def test_a_link_to_a_diagnosis_opens_its_run_and_unfolds_it(show: Show) -> None:
    driver = show(html.render(everything()), at="#run-resnet18-adamw/over-confidence")
    assert ask(driver, "document.getElementById('run-resnet18-adamw/over-confidence').open") is True
    assert ask(driver, "window.scrollY") > 0
    assert ask(driver, "document.title").startswith("resnet18-adamw: warning")
    assert driver.get_log("browser") == []


def test_a_run_is_opened_from_the_table_and_left_again(show: Show) -> None:
    driver = show(html.render(many(5, 30)))
    link = driver.find_element(By.PARTIAL_LINK_TEXT, "run-007")
    link.click()
    WebDriverWait(driver, 5).until(lambda d: ask(d, "Boolean(document.getElementById('run-run-007'))"))
    assert ask(driver, "document.getElementById('overview').hidden") is True
    assert ask(driver, "document.activeElement.id") == "run-run-007-name"
    driver.find_element(By.PARTIAL_LINK_TEXT, "next:").click()
    WebDriverWait(driver, 5).until(lambda d: ask(d, "Boolean(document.getElementById('run-run-008'))"))
    driver.back()
    driver.back()
    WebDriverWait(driver, 5).until(lambda d: ask(d, "!document.getElementById('overview').hidden"))
    assert ask(driver, "document.querySelectorAll('article.run').length") == 0


def test_a_link_to_nowhere_does_no_harm(show: Show) -> None:
    driver = show(html.render(everything()), at="#%E0%A4%A")
    assert driver.get_log("browser") == []
    assert driver.find_element(By.ID, "theme").is_displayed()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("analysis", [everything(), a_sweep(), Analysis(())], ids=["everything", "sweep", "nothing"])
def test_axe_finds_no_serious_fault(show: Show, analysis: Analysis, dark: bool) -> None:
    if AXE is None:
        pytest.skip("needs axe-core: npm install -g axe-core")
    driver = show(html.render(analysis), dark=dark)
    for address in ("", *addresses(driver)[:5]):
        if address:
            open_run(driver, address)
        driver.execute_script("document.querySelectorAll('details').forEach(part => part.open = true)")
        draw_all(driver)
        driver.execute_script(AXE.read_text(encoding="utf-8"))
        found = driver.execute_async_script("axe.run().then(arguments[0])")["violations"]
        assert [
            (v["id"], v["nodes"][0]["html"][:200]) for v in found if v["impact"] in ("serious", "critical")
        ] == [], address


def test_a_fragment_changes_nothing_around_it(show: Show) -> None:
    around = (
        "<!doctype html><meta charset=utf-8><body><h2 class=run>a</h2><table class=runs><tr><td class=best>b</table>"
        "<p class=summary>c</p><details class=card><summary>d</summary></details><button>e</button>{}"
    )
    look = (
        "[...document.querySelectorAll('body > :not(.curvedoc), body > :not(.curvedoc) *')]"
        ".map(e => JSON.stringify(Object.fromEntries([...getComputedStyle(e)]"
        ".filter(k => !/height|width|size|origin|inset|block|inline/.test(k)).map(k => [k, getComputedStyle(e)[k]]))))"
    )
    before = ask(show(around.format("")), look)
    after = ask(show(around.format(html.fragment(exploded()))), look)
    assert before == after
