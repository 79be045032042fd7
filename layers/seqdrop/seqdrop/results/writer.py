"""Results for records that are places on a genome: calls as BED and GFF3, a track per strand as bedGraph and bigWig.

Writing one attempt's results: a pass over its outputs, to files on disk, then to the results bucket.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from seqdrop.aws import keys
from seqdrop.config.analyses import Analysis
from seqdrop.config.kind_settings import PROTEIN, ModelUse
from seqdrop.ledger.records import Attempt
from seqdrop.results.annotations import Call, Suppression, bed_header, bed_line, gff3_header, gff3_line
from seqdrop.results.proteins import ProteinCounts, answered
from seqdrop.results.provenance import comments
from seqdrop.results.rows import Counts, Scale, UnknownAnswer, rows
from seqdrop.results.structure import write_structures
from seqdrop.results.tables import NAMES, columns, parquet, write_embeddings
from seqdrop.results.tracks import MOST_RECORDS, Track, bedgraph_header, bigwig

STRANDS = {"+": "plus", "-": "minus"}


class Places(ExitStack):
    """Takes rows in the order of rows.py; the files are whole when it is left. `calls` counts those that were kept."""

    def __init__(self, folder: Path, use: ModelUse, made_by: dict) -> None:
        super().__init__()
        self._folder, self._use = folder, use
        self.calls, self.without_bigwig = 0, False
        self._record: str | None = None
        self._reached: dict[str, int] = {}  # start of the last window on each strand
        self._lengths: dict[str, int] = {}
        self._held = Suppression(use.apart)
        self._open(comments(made_by) + f"# distance: {use.apart}\n")

    def _open(self, told: str) -> None:
        self._bed = self.enter_context((self._folder / "calls.bed").open("w"))
        self._gff3 = self.enter_context((self._folder / "calls.gff3").open("w"))
        self._bed.write(bed_header(told))
        self._gff3.write(gff3_header(told))
        self._tracks = {}
        for strand in self._use.strands:
            file = self.enter_context(self._bedgraph(strand).open("wb"))
            self._tracks[strand] = Track(file, bedgraph_header(told, self._use.label, strand))

    def _bedgraph(self, strand: str) -> Path:
        return self._folder / f"track.{STRANDS[strand]}.bedgraph"

    def add(self, row: dict) -> None:
        """Raises UnknownAnswer where windows do not come as they lie on the records."""
        if "error" in row:
            return
        if row["record"] != self._record:
            self._end()
            self._begin(row["record"])
        if row["start"] <= self._reached.get(row["strand"], -1):
            raise UnknownAnswer(f"answers for {self._record} are not in the order of its windows")
        self._reached[row["strand"]], self._length = row["start"], row["end"]
        if "call" not in row:
            return
        value = row.get("calibrated", row["probability"])
        self._tracks[row["strand"]].add(row["start"], row["end"], value)
        if row["call"]:
            place = (row["record"], row["start"], row["end"], row["strand"])
            self._write(self._held.add(Call(*place, row["probability"], row.get("calibrated"))))

    def _begin(self, record: str) -> None:
        if record in self._lengths:
            raise UnknownAnswer(f"answers for {record} are not together")
        self._record, self._reached = record, {}
        for track in self._tracks.values():
            track.begin(record)

    def _end(self) -> None:
        """A record's windows are all there, and reach to its end."""
        if self._record is not None and len(self._lengths) <= MOST_RECORDS:
            self._lengths[self._record] = self._length
        self._write(self._held.flush())
        for track in self._tracks.values():
            track.end()

    def _write(self, calls: list[Call]) -> None:
        for call in calls:
            self.calls += 1
            self._bed.write(bed_line(call, self._use.label))
            self._gff3.write(gff3_line(call, self._use.label, self.calls))

    def __exit__(self, *caught) -> bool | None:
        if caught[0] is None:
            self._end()
        left = super().__exit__(*caught)
        if caught[0] is None:
            self._bigwigs()
        return left

    def _bigwigs(self) -> None:
        for strand, track in self._tracks.items():
            if track.begins is None or len(self._lengths) > MOST_RECORDS:
                self.without_bigwig = True
                continue
            path = self._folder / f"track.{STRANDS[strand]}.bw"
            bigwig(self._bedgraph(strand), track.begins, self._lengths, path)


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


def result_key(attempt: Attempt, name: str) -> str:
    """Return the results-bucket key of one of an attempt's files; a later attempt is kept beside the first."""
    return keys.result(attempt.analysis, attempt.upload_id, attempt.number, name)


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
        path, key = results.folder / name, result_key(attempt, name)
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
