#!/bin/sh
# samshee 0.2.14: a v2 sample sheet whose indexes collide is read without a word.
#
# Illumina's rule for BarcodeMismatchesIndex1 = 1 is that a read with one wrong base must still belong to one sample, so
# two indexes of a lane must differ in at least 2 * 1 + 1 = 3 bases; BCL Convert refuses closer ones. samshee validates
# sheets against Illumina's schema and further rules, so we expected an error for GTGGCC and GTGATC in one lane, which
# differ in two. It checks that an index is not repeated; it does not compare indexes that differ.
# Source of the rule: Illumina, BCL Convert Software Guide, "BarcodeMismatchesIndex1" ("barcode collision").
#
# Needs Python 3.11 to 3.13 with pip and venv. Exits with status 1 if the behaviour has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3} -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check samshee==0.2.14
cat > "$folder/SampleSheet.csv" <<'SHEET'
[Header]
FileFormatVersion,2
RunName,trial
InstrumentPlatform,NextSeq1000/2000

[Reads]
Read1Cycles,51
Index1Cycles,6

[BCLConvert_Settings]
SoftwareVersion,4.2.7
BarcodeMismatchesIndex1,1
OverrideCycles,Y51;I6

[BCLConvert_Data]
Lane,Sample_ID,Index
1,first,GTGGCC
1,second,GTGATC
SHEET
"$folder/venv/bin/python" - "$folder/SampleSheet.csv" <<'PYTHON'
import sys
from importlib.metadata import version

from samshee.samplesheetv2 import read_samplesheetv2

print("samshee", version("samshee"))
rows = []
try:
    rows = read_samplesheetv2(sys.argv[1]).applications["BCLConvert"]["data"]
    print("read without an error:", [(row["Lane"], row["Sample_ID"], row["Index"]) for row in rows])
except Exception as error:
    print("refused:", type(error).__name__, error)
first, second = (row["Index"] for row in rows) if len(rows) == 2 else ("", "")
distance = sum(a != b for a, b in zip(first, second))
print("bases in which the two indexes differ:", distance)
same = len(rows) == 2 and distance == 2
print("as stated" if same else "CHANGED: samshee no longer accepts this sheet")
sys.exit(not same)
PYTHON
