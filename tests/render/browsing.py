"""How is a page opened in a real browser, asked and scrolled through?"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.support.ui import WebDriverWait

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
DRIVER = shutil.which("chromedriver")
NEEDED = pytest.mark.skipif(
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
