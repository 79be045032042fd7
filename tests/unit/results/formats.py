"""Strict readers of the text formats, written from their specifications. They use no code of Seqdrop."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from pathlib import Path

# BEDv1, table 1 and section 1.5: the values that each of the first nine fields may have.
BED = [
    r"[A-Za-z0-9_]{1,255}|[!-~]+",
    r"\d+",
    r"\d+",
    r"[\x20-\x7e]{1,255}",
    r"\d|[1-9]\d{1,2}|1000",
    r"[-+.]",
    r"\d+",
    r"\d+",
    r"(\d+,\d+,\d+|0)",
]
# GFF3 1.26, section "Description of the Format".
SEQID = r"([a-zA-Z0-9.:^*$@!+_?|-]|%[0-9A-F]{2})+"
NUMBER = r"-?\d+(\.\d+)?(e[-+]?\d+)?"
GFF3 = [
    SEQID,
    r"[^\s]+",
    r"promoter|sequence_feature|region",
    r"\d+",
    r"\d+",
    rf"{NUMBER}|\.",
    r"[-+.?]",
    r"\.",
    r"[^\t]+",
]


def read_bed(path: Path) -> list[dict]:
    """Return the calls of a BED file; positions are 0-based half-open."""
    rows = []
    for line in path.read_text(encoding="ascii").splitlines():
        if line.startswith("#"):
            continue
        fields = line.split("\t")
        assert len(fields) == 11
        assert all(re.fullmatch(rule, field) for rule, field in zip(BED, fields, strict=False)), line
        start, end, thick_start, thick_end = (int(fields[place]) for place in (1, 2, 6, 7))
        assert start <= thick_start <= thick_end <= end
        rows.append({"seqid": fields[0], "start": start, "end": end, "strand": fields[5], "probability": fields[9]})
    return rows


def read_gff3(path: Path) -> list[dict]:
    """Return the calls of a GFF3 file, without its regions; positions are 1-based inclusive."""
    first, *lines = path.read_text(encoding="ascii").splitlines()
    assert first == "##gff-version 3"
    rows, ids = [], set()
    for line in lines:
        if line.startswith("#"):
            continue
        fields = line.split("\t")
        assert len(fields) == 9
        assert all(re.fullmatch(rule, field) for rule, field in zip(GFF3, fields, strict=True)), line
        attributes = dict(pair.split("=") for pair in fields[8].split(";"))
        assert attributes["ID"] not in ids
        ids.add(attributes["ID"])
        start, end = int(fields[3]), int(fields[4])
        assert 1 <= start <= end
        assert unquote(attributes["record"]) == unquote(fields[0])
        if fields[2] == "region":
            continue
        place = {"seqid": unquote(fields[0]), "start": start, "end": end, "strand": fields[6]}
        rows.append({**place, "probability": attributes["probability"]})
    return rows


def read_bedgraph(path: Path) -> list[tuple[str, int, int, float]]:
    """Return (record, start, end, value) of each line; positions are 0-based half-open."""
    rows = []
    for line in path.read_text(encoding="ascii").splitlines():
        if line.startswith(("#", "track type=bedGraph")):
            continue
        name, start, end, value = line.split("\t")
        rows.append((name, int(start), int(end), float(value)))
        assert 0 <= rows[-1][1] < rows[-1][2]
    return rows
