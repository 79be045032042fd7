"""Writing one attempt's results: a pass over its outputs, to files on disk, then to the results bucket."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from seqdrop.analyses import Analysis
from seqdrop.ledger.records import Attempt
from seqdrop.results.bed import bed_line
from seqdrop.results.rows import Counts, rows

TYPES = {"predictions.jsonl": "application/jsonlines", "calls.bed": "text/plain"}


def results_prefix(attempt: Attempt) -> str:
    """Where an attempt's results lie; a later attempt stands beside the first."""
    first = f"results/{attempt.analysis}/{attempt.upload_id}/"
    return first if attempt.number == 1 else f"{first}attempt-{attempt.number}/"


@contextmanager
def result_files(analysis: Analysis, lines: Iterable[bytes]) -> Iterator[tuple[Path, Counts]]:
    """A folder with predictions.jsonl (and calls.bed for records with coordinates), and what was counted.

    Memory does not grow with the predictions; the folder is gone afterwards. Raises UnknownAnswer.
    """
    with TemporaryDirectory(prefix="seqdrop-") as name:
        folder = Path(name)
        yield folder, _write(folder, analysis, lines)


def upload_files(s3, bucket: str, attempt: Attempt, folder: Path) -> None:
    """Put the files of a folder where the attempt's results lie."""
    for path in sorted(folder.iterdir()):
        key = results_prefix(attempt) + path.name
        s3.upload_file(str(path), bucket, key, ExtraArgs={"ContentType": TYPES[path.name]})


def _write(folder: Path, analysis: Analysis, lines: Iterable[bytes]) -> Counts:
    counts = Counts()
    with ExitStack() as open_files:
        table = open_files.enter_context((folder / "predictions.jsonl").open("w"))
        bed = open_files.enter_context((folder / "calls.bed").open("w")) if analysis.use.tracks else None
        for row in rows(lines, analysis.use, counts):
            table.write(json.dumps(row, separators=(",", ":")) + "\n")
            if bed and (line := bed_line(row, analysis.use.label)):
                bed.write(line)
    return counts
