"""The table [analyses.NAME.workflow] of analyses.toml: a workflow that runs on accepted files.

It is a workflow of AWS HealthOmics, or "samplesheet": Seqdrop writes a sample sheet and emits an event, and a launcher
of the lab's own does the rest. Both exist only in a stack whose parameter Workflows is "true".
"""

from __future__ import annotations

import re
from dataclasses import MISSING, asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from seqdrop.config.fields import Choice, Maybe, Table, Text, Whole, setting
from seqdrop.config.problems import quote_words
from seqdrop.config.rules import Values

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SAMPLESHEET = "samplesheet"
FILE, SAMPLE, RUN = UNITS = ("file", "sample", "run")
ARN = re.compile(r"arn:aws[a-z-]*:omics:[a-z0-9-]+:(?P<owner>[0-9]{12}):workflow/(?P<id>[0-9]{1,18})")
PLACEHOLDER = re.compile(r"\{([a-z0-9_]*)\}")
# Placeholders of a run of the workflow, by whether their value is a list.
LISTS = ("files", "reads1", "reads2")
TEXTS = ("file", "read1", "read2", "sample", "run", "samplesheet")
OF_ONE_SAMPLE = ("file", "read1", "read2", "sample")
COLUMNS = {"sample": "{sample}", "fastq_1": "{read1}", "fastq_2": "{read2}"}


@dataclass(frozen=True)
class Workflow(Table):
    """A workflow that starts when a file, a sample or a run was accepted."""

    table = "workflow"

    id: str = setting(
        MISSING,
        Text(
            r"[0-9]{1,18}|samplesheet|arn:aws[a-z-]*:omics:[a-z0-9-]+:[0-9]{12}:workflow/[0-9]{1,18}",
            'the id or the ARN of a workflow of HealthOmics, or "samplesheet"',
        ),
    )
    """Id or ARN of the workflow in HealthOmics. "samplesheet": no run of HealthOmics; Seqdrop writes samplesheet.csv to
    the results bucket and emits an event (docs/workflows.md)."""
    type: str = setting("PRIVATE", Choice("PRIVATE", "READY2RUN"))
    """"PRIVATE": a workflow of yours, or one shared with you, whose ARN names the owner. "READY2RUN": one of AWS's
    list."""
    version: str = setting("", Text(r"|[A-Za-z0-9][A-Za-z0-9\-._]{0,63}", "the name of a version of the workflow"))
    """Version of the workflow. Absent: its default version."""
    per: str = setting(SAMPLE, Choice(*UNITS))
    """What one run of the workflow gets: a "file", a "sample" (mates, and the lanes of a run), or a whole "run"."""
    parameters: dict[str, object] = field(default_factory=dict, metadata={"rule": Values()})
    """Parameters of the workflow. Texts may have placeholders, such as "{samplesheet}" (docs/workflows.md)."""
    columns: dict[str, str] = field(default_factory=COLUMNS.copy, metadata={"rule": Values(texts=True)})
    """Columns of samplesheet.csv in their order, with the content of each. One row has the mates of one lane."""
    run_group: str = setting("", Text(r"|[0-9]{1,18}", "the id of a run group"))
    """Run group of HealthOmics, which limits CPUs, hours and runs at a time."""
    storage: str = setting("DYNAMIC", Choice("DYNAMIC", "STATIC"))
    """Storage of a run. "DYNAMIC" grows with its use; "STATIC" has storage_gb from its start."""
    storage_gb: int | None = setting(None, Maybe(Whole(1, 100_000)))
    """With storage = "STATIC": gigabytes. HealthOmics rounds up to a multiple of 1,200."""
    log_level: str = setting("ALL", Choice("ALL", "ERROR", "FATAL", "OFF"))
    """Which messages of the workflow's engine and tasks HealthOmics writes to CloudWatch Logs."""

    def conflicts(self) -> Iterator[str]:
        """Yield conflicts between settings that are each allowed."""
        if self.storage_gb is not None and self.storage != "STATIC":
            yield 'storage_gb is for storage = "STATIC"; DYNAMIC storage grows by itself'
        if self.is_samplesheet and self.parameters:
            yield f'parameters is for a workflow of HealthOmics; "{SAMPLESHEET}" has columns only'
        if self.type == "READY2RUN" and self.version:
            yield "version is for a PRIVATE workflow; a READY2RUN workflow has none"
        yield from self._find_unknown("parameters", self.parameters, (*LISTS, *TEXTS))
        yield from self._find_unknown("columns", self.columns, [word for word in TEXTS if word != "samplesheet"])
        wrong = [word for word in find_placeholders(self.parameters) if word in OF_ONE_SAMPLE and self.per == RUN]
        for word in dict.fromkeys(wrong):
            advice = "use {samplesheet} or {files}"
            yield f'parameters has {{{word}}}, which is of one sample, but per is "{RUN}"; {advice}'

    def _find_unknown(self, name: str, value: object, known: tuple[str, ...] | list[str]) -> Iterator[str]:
        for word in dict.fromkeys(find_placeholders(value)):
            if word not in known:
                yield f"{name} has the placeholder {{{word}}}; it must be one of {quote_words(known)}"

    def as_plan(self) -> dict[str, object]:
        """Return the settings as they are stored with an attempt. A plan sorts keys, so columns are a list of pairs."""
        return {**asdict(self), "columns": [list(column) for column in self.columns.items()]}

    @classmethod
    def from_plan(cls, stored: Mapping[str, Any]) -> Workflow:
        """Return the settings that `as_plan` returned."""
        return cls.restore(**{**stored, "columns": dict(stored["columns"])})

    @property
    def is_samplesheet(self) -> bool:
        """Whether a launcher of the lab's own runs the workflow."""
        return self.id == SAMPLESHEET

    @property
    def workflow_id(self) -> str:
        """The id of the workflow in HealthOmics."""
        match = ARN.fullmatch(self.id)
        return match["id"] if match else self.id

    @property
    def owner(self) -> str:
        """The account that shares the workflow; "" for one of this account, or of AWS."""
        match = ARN.fullmatch(self.id)
        return match["owner"] if match else ""

    @property
    def needs_sheet(self) -> bool:
        """Whether a sample sheet is written for each run of the workflow."""
        return self.is_samplesheet or "samplesheet" in find_placeholders(self.parameters)


def find_placeholders(value: object) -> list[str]:
    """Return the placeholders in the texts of a JSON value, in their order."""
    if isinstance(value, str):
        return PLACEHOLDER.findall(value)
    if isinstance(value, dict):
        return [word for member in value.values() for word in find_placeholders(member)]
    if isinstance(value, list | tuple):
        return [word for member in value for word in find_placeholders(member)]
    return []


def fill_placeholders(value: object, values: Mapping[str, str | list[str]]) -> object:
    """Return a JSON value with its placeholders filled. A text that is only the placeholder of a list becomes a list.

    Raise KeyError for a placeholder without a value, and ValueError for a list inside a longer text.
    """
    if isinstance(value, dict):
        return {key: fill_placeholders(member, values) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [fill_placeholders(member, values) for member in value]
    if not isinstance(value, str):
        return value
    if (match := PLACEHOLDER.fullmatch(value)) and isinstance(values[match[1]], list):
        return values[match[1]]
    return PLACEHOLDER.sub(lambda match: _text_of(match[1], values[match[1]]), value)


def _text_of(name: str, value: str | list[str]) -> str:
    if isinstance(value, list):
        raise ValueError(f"{{{name}}} is a list, so it must be the whole text")
    return value
