"""Work items: JSON lines that the model containers read, packed into objects of moderate size in the work bucket.

Windows. A model sees windows of `window` bases that start at 0, stride, 2·stride, …, and one more that ends at the end
of the record if a tail is left. A segment contains a fixed number of them; the next segment starts one stride after
the start of the last window. So the windows of all segments together are exactly the windows of the record, and the
container can cut each segment into windows as if it were a record of its own.

Masks. The masked task has one work item for each masked interval, with the window around it. The window is the one that
the container would choose (model_code/dnabert/masked.py): the interval is in its middle, as far as the record allows.
So the result is that of the whole record, for the cost of one window.
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

MEGABYTE = 1_000_000
REMEMBERED_LENGTHS = 1_000  # record lengths whose segments are kept
RUN = re.compile(rb"[Nn]+")

Spans = Callable[[Record], Iterator[tuple[int, int]]]
"""A function from a record to (start, end) of each interval to fill, 0-based half-open, ascending and disjoint."""


class WindowLayout(Protocol):
    """The settings of a kind that cuts windows, as far as they say where windows lie."""

    @property
    def strands(self) -> str:
        """The strands that are scored: "+" or "+-"."""

    @property
    def window(self) -> int:
        """Bases of a window."""

    @property
    def stride(self) -> int:
        """Bases from the start of a window to the start of the next."""


def segments(length: int, window: int, stride: int, windows: int) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of each segment of a record of `length` bases, 0-based half-open; each has `windows` windows.

    A record shorter than `window` is one segment.
    """
    regular = max(1, (length - window) // stride + 1)
    for first in range(0, regular, windows):
        last = min(first + windows, regular) - 1
        end = length if last == regular - 1 else last * stride + window
        yield first * stride, end


def count_windows(length: int, window: int, stride: int) -> int:
    """Return the number of windows of a record on one strand; a record shorter than `window` has one."""
    if length <= window:
        return 1
    has_tail = (length - window) % stride != 0
    return (length - window) // stride + 1 + has_tail


def window_counter(layout: WindowLayout) -> Callable[[int], int]:
    """Return a function from a record's length to its windows on all strands; it is fast for lengths that recur."""
    strands, window, stride = len(layout.strands), layout.window, layout.stride
    return lru_cache(1_000)(lambda length: strands * count_windows(length, window, stride))


def runs_of_n(record: Record) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of each run of N, 0-based half-open: the intervals to fill if no BED names others."""
    return (match.span() for match in RUN.finditer(record.sequence))


def masked_items(upload_id: str, records: Iterable[Record], window: int, spans: Spans = runs_of_n) -> Iterator[bytes]:
    """Yield a JSON line for each interval to fill (model_code/work_item.schema.json); a record may have none.

    An interval longer than a window is cut off in its item, since no model can fill it: its result is
    "longer_than_k". The id of the item then contains the end of the interval, which `true_end` returns.
    """
    for record in records:
        number, name, sequence, _ = record
        for start, end in spans(record):
            first, last = window_around(len(sequence), start, end, window)
            cut_off = "" if end <= last else f":1:{end}"
            item = {
                "id": f"{upload_id}:{number}:{start}{cut_off}",
                "record": name,
                "start": first,
                "sequence": sequence[first:last].decode("ascii"),
                "masks": [[start, min(end, last)]],
            }
            yield json.dumps(item, separators=(",", ":")).encode() + b"\n"


def window_around(length: int, start: int, end: int, window: int) -> tuple[int, int]:
    """Return (start, end) of the window with an interval in its middle, on a record of `length` bases.

    The window starts with the interval if that is longer than the window.
    """
    if end - start >= window:
        return start, start + window
    first = min(max(0, (start + end - window) // 2), max(0, length - window))
    return first, min(first + window, length)


def true_end(item_id: str, end: int) -> int:
    """Return the end of the interval that an item stands for: `end` of its result, unless the item was cut off."""
    parts = item_id.split(":")
    return int(parts[4]) if len(parts) == 5 else end


def work_items(
    upload_id: str, counted: Iterable[tuple[Record, int]], layout: WindowLayout, windows_per_item: int
) -> Iterator[bytes]:
    """Yield a JSON line for each segment of each record (model_code/work_item.schema.json).

    A record comes with the number of identical records that it represents. If that is not 1, it is the last part of the
    item's id, which the container returns with the result, so the container need not know about it.
    """
    known: dict[int, list[tuple[int, int]]] = {}  # short reads have few different lengths
    for (number, name, sequence, _), count in counted:
        spans = known.get(len(sequence))
        if spans is None:
            spans = list(segments(len(sequence), layout.window, layout.stride, windows_per_item))
            if len(known) < REMEMBERED_LENGTHS:
                known[len(sequence)] = spans
        needs_escape = '"' in name or "\\" in name  # otherwise JSON is the name in quotes: it is printable ASCII
        quoted = (json.dumps(name) if needs_escape else f'"{name}"').encode()
        copies = b":%d" % count if count != 1 else b""
        for start, end in spans:
            values = (upload_id.encode(), number, start, copies, quoted, start, sequence[start:end])
            yield b'{"id":"%b:%d:%d%b","record":%b,"start":%d,"sequence":"%b"}\n' % values


def protein_items(upload_id: str, records: Iterable[Record]) -> Iterator[bytes]:
    """Yield a JSON line for each protein, whole and in upper case (model_code/protein_item.schema.json)."""
    for number, name, sequence, _ in records:
        values = (upload_id.encode(), number, json.dumps(name).encode(), sequence.upper())
        yield b'{"id":"%b:%d:0","record":%b,"alphabet":"protein","sequence":"%b"}\n' % values


def copies_of(item_id: str | None) -> int:
    """Return the number of identical records that the work item with this id represents."""
    parts = (item_id or "").split(":")
    return int(parts[3]) if len(parts) == 4 else 1


def pack_shards(lines: Iterable[bytes], size: int) -> Iterator[tuple[bytes, int]]:
    """Yield (body, number of lines) of each shard: as many whole lines as fit in `size` bytes, at least one."""
    packed: list[bytes] = []
    total = 0
    for line in lines:
        if packed and total + len(line) > size:
            yield b"".join(packed), len(packed)
            packed = []
            total = 0
        packed.append(line)
        total += len(line)
    if packed:
        yield b"".join(packed), len(packed)


def shard_key(attempt: Attempt, number: int) -> str:
    """Return the key in the work bucket of one of an attempt's shards, which are numbered from 0."""
    return keys.shard(attempt.upload_id, attempt.masks, attempt.shards_key, number)
