"""Records of a data set as the readers return them, and the problems of a data set.

The first MOST problems are reported in full, and all problems are counted by code. No message contains a sequence.
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
class Place:
    """The place of a problem: a record's name and number (from 1) and a line (from 1); None if not known."""

    name: str | None = None
    record: int | None = None
    line: int | None = None


@dataclass(frozen=True)
class Row:
    """One record. `split` is "" and `mask` None if the file does not have them.

    `file`, `record` and `line` are for messages; `record` and `line` count from 1.
    """

    id: str
    sequence: str
    labels: str
    split: str
    mask: str | None
    file: str
    record: int
    line: int | None = None

    @property
    def place(self) -> Place:
        """Its name, number and line, for messages."""
        return Place(self.id, self.record, self.line)


def parse_split(word: str) -> str:
    """Return the split that a word stands for; "" if it is not a split."""
    return SPLITS.get(word.strip().lower(), "")


def split_of_header(header: str) -> str:
    """Return the split in a header such as `SET=train VALIDATION=True` or `split=test`; "" if there is none."""
    words = {key.upper(): value for key, value in WORD.findall(header)}
    split = parse_split(words.get("SET", words.get("SPLIT", "")))
    is_validation = words.get("VALIDATION", "").lower() == "true"
    return "validation" if split == "train" and is_validation else split


def name_of_header(header: str) -> str:
    """Return the first word of a header; "" if there is none, or if it names the split."""
    first = header.split()[:1]
    return first[0] if first and not WORD.match(first[0]) else ""


MOST = 100  # problems that are reported in full
LONGEST = 100  # characters of a record's name in a report
ADVICE = {
    "bad_fasta": "Write a header line that begins with >, then the sequence.",
    "bad_text": "Save the file as plain text (ASCII or UTF-8), or as gzip of that.",
    "bad_table": "Write the columns of docs/training.md: sequence, labels (dnabert: label), split; id and mask if any.",
    "no_name": "Give each record its own name.",
    "bad_residue": "Write amino acids as one-letter codes (X if unknown), without gaps, stops or numbers.",
    "bad_base": "Write bases as A, C, G, T (or U) and N.",
    "bad_spaces": "Remove the spaces. Proteins may also have one between every two residues and labels, and DNA all "
    "its k-mers of 3 to 6 bases, each moved by one base.",
    "bad_label": 'Write H, E, C (task "ss3") or G, H, I, B, E, S, T, C (task "ss8"), and - if unknown.',
    "bad_class": "Write 0 or 1 (or false and true, 0.0 and 1.0).",
    "bad_mask": "Write 1 for a residue that is scored and 0 for one that is not.",
    "length_mismatch": "Write one label for each residue, and one character of the mask if there is one.",
    "too_long": "Leave the record out, or cut it into domains.",
    "nothing_scored": "Leave the record out: every residue is masked or has no label.",
    "no_partner": "Each record must occur once in every file, under the same name.",
    "no_split": "Name the split of each record: train, validation or test (SET=… in the header, or a column split).",
    "duplicate_name": "Give each record its own name.",
    "leak": "Leave it out of one of the two splits: a model must not be tested on what it was trained on.",
    "split_missing": "Each split needs records: train, validation and test.",
    "class_missing": "A model cannot learn a class without examples; add records, or use another task.",
    "too_large": "Use fewer records: a data set may have 400 MB of text.",
}


class Problems:
    """A collection of the faults of a data set; `check` raises them."""

    def __init__(self) -> None:
        self.errors: list[Fault] = []
        self.counts: Counter[str] = Counter()
        self.warnings: Counter[str] = Counter()

    def add(self, code: str, message: str, place: Place | None = None) -> None:
        """Add a fault of a record, or of a file without `place`."""
        self.counts[code] += 1
        if len(self.errors) < MOST:
            place = place or Place()
            name = place.name[:LONGEST] if place.name else place.name
            fault = Fault(code, message, ADVICE[code], name=name, record=place.record, line=place.line)
            self.errors.append(fault)

    def check(self) -> None:
        """Raise InvalidFileError if there is a fault."""
        if self.errors:
            raise InvalidFileError(self.errors[0], self.errors, dict(self.counts))
