"""The only writer of results: from a model's output to files in a folder, and from there to the results bucket."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from seqdrop.aws import keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mypy_boto3_s3.client import S3Client

    from seqdrop.config.analyses import Analysis
    from seqdrop.ledger.records import Attempt
    from seqdrop.models.calibration import Calibration
    from seqdrop.results.proteins import ProteinCounts
    from seqdrop.results.provenance import Provenance
    from seqdrop.results.rows import Counts

SUMMARY = "summary.json"
TYPES = {
    ".jsonl": "application/jsonlines",
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
    ".bed": "text/plain",
    ".gff3": "text/plain",
    ".bedgraph": "text/plain",
    ".bw": "application/octet-stream",
    ".fasta": "text/plain",
    ".gz": "application/gzip",
}


@dataclass(frozen=True)
class Predictions:
    """The output of a model for one file, and how it was asked for.

    `items` are the work items of `lines`, in the same order. Only kinds whose results hold sequences read them, each
    item after its line.
    """

    analysis: Analysis
    lines: Iterable[bytes]
    provenance: Provenance
    calibration: Calibration | None = None
    items: Iterable[bytes] = ()


@dataclass(frozen=True)
class Results:
    """The files that were written: a folder, counts, and the number of calls that were kept (None without tracks)."""

    folder: Path
    counts: Counts | ProteinCounts
    kept: int | None = None
    without_bigwig: bool = False

    @property
    def names(self) -> list[str]:
        """Names of all files except the summary."""
        return sorted(path.name for path in self.folder.iterdir() if path.name != SUMMARY)


@runtime_checkable
class ResultKind(Protocol):
    """What a kind with a model does beside the methods of config.kind.Kind: its predictions become result files."""

    def write(self, folder: Path, predictions: Predictions) -> Results:
        """Write the result files to `folder`. Raise UnexpectedOutputError for an output line of another shape."""

    def summarize(self, predictions: Predictions, results: Results) -> dict[str, object]:
        """Return what summary.json holds beside provenance, counts and files."""


def _kind_of(predictions: Predictions) -> ResultKind:
    kind = predictions.analysis.kind
    if not isinstance(kind, ResultKind):
        raise TypeError(f"the kind {kind.name} has no model, so there are no results")
    return kind


def result_key(attempt: Attempt, name: str) -> str:
    """Return the results-bucket key of a file of an attempt; each attempt has keys of its own."""
    return keys.result(attempt.analysis, attempt.upload_id, attempt.number, name)


@contextmanager
def result_files(predictions: Predictions) -> Iterator[Results]:
    """Write the result files, without the summary, to a folder that is deleted afterwards.

    Memory does not grow with the number of predictions. Raise UnexpectedOutputError for an output line of another
    shape.
    """
    with TemporaryDirectory(prefix="seqdrop-") as name:
        yield _kind_of(predictions).write(Path(name), predictions)


def summary(predictions: Predictions, results: Results) -> dict[str, object]:
    """Return the content of summary.json: provenance, counts, files, and what the kind adds."""
    return {
        **predictions.provenance,
        "counts": results.counts.as_dict(),
        "files": results.names,
        **_kind_of(predictions).summarize(predictions, results),
    }


def write_summary(predictions: Predictions, results: Results, **more: object) -> None:
    """Write summary.json into the folder, with `more` added to it."""
    content = summary(predictions, results) | more
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    (results.folder / SUMMARY).write_text(text, encoding="utf-8")


def upload_files(s3: S3Client, bucket: str, attempt: Attempt, results: Results) -> None:
    """Upload the files to the attempt's keys, the summary last: if it exists, so do all others."""
    for name in [*results.names, SUMMARY]:
        path, key = results.folder / name, result_key(attempt, name)
        s3.upload_file(str(path), bucket, key, ExtraArgs={"ContentType": TYPES[path.suffix]})
