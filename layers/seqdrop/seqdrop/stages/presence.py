"""Whether the landing bucket still has what the ledger speaks of."""

from __future__ import annotations

from botocore.exceptions import ClientError

from seqdrop.archive import GONE
from seqdrop.ledger.records import Upload
from seqdrop.services import Services


def is_gone(services: Services, upload: Upload) -> bool:
    """Whether the upload was deleted: its very version, or its key by a delete marker, which leaves the version.

    A version that a newer one replaced is not gone: each is an upload of its own.
    """
    return not _is_there(services, upload, VersionId=upload.version_id) or not _is_there(services, upload)


def _is_there(services: Services, upload: Upload, **version: str) -> bool:
    try:
        services.s3.head_object(Bucket=upload.bucket, Key=upload.key, **version)
    except ClientError as error:
        if error.response["Error"]["Code"] in GONE:
            return False
        raise
    return True
