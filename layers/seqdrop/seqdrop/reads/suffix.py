"""Check that the suffix of a file name agrees with the content of the file."""

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


PROTEINS = {"faa", "pep"}


def read_suffixes(name: str) -> tuple[str | None, bool]:
    """Return the last suffix of a file name without that of gzip, in lower case, and whether there is one of gzip.

    The first is None if the name has no (other) suffix. `name` may be a path with slashes.
    """
    suffixes = name.rsplit("/", 1)[-1].lower().split(".")[1:]
    is_packed = bool(suffixes) and suffixes[-1] in PACKED
    rest = suffixes[:-1] if is_packed else suffixes
    return (rest[-1] if rest else None), is_packed


def format_of_reads(name: str) -> str | None:
    """Return the format of reads or nucleotides that a file name says: "fastq", "fasta" or "bam"; None if it says none.

    FASTA of proteins has its own suffixes, and counts as none.
    """
    suffix, _ = read_suffixes(name)
    return None if suffix is None or suffix in PROTEINS else BY_SUFFIX.get(suffix)


def check_suffix(name: str, format_: str | None, compression: str | None) -> list[Fault]:
    """Return [] if the suffixes of a name, such as .fastq.gz, agree with the content, otherwise a list with the fault.

    Unknown suffixes are accepted. `compression` is None for an uncompressed file.
    """
    suffix, is_packed = read_suffixes(name)
    named = BY_SUFFIX.get(suffix) if suffix else None
    if named and named != format_:
        actual = format_.upper() if format_ else "neither FASTQ nor FASTA"
        return [fault("wrong_suffix", f"the name says {named.upper()}, but the file is {actual}")]
    if is_packed and not compression:
        return [fault("wrong_suffix", "the name says gzip, but the file is not compressed")]
    if named and named != "bam" and compression and not is_packed:
        return [fault("wrong_suffix", "the file is gzip, but its name does not say so")]
    return []
