"""The files of a source bucket that are to be copied: those that the filter lets pass, of folders that have stable."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from seqdrop import clock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from seqdrop.runtime.services import Services
    from seqdrop.stages.transfer.listings import Listing


@dataclass(frozen=True)
class SourceFile:
    """An object of the source; `path` is below the source's prefix, and `stamp` is its ETag and size."""

    path: str
    stamp: str
    modified: datetime

    @property
    def folder(self) -> str:
        """The run that it belongs to; "" for a file beside the runs."""
        return self.path.partition("/")[0] if "/" in self.path else ""


@dataclass(frozen=True)
class Plan:
    """What an execution copies: `paths`; and what will have been copied then."""

    paths: list[str]
    listing: Listing


def make_plan(services: Services, copied: Listing) -> Plan:
    """Return what to copy of the source bucket, given what was copied.

    A run that is still written is left for later: its folder must not have changed for `transfer_quiet` minutes, so
    that an execution brings whole runs, and not files that are about to be replaced.
    """
    files = [file for file in list_source(services) if is_wanted(file.path, services.settings.transfer_excludes)]
    since = clock.utc_now() - timedelta(minutes=services.settings.transfer_quiet)
    busy = {file.folder for file in files if file.modified > since}
    stable = {file.path: file.stamp for file in files if file.folder not in busy}
    kept = {file.path: copied[file.path] for file in files if file.folder in busy and file.path in copied}
    fresh = sorted(path for path, stamp in stable.items() if copied.get(path) != stamp)
    return Plan(fresh, stable | kept)


def list_source(services: Services) -> Iterator[SourceFile]:
    """Yield the objects below the source's prefix. Markers of folders are no files."""
    bucket, _, folder = services.settings.transfer_source.partition("/")
    prefix = f"{folder.rstrip('/')}/" if folder else ""
    pages = services.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:
        for item in page.get("Contents", []):
            path = item["Key"].removeprefix(prefix)
            if path and not path.endswith("/"):
                stamp = f"{item['ETag'].strip(chr(34))}:{item['Size']}"
                yield SourceFile(path, stamp, item["LastModified"])


def is_wanted(path: str, excludes: str) -> bool:
    """Return False if one of DataSync's patterns excludes a file, or a folder that it is in."""
    parts = f"/{path}".split("/")
    places = ["/".join(parts[:end]) for end in range(2, len(parts) + 1)]
    return not any(pattern.fullmatch(place) for pattern in _compile(excludes) for place in places)


@cache
def _compile(excludes: str) -> list[re.Pattern[str]]:
    patterns = [pattern for pattern in excludes.split("|") if pattern]
    return [re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL) for pattern in patterns]
