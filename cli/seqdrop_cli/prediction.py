"""`seqdrop predict`: predictions without AWS, by the handler of the model's archive and as a job makes them."""

from __future__ import annotations

import shutil
import time
from collections import deque
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from seqdrop.companions.bed_masks import BedMasks
from seqdrop.errors import SeqdropError
from seqdrop.kinds.plans import KINDS
from seqdrop.ledger.records import Attempt, Job, Upload
from seqdrop.models.calibration import Calibration, read_calibration
from seqdrop.reads.bed import Bed, read_bed
from seqdrop.results.provenance import build_provenance
from seqdrop.results.writer import SUMMARY, Predictions, result_files, write_summary
from seqdrop.work.items import pack_shards
from seqdrop.work.reading_pass import ReadingPass, make_reading

from seqdrop_cli.deploy.archive import unpack
from seqdrop_cli.deploy.model_package import digest
from seqdrop_cli.handler import Handler

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from seqdrop.config.analyses import Analysis
    from seqdrop.config.kind import Kind
    from seqdrop.results.provenance import Provenance

LOCAL = "local"  # in place of an upload's id and a job's name
BATCH = 64_000  # bytes of work items to a request: some hundred windows, which fills the model's passes


class ResultsExistError(SeqdropError):
    """The output folder holds results already."""


@dataclass(frozen=True)
class Masks:
    """A BED that says what to fill, in place of runs of N."""

    path: Path
    bed: Bed


@dataclass(frozen=True)
class Input:
    """What a first pass over the file found. A broken file has no predictions, as in the pipeline.

    `items`, `taken` and `distinct` are ReadingPass.counts.
    """

    path: Path
    format: str
    sha256: str
    records: int
    items: int
    taken: int
    distinct: int
    masks: Masks | None = None


@dataclass(frozen=True)
class Plan:
    """What is asked of the model: `model` is where it came from, `archive` the bytes of its model.tar.gz."""

    model: Path
    archive: bytes
    analysis: Analysis
    out: Path


@dataclass
class Tally:
    """How far the model has come; `windows` counts what the kind predicts, which is `kind.unit`."""

    kind: Kind
    items: int = 0
    windows: int = 0
    errors: int = 0
    seconds: float = 0.0
    complete: bool = False

    @property
    def rate(self) -> float:
        return self.windows / self.seconds if self.seconds else 0.0

    def add(self, lines: list[bytes], seconds: float) -> None:
        self.items += len(lines)
        self.windows += sum(map(self.kind.count_predictions, lines))
        self.errors += sum(b'"error":' in line for line in lines)
        self.seconds = seconds


def read_masks(path: Path) -> Masks:
    """Raises InvalidFileError with all that is wrong with the BED."""
    with path.open("rb", buffering=0) as file:
        return Masks(path, read_bed(file, str(path)))


def examine(path: Path, analysis: Analysis, masks: Masks | None = None) -> Input:
    """Read the file once. Raises InvalidFileError with all that is wrong with it, or with masks that do not fit it."""
    with _reading_pass(path, analysis, masks) as reading_pass:
        deque(reading_pass.items(), maxlen=0)
        report = reading_pass.reading.report()
    facts = {name: report[name] for name in ("format", "sha256", "records")}
    return Input(path, **facts, **reading_pass.counts, masks=masks)


def predict(
    found: Input,
    plan: Plan,
    shown: Callable[[Tally], None] = lambda tally: None,
    stopped: Callable[[], bool] = lambda: False,
) -> tuple[Tally, list[Path]]:
    """Write to `plan.out` the files that a job of the analysis has, and a summary; answers how far it came, and them.

    Once `stopped` answers true no more is asked of the model; what was answered is written, and summary.json says
    that it is not complete. Raises ResultsExistError, HandlerError, UnexpectedOutputError; there are no files then.
    """
    if any((plan.out / f"{kind.table}.jsonl").exists() for kind in KINDS.values() if kind.table):
        raise ResultsExistError(f"{plan.out} holds results already; name another folder with -o, or remove them")
    tally = Tally(plan.analysis.kind)
    with (
        unpack(plan.archive) as folder,
        Handler(folder, plan.analysis.kind.environment(plan.analysis)) as handler,
        closing(_answers(handler, found, plan.analysis, tally, shown, stopped)) as answers,
    ):
        return tally, _written(found, plan, answers, tally)


@contextmanager
def _reading_pass(path: Path, analysis: Analysis, masks: Masks | None) -> Iterator[ReadingPass]:
    with path.open("rb", buffering=0) as file:
        cover = BedMasks(LOCAL, masks.bed) if masks else None
        yield ReadingPass(LOCAL, make_reading(file, str(path), analysis), analysis, cover)


def _answers(
    handler: Handler,
    found: Input,
    analysis: Analysis,
    tally: Tally,
    shown: Callable[[Tally], None],
    stopped: Callable[[], bool],
) -> Generator[tuple[bytes, bytes]]:
    """Work items and the handler's lines, in the order of the file."""
    started = time.monotonic()
    with _reading_pass(found.path, analysis, found.masks) as reading_pass:
        for body, _ in pack_shards(reading_pass.items(), BATCH):
            if stopped():
                return
            asked = body.rstrip(b"\n")
            lines = handler.ask(asked)
            tally.add(lines, time.monotonic() - started)
            shown(tally)
            yield from zip(asked.split(b"\n"), lines, strict=True)
    tally.complete = True


@dataclass
class Apart:
    """Pairs of work items and answers as two iterables of which the answer is asked for first."""

    pairs: Iterator[tuple[bytes, bytes]]
    asked: deque[bytes] = field(default_factory=lambda: deque(maxlen=1))

    def lines(self) -> Iterator[bytes]:
        for item, line in self.pairs:
            self.asked.append(item)
            yield line

    def items(self) -> Iterator[bytes]:
        """To be asked only after a line was."""
        while True:
            yield self.asked.popleft()


def _written(found: Input, plan: Plan, answers: Iterator[tuple[bytes, bytes]], tally: Tally) -> list[Path]:
    """Write the files that finish writes, by the same writer."""
    apart = Apart(answers)
    calibration = read_calibration(plan.archive)
    made_by = _provenance(found, plan, calibration)
    predictions = Predictions(plan.analysis, apart.lines(), made_by, calibration, apart.items())
    with result_files(predictions) as results:
        write_summary(predictions, results, complete=tally.complete)
        plan.out.mkdir(parents=True, exist_ok=True)
        names = [*results.names, SUMMARY]
        return [Path(shutil.move(results.folder / name, plan.out / name)) for name in names]


def _provenance(found: Input, plan: Plan, calibration: Calibration | None) -> Provenance:
    upload = Upload("VALIDATED", id=LOCAL, key=found.path.name, sha256=found.sha256, records=found.records)
    numbers = {"taken": found.taken, "distinct": found.distinct}
    attempt = Attempt("PREDICTED", upload_id=LOCAL, analysis=plan.analysis.name, **numbers)
    model = {"model": plan.model.name, "model_key": str(plan.model), "model_digest": digest(plan.archive)}
    job = Job("DONE", name=LOCAL, **model, calibration=calibration.as_json() if calibration else "")
    return build_provenance(upload, attempt, job, plan.analysis, _as_upload(found.masks) if found.masks else None)


def _as_upload(masks: Masks) -> Upload:
    bed = masks.bed
    return Upload("VALIDATED", id=LOCAL, key=masks.path.name, sha256=bed.sha256, records=len(bed.intervals))
