"""Annotations of archived objects: named texts that S3 stores beside an object, up to 1,000 of them with 1 MiB each.

CopyObject copies them (AnnotationDirective is COPY by default), but a multipart upload does not. They are therefore
copied one by one after a copy in parts, before the receipt is written and the original is deleted.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from seqdrop.aws import multipart
from seqdrop.aws.errors import is_missing

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

    from seqdrop.archive.receipt import VerifiedCopy
    from seqdrop.ledger.records import Upload

PARALLEL = 10  # annotations that are copied at the same time: the size of a client's connection pool
UNKNOWN = "not copied: the version of boto3 in this Lambda runtime does not know annotations"


def carry_annotations(s3: S3Client, upload: Upload, copy: VerifiedCopy) -> VerifiedCopy:
    """Return the copy with `annotations`, after copying those of the original to a copy that was made in parts.

    A copy in one call has them already, and is returned as it is. This may be repeated, also after the original was
    deleted. If the SDK is too old for annotations, `annotations` says so.
    """
    if not multipart.needs_multipart(upload.size):
        return copy
    if not hasattr(s3, "list_object_annotations"):
        return {**copy, "annotations": UNKNOWN}
    with ThreadPoolExecutor(PARALLEL) as threads:
        list(threads.map(partial(_carry, s3, upload, copy), _list_names(s3, *_original(upload))))
    names = _list_names(s3, copy["bucket"], copy["key"], copy["version_id"] or "null")
    return {**copy, "annotations": names} if names else copy


def _original(upload: Upload) -> tuple[str, str, str]:
    return upload.bucket, upload.key, upload.version_id


def _list_names(s3: S3Client, bucket: str, key: str, version_id: str) -> list[str]:
    """Return the names of an object version's annotations; none if the version was deleted."""
    pages = s3.get_paginator("list_object_annotations").paginate(Bucket=bucket, Key=key, VersionId=version_id)
    try:
        return [entry["AnnotationName"] for page in pages for entry in page.get("Annotations", [])]
    except ClientError as error:
        if is_missing(error):
            return []
        raise


def _carry(s3: S3Client, upload: Upload, copy: VerifiedCopy, name: str) -> None:
    """Copy one annotation. An annotation of this name that the copy has already is replaced."""
    bucket, key, version_id = _original(upload)
    response = s3.get_object_annotation(Bucket=bucket, Key=key, VersionId=version_id, AnnotationName=name)
    with closing(response["AnnotationPayload"]) as body:
        payload = body.read()
    s3.put_object_annotation(
        Bucket=copy["bucket"],
        Key=copy["key"],
        VersionId=copy["version_id"] or "null",
        AnnotationName=name,
        AnnotationPayload=payload,
    )
