"""Takes the pictures of the README: `python -m tests.screenshots` writes .github/*.png from the sample logs."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
import tempfile
import time
from html import escape
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from tests.render.browsing import BROWSER, DRIVER, FLAGS

ROOT = Path(__file__).parent.parent
PLACE = ROOT / ".github"
MOST = 300_000  # bytes: a README is read over slow lines, and every version of a picture stays in the history
#: Name of the picture, address on the page, width, height, dark.
SHOTS = (
    ("overview", "", 1280, 900, False),
    ("run", "#run-decay-too-early-lightning-logs-version-0", 1180, 1320, False),
    ("run-dark", "#run-nan-explosion", 1180, 1030, True),
    ("narrow", "#run-overfitting", 390, 844, False),
)
#: The colours of a terminal for the codes that curvedoc prints.
SGR = {"1": "font-weight:700", "2": "color:#8b949e", "31": "color:#ff7b72", "32": "color:#7ee787",
       "33": "color:#e3b341", "34": "color:#79c0ff", "36": "color:#76e3ea", "35": "color:#d2a8ff"}  # fmt: skip


def main() -> None:
    """Judge the sample logs once, take every picture, say how large it is."""
    PLACE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        terminal = Path(folder) / "terminal.html"
        curvedoc("analyze", "sample_logs", "-q", "--html", str(page))
        said = curvedoc("analyze", "sample_logs/plateau-needs-decay", "-q", "--color", "always")
        terminal.write_text(screen("curvedoc analyze sample_logs/plateau-needs-decay", said), encoding="utf-8")
        driver = browser(folder)
        try:
            for name, at, width, height, dark in SHOTS:
                take(driver, page.as_uri() + at, name, (width, height), dark=dark)
            take(driver, terminal.as_uri(), "terminal", (760, 100), dark=True)
        finally:
            driver.quit()


def curvedoc(*words: str) -> str:
    """What a call prints at the top of the checkout, on a terminal of 86 columns."""
    environment = {**os.environ, "COLUMNS": "86"}
    environment.pop("NO_COLOR", None)
    call = [sys.executable, "-m", "curvedoc", *words]
    return subprocess.run(call, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout


def browser(folder: str) -> webdriver.Chrome:
    options = webdriver.ChromeOptions()
    options.binary_location = str(BROWSER)
    for flag in (*FLAGS.split(), f"user-data-dir={folder}/profile"):
        options.add_argument(f"--{flag}")
    return webdriver.Chrome(options=options, service=Service(str(DRIVER)))


def take(driver: webdriver.Chrome, address: str, name: str, size: tuple[int, int], *, dark: bool) -> None:
    """One picture; a height of 100 stands for that of the page."""
    width, height = size
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    screen_size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen_size)
    driver.get("about:blank")
    driver.get(address)
    if height == 100:
        height = int(driver.execute_script("return document.documentElement.scrollHeight"))
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen_size | {"height": height})
    time.sleep(1.0)
    shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
    data = base64.b64decode(shot["data"])
    if len(data) > MOST:
        sys.exit(f"{name}.png has {len(data)} bytes, {MOST} are the most")
    (PLACE / f"{name}.png").write_bytes(data)
    print(f".github/{name}.png {width}x{height}, {len(data) / 1000:.0f} kB")


def screen(command: str, said: str) -> str:
    """A terminal's text with its colours as a page."""
    parts, inside = [], False
    for piece in re.split(r"(\x1b\[[\d;]*m)", said.rstrip("\n")):
        code = re.fullmatch(r"\x1b\[([\d;]*)m", piece)
        if code is None:
            parts.append(escape(piece))
            continue
        parts.append("</span>" if inside else "")
        styles = [SGR[c] for c in code[1].split(";") if c in SGR]
        inside = bool(styles)
        parts.append(f'<span style="{";".join(styles)}">' if inside else "")
    style = "margin:0;padding:18px 22px;background:#0d1117;color:#e6edf3;font:14px/1.45 'DejaVu Sans Mono',monospace"
    text = "".join(parts) + ("</span>" if inside else "")
    top = '<!doctype html><meta charset=utf-8><body style="margin:0">'
    return f'{top}<pre style="{style}">$ {escape(command)}\n\n{text}</pre>'


if __name__ == "__main__":
    main()
