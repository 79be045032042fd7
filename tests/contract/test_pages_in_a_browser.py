"""The pages in headless Chromium: pictures in three widths and both themes, no scrolling to the side, axe is content.

The pages are those of a run that the demo drops, of a made-up run with every kind of verdict, and of a predicted file.
To look at the pictures, set SEQDROP_PICTURES to a folder.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
from seqdrop.report.run_page import render_run

from local.run_samples import write_novaseq_run
from tests.support import browser
from tests.support.run_documents import make_run
from tests.unit.stages.runs.conftest import read_folder
from tests.unit.stages.runs.world import NAME, RunWorld

pytestmark = pytest.mark.long

WIDTHS = (390, 820, 1280)
THEMES = ("light", "dark")


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, str]:
    """The pages by name. Those of the demo's run, its index and one of its files are as the stages wrote them."""
    with pytest.MonkeyPatch.context() as patch:
        world = RunWorld(patch)
        world.drop_all(read_folder(write_novaseq_run(tmp_path_factory.mktemp("run"))))
        world.wait(60)
    s3 = world.account.s3
    name = next(name for name in world.dropped if name.endswith("S1_S1_L001_R1_001.fastq.gz"))
    stored = {
        "run": f"runs/runs/{NAME}/run.html",
        "index": "runs/index.html",
        "file": f"reports/{world.dropped[name].id}.html",
    }
    pages = {page: s3.read("results", key).decode() for page, key in stored.items()}
    return pages | {"samples": render_run(make_run())[0]}


def folder_of(tmp_path: Path) -> Path:
    return Path(os.environ.get("SEQDROP_PICTURES", tmp_path))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["run", "samples", "index", "file"])
def test_pages_have_pictures_in_both_themes_and_fit_their_width(pages, name, width, tmp_path):
    pictures = {
        theme: browser.take_picture(pages[name], width, theme, folder_of(tmp_path) / f"{name}-{width}-{theme}.png")
        for theme in THEMES
    }
    for picture in pictures.values():
        assert struct.unpack(">II", picture[16:24]) == (max(width, 500), browser.HEIGHT)
        assert len(picture) > 20_000, "the picture is empty"
    assert pictures["light"] != pictures["dark"]
    assert browser.measure_width(pages[name], width, tmp_path) <= width


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", ["run", "samples", "index", "file"])
def test_axe_finds_no_barrier(pages, name, theme, tmp_path):
    browser.find_browser()
    assert browser.find_barriers(pages[name], theme, tmp_path) == []


@pytest.mark.parametrize("name", ["run", "samples", "index", "file"])
def test_pages_are_valid_html(pages, name):
    assert browser.find_html_errors(pages[name]) == []


def test_these_checks_find_what_is_planted(pages, tmp_path):
    page = pages["samples"]
    broken = page.replace("<h1>", '<h1><img src="x">').replace('class="brand"', 'style="color:#ddd"', 1)
    rules = {barrier.partition(":")[0] for barrier in browser.find_barriers(broken, "light", tmp_path)}
    assert rules >= {"image-alt", "color-contrast"}
    wide = page.replace("<h1>", '<h1 style="width:2000px">')
    assert browser.measure_width(wide, 390, tmp_path) > 2000
    assert "End tag (h2)" in browser.find_html_errors(page.replace("</h1>", "</h2>", 1))[0]
