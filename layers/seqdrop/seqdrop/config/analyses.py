"""analyses.toml as validated, frozen objects: what a key prefix means."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from functools import partial
from typing import TYPE_CHECKING, Any

from seqdrop.archive.storage_classes import DEEP_ARCHIVE
from seqdrop.companions import runs
from seqdrop.config.analysis import (
    CHECK,
    DNA,
    FORMATS,
    MOST_GB,
    SINGLE,
    TRAINING,
    WAIT,
    AnalysisSettings,
    ModelSettings,
)
from seqdrop.config.documents import ConfigFileError, load, locate
from seqdrop.config.entries import read_entry
from seqdrop.config.fields import Number, Table, setting
from seqdrop.config.job_settings import JobSettings
from seqdrop.config.problems import Problem, SettingsError, Wrong, collect, format_path, format_value, unknown_keys
from seqdrop.config.promotion import Promotion, combine
from seqdrop.config.workflow import Workflow
from seqdrop.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seqdrop.config.kind import Kind, Kinds, Sampling

__all__ = [
    "CHECK",
    "FILE",
    "FORMATS",
    "LAMBDA_GB",
    "MOST_GB",
    "SINGLE",
    "TRAINING",
    "WAIT",
    "Analyses",
    "Analysis",
    "Validation",
    "job_settings",
    "parse",
]

FILE = "analyses.toml"
# Gigabytes. analyses.toml derives the default; at the slowest rate measured, a whole core reads 18 GB in 15 minutes.
LAMBDA_GB, LAMBDA_GB_AT_MOST = 2.0, 15.0
# Not in the plan of an attempt in this form: `use` has the kind and its settings. The conditions of a promotion, the
# endpoints, the way in which predictions are made and how files are archived are no part of a prediction; those of the
# deployed analyses.toml apply.
NOT_PLANNED = (
    *("kind", "settings", "promotion", "endpoint", "workflow", "verdict"),
    *("mode", "async_below_mb", "async_max_instances", "async_instance_type"),
    *("storage_class", "keep_days", "bundle_below", "retention_days"),
)
OMITTED = ("max_expanded_gb", "markers", "md5")  # left out of a plan while they are absent


@dataclass(frozen=True)
class Validation(Table):
    """Which files a Lambda reads, and which a SageMaker Processing job."""

    table = "validation"

    lambda_gb: float = setting(LAMBDA_GB, Number(0, LAMBDA_GB_AT_MOST, as_float=True))
    """Largest file that a Lambda reads, in gigabytes (1e9 bytes). A SageMaker Processing job examines larger files."""


@dataclass(frozen=True, kw_only=True)
class Analysis(AnalysisSettings):
    """Files under one prefix of the landing bucket: what they contain, and what is done with them."""

    kind: Kind
    """The kind of analysis; `task`, `alphabet` and `formats` determine it."""

    @property
    def sampling(self) -> Sampling:
        """Which records of a file the model sees."""
        return self.kind.sampling(self.settings)

    def as_json(self) -> str:
        """Return the plan that is stored with an attempt, so that a later deploy does not change work under way.

        The keys are those of version 0.2 and earlier: `use` has the task and the settings of the kind.
        """
        names = [field.name for field in fields(self) if field.name not in NOT_PLANNED]
        common = {name: getattr(self, name) for name in names}
        for name in OMITTED:  # earlier versions refuse a plan with keys that they do not know
            if common[name] in (None, False):
                del common[name]
        use = self.kind.parameters(self.settings) if self.settings else None
        workflow = {"workflow": self.workflow.as_plan()} if self.workflow else {}
        return json.dumps(common | workflow | {"job": self.job.as_plan(), "use": use}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str, kinds: Kinds) -> Analysis:
        """Return the analysis of a plan that this or an earlier version of `as_json` wrote. No rule is applied again.

        Settings that the kind no longer has are left out. Raise ConfigurationError if the kind no longer exists.
        """
        entry = json.loads(text)
        use, job, formats = entry.pop("use"), entry.pop("job"), tuple(entry.pop("formats"))
        workflow = Workflow.from_plan(entry.pop("workflow")) if "workflow" in entry else None
        kind = kinds.with_workflow() if workflow else _find_kind(kinds, use, entry.get("alphabet", DNA), formats)
        if entry.get("markers"):
            entry["markers"] = tuple(entry["markers"])
        if kind is None:
            raise ConfigurationError(
                f"the attempt is for task {(use or {}).get('task', 'workflow')!r}, which this version of Seqdrop does "
                "not have: deploy a version that has it"
            )
        settings = _restore_settings(kind.settings, use) if kind.settings and use else None
        restored = JobSettings.restore(**job)
        return cls.restore(kind=kind, settings=settings, job=restored, formats=formats, workflow=workflow, **entry)


def _find_kind(kinds: Kinds, use: Mapping[str, Any] | None, alphabet: str, formats: tuple[str, ...]) -> Kind | None:
    return kinds.with_task(use.get("task"), alphabet) if use else kinds.without_model(formats)


def _restore_settings(cls: type[ModelSettings], values: Mapping[str, Any]) -> ModelSettings:
    return cls.restore(**{name: values[name] for name in cls.rules() if name in values})


def job_settings(plan: str) -> JobSettings:
    """Return the job settings of a plan that `Analysis.as_json` wrote, whatever its kind."""
    return JobSettings.restore(**json.loads(plan)["job"])


@dataclass(frozen=True)
class Analyses:
    """All analyses of a deployment. A processing job examines files above `lambda_gb`."""

    by_name: dict[str, Analysis]
    lambda_gb: float = LAMBDA_GB

    def __post_init__(self) -> None:
        if not 0 <= self.lambda_gb <= LAMBDA_GB_AT_MOST:
            raise ConfigurationError(f"validation.lambda_gb must be 0 to {LAMBDA_GB_AT_MOST}")

    def needs_job(self, size: int) -> bool:
        """Return True if a file of `size` bytes is too large for a Lambda, so that a processing job must read it."""
        return size > self.lambda_gb * 1e9

    def using(self, model: str) -> list[Analysis]:
        """Return the analyses that predict with a model of this name."""
        return [analysis for analysis in self.by_name.values() if analysis.has_model and analysis.model == model]

    def promotion_of(self, model: str) -> Promotion:
        """Return the conditions under which a trained model of this name becomes the current one by itself."""
        return combine([analysis.promotion for analysis in self.using(model)])

    @property
    def prefixes(self) -> list[str]:
        """The prefixes of all analyses, sorted."""
        return sorted(analysis.prefix for analysis in self.by_name.values())

    def for_key(self, key: str) -> Analysis | None:
        """Return the analysis with the longest prefix that matches the key; None if no prefix matches."""
        matches = [analysis for analysis in self.by_name.values() if key.startswith(analysis.prefix)]
        return max(matches, key=lambda analysis: len(analysis.prefix), default=None)

    def is_marker(self, key: str) -> bool:
        """Return True if any file with the key's name completes its folder, and its analysis takes such markers."""
        analysis = self.for_key(key)
        if analysis is None or not analysis.kind.takes_markers or self.run_folder(key):
            return False
        return runs.is_marker(key, analysis.markers or runs.MARKERS)

    def gated_folders(self, key: str) -> list[str]:
        """Return the folders of a file, nearest first, that markers open; none if the rules of instruments do.

        Any of them may be the folder of its run, so one that is open is enough.
        """
        analysis = self.for_key(key)
        if analysis is None or not analysis.gate or self.run_folder(key) or self.is_marker(key):
            return []
        return runs.folders(key, analysis.prefix)

    def run_folder(self, key: str) -> str:
        """Return the folder of the key's run, if the rules of instruments say when it is complete; "" otherwise.

        It is the first folder below a prefix that has `gate = "run"` and no `markers`.
        """
        analysis = self.for_key(key)
        return runs.run_of(key, analysis.prefix) if analysis and analysis.has_runs else ""

    def storage_class_of(self, key: str) -> str:
        """Return the storage class in which a file of this key is archived (DEEP_ARCHIVE also if no prefix matches)."""
        analysis = self.for_key(key)
        return analysis.storage_class if analysis else DEEP_ARCHIVE

    def keep_days_of(self, key: str) -> int:
        """Return for how many days the landing bucket keeps a file of this key after it was archived."""
        analysis = self.for_key(key)
        return analysis.keep_days if analysis else 0

    def mates_of(self, key: str) -> str:
        """Return how the analysis of a key treats mates: "wait", "check" or "single" (also if no prefix matches)."""
        analysis = self.for_key(key)
        return analysis.mates if analysis else SINGLE


