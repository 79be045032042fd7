"""The copy of an archived file that is in a bundle: its upload's `archive_key` is that of a tar (stages/bundle).

The tar is compared with what the receipt says of it. If the receipt is lost, the index in the results bucket says where
the file is; the index has the SHA-256 of each file, and the version id and CRC32 of the tar are then those of today.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from seqdrop.archive.storage_classes import DEEP_ARCHIVE
from seqdrop.aws import keys
from seqdrop.aws.crc32 import decode_crc32
from seqdrop.aws.errors import is_missing
from seqdrop.errors import ArchiveMismatchError
from seqdrop.runs.bundle_index import read_index
from seqdrop.stages.archive.cold_copy import archive_key
from seqdrop.stages.archive.receipts import read_receipt

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef

    from seqdrop.archive.receipt import VerifiedCopy
    from seqdrop.ledger.records import Upload
    from seqdrop.runs.bundle_index import Entry
    from seqdrop.runtime.services import Services


def is_bundled(upload: Upload) -> bool:
    """Return True if the copy of an archived upload is in a bundle."""
    return upload.archive_key not in ("", archive_key(upload))


def head_bundle(services: Services, key: str) -> HeadObjectOutputTypeDef | None:
    """Return what S3 says of a bundle's tar, with its checksum; None if there is none."""
    try:
        return services.s3.head_object(Bucket=services.settings.archive, Key=key, ChecksumMode="ENABLED")
    except ClientError as error:
        if is_missing(error):
            return None
        raise


def find_bundled_copy(services: Services, upload: Upload) -> VerifiedCopy | None:
    """Return the copy of an upload whose receipt is lost, from the index of its bundle; None if tar or index are gone.

    Raise ArchiveMismatchError if the index has other bytes for the file, or S3 has no CRC32 of the tar.
    """
    head, entry = head_bundle(services, upload.archive_key), _find_entry(services, upload)
    if head is None or entry is None:
        return None
    if (entry.size, entry.sha256) != (upload.size, upload.sha256) or "ChecksumCRC32" not in head:
        raise ArchiveMismatchError("the index of its bundle, or the bundle, differs from the validated object")
    return {
        "size": upload.size,
        "sha256": upload.sha256,
        "storage_class": head.get("StorageClass", DEEP_ARCHIVE),
        "bucket": services.settings.archive,
        "key": upload.archive_key,
        "version_id": head.get("VersionId"),
        "bundle": {
            "name": entry.name,
            "offset": entry.offset,
            "size": head["ContentLength"],
            "crc32": f"{decode_crc32(head['ChecksumCRC32']):08x}",
            "index": keys.bundle_index(upload.archive_key),
        },
    }


def list_bundle_differences(copy: VerifiedCopy, head: HeadObjectOutputTypeDef) -> list[str]:
    """Return the names of what differs between a bundle's tar and what a receipt says of it."""
    bundle = copy["bundle"]
    recorded = (bundle["size"], copy["storage_class"], bundle["crc32"], copy["version_id"])
    checksum = head.get("ChecksumCRC32")
    crc32 = f"{decode_crc32(checksum):08x}" if checksum else ""
    actual = (head["ContentLength"], head.get("StorageClass", "STANDARD"), crc32, head.get("VersionId"))
    names = ("size", "storage_class", "crc32", "version_id")
    return [name for name, was, now in zip(names, recorded, actual, strict=True) if was != now]


def read_bundled_copy(services: Services, upload: Upload) -> VerifiedCopy | None:
    """Return the copy of a bundled upload from its receipt; from the index of its bundle if the receipt is lost."""
    receipt = read_receipt(services.s3, services.settings.results, upload.id)
    return receipt["archive"] if receipt else find_bundled_copy(services, upload)


def _find_entry(services: Services, upload: Upload) -> Entry | None:
    key = keys.bundle_index(upload.archive_key)
    try:
        body = services.s3.get_object(Bucket=services.settings.results, Key=key)["Body"].read()
    except ClientError as error:
        if is_missing(error):
            return None
        raise
    folder = posixpath.dirname(posixpath.dirname(upload.archive_key))
    return read_index(body, key).by_name.get(upload.key.removeprefix(f"{folder}/"))
