#!/bin/sh
# pyBigWig 0.3.24 to 0.3.29: the last zoom record of a file, and of each block of zoom records, has sum 0 and sum of squares 0.
#
# A bigWig file holds summaries ("zoom records") of its values, which browsers show when they are zoomed out: the number of
# bases, the minimum, the maximum, the sum and the sum of squares. In files that pyBigWig writes, the sums of some records
# are 0 though their minimum is not: of the last record of each zoom level, and of the last record of a block within a level.
# A browser that draws means therefore shows 0 for the end of the last sequence; for a short last sequence (a plasmid), this is
# all of it. Expected: the sum of the values, as the number of bases and the minimum in the same record imply.
# The input is valid: sorted intervals of one value, without gaps. The records are read with pybigtools 0.3.0.
# Source of the layout: Kent et al. 2010, "BigWig and BigBed", supplementary tables (zoom data).
#
# Needs Linux on x86_64 and Python 3.11 to 3.13 with pip and venv. Exits with status 1 if the behaviour has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3} -m venv "$folder/venv"
for version in 0.3.24 0.3.25 0.3.29; do
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyBigWig==$version pybigtools==0.3.0
"$folder/venv/bin/python" - "$folder/track.bw" <<'PYTHON'
import sys
from importlib.metadata import version

import pyBigWig
import pybigtools

path = sys.argv[1]
plasmids = [(name, start, start + 150, 0.5) for name in ("p1", "p2") for start in range(0, 3000, 150)]
long = [("chr1", start, start + 50, 0.5) for start in range(0, 2_000_000, 50)]
changed = False
print("pyBigWig", version("pyBigWig"), "read with pybigtools", version("pybigtools"))
for title, entries in (("two plasmids of 3 kb", plasmids), ("a chromosome of 2 Mb", long)):
    lengths = {}
    for name, _, end, _ in entries:
        lengths[name] = end
    names, starts, ends, values = map(list, zip(*entries))
    track = pyBigWig.open(path, "w")
    track.addHeader(list(lengths.items()))
    track.addEntries(names, starts, ends=ends, values=values)
    track.close()
    with pybigtools.open(path) as file:
        size = file.zooms()[0]
        records = [(name, start, end, figures) for name in lengths for start, end, figures in file.zoom_records(size, name)]
    wrong = [number for number, record in enumerate(records) if record[3]["sum"] != 0.5 * record[3]["bases_covered"]]
    name, start, end, figures = records[-1]
    print(f"  {title}: {len(records)} records of {size} bp; sum 0 in the records {wrong}")
    print(f"    the last: {name}:{start}-{end}, bases {figures['bases_covered']}, min {figures['min_val']}, "
          f"sum {figures['sum']} (expected {0.5 * figures['bases_covered']})")
    assert all(record[3]["min_val"] == record[3]["max_val"] == 0.5 for record in records)
    zero = all(records[number][3]["sum"] == records[number][3]["sum_squares"] == 0 for number in wrong)
    inner = title.startswith("two") or len(wrong) > 1
    changed |= not (wrong and wrong[-1] == len(records) - 1 and zero and inner)
print("as stated" if not changed else "CHANGED: the sums are no longer 0 as stated")
sys.exit(changed)
PYTHON
done
