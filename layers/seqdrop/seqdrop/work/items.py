"""Work items: the JSON lines that the model containers read, packed into objects of the work bucket (shards).

Windows. A model reads windows of `window` bases that start at 0, stride, 2·stride, … If they do not reach the end of
the record, one more window ends there. A work item is a segment of a record with a fixed number of windows; the next
segment starts one stride after the start of its last window. The windows of all segments are therefore exactly those of
the record, and the container can cut each segment into windows as if it were a record of its own.

Masks. The masked task has one work item for each masked interval: the window around it. It is the window that the
container would choose (model_code/dnabert/masked.py), with the interval in its middle as far as the ends of the record
allow. The result is therefore the same as for the whole record, at the cost of one window.

RNA. Records come here spelled as DNA (`reads.records.as_dna`), so that every model reads U as T, also one whose code is
older than that. The id of a masked item says whether its record was RNA, and the results then spell the predicted bases
with U.
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
RNA = "rna"  # the last part of the id of a masked item of RNA
REMEMBERED_LENGTHS = 1_000  # different record lengths whose segments or windows are cached
RUN = re.compile(rb"[Nn]+")

Spans = Callable[[Record], Iterator[tuple[int, int]]]
"""A function from a record to (start, end) of each interval to fill, 0-based half-open, ascending and disjoint."""


class WindowLayout(Protocol):
    """The settings of a kind that determine the windows of a record."""

    @property
    def strands(self) -> str:
        """The strands that are scored: "+" or "+-"."""

    @property
    def window(self) -> int:
        """Length of a window in bases."""

    @property
    def stride(self) -> int:
        """Bases from the start of a window to the start of the next."""


def segments(length: int, window: int, stride: int, windows: int) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of each segment of a record of `length` bases, 0-based half-open.

    Each segment has `windows` regular windows; the last one has the remaining ones, and the window at the end of the
    record. A record that is shorter than `window` is one segment.
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
    """Return a cached function from the length of a record to the number of its windows on all strands."""
    strands, window, stride = len(layout.strands), layout.window, layout.stride
    return lru_cache(REMEMBERED_LENGTHS)(lambda length: strands * count_windows(length, window, stride))


def runs_of_n(record: Record) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of each run of N, 0-based half-open. These are the intervals to fill if there is no BED."""
    return (match.span() for match in RUN.finditer(record.sequence))


def masked_items(upload_id: str, records: Iterable[Record], window: int, spans: Spans = runs_of_n) -> Iterator[bytes]:
    """Yield a JSON line for each interval to fill (model_code/work_item.schema.json).

    No model can fill an interval that is longer than a window. Its item contains only the first `window` bases, its id
    contains the end of the interval (see `true_end`), and its result is "longer_than_k". The id of an item of RNA also
    has the end, and RNA after it (see `is_rna`).
    """
    for record in records:
        suffix = f":{RNA}" if record.is_rna else ""
        for start, end in spans(record):
            first, last = window_around(len(record.sequence), start, end, window)
            details = f":1:{end}{suffix}" if end > last or suffix else ""
            item = {
                "id": f"{upload_id}:{record.number}:{start}{details}",
                "record": record.name,
                "start": first,
                "sequence": record.sequence[first:last].decode("ascii"),
                "masks": [[start, min(end, last)]],
            }
            yield json.dumps(item, separators=(",", ":")).encode() + b"\n"


def window_around(length: int, start: int, end: int, window: int) -> tuple[int, int]:
    """Return (start, end) of the window around an interval of a record of `length` bases, all 0-based half-open.

    The interval is in the middle of the window, unless the window would exceed the record. A longer interval than
    `window` starts with the window.
    """
    if end - start >= window:
        return start, start + window
    first = min(max(0, (start + end - window) // 2), max(0, length - window))
    return first, min(first + window, length)


def true_end(item_id: str, end: int) -> int:
    """Return the end of an item's interval: that in its id if it has one, otherwise `end`."""
    parts = item_id.split(":")
    return int(parts[4]) if len(parts) >= 5 else end


def is_rna(item_id: str) -> bool:
    """Return True if a masked item with this id is of a record of RNA."""
    return item_id.split(":")[5:] == [RNA]


def work_items(
    upload_id: str, counted: Iterable[tuple[Record, int]], layout: WindowLayout, windows_per_item: int
) -> Iterator[bytes]:
    """Yield a JSON line for each segment of each record (model_code/work_item.schema.json).

    `counted` yields each record with the number of identical records that it represents. A number other than 1 is
    appended to the id of the item; the container returns ids unchanged, so it need not know about such numbers.
    """
    known: dict[int, list[tuple[int, int]]] = {}  # short reads have few different lengths
    for record, count in counted:
        number, name, sequence = record.number, record.name, record.sequence
        spans = known.get(len(sequence))
        if spans is None:
            spans = list(segments(len(sequence), layout.window, layout.stride, windows_per_item))
            if len(known) < REMEMBERED_LENGTHS:
                known[len(sequence)] = spans
        needs_escape = '"' in name or "\\" in name  # names are printable ASCII, so other characters need none
        quoted = (json.dumps(name) if needs_escape else f'"{name}"').encode()
        copies = b":%d" % count if count != 1 else b""
        for start, end in spans:
            values = (upload_id.encode(), number, start, copies, quoted, start, sequence[start:end])
            yield b'{"id":"%b:%d:%d%b","record":%b,"start":%d,"sequence":"%b"}\n' % values


def protein_items(upload_id: str, records: Iterable[Record]) -> Iterator[bytes]:
    """Yield a JSON line for each protein, not cut and in upper case (model_code/protein_item.schema.json)."""
    for record in records:
        values = (upload_id.encode(), record.number, json.dumps(record.name).encode(), record.sequence.upper())
        yield b'{"id":"%b:%d:0","record":%b,"alphabet":"protein","sequence":"%b"}\n' % values


def copies_of(item_id: str | None) -> int:
    """Return the number of identical records that the work item with this id represents."""
    parts = (item_id or "").split(":")
    return int(parts[3]) if len(parts) == 4 else 1


def pack_shards(lines: Iterable[bytes], size: int) -> Iterator[tuple[bytes, int]]:
    """Yield (body, number of lines) of each shard. It has as many lines as fit in `size` bytes, but at least one."""
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
    """Return the key, in the work bucket, of the attempt's shard with this number (from 0)."""
    return keys.shard(attempt.upload_id, attempt.masks, attempt.shards_key, number)
