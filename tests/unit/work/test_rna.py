"""U is T: both spellings of a file give the same work items, and masked items say which records are RNA."""

import gzip
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.companions.bed_masks import BedMasks
from seqdrop.kinds.plans import packaged
from seqdrop.reads.bed import read_bed
from seqdrop.reads.records import Record, as_dna
from seqdrop.work.items import is_rna, true_end
from seqdrop.work.reading_pass import ReadingPass, make_reading

ANALYSES = packaged().by_name
dna = st.text("ACGTacgtNnRYSWKMBDHV", min_size=1, max_size=400)


def as_rna(text: str) -> str:
    return text.translate(str.maketrans("Tt", "Uu"))


def fasta(sequences: list[str]) -> bytes:
    return "".join(f">r{number}\n{text}\n" for number, text in enumerate(sequences)).encode()


def fastq(sequences: list[str]) -> bytes:
    reads = (f"@r{number}\n{text}\n+\n{'I' * len(text)}\n" for number, text in enumerate(sequences))
    return "".join(reads).encode()


def items_of(body: bytes, analysis: str, bed: str = "") -> list[dict]:
    masks = BedMasks("BED", read_bed(io.BytesIO(bed.encode()))) if bed else None
    reading = make_reading(io.BytesIO(body), "", ANALYSES[analysis])
    return [json.loads(line) for line in ReadingPass("U", reading, ANALYSES[analysis], masks).items()]


@given(st.lists(dna, min_size=1, max_size=4), st.sampled_from(["contigs", "embed"]))
def test_both_spellings_of_a_fasta_have_the_same_items(texts, analysis):
    assert items_of(fasta([as_rna(text) for text in texts]), analysis) == items_of(fasta(texts), analysis)


@given(st.lists(dna, min_size=1, max_size=4), st.booleans())
def test_both_spellings_of_a_fastq_have_the_same_items(texts, packed):
    body = fastq([as_rna(text) for text in texts])
    assert items_of(gzip.compress(body) if packed else body, "reads") == items_of(fastq(texts), "reads")


@given(st.lists(dna, min_size=1, max_size=4))
def test_both_spellings_have_the_same_masked_items_but_for_the_mark_in_the_id(texts):
    texts = [f"{text}NNACGT" for text in texts]
    ours, theirs = items_of(fasta([as_rna(text) for text in texts]), "masked"), items_of(fasta(texts), "masked")
    for rna, other in zip(ours, theirs, strict=True):
        assert {**rna, "id": ""} == {**other, "id": ""}
        end = rna["masks"][0][1]
        assert true_end(rna["id"], end) == true_end(other["id"], end)
        assert rna["id"].startswith(":".join(other["id"].split(":")[:3]))
        assert (is_rna(rna["id"]), is_rna(other["id"])) == (True, False)


@pytest.mark.parametrize(
    ("text", "spelled", "rna"),
    [
        ("ACGU", "ACGT", True),
        ("acgu", "acgt", True),
        ("acgUNNrY", "acgTNNrY", True),
        ("ACGT", "ACGT", False),
        ("ACGUT", "ACGTT", False),
        ("ACGUt", "ACGTt", False),
        ("ACGNN", "ACGNN", False),
        ("", "", False),
    ],
)
def test_a_record_is_rna_if_it_has_u_and_no_t(text, spelled, rna):
    record = as_dna(Record(3, "r", text.encode(), b"I" * len(text)))
    assert record == Record(3, "r", spelled.encode(), b"I" * len(text), rna)


def test_records_of_a_mixed_file_are_marked_one_by_one():
    items = items_of(fasta(["ACGUNACG", "ACGTNACG", "ACGUNACT"]), "masked")
    assert [item["sequence"] for item in items] == ["ACGTNACG", "ACGTNACG", "ACGTNACT"]
    assert [item["id"] for item in items] == ["U:1:4:1:5:rna", "U:2:4", "U:3:4"]


def test_a_cut_off_interval_of_rna_keeps_its_end_and_its_mark():
    (item,) = items_of(fasta(["ACGU" + "N" * 1000 + "C"]), "masked")
    assert item["id"] == "U:1:4:1:1004:rna"
    assert true_end(item["id"], item["masks"][0][1]) == 1004


def test_a_record_is_rna_even_if_a_bed_covers_its_only_u():
    (item,) = items_of(fasta(["ACGUACGACGG"]), "masked", "r0\t3\t4\n")
    assert (item["sequence"], item["id"]) == ("ACGNACGACGG", "U:1:3:1:4:rna")


def test_reads_that_differ_only_in_u_and_t_are_identical(monkeypatch):
    from dataclasses import replace

    reads = ANALYSES["reads"]
    monkeypatch.setitem(ANALYSES, "reads", replace(reads, settings=replace(reads.settings, collapse=True)))
    (item,) = items_of(fastq(["ACGT" * 20, "ACGU" * 20, "acgu" * 20]), "reads")
    assert item == {"id": "U:1:0:3", "record": "r0", "start": 0, "sequence": "ACGT" * 20}


def test_the_u_of_proteins_stays_selenocysteine():
    (item,) = items_of(b">p\nMKUVTLLWQEE\n", "proteins")
    assert item["sequence"] == "MKUVTLLWQEE"
