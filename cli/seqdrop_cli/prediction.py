"""Predictions of a file on this machine, or by an endpoint, written to the same files as those of a job."""

from __future__ import annotations

import shutil
import time
from collections import deque
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from seqdrop.companions.bed_masks import BedMasks
from seqdrop.errors import SeqdropError
from seqdrop.kinds.plans import KINDS
from seqdrop.ledger.records import Attempt, Job, Upload
from seqdrop.models.calibration import parse
from seqdrop.reads.bed import Bed, read_bed
from seqdrop.results.provenance import build_provenance
from seqdrop.results.writer import SUMMARY, Predictions, result_files, write_summary
from seqdrop.work.reading_pass import ReadingPass, make_reading

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from contextlib import AbstractContextManager

    from seqdrop.config.analyses import Analysis
    from seqdrop.config.kind import Kind
    from seqdrop.models.archives import ModelArchive
    from seqdrop.results.provenance import Provenance

LOCAL = "local"  # in place of an upload's id, and of a job's name if no endpoint predicts


class ResultsExistError(SeqdropError):
    """The output folder already contains results."""


@dataclass(frozen=True)
class Masks:
    """A BED with the intervals to fill instead of the runs of N."""

    path: Path
    bed: Bed


@dataclass(frozen=True)
class Input:
    """The facts of a valid file from a first pass over it.

    `items`, `taken`, `distinct` and `windows` are the entries of ReadingPass.counts. `alphabet` is that of the report's
    figures.
    """

    path: Path
    format: str
    sha256: str
    records: int
    items: int
    taken: int
    distinct: int
    windows: int
    alphabet: str
    masks: Masks | None = None


class Predictor(Protocol):
    """A loaded model. A call yields each request that it makes of work items (lines), with one line for each item."""

    def __call__(self, items: Iterable[bytes]) -> Iterator[tuple[bytes, list[bytes]]]:
        """Yield (request, lines) in the order of the items. The request has no newline after its last line."""


class Source(Protocol):
    """What predicts: a model on this machine, or an endpoint. `job` is written to the results as the job's name."""

    @property
    def archive(self) -> ModelArchive:
        """The model's archive; its key may be a path."""

    @property
    def job(self) -> str:
        """The name of the endpoint, or LOCAL."""

    def open(self, analysis: Analysis) -> AbstractContextManager[Predictor]:
        """Return the predictor for an analysis, as a context manager."""


@dataclass(frozen=True)
class Plan:
    """The request for predictions."""

    source: Source
    analysis: Analysis
    out: Path


@dataclass
class Tally:
    """Counts of the predictions so far. `windows` counts the predictions of the kind, in units of `kind.unit`."""

    kind: Kind
    items: int = 0
    windows: int = 0
    errors: int = 0
    seconds: float = 0.0
    complete: bool = False

    @property
    def rate(self) -> float:
        """Predictions per second."""
        return self.windows / self.seconds if self.seconds else 0.0

    def add(self, lines: list[bytes], seconds: float) -> None:
        """Count more lines of predictions; `seconds` have passed since the start."""
        self.items += len(lines)
        self.windows += sum(map(self.kind.count_predictions, lines))
        self.errors += sum(b'"error":' in line for line in lines)
        self.seconds = seconds


@dataclass(frozen=True)
class Observer:
    """Functions called while predictions are made: `show` after each batch, `is_stopped` before each."""

    show: Callable[[Tally], None] = lambda _: None
    is_stopped: Callable[[], bool] = lambda: False


def read_masks(path: Path) -> Masks:
    """Read a BED. Raise InvalidFileError with all its errors."""
    with path.open("rb", buffering=0) as file:
        return Masks(path, read_bed(file, str(path)))


def examine(path: Path, analysis: Analysis, masks: Masks | None = None) -> Input:
    """Read the file once. Raise InvalidFileError with all errors of the file, or of masks that do not fit it."""
    with _reading_pass(path, analysis, masks) as reading_pass:
        deque(reading_pass.items(), maxlen=0)
        report = reading_pass.reading.report()
    return Input(
        path=path,
        format=report["format"] or "",
        sha256=report["sha256"] or "",
        records=report["records"] or 0,
        **reading_pass.counts,
        alphabet=report["qc"].get("alphabet", "dna"),
        masks=masks,
    )


