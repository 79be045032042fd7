"""One record of a data set as a reader found it, and where."""

from __future__ import annotations

import re
from dataclasses import dataclass

SPLITS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
}
WORD = re.compile(r"\b(SET|SPLIT|VALIDATION)\s*=\s*(\w+)", re.IGNORECASE)


@dataclass(frozen=True)
class Row:
    """`split` is "" where none is told, `mask` None where there is none; `file`, `record`, `line` are for messages."""

    id: str
    sequence: str
    labels: str
    split: str
    mask: str | None
    file: str
    record: int
    line: int | None = None


def split_named(word: str) -> str:
    """The split that a word means; "" if it means none."""
    return SPLITS.get(word.strip().lower(), "")


def split_of_header(header: str) -> str:
    """Of `SET=train VALIDATION=True`, or `split=test`; "" if the header does not say."""
    found = {key.upper(): value for key, value in WORD.findall(header)}
    split = split_named(found.get("SET", found.get("SPLIT", "")))
    held_out = found.get("VALIDATION", "").lower() == "true"
    return "validation" if split == "train" and held_out else split


def name_of_header(header: str) -> str:
    """The first word; "" if there is none, or it tells the split."""
    first = header.split()[:1]
    return first[0] if first and not WORD.match(first[0]) else ""
