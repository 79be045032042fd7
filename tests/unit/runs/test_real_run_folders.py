"""Real run folders of ../shared/data/runs: recognised, and judged as their listings and small files say."""

from __future__ import annotations

from datetime import timedelta

import pytest
from seqdrop.runs.completion import judge
from seqdrop.runs.files import RunFile

from tests.unit.runs.run_folders import HOUR, START

MISEQ_MARKERS = ["RTAComplete.txt", "Basecalling_Netcopy_complete.txt", "CopyComplete.txt"]
ONT_FOLDER = "Group1/Sample1/20250603_1201_3E_PAA12345_e05460c6"
# (listing, name of the folder if not its own, files that the source left out, instrument, state, missing)
RUNS = [
    ("miseq/230224_M02439_0043_000000000-KT42M", "", [], "miseq", "COMPLETE"),
    ("miseq/180101_M00000_0000_000000000-XXXXX", "", [], "miseq", "COPYING"),
    ("miseq/130417_M00146_0021_000000000-A2WDF", "", [], "miseq", "SEQUENCING"),
    ("miseq/230825_M04034_0043_000000000-L6NVV", "", [], "miseq", "SEQUENCING"),
    ("miniseq/180103_M000000_0000_0000000000", "", [], "miniseq", "COPYING"),
    ("miniseq/180103_M000000_0000_0000000000", "", ["RunCompletionStatus.xml"], "miniseq", "COMPLETE"),
    ("nextseq550/170609_NB551051_0017_AHLFFJBGX2", "", [], "nextseq-500", "COMPLETE"),
    ("nextseq2000", "250304_VH01673_47_2227MWWNX", [], "nextseq-2000", "COMPLETE"),
    ("novaseq6000", "200303_A00562_0352_AHKFVLDRXX", [], "novaseq-6000", "COMPLETE"),
    ("novaseq6000/200624_A00834_0183_BHMTFYTINY", "", [], "novaseq-6000", "SEQUENCING"),
    ("novaseqx/20230418_LH00130_0003_B223YTFLT3", "", [], "novaseq-x", "COPYING"),
    ("novaseqx/20240531_LH00130_0061_A22CC55LT4", "", [], "novaseq-x", "COPYING"),
    ("novaseqx/20240531_LH00130_0061_A22CC55LT4", "", ["RTAComplete.txt", "CopyComplete.txt"], "novaseq-x", "COMPLETE"),
    ("novaseqx/20251210_LH00224_0271_B23FF7CLT4", "", [], "novaseq-x", "SEQUENCING"),
    ("miseq-i100", "20250818_SH00364_0003_ASC2128532-SC3", [], "miseq-i100", "COMPLETE"),
    ("aviti/20250127_AV244103_NT1850075L", "", [], "aviti", "COMPLETE"),
    ("ultima/424445-20251105_1219", "", [], "ultima", "COMPLETE"),
    ("pacbio-revio/r84028_20230214_022129", "", [], "pacbio", "COMPLETE"),
    ("ont", "Group1", [], "ont", "COMPLETE"),
]


def read_listing(root, *, without=(), more=()):
    rows = [line.split("\t") for line in (root / "LISTING.tsv").read_text().splitlines()[1:]]
    names = [name for name, _ in rows if not name.endswith("/") and name not in without]
    return [RunFile(name, 1, START) for name in [*names, *more]]


def judge_listing(root, files, name="", now=START + 2 * HOUR):
    def read(path):
        if not (root / path).is_file():
            raise FileNotFoundError(path)
        return (root / path).read_bytes()

    return judge(name or root.name, files, read, now)


@pytest.mark.parametrize(("path", "name", "more", "instrument", "state"), RUNS)
def test_a_real_run_folder(shared_data, path, name, more, instrument, state):
    root = shared_data / "runs" / path
    verdict = judge_listing(root, read_listing(root, more=more), name)
    assert (verdict.instrument, verdict.state) == (instrument, state)


