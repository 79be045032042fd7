"""Calls as annotations: suppression of neighbouring calls, BED and GFF3.

Non-maximum suppression. Windows overlap, so one promoter is called several times. If the starts of two calls on a
strand are less than `distance` apart, only the more probable call is kept (the first one if they are equal). A kept
call has the number of calls that it represents. The result is the same as if all calls of the record were visited from
the most to the least probable (the greedy rule), but calls are released as soon as no later call can change them.

BED9+2. Format: https://samtools.github.io/hts-specs/BEDv1.pdf (0-based half-open, score 0 to 1000). The first nine
fields are those of BED, because viewers interpret fields 7 to 9 by its definition. The last two are the model's
probability and the calibrated probability ("." if the model has no calibration).

GFF3 1.26. Format: https://github.com/The-Sequence-Ontology/Specifications/blob/master/gff3.md. Positions are 1-based
and inclusive; characters that a column must not contain are percent-encoded.
"""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from dataclasses import dataclass

WAITING = 1024
"""The number of pending calls above which calls are released."""


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
    """Number of called windows that it represents, including itself."""
    kept: bool = False


class Suppression:
    """Non-maximum suppression of the calls of one record at a time.

    Add calls by ascending start. The calls that are kept are returned in the same order ("+" before "-").
    """

    def __init__(self, distance: int, waiting: int = WAITING) -> None:
        self._distance, self._waiting, self._limit = distance, waiting, waiting
        self._pending: list[Call] = []

    def add(self, call: Call) -> list[Call]:
        """Add a call; return the kept calls that no later call can change, or [] if few calls are pending."""
        self._pending.append(call)
        return self._release(call.start) if len(self._pending) > self._limit else []

    def flush(self) -> list[Call]:
        """Return the remaining calls that are kept. Call it at the end of each record."""
        return self._release(None)

    def _release(self, horizon: int | None) -> list[Call]:
        """Decide which pending calls to keep, and return those before the first undecided call.

        A call that starts at `horizon` or later may still be added (None if there is none), so calls near it stay
        undecided, and so do calls near an undecided call that is more probable.
        """
        kept = {strand: _CallIndex(self._distance) for strand in "+-"}
        undecided = {strand: _CallIndex(self._distance) for strand in "+-"}
        for call in sorted(self._pending, key=lambda call: (not call.kept, -call.probability, call.start)):
            if call.kept:
                kept[call.strand].put(call)
            elif better := kept[call.strand].find_near(call):
                better.windows += call.windows
            elif undecided[call.strand].find_near(call) or self._may_change(call, horizon):
                undecided[call.strand].put(call)
            else:
                call.kept = True
                kept[call.strand].put(call)
        remaining = [
            call for indexes in (kept, undecided) for index in indexes.values() for call in index.calls.values()
        ]
        remaining.sort(key=lambda call: (call.start, call.strand))
        first_open = next((index for index, call in enumerate(remaining) if not call.kept), len(remaining))
        self._pending = remaining[first_open:]
        self._limit = max(self._waiting, 2 * len(self._pending))
        return remaining[:first_open]

    def _may_change(self, call: Call, horizon: int | None) -> bool:
        return horizon is not None and horizon - call.start < self._distance


class _CallIndex:
    """Calls of one strand by start."""

    def __init__(self, distance: int) -> None:
        self._distance = distance
        self._starts: list[int] = []
        self.calls: dict[int, Call] = {}

    def put(self, call: Call) -> None:
        insort(self._starts, call.start)
        self.calls[call.start] = call

    def find_near(self, call: Call) -> Call | None:
        """Return the nearest call whose start is less than the distance away; None if there is none."""
        index = bisect_left(self._starts, call.start)
        neighbours = self._starts[max(0, index - 1) : index + 1]
        nearest = min(neighbours, key=lambda start: abs(start - call.start), default=None)
        return None if nearest is None or abs(nearest - call.start) >= self._distance else self.calls[nearest]


FIELDS = "chrom chromStart chromEnd name score strand thickStart thickEnd itemRgb probability calibrated"


def bed_header(comments: str) -> str:
    """Return the comment lines at the start of a BED file; `comments` are lines that start with #."""
    return f"{comments}# fields: {FIELDS}\n"


def bed_line(call: Call, label: str) -> str:
    """Return a call as a line of BED9+2."""
    calibrated = "." if call.calibrated is None else f"{call.calibrated:.4g}"
    place = f"{call.record}\t{call.start}\t{call.end}"
    score = round(1000 * call.probability)
    tail = f"{call.start}\t{call.end}\t0\t{call.probability:.6g}\t{calibrated}"
    return f"{place}\t{label.replace(' ', '_')}\t{score}\t{call.strand}\t{tail}\n"


HEADER = "##gff-version 3\n"
TYPES = {"promoter": "promoter"}
"""Sequence Ontology terms by label (promoter is SO:0000167); other labels become sequence_feature (SO:0000110)."""
SEQID = re.compile(r"[^a-zA-Z0-9.:^*$@!+_?|-]")
ATTRIBUTE = re.compile(r"[\x00-\x1f\x7f%;=&,]")


def gff3_header(comments: str) -> str:
    """Return the first lines of a GFF3 file; `comments` are lines that start with #."""
    return HEADER + comments


def gff3_line(call: Call, label: str, number: int) -> str:
    """Return a call as a line of GFF3; `number` is unique in the file.

    The score is the calibrated probability if there is one.
    """
    attributes = {"ID": f"call{number}", "Name": label, "record": call.record}
    attributes["probability"] = f"{call.probability:.6g}"
    if call.calibrated is not None:
        attributes["calibrated"] = f"{call.calibrated:.4g}"
    attributes["windows"] = str(call.windows)
    value = call.probability if call.calibrated is None else call.calibrated
    kind = TYPES.get(label, "sequence_feature")
    place = f"{kind}\t{call.start + 1}\t{call.end}\t{value:.6g}\t{call.strand}"
    return f"{_encode(SEQID, call.record)}\tSeqdrop\t{place}\t.\t{_join_attributes(attributes)}\n"


def gff3_region_line(record: str, length: int, number: int) -> str:
    """Return a line for a record that was searched and has no call: a region (SO:0000001) from its begin to its end.

    It is written if the file would otherwise have no line, because gffutils raises EmptyInputError for such a file.
    """
    attributes = {"ID": f"region{number}", "Name": record, "record": record, "Note": "no calls"}
    return f"{_encode(SEQID, record)}\tSeqdrop\tregion\t1\t{length}\t.\t.\t.\t{_join_attributes(attributes)}\n"


def _join_attributes(attributes: dict[str, str]) -> str:
    return ";".join(f"{name}={_encode(ATTRIBUTE, text)}" for name, text in attributes.items())


def _encode(characters: re.Pattern[str], text: str) -> str:
    """Return a text in which all characters that the pattern matches are percent-encoded."""
    return characters.sub(lambda match: f"%{ord(match[0]):02X}", text)
