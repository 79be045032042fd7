"""Work items of the masked task: one for each masked stretch, with the window around it.

The window lies as the container would lay it (model_code/dnabert/masked.py): the stretch in its middle, as far as the
record allows. So an item asks of the model what the whole record would, at the cost of one window.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator

from seqdrop.config.kind_settings import ModelUse
from seqdrop.reads.records import Record

RUN = re.compile(rb"[Nn]+")


Spans = Callable[[Record], Iterator[tuple[int, int]]]
"""From a record to (start, end) of each stretch that is to be filled: ascending and apart."""


def runs_of_n(record: Record) -> Iterator[tuple[int, int]]:
    """What is filled where no BED says otherwise."""
    return (found.span() for found in RUN.finditer(record.sequence))


def masked_items(upload_id: str, records: Iterable[Record], use: ModelUse, spans: Spans = runs_of_n) -> Iterator[bytes]:
    """One JSON line for each stretch (model_code/work_item.schema.json); a record without any has none.

    A stretch longer than a window is cut off in its item, for no model fills it: the answer is "longer_than_k". Its end
    is in the item's id then, where `true_end` finds it.
    """
    for record in records:
        number, name, sequence, _ = record
        for start, end in spans(record):
            first, last = window_around(len(sequence), start, end, use.window)
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
