"""The files of the upgrade test: the same bytes before and after the upgrade, so that results can be compared."""

from __future__ import annotations

import json
import random

from local import proteins
from tests.e2e.upgrade.trees import THRESHOLD

# A training that takes seconds. `name` is empty for the model of proteins/, or names another model.
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


def _make_generator(seed: int) -> random.Random:
    return random.Random(seed)


def _make_bases(source: random.Random, length: int) -> str:
    """Return runs of 100 bases of high or low GC content, which a promoter model can distinguish."""
    bases = ""
    while len(bases) < length:
        gc = source.choice((0.35, 0.7))
        bases += "".join(source.choices("ACGT", ((1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2), k=100))
    return bases[:length]


def _encode_record(name: str, sequence: str) -> str:
    lines = (sequence[start : start + 80] for start in range(0, len(sequence), 80))
    return f">{name}\n" + "".join(f"{line}\n" for line in lines)


def make_mate(number: int) -> bytes:
    """Return the first or the second file of a pair, with 30 reads."""
    source = _make_generator(number)
    reads = ((f"@e{n} {number}:N:0:ACGT", _make_bases(source, 120)) for n in range(30))
    return "".join(f"{name}\n{bases}\n+\n{'I' * len(bases)}\n" for name, bases in reads).encode()


def make_single_reads() -> bytes:
    """Return reads without a mate."""
    return make_mate(1).replace(b" 1:N:0:ACGT", b"")


def make_broken_reads() -> bytes:
    """Return reads, one of them without its last quality value."""
    return make_single_reads().replace(b"I\n@e7\n", b"\n@e7\n")


def make_large_reads() -> bytes:
    """Return reads above this lab's threshold for a Lambda."""
    body = b"".join(make_single_reads().replace(b"@e", b"@%d:" % number) for number in range(10))
    assert len(body) > THRESHOLD
    return body


def make_contigs() -> bytes:
    source = _make_generator(3)
    return "".join(_encode_record(f"c{n}", _make_bases(source, 1_200 + n)) for n in range(3)).encode()


def make_unmasked_contigs() -> bytes:
    """Return contigs without runs of N; they wait for a BED."""
    source = _make_generator(4)
    return "".join(_encode_record(f"m{n}", _make_bases(source, 400)) for n in range(2)).encode()


def make_bed() -> bytes:
    """Return the BED of intervals to fill in `make_unmasked_contigs`."""
    return b"m0\t0\t6\nm0\t90\t96\nm1\t200\t203\nm1\t394\t400\n"


def make_gapped_contigs() -> bytes:
    """Return contigs with runs of N; they need no BED."""
    source = _make_generator(5)
    return _encode_record("g", _make_bases(source, 200) + "N" * 6 + _make_bases(source, 200)).encode()


def make_protein_fasta() -> bytes:
    return proteins.encode_fasta(proteins.make_proteins(_make_generator(6), {"new": 5}))


def make_training_files(name: str = OTHER, longest: int = 256) -> dict[str, bytes]:
    """Return the files of a training; job.toml is the last.

    All proteins have fewer residues than `longest`, so another value gives another training with the same outcome.
    """
    job = JOB.format(name=f'name = "{name}"' if name else "", longest=longest)
    return proteins.encode_data_set(
        proteins.make_proteins(_make_generator(7), {"train": 24, "validation": 6, "test": 6}), job
    )


def make_manifest(**sizes: int) -> bytes:
    """Return the manifest of a run, from the sizes of its files in bytes."""
    return json.dumps({"files": [{"name": name, "size": size} for name, size in sizes.items()]}).encode()
