"""What the kinds share whose model sees proteins (model_code/protein): settings, work items, environment, results."""

from __future__ import annotations

import json
import random
from dataclasses import MISSING, dataclass
from typing import TYPE_CHECKING, Any

from seqdrop.config.fields import Maybe, Table, Whole, setting
from seqdrop.config.kind import PROTEIN, Kind, Trial
from seqdrop.errors import ConfigurationError, Fault
from seqdrop.kinds.windows import MODEL
from seqdrop.ledger.records import TRANSFORM
from seqdrop.results.proteins import Answer, ProteinCounts, answered
from seqdrop.results.rows import UnexpectedOutputError
from seqdrop.results.writer import Predictions, Results
from seqdrop.work.items import protein_items

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from seqdrop.config.analyses import Analysis
    from seqdrop.reads.records import Record

TRIAL_LENGTHS = (1, 30, 60, 120, 250, 400, 3_000)  # residues; the last in windows
RESIDUES = "ACDEFGHIKLMNPQRSTVWY"
DNA_OPTIONS = ("stride", "strands", "threshold", "max_n_fraction")


@dataclass(frozen=True, kw_only=True)
class ProteinSettings(Table):
    """Settings of every kind for proteins."""

    model: str = setting(MISSING, MODEL)
    """Name of the model; its current archive is what models/<model>/current.json points to."""
    window: int | None = setting(None, Maybe(Whole(1)))
    """Residues that the model sees at once; as many as it takes if absent."""
    overlap: int = setting(128, Whole(0))
    """Residues that the windows of a longer protein share at least; their predictions are cross-faded."""


class ProteinKind(Kind):
    """A kind whose model sees whole proteins."""

    alphabet = PROTEIN
    job = TRANSFORM
    formats = ("fasta",)
    settings = ProteinSettings
    unit = "proteins"
    reads_items_for_results = True

    def counter(self, analysis: Analysis, masks: Any = None) -> Callable[[Record], int]:
        return lambda record: len(record.sequence)

    def too_many(self, analysis: Analysis) -> Fault:
        advice = "Split the file (`seqkit split2`) and drop the parts."
        most = f"{analysis.job.max_windows:,}"
        return Fault("too_many_windows", f"the file has more than {most} residues to predict", advice)

    def items(
        self, upload_id: str, counted: Iterable[tuple[Record, int]], analysis: Analysis, masks: Any = None
    ) -> Iterator[bytes]:
        return protein_items(upload_id, (record for record, _ in counted))

    def environment(self, analysis: Analysis) -> dict[str, str]:
        settings = analysis.settings
        cut = {"SEQDROP_WINDOW": str(settings.window)} if settings.window else {}
        return {"SEQDROP_TASK": self.task, "SEQDROP_OVERLAP": str(settings.overlap)} | cut

    # -- results --

    def read(self, answer: dict, item: dict) -> Answer:
        """Return what an answer without an error says of its work item. Raises ValueError, KeyError or TypeError."""
        raise NotImplementedError

    def write_files(self, folder: Path, answers: Iterable[Answer], made_by: dict) -> None:
        """Write the files; memory does not grow with the number of proteins."""
        raise NotImplementedError

    def write(self, folder: Path, predictions: Predictions) -> Results:
        counts = ProteinCounts()
        answers = answered(predictions.lines, predictions.items, self.read, counts)
        self.write_files(folder, answers, predictions.made_by)
        return Results(folder, counts)

    def summarize(self, predictions: Predictions, results: Results) -> dict:
        return {}

    # -- trying a new archive --

    def trial(self, longest: int) -> Trial:
        items = list(_trial_items())
        about = f"{len(items)} made-up proteins of up to {max(TRIAL_LENGTHS):,} residues"
        return Trial({"SEQDROP_TASK": self.task}, items, about, lambda lines: self._trial_fault(lines, items))

    def _trial_fault(self, lines: list[bytes], items: list[bytes]) -> str:
        counts = ProteinCounts()
        try:
            list(answered(lines, items, self.read, counts))
        except UnexpectedOutputError as error:
            return str(error)
        if counts.proteins == len(items):
            return ""
        return f"answered {counts.proteins} of {len(items)} proteins: {lines[-1][:200]!r}"

    # -- seqdrop predict --

    def local_settings(self, options: Any, model: Any) -> ProteinSettings:
        if given := [name for name in DNA_OPTIONS if getattr(options, name) is not None]:
            raise ConfigurationError(f"--{given[0].replace('_', '-')} is for models of DNA; this one is of proteins")
        return self.settings(model="local", window=options.window)


def _trial_items() -> Iterator[bytes]:
    chance = random.Random(1)
    for number, length in enumerate(TRIAL_LENGTHS, start=1):
        sequence = "".join(chance.choices(RESIDUES, k=length))
        item = {"id": f"smoke:{number}:0", "record": f"smoke{number}", "alphabet": PROTEIN, "sequence": sequence}
        yield json.dumps(item).encode()
