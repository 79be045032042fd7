"""The figures of a sample that people judge it by: summed over its files, each with the figures of its report."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NotRequired, TypedDict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from seqdrop.report.schema import FileReport


TOP_BARCODES = 10


class FileFigures(TypedDict):
    """Figures of one file. Fractions are 0 to 1; None is not known, such as Q30 of FASTA.

    `duplicates` is the share of reads whose sequence came before. `barcodes` has [barcode, reads] pairs, of
    the first `barcode_reads` reads; only files of reads of no sample have them.
    """

    reads: int
    bases: int
    q30: float | None
    n: float | None
    gc: float | None
    duplicates: float | None
    barcodes: NotRequired[list[list[str | int]]]
    barcode_reads: NotRequired[int]


@dataclass(frozen=True)
class Barcodes:
    """The most frequent barcodes of a file, with their numbers among the reads that were looked at."""

    looked_at: int
    top: Sequence[tuple[str, int]]


class SampleFigures(TypedDict):
    """Figures of a sample. `reads` counts a pair once; `yield_mb` is in megabases, `length` the mean in bases."""

    reads: int
    bases: int
    q30: float | None
    n: float | None
    gc: float | None
    duplicates: float | None
    yield_mb: float
    length: float | None


def pack_figures(report: FileReport, duplicates: float | None = None, barcodes: Barcodes | None = None) -> str:
    """Return the figures of a report as JSON of some 120 characters, 500 with `barcodes`, for its upload's record."""
    qc = report["qc"]
    figures: FileFigures = {
        "reads": qc["records"],
        "bases": qc["bases"],
        "q30": _round(qc["q30_fraction"]),
        "n": _round(qc["n_fraction"]),
        "gc": _round(qc["gc_fraction"]),
        "duplicates": _round(duplicates),
    }
    if barcodes and barcodes.top:
        figures["barcodes"], figures["barcode_reads"] = [[*pair] for pair in barcodes.top], barcodes.looked_at
    return json.dumps(figures, separators=(",", ":"))


def unpack_figures(text: str) -> FileFigures | None:
    """Return the figures that `pack_figures` wrote; None for "", which records of earlier versions have."""
    figures: FileFigures | None = json.loads(text) if text else None
    return figures


def sum_figures(by_read: Mapping[str, Iterable[FileFigures]]) -> SampleFigures | None:
    """Return the figures of a sample from those of its files by read (R1, R2 …), without index reads; None if empty.

    Means are weighted by bases. Mates have the same number of reads, so the read with most files counts.
    """
    files = [figures for entries in by_read.values() for figures in entries]
    if not files:
        return None
    records, bases = sum(file["reads"] for file in files), sum(file["bases"] for file in files)
    return {
        "reads": max(sum(file["reads"] for file in entries) for entries in by_read.values()),
        "bases": bases,
        "yield_mb": round(bases / 1e6, 6),
        "length": round(bases / records, 2) if records else None,
        "q30": _mean(files, "q30"),
        "n": _mean(files, "n"),
        "gc": _mean(files, "gc"),
        "duplicates": _mean(files, "duplicates"),
    }


def sum_barcodes(files: Iterable[FileFigures]) -> tuple[list[tuple[str, int]], int]:
    """Return the most frequent barcodes of several files, and the number of reads that were looked at."""
    counts: Counter[str] = Counter()
    looked_at = 0
    for figures in files:
        looked_at += figures.get("barcode_reads", 0)
        counts.update({str(barcode): int(number) for barcode, number in figures.get("barcodes", [])})
    return counts.most_common(TOP_BARCODES), looked_at


def _mean(files: Iterable[FileFigures], name: str) -> float | None:
    """Return the mean of a figure weighted by bases; None if no file has it."""
    pairs = [(file[name], file["bases"]) for file in files if file[name] is not None]  # type: ignore[literal-required]
    bases = sum(weight for _, weight in pairs)
    return _round(sum(value * weight for value, weight in pairs) / bases) if bases else None


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
