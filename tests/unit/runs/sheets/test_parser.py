"""The parser of sample sheets: each trap by itself, and each sheet that must not be read in part."""

import pytest
from seqdrop.runs.files import RunFileError
from seqdrop.runs.sheets.parser import parse_sheet

V1 = "[Header]\nIEMFileVersion,4\n[Reads]\n151\n76\n[Settings]\nAdapter,CTGT\n[Data]\n"
V2 = "[Header]\nFileFormatVersion,2\n[BCLConvert_Settings]\nSoftwareVersion,4.1.7\n[BCLConvert_Data]\n"
DATA = "Lane,Sample_ID,Index,Index2\n1,S1,ACGT,TTTT\n2,S2,GGGG,CCCC\n"


def parse(text: str | bytes):
    return parse_sheet(text if isinstance(text, bytes) else text.encode(), "SampleSheet.csv")


def ids(text: str | bytes) -> list[str]:
    return [sample.sample_id for sample in parse(text).samples]


def test_a_sheet_of_version_1():
    sheet = parse(V1 + "Sample_ID,Sample_Name,index,index2,Sample_Project\nS1,first,ACGT,TTTT,P1\n")
    assert (sheet.kind, sheet.cycles, sheet.setting("adapter")) == ("illumina v1", {"R1": 151, "R2": 76}, "CTGT")
    (sample,) = sheet.samples
    assert (sample.sample_id, sample.name, sample.lanes, sample.lane) == ("S1", "first", (), 0)
    assert (sample.index, sample.index2, sample.project, sample.line) == ("ACGT", "TTTT", "P1", 10)


def test_a_sheet_of_version_2():
    sheet = parse(V2 + DATA)
    assert (sheet.kind, sheet.header, sheet.settings) == (
        "illumina v2", {"FileFormatVersion": "2"}, {"SoftwareVersion": "4.1.7"})  # fmt: skip
    assert [(sample.sample_id, sample.lane, sample.line) for sample in sheet.samples] == [("S1", 1, 7), ("S2", 2, 8)]
    assert sheet.samples[1].columns == {"Lane": "2", "Sample_ID": "S2", "Index": "GGGG", "Index2": "CCCC"}


@pytest.mark.parametrize(
    "text",
    [
        V2.replace("BCLConvert_", "") + DATA,  # the header of v2 with [Settings] and [Data]
        V2.replace("BCLConvert_Settings", "BCLCONVERT_settings") + DATA,
        f"[BCLConvert_Data]\n{DATA}[BCLConvert_Settings]\nSoftwareVersion,4.1.7\n[Header]\nFileFormatVersion,2\n",
        "\ufeff" + V2 + DATA,
        (V2 + DATA).replace("\n", "\r\n"),
        (V2 + DATA).replace("\n", "\r"),
        (V2 + DATA).replace("\n", "\r\n", 5),
        (V2 + DATA).replace("\n", ",,,,,\n"),
        (V2 + DATA).replace("]\n", "],,,\n"),
        '"[Header]",,\n' + (V2 + DATA).removeprefix("[Header]\n"),
        (V2 + DATA).replace("S1", '"S1"').replace("4.1.7", '"4.1.7"'),
        (V2 + DATA).replace("S1,ACGT", " S1 , ACGT "),
        (V2 + DATA).replace("\n[", "\n\n,,,\n \n["),
        (V2 + DATA).replace("Sample_ID", "SampleID").replace("Index", "index"),
        V2.replace("[BCL", "[Sequencing_Settings]\n[BCL", 1) + DATA + "[Cloud_Data]\nSample_ID,ProjectName\nS1,P\n",
        (V2 + DATA).rstrip("\n"),
    ],
)
def test_forms_that_mean_the_same(text):
    sheet = parse(text)
    assert sheet.kind == "illumina v2"
    assert sheet.settings == {"SoftwareVersion": "4.1.7"}
    assert [(sample.sample_id, sample.lane, sample.index, sample.index2) for sample in sheet.samples] == [
        ("S1", 1, "ACGT", "TTTT"), ("S2", 2, "GGGG", "CCCC")]  # fmt: skip


def test_the_section_of_bcl_convert_makes_a_sheet_one_of_version_2():
    sheet = parse("[Header]\nRunName,x\n[BCLConvert_Data]\n" + DATA)
    assert (sheet.kind, len(sheet.samples)) == ("illumina v2", 2)


def test_the_project_of_cloud_data_is_that_of_a_sample_without_one():
    cloud = "[Cloud_Data]\nSample_ID,ProjectName\nS1,P1\nS2,P2\n"
    assert [sample.project for sample in parse(V2 + DATA + cloud).samples] == ["P1", "P2"]
    own = "Sample_ID,Sample_Project\nS1,Own\nS2,\n"
    assert [sample.project for sample in parse(V2 + own + cloud).samples] == ["Own", "P2"]


@pytest.mark.parametrize("cell", ["", "na", "NA", "N/A"])
def test_an_index_that_is_not_there(cell):
    assert parse(f"{V2}Sample_ID,Index,Index2\nS1,ACGT,{cell}\n").samples[0].index2 == ""


def test_blanks_and_lower_case_in_an_index():
    assert parse(f"{V2}Sample_ID,Index\nS1,ac G\u00a0t\n").samples[0].index == "ACGT"


