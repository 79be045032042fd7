"""`seqdrop predict`: predictions without AWS, by the handler of the model's archive and as a job makes them."""

from __future__ import annotations

import json
import shutil
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from seqdrop.companions.bed_masks import BedMasks
from seqdrop.config.analyses import Analysis
from seqdrop.config.kind_settings import PROTEIN
from seqdrop.errors import SeqdropError
from seqdrop.ledger.records import Attempt, Job, Upload
from seqdrop.models.calibration import of_archive
from seqdrop.reads.bed import Bed, read_bed
from seqdrop.reads.check import Reading
from seqdrop.reads.findings import Policy
from seqdrop.results.provenance import provenance
from seqdrop.results.summary import summary
from seqdrop.results.tables import NAMES
from seqdrop.results.writer import result_files
from seqdrop.sagemaker.requests.transform import environment
from seqdrop.work.items import items_of, runs_of_n, shards
from seqdrop.work.selection import Selection

from seqdrop_cli.handler import Handler
from seqdrop_cli.pack import unpacked
from seqdrop_cli.package import digest

LOCAL = "local"  # in place of an upload's id and a job's name
BATCH = 64_000  # bytes of work items to a request: some hundred windows, which fills the model's passes


class HasResults(SeqdropError):
    """The output folder holds results already."""


@dataclass(frozen=True)
class Masks:
    """A BED that says what to fill, in place of runs of N."""

    path: Path
    bed: Bed


@dataclass(frozen=True)
class Input:
    """What a first pass over the file found. A broken file has no predictions, as in the pipeline."""

    path: Path
    format: str
    sha256: str
    records: int
    items: int
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
    """How far the model has come."""

    items: int = 0
    windows: int = 0
    errors: int = 0
    seconds: float = 0.0
    complete: bool = False
    what: str = "windows"
    taken: int = 0
    distinct: int = 0

    @property
    def rate(self) -> float:
        return self.windows / self.seconds if self.seconds else 0.0

    def add(self, lines: list[bytes], seconds: float) -> None:
        self.items += len(lines)
        if self.what == "proteins":
            self.windows += len(lines)
        else:
            self.windows += sum(line.count(b'"start":') for line in lines)  # one a window, or a masked stretch
        self.errors += sum(b'"error":' in line for line in lines)
        self.seconds = seconds


def read_masks(path: Path) -> Masks:
    """Raises InvalidFile with all that is wrong with the BED."""
    with path.open("rb", buffering=0) as file:
        return Masks(path, read_bed(file, str(path)))


def examine(path: Path, analysis: Analysis, masks: Masks | None = None) -> Input:
    """Read the file once. Raises InvalidFile with all that is wrong with it, or with masks that do not fit it."""
    found = BedMasks(LOCAL, masks.bed) if masks else None
    with _reading(path, analysis) as reading:
        items = sum(1 for _ in _items(reading, analysis, found)[0])
        report = reading.report()
    if found:
        found.check()
    return Input(path, report["format"], report["sha256"], report["records"], items, masks)


def predict(
    found: Input,
    plan: Plan,
    shown: Callable[[Tally], None] = lambda tally: None,
    stopped: Callable[[], bool] = lambda: False,
) -> tuple[Tally, list[Path]]:
    """Write to `plan.out` the files that a job of the analysis has, and a summary; answers how far it came, and them.

    Once `stopped` answers true no more is asked of the model; what was answered is written, and summary.json says
    that it is not complete. Raises HasResults, HandlerFailed, UnknownAnswer; there are no files then.
    """
    if any((plan.out / f"{name}.jsonl").exists() for name in NAMES.values()):
        raise HasResults(f"{plan.out} holds results already; name another folder with -o, or remove them")
    tally = Tally(what="proteins" if plan.analysis.alphabet == PROTEIN else "windows")
    with (
        unpacked(plan.archive) as folder,
        Handler(folder, environment(plan.analysis)) as handler,
        closing(_answers(handler, found, plan.analysis, tally, shown, stopped)) as answers,
    ):
        return tally, _written(found, plan, answers, tally)


@contextmanager
def _reading(path: Path, analysis: Analysis) -> Iterator[Reading]:
    with path.open("rb", buffering=0) as file:
        policy = Policy(analysis.severity)
        yield Reading(file, analysis.formats, name=str(path), alphabet=analysis.alphabet, policy=policy)


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
    masks = BedMasks(LOCAL, found.masks.bed) if found.masks else None
    with _reading(found.path, analysis) as reading:
        items, chosen = _items(reading, analysis, masks)
        for body, _ in shards(items, BATCH):
            if stopped():
                return
            asked = body.rstrip(b"\n")
            lines = handler.ask(asked)
            tally.add(lines, time.monotonic() - started)
            shown(tally)
            yield from zip(asked.split(b"\n"), lines, strict=True)
        tally.taken, tally.distinct = chosen.taken, chosen.distinct
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


def _items(reading: Reading, analysis: Analysis, masks: BedMasks | None) -> tuple[Iterator[bytes], Selection]:
    """The work items of a file, selected and cut as in the pipeline."""
    spans = masks.spans if masks else runs_of_n
    chosen = Selection(analysis, spans)
    records = masks.cover(reading.records()) if masks else reading.records()
    return items_of(LOCAL, chosen.of(records), analysis, spans), chosen


def _written(found: Input, plan: Plan, answers: Iterator[tuple[bytes, bytes]], tally: Tally) -> list[Path]:
    """The files that finish writes."""
    use, calibration = plan.analysis.use, of_archive(plan.archive)
    calibration = calibration if use.task == "promoter" else None
    scale = calibration.scale(use.prior) if calibration else None
    made_by, told = _provenance(found, plan, Tally()), Apart(answers)
    with result_files(plan.analysis, told.lines(), made_by, scale, told.items()) as results:
        made_by = _provenance(found, plan, tally)  # what was taken is known now
        content = summary(made_by, use, results, calibration) | {"complete": tally.complete}
        plan.out.mkdir(parents=True, exist_ok=True)
        files = [Path(shutil.move(results.folder / name, plan.out / name)) for name in results.names]
    (plan.out / "summary.json").write_text(json.dumps(content, indent=2) + "\n")
    return [*files, plan.out / "summary.json"]


def _provenance(found: Input, plan: Plan, tally: Tally) -> dict:
    upload = Upload("VALIDATED", id=LOCAL, key=found.path.name, sha256=found.sha256, records=found.records)
    numbers = {"taken": tally.taken, "distinct": tally.distinct}
    attempt = Attempt("PREDICTED", upload_id=LOCAL, analysis=plan.analysis.name, **numbers)
    job = Job("DONE", name=LOCAL, model=plan.model.name, model_key=str(plan.model), model_digest=digest(plan.archive))
    return provenance(upload, attempt, job, plan.analysis, _as_upload(found.masks) if found.masks else None)


def _as_upload(masks: Masks) -> Upload:
    bed = masks.bed
    return Upload("VALIDATED", id=LOCAL, key=masks.path.name, sha256=bed.sha256, records=len(bed.stretches))
