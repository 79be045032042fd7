"""analyses.toml as validated, frozen objects: what a key prefix means."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import asdict, dataclass, field, fields

from seqdrop.companions import runs
from seqdrop.config.fields import Table, WrongSettings
from seqdrop.config.job_settings import JobSettings
from seqdrop.config.kind import ALPHABETS, DNA, PROTEIN, Kind, Kinds, Sampling
from seqdrop.errors import ConfigurationError
from seqdrop.reads.codes import CODES, ERROR, SEVERITIES

TRAINING = "training"  # the analysis, and the format, of what a training is made of
FORMATS = frozenset({"fastq", "fasta", "bam", TRAINING})
WAIT, CHECK, SINGLE = MATES = ("wait", "check", "single")
RUN = "run"  # the one gate: files go on when their run is complete
# Part of every job name, which SageMaker limits to 63 characters.
NAME = re.compile(r"[a-z][a-z0-9]{0,11}")
RESERVED = "examine"  # stands in the names of processing jobs where an analysis stands in those of others
# What a Lambda of 1769 MB reads in its 15 minutes at the slowest rate that was seen, with nothing to spare.
LAMBDA_GB, LAMBDA_GB_AT_MOST = 2.0, 15.0
MOST_GB = 100  # archive copies it in one Lambda's 15 minutes, at 110 MB/s over ten connections at the least


@dataclass(frozen=True)
class Analysis:
    """One entry of analyses.toml. `settings` are those of its kind, None without a model."""

    name: str
    prefix: str
    formats: tuple[str, ...]
    max_gb: float
    kind: Kind
    settings: Table | None
    job: JobSettings
    severity: dict[str, str] = field(default_factory=dict)  # of codes, where other than the default of reads/codes.py
    mates: str = SINGLE  # what a name that says mate 1 or 2 means: "wait", "check" or "single"
    mate_hours: float = 24  # until the lab is told that a file still waits
    alphabet: str = DNA  # of the records: "dna" or "protein"
    gate: str = ""  # "run": what lies in a folder goes on when its run is complete
    gate_hours: float = 24  # until the lab is told that a run still waits for its marker

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
        if not self.mate_hours > 0:
            raise ConfigurationError("mate_hours must be above 0")
        self._check_gate()
        if wrong := self.kind.conflicts(self):
            raise ConfigurationError("; ".join(wrong))

    def _check_gate(self) -> None:
        if self.gate not in ("", RUN):
            raise ConfigurationError(f'gate must be "{RUN}", or left out')
        if not self.gate_hours > 0:
            raise ConfigurationError("gate_hours must be above 0")

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
        """Read what `as_json` of this or an earlier version wrote. Keys that its kind has no more are left out."""
        entry = json.loads(text)
        use, job, formats = entry.pop("use"), entry.pop("job"), tuple(entry.pop("formats"))
        kind = kinds.with_task(use.get("task"), entry.get("alphabet", DNA)) if use else kinds.without_model(formats)
        settings = kind.settings(**_known(kind.settings, use)) if use else None
        return cls(kind=kind, settings=settings, job=JobSettings(**job), formats=formats, **entry)


def _known(table: type[Table], values: dict) -> dict:
    return {one.name: values[one.name] for one in fields(table) if one.name in values}


def job_settings(plan: str) -> JobSettings:
    """Return the job settings in what `Analysis.as_json` wrote, whatever its kind."""
    return JobSettings(**json.loads(plan)["job"])


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


def parse(text: str, kinds: Kinds) -> Analyses:
    """Read analyses.toml. Raises ConfigurationError that names the analysis and the field."""
    document = tomllib.loads(text)
    analyses = {name: _named(name, dict(entry), kinds) for name, entry in document.get("analyses", {}).items()}
    prefixes = [a.prefix for a in analyses.values()]
    if len(set(prefixes)) != len(prefixes):
        raise ConfigurationError("two analyses have the same prefix")
    validation = document.get("validation", {})
    if unknown := set(validation) - {"lambda_gb"}:
        raise ConfigurationError(f"analyses.toml, validation: there is no {', '.join(sorted(unknown))}")
    return Analyses(analyses, float(validation.get("lambda_gb", LAMBDA_GB)))


def _named(name: str, entry: dict, kinds: Kinds) -> Analysis:
    try:
        return _analysis(name, entry, kinds)
    except (ConfigurationError, WrongSettings, TypeError, KeyError) as error:
        raise ConfigurationError(f"analyses.toml, analysis {name!r}: {error}") from error


def _analysis(name: str, entry: dict, kinds: Kinds) -> Analysis:
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
    gate = {"gate": entry.pop("gate", ""), "gate_hours": float(entry.pop("gate_hours", 24))}
    alphabet = entry.pop("alphabet", DNA)
    if alphabet not in ALPHABETS:
        raise ConfigurationError(f"alphabet must be one of {', '.join(ALPHABETS)}")
    kind = kinds.with_task(entry.pop("task", None), alphabet) if entry else kinds.without_model(formats)
    settings = kind.settings.read(entry) if kind.settings else None
    return Analysis(name, prefix, formats, max_gb, kind, settings, job, severity, mates, mate_hours, alphabet, **gate)
