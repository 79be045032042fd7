"""The pages of runs: what they say, what they may contain, and how large they are.

golden/run.html is the page of a made-up run without its style. To regenerate it after an intended change:

    PYTHONPATH=. .venv/bin/python tests/unit/report/test_run_page.py
"""

from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqdrop.report.run_page import ON_A_PAGE, page_name, render_run

from tests.support.html_checks import check_page, colours, contrast
from tests.support.run_documents import make_run
from tests.unit.report.samples import texts
from tests.unit.report.test_page import without_style

GOLDEN = Path(__file__).with_name("golden") / "run.html"


def golden_page() -> str:
    (page,) = render_run(make_run())
    return without_style(page)


def test_the_page_equals_the_golden_file():
    assert golden_page() == GOLDEN.read_text()


def test_the_page_says_each_thing_that_a_person_asks():
    page = check_page(render_run(make_run())[0])
    for text in (
        "Needs attention", "Sample_003", "no file of it came", "missing: L002 R2", "its files have no reads",
        "Of plan", "planned are 1.5 Gb for each",  # yield against plan
        "GGGGGGGG+AGATCTCG", "31,204", "62.4 %",  # unknown barcodes
        "20.0 % of the bytes of all reads, above 10.0 %", "Sample_001 R2",
        "10 of 10 listed files have the checksum",
        "CopyComplete.txt", "2026-01-07 12:00 UTC",  # which marker said what, and when
        "Expected false", "4 to 9", "dnabert", "abababababababab",
        "Cost so far", "$ 6.82", "Restore", "$ 2.50", "seqdrop:run = TAG",
        "seqdrop fetch runs/20260105_LH00999_0012_A22ABCDLT4/",
    ):  # fmt: skip
        assert text in page.text, text


def test_each_sample_links_to_the_pages_of_its_files():
    page = check_page(render_run(make_run(1))[0])
    links = [attributes["href"] for attributes in page.all("a") if "/reports/" in attributes["href"]]
    assert links == [
        f"../../../reports/{'00001R1'.ljust(26, 'A')}.html",
        f"../../../reports/{'00001R2'.ljust(26, 'A')}.html",
    ]


@pytest.mark.parametrize("state", ["SEQUENCING", "COPYING", "COMPLETE", "FAILED", "ARCHIVED"])
def test_a_run_has_a_page_in_every_state_and_without_any_part(state):
    report = {"run": "R" * 26, "folder": "runs/r1/", "parts": [], "state": state, "cause": "Because.", "revision": 1}
    assert "Because." in check_page(render_run(report)[0]).text
    check_page(render_run(make_run(3, state, predicted=False))[0])
    check_page(render_run({"run": "R", "folder": "runs/r1/", "parts": []})[0])  # as its first part begins it


def test_reports_of_versions_without_verdicts_have_a_page():
    report = make_run(4, predicted=False)
    del report["thresholds"], report["markers"], report["predictions"], report["created_at"]
    for name in ("verdicts", "undetermined", "unknown_barcodes", "barcode_reads"):
        del report["parts"][0][name]
    for sample in report["parts"][0]["samples"]:
        for name in ("verdict", "reasons", "figures", "uploads"):
            del sample[name]
    assert "Sample_002" in check_page(render_run(report)[0]).text


def test_384_samples_are_one_page_of_at_most_3_mb_and_more_are_paged():
    (page,) = render_run(make_run(ON_A_PAGE))
    assert len(page.encode()) <= 3_000_000
    pages = render_run(make_run(2 * ON_A_PAGE + 1))
    assert len(pages) == 3
    assert all(len(each.encode()) <= 3_000_000 for each in pages)
    shown = [check_page(each) for each in pages]
    assert [f"Sample_{number:03d}" in page.text for page, number in zip(shown, (1, 385, 769), strict=True)] == [
        True
    ] * 3
    assert {"run-2.html", "run-3.html"} <= {attributes["href"] for attributes in shown[0].all("a")}
    assert page_name(1) == "run.html"


@settings(deadline=None)
@given(st.data())
def test_no_name_of_a_file_or_sample_becomes_markup(data):
    report = make_run(2)
    name = data.draw(texts)
    report["parts"][0]["samples"][0]["sample_id"] = name
    report["markers"][0]["name"] = report["rejected"][0]["name"] = report["instrument_name"] = data.draw(texts)
    report["cause"] = data.draw(texts)
    check_page(render_run(report)[0])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_has_enough_contrast_in_both_themes(theme):
    """WCAG 2.2, 1.4.3: at least 4.5 for text of this size, on every ground on which it is used."""
    package = files("seqdrop.report")
    palette = colours("".join(package.joinpath(sheet).read_text() for sheet in ("style.css", "run.css")))[theme]
    pairs = [(ink, ground) for ink in ("ink", "soft", "accent") for ground in ("paper", "card")]
    pairs += [("green", "tint-green"), ("amber", "tint-amber"), ("red", "tint-red"), ("accent", "tint-blue")]
    pairs += [("ink", f"tint-{colour}") for colour in ("green", "amber", "red", "blue")]
    low = {pair: round(contrast(palette[pair[0]], palette[pair[1]]), 2) for pair in pairs}
    assert {pair: ratio for pair, ratio in low.items() if ratio < 4.5} == {}


if __name__ == "__main__":
    GOLDEN.write_text(golden_page())
