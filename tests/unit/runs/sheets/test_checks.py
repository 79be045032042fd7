"""Every finding on a sheet, planted in a sheet that is sound without it; and what must not be reported."""

import re

import pytest
from seqdrop.runs.run_info import ReadInfo, RunInfo
from seqdrop.runs.sheets.checks import check_sheet
from seqdrop.runs.sheets.codes import SHEET_CODES, is_error
from seqdrop.runs.sheets.parser import parse_sheet

HEADER = "[Header]\nFileFormatVersion,2\n[Reads]\nRead1Cycles,151\nRead2Cycles,151\nIndex1Cycles,8\nIndex2Cycles,8\n"
SETTINGS = "[BCLConvert_Settings]\nSoftwareVersion,4.1.7\n"
TABLE = "[BCLConvert_Data]\nLane,Sample_ID,Index,Index2\n"
ROWS = "1,S1,AAAAAAAA,CCCCCCCC\n1,S2,TTTTTTTT,GGGGGGGG\n2,S1,AAAAAAAA,CCCCCCCC\n"
SOUND = HEADER + SETTINGS + TABLE + ROWS
V1 = "[Header]\nIEMFileVersion,4\n[Reads]\n151\n[Data]\nSample_ID,index,index2\n"
AVITI = "[Settings]\nSettingName,Value,Lane\n{}[Samples]\nSampleName,Index1,Index2,Lane\n"
RUN = RunInfo(
    "r", 1, "f", "A00001", "A",
    (ReadInfo(1, 151, False), ReadInfo(2, 8, True), ReadInfo(3, 8, True), ReadInfo(4, 151, False)), 2, "",
)  # fmt: skip


def found_in(text: str, run: RunInfo | None = RUN) -> list[tuple[str, int | None]]:
    return [(fault.code, fault.line) for fault in check_sheet(parse_sheet(text.encode(), "SampleSheet.csv"), run)]


def with_settings(*lines: str) -> str:
    return SOUND.replace(SETTINGS, SETTINGS + "".join(line + "\n" for line in lines))


def with_rows(*rows: str) -> str:
    return SOUND.replace(ROWS, "".join(row + "\n" for row in rows))


def with_columns(titles: str, *rows: str) -> str:
    return HEADER + SETTINGS + "[BCLConvert_Data]\n" + titles + "\n" + "".join(row + "\n" for row in rows)


