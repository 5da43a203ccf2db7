"""A browser for the tests of this directory, started once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from .browsing import BROWSER, DRIVER, FLAGS, Show


@pytest.fixture(scope="session")
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
