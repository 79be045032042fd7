"""One record of a data set as a reader found it, and where.

What is wrong with a data set: the first records in full, all of them by count. Never a sequence.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from seqdrop.errors import Fault, InvalidFileError

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


MOST = 100  # records told of in full
LONGEST = 100  # characters of a record's name
ADVICE = {
    "bad_fasta": "Write a header line that begins with >, then its letters.",
    "bad_text": "Save the file as plain text (ASCII or UTF-8), or as gzip of that.",
    "bad_table": "Write the columns of docs/training.md: sequence, labels (dnabert: label), split; id, mask if any.",
    "no_name": "Give each record a name of its own.",
    "bad_residue": "Write amino acids as letters (X for what is not known): no gaps, stops or numbers.",
    "bad_base": "Write bases as A, C, G, T and N.",
    "bad_label": 'Write H, E, C (task "ss3") or G, H, I, B, E, S, T, C (task "ss8"), and - for what is not known.',
    "bad_class": "Write 0 or 1.",
    "bad_mask": "Write 1 for a residue that counts and 0 for one that does not.",
    "length_mismatch": "Each residue has one label, and one letter of the mask if there is one.",
    "too_long": "Leave the record out, or cut it into domains.",
    "nothing_scored": "Leave the record out: every residue is masked or has no label.",
    "no_partner": "Each record stands once in every file, under the same name.",
    "no_split": "Say for each record train, validation or test (SET=… in the header, or a column split).",
    "duplicate_name": "Give each record a name of its own.",
    "leak": "Leave it out of one of the two: a model would be judged on what it has seen.",
    "split_missing": "Training, its early end and its judgement each need records of their own.",
    "class_missing": "A model cannot learn what it is never shown; add records, or take another task.",
    "too_large": "Take fewer records: a data set may have 400 MB of text.",
}


class Problems:
    """Collects faults; `check` raises them."""

    def __init__(self) -> None:
        self.errors: list[Fault] = []
        self.counts: Counter[str] = Counter()
        self.warnings: Counter[str] = Counter()

    def add(self, code: str, message: str, name: str | None = None, record: int | None = None, line: int | None = None):
        """A fault of a record, or of a file."""
        self.counts[code] += 1
        if len(self.errors) < MOST:
            shown = name[:LONGEST] if name else name
            self.errors.append(Fault(code, message, ADVICE[code], name=shown, record=record, line=line))

    def check(self) -> None:
        """Raises InvalidFileError if there is any."""
        if self.errors:
            raise InvalidFileError(self.errors[0], self.errors, dict(self.counts))
