"""The files of the upgrade test: the same bytes before and after the upgrade, so that results can be compared."""

from __future__ import annotations

import json
import random

from local import proteins
from tests.e2e.upgrade.trees import THRESHOLD

# Small enough to train in seconds. The model is that of proteins/, or has another name.
JOB = """
model = "cnn"
task = "ss3"
{name}
[data]
format = "flip"
sequences = "sequences.fasta"
labels = "sampled.fasta"
mask = "mask.fasta"
[train]
epochs = 2
tokens_per_batch = 1500
max_length = {longest}
learning_rate = 4e-3
[distribution]
profile = "single"
[instance]
type = "ml.m5.xlarge"
[gate]
min_q3 = 0.2
any_test = true
"""
STRUCTURE, OTHER = "", "made-up"


def _source(seed: int) -> random.Random:
    return random.Random(seed)


def _bases(source: random.Random, length: int) -> str:
    """Return bases with intervals of high and of low GC content, which a promoter model distinguishes."""
    bases = ""
    while len(bases) < length:
        gc = source.choice((0.35, 0.7))
        bases += "".join(source.choices("ACGT", ((1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2), k=100))
    return bases[:length]


def _wrapped(name: str, sequence: str) -> str:
    lines = (sequence[start : start + 80] for start in range(0, len(sequence), 80))
    return f">{name}\n" + "".join(f"{line}\n" for line in lines)


def mate(number: int) -> bytes:
    """Return the first or the second file of a pair, with 30 reads."""
    source = _source(number)
    reads = ((f"@e{n} {number}:N:0:ACGT", _bases(source, 120)) for n in range(30))
    return "".join(f"{name}\n{bases}\n+\n{'I' * len(bases)}\n" for name, bases in reads).encode()


def single() -> bytes:
    """Return reads without a mate."""
    return mate(1).replace(b" 1:N:0:ACGT", b"")


def broken() -> bytes:
    """Return reads in which one lacks a quality value."""
    return single().replace(b"I\n@e7\n", b"\n@e7\n")


def large() -> bytes:
    """Return reads above this lab's threshold for a Lambda."""
    body = b"".join(single().replace(b"@e", b"@%d:" % number) for number in range(10))
    assert len(body) > THRESHOLD
    return body


def contigs() -> bytes:
    source = _source(3)
    return "".join(_wrapped(f"c{n}", _bases(source, 1_200 + n)) for n in range(3)).encode()


def bare() -> bytes:
    """Return contigs without runs of N, which wait for a BED."""
    source = _source(4)
    return "".join(_wrapped(f"m{n}", _bases(source, 400)) for n in range(2)).encode()


def masks() -> bytes:
    """Return the BED of intervals to fill in `bare`."""
    return b"m0\t0\t6\nm0\t90\t96\nm1\t200\t203\nm1\t394\t400\n"


def gaps() -> bytes:
    """Return contigs with runs of N, which need no BED."""
    source = _source(5)
    return _wrapped("g", _bases(source, 200) + "N" * 6 + _bases(source, 200)).encode()


def residues() -> bytes:
    return proteins.encode_fasta(proteins.make_proteins(_source(6), {"new": 5}))


def training(name: str = OTHER, longest: int = 256) -> dict[str, bytes]:
    """Return the files of a training; job.toml is the last.

    All proteins are shorter than `longest`, so another value gives another training with the same outcome.
    """
    job = JOB.format(name=f'name = "{name}"' if name else "", longest=longest)
    return proteins.encode_data_set(proteins.make_proteins(_source(7), {"train": 24, "validation": 6, "test": 6}), job)


def manifest(**sizes: int) -> bytes:
    """Return the manifest of a run, from the sizes of its files in bytes."""
    return json.dumps({"files": [{"name": name, "size": size} for name, size in sizes.items()]}).encode()
