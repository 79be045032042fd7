"""Every file of ../shared/data/fastq, judged as its name and source say; and the figures of those that are valid."""

import gzip

import numpy as np
import pytest
from seqdrop.errors import InvalidFileError
from seqdrop.reads.check import Reading

# The first error, or None for a valid file. What is not listed is valid.
FOUND = {
    "biopython/error_diff_ids.fastq": "plus_name_differs",
    "biopython/error_double_qual.fastq": "bad_header",
    "biopython/error_double_seq.fastq": "missing_plus",
    "biopython/error_long_qual.fastq": "length_mismatch",
    "biopython/error_no_qual.fastq": "length_mismatch",
    "biopython/error_qual_del.fastq": "illegal_quality",
    "biopython/error_qual_escape.fastq": "illegal_quality",
    "biopython/error_qual_null.fastq": "nul_byte",
    "biopython/error_qual_space.fastq": "illegal_quality",
    "biopython/error_qual_tab.fastq": "illegal_quality",
    "biopython/error_qual_unit_sep.fastq": "illegal_quality",
    "biopython/error_qual_vtab.fastq": "illegal_quality",
    "biopython/error_short_qual.fastq": "length_mismatch",
    "biopython/error_spaces.fastq": "illegal_base",
    "biopython/error_tabs.fastq": "illegal_base",
    "biopython/error_trunc_at_plus.fastq": "truncated",
    "biopython/error_trunc_at_qual.fastq": "truncated",
    "biopython/error_trunc_at_seq.fastq": "truncated",
    "biopython/error_trunc_in_plus.fastq": "truncated",
    "biopython/error_trunc_in_qual.fastq": "truncated",
    "biopython/error_trunc_in_seq.fastq": "truncated",
    "biopython/error_trunc_in_title.fastq": "truncated",
    "biopython/example.qual": "illegal_base",  # quality scores in the shape of FASTA
    "cutadapt_malformed/withplus.fastq": "illegal_base",  # the bases are words such as SEQUENCE1
    "dnaio/simple.fastq": "illegal_base",  # likewise
    "dnaio/simple.fastq.gz": "illegal_base",
    "dnaio/withplus.fastq": "illegal_base",
    "dnaio/simple.fastq.bz2": "unsupported_compression",
    "dnaio/simple.fastq.xz": "unsupported_compression",
    "pysam/faidx_ex1.fq": "mates_out_of_step",  # mates under one name, with single reads between them
}
WRAPPED = {
    "biopython/longreads_original_sanger.fastq",
    "biopython/tricky.fastq",
    "biopython/wrapping_original_sanger.fastq",
    "htslib_fastq/multiline.fq",
}
INTERLEAVED = {"dnaio/interleaved.fastq", "htslib_fastq/interleaved.fq", "htslib_fastq/interleaved_casava.fq"}
INTERLEAVED |= {"htslib_fastq/filter_casava.fq"}


@pytest.fixture
def names(shared_data):
    folder = shared_data / "fastq"
    paths = [path for path in sorted(folder.glob("*/*")) if path.name != "SOURCE.txt"]
    return {path.relative_to(folder).as_posix(): path for path in paths}


def judged(path, block: int = 1 << 19) -> tuple[str | None, Reading]:
    with path.open("rb") as stream:
        reading = Reading(stream, ["fastq", "fasta"], name=path.name, block=block)
        try:
            reading.run()
        except InvalidFileError as error:
            return error.fault.code, reading
    return None, reading


@pytest.mark.parametrize("block", [1024, 1 << 19])
def test_every_file_is_judged_as_it_should(names, block):
    found = {name: judged(path, block)[0] for name, path in names.items()}
    assert found == {name: FOUND.get(name) for name in names}
    assert len(found) > 80


