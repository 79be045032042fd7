"""Work items as JSON Lines objects of modest size in the work bucket."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from seqdrop.analyses import Analysis
from seqdrop.reads.records import Record
from seqdrop.segments import segments

MEGABYTE = 1_000_000


def work_items(upload_id: str, records: Iterable[Record], analysis: Analysis) -> Iterator[bytes]:
    """One JSON line for each segment of each record (model_code/work_item.schema.json)."""
    use = analysis.use
    for record in records:
        text = record.sequence.decode("ascii")
        spans = segments(len(text), use.window, use.stride, analysis.job.windows_per_item)
        for start, end in spans:
            item = {
                "id": f"{upload_id}:{record.number}:{start}",
                "record": record.name,
                "start": start,
                "sequence": text[start:end],
            }
            yield json.dumps(item, separators=(",", ":")).encode() + b"\n"


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
