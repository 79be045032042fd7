"""Cutting records into work items that lose no window.

A model sees windows of `window` bases that start at 0, stride, 2·stride, …, and one more that ends flush
with the record if a tail is left. A segment holds `windows` of them; the next segment starts one stride after
the last window's start. So the windows of all segments together are exactly the windows of the record, and the
container can window each segment as if it were a record of its own.

Work items of the masked task: one for each masked stretch, with the window around it.

The window lies as the container would lay it (model_code/dnabert/masked.py): the stretch in its middle, as far as the
record allows. So an item asks of the model what the whole record would, at the cost of one window.

Work items as JSON Lines objects of modest size in the work bucket.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from seqdrop.aws import keys
from seqdrop.reads.records import Record

if TYPE_CHECKING:
    from seqdrop.ledger.records import Attempt


def segments(length: int, window: int, stride: int, windows: int) -> Iterator[tuple[int, int]]:
    """(start, end) of each segment, 0-based half-open on the record. A record shorter than `window` is one segment."""
    regular = max(1, (length - window) // stride + 1)
    for first in range(0, regular, windows):
        last = min(first + windows, regular) - 1
        end = length if last == regular - 1 else last * stride + window
        yield first * stride, end


def count_windows(length: int, window: int, stride: int) -> int:
    """How many windows a record has on one strand (a record shorter than `window` counts as one)."""
    if length <= window:
        return 1
    tail = (length - window) % stride != 0
    return (length - window) // stride + 1 + tail


class WindowCut(Protocol):
    """How a record is cut into windows: the settings of a kind that does so."""

    @property
    def window(self) -> int:
        """Bases of a window."""

    @property
    def stride(self) -> int:
        """Bases from the start of a window to the start of the next."""

    @property
    def strands(self) -> str:
        """Strands that are scored: "+" or "+-"."""


def window_counter(cut: WindowCut) -> Callable[[int], int]:
    """Return a function from a record's length to the number of its windows on all strands.

    It remembers lengths that recur.
    """
    strands, window, stride = len(cut.strands), cut.window, cut.stride
    return lru_cache(1_000)(lambda length: strands * count_windows(length, window, stride))


RUN = re.compile(rb"[Nn]+")


Spans = Callable[[Record], Iterator[tuple[int, int]]]
"""From a record to (start, end) of each stretch that is to be filled: ascending and apart."""


def runs_of_n(record: Record) -> Iterator[tuple[int, int]]:
    """What is filled where no BED says otherwise."""
    return (found.span() for found in RUN.finditer(record.sequence))


def masked_items(upload_id: str, records: Iterable[Record], window: int, spans: Spans = runs_of_n) -> Iterator[bytes]:
    """One JSON line for each stretch (model_code/work_item.schema.json); a record without any has none.

    A stretch longer than a window is cut off in its item, for no model fills it: the answer is "longer_than_k". Its end
    is in the item's id then, where `true_end` finds it.
    """
    for record in records:
        number, name, sequence, _ = record
        for start, end in spans(record):
            first, last = window_around(len(sequence), start, end, window)
            whole = end <= last
            yield (
                json.dumps(
                    {
                        "id": f"{upload_id}:{number}:{start}" + ("" if whole else f":1:{end}"),
                        "record": name,
                        "start": first,
                        "sequence": sequence[first:last].decode("ascii"),
                        "masks": [[start, min(end, last)]],
                    },
                    separators=(",", ":"),
                ).encode()
                + b"\n"
            )


def window_around(length: int, start: int, end: int, window: int) -> tuple[int, int]:
    """(start, end) of the window with a stretch in its middle; it begins with a stretch that is longer."""
    if end - start >= window:
        return start, start + window
    first = min(max(0, (start + end - window) // 2), max(0, length - window))
    return first, min(first + window, length)


def true_end(item_id: str, end: int) -> int:
    """The end of the stretch that an item asked for: what its answer says, unless the item was cut off."""
    parts = item_id.split(":")
    return int(parts[4]) if len(parts) == 5 else end


MEGABYTE = 1_000_000
KNOWN = 1_000  # lengths whose segments are remembered


def work_items(
    upload_id: str, counted: Iterable[tuple[Record, int]], cut: WindowCut, windows_per_item: int
) -> Iterator[bytes]:
    """Yield a JSON line for each segment of each record (model_code/work_item.schema.json).

    A record comes with the number of identical ones that it stands for. Where that is not 1, it is the last part of the
    item's id, which comes back with the answer: so the model container need not know of it.
    """
    known: dict[int, list[tuple[int, int]]] = {}  # short reads share a few lengths
    for (number, name, sequence, _), count in counted:
        spans = known.get(len(sequence))
        if spans is None:
            spans = list(segments(len(sequence), cut.window, cut.stride, windows_per_item))
            if len(known) < KNOWN:
                known[len(sequence)] = spans
        odd = '"' in name or "\\" in name  # else JSON is the name in quotes: names are printable ASCII
        quoted = (json.dumps(name) if odd else f'"{name}"').encode()
        copies = b":%d" % count if count != 1 else b""
        for start, end in spans:
            places = (upload_id.encode(), number, start, copies, quoted, start, sequence[start:end])
            yield b'{"id":"%b:%d:%d%b","record":%b,"start":%d,"sequence":"%b"}\n' % places


def protein_items(upload_id: str, records: Iterable[Record]) -> Iterator[bytes]:
    """One JSON line for each protein, whole and in upper case (model_code/protein_item.schema.json)."""
    for number, name, sequence, _ in records:
        places = (upload_id.encode(), number, json.dumps(name).encode(), sequence.upper())
        yield b'{"id":"%b:%d:0","record":%b,"alphabet":"protein","sequence":"%b"}\n' % places


def copies_of(item_id: str | None) -> int:
    """How many identical records the work item of this id stands for."""
    parts = (item_id or "").split(":")
    return int(parts[3]) if len(parts) == 4 else 1


def pack_shards(lines: Iterable[bytes], size: int) -> Iterator[tuple[bytes, int]]:
    """(body, number of lines) of each shard: as many whole lines as fit in `size` bytes, one at the least."""
    held, total = [], 0
    for line in lines:
        if held and total + len(line) > size:
            yield b"".join(held), len(held)
            held, total = [], 0
        held.append(line)
        total += len(line)
    if held:
        yield b"".join(held), len(held)


def shard_key(attempt: Attempt, number: int) -> str:
    """Return the work-bucket key of one of an attempt's shards, numbered from 0."""
    return keys.shard(attempt.upload_id, attempt.masks, attempt.shards_key, number)
