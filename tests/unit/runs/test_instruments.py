"""The table of instruments is checked when it is loaded, and docs/instruments.md shows it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from seqdrop.errors import ConfigurationError
from seqdrop.runs.instruments import load_table, parse_table
from seqdrop.runs.instruments_page import render

ROW = """\
[[instrument]]
id = "a"
name = "A"
serials = ["A[0-9]"]
end = ["x"]
markers = ["x"]
silence_hours = 1
source = "s"
"""
ANALYSIS = """
[[analysis]]
id = "b"
name = "B"
markers = ["x"]
source = "s"
"""
BEGIN, END = "<!-- the table: python -m seqdrop.runs.instruments_page -->", "<!-- end of the table -->"


def test_every_row_has_a_source_and_thin_ones_say_so():
    rows = load_table().instruments
    assert all(row.source for row in rows)
    assert {row.id for row in rows if row.unsure} == {"miniseq", "hiseq", "mgi", "pacbio-sequel"}


def test_the_smallest_table_is_valid():
    table = parse_table(ROW + ANALYSIS)
    assert (table.instruments[0].grace_minutes, table.layouts(None)) == (10, list(table.analyses))


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('markers = ["x"]', "markers = []", "markers or source is empty"),
        ('source = "s"', 'source = ""', "markers or source is empty"),
        ('serials = ["A[0-9]"]', "", "nothing says how it is recognised"),
        ('serials = ["A[0-9]"]', 'serials = ["A[0-9"]', "unterminated"),
        ('serials = ["A[0-9]"]', 'serials = "A"', "serials must be of type list"),
        ('serials = ["A[0-9]"]', "serials = [1]", "serials must be a list of texts"),
        ("silence_hours = 1", "silence_hours = 0", "a time is negative"),
        ("silence_hours = 1", "silence_hours = '1'", "silence_hours must be of type whole number"),
        ("silence_hours = 1", "", "lacks silence_hours"),
        ("silence_hours = 1", "silence_hours = 1\ngrace_minutes = -1", "a time is negative"),
        ("silence_hours = 1", "silence_hours = 1\ngrace_minutes = true", "grace_minutes must be of type whole number"),
        ("silence_hours = 1", "silence_hours = 1\nunsure = 1", "unsure must be of type true or false"),
        ("silence_hours = 1", 'silence_hours = 1\noutcome = "x"', "outcome must be of type table"),
        ("silence_hours = 1", "silence_hours = 1\nmarker = 1", "unknown setting marker"),
        ("silence_hours = 1", 'silence_hours = 1\nunit = "tile"', "the unit or the content is unknown"),
        ("silence_hours = 1", 'silence_hours = 1\nunit = "cell"', "unit and unit_folders belong together"),
        ("silence_hours = 1", 'silence_hours = 1\nanalyses = ["c"]', "names an analysis that is not in the table"),
        ("silence_hours = 1", 'silence_hours = 1\noutcome = { file = "x", form = "y" }', "the form of x is none of"),
        ('id = "a"', 'id = "a', "Illegal character"),
    ],
)
def test_a_wrong_row_is_an_error_that_says_what_is_wrong(before, after, message):
    assert before in ROW
    with pytest.raises(ConfigurationError, match=message):
        parse_table(ROW.replace(before, after, 1) + ANALYSIS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ROW + ROW + ANALYSIS, "the same id"),
        (ROW, "other tables"),
        (ROW + ANALYSIS + "[x]\n", "other tables"),
        (ROW + "[[instrument.alternative]]\nmarkers = []\n" + ANALYSIS, "has no markers"),
        (ROW + '[[instrument.alternative]]\nmarkers = ["x"]\nquiet_hours = 6\n' + ANALYSIS, "belong together"),
        (ROW + ANALYSIS + "grace_minutes = -1\n", "grace_minutes is negative"),
        (ROW + ANALYSIS.replace('"x"', ""), "needs markers and a source"),
    ],
)
def test_a_wrong_table_is_an_error_that_says_what_is_wrong(text, message):
    with pytest.raises(ConfigurationError, match=message):
        parse_table(text)


def test_the_page_shows_the_table(repository):
    page = (repository / "docs/instruments.md").read_text()
    block = page.partition(BEGIN)[2].partition(END)[0]
    assert block.strip() == render(load_table()).strip(), "run python -m seqdrop.runs.instruments_page"


def test_the_command_prints_the_table():
    command = [sys.executable, "-m", "seqdrop.runs.instruments_page"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == render(load_table())
