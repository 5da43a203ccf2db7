"""Does a real browser show the page, ask for nothing, and leave a hostile log harmless?"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from curvedoc.render import html
from curvedoc.report import Analysis, Best, Fix

from .browsing import AXE, NEEDED, Show, addresses, ask, draw_all, open_run, requests
from .situations import a_sweep, all_situations, everything, exploded, layers, many, overfitting, report

pytestmark = NEEDED


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
