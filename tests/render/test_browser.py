"""Does a real browser show the page, ask for nothing, and leave a hostile log harmless?"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from curvedoc.render import html
from curvedoc.report import Analysis

from .situations import all_situations, everything, exploded, many, overfitting

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    BROWSER is None or DRIVER is None, reason="needs chromium and chromedriver: apt install chromium chromium-driver"
)
FLAGS = (
    "headless=new no-sandbox disable-gpu disable-quic no-first-run disable-background-networking "
    "disable-component-update disable-sync disable-dev-shm-usage hide-scrollbars"
)

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

    def opened(source: str, *, width: int = 1280, dark: bool = False, at: str = "") -> webdriver.Chrome:
        screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
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


def requests(driver: webdriver.Chrome) -> list[str]:
    """Every address that the page asked for."""
    events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]


@pytest.mark.parametrize("analysis", [everything(), all_situations()], ids=["everything", "hostile"])
def test_nothing_is_asked_for_and_nothing_goes_wrong(show: Show, analysis: Analysis) -> None:
    driver = show(html.render(analysis))
    driver.execute_script("document.querySelectorAll('details').forEach(part => part.open = true)")
    assert [url for url in requests(driver) if not url.startswith("file:")] == []
    assert driver.get_log("browser") == []
    assert ask(driver, "document.querySelectorAll('article.run').length") == len(analysis)


def test_a_hostile_log_runs_no_script(show: Show) -> None:
    driver = show(html.render(all_situations()))
    assert ask(driver, "typeof window.pwned") == "undefined"
    assert ask(driver, "document.scripts.length") == 1
    assert ask(driver, "document.images.length") == 0


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
def test_every_curve_is_really_drawn(show: Show, width: int) -> None:
    driver = show(html.render(everything()), width=width)
    boxes = ask(
        driver,
        "[...document.querySelectorAll('.plot path.full')].filter(p => p.getAttribute('d').length > 40)"
        ".map(p => p.getBoundingClientRect()).map(b => [b.width, b.height])",
    )
    assert len(boxes) > 15
    assert all(box[0] > 50 for box in boxes)
    assert sum(box[1] > 10 for box in boxes) > len(boxes) / 2
    colours = ask(driver, "[...document.querySelectorAll('.plot path.full')].map(p => getComputedStyle(p).stroke)")
    assert "none" not in colours


def test_text_in_a_plot_keeps_its_size_on_a_narrow_screen(show: Show) -> None:
    sizes = []
    for width in (360, 1280):
        driver = show(html.render(Analysis((overfitting(),))), width=width)
        sizes.append(ask(driver, "document.querySelector('.plot text.tick').getBoundingClientRect().height"))
    assert sizes[0] == pytest.approx(sizes[1], abs=1)


def test_the_tick_labels_of_an_axis_do_not_touch_on_a_narrow_screen(show: Show) -> None:
    driver = show(html.render(everything()), width=360)
    overlaps = ask(
        driver,
        "[...document.querySelectorAll('.plot')].filter(plot => {"
        " const boxes = [...plot.querySelectorAll('text.tick')].map(t => t.getBoundingClientRect());"
        " return boxes.some((a, i) => boxes.some((b, j) => i < j && a.left < b.right && b.left < a.right"
        " && a.top + 2 < b.bottom && b.top + 2 < a.bottom)); }).length",
    )
    assert overlaps == 0


@pytest.mark.parametrize("width", [360, 390, 768, 1280])
@pytest.mark.parametrize("kind", ["everything", "hostile"])
def test_the_page_never_scrolls_sideways(show: Show, width: int, kind: str) -> None:
    driver = show(html.render(everything() if kind == "everything" else all_situations()), width=width)
    driver.execute_script("document.querySelectorAll('details').forEach(part => part.open = true)")
    assert ask(driver, "document.documentElement.scrollWidth") <= width


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


def test_the_table_can_be_filtered_by_state_and_by_word(show: Show) -> None:
    driver = show(html.render(many()))
    visible = "[...document.querySelectorAll('table.runs tbody tr')].filter(r => r.offsetParent !== null).length"
    assert ask(driver, visible) == 20
    driver.find_element(By.CSS_SELECTOR, "#filter button[data-state=healthy]").click()
    assert ask(driver, visible) == 15
    driver.find_element(By.CSS_SELECTOR, "#filter input").send_keys("run-01")
    assert ask(driver, visible) == 5
    assert driver.find_element(By.CSS_SELECTOR, "#filter output").text == "5 of 20 runs"


def test_a_link_to_a_folded_diagnosis_opens_it(show: Show) -> None:
    driver = show(html.render(everything()), at="#run-resnet18-adamw/over-confidence")
    assert ask(driver, "document.getElementById('run-resnet18-adamw/over-confidence').open") is True
    assert ask(driver, "window.scrollY") > 0
    assert driver.get_log("browser") == []


def test_a_link_to_a_folded_run_opens_it(show: Show) -> None:
    driver = show(html.render(many(5, 30)))
    driver.find_element(By.LINK_TEXT, "run-007").click()
    top = ask(driver, "document.getElementById('run-run-007').getBoundingClientRect().top")
    assert ask(driver, "document.querySelector('details.quiet').open") is True
    assert 0 <= top < 100


def test_a_link_to_nowhere_does_no_harm(show: Show) -> None:
    driver = show(html.render(everything()), at="#%E0%A4%A")
    assert driver.get_log("browser") == []
    assert driver.find_element(By.ID, "theme").is_displayed()


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
