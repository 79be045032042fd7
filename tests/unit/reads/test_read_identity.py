"""A read is identified by its name and its mate, from whatever says the mate: /1, a CASAVA word, flags, or .1."""

import io
import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.errors import InvalidFileError
from seqdrop.reads import kernel
from seqdrop.reads.check import Bounds, Reading
from seqdrop.reads.findings import Policy
from seqdrop.reads.name_digests import NameDigest, compare, locate_fault, records_to_search
from seqdrop.work.mate_digests import check

STYLES = {
    "/": "{n}/{mate}",
    "CASAVA": "{n} {mate}:N:0:ACGT",
    "filtered": "{n} {mate}:Y:18:1",
    "tab": "{n}\t{mate}:N:0:ACGT",
    "both": "{n}/{mate} {mate}:N:0:",
}


def fastq(headers: list[str]) -> bytes:
    """Return FASTQ with these headers; each read has other bases."""
    bases = ("".join(read) for read in itertools.product("ACGT", repeat=6))
    return "".join(f"@{header}\n{read}\n+\nIIIIII\n" for header, read in zip(headers, bases, strict=False)).encode()


def read(body: bytes, name: str = "", block: int = 1 << 16) -> Reading:
    """Return a reading of all of a file, valid or not."""
    reading = Reading(io.BytesIO(body), ["fastq", "bam"], name=name, bounds=Bounds(block))
    try:
        reading.run()
    except InvalidFileError:
        assert reading.findings.errors
    return reading


def errors(body: bytes, block: int = 1 << 16) -> list[tuple[str, int | None]]:
    """Return (code, record) of each error of a file."""
    return [(error.code, error.record) for error in read(body, block=block).findings.errors]


def digest(headers: list[str]) -> NameDigest:
    """Return the stored digest of a valid file with these headers."""
    reading = read(fastq(headers), block=2048)
    assert reading.findings.valid
    return NameDigest.from_bytes(reading.read_names.to_bytes())


def pair(first: list[str], second: list[str]) -> list[str]:
    """Return the codes of the faults of two mates. Their bases differ."""
    other = fastq(second).replace(b"IIIIII", b"JJJJJJ")
    reading = read(other, block=2048)
    return [fault.code for fault in compare(digest(first), NameDigest.from_bytes(reading.read_names.to_bytes()))]


def mates(style: str, *order: tuple[int, int]) -> list[str]:
    """Return the headers of reads (number, mate) in an order."""
    return [STYLES[style].format(n=f"HWI:{n}", mate=mate) for n, mate in order]


