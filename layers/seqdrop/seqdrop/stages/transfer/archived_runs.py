"""What of a share was archived already, as patterns that exclude it from the next execution.

Only the agent can list a share. So what DataSync is not to copy again is named by what the archive has: of each run
that is ARCHIVED, its folders and its large files. Small files beside them may be copied again, and end as DUPLICATE. A
folder that comes later, such as another `Analysis/<n>`, is not excluded.
"""

from __future__ import annotations

import re
from operator import attrgetter
from typing import TYPE_CHECKING

from seqdrop.ledger.moves import RUN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.ledger.run_record import Run
    from seqdrop.runtime.services import Services

MOST_CHARACTERS = 102_400  # of a filter, in the model of DataSync
MOST_RUNS = 400  # of the newest ones; each costs a listing or two
LEAST_BYTES = 1_000_000  # of a file that has a pattern of its own
UPLOAD_ID = re.compile(r"[A-Z2-7]{26}")
ANALYSES = "analysis"  # its folders come one after the other, weeks apart
SPECIAL = re.compile(r"[*|\\]")


def find_excludes(services: Services) -> str:
    """Return the filter of an execution: the stack's own patterns, and those of archived runs, the newest first."""
    patterns = [pattern for pattern in services.settings.transfer_excludes.split("|") if pattern]
    length = sum(len(pattern) + 1 for pattern in patterns)
    for run in _list_runs(services):
        own = [f"/{run.name}/{name}" for name in _list_archived(services, run) if not SPECIAL.search(name)]
        length += sum(len(pattern) + 1 for pattern in own)
        if length > MOST_CHARACTERS:
            break
        patterns += own
    return "|".join(patterns)


def _list_runs(services: Services) -> list[Run]:
    prefix = services.settings.transfer_prefix
    runs = [run for run in services.ledger.in_state(RUN, "ARCHIVED") if run.folder.startswith(prefix)]
    runs.sort(key=attrgetter("moved_at"), reverse=True)
    return [run for run in runs[:MOST_RUNS] if not SPECIAL.search(run.name)]


def _list_archived(services: Services, run: Run) -> Iterator[str]:
    """Yield the folders of a run that the archive has, and its large files, as paths below the run."""
    uploads: list[str] = []
    for name in _list_folders(services, run.folder):
        if UPLOAD_ID.fullmatch(name):
            uploads.append(name)  # an archive key has the upload's id before the name of the file
        elif name.lower() == ANALYSES:
            inner = _list_folders(services, f"{run.folder}{name}/")
            yield from (f"{name}/{each}" for each in inner if not UPLOAD_ID.fullmatch(each))
        else:
            yield name
    for start in range(0, len(uploads), 100):
        for upload in services.ledger.load_uploads(uploads[start : start + 100]).values():
            if upload.size >= LEAST_BYTES:
                yield upload.key.removeprefix(run.folder)


def _list_folders(services: Services, prefix: str) -> Iterator[str]:
    pages = services.s3.get_paginator("list_objects_v2").paginate(
        Bucket=services.settings.archive, Prefix=prefix, Delimiter="/"
    )
    for page in pages:
        yield from (entry["Prefix"].removeprefix(prefix).rstrip("/") for entry in page.get("CommonPrefixes", []))
