"""FASTQ, four-line or wrapped.

Format: Cock et al. 2010, Nucleic Acids Res. 38:1767 (the Open Bioinformatics definition): a wrapped record's
quality is read until it is as long as the sequence, so a quality line may begin with @.
"""

from __future__ import annotations

from collections.abc import Iterator

from seqdrop.reads.lines import Lines
from seqdrop.reads.records import NUCLEOTIDES, Place, Record, check_bases, header_name

QUALITIES = bytes(range(33, 127))
CUT = "The file was cut short. Compare its size with the source and upload it again."


def records(lines: Lines) -> Iterator[Record]:
    """Every record, checked. Raises InvalidFile at the first fault."""
    number = 0
    while lines.peek() is not None:
        number += 1
        yield _record(lines, number)


def _record(lines: Lines, number: int) -> Record:
    header = lines.next()
    place = Place.at(lines, number)
    if not header.startswith(b"@"):
        advice = "A record starts with @. The record before may have too many lines, or a line was lost."
        raise place.fault("bad_header", "a line that does not start with @ stands where a header should", advice)
    name = header_name(header, place)
    parts = _sequence(lines, number, name)
    sequence = parts[0] if len(parts) == 1 else b"".join(parts)
    _separator(lines, header, number, name)
    return Record(number, name, sequence, _quality(lines, number, name, len(sequence)))


def _sequence(lines: Lines, number: int, name: str) -> list[bytes]:
    parts = []
    while not _starts(lines.peek(), b"+"):
        if lines.peek() is None:
            raise Place.at(lines, number, name).fault("truncated", "the file ends inside a record", CUT)
        part, place = lines.next(), Place.at(lines, number, name)
        if part.startswith(b"@") or (parts and _is_quality(part, parts)):
            advice = "The + line between sequence and quality is missing."
            raise place.fault("missing_plus", "something else stands where + should", advice)
        check_bases(part, place)
        parts.append(part)
    return parts


def _is_quality(part: bytes, before: list[bytes]) -> bool:
    """Whether a line after the sequence is no sequence but as long as one: its quality, then."""
    return len(part) == sum(map(len, before)) and bool(part.translate(None, NUCLEOTIDES))


def _separator(lines: Lines, header: bytes, number: int, name: str) -> None:
    plus = lines.next()
    if len(plus) > 1 and plus[1:] != header[1:]:
        cut = lines.peek() is None
        raise Place.at(lines, number, name).fault(
            "truncated" if cut else "plus_name_differs",
            "the file ends in a + line" if cut else "the name after + is not the header's",
            CUT if cut else "Lines were lost or mixed up. Leave the + line bare, or make it equal to the header.",
        )


def _quality(lines: Lines, number: int, name: str, length: int) -> bytes:
    parts, have = [], 0
    while (have < length or not parts) and lines.peek() is not None:
        if length == 0 and lines.peek().strip():
            return b""  # a record without bases may leave its quality line out
        if parts and _is_header(lines.peek(), length - have):
            break
        part, place = lines.next(), Place.at(lines, number, name)
        _check_quality(part, place)
        parts.append(part)
        have += len(part)
    if have != length:
        raise _length_fault(Place.at(lines, number, name), have, length, at_end=lines.peek() is None)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _is_header(line: bytes, wanted: int) -> bool:
    """Whether a line that starts with @ is the next header rather than more quality: it is too long or no quality."""
    text = line.rstrip(b"\r\n")
    return text.startswith(b"@") and (len(text) > wanted or bool(text.translate(None, QUALITIES)))


def _check_quality(part: bytes, place: Place) -> None:
    wrong = part.translate(None, QUALITIES)
    if wrong:
        raise place.fault(
            "illegal_quality",
            f"column {part.index(wrong[:1]) + 1} holds byte 0x{wrong[0]:02x}, outside ! to ~",
            "Qualities are printable characters without space. The file may be damaged, or a line was lost.",
        )


def _length_fault(place: Place, have: int, length: int, at_end: bool):
    if at_end and have < length:
        return place.fault("truncated", f"the file ends after {have} of {length} qualities", CUT)
    return place.fault(
        "length_mismatch",
        f"the sequence has {length} bases but the quality {have} characters",
        "Sequence and quality must be equally long. A line was cut, lost or doubled.",
    )


def _starts(line: bytes | None, mark: bytes) -> bool:
    return line is not None and line.startswith(mark)
