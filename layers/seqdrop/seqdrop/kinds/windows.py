"""The common base of kinds whose model sees windows of DNA (model_code/dnabert): settings, work items, results."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, nullcontext
from dataclasses import MISSING, dataclass
from typing import TYPE_CHECKING, Any

from seqdrop.config.fields import Choice, Flag, Maybe, Number, Whole, setting
from seqdrop.config.kind import AnalysisSettings, Kind, LocalModel, LocalOptions, ModelSettings, Sampling, Trial
from seqdrop.errors import ConfigurationError, Fault
from seqdrop.kinds.trials import find_fault, make_sequence, window_item
from seqdrop.ledger.records import TRANSFORM
from seqdrop.results.rows import Counts, rows
from seqdrop.results.tables import TROUBLE, Column, parquet
from seqdrop.results.writer import Predictions, Results
from seqdrop.work.items import window_counter, work_items

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from seqdrop.companions.bed_masks import BedMasks
    from seqdrop.reads.records import Record
    from seqdrop.results.genome import Places
    from seqdrop.results.rows import RowMaker

PLACE = [Column("record", "text"), Column("start", "whole"), Column("end", "whole")]
# A sample stays in memory until the whole file is read. This many reads of 300 bp fit (work.selection.MAX_MEMORY).
MAX_READS = 1_000_000
# Largest response of the container in bytes (models.archives.MAX_RESPONSE, with a margin).
MAX_RESPONSE_BYTES = 60_000_000
TRIAL_SEQUENCES, TRIAL_WINDOW = 8, 300
MAX_N_FRACTION = 0.1  # for `seqdrop predict` without --analysis


@dataclass(frozen=True, kw_only=True)
class WindowSettings(ModelSettings):
    """Settings of every kind that cuts windows."""

    k: int = setting(MISSING, Whole(3, 6))
    """k-mer length of the model's vocabulary."""
    window: int = setting(MISSING, Whole(3))
    """Length of a window, the input of the model, in bases."""
    stride: int = setting(MISSING, Whole(1))
    """Bases from the start of a window to the start of the next."""
    strands: str = setting(MISSING, Choice("+", "+-"))
    """"+" scores the forward strand; "+-" also the reverse complement of each window."""
    max_n_fraction: float = setting(MISSING, Number(0, 1))
    """A window with a larger share of N or ambiguous bases is reported as not scored."""
    short: str = setting("skip", Choice("skip", "score"))
    """A record shorter than a window: "skip" reports it as not scored, "score" treats it as one window."""
    precision: str = setting("auto", Choice("auto", "fp32", "bf16", "int8"))
    """Number format of the model's arithmetic; benchmarks/inference.py measures what each costs."""

    def conflicts(self) -> Iterable[str]:
        """Yield conflicts between settings that are each allowed."""
        if self.stride > self.window:
            yield f"stride is {self.stride}; it must be 1 to window ({self.window})"
        if self.window < self.k:
            yield f"window is {self.window}; it must be at least k ({self.k})"


@dataclass(frozen=True, kw_only=True)
class SampledSettings(WindowSettings):
    """Settings of kinds that may see a sample of a file's records."""

    max_reads: int | None = setting(None, Maybe(Whole(1, MAX_READS)))
    """Largest number of records of a file that the model sees, drawn at random with `seed`. Absent: all records."""
    seed: int = setting(0, Whole(0))
    """Seed of the random draw. It draws the same record numbers in each file, so mates stay together."""
    collapse: bool = setting(False, Flag())
    """true: identical records are scored once, and rows have their count. For amplicons and small RNA."""


