"""The sample files of the demo, from a seed: a read pair, an assembly, a raw file, a broken file, a training set.

Their sequences are random with GC-rich intervals; a prediction for them has no scientific meaning.
"""

from __future__ import annotations

import gzip
import random
from typing import TYPE_CHECKING

from local import proteins

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEED = 20261123
READS = 400
READ_LENGTH = 100
# GC shares of the intervals that a sequence consists of, so that a promoter model sees differences.
GC_SHARES = (0.35, 0.45, 0.70)
# The training of the demo: a small network on artificial proteins, sharded over two processes.
TRAINING = """\
model = "cnn"
task = "ss3"

[data]
format = "flip"
sequences = "sequences.fasta"
labels = "sampled.fasta"
mask = "mask.fasta"

[train]
epochs = 3
learning_rate = 4e-3
tokens_per_batch = 1500
max_length = 256

[distribution]
profile = "fsdp"
processes_per_host = 2

[instance]
type = "ml.m5.xlarge"

[gate]
min_q3 = 0.70
"""
JOB_KEY = "training/demo/job.toml"
PROTEINS = "proteins/made up.fasta"
"""The file for which the trained model makes predictions."""


def write_samples(folder: Path, seed: int = SEED) -> list[Path]:
    """Write the sample files below `folder`, with the layout of the landing bucket, and return their paths.

    The same seed gives the same bytes.
    """
    source = random.Random(seed)
    genome = make_dna(source, 20_000)
    files = {
        "reads/run1/S1_L001_R1_001.fastq.gz": pack(make_fastq(source, genome, mate=1)),
        "reads/run1/S1_L001_R2_001.fastq.gz": pack(make_fastq(source, genome, mate=2)),
        "reads/run1/S2_L001_R1_001.fastq": _broken(make_fastq(source, genome, mate=1)),
        "contigs/assembly 1.fasta": _fasta(genome),
        "raw/run1/S3_L001_R1_001.fastq.gz": pack(make_fastq(source, genome, mate=1)),
    }
    data_set = proteins.encode_data_set(proteins.make_proteins(source), TRAINING)
    files |= {f"training/demo/{name}": body for name, body in data_set.items()}
    files[PROTEINS] = proteins.encode_fasta(proteins.make_proteins(source, {"new": 20}))
    for name, body in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return [folder / name for name in files]


def make_dna(source: random.Random, length: int) -> str:
    """Return random bases with intervals of different GC shares."""
    parts: list[str] = []
    while sum(map(len, parts)) < length:
        gc = source.choice(GC_SHARES)
        weights = [(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2]
        parts.append("".join(source.choices("ACGT", weights, k=500)))
    return "".join(parts)[:length]


def make_fastq(source: random.Random, genome: str, mate: int) -> bytes:
    """Return READS reads from random positions of a genome, as FASTQ; `mate` is 1 or 2."""
    return "".join(_read(source, genome, number, mate) for number in range(1, READS + 1)).encode()


def _read(source: random.Random, genome: str, number: int, mate: int) -> str:
    start = source.randrange(len(genome) - READ_LENGTH)
    bases = list(genome[start : start + READ_LENGTH])
    qualities = [min(41, max(2, round(source.gauss(37 - place / 20, 3)))) for place in range(READ_LENGTH)]
    for place, quality in enumerate(qualities):
        if quality < 10:
            bases[place] = "N"
    name = f"SEQDROP:1:DEMO:1:1101:{1000 + number}:{2000 + number} {mate}:N:0:ACGTACGT"
    return f"@{name}\n{''.join(bases)}\n+\n{''.join(chr(33 + q) for q in qualities)}\n"


def _fasta(genome: str) -> bytes:
    gap = genome[:9_000] + "N" * 600 + genome[9_000:]
    contigs = {
        "contig_1 with a gap": gap,
        "contig_2 soft-masked": genome[500:4_000].lower(),
        "contig_3": genome[:200],
    }
    return "".join(f">{name}\n{_wrap(sequence)}" for name, sequence in contigs.items()).encode()


def _wrap(sequence: str, width: int = 70) -> str:
    return "".join(f"{line}\n" for line in _pieces(sequence, width))


def _pieces(text: str, width: int) -> Iterator[str]:
    return (text[start : start + width] for start in range(0, len(text), width))


def _broken(fastq: bytes) -> bytes:
    """Remove one quality of record 37, as a bad disk or an interrupted transfer might."""
    lines = fastq.split(b"\n")
    lines[4 * 36 + 3] = lines[4 * 36 + 3][:-1]
    return b"\n".join(lines)


def pack(body: bytes) -> bytes:
    """Return a gzip file that always has the same bytes."""
    return gzip.compress(body, mtime=0)
