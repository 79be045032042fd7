"""promoter: the probability that each window is of a class (a promoter), called above a threshold.

Rows: record, start, end, strand, probability, calibrated (if the model has a calibration), call. Where records are
places on a genome (`tracks`), calls are also BED and GFF3, and probabilities a track for each strand.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import MISSING, dataclass, replace
from typing import TYPE_CHECKING, Any

from seqdrop.config.fields import Flag, Maybe, Number, Text, Whole, setting
from seqdrop.kinds.windows import SampledSettings, WindowKind
from seqdrop.models.archives import POSITIVE, ModelArchive
from seqdrop.results.genome import Places
from seqdrop.results.rows import DIGITS, Counts, window_rows
from seqdrop.results.tracks import RULE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from seqdrop.config.analyses import Analysis
    from seqdrop.models.calibration import Calibration
    from seqdrop.results.tables import Column
    from seqdrop.results.writer import Predictions, Results

THRESHOLD = 0.9  # of `seqdrop predict` without an analysis
NOT_CALIBRATED = (
    "The model has no calibration.json: a probability is the model's own, and no prior can be applied to it."
)
CALIBRATED = (
    "probability is the model's own and what threshold is compared with; calibrated is Platt's scaling of it, "
    "for windows of which a share of `prior` are positives."
)
SCORE: list[Column] = [
    ("strand", "text", None),
    ("probability", "number", None),
    ("calibrated", "number", None),
    ("call", "truth", None),
]


@dataclass(frozen=True, kw_only=True)
class Settings(SampledSettings):
    """Settings of a promoter analysis."""

    threshold: float = setting(MISSING, Number(0, 1))
    """The model's own probability, not the calibrated one, from which a window is called."""
    label: str = setting(MISSING, Text(r".+", "what the model card calls the positive class"))
    """Name of the positive class, as the model's card has it."""
    tracks: bool = setting(False, Flag())
    """true: records are places on a genome, so calls and tracks are written as well."""
    prior: float | None = setting(None, Maybe(Number(0, 1, above=True, below=True)))
    """Share of windows that truly are positives, for the calibrated probability; the calibration set's if absent."""
    distance: int | None = setting(None, Maybe(Whole(1)))
    """Called windows of a strand that start nearer than this many bases are one call; a window if absent."""

    def conflicts(self) -> Iterator[str]:
        yield from super().conflicts()
        if self.collapse and self.tracks:
            yield "collapse is for reads, tracks for places on a genome: not both"

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
    answer_bytes = 90
    head = "classifier.weight"
    names_classes = True
    no_effect_on_items = WindowKind.no_effect_on_items | {"threshold", "label", "tracks", "prior", "distance"}

    def check_archive(self, archive: ModelArchive, analysis: Analysis) -> None:
        archive.check_label(analysis.settings.label)

    def row_maker(self, predictions: Predictions, counts: Counts) -> Callable[[dict, dict], Iterator[dict]]:
        settings, calibration = predictions.settings, predictions.calibration
        scale = calibration.scale(settings.prior) if calibration else None

        def complete(row: dict) -> dict:
            if scale:
                row["calibrated"] = float(format(scale(row["probability"]), DIGITS))
            return row | {"call": row["probability"] >= settings.threshold}

        return lambda answer, shared: window_rows(answer, shared, counts, "probability", complete)

    def columns(self, settings: Settings, table: Path) -> list[Column]:
        return [*SCORE, ("label", "text", settings.label)]

    def beside(self, folder: Path, predictions: Predictions) -> AbstractContextManager:
        settings = predictions.settings
        return Places(folder, settings, predictions.made_by) if settings.tracks else nullcontext()

    def summarize(self, predictions: Predictions, results: Results) -> dict:
        settings, calibration = predictions.settings, predictions.calibration
        track = {"track": _track(results, calibration)} if results.kept is not None else {}
        return {
            "calls": _calls(settings, results),
            "expected_false_calls": _false_calls(settings, calibration),
            **track,
            "prior": (settings.prior or calibration.share) if calibration else None,
            "note": CALIBRATED if calibration else NOT_CALIBRATED,
        }

    def local_extra(self, options: Any, model: Any) -> dict:
        label = model.labels[POSITIVE] if model.labels else f"LABEL_{POSITIVE}"
        return {"threshold": THRESHOLD if options.threshold is None else options.threshold, "label": label}

    def local_format(self, settings: Settings, format: str) -> Settings:
        """Return settings with tracks for records with coordinates, which are those of a FASTA file."""
        return replace(settings, tracks=format == "fasta")


def _calls(settings: Settings, results: Results) -> dict:
    """Called windows, and calls after suppression; per kilobase of a strand that lies in scored windows."""
    counts, kilobases = results.counts, results.counts.bases / 1000
    calls = {"windows": counts.calls, "scored_kb": kilobases, "windows_per_kb": _rate(counts.calls, kilobases)}
    if results.kept is not None:
        calls |= {"distance": settings.apart, "kept": results.kept, "kept_per_kb": _rate(results.kept, kilobases)}
    return calls


def _track(results: Results, calibration: Calibration | None) -> dict:
    bigwig = "left out: too many records" if results.without_bigwig else "where a base is scored"
    return {"value": RULE, "of": "calibrated" if calibration else "probability", "bigwig": bigwig}


def _rate(number: int, kilobases: float) -> float | None:
    return round(number / kilobases, 6) if kilobases else None


def _false_calls(settings: Settings, calibration: Calibration | None) -> dict | None:
    """What the model was measured to call of real DNA that holds no promoter."""
    row = calibration.false_calls_at(settings.threshold) if calibration else None
    if row is None:
        return None
    shares = {part: row[f"{part}_called"] for part in ("intron", "cds")}
    return {
        "measured_at_threshold": row["threshold"],
        "recall": row["recall"],
        "share_of_windows": shares,
        "windows_per_kb": {part: round(share * 1000 / settings.stride, 4) for part, share in shares.items()},
        "note": "windows called of real introns and coding sequence on one strand, by the model's card; before calls "
        "nearer than `distance` become one",
    }
