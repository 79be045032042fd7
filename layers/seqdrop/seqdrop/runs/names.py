"""What the name of a file says about its part in a run: markers, outcomes, lists, descriptions, and its folders."""

from __future__ import annotations

import re
from fnmatch import translate
from functools import cache
from typing import TYPE_CHECKING

from seqdrop.runs.instruments import load_table

if TYPE_CHECKING:
    from seqdrop.runs.instruments import Analysis, Row

MANIFEST = "seqdrop-manifest.json"  # the uploader's list of the files of a run; companions.manifest reads it
OVERRIDE = "seqdrop-complete.txt"  # a person's marker: the folder that has it is complete
ANALYSIS = re.compile(r"(analysis/([0-9]{1,6}))(?:/|$)", re.IGNORECASE | re.ASCII)
DESCRIPTIONS = (
    "RunInfo.xml",
    "RunParameters.xml",
    "RunParameters.json",
    "*SampleSheet*.csv",
    "sample_sheet_*.csv",
    "RunManifest.csv",
    "RunManifest.json",
    "*_LibraryInfo.xml",
)
SIDECARS = ("*.md5", "*.sha256")  # lists for a file or a few: a run may have one beside each file
LISTS = ("Manifest.tsv", "output_hash_*.csv", "md5sum*.txt", "checksums*.txt", *SIDECARS, MANIFEST)


def is_notable(name: str) -> bool:
    """Return True if the arrival of a file may change the verdict on its run, or describes the run.

    These are markers, outcomes, manifests and checksum lists, RunInfo, RunParameters and sample sheets. Files that a
    list names, or that final_summary counts, are not among them: while they are missing, `Verdict.due_at` says when to
    look again.
    """
    return bool(_pattern("notable").fullmatch(_base(name)))


def is_sidecar(name: str) -> bool:
    """Return True for a checksum list of a kind that a run may have beside each of its files."""
    return bool(_pattern("sidecar").fullmatch(_base(name)))


def is_sent_last(name: str) -> bool:
    """Return True if an uploader must send a file after all others: a marker, an outcome, a manifest or a list."""
    return bool(_pattern("last").fullmatch(_base(name)))


def is_sent_early(name: str) -> bool:
    """Return True if an uploader should send a file while the instrument still sequences.

    These are RunInfo, RunParameters, sample sheets and InterOp: a lab repairs barcodes and sees quality with them.
    """
    if is_sent_last(name):
        return False
    return bool(_pattern("early").fullmatch(_base(name))) or "interop" in name.lower().split("/")[:-1]


def gate_folders(name: str) -> list[str]:
    """Return the folders whose completion releases a file, the nearest first; "" is the run folder.

    A file below `Analysis/<n>` is released only by that folder or one below it: it comes long after the run.
    """
    names = name.split("/")[:-1]
    paths = ["/".join(names[:count]) for count in range(len(names), 0, -1)]
    folder = analysis_folder(name)
    return [path for path in paths if len(path) >= len(folder)] if folder else [*paths, ""]


def analysis_folder(path: str) -> str:
    """Return the `Analysis/<n>` that a path of a file is below, as it is spelled there; "" if there is none."""
    match = ANALYSIS.match(path)
    return match[1] if match and len(path) > len(match[1]) else ""


def analysis_number(folder: str) -> int:
    """Return the number n of the folder `Analysis/<n>`."""
    match = ANALYSIS.match(folder)
    return int(match[2]) if match else 0


def _base(name: str) -> str:
    return name.rpartition("/")[2].lower()


@cache
def _pattern(part: str) -> re.Pattern[str]:
    """Return the expression of the names that are `notable`, sent `last` or `early`, or a `sidecar`, in lower case."""
    last = {*_table_names(), *LISTS, OVERRIDE}
    names = {"last": last, "early": set(DESCRIPTIONS), "notable": last | set(DESCRIPTIONS), "sidecar": set(SIDECARS)}[
        part
    ]
    return re.compile("|".join(sorted(translate(name.lower()) for name in names)))


def _table_names() -> set[str]:
    """Return the patterns of the names of all markers and outcomes of the table, without their folders."""
    table = load_table()
    paths = []
    for row in table.instruments:
        paths += [*row.end, *row.markers, *(marker for rule in row.alternative for marker in rule.markers)]
    for layout in table.analyses:
        paths += layout.markers
    entries: list[Row | Analysis] = [*table.instruments, *table.analyses]
    paths += [entry.outcome.file for entry in entries if entry.outcome]
    choices = [choice for path in paths for choice in path.split("|")]
    return {choice.rpartition("/")[2].replace("{n}", "*") for choice in choices}
