"""FASTA files and the BED files of their masks, as a lab drops them, and the work items that they must have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.aws.model import POISON

if TYPE_CHECKING:
    from tests.faults.evidence import Drop

PLAIN, WITH_N, BAD_FASTA, POISONED = FASTAS = ("fasta", "fasta with N", "bad fasta", "poisoned fasta")
BED, MISFIT, BAD_BED = BEDS = ("bed", "bed that does not fit", "bad bed")
KINDS = (*FASTAS, *BEDS)
GOES_ALONE = frozenset({WITH_N, POISONED})  # FASTA files with runs of N, which need no BED
SOUND = frozenset({PLAIN, WITH_N, POISONED, BED, MISFIT})  # kinds without a fault in the file itself
TOGETHER = frozenset({"bed_no_record", "bed_beyond_end"})  # codes of a FASTA and a BED that do not fit
OWN_FAULT = {BAD_FASTA: "illegal_base", BAD_BED: "bed_order"}
ANALYSIS = (
    '[analyses.masked]\nprefix = "masked/"\nformats = ["fasta"]\nmax_gb = 1\ntask = "masked"\nmodel = "small"\nk = 6\n'
    'window = 60\nstride = 60\nstrands = "+"\nmax_n_fraction = 1.0\njob = { max_members = 3 }\n'
)
LENGTH = 40  # bases of a record: less than a window, so each work item is a whole record


def place(kind: str, slot: int) -> str:
    return f"masked/x{slot % 2}." + ("fa" if kind in FASTAS else "bed")


def body(kind: str, slot: int, number: int) -> bytes:
    """Return the body of a file. The bases, or a comment and the intervals, encode the number: no two are equal."""
    if kind in BEDS:
        return _bed(kind, number)
    text = _bases(number)
    if kind == BAD_FASTA:
        text = text[:-1] + "!"
    if kind in GOES_ALONE:
        at = 4 + number % 8
        text = text[:at] + "NN" + text[at + 2 :]
    names = ("c one", "d", POISON) if kind == POISONED else ("c one", "d")
    return "".join(f">{name}\n{text[::-1] if name == 'd' else text}\n" for name in names).encode()


def _bed(kind: str, number: int) -> bytes:
    first = 10 + number % 20
    lines = {
        BED: f"c\t{first}\t{first + 3}\nd\t{first}\t{first + 1}\n",
        MISFIT: f"c\t{LENGTH - 1}\t{LENGTH + 1}\n" if number % 2 else "e\t1\t2\n",
        BAD_BED: "c\t5\t3\n",
    }
    return f"# {number}\n{lines[kind]}".encode()


def _bases(number: int) -> str:
    return "".join("ACGT"[number >> shift & 3] for shift in range(0, 16, 2)) * 5


def items(fasta: Drop, bed: Drop | None) -> list[dict]:
    """Return the expected work items: each interval of the BED, or each run of N of a FASTA without a BED."""
    lines = fasta.body.decode().splitlines()
    records = {name[1:].split()[0]: text for name, text in zip(lines[::2], lines[1::2], strict=True)}
    work_items = []
    for name, text in records.items():
        spans = _spans_of(bed, name) if bed else _runs_of_n(text)
        covered = text
        for start, end in spans:
            covered = covered[:start] + "N" * (end - start) + covered[end:]
        work_items += [{"id": "", "record": name, "start": 0, "sequence": covered, "masks": [span]} for span in spans]
    return work_items


def _spans_of(bed: Drop, record: str) -> list[tuple[int, int]]:
    rows = [line.split("\t") for line in bed.body.decode().splitlines()[1:]]
    return [(int(start), int(end)) for name, start, end in rows if name == record]


def _runs_of_n(text: str) -> list[tuple[int, int]]:
    start = text.find("N")
    return [(start, text.rfind("N") + 1)] if start >= 0 else []
