"""What the kinds share whose model sees windows of DNA (model_code/dnabert): settings, work items, results."""

from __future__ import annotations

import json
import math
import random
from contextlib import AbstractContextManager, nullcontext
from dataclasses import MISSING, dataclass
from typing import TYPE_CHECKING, Any

from seqdrop.config.fields import Choice, Flag, Maybe, Number, Table, Text, Whole, setting
from seqdrop.config.kind import Kind, Sampling, Trial
from seqdrop.errors import ConfigurationError, Fault
from seqdrop.ledger.records import TRANSFORM
from seqdrop.results.rows import Counts, rows
from seqdrop.results.tables import TROUBLE, Column, parquet
from seqdrop.results.writer import Predictions, Results
from seqdrop.work.items import window_counter, work_items

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from seqdrop.config.analyses import Analysis
    from seqdrop.reads.records import Record

MODEL = Text(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,35}", "1 to 36 letters, digits and hyphens")
"""A model's name is part of a SageMaker model name (63 characters, with a prefix and a digest) and of object keys."""
PLACE = [("record", "text", None), ("start", "whole", None), ("end", "whole", None)]
# A sample is held in memory until the file is read: this many reads of 300 bp fit (work.selection.MAX_MEMORY).
MAX_READS = 1_000_000
# The container returns at most this many bytes for a request (models.archives.MAX_RESPONSE, with room to spare).
MAX_ANSWER = 60_000_000
TRIAL_SEQUENCES, TRIAL_WINDOW = 8, 300
MAX_N_FRACTION = 0.1  # of `seqdrop predict` without an analysis


@dataclass(frozen=True, kw_only=True)
class WindowSettings(Table):
    """Settings of every kind that cuts windows."""

    model: str = setting(MISSING, MODEL)
    """Name of the model; its current archive is what models/<model>/current.json points to."""
    k: int = setting(MISSING, Whole(3, 6))
    """k-mer length of the model's vocabulary."""
    window: int = setting(MISSING, Whole(3))
    """Bases that the model sees at once."""
    stride: int = setting(MISSING, Whole(1))
    """Bases from the start of a window to the start of the next."""
    strands: str = setting(MISSING, Choice("+", "+-"))
    """"+" scores the forward strand; "+-" also the reverse complement of each window."""
    max_n_fraction: float = setting(MISSING, Number(0, 1))
    """A window with a larger share of N or ambiguous bases is reported as not scored."""
    short: str = setting("skip", Choice("skip", "score"))
    """A record shorter than a window: "skip" reports it as not scored, "score" takes it as one window."""
    precision: str = setting("auto", Choice("auto", "fp32", "bf16", "int8"))
    """Number format of the model's arithmetic; benchmarks/inference.py measures what each costs."""

    def conflicts(self) -> Iterable[str]:
        if self.stride > self.window:
            yield f"stride is {self.stride}; it must be 1 to window ({self.window})"
        if self.window < self.k:
            yield f"window is {self.window}; it must be at least k ({self.k})"


@dataclass(frozen=True, kw_only=True)
class SampledSettings(WindowSettings):
    """Settings of kinds that may see a sample of a file's records."""

    max_reads: int | None = setting(None, Maybe(Whole(1, MAX_READS)))
    """Records of a file that the model sees at most, drawn at random by `seed`; all if absent."""
    seed: int = setting(0, Whole(0))
    """Starts that draw. It gives the same record numbers in each file, so mates stay together."""
    collapse: bool = setting(False, Flag())
    """true: identical records are scored once, and rows have their count. For amplicons and small RNA."""


