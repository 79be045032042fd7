"""Made-up run folders, laid out as instruments write them: an Illumina NovaSeq X and an Oxford Nanopore PromethION.

They are small, and have what real ones have: images of cycles, InterOp, logs, empty markers, index reads, reads of no
sample (Undetermined), and the checksums that the instrument computes. Identifiers are invented.
"""

from __future__ import annotations

import hashlib
import random
import zlib
from typing import TYPE_CHECKING

from local.samples import SEED, make_dna, make_fastq, pack

if TYPE_CHECKING:
    from pathlib import Path

NOVASEQ_X = "20260105_LH00999_0012_A22ABCDLT4"
ONT = "PRJ7"
FLOW_CELL = "S1/20260106_0907_2B_PAX01234_0a1b2c3d"
SAMPLES = {"S1": "ACGTACGT", "S2": "TTGCATGC", "S3": "GGATCCTA"}  # S3 is in the sheet, and no read of it came
ANALYSIS = "Analysis/1"
FASTQ = "Data/BCLConvert/fastq"

RUN_INFO = f"""\
<?xml version="1.0"?>
<RunInfo Version="6">
  <Run Id="{NOVASEQ_X}" Number="12">
    <Flowcell>22ABCDLT4</Flowcell><Instrument>LH00999</Instrument><Date>2026-01-05T18:00:00Z</Date>
    <Reads>
      <Read Number="1" NumCycles="100" IsIndexedRead="N" IsReverseComplement="N"/>
      <Read Number="2" NumCycles="8" IsIndexedRead="Y" IsReverseComplement="N"/>
      <Read Number="3" NumCycles="100" IsIndexedRead="N" IsReverseComplement="N"/>
    </Reads>
    <FlowcellLayout LaneCount="2" SurfaceCount="2" SwathCount="4" TileCount="98"/>
  </Run>
</RunInfo>
"""
RUN_PARAMETERS = """\
<?xml version="1.0"?>
<RunParameters>
  <InstrumentType>NovaSeqXPlus</InstrumentType><InstrumentSerialNumber>LH00999</InstrumentSerialNumber>
  <Application>control-software</Application><SystemSuiteVersion>1.3.0.39308</SystemSuiteVersion>
</RunParameters>
"""
COMPLETION = """\
<?xml version="1.0" encoding="utf-8"?>
<RunCompletionStatus>
  <RunStartTime>2026-01-05T18:00:00Z</RunStartTime><RunEndTime>2026-01-07T11:51:29Z</RunEndTime>
  <RunStatus>{status}</RunStatus>{error}
</RunCompletionStatus>
"""
SHEET_HEAD = """\
[Header],,,
FileFormatVersion,2,,
RunName,demo,,
InstrumentPlatform,NovaSeqXSeries,,
,,,
[Reads],,,
Read1Cycles,100,,
Index1Cycles,8,,
Read2Cycles,100,,
,,,
[BCLConvert_Settings],,,
SoftwareVersion,4.3.13,,
FastqCompressionFormat,gzip,,
,,,
[BCLConvert_Data],,,
Lane,Sample_ID,Index,
"""


def write_novaseq_run(folder: Path, error: str = "") -> Path:
    """Write the folder of a NovaSeq X run with an on-board analysis below `folder`, and return its path.

    With `error`, the instrument reports that the run failed for this reason, and there is no analysis.
    """
    source = random.Random(SEED)
    files = _instrument_files(source, error)
    if not error:
        files |= {f"{ANALYSIS}/{name}": body for name, body in _analysis_files(source).items()}
    return _write(folder / NOVASEQ_X, files)


def _instrument_files(source: random.Random, error: str) -> dict[str, bytes]:
    status = COMPLETION.format(
        status="RunErrored" if error else "RunCompleted", error=f"<RunError>{error}</RunError>" if error else ""
    )
    calls = {f"Data/Intensities/BaseCalls/L001/C{cycle}.1/L001_1.cbcl": source.randbytes(600) for cycle in range(1, 25)}
    metrics = {f"InterOp/{name}MetricsOut.bin": source.randbytes(400) for name in ("Q", "Tile", "Error")}
    return {
        "RunInfo.xml": RUN_INFO.encode(),
        "RunParameters.xml": RUN_PARAMETERS.encode(),
        "SampleSheet.csv": _make_sheet(),
        **calls,
        **metrics,
        "Logs/run.log": b"2026-01-05T18:00:00Z started\n",
        "Logs/Errors.log": b"",
        "RTAComplete.txt": b"",
        "RunCompletionStatus.xml": status.encode(),
        "CopyComplete.txt": b"",
    }


