"""The one writer of results: from a model's predictions to files in a folder, and from there to the results bucket."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from seqdrop.aws import keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from seqdrop.config.analyses import Analysis
    from seqdrop.ledger.records import Attempt
    from seqdrop.models.calibration import Calibration
    from seqdrop.results.proteins import ProteinCounts
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
    """What a model returned for one file, and how it was asked.

    `items` are the work items that `lines` answer, in the same order; read only by kinds whose results hold sequences,
    and an item only after its line. `made_by` is results.provenance's.
    """

    analysis: Analysis
    lines: Iterable[bytes]
    made_by: dict
    calibration: Calibration | None = None
    items: Iterable[bytes] = ()

    @property
    def settings(self) -> Any:
        """The settings of the analysis's kind."""
        return self.analysis.settings


@dataclass(frozen=True)
class Results:
    """What was written: a folder, what was counted, and the calls that were kept (None without tracks)."""

    folder: Path
    counts: Counts | ProteinCounts
    kept: int | None = None
    without_bigwig: bool = False

    @property
    def names(self) -> list[str]:
        """Names of all files but the summary."""
        return sorted(path.name for path in self.folder.iterdir() if path.name != SUMMARY)


def result_key(attempt: Attempt, name: str) -> str:
    """Return the results-bucket key of one of an attempt's files; a later attempt is kept beside the first."""
    return keys.result(attempt.analysis, attempt.upload_id, attempt.number, name)


@contextmanager
def result_files(predictions: Predictions) -> Iterator[Results]:
    """Write the files of the analysis's kind, without the summary, to a folder that is gone afterwards.

    Memory does not grow with the predictions. Raises UnexpectedOutputError.
    """
    with TemporaryDirectory(prefix="seqdrop-") as name:
        yield predictions.analysis.kind.write(Path(name), predictions)


def summary(predictions: Predictions, results: Results) -> dict:
    """Return what was found, what it is worth, and everything that is needed to make it again."""
    return {
        **predictions.made_by,
        "counts": results.counts.as_dict(),
        "files": results.names,
        **predictions.analysis.kind.summarize(predictions, results),
    }


def write_summary(predictions: Predictions, results: Results, **more: Any) -> None:
    """Write summary.json into the folder; `more` is added to it."""
    content = summary(predictions, results) | more
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    (results.folder / SUMMARY).write_text(text, encoding="utf-8")


def upload_files(s3, bucket: str, attempt: Attempt, results: Results) -> None:
    """Put the files where the attempt's results lie, the summary last: where it lies, all others do."""
    for name in [*results.names, SUMMARY]:
        path, key = results.folder / name, result_key(attempt, name)
        s3.upload_file(str(path), bucket, key, ExtraArgs={"ContentType": TYPES[path.suffix]})