# (code, line, sheet). The table's first row is line 12.
PLANTED = [
    ("no_samples", None, with_rows()),
    ("no_samples", None, HEADER),
    ("sample_id_missing", 12, with_rows("1,,AAAAAAAA,CCCCCCCC")),
    ("sample_id_characters", 12, with_rows("1,S 1,AAAAAAAA,CCCCCCCC")),
    ("sample_id_characters", 12, with_rows("1,S.1,AAAAAAAA,CCCCCCCC")),
    ("sample_id_characters", 12, with_rows("1,Müller,AAAAAAAA,CCCCCCCC")),
    ("sample_id_characters", 7, V1 + "S/1,AAAAAAAA,CCCCCCCC\n"),
    ("sample_id_reserved", 12, with_rows("1,Undetermined,AAAAAAAA,CCCCCCCC")),
    ("sample_id_reserved", 12, with_rows("1,all,AAAAAAAA,CCCCCCCC")),
    ("sample_id_reserved", 5, AVITI.format("") + "Unassigned,ACGT,,1\n"),
    ("sample_ids_alike", 13, with_rows("1,s1,AAAAAAAA,CCCCCCCC", "1,S1,TTTTTTTT,GGGGGGGG")),
    ("sample_repeated", 13, with_rows("1,S1,AAAAAAAA,CCCCCCCC", "1,S1,TTTTTTTT,GGGGGGGG")),
    ("row_repeated", 13, with_rows("1,S1,AAAAAAAA,CCCCCCCC", "1,S1,AAAAAAAA,CCCCCCCC")),
    ("row_repeated", 14, with_rows("1,S1,AAAAAAAA,CCCCCCCC", "1,S1,TTTTTTTT,GGGGGGGG", "1,S1,TTTTTTTT,GGGGGGGG")),
    ("row_repeated", 6, AVITI.format("") + "S1,ACGT,,1\nS1,ACGT,,1+2\n"),
    ("index_repeated", 13, with_rows("1,S1,AAAAAAAA,CCCCCCCC", "1,S2,AAAAAAAA,CCCCCCCC")),
    ("index_repeated", 13, with_rows(",S1,AAAAAAAA,CCCCCCCC", ",S2,AAAAAAAA,CCCCCCCC")),
    ("index_repeated", 6, AVITI.format("") + "S1,ACGT,,1+2\nS2,ACGT,,2\n"),
    ("index_collision", 13, with_rows("1,S1,AAAAAAAA,CCCCCCCC", "1,S2,AAAAAATT,CCCCCCGG")),
    ("index_collision", 13, with_rows("1,S1,AAAAAAAA,CCCCCCCC", "1,S2,AAAAAATT,")),
    ("index_collision_possible", 8, V1 + "S1,AAAAAAAA,CCCCCCCC\nS2,AAAAAAAT,CCCCCCCC\n"),
    ("index_collision_possible", 6, AVITI.format("") + "S1,AAAA,,1\nS2,AATT,,1\n"),
    ("index_characters", 12, with_rows("1,S1,AAAAAAAX,CCCCCCCC")),
    ("index_characters", 12, with_rows("1,S1,AAAAAAAA,N701")),
    ("index_set", 7, V1 + "S1,SI-GA-A1,\n"),
    ("index_blanks", 12, with_rows("1,S1,AAAA AAAA,CCCCCCCC")),
    ("index_missing", 13, with_rows("1,S1,AAAAAAAA,CCCCCCCC", "1,S2,,na")),
    ("index_too_long", 12, with_rows("1,S1,AAAAAAAAA,CCCCCCCC")),
    ("index_too_long", 13, with_settings("OverrideCycles,Y151;I8;I6N2;Y151")),
    ("index_too_short", 12, with_rows("1,S1,AAAAAA,CCCCCCCC")),
    ("lane_unknown", 12, with_rows("3,S1,AAAAAAAA,CCCCCCCC")),
    ("lane_unknown", 12, with_rows("0,S1,AAAAAAAA,CCCCCCCC")),
    ("lanes_mixed", 13, with_rows("1,S1,AAAAAAAA,CCCCCCCC", ",S2,TTTTTTTT,GGGGGGGG")),
    ("override_cycles", 10, with_settings("OverrideCycles,Y151;I8;Y151")),
    ("override_cycles", 10, with_settings("OverrideCycles,Y151;I8;X8;Y151")),
    ("override_cycles", 10, with_settings("OverrideCycles,R1:Y151;I8;I8;Y151")),
    ("override_cycles", 10, with_settings("OverrideCycles,R1:Y151;I1:I8;I3:I8;R2:Y151")),
    ("override_cycles_sum", 10, with_settings("OverrideCycles,Y150;I8;I8;Y151")),
    ("override_cycles_sum", 10, with_settings("OverrideCycles,R1:Y151;R2:Y150N2;I1:I8;I2:I8")),
    ("override_cycles_sum", 12, with_columns("Sample_ID,Index,Index2,OverrideCycles",
                                             "S1,AAAAAAAA,CCCCCCCC,Y151N2;I8;I8;Y151")),
    ("mismatches_value", 10, with_settings("BarcodeMismatchesIndex1,3")),
    ("mismatches_value", 10, with_settings("BarcodeMismatchesIndex2,-1")),
    ("mismatches_value", 12, with_columns("Sample_ID,Index,Index2,BarcodeMismatchesIndex2", "S1,AAAAAAAA,CCCCCCCC,x")),
    ("mismatches_value", 3, AVITI.format("I1MismatchThreshold,9,2\n") + "S1,ACGT,,1\n"),
    ("cycles_differ", 3, SOUND.replace("Read1Cycles,151", "Read1Cycles,101")),
    ("cycles_differ", 3, SOUND.replace("Read2Cycles,151", "Read2Cycles,0")),
    ("setting_repeated", 10, with_settings("SoftwareVersion,4.2.7")),
]  # fmt: skip


@pytest.mark.parametrize("run", [RUN, None], ids=["with the run", "alone"])
def test_a_sound_sheet_has_no_findings(run):
    assert found_in(SOUND, run) == []


@pytest.mark.parametrize(("code", "line", "text"), PLANTED)
def test_a_planted_fault_is_found_at_its_line(code, line, text):
    assert (code, line) in found_in(text)


def test_every_code_is_planted():
    assert set(SHEET_CODES) - {code for code, *_ in PLANTED} == {"sheet_unreadable"}  # `seqdrop validate` tests it