@pytest.mark.parametrize("marker", ["RTAComplete.txt", "RunCompletionStatus.xml", "RTARead3Complete.txt"])
def test_a_real_nextseq_without_one_of_its_markers(shared_data, marker):
    root = shared_data / "runs/nextseq550/170609_NB551051_0017_AHLFFJBGX2"
    assert judge_listing(root, read_listing(root, without=[marker])).missing == (marker,)


def test_a_real_manifest_of_a_novaseq_x_is_checked_file_by_file(shared_data):
    root = shared_data / "runs/novaseqx/20240531_LH00130_0061_A22CC55LT4"
    markers = ["RTAComplete.txt", "CopyComplete.txt", "Analysis/2/CopyComplete.txt"]
    assert judge_listing(root, read_listing(root, more=markers)).analysis == 2
    absent = "Analysis/2/Data/BCLConvert/fastq/Reports/fastq_list.csv"
    verdict = judge_listing(root, read_listing(root, more=markers, without=[absent]))
    assert (verdict.state, verdict.analysis, verdict.missing) == ("COMPLETE", 0, (absent,))


def test_a_real_analysis_of_a_miseq_i100_is_complete(shared_data):
    root = shared_data / "runs/miseq-i100/20250818_SH00364_0003_ASC2128532-SC3"
    files = [RunFile(str(path.relative_to(root)), 1, START) for path in root.rglob("*") if path.is_file()]
    assert judge_listing(root, files).analysis == 1


def test_the_eight_lists_of_a_real_revio_run_agree_with_its_listing(shared_data):
    root = shared_data / "runs/pacbio-revio/r84028_20230214_022129"
    files = read_listing(root)
    assert len(judge_listing(root, files).units) == 8
    for name in ("2_D01/hifi_reads/m84028_230215_041316_s4.hifi_reads.unassigned.bam", "1_A01/metadata/nvidia-smi.log"):
        verdict = judge_listing(root, [file for file in files if file.name != name])
        assert verdict.missing == (name,)
        assert len(verdict.complete) == 7


def test_a_whole_small_ont_run_is_complete_and_counts_its_files(shared_data):
    root = shared_data / "runs/ont/made"
    files = [RunFile(str(path.relative_to(root)), 1, START) for path in root.rglob("*") if path.is_file()]
    verdict = judge_listing(root, files, "Group1")
    assert (verdict.state, verdict.warnings) == ("COMPLETE", ())
    without = [file for file in files if not file.name.endswith("_0.fastq") or "fail" in file.name]
    assert judge_listing(root, without, "Group1").missing == (f"{ONT_FOLDER}: 1 of 2 FASTQ files",)


@pytest.mark.parametrize(
    ("run", "state"),
    [
        ("20240216_AV234003_16feb_sge_1x300", "FAILED"),
        ("20250602_AV244103_QC_SLIDE_2", "COMPLETE"),
        ("20231218_AV234003_FluidicsRun_1_A", "SEQUENCING"),
    ],
)
def test_real_runs_of_an_aviti(shared_data, run, state):
    root = shared_data / "runs/aviti" / run
    files = [RunFile(path.name, 1, START) for path in root.iterdir()]
    verdict = judge_listing(root, files)
    assert (verdict.instrument, verdict.state) == ("aviti", state)
    assert ("OutcomeFailed" in verdict.reason) == (state == "FAILED")


def test_a_cycle_of_a_real_aviti_run_is_missed(shared_data):
    root = shared_data / "runs/aviti/20250127_AV244103_NT1850075L"
    verdict = judge_listing(root, read_listing(root, without=["BaseCalls/R2_C151.zip"]))
    assert (verdict.state, verdict.missing) == ("COPYING", ("BaseCalls/R2_C151.zip",))


def test_real_final_summaries_of_2019_and_2021_count_fast5_and_fastq(shared_data):
    for path, kind in (("ont/promethion_2019", "786"), ("ont/minion_2021", "685")):
        root = shared_data / "runs" / path
        files = [RunFile(file.name, 1, START) for file in root.iterdir()]
        verdict = judge_listing(root, files, now=START + timedelta(hours=1))
        assert verdict.missing == (f"{kind} of {kind} FAST5 files", f"{kind} of {kind} FASTQ files")
