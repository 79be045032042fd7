"""Reads of many small objects of one bucket, whole and by version, for a fraction of boto3's CPU time."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from botocore.exceptions import BotoCoreError

from seqdrop.aws.direct_requests import DirectRequests
from seqdrop.aws.labels import has_labels, names_labels

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

EMPTY = hashlib.sha256(b"").hexdigest()


class Content(NamedTuple):
    """The bytes of an object version. `has_labels` says whether it has user metadata or tags (labels.py)."""

    body: bytes
    has_labels: bool


class DirectReads:
    """The reads of one client from one bucket. Threads may share an object."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3, self._bucket = s3, bucket
        self._requests = DirectRequests(s3)

    def read(self, key: str, version_id: str) -> Content:
        """Return an object version. Raise the ClientError of S3 if it refuses that.

        boto3 makes the first request, and repeats each that did not succeed at once, with its own retries.
        """
        content = self._read_at_once(key, version_id) if self._requests.is_ready else None
        return content or self._read_with_boto3(key, version_id)

    def _read_at_once(self, key: str, version_id: str) -> Content | None:
        query = f"?versionId={quote(version_id, safe='-_.~')}"
        try:
            response = self._requests.send("GET", key, query, b"", EMPTY, {})
            return Content(response.content, names_labels(response.headers)) if response else None
        except BotoCoreError:
            return None

    def _read_with_boto3(self, key: str, version_id: str) -> Content:
        with self._requests.learning(key):
            response = self._s3.get_object(Bucket=self._bucket, Key=key, VersionId=version_id)
        with response["Body"] as body:
            return Content(body.read(), has_labels(response))
