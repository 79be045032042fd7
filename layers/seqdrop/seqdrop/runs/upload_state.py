"""What an uploader or a person says about a run, whatever the instrument: a manifest, or the marker of Seqdrop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.runs.names import MANIFEST, OVERRIDE, analysis_folder
from seqdrop.runs.rules import OVERRIDDEN

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from seqdrop.runs.listing import Listing
    from seqdrop.runs.rules import Look


@dataclass(frozen=True)
class Upload:
    """The state of an upload. `reason` is why the run is complete by it; "" if it is not.

    `missing` are listed files that are not there with their size, and `analyses` the analysis folders that the manifest
    lists files of. `due_at` is when to look again for missing files.
    """

    reason: str = ""
    missing: tuple[str, ...] = ()
    analyses: frozenset[str] = frozenset()
    due_at: datetime | None = None


def check_upload(listed: Mapping[str, int | None], look: Look) -> Upload:
    """Return what the uploader's manifest ({name: size in bytes or None}) and a person's marker say about the run.

    The marker of a person does not complete on-board analyses, which may come weeks later; a manifest that lists their
    files does.
    """
    missing = tuple(name for name, size in listed.items() if not _is_there(name, size, look.listing))
    analyses = frozenset(folder for name in listed if (folder := analysis_folder(name)))
    if listed and not missing:
        return Upload(f"All {len(listed)} files of {MANIFEST} are there.", (), analyses)
    due_at = look.recheck_at if missing else None
    reason = OVERRIDDEN if look.listing.get(OVERRIDE) else ""
    return Upload(reason, missing, frozenset(), due_at)


def _is_there(name: str, size: int | None, listing: Listing) -> bool:
    file = listing.get(name)
    return file is not None and size in (None, file.size)
