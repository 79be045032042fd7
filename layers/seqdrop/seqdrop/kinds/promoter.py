"""promoter: the probability that each window belongs to a class (a promoter), called above a threshold.

Rows: record, start, end, strand, probability, calibrated (if the model has a calibration), call. Where records have
coordinates on a genome (`tracks`), calls are also written as BED and GFF3, and probabilities as a track per strand.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import MISSING, dataclass, replace
from typing import TYPE_CHECKING, Any

from seqdrop.config.fields import Flag, Maybe, Number, Text, Whole, setting
from seqdrop.kinds.windows import SampledSettings, WindowKind
from seqdrop.models.archives import POSITIVE
from seqdrop.results.distribution import Distribution
from seqdrop.results.rows import DIGITS, Counts, OutputLine, Row, RowMaker, Shared, window_rows
from seqdrop.results.tables import Column
from seqdrop.results.tracks import RULE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seqdrop.config.kind import AnalysisSettings, LabelledArchive, LocalModel, LocalOptions, ModelSettings
    from seqdrop.models.calibration import Calibration
    from seqdrop.results.genome import GenomeFiles
    from seqdrop.results.writer import Predictions, Results

THRESHOLD = 0.9  # for `seqdrop predict` without --analysis
NOT_CALIBRATED = (
    "The model has no calibration.json: `probability` is the model's own, and no prior can be applied to it."
)
CALIBRATED = (
    "`probability` is the model's own value, which is compared with threshold. `calibrated` is Platt's scaling of it, "
    "for sequences in which the share `prior` of windows are positives."
)
SCORE = [
    Column("strand", "text"),
    Column("probability", "number"),
    Column("calibrated", "number"),
    Column("call", "truth"),
]


@dataclass(frozen=True, kw_only=True)
class Settings(SampledSettings):
    """Settings of a promoter analysis."""

    threshold: float = setting(MISSING, Number(0, 1))
    """A window is called if its probability is at least this: the model's own probability, not the calibrated one."""
    label: str = setting(MISSING, Text(r".+", "the model card's name of the positive class"))
    """Name of the positive class, exactly as in the model card."""
    tracks: bool = setting(False, Flag())
    """true: records have coordinates on a genome, so calls and tracks are written as well."""
    prior: float | None = setting(None, Maybe(Number(0, 1, above=True, below=True)))
    """Expected share of windows that are true positives, for the calibrated probability. Absent: the share in the
    calibration set."""
    distance: int | None = setting(None, Maybe(Whole(1)))
    """Of called windows on a strand whose starts are less than this many bases apart, only the most probable becomes a
    call. Absent: the length of a window."""

    def conflicts(self) -> Iterator[str]:
        """Yield conflicts between settings that are each allowed."""
        yield from super().conflicts()
        if self.collapse and self.tracks:
            yield "collapse is for reads and tracks is for genome coordinates; set only one of them"

    @property
    def apart(self) -> int:
        """Least number of bases between the starts of two calls on a strand."""
        return self.distance or self.window


