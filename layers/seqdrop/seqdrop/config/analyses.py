"""analyses.toml as validated, frozen objects: what a key prefix means."""

from __future__ import annotations

import json
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import TYPE_CHECKING

from seqdrop.companions import runs
from seqdrop.config.documents import ConfigFileError, load, located
from seqdrop.config.entries import read_entry
from seqdrop.config.fields import Choice, Choices, Number, Table, Text, setting
from seqdrop.config.job_settings import JobSettings
from seqdrop.config.kind import ALPHABETS, DNA, READ_FORMATS, TRAINING, Kind, Kinds, Sampling
from seqdrop.config.problems import Problem, SettingsError, collect, dotted, shown, unknown_keys
from seqdrop.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = "analyses.toml"
FORMATS = (*READ_FORMATS, TRAINING)
WAIT, CHECK, SINGLE = MATES = ("wait", "check", "single")
RUN = "run"  # the one gate: files go on when their run is complete
# What a Lambda of 1769 MB reads in its 15 minutes at the slowest rate that was seen, with half of the time in reserve.
LAMBDA_GB, LAMBDA_GB_AT_MOST = 2.0, 15.0
MOST_GB = 100  # archive copies it in one Lambda's 15 minutes, at 110 MB/s over ten connections at the least
HOURS = Number(0, 87_600, above=True, as_float=True)  # ten years


@dataclass(frozen=True)
class Validation(Table):
    """Where files are examined."""

    table = "validation"

    lambda_gb: float = setting(LAMBDA_GB, Number(0, LAMBDA_GB_AT_MOST, as_float=True))
    """Gigabytes above which a file is too large for a Lambda, so that a SageMaker Processing job examines it."""


@dataclass(frozen=True)
class Analysis(Table):
    """What the files under one prefix of the landing bucket are, and what is done with them."""

    name: str
    prefix: str = setting(MISSING, Text(r".*/", "a text that ends in a slash"))
    """Where files are dropped, with a slash at its end; the longest prefix that fits a key wins."""
    formats: tuple[str, ...] = setting(MISSING, Choices(*FORMATS))
    """What such a file may be: "fastq", "fasta" (plain or gzip, told by content), "bam" (unaligned). "training" is for
    the analysis training alone: job.toml and the files that it names."""
    max_gb: float = setting(MISSING, Number(0, MOST_GB, above=True, as_float=True))
    """Gigabytes of a file; larger ones are rejected before they are read."""
    kind: Kind
    """What is done with the files; chosen by `task`, `alphabet` and `formats`."""
    settings: Table | None
    """Those of the kind; None where files are validated and archived without a model."""
    job: JobSettings
    severity: dict[str, str] = field(default_factory=dict)
    """Of codes, where other than the default of reads/codes.py."""
    mates: str = setting(SINGLE, Choice(*MATES))
    """What a FASTQ name like S1_R1_001 or S1_1 means. "wait": the file waits until its mate is valid too. "check": it
    goes on at once, and the mate that comes second is checked. "single": nothing, for single-end reads."""
    mate_hours: float = setting(24.0, HOURS)
    """Hours after which the lab is notified that a file still waits for its mate, or for what else belongs to it."""
    alphabet: str = setting(DNA, Choice(*ALPHABETS))
    """Of the records."""
    gate: str = setting("", Choice(RUN, or_empty=True))
    """"run": a file in a folder below the prefix goes on when its run is complete (docs/runs.md). Absent: each goes on
    by itself."""
    gate_hours: float = setting(24.0, HOURS)
    """Hours after which the lab is notified that a run still waits for its marker."""

    def conflicts(self) -> Iterator[str]:
        if self.mates != SINGLE and "fastq" not in self.formats:
            yield f'mates is "{self.mates}"; it is for FASTQ, and formats has none: leave it out, or write "{SINGLE}"'
        if self.name == TRAINING and self.formats != (TRAINING,):
            yield f'formats is {shown(self.formats)}; of the analysis {TRAINING} it must be ["{TRAINING}"]'
        if self.name != TRAINING and TRAINING in self.formats:
            yield f'formats has "{TRAINING}", which is for the analysis {TRAINING} alone'

    @property
    def has_model(self) -> bool:
        """Whether its files become work items for a model."""
        return self.settings is not None

    @property
    def sampling(self) -> Sampling:
        """Which records of a file go to the model."""
        return self.kind.sampling(self.settings)

    @property
    def max_bytes(self) -> int:
        return int(self.max_gb * 1e9)

    def as_json(self) -> str:
        """Return what an attempt keeps of it, so that a later deploy does not change work that is under way.

        The text is that of version 0.2 and earlier, where `use` was the table of settings with the task.
        """
        common = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in ("kind", "settings")}
        use = self.kind.parameters(self.settings) if self.has_model else None
        return json.dumps(common | {"job": asdict(self.job), "use": use}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str, kinds: Kinds) -> Analysis:
        """Return what `as_json` was made of, perhaps by an earlier version: no rule is applied again.

        Settings that the kind has no more are left out. Raise ConfigurationError for a kind that there is no more.
        """
        entry = json.loads(text)
        use, job, formats = entry.pop("use"), entry.pop("job"), tuple(entry.pop("formats"))
        kind = kinds.with_task(use.get("task"), entry.get("alphabet", DNA)) if use else kinds.without_model(formats)
        if kind is None:
            raise ConfigurationError(f"this version of Seqdrop has no task {use['task']!r}, which the attempt is for")
        settings = kind.settings.restore(**_known(kind.settings, use)) if use else None
        restored = JobSettings.restore(**job)
        return cls.restore(kind=kind, settings=settings, job=restored, formats=formats, **entry)