class TestWithinOneFile:
    @pytest.mark.parametrize("style", STYLES)
    @pytest.mark.parametrize("block", [64, 1 << 16])
    @pytest.mark.parametrize(
        "order",
        [
            [(n, mate) for mate in (1, 2) for n in range(20)],  # all R1, then all R2
            [(n, mate) for n in range(20) for mate in (2, 1)],
            [(n, mate) for n in range(20) for mate in (1, 2, 3)],
            [(n, mate) for mate in (3, 1, 2) for n in range(20)],
            [(0, 1), *((n, mate) for n in range(1, 20) for mate in (1, 2))],
        ],
    )
    def test_reads_of_one_name_with_different_mates_are_different_reads(self, style, block, order):
        assert errors(fastq(mates(style, *order)), block) == []

    @pytest.mark.parametrize("style", STYLES)
    @pytest.mark.parametrize("mate", [1, 2, 3])
    @pytest.mark.parametrize("block", [64, 1 << 16])
    def test_the_same_read_twice_is_a_duplicate(self, style, mate, block):
        order = [(n, of) for of in (1, 2, 3) for n in range(20)]
        assert errors(fastq(mates(style, *order, (7, mate))), block) == [("duplicate_name", 61)]

    def test_a_suffix_and_a_word_say_the_same_mate(self):
        assert errors(fastq(["y", "x/1", "x 2:N:0:ACGT", "x/2"])) == [("duplicate_name", 4)]
        assert errors(fastq(["y", "x 1:N:0:ACGT", "x/2", "x/1 1:N:0:ACGT"])) == [("duplicate_name", 4)]

    def test_a_suffix_and_a_word_that_differ_are_neither_mate(self):
        assert errors(fastq(["y", "x/1", "x/2", "x/1 2:N:0:", "x/2 1:N:0:"])) == []

    def test_a_read_of_an_interleaved_file_that_occurs_twice_in_a_row_is_a_duplicate(self):
        order = [(n, mate) for n in range(20) for mate in (1, 2)]
        assert errors(fastq(mates("/", *order, (30, 1), (30, 1)))) == [("duplicate_name", 42)]

    def test_numbers_after_a_slash_beyond_three_are_part_of_the_name(self):
        assert errors(fastq([f"movie/{n}" for n in range(30)])) == []
        assert errors(fastq(["movie/7", "movie/7"])) == [("duplicate_name", 2)]

    def test_other_words_say_no_mate(self):
        """Only a digit, a colon and the Y or N of the filter are a CASAVA word."""
        for word in ("1", "1:", "1:2:3", "length=80", "1N:0", "7:N:0:"):
            assert errors(fastq([f"a {word}", "b", f"a {word}"])) == [("duplicate_name", 3)]

    @pytest.mark.parametrize("block", [64, 1 << 16])
    @pytest.mark.parametrize("style", ["/", "CASAVA"])
    def test_reads_without_a_mate_may_be_between_pairs(self, style, block):
        """`samtools fastq -N` writes a read that has no mate without /1."""
        headers = [header for n in range(30) for header in mates(style, (n, 1), (n, 2))]
        for at in (0, 8, 9, 31, len(headers)):
            at -= at % 2
            assert errors(fastq([*headers[:at], "single", "single2", "single3", *headers[at:]]), block) == []

    def test_middle_reads_without_a_number_may_be_between_mates(self):
        """`samtools fastq -N` writes a read with the flags 0x40 and 0x80 without a number."""
        headers = [header for n in range(30) for header in (f"r{n}/1", f"r{n}", f"r{n}/2")]
        assert errors(fastq(headers)) == []
        assert errors(fastq([*mates("/", *((n, mate) for n in range(9) for mate in (1, 2))), *headers])) == []

    def test_a_lost_mate_between_reads_without_mates_is_still_reported(self):
        headers = [header for n in range(30) for header in mates("/", (n, 1), (n, 2))]
        headers[20:20] = ["single"]
        del headers[31]
        assert [code for code, _ in errors(fastq(headers))] == ["mates_out_of_step"]

    @pytest.mark.parametrize("block", [64, 1 << 16])
    def test_numbers_after_a_dot_may_say_that_a_file_is_interleaved(self, block):
        headers = [f"SRR9.{n}.{mate} {n} length=6" for n in range(1, 40) for mate in (1, 2)]
        reading = read(fastq(headers), block=block)
        assert reading.findings.valid
        assert reading.report()["interleaved"]
        assert errors(fastq(headers[:31] + headers[32:]), block) == [("mates_out_of_step", 32)]
        assert errors(fastq(headers[:-1]), block) == [("mates_unequal_counts", None)]

    def test_a_single_pair_with_serial_numbers_and_numbers_after_a_dot_is_interleaved(self):
        assert read(fastq(["SRR9.1.1", "SRR9.1.2"])).report()["interleaved"]
        assert not read(fastq(["SRR9.1.1", "SRR9.2.1"])).report()["interleaved"]

    @pytest.mark.parametrize("count", range(1, 12))
    def test_serial_numbers_after_a_dot_say_no_mate(self, count):
        reading = read(fastq([f"SRR9.{n}" for n in range(1, count + 1)]))
        assert reading.findings.valid
        assert not reading.report()["interleaved"]

    @given(
        st.lists(
            st.tuples(st.integers(0, 9), st.sampled_from(["", *STYLES]), st.integers(1, 3)), min_size=1, max_size=60
        ),
        st.sampled_from([64, 300, 1 << 16]),
        st.booleans(),
    )
    def test_a_duplicate_is_each_read_whose_name_and_mate_occurred_before(self, reads, block, has_kernel):
        """The file starts with single reads, so that it is not interleaved."""
        headers = [STYLES[style].format(n=f"x{n}", mate=mate) if style else f"x{n}" for n, style, mate in reads]
        identities = [(n, mate if style else 0) for n, style, mate in reads]
        repeats = [at for at, read in enumerate(identities) if read in identities[:at]]
        singles = [f"single{n}" for n in range(8)]
        with pytest.MonkeyPatch.context() as patch:
            if not has_kernel:
                patch.setattr(kernel, "lib", None)
            reading = read(fastq(singles + headers), block=block)
        assert reading.findings.counts["duplicate_name"] == len(repeats)
        assert [error.record - 9 for error in reading.findings.errors] == repeats[:20]


