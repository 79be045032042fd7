"""Types of the JSON reports: `reports/<upload id>.json` and the output of `seqdrop validate --json`.

They are in this package, which `reads` may import, because the page and the MultiQC files are made from the same JSON.
The figures follow reads/qc.schema.json; a test compares the keys. Fractions are 0 to 1, qualities are Phred+33 scores,
and None means that there was nothing to count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NotRequired, TypedDict

if TYPE_CHECKING:
    from seqdrop.errors import FaultEntry

Pairs = list[list[int]]
"""[value, number of records] pairs, ordered by value."""


class BaseCounts(TypedDict):
    """The number of each base in upper and lower case; U counts as T."""

    A: int
    C: int
    G: int
    T: int
    N: int


class QualityEncoding(TypedDict):
    """The encoding that the quality characters suggest; `lowest` and `highest` are ASCII codes."""

    name: Literal["phred+33", "phred+64"]
    lowest: int
    highest: int


class BaseFractions(TypedDict):
    """Lists by position or bin: the fraction of each base, and the mean score."""

    A: list[float | None]
    C: list[float | None]
    G: list[float | None]
    T: list[float | None]
    N: list[float | None]
    quality: list[float | None]


class Positions(BaseFractions):
    """Figures of positions 1 to 512; `reads` is the number of reads that have each position."""

    reads: list[int]


class Bins(BaseFractions):
    """Figures of bins of `width` positions, from position 1 on. If there are 256, the last has all later positions."""

    width: int


class Origin(TypedDict):
    """Instruments, runs, flow cells, lanes and accessions that the headers name.

    Examinations that version 0.2 stored have no `run` and no `accession`.
    """

    platform: list[str]
    instrument: list[str]
    run: NotRequired[list[str]]
    flow_cell: list[str]
    lane: list[str]
    accession: NotRequired[list[str]]


class Qc(TypedDict):
    """Quality figures of a file (reads/qc.schema.json). `bases` are residues if the file holds proteins.

    Reports that versions up to 0.2.0 stored have no `alphabet`, no `uracil` and no figures "from errors".
    """

    records: int
    alphabet: NotRequired[Literal["dna", "rna", "mixed", "protein"]]
    bases: int
    gc_fraction: float | None
    n_fraction: float | None
    base_counts: BaseCounts | None
    uracil: NotRequired[int | None]
    residue_counts: dict[str, int] | None
    ambiguous: int
    lower_case: int
    shortest: int | None
    longest: int
    mean_length: float | None
    n50: int | None
    lengths: Pairs
    mean_quality: float | None
    mean_quality_from_errors: NotRequired[float | None]
    q20_fraction: float | None
    q30_fraction: float | None
    quality_encoding: QualityEncoding | None
    read_quality: Pairs
    read_quality_from_errors: NotRequired[Pairs]
    positions: Positions | None
    bins: Bins | None
    origin: Origin


class SelectionFacts(TypedDict):
    """The part of a file that goes to the model.

    `taken` of `records` records are selected: all, or a random sample of at most `max_reads` that `seed` determines.
    `distinct` is the number of different sequences, if identical records are scored once.
    """

    analysis: str
    records: int
    taken: int
    max_reads: int | None
    seed: NotRequired[int]
    distinct: NotRequired[int]


class SelectionEntry(TypedDict, total=False):
    """The key `selection` of a report; empty if nothing goes to a model."""

    selection: SelectionFacts


class MateFacts(TypedDict):
    """The comparison of an upload with its mate.

    `upload` is the upload id of the mate, None if the mate had not arrived. `faults` are codes.
    """

    key: str
    upload: str | None
    checked: bool
    faults: list[str]
    note: str


class FileReport(TypedDict):
    """The report on one file as `Reading.report` returns it.

    `errors` and `warnings` list the first faults; `counts` has the number of all faults by code. `sha256` is None if
    an error ended the reading before the end of the file, and `size` is None if it is not known either.
    """

    valid: bool
    format: str | None
    compression: str | None
    layout: str | None
    interleaved: bool
    size: int | None
    sha256: str | None
    records: int
    errors: list[FaultEntry]
    warnings: list[FaultEntry]
    counts: dict[str, int]
    qc: Qc


class Report(FileReport, total=False):
    """A report on a file with additional keys.

    The pipeline adds `upload`, `key`, `version_id`, `selection` and `mate`, and `archived_before`, the id of an earlier
    upload of the same bytes under the same key, if that is archived. `seqdrop validate --json` of two files adds
    the report on the second file as `mate`, and that of several files the path of each as `file`. `rejected` is set
    only to render a page.
    """

    file: str
    upload: str
    key: str
    version_id: str
    selection: SelectionFacts
    mate: MateFacts | Report
    archived_before: str
    rejected: bool
