"""Oxford Nanopore's final_summary files: how many files of each kind a flow cell wrote, and which are still missing."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from seqdrop.runs.recognition import read_content

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seqdrop.runs.files import ReadFile, RunFile
    from seqdrop.runs.listing import Listing

COUNT = re.compile(r"(fast5|pod5|fastq|bam)_files_in_(final_dest|fallback)", re.ASCII)
SUFFIXES = {
    "fast5": (".fast5",),
    "pod5": (".pod5",),
    "fastq": (".fastq", ".fastq.gz", ".fq", ".fq.gz"),
    "bam": (".bam",),
}
# MinKNOW names data files by flow cell: FAX00000_pass_barcode01_12ab34cd_56ef78ab_0.fastq.gz.
FLOW_CELL = re.compile(r"([a-z]{3}[0-9]{3,6})_.*\.(?:fast5|pod5|fastq|fastq\.gz|bam)", re.ASCII)


def parse_counts(body: bytes) -> tuple[Counter[str], Counter[str]]:
    """Return ({kind: files in the run folder}, {kind: files elsewhere}) as a final_summary says.

    A line is `fastq_files_in_final_dest=685`; files "in fallback" are on another disk of the instrument. Other lines
    are not read. Source: real files of 2019 and 2021, ont-output-specifications.
    """
    here: Counter[str] = Counter()
    elsewhere: Counter[str] = Counter()
    for line in body.decode("utf-8", "replace").splitlines():
        key, _, value = line.partition("=")
        match = COUNT.fullmatch(key.strip())
        if match and value.strip().isascii() and value.strip().isdigit():
            (here if match[2] == "final_dest" else elsewhere)[match[1]] += int(value)
    return here, elsewhere


def find_missing(
    folders: Iterable[str], summaries: list[RunFile], listing: Listing, read: ReadFile
) -> tuple[list[str], list[str]]:
    """Return (what a flow cell's folder still lacks, warnings), where `folders` are all folders at or below its own.

    Several flow cells may share a folder ("pooled"): each flow cell that names a data file, and each
    sequencing_summary, needs a final_summary of its own, and the counts of all are added. A file beyond the counts is
    no fault.
    """
    names = [name for folder in {folder.lower() for folder in folders} for name in listing.names(folder)]
    missing = _find_missing_summaries([file.name.rpartition("/")[2].lower() for file in summaries], names)
    expected: Counter[str] = Counter()
    warnings = []
    for summary in summaries:
        here, elsewhere = parse_counts(read_content(summary.name, read) or b"")
        expected += here
        if not here:
            warnings.append(f"{summary.name} has no counts of files, so missing files are not noticed")
        if elsewhere.total():
            warnings.append(f"{summary.name}: {elsewhere.total()} files are in MinKNOW's fallback folder, not here")
    present = _count(names)
    missing += [
        f"{count - present[kind]} of {count} {kind.upper()} files"
        for kind, count in expected.items()
        if count > present[kind]
    ]
    return missing, warnings


def _find_missing_summaries(summaries: list[str], names: list[str]) -> list[str]:
    """Return the final_summary files that other files of the folder lead to, in lower case."""
    if "final_summary.txt" in summaries:  # MinKNOW of 2019: one for all
        return []
    awaited = {f"final_{name.removeprefix('sequencing_')}" for name in names if name.startswith("sequencing_summary_")}
    missing = {name for name in awaited if name.endswith(".txt")} - set(summaries)
    covered = {part for name in (*summaries, *missing) for part in name.removesuffix(".txt").split("_")}
    cells = {match[1] for name in names if (match := FLOW_CELL.fullmatch(name))}
    return sorted(missing | {f"final_summary_{cell}_*.txt" for cell in cells - covered})


def _count(names: Iterable[str]) -> Counter[str]:
    return Counter(kind for name in names for kind, suffixes in SUFFIXES.items() if name.endswith(suffixes))