def _analysis_files(source: random.Random) -> dict[str, bytes]:
    """Return the files of the on-board analysis, with its list of checksums and its markers."""
    genome = make_dna(source, 5_000)
    reads = {}
    for number, sample in enumerate(list(SAMPLES)[:2], start=1):
        for mate in (1, 2):
            name = f"{FASTQ}/{sample}_S{number}_L001_R{mate}_001.fastq.gz"
            reads[name] = pack(make_fastq(random.Random(SEED + 10 * mate + number), genome, mate))
    reads[f"{FASTQ}/S1_S1_L001_I1_001.fastq.gz"] = pack(_make_index_reads(SAMPLES["S1"]))
    reads[f"{FASTQ}/Undetermined_S0_L001_R1_001.fastq.gz"] = pack(make_fastq(source, genome, 1))
    files = {
        **reads,
        f"{FASTQ}/Reports/Demultiplex_Stats.csv": b"Lane,SampleID,Index,# Reads\n1,S1,ACGTACGT,400\n",
        "Data/BCLConvert/SampleSheet.csv": _make_sheet(),
        "Data/Logs/Warnings.log": b"",
        "Data/Secondary_Analysis_Complete.txt": b"",
    }
    lines = (f"{name}\t{zlib.crc32(body):08x}" for name, body in files.items())
    return {**files, "Manifest.tsv": "\n".join(lines).encode() + b"\n", "CopyComplete.txt": b""}


def _make_sheet() -> bytes:
    return (SHEET_HEAD + "".join(f"1,{sample},{index},\n" for sample, index in SAMPLES.items())).encode()


def _make_index_reads(index: str) -> bytes:
    names = (f"SEQDROP:1:DEMO:1:1101:{1000 + number}:{2000 + number} 1:N:0:{index}" for number in range(1, 401))
    return "".join(f"@{name}\n{index}\n+\n{'I' * len(index)}\n" for name in names).encode()


def write_ont_run(folder: Path) -> Path:
    """Write the folder of a PromethION run with one flow cell below `folder`, and return its path."""
    source = random.Random(SEED + 7)
    genome = make_dna(source, 5_000)
    reads = {
        f"fastq_{sort}/barcode{barcode:02d}/PAX01234_{sort}_barcode{barcode:02d}_0a1b2c3d_1f2e3d4c_0.fastq.gz": pack(
            make_fastq(source, genome, 1)
        )
        for sort in ("pass", "fail")
        for barcode in (1, 2)
    }
    signals = {f"pod5/PAX01234_0a1b2c3d_1f2e3d4c_{number}.pod5": source.randbytes(3_000) for number in range(3)}
    listed = [f"0a1b2c3d,{ONT},PAX01234,S1,{hashlib.sha256(body).hexdigest()},{name},," for name, body in reads.items()]
    head = "runid,protocol_group_id,flow_cell_id,sample_id,file_hash,file_path,barcode,barcode_alias"
    files = {
        **reads,
        **signals,
        "sequencing_summary_PAX01234_0a1b2c3d_1f2e3d4c.txt": b"filename\tread_id\n",
        "output_hash_PAX01234_20260106_0907_0a1b2c3d.csv": "\n".join([head, *listed, ""]).encode(),
        "final_summary_PAX01234_0a1b2c3d_1f2e3d4c.txt": _make_final_summary(len(reads), len(signals)),
    }
    return _write(folder / ONT, {f"{FLOW_CELL}/{name}": body for name, body in files.items()})


def _make_final_summary(fastq: int, pod5: int) -> bytes:
    lines = [
        "instrument=PCA100999",
        "position=2B",
        "flow_cell_id=PAX01234",
        "sample_id=S1",
        f"protocol_group_id={ONT}",
        "protocol_run_id=0a1b2c3d-0000-4000-8000-000000000001",
        "acquisition_run_id=1f2e3d4c00000000000000000000000000000000",
        "started=2026-01-06T09:07:00.000000+00:00",
        "acquisition_stopped=2026-01-07T09:07:00.000000+00:00",
        "processing_stopped=2026-01-07T09:30:00.000000+00:00",
        "basecalling_enabled=1",
        "sequencing_summary_file=sequencing_summary_PAX01234_0a1b2c3d_1f2e3d4c.txt",
        f"pod5_files_in_final_dest={pod5}",
        "pod5_files_in_fallback=0",
        f"fastq_files_in_final_dest={fastq}",
        "fastq_files_in_fallback=0",
    ]
    return "\n".join([*lines, ""]).encode()


def _write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, body in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return folder
