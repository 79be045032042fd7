"""Calls as BED9+2. Format: https://samtools.github.io/hts-specs/BEDv1.pdf (0-based half-open, score 0 to 1000).

The first nine fields are BED's own, because viewers read fields 7 to 9 as it defines them; then come the model's
probability and the calibrated one ("." if the model has no calibration).
"""

from __future__ import annotations

from seqdrop.results.annotations import Call

FIELDS = "chrom chromStart chromEnd name score strand thickStart thickEnd itemRgb probability calibrated"


def bed_header(comments: str) -> str:
    return f"{comments}# fields: {FIELDS}\n"


def bed_line(call: Call, label: str) -> str:
    calibrated = "." if call.calibrated is None else f"{call.calibrated:.4g}"
    place = f"{call.record}\t{call.start}\t{call.end}"
    score = round(1000 * call.probability)
    tail = f"{call.start}\t{call.end}\t0\t{call.probability:.6g}\t{calibrated}"
    return f"{place}\t{label.replace(' ', '_')}\t{score}\t{call.strand}\t{tail}\n"
