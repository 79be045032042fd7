"""Writes of small objects and of parts, for a third of boto3's CPU time (seqdrop/aws/direct_requests.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from seqdrop.aws.direct_requests import UNSIGNED, DirectRequests

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST_OBJECT = 1 << 20  # bytes; larger ones, and parts, wait for S3's permission, as with boto3
PERMISSION = {"Expect": "100-continue"}


class DirectWrites(DirectRequests):
    """The writes of one client to one bucket. Threads may share an object."""

    def write(self, key: str, body: bytes, sha256: str, headers: Mapping[str, str]) -> Mapping[str, str] | None:
        """Write an object; return the headers of the response, or None if boto3 is to make the request.

        Raise the BotoCoreError of a failed connection.
        """
        return None if len(body) > LARGEST_OBJECT else self._put(key, "", body, sha256, headers)

    def write_part(self, key: str, multipart: str, number: int, body: bytes, crc32: str) -> Mapping[str, str] | None:
        """Write a part of a multipart upload; return and raise as `write` does. `crc32` is base64."""
        query = f"?uploadId={quote(multipart, safe='-_.~')}&partNumber={number}"
        return self._put(key, query, body, UNSIGNED, {"x-amz-checksum-crc32": crc32, **PERMISSION})

    def _put(
        self, key: str, query: str, body: bytes, sha256: str, headers: Mapping[str, str]
    ) -> Mapping[str, str] | None:
        response = self.send("PUT", key, query, body, sha256, headers)
        return cast("Mapping[str, str]", response.headers) if response else None
