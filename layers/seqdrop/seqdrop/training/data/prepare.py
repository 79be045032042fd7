"""From the files of a data set to the three JSON Lines files that train.py reads, with a digest and counts."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from seqdrop.training.data import flip, tables, three_line
from seqdrop.training.data.line_reader import Budget, Source
from seqdrop.training.data.residues import CLASSES, promoter, protein
from seqdrop.training.data.rows import Problems, Row
from seqdrop.training.jobfile import DNABERT, FLIP, SPLITS, JobFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RARE = 0.001  # a class with a smaller share of the training labels is told of
READERS = {"three_line": three_line.read, "csv": tables.read_csv, "parquet": tables.read_parquet}


@dataclass(frozen=True)
class Prepared:
    """What lies in a folder of prepared data. `digest` is of its content, and what train.py's card calls it.

    `counts` are by split: records, letters, labels by class. `warnings` are counts by what there is to know.
    """

    digest: str
    test_digest: str
    counts: dict[str, dict]
    warnings: dict[str, int] = field(default_factory=dict)

    @property
    def letters(self) -> int:
        """Residues or bases in one epoch."""
        return self.counts["train"]["letters"]

    def as_dict(self) -> dict:
        return asdict(self)


def prepare(job: JobFile, files: dict[str, Source], folder: Path) -> Prepared:
    """Write train.jsonl, validation.jsonl and test.jsonl into the folder. Raises InvalidFileError.

    `files` are by name, as job.toml has them. The same content gives the same bytes.
    """
    problems, checks = Problems(), Checks(job)
    normalise = promoter if job.model == DNABERT else protein
    with ExitStack() as stack:
        written = {split: Written(stack.enter_context((folder / f"{split}.jsonl").open("wb"))) for split in SPLITS}
        for row in _rows(job, files, problems):
            made = normalise(row, job.target, problems)
            if made and checks.hold(row, made, problems):
                written[row.split].add(made)
    _check_whole(job, written, problems)
    problems.check()
    whole = hashlib.sha256(b"".join(written[split].digest.digest() for split in SPLITS)).hexdigest()
    counts = {split: one.counts for split, one in written.items()}
    return Prepared(whole, written["test"].digest.hexdigest(), counts, dict(problems.warnings))


class Written:
    """One of the three files, and what is known of it."""

    def __init__(self, file):
        self._file, self.digest = file, hashlib.sha256()
        self.records = self.letters = 0
        self.classes: Counter[str] = Counter()

    def add(self, record: dict) -> None:
        line = json.dumps(record, separators=(",", ":")).encode() + b"\n"
        self._file.write(line)
        self.digest.update(line)
        self.records += 1
        self.letters += len(record["sequence"])
        self.classes.update(record.get("labels") or record["label"])

    @property
    def counts(self) -> dict:
        return {"records": self.records, "letters": self.letters, "classes": dict(sorted(self.classes.items()))}


class Checks:
    """What is wrong between records: names and sequences that come twice."""

    def __init__(self, job: JobFile):
        self._names: set[str] = set()
        self._sequences: dict[bytes, tuple[str, str]] = {}

    def hold(self, row: Row, record: dict, problems: Problems) -> bool:
        """Whether a record that is sound by itself may be written."""
        place = {"name": row.id, "record": row.record, "line": row.line}
        if not row.split:
            problems.add("no_split", f"{row.file}: it is not said whether to train or to test on it", **place)
        if not row.id:
            problems.add("no_name", f"{row.file}: the record has no name", **place)
        elif row.id in self._names:
            problems.add("duplicate_name", f"{row.file}: the name stands twice", **place)
        self._names.add(row.id)
        key = hashlib.blake2b(record["sequence"].encode(), digest_size=16).digest()
        split, other = self._sequences.setdefault(key, (row.split, row.id))
        if split != row.split:
            problems.add("leak", f"{row.file}: {other[:100]} in {split or '?'} has the same sequence", **place)
        elif other != row.id:
            problems.warnings["same_sequence_in_a_split"] += 1
        return bool(row.split)


def _rows(job: JobFile, files: dict[str, Source], problems: Problems) -> Iterator[Row]:
    data, budget = job.data, Budget()
    if data.format == FLIP:
        mask = files[data.mask] if data.mask else None
        yield from flip.read(files[data.sequences], files[data.labels], mask, problems, budget)
        return
    sources = {"": data.file} if data.file else {split: getattr(data, split) for split in SPLITS}
    for split, name in sources.items():
        yield from READERS[data.format](files[name], split, problems, budget)


def _check_whole(job: JobFile, written: dict[str, Written], problems: Problems) -> None:
    for split, one in written.items():
        if not one.records and not problems.errors:
            problems.add("split_missing", f"there is no record to {_purpose(split)}")
    wanted, found = CLASSES.get(job.target, "01"), written["train"].classes
    total = sum(found[one] for one in wanted)
    for one in wanted if total and not problems.errors else ():
        if not found[one]:
            problems.add("class_missing", f"class {one} does not occur in the training records")
        elif found[one] < RARE * total:
            problems.warnings[f"class_{one}_is_rare"] += 1


def _purpose(split: str) -> str:
    return {"train": "train on", "validation": "validate with", "test": "test on"}[split]
