"""An instrument is recognised by its software's words, then by its id, the folder's name, and its files."""

from __future__ import annotations

import pytest

from tests.unit.runs.run_folders import judge_files, parameters, run_info


def recognise(folder, contents):
    return judge_files(folder, contents).instrument


@pytest.mark.parametrize(
    ("application", "row"),
    [
        ("MiSeq Control Software", "miseq"),
        ("NextSeq Control Software", "nextseq-500"),
        ("NextSeq 1000/2000 Control Software", "nextseq-2000"),
        ("MiniSeq Control Software", "miniseq"),
        ("iSeq Control Software", "iseq"),
        ("NovaSeq Control Software", "novaseq-6000"),
        ("NovaSeqXSeries Control Software", "novaseq-x"),
        ("MiSeqi100Series Control Software", "miseq-i100"),
        ("HiSeq Control Software", "hiseq"),
    ],
)
def test_by_the_name_of_the_control_software_whatever_the_id_says(application, row):
    contents = {"RunParameters.xml": parameters(application), "RunInfo.xml": run_info("M00001")}
    assert recognise("240115_A00123_0045_AHXXXXXX", contents) == row


def test_by_the_type_of_the_instrument_if_the_software_says_only_control_software():
    """A real NovaSeq X of 2023."""
    body = b"<RunParameters><Application>control-software</Application><InstrumentType>NovaSeqXPlus</InstrumentType>"
    assert recognise("x", {"RunParameters.xml": body + b"</RunParameters>"}) == "novaseq-x"


@pytest.mark.parametrize(
    ("serial", "row"),
    [
        ("M00146", "miseq"),
        ("NB551051", "nextseq-500"),
        ("NS500123", "nextseq-500"),
        ("VH00120", "nextseq-2000"),
        ("VL00123", "nextseq-2000"),
        ("MN00123", "miniseq"),
        ("FS10000123", "iseq"),
        ("A00562", "novaseq-6000"),
        ("LH00130", "novaseq-x"),
        ("SH01140", "miseq-i100"),
        ("SL00364", "miseq-i100"),
        ("D00415", "hiseq"),
        ("K00123", "hiseq"),
        ("ST-E00123", "hiseq"),
        ("AV234003", "aviti"),
        ("X00001", ""),
        ("M000000", ""),
    ],
)
def test_by_its_id_in_runinfo_or_in_the_name_of_the_folder(serial, row):
    assert recognise("renamed", {"RunInfo.xml": run_info(serial)}) == row
    assert recognise(f"20240115_{serial}_0045_AHXXXXXX", {"x": b""}) == row


def test_runinfo_counts_more_than_the_name_of_the_folder():
    assert recognise("240115_A00123_0045_AHXXXXXX", {"RunInfo.xml": run_info("LH00130")}) == "novaseq-x"


def test_a_runinfo_of_an_analysis_is_not_that_of_the_run():
    name = "Analysis/2/Data/BCLConvert/fastq/Reports/RunInfo.xml"
    assert recognise("renamed", {name: run_info("LH00130")}) == ""


@pytest.mark.parametrize(
    ("folder", "row"),
    [
        ("424445-20251105_1219", "ultima"),
        ("r84028_20230214_022129", "pacbio"),
        ("r64011e_20210101_010101", "pacbio-sequel"),
        ("r54006_20170101_010101", "pacbio-sequel"),
        ("20250603_1201_3E_PAA12345_e05460c6", "ont"),
        ("20190228_1936_2-A5-D5_PAD13330_c59f16fe", "ont"),
        ("20210310_1851_MN36551_FAP48412_e78b393c", "ont"),
        ("V350012345", "mgi"),
        ("2024_results", ""),
        ("r84028", ""),
    ],
)
def test_by_the_name_of_the_run_folder_or_of_one_above_or_below(folder, row):
    assert recognise(folder, {"x": b""}) == row
    assert recognise("project", {f"{folder}/x": b""}) == row


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("1_A01/metadata/m84028_230214_023007_s1.transferdone", "pacbio"),
        ("1_A01/Transfer_Test_230214_022138.txt", "pacbio"),
        ("a/final_summary_FAP48412_e78b393c.txt", "ont"),
        ("RunUploaded.json", "aviti"),
        ("UploadCompleted.json", "ultima"),
        ("424445_LibraryInfo.xml", "ultima"),
        ("lane/L01/V35_L01_finish.signal", "mgi"),
        ("CopyComplete.txt", ""),
        ("RunCompletionStatus.xml", ""),
    ],
)
def test_by_files_that_only_its_instruments_write(name, row):
    assert recognise("renamed", {name: b""}) == row


@pytest.mark.parametrize("name", ["RunParameters.xml", "RunInfo.xml", "RunParameters.json"])
@pytest.mark.parametrize("body", [b"\x00", b"{", b"<a", b"[1]", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'])
def test_a_description_that_cannot_be_read_is_a_warning_and_names_decide(name, body):
    verdict = judge_files("20240531_LH00130_0061_A22CC55LT4", {name: body})
    assert verdict.instrument == "novaseq-x"
    is_readable = name.endswith("json") and body == b"[1]"
    assert len(verdict.warnings) == (0 if is_readable else 1)
    assert all(name in warning for warning in verdict.warnings)


def test_a_file_that_is_gone_when_it_is_read_is_no_error():
    contents = {"RunInfo.xml": b"x", "RunParameters.xml": b"x", "RunCompletionStatus.xml": b"x"}

    class Gone(dict):
        def __contains__(self, key):
            return False

    assert judge_files("20240531_LH00130_0061_A22CC55LT4", Gone(contents)).instrument == "novaseq-x"
