#!/bin/sh
# pyBigWig 0.3.29: header() reports minVal, maxVal, sumData and sumSquared as integers, cut toward zero.
#
# A bigWig file stores the four as 64-bit floats (the "total summary" block of the format). For a track of probabilities, all of
# whose values lie between 0 and 1, header() therefore says minVal 0 and maxVal 0, as if the track were empty, though the
# file holds 0.25 and 0.75. Expected: the floats of the file, as pybigtools 0.3.0 returns them (info()), and as
# pyBigWig's own stats(type="max") does.
# Source of the layout: Kent et al. 2010, "BigWig and BigBed", supplementary tables (header: totalSummaryOffset at byte 44).
#
# Needs Linux on x86_64 and Python 3.11 to 3.13 with pip and venv. Exits with status 1 if the behaviour has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3} -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyBigWig==0.3.29 pybigtools==0.3.0
"$folder/venv/bin/python" - "$folder/track.bw" <<'PYTHON'
import struct
import sys
from importlib.metadata import version

import pyBigWig
import pybigtools

path = sys.argv[1]
track = pyBigWig.open(path, "w")
track.addHeader([("chr1", 1000)])
track.addEntries(["chr1"] * 3, [0, 10, 20], ends=[10, 20, 30], values=[0.25, 0.75, 0.5])
track.close()

content = open(path, "rb").read()
(offset,) = struct.unpack_from("<Q", content, 44)
bases, least, most, total, squares = struct.unpack_from("<Qdddd", content, offset)
track = pyBigWig.open(path)
header, stats = track.header(), track.stats("chr1", 0, 30, type="max")
info = pybigtools.open(path).info()["summary"]
print("pyBigWig", version("pyBigWig"), "and pybigtools", version("pybigtools"))
print("in the file:         ", least, most, total, squares)
print("pyBigWig header():   ", header["minVal"], header["maxVal"], header["sumData"], header["sumSquared"])
print("pyBigWig stats(max): ", stats[0])
print("pybigtools info():   ", info["min"], info["max"], info["sum"])
assert (bases, least, most, total, squares) == (30, 0.25, 0.75, 15.0, 8.75)
assert (info["min"], info["max"], info["sum"], stats) == (0.25, 0.75, 15.0, [0.75])
same = (header["minVal"], header["maxVal"], header["sumData"], header["sumSquared"]) == (0, 0, 15, 8)
print("as stated" if same else "CHANGED: header() no longer cuts to integers")
sys.exit(not same)
PYTHON
