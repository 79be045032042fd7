"""Which files said that a run was over: markers, outcomes and manifests, with the times at which they landed."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from seqdrop.runs.checksum_lists import is_checksum_list
from seqdrop.runs.names import MANIFEST, is_sent_last
from seqdrop.runtime.services import iso

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seqdrop.stages.runs.survey import Survey

MOST = 50  # in a report


class MarkerEntry(TypedDict):
    """A marker in run.json: its path below the folder of the run, and when it landed."""

    name: str
    at: str


def list_markers(survey: Survey, known: Iterable[MarkerEntry]) -> list[MarkerEntry]:
    """Return the markers of a run by time: those that are there, and the `known` ones, which may be archived."""
    markers: dict[str, MarkerEntry] = {entry["name"]: entry for entry in known}
    for name, entry in survey.latest.items():
        if is_sent_last(name) and (name == MANIFEST or not is_checksum_list(name)):
            markers[name] = {"name": name, "at": iso(entry.modified)}
    return sorted(markers.values(), key=lambda entry: (entry["at"], entry["name"]))[:MOST]
