"""The common base of kinds whose model sees proteins (model_code/protein): settings, work items, results."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.config.fields import Maybe, Whole, setting
from seqdrop.config.kind import PROTEIN, Kind, LocalModel, LocalOptions, ModelSettings, Trial
from seqdrop.errors import ConfigurationError, Fault
from seqdrop.kinds.trials import make_sequence
from seqdrop.ledger.records import TRANSFORM
from seqdrop.results.proteins import (
    Embedded,
    ModelOutput,
    Protein,
    ProteinCounts,
    ProteinItem,
    ProteinLine,
    read_outputs,
)
from seqdrop.results.rows import UnexpectedOutputError
from seqdrop.results.writer import Predictions, Results
from seqdrop.work.items import protein_items

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from seqdrop.companions.bed_masks import BedMasks
    from seqdrop.config.analysis import AnalysisSettings
    from seqdrop.reads.records import Record
    from seqdrop.results.provenance import Provenance

TRIAL_LENGTHS = (1, 30, 60, 120, 250, 400, 3_000)  # residues; the last protein does not fit in one window
RESIDUES = "ACDEFGHIKLMNPQRSTVWY"
DNA_OPTIONS = ("stride", "strands", "threshold", "max_n_fraction")


@dataclass(frozen=True, kw_only=True)
class ProteinSettings(ModelSettings):
    """Settings of every kind for proteins."""

    window: int | None = setting(None, Maybe(Whole(1)))
    """Length of a window, the input of the model, in residues. Absent: the model's maximum."""
    overlap: int = setting(128, Whole(0))
    """Least number of residues that neighbouring windows of a longer protein share. Predictions are cross-faded in
    them."""


class ProteinKind(Kind):
    """A kind whose model sees whole proteins."""

    alphabet = PROTEIN
    job = TRANSFORM
    formats = ("fasta",)
    settings = ProteinSettings
    unit = "proteins"
    reads_items_for_results = True

    def counter(self, _analysis: AnalysisSettings, _masks: BedMasks | None = None) -> Callable[[Record], int]:
        """Return a function from a record to the number of its residues."""
        return lambda record: len(record.sequence)

    def too_many(self, analysis: AnalysisSettings) -> Fault:
        """Return the fault of a file with more residues than `job.max_windows`."""
        advice = "Split the file (`seqkit split2`) and drop the parts."
        most = f"{analysis.job.max_windows:,}"
        return Fault("too_many_windows", f"the file has more than {most} residues to predict", advice)

    def items(
        self,
        upload_id: str,
        counted: Iterable[tuple[Record, int]],
        _analysis: AnalysisSettings,
        _masks: BedMasks | None = None,
    ) -> Iterator[bytes]:
        """Yield a work item for each protein."""
        return protein_items(upload_id, (record for record, _ in counted))

    def environment(self, analysis: AnalysisSettings) -> dict[str, str]:
        """Return the environment variables that inference.py reads."""
        settings = analysis.settings_as(ProteinSettings)
        window = {"SEQDROP_WINDOW": str(settings.window)} if settings.window else {}
        return {"SEQDROP_TASK": self.task, "SEQDROP_OVERLAP": str(settings.overlap)} | window

    # -- results --

    def read(self, line: ProteinLine, item: ProteinItem) -> Protein | Embedded:
        """Return the content of an output line that reports no error.

        Raise ValueError, KeyError or TypeError if the line has another shape.
        """
        raise NotImplementedError

    def write_files(self, folder: Path, outputs: Iterable[ModelOutput], provenance: Provenance) -> None:
        """Write the result files to `folder`. Memory must not grow with the number of proteins."""
        raise NotImplementedError

    def write(self, folder: Path, predictions: Predictions) -> Results:
        """Write the result files to `folder`. Raise UnexpectedOutputError for an output line of another shape."""
        counts = ProteinCounts()
        outputs = read_outputs(predictions.lines, predictions.items, self.read, counts)
        self.write_files(folder, outputs, predictions.provenance)
        return Results(folder, counts)

    def summarize(self, _predictions: Predictions, _results: Results) -> dict[str, object]:
        """Return an empty dict: the summary has only the counts."""
        return {}

    # -- trying a new archive --

    def trial(self, _longest: int) -> Trial:
        """Return random proteins. The longest one needs several windows."""
        items = list(_trial_items())
        about = f"{len(items)} made-up proteins of up to {max(TRIAL_LENGTHS):,} residues"
        return Trial({"SEQDROP_TASK": self.task}, items, about, lambda lines: self._trial_fault(lines, items))

    def _trial_fault(self, lines: list[bytes], items: list[bytes]) -> str:
        counts = ProteinCounts()
        try:
            list(read_outputs(lines, items, self.read, counts))
        except UnexpectedOutputError as error:
            return str(error)
        if counts.proteins == len(items):
            return ""
        last = lines[-1] if lines else b""
        return f"returned predictions for {counts.proteins} of {len(items)} proteins: {last[:200]!r}"

    # -- seqdrop predict --

    def local_settings(self, options: LocalOptions, _model: LocalModel) -> ProteinSettings:
        """Return settings made of command-line options. Raise ConfigurationError for options of DNA models."""
        if unsuitable := [name for name in DNA_OPTIONS if getattr(options, name) is not None]:
            raise ConfigurationError(f"--{unsuitable[0].replace('_', '-')} is for DNA models; this is a protein model")
        return self.settings(model="local", window=options.window)


def _trial_items() -> Iterator[bytes]:
    for number, length in enumerate(TRIAL_LENGTHS, start=1):
        sequence = make_sequence(RESIDUES, length, number)
        item = {"id": f"smoke:{number}:0", "record": f"smoke{number}", "alphabet": PROTEIN, "sequence": sequence}
        yield json.dumps(item).encode()
