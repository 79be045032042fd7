"""U is counted as T, and the report says whether a file is RNA, with the kernel and with numpy, in FASTQ and FASTA."""

import contextlib
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqdrop.errors import InvalidFileError
from seqdrop.reads import kernel
from seqdrop.reads.check import Bounds, Reading
from seqdrop.reads.findings import Policy

from tests.support.examples import share

NEW = ("alphabet", "uracil")
EVERY_BASE = "ACGUTNacgutnRYSWKMBDHV"
alphabets = st.sampled_from(["ACGU", "ACGUN", "ACGUacgu", "acgu", "ACGT", "U", "u", "ACGUT", "ACGtuN", EVERY_BASE])
sequences = alphabets.flatmap(
    lambda bases: st.lists(
        st.text(bases, max_size=80)
        | st.builds(lambda text, n: text * n, st.text(bases, max_size=9), st.integers(0, 200)),
        min_size=1,
        max_size=12,
    )
)


def as_dna(text: str) -> str:
    return text.translate(str.maketrans("Uu", "Tt"))


def fastq(texts: list[str]) -> bytes:
    return "".join(f"@r{n}\n{text}\n+\n{'I' * len(text)}\n" for n, text in enumerate(texts)).encode()


def fasta(texts: list[str]) -> bytes:
    return "".join(f">r{n}\n{text}\n" for n, text in enumerate(texts)).encode()


def read(body: bytes, block: int = 2048, severity: dict[str, str] | None = None) -> dict:
    reading = Reading(io.BytesIO(body), ["fastq", "fasta"], policy=Policy(severity), bounds=Bounds(block))
    with contextlib.suppress(InvalidFileError):
        reading.run()
    return reading.report()


@pytest.mark.parametrize("by_kernel", [True, False])
@pytest.mark.parametrize("spell", [fastq, fasta])
@settings(deadline=None, max_examples=share(60))
@given(texts=sequences, block=st.sampled_from([1 << 14, 1 << 16]))
def test_both_spellings_have_the_same_figures(spell, by_kernel, texts, block):
    with pytest.MonkeyPatch.context() as patch:
        if not by_kernel:
            patch.setattr(kernel, "lib", None)
        report, expected = read(spell(texts), block), read(spell([as_dna(text) for text in texts]), block)
    qc, text = report["qc"], "".join(texts)
    assert {**qc, "alphabet": "", "uracil": 0} == {**expected["qc"], "alphabet": "", "uracil": 0}
    uracil, thymine = text.upper().count("U"), text.upper().count("T")
    assert qc["uracil"] == uracil
    assert qc["alphabet"] == ("dna" if not uracil else "mixed" if thymine else "rna")
    assert report["valid"] == expected["valid"]
    counts = {code: number for code, number in report["counts"].items() if code != "mixed_u_and_t"}
    assert counts == expected["counts"]
    assert report["counts"].get("mixed_u_and_t", 0) == (qc["alphabet"] == "mixed")


@pytest.mark.skipif(kernel.lib is None, reason="the C kernel is not built here (`make kernel`)")
@settings(deadline=None)
@given(texts=sequences, end=st.sampled_from(["\n", "\r\n"]))
def test_the_kernel_and_numpy_count_the_same(texts, end):
    body = fastq(texts).replace(b"\n", end.encode())
    with pytest.MonkeyPatch.context() as patch:
        first = read(body)
        patch.setattr(kernel, "lib", None)
        assert read(body) == first


@pytest.mark.parametrize("body", [fastq(["ACGU", "ACGT"]), fasta(["ACGU", "ACGT"]), fastq(["ACuT"]), fasta(["ACUt"])])
def test_a_file_with_u_and_t_has_a_warning_whose_severity_a_policy_may_change(body):
    report = read(body)
    (warning,) = report["warnings"]
    assert (warning["code"], warning["message"]) == (
        "mixed_u_and_t",
        f"the sequences have 1 U and {report['qc']['base_counts']['T'] - 1} T",
    )
    assert report["valid"]
    assert not read(body, severity={"mixed_u_and_t": "error"})["valid"]
    assert not read(body, severity={"mixed_u_and_t": "ignore"})["warnings"]


@pytest.mark.parametrize("body", [fastq(["ACGU"]), fasta(["acgu", "ACGN"]), fastq(["ACG"]), fasta(["ACGT"])])
def test_a_file_with_one_of_the_letters_has_no_warning(body):
    assert read(body)["warnings"] == []


def test_a_wrapped_fastq_of_rna_is_counted():
    qc = read(b"@a\nACGU\nUUuN\n+\nIIII\nIIII\n")["qc"]
    assert (qc["alphabet"], qc["uracil"], qc["base_counts"]["T"], qc["lower_case"]) == ("rna", 4, 4, 1)


def test_mates_of_stored_digests_have_the_same_fingerprint():
    """Versions up to 0.2.0 stored fingerprints without the new figures."""
    from seqdrop.reads.check import NOT_IN_FINGERPRINT

    assert set(NEW) <= set(NOT_IN_FINGERPRINT)


def test_the_u_of_a_protein_is_a_residue():
    reading = Reading(io.BytesIO(b">p\nMKUVTLLWQEE\n"), ["fasta"], alphabet="protein")
    reading.run()
    qc = reading.report()["qc"]
    assert (qc["alphabet"], qc["uracil"], qc["residue_counts"]["U"]) == ("protein", None, 1)
