"""Every link, anchor and path in the documentation exists, and the README links to every page."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.unit.docs.pages import REPOSITORY, SPAN, find_anchors, find_links, list_pages, read, strip_fences

# docs/architecture.md names folders and modules without this path, as in `stages/archive/`.
PACKAGE = "layers/seqdrop/seqdrop"
TOP = (
    "benchmarks",
    "cli",
    "docs",
    "events",
    "findings",
    "functions",
    "layers",
    "local",
    "model_code",
    "tests",
    "tools",
)
PATH = re.compile(rf"^(?:{'|'.join(TOP)})/[\w./-]+$")
README_LINES = 150


@pytest.mark.parametrize("page", list_pages(), ids=str)
def test_every_relative_link_and_anchor_resolves(page):
    for path, anchor in find_links(read(page)):
        target = (REPOSITORY / page.parent / path).resolve() if path else REPOSITORY / page
        assert target.exists(), f"{page} links to {path}, which does not exist"
        if anchor:
            assert anchor in find_anchors(target.read_text()), f"{page} links to {path}#{anchor}: no such heading"


@pytest.mark.parametrize("page", [page for page in list_pages() if page.name != "CHANGELOG.md"], ids=str)
def test_every_path_in_backticks_exists(page):
    ignored = ("local/sagemaker",) if page.parts[0] == "local" else ()
    for span in SPAN.findall(strip_fences(read(page))):
        path = span.partition("::")[0].rstrip("/")
        if PATH.match(path) and not path.startswith(ignored) and "*" not in path:
            assert (REPOSITORY / path).exists(), f"{page} names {span}, which does not exist"


def test_every_path_of_the_package_in_the_architecture_exists():
    text = read(REPOSITORY / "docs/architecture.md")
    folders = {path.name for path in (REPOSITORY / PACKAGE).iterdir() if path.is_dir()}
    for span in SPAN.findall(strip_fences(text)):
        if span.split("/")[0] in folders and "/" in span and re.fullmatch(r"[\w./]+", span):
            assert (REPOSITORY / PACKAGE / span).exists(), span


def test_every_test_that_the_embedded_aws_names_exists():
    """local/README.md names the test of each difference from AWS."""
    tests = "".join(path.read_text() for path in (REPOSITORY / "tests").rglob("test_*.py"))
    for span in SPAN.findall(strip_fences(read(REPOSITORY / "local/README.md"))):
        if name := re.search(r"\b(test_\w+|Test\w+)$", span):
            assert re.search(rf"(def|class) {name[1]}\b", tests), f"local/README.md names {span}"


def test_every_module_that_the_embedded_aws_names_exists():
    for span in SPAN.findall(strip_fences(read(REPOSITORY / "local/README.md"))):
        if re.fullmatch(r"(sagemaker/)?[a-z_]+\.py", span):
            assert list((REPOSITORY / "local").rglob(span.rpartition("/")[2])), span


@pytest.mark.parametrize("page", list_pages(), ids=str)
def test_no_page_has_conflict_markers(page):
    assert not re.search(r"^(<{7}|={7}|>{7})( |$)", read(page), re.MULTILINE)


def test_the_readme_is_short_and_links_to_every_page():
    text = read(REPOSITORY / "README.md")
    assert len(text.splitlines()) <= README_LINES
    reached = {path for path, _ in find_links(text)}
    pages = {page.as_posix() for page in list_pages() if page.parts[0] == "docs" and page.parts[1] != "adr"}
    assert sorted(pages - reached) == []


def test_the_index_of_decisions_lists_each_with_its_status():
    index = read(REPOSITORY / "docs/adr/README.md")
    records = sorted((REPOSITORY / "docs/adr").glob("0*.md"))
    assert [path.name for path in records] == re.findall(r"\((\d{4}-[\w-]+\.md)\)", index)
    for number, path in enumerate(records, 1):
        text = path.read_text()
        assert text.startswith(f"# {number}. ")
        assert re.search(r"^Date: \d{4}-\d\d-\d\d\. Status: \w+", text, re.MULTILINE)
        assert re.findall(r"^## (\w+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]


def test_the_index_of_findings_lists_every_script():
    scripts = {path.name for path in (REPOSITORY / "findings").glob("*.sh")}
    assert set(re.findall(r"^\| `([\w-]+\.sh)` \|", read(REPOSITORY / "findings/README.md"), re.MULTILINE)) == scripts


def test_pages_use_the_vocabulary():
    command = [sys.executable, "-m", "tools.vocabulary", "README.md", "CONTRIBUTING.md", "SECURITY.md", "docs"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("# A `b` (c)\n", {"a-b-c"}),
        ("# Not tried\n## Not tried\n", {"not-tried", "not-tried-1"}),
        ("```\n# no heading\n```\n", set()),
        ("## No patients' names in keys\n", {"no-patients-names-in-keys"}),
    ],
)
def test_anchors_are_those_of_github(text, names):
    assert find_anchors(text) == names
