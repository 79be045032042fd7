"""Names of mates: the partner of the partner is the file itself, and a pair contains no third file."""

from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from seqdrop.companions.mate_forms import AFTER, BEFORE, FORMS, INDEX, MATE, MAYBE, NUMBER, WORD
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
    ("reads/S1_R1.trimmed", "reads/S1_R2.trimmed"),
    ("reads/S1_R1_single_cell.fastq.gz", "reads/S1_R2_single_cell.fastq.gz"),
    ("reads/S1_R1_1.clean.fq.gz", "reads/S1_R2_1.clean.fq.gz"),  # as before the table had `clean`
    ("reads/S1_R1_1P.fastq", "reads/S1_R1_2P.fastq"),  # Trimmomatic -baseout S1_R1.fastq
    ("reads/S1_1_val_1.cor.fq.gz", "reads/S1_2_val_2.cor.fq.gz"),
    ("reads/S1_1.fastq_trimmed.clean.fq", "reads/S1_2.fastq_trimmed.clean.fq"),
    ("reads/rev_1.clean.fq.gz", "reads/rev_2.clean.fq.gz"),
    ("reads/S1_Forward_001.fastq", "reads/S1_Reverse_001.fastq"),
    ("reads/forward.fastq.gz", "reads/reverse.fastq.gz"),
    ("reads/S1_R1.fastq.1.gz", "reads/S1_R2.fastq.1.gz"),
    ("reads/S1_FWD.fastq", "reads/S1_REV.fastq"),
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


def names_of(*meanings: str) -> list:
    return [(form.first, form.second) for form in FORMS if form.meaning in meanings]


@pytest.mark.parametrize(("first", "second"), names_of(MATE, MAYBE, NUMBER, WORD))
def test_the_two_names_of_each_row_are_mates(first, second):
    test_mates_name_each_other(f"reads/run1/{first}", f"reads/run1/{second}")


@pytest.mark.parametrize("name", [name for names in names_of(INDEX) for name in names])
def test_index_reads_of_the_table_have_no_mate(name):
    assert parse(name).is_mate is False


@pytest.mark.parametrize("name", [name for names in names_of(AFTER, BEFORE) for name in names])
def test_leftovers_of_the_table_have_no_mate(name):
    assert parse(name) is None


def test_only_forms_that_leave_no_doubt_are_certain():
    certain = {form.first for form in FORMS if form.meaning == MATE} | {"S1_1_val_1.fq.gz"}
    names = {first for first, _ in names_of(MATE, MAYBE, NUMBER, WORD)}
    assert {name for name in names if parse(name).sure} == certain


SAMPLES = st.text("AZ17_.-", min_size=1, max_size=6).map(lambda text: f"x{text}y")
LEFTOVERS = ["unpaired", "orphan", "orphans", "singleton", "singletons", "singles", "Unpaired", "SINGLETONS"]
SEPARATORS = st.sampled_from("_.-")
ROLES = st.sampled_from(["R1", "R2", "r1", "read2", "pair1", "1P", "1", "2", "forward", "rev"])
SUFFIXES = st.sampled_from([".fastq", ".fq.gz", ".FASTQ", ".fastq.1.gz", ""])


@given(
    SAMPLES,
    st.tuples(st.sampled_from(LEFTOVERS), ROLES).flatmap(st.permutations),
    SEPARATORS,
    SEPARATORS,
    st.sampled_from([".fq.gz", ".FASTQ", ""]),
)
def test_a_leftover_is_never_a_mate(sample, parts, first, second, suffix):
    assert parse(f"reads/{sample}{first}{parts[0]}{second}{parts[1]}{suffix}") is None


WORDS = st.lists(
    st.sampled_from(["clean", "trim", "trimmed", "paired", "fastq", "fastp", "cor", "part_007"]), max_size=3
)


@given(SAMPLES, st.sampled_from("12"), st.sampled_from("_."), SEPARATORS, WORDS)
def test_any_words_may_follow_a_number(sample, number, before, separator, words):
    tail = "".join(separator + word for word in words) + ".fq.gz"
    first, second = (f"reads/{sample}{before}{digit}{tail}" for digit in (number, {"1": "2", "2": "1"}[number]))
    assert parse(first).partner == second
    assert parse(second).partner == first
    assert parse(first).pair == parse(second).pair


PARTS = ["S1", "R1", "2", "val", "1", "clean", "1P", "read2", "rev", "001", "se", "R2", "L001"]


@given(st.lists(st.sampled_from(PARTS), min_size=1, max_size=5), SEPARATORS, SUFFIXES)
def test_two_names_of_a_pair_map_to_each_other(parts, separator, suffix):
    name = parse("reads/" + separator.join(parts) + suffix)
    assume(name is not None and name.is_mate)
    partner = parse(name.partner)
    assert (partner.partner, partner.pair, partner.number) == (name.key, name.pair, 3 - name.number)
    assert partner.sure == name.sure


DOCS = Path(__file__).parents[3] / "docs/formats.md"
IS = {
    MATE: "mates, without doubt",
    MAYBE: "mates, or two samples",
    NUMBER: "mates, or two samples",
    WORD: "mates, or two samples",
    INDEX: "index or UMI reads",
    AFTER: "leftovers",
    BEFORE: "leftovers",
}


def test_the_docs_have_the_table():
    rows = [f"| `{form.first}` | `{form.second}` | {IS[form.meaning]} | {form.source} |" for form in FORMS]
    table = DOCS.read_text().partition("| one file | the other | are | source |\n")[2].partition("\n\n")[0]
    assert table.splitlines()[1:] == rows


@pytest.mark.parametrize(
    "name",
    [
        "S1_I1_001.fastq.gz",
        "S1_I2.fastq",
        "S1_R3_001.fastq.gz",
        "S1_R4.fastq",
        "S1_i1.fq",
        "Undetermined_S0_L001_I2_001.fastq.gz",
        "S1_I1_trimmed.fastq",
        "S1.index_2.fastq",
    ],
)
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
        "reads/S1_1U.fastq",
        "reads/S1_2un.trim.fastq.gz",
        "reads/S1_R1.1U.fastq.gz",
        "reads/S1_R1.txt",
        "reads/S1_R1.docx",
        "reads/S1_R1.xlsx",
        "reads/S1_R1.fastq.gz.md5",
        "reads/S1_R1_001.tar.gz",
        "reads/S1_R1.txt.gz",
        "reads/S1_R1_fastqc.html",
        "reads/S1_R1_val_2.fq.gz",
        "reads/S1_1P.txt",
        "reads/S1_1.clean.txt",
        "reads/forward.txt",
        "reads/S1_1_liver.fastq",
        "reads/S1_3.clean.fastq",
        "reads/v1.2.clean.fastq",
        "reads/brain_left.fastq",
        "reads/chr1_1p.fastq",
        "reads/S1_unpaired_R1.fastq.gz",
        "reads/unpaired_S1_L001_R1_001.fastq.gz",
        "reads/S1_unpaired_trimmed_R1.fastq.gz",
        "reads/S1_R1_001_trimmed_unpaired.fastq.gz",
        "reads/S1_1.unpaired.fq.gz",
        "reads/S1_unpaired1.fq.gz",
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
