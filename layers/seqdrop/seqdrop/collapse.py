"""Identical reads as one, with their number: amplicons and small RNA repeat the same few sequences millions of times.

Reads are identical if all their letters are, upper or lower case (the model knows no case; U is not T to it).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from seqdrop.reads.records import Record
from seqdrop.work.selection import HELD, weight


def collapsed(records: Iterable[Record], room: int = HELD) -> Iterator[tuple[Record, int]]:
    """(the first of some identical records, in upper case; how many there are), in the order of the first ones.

    The counts add up to the number of records. No more than `room` bytes are held: where the distinct sequences of
    a file outgrow them, they are handed on and counting starts anew, so one that recurs later is there again.
    """
    held: dict[bytes, list] = {}
    size = 0
    for record in records:
        letters = record.sequence if record.sequence.isupper() else record.sequence.upper()
        if same := held.get(letters):
            same[1] += 1
            continue
        size += weight(record)
        if held and size > room:
            yield from _counted(held)
            held, size = {}, weight(record)
        held[letters] = [Record(record.number, record.name, letters), 1]
    yield from _counted(held)


def alone(records: Iterable[Record]) -> Iterator[tuple[Record, int]]:
    """Each record for itself."""
    return ((record, 1) for record in records)


def _counted(held: dict[bytes, list]) -> Iterator[tuple[Record, int]]:
    return ((record, count) for record, count in held.values())
