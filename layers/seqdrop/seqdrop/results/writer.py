"""Write the results of an attempt: from a model's output to files in a folder, and from there to the results bucket."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from seqdrop.aws import keys
from seqdrop.results.index import INDEX, make_index

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
    ".html": "text/html; charset=utf-8",
    ".xml": "application/xml",
    ".sizes": "text/plain",
    ".txt": "text/plain",
}


@dataclass(frozen=True)
class Predictions:
    """The output lines of a model for one file, with the analysis and the provenance that describe them.

    `items` are the work items of `lines`, in the same order. Only kinds whose results contain sequences read them; they
    read each item after its line.
    """

    analysis: Analysis
    lines: Iterable[bytes]
    provenance: Provenance
    calibration: Calibration | None = None
    items: Iterable[bytes] = ()


@dataclass(frozen=True)
class Results:
    """The result files in `folder`, and totals. `kept` is the number of calls in calls.bed, None without tracks."""

    folder: Path
    counts: Counts | ProteinCounts
    kept: int | None = None
    without_bigwig: bool = False

    @property
    def names(self) -> list[str]:
        """The names of all files except the summary, sorted."""
        return sorted(path.name for path in self.folder.iterdir() if path.name != SUMMARY)


@runtime_checkable
class ResultKind(Protocol):
    """The methods that a kind with a model has in addition to those of config.kind.Kind, to write its results."""

    def write(self, folder: Path, predictions: Predictions) -> Results:
        """Write the result files to `folder`. Raise UnexpectedOutputError if an output line has another shape."""

    def summarize(self, predictions: Predictions, results: Results) -> dict[str, object]:
        """Return the keys of summary.json that are specific to the kind."""


def _kind_of(predictions: Predictions) -> ResultKind:
    kind = predictions.analysis.kind
    if not isinstance(kind, ResultKind):
        raise TypeError(f"the kind {kind.name} has no model, so there are no results")
    return kind


def result_key(attempt: Attempt, name: str) -> str:
    """Return the key, in the results bucket, of a file of an attempt. No two attempts have the same keys."""
    return keys.result(attempt.analysis, attempt.upload_id, attempt.number, name)


@contextmanager
def result_files(predictions: Predictions) -> Iterator[Results]:
    """Write the result files, without the summary, to a folder that is deleted afterwards.

    Memory does not grow with the number of predictions. Raise UnexpectedOutputError if an output line has another
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
    """Write summary.json to the folder, with the keys of `more` added."""
    content = summary(predictions, results) | more
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    (results.folder / SUMMARY).write_text(text, encoding="utf-8")


def write_index(predictions: Predictions, results: Results) -> None:
    """Write index.html to the folder, with a link to each file that is there."""
    made_by, number = predictions.provenance, predictions.provenance["attempt"]
    facts = {
        "File": made_by["upload"]["key"],
        "Upload": made_by["upload"]["id"],
        "Analysis": f"{made_by['analysis']}, attempt {number}",
        "Model": f"{made_by['model']['name']}, SHA-256 {made_by['model']['sha256']}",
        "Seqdrop": made_by["seqdrop"],
    }
    page = make_index([*results.names, SUMMARY], facts, "../" if number > 1 else "")
    (results.folder / INDEX).write_text(page, encoding="utf-8")


def upload_files(s3: S3Client, bucket: str, attempt: Attempt, results: Results) -> None:
    """Upload the files to the attempt's keys. The summary is the last, so if it exists, all others do."""
    for name in [*results.names, SUMMARY]:
        path, key = results.folder / name, result_key(attempt, name)
        s3.upload_file(str(path), bucket, key, ExtraArgs={"ContentType": TYPES[path.suffix]})
