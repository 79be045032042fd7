"""The download of restored raw data: from whole objects or ranges of bundles, in parallel, and checked.

A file gets its name only when its SHA-256 is that of its receipt. Until then it is `.NAME.seqdrop-part`, with a list of
the blocks that are complete, so that an interrupted download continues.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError, ResponseStreamingError
from seqdrop.aws.errors import is_archived
from seqdrop.stages.restore.objects import read_status

from seqdrop_cli.console import note, say, show_status
from seqdrop_cli.errors import CommandError
from seqdrop_cli.restores import find_plan, price_text, restoring_services
from seqdrop_cli.results import local_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mypy_boto3_s3.client import S3Client
    from seqdrop.archive.restore_plan import Plan, PlannedFile
    from seqdrop.runtime.services import Services

    from seqdrop_cli.target import Target

BLOCK = 16 << 20  # bytes of one request
CHUNK = 1 << 20  # bytes in memory at a time, for each thread
PARALLEL = 8  # requests at the same time
TRIES = 5
BROKEN = (HTTPClientError, IncompleteReadError, ResponseStreamingError)


@dataclass(frozen=True)
class Download:
    """A file that is downloaded to `path`."""

    file: PlannedFile
    path: Path

    @property
    def part(self) -> Path:
        """The file that gets the bytes."""
        return self.path.with_name(f".{self.path.name}.seqdrop-part")

    @property
    def list(self) -> Path:
        """The list of the blocks that are complete."""
        return self.path.with_name(f".{self.path.name}.seqdrop-blocks")

    @property
    def blocks(self) -> Iterator[tuple[int, int]]:
        """The first byte and the size of each block; both within the file."""
        for first in range(0, self.file.size, BLOCK):
            yield first, min(BLOCK, self.file.size - first)


def fetch_raw(target: Target, what: str, folder: Path, *, unpack: bool) -> int:
    """Download the raw data that a text names, print the paths, and return the exit status.

    Raise CommandError, with the price of a restore, if some of it is not readable. `unpack` also writes the files of
    bundles that an uploader made (docs/bundles.md) beside them.
    """
    services = restoring_services(target)
    with show_status("reading the ledger"):
        plan, _ = find_plan(services, what)
    with show_status("asking S3 what is restored"):
        _check_readable(services, plan, what)
    downloads = [Download(file, local_folder(folder, file.key)) for file in plan.files]
    faults = 0
    for download in downloads:
        with show_status(download.path.name):
            fault = _fetch(services.s3, download)
        if fault:
            faults += 1
            note(fault)
            continue
        say(str(download.path))
        if unpack:
            _unpack(download.path)
    return 1 if faults else 0


def _check_readable(services: Services, plan: Plan, what: str) -> None:
    archived = [item for item in plan.objects if item.needs_restore]
    with ThreadPoolExecutor(PARALLEL) as threads:
        statuses = list(threads.map(partial(read_status, services), archived))
    missing = [status for status in statuses if not (status.until or status.is_readable)]
    if not missing:
        return
    ongoing = sum(status.is_ongoing for status in missing)
    state = f"{len(missing)} of {len(plan.objects)} archive objects are not restored"
    if ongoing:
        state += f"; {ongoing} of them will be: `seqdrop restore --status` says when"
    raise CommandError(f"{state}. {price_text(services, plan)} To restore them:\n  seqdrop restore {what}")


def _fetch(s3: S3Client, download: Download) -> str:
    """Download a file; return what is wrong with it, "" if nothing is."""
    if download.path.is_file() and _hash(download.path) == download.file.sha256:
        return ""
    download.path.parent.mkdir(parents=True, exist_ok=True)
    _get_blocks(s3, download)
    digest = _hash(download.part)
    download.list.unlink(missing_ok=True)
    if download.file.sha256 and digest != download.file.sha256:
        download.part.unlink()
        return (
            f"{download.file.key}: its SHA-256 is {digest}, and its receipt says {download.file.sha256}; it was not "
            "kept. Repeat the command; if it happens again, the archived copy is damaged"
        )
    download.part.replace(download.path)
    return ""


def _get_blocks(s3: S3Client, download: Download) -> None:
    """Write the blocks that are missing to the part file."""
    there = _read_list(download)
    with download.part.open("ab") as part:
        part.truncate(download.file.size)
    with download.list.open("a") as blocks:
        lock = Lock()

        def get(block: tuple[int, int]) -> None:
            _get_block(s3, download, *block)
            with lock:
                blocks.write(f"{block[0]}\n")
                blocks.flush()

        with ThreadPoolExecutor(PARALLEL) as threads:
            list(threads.map(get, (block for block in download.blocks if block[0] not in there)))


def _read_list(download: Download) -> set[int]:
    """Return the first bytes of the blocks that an earlier download completed."""
    if not (download.part.exists() and download.list.exists()):
        download.list.unlink(missing_ok=True)
        return set()
    return {int(line) for line in download.list.read_text().split("\n") if line.isdecimal()}


def _get_block(s3: S3Client, download: Download, first: int, size: int) -> None:
    """Read one block of a file, and write it at its place; try again if the connection breaks."""
    file = download.file
    start = file.offset + first
    for count in range(TRIES):
        try:
            response = s3.get_object(**file.object.version, Range=f"bytes={start}-{start + size - 1}")
            with closing(response["Body"]) as body, download.part.open("r+b") as part:
                part.seek(first)
                if sum(map(part.write, body.iter_chunks(CHUNK))) == size:
                    return
        except ClientError as error:
            if is_archived(error):
                raise CommandError(
                    f"the temporary copy of {file.key} expired; restore it again, and repeat the command"
                ) from error
            raise
        except BROKEN:
            if count == TRIES - 1:
                raise
    raise CommandError(f"S3 returned too few bytes of {file.key}; repeat the command")


def _hash(path: Path) -> str:
    digest: Any = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return str(digest.hexdigest())


def _unpack(path: Path) -> None:
    """Write the files of a bundle beside its tar, and print their paths; do nothing for other files."""
    from seqdrop_cli.unpacking import unpack_bundle

    for unpacked in unpack_bundle(path):
        say(str(unpacked))
