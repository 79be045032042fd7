"""The one pass over a file, in which its records are checked, measured and turned into work items.

A Lambda function, a processing job and `seqdrop predict` all read files in this way. They differ only in their use of
the work items.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from seqdrop.config.analysis import DNA, READ_FORMATS
from seqdrop.errors import Fault, InvalidFileError
from seqdrop.reads.check import Bounds, Reading
from seqdrop.reads.codes import WARNING
from seqdrop.reads.digest import Digest
from seqdrop.reads.findings import Policy
from seqdrop.reads.records import as_dna
from seqdrop.work.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import SupportsRead

    from seqdrop.companions.bed_masks import BedMasks
    from seqdrop.config.analyses import Analysis


# Instruments write FASTQ and BAM without reads, for samples that have none. In a run folder they are kept.
EMPTY_IS_KEPT = {"empty_file": WARNING}


class ItemCounts(TypedDict):
    """Numbers of work items, selected records, records that go to the model, and predictions; all 0 without a model."""

    items: int
    taken: int
    distinct: int
    windows: int


def make_reading(body: SupportsRead[bytes], name: str, analysis: Analysis) -> Reading:
    """Return a reading of a file by the rules of an analysis. The suffix of `name` is compared with the content."""
    severity, formats = analysis.severity, analysis.formats
    if analysis.keeps_any:
        severity, formats = severity | EMPTY_IS_KEPT, READ_FORMATS
    policy, bounds = Policy(severity), Bounds(expanded=analysis.max_expanded_bytes)
    digest = Digest(body, md5=analysis.md5)
    return Reading(digest, formats, name=name, alphabet=analysis.alphabet, policy=policy, bounds=bounds)


class ReadingPass:
    """A pass over one file. Iterate `items` to its end; then the whole file is checked and `counts` are final.

    `masks` are the intervals of the BED that belongs to the file, if any.
    """

    def __init__(self, upload_id: str, reading: Reading, analysis: Analysis, masks: BedMasks | None = None) -> None:
        self.reading = reading
        self._item_count = 0
        self._upload_id = upload_id
        self._analysis = analysis
        self._masks = masks
        self._selection = Selection(analysis, masks) if analysis.has_model else None

    @property
    def counts(self) -> ItemCounts:
        """The counts up to the present item."""
        if self._selection is None:
            return {"items": 0, "taken": 0, "distinct": 0, "windows": 0}
        selection = self._selection
        return {
            "items": self._item_count,
            "taken": selection.taken,
            "distinct": selection.distinct,
            "windows": selection.windows,
        }

    def items(self) -> Iterator[bytes]:
        """Yield the work items; none if the analysis has no model. RNA is spelled as DNA in them.

        Raise InvalidFileError if the file has errors, if masks do not fit it, or if it has nothing to score.
        """
        if self._selection is None:
            self.reading.run()
            return
        analysis = self._analysis
        records = self.reading.records()
        if analysis.alphabet == DNA:
            records = map(as_dna, records)
        if self._masks:
            records = self._masks.cover(records)
        for item in analysis.kind.items(self._upload_id, self._selection.of(records), analysis, self._masks):
            self._item_count += 1
            yield item
        if self._masks:
            self._masks.check()
        self._check_items()

    def _check_items(self) -> None:
        """Raise InvalidFileError if there are no work items, because a job cannot start with an empty input."""
        if self._item_count or self._analysis.kind.may_have_no_items:
            return
        message = "the file contains nothing that the model can score"
        advice = "To archive it without predictions, drop it under raw/."
        raise InvalidFileError(Fault("nothing_to_score", message, advice))
