"""Does a real browser draw what was logged, and can its plots be read, zoomed and smoothed?"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select

from curvedoc.render import html
from curvedoc.report import Analysis, Clock, Report, Trend

from .browsing import NEEDED, Show, addresses, ask, draw_all, open_run, pause
from .situations import curve, everything, exploded, healthy, layers, overfitting, report

pytestmark = NEEDED


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
