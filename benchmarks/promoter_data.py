"""Training and held-out sets for the seed models, from the public files of the data folder.

Sequences are held out by gene: a hash of the gene's name selects its part. A training sequence that shares a 30-mer, on
either strand, with any held-out sequence is dropped. So no promoter, exon or overlapping neighbour is in both the
training set and a held-out set.
"""

from __future__ import annotations

import csv
import hashlib
import itertools
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "model_code"))  # for common/
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "model_code" / "dnabert"))

from typing import TYPE_CHECKING

from tokens import OTHER, encode_bases, reverse_complement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PROBE = 30
"""Bases that two sequences must share to count as overlapping."""
CORE = slice(215, 285)
"""GUE's 70 bp core promoter, -34..+35, within EPDnew's -249..+50."""


@dataclass(frozen=True)
class Labelled:
    """A sequence, its label (1 promoter, 0 not), and the name of its source."""

    sequence: str
    label: int
    source: str


@dataclass
class Split:
    """The training set, the validation set on which the recipe was chosen, and the test sets by name."""

    train: list[Labelled] = field(default_factory=list)
    validation: list[Labelled] = field(default_factory=list)
    tests: dict[str, list[Labelled]] = field(default_factory=dict)
    dropped: int = 0
    """Training sequences left out because they overlap a held-out one."""


def part_of(gene: str) -> str:
    """Return the part of a gene: test (a fifth of all genes), validation (a tenth) or train."""
    tenth = hashlib.sha256(gene.encode()).digest()[0] % 10
    return {0: "test", 1: "test", 2: "validation"}.get(tenth, "train")


