"""masked: the likeliest bases of each masked interval, which is a run of N or an interval of a BED beside the FASTA.

Rows: record, start, end, rank (from 1, the likeliest), bases, probability; a row for each candidate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqdrop.config.analyses import LAMBDA_GB, SINGLE, Analysis
from seqdrop.kinds.windows import WindowKind, WindowSettings
from seqdrop.work.items import Spans, masked_items, runs_of_n, true_end

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from seqdrop.reads.records import Record
    from seqdrop.results.rows import Counts
    from seqdrop.results.tables import Column
    from seqdrop.results.writer import Predictions


@dataclass(frozen=True, kw_only=True)
class Settings(WindowSettings):
    """Settings of a masked analysis."""

    def conflicts(self) -> Iterator[str]:
        yield from super().conflicts()
        if self.strands != "+":
            yield f'strands is "{self.strands}"; for task "masked" it must be "+", the strand that masks are filled on'


class Masked(WindowKind):
    """Candidates for masked bases."""

    name = task = "masked"
    settings = Settings
    companions = "masks"
    takes_masks = True
    reads_large_files_itself = True
    may_have_no_items = True
    table = "fills"
    answer_bytes = 300
    head = "cls.predictions.transform.dense.weight"

    def conflicts(self, analysis: Analysis) -> Iterator[str]:
        if analysis.max_gb > LAMBDA_GB:
            yield f'max_gb is {analysis.max_gb:g}; for task "masked" it must be at most {LAMBDA_GB:g}'
        if analysis.mates != SINGLE:
            yield f'mates is "{analysis.mates}"; for task "masked" it must be "{SINGLE}"'
        yield from super().conflicts(analysis)

    def counter(self, analysis: Analysis, masks: Any = None) -> Callable[[Record], int]:
        spans = _spans(masks)
        return lambda record: sum(1 for _ in spans(record))

    def items(
        self, upload_id: str, counted: Iterable[tuple[Record, int]], analysis: Analysis, masks: Any = None
    ) -> Iterator[bytes]:
        records = (record for record, _ in counted)
        return masked_items(upload_id, records, analysis.settings.window, _spans(masks))

    def row_maker(self, predictions: Predictions, counts: Counts) -> Callable[[dict, dict], Iterator[dict]]:
        return lambda answer, shared: _rows(answer, counts)

    def columns(self, settings: Settings, table: Path) -> list[Column]:
        return [("rank", "whole", None), ("bases", "text", None), ("probability", "number", None)]

    def trial_bases(self, bases: list[str]) -> list[str]:
        bases[len(bases) // 2] = "N"
        return bases


def _spans(masks: Any) -> Spans:
    return masks.spans if masks else runs_of_n


def _rows(answer: dict, counts: Counts) -> Iterator[dict]:
    for mask in answer["masks"]:
        candidates = mask.pop("candidates", [])
        row = {"record": answer["record"], "start": mask["start"], "end": true_end(answer["id"], mask["end"])}
        counts.windows += 1
        counts.scored += bool(candidates)
        if not candidates:
            counts.not_scored[mask["not_scored"]] += 1
            yield {**row, "not_scored": mask["not_scored"]}
        for rank, candidate in enumerate(candidates, start=1):
            yield {**row, "rank": rank, "bases": candidate["bases"], "probability": candidate["probability"]}
