"""Whether a file's suffix says what it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.reads.findings import fault

if TYPE_CHECKING:
    from seqdrop.errors import Fault

BY_SUFFIX = {
    "fastq": "fastq", "fq": "fastq",
    "fasta": "fasta", "fa": "fasta", "fna": "fasta", "fas": "fasta", "ffn": "fasta",
    "faa": "fasta", "pep": "fasta",
    "bam": "bam", "ubam": "bam",
}  # fmt: skip
PACKED = {"gz", "bgz", "bgzf", "gzip"}


def check_suffix(name: str, format_: str | None, compression: str | None) -> list[Fault]:
    """The fault of a name like `a.fastq.gz` whose file is something else. Unknown suffixes say nothing."""
    parts = name.rsplit("/", 1)[-1].lower().split(".")[1:]
    packed = bool(parts) and parts[-1] in PACKED
    said = BY_SUFFIX.get((parts[:-1] if packed else parts)[-1:][0] if parts[: -1 if packed else None] else "")
    if said and said != format_:
        return [fault("wrong_suffix", f"the name says {said.upper()}, the file is {(format_ or 'neither').upper()}")]
    if packed and not compression:
        return [fault("wrong_suffix", "the name says gzip, the file is not compressed")]
    if said and said != "bam" and compression and not packed:
        return [fault("wrong_suffix", "the file is gzip, and its name does not say so")]
    return []
