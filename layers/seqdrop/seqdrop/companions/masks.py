"""Match a FASTA and its BED by their names: `masked/x.fa` and `masked/x.bed` belong together."""

from __future__ import annotations

from dataclasses import dataclass

from seqdrop.reads.suffix import BY_SUFFIX, PACKED

FASTA, BED = "fasta", "bed"
# If a FASTA is rejected with one of these codes, the cause is its BED.
MISFITS = frozenset({"bed_no_record", "bed_beyond_end"})


@dataclass(frozen=True)
class MaskName:
    """The key of a FASTA or of its BED, split into stem and slot.

    `stem` is the key without the suffixes of format and compression, which both files share; `slot` is FASTA or BED.
    """

    stem: str
    slot: str

    @property
    def other_slot(self) -> str:
        """The slot of the other file."""
        return BED if self.slot == FASTA else FASTA

    @property
    def partner(self) -> str:
        """An example of a key that the other file may have."""
        return self.stem + (".bed" if self.slot == FASTA else ".fa")

    def set_name(self, bucket: str) -> str:
        """Return the name of the set of both files. No training has the same: the names of trainings contain no #."""
        return f"{bucket}/{self.stem}#masked"


def parse(key: str) -> MaskName:
    """Split a key. Without the suffix .bed it counts as a FASTA; the examination of the file checks its format."""
    folder, slash, name = key.rpartition("/")
    parts = name.split(".")
    if len(parts) > 2 and parts[-1].lower() in PACKED:
        parts.pop()
    suffix = parts[-1].lower() if len(parts) > 1 else ""
    if suffix == "bed" or suffix in BY_SUFFIX:
        parts.pop()
    return MaskName(folder + slash + ".".join(parts), BED if suffix == "bed" else FASTA)
