"""Rows of output lines: one for each window, with the number of identical reads that it represents."""

import json
from dataclasses import replace

from seqdrop.kinds.plans import packaged
from seqdrop.results.rows import Counts, rows
from seqdrop.results.writer import Predictions

READS = packaged().by_name["reads"]
WINDOWS = [
    {"start": 0, "end": 70, "strand": "+", "probability": 0.95},
    {"start": 70, "end": 140, "strand": "+", "probability": 0.1},
    {"start": 80, "end": 150, "strand": "+", "not_scored": "too_many_n"},
]
LINES = [
    json.dumps({"id": "U:1:0:5", "record": "a", "windows": WINDOWS}).encode(),
    json.dumps({"id": "U:4:0", "record": "b", "windows": WINDOWS[:1]}).encode(),
    json.dumps({"id": "U:6:0:2", "error": {"code": "not_json", "message": "x"}}).encode(),
    json.dumps({"id": None, "error": {"code": "not_json", "message": "x"}}).encode(),
]


def rows_of(counts: Counts, collapse: bool) -> list[dict]:
    analysis = replace(READS, settings=replace(READS.settings, collapse=collapse))
    make = analysis.kind.row_maker(Predictions(analysis, LINES, {}), counts)
    return list(rows(LINES, make, counts, collapse))


def test_a_row_has_the_number_of_reads_it_represents():
    counts = Counts()
    all_rows = rows_of(counts, collapse=True)
    assert [row["count"] for row in all_rows] == [5, 5, 5, 1, 2, 1]
    assert list(all_rows[0]) == ["record", "count", "start", "end", "strand", "probability", "call"]
    assert counts.as_dict() == {
        "windows": 4,
        "scored": 3,
        "calls": 2,
        "not_scored": {"too_many_n": 1},
        "errors": {"not_json": 2},
        "of_all_reads": {"windows": 16, "scored": 11, "calls": 6},
    }


def test_rows_without_collapse_have_no_count():
    counts = Counts()
    assert all("count" not in row for row in rows_of(counts, collapse=False))
    assert "of_all_reads" not in counts.as_dict()
