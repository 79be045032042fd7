"""Which names are notable, sent early or last, and which folders release a file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.runs import completion
from seqdrop.runs.names import analysis_folder, analysis_number, gate_folders, is_notable, is_sent_early, is_sent_last

from tests.unit.runs.run_folders import FOLDERS

LAST = [
    "RTAComplete.txt",
    "RTAComplete.xml",
    "copycomplete.txt",
    "SequenceComplete.txt",
    "RTARead3Complete.txt",
    "Basecalling_Netcopy_complete_Read4.txt",
    "ImageAnalysis_Netcopy_complete.txt",
    "RunCompletionStatus.xml",
    "RunUploaded.json",
    "UploadCompleted.json",
    "424445_UploadCompleted.json",
    "1_A01/metadata/m84028_230214_023007_s1.transferdone",
    "1_A01/metadata/.m64011_190830_220126.transferdone",
    "a/b/final_summary_FAP48412_e78b393c.txt",
    "final_summary.txt",
    "a/output_hash_PAA12345_20250603_1202_e05460c6.csv",
    "Analysis/1/Manifest.tsv",
    "Analysis/1/CopyComplete.txt",
    "Analysis/1/Data/Secondary_Analysis_Complete.txt",
    "Analysis/1/Data/Error_Summary.json",
    "Analysis/1/analysisResults.json",
    "Analysis/1/Data/fastq/Logs/FastqComplete.txt",
    "seqdrop-manifest.json",
    "seqdrop-complete.txt",
    "Data/Seqdrop-Complete.TXT",
    "md5sum.txt",
    "reads.fastq.gz.md5",
    "InterOp/TileMetricsOut.bin.md5",
]
EARLY = [
    "RunInfo.xml",
    "RunParameters.xml",
    "runParameters.xml",
    "RunParameters.json",
    "SampleSheet.csv",
    "RunManifest.csv",
    "424445_LibraryInfo.xml",
    "a/sample_sheet_PAA12345_20250603_1202_e05460c6.csv",
]
INTEROP = ["InterOp/TileMetricsOut.bin", "InterOp/C1.1/ImageMetricsOut.bin"]
OTHERS = [
    "Data/Intensities/BaseCalls/L001/C1.1/L001_1.cbcl",
    "a/sequencing_summary_FAX_1.txt",
    "S1_R1.fastq.gz",
    "pod5/x.pod5",
    "1_A01/Transfer_Test_230214_022138.txt",
    "Analysis/1/Data/BCLConvert/fastq/Reports/Demultiplex_Stats.csv",
    "CopyComplete.txt/file.bin",
    "MyCopyComplete.txt.bak",
]


@pytest.mark.parametrize("name", LAST)
def test_markers_outcomes_and_lists_are_notable_and_sent_last(name):
    assert (is_notable(name), is_sent_last(name), is_sent_early(name)) == (True, True, False)


@pytest.mark.parametrize("name", EARLY)
def test_descriptions_are_notable_and_sent_early(name):
    assert (is_notable(name), is_sent_last(name), is_sent_early(name)) == (True, False, True)


@pytest.mark.parametrize("name", INTEROP)
def test_interop_is_sent_early_and_is_not_notable(name):
    assert (is_notable(name), is_sent_last(name), is_sent_early(name)) == (False, False, True)


@pytest.mark.parametrize("name", OTHERS)
def test_other_files_are_sent_in_between(name):
    assert (is_notable(name), is_sent_last(name), is_sent_early(name)) == (False, False, False)


@pytest.mark.parametrize("folder", FOLDERS.values(), ids=FOLDERS)
def test_every_marker_of_every_instrument_is_notable_and_sent_last(folder):
    data = ("hifi_reads/", "fastq_", "pod5/", "BaseCalls/")
    for name in folder.required:
        if not any(part in name for part in data):
            assert is_notable(name)
            assert is_sent_last(name)


def test_completion_offers_is_notable():
    assert completion.is_notable is is_notable


@pytest.mark.parametrize(
    ("name", "folders"),
    [
        ("RunInfo.xml", [""]),
        ("Data/Intensities/s.locs", ["Data/Intensities", "Data", ""]),
        ("1_A01/metadata/x.transferdone", ["1_A01/metadata", "1_A01", ""]),
        ("Analysis/2/Data/BCLConvert/x", ["Analysis/2/Data/BCLConvert", "Analysis/2/Data", "Analysis/2"]),
        ("Analysis/2/Manifest.tsv", ["Analysis/2"]),
        ("analysis/12/x", ["analysis/12"]),
        ("Analysis/readme.txt", ["Analysis", ""]),
        ("Analysis/2", ["Analysis", ""]),
        ("Analysis/2b/x", ["Analysis/2b", "Analysis", ""]),
        ("Analysis/٢/x", ["Analysis/٢", "Analysis", ""]),
        ("Data/Analysis/2/x", ["Data/Analysis/2", "Data/Analysis", "Data", ""]),
    ],
)
def test_gate_folders_go_up_from_a_file_and_stop_at_its_analysis(name, folders):
    assert gate_folders(name) == folders


@given(st.lists(st.text(st.characters(exclude_characters="/"), min_size=1), min_size=1, max_size=6))
def test_gate_folders_are_all_parents_of_a_file_nearest_first(parts):
    name = "/".join(parts)
    folders = gate_folders(name)
    assert folders == sorted(folders, key=len, reverse=True)
    assert all(name.startswith(f"{folder}/") for folder in folders if folder)
    assert ("" in folders) == (not analysis_folder(name))


def test_the_number_of_an_analysis():
    assert (analysis_number("Analysis/12"), analysis_number("Analysis"), analysis_number("Data")) == (12, 0, 0)
