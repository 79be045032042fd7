"""analyses.toml as validated, frozen objects: what a key prefix means."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from importlib.resources import files
from typing import ClassVar

from seqdrop.errors import ConfigurationError
from seqdrop.reads.codes import CODES, ERROR, SEVERITIES

TRAINING = "training"  # the analysis, and the format, of what a training is made of
FORMATS = frozenset({"fastq", "fasta", "bam", TRAINING})
DNA, PROTEIN = ALPHABETS = ("dna", "protein")
WAIT, CHECK, SINGLE = MATES = ("wait", "check", "single")
# Part of every job name, which SageMaker limits to 63 characters.
NAME = re.compile(r"[a-z][a-z0-9]{0,11}")
RESERVED = "examine"  # stands in the names of processing jobs where an analysis stands in those of others
# Part of a SageMaker model name (63 characters, with a prefix and a digest of ours) and of object keys.
MODEL = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,35}")
# A prediction takes about so many bytes in the container's answer, a base one in the request.
ANSWER_BYTES = {"promoter": 90, "masked": 300, "embed": 7_500}
# The container answers so many bytes to a request at the most (jobs/models.MAX_RESPONSE, with room to spare).
MOST_ANSWER = 60_000_000
TASKS = ("promoter", "masked", "embed")
PROTEIN_TASKS = ("structure", "embed")
PRECISIONS = ("auto", "fp32", "bf16", "int8")
# A sample is held in memory until the file is read: so many reads of 300 bp fit (sampling.HELD).
MOST_READS = 1_000_000
# What a Lambda of 1769 MB reads in its 15 minutes at the slowest rate that was seen, with nothing to spare.
LAMBDA_GB, LAMBDA_GB_AT_MOST = 2.0, 15.0
MOST_GB = 100  # archive copies it in one Lambda's 15 minutes, at 110 MB/s over ten connections at the least


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


@dataclass(frozen=True)
class Analysis:
    """One entry of analyses.toml. `use` is None where files are validated and archived without a model."""

    name: str
    prefix: str
    formats: tuple[str, ...]
    max_gb: float
    use: ModelUse | ProteinUse | None
    job: JobSettings
    severity: dict[str, str] = field(default_factory=dict)  # of codes, where other than the default of reads/codes.py
    mates: str = SINGLE  # what a name that says mate 1 or 2 means: "wait", "check" or "single"
    mate_hours: float = 24  # until the lab is told that a file still waits
    alphabet: str = DNA  # of the records: "dna" or "protein"

    def __post_init__(self) -> None:
        for code, severity in self.severity.items():
            if code not in CODES:
                raise ConfigurationError(f"severity.{code}: there is no such code; docs/formats.md lists them")
            if severity not in SEVERITIES:
                raise ConfigurationError(f"severity.{code} must be one of {', '.join(SEVERITIES)}")
            if CODES[code].fixed and severity != ERROR:
                raise ConfigurationError(f"severity.{code}: always an error; such a file cannot be trusted")
        if self.alphabet == PROTEIN and self.formats != ("fasta",):
            raise ConfigurationError('proteins come as FASTA: formats must be ["fasta"]')
        if self.mates not in MATES:
            raise ConfigurationError(f"mates must be one of {', '.join(MATES)}")
        if self.mates != SINGLE and "fastq" not in self.formats:
            raise ConfigurationError(f'mates = "{self.mates}" is for FASTQ; formats has none')
        if (TRAINING in self.formats) != (self.name == TRAINING) or (
            self.trains and (self.use or len(self.formats) > 1)
        ):
            raise ConfigurationError('formats = ["training"] is for the analysis training, which has no model here')
        if self.fills and (self.max_gb > LAMBDA_GB or self.mates != SINGLE):
            raise ConfigurationError(f'task masked: max_gb must be {LAMBDA_GB:g} at the most, and mates "single"')
        if not self.mate_hours > 0:
            raise ConfigurationError("mate_hours must be above 0")

    @property
    def trains(self) -> bool:
        """Whether files under the prefix are those of trainings: job.toml and what it names."""
        return self.formats == (TRAINING,)

    @property
    def fills(self) -> bool:
        """Whether masked stretches are filled, so that a BED may lie beside each FASTA. Read in one Lambda, whatever
        its size: what is masked may change until it is settled."""
        return self.use is not None and self.use.task == "masked"

    @property
    def max_bytes(self) -> int:
        return int(self.max_gb * 1e9)

    def as_json(self) -> str:
        """What an attempt remembers of it, so that a later deploy does not change work that is under way."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Analysis:
        entry = json.loads(text)
        use, kind = entry.pop("use"), USES[entry.get("alphabet", DNA)]
        return cls(
            use=kind(**use) if use else None,
            job=JobSettings(**entry.pop("job")),
            formats=tuple(entry.pop("formats")),
            **entry,
        )