def test_layouts_and_encodings(names):
    readings = {name: judged(path)[1] for name, path in names.items() if name not in FOUND}
    assert {name for name, one in readings.items() if one.report()["layout"] == "multiline"} == WRAPPED
    assert {name for name, one in readings.items() if one.report()["interleaved"]} == INTERLEAVED
    crlf = {name for name, one in readings.items() if "crlf" in one.findings.counts}
    assert crlf == {name for name in names if "dos" in name}
    suspected = {name for name, one in readings.items() if "phred64_suspected" in one.findings.counts}
    said = {name for name in names if "illumina" in name.split("/")[1] or "solexa" in name.split("/")[1]}
    # Where the file's name says what its qualities are made into, that is what counts.
    said = {name for name in said if "as_sanger" not in name}
    said |= {name for name in names if name.endswith(("_as_illumina.fastq", "_as_solexa.fastq"))}
    said |= {"htslib_fastq/longline.fq"}  # qualities from A on
    assert suspected == said & readings.keys()


def test_the_figures_are_those_of_pysam(names):
    pysam = pytest.importorskip("pysam", reason="pysam is the oracle for the figures")
    for name, path in names.items():
        if name in FOUND or path.suffix not in (".fq", ".fastq", ".gz", ".bgz"):
            continue
        reads = [(r.sequence or "", r.get_quality_array() or []) for r in pysam.FastxFile(str(path))]
        bases = "".join(sequence for sequence, _ in reads).upper()
        scores = [score for _, quality in reads for score in quality]
        found = judged(path)[1].tally.report()
        assert found["records"] == len(reads), name
        assert found["bases"] == len(bases), name
        assert found["base_counts"]["G"] == bases.count("G"), name
        assert found["mean_quality"] == pytest.approx(sum(scores) / len(scores), abs=0.006), name
        assert found["q30_fraction"] == pytest.approx(sum(s >= 30 for s in scores) / len(scores), abs=1e-4), name
        for place in (0, 10):
            column = [quality[place] for _, quality in reads if len(quality) > place]
            if column:
                assert found["positions"]["quality"][place] == pytest.approx(sum(column) / len(column), abs=0.006)


def by_sequali(path) -> dict:
    """Its counts by position: (5, positions) of A C G T N, and (12, positions) of qualities, four scores a row."""
    sequali = pytest.importorskip("sequali", reason="sequali is the second oracle for the figures")
    metrics = sequali.QCMetrics()
    opened = gzip.open if path.suffix in (".gz", ".bgz") else open
    with opened(path, "rb") as stream:
        for records in sequali.FastqParser(stream):
            metrics.add_record_array(records)
    bases = np.array(metrics.base_count_table()).reshape(-1, sequali.NUMBER_OF_NUCS).T
    order = [sequali.A, sequali.C, sequali.G, sequali.T, sequali.N]
    qualities = np.array(metrics.phred_count_table()).reshape(-1, sequali.NUMBER_OF_PHREDS).T
    return {"reads": metrics.number_of_reads, "bases": bases[order], "qualities": qualities}


def test_the_figures_are_those_of_sequali(names):
    judgeable = {"four-line"}  # it knows no other layout
    compared = 0
    for name, path in names.items():
        reading = judged(path)[1] if name not in FOUND else None
        if reading is None or reading.report()["layout"] not in judgeable or "crlf" in reading.findings.counts:
            continue
        found, wanted = reading.tally.report(), by_sequali(path)
        reaching, shares = wanted["bases"].sum(axis=0), found["positions"]
        assert found["records"] == wanted["reads"], name
        assert found["bases"] == wanted["bases"].sum(), name
        if found["ambiguous"] == 0:  # it counts IUPAC codes as N
            assert list(found["base_counts"].values()) == wanted["bases"].sum(axis=1).tolist(), name
            for row, base in enumerate("ACGTN"):
                share = wanted["bases"][row] / np.maximum(reaching, 1)
                assert shares[base] == pytest.approx(share[: len(shares[base])].tolist(), abs=1e-4), name
        if found["quality_encoding"]["name"] == "phred+33":
            over = wanted["qualities"][5:].sum() / wanted["qualities"].sum()
            assert found["q20_fraction"] == pytest.approx(over, abs=1e-4), name
        compared += 1
    assert compared > 20
