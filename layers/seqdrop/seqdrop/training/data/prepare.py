"""Preparation of a data set: its files become the three JSON Lines files that train.py reads, a digest and counts."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, TypedDict

from seqdrop.training.data import flip, tables, three_line
from seqdrop.training.data.line_reader import Budget, Source
from seqdrop.training.data.residues import CLASSES, make_promoter, make_protein
from seqdrop.training.data.rows import Problems, Row
from seqdrop.training.jobfile import DNABERT, FLIP, SPLITS, JobFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seqdrop.training.data.residues import Example

RARE = 0.001  # a class with a smaller share of the training labels causes a warning
READERS = {"three_line": three_line.read, "csv": tables.read_csv, "parquet": tables.read_parquet}
PURPOSES = {"train": "train on", "validation": "validate with", "test": "test on"}


class SplitCounts(TypedDict):
    """Counts of one split. `letters` are residues or bases; `classes` are the labels by class."""

    records: int
    letters: int  # stored name
    classes: dict[str, int]


@dataclass(frozen=True)
class Prepared:
    """The content of a folder of prepared data. `digest` identifies it, also in train.py's card.

    `test_digest` identifies the records on which the gate's figure is measured (`measured_split`).
    `counts` has an entry for each split, `warnings` the number of cases by the name of the warning.
    """

    digest: str
    test_digest: str
    counts: dict[str, SplitCounts]
    warnings: dict[str, int] = field(default_factory=dict)

    @property
    def residues(self) -> int:
        """Residues or bases of the training records, which one epoch sees."""
        return self.counts["train"]["letters"]

    def as_dict(self) -> dict[str, Any]:
        """Return the object as JSON."""
        return asdict(self)


def prepare(job: JobFile, files: dict[str, Source], folder: Path) -> Prepared:
    """Write train.jsonl, validation.jsonl and test.jsonl to `folder`. The same content gives the same bytes.

    `files` are the sources by their names in job.toml. Raise InvalidFileError if the data set has a fault.
    """
    problems, checks = Problems(), UniqueChecks()
    make_example = make_promoter if job.model == DNABERT else make_protein
    with ExitStack() as stack:
        splits = {split: SplitFile(stack.enter_context((folder / f"{split}.jsonl").open("wb"))) for split in SPLITS}
        for row in _rows(job, files, problems):
            example = make_example(row, job.target, problems)
            if example and checks.accept(row, example, problems):
                splits[row.split].add(example)
    _check_splits(job, splits, problems)
    problems.check()
    digest = hashlib.sha256(b"".join(splits[split].digest.digest() for split in SPLITS)).hexdigest()
    counts = {split: file.counts for split, file in splits.items()}
    return Prepared(digest, splits[measured_split(job)].digest.hexdigest(), counts, dict(problems.warnings))


def measured_split(job: JobFile) -> str:
    """Return the split on which the figure of a model is measured that the gate compares.

    The script of dnabert does not use the test split.
    """
    return "validation" if job.model == DNABERT else "test"


class SplitFile:
    """One of the three files, with its digest and counts."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.digest = file, hashlib.sha256()
        self.records = self.residues = 0
        self.classes: Counter[str] = Counter()

    def add(self, example: Example) -> None:
        """Write one example."""
        line = json.dumps(example, separators=(",", ":")).encode() + b"\n"
        self._file.write(line)
        self.digest.update(line)
        self.records += 1
        self.residues += len(example["sequence"])
        self.classes.update(example.get("labels") or example["label"])

    @property
    def counts(self) -> SplitCounts:
        """The counts so far."""
        return {"records": self.records, "letters": self.residues, "classes": dict(sorted(self.classes.items()))}


class UniqueChecks:
    """Checks between records: names and sequences that occur twice."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._sequences: dict[bytes, tuple[str, str]] = {}

    def accept(self, row: Row, example: Example, problems: Problems) -> bool:
        """Report problems of a record with its name, split or sequence; return True if it has a split.

        The record must be valid by itself.
        """
        if not row.split:
            problems.add("no_split", f"{row.file}: the record names no split", row.place)
        if not row.id:
            problems.add("no_name", f"{row.file}: the record has no name", row.place)
        elif row.id in self._names:
            problems.add("duplicate_name", f"{row.file}: the name occurs twice", row.place)
        self._names.add(row.id)
        self._check_sequence(row, example["sequence"], problems)
        return bool(row.split)

    def _check_sequence(self, row: Row, sequence: str, problems: Problems) -> None:
        key = hashlib.blake2b(sequence.encode(), digest_size=16).digest()
        split, other = self._sequences.setdefault(key, (row.split, row.id))
        if split != row.split:
            problems.add("leak", f"{row.file}: {other[:100]} in {split or '?'} has the same sequence", row.place)
        elif other != row.id:
            problems.warnings["same_sequence_in_a_split"] += 1


def _rows(job: JobFile, files: dict[str, Source], problems: Problems) -> Iterator[Row]:
    data, budget = job.data, Budget()
    if data.format == FLIP:
        mask = files[data.mask] if data.mask else None
        yield from flip.read(files[data.sequences], files[data.labels], mask, problems, budget)
        return
    names = {"": data.file} if data.file else {"train": data.train, "validation": data.validation, "test": data.test}
    for split, name in names.items():
        yield from READERS[data.format](files[name], split, problems, budget)


def _check_splits(job: JobFile, splits: dict[str, SplitFile], problems: Problems) -> None:
    """Report splits without records, and classes that are missing or rare in the training records."""
    for split, file in splits.items():
        if not file.records and not problems.errors:
            problems.add("split_missing", f"there is no record to {PURPOSES[split]}")
    classes, counts = CLASSES.get(job.target, "01"), splits["train"].classes
    total = sum(counts[name] for name in classes)
    if not total or problems.errors:
        return
    for name in classes:
        if not counts[name]:
            problems.add("class_missing", f"class {name} does not occur in the training records")
        elif counts[name] < RARE * total:
            problems.warnings[f"class_{name}_is_rare"] += 1