class Promoter(WindowKind):
    """Probabilities and calls for windows."""

    name = task = "promoter"
    settings = Settings
    is_default = True
    table = "predictions"
    prediction_bytes = 90
    head = "classifier.weight"
    names_classes = True
    no_effect_on_items = WindowKind.no_effect_on_items | {"threshold", "label", "tracks", "prior", "distance"}

    def check_archive(self, archive: LabelledArchive, analysis: AnalysisSettings) -> None:
        """Raise JobRefusedError unless the archive and analyses.toml have the same name for the positive class."""
        archive.check_label(analysis.settings_as(Settings).label)

    def row_maker(self, predictions: Predictions, counts: Counts) -> RowMaker:
        """Return a function from an output line to a row for each window."""
        settings, calibration = predictions.analysis.settings_as(Settings), predictions.calibration
        scale = calibration.scale(settings.prior) if calibration else None
        counts.probabilities = probabilities = Distribution()

        def complete(row: Row) -> Row:
            probabilities.add(row["probability"])
            if scale:
                row["calibrated"] = float(format(scale(row["probability"]), DIGITS))
            row["call"] = row["probability"] >= settings.threshold
            return row

        def make_rows(output: OutputLine, shared: Shared) -> Iterator[Row]:
            return window_rows(output, shared, counts, "probability", complete)

        return make_rows

    def columns(self, analysis: AnalysisSettings, _table: Path) -> list[Column]:
        """Return the columns strand, probability, calibrated, call and label."""
        return [*SCORE, Column("label", "text", analysis.settings_as(Settings).label)]

    def beside(self, folder: Path, predictions: Predictions) -> AbstractContextManager[GenomeFiles | None]:
        """Return the writer of calls and tracks, or a context manager of None if `tracks` is false."""
        from seqdrop.results.genome import GenomeFiles  # only finish writes results; it takes 10 ms to import

        settings = predictions.analysis.settings_as(Settings)
        return GenomeFiles(folder, settings, predictions.provenance) if settings.tracks else nullcontext()

    def summarize(self, predictions: Predictions, results: Results) -> dict[str, object]:
        """Return the numbers of calls and of expected false calls, the prior, and what the tracks show."""
        settings, calibration = predictions.analysis.settings_as(Settings), predictions.calibration
        track = {"track": _track(results, calibration)} if results.kept is not None else {}
        return {
            "calls": _calls(settings, results),
            "expected_false_calls": _false_calls(settings, calibration),
            "probability": _probabilities(results),
            **track,
            "prior": (settings.prior or calibration.share) if calibration else None,
            "note": CALIBRATED if calibration else NOT_CALIBRATED,
        }

    def local_extra(self, options: LocalOptions, model: LocalModel) -> dict[str, Any]:
        """Return the threshold and the label."""
        label = model.labels[POSITIVE] if model.labels else f"LABEL_{POSITIVE}"
        return {"threshold": THRESHOLD if options.threshold is None else options.threshold, "label": label}

    def local_format(self, settings: ModelSettings, format: str) -> ModelSettings:
        """Return settings with tracks only for a FASTA file, since reads have no coordinates on a genome."""
        return replace(settings, tracks=format == "fasta") if isinstance(settings, Settings) else settings


def _calls(settings: Settings, results: Results) -> dict[str, object]:
    """Return the numbers of called windows and of calls after suppression, each with its rate per kilobase.

    Kilobases count the bases of each strand that lie in scored windows.
    """
    counts = results.counts
    if not isinstance(counts, Counts):
        raise TypeError("the counts are not those of windows")
    kilobases = counts.bases / 1000
    calls: dict[str, object] = {
        "windows": counts.calls,
        "scored_kb": kilobases,
        "windows_per_kb": _rate(counts.calls, kilobases),
    }
    if results.kept is not None:
        calls |= {"distance": settings.apart, "kept": results.kept, "kept_per_kb": _rate(results.kept, kilobases)}
    return calls


def _probabilities(results: Results) -> dict[str, float] | None:
    """Return the mean and quantiles of the probabilities of scored windows; None if there are none."""
    counts = results.counts
    return counts.probabilities.as_dict() if isinstance(counts, Counts) and counts.probabilities else None


def _track(results: Results, calibration: Calibration | None) -> dict[str, str]:
    bigwig = "left out: too many records" if results.without_bigwig else "where a base is scored"
    return {"value": RULE, "of": "calibrated" if calibration else "probability", "bigwig": bigwig}


def _rate(number: int, kilobases: float) -> float | None:
    return round(number / kilobases, 6) if kilobases else None


def _false_calls(settings: Settings, calibration: Calibration | None) -> dict[str, object] | None:
    """Return the measured share of windows that the model calls in real DNA without promoters; None if unknown."""
    row = calibration.false_calls_at(settings.threshold) if calibration else None
    if row is None:
        return None
    shares = {"intron": row["intron_called"], "cds": row["cds_called"]}
    return {
        "measured_at_threshold": row["threshold"],
        "recall": row["recall"],
        "share_of_windows": shares,
        "windows_per_kb": {part: round(share * 1000 / settings.stride, 4) for part, share in shares.items()},
        "note": "windows called in real introns and coding sequence on one strand, from the model card; counted before "
        "suppression by `distance`",
    }
