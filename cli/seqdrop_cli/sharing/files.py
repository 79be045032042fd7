"""The files of a package: results of each upload with their SHA-256, and raw data that can be read now."""

from __future__ import annotations

import hashlib
import posixpath
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seqdrop.archive.restore_plan import PlannedFile
from seqdrop.stages.archive.receipts import read_receipt
from seqdrop.stages.restore.objects import parse_restore

from seqdrop_cli.errors import CommandError
from seqdrop_cli.results import list_all
from seqdrop_cli.status_view import landed_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_s3.client import S3Client

    from seqdrop_cli.progress import Progress
    from seqdrop_cli.results import ResultFile
    from seqdrop_cli.target import Target

PARALLEL = 8  # requests at the same time
CHUNK = 1 << 20
LEFT_OUT = "multiqc/"  # figures for a program, which are also on the report's page
RAW = "raw data"


@dataclass(frozen=True)
class SharedFile:
    """An object that is shared. `until` is when its temporary copy expires; "" if it does not.

    `place` are the parameters of S3 that name it.
    """

    name: str
    size: int
    sha256: str
    place: dict[str, str]
    until: str = ""
    is_raw: bool = False


@dataclass(frozen=True)
class Package:
    """What is shared of one upload. `missing` says why its raw data are not among the files; "" if they are."""

    upload: str
    key: str
    landed: str
    state: str
    files: list[SharedFile] = field(default_factory=list)
    missing: str = ""


@dataclass(frozen=True)
class RawData:
    """The raw data of an upload: a file that can be read, or why there is none.

    `needs_restore` says that a restore would help; `is_ongoing` that it was requested.
    """

    file: SharedFile | None = None
    missing: str = ""
    needs_restore: bool = False
    is_ongoing: bool = False


def collect(target: Target, uploads: Sequence[Progress], what: str, *, with_raw: bool) -> list[Package]:
    """Return a package for each upload. Raise CommandError if raw data are wanted that must be restored before."""
    s3 = target.client("s3")
    with ThreadPoolExecutor(PARALLEL) as threads:
        raw = list(threads.map(lambda upload: find_raw(target, s3, upload), uploads)) if with_raw else []
        _require_restored(raw, what)
        listed = list_all(target, uploads)
        jobs = [(number, file) for number, files in enumerate(listed) for file in files if _is_for_people(file)]
        results = list(threads.map(lambda job: (job[0], _as_shared(s3, target.results, job[1])), jobs))
    packages = []
    for number, upload in enumerate(uploads):
        own = raw[number] if with_raw else RawData(missing="left out")
        files = [file for place, file in results if place == number] + ([own.file] if own.file else [])
        packages.append(Package(upload.upload_id, upload.key, landed_at(upload), upload.state, files, own.missing))
    return packages


def _is_for_people(file: ResultFile) -> bool:
    return not file.name.startswith(LEFT_OUT)


def _as_shared(s3: S3Client, bucket: str, file: ResultFile) -> SharedFile:
    return SharedFile(file.name, file.size, _hash(s3, bucket, file.key), {"Bucket": bucket, "Key": file.key})


def _hash(s3: S3Client, bucket: str, key: str) -> str:
    digest = hashlib.sha256()
    with closing(s3.get_object(Bucket=bucket, Key=key)["Body"]) as body:
        for chunk in body.iter_chunks(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


# -- raw data --


def find_raw(target: Target, s3: S3Client, progress: Progress) -> RawData:
    """Return the raw data of an upload. The SHA-256 is that of its receipt."""
    upload = progress.upload
    owner = upload.duplicate_of if upload and upload.state == "DUPLICATE" else progress.upload_id
    if upload is None or upload.state not in ("ARCHIVED", "DUPLICATE"):
        return RawData(missing=f"not archived ({progress.state})")
    receipt = read_receipt(s3, target.results, owner)
    if receipt is None:
        return RawData(missing="its receipt is missing; the reconciler writes it again within the hour")
    file = PlannedFile.of_receipt(receipt)
    if file.is_bundled or "bundle" in receipt["archive"]:
        return RawData(missing="in a bundle with other files, so there is no link to it alone")
    head = s3.head_object(**file.object.version)
    status = parse_restore(head.get("Restore", ""), head.get("StorageClass", "STANDARD"))
    if not (status.until or status.is_readable):
        return RawData(missing="in the archive", needs_restore=True, is_ongoing=status.is_ongoing)
    place = {name: str(value) for name, value in file.object.version.items()}
    name = posixpath.basename(progress.key)
    return RawData(SharedFile(name, file.size, file.sha256, place, status.until, is_raw=True))


def _require_restored(raw: Sequence[RawData], what: str) -> None:
    """Raise CommandError, which names the commands, if some raw data must be restored before they can be read."""
    archived = [item for item in raw if item.needs_restore]
    if not archived:
        return
    ongoing = sum(item.is_ongoing for item in archived)
    wait = f", {ongoing} of them are being restored (`seqdrop restore --status`)" if ongoing else ""
    raise CommandError(
        f"the raw data of {len(archived)} of {len(raw)} files are in the archive and must be restored first{wait}. "
        f"To see the price, and restore them for as long as the links work:\n  seqdrop restore {what} --days 7\n"
        "To share the results without the raw data, repeat the command with --no-raw"
    )
