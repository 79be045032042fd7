"""Run folders as the sources of docs/instruments.md describe them, not as our own table has them.

`required` are the files without which no rule of the source calls the run complete.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from seqdrop.runs.completion import judge
from seqdrop.runs.files import RunFile

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
GRACE = timedelta(minutes=10)
COMPLETED = b"<RunCompletionStatus><RunStatus>RunCompleted</RunStatus></RunCompletionStatus>"
AS_PLANNED = (
    b"<RunCompletionStatus><CompletionStatus>CompletedAsPlanned</CompletionStatus>"
    b"<ErrorDescription>None</ErrorDescription></RunCompletionStatus>"
)
UPLOADED = b'{"version":"1.0.0","instrument":"AV234003","outcome":"OutcomeCompleted"}'


@dataclass(frozen=True)
class Folder:
    instrument: str
    name: str
    files: dict[str, bytes]
    required: list[str]
    first: list[str] = field(default_factory=list)  # what is always there before the others

    @property
    def all(self) -> dict[str, bytes]:
        return {**dict.fromkeys(self.first, b""), **self.files, **{n: self.files.get(n, b"") for n in self.required}}


def judge_files(name, contents, *, now=START + HOUR, times=None, listed=None, grace_minutes=None):
    """Judge {file: content}; `times` are those that do not arrive at START."""
    times = times or {}
    files = [RunFile(path, len(body), times.get(path, START)) for path, body in contents.items()]

    def read(path):
        if path not in contents:
            raise FileNotFoundError(path)
        return contents[path]

    return judge(name, files, read, now, listed, grace_minutes)


def run_info(instrument, reads=3):
    tags = "".join(f'<Read Number="{number}" NumCycles="8"/>' for number in range(1, reads + 1))
    text = f"<RunInfo><Run Id='x'><Flowcell>F</Flowcell><Instrument>{instrument}</Instrument><Reads>{tags}</Reads>"
    return (text + "</Run></RunInfo>").encode()


def parameters(application, version=""):
    version_tag = f"<RunParametersVersion>{version}</RunParametersVersion>" if version else ""
    text = (
        f"<RunParameters>{version_tag}<Setup><ApplicationName>{application}</ApplicationName></Setup></RunParameters>"
    )
    return text.encode()


def transfer_list(cell, movie, count=3):
    names = [f"hifi_reads/{movie}.{number}.bam" for number in range(count)]
    lines = [f"Transfer Manifest nfiles: {count}", f"AcqId 07 transfer list size : {count}"]
    body = "\n".join([*lines, *(f"/data/icc/{movie}/{name}" for name in names)]).encode()
    return body, [f"{cell}/{name}" for name in names]


def final_summary(flow_cell, fastq=2, pod5=1, fallback=0):
    return (
        f"instrument=MN36551\nflow_cell_id={flow_cell}\nfastq_files_in_final_dest={fastq}\n"
        f"fastq_files_in_fallback={fallback}\npod5_files_in_final_dest={pod5}\n"
    ).encode()


def _illumina(row, name, application, required, *, version="", parameters_name="RunParameters.xml", **contents):
    serial = name.split("_")[1]
    files = {
        "RunInfo.xml": run_info(serial),
        parameters_name: parameters(application, version),
        "SampleSheet.csv": b"[Header]\n",
        "InterOp/TileMetricsOut.bin": b"\x02",
        "Data/Intensities/BaseCalls/L001/C1.1/L001_1.cbcl": b"x",
        **contents,
    }
    return Folder(row, name, files, required)


def _pacbio():
    files, required, first = {}, [], []
    for cell, movie in (("1_A01", "m84028_230214_023007_s1"), ("1_B01", "m84028_230214_030031_s2")):
        done = f"{cell}/metadata/{movie}.transferdone"
        files[done], names = transfer_list(cell, movie)
        files |= dict.fromkeys(names, b"BAM")
        required += [done, *names]
        first.append(f"{cell}/Transfer_Test_230214_022138.txt")
    return Folder("pacbio", "r84028_20230214_022129", files, required, first=first)


ONT_CELL = "Group1/Sample1/20250603_1201_3E_PAA12345_e05460c6"


def _ont():
    names = [
        f"{ONT_CELL}/fastq_pass/barcode01/PAA12345_pass_barcode01_e05460c6_0f1d7e9e_0.fastq.gz",
        f"{ONT_CELL}/fastq_fail/barcode01/PAA12345_fail_barcode01_e05460c6_0f1d7e9e_0.fastq.gz",
        f"{ONT_CELL}/pod5/PAA12345_e05460c6_0f1d7e9e_0.pod5",
    ]
    summary = f"{ONT_CELL}/final_summary_PAA12345_e05460c6_0f1d7e9e.txt"
    other = {f"{ONT_CELL}/sequencing_summary_PAA12345_e05460c6_0f1d7e9e.txt": b"", f"{ONT_CELL}/report.html": b""}
    files = {**dict.fromkeys(names, b"x"), **other, summary: final_summary("PAA12345")}
    return Folder("ont", "Group", files, [summary, *names])


NETCOPY = [f"Basecalling_Netcopy_complete_Read{number}.txt" for number in (1, 2, 3)]
RTA3 = ["RTAComplete.txt", "CopyComplete.txt", "RunCompletionStatus.xml"]
DONE = {"RunCompletionStatus.xml": COMPLETED}
PLANNED = {"RunCompletionStatus.xml": AS_PLANNED}
MISEQ = "MiSeq Control Software"

FOLDERS = {
    # GenomiqueENS/aozan, IlluminaRawRunDataProvider.java, runMiSeqCompleted
    "MiSeq 1.3": _illumina(
        "miseq",
        "230224_M02439_0043_000000000-KT42M",
        MISEQ,
        ["RTAComplete.txt", "Basecalling_Netcopy_complete.txt", *NETCOPY, "RunCompletionStatus.xml"],
        version="MiSeq_1_3",
        **PLANNED,
        **{"ImageAnalysis_Netcopy_complete.txt": b""},
    ),
    "MiSeq 1.1": _illumina(
        "miseq",
        "180101_M00281_0000_000000000-AAAAA",
        MISEQ,
        ["RTAComplete.txt", "Basecalling_Netcopy_complete.txt", *NETCOPY],
        version="MiSeq_1_1",
        parameters_name="runParameters.xml",
    ),
    "MiSeq of 2013": _illumina(
        "miseq",
        "130417_M00146_0021_000000000-A2WDF",
        MISEQ,
        ["RTAComplete.txt", "ImageAnalysis_Netcopy_complete.txt", *NETCOPY],
        parameters_name="runParameters.xml",
    ),
    "MiSeq, CopyComplete": _illumina(
        "miseq",
        "230825_M04034_0043_000000000-L6NVV",
        MISEQ,
        ["RTAComplete.txt", "CopyComplete.txt"],
        version="MiSeq_1_3",
    ),
    "NextSeq 550": _illumina(
        "nextseq-500",
        "170609_NB551051_0017_AHLFFJBGX2",
        "NextSeq Control Software",
        ["RTAComplete.txt", "RunCompletionStatus.xml", *(f"RTARead{number}Complete.txt" for number in (1, 2, 3))],
        **PLANNED,
    ),
    "NextSeq 500": _illumina(
        "nextseq-500",
        "150101_NS500123_0017_AHLFFJBGX2",
        "NextSeq Control Software",
        ["RTAComplete.txt", "CopyComplete.txt"],
    ),
    "MiniSeq": _illumina(
        "miniseq",
        "180103_MN00123_0322_A000H2FFJ5",
        "MiniSeq Control Software",
        ["RTAComplete.xml", "RunCompletionStatus.xml"],
        **PLANNED,
    ),
    "iSeq": _illumina("iseq", "20200101_FS10000123_4_BNT40301-1234", "iSeq Control Software", RTA3, **DONE),
    "NextSeq 2000": _illumina(
        "nextseq-2000", "200602_VH00120_33_AAACWM2M5", "NextSeq 1000/2000 Control Software", RTA3, **DONE
    ),
    "NextSeq 1000": _illumina("nextseq-2000", "220602_VL00120_3_AAACWM2M5", "", RTA3, **DONE),
    "NovaSeq 6000": _illumina(
        "novaseq-6000",
        "200624_A00834_0183_BHMTFYDRXX",
        "NovaSeq Control Software",
        ["RTAComplete.txt", "CopyComplete.txt"],
        **{"SequenceComplete.txt": b""},
    ),
    "NovaSeq X": _illumina(
        "novaseq-x",
        "20240531_LH00130_0061_A22CC55LT4",
        "NovaSeqXSeries Control Software",
        ["RTAComplete.txt", "CopyComplete.txt"],
        **DONE,
    ),
    "MiSeq i100": _illumina(
        "miseq-i100",
        "20260312_SH01140_0005_ASC2177698-SC3",
        "MiSeqi100Series Control Software",
        ["CopyComplete.txt"],
        **DONE,
    ),
    "HiSeq 4000": _illumina(
        "hiseq",
        "160101_K00123_0021_AHXXXXBBXX",
        "HiSeq Control Software",
        ["RTAComplete.txt", "ImageAnalysis_Netcopy_complete.txt", *NETCOPY],
        parameters_name="runParameters.xml",
    ),
    # NPG, Monitor/Elembio/RunFolder.pm; a public RunUploaded.json
    "AVITI": Folder(
        "aviti",
        "20250127_AV244103_NT1850075L",
        {
            "RunParameters.json": b'{"FileVersion":"5.0.0","InstrumentName":"AV244103","Cycles":{"R1":2,"I1":0}}',
            "BaseCalls/R1_C001.zip": b"PK",
            "RunUploaded.json": UPLOADED,
        },
        ["RunUploaded.json", "BaseCalls/R1_C002.zip"],
        first=["RunParameters.json", "BaseCalls/R1_C001.zip"],  # cycles are counted from the first one on
    ),
    # NPG, Monitor/Ultimagen/RunFolder.pm; the marker has 0 bytes
    "Ultima": Folder(
        "ultima",
        "424445-20251105_1219",
        {"424445_LibraryInfo.xml": b"<SampleInfo/>", "424445-TT-TT/424445-TT-TT.csv": b"x"},
        ["UploadCompleted.json"],
    ),
    "Ultima of a provider": Folder(
        "ultima",
        "batch7",
        {"424445_LibraryInfo.xml": b"<SampleInfo/>", "s1/424445-s1.cram": b"CRAM"},
        ["424445_UploadCompleted.json"],
    ),
    "PacBio": _pacbio(),
    "PacBio Sequel II": Folder(
        "pacbio-sequel",
        "r64011_20190830_220126",
        {"1_A01/m64011_190830_220126.subreads.bam": b"BAM", "2_B01/m64011_190901_101010.subreads.bam": b"BAM"},
        ["1_A01/.m64011_190830_220126.transferdone", "2_B01/.m64011_190901_101010.transferdone"],
        first=["1_A01/m64011_190830_220126.sts.xml", "2_B01/m64011_190901_101010.sts.xml"],
    ),
    "ONT": _ont(),
    "MGI": Folder(
        "mgi",
        "V350012345",
        {"L01/V350012345_L01_1.fq.gz": b"x"},
        ["L01/V350012345_L01_finish.signal", "L01/V350012345_L01_BasecallQC.txt", "L01/SequencingInfo.csv"],
    ),
}
