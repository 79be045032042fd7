"""Calls that stand for their neighbourhood: non-maximum suppression along each strand of a record, as a stream.

Windows overlap, so one promoter is called several times over. Of two calls on a strand whose starts are nearer than
`distance` only the likelier is kept (of equals, the first); it counts the calls that it stands for. This is the greedy
rule (best first), and exactly so, though calls are let go as soon as nothing that may follow can change them.

Calls as BED9+2. Format: https://samtools.github.io/hts-specs/BEDv1.pdf (0-based half-open, score 0 to 1000).

The first nine fields are BED's own, because viewers read fields 7 to 9 as it defines them; then come the model's
probability and the calibrated one ("." if the model has no calibration).

Calls as GFF3 1.26. Format: https://github.com/The-Sequence-Ontology/Specifications/blob/master/gff3.md

Positions are 1-based and closed; what a column must not hold is percent-encoded.
"""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from dataclasses import dataclass

WAITING = 1024
"""Calls that are held before the first are let go."""


@dataclass
class Call:
    """A window that was called. Positions are 0-based half-open, on the record's forward strand."""

    record: str
    start: int
    end: int
    strand: str
    probability: float
    calibrated: float | None = None
    windows: int = 1
    """Called windows that it stands for, itself included."""
    kept: bool = False


class Suppression:
    """Takes the calls of one record by ascending start, gives the kept ones back in that order ("+" before "-")."""

    def __init__(self, distance: int, waiting: int = WAITING) -> None:
        self._distance, self._waiting, self._limit = distance, waiting, waiting
        self._held: list[Call] = []

    def add(self, call: Call) -> list[Call]:
        """What can be let go now that this one has come."""
        self._held.append(call)
        return self._settle(call.start) if len(self._held) > self._limit else []

    def flush(self) -> list[Call]:
        """All that is left: the record is at its end."""
        return self._settle(None)

    def _settle(self, horizon: int | None) -> list[Call]:
        """Decide what no call from `horizon` on can change, best first, and let go what lies before the rest."""
        kept = {strand: _Row(self._distance) for strand in "+-"}
        open_ones = {strand: _Row(self._distance) for strand in "+-"}
        for call in sorted(self._held, key=lambda one: (not one.kept, -one.probability, one.start)):
            if call.kept:
                kept[call.strand].put(call)
            elif better := kept[call.strand].near(call):
                better.windows += call.windows
            elif open_ones[call.strand].near(call) or (horizon is not None and horizon - call.start < self._distance):
                open_ones[call.strand].put(call)
            else:
                call.kept = True
                kept[call.strand].put(call)
        left = [call for rows in (kept, open_ones) for row in rows.values() for call in row.calls.values()]
        left.sort(key=lambda one: (one.start, one.strand))
        first_open = next((place for place, call in enumerate(left) if not call.kept), len(left))
        self._held = left[first_open:]
        self._limit = max(self._waiting, 2 * len(self._held))
        return left[:first_open]


class _Row:
    """Calls of one strand by start."""

    def __init__(self, distance: int) -> None:
        self._distance, self._starts, self.calls = distance, [], {}

    def put(self, call: Call) -> None:
        insort(self._starts, call.start)
        self.calls[call.start] = call

    def near(self, call: Call) -> Call | None:
        """The nearest within the distance."""
        place = bisect_left(self._starts, call.start)
        around = self._starts[max(0, place - 1) : place + 1]
        nearest = min(around, key=lambda start: abs(start - call.start), default=None)
        return None if nearest is None or abs(nearest - call.start) >= self._distance else self.calls[nearest]


FIELDS = "chrom chromStart chromEnd name score strand thickStart thickEnd itemRgb probability calibrated"


def bed_header(comments: str) -> str:
    return f"{comments}# fields: {FIELDS}\n"


def bed_line(call: Call, label: str) -> str:
    calibrated = "." if call.calibrated is None else f"{call.calibrated:.4g}"
    place = f"{call.record}\t{call.start}\t{call.end}"
    score = round(1000 * call.probability)
    tail = f"{call.start}\t{call.end}\t0\t{call.probability:.6g}\t{calibrated}"
    return f"{place}\t{label.replace(' ', '_')}\t{score}\t{call.strand}\t{tail}\n"


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
