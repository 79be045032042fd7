"""The page on a file: it tells all that was found, and nothing in a file can become markup or a request.

golden/page.html is the page of a small broken file, less its style. After a change of the page on purpose:

    PYTHONPATH=. .venv/bin/python tests/unit/report/test_page.py
"""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqdrop.report.page import render_page

from tests.unit.report.samples import BODIES, BROKEN, entries, origins, read, texts

GOLDEN = Path(__file__).with_name("golden") / "page.html"
NAME = "S1 <R1>.fastq"
# All tags that a page is made of. None of them runs or fetches anything.
TAGS = {"html", "head", "meta", "title", "style", "body", "main", "header", "footer", "section", "h1", "h2", "h3", "p",
        "div", "span", "strong", "code", "i", "ul", "li", "dl", "dt", "dd", "figure", "figcaption", "svg", "path",
        "rect", "table", "thead", "tbody", "tr", "th", "td"}  # fmt: skip
VOID = {"meta"}


class Page(HTMLParser):
    """Tags, attributes and texts of a page, and whether its tags are balanced."""

    def __init__(self, html: str):
        super().__init__()
        self.tags, self.attributes, self.open, self.texts = set(), [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def without_style(html: str) -> str:
    """A tag a line, for a diff that can be read."""
    return re.sub(r"<style>.*?</style>", "<style></style>", html, flags=re.DOTALL).replace("><", ">\n<")


def golden_page() -> str:
    report = {"upload": "ABCDEFGHIJKLMNOPQRSTUVWX27", "key": f"raw/{NAME}", **read(BROKEN, NAME)}
    return without_style(render_page(report, NAME))


def test_the_page_is_that_of_the_golden_file():
    assert golden_page() == GOLDEN.read_text()


def check(html: str) -> Page:
    found = Page(html)
    assert found.open == []
    # `title` also stands in SVG, where it is told under the pointer.
    assert found.tags <= TAGS
    assert not [name for name, _ in found.attributes if name.startswith("on") or name in ("src", "href")]
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in found.attributes
    assert "url(" not in html
    assert "@import" not in html
    return found


@pytest.mark.parametrize("name", BODIES)
def test_every_kind_of_file_has_a_page(name):
    report = read(BODIES[name])
    found = check(render_page(report, name))
    assert report["sha256"] in found.text
    assert ("Valid" if report["valid"] else "Invalid") in found.text
    for one in report["errors"] + report["warnings"]:
        assert one["code"] in found.text
        assert one["message"] in found.text


@settings(deadline=None)
@given(st.data())
def test_no_text_of_a_file_becomes_markup(data):
    made_up = {
        "errors": data.draw(st.lists(entries, max_size=3)),
        "warnings": data.draw(st.lists(entries, max_size=2)),
        "key": data.draw(texts),
        "upload": data.draw(texts),
    }
    report = {**read(BODIES["short reads"]), **made_up}
    report["qc"] = {**report["qc"], "origin": data.draw(origins)}
    name = data.draw(texts)
    found = check(render_page(report, name))
    for text in [name, *(one["record"] for one in made_up["errors"] if one["record"])]:
        shown = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text.replace("\n", " "))
        assert " ".join(shown.split()) in found.text


def test_what_was_found_stands_with_its_places_and_advice():
    text = Page(golden_page()).text
    assert "Invalid" in text
    assert "<b>&amp;" in text
    for word in ("length_mismatch", "truncated", "Sequence and quality must be equally long."):
        assert word in text
    assert text.index("length_mismatch") < text.index("Figures")


def test_a_refused_upload_says_so_though_its_file_is_valid():
    refused = {"errors": [dict.fromkeys(("record", "number", "line", "byte"))
                          | {"code": "too_many_windows", "message": "too many", "advice": "split"}],
               "counts": {"too_many_windows": 1}}  # fmt: skip
    text = Page(render_page(read(BODIES["short reads"]), NAME, refused)).text
    assert "Rejected" in text
    assert "too_many_windows" in text
    assert "Valid" not in text


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"records": 50, "taken": 50, "max_reads": None}, "All 50 records go to the analysis “reads”."),
        ({"records": 50, "taken": 9, "max_reads": 9, "seed": 4}, "A random sample of 9 of 50 records (seed 4) goes"),
        ({"records": 50, "taken": 50, "max_reads": None, "distinct": 7}, "identical ones once: 7 distinct sequences"),
    ],
)
def test_what_the_model_sees(told, said):
    report = {**read(BODIES["short reads"]), "selection": {"analysis": "reads", **told}}
    assert said in Page(render_page(report, NAME)).text


def test_no_sequence_and_no_quality_is_on_the_page():
    body = b"@a\n" + b"ACGTTGCAAC" * 5 + b"\n+\n" + b"FGHFGHFGHF" * 5 + b"\n@b\nACGTTGCAAC\n+\nFGHF\n"
    html = render_page(read(body), NAME)
    assert "ACGTT" not in html
    assert "FGHF" not in html


if __name__ == "__main__":
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(golden_page())
