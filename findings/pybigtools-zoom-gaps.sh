#!/bin/sh
# pybigtools 0.3.0: a zoom record whose window begins in a gap counts bases of the gap as covered.
#
# A zoom record of a bigWig file has the number of bases with a value in its range, and the sum of these values. If a window of
# a zoom level begins between two intervals, pybigtools counts the bases from the begin of the window to the next interval as if
# they had the value of that interval. So the number of bases and the sum are too large, and the zoom records of a file
# cover more bases than the file has. The total summary (info()) and the values themselves are right. Expected: the numbers of the
# intervals in the range. The input is valid: intervals of 60 bp every 100 bp, all of the value 0.5.
# Source of the layout: Kent et al. 2010, "BigWig and BigBed", supplementary tables (zoom data).
#
# Needs Linux and Python 3.11 to 3.13 with pip and venv. Exits with status 1 if the behaviour has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3} -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pybigtools==0.3.0
"$folder/venv/bin/python" - "$folder/track.bw" <<'PYTHON'
import sys
from importlib.metadata import version

import pybigtools

path = sys.argv[1]
entries = [("chr1", start, start + 60, 0.5) for start in range(0, 40_000, 100)]
pybigtools.open(path, "w").write({"chr1": 40_000}, iter(entries))
with pybigtools.open(path) as file:
    size, total = file.zooms()[0], file.info()["summary"]["basesCovered"]
    records = list(file.zoom_records(size, "chr1"))
wrong = []
for start, end, figures in records:
    expected = sum(max(0, min(end, last) - max(start, first)) for _, first, last, _ in entries)
    if figures["bases_covered"] != expected:
        wrong.append((start, end, figures["bases_covered"], figures["sum"], expected))
covered = sum(figures["bases_covered"] for _, _, figures in records)
print("pybigtools", version("pybigtools"))
print(f"bases with a value: {total}; in the zoom records of {size} bp: {covered}")
print(f"{len(wrong)} of {len(records)} records are wrong; the first:")
for start, end, bases, total_value, expected in wrong[:3]:
    print(f"  {start}-{end}: bases {bases}, sum {total_value} (expected {expected} and {0.5 * expected})")
assert total == 24_000
same = covered > total and all(start % 100 > 60 and bases == expected + 100 - start % 100 for start, _, bases, _, expected in wrong)
print("as stated" if same else "CHANGED: gaps are no longer counted as stated")
sys.exit(not same)
PYTHON
