"""The comparison of a complete folder with the checksum lists of its run, and its entry in the report."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypedDict

from seqdrop.runs.checksum_lists import is_checksum_list
from seqdrop.stages.run_checksums import ListResult, apply_lists

if TYPE_CHECKING:
    from seqdrop.stages.runs.survey import Survey

MOST_NAMES = 100  # of a kind, in the report


class ListsEntry(TypedDict):
    """What the checksum lists of a run say of a folder, in run.json.

    `agreed` is the number of files with which each list agrees; `differing` maps a file to what differs. `missing` has
    files that a list names and that are not there, and `missing_count` how many they are. `too_large` are files whose
    MD5 was not computed, and `problems` are lists that cannot be read.
    """

    agreed: dict[str, int]
    differing: dict[str, str]
    missing: dict[str, list[str]]
    missing_count: int
    too_large: list[str]
    problems: list[str]


def compare_lists(survey: Survey, folder: str) -> ListResult:
    """Compare the files that the completion of a folder releases with all lists of the run.

    Files of other folders, which a list names as well, are compared when their own folder is complete.
    """
    uploads = {entry.name: entry.upload for entry in survey.below(folder) if entry.is_latest and entry.upload}
    lists = {name: entry.upload for name, entry in survey.latest.items() if is_checksum_list(name) and entry.upload}
    bundled = {name: file.checksums for name, file in survey.bundled.items() if survey.is_released(name, folder)}
    result = apply_lists(survey.services, survey.run.folder, lists | uploads, survey.read, bundled=bundled)
    for name, missing in result.missing.items():
        result.missing[name] = [file for file in missing if survey.is_missing(file)]
    return result


def describe_lists(result: ListResult) -> ListsEntry:
    """Return the entry of a comparison in the report of the run."""
    return {
        "agreed": dict(Counter(result.agreed.values())),
        "differing": dict(list(result.differing.items())[:MOST_NAMES]),
        "missing": {name: files[:MOST_NAMES] for name, files in result.missing.items() if files},
        "missing_count": sum(map(len, result.missing.values())),
        "too_large": result.too_large[:MOST_NAMES],
        "problems": [str(error) for error in result.errors],
    }
