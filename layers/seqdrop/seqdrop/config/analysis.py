"""The settings of one analysis, [analyses.NAME] in analyses.toml, without its kind.

The module `kind` defines what a kind does with these settings. The module `analyses` joins the two in an `Analysis`.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field
from typing import TYPE_CHECKING, TypeVar

from seqdrop.archive.storage_classes import CLASSES, DEEP_ARCHIVE
from seqdrop.config.endpoint import INSTANCE_TYPE
from seqdrop.config.fields import Choice, Choices, Flag, Maybe, Number, Table, Text, Texts, Whole, setting
from seqdrop.config.problems import format_value
from seqdrop.config.promotion import Promotion
from seqdrop.config.verdict import VerdictSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.config.endpoint import Endpoint
    from seqdrop.config.job_settings import JobSettings
    from seqdrop.config.workflow import Workflow

DNA, PROTEIN = ALPHABETS = ("dna", "protein")
READ_FORMATS, TRAINING, ANY = ("fastq", "fasta", "bam"), "training", "any"
FORMATS = (*READ_FORMATS, TRAINING, ANY)
WAIT, CHECK, SINGLE = MATES = ("wait", "check", "single")
BATCH, ASYNC = MODES = ("batch", "async")
RUN = "run"  # the only gate: files are released when their run is complete
# What a processing job examines at the slowest rate assumed (2 MB/s) in SageMaker's five days. Copies could be larger:
# they are continued from one invocation to the next, up to the 50 TB of an object.
MOST_GB = 800
MOST_EXPANDED_GB = 10_000
# Megabytes. A part of a bundle has at least 8 MB and may have one file more; three such parts must fit in the memory of
# the function that makes it.
BUNDLE_BELOW_MB, MOST_BUNDLED_MB = 8.0, 16
HOURS = Number(0, 87_600, above=True, as_float=True)  # up to ten years
FILE_NAME = Text(r"[^/]+", "names of files, without a folder")
MODEL = Text(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,35}", "1 to 36 letters, digits and hyphens")
"""The rule of a model's name, which is part of object keys and of a SageMaker model name. The latter has at most 63
characters, with a prefix and a digest."""


@dataclass(frozen=True, kw_only=True)
class ModelSettings(Table):
    """Settings of every kind that has a model."""

    model: str = setting(MISSING, MODEL)
    """Name of the model. models/<model>/current.json points to its current archive."""


SettingsOfKind = TypeVar("SettingsOfKind", bound=ModelSettings)


@dataclass(frozen=True, kw_only=True)
class AnalysisSettings(Table):
    """The settings of an analysis, whatever its kind."""

    name: str
    prefix: str = setting(MISSING, Text(r".*/", "a text that ends in a slash"))
    """Where files are dropped. It ends in a slash; the longest prefix that matches a key wins."""
    formats: tuple[str, ...] = setting(MISSING, Choices(*FORMATS))
    """Accepted formats: "fastq", "fasta" (plain or gzip, recognised by content), "bam" (unaligned). ["any"] accepts
    every file: sequences, by their suffix, are validated, and all others are hashed and kept. "training" is only for
    the analysis training: job.toml and the files that it names."""
    max_gb: float = setting(MISSING, Number(0, MOST_GB, above=True, as_float=True))
    """Largest size of a file in gigabytes. Larger files are rejected before they are read."""
    max_expanded_gb: float | None = setting(None, Maybe(Number(0, MOST_EXPANDED_GB, above=True, as_float=True)))
    """Largest size of a compressed file after decompression, in gigabytes. Absent: 25 times its compressed size, and at
    least 2 GB."""
    settings: ModelSettings | None
    """The settings of its kind; None if files are validated and archived without a model."""
    job: JobSettings
    promotion: Promotion = field(default_factory=Promotion, compare=False)  # no part of a prediction
    verdict: VerdictSettings = field(default_factory=VerdictSettings, compare=False)
    endpoint: Endpoint | None = field(default=None, compare=False)
    """The real-time endpoint of its model; None without one."""
    workflow: Workflow | None = None
    """The workflow that runs on accepted files; None without one."""
    severity: dict[str, str] = field(default_factory=dict)
    """Severity by code, where it differs from the default in reads/codes.py."""
    mates: str = setting(SINGLE, Choice(*MATES))
    """How a FASTQ file is treated whose name is that of a mate, such as S1_R1_001 or S1_1. "wait": it waits until its
    mate is valid as well. "check": it does not wait, and the mate that arrives second is checked. "single": it has no
    mate (single-end reads)."""
    mate_hours: float = setting(24.0, HOURS)
    """Hours after which the lab is notified that a file still waits for its mate or for another companion file."""
    alphabet: str = setting(DNA, Choice(*ALPHABETS))
    """Alphabet of the records."""
    gate: str = setting("", Choice(RUN, or_empty=True))
    """"run": a file in a folder below the prefix waits until its run is complete (docs/runs.md). Absent: no file waits
    for a run."""
    gate_hours: float = setting(24.0, HOURS)
    """Hours after which the lab is notified that a run still waits for its marker."""
    markers: tuple[str, ...] | None = setting(None, Maybe(Texts(FILE_NAME)))
    """Names of files that complete a run, such as "CopyComplete.txt"; * stands for any characters. Any of them opens
    the run, whatever its instrument is. Absent: the rule of each instrument."""
    bundle_below: float = setting(BUNDLE_BELOW_MB, Number(0, MOST_BUNDLED_MB, as_float=True), compare=False)
    """With gate = "run": files of a complete run that are smaller than this many megabytes (1e6 bytes), and are no
    sequences, are archived together in bundles (docs/bundles.md). 0: each file is an object of its own."""
    retention_days: int | None = setting(None, Maybe(Number(1, 36_500)))
    """Days after which the lab is notified that an archived file is expired (docs/delete.md). Nothing is deleted by
    itself. Absent: files are kept without a limit."""
    md5: bool = setting(False, Flag())
    """true: MD5 is computed as well, in the same pass as CRC32 and SHA-256. Set it if lists of MD5 come with the files;
    otherwise a file that such a list names is read a second time."""
    storage_class: str = setting(DEEP_ARCHIVE, Choice(*CLASSES), compare=False)  # no part of a prediction
    """Storage class of the archived copy (docs/archive.md). Files that are archived already keep theirs."""
    keep_days: int = setting(0, Whole(0, 3650), compare=False)
    """Days for which the landing bucket keeps a file after its copy was verified. 0: it is removed at once."""

    mode: str = setting(BATCH, Choice(*MODES), compare=False)  # this and the next three: no part of a prediction
    """"async": work items of at most async_below_mb are sent to an asynchronous endpoint, which scales to zero, if the
    stack has endpoints (docs/async.md); otherwise, and for more work items, a transform job predicts. "batch":
    always a transform job."""
    async_below_mb: int = setting(5, Whole(1, 100), compare=False)
    """With mode = "async": the work items of an upload, in megabytes (1e6 bytes), above which it gets a transform
    job."""
    async_max_instances: int = setting(2, Whole(1, 100), compare=False)
    """With mode = "async": largest number of instances of the asynchronous endpoint."""
    async_instance_type: str = setting("", INSTANCE_TYPE, compare=False)
    """With mode = "async": instance type of the asynchronous endpoint. Absent: that of transform jobs."""

    def conflicts(self) -> Iterator[str]:
        """Yield conflicts between settings that are each allowed."""
        if self.mode == ASYNC and self.settings is None:
            yield f'mode is "{ASYNC}", which is for an analysis with a model; leave it out'
        if self.mates != SINGLE and not {"fastq", ANY} & {*self.formats}:
            yield (
                f'mates is "{self.mates}", which is for FASTQ, but formats has no "fastq"; leave mates out, or write '
                f'"{SINGLE}"'
            )
        if self.name == TRAINING and self.formats != (TRAINING,):
            yield f'formats is {format_value(self.formats)}; for the analysis {TRAINING} it must be ["{TRAINING}"]'
        if self.name != TRAINING and TRAINING in self.formats:
            yield f'formats has "{TRAINING}", which is only for the analysis {TRAINING}'
        if ANY in self.formats and self.formats != (ANY,):
            yield f'formats is {format_value(self.formats)}; "{ANY}" accepts every file, so it must be the only one'
        if self.markers is not None and not self.gate:
            yield f'markers is for gate = "{RUN}"; without a gate no file waits for a marker'
        if self.promotion != Promotion() and self.settings is None:
            yield "promotion is for an analysis with a model; write it in the table of the analysis that uses the model"
        if self.verdict != VerdictSettings() and not self.gate:
            yield f'verdict is for the samples of a run, so it needs gate = "{RUN}"'
        if self.endpoint is not None and self.settings is None:
            yield "endpoint is for an analysis with a model; this one has none to serve"

        if self.max_expanded_gb is not None and self.max_expanded_gb < self.max_gb:
            yield (
                f"max_expanded_gb is {self.max_expanded_gb:g}, less than max_gb ({self.max_gb:g}); a file is larger "
                "when it is decompressed"
            )

    @property
    def has_model(self) -> bool:
        """Whether its files become work items for a model."""
        return self.settings is not None

    @property
    def has_attempts(self) -> bool:
        """Whether an accepted file of reads gets an attempt: at predictions, or at a run of a workflow."""
        return self.has_model or self.workflow is not None

    @property
    def is_async(self) -> bool:
        """Whether small uploads are sent to an asynchronous endpoint."""
        return self.mode == ASYNC

    @property
    def shard_mb(self) -> int:
        """Megabytes of one input object.

        A shard is one request to an asynchronous endpoint. A transform job cuts a larger one into requests.
        """
        return min(self.job.shard_mb, self.job.max_payload_mb) if self.is_async else self.job.shard_mb

    @property
    def keeps_any(self) -> bool:
        """Whether every file is accepted, and files that are no sequences are only hashed."""
        return ANY in self.formats

    @property
    def has_runs(self) -> bool:
        """Whether the rules of instruments say when a run below its prefix is complete."""
        return bool(self.gate) and self.markers is None

    @property
    def bundle_bytes(self) -> int:
        """Size in bytes below which files of a complete run are archived in bundles; 0 if none is."""
        return int(self.bundle_below * 1e6) if self.has_runs else 0

    @property
    def model(self) -> str:
        """Name of its model; "" without a model."""
        return self.settings.model if self.settings else ""

    @property
    def max_bytes(self) -> int:
        """Largest size of a file in bytes."""
        return int(self.max_gb * 1e9)

    @property
    def max_expanded_bytes(self) -> int | None:
        """Largest size of a compressed file after decompression in bytes; None for the bound of `reads.expansion`."""
        return None if self.max_expanded_gb is None else int(self.max_expanded_gb * 1e9)

    def settings_as(self, cls: type[SettingsOfKind]) -> SettingsOfKind:
        """Return the settings of its kind. Raise TypeError if they are not an instance of `cls`."""
        if not isinstance(self.settings, cls):
            raise TypeError(f"the analysis {self.name} has settings of another kind: {self.settings!r}")
        return self.settings
