"""masked: the most probable bases of each masked interval, a run of N or an interval of a BED beside the FASTA.

Rows: record, start, end, rank (from 1, the most probable), bases, probability; one row for each candidate. In a record
of RNA, bases are spelled with U.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.config.analyses import LAMBDA_GB
from seqdrop.config.analysis import SINGLE, AnalysisSettings
from seqdrop.kinds.windows import WindowKind, WindowSettings
from seqdrop.results.tables import Column
from seqdrop.work.items import Spans, is_rna, masked_items, runs_of_n, true_end

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from seqdrop.companions.bed_masks import BedMasks
    from seqdrop.reads.records import Record
    from seqdrop.results.rows import Counts, OutputLine, Row, RowMaker, Shared
    from seqdrop.results.writer import Predictions


@dataclass(frozen=True, kw_only=True)
class Settings(WindowSettings):
    """Settings of a masked analysis."""

    def conflicts(self) -> Iterator[str]:
        """Yield conflicts between settings; intervals are filled on the forward strand only."""
        yield from super().conflicts()
        if self.strands != "+":
            yield f'strands is "{self.strands}"; for task "masked" it must be "+", the strand on which masks are filled'


class Masked(WindowKind):
    """Candidates for masked bases."""

    name = task = "masked"
    settings = Settings
    companions = "masks"
    takes_masks = True
    reads_large_files_itself = True
    may_have_no_items = True
    table = "fills"
    prediction_bytes = 300
    head = "cls.predictions.transform.dense.weight"

    def conflicts(self, analysis: AnalysisSettings) -> Iterator[str]:
        """Yield conflicts between settings; a Lambda must be able to read the file."""
        if analysis.max_gb > LAMBDA_GB:
            yield f'max_gb is {analysis.max_gb:g}; for task "masked" it must be at most {LAMBDA_GB:g}'
        if analysis.mates != SINGLE:
            yield f'mates is "{analysis.mates}"; for task "masked" it must be "{SINGLE}"'
        yield from super().conflicts(analysis)

    def counter(self, _analysis: AnalysisSettings, masks: BedMasks | None = None) -> Callable[[Record], int]:
        """Return a function from a record to the number of its masked intervals."""
        spans = _spans(masks)
        return lambda record: sum(1 for _ in spans(record))

    def items(
        self,
        upload_id: str,
        counted: Iterable[tuple[Record, int]],
        analysis: AnalysisSettings,
        masks: BedMasks | None = None,
    ) -> Iterator[bytes]:
        """Yield a work item for each masked interval."""
        records = (record for record, _ in counted)
        return masked_items(upload_id, records, analysis.settings_as(Settings).window, _spans(masks))

    def row_maker(self, _predictions: Predictions, counts: Counts) -> RowMaker:
        """Return a function from an output line to a row for each candidate."""

        def make_rows(output: OutputLine, _shared: Shared) -> Iterator[Row]:
            return _rows(output, counts)

        return make_rows

    def columns(self, _analysis: AnalysisSettings, _table: Path) -> list[Column]:
        """Return the columns rank, bases and probability."""
        return [Column("rank", "whole"), Column("bases", "text"), Column("probability", "number")]

    def trial_bases(self, bases: list[str]) -> list[str]:
        """Return the bases with the middle one masked."""
        bases[len(bases) // 2] = "N"
        return bases


def _spans(masks: BedMasks | None) -> Spans:
    return masks.spans if masks else runs_of_n


def _rows(output: OutputLine, counts: Counts) -> Iterator[Row]:
    of_rna = is_rna(output["id"])
    for mask in output["masks"]:
        candidates = mask.get("candidates", [])
        row: Row = {"record": output["record"], "start": mask["start"], "end": true_end(output["id"], mask["end"])}
        counts.windows += 1
        counts.scored += bool(candidates)
        if not candidates:
            counts.not_scored[mask["not_scored"]] += 1
            yield {**row, "not_scored": mask["not_scored"]}
        for rank, candidate in enumerate(candidates, start=1):
            bases = candidate["bases"].replace("T", "U") if of_rna else candidate["bases"]
            yield {**row, "rank": rank, "bases": bases, "probability": candidate["probability"]}
