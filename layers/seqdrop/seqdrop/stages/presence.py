"""Whether S3 still has what the ledger speaks of."""

from __future__ import annotations

from botocore.exceptions import ClientError

from seqdrop.archive import GONE
from seqdrop.ledger.records import Upload
from seqdrop.services import Services


def is_gone(services: Services, upload: Upload) -> bool:
    """Whether the upload's very version was deleted."""
    try:
        services.s3.head_object(Bucket=upload.bucket, Key=upload.key, VersionId=upload.version_id)
    except ClientError as error:
        if error.response["Error"]["Code"] in GONE:
            return True
        raise
    return False