@pytest.mark.parametrize(
    "text",
    [
        with_rows("1,S1,AAAAAAAA,CCCCCCCC", "2,S2,AAAAAAAA,CCCCCCCC"),  # the same index in two lanes
        with_rows("1,S1,AAAAAAAA,CCCCCCCC", "1,S2,AAAAAAAA,GGGGGGGG"),  # one of two indexes differs
        with_rows("1,S1,AAAAAAAA,CCCCCCCC", "1,S2,AAAAATTT,CCCCCCCC"),  # three bases differ
        with_rows("1,S1,,"),  # one sample needs no index
        with_rows("1,S1,,", "2,S2,,"),
        with_rows("1,S1,NNNNNNNN,CCCCCCCC"),
        with_settings("BarcodeMismatchesIndex1,0", "BarcodeMismatchesIndex2,0").replace("TTTTTTTT,GG", "AAAAAAAT,CC"),
        with_settings("BarcodeMismatchesIndex2,na"),
        with_settings("SoftwareVersion,4.1.7"),  # the same value again
        with_settings("OverrideCycles,Y151;I8;I8;Y151"),
        with_settings("OverrideCycles,Y*;I8;I*;N1Y150"),
        with_settings("OverrideCycles,I1:I8;I2:I8;R1:Y151;R2:Y150N"),
        with_columns("Sample_ID,Index,Index2,OverrideCycles", "S1,AAAAAA,,Y151;I6N2;N8;Y151",
                     "S2,TTTTTTTT,GGGGGGGG,Y151;I8;I8;Y151"),
        with_columns("Sample_ID,Index,Index2,BarcodeMismatchesIndex1", "S1,AAAAAAAA,CCCCCCCC,0",
                     "S2,AAAAAATT,CCCCCCCC,1"),
        V1.replace(",index2", "") + "S1,AAAAAA\nS2,TTTTTT\n",  # v1: bcl2fastq masks what is left by itself
        AVITI.format("I1MismatchThreshold,0,1+2\n") + "S1,AAAAAAAA,,1\nS1,CCCCCCCC,,1\nS2,AAAAAAAT,,1+2\n",
        AVITI.format("") + "Sample 1,AAAAAAAA,,1\n",  # its rule for names is not known
    ],
)  # fmt: skip
def test_what_is_allowed_is_not_reported(text):
    assert found_in(text) == []


def test_samples_that_are_alike_are_reported_once():
    text = with_rows(
        "1,S1,AAAAAAAA,CCCCCCCC", "1,s1,TTTTTTTT,GGGGGGGG", "2,S1,AAAAAAAA,CCCCCCCC", "2,s1,TTTTTTTT,GGGGGGGG"
    )
    assert found_in(text) == [("sample_ids_alike", 13)]


def test_lanes_and_cycles_are_compared_with_the_run_only():
    assert found_in(with_rows("3,S1,AAAAAAAA,CCCCCCCC"), None) == []
    assert found_in(with_rows("3,S1,AAAAAAAAA,CCCCCCCC"), None) == [("index_too_long", 12)]  # the sheet plans 8
    single = RunInfo("r", 1, "f", "A00001", "A", (ReadInfo(1, 151, False), ReadInfo(2, 8, True)), 2, "")
    assert ("index_too_long", 12) in found_in(SOUND, single)


def test_a_row_for_all_lanes_collides_in_the_lane_of_another_row():
    text = with_rows(",S1,AAAAAAAA,CCCCCCCC", "2,S2,AAAAAAAT,CCCCCCCC")
    assert found_in(text) == [("lanes_mixed", 12), ("index_collision", 13)]


def test_lanes_of_an_independent_check_need_both_indexes_to_differ():
    rows = ("1,S1,AAAAAAAA,CCCCCCCC", "1,S2,AAAAAAAT,GGGGGGGG", "2,S3,AAAAAAAA,CCCCCCCC", "2,S4,AAAAAAAT,GGGGGGGG")
    text = with_rows(*rows).replace(SETTINGS, SETTINGS + "IndependentIndexCollisionCheck,2\n")
    assert found_in(text) == [("index_collision", 16)]


def test_findings_come_in_the_order_of_lines_with_advice_and_sample():
    text = with_rows("1,S 1,AAAAAAAA,CCCCCCCC", "1,S2,AAAAAAAA,CCCCCCCC", "9,S3,TTTTTTTT,GGGGGGGG")
    faults = check_sheet(parse_sheet(text.encode(), "s"), RUN)
    assert [fault.line for fault in faults] == [12, 13, 14]
    assert [fault.name for fault in faults] == ["S 1", "S2", "S3"]
    assert all(fault.advice == SHEET_CODES[fault.code].advice for fault in faults)
    assert all(is_error(fault) for fault in faults)
    assert "line 12 (S 1) in lane 1" in faults[1].message


def test_the_page_lists_every_code_with_its_severity(repository):
    page = (repository / "docs/sample-sheets.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| (error|warning) \|", page, re.MULTILINE))
    assert rows == {name: code.severity for name, code in SHEET_CODES.items()}
