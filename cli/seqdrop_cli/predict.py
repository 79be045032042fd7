"""`seqdrop predict`: predictions without AWS, by the handler of the model's archive and as a job makes them."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from seqdrop.analyses import Analysis
from seqdrop.errors import SeqdropError
from seqdrop.ledger.records import Attempt, Job, Upload
from seqdrop.reads.check import Reading
from seqdrop.reads.findings import Policy
from seqdrop.results.files import result_files
from seqdrop.results.summary import summary
from seqdrop.shards import shards, work_items

from seqdrop_cli.handler import Handler
from seqdrop_cli.pack import unpacked
from seqdrop_cli.package import digest

LOCAL = "local"  # in place of an upload's id and a job's name
BATCH = 64_000  # bytes of work items to a request: some hundred windows, which fills the model's passes
PREDICTIONS = "predictions.jsonl"


class HasResults(SeqdropError):
    """The output folder holds results already."""


@dataclass(frozen=True)
class Input:
    """What a first pass over the file found. A broken file has no predictions, as in the pipeline."""

    path: Path
    format: str
    sha256: str
    records: int
    items: int


@dataclass(frozen=True)
class Plan:
    """What is asked of the model: `model` is where it came from, `archive` the bytes of its model.tar.gz."""

    model: Path
    archive: bytes
    analysis: Analysis
    task: str
    out: Path

    def settings(self) -> dict[str, str]:
        """What the handler reads, as a job's environment has it."""
        use = self.analysis.use
        return {
            "SEQDROP_TASK": self.task,
            "SEQDROP_WINDOW": str(use.window),
            "SEQDROP_STRIDE": str(use.stride),
            "SEQDROP_STRANDS": use.strands,
            "SEQDROP_MAX_N_FRACTION": str(use.max_n_fraction),
        }


@dataclass
class Tally:
    """How far the model has come."""

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
        self.windows += sum(line.count(b'"start":') for line in lines)  # one a window, or a masked stretch
        self.errors += sum(b'"error":' in line for line in lines)
        self.seconds = seconds

    def as_dict(self) -> dict:
        return {"items": self.items, "windows": self.windows, "errors": self.errors}


def examine(path: Path, analysis: Analysis) -> Input:
    """Read the file once. Raises InvalidFile with all that is wrong with it."""
    with _reading(path, analysis) as reading:
        items = sum(1 for _ in work_items(LOCAL, reading.records(), analysis))
        report = reading.report()
    return Input(path, report["format"], report["sha256"], report["records"], items)


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
    if (plan.out / PREDICTIONS).exists():
        raise HasResults(f"{plan.out} holds results already; name another folder with -o, or remove them")
    tally = Tally()
    write = _tables if plan.task == "promoter" else _lines
    with (
        unpacked(plan.archive) as folder,
        Handler(folder, plan.settings()) as handler,
        closing(_answers(handler, found.path, plan.analysis, tally, shown, stopped)) as lines,
    ):
        files, counts = write(plan, lines, tally)
    content = _summary(found, plan, counts) | {"task": plan.task, "complete": tally.complete}
    (plan.out / "summary.json").write_text(json.dumps(content, indent=2) + "\n")
    return tally, [*files, plan.out / "summary.json"]


@contextmanager
def _reading(path: Path, analysis: Analysis) -> Iterator[Reading]:
    with path.open("rb", buffering=0) as file:
        yield Reading(file, analysis.formats, name=str(path), policy=Policy(analysis.severity))


def _answers(
    handler: Handler,
    path: Path,
    analysis: Analysis,
    tally: Tally,
    shown: Callable[[Tally], None],
    stopped: Callable[[], bool],
) -> Generator[bytes]:
    """The handler's lines, in the order of the file."""
    started = time.monotonic()
    with _reading(path, analysis) as reading:
        for body, _ in shards(work_items(LOCAL, reading.records(), analysis), BATCH):
            if stopped():
                return
            lines = handler.ask(body.rstrip(b"\n"))
            tally.add(lines, time.monotonic() - started)
            shown(tally)
            yield from lines
    tally.complete = True


def _tables(plan: Plan, lines: Iterator[bytes], tally: Tally) -> tuple[list[Path], object]:
    """The files that finish writes, and what was counted."""
    with result_files(plan.analysis, lines) as (folder, counts):
        plan.out.mkdir(parents=True, exist_ok=True)
        return [Path(shutil.move(path, plan.out / path.name)) for path in sorted(folder.iterdir())], counts


def _lines(plan: Plan, lines: Iterator[bytes], tally: Tally) -> tuple[list[Path], object]:
    """The handler's lines as they are (model_code/prediction.schema.json): no table is made of these tasks yet."""
    plan.out.mkdir(parents=True, exist_ok=True)
    with (plan.out / PREDICTIONS).open("wb") as file:
        file.writelines(line + b"\n" for line in lines)
    return [plan.out / PREDICTIONS], tally


def _summary(found: Input, plan: Plan, counts) -> dict:
    upload = Upload("VALIDATED", id=LOCAL, key=found.path.name, sha256=found.sha256, records=found.records)
    attempt = Attempt("PREDICTED", upload_id=LOCAL, analysis=plan.analysis.name)
    job = Job("DONE", name=LOCAL, model=plan.model.name, model_key=str(plan.model), model_digest=digest(plan.archive))
    return summary(upload, attempt, job, plan.analysis, counts)
