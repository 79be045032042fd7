"""Names of mates: the partner of the partner is the file itself, and a pair contains no third file."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from seqdrop.companions.mates import parse

PAIRS = [
    ("reads/run1/S1_S1_L001_R1_001.fastq.gz", "reads/run1/S1_S1_L001_R2_001.fastq.gz"),
    ("reads/S1_R1.fq", "reads/S1_R2.fq"),
    ("reads/S1.R1.fastq.gz", "reads/S1.R2.fastq.gz"),
    ("reads/S1-R1.fastq", "reads/S1-R2.fastq"),
    ("reads/s1_r1.fastq", "reads/s1_r2.fastq"),
    ("reads/SRR390728_1.fastq.gz", "reads/SRR390728_2.fastq.gz"),
    ("reads/S1.1.fastq", "reads/S1.2.fastq"),
    ("reads/S1/R1.fastq", "reads/S1/R2.fastq"),
    ("reads/S1_R1_trimmed.fastq", "reads/S1_R2_trimmed.fastq"),
    ("reads/S1_1_val_1.fq.gz", "reads/S1_2_val_2.fq.gz"),
    ("reads/S1_R1_001_val_1.fq.gz", "reads/S1_R2_001_val_2.fq.gz"),
    ("reads/S1_1.part_003.fq.gz", "reads/S1_2.part_003.fq.gz"),
    ("reads/MCF7_R1_1.fastq", "reads/MCF7_R1_2.fastq"),  # replicate R1, mates 1 and 2
    ("reads/R1_R2/x_R1.fastq", "reads/R1_R2/x_R2.fastq"),
]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_mates_name_each_other(first, second):
    first_name, second_name = parse(first), parse(second)
    assert (first_name.is_mate, first_name.number, first_name.partner) == (True, 1, second)
    assert (second_name.is_mate, second_name.number, second_name.partner) == (True, 2, first)
    assert first_name.pair == second_name.pair


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("reads/SampleA_R1.fastq", "reads/SampleA2_R2.fastq"),
        ("reads/SampleA_1.fastq", "reads/SampleA2_2.fastq"),
        ("reads/S1_L001_R1_001.fastq", "reads/S1_L002_R2_001.fastq"),
        ("reads/S1_L001_R1_001.fastq", "reads/S1_L001_R2_002.fastq"),
        ("reads/run1/S1_R1.fastq", "reads/run2/S1_R2.fastq"),
        ("reads/S1_R1.fastq", "reads/S1.R2.fastq"),
        ("reads/S1_R1.fastq", "reads/S1_2.fastq"),
        ("reads/S1_R1.fastq", "raw/S1_R2.fastq"),
        ("reads/S1_R1.part_001.fastq", "reads/S1_R2.part_002.fastq"),
        ("reads/S1_R1.fastq", "reads/S1_I2.fastq"),
    ],
)
def test_files_of_different_samples_are_not_a_pair(first, second):
    assert parse(first).pair != parse(second).pair


def test_compression_does_not_separate_mates():
    names = ["S_R1.fastq.gz", "S_R2.fastq", "S_R1.fq", "S_R2.FQ.GZ", "S_R1"]
    assert len({parse(f"reads/{name}").pair for name in names}) == 1


@pytest.mark.parametrize("name", ["S1_I1_001.fastq.gz", "S1_I2.fastq", "S1_R3_001.fastq.gz", "S1_R4.fastq"])
def test_index_and_umi_files_are_recognised_and_have_no_mate(name):
    assert parse(name).is_mate is False


@pytest.mark.parametrize(
    "name",
    [
        "reads/a.fastq",
        "reads/1.fastq",
        "reads/sample1.fastq",
        "reads/SampleR1.fastq",
        "reads/S1_R10.fastq",
        "reads/S1_3.fastq",
        "reads/S1_1.txt",
        "reads/S1-1.fastq",  # usually a replicate
        "reads/panel_v1.2.fastq",
        "reads/SRR390728.1.fastq",
        "reads/S1_1P.fastq",
        "reads/S1_R1_unpaired.fastq",
        "contigs/asm_1.fasta",
        "contigs/asm_R1.fa.gz",
        "raw/S1_R1.bam",
        "reads/S1_R1/reads.fastq",
    ],
)
def test_other_names_have_no_role(name):
    assert parse(name) is None


def test_a_digit_alone_is_uncertain():
    assert parse("reads/sample_1.fastq").sure is False
    assert parse("reads/sample_R1.fastq").sure is True


STEMS = st.text("AR12_.-L0", min_size=1, max_size=8).filter(lambda text: text[-1] not in "_.-")
STYLES = st.sampled_from(["{}_R{}_001.fastq.gz", "{}_R{}.fq", "{}.R{}.fastq", "{}_{}.fastq.gz", "{}-R{}_L2.fastq"])


@given(STEMS, STYLES, st.sampled_from((1, 2)))
def test_a_name_leads_to_its_partner_and_back(stem, style, number):
    key = "reads/" + style.format(stem, number)
    name = parse(key)
    partner = parse(name.partner)
    assert (name.number, partner.number) == (number, 3 - number)
    assert (partner.partner, partner.pair, partner.sure) == (key, name.pair, name.sure)


@given(STEMS, STEMS, STYLES, STYLES, st.sampled_from((1, 2)), st.sampled_from((1, 2)))
def test_distinct_samples_never_share_a_pair(stem, other, style, another, number, second):
    first, other = "reads/" + style.format(stem, number), "reads/" + another.format(other, second)
    known = {first, parse(first).partner}
    plain = {name.removesuffix(".gz").replace(".fq", ".fastq") for name in known}
    assume(other.removesuffix(".gz").replace(".fq", ".fastq") not in plain)
    assert parse(first).pair != parse(other).pair


@given(st.text(max_size=40))
def test_any_key_is_parsed_without_an_exception(key):
    name = parse(key)
    assert name is None or name.key == key
