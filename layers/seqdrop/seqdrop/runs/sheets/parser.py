"""The parser of sample sheets: Illumina v1 and v2, run manifests of Element AVITI, and sample sheets of ONT MinKNOW.

Sources: Illumina, "Sample Sheet Structure" (help.connected.illumina.com) and BCL Convert's "Sample Sheet"
(support-docs.illumina.com); bcl2fastq2 v2.20, "Sample Sheet"; Element's run manifest; ONT's output specification,
"Sample sheet". docs/sample-sheets.md names the real sheets that it was tried on.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from seqdrop.runs.files import RunFileError
from seqdrop.runs.sheets.sections import decode, split_rows, split_sections
from seqdrop.runs.sheets.sheet import AVITI, ILLUMINA_V1, ILLUMINA_V2, ONT, Row, Section, Sheet, SheetSample
from seqdrop.runs.sheets.tables import Table, parse_lanes, read_pairs, read_table

if TYPE_CHECKING:
    from collections.abc import Iterable

V2_DATA, V2_SETTINGS = "bclconvert_data", "bclconvert_settings"
AVITI_SECTIONS = {"runvalues", "runparameters", "samples"}
ONT_COLUMNS = {"flow_cell_id", "position_id", "experiment_id", "kit", "sample_id", "alias", "barcode"}
NO_INDEX = {"na", "n/a", "none"}  # Index2 of a MiSeq i100 sheet whose sample has one index
CYCLES = {"read1cycles": "R1", "read2cycles": "R2", "index1cycles": "I1", "index2cycles": "I2"}
AVITI_CYCLES = {"r1cycles": "R1", "r2cycles": "R2", "i1cycles": "I1", "i2cycles": "I2"}


def parse_sheet(body: bytes, name: str) -> Sheet:
    """Return a sample sheet of any kind; `name` is its path below the run folder, for messages.

    Raise RunFileError, with the line, if it cannot be understood as a whole: a cell outside the columns, a section that
    comes twice, an open quote, a lane that is no number. Such a sheet must not be read in part.
    """
    rows = split_rows(decode(body, name), name)
    if rows and _is_ont(rows[0]):
        return _parse_ont(rows, name)
    sections = split_sections(rows, name)
    if not sections:
        raise RunFileError(name, "it is empty")
    if AVITI_SECTIONS & sections.keys():
        return _parse_aviti(sections, name)
    if not {"header", "data", V2_DATA} & sections.keys():
        raise RunFileError(name, "it has none of the sections [Header], [Data], [BCLConvert_Data], [Samples]")
    return _parse_illumina(sections, name)


def _parse_illumina(sections: dict[str, Section], name: str) -> Sheet:
    """Return an Illumina sheet. Those of version 2 may have [Data] and [Settings] instead of BCL Convert's sections."""
    header = read_pairs(sections.get("header"), name)
    version = next((value for key, value in header.items() if key.lower() == "fileformatversion"), "")
    is_v2 = version == "2" or V2_DATA in sections
    data = _choose(sections, (V2_DATA, "data") if is_v2 else ("data",), name)
    settings = _choose(sections, (V2_SETTINGS, "settings") if is_v2 else ("settings",), name)
    table = read_table(data, name, "Sample_ID")
    projects = _cloud_projects(sections.get("cloud_data"), name)
    return Sheet(
        name=name,
        kind=ILLUMINA_V2 if is_v2 else ILLUMINA_V1,
        header=header,
        settings=read_pairs(settings, name),
        samples=tuple(_illumina_samples(table, projects, name)),
        cycles=_cycles(sections.get("reads"), name),
        sections=sections,
    )


def _choose(sections: dict[str, Section], names: tuple[str, ...], name: str) -> Section | None:
    """Return the only one of the named sections that has rows. Raise RunFileError if two of them have."""
    present = [sections[key] for key in names if key in sections]
    filled = [section for section in present if section.rows]
    if len(filled) > 1:
        raise RunFileError(name, f"it has rows in [{filled[0].name}] and in [{filled[1].name}]", filled[1].line)
    return next(iter(filled or present), None)


def _illumina_samples(table: Table, projects: dict[str, str], name: str) -> Iterable[SheetSample]:
    for row in table.rows:
        sample_id = table.cell(row, "sampleid")
        yield SheetSample(
            sample_id=sample_id,
            name=table.cell(row, "samplename"),
            lanes=parse_lanes(table.cell(row, "lane"), name, row.line),
            index=_index(table.cell(row, "index")),
            index2=_index(table.cell(row, "index2")),
            project=table.cell(row, "sampleproject") or projects.get(sample_id, ""),
            line=row.line,
            columns=table.columns(row),
        )