def test_umlauts_in_utf8_and_in_latin1():
    text = V2 + "Sample_ID,Index,Description\nS1,ACGT,Müller\n"
    for body in (text.encode(), text.encode("latin-1"), text.encode("utf-8-sig")):
        assert parse(body).samples[0].columns["Description"] == "Müller"


def test_a_comma_in_quotes_and_a_quote_in_a_cell():
    sheet = parse(V2 + 'Sample_ID,Description\nS1,"a, b"\nS2,5" tube\nS3,"say ""yes"""\n')
    assert [sample.columns["Description"] for sample in sheet.samples] == ["a, b", '5" tube', 'say "yes"']


def test_a_sheet_without_a_header_and_one_without_samples():
    assert ids("[Data]\nSample_ID\nS1\n") == ["S1"]
    assert ids("[Header]\nFileFormatVersion,2\n") == []
    assert ids(V2) == []
    assert ids(V2 + "Sample_ID,Index\n") == []


def test_a_row_without_a_sample_id_is_not_lost():
    assert ids(V2 + "Sample_ID,Index\n,ACGT\nS2,TTTT\n") == ["", "S2"]


def test_a_short_row_has_empty_cells():
    (sample,) = parse(V2 + "Sample_ID,Index,Index2\nS1\n").samples
    assert sample.columns == {"Sample_ID": "S1", "Index": "", "Index2": ""}


def test_a_manifest_of_an_aviti():
    sheet = parse(
        "[runvalues]\nKeyName, Value\nflow, x\n[Settings]\nSettingName, Value, Lane\nI1MismatchThreshold,0,1+2\n"
        "I1MismatchThreshold,2,\n[samples]\nSampleName,Index1,Index2,Lane,Project\nS1,AC,GT,1+2,P\nS1,CC,,1 + 2,P\n"
    )
    assert (sheet.kind, sheet.header) == ("aviti", {"flow": "x"})
    assert [sheet.setting("I1MismatchThreshold", lane) for lane in (0, 1, 2, 3)] == ["2", "0", "0", "2"]
    assert [(sample.lanes, sample.lane, sample.index) for sample in sheet.samples] == [
        ((1, 2), 0, "AC"),
        ((1, 2), 0, "CC"),
    ]


def test_a_sheet_of_minknow():
    sheet = parse("flow_cell_id,position_id,experiment_id,sample_id,barcode,alias\nPAA1,1A,E,pool,barcode01,mouse\n"
                  "PAA1,1A,E,pool,barcode02,\n")  # fmt: skip
    assert (sheet.kind, [(sample.sample_id, sample.name, sample.project) for sample in sheet.samples]) == (
        "ont", [("mouse", "pool", "E"), ("barcode02", "pool", "E")])  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (b"", None, "empty"),
        (b"\n,,\n", None, "empty"),
        ("Sample_ID,Index\nS1,ACGT\n", 1, "before the first section"),
        ("\nx\n[Data]\nSample_ID\n", 2, "before the first section"),
        ("[Foo]\na,b\n", None, "none of the sections"),
        ("[Header];;\nFileFormatVersion;2\n", 1, "save the sheet with commas"),
        ("[Header]\t\t\nFileFormatVersion\t2\n", 1, "save the sheet with commas"),
        ("[Header\nFileFormatVersion,2\n", 1, "name of a section"),
        ("[Header],x\n", 1, "name of a section"),
        ("[]\n", 1, "name of a section"),
        (V2 + DATA + "[Header]\nRunName,x\n", 9, "in line 1 already"),
        (V2 + DATA + "[Data]\nSample_ID\nS3\n", 9, r"\[BCLConvert_Data\] and in \[Data\]"),
        (V2 + "Sample_ID,Index\nS1,ACGT,TTTT\n", 7, "a cell has no column"),
        (V2 + "Sample_ID,,Index\nS1,x,ACGT\n", 7, "a cell has no column"),
        (V2 + "Sample_ID,Index,index\nS1,A,C\n", 6, "two columns 'index'"),
        (V2 + "Sample,Index\nS1,A\n", 6, "no column Sample_ID"),
        (V2 + "Lane,Sample_ID\n1,S1\nx,S2\n", 8, "the lane is 'x'"),
        (V2 + "Lane,Sample_ID\n-1,S1\n", 7, "the lane is '-1'"),
        (V2 + "Lane,Sample_ID\n\u0661,S1\n", 7, "the lane is"),
        (V2 + 'Sample_ID,Index\n"S1,ACGT\nS2,"TTTT\n', 7, "quotes"),
        (V2 + 'Sample_ID,Index\nS1,"AC"GT\n', 7, "quotes"),
        (V2.replace("SoftwareVersion", "") + DATA, 4, "no key"),
        ("[Header]\nFileFormatVersion,2\n[Reads]\nRead1Cycles,many\n", 4, "Read1Cycles is 'many'"),
        ("[RunValues]\nflow, x\n", 2, "no column Value"),
        ("[Samples]\nSample,Index1\nS1,A\n", 2, "no column SampleName"),
        (("[Header]\nFileFormatVersion,2\n").encode("utf-16"), None, "UTF-16"),
        (b"PK\x03\x04\0\0", None, "NUL"),
    ],
)
def test_a_sheet_that_cannot_be_read_whole_names_the_line(text, line, words):
    with pytest.raises(RunFileError, match=words) as caught:
        parse(text)
    assert caught.value.line == line
    assert str(caught.value).startswith("SampleSheet.csv" + (f", line {line}: " if line else ": "))