def _known(table: type[Table], values: dict) -> dict:
    return {name: values[name] for name in table.rules() if name in values}


def job_settings(plan: str) -> JobSettings:
    """Return the job settings in what `Analysis.as_json` wrote, whatever its kind."""
    return JobSettings.restore(**json.loads(plan)["job"])


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

    def is_marker(self, key: str) -> bool:
        """Whether a key is that of a run's marker. Not under a prefix where other files say what a file is."""
        analysis = self.for_key(key)
        return analysis is not None and analysis.kind.takes_markers and runs.is_marker(key)

    def gated_folders(self, key: str) -> list[str]:
        """The folders, nearest first, of which one must be that of a complete run before the key's file goes on."""
        analysis = self.for_key(key)
        return runs.folders(key, analysis.prefix) if analysis and analysis.gate and not self.is_marker(key) else []

    def mates_of(self, key: str) -> str:
        """Whether a key's name means mates: "wait", "check" or "single"."""
        analysis = self.for_key(key)
        return analysis.mates if analysis else SINGLE


def parse(text: str, kinds: Kinds, name: str = FILE) -> Analyses:
    """Read the text of an analyses.toml, which messages call `name`.

    Raise ConfigFileError with everything that is wrong.
    """
    document = load(text, name)
    try:
        return _read(document, kinds)
    except SettingsError as error:
        raise ConfigFileError(name, located(error.problems, text)) from error


def _read(document: dict, kinds: Kinds) -> Analyses:
    problems, misspelt = unknown_keys(document, (), (Validation.table, "analyses"))
    validation = collect(problems, Validation.read, document.get(Validation.table, {}))
    entries = document.get("analyses", {})
    if not isinstance(entries, dict):
        problems.append(Problem(("analyses",), "analyses must be a table: write [analyses.NAME]"))
        entries = {}
    elif not entries and "analyses" not in misspelt:
        problems.append(Problem((), "analyses is missing: there must be a table [analyses.NAME] for each prefix"))
    analyses = {name: collect(problems, read_entry, name, entry, kinds, Analysis) for name, entry in entries.items()}
    if problems := [*problems, *_same_prefix(entries)]:
        raise SettingsError(problems)
    return Analyses(analyses, validation.lambda_gb)


def _same_prefix(entries: dict) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for name, entry in entries.items():
        prefix, at = entry.get("prefix") if isinstance(entry, dict) else None, ("analyses", name, "prefix")
        if not isinstance(prefix, str):
            continue
        if prefix in first:
            other = dotted(("analyses", first[prefix], "prefix"))
            message = f"{dotted(at)} is {shown(prefix)}, and so is {other}; each needs a prefix of its own"
            yield Problem(at, message)
        first.setdefault(prefix, name)