def _index(cell: str) -> str:
    index = "".join(cell.split()).upper()
    return "" if index.lower() in NO_INDEX else index


def _cloud_projects(section: Section | None, name: str) -> dict[str, str]:
    """Return the projects of [Cloud_Data] by sample."""
    table = read_table(section, name)  # a table without projects has no column of that name, which is fine
    return {table.cell(row, "sampleid"): table.cell(row, "projectname") for row in table.rows}


def _cycles(section: Section | None, name: str) -> dict[str, int]:
    """Return the planned cycles of [Reads]: `Read1Cycles,151` in v2, a number for each read in v1."""
    cycles: dict[str, int] = {}
    for row in section.rows if section else ():
        first, *others = row.cells
        if first.isascii() and first.isdigit():
            cycles[f"R{len(cycles) + 1}"] = int(first[:9])
        elif first.lower() in CYCLES:
            cycles[CYCLES[first.lower()]] = _whole(others[0] if others else "", first, name, row.line)
    return cycles


def _whole(cell: str, what: str, name: str, line: int) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", cell):
        raise RunFileError(name, f"{what} is {cell[:40]!r}, but must be a whole number", line)
    return int(cell)


def _parse_aviti(sections: dict[str, Section], name: str) -> Sheet:
    """Return a run manifest. Values and settings may have a column Lane; those without a lane are for all lanes."""
    header = {
        key: value
        for section in ("runvalues", "runparameters")
        for key, value in _aviti_values(sections.get(section), name)[0].items()
    }
    settings, lane_settings = _aviti_values(sections.get("settings"), name)
    table = read_table(sections.get("samples"), name, "SampleName")
    cycles = {
        read: _whole(value, key, name, sections["runparameters"].line)
        for key, value in header.items()
        if (read := AVITI_CYCLES.get(key.lower())) and "runparameters" in sections
    }
    return Sheet(
        name=name,
        kind=AVITI,
        header=header,
        settings=settings,
        samples=tuple(_aviti_samples(table, name)),
        cycles=cycles,
        lane_settings=lane_settings,
        sections=sections,
    )


def _aviti_values(section: Section | None, name: str) -> tuple[dict[str, str], dict[int, dict[str, str]]]:
    """Return the values for all lanes, and those for single lanes. The first row has the names of the columns."""
    everywhere: dict[str, str] = {}
    by_lane: dict[int, dict[str, str]] = {}
    table = read_table(section, name, "Value")
    for row in table.rows:
        key, value = row.cells[0], table.cell(row, "value")
        lanes = parse_lanes(table.cell(row, "lane"), name, row.line)
        for values in [by_lane.setdefault(lane, {}) for lane in lanes] or [everywhere]:
            values.setdefault(key, value)
    return everywhere, by_lane


def _aviti_samples(table: Table, name: str) -> Iterable[SheetSample]:
    for row in table.rows:
        yield SheetSample(
            sample_id=table.cell(row, "samplename"),
            name="",
            lanes=parse_lanes(table.cell(row, "lane"), name, row.line),
            index=_index(table.cell(row, "index1")),
            index2=_index(table.cell(row, "index2")),
            project=table.cell(row, "project"),
            line=row.line,
            columns=table.columns(row),
        )


def _is_ont(row: Row) -> bool:
    """Return True for the first line of a MinKNOW sample sheet, which has columns and no sections."""
    names = {cell.lower() for cell in row.cells}
    return bool(names & {"flow_cell_id", "position_id"}) and len(names & ONT_COLUMNS) >= 2


def _parse_ont(rows: list[Row], name: str) -> Sheet:
    table = read_table(Section("", rows[0].line, tuple(rows)), name)
    samples = tuple(
        SheetSample(
            sample_id=table.cell(row, "alias") or table.cell(row, "barcode") or table.cell(row, "sampleid"),
            name=table.cell(row, "sampleid"),
            lanes=(),
            index="",
            index2="",
            project=table.cell(row, "experimentid"),
            line=row.line,
            columns=table.columns(row),
        )
        for row in table.rows
    )
    return Sheet(name, ONT, {}, {}, samples)
