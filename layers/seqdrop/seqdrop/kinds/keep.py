"""keep: files are validated, reported and archived, without a model (`raw/`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.config.kind import PROTEIN, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.config.analyses import Analysis


class Keep(Kind):
    """Most of what a sequencer makes."""

    name = "keep"

    def conflicts(self, analysis: Analysis) -> Iterator[str]:
        if analysis.alphabet == PROTEIN and analysis.formats != ("fasta",):
            yield f'formats must be ["fasta"] for alphabet "{PROTEIN}"'