def read_fasta(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (header, sequence in upper case) of each record."""
    for record in path.read_text().split(">")[1:]:
        header, _, body = record.partition("\n")
        yield header, body.replace("\n", "").upper()


def read_gue(path: Path, source: str) -> list[Labelled]:
    """Return the sequences of a GUE file: a CSV with a header line, sequence and label."""
    with path.open(newline="") as handle:
        return [Labelled(sequence, int(label), source) for sequence, label in list(csv.reader(handle))[1:]]


def real_promoters(folder: Path) -> Iterator[tuple[str, Labelled]]:
    """Yield (part, sequence of 300 bp) of EPDnew; all promoters of a gene are in one part."""
    for name in ("human_TATA.fa", "human_promoters_chr1.fa"):
        for header, sequence in read_fasta(folder / name):
            yield part_of(header.split()[1].rsplit("_", 1)[0]), Labelled(sequence, 1, "epdnew")


def real_negatives(folder: Path, length: int, train_step: int) -> Iterator[tuple[str, Labelled]]:
    """Yield (part, sequence) of introns and coding sequence, by gene.

    The files contain introns and coding sequences as consecutive records of 300 bp. Records of one name are joined and
    cut again, end to end for the held-out parts and every `train_step` bases for training.
    """
    for kind in ("intron", "cds"):
        parts = read_fasta(folder / f"bdgp_human_{kind}.300.fa")
        for header, run in itertools.groupby(parts, key=lambda record: record[0]):
            part, whole = part_of(header.split()[0]), "".join(sequence for _, sequence in run)
            for start in range(0, len(whole) - length + 1, train_step if part == "train" else length):
                yield part, Labelled(whole[start : start + length], 0, kind)


def other_strand(item: Labelled) -> Labelled:
    """Return the reverse complement of a sequence."""
    codes = reverse_complement(encode_bases(item.sequence.encode()))
    return Labelled("".join("ACGTN"[code] for code in codes), item.label, item.source)


# ---------------------------------------------------------------- overlap


def probes(sequences: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return all unambiguous 30-mers as 60-bit numbers, equal for both strands, and the index of their sequence."""
    joined = [encode_bases(sequence.encode() + b"N") for sequence in sequences]
    owner = np.repeat(np.arange(len(joined)), [len(codes) for codes in joined])
    codes = np.concatenate(joined).astype(np.uint64)
    count = len(codes) - PROBE + 1
    forward, backward, ambiguous = (
        np.zeros(count, np.uint64),
        np.zeros(count, np.uint64),
        np.zeros(count, bool),
    )
    for i in range(PROBE):
        base = codes[i : i + count]
        ambiguous |= base == OTHER
        forward = (forward << np.uint64(2)) | (base & np.uint64(3))
        backward |= (np.uint64(3) - (base & np.uint64(3))) << np.uint64(2 * i)
    return np.minimum(forward, backward)[~ambiguous], owner[:count][~ambiguous]


def drop_overlapping(items: list[Labelled], held_out: list[Labelled]) -> list[Labelled]:
    """Return the items that share no 30-mer with a held-out sequence, without duplicates."""
    items = list({item.sequence: item for item in items}.values())
    known = np.unique(probes(item.sequence for item in held_out)[0])
    numbers, owner = probes(item.sequence for item in items)
    overlapping = set(owner[np.isin(numbers, known)].tolist())
    return [item for i, item in enumerate(items) if i not in overlapping]


def finish_split(split: Split, candidates: list[Labelled]) -> Split:
    """Drop overlaps from a split, set its training set to the candidates that are left, and return it.

    Validation sequences must not overlap a test set; candidates must overlap neither a test set nor the validation set.
    """
    tests = [item for items in split.tests.values() for item in items]
    split.validation = drop_overlapping(split.validation, tests)
    split.train = drop_overlapping(candidates, tests + split.validation)
    split.dropped = len({item.sequence for item in candidates}) - len(split.train)
    return split


# ---------------------------------------------------------------- the data sets


def promoters_300(data: Path) -> Split:
    """Return the set of 300 bp: EPDnew, GUE's smaller sets, real introns and coding sequence."""
    gue, real = data / "promoters" / "gue", data / "promoters" / "real_negatives"
    split, candidates = Split(), []
    split.tests = {"gue": read_gue(gue / "prom_300_all" / "test.csv", "gue"), "real": []}
    into = {"test": split.tests["real"], "validation": split.validation, "train": candidates}
    for part, item in itertools.chain(real_promoters(real), real_negatives(real, 300, train_step=150)):
        into[part].append(item)
    candidates += [other_strand(item) for item in candidates if not item.label]
    candidates += read_gue(gue / "prom_300_tata" / "train.csv", "gue")
    candidates += read_gue(gue / "prom_300_all" / "dev.csv", "gue")
    for part in ("dev", "test"):  # further promoters; LPD holds out these parts, but they are used for training here
        promoters = read_gue(gue / "LPD_prom_300" / f"{part}.csv", "lpd")
        candidates += [item for item in promoters if item.label]
    return finish_split(split, candidates)


def promoters_70(data: Path) -> Split:
    """Return the set of 70 bp: GUE's core promoters and shuffled negatives, real introns and coding sequence."""
    gue, real = data / "promoters" / "gue", data / "promoters" / "real_negatives"
    split, candidates = Split(), []
    split.tests = {"gue": read_gue(gue / "prom_core_all" / "test.csv", "gue"), "real": []}
    into = {"test": split.tests["real"], "validation": split.validation, "train": candidates}
    for part, item in real_promoters(real):
        into[part].append(Labelled(item.sequence[CORE], 1, "epdnew"))
    for part, item in real_negatives(real, 70, train_step=70):
        into[part].append(item)
    candidates += [other_strand(item) for item in candidates if not item.label]
    candidates += read_gue(gue / "prom_core_all" / "train.csv", "gue")
    return finish_split(split, candidates)


HALF = 150


def cut_halves(items: Iterable[Labelled]) -> list[Labelled]:
    """Return each sequence cut into parts of 150 bp, end to end."""
    return [
        Labelled(item.sequence[start : start + HALF], item.label, item.source)
        for item in items
        for start in range(0, len(item.sequence) - HALF + 1, HALF)
    ]


def human_dna(data: Path) -> Split:
    """Return the set of 150 bp for a masked language model: halves of the sequences of `promoters_300`.

    GUE's shuffled sequences are left out. Genes are held out as in `promoters_300`. Further test sets are cut from an
    interval of chromosome 17 and from the mitochondrion, from which no training sequence is taken.
    """
    whole = promoters_300(data)
    split = Split(validation=cut_halves(whole.validation), tests={"real": cut_halves(whole.tests["real"])})
    for name, file in (("chr17", "chr17.hg19.part.fa"), ("mitochondrion", "MT-human.fa")):
        records = read_fasta(data / "genomes" / file)
        split.tests[name] = cut_halves(Labelled(sequence, 0, name) for _, sequence in records)
    return finish_split(split, cut_halves(item for item in whole.train if item.label or item.source != "gue"))
