"""The real sheets and run folders beside the checkout, which are read and never copied."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest
from seqdrop.runs.files import RunFile

FOLDER = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "runs"
NOVASEQ_X = "novaseqx/20240531_LH00130_0061_A22CC55LT4"
NOW = datetime(2026, 12, 1, tzinfo=UTC)

# {path: (kind, rows)}. The rows are those that were counted by hand and with other libraries.
SHEETS = {
    f"{NOVASEQ_X}/Analysis/2/Data/BCLConvert/SampleSheet.csv": ("illumina v2", 144),
    "nextseq2000/250304_VH01673_47_2227MWWNX/Analysis/1/Data/Reports/SampleSheet.csv": ("illumina v2", 4),
    "miseq-i100/20250818_SH00364_0003_ASC2128532-SC3/Analysis/1/inputs/SampleSheet.csv": ("illumina v2", 4),
    "miseq-i100/made/SampleSheet.csv": ("illumina v2", 3),
    "novaseq6000/200624_A00834_0183_BHMTFYTINY/SampleSheet.csv": ("illumina v2", 4),
    "sheets/npg/231206_47995_NVX1_A_ssbatch98292.csv": ("illumina v2", 182),
    "sheets/npg/231206_47995_NVX1_A_ssbatch98292_align.csv": ("illumina v2", 182),
    "sheets/npg/231206_47995_NVX1_A_ssbatch98292_varcall.csv": ("illumina v2", 182),
    "sheets/nf-core/NextSeq2000_SampleSheet.csv": ("illumina v2", 16),
    "sheets/nf-core/with_trailing_comma.csv": ("illumina v2", 2),
    "sheets/samshee/SampleSheet_VH01300_3.csv": ("illumina v2", 23),
    "sheets/samshee/SampleSheet_v2.csv": ("illumina v2", 4),
    "sheets/samshee/issue_5-2.csv": ("illumina v2", 2),
    "sheets/samshee/issue_6.csv": ("illumina v2", 0),
    "sheets/samshee/issue_7.csv": ("illumina v2", 2),
    "sheets/samshee/mixed_line_ends.csv": ("illumina v2", 1),
    "sheets/samshee/miseq_35147139_samplesheet_v1.csv": ("illumina v1", 18),
    "sheets/aozan/SampleSheet_v2_template.csv": ("illumina v2", 4),
    "sheets/aozan/design_version_bcl2fastq2_samplename.csv": ("illumina v1", 12),
    "miseq/130417_M00146_0021_000000000-A2WDF/SampleSheet.csv": ("illumina v1", 1),
    "miseq/180101_M00000_0000_000000000-XXXXX/Data/Intensities/BaseCalls/Alignment/SampleSheetUsed.csv": (
        "illumina v1",
        4,
    ),
    "miniseq/180103_M000000_0000_0000000000/Alignment_1/20180103_110937/SampleSheetUsed.csv": ("illumina v1", 5),
    "miseq/230825_M04034_0043_000000000-L6NVV/SampleSheet.csv": ("illumina v2", 12),
    "aviti/made/RunManifest.csv": ("aviti", 4),
    "aviti/nf-core/RunManifest.csv": ("aviti", 0),
}

# {path: codes}, for the sheets with findings. All others must have none, alone and with the RunInfo.xml of their run.
FINDINGS = {
    "aviti/nf-core/RunManifest.csv": {"no_samples"},  # it has [Settings] only
    "sheets/samshee/issue_6.csv": {"no_samples"},  # shortened by those who published it
    "novaseq6000/200624_A00834_0183_BHMTFYTINY/SampleSheet.csv": {"index_blanks"},
    "sheets/aozan/SampleSheet_v2_template.csv": {"index_repeated"},  # a template: three samples have one index
    # GTGGCC and GTGATC, and CACGAT and GACGAC: two bases differ, with BarcodeMismatchesIndex1,1.
    "sheets/samshee/SampleSheet_VH01300_3.csv": {"index_collision"},
    # This run was cut to four cycles for a test, and its sheet was not.
    "miseq/180101_M00000_0000_000000000-XXXXX/Data/Intensities/BaseCalls/Alignment/SampleSheetUsed.csv": {
        "index_too_long"
    },
}


def read_real(path: str) -> bytes:
    """Return a real file; skip the test if it is not there."""
    file = FOLDER / path
    if not file.is_file():
        pytest.skip(f"no ../shared/data/runs/{path} beside the checkout: this test reads a real file of a run")
    return file.read_bytes()


def read_listing(path: str) -> list[RunFile]:
    """Return the files of a listing; those of unknown size have 1,000 bytes."""
    rows = csv.reader(read_real(path).decode().splitlines()[1:], delimiter="\t")
    return [RunFile(name, 1000 if size == "-" else int(size), NOW) for name, size in rows]


def find_run_info(path: str) -> bytes | None:
    """Return the RunInfo.xml of the run folder that has a sheet; None if there is none."""
    for folder in (FOLDER / path).parents:
        if (folder / "RunInfo.xml").is_file():
            return (folder / "RunInfo.xml").read_bytes()
    return None
