"""Which FASTA and which BED belong together."""

import pytest
from seqdrop.companions.masks import BED, FASTA, parse
from seqdrop.companions.training_sets import place_of

NAMES = {
    "masked/x.fa": ("masked/x", FASTA),
    "masked/x.bed": ("masked/x", BED),
    "masked/run 1/x.fasta.gz": ("masked/run 1/x", FASTA),
    "masked/run 1/x.BED.gz": ("masked/run 1/x", BED),
    "masked/x.fna.bgz": ("masked/x", FASTA),
    "masked/chr1.hg19.bed": ("masked/chr1.hg19", BED),
    "masked/chr1.hg19.fa": ("masked/chr1.hg19", FASTA),
    "masked/x": ("masked/x", FASTA),
    "masked/x.v2": ("masked/x.v2", FASTA),
    "masked/x.gz": ("masked/x.gz", FASTA),
    "masked/bed": ("masked/bed", FASTA),
    "masked/x.bed/y.fa": ("masked/x.bed/y", FASTA),
    "masked/x.fa.bed": ("masked/x.fa", BED),
}


@pytest.mark.parametrize("key", NAMES)
def test_stem_and_seat(key):
    found = parse(key)
    assert (found.stem, found.slot) == NAMES[key]


def test_each_names_the_other():
    for key in ("masked/a b.fa", "masked/a b.bed"):
        one = parse(key)
        other = parse(one.partner)
        assert (other.slot, other.set_name("landing")) == (one.other_slot, one.set_name("landing"))
        assert other.other_slot == one.slot


def test_no_training_has_such_a_set():
    assert parse("training/x.fa").set_name("b") != place_of("b", "training/x/y.fa", "training/").set_name