def parse(text: str, kinds: Kinds, name: str = FILE) -> Analyses:
    """Return the analyses of an analyses.toml. `name` is the name of the file in messages.

    Raise ConfigFileError with everything that is wrong.
    """
    document = load(text, name)
    try:
        return _read(document, kinds)
    except SettingsError as error:
        raise ConfigFileError(name, locate(error.problems, text)) from error


def _read(document: dict[str, Any], kinds: Kinds) -> Analyses:
    problems, misspelt = unknown_keys(document, (), (Validation.table, "analyses"))
    validation = collect(problems, lambda: Validation.read(document.get(Validation.table, {})))
    entries = document.get("analyses", {})
    if not isinstance(entries, dict):
        problems.append(Problem(("analyses",), "analyses must be a table: write [analyses.NAME]"))
        entries = {}
    elif not entries and "analyses" not in misspelt:
        problems.append(Problem((), "analyses is missing: each prefix needs a table [analyses.NAME]"))
    results = {
        name: collect(problems, partial(read_entry, name, entry, kinds, Analysis)) for name, entry in entries.items()
    }
    problems += _find_shared_prefixes(entries)
    if problems or isinstance(validation, Wrong):
        raise SettingsError(problems)
    analyses = {name: result for name, result in results.items() if not isinstance(result, Wrong)}
    return Analyses(analyses, validation.lambda_gb)


def _find_shared_prefixes(entries: dict[str, Any]) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for name, entry in entries.items():
        prefix = entry.get("prefix") if isinstance(entry, dict) else None
        if not isinstance(prefix, str):
            continue
        if prefix in first:
            path = ("analyses", name, "prefix")
            other = format_path(("analyses", first[prefix], "prefix"))
            message = f"{format_path(path)} is {format_value(prefix)}, and so is {other}; each needs its own prefix"
            yield Problem(path, message)
        first.setdefault(prefix, name)
