"""The record of what was shared: `shares/<share id>/share.json` in the results bucket. It has no links."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from seqdrop import clock
from seqdrop.aws import keys
from seqdrop.runtime.services import format_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3.client import S3Client

RECORD, PAGE = "share.json", "index.html"
VERSION = 1


@dataclass(frozen=True)
class Share:
    """Who shared what, when, for whom, and until when. Times are ISO 8601 in UTC.

    `limit` says why the links end earlier than asked. `files` have upload, key, name, size, sha256 and address.
    """

    share: str
    by: str
    at: str
    until: str
    days: int
    what: str
    recipient: str
    limit: str
    with_raw: bool
    files: list[dict[str, Any]]
    share_version: int = VERSION

    @property
    def is_over(self) -> bool:
        """Whether the links have expired."""
        return datetime.fromisoformat(self.until) <= clock.utc_now()


def make_id() -> str:
    """Return a new id of a share, which begins with the date: s20261201-1a2b3c."""
    return f"s{clock.utc_now():%Y%m%d}-{secrets.token_hex(3)}"


def write_record(s3: S3Client, bucket: str, share: Share) -> None:
    """Write the record of a share; it must not exist yet."""
    key = keys.share(share.share, RECORD)
    body = format_json(asdict(share))
    s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json", IfNoneMatch="*")


def write_page(s3: S3Client, bucket: str, share_id: str, page: str) -> str:
    """Write the page of a share; return its key."""
    key = keys.share(share_id, PAGE)
    s3.put_object(Bucket=bucket, Key=key, Body=page.encode(), ContentType="text/html; charset=utf-8")
    return key


def list_shares(s3: S3Client, bucket: str) -> Iterator[Share]:
    """Yield all shares, the oldest first."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=keys.SHARES)
    names = (item["Key"] for page in pages for item in page.get("Contents", []))
    shares = [_read(s3, bucket, name) for name in names if name.endswith(f"/{RECORD}")]
    yield from sorted(shares, key=lambda share: share.at)


def _read(s3: S3Client, bucket: str, key: str) -> Share:
    content = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    known = {name: value for name, value in content.items() if name in Share.__dataclass_fields__}
    return Share(**known)
