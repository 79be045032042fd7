"""The id that a lab's information system gave to a dropped object: its tag, or its user metadata, `lims-id`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from seqdrop.aws.errors import is_missing

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

    from seqdrop.uploads import UploadVersion

NAME = "lims-id"
LONGEST = 256  # of a tag's value


def read_lims_id(s3: S3Client, version: UploadVersion) -> str:
    """Return the id of an object version; "" if it has none, or is gone. The tag counts before the metadata."""
    place = {"Bucket": version.bucket, "Key": version.key}
    if version.version_id != "null":
        place["VersionId"] = version.version_id
    try:
        tags = s3.get_object_tagging(**place)["TagSet"]  # type: ignore[arg-type] # a dict of parameters
        tag = next((tag["Value"] for tag in tags if tag["Key"] == NAME), "")
        text = tag or s3.head_object(**place)["Metadata"].get(NAME, "")  # type: ignore[arg-type]
    except ClientError as error:
        if is_missing(error):
            return ""
        raise
    return text.strip()[:LONGEST]
