"""User metadata, tags and headers of an object, as far as a response of GetObject tells: no request of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

OWN = "seqdrop-"  # user metadata that Seqdrop itself sets, and that has no use in the archive
HEADERS = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage")


def has_labels(response: GetObjectOutputTypeDef) -> bool:
    """Return True if an object has user metadata, tags, or a header that says how to read it.

    The content type does not count: S3 and its clients give every object one. S3 tells the number of tags only if the
    caller may read them (s3:GetObjectVersionTagging). It does not tell of annotations.
    """
    metadata = response.get("Metadata", {})
    return (
        response.get("TagCount", 0) > 0
        or any(not name.startswith(OWN) for name in metadata)
        or any(response.get(header) for header in HEADERS)
    )