class TestPairs:
    NUMBERS = range(1, 200)

    @pytest.mark.parametrize("last", [2, 3])
    @pytest.mark.parametrize("style", STYLES)
    def test_the_second_mate_may_be_number_three(self, style, last):
        first = mates(style, *((n, 1) for n in self.NUMBERS))
        second = mates(style, *((n, last) for n in self.NUMBERS))
        assert pair(first, second) == []
        assert pair(second, first) == ["mates_swapped"]
        assert pair(first, second[:-1]) == ["mates_unequal_counts"]
        assert pair(first, [*second[:50], second[51], second[50], *second[52:]]) == ["mates_out_of_step"]

    @pytest.mark.parametrize("last", [2, 3])
    @pytest.mark.parametrize(
        "name", ["SRR9.{n}.{mate}", "SRR9.{n}.{mate} {n} length=80", "read{n}.{mate}", "HWI:1:{n}.{mate}"]
    )
    def test_numbers_after_a_dot_say_the_mates_if_they_are_the_same_in_all_names_of_a_file(self, name, last):
        first, second = ([name.format(n=n, mate=mate) for n in self.NUMBERS] for mate in (1, last))
        assert pair(first, second) == []
        assert pair(second, first) == ["mates_swapped"]
        assert pair(first, second[:-1]) == ["mates_unequal_counts"]
        assert pair(first, [*second[:50], second[51], second[50], *second[52:]]) == ["mates_out_of_step"]

    def test_one_read_with_a_serial_number_and_a_number_after_a_dot_has_a_mate(self):
        assert pair(["SRR9.1.1"], ["SRR9.1.2"]) == []
        assert pair(["SRR9.1.1"], ["SRR9.2.2"]) == ["mates_out_of_step"]

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            (["SRR9.1"], ["SRR9.2"]),
            (["SRR9.1", "SRR9.2"], ["SRR9.2", "SRR9.3"]),
            ([f"SRR9.{n}" for n in range(1, 80)], [f"SRR9.{n}" for n in range(2, 81)]),
            ([f"SRR9.{n}1" for n in range(1, 80)], [f"SRR9.{n}2" for n in range(1, 80)]),
            ([f"SRR9.{n}.1" for n in range(1, 80)], [f"SRR9.{n}" for n in range(1, 80)]),
            ([f"SRR9.{n}.1" for n in range(1, 80)], [f"SRR9.{n}.4" for n in range(1, 80)]),
            ([f"SRR9.{n}.1" for n in range(1, 80)], [f"SRR9.{n}.2" for n in range(1, 79)] + ["SRR9.79.3"]),
        ],
    )
    def test_serial_numbers_after_a_dot_stay_part_of_the_name(self, first, second):
        assert pair(first, second) == ["mates_out_of_step"]

    def test_reads_without_a_number_fit_as_before(self):
        names = [f"SRR9.{n}" for n in self.NUMBERS]
        assert pair(names, names) == []
        assert pair([f"{name}.1" for name in names], [f"{name}.1" for name in names]) == []

    def test_two_samples_whose_names_all_end_in_the_same_number_are_no_pair(self):
        first = digest([f"SRR8.{n}.1" for n in self.NUMBERS])
        second = replace(digest([f"SRR9.{n}.1" for n in self.NUMBERS]), fingerprint="of other bases")
        assert not check(first, second, sure=False, policy=Policy()).checked
        faults = check(first, second, sure=True, policy=Policy()).faults
        assert [fault.code for fault in faults] == ["mates_out_of_step"]

    def test_the_record_out_of_step_is_located(self):
        first = [f"SRR9.{n}.1" for n in self.NUMBERS]
        second = [f"SRR9.{n}.2" for n in self.NUMBERS]
        second[100], second[101] = second[101], second[100]
        bodies = fastq(first), fastq(second).replace(b"IIIIII", b"JJJJJJ")
        (fault,) = compare(*(read(body).read_names for body in bodies))
        records = records_to_search(fault)
        places = [Reading(io.BytesIO(body), ["fastq"]).locate_names(records) for body in bodies]
        located = locate_fault(fault, *places)
        assert (located.code, located.name, located.record) == ("mates_out_of_step", "SRR9.101.1", 101)

    def test_a_digest_stored_by_an_earlier_version_is_read(self):
        stored = digest(["a/1", "b/1"]).to_bytes()
        assert b"dot" not in stored
        assert compare(NameDigest.from_bytes(stored), digest(["a/3", "b/3", "c/3"]))[0].code == "mates_unequal_counts"


def names_of_pairs(source: list[int], ends: tuple[str, str]) -> tuple[list[str], list[str]]:
    return [f"SRR9.{n}{ends[0]}" for n in source], [f"SRR9.{n}{ends[1]}" for n in source]


