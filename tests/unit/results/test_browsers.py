"""index.html, the session of IGV and the hub of UCSC: complete, of their documented form, and relative."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import PurePosixPath
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pybigtools
import pytest
from seqdrop.results.browsers import HUB, SESSION, SIZES, TWO_BIT
from seqdrop.results.index import BESIDE, INDEX, PURPOSES, make_index
from seqdrop.results.writer import SUMMARY, TYPES, Predictions, result_files, write_index, write_summary

from tests.unit.results.test_writer import CONTIGS, lines_of, provenance_of

RECORDS = {
    "ctg 1".replace(" ", "_"): [(0, 300, {"+": 0.9, "-": 0.2}), (300, 600, {"+": 0.1, "-": 0.8})],
    "chr2": [(0, 300, {"+": 0.4, "-": 0.3})],
}
# docs of UCSC, "Hub file", "Genomes file" and "Track database": the settings that each stanza must have.
REQUIRED = {
    "hub": {"hub", "shortLabel", "longLabel", "email", "useOneFile"},
    "genome": {"genome", "twoBitPath", "organism", "defaultPos"},
    "track": {"track", "bigDataUrl", "shortLabel", "longLabel", "type"},
}


class Page(HTMLParser):
    """The links of a page, and what it would load."""

    def __init__(self, text: str):
        super().__init__()
        self.links, self.loads, self.tags = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        values = dict(attributes)
        if tag == "a":
            self.links.append(unquote(values["href"]))
        self.loads += [values[name] for name in ("src", "srcset", "data") if name in values]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The files of an attempt at two contigs."""
    predictions = Predictions(CONTIGS, lines_of(RECORDS), provenance_of(CONTIGS))
    place = tmp_path_factory.mktemp("results")
    with result_files(predictions) as results:
        write_summary(predictions, results)
        write_index(predictions, results)
        for path in results.folder.iterdir():
            (place / path.name).write_bytes(path.read_bytes())
    return place


def test_the_page_links_to_every_file_and_each_is_there(folder):
    page = Page((folder / INDEX).read_text())
    names = {path.name for path in folder.iterdir()} - {INDEX}
    assert set(page.links) - set(BESIDE) == names
    assert names >= {SUMMARY, SESSION, HUB, SIZES, "calls.bed", "track.plus.bw"}
    assert names <= set(PURPOSES)


def test_the_page_loads_nothing_and_has_no_script(folder):
    text = (folder / INDEX).read_text()
    page = Page(text)
    assert page.loads == []
    assert not {"script", "link", "iframe", "img"} & set(page.tags)
    assert "url(" not in text
    assert text.startswith("<!doctype html>\n<html lang=")
    assert {"main", "h1", "title", "th"} <= set(page.tags)


def test_names_are_text_and_later_attempts_link_to_what_is_above():
    page = make_index(["summary.json", "a<b>&.bed"], {"File": "<script>x</script>"}, "../")
    assert "<script" not in page
    assert Page(page).links == ["summary.json", "a<b>&.bed", *(f"../{name}" for name in BESIDE)]


def test_each_file_has_a_content_type(folder):
    assert {PurePosixPath(path.name).suffix for path in folder.iterdir()} <= TYPES.keys()


def test_the_session_of_igv_opens_files_beside_it(folder):
    session = ET.parse(folder / SESSION).getroot()
    assert (session.tag, session.get("version")) == ("Session", "8")
    assert session.get("genome") == SIZES
    sizes = dict(line.split("\t") for line in (folder / SIZES).read_text().splitlines())
    assert session.get("locus") in sizes
    paths = [each.get("path") for each in session.iter("Resource")]
    assert paths == ["calls.bed", "track.minus.bw", "track.plus.bw"]
    assert all((folder / path).is_file() for path in paths)
    assert [each.get("id") for each in session.iter("Track")] == paths


def test_the_sizes_are_those_of_the_records_and_of_the_bigwig(folder):
    sizes = {name: int(size) for name, size in (row.split("\t") for row in (folder / SIZES).read_text().splitlines())}
    assert sizes == {"ctg_1": 600, "chr2": 300}
    assert pybigtools.open(str(folder / "track.plus.bw")).chroms() == sizes


def test_the_hub_has_the_settings_that_ucsc_requires(folder):
    text = (folder / HUB).read_text()
    stanzas = [dict(line.split(" ", 1) for line in part.splitlines()) for part in text.split("\n\n")]
    kinds = [next(iter(stanza)) for stanza in stanzas]
    assert kinds == ["hub", "genome", "track", "track"]
    for kind, stanza in zip(kinds, stanzas, strict=True):
        assert REQUIRED[kind] <= stanza.keys()
        assert len(stanza.get("shortLabel", "")) <= 17
        assert len(stanza.get("longLabel", "")) <= 76 or kind == "track"
    hub, genome, *tracks = stanzas
    assert (hub["useOneFile"], genome["twoBitPath"]) == ("on", TWO_BIT)
    assert len({track["track"] for track in tracks}) == 2
    assert all((folder / track["bigDataUrl"]).is_file() for track in tracks)
    record, _, end = genome["defaultPos"].replace(":", "-").split("-")
    assert (record, end) == ("ctg_1", "600")


def test_without_records_there_is_nothing_to_open():
    predictions = Predictions(CONTIGS, [], provenance_of(CONTIGS))
    with result_files(predictions) as results:
        assert not {SESSION, HUB, SIZES} & set(results.names)
