"""What of a source bucket was copied already: a list of its files with their ETags and sizes.

Seqdrop empties the landing bucket, so DataSync finds there nothing to compare with, and would copy everything at each
execution. Therefore each execution gets a manifest of the files that the list lacks. Beside the manifest lies the list
as it will be; it takes effect when the execution has succeeded.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from typing import TYPE_CHECKING

from seqdrop.aws import keys
from seqdrop.aws.datasync import execution_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seqdrop.aws.datasync import ExecutionDescription
    from seqdrop.runtime.services import Services

Listing = dict[str, str]
"""{path below the source: ETag and size}."""
ID_LENGTH = 16


def read_listing(services: Services) -> Listing:
    """Return what was copied; nothing before the first execution."""
    return _read(services, services.settings.results, keys.transferred(_task(services))) or {}


def write_plan(services: Services, listing: Listing, paths: Iterable[str]) -> str:
    """Write the manifest of these files, and the listing beside it; return the manifest's key in the work bucket."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([path] for path in paths)
    manifest = text.getvalue().encode()
    key = keys.transfer_manifest(_task(services), hashlib.sha256(manifest).hexdigest()[:ID_LENGTH])
    work = services.settings.work
    services.s3.put_object(Bucket=work, Key=keys.transfer_listing(key), Body=_pack(listing))
    services.s3.put_object(Bucket=work, Key=key, Body=manifest, ContentType="text/csv")
    return key


def commit_listing(services: Services, execution: ExecutionDescription) -> None:
    """Let the listing of an execution take effect. One without a manifest of Seqdrop has none, and changes nothing."""
    place = execution.get("ManifestConfig", {}).get("Source", {}).get("S3", {})
    manifest = str(place.get("ManifestObjectPath", ""))
    if not manifest.startswith(keys.transfers(_task(services))):
        return
    listing = _read(services, services.settings.work, keys.transfer_listing(manifest))
    if listing is not None:  # it expires in the work bucket
        target = keys.transferred(_task(services))
        services.s3.put_object(Bucket=services.settings.results, Key=target, Body=_pack(listing))


def _task(services: Services) -> str:
    return execution_id(services.settings.transfer_task)


def _pack(listing: Listing) -> bytes:
    return gzip.compress(json.dumps(listing, ensure_ascii=False).encode(), compresslevel=6, mtime=0)


def _read(services: Services, bucket: str, key: str) -> Listing | None:
    body = services.find_bytes(bucket, key)
    return None if body is None else json.loads(gzip.decompress(body))
