"""Which BED belongs to which FASTA, by their names: `masked/x.bed` and `masked/x.fa`, in one folder."""

from __future__ import annotations

from dataclasses import dataclass

from seqdrop.reads.suffix import BY_SUFFIX, PACKED

FASTA, BED = "fasta", "bed"
# A FASTA that is rejected for one of these is rejected for its BED.
MISFITS = frozenset({"bed_no_record", "bed_beyond_end"})


@dataclass(frozen=True)
class MaskName:
    """`stem` is the key without the suffixes of its format and compression; `slot` is FASTA or BED."""

    stem: str
    slot: str

    @property
    def other_slot(self) -> str:
        return BED if self.slot == FASTA else FASTA

    @property
    def partner(self) -> str:
        """What the other file may be called."""
        return self.stem + (".bed" if self.slot == FASTA else ".fa")

    def set_name(self, bucket: str) -> str:
        """What both have in common, unlike any training's (its name has no #)."""
        return f"{bucket}/{self.stem}#masked"


def parse(key: str) -> MaskName:
    """Any key but that of a BED is taken for a FASTA; whether it is one is for its examination to say."""
    folder, slash, name = key.rpartition("/")
    parts = name.split(".")
    if len(parts) > 2 and parts[-1].lower() in PACKED:
        parts.pop()
    said = parts[-1].lower() if len(parts) > 1 else ""
    if said == "bed" or said in BY_SUFFIX:
        parts.pop()
    return MaskName(folder + slash + ".".join(parts), BED if said == "bed" else FASTA)