def predict(file: Input, plan: Plan, observer: Observer | None = None) -> tuple[Tally, list[Path]]:
    """Write the files that a job of the analysis writes to `plan.out`; return the counts and the paths.

    If `observer.is_stopped` returns True, the predictions so far are written, and summary.json says that they are not
    complete. Raise ResultsExistError, UnexpectedOutputError or an error of the source; then no files are written.
    """
    if any((plan.out / f"{kind.table}.jsonl").exists() for kind in KINDS.values() if kind.table):
        raise ResultsExistError(f"{plan.out} already contains results; name another folder with -o, or remove them")
    tally = Tally(plan.analysis.kind)
    with (
        plan.source.open(plan.analysis) as predictor,
        closing(_predictions(predictor, file, plan.analysis, tally, observer or Observer())) as predictions,
    ):
        return tally, _write(file, plan, predictions, tally)


@contextmanager
def _reading_pass(path: Path, analysis: Analysis, masks: Masks | None) -> Iterator[ReadingPass]:
    with path.open("rb", buffering=0) as file:
        bed_masks = BedMasks(LOCAL, masks.bed) if masks else None
        yield ReadingPass(LOCAL, make_reading(file, str(path), analysis), analysis, bed_masks)


def _predictions(
    predictor: Predictor, file: Input, analysis: Analysis, tally: Tally, observer: Observer
) -> Generator[tuple[bytes, bytes]]:
    """Yield work items with the model's lines, in the order of the file."""
    started = time.monotonic()
    with _reading_pass(file.path, analysis, file.masks) as reading_pass:
        responses = predictor(reading_pass.items())
        while not observer.is_stopped() and (response := next(responses, None)):
            request, lines = response
            tally.add(lines, time.monotonic() - started)
            observer.show(tally)
            yield from zip(request.split(b"\n"), lines, strict=True)
    tally.complete = tally.items == file.items


@dataclass
class _Unzipped:
    """Pairs of work items and lines as two iterables. The reader must alternate: a line, then its item."""

    pairs: Iterator[tuple[bytes, bytes]]
    read_items: deque[bytes] = field(default_factory=lambda: deque(maxlen=1))

    def lines(self) -> Iterator[bytes]:
        """Yield the line of each pair."""
        for item, line in self.pairs:
            self.read_items.append(item)
            yield line

    def items(self) -> Iterator[bytes]:
        """Yield the item of the pair whose line was read last."""
        while True:
            yield self.read_items.popleft()


def _write(file: Input, plan: Plan, predictions: Iterator[tuple[bytes, bytes]], tally: Tally) -> list[Path]:
    """Write the files with the writer of the finish stage."""
    unzipped = _Unzipped(predictions)
    text = plan.source.archive.calibration
    calibration = parse(text) if text else None
    origin = _provenance(file, plan)
    content = Predictions(plan.analysis, unzipped.lines(), origin, calibration, unzipped.items())
    with result_files(content) as results:
        write_summary(content, results, complete=tally.complete)
        plan.out.mkdir(parents=True, exist_ok=True)
        names = [*results.names, SUMMARY]
        return [Path(shutil.move(results.folder / name, plan.out / name)) for name in names]


def _provenance(file: Input, plan: Plan) -> Provenance:
    archive = plan.source.archive
    upload = Upload("VALIDATED", id=LOCAL, key=file.path.name, sha256=file.sha256, records=file.records)
    attempt = Attempt(
        "PREDICTED", upload_id=LOCAL, analysis=plan.analysis.name, taken=file.taken, distinct=file.distinct
    )
    job = Job(
        "DONE",
        name=plan.source.job,
        model=archive.model,
        model_key=archive.key,
        model_digest=archive.digest,
        calibration=archive.calibration,
    )
    return build_provenance(upload, attempt, job, plan.analysis, _as_upload(file.masks) if file.masks else None)


def _as_upload(masks: Masks) -> Upload:
    bed = masks.bed
    return Upload("VALIDATED", id=LOCAL, key=masks.path.name, sha256=bed.sha256, records=len(bed.intervals))
