"""Headless Chromium: pictures of a page, how wide it is, and what axe says of its accessibility."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.reviewers.programs import find_program

REPOSITORY = Path(__file__).parents[2]
AXE = REPOSITORY / ".npm-axe/node_modules/axe-core/axe.min.js"
NAMES = ("chromium", "chromium-browser", "google-chrome")
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
HEIGHT = 2400
VALIDATE = """
import html5lib, json, sys
try:
    html5lib.HTMLParser(strict=True).parse(sys.stdin.read())
except html5lib.html5parser.ParseError as error:
    print(json.dumps([str(error)]))
else:
    print("[]")
"""
DARK = "--blink-settings=preferredColorScheme=0"
REPORT = "<script>({script})().then(value => document.title = JSON.stringify(value));</script>"


def find_browser() -> str:
    """Return the path of Chromium; skip the test if there is none."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    pytest.skip("there is no Chromium (apt-get install chromium)")


def take_picture(page: str, width: int, theme: str, target: Path) -> bytes:
    """Return a PNG of a page in a frame of this width, which may be narrower than a window; `target` keeps it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    _run(_framed(page, width), target.with_suffix(".html"), theme, f"--window-size={max(width, 500)},{HEIGHT}",
         f"--screenshot={target}")  # fmt: skip
    return target.read_bytes()


def measure_width(page: str, width: int, folder: Path) -> int:
    """Return how wide a page is in a frame of this width: more than that if it must be scrolled to the side."""
    script = "async () => new Promise(done => { const frame = document.querySelector('iframe'); const look = () => \
done(frame.contentDocument.documentElement.scrollWidth); frame.contentDocument.readyState === 'complete' && \
frame.contentDocument.body?.children.length ? look() : frame.addEventListener('load', look); })"
    return _evaluate(_framed(page, width) + REPORT.replace("{script}", script), folder / "width.html", "light")


def find_barriers(page: str, theme: str, folder: Path) -> list[str]:
    """Return what axe finds at fault in a page, by its rules of WCAG 2.2 A and AA and its best practices.

    Skip the test without axe. The policy of the page is taken out, because it would refuse axe too.
    """
    if not AXE.is_file():
        pytest.skip("there is no .npm-axe; `make reviewers` makes it where there is npm")
    script = "async () => (await axe.run()).violations.map(each => `${each.id}: ${each.nodes[0].html}`)"
    code = f"<script>{AXE.read_text()}</script>" + REPORT.replace("{script}", script)
    return _evaluate(POLICY.sub("", page).replace("</body>", f"{code}</body>"), folder / "axe.html", theme)


def find_html_errors(page: str) -> list[str]:
    """Return the first deviation of a page from the HTML standard, by html5lib; skip the test without it."""
    python = find_program("html", "python")
    process = subprocess.run([python, "-c", VALIDATE], input=page, capture_output=True, text=True, check=True)
    errors: list[str] = json.loads(process.stdout)
    return errors


def _framed(page: str, width: int) -> str:
    style = f"border:0;width:{width}px;height:{HEIGHT}px"
    return (
        '<!doctype html><meta charset="utf-8"><body style="margin:0">'
        f'<iframe style="{style}" srcdoc="{html.escape(page)}"></iframe>'
    )


def _evaluate(text: str, file: Path, theme: str):
    """Return the value that the script of a page writes into its title as JSON."""
    printed = _run(text, file, theme, "--window-size=1200,900", "--virtual-time-budget=20000", "--dump-dom")
    titles = re.findall(r"<title>(.*?)</title>", printed, re.DOTALL)
    return json.loads(html.unescape(titles[0]))


def _run(text: str, file: Path, theme: str, *options: str) -> str:
    file.write_text(text)
    look = [DARK] if theme == "dark" else []
    command = [find_browser(), "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", *look, *options]
    return subprocess.run([*command, file.as_uri()], capture_output=True, text=True, timeout=120, check=True).stdout
