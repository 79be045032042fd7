"""A FASTA and a BED belong together if their names have the same stem."""

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
def test_a_key_has_a_stem_and_a_slot(key):
    name = parse(key)
    assert (name.stem, name.slot) == NAMES[key]


def test_each_file_is_the_partner_of_the_other():
    for key in ("masked/a b.fa", "masked/a b.bed"):
        name = parse(key)
        partner = parse(name.partner)
        assert (partner.slot, partner.set_name("landing")) == (name.other_slot, name.set_name("landing"))
        assert partner.other_slot == name.slot


def test_no_training_has_the_same_set_name():
    assert parse("training/x.fa").set_name("b") != place_of("b", "training/x/y.fa", "training/").set_name