class WindowKind(Kind):
    """A kind whose model (model_code/dnabert) sees windows of DNA."""

    job = TRANSFORM
    formats = ("fastq", "fasta", "bam")
    no_effect_on_items = frozenset({"model", "k", "max_n_fraction", "precision", "short"})
    prediction_bytes = 0
    """Approximate bytes of a prediction in the container's response; a base takes one byte in the request."""

    def conflicts(self, analysis: AnalysisSettings) -> Iterable[str]:
        """Yield conflicts between settings.

        A work item must fit in a request to the container, and its predictions in the response.
        """
        job, settings = analysis.job, analysis.settings_as(WindowSettings)
        payload, predictions = job.max_payload_mb * 1_000_000, len(settings.strands) * self.prediction_bytes
        item = (job.windows_per_item + 1) * settings.stride + settings.window
        needed = max(item, job.windows_per_item * predictions)
        if needed > payload / 2:
            yield (
                f"job.windows_per_item is {job.windows_per_item:,}; such a work item or its predictions take "
                f"{needed:,} bytes, and may take at most half of job.max_payload_mb, {payload // 2:,}"
            )

    def sampling(self, settings: ModelSettings | None) -> Sampling:
        """Return which records the model sees; all unless the kind has SampledSettings."""
        if not isinstance(settings, SampledSettings):
            return Sampling()
        return Sampling(settings.max_reads, settings.seed, settings.collapse)

    def counter(self, analysis: AnalysisSettings, _masks: BedMasks | None = None) -> Callable[[Record], int]:
        """Return a function from a record to the number of its windows on all strands."""
        count = window_counter(analysis.settings_as(WindowSettings))
        return lambda record: count(len(record.sequence))

    def too_many(self, analysis: AnalysisSettings) -> Fault:
        """Return the fault of a file with more windows than `job.max_windows`."""
        advice = (
            "Split the file and drop the parts, or drop it under raw/, which has no model; "
            "or set max_reads in analyses.toml, so that a sample of each file is scored."
        )
        most = f"{analysis.job.max_windows:,}"
        return Fault("too_many_windows", f"the file has more than {most} windows to score", advice)

    def items(
        self,
        upload_id: str,
        counted: Iterable[tuple[Record, int]],
        analysis: AnalysisSettings,
        _masks: BedMasks | None = None,
    ) -> Iterator[bytes]:
        """Yield a work item for each segment of each record."""
        return work_items(upload_id, counted, analysis.settings_as(WindowSettings), analysis.job.windows_per_item)

    def environment(self, analysis: AnalysisSettings) -> dict[str, str]:
        """Return the environment variables that inference.py reads."""
        settings = analysis.settings_as(WindowSettings)
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
        """Return the number of windows, or of masked intervals, in an output line."""
        return line.count(b'"start":')

    def write(self, folder: Path, predictions: Predictions) -> Results:
        """Write one table, as JSON Lines and Parquet, and the files that `beside` makes of its rows."""
        counts = Counts()
        table = folder / f"{self.table}.jsonl"
        collapse = self.sampling(predictions.analysis.settings).collapse
        with table.open("w") as file, self.beside(folder, predictions) as places:
            for row in rows(predictions.lines, self.row_maker(predictions, counts), counts, collapse):
                file.write(json.dumps(row, separators=(",", ":")) + "\n")
                if places:
                    places.add(row)
        parquet(table, self._columns(predictions, table), predictions.provenance, table.with_suffix(".parquet"))
        if places is None:
            return Results(folder, counts)
        return Results(folder, counts, places.calls, places.without_bigwig)

    def beside(self, _folder: Path, _predictions: Predictions) -> AbstractContextManager[Places | None]:
        """Return a context manager of a writer that gets each row of the table as well, or of None."""
        return nullcontext()

    def row_maker(self, predictions: Predictions, counts: Counts) -> RowMaker:
        """Return a function from an output line, and the columns that its rows share, to its rows."""
        raise NotImplementedError

    def columns(self, analysis: AnalysisSettings, table: Path) -> list[Column]:
        """Return the columns of this kind's predictions, from settings or from the rows of `table`."""
        raise NotImplementedError

    def _columns(self, predictions: Predictions, table: Path) -> list[Column]:
        analysis, model = predictions.analysis, predictions.provenance["model"]
        settings = analysis.settings_as(WindowSettings)
        count = None if self.sampling(settings).collapse else 1
        return [
            *PLACE,
            *self.columns(analysis, table),
            Column("not_scored", "text"),
            Column("count", "whole", count),
            Column("model", "text", model["name"]),
            Column("model_sha256", "text", model["sha256"]),
            Column("window", "whole", settings.window),
            Column("stride", "whole", settings.stride),
            *TROUBLE,
        ]

    def summarize(self, _predictions: Predictions, results: Results) -> dict[str, object]:
        """Return the counts without calls, which only the kind promoter has."""
        counts = results.counts.as_dict()
        del counts["calls"]
        return {"counts": counts}

    # -- trying a new archive --

    def trial(self, longest: int) -> Trial:
        """Return random sequences of one window each."""
        window = min(TRIAL_WINDOW, longest)
        environment = {"SEQDROP_TASK": self.task, "SEQDROP_WINDOW": str(window), "SEQDROP_STRIDE": str(window)}
        about = f"{TRIAL_SEQUENCES} made-up sequences of {window} bases"
        items = self._trial_items(window)
        return Trial(environment, items, about, lambda lines: find_fault(lines, self.task, len(items)))

    def trial_bases(self, bases: list[str]) -> list[str]:
        """Return the bases of a trial item; a kind may replace some by N, in place."""
        return bases

    def _trial_items(self, window: int) -> list[bytes]:
        """Return work items of random bases, one window each."""
        sequences = [list(make_sequence("ACGT", window, number)) for number in range(TRIAL_SEQUENCES)]
        return [window_item(number, self.trial_bases(bases)) for number, bases in enumerate(sequences)]

    # -- seqdrop predict --

    def local_settings(self, options: LocalOptions, model: LocalModel) -> WindowSettings:
        """Return settings made of command-line options. Raise ConfigurationError if --window is absent."""
        if options.window is None:
            raise ConfigurationError(
                "the length of a window is missing: use --analysis NAME (see analyses.toml), or --window BASES"
            )
        settings = self.settings
        if settings is None or not issubclass(settings, WindowSettings):
            raise TypeError(f"the kind {self.name} has no settings of windows")
        return settings(
            model="local",
            k=model.k,
            window=options.window,
            stride=options.stride or options.window,
            strands=options.strands or "+",
            max_n_fraction=MAX_N_FRACTION if options.max_n_fraction is None else options.max_n_fraction,
            **self.local_extra(options, model),
        )

    def local_extra(self, _options: LocalOptions, _model: LocalModel) -> dict[str, Any]:
        """Return the settings that only this kind has, made of options and of the model."""
        return {}
