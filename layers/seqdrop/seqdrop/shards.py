"""Work items as JSON Lines objects of modest size in the work bucket."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from seqdrop.analyses import Analysis, ModelUse
from seqdrop.masks import count_masks, masked_items
from seqdrop.reads.records import Record
from seqdrop.segments import count_windows, segments

MEGABYTE = 1_000_000
KNOWN = 1_000  # lengths whose segments are remembered


def items_of(upload_id: str, records: Iterable[Record], analysis: Analysis) -> Iterator[bytes]:
    """The work items of an analysis, as its task has them."""
    if analysis.use.task == "masked":
        return masked_items(upload_id, records, analysis.use)
    return work_items(upload_id, records, analysis)


def count_answers(sequence: bytes, use: ModelUse) -> int:
    """How many windows (or stretches to fill) of a record the model is asked about, on all strands."""
    if use.task == "masked":
        return count_masks(sequence)
    return len(use.strands) * count_windows(len(sequence), use.window, use.stride)


def work_items(upload_id: str, records: Iterable[Record], analysis: Analysis) -> Iterator[bytes]:
    """One JSON line for each segment of each record (model_code/work_item.schema.json)."""
    use, windows = analysis.use, analysis.job.windows_per_item
    known: dict[int, list[tuple[int, int]]] = {}  # short reads share a few lengths
    for number, name, sequence, _ in records:
        spans = known.get(len(sequence))
        if spans is None:
            spans = list(segments(len(sequence), use.window, use.stride, windows))
            if len(known) < KNOWN:
                known[len(sequence)] = spans
        odd = '"' in name or "\\" in name  # else JSON is the name in quotes: names are printable ASCII
        quoted = (json.dumps(name) if odd else f'"{name}"').encode()
        for start, end in spans:
            places = (upload_id.encode(), number, start, quoted, start, sequence[start:end])
            yield b'{"id":"%b:%d:%d","record":%b,"start":%d,"sequence":"%b"}\n' % places


def shards(lines: Iterable[bytes], size: int) -> Iterator[tuple[bytes, int]]:
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


def shard_name(attempt_key: str, number: int) -> str:
    """The base name of a shard: unique over all jobs, so that an output is known by its name alone."""
    return f"{attempt_key}-{number:05d}.jsonl"
