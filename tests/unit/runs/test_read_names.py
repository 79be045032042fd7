"""Names of files with reads, as each program writes them."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.runs.read_names import is_empty, is_index_read, is_undetermined, parse_read_name


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        # (sample, number, lane, read, undetermined)
        ("S1_S1_L001_R1_001.fastq.gz", ("S1", 1, 1, "R1", False)),
        ("Project/S1/S_1_S12_R2_001.fastq.gz", ("S_1", 12, 0, "R2", False)),
        ("Analysis/1/Data/BCLConvert/ora_fastq/S1_S1_L008_R1_001.fastq.ora", ("S1", 1, 8, "R1", False)),
        ("TL3833-2-3_S1_L001_I1_001.fastq.gz", ("TL3833-2-3", 1, 1, "I1", False)),
        ("Undetermined_S0_L001_R1_001.fastq.gz", ("Undetermined", 0, 1, "R1", True)),
        ("lane1_Undetermined_L001_R1_001.fastq.gz", ("lane1_Undetermined", 0, 1, "R1", True)),
        ("Undetermined_S3_L001_R1_001.fastq.gz", ("Undetermined", 3, 1, "R1", False)),  # a sample of that name
        ("S1_S2_S7_L001_R1_001.fastq.gz", ("S1_S2", 7, 1, "R1", False)),
        ("P_I1_S4_L002_R1_001.fastq.gz", ("P_I1", 4, 2, "R1", False)),  # no index read
        ("Samples/P1/S1/S1_R1.fastq.gz", ("S1", 0, 0, "R1", False)),
        ("Samples/DefaultProject/S1/S1_L002_R2.fastq.gz", ("S1", 0, 2, "R2", False)),
        ("Samples/Unassigned/Unassigned_R1.fastq.gz", ("Unassigned", 0, 0, "R1", True)),
        ("s1_r2.fastq", ("s1", 0, 0, "R2", False)),
        ("S1.I1.fastq.gz", ("S1", 0, 0, "I1", False)),
        ("S1.fastq", ("S1", 0, 0, "", False)),
        ("fastq_pass/barcode01/PAA1_pass_barcode01_e05_0f1_0.fastq.gz", ("barcode01", 0, 0, "pass", False)),
        ("fastq_pass/mouse/PAA1_pass_barcode01_e05_0f1_0.fastq.gz", ("mouse", 0, 0, "pass", False)),
        ("G/Sample1/20250603_1201_3E_PAA1/fastq_fail/PAA1_fail_e05_0f1_0.fastq.gz", ("Sample1", 0, 0, "fail", False)),
        ("bam_pass/unclassified/PAA1_pass_unclassified_e05_0.bam", ("unclassified", 0, 0, "pass", True)),
        ("1_A01/hifi_reads/m84028_230214_023007_s1.hifi_reads.bc2023.bam",
         ("m84028_230214_023007_s1.bc2023", 0, 0, "hifi_reads", False)),
        ("m84028_230214_023007_s1.fail_reads.unassigned.bam",
         ("m84028_230214_023007_s1.unassigned", 0, 0, "fail_reads", True)),
        ("m84028_230214_023007_s1.hifi_reads.bam", ("m84028_230214_023007_s1", 0, 0, "hifi_reads", False)),
        ("424445-s1-Z0010-CACTGCACGAATGAT/424445-s1-Z0010-CACTGCACGAATGAT.cram", ("s1", 0, 0, "", False)),
        ("424445-s1-Z0010-CACTGCACGAATGAT_unmatched.cram", ("s1", 0, 0, "", True)),
        ("424445-s1-Z0010-CACTGCACGAATGAT_S1_L001_R2_001.fastq.gz", ("s1", 0, 1, "R2", False)),
        ("Alignment\\S1_S1_L001_R1_001.fastq.gz", ("S1", 1, 1, "R1", False)),
    ],
)  # fmt: skip
def test_a_name(path, expected):
    parsed = parse_read_name(path)
    assert (parsed.sample, parsed.number, parsed.lane, parsed.read, parsed.is_undetermined) == expected
    assert is_undetermined(path) == expected[4]
    assert is_index_read(path) == (expected[3] in ("I1", "I2"))


@pytest.mark.parametrize(
    "path",
    ["RunInfo.xml", "S1_S1_L001_R1_001.fastq.gz.md5", "1_A01/m84028_230214_023007_s1.hifi_reads.bc2023.bam.pbi",
     "Analysis/1/Data/DragenGermline/S1/S1.bam", "s_1_1101.bcl.bgzf", "fastq_pass/README.txt", "S1_R1.csv", "I1"],
)  # fmt: skip
def test_files_without_reads(path):
    assert parse_read_name(path) is None
    assert not is_undetermined(path)
    assert not is_index_read(path)


SAMPLES = st.text("ABab01-_.", min_size=1, max_size=12)


@given(SAMPLES, st.integers(1, 9999), st.integers(0, 8), st.sampled_from(["R1", "R2", "I1", "I2"]))
def test_a_name_of_bcl_convert_gives_back_what_it_was_made_of(sample, number, lane, read):
    middle = f"_L{lane:03}" if lane else ""
    parsed = parse_read_name(f"x/{sample}_S{number}{middle}_{read}_001.fastq.gz")
    assert (parsed.sample, parsed.number, parsed.lane, parsed.read) == (sample, number, lane, read)


@given(st.text(max_size=30))
def test_any_name_can_be_parsed(name):
    parse_read_name(name)
    parse_read_name(name + ".fastq.gz")
    is_empty(name, 20)


def test_a_gzip_of_nothing_is_empty_with_and_without_its_name(tmp_path):
    name = "TL3833-2-3_S1_L001_R1_001.fastq"
    assert is_empty(name + ".gz", len(gzip.compress(b"")))
    path = tmp_path / f"{name}.gz"
    with gzip.open(path, "wb"):
        pass
    assert path.stat().st_size == 52  # as in the listing of a MiniSeq
    assert is_empty(f"Fastq/{path.name}", 52)
    assert is_empty("a.fastq", 0)
    assert is_empty("a.fastq.gz", 28)  # the block that ends a bgzip file
    assert not is_empty("a.fastq.gz", 52)
    assert not is_empty(path.name, len(gzip.compress(b"@r\nACGT\n+\nIIII\n")) + len(name) + 1)