class WindowKind(Kind):
    """A kind whose model (model_code/dnabert) sees windows of DNA."""

    job = TRANSFORM
    formats = ("fastq", "fasta", "bam")
    no_effect_on_items = frozenset({"model", "k", "max_n_fraction", "precision", "short"})
    answer_bytes = 0
    """Bytes that a prediction takes in the container's answer, about; a base takes one in the request."""

    def conflicts(self, analysis: Analysis) -> Iterable[str]:
        """A work item and its answer must fit in a request to the container, and a full request's in its answer."""
        job, settings = analysis.job, analysis.settings
        most, answer = job.max_payload_mb * 1_000_000, len(settings.strands) * self.answer_bytes
        asked = max((job.windows_per_item + 1) * settings.stride + settings.window, job.windows_per_item * answer)
        if asked > most / 2:
            yield (
                f"job.windows_per_item is {job.windows_per_item:,}; such a work item or its answer takes {asked:,} "
                f"bytes, and it must be at most half of job.max_payload_mb, {most // 2:,}"
            )

    def sampling(self, settings: WindowSettings) -> Sampling:
        if not isinstance(settings, SampledSettings):
            return Sampling()
        return Sampling(settings.max_reads, settings.seed, settings.collapse)

    def counter(self, analysis: Analysis, masks: Any = None) -> Callable[[Record], int]:
        windows_in = window_counter(analysis.settings)
        return lambda record: windows_in(len(record.sequence))

    def too_many(self, analysis: Analysis) -> Fault:
        advice = (
            "Split the file and drop the parts, or drop it under raw/, which has no model; "
            "or let max_reads in analyses.toml take a sample of each file."
        )
        most = f"{analysis.job.max_windows:,}"
        return Fault("too_many_windows", f"the file has more than {most} windows to score", advice)

    def items(
        self, upload_id: str, counted: Iterable[tuple[Record, int]], analysis: Analysis, masks: Any = None
    ) -> Iterator[bytes]:
        return work_items(upload_id, counted, analysis.settings, analysis.job.windows_per_item)

    def environment(self, analysis: Analysis) -> dict[str, str]:
        settings = analysis.settings
        return {
            "SEQDROP_WINDOW": str(settings.window),
            "SEQDROP_STRIDE": str(settings.stride),
            "SEQDROP_STRANDS": settings.strands,
            "SEQDROP_MAX_N_FRACTION": str(settings.max_n_fraction),
            "SEQDROP_TASK": self.task,
            "SEQDROP_SHORT": settings.short,
            "SEQDROP_PRECISION": settings.precision,
        }

    # -- results --

    def count_predictions(self, line: bytes) -> int:
        return line.count(b'"start":')  # one for each window, or masked interval

    def write(self, folder: Path, predictions: Predictions) -> Results:
        """Write one table, as JSON Lines and Parquet, and what `beside` makes of its rows."""
        settings, counts = predictions.settings, Counts()
        table = folder / f"{self.table}.jsonl"
        collapse = self.sampling(settings).collapse
        with table.open("w") as file, self.beside(folder, predictions) as places:
            for row in rows(predictions.lines, self.row_maker(predictions, counts), counts, collapse):
                file.write(json.dumps(row, separators=(",", ":")) + "\n")
                if places:
                    places.add(row)
        parquet(table, self._columns(predictions, table), predictions.made_by, table.with_suffix(".parquet"))
        return Results(folder, counts, *((places.calls, places.without_bigwig) if places else ()))

    def beside(self, folder: Path, predictions: Predictions) -> AbstractContextManager:
        """Return a context of what takes each row beside the table, or of None."""
        return nullcontext()

    def row_maker(self, predictions: Predictions, counts: Counts) -> Callable[[dict, dict], Iterator[dict]]:
        """Return a function from an answer, and what all its rows share, to its rows."""
        raise NotImplementedError

    def columns(self, settings: Any, table: Path) -> list[Column]:
        """Return the columns that hold this kind's predictions."""
        raise NotImplementedError

    def _columns(self, predictions: Predictions, table: Path) -> list[Column]:
        settings, model = predictions.settings, predictions.made_by["model"]
        count = None if self.sampling(settings).collapse else 1
        return [
            *PLACE,
            *self.columns(settings, table),
            ("not_scored", "text", None),
            ("count", "whole", count),
            ("model", "text", model["name"]),
            ("model_sha256", "text", model["sha256"]),
            ("window", "whole", settings.window),
            ("stride", "whole", settings.stride),
            *TROUBLE,
        ]

    def summarize(self, predictions: Predictions, results: Results) -> dict:
        counts = results.counts.as_dict()
        del counts["calls"]
        return {"counts": counts}

    # -- trying a new archive --

    def trial(self, longest: int) -> Trial:
        window = min(TRIAL_WINDOW, longest)
        environment = {"SEQDROP_TASK": self.task, "SEQDROP_WINDOW": str(window), "SEQDROP_STRIDE": str(window)}
        about = f"{TRIAL_SEQUENCES} made-up sequences of {window} bases"
        return Trial(environment, self._trial_items(window), about, self._trial_fault)

    def trial_bases(self, bases: list[str]) -> list[str]:
        """Return the bases of an item to try; a kind may mask some."""
        return bases

    def _trial_items(self, window: int) -> list[bytes]:
        """Items of random bases, one window each."""
        chance, lines = random.Random(1), []
        for number in range(TRIAL_SEQUENCES):
            bases = self.trial_bases(chance.choices("ACGT", k=window))
            item = {"id": f"smoke:{number}:0", "record": "smoke", "start": 0, "sequence": "".join(bases)}
            lines.append(json.dumps(item).encode())
        return lines

    def _trial_fault(self, lines: list[bytes]) -> str:
        said = [_said(json.loads(line)) for line in lines]
        if len(said) != TRIAL_SEQUENCES or not all(map(_is_sound, said)):
            return f"answered with what is no {self.task} prediction: {lines[0][:200]!r}"
        if len({json.dumps(one) for one in said}) == 1:
            return (
                "says the same of any sequence: its training came to nothing, or its tokens are not those of vocab.txt"
            )
        return ""

    # -- seqdrop predict --

    def local_settings(self, options: Any, model: Any) -> WindowSettings:
        if options.window is None:
            raise ConfigurationError("say how windows are cut: --analysis NAME (see analyses.toml), or --window BASES")
        return self.settings(
            model="local",
            k=model.vocabulary.k,
            window=options.window,
            stride=options.stride or options.window,
            strands=options.strands or "+",
            max_n_fraction=MAX_N_FRACTION if options.max_n_fraction is None else options.max_n_fraction,
            **self.local_extra(options, model),
        )

    def local_extra(self, options: Any, model: Any) -> dict:
        """Return the settings of this kind alone that options say."""
        return {}


def _said(answer: dict) -> list:
    """What an answer says of its one window or interval; empty if that is nothing."""
    (place,) = answer.get("windows") or answer.get("masks") or [{}]
    return [place.get(name) for name in ("probability", "embedding", "candidates") if name in place]


def _is_sound(said: list) -> bool:
    return bool(said) and all(math.isfinite(value) for value in _numbers(said))


def _numbers(value: Any) -> list[float]:
    if isinstance(value, list):
        return [number for one in value for number in _numbers(one)]
    if isinstance(value, dict):
        return _numbers(list(value.values()))
    return [value] if isinstance(value, int | float) else []
