"""Predictions of the pipeline compared, window by window, with direct calls of Hugging Face's own model."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

import gffutils
import pyarrow.parquet
import pytest

from tests.unit.results import formats

if TYPE_CHECKING:
    from pathlib import Path

COMPLEMENT = str.maketrans("ACGT", "TGCA")
SAMPLE = 24  # windows that are compared


@pytest.fixture(scope="module")
def score(repository):
    """Return a function for the probability of the positive class, by a direct call of the model."""
    import torch
    from transformers import BertForSequenceClassification

    folder = repository / "model_code/dnabert/seeds/promoter-300"
    model = BertForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    ids = {token: number for number, token in enumerate((folder / "vocab.txt").read_text().split())}

    def probability(bases: str) -> float:
        kmers = [bases[place : place + 6] for place in range(len(bases) - 5)]
        tokens = [ids["[CLS]"], *(ids[kmer] for kmer in kmers), ids["[SEP]"]]
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([tokens])).logits[0]
        return torch.softmax(logits, -1)[1].item()

    probability.ids, probability.model = ids, model
    return probability


def read_fasta(text: str) -> dict[str, str]:
    records = [entry.split("\n", 1) for entry in text.split(">")[1:]]
    return {header.split()[0]: body.replace("\n", "").upper() for header, body in records}


def place_windows(length: int, window: int = 300, stride: int = 150) -> list[tuple[int, int]]:
    starts = list(range(0, length - window + 1, stride))
    if starts[-1] + window < length:
        starts.append(length - window)
    return [(start, start + window) for start in starts]


def assert_predicted(pipeline, score, key: str, text: str):
    (upload,) = pipeline.wait_for_end(pipeline.put(key, text.encode()))
    assert upload.state == "ARCHIVED", upload.detail
    body = pipeline.s3.get_object(
        Bucket=pipeline.stack.results, Key=f"results/contigs/{upload.upload_id}/predictions.jsonl"
    )["Body"]
    rows = [json.loads(line) for line in body.iter_lines()]
    records = read_fasta(text)
    for name, sequence in records.items():
        for strand in "+-":
            windows = [(row["start"], row["end"]) for row in rows if (row["record"], row["strand"]) == (name, strand)]
            assert windows == place_windows(len(sequence))
    scored = [row for row in rows if "probability" in row]
    assert len(scored) == len(rows)
    for row in random.Random(1).sample(scored, SAMPLE):
        bases = records[row["record"]][row["start"] : row["end"]]
        bases = bases if row["strand"] == "+" else bases.translate(COMPLEMENT)[::-1]
        assert row["probability"] == pytest.approx(score(bases), abs=2e-3), row
    return upload


@pytest.fixture
def import_results(s3, stack, tmp_path):
    """Return a function that downloads all results of an upload to a folder."""

    def download(upload, analysis: str) -> Path:
        prefix = f"results/{analysis}/{upload.upload_id}/"
        for item in s3.list_objects_v2(Bucket=stack.results, Prefix=prefix)["Contents"]:
            s3.download_file(stack.results, item["Key"], str(tmp_path / item["Key"].removeprefix(prefix)))
        return tmp_path

    return download


def assert_files_agree(folder: Path, lengths: dict[str, int]) -> None:
    """Assert that each file can be read by its usual reader, and that all files agree."""
    rows = [json.loads(line) for line in (folder / "predictions.jsonl").read_text().splitlines()]
    table = pyarrow.parquet.read_table(folder / "predictions.parquet").to_pylist()
    places = ("record", "start", "end", "strand", "probability", "calibrated", "call", "not_scored")
    assert [[row[name] for name in places] for row in table] == [[row.get(name) for name in places] for row in rows]
    beds, gffs = formats.read_bed(folder / "calls.bed"), formats.read_gff3(folder / "calls.gff3")
    assert [{**row, "start": row["start"] + 1} for row in beds] == gffs
    features = list(gffutils.DataIterator(str(folder / "calls.gff3")))  # a file without features raises an error
    calls = [feature for feature in features if feature.featuretype != "region"]
    assert [(feature.seqid, feature.start, feature.end) for feature in calls] == [
        (g["seqid"], g["start"], g["end"]) for g in gffs
    ]
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["calls"]["kept"] == len(beds)
    assert summary["calls"]["kept_per_kb"] == pytest.approx(len(beds) / summary["calls"]["scored_kb"], abs=1e-6)
    assert {*summary["files"], "summary.json"} == {path.name for path in folder.iterdir()} - {"index.html"}
    assert summary["expected_false_calls"]["share_of_windows"]["intron"] > 0
    pybigwig = pytest.importorskip("pyBigWig")
    for strand, word in (("+", "plus"), ("-", "minus")):
        with pybigwig.open(str(folder / f"track.{word}.bw")) as track:
            assert track.chroms() == lengths
            scored = [row for row in rows if row["strand"] == strand and "call" in row]
            for row in random.Random(2).sample(scored, SAMPLE):
                features = track.values(row["record"], row["start"], row["end"])
                assert min(features) >= row["calibrated"] * (1 - 1e-5)


def test_both_strands_of_a_random_genome_are_predicted(pipeline, score, import_results):
    generator = random.Random(7)
    text = "".join(f">chr{n} made up\n{''.join(generator.choices('ACGT', k=9_777 + n))}\n" for n in (1, 2))
    upload = assert_predicted(pipeline, score, "contigs/made up.fasta", text)
    assert_files_agree(import_results(upload, "contigs"), {"chr1": 9_778, "chr2": 9_779})


@pytest.mark.long
def test_records_of_all_lengths_with_gaps_are_predicted(put, wait_for_end, import_results):
    """Records of one base to one megabase, in upper and lower case, with runs of N."""
    generator = random.Random(11)
    lengths = {"z1": 1, "a299": 299, "m300": 300, "b1mb": 1_000_000, "gap": 2_000, "all_n": 700}
    records = {name: "".join(generator.choices("ACGTacgt", k=length)) for name, length in lengths.items()}
    records["gap"] = records["gap"][:600] + "N" * 900 + records["gap"][1500:]
    records["b1mb"] = records["b1mb"][:30_000] + "N" * 940_000 + records["b1mb"][-30_000:]  # as in assemblies
    records["all_n"] = "n" * 700
    text = "".join(f">{name}\n{sequence}\n" for name, sequence in records.items())
    (upload,) = wait_for_end(put("contigs/all lengths.fa", text.encode()))
    assert upload.state == "ARCHIVED", upload.detail
    folder = import_results(upload, "contigs")
    assert_files_agree(folder, {name: lengths[name] for name in ("m300", "b1mb", "gap")})
    for word in ("plus", "minus"):
        lines = [line for line in formats.read_bedgraph(folder / f"track.{word}.bedgraph") if line[0] == "gap"]
        # Windows with more than 10 % N have no value, and no other window reaches the middle of the gap.
        assert {start < 630 or start >= 1470 for _, start, _, _ in lines} == {True}


def test_embeddings_are_the_encoders_mean(put, wait_for_end, score, import_results):
    import torch

    generator = random.Random(3)
    records = {f"r{n}": "".join(generator.choices("ACGT", k=300 * n)) for n in (1, 2)} | {"short": "ACGT"}
    text = "".join(f">{name}\n{sequence}\n" for name, sequence in records.items())
    (upload,) = wait_for_end(put("embed/three.fa", text.encode()))
    assert upload.state == "ARCHIVED", upload.detail
    rows = pyarrow.parquet.read_table(import_results(upload, "embed") / "embeddings.parquet").to_pylist()
    assert [(row["record"], row["start"]) for row in rows] == [("r1", 0), ("r2", 0), ("r2", 300), ("short", 0)]
    assert (rows[3]["embedding"], rows[3]["not_scored"]) == (None, "shorter_than_window")
    for row in rows[:3]:
        bases = records[row["record"]][row["start"] : row["end"]]
        tokens = [
            score.ids[token]
            for token in ("[CLS]", *(bases[position : position + 6] for position in range(295)), "[SEP]")
        ]
        with torch.inference_mode():
            hidden = score.model.bert(input_ids=torch.tensor([tokens])).last_hidden_state[0, 1:-1]
        assert row["embedding"] == pytest.approx(hidden.mean(0).tolist(), abs=2e-2)


def test_both_strands_of_real_human_dna_are_predicted(pipeline, score, shared_data, import_results):
    text = (shared_data / "genomes/chr17.hg19.part.fa").read_text()
    upload = assert_predicted(pipeline, score, "contigs/chr17.hg19.part.fa", text)
    lengths = {name: len(sequence) for name, sequence in read_fasta(text).items()}
    assert_files_agree(import_results(upload, "contigs"), lengths)


def test_real_files_reach_their_expected_states(put, wait_for_end, shared_data):
    """Files from the test suites of other tools, valid and invalid ones."""
    good = [
        "htslib_fastq/r1.fq",
        "htslib_fastq/multiline.fq",
        "biopython/tricky.fastq",
        "biopython/example_dos.fastq.bgz",
    ]
    bad = sorted(path.relative_to(shared_data / "fastq") for path in shared_data.glob("fastq/biopython/error_*.fastq"))
    assert len(bad) == 22
    drops = {f"raw/real/{name}": (shared_data / "fastq" / name).read_bytes() for name in [*good, *map(str, bad)]}
    states = {upload.key: upload.state for upload in wait_for_end(*[put(key, body) for key, body in drops.items()])}
    assert states == {
        **{f"raw/real/{name}": "ARCHIVED" for name in good},
        **{f"raw/real/{name}": "REJECTED" for name in map(str, bad)},
    }
