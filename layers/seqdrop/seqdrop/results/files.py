"""Writing one attempt's results: a pass over its outputs, to files on disk, then to the results bucket."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from seqdrop.config.analyses import Analysis
from seqdrop.config.kind_settings import PROTEIN
from seqdrop.ledger.records import Attempt
from seqdrop.results.columns import NAMES, columns
from seqdrop.results.embeddings import write_embeddings
from seqdrop.results.proteins import ProteinCounts, answered
from seqdrop.results.rows import Counts, Scale, rows
from seqdrop.results.structure import write_structures
from seqdrop.results.tables import parquet
from seqdrop.results.writer import Places

TYPES = {
    ".jsonl": "application/jsonlines",
    ".parquet": "application/vnd.apache.parquet",
    ".bed": "text/plain",
    ".gff3": "text/plain",
    ".bedgraph": "text/plain",
    ".bw": "application/octet-stream",
    ".fasta": "text/plain",
    ".gz": "application/gzip",
}


@dataclass(frozen=True)
class Results:
    """What was written: a folder, what was counted, and the calls that stand for all (None without tracks)."""

    folder: Path
    counts: Counts | ProteinCounts
    kept: int | None = None
    without_bigwig: bool = False

    @property
    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())


def results_prefix(attempt: Attempt) -> str:
    """Where an attempt's results lie; a later attempt stands beside the first."""
    first = f"results/{attempt.analysis}/{attempt.upload_id}/"
    return first if attempt.number == 1 else f"{first}attempt-{attempt.number}/"


@contextmanager
def result_files(
    analysis: Analysis, lines: Iterable[bytes], made_by: dict, scale: Scale | None, items: Iterable[bytes] = ()
) -> Iterator[Results]:
    """A folder with the task's table as JSON Lines and Parquet; calls and tracks for records that are places.

    `items` are the work items that `lines` answer, in their order; of proteins alone, whose results hold sequences.
    Memory does not grow with the predictions; the folder is gone afterwards. Raises UnknownAnswer.
    """
    with TemporaryDirectory(prefix="seqdrop-") as name:
        if analysis.alphabet == PROTEIN:
            yield _write_proteins(Path(name), analysis.use.task, lines, items, made_by)
        else:
            yield _write(Path(name), analysis, lines, made_by, scale)


def upload_files(s3, bucket: str, attempt: Attempt, results: Results) -> None:
    """Put the files where the attempt's results lie."""
    for name in results.names:
        path, key = results.folder / name, results_prefix(attempt) + name
        s3.upload_file(str(path), bucket, key, ExtraArgs={"ContentType": TYPES[path.suffix]})


def _write_proteins(folder: Path, task: str, lines: Iterable[bytes], items: Iterable[bytes], made_by: dict) -> Results:
    counts = ProteinCounts()
    write = write_structures if task == "structure" else write_embeddings
    write(folder, answered(lines, items, task, counts), made_by)
    return Results(folder, counts)


def _write(folder: Path, analysis: Analysis, lines: Iterable[bytes], made_by: dict, scale: Scale | None) -> Results:
    counts, use = Counts(), analysis.use
    table = folder / f"{NAMES[use.task]}.jsonl"
    with table.open("w") as file, Places(folder, use, made_by) if use.tracks else nullcontext() as places:
        for row in rows(lines, use, counts, scale):
            file.write(json.dumps(row, separators=(",", ":")) + "\n")
            if places:
                places.add(row)
    parquet(table, columns(use, made_by, table), made_by, table.with_suffix(".parquet"))
    return Results(folder, counts, *((places.calls, places.without_bigwig) if places else ()))
