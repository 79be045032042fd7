"""The names of files with reads, as demultiplexing software and instruments write them: sample, lane, read.

| program | name | source |
|---|---|---|
| bcl2fastq 2.20, BCL Convert | `S1_S1_L001_R1_001.fastq.gz`; without `_L001` if lanes are joined; `.ora` | NovaSeq X |
| MiSeq Reporter, Local Run Manager | `S-1_S1_L001_R1_001.fastq.gz`; Sample_Name, and - for _ | MiSeq and MiniSeq |
| Bases2Fastq (AVITI) | `Samples/P1/S1/S1_R1.fastq.gz`, with `_L001` if lanes are split | pipelines of labs |
| MinKNOW (ONT) | `fastq_pass/barcode01/PAA12345_pass_barcode01_….fastq.gz` | ONT's output specification |
| Revio (PacBio) | `m84028_230214_023007_s1.hifi_reads.bc2023.bam` | .transferdone of a Revio |
| UG100 (Ultima) | `424445-s1-Z0010-CACTGCACGAATGAT.cram` | listing of a UG100 run |
"""

from __future__ import annotations

import re
from dataclasses import dataclass

SUFFIX = re.compile(r"\.(?:fastq|fq)(?:\.(?:gz|bz2|zst|xz|ora))?$|\.(?:u?bam|cram)$", re.IGNORECASE)
FASTQ = re.compile(r"\.(?:fastq|fq)(?:\.\w+)?$", re.IGNORECASE)
ILLUMINA = re.compile(r"(?P<sample>.+)_S(?P<number>\d{1,5})(?:_L(?P<lane>\d{3}))?_(?P<read>[RI][1-4])(?:_\d{3})?")
PLAIN = re.compile(r"(?P<sample>.+?)(?:_L(?P<lane>\d{1,3}))?[_.-](?P<read>[RrIi][1-4])(?:_\d{3})?")
PACBIO = re.compile(
    r"(?P<movie>m\w+_\d{6}_\d{6}(?:_s\d)?)\.(?P<read>hifi_reads|fail_reads|subreads|reads)(?:\.(?P<barcode>.+))?"
)
ULTIMA = re.compile(r"\d+-(?P<sample>.+)-(?P<barcode>Z\d{4}|TT)-(?:[ACGT]+|TT)(?P<rest>_unmatched)?")
ONT_FOLDER = re.compile(r"(?:fastq|bam)(?:_(?P<read>pass|fail|skip))?")
UNDETERMINED = {"undetermined", "unassigned", "unclassified", "unmatched"}
EMPTY_GZIP, EMPTY_BGZF = 20, 28  # bytes: a gzip of nothing without a name, and the block that ends a bgzip file


@dataclass(frozen=True)
class ReadFileName:
    """What the name of a file with reads says.

    `sample` is the sample's name in it, and "" if it has none. `number` is that of S1, and `lane` that of L001; 0 if
    there is none. `read` is R1, R2, I1, I2, hifi_reads, pass …, or "". `folders` are those above the file, the nearest
    first.
    """

    sample: str
    number: int
    lane: int
    read: str
    is_undetermined: bool
    folders: tuple[str, ...]

    @property
    def is_index(self) -> bool:
        """True for index reads: bases of an adapter, and no genome."""
        return self.read[:1] == "I"


def parse_read_name(path: str) -> ReadFileName | None:
    """Return what the path of a file with reads says; None for other files.

    BAM and CRAM count only if PacBio, ONT or Ultima wrote them: others are results of an analysis.
    """
    *above, name = path.replace("\\", "/").split("/")
    folders = tuple(reversed(above))
    match = SUFFIX.search(name)
    if not match:
        return None
    stem = name[: match.start()]
    known = _parse_pacbio(stem, folders) or _parse_ont(stem, folders) or _parse_ultima(stem, folders)
    if known or not FASTQ.search(name):
        return known
    return _parse_pair(stem, folders)


def _parse_pair(stem: str, folders: tuple[str, ...]) -> ReadFileName:
    match = ILLUMINA.fullmatch(stem) or PLAIN.fullmatch(stem)
    if not match:
        return ReadFileName(stem, 0, 0, "", stem.lower() in UNDETERMINED, folders)
    values = match.groupdict()
    sample, number = values["sample"], int(values.get("number") or 0)
    is_undetermined = number == 0 and re.sub(r"^lane\d_", "", sample.lower()) in UNDETERMINED  # CASAVA 1.8: lane1_…
    return ReadFileName(sample, number, int(values["lane"] or 0), values["read"].upper(), is_undetermined, folders)


def _parse_pacbio(stem: str, folders: tuple[str, ...]) -> ReadFileName | None:
    """Return what a PacBio name says. A barcode in two cells may be two samples, so the movie is in the sample."""
    match = PACBIO.fullmatch(stem)
    if not match:
        return None
    barcode = match["barcode"] or ""
    sample = f"{match['movie']}.{barcode}" if barcode else match["movie"]
    return ReadFileName(sample, 0, 0, match["read"], barcode.lower() in UNDETERMINED, folders)


def _parse_ont(stem: str, folders: tuple[str, ...]) -> ReadFileName | None:
    """Return what an ONT path says: the folder below fastq_pass is the barcode, or the alias of the sample sheet."""
    for position, folder in enumerate(folders[:2]):
        match = ONT_FOLDER.fullmatch(folder)
        # A folder named `fastq` has ONT's files only with `_pass_` or `_fail_`: BCL Convert has such a folder, too.
        if match and (match["read"] or re.search(r"_(?:pass|fail)_", stem)):
            sample = folders[0] if position else next(iter(folders[position + 2 :]), "")
            return ReadFileName(sample, 0, 0, match["read"] or "", sample.lower() in UNDETERMINED, folders)
    return None


def _parse_ultima(stem: str, folders: tuple[str, ...]) -> ReadFileName | None:
    """Return what an Ultima name says; its FASTQ files have Illumina's ending behind."""
    illumina = ILLUMINA.fullmatch(stem)
    match = ULTIMA.fullmatch(illumina["sample"] if illumina else stem)
    if not match:
        return None
    read, lane = (illumina["read"], int(illumina["lane"] or 0)) if illumina else ("", 0)
    return ReadFileName(match["sample"], 0, lane, read, match["rest"] is not None, folders)


def is_index_read(name: str) -> bool:
    """Return True for a file of index reads, such as `S1_S1_L001_I1_001.fastq.gz`. No model reads them."""
    parsed = parse_read_name(name)
    return parsed is not None and parsed.is_index


def is_undetermined(name: str) -> bool:
    """Return True for a file of the reads of no sample: Undetermined, Unassigned, unclassified, unmatched."""
    parsed = parse_read_name(name)
    return parsed is not None and parsed.is_undetermined


def is_empty(name: str, size: int) -> bool:
    """Return True if a FASTQ of this size in bytes has no read.

    A gzip of nothing has 20 bytes, and the name of the file and a NUL more if gzip was called on a file: the FASTQ
    files without reads of a MiSeq have 20, those of a MiniSeq 52. An empty bgzip has 28.
    """
    if not FASTQ.search(name):
        return size == 0
    stem = re.sub(r"\.gz$", "", name.rsplit("/", 1)[-1], flags=re.IGNORECASE)
    return size in (0, EMPTY_GZIP, EMPTY_BGZF, EMPTY_GZIP + len(stem) + 1)
