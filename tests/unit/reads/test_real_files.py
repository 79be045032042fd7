"""Files of other projects (../shared/data/fastq): first errors are as expected, and figures agree with other tools."""

import gzip

import numpy as np
import pytest
from seqdrop.errors import InvalidFileError
from seqdrop.reads.check import Bounds, Reading

# The first error of each invalid file.
EXPECTED = {
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
    "biopython/example.qual": "illegal_base",  # quality scores in FASTA layout
    "cutadapt_malformed/withplus.fastq": "illegal_base",  # the bases are words such as SEQUENCE1
    "dnaio/simple.fastq": "illegal_base",  # likewise
    "dnaio/simple.fastq.gz": "illegal_base",
    "dnaio/withplus.fastq": "illegal_base",
    "dnaio/simple.fastq.bz2": "unsupported_compression",
    "dnaio/simple.fastq.xz": "unsupported_compression",
    "pysam/faidx_ex1.fq": "mates_out_of_step",  # mates with the same name, and single reads between them
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


def read(path, block: int = 1 << 19) -> tuple[str | None, Reading]:
    with path.open("rb") as stream:
        reading = Reading(stream, ["fastq", "fasta"], name=path.name, bounds=Bounds(block))
        try:
            reading.run()
        except InvalidFileError as error:
            return error.fault.code, reading
    return None, reading


@pytest.mark.parametrize("block", [1024, 1 << 19])
def test_every_file_has_the_expected_error(names, block):
    codes = {name: read(path, block)[0] for name, path in names.items()}
    assert codes == {name: EXPECTED.get(name) for name in names}
    assert len(codes) > 80


def test_layouts_and_encodings_are_detected(names):
    readings = {name: read(path)[1] for name, path in names.items() if name not in EXPECTED}
    assert {name for name, reading in readings.items() if reading.report()["layout"] == "multiline"} == WRAPPED
    assert {name for name, reading in readings.items() if reading.report()["interleaved"]} == INTERLEAVED
    crlf = {name for name, reading in readings.items() if "crlf" in reading.findings.counts}
    assert crlf == {name for name in names if "dos" in name}
    suspected = {name for name, reading in readings.items() if "phred64_suspected" in reading.findings.counts}
    phred64 = {name for name in names if "illumina" in name.split("/")[1] or "solexa" in name.split("/")[1]}
    # If the name of a file says that qualities were converted, the encoding after the conversion counts.
    phred64 = {name for name in phred64 if "as_sanger" not in name}
    phred64 |= {name for name in names if name.endswith(("_as_illumina.fastq", "_as_solexa.fastq"))}
    phred64 |= {"htslib_fastq/longline.fq"}  # qualities from character A on
    assert suspected == phred64 & readings.keys()


def test_the_figures_agree_with_pysam(names):
    pysam = pytest.importorskip("pysam", reason="pysam is the reference for the figures")
    for name, path in names.items():
        if name in EXPECTED or path.suffix not in (".fq", ".fastq", ".gz", ".bgz"):
            continue
        reads = [(r.sequence or "", r.get_quality_array() or []) for r in pysam.FastxFile(str(path))]
        bases = "".join(sequence for sequence, _ in reads).upper()
        scores = [score for _, quality in reads for score in quality]
        qc = read(path)[1].tally.report()
        assert qc["records"] == len(reads), name
        assert qc["bases"] == len(bases), name
        assert qc["base_counts"]["G"] == bases.count("G"), name
        assert qc["mean_quality"] == pytest.approx(sum(scores) / len(scores), abs=0.006), name
        assert qc["q30_fraction"] == pytest.approx(sum(s >= 30 for s in scores) / len(scores), abs=1e-4), name
        for position in (0, 10):
            column = [quality[position] for _, quality in reads if len(quality) > position]
            if column:
                assert qc["positions"]["quality"][position] == pytest.approx(sum(column) / len(column), abs=0.006)


def count_by_sequali(path) -> dict:
    """Return sequali's counts: (5, positions) of A C G T N, and (12, positions) of qualities, four scores in a row."""
    sequali = pytest.importorskip("sequali", reason="sequali is the second reference for the figures")
    metrics = sequali.QCMetrics()
    opened = gzip.open if path.suffix in (".gz", ".bgz") else open
    with opened(path, "rb") as stream:
        for records in sequali.FastqParser(stream):
            metrics.add_record_array(records)
    bases = np.array(metrics.base_count_table()).reshape(-1, sequali.NUMBER_OF_NUCS).T
    order = [sequali.A, sequali.C, sequali.G, sequali.T, sequali.N]
    qualities = np.array(metrics.phred_count_table()).reshape(-1, sequali.NUMBER_OF_PHREDS).T
    return {"reads": metrics.number_of_reads, "bases": bases[order], "qualities": qualities}


def test_the_figures_agree_with_sequali(names):
    compared = 0
    for name, path in names.items():
        reading = read(path)[1] if name not in EXPECTED else None
        if reading is None or reading.report()["layout"] != "four-line" or "crlf" in reading.findings.counts:
            continue  # sequali reads no other layout
        qc, expected = reading.tally.report(), count_by_sequali(path)
        reaching, shares = expected["bases"].sum(axis=0), qc["positions"]
        assert qc["records"] == expected["reads"], name
        assert qc["bases"] == expected["bases"].sum(), name
        if qc["ambiguous"] == 0:  # sequali counts IUPAC codes as N
            assert list(qc["base_counts"].values()) == expected["bases"].sum(axis=1).tolist(), name
            for row, base in enumerate("ACGTN"):
                share = expected["bases"][row] / np.maximum(reaching, 1)
                assert shares[base] == pytest.approx(share[: len(shares[base])].tolist(), abs=1e-4), name
        if qc["quality_encoding"]["name"] == "phred+33":
            over = expected["qualities"][5:].sum() / expected["qualities"].sum()
            assert qc["q20_fraction"] == pytest.approx(over, abs=1e-4), name
        compared += 1
    assert compared > 20
