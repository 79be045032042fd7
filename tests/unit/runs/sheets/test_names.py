"""Which files of a run are its sample sheet."""

import pytest
from seqdrop.runs.sheets.names import choose_sheet, is_sheet, starts_like_sheet


@pytest.mark.parametrize(
    "name",
    ["SampleSheet.csv", "a/b/SampleSheet.csv", "SampleSheetUsed.csv", "samplesheet.csv", "SampleSheet_VH01300_3.csv",
     "NextSeq2000_SampleSheet.csv", "miseq_35147139_samplesheet_v1.csv", "RunManifest.csv", "run_manifest.csv",
     "20240101 SampleSheet.csv", "sample_sheet_FAP48412_20210520_1234_e78b393c.csv", "C:\\runs\\SampleSheet.csv"],
)  # fmt: skip
def test_names_of_sheets(name):
    assert is_sheet(name)


@pytest.mark.parametrize(
    "name",
    ["SampleSheet.csv/x.txt", "SampleSheet.csv.bak", "SampleSheet.xlsx", "Demultiplex_Stats.csv", "fastq_list.csv",
     "RunManifest.json", "output_hash_PAA12345.csv", "MySampleSheets.csv"],
)  # fmt: skip
def test_names_of_other_files(name):
    assert not is_sheet(name)


@pytest.mark.parametrize(
    ("start", "expected"),
    [(b"[Header]\n", True), (b'\xef\xbb\xbf"[Header]",,\r\n', True), (b"\n,,\n[Data]", True),
     (b"position_id,sample_id,kit\n", True), (b"sample,fastq_1,fastq_2\n", False), (b"", False), (b"\xff\xfe[", False)],
)  # fmt: skip
def test_how_sheets_start(start, expected):
    assert starts_like_sheet(start) == expected


def test_the_sheet_of_the_latest_analysis_is_chosen():
    folders = ("", "Analysis/2/Data/BCLConvert/", "Analysis/10/Data/Reports/", "Analysis/10/inputs/")
    names = [*(f"{folder}SampleSheet.csv" for folder in folders), "x.txt"]
    assert choose_sheet(names) == "Analysis/10/inputs/SampleSheet.csv"
    assert choose_sheet([*names[:1], "Data/SampleSheet.csv"]) == "SampleSheet.csv"
    assert choose_sheet(["x.csv"]) is None
