"""FASTA of nucleotides, wrapped or not."""

from __future__ import annotations

from collections.abc import Iterator

from seqdrop.reads.lines import Lines
from seqdrop.reads.records import Place, Record, check_bases, header_name


def records(lines: Lines) -> Iterator[Record]:
    """Every record, checked; a record is held in memory whole. Raises InvalidFile at the first fault."""
    number, seen = 0, set()
    while lines.peek() is not None:
        number += 1
        header = lines.next()
        place = Place.at(lines, number)
        if not header.startswith(b">"):
            advice = "A FASTA file starts with a line of > and a name."
            raise place.fault("data_before_header", "sequence stands before the first header", advice)
        name = header_name(header, place)
        if name in seen:
            advice = "Names must differ, or predictions could not be told apart. Rename or remove one."
            raise place.fault("duplicate_name", "an earlier record has the same name", advice)
        seen.add(name)
        yield Record(number, name, _sequence(lines, place, name))


def _sequence(lines: Lines, header: Place, name: str) -> bytes:
    parts = []
    while (ahead := lines.peek()) is not None and not ahead.startswith(b">"):
        part = lines.next()
        check_bases(part, Place.at(lines, header.record, name))
        parts.append(part)
    sequence = b"".join(parts)
    if not sequence:
        place = Place(header.record, name, header.line, header.byte)
        advice = "The file may be cut, or two headers follow each other. Remove the record or add its sequence."
        raise place.fault("empty_record", "the record has no sequence", advice)
    return sequence
