"""Calls as GFF3 1.26. Format: https://github.com/The-Sequence-Ontology/Specifications/blob/master/gff3.md

Positions are 1-based and closed; what a column must not hold is percent-encoded.
"""

from __future__ import annotations

import re

from seqdrop.results.annotations import Call

HEADER = "##gff-version 3\n"
TYPES = {"promoter": "promoter"}
"""Labels that are terms of the Sequence Ontology (SO:0000167); any other is a sequence_feature (SO:0000110)."""
SEQID = re.compile(r"[^a-zA-Z0-9.:^*$@!+_?|-]")
ATTRIBUTE = re.compile(r"[\x00-\x1f\x7f%;=&,]")


def gff3_header(comments: str) -> str:
    return HEADER + comments


def gff3_line(call: Call, label: str, number: int) -> str:
    """`number` is unique in the file. The score is the calibrated probability, where there is one."""
    attributes = {"ID": f"call{number}", "Name": label, "probability": f"{call.probability:.6g}"}
    if call.calibrated is not None:
        attributes["calibrated"] = f"{call.calibrated:.4g}"
    attributes["windows"] = str(call.windows)
    value = call.probability if call.calibrated is None else call.calibrated
    tail = ";".join(f"{name}={_encoded(ATTRIBUTE, text)}" for name, text in attributes.items())
    kind = TYPES.get(label, "sequence_feature")
    place = f"{kind}\t{call.start + 1}\t{call.end}\t{value:.6g}\t{call.strand}"
    return f"{_encoded(SEQID, call.record)}\tSeqdrop\t{place}\t.\t{tail}\n"


def _encoded(unfit: re.Pattern, text: str) -> str:
    return unfit.sub(lambda found: f"%{ord(found[0]):02X}", text)
