"""The uploads that a person names by one text: an upload id, a key or its end, a run folder, a sample, a pattern."""

from __future__ import annotations

import json
import posixpath
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from seqdrop.aws import keys
from seqdrop.aws.errors import is_missing
from seqdrop.ledger.moves import ENDS, OPEN, RUN, UPLOAD
from seqdrop.runs.read_names import parse_read_name
from seqdrop.uploads import ID_LENGTH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mypy_boto3_s3.client import S3Client

    from seqdrop.ledger.records import Upload
    from seqdrop.ledger.run_record import Run
    from seqdrop.ledger.table import Ledger
    from seqdrop.runtime.services import Services

UPLOAD_ID = re.compile(rf"[A-Z2-7]{{{ID_LENGTH}}}")
WILDCARDS = frozenset("*?[")
STEM = re.compile(r"\.(?:fa|fasta|fna|faa|fq|fastq|bam|cram|bed|txt|tsv|csv)(?:\.(?:gz|bz2|zst|xz))?$", re.IGNORECASE)


@dataclass(frozen=True)
class Selection:
    """The uploads that a text names. `kind` says how: upload, key, run, file, pattern or sample; "" if it names none.

    Uploads in any state are listed; a file that was dropped twice has two.
    """

    kind: str
    uploads: tuple[Upload, ...] = ()


def select(services: Services, text: str) -> Selection:
    """Return the uploads that a text names: the first of these that names any.

    An upload id; a landing key; a folder of landing keys or the name of a run's folder; a file name, or the end of a
    key after a slash; a pattern of a key or file name, such as *_R1_*; a sample (`select_sample`).
    """
    if is_upload_id(text) and (upload := services.ledger.find_upload(text)):
        return Selection("upload", (upload,))
    return select_among(
        list(_read_all(services)), text, RunTables(services.ledger, services.s3, services.settings.results)
    )


def is_upload_id(text: str) -> bool:
    """Return True for a text of the form of an upload id."""
    return UPLOAD_ID.fullmatch(text) is not None


def select_among(uploads: Sequence[Upload], text: str, tables: RunTables) -> Selection:
    """Return those of some uploads that a text names, as `select` does."""
    name = text.strip("/")
    for kind, matches in _tests(name).items():
        if chosen := [upload for upload in uploads if matches(upload)]:
            return Selection(kind, tuple(chosen))
    chosen = select_sample(uploads, name, tables)
    return Selection("sample" if chosen else "", tuple(chosen))


def select_sample(uploads: Sequence[Upload], sample: str, tables: RunTables) -> list[Upload]:
    """Return the uploads of a sample, by the tables of the runs; if they do not have it, by the names of the files."""
    sampled = tables.list_keys(sample)
    return [upload for upload in uploads if upload.key in sampled] or _by_name(uploads, sample)


def _read_all(services: Services) -> Iterator[Upload]:
    for state in (*OPEN[UPLOAD], *sorted(ENDS[UPLOAD])):
        yield from services.ledger.in_state(UPLOAD, state)


def _tests(name: str) -> dict[str, Callable[[Upload], bool]]:
    return {
        "key": lambda upload: upload.key == name,
        "run": lambda upload: upload.key.startswith(f"{name}/") or posixpath.basename(upload.run.strip("/")) == name,
        "file": lambda upload: upload.key.endswith(f"/{name}"),
        "pattern": lambda upload: _fits(upload.key, name),
    }


def _fits(key: str, pattern: str) -> bool:
    """Return True if a pattern has a wildcard and fits a key or a file name."""
    return not WILDCARDS.isdisjoint(pattern) and any(
        fnmatchcase(text, pattern) for text in (key, posixpath.basename(key))
    )


def _by_name(uploads: Iterable[Upload], sample: str) -> list[Upload]:
    """Return the uploads whose file name has the sample: `S1_S1_L001_R1_001.fastq.gz`, or `S1.fasta`."""
    return [upload for upload in uploads if sample in _samples_of(upload.key)]


def _samples_of(key: str) -> tuple[str, ...]:
    parsed = parse_read_name(key)
    return (STEM.sub("", posixpath.basename(key)), *((parsed.sample,) if parsed and parsed.sample else ()))


@dataclass(frozen=True)
class RunTables:
    """The tables of samples of all runs, in the results bucket."""

    ledger: Ledger
    s3: S3Client
    results: str

    def list_keys(self, sample: str) -> set[str]:
        """Return the landing keys of a sample's files."""
        states = (*OPEN[RUN], *sorted(ENDS[RUN]))
        runs = [run for state in states for run in self.ledger.in_state(RUN, state)]
        return {run.key_of(name) for run in runs for name in self._names_in(run, sample)}

    def _names_in(self, run: Run, sample: str) -> Iterator[str]:
        """Yield the paths of a sample's files below the folder of a run."""
        key = keys.run_result(run.analysis, run.name, "run.json")
        try:
            report = json.loads(self.s3.get_object(Bucket=self.results, Key=key)["Body"].read())
        except ClientError as error:
            if is_missing(error):
                return
            raise
        for part in report.get("parts", []):
            for row in part.get("samples", []):
                if row["sample_id"] == sample:
                    for names in row["files"].values():
                        yield from names
