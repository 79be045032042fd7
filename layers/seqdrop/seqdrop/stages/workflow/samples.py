"""The samples of a workflow: their files by read, the values of placeholders, and the rows of samplesheet.csv."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.companions import mates
from seqdrop.config.workflow import fill_placeholders
from seqdrop.errors import JobRefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seqdrop.ledger.records import Upload

SUFFIXES = re.compile(r"(?:\.(?:fastq|fq|fasta|fa|fna|bam|ubam))?(?:\.(?:gz|gzip|bgz|bgzf))?$", re.IGNORECASE)
SPACE = re.compile(r"\s+")


def tidy(name: str) -> str:
    """Return the name of a sample without white space, which sample sheets of nf-core refuse."""
    return SPACE.sub("_", name.strip())


def stem_of(name: str) -> str:
    """Return the name of a file without the suffixes of its format and compression."""
    return SUFFIXES.sub("", name)


def uri_of(upload: Upload) -> str:
    """Return the S3 URI of an upload's object."""
    return f"s3://{upload.bucket}/{upload.key}"


@dataclass(frozen=True)
class Lane:
    """The files of a sample that belong together: both mates, or a file without a mate. `second` is "" without one."""

    first: str
    second: str = ""


@dataclass(frozen=True)
class Sample:
    """A sample and its files, as S3 URIs; a sample of several lanes has a pair for each."""

    name: str
    lanes: tuple[Lane, ...]

    @classmethod
    def of(cls, name: str, uploads: Sequence[Upload]) -> Sample:
        """Return the sample of these uploads. Files are mates if their names differ in the number only."""
        pairs: dict[str, dict[int, str]] = {}
        for upload in sorted(uploads, key=lambda each: each.key):
            role = mates.parse(upload.key)
            is_mate = role is not None and role.is_mate
            pair = pairs.setdefault(role.pair if role and is_mate else upload.key, {})
            pair[role.number if role and is_mate else 1] = uri_of(upload)
        return cls(name, tuple(_lane_of(pair) for pair in pairs.values()))

    @property
    def files(self) -> list[str]:
        """All files, in the order of the lanes."""
        return [uri for lane in self.lanes for uri in (lane.first, lane.second) if uri]


def _lane_of(pair: Mapping[int, str]) -> Lane:
    first, *others = [pair[number] for number in sorted(pair)]
    return Lane(first, others[0] if others else "")


def find_values(samples: Sequence[Sample], run: str, sheet: str) -> dict[str, str | list[str]]:
    """Return the values of the placeholders of `parameters`; those of one sample only if there is one sample.

    `sheet` is the URI of samplesheet.csv.
    """
    lanes = [lane for sample in samples for lane in sample.lanes]
    lists = {
        "files": [uri for sample in samples for uri in sample.files],
        "reads1": [lane.first for lane in lanes],
        "reads2": [lane.second for lane in lanes if lane.second],
    }
    values: dict[str, str | list[str]] = {**lists, "run": run, "samplesheet": sheet}
    if len(samples) == 1:
        values["sample"] = samples[0].name
    if len(lanes) == 1:
        values |= {"read1": lanes[0].first, "read2": lanes[0].second, "file": lanes[0].first}
    return values


def fill_parameters(parameters: Mapping[str, object], values: Mapping[str, str | list[str]]) -> object:
    """Return the parameters of a run. Raise JobRefusedError if a placeholder has no value, or a list is in a text."""
    try:
        return fill_placeholders(dict(parameters), values)
    except KeyError as error:
        name = error.args[0]
        raise JobRefusedError(
            f"parameters has {{{name}}}, but the sample has files of several lanes; use {{reads1}} and {{reads2}}, or "
            "{samplesheet}, which has a row for each lane"
        ) from error
    except ValueError as error:
        raise JobRefusedError(f"parameters: {error}") from error


def format_sheet(samples: Sequence[Sample], columns: Mapping[str, str], run: str) -> str:
    """Return samplesheet.csv: a line of the columns' names, and a row for each lane of each sample."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(columns)
    for sample in samples:
        for lane in sample.lanes:
            values = {"sample": sample.name, "read1": lane.first, "read2": lane.second, "file": lane.first, "run": run}
            rows.writerow([fill_placeholders(content, values) for content in columns.values()])
    return text.getvalue()
