"""Which sample of a sheet a file belongs to, by the name in the file."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from seqdrop.runs.sheets.sheet import ONT

if TYPE_CHECKING:
    from seqdrop.runs.read_names import ReadFileName
    from seqdrop.runs.sheets.sheet import Sheet


class SampleNames:
    """The samples of a sheet, and the names that files may give them.

    A file has the Sample_ID (BCL Convert, Bases2Fastq), or the Sample_Name if the sheet has one (bcl2fastq, MiSeq
    Reporter, Local Run Manager). The latter two write - for each character that is no letter or digit: `TL3833_2_3`
    became `TL3833-2-3_S1_L001_R1_001.fastq.gz`. If a name fits several samples, the number S1 decides, which counts
    samples by their first row in the whole sheet, or the folder, which bcl2fastq names by Sample_ID.
    """

    def __init__(self, sheet: Sheet | None) -> None:
        samples = [sample for sample in (sheet.samples if sheet else ()) if sample.sample_id]
        self.sample_ids: tuple[str, ...] = tuple(dict.fromkeys(sample.sample_id for sample in samples))
        self.projects: dict[str, str] = {}
        self._positions = {sample_id: number for number, sample_id in enumerate(self.sample_ids, start=1)}
        self._exact: dict[str, list[str]] = defaultdict(list)
        self._written: dict[str, list[str]] = defaultdict(list)
        for sample in samples:
            self.projects[sample.sample_id] = self.projects.get(sample.sample_id) or sample.project
            is_ont = sheet is not None and sheet.kind == ONT  # there, `name` is the sample of all barcodes
            for name in (sample.sample_id, sample.column("barcode") if is_ont else sample.name):
                if name:
                    _add(self._exact[name], sample.sample_id)
                    _add(self._written[_as_written(name)], sample.sample_id)

    def knows(self, sample: str) -> bool:
        """Return True for a sample of the sheet, and for all if there is no list of samples."""
        return not self.sample_ids or sample in self._positions

    def identify(self, file: ReadFileName) -> str:
        """Return the Sample_ID of a file; the name in the file if no sample of the sheet fits."""
        for candidates in (self._exact.get(file.sample), self._written.get(_as_written(file.sample))):
            if candidates:
                return self._choose(candidates, file) or file.sample
        return file.sample

    def _choose(self, candidates: list[str], file: ReadFileName) -> str | None:
        if len(candidates) == 1:
            return candidates[0]
        in_folder = [sample for sample in candidates if sample in file.folders]
        numbered = [sample for sample in candidates if self._positions[sample] == file.number]
        exact = [sample for sample in candidates if sample == file.sample]
        return next(iter(in_folder or numbered or exact), None)


def _add(names: list[str], name: str) -> None:
    if name not in names:
        names.append(name)


def _as_written(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", name)