@given(
    st.lists(st.integers(1, 400), min_size=2, max_size=200, unique=True),
    st.sampled_from([("", ""), (".1", ".2"), (".1", ".3"), (".2", ".3"), ("/1", "/2"), ("/1", "/3"), (".1", ".1")]),
    st.data(),
)
def test_a_pair_fits_if_and_only_if_its_names_do(source, ends, data):
    first, second = names_of_pairs(source, ends)
    assert pair(first, second) == []
    index = data.draw(st.integers(0, len(source) - 1))
    assert pair(first, [*second[:index], f"SRR9.999{ends[1]}", *second[index + 1 :]]) == ["mates_out_of_step"]
    if ends[0] != ends[1]:
        assert pair(second, first) == ["mates_swapped"]


pysam = pytest.importorskip("pysam", reason="pysam makes and reads the BAM files of these tests")
Flagged = tuple[str, int]


@pytest.fixture
def bam(tmp_path):
    def make(reads: list[Flagged]) -> bytes:
        path = tmp_path / "x.bam"
        with pysam.AlignmentFile(str(path), "wb", header={"HD": {"VN": "1.6"}}) as file:
            for number, (name, flag) in enumerate(reads):
                record = pysam.AlignedSegment()
                record.query_name, record.flag = name, flag
                record.query_sequence = "".join("ACGT"[number >> shift & 3] for shift in (0, 2, 4, 6, 8))
                record.query_qualities = pysam.qualitystring_to_array("IIIII")
                file.write(record)
        return path.read_bytes()

    return make


def template(name: str, *flags: int) -> list[Flagged]:
    return [(name, flag) for flag in flags]


def templates(count: int, *flags: int) -> list[Flagged]:
    return [read for n in range(count) for read in template(f"p{n}", *flags)]


PAIRS, SINGLES = templates(30, 77, 141), [(f"s{n}", 69) for n in range(7)]
ORDERS = {
    "pairs": PAIRS,
    "orphans first": SINGLES + PAIRS,
    "orphans last": PAIRS + SINGLES,
    "an orphan between pairs": [*PAIRS[:10], SINGLES[0], *PAIRS[10:]],
    "orphans of both mates": [*PAIRS[:16], ("x", 69), ("y", 133), *PAIRS[16:], ("z", 133)],
    "sorted, as samtools reset leaves it": [*PAIRS[::2], *PAIRS[1::2]],
    "R2 first": templates(30, 141, 77),
    "all R2, then all R1": [*PAIRS[1::2], *PAIRS[::2]],
    "reversed": PAIRS[::-1],
    "three reads of a template": templates(30, 77, 205, 141),
    "three reads apart": [(name, flag) for flag in (205, 141, 77) for name, _ in PAIRS[::2]],
    "three reads, the last of them mapped": templates(30, 77, 197),
    "single reads": [(f"s{n}", 4) for n in range(30)],
    "single reads and pairs": [*PAIRS[:20], ("s", 4), *PAIRS[20:]],
    "a single pair": PAIRS[:2],
    "quality control failed": templates(30, 589, 653),
    "order of mates unknown": templates(30, 13, 13),
}


def write_aligned(path: str) -> None:
    """Write a BAM sorted by position: pairs with both, one or no mate mapped."""
    header = {"HD": {"VN": "1.6", "SO": "coordinate"}, "SQ": [{"SN": "chr1", "LN": 10_000}]}
    with pysam.AlignmentFile(path, "wb", header=header) as file:
        for mate in (0x40, 0x80):
            for number in range(60):
                is_mapped = [number % 3 > 0, number % 3 > 1]
                own, other = is_mapped if mate == 0x40 else is_mapped[::-1]
                record = pysam.AlignedSegment(file.header)
                record.query_name = f"p{number}"
                record.flag = 1 | mate | (0 if own else 4) | (0 if other else 8)
                record.query_sequence, record.query_qualities = "ACGTA", pysam.qualitystring_to_array("IIIII")
                if own:
                    record.reference_id, record.reference_start, record.cigarstring = 0, number, "5M"
                file.write(record)


