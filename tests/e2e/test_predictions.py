"""Predictions are checked against a second way of making them: Hugging Face's own tokenizer and model, one by one."""

from __future__ import annotations

import json
import random

import pytest

COMPLEMENT = str.maketrans("ACGT", "TGCA")
SAMPLE = 24  # windows that are scored a second time


@pytest.fixture(scope="module")
def score(repository):
    """Probability of the positive class for one string of bases, the slow and plain way."""
    import torch
    from transformers import BertForSequenceClassification

    folder = repository / "model_code/dnabert/seeds/promoter-300"
    model = BertForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    ids = {token: number for number, token in enumerate((folder / "vocab.txt").read_text().split())}

    def one(bases: str) -> float:
        kmers = [bases[place : place + 6] for place in range(len(bases) - 5)]
        tokens = [ids["[CLS]"], *(ids[kmer] for kmer in kmers), ids["[SEP]"]]
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([tokens])).logits[0]
        return torch.softmax(logits, -1)[1].item()

    return one


def read_fasta(text: str) -> dict[str, str]:
    records = [entry.split("\n", 1) for entry in text.split(">")[1:]]
    return {header.split()[0]: body.replace("\n", "").upper() for header, body in records}


def expected_windows(length: int, window: int = 300, stride: int = 150) -> list[tuple[int, int]]:
    starts = list(range(0, length - window + 1, stride))
    if starts[-1] + window < length:
        starts.append(length - window)
    return [(start, start + window) for start in starts]


def check(text: str, put, end, s3, stack, score, key: str) -> None:
    (one,) = end(put(key, text.encode()))
    assert one.state == "ARCHIVED", one.detail
    body = s3.get_object(Bucket=stack.results, Key=f"results/contigs/{one.upload_id}/predictions.jsonl")["Body"]
    rows = [json.loads(line) for line in body.iter_lines()]
    records = read_fasta(text)
    for name, sequence in records.items():
        for strand in "+-":
            found = [(row["start"], row["end"]) for row in rows if (row["record"], row["strand"]) == (name, strand)]
            assert found == expected_windows(len(sequence))
    scored = [row for row in rows if "probability" in row]
    assert len(scored) == len(rows)
    for row in random.Random(1).sample(scored, SAMPLE):
        bases = records[row["record"]][row["start"] : row["end"]]
        bases = bases if row["strand"] == "+" else bases.translate(COMPLEMENT)[::-1]
        assert row["probability"] == pytest.approx(score(bases), abs=2e-3), row


def test_both_strands_of_a_made_up_genome(put, end, s3, stack, score):
    source = random.Random(7)
    text = "".join(f">chr{n} made up\n{''.join(source.choices('ACGT', k=9_777 + n))}\n" for n in (1, 2))
    check(text, put, end, s3, stack, score, "contigs/made up.fasta")


def test_both_strands_of_real_human_dna(put, end, s3, stack, score, shared_data):
    text = (shared_data / "genomes/chr17.hg19.part.fa").read_text()
    check(text, put, end, s3, stack, score, "contigs/chr17.hg19.part.fa")


def test_real_reads_end_where_they_should(put, end, shared_data):
    """Files that the field's own test suites hold as good and as bad."""
    good = [
        "htslib_fastq/r1.fq",
        "htslib_fastq/multiline.fq",
        "biopython/tricky.fastq",
        "biopython/example_dos.fastq.bgz",
    ]
    bad = sorted(path.relative_to(shared_data / "fastq") for path in shared_data.glob("fastq/biopython/error_*.fastq"))
    assert len(bad) == 22
    drops = {f"raw/real/{name}": (shared_data / "fastq" / name).read_bytes() for name in [*good, *map(str, bad)]}
    ended = {one.key: one.state for one in end(*[put(key, body) for key, body in drops.items()])}
    assert ended == {
        **{f"raw/real/{name}": "ARCHIVED" for name in good},
        **{f"raw/real/{name}": "REJECTED" for name in map(str, bad)},
    }
