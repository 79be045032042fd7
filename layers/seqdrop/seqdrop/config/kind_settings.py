"""Settings of the kinds of analysis: how records become work, and which model sees them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import MISSING, dataclass
from typing import Any, ClassVar

from seqdrop.config.fields import Choice, Flag, Maybe, Number, Table, Text, Whole, setting

DNA, PROTEIN = ALPHABETS = ("dna", "protein")
READ_FORMATS, TRAINING = ("fastq", "fasta", "bam"), "training"
# Part of a SageMaker model name (63 characters, with a prefix and a digest of ours) and of object keys.
MODEL = Text(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,35}", "1 to 36 letters, digits and hyphens")
# About how many bytes a prediction takes in the container's answer; a base takes one in the request.
ANSWER_BYTES = {"promoter": 90, "masked": 300, "embed": 7_500}
# The container returns at most this many bytes for a request (models/archives.MAX_RESPONSE, with room to spare).
MOST_ANSWER = 60_000_000
TASKS = ("promoter", "masked", "embed")
PROTEIN_TASKS = ("structure", "embed")
PRECISIONS = ("auto", "fp32", "bf16", "int8")
# A sample is held in memory until the file is read: this many reads of 300 bp fit (sampling.HELD).
MOST_READS = 1_000_000
# What a Lambda of 1769 MB reads in its 15 minutes at the slowest rate that was seen, with half of the time in reserve.
LAMBDA_GB = 2.0


@dataclass(frozen=True)
class JobSettings(Table):
    """How the work of an analysis is cut into objects, requests and transform jobs."""

    table = "job"

    shard_mb: int = setting(4, Whole(1))
    """Megabytes of one input object; objects are spread over instances."""
    max_payload_mb: int = setting(1, Whole(1, 100))
    """Megabytes of one request to the container, at most; SageMaker allows 100."""
    windows_per_item: int = setting(64, Whole(1))
    """A long record is cut into work items of this many windows."""
    max_members: int = setting(50, Whole(1, 98))
    """Uploads that may share one job; one transaction of the ledger holds 100 records."""
    max_shards: int = setting(500, Whole(1))
    """Input objects of a job that uploads share; a larger upload has a job of its own."""
    max_windows: int = setting(10_000_000, Whole(1))
    """An upload with more windows (of proteins: residues) is rejected: one Lambda imports all its predictions."""


@dataclass(frozen=True)
class ModelUse(Table):
    """How a model sees DNA: in windows."""

    model: str = setting(MISSING, MODEL)
    """Name of the model; its current archive is what models/<model>/current.json points to."""
    k: int = setting(MISSING, Whole(3, 6))
    """k-mer length of the model's vocabulary."""
    window: int = setting(MISSING, Whole(3))
    """Bases that the model sees at once; at least k."""
    stride: int = setting(MISSING, Whole(1))
    """Bases from the start of a window to the start of the next; at most window."""
    strands: str = setting(MISSING, Choice("+", "+-"))
    """"+" scores the forward strand; "+-" also the reverse complement of each window."""
    max_n_fraction: float = setting(MISSING, Number(0, 1))
    """A window with a larger share of N or ambiguous bases is reported as not scored."""
    threshold: float | None = setting(None, Maybe(Number(0, 1)))
    """promoter: the model's own probability, not the calibrated one, from which a window is called."""
    label: str = setting("", Text(r".*", "what the model card calls the positive class"))
    """promoter: name of the positive class; only what the model card says."""
    tracks: bool = setting(False, Flag())
    """promoter: true if records are places on a genome, so that calls and tracks are written as well."""
    task: str = setting("promoter", Choice(*TASKS))
    """promoter: a probability for each window. masked: the likeliest bases of each masked interval. embed: a vector of
    numbers for each window."""
    short: str = setting("skip", Choice("skip", "score"))
    """A record shorter than a window: "skip" reports it as not scored, "score" takes it as a window of its length."""
    precision: str = setting("auto", Choice(*PRECISIONS))
    """Number format of the model's arithmetic; benchmarks/inference.py measures what each costs."""
    prior: float | None = setting(None, Maybe(Number(0, 1, above=True, below=True)))
    """promoter: share of windows that truly are positives, for the calibrated probability; absent: as in the set that
    the model was calibrated on."""
    distance: int | None = setting(None, Maybe(Whole(1)))
    """promoter: called windows of a strand whose starts are nearer than this many bases are one call; absent: a
    window."""
    max_reads: int | None = setting(None, Maybe(Whole(1, MOST_READS)))
    """Records of a file that the model sees at most, drawn at random; absent: all. Every record is validated and
    archived all the same."""
    seed: int = setting(0, Whole(0))
    """Starts that draw. It gives the same record numbers in each file, so mates stay together."""
    collapse: bool = setting(False, Flag())
    """true: identical records are scored once, and rows have their count. For amplicons and small RNA."""

    def conflicts(self) -> Iterator[str]:
        yield from self._call_conflicts() if self.task == "promoter" else self._conflicts_without_calls()
        if self.task == "masked":
            yield from self._mask_conflicts()
        if self.collapse and self.tracks:
            yield "collapse is for reads, tracks for places on a genome: not both"
        if self.stride > self.window:
            yield f"stride is {self.stride}; it must be 1 to window ({self.window})"
        if self.window < self.k:
            yield f"window is {self.window}; it must be at least k ({self.k})"

    def _call_conflicts(self) -> Iterator[str]:
        if self.threshold is None:
            yield "threshold is missing; it must be a number from 0 to 1"
        if not self.label:
            yield "label is missing; it must be what the model card calls the positive class"

    def _conflicts_without_calls(self) -> Iterator[str]:
        unset = {"threshold": None, "label": "", "tracks": False, "prior": None, "distance": None}
        for name, value in unset.items():
            if getattr(self, name) != value:
                yield f'{name} is for task "promoter", not for "{self.task}"'

    def _mask_conflicts(self) -> Iterator[str]:
        if self.strands != "+":
            yield f'strands is "{self.strands}"; for task "masked" it must be "+", the strand that masks are filled on'
        for name in ("max_reads", "collapse"):
            if getattr(self, name):
                yield f'{name} is not for task "masked"'

    @property
    def apart(self) -> int:
        """Least number of bases between the starts of two calls on a strand."""
        return self.distance or self.window


