"""Small run folders, as instruments write them: the kinds of files that are dropped, with their places and contents.

A kind is `folder: file`. The number of a drop chooses one of two run folders and one of two bodies of equal size, so
that files are dropped again, overwritten, and differ from their checksum lists.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.faults import files

if TYPE_CHECKING:
    from collections.abc import Callable

OVERRIDE, MANIFEST = "seqdrop-complete.txt", "seqdrop-manifest.json"
FOLDERS = 2
ILLUMINA, SCORED, ONT, UNKNOWN = AREAS = ("illumina", "scored", "ont", "unknown")
ROOTS = {
    ILLUMINA: "runs/20260105_LH00999_000{}_A22ABCDLT4/",
    SCORED: "scored/20260105_LH00998_000{}_B22ABCDLT4/",
    ONT: "runs/PRJ{}/",
    UNKNOWN: "runs/run{}/",
}
CELLS = {"c1": "PAX01234_0a1b2c3d", "c2": "PAX05678_4e5f6a7b"}  # flow cell and run
ANALYSES = (
    '[analyses.runs]\nprefix = "runs/"\nformats = ["any"]\nmax_gb = 1\ngate = "run"\n'
    f'[analyses.scored]\nprefix = "scored/"\nformats = ["fastq"]\nmax_gb = 1\ngate = "run"\n{files.USE}{files.JOB}'
)
INFO = """<?xml version="1.0"?>
<RunInfo Version="6"><Run Id="20260105_{0}_0001_A22ABCDLT4" Number="12">
<Flowcell>22ABCDLT4</Flowcell><Instrument>{0}</Instrument><Date>2026-01-05T18:00:00Z</Date>
<Reads><Read Number="1" NumCycles="40" IsIndexedRead="N" IsReverseComplement="N"/>
<Read Number="2" NumCycles="8" IsIndexedRead="Y" IsReverseComplement="N"/></Reads>
<FlowcellLayout LaneCount="2" SurfaceCount="2" SwathCount="4" TileCount="98"/>
</Run></RunInfo>
"""
STATUS = "<RunCompletionStatus><RunStatus>{}</RunStatus></RunCompletionStatus>"
FAILED = "RunErrored"
SHEET = """[Header],,,
FileFormatVersion,2,,
RunName,faults,,
InstrumentPlatform,NovaSeqXSeries,,
,,,
[Reads],,,
Read1Cycles,40,,
Index1Cycles,8,,
,,,
[BCLConvert_Settings],,,
SoftwareVersion,4.3.13,,
,,,
[BCLConvert_Data],,,
Lane,Sample_ID,Index,
1,S1,ACGTACGT,
1,S2,{},
"""


@dataclass(frozen=True)
class File:
    """A file of a run folder.

    `lists` maps the files that a checksum list names, by path below the run folder, to the checksums in it.
    """

    path: str
    body: Callable[[int], bytes]
    lists: dict[str, str] = field(default_factory=dict)
    is_bad: bool = False

    @property
    def folder(self) -> str:
        """The folder below the run folder; "" for a file of the run folder itself."""
        return self.path.rpartition("/")[0]


def _empty(_: int) -> bytes:
    return b""


def _text(text: str) -> Callable[[int], bytes]:
    return lambda variant: f"{text} {variant}\n".encode()


def _fixed(text: str) -> Callable[[int], bytes]:
    return lambda _: text.encode()


def _reads(number: int, kind: str = files.READS) -> Callable[[int], bytes]:
    return lambda variant: files.reads(kind, number, 2 * number + variant)


def _list_manifest(named: dict[str, bytes]) -> File:
    entries = [
        {"name": name, "size": len(body), "sha256": hashlib.sha256(body).hexdigest()} for name, body in named.items()
    ]
    lists = {entry["name"]: entry["sha256"] for entry in entries}
    return File(MANIFEST, _fixed(json.dumps({"files": entries})), lists)


def _crc(body: bytes) -> str:
    return f"{zlib.crc32(body):08x}"


def _analysis(number: int) -> dict[str, File]:
    """Return the files of an on-board analysis, whose list may name a checksum that is wrong."""
    place, name = f"Analysis/{number}", "Data/S1_S1_L001_R1_001.fastq"
    reads = _reads(4 + number)
    done = "Data/Secondary_Analysis_Complete.txt"
    right = {name: _crc(reads(0)), done: "00000000"}
    wrong = right | {name: "01234567"}

    def table(sums: dict[str, str]) -> File:
        lines = "".join(f"{path}\t{value}\n" for path, value in sums.items())
        lists = {f"{place}/{path}": value for path, value in sums.items()}
        return File(f"{place}/Manifest.tsv", _fixed(lines), lists)

    return {
        f"a{number} reads": File(f"{place}/{name}", reads),
        f"a{number} done": File(f"{place}/{done}", _empty),
        f"a{number} list": table(right),
        f"a{number} wrong list": table(wrong),
        f"a{number} copied": File(f"{place}/CopyComplete.txt", _empty),
        f"a{number} override": File(f"{place}/{OVERRIDE}", _empty),
    }


def _instrument(serial: str) -> dict[str, File]:
    calls, log = _text("calls"), _text("log")
    return {
        "info": File("RunInfo.xml", _fixed(INFO.format(serial))),
        "calls": File("Data/Intensities/L001_1.cbcl", calls),
        "log": File("Logs/run7.log", log),
        "rta": File("RTAComplete.txt", _empty),
        "status": File("RunCompletionStatus.xml", _fixed(STATUS.format("RunCompleted"))),
        "failure": File("RunCompletionStatus.xml", _fixed(STATUS.format(FAILED))),
        "copied": File("CopyComplete.txt", _empty),
        "sheet": File("SampleSheet.csv", _fixed(SHEET.format("TTGCATGC"))),
        "bad sheet": File("SampleSheet.csv", _fixed(SHEET.format("ACGTACGT"))),
        "manifest": _list_manifest({"Data/Intensities/L001_1.cbcl": calls(0), "Logs/run7.log": log(0)}),
        "override": File(OVERRIDE, _empty),
    }


def _cell(label: str) -> dict[str, File]:
    cell, run = CELLS[label].split("_")
    place = f"S1/20260106_0907_2B_{cell}_{run}"
    name = f"fastq_pass/{cell}_pass_{run}_1f2e3d4c_0.fastq"
    reads = _reads(list(CELLS).index(label) + 8)
    digest = hashlib.sha256(reads(0)).hexdigest()
    counts = "instrument=PCA100999\nfastq_files_in_final_dest=1\npod5_files_in_final_dest=1\n"
    return {
        f"{label} reads": File(f"{place}/{name}", reads),
        f"{label} signals": File(f"{place}/pod5/{cell}_{run}_1f2e3d4c_0.pod5", _text(f"signals {label}")),
        f"{label} summary": File(f"{place}/final_summary_{cell}_{run}_1f2e3d4c.txt", _fixed(counts)),
        f"{label} list": File(
            f"{place}/output_hash_{cell}_20260106_0907_{run}.csv",
            _fixed(f"file_path,file_hash\n{name},{digest}\n"),
            {f"{place}/{name}": digest},
        ),
        f"{label} override": File(f"{place}/{OVERRIDE}", _empty),
    }


def _unknown() -> dict[str, File]:
    left, right = _text("left"), _text("right")
    return {
        "left": File("left7.bin", left),
        "right": File("below/right7.txt", right),
        "bad reads": File("bad7.fastq", _reads(12, files.BAD), is_bad=True),
        "marker": File("CopyComplete.txt", _empty),
        "marker below": File("below/CopyComplete.txt", _empty),
        "manifest": _list_manifest({"left7.bin": left(0), "below/right7.txt": right(0)}),
        "override": File(OVERRIDE, _empty),
    }


_FILES = {
    ILLUMINA: _instrument("LH00999") | _analysis(1) | _analysis(2),
    SCORED: _instrument("LH00998") | {"reads": File("reads7.fastq", _reads(0))},
    ONT: _cell("c1") | _cell("c2") | {"note": File("notes7.txt", _text("note")), "override": File(OVERRIDE, _empty)},
    UNKNOWN: _unknown(),
}
FILES = {f"{area}: {label}": file for area, labels in _FILES.items() for label, file in labels.items()}


def area_of(kind: str) -> str:
    return kind.partition(": ")[0]


def root_of(kind: str, slot: int) -> str:
    """Return the key of the run folder of a drop, with its slash."""
    return ROOTS[area_of(kind)].format(slot % FOLDERS)


def place(kind: str, slot: int) -> str:
    return root_of(kind, slot) + FILES[kind].path


def body(kind: str, slot: int) -> bytes:
    return FILES[kind].body(slot // FOLDERS % 2)


def digests(body: bytes) -> set[str]:
    """Return the checksums that a list may have of these bytes."""
    return {_crc(body), hashlib.sha256(body).hexdigest()}
