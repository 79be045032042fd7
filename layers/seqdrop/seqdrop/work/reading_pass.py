"""The one pass over a file: its records are checked and measured, and become work items.

A Lambda, a processing job and `seqdrop predict` all read a file by this pass; only what becomes of the work items
differs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from seqdrop.errors import Fault, InvalidFileError
from seqdrop.reads.check import Reading
from seqdrop.reads.findings import Policy
from seqdrop.work.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.companions.bed_masks import BedMasks
    from seqdrop.config.analyses import Analysis


def make_reading(body: BinaryIO, name: str, analysis: Analysis) -> Reading:
    """Return a reading of a file by the rules of an analysis; `name` is what findings call the file."""
    policy = Policy(analysis.severity)
    return Reading(body, analysis.formats, name=name, alphabet=analysis.alphabet, policy=policy)


class ReadingPass:
    """Iterate `items` to the end; then all is checked, and the numbers are final.

    `masks` are a BED's, where one belongs to the file.
    """

    def __init__(self, upload_id: str, reading: Reading, analysis: Analysis, masks: BedMasks | None = None):
        self.reading = reading
        self._item_count = 0
        self._upload_id, self._analysis, self._masks = upload_id, analysis, masks
        self._selection = Selection(analysis, masks) if analysis.has_model else None

    @property
    def numbers(self) -> dict[str, int]:
        """Work items; records that are selected; and how many of these differ. All 0 without a model."""
        selection = self._selection
        taken, distinct = (selection.taken, selection.distinct) if selection else (0, 0)
        return {"items": self._item_count, "taken": taken, "distinct": distinct}

    def items(self) -> Iterator[bytes]:
        """Yield the work items, none without a model. Raises InvalidFileError with all that is wrong with the
        file, with
        masks that do not fit it, or with a file that has nothing for the model."""
        if self._selection is None:
            self.reading.run()
            return
        records = self._masks.cover(self.reading.records()) if self._masks else self.reading.records()
        analysis = self._analysis
        for item in analysis.kind.items(self._upload_id, self._selection.of(records), analysis, self._masks):
            self._item_count += 1
            yield item
        if self._masks:
            self._masks.check()
        self._check_items()

    def _check_items(self) -> None:
        """A job takes no empty input."""
        if not self._item_count and not self._analysis.kind.may_have_no_items:
            advice = "Nothing is to be done for it here; drop it under raw/ to archive it."
            message = "the file has nothing that the model could be asked about"
            raise InvalidFileError(Fault("nothing_to_score", message, advice))
