"""How the records of an analysis become work, and which model sees them: what analyses.toml says of both, checked."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import ClassVar

from seqdrop.errors import ConfigurationError

DNA, PROTEIN = ALPHABETS = ("dna", "protein")
# Part of a SageMaker model name (63 characters, with a prefix and a digest of ours) and of object keys.
MODEL = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,35}")
# A prediction takes about so many bytes in the container's answer, a base one in the request.
ANSWER_BYTES = {"promoter": 90, "masked": 300, "embed": 7_500}
# The container answers so many bytes to a request at the most (models/archives.MAX_RESPONSE, with room to spare).
MOST_ANSWER = 60_000_000
TASKS = ("promoter", "masked", "embed")
PROTEIN_TASKS = ("structure", "embed")
PRECISIONS = ("auto", "fp32", "bf16", "int8")
# A sample is held in memory until the file is read: so many reads of 300 bp fit (sampling.HELD).
MOST_READS = 1_000_000


@dataclass(frozen=True)
class JobSettings:
    """How the work of an analysis is cut into objects, requests and jobs."""

    shard_mb: int = 4
    max_payload_mb: int = 1
    windows_per_item: int = 64
    max_members: int = 50
    max_shards: int = 500
    max_windows: int = 10_000_000

    def __post_init__(self) -> None:
        for one in fields(self):
            if not isinstance(getattr(self, one.name), int) or getattr(self, one.name) < 1:
                raise ConfigurationError(f"job.{one.name} must be a whole number from 1")
        if self.max_payload_mb > 100:
            raise ConfigurationError("job.max_payload_mb: SageMaker allows 100 at the most")
        if self.max_members > 98:
            raise ConfigurationError("job.max_members: 98 at the most (one ledger transaction holds 100)")


@dataclass(frozen=True)
class ModelUse:
    """Which model sees the records, and how."""

    model: str
    k: int
    window: int
    stride: int
    strands: str
    max_n_fraction: float
    threshold: float | None = None
    label: str = ""
    tracks: bool = False
    task: str = "promoter"
    short: str = "skip"
    """What becomes of a record shorter than a window: "skip" or "score", as a window of its own length."""
    precision: str = "auto"
    prior: float | None = None
    """Share of windows that truly are positives; None: as in the set that the model's calibration was fitted on."""
    distance: int | None = None
    """Called windows of a strand that start nearer than this are one call; None: a window."""
    max_reads: int | None = None
    """Records of a file that the model sees at the most, drawn by `seed`; None: all."""
    seed: int = 0
    collapse: bool = False
    """Whether identical records are one work item, with their number."""

    def __post_init__(self) -> None:
        rules = {
            "model must be 1 to 36 letters, digits and hyphens": MODEL.fullmatch(self.model),
            "k must be 3 to 6": 3 <= self.k <= 6,
            "window must be at least k": self.window >= self.k,
            "stride must be 1 to window": 1 <= self.stride <= self.window,
            'strands must be "+" or "+-"': self.strands in ("+", "+-"),
            f"task must be one of {', '.join(TASKS)}": self.task in TASKS,
            'short must be "skip" or "score"': self.short in ("skip", "score"),
            f"precision must be one of {', '.join(PRECISIONS)}": self.precision in PRECISIONS,
            "distance must be a whole number from 1": self.distance is None or _whole(self.distance),
            "max_n_fraction must be 0 to 1": 0 <= self.max_n_fraction <= 1,
            f"max_reads must be a whole number from 1 to {MOST_READS:,}": self.max_reads is None
            or (type(self.max_reads) is int and 1 <= self.max_reads <= MOST_READS),
            "seed must be a whole number from 0": type(self.seed) is int and self.seed >= 0,
            "collapse must be true or false": isinstance(self.collapse, bool),
            "collapse is for reads, tracks for places on a genome: not both": not (self.collapse and self.tracks),
            "max_reads and collapse are not for task masked": self.task != "masked"
            or not (self.max_reads or self.collapse),
        }
        rules |= self._rules_of_calls() if self.task == "promoter" else self._rules_without_calls()
        broken = [rule for rule, holds in rules.items() if not holds]
        if broken:
            raise ConfigurationError("; ".join(broken))

    def _rules_of_calls(self) -> dict[str, bool]:
        return {
            "threshold must be 0 to 1": self.threshold is not None and 0 <= self.threshold <= 1,
            "label must say what the positive class is": bool(self.label),
            "prior must lie between 0 and 1": self.prior is None or 0 < self.prior < 1,
        }

    def _rules_without_calls(self) -> dict[str, bool]:
        given = self.threshold, self.label or None, self.tracks or None, self.prior, self.distance
        return {
            "threshold, label, tracks, prior and distance are for task promoter": given == (None,) * len(given),
            'strands must be "+": what fills a mask is told on the forward strand': self.task != "masked"
            or self.strands == "+",
        }

    @property
    def apart(self) -> int:
        """How far the starts of two calls on a strand lie apart at the least."""
        return self.distance or self.window


@dataclass(frozen=True)
class ProteinUse:
    """Which model sees proteins, and how."""

    model: str
    task: str = "structure"
    window: int | None = None
    """Residues that the model sees at once; None: as many as it takes."""
    overlap: int = 128
    """Residues that the windows of a long protein share at the least; what is said of them is cross-faded."""
    # What only nucleotides have. Each protein goes to the model, and for itself.
    max_reads: ClassVar[None] = None
    collapse: ClassVar[bool] = False
    tracks: ClassVar[bool] = False

    def __post_init__(self) -> None:
        rules = {
            "model must be 1 to 36 letters, digits and hyphens": MODEL.fullmatch(self.model),
            f"task must be one of {', '.join(PROTEIN_TASKS)}, for proteins": self.task in PROTEIN_TASKS,
            "window must be a whole number from 1": self.window is None or _whole(self.window),
            "overlap must be a whole number from 0": self.overlap == 0 or _whole(self.overlap),
        }
        broken = [rule for rule, holds in rules.items() if not holds]
        if broken:
            raise ConfigurationError("; ".join(broken))


USES = {DNA: ModelUse, PROTEIN: ProteinUse}


def _whole(value: object) -> bool:
    return type(value) is int and value >= 1


def check_size(use: ModelUse, job: JobSettings) -> None:
    """One work item and its answer must fit in one request to the container, and a full request's in its answer."""
    most, answer = job.max_payload_mb * 1_000_000, len(use.strands) * ANSWER_BYTES[use.task]
    asked = (job.windows_per_item + 1) * use.stride + use.window
    if max(asked, job.windows_per_item * answer) > most / 2:
        raise ConfigurationError("a work item of job.windows_per_item windows does not fit in job.max_payload_mb")
    if use.task == "embed" and most / use.stride * answer > MOST_ANSWER:
        raise ConfigurationError("embeddings of a request of job.max_payload_mb are too many; take a longer stride")
