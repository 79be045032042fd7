"""Sheets that are written in any form are read as they were meant; damaged ones lose no row silently."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st
from seqdrop.runs.files import RunFileError
from seqdrop.runs.sheets.checks import check_sheet
from seqdrop.runs.sheets.parser import parse_sheet

# Text of a cell: without control characters, and without blanks around, which are not kept. No cell starts with `[`.
CELL = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=8).filter(
    lambda text: text[0] not in "[\ufeff" and text.strip() == text
)
IDS = st.text("ABCabc019-_", min_size=1, max_size=6)
INDEX = st.text("ACGT", min_size=4, max_size=4)


@dataclass(frozen=True)
class Plan:
    """A sheet before it is written: its kind, settings, rows of (id, lanes, index, index2, note)."""

    kind: str
    settings: dict[str, str]
    rows: list[tuple[str, str, str, str, str]]


KEYS = st.from_regex(r"[A-Z][A-Za-z]{0,8}", fullmatch=True).filter(lambda key: key not in ("Lane", "Value"))
PLANS = st.builds(
    Plan,
    st.sampled_from(["illumina v1", "illumina v2", "aviti"]),
    st.dictionaries(KEYS, CELL, max_size=4),
    st.lists(
        st.tuples(IDS, st.sampled_from(["", "1", "2"]), INDEX, INDEX | st.just(""), CELL | st.just("")), max_size=8
    ),
)
TITLES = {
    "illumina v1": ("Sample_ID", "Lane", "index", "index2", "Description"),
    "illumina v2": ("Sample_ID", "Lane", "Index", "Index2", "Description"),
    "aviti": ("SampleName", "Lane", "Index1", "Index2", "Description"),
}
SECTIONS = {
    "illumina v1": ("Header", "Settings", "Data"),
    "illumina v2": ("Header", "BCLConvert_Settings", "BCLConvert_Data"),
    "aviti": ("RunValues", "Settings", "Samples"),
}


def write(plan: Plan, data: st.DataObject) -> bytes:
    """Write the sheet in a form that `data` draws: order, quotes, commas, line ends, blank lines, encoding."""
    header, settings, samples = SECTIONS[plan.kind]
    is_aviti = plan.kind == "aviti"
    first = {"illumina v1": [["IEMFileVersion", "4"]], "illumina v2": [["FileFormatVersion", "2"]],
             "aviti": [["KeyName", "Value"], ["x", "1"]]}[plan.kind]  # fmt: skip
    pairs = [list(pair) for pair in plan.settings.items()]
    places = data.draw(st.permutations(range(5)))
    table = [TITLES[plan.kind], *plan.rows]
    sections = [
        (header, first),
        (settings, ([["SettingName", "Value"]] if is_aviti else []) + pairs),
        (samples, [[row[place] for place in places] for row in table]),
        ("Other_Data", [["Sample_ID"], ["not a sample"]]),
    ]
    lines = []
    for name, rows in data.draw(st.permutations(sections)):
        cased = data.draw(st.sampled_from([name, name.lower(), name.upper()]))
        lines += [[f"[{cased}]"], *rows, *([[]] * data.draw(st.integers(0, 2)))]
    text = "".join(_write_line(line, data) for line in lines)
    return text.encode(data.draw(st.sampled_from(["utf-8", "utf-8-sig"])))


def _write_line(cells: list[str], data: st.DataObject) -> str:
    buffer = io.StringIO()
    quoting = data.draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    csv.writer(buffer, quoting=quoting, lineterminator="").writerow(cells)
    return buffer.getvalue() + "," * data.draw(st.integers(0, 3)) + data.draw(st.sampled_from(["\n", "\r\n", "\r"]))


@given(PLANS, st.data())
def test_a_sheet_in_any_form_is_read_as_it_was_meant(plan, data):
    sheet = parse_sheet(write(plan, data), "SampleSheet.csv")
    assert sheet.kind == plan.kind
    assert sheet.settings == plan.settings
    assert [
        (sample.sample_id, "+".join(map(str, sample.lanes)), sample.index, sample.index2, sample.column("description"))
        for sample in sheet.samples
    ] == plan.rows
    assert [sample.line for sample in sheet.samples] == sorted(sample.line for sample in sheet.samples)
    check_sheet(sheet)


@given(PLANS, st.data())
def test_damage_is_refused_or_keeps_every_line(plan, data):
    body = write(plan, data)
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(body)))
        piece = data.draw(st.binary(max_size=3) | st.sampled_from([b'"', b",", b"\n", b"[", b"]", b"[Data]\n", b"\r"]))
        body = body[:start] + piece + body[start + data.draw(st.integers(0, 3)) :]
    try:
        sheet = parse_sheet(body, "SampleSheet.csv")
    except RunFileError:
        return
    lines = [line for line in re.split(rb"\r\n|\n|\r", body) if has_text(line)]
    kept = sum(1 + len(section.rows) for section in sheet.sections.values())
    assert kept == len(lines) or sheet.kind == "ont"
    tables = {"illumina v1": ["data"], "illumina v2": ["bclconvert_data", "data"], "aviti": ["samples"]}[sheet.kind]
    rows = [row for name in tables if name in sheet.sections for row in sheet.sections[name].rows[1:]]
    assert [sample.line for sample in sheet.samples] == [row.line for row in rows]
    check_sheet(sheet)


def has_text(line: bytes) -> bool:
    """Return True if a line has a cell that is not empty, for the csv reader of Python alone."""
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = line.decode("latin-1")
    return any(cell.strip() for cell in next(csv.reader([text], skipinitialspace=True), []))
