"""RunInfo.xml and RunParameters.json: each version that instruments wrote, and what is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.runs.files import RunFileError
from seqdrop.runs.run_info import ReadInfo, RunInfo, parse_run_info, parse_run_parameters_json

from tests.unit.runs.real import NOVASEQ_X, read_real

DUAL = {"R1": 151, "I1": 8, "I2": 8, "R2": 151}

# What each folder's file says, read by eye: flow cell, instrument, side, lanes, cycles by read.
REAL = {
    NOVASEQ_X: ("22CC55LT4", "LH00130", "A", 8, DUAL),
    "novaseqx/20230418_LH00130_0003_B223YTFLT3": ("223YTFLT3", "LH00130", "B", 8, DUAL),
    "novaseqx/20251210_LH00224_0271_B23FF7CLT4": ("23FF7CLT4", "LH00224", "B", 8, DUAL),
    "novaseq6000/200303_A00562_0352_AHKFVLDRXX": (
        "HKFVLDRXX", "A00562", "A", 2, {"R1": 50, "I1": 8, "I2": 16, "R2": 50}),
    "novaseq6000/200624_A00834_0183_BHMTFYTINY": ("HMTFYDRXX", "A00834", "B", 2, {"R1": 36, "I1": 10, "I2": 10}),
    "nextseq550/170609_NB551051_0017_AHLFFJBGX2": ("HLFFJBGX2", "NB551051", "", 4, {"R1": 75, "I1": 8, "R2": 75}),
    "nextseq2000/200308_VH00113_9_AAAAW3GM5": ("AAAAW3GM5", "VH00113", "", 1, {"R1": 151, "R2": 151}),
    "miseq-i100/20260312_SH01140_0005_ASC2177698-SC3": ("BXA66715-2010", "SH01140", "", 1, {"R1": 301, "I1": 10}),
    "miseq/130417_M00146_0021_000000000-A2WDF": ("000000000-A2WDF", "M00146", "", 1, {"R1": 121, "R2": 121}),
    "miseq/230825_M04034_0043_000000000-L6NVV": ("000000000-L6NVV", "M04034", "", 1, DUAL),
    "miniseq/180103_M000000_0000_0000000000": ("000000000", "M000000", "", 1, DUAL),
}  # fmt: skip


@pytest.mark.parametrize("folder", REAL)
def test_a_real_run_info_is_read(folder):
    info = parse_run_info(read_real(f"{folder}/RunInfo.xml"), "RunInfo.xml")
    cycles = {name: read.cycles for name, read in info.named_reads.items()}
    assert (info.flow_cell, info.instrument, info.side, info.lanes, cycles) == REAL[folder]


def test_the_index_read_in_the_other_direction_is_known():
    reads = parse_run_info(read_real(f"{NOVASEQ_X}/RunInfo.xml"), "RunInfo.xml").named_reads
    assert [name for name, read in reads.items() if read.is_reverse_complement] == ["I2"]


def test_a_date_is_returned_as_written():
    info = parse_run_info(read_real("nextseq2000/200308_VH00113_9_AAAAW3GM5/RunInfo.xml"), "RunInfo.xml")
    assert (info.date, info.number) == ("22020-03-08T01:06:02Z", 3)


READS = '<Reads><Read Number="1" NumCycles="151" IsIndexedRead="N"/></Reads>'


def document(run: str = 'Id="240101_A00001_0007_BHXXXXX" Number="7"', inner: str | None = None) -> bytes:
    inner = inner if inner is not None else f"<Flowcell>HXXXXX</Flowcell><Instrument>A00001</Instrument>{READS}"
    return f'<?xml version="1.0"?><RunInfo Version="5"><Run {run}>{inner}</Run></RunInfo>'.encode()


def test_the_side_is_that_of_the_run_id_without_a_side_in_the_layout():
    info = parse_run_info(document(), "RunInfo.xml")
    assert info == RunInfo("240101_A00001_0007_BHXXXXX", 7, "HXXXXX", "A00001", "B", (ReadInfo(1, 151, False),), 0, "")


@pytest.mark.parametrize(
    ("instrument", "side"),
    [("A00001", "B"), ("LH00001", "B"), ("K00001", "B"), ("ST-E00001", "B"), ("NB500001", ""), ("M00001", ""),
     ("SH00001", ""), ("VH00001", ""), ("FS10000001", ""), ("J00001", "")],
)  # fmt: skip
def test_only_instruments_with_two_flow_cells_have_sides(instrument, side):
    assert parse_run_info(document().replace(b"A00001</", f"{instrument}</".encode()), "RunInfo.xml").side == side


def test_a_letter_that_is_part_of_the_flow_cell_is_no_side():
    body = document('Id="240101_A00001_0007_BHXXXXX"').replace(b">HXXXXX<", b">BHXXXXX<")
    assert parse_run_info(body, "RunInfo.xml").side == ""


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not XML"),
        (b"<RunInfo><Run", "not XML"),
        (b"<RunParameters/>", "no element Run"),
        (document(inner=""), "no reads"),
        (document(run='Number="7"'), "no Id"),
        (document(run='Id="a" Number="x"'), "number of the run is 'x'"),
        (document(inner='<Reads><Read Number="1"/></Reads>'), "no NumCycles"),
        (document(inner='<Reads><Read Number="1" NumCycles="-3"/></Reads>'), "NumCycles of a read is '-3'"),
        (document(inner=f'{READS}<FlowcellLayout LaneCount="many"/>'), "LaneCount is 'many'"),
        (b'<!DOCTYPE x [<!ENTITY a "aaa">]><RunInfo><Run Id="&a;"/></RunInfo>', "not XML that can be read"),
    ],
)
def test_a_file_that_describes_no_run_is_refused(body, words):
    with pytest.raises(RunFileError, match=f"^RunInfo.xml.*{words}"):
        parse_run_info(body, "RunInfo.xml")


@given(st.data())
def test_a_damaged_run_info_raises_nothing_else(data):
    body = document()
    start = data.draw(st.integers(0, len(body)))
    damaged = body[:start] + data.draw(st.binary(max_size=4)) + body[data.draw(st.integers(start, len(body))) :]
    try:
        info = parse_run_info(damaged, "RunInfo.xml")
    except RunFileError:
        return
    assert info.run_id
    assert info.reads


AVITI = {
    "20240216_AV234003_16feb_sge_1x300": ("2326588678", "AV234003", {"I1": 8, "I2": 8, "R1": 301}, "Sequencing"),
    "20250127_AV244103_NT1850075L": ("2427452508", "AV244103", {"I1": 8, "R1": 151, "R2": 151}, "Sequencing"),
    "20250602_AV244103_QC_SLIDE_2": ("0124323943", "AV244103", {}, "Cytoprofiling"),
    "20231218_AV234003_FluidicsRun_1_A": ("", "", {"R1": 1}, "Sequencing"),
}


@pytest.mark.parametrize("folder", AVITI)
def test_real_run_parameters_are_read(folder):
    info = parse_run_parameters_json(read_real(f"aviti/{folder}/RunParameters.json"), "RunParameters.json")
    cycles = {name: read.cycles for name, read in info.named_reads.items()}
    assert (info.flow_cell, info.instrument, cycles, info.run_type) == AVITI[folder]
    assert list(cycles) == list(AVITI[folder][2])  # in the order of sequencing
    assert (info.run_id, info.side, info.lanes) == (folder, "A", 2)


def parameters(**changes: object) -> bytes:
    values = {"FileVersion": "5.0.0", "RunFolderName": "20250127_AV1_x", "Side": "SideB", "AnalysisLanes": "1",
              "Cycles": {"R1": 151, "R2": 0, "I1": 8}, "ReadOrder": "I1,R1"}  # fmt: skip
    return json.dumps({**values, **changes}).encode()


def test_side_and_lanes_of_an_aviti():
    info = parse_run_parameters_json(parameters(), "p.json")
    assert (info.side, info.lanes, list(info.named_reads)) == ("B", 1, ["I1", "R1"])
    info = parse_run_parameters_json(parameters(ReadOrder="R1,I1"), "p.json")
    assert [(name, read.number) for name, read in info.named_reads.items()] == [("R1", 1), ("I1", 2)]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not JSON"),
        (b"{\n\n,", "line 3: it is not JSON"),
        (b"[]", "not an object"),
        (b"{}", "no FileVersion"),
        (parameters(Side=3), "Side must be a text"),
        (parameters(Cycles=[1]), "Cycles must be an object"),
        (parameters(Cycles={"R1": "151"}), "Cycles of R1"),
        (parameters(Cycles={"R1": True}), "Cycles of R1"),
    ],
)
def test_other_json_is_refused(body, words):
    with pytest.raises(RunFileError, match=words):
        parse_run_parameters_json(body, "RunParameters.json")


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
                        ["FileVersion", "RunFolderName", "Cycles", "R1", "ReadOrder", "Consumables", "Flowcell",
                         "SerialNumber", "AnalysisLanes"]), inner, max_size=6)))  # fmt: skip
def test_any_json_is_read_or_refused(value):
    try:
        info = parse_run_parameters_json(json.dumps(value).encode(), "p.json")
    except RunFileError:
        return
    assert info.run_id