@dataclass(frozen=True)
class Analyses:
    """All analyses of a deployment. Files above `lambda_gb` are examined by a processing job."""

    by_name: dict[str, Analysis]
    lambda_gb: float = LAMBDA_GB

    def __post_init__(self) -> None:
        if not 0 <= self.lambda_gb <= LAMBDA_GB_AT_MOST:
            raise ConfigurationError(f"validation.lambda_gb must be 0 to {LAMBDA_GB_AT_MOST}")

    def in_job(self, size: int) -> bool:
        """Whether a file of so many bytes is more than one Lambda is sure to read in its time."""
        return size > self.lambda_gb * 1e9

    @property
    def prefixes(self) -> list[str]:
        return sorted(analysis.prefix for analysis in self.by_name.values())

    def for_key(self, key: str) -> Analysis | None:
        """The analysis whose prefix fits the key; the longest prefix wins. None where none fits."""
        fitting = [a for a in self.by_name.values() if key.startswith(a.prefix)]
        return max(fitting, key=lambda a: len(a.prefix), default=None)

    def mates_of(self, key: str) -> str:
        """Whether a key's name means mates: "wait", "check" or "single"."""
        analysis = self.for_key(key)
        return analysis.mates if analysis else SINGLE


def parse(text: str) -> Analyses:
    """Read analyses.toml. Raises ConfigurationError that names the analysis and the field."""
    document = tomllib.loads(text)
    analyses = {name: _named(name, dict(entry)) for name, entry in document.get("analyses", {}).items()}
    prefixes = [a.prefix for a in analyses.values()]
    if len(set(prefixes)) != len(prefixes):
        raise ConfigurationError("two analyses have the same prefix")
    validation = document.get("validation", {})
    if unknown := set(validation) - {"lambda_gb"}:
        raise ConfigurationError(f"analyses.toml, validation: there is no {', '.join(sorted(unknown))}")
    return Analyses(analyses, float(validation.get("lambda_gb", LAMBDA_GB)))


@cache
def packaged() -> Analyses:
    """The analyses.toml that was deployed with this code."""
    return parse(files("seqdrop").joinpath("analyses.toml").read_text())


def _named(name: str, entry: dict) -> Analysis:
    try:
        return _analysis(name, entry)
    except (ConfigurationError, TypeError, KeyError) as error:
        raise ConfigurationError(f"analyses.toml, analysis {name!r}: {error}") from error


def _analysis(name: str, entry: dict) -> Analysis:
    if not NAME.fullmatch(name):
        raise ConfigurationError("a name is 1 to 12 lower-case letters and digits, a letter first")
    if name == RESERVED:
        raise ConfigurationError("this name is taken: it stands in the names of jobs that examine large files")
    prefix, formats = entry.pop("prefix"), tuple(entry.pop("formats"))
    if not prefix.endswith("/"):
        raise ConfigurationError(f"prefix {prefix!r} must end in a slash")
    if not 0 < float(entry["max_gb"]) <= MOST_GB:
        raise ConfigurationError(f"max_gb must be above 0 and {MOST_GB} at the most")
    if not formats or set(formats) - FORMATS:
        raise ConfigurationError(f"formats must be some of {sorted(FORMATS)}")
    job, max_gb = JobSettings(**entry.pop("job", {})), float(entry.pop("max_gb"))
    severity = dict(entry.pop("severity", {}))
    mates, mate_hours = entry.pop("mates", SINGLE), float(entry.pop("mate_hours", 24))
    alphabet = entry.pop("alphabet", DNA)
    if alphabet not in ALPHABETS:
        raise ConfigurationError(f"alphabet must be one of {', '.join(ALPHABETS)}")
    use = USES[alphabet](**entry) if entry else None
    if isinstance(use, ModelUse):
        _check_size(use, job)
    return Analysis(name, prefix, formats, max_gb, use, job, severity, mates, mate_hours, alphabet)


def _check_size(use: ModelUse, job: JobSettings) -> None:
    """One work item and its answer must fit in one request to the container, and a full request's in its answer."""
    most, answer = job.max_payload_mb * 1_000_000, len(use.strands) * ANSWER_BYTES[use.task]
    asked = (job.windows_per_item + 1) * use.stride + use.window
    if max(asked, job.windows_per_item * answer) > most / 2:
        raise ConfigurationError("a work item of job.windows_per_item windows does not fit in job.max_payload_mb")
    if use.task == "embed" and most / use.stride * answer > MOST_ANSWER:
        raise ConfigurationError("embeddings of a request of job.max_payload_mb are too many; take a longer stride")
