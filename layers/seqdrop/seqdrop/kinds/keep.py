"""keep: files are validated, reported and archived, without a model (`raw/`, `runs/`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.config.kind import ANY, PROTEIN, READ_FORMATS, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.config.analysis import AnalysisSettings


class Keep(Kind):
    """Validation, report and archive, without a model: for most of the output of a sequencer.

    With formats = ["any"] it keeps whole run folders.
    """

    name = "keep"
    formats = (*READ_FORMATS, ANY)

    def conflicts(self, analysis: AnalysisSettings) -> Iterator[str]:
        """Yield conflicts between settings: protein files must be FASTA."""
        if analysis.alphabet == PROTEIN and analysis.formats != ("fasta",):
            yield f'formats must be ["fasta"] for alphabet "{PROTEIN}"'