@dataclass(frozen=True)
class ProteinUse(Table):
    """How a model sees proteins."""

    model: str = setting(MISSING, MODEL)
    """Name of the model; its current archive is what models/<model>/current.json points to."""
    task: str = setting("structure", Choice(*PROTEIN_TASKS))
    """structure: H, E or C at each residue (of some models also DSSP's 8 states), with probabilities. embed: a vector
    of numbers for each protein."""
    window: int | None = setting(None, Maybe(Whole(1)))
    """Residues that the model sees at once; absent: as many as it takes."""
    overlap: int = setting(128, Whole(0))
    """Residues that the windows of a longer protein share at least; predictions are cross-faded there."""
    # What only nucleotides have. Each protein goes to the model, and for itself.
    max_reads: ClassVar[None] = None
    collapse: ClassVar[bool] = False
    tracks: ClassVar[bool] = False


USES = {DNA: ModelUse, PROTEIN: ProteinUse}


@dataclass(frozen=True)
class Kind:
    """What analyses.toml has to know of a kind of analysis: which settings it has, and by which keys it is chosen."""

    name: str
    task: str = ""
    """What analyses.toml calls it; together with `alphabet` it is unique among kinds with a model."""
    alphabet: str = DNA
    settings: type[Table] | None = None
    """The settings that it has besides those of every analysis; None without a model."""
    is_default: bool = False
    """Whether an analysis with a model that names no task is of this kind."""
    formats: tuple[str, ...] = READ_FORMATS
    """What its files may be."""

    def conflicts(self, analysis: Any) -> Iterable[str]:
        """Yield what is wrong between settings of an `Analysis`; messages start with the key they are about."""
        if self.name == "train" and analysis.gate:
            yield "gate is not for a training: it waits for its job.toml"
        if self.task == "masked" and analysis.max_gb > LAMBDA_GB:
            yield f'max_gb is {analysis.max_gb:g}; for task "masked" it must be at most {LAMBDA_GB:g}'
        if self.task == "masked" and analysis.mates != "single":
            yield f'mates is "{analysis.mates}"; for task "masked" it must be "single"'
        if self.settings is ModelUse:
            yield from size_conflicts(analysis.use, analysis.job)


KINDS = {
    kind.name: kind
    for kind in (
        Kind("promoter", "promoter", settings=ModelUse, is_default=True),
        Kind("masked", "masked", settings=ModelUse),
        Kind("embed", "embed", settings=ModelUse),
        Kind("structure", "structure", PROTEIN, ProteinUse, is_default=True, formats=("fasta",)),
        Kind("protein_embed", "embed", PROTEIN, ProteinUse, formats=("fasta",)),
        Kind("keep"),
        Kind("train", formats=(TRAINING,)),
    )
}


def size_conflicts(use: ModelUse, job: JobSettings) -> Iterator[str]:
    """A work item and its answer must fit in one request to the container, and a full request's in its answer."""
    most, answer = job.max_payload_mb * 1_000_000, len(use.strands) * ANSWER_BYTES[use.task]
    asked = max((job.windows_per_item + 1) * use.stride + use.window, job.windows_per_item * answer)
    if asked > most / 2:
        yield (
            f"job.windows_per_item is {job.windows_per_item:,}; a work item of so many windows takes {asked:,} bytes, "
            f"and half of job.max_payload_mb is {most // 2:,}"
        )
    if use.task == "embed" and most / use.stride * answer > MOST_ANSWER:
        yield (
            f"stride is {use.stride}; embeddings of a request of job.max_payload_mb ({job.max_payload_mb}) are too "
            "many; take a longer stride"
        )
