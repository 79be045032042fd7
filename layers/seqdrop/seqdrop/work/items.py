"""Work items as JSON Lines objects of modest size in the work bucket."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from seqdrop.config.analyses import Analysis
from seqdrop.config.kind_settings import PROTEIN
from seqdrop.ledger.records import Attempt
from seqdrop.masks import Spans, masked_items, runs_of_n
from seqdrop.reads.records import Record
from seqdrop.segments import segments

MEGABYTE = 1_000_000
KNOWN = 1_000  # lengths whose segments are remembered


def items_of(
    upload_id: str, counted: Iterable[tuple[Record, int]], analysis: Analysis, spans: Spans = runs_of_n
) -> Iterator[bytes]:
    """The work items of an analysis, as its task has them; a record comes with the number of identical ones.

    `spans` are what the task masked is to fill.
    """
    if analysis.alphabet == PROTEIN:
        return protein_items(upload_id, (record for record, _ in counted))
    if analysis.fills:
        return masked_items(upload_id, (record for record, _ in counted), analysis.use, spans)
    return work_items(upload_id, counted, analysis)


def work_items(upload_id: str, counted: Iterable[tuple[Record, int]], analysis: Analysis) -> Iterator[bytes]:
    """One JSON line for each segment of each record (model_code/work_item.schema.json).

    A record comes with the number of identical ones that it stands for. Where that is not 1, it is the last part of the
    item's id, which comes back with the answer: so the model container need not know of it.
    """
    use, windows = analysis.use, analysis.job.windows_per_item
    known: dict[int, list[tuple[int, int]]] = {}  # short reads share a few lengths
    for (number, name, sequence, _), count in counted:
        spans = known.get(len(sequence))
        if spans is None:
            spans = list(segments(len(sequence), use.window, use.stride, windows))
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


def shard_prefix(attempt: Attempt) -> str:
    """Where in the work bucket an attempt's shards lie; with another BED they are others."""
    return f"shards/{attempt.upload_id}/" + (f"{attempt.masks}/" if attempt.masks else "")
