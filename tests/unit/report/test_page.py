"""The page on a file: it shows all findings, and no text of a file can become markup or a request.

golden/page.html is the page of a small broken file without its style. To regenerate it after an intended change:

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
# All tags that a page may have. None of them runs or loads anything.
TAGS = {"html", "head", "meta", "title", "style", "body", "main", "header", "footer", "section", "h1", "h2", "h3", "p",
        "div", "span", "strong", "code", "i", "ul", "li", "dl", "dt", "dd", "figure", "figcaption", "svg", "path",
        "rect", "table", "thead", "tbody", "tr", "th", "td"}  # fmt: skip
VOID = {"meta"}


class Page(HTMLParser):
    """The tags, attributes and text of a page; parsing fails if its tags are not balanced."""

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
    """Return the page without its style, one tag on each line, so that diffs are readable."""
    return re.sub(r"<style>.*?</style>", "<style></style>", html, flags=re.DOTALL).replace("><", ">\n<")


def golden_page() -> str:
    report = {"upload": "ABCDEFGHIJKLMNOPQRSTUVWX27", "key": f"raw/{NAME}", **read(BROKEN, NAME)}
    return without_style(render_page(report, NAME))


def test_the_page_equals_the_golden_file():
    assert golden_page() == GOLDEN.read_text()


def check(html: str) -> Page:
    page = Page(html)
    assert page.open == []
    # `title` is also an SVG tag: the browser shows it under the pointer.
    assert page.tags <= TAGS
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "href")]
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes
    assert "url(" not in html
    assert "@import" not in html
    return page


@pytest.mark.parametrize("name", BODIES)
def test_every_kind_of_file_has_a_page(name):
    report = read(BODIES[name])
    page = check(render_page(report, name))
    assert report["sha256"] in page.text
    assert ("Valid" if report["valid"] else "Invalid") in page.text
    for entry in report["errors"] + report["warnings"]:
        assert entry["code"] in page.text
        assert entry["message"] in page.text


@settings(deadline=None)
@given(st.data())
def test_no_text_of_a_file_becomes_markup(data):
    drawn = {
        "errors": data.draw(st.lists(entries, max_size=3)),
        "warnings": data.draw(st.lists(entries, max_size=2)),
        "key": data.draw(texts),
        "upload": data.draw(texts),
    }
    report = {**read(BODIES["short reads"]), **drawn}
    report["qc"] = {**report["qc"], "origin": data.draw(origins)}
    name = data.draw(texts)
    page = check(render_page(report, name))
    for text in [name, *(entry["record"] for entry in drawn["errors"] if entry["record"])]:
        shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text.replace("\n", " "))
        assert " ".join(shown.split()) in page.text


@pytest.mark.parametrize(
    ("name", "text"),
    [("rna", "Alphabet RNA: U (3) is read as T"), ("rna and dna", "Alphabet RNA and DNA: U (2) is read as T")],
)
def test_the_page_of_rna_says_so(name, text):
    page = Page(render_page(read(BODIES[name]), name)).text
    assert text in page
    assert "U is counted as T." in page


def test_the_page_of_dna_does_not_mention_rna_and_reports_of_earlier_versions_have_a_page():
    report = read(BODIES["fasta"])
    earlier = {**report, "qc": {key: value for key, value in report["qc"].items() if key not in ("alphabet", "uracil")}}
    assert render_page(earlier, "x") == render_page(report, "x")
    assert "RNA" not in Page(render_page(report, "x")).text


def test_findings_have_their_locations_and_advice():
    text = Page(golden_page()).text
    assert "Invalid" in text
    assert "<b>&amp;" in text
    for word in ("length_mismatch", "truncated", "Sequence and quality must be equally long."):
        assert word in text
    assert text.index("length_mismatch") < text.index("Figures")


def test_the_page_of_a_rejected_upload_says_rejected_even_if_the_file_is_valid():
    rejection = {"errors": [dict.fromkeys(("record", "number", "line", "byte"))
                          | {"code": "too_many_windows", "message": "too many", "advice": "split"}],
               "counts": {"too_many_windows": 1}}  # fmt: skip
    text = Page(render_page(read(BODIES["short reads"]), NAME, rejection)).text
    assert "Rejected" in text
    assert "too_many_windows" in text
    assert "Valid" not in text


@pytest.mark.parametrize(
    ("selection", "sentence"),
    [
        ({"records": 50, "taken": 50, "max_reads": None}, "All 50 records go to the analysis “reads”."),
        ({"records": 50, "taken": 9, "max_reads": 9, "seed": 4}, "A random sample of 9 of 50 records (seed 4) goes"),
        (
            {"records": 50, "taken": 50, "max_reads": None, "distinct": 7},
            "identical ones are scored once (7 distinct sequences)",
        ),
    ],
)
def test_the_page_describes_the_input_of_the_model(selection, sentence):
    report = {**read(BODIES["short reads"]), "selection": {"analysis": "reads", **selection}}
    assert sentence in Page(render_page(report, NAME)).text


def test_the_page_contains_no_sequence_and_no_quality():
    body = b"@a\n" + b"ACGTTGCAAC" * 5 + b"\n+\n" + b"FGHFGHFGHF" * 5 + b"\n@b\nACGTTGCAAC\n+\nFGHF\n"
    html = render_page(read(body), NAME)
    assert "ACGTT" not in html
    assert "FGHF" not in html


if __name__ == "__main__":
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(golden_page())