class TestBam:
    @pytest.mark.parametrize("order", ORDERS)
    @pytest.mark.parametrize("block", [64, 1 << 16])
    def test_unaligned_bam_is_valid_in_any_order(self, bam, order, block):
        assert errors(bam(ORDERS[order]), block) == []

    @given(st.permutations(PAIRS + SINGLES + template("t", 77, 205, 141)))
    def test_unaligned_bam_is_valid_in_a_random_order(self, tmp_path_factory, order):
        body = bam.__wrapped__(tmp_path_factory.mktemp("bam"))(order)
        assert errors(body) == []
        repeated = order[13]
        codes = errors(bam.__wrapped__(tmp_path_factory.mktemp("bam"))([*order, repeated]))
        assert codes == [("duplicate_name", len(order) + 1)]

    @pytest.mark.parametrize(
        "twice",
        [
            [*PAIRS, PAIRS[0]],
            [*PAIRS, PAIRS[1]],
            [*PAIRS[:2], *PAIRS[:2], *PAIRS[2:]],
            templates(30, 77, 77),
            templates(30, 141, 141),
            templates(30, 4, 4),
            [*SINGLES, ("s3", 77)],
            templates(30, 77, 205, 205, 141),
            PAIRS + PAIRS,
        ],
    )
    def test_the_same_read_twice_is_a_duplicate(self, bam, twice):
        reading = read(bam(twice))
        assert set(reading.findings.counts) == {"duplicate_name"}
        assert reading.findings.counts["duplicate_name"] == len(twice) - len({(name, f & 192) for name, f in twice})

    @pytest.mark.parametrize("has_kernel", [True, False])
    @pytest.mark.parametrize("others", [[], PAIRS, [*PAIRS, *template("t", 77, 205, 141)]])
    @pytest.mark.parametrize("flags", [(77, 205), (205, 77)])
    def test_a_first_and_a_middle_read_without_a_last_one_are_explained(
        self, bam, others, flags, has_kernel, monkeypatch
    ):
        """`samtools import` writes 77 and 205 for R1 given twice."""
        if not has_kernel:
            monkeypatch.setattr(kernel, "lib", None)
        reading = read(bam([*others, *template("r", *flags)]))
        (error,) = reading.findings.errors
        number = len(others) + 1 + flags.index(205)
        assert (error.code, error.record, error.name) == ("duplicate_name", number, "r")
        assert "77 and 205" in error.message
        assert "samtools import" in error.advice

    @given(st.lists(st.tuples(st.integers(0, 6), st.sampled_from([77, 69, 141, 133, 205, 197, 4, 516])), max_size=40))
    def test_any_reads_are_valid_unless_one_occurs_twice_or_a_last_read_is_missing(self, tmp_path_factory, reads):
        reads = [*((f"single{n}", 4) for n in range(8)), *((f"x{n}", flag) for n, flag in reads)]
        of_flags = {77: 1, 69: 1, 141: 2, 133: 2, 205: 3, 197: 4, 4: 0, 516: 0}
        identities = [(name, of_flags[flag]) for name, flag in reads]
        repeats = len(identities) - len(set(identities))
        middles = [name for name, mate in identities if mate == 3 and (name, 1) in identities]
        unexplained = sum((name, 2) not in identities for name in middles)
        body = bam.__wrapped__(tmp_path_factory.mktemp("bam"))(reads)
        assert read(body).findings.counts["duplicate_name"] == repeats + unexplained

    def test_what_samtools_makes_of_an_aligned_bam_is_valid(self, tmp_path):
        aligned, target = str(tmp_path / "aligned.bam"), str(tmp_path / "x.bam")
        write_aligned(aligned)
        for command, options, number in (
            (pysam.reset, ["-o", target, aligned], 120),
            (pysam.view, ["-b", "-f", "4", "-o", target, aligned], 60),
            (pysam.view, ["-b", "-f", "12", "-o", target, aligned], 40),
        ):
            command(*options, catch_stdout=False)
            reading = read(Path(target).read_bytes())
            assert (reading.findings.errors, reading.number) == ([], number)

    def test_all_middle_reads_without_a_last_one_are_counted(self, bam):
        reading = read(bam(templates(100, 77, 205)))
        assert reading.findings.counts == {"duplicate_name": 100}
        assert len(reading.findings.errors) == 20

    def test_what_samtools_import_makes_of_r1_given_twice_is_explained(self, tmp_path):
        path, target = tmp_path / "r1.fastq", tmp_path / "x.bam"
        path.write_bytes(fastq([f"r{n}/1" for n in range(20)]))
        pysam.fqimport("-1", str(path), "-2", str(path), "-o", str(target), catch_stdout=False)
        assert "77 and 205" in read(target.read_bytes()).findings.errors[0].message

    @pytest.mark.parametrize("skipped", [[], [("r", 4 | 0x100), ("r", 4 | 0x800)]])
    def test_a_bam_without_reads_is_empty(self, bam, skipped):
        reading = read(bam(skipped), "x.bam")
        (error,) = reading.findings.errors
        assert (error.code, error.record, reading.report()["records"]) == ("empty_file", None, 0)
        assert "no read" in error.message
        assert reading.digest.size == len(bam(skipped))

    def test_a_bam_that_is_cut_after_its_header_is_reported_as_cut(self, bam):
        assert {code for code, _ in errors(bam([])[:-28])} == {"empty_file", "bgzf_no_eof"}
